"""Dense layers as the papers' Keras makes them: rounded widths and four initial distributions.

Keras's normal initialisers draw from a normal distribution cut at two deviations and widened so
that its deviation is still the one asked for; PyTorch's do not. Biases start at 0.

References: Glorot and Bengio (2010), understanding the difficulty of training deep feedforward
neural networks; He et al. (2015), delving deep into rectifiers; Keras, `keras.initializers`.
"""

from __future__ import annotations

import math
from typing import Literal, get_args

import torch
from torch import nn

Initialiser = Literal["glorot_uniform", "glorot_normal", "he_uniform", "he_normal"]
INITIALISERS: tuple[Initialiser, ...] = get_args(Initialiser)
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
