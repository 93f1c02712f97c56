"""Training loop of every net: batches of tensors on the device, or of rows read when asked for.

Conventions: a loss takes outputs and targets and gives one number a row; rows are averaged, by
their weights where there are any. Early stopping looks at the loss of validation rows, or of the
training rows where there are none, and the weights of the best epoch come back at the end. All
randomness (order of rows, dropout) follows from `seed`.

References: Keras 2.3, for the optimisers' constants; Prechelt (1998), early stopping - but when?
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Literal, Protocol, get_args

import torch
from torch import nn
from torch.nn import functional

Optimizer = Literal["adadelta", "adam", "adamw", "nadam", "sgd"]
OPTIMIZERS: tuple[Optimizer, ...] = get_args(Optimizer)
Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
Callback = Callable[[int, dict[str, float]], None]

_SHARE = 1 << 22  # multiplications of a step, forwards, that occupy a thread of their own
# Keras's constants. Adadelta's rate is 1.0 as in its paper and in Keras before 2.3; Keras 2.3 and
# later has 0.001, with which it hardly moves in 100 epochs.
_OPTIMIZERS: dict[Optimizer, Callable[..., torch.optim.Optimizer]] = {
    "adadelta": partial(torch.optim.Adadelta, lr=1.0, rho=0.95, eps=1e-7),
    "adam": partial(torch.optim.Adam, lr=1e-3, eps=1e-7, fused=True),
    "adamw": partial(torch.optim.AdamW, lr=1e-3, eps=1e-7, fused=True),
    "nadam": partial(torch.optim.NAdam, lr=1e-3, eps=1e-7),
    "sgd": partial(torch.optim.SGD, lr=1e-2, fused=True),
}


class Rows(Protocol):
    """Inputs by row number: a tensor, or what reads these rows into one."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: torch.Tensor | slice, /) -> torch.Tensor: ...


@dataclass(frozen=True)
class Data:
    """Rows to learn from or to look at.

    Attributes
    ----------
    x : tensor or Rows, shape (n_rows, n_inputs)
        Rows that are no tensor are read a batch at a time, and need not fit into memory.
    y : tensor, shape (n_rows, ...)
        On the device of the net.
    weight : tensor or None, shape (n_rows,)
        How much each row counts; all the same when None.
    """

    x: Rows
    y: torch.Tensor
    weight: torch.Tensor | None = None

    def __len__(self) -> int:
        return len(self.x)

    def rows(self, index: torch.Tensor | slice) -> Data:
        """Some of the rows: a copy of those that are numbered, a view of a slice."""
        x = self.x[index].to(self.y.device)
        y = x if self.y is self.x else self.y[index]
        return Data(x, y, None if self.weight is None else self.weight[index])


@dataclass(frozen=True)
class Schedule:
    """How to train.

    Attributes
    ----------
    optimizer : {"adadelta", "adam", "adamw", "nadam", "sgd"}
    learning_rate : float or None
        None is Keras's default of the optimiser (1.0 for Adadelta).
    weight_decay : float
    batch_size : int
        Rows a step.
    max_epochs : int
    patience : int
        Epochs without a better loss after which training ends.
    seed : int
    rows_at_a_time : int
        Validation rows that are in memory together.
    """

    optimizer: Optimizer = "adam"
    learning_rate: float | None = None
    weight_decay: float = 0.0
    batch_size: int = 256
    max_epochs: int = 100
    patience: int = 10
    seed: int = 0
    rows_at_a_time: int = 1024


class DivergedError(ArithmeticError):
    """Training in which the loss became infinite or no number."""


def train(
    net: nn.Module,
    loss: Loss,
    training: Data,
    validation: Data | None,
    schedule: Schedule,
    callback: Callback | None = None,
    rates: Mapping[str, float] | None = None,
) -> list[dict[str, float]]:
    """Fit `net` in place and leave it with the weights of its best epoch, in evaluation mode.

    Parameters
    ----------
    net : Module
        On the device of the data.
    loss : callable
        From outputs and targets to a tensor of shape (n_rows,).
    training : Data
    validation : Data or None
        Decides when to stop. None, or no rows, lets the training loss decide.
    schedule : Schedule
    callback : callable, optional
        Called after each epoch as ``callback(epoch, metrics)``, from epoch 1.
    rates : mapping of str to float, optional
        Parts of the net that learn at another rate, by name, and their share of the learning rate.

    Returns
    -------
    list of dict
        An epoch each: ``loss`` (mean over the epoch's batches, as the weights changed) and, with
        validation rows, ``val_loss`` (after the epoch, without dropout).

    Raises
    ------
    DivergedError
        When the loss is no finite number.
    """
    devices = [training.y.device] if training.y.is_cuda else []
    history: list[dict[str, float]] = []
    with torch.random.fork_rng(devices), few_threads(net, schedule.batch_size):
        torch.manual_seed(schedule.seed)
        optimizer = make_optimizer(net, schedule, rates)
        best, best_loss, best_epoch = copy.deepcopy(net.state_dict()), math.inf, 0
        for epoch in range(1, schedule.max_epochs + 1):
            mean = _epoch(net, loss, training, optimizer, schedule.batch_size)
            metrics = {"loss": mean}
            if validation is not None and len(validation):
                metrics["val_loss"] = evaluate(net, loss, validation, schedule.rows_at_a_time)
            history.append(metrics)
            watched = metrics.get("val_loss", metrics["loss"])
            if not math.isfinite(watched):
                raise DivergedError(f"the loss is {watched} in epoch {epoch}: lower learning_rate")
            if watched < best_loss:
                best_loss, best_epoch = watched, epoch
                for name, value in net.state_dict().items():
                    best[name].copy_(value)
            if callback is not None:
                callback(epoch, metrics)
            if epoch - best_epoch >= schedule.patience:
                break
        net.load_state_dict(best)
        net.zero_grad()
        net.eval()
    return history


