"""Dense layers as the papers' Keras makes them: rounded widths and four initial distributions.

Keras's normal initialisers draw from a normal distribution cut at two deviations and widened so
that its deviation is still the one asked for; PyTorch's do not. Biases start at 0.

At widths of a hundred, bookkeeping and the random numbers of dropout cost a processor as much as
the arithmetic. So `DenseLayers` has its gradient written out there, which is autograd's but for
round-off, and draws its dropout in a quicker way.

References: Glorot and Bengio (2010), understanding the difficulty of training deep feedforward
neural networks; He et al. (2015), delving deep into rectifiers; Keras, `keras.initializers`.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any, Literal, get_args

import torch
from torch import nn

Initialiser = Literal["glorot_uniform", "glorot_normal", "he_uniform", "he_normal"]
INITIALISERS: tuple[Initialiser, ...] = get_args(Initialiser)
Last = Literal["relu", "sigmoid", "none"]
# Deviation of a standard normal distribution that is cut at -2 and 2.
_CUT_DEVIATION = 0.87962566103423978
# oneDNN's matrix product, twice as fast as MKL's on AMD's processors, which torch offers under this
# name alone: where it is gone, or the product too small for what a call costs, it is MKL's.
_ONEDNN = getattr(torch.ops.mkldnn, "_linear_pointwise", None)
_SMALLEST = 1 << 20  # multiplications


def width(x: float) -> int:
    """Round a computed width half up, to at least 1 (`max(1, ⌊x + 0.5⌋)`)."""
    return max(1, math.floor(x + 0.5))


def dense(n_in: int, n_out: int, initialiser: Initialiser = "glorot_uniform") -> nn.Linear:
    """Affine layer with weights drawn by `initialiser` and biases of 0.

    Parameters
    ----------
    n_in, n_out : int
        Numbers of inputs and outputs.
    initialiser : {"glorot_uniform", "glorot_normal", "he_uniform", "he_normal"}

    Raises
    ------
    ValueError
        When there is no such initialiser.
    """
    layer = nn.Linear(n_in, n_out)
    initialise(layer.weight, initialiser)
    nn.init.zeros_(layer.bias)
    return layer


@torch.no_grad()
def initialise(weight: torch.Tensor, initialiser: Initialiser) -> None:
    """Draw weights of shape (n_out, n_in) in place, by torch's global generator.

    Variance is 2 / (n_in + n_out) for Glorot and 2 / n_in for He.
    """
    if initialiser not in INITIALISERS:
        raise ValueError(f"initialiser must be one of {INITIALISERS}, got {initialiser!r}")
    n_out, n_in = weight.shape
    variance = 2 / (n_in + n_out) if initialiser.startswith("glorot") else 2 / n_in
    if initialiser.endswith("uniform"):
        limit = math.sqrt(3 * variance)
        nn.init.uniform_(weight, -limit, limit)
    else:
        deviation = math.sqrt(variance) / _CUT_DEVIATION
        nn.init.trunc_normal_(weight, 0.0, deviation, -2 * deviation, 2 * deviation)


class DenseLayers(nn.Sequential):
    """Dense layers one after the other: all but the last rectified, and left out in part.

    Parameters
    ----------
    widths : sequence of int
        Of the input and of each layer.
    initialiser : str
        See `dense`.
    last : {"relu", "sigmoid", "none"}
        What follows the last layer.
    dropout : float or None
        Share of each hidden layer that is left out in training (on a CPU, in single precision,
        rounded to 16 bits); None makes no such layers.
    """

    def __init__(
        self,
        widths: Sequence[int],
        initialiser: Initialiser,
        last: Last,
        dropout: float | None = None,
    ) -> None:
        layers: list[nn.Module] = []
        for n_in, n_out in itertools.pairwise(widths[:-1]):
            layers += [dense(n_in, n_out, initialiser), nn.ReLU()]
            if dropout is not None:
                layers.append(nn.Dropout(dropout))
        layers.append(dense(widths[-2], widths[-1], initialiser))
        if last != "none":
            layers.append(nn.ReLU() if last == "relu" else nn.Sigmoid())
        super().__init__(*layers)
        self._dense = [layer for layer in layers if isinstance(layer, nn.Linear)]
        self._last = last
        self._dropout = _Dropout(dropout) if dropout else None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Outputs, shape (n_rows, n_out), of rows, shape (n_rows, n_in)."""
        result: torch.Tensor
        if x.device.type != "cpu" or x.dtype != torch.float32:
            result = super().forward(x)
            return result
        parameters = [
            parameter for layer in self._dense for parameter in (layer.weight, layer.bias)
        ]
        dropout = self._dropout if self.training else None
        result = _Layers.apply(x, self._last, dropout, *parameters)
        return result


