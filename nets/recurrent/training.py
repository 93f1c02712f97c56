"""Training of recurrent units, all models at once: gradients written out, Keras's Adam.

The published loop spends its time on bookkeeping. Here a batch of a group of models is a handful of
calls of compiled functions (`cells`), autograd sees at most the outputs, and the optimiser is one
pass over one vector. Groups are small enough for weights, moments and states to stay in the
processor's cache; models are independent, so groups change nothing.

Conventions: the loss of a batch is one number a model, and each model follows its own. Batches come
in order, without shuffling, the last one smaller. Adam is Keras's: its eps counts beside the root
of the second moment as it is, where torch's counts beside the corrected one.

References: Kingma and Ba (2015), Adam, the algorithm before its section 2.1 ends
(``epsilon hat``); `keras.optimizers.Adam`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import torch

from spdkit.nets.recurrent.cells import one_thread
from spdkit.nets.recurrent.passes import TOGETHER, Pass, Weights
from spdkit.nets.recurrent.steps import absolute_error, adam
from spdkit.nets.recurrent.unit import RecurrentUnit, by_steps
from spdkit.nets.training import DivergedError

GroupedLoss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
Progress = Callable[[int, int], None]

_EPSILON, _BETA_1, _BETA_2 = 1e-7, 0.9, 0.999  # Keras's


@dataclass(frozen=True)
class Trained:
    """Models after training.

    Attributes
    ----------
    weights : dict from str to tensor
        See `spdkit.nets.recurrent.unit`.
    losses : tensor, shape (epochs, M)
        Mean over each epoch's rows, while the weights changed.
    """

    weights: Weights
    losses: torch.Tensor


@torch.no_grad()
def train(
    unit: RecurrentUnit,
    x: torch.Tensor,
    y: torch.Tensor,
    *,
    seeds: Sequence[int] | None = None,
    initial: Mapping[str, torch.Tensor] | None = None,
    epochs: int = 200,
    batch_size: int = 32,
    loss: Literal["mae"] | GroupedLoss = "mae",
    learning_rate: float = 1e-3,
    on_epoch: Progress | None = None,
) -> Trained:
    """Train M models on rows of their own.

    Parameters
    ----------
    unit : RecurrentUnit
    x : tensor, shape (M, n_rows, p, n_features)
        float32 or float64: the dtype of everything.
    y : tensor, shape (M, n_rows, q, n_outputs)
        With a loss of one's own, (M, n_rows, ...), whatever that takes: it may hold weights or
        scales besides.
    seeds : sequence of int
        One a model, of its initial weights.
    initial : mapping from str to tensor, optional
        Weights to begin with, instead of seeds.
    epochs : int
    batch_size : int
    loss : {"mae"} or callable
        From outputs (m, B, q, n_outputs) and the same rows of `y` to one number for each of some m
        models, shape (m,), by operations that autograd knows.
    learning_rate : float
    on_epoch : callable, optional
        Called with numbers of epochs done and in all, counted over groups of models.

    Raises
    ------
    ValueError
        When shapes, dtypes or numbers do not fit, or values are not finite, saying which.
    DivergedError
        When a loss is no finite number, naming models and epoch.
    """
    if (seeds is None) == (initial is None):
        raise ValueError("give either seeds or initial weights")
    if min(epochs, batch_size) < 1 or not 0 < learning_rate < math.inf:
        raise ValueError(
            "epochs and batch_size must be at least 1 and learning_rate positive, got "
            f"{epochs}, {batch_size} and {learning_rate}"
        )
    _check_rows(unit, x, y, loss)
    if initial is None:
        initial = unit.initial(seeds or (), x.dtype)
    unit.check(initial, x)
    weights = {name: initial[name].clone() for name in unit.shapes()}
    losses = x.new_empty(epochs, len(x))
    starts = range(0, len(x), TOGETHER)
    with one_thread():
        for number, start in enumerate(starts):
            models = slice(start, start + TOGETHER)
            group = _Group(unit, {name: each[models] for name, each in weights.items()}, loss)
            batches = [
                (
                    by_steps(x[models, i : i + batch_size]),
                    y[models, i : i + batch_size].contiguous(),
                )
                for i in range(0, x.shape[1], batch_size)
            ]
            for epoch in range(epochs):
                losses[epoch, models] = group.epoch(batches, learning_rate)
                _check_finite(losses[epoch, models], start, epoch + 1)
                if on_epoch is not None:
                    on_epoch(number * epochs + epoch + 1, len(starts) * epochs)
            for name, each in group.weights.items():
                weights[name][models] = each
    return Trained(weights, losses)


@torch.no_grad()
def gradient(
    unit: RecurrentUnit,
    weights: Mapping[str, torch.Tensor],
    x: torch.Tensor,
    y: torch.Tensor,
    loss: Literal["mae"] | GroupedLoss = "mae",
) -> tuple[torch.Tensor, Weights]:
    """Loss of each model over all rows, shape (M,), and its gradient by the weights.

    See `train` for the arguments.
    """
    unit.check(weights, x)
    _check_rows(unit, x, y, loss)
    with one_thread():
        group = _Group(unit, weights, loss)
        value = group.differentiate(by_steps(x), y.detach().contiguous())
    return value, {name: group.gradients[name].clone() for name in unit.shapes()}


class _Group:
    """Models that are trained together, with their weights and moments each in one piece."""

    def __init__(
        self,
        unit: RecurrentUnit,
        weights: Mapping[str, torch.Tensor],
        loss: Literal["mae"] | GroupedLoss,
    ) -> None:
        self.unit, self.loss = unit, loss
        names = list(unit.shapes())
        parts = [weights[name].flatten() for name in names]
        whole = torch.cat(parts)
        slope = torch.zeros_like(whole)
        sizes = [each.numel() for each in parts]
        self.weights, self.gradients = (
            {
                name: piece.view_as(weights[name])
                for name, piece in zip(names, vector.split(sizes), strict=True)
            }
            for vector in (whole, slope)
        )
        vectors = (whole, slope, torch.zeros_like(whole), torch.zeros_like(whole))
        self.vectors = [each.numpy() for each in vectors]
        numbers = [_EPSILON, _BETA_1, 1 - _BETA_1, _BETA_2, 1 - _BETA_2]
        self.numbers = torch.tensor(numbers, dtype=whole.dtype).numpy()
        self.step = 0
        self.passes: dict[int, Pass] = {}

    def epoch(
        self, batches: Sequence[tuple[torch.Tensor, torch.Tensor]], learning_rate: float
    ) -> torch.Tensor:
        """Take a step for each batch; the mean loss of the rows, shape (m,)."""
        total, n_rows = torch.zeros_like(self.weights["layer1.bias"][:, 0, 0]), 0
        for x, y in batches:
            total += self.differentiate(x, y) * x.shape[2]
            n_rows += x.shape[2]
            self.step += 1
            rate = learning_rate * math.sqrt(1 - _BETA_2**self.step) / (1 - _BETA_1**self.step)
            adam(*self.vectors, self.numbers.dtype.type(rate), self.numbers)
        return total / n_rows

    def differentiate(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """Set the gradients; the loss of each model."""
        n_rows = x.shape[2]
        if n_rows not in self.passes:
            self.passes[n_rows] = Pass(self.unit.layers, self.weights, self.gradients, x.shape[1:3])
        output = self.passes[n_rows].forward(x)
        if self.loss == "mae":
            value, slope = output.new_empty(len(output)), torch.empty_like(output)
            arrays = [each.numpy() for each in (output, y, value, slope)]
            absolute_error(*arrays)
        else:
            value, slope = _loss_gradient(self.loss, output, y)
        self.passes[n_rows].backward(slope)
        return value


def _loss_gradient(
    loss: GroupedLoss, output: torch.Tensor, y: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    with torch.enable_grad():
        output = output.detach().requires_grad_()
        value = loss(output, y)
        if value.shape != (len(output),):
            raise ValueError(
                f"a loss must be one number a model, shape {(len(output),)}, got "
                f"{tuple(value.shape)}"
            )
        (slope,) = torch.autograd.grad(value.sum(), output)
    return value.detach(), slope.contiguous()


def _check_rows(
    unit: RecurrentUnit, x: torch.Tensor, y: torch.Tensor, loss: Literal["mae"] | GroupedLoss
) -> None:
    if loss != "mae" and not callable(loss):
        raise ValueError(f'loss must be "mae" or a function, got {loss!r}')
    if x.ndim < 2 or x.shape[1] == 0:
        raise ValueError(f"there must be rows to learn from, got inputs of shape {tuple(x.shape)}")
    if loss == "mae":
        shape = (*x.shape[:2], unit.output_size, unit.n_outputs)
        if tuple(y.shape) != shape or y.dtype != x.dtype:
            raise ValueError(
                f"targets must have shape {shape} and {x.dtype}, got {tuple(y.shape)} and {y.dtype}"
            )
    elif y.shape[:2] != x.shape[:2]:
        raise ValueError(
            f"targets must have a row for each of {tuple(x.shape[:2])}, got {tuple(y.shape)}"
        )
    for name, values in (("inputs", x), ("targets", y)):
        bad = [m for m, each in enumerate(values) if not each.isfinite().all()]
        if bad:
            raise ValueError(f"{name} of models {bad} are not all finite")


def _check_finite(losses: torch.Tensor, first: int, epoch: int) -> None:
    bad = [first + m for m, value in enumerate(losses.tolist()) if not math.isfinite(value)]
    if bad:
        raise DivergedError(
            f"the loss of models {bad} is no finite number in epoch {epoch}: lower learning_rate"
        )