@contextmanager
def few_threads(net: nn.Module, batch_size: int) -> Iterator[None]:
    """No more threads for steps of so many rows than have work: others wait at full load."""
    before = torch.get_num_threads()
    work = batch_size * sum(part.numel() for part in net.parameters())
    torch.set_num_threads(min(before, max(1, work // _SHARE)))
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _epoch(
    net: nn.Module,
    loss: Loss,
    training: Data,
    optimizer: torch.optim.Optimizer,
    batch_size: int,
) -> float:
    net.train()
    order = torch.randperm(len(training)).to(training.y.device)
    total = torch.zeros((), device=training.y.device)
    for index in order.split(batch_size):
        # Kept one by one, such small values would break up the memory between the batches.
        total.add_(_step(net, loss, training.rows(index), optimizer), alpha=len(index))
    return float(total) / len(training)


def _step(
    net: nn.Module, loss: Loss, batch: Data, optimizer: torch.optim.Optimizer
) -> torch.Tensor:
    """Learn from a batch, of which nothing is left when the next is read; its loss before."""
    value = _mean(_losses(net, loss, batch), batch.weight)
    optimizer.zero_grad()
    value.backward()
    optimizer.step()
    return value.detach()


def _losses(net: nn.Module, loss: Loss, batch: Data) -> torch.Tensor:
    return loss(net(batch.x), batch.y)


@torch.no_grad()
def evaluate(net: nn.Module, loss: Loss, data: Data, batch_size: int = 1024) -> float:
    """Mean loss of rows, without dropout."""
    net.eval()
    starts = range(0, len(data), batch_size)
    losses = [_losses(net, loss, data.rows(slice(i, i + batch_size))) for i in starts]
    return float(_mean(torch.cat(losses), data.weight))


@torch.no_grad()
def outputs(net: nn.Module, x: Rows, batch_size: int = 8192) -> torch.Tensor:
    """What `net` makes of rows, without dropout, shape (n_rows, ...)."""
    net.eval()
    starts = range(0, max(len(x), 1), batch_size)  # no rows are one batch of none
    with few_threads(net, min(len(x), batch_size)):
        return torch.cat([net(x[start : start + batch_size]) for start in starts])


def _mean(values: torch.Tensor, weight: torch.Tensor | None) -> torch.Tensor:
    if weight is None:
        return values.mean()
    return (values * weight).sum() / weight.sum().clamp_min(torch.finfo(weight.dtype).tiny)


def make_optimizer(
    net: nn.Module, schedule: Schedule, rates: Mapping[str, float] | None = None
) -> torch.optim.Optimizer:
    """Optimiser of the net's parameters, with Keras's constants; `rates` as in `train`."""
    name = schedule.optimizer
    if name not in OPTIMIZERS:
        raise ValueError(f"optimizer must be one of {OPTIMIZERS}, got {name!r}")
    groups: dict[float, list[nn.Parameter]] = {}
    for parameter, weight in net.named_parameters():
        share = (rates or {}).get(parameter.partition(".")[0], 1.0)
        groups.setdefault(share, []).append(weight)
    rate = {} if schedule.learning_rate is None else {"lr": schedule.learning_rate}
    parts = [{"params": weights} for weights in groups.values()]
    optimizer = _OPTIMIZERS[name](parts, weight_decay=schedule.weight_decay, **rate)
    for group, share in zip(optimizer.param_groups, groups, strict=True):
        group["lr"] *= share
    return optimizer


def squared_error(logits: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """(sigmoid(logit) - y)², for one output; y in [0, 1], shape (n_rows,)."""
    return functional.mse_loss(torch.sigmoid(logits.squeeze(1)), y, reduction="none")


def reconstruction_error(output: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """Mean squared error over the features of each row."""
    difference = output - x
    error: torch.Tensor = torch.linalg.vecdot(difference, difference) / x.shape[1]
    return error


def cross_entropy(logits: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """-log of the softmax of class y, an integer, shape (n_rows,)."""
    return functional.cross_entropy(logits, y, reduction="none")


def pick_device(device: str) -> torch.device:
    """``"auto"`` is the first GPU where there is one, otherwise the CPU.

    Raises
    ------
    ValueError
        When torch knows no such device, or this machine has none.
    """
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.zeros(1, device=device).cpu()  # a device that torch has and cannot use fails here
    except (RuntimeError, AssertionError) as error:
        raise ValueError(f"device={device!r} is none that torch can use here: {error}") from error
    return torch.device(device)
