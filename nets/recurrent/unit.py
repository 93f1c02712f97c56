"""Recurrent units for series, as the LSTM-RPA paper's Keras makes them, one for each of M models.

A unit takes the last p values of a series to the next q. All parameters have the models as their
leading axis: series of equal shape are trained and forecast together, and none depends on another.

- ``features="single"`` (SF): a layer of 64 units, a layer of 32, and a dense layer of q outputs
  from the state that the second ends with;
- ``features="multiple"`` (MF): the same two layers, and a third with one unit a feature and a
  sigmoid as its activation, of which each step is an output, so that q = p. As published it cannot
  run; this is our reading.

Cells are Keras's: an activation (ReLU as published) of the candidate and, in an LSTM, of the output
``h = o * relu(c)``; sigmoid gates; ``reset_after`` in a GRU. Initial weights are Keras's, too:
Glorot-uniform kernels, recurrent kernels with orthogonal rows over all gates together, biases of 0
and a forget bias of 1. Each model draws from a seed of its own.

Conventions: rows of inputs have shape (M, B, p, n_features), those of outputs (M, B, q, n_outputs)
with 1 output or n_features. Weights are a flat dict of tensors, named "layer1.kernel" and so on
("layer1.backward.kernel" in the second direction): kernels (M, gates, inputs, units), recurrents
(M, gates, units, units), biases (M, gates, units) with gates as `cells` orders them, and
"output.kernel" (M, units, q), "output.bias" (M, q). All of it happens on a CPU.

References: the LSTM-RPA paper, section III; Glorot and Bengio (2010),
understanding the difficulty of training deep feedforward neural networks; Saxe et al. (2014), exact
solutions to the nonlinear dynamics of learning; `keras.layers`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import nn

from spdkit.nets.recurrent.cells import ACTIVATIONS, CELLS, one_thread
from spdkit.nets.recurrent.passes import TOGETHER, Layer, Pass, Weights

CellName = Literal["lstm", "gru", "rnn"]
Features = Literal["single", "multiple"]
Activation = Literal["relu", "tanh", "sigmoid"]

_ROWS = 256  # that pass at a time, so that memory does not grow with their number


@dataclass(frozen=True)
class RecurrentUnit:
    """What a unit is made of.

    Parameters
    ----------
    cell : {"lstm", "gru", "rnn"}
    input_size : int
        Time steps p that it sees.
    output_size : int
        Time steps q that it forecasts; p for multiple features.
    n_features : int
        Of each step's inputs.
    features : {"single", "multiple"}
        Whether it forecasts one feature, or all of them.
    bidirectional : bool
        Whether the first two layers read the steps in both orders, with weights for each; the
        second then ends with the states that either order ends with.
    units : tuple of two int
        Of the first two layers, in each direction.
    activation : {"relu", "tanh", "sigmoid"}

    Raises
    ------
    ValueError
        Naming the parameter and its value.
    """

    cell: CellName
    input_size: int
    output_size: int
    n_features: int = 1
    features: Features = "single"
    bidirectional: bool = False
    units: tuple[int, int] = (64, 32)
    activation: Activation = "relu"

    def __post_init__(self) -> None:
        for name, allowed in (
            ("cell", get_args(CellName)),
            ("features", get_args(Features)),
            ("activation", get_args(Activation)),
        ):
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name} must be one of {allowed}, got {getattr(self, name)!r}")
        if len(self.units) != 2:
            raise ValueError(f"units must be those of two layers, got {self.units!r}")
        sizes = {name: getattr(self, name) for name in ("input_size", "output_size", "n_features")}
        for name, size in (*sizes.items(), *(("units", each) for each in self.units)):
            if not isinstance(size, int) or isinstance(size, bool) or size < 1:
                raise ValueError(f"{name} must be whole and at least 1, got {size!r}")
        if self.features == "multiple" and self.output_size != self.input_size:
            raise ValueError(
                "a unit of multiple features forecasts as many steps as it sees: output_size must "
                f"be input_size = {self.input_size}, got {self.output_size}"
            )

    @property
    def n_outputs(self) -> int:
        """Features that it forecasts."""
        return self.n_features if self.features == "multiple" else 1

    @property
    def layers(self) -> list[Layer]:
        """Recurrent layers in their order."""
        first, second = self.units
        several, both = self.features == "multiple", self.bidirectional
        code, ways = ACTIVATIONS[self.activation], 2 if both else 1
        layers = [
            Layer("layer1", self.cell, self.n_features, first, code, both, sequence=True),
            Layer("layer2", self.cell, ways * first, second, code, both, sequence=several),
        ]
        if several:
            last, sigmoid = self.n_features, ACTIVATIONS["sigmoid"]
            layers.append(
                Layer("layer3", self.cell, ways * second, last, sigmoid, False, sequence=True)
            )
        return layers

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of each weight of one model, by name; recurrent kernels come last."""
        shapes: dict[str, tuple[int, ...]] = {}
        recurrents: dict[str, tuple[int, ...]] = {}
        for layer in self.layers:
            cell = CELLS[layer.cell]
            for name in layer.names:
                shapes[f"{name}.kernel"] = (cell.gates, layer.n_inputs, layer.n_units)
                shapes[f"{name}.bias"] = (cell.biases, layer.n_units)
                recurrents[f"{name}.recurrent"] = (cell.gates, layer.n_units, layer.n_units)
        if self.features == "single":
            shapes["output.kernel"] = (self.layers[-1].n_outputs, self.output_size)
            shapes["output.bias"] = (self.output_size,)
        return shapes | recurrents

    def initial(self, seeds: Sequence[int], dtype: torch.dtype = torch.float32) -> Weights:
        """Weights to begin with.

        Parameters
        ----------
        seeds : sequence of int
            One a model, whose weights follow from it alone.
        dtype : dtype
            float32 or float64, which begin with the same numbers but for rounding.

        Raises
        ------
        ValueError
            When there are no seeds, or for another dtype.
        """
        if len(seeds) == 0:
            raise ValueError("seeds must be those of the models, got none")
        _check_dtype(dtype)
        models = [self._draw(seed) for seed in seeds]
        return {
            name: torch.stack([each[name] for each in models]).to(dtype) for name in self.shapes()
        }

    def _draw(self, seed: int) -> dict[str, torch.Tensor]:
        generator = torch.Generator().manual_seed(seed)
        weights = {}
        for name, shape in self.shapes().items():
            kind = name.rpartition(".")[2]
            weight = torch.zeros(shape, dtype=torch.float64)
            if kind == "bias":
                if self.cell == "lstm" and name != "output.bias":
                    weight[1] = 1
            else:
                # Keras draws all gates as one matrix, (inputs, gates * units).
                whole = torch.empty(shape[-2], weight.numel() // shape[-2], dtype=weight.dtype)
                fill = nn.init.xavier_uniform_ if kind == "kernel" else nn.init.orthogonal_
                fill(whole, generator=generator)
                gates = whole.unflatten(1, (-1, shape[-1])).movedim(0, 1)
                weight = gates.reshape(shape)
            weights[name] = weight
        return weights

    @torch.no_grad()
    def forward(self, weights: Mapping[str, torch.Tensor], x: torch.Tensor) -> torch.Tensor:
        """Forecasts of rows.

        Parameters
        ----------
        weights : mapping from str to tensor
            Of M models, as `initial` or training gives them.
        x : tensor, shape (M, n_rows, p, n_features)
            Of the weights' dtype.

        Returns
        -------
        tensor, shape (M, n_rows, q, n_outputs)

        Raises
        ------
        ValueError
            When shapes or dtypes do not fit, saying which.
        """
        self.check(weights, x)
        out = x.new_empty(len(x), x.shape[1], self.output_size, self.n_outputs)
        for first in range(0, len(x), TOGETHER):
            models = slice(first, first + TOGETHER)
            some = {name: weights[name][models].detach().contiguous() for name in self.shapes()}
            for begin in range(0, x.shape[1], _ROWS):
                rows = slice(begin, begin + _ROWS)
                part = by_steps(x[models, rows])
                with one_thread():
                    out[models, rows] = Pass(self.layers, some, None, part.shape[1:3]).forward(part)
        return out

    def check(self, weights: Mapping[str, torch.Tensor], x: torch.Tensor) -> None:
        """Refuse weights that are not those of such a unit, and inputs that do not fit them."""
        shapes = self.shapes()
        if weights.keys() != shapes.keys():
            raise ValueError(f"weights must be {list(shapes)}, got {list(weights)}")
        n_models, dtype = len(weights["layer1.kernel"]), weights["layer1.kernel"].dtype
        _check_dtype(dtype)
        for name, shape in shapes.items():
            weight = weights[name]
            if tuple(weight.shape) != (n_models, *shape) or weight.dtype != dtype:
                raise ValueError(
                    f"{name} must have shape {(n_models, *shape)} and {dtype}, got "
                    f"{tuple(weight.shape)} and {weight.dtype}"
                )
        expected = (n_models, "n_rows", self.input_size, self.n_features)
        fits = x.ndim == 4 and (len(x), *x.shape[2:]) == (n_models, *expected[2:])
        if not fits or x.dtype != dtype or x.device.type != "cpu":
            raise ValueError(
                f"inputs must have shape {expected} and {dtype} on the CPU, got {tuple(x.shape)} "
                f"and {x.dtype} on {x.device}"
            )


def _check_dtype(dtype: torch.dtype) -> None:
    if dtype not in (torch.float32, torch.float64):
        raise ValueError(f"weights must be torch.float32 or torch.float64, got {dtype}")


def by_steps(x: torch.Tensor) -> torch.Tensor:
    """Inputs (M, B, p, n_features) as layers take them, (M, p, B, n_features) in one piece."""
    return x.transpose(1, 2).contiguous()
