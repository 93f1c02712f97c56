"""Passes through a recurrent unit and back, for a batch of each of M models.

A `Pass` owns the memory that batches of one size take, and uses it again for each of them. It is
made for weights that stay where they are, and writes its gradients into tensors that do, too.

Conventions: see `spdkit.nets.recurrent.cells`; ``x`` has the time steps before the rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from spdkit.nets.recurrent.cells import (
    CELLS,
    dense_backward,
    dense_forward,
    layer_backward,
    layer_forward,
    prepare,
)

Weights = dict[str, torch.Tensor]
# Models that pass together. Their weights, moments and states stay in the processor's cache.
TOGETHER = 8


@dataclass(frozen=True)
class Layer:
    """A recurrent layer.

    Attributes
    ----------
    name : str
        What the names of its weights begin with.
    cell : str
    n_inputs, n_units : int
    activation : int
        Its code in `spdkit.nets.recurrent.cells`.
    both : bool
        Whether it reads the steps in both orders.
    sequence : bool
        Whether all of its steps go on, or the last alone.
    """

    name: str
    cell: str
    n_inputs: int
    n_units: int
    activation: int
    both: bool
    sequence: bool

    @property
    def names(self) -> list[str]:
        """What the names of each direction's weights begin with."""
        return [self.name, f"{self.name}.backward"] if self.both else [self.name]

    @property
    def n_outputs(self) -> int:
        """Numbers that go on from each step."""
        return len(self.names) * self.n_units


class _Direction:
    """A layer's weights for one order of the steps, and its memory."""

    def __init__(
        self,
        layer: Layer,
        name: str,
        weights: Mapping[str, torch.Tensor],
        gradients: Mapping[str, torch.Tensor] | None,
        shape: tuple[int, int, int],
        to_inputs: bool,
    ) -> None:
        names = [f"{name}.{kind}" for kind in ("kernel", "recurrent", "bias")]
        cell, (n_models, n_steps, n_rows) = CELLS[layer.cell], shape
        self.code, self.activation = cell.code, layer.activation
        self.weights = [weights[each].numpy() for each in names]
        self.h = weights[names[0]].new_empty(*shape, layer.n_units)
        z = self.h.new_empty(n_models, cell.slabs, n_steps, n_rows, layer.n_units)
        self.states = [z.numpy(), self.h.numpy()]
        if gradients is not None:
            self.gradients = [gradients[each].numpy() for each in names]
            self.dx = z.new_empty((*shape, layer.n_inputs) if to_inputs else (n_models, 0, 0, 0))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.x = x.numpy()
        layer_forward(self.code, self.x, *self.weights, *self.states, self.activation)
        return self.h

    def backward(self, dh: torch.Tensor) -> torch.Tensor:
        """Gradient of the inputs; `dh` is spent."""
        kernel, recurrent, _ = self.weights
        arrays = (*self.states, dh.numpy(), self.dx.numpy(), *self.gradients)
        layer_backward(self.code, self.x, kernel, recurrent, *arrays, self.activation)
        return self.dx


class _Directions:
    """A layer in all of its directions."""

    def __init__(self, layer: Layer, *memory: Any) -> None:
        self.layer = layer
        self.directions = [_Direction(layer, name, *memory) for name in layer.names]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Of all steps, or of the last alone where both orders end in one."""
        h = self.directions[0].forward(x)
        if not self.layer.both:
            return h
        other = self.directions[1].forward(x.flip(1))
        if not self.layer.sequence:
            return torch.cat([h[:, -1:], other[:, -1:]], dim=-1)
        return torch.cat([h, other.flip(1)], dim=-1)

    def backward(self, d: torch.Tensor) -> torch.Tensor:
        """Gradient of the inputs, empty where nothing needs it; `d` is spent."""
        if not self.layer.both:
            return self.directions[0].backward(d)
        first, second = d.split(self.layer.n_units, dim=-1)
        if self.layer.sequence:
            parts = [first.contiguous(), second.flip(1)]
        else:
            parts = [torch.zeros_like(each.h) for each in self.directions]
            parts[0][:, -1:], parts[1][:, -1:] = first, second
        forth, back = (
            each.backward(part) for each, part in zip(self.directions, parts, strict=True)
        )
        return forth + back.flip(1)


class _Dense:
    """The layer that makes outputs of the last step, and its memory."""

    def __init__(
        self,
        weights: Mapping[str, torch.Tensor],
        gradients: Mapping[str, torch.Tensor] | None,
        n_rows: int,
    ) -> None:
        names = ("output.kernel", "output.bias")
        self.weights = [weights[name].numpy() for name in names]
        bias = weights["output.bias"]
        self.out = bias.new_empty(len(bias), n_rows, bias.shape[1])
        if gradients is not None:
            self.gradients = [gradients[name].numpy() for name in names]

    def forward(self, h: torch.Tensor) -> torch.Tensor:
        self.h = h
        dense_forward(h.numpy(), *self.weights, self.out.numpy())
        return self.out[..., None]

    def backward(self, d: torch.Tensor) -> torch.Tensor:
        dh = torch.empty_like(self.h)
        arrays = (d[..., 0].numpy(), dh.numpy(), *self.gradients)
        dense_backward(self.h.numpy(), self.weights[0], *arrays)
        return dh


class Pass:
    """A unit, forwards and backwards.

    Parameters
    ----------
    layers : sequence of Layer
        A dense layer follows the last where that is no sequence.
    weights : mapping from str to tensor
        Looked at wherever they are, in each pass anew.
    gradients : mapping from str to tensor, or None
        Take the gradients, of the weights' shapes, and are 0 in the beginning. With None there is
        no `backward`.
    size : tuple of int
        Time steps and rows.
    """

    def __init__(
        self,
        layers: Sequence[Layer],
        weights: Mapping[str, torch.Tensor],
        gradients: Mapping[str, torch.Tensor] | None,
        size: Sequence[int],
    ) -> None:
        n_steps, n_rows = size
        shape = (len(weights["layer1.kernel"]), n_steps, n_rows)
        prepare(str(weights["layer1.kernel"].dtype).removeprefix("torch."))
        self.layers = [
            _Directions(layer, weights, gradients, shape, index > 0)
            for index, layer in enumerate(layers)
        ]
        self.dense = None if layers[-1].sequence else _Dense(weights, gradients, n_rows)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Outputs (M, B, q, n_outputs) of inputs (M, p, B, n_features).

        Valid until the next pass.
        """
        for layer in self.layers:
            x = layer.forward(x)
        return x.transpose(1, 2).contiguous() if self.dense is None else self.dense.forward(x)

    def backward(self, d: torch.Tensor) -> None:
        """Set the gradients of the weights from that of the outputs of the last pass.

        Without a second time step recurrent kernels play no part: theirs is left as it is.
        """
        d = d.transpose(1, 2).contiguous() if self.dense is None else self.dense.backward(d)
        for layer in reversed(self.layers):
            d = layer.backward(d)
