"""Dense layers as in the papers' Keras: rounded widths and four initial distributions.

Keras's normal initialisers draw from a normal distribution cut at two deviations and widened so
that its deviation is still the one asked for; PyTorch's do not. Biases start at 0.

References: Glorot and Bengio (2010), understanding the difficulty of training deep feedforward
neural networks; He et al. (2015), delving deep into rectifiers; Keras, `keras.initializers`.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Literal, get_args

import torch
from torch import nn

Initialiser = Literal["glorot_uniform", "glorot_normal", "he_uniform", "he_normal"]
INITIALISERS: tuple[Initialiser, ...] = get_args(Initialiser)
Last = Literal["relu", "sigmoid", "none"]
# Deviation of a standard normal distribution that is cut at -2 and 2.
_CUT_DEVIATION = 0.87962566103423978


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
        Share of each hidden layer that is left out in training, rounded to 16 bits; None makes no
        such layers.
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
        self.dropout, self._hidden_widths = dropout, widths[1:-1]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Outputs, shape (n_rows, n_out), of rows, shape (n_rows, n_in)."""
        masks = iter(self._masks(x) if self.training and self.dropout else [])
        for layer in self:
            mask = next(masks, None) if isinstance(layer, nn.Dropout) else None
            x = layer(x) if mask is None else x * mask
        return x

    def _masks(self, x: torch.Tensor) -> Sequence[torch.Tensor]:
        """For each hidden layer 0 where a unit is left out, else what keeps the mean.

        A unit takes as many random bits as say the share exactly, eight, or else 16: torch's own
        dropout takes more time than the layer that it follows.
        """
        assert self.dropout is not None
        bits, dtype = (8, torch.int8) if (256 * self.dropout).is_integer() else (16, torch.int16)
        n_left_out = round(self.dropout * (1 << bits))
        scale = (1 << bits) / max(1, (1 << bits) - n_left_out)
        sizes = [len(x) * width for width in self._hidden_widths]
        words = torch.empty(-(-sum(sizes) * bits // 64), dtype=torch.int64).random_(-(2**63), None)
        numbers = words.view(dtype)[: sum(sizes)].float()  # from -2^bits / 2 on
        masks = (numbers >= n_left_out - (1 << bits - 1)).to(x) * scale
        return [mask.view(len(x), -1) for mask in masks.split(sizes)]