class _Layers(torch.autograd.Function):
    """`DenseLayers` and its gradient; `parameters` are weight and bias of each layer in turn."""

    @staticmethod
    def forward(
        ctx: Any, x: torch.Tensor, last: Last, dropout: _Dropout | None, *parameters: torch.Tensor
    ) -> torch.Tensor:
        weights, biases = parameters[::2], parameters[1::2]
        inputs = [x]
        masks = dropout.masks(len(x), [len(bias) for bias in biases[:-1]]) if dropout else []
        for i, (weight, bias) in enumerate(zip(weights[:-1], biases[:-1], strict=True)):
            x = _product(x, weight, bias).relu_()
            if dropout:
                x *= masks[i]
            inputs.append(x)
        x = _product(x, weights[-1], biases[-1])
        if last != "none":
            x = x.relu_() if last == "relu" else x.sigmoid_()
        ctx.last, ctx.scale = last, dropout.scale if dropout else None
        ctx.save_for_backward(x, *inputs, *weights)
        return x

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        output, *saved = ctx.saved_tensors
        n = len(saved) // 2
        inputs, weights = saved[:n], saved[n:]
        if ctx.last == "sigmoid":
            gradient = gradient * (output - output.square())
        elif ctx.last == "relu":
            gradient = gradient * output.sign()
        found: list[torch.Tensor | None] = []
        for i in reversed(range(n)):
            found += [gradient.sum(0), _product(gradient.t(), inputs[i].t())]
            if i > 0:
                # Outputs of a rectifier are at least 0, and 0 where it or the dropout was shut.
                passed = inputs[i].sign()
                passed = passed if ctx.scale is None else passed.mul_(ctx.scale)
                gradient = _product(gradient, weights[i].t()).mul_(passed)
            else:
                wanted = ctx.needs_input_grad[0]
                found += [None, None, _product(gradient, weights[0].t()) if wanted else None]
        return tuple(found[::-1])


def _product(a: torch.Tensor, b: torch.Tensor, bias: torch.Tensor | None = None) -> torch.Tensor:
    """``a @ b.T + bias``."""
    smallest = _SMALLEST if a.is_contiguous() else 2 * _SMALLEST  # it will be copied
    if _ONEDNN is not None and a.numel() * len(b) >= smallest:
        result: torch.Tensor = _ONEDNN(a, b, bias, "none", [], "")
        return result
    return torch.mm(a, b.t()) if bias is None else torch.addmm(bias, a, b.t())


class _Dropout:
    """Random masks, from as many bits a unit as say its share exactly: eight, or else 16."""

    def __init__(self, share: float) -> None:
        self.bits = 8 if (share * (1 << 8)).is_integer() else 16
        left_out = round(share * (1 << self.bits))
        kept = (1 << self.bits) - left_out
        # Numbers of Python's would cost each operation as much again as a small layer's.
        self.first = torch.tensor(left_out - (1 << self.bits) // 2 - 1, dtype=torch.float32)
        self.scale = torch.tensor((1 << self.bits) / kept if kept else 0.0)

    def masks(self, n_rows: int, widths: Sequence[int]) -> Sequence[torch.Tensor]:
        """For layers of these widths, 0 where a unit is left out, else what keeps the mean."""
        sizes = [n_rows * width for width in widths]
        n_words = -(-sum(sizes) * self.bits // 64)
        words = torch.empty(n_words, dtype=torch.int64).random_(-(2**63), None)
        numbers = words.view(torch.int8 if self.bits == 8 else torch.int16)[: sum(sizes)].float()
        # Whole numbers, from -2^bits / 2: the lowest become 0, all others 1.
        numbers.sub_(self.first).clamp_(0, 1).mul_(self.scale)
        return [each.view(n_rows, -1) for each in numbers.split(sizes)]
