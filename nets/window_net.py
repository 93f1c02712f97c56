"""WindowNet: a recurrent net that reads a window of any series and bends its level.

One net for all series. It gives a few coefficients of polynomials over the horizon (a level and a
slope are two), whose sum is the logarithm of what comes over the level. Coefficients start at 0: an
untrained net forecasts the level itself.

Reference: Salinas et al. (2020), DeepAR, for one recurrent net of many series scaled by their
levels.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, get_args

import torch
from torch import nn

Cell = Literal["lstm", "gru", "rnn"]
_CELLS: dict[str, Callable[..., nn.Module]] = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}


class WindowNet(nn.Module):
    """Windows to logarithms of ratios.

    Parameters
    ----------
    cell : {"lstm", "gru", "rnn"}
        As torch has them, with tanh.
    n_features : int
        Columns of a window.
    width : int
        Units of the recurrent layer.
    horizon : int
        Steps ahead.
    degree : int
        Of the polynomial over the horizon: 0 moves the level, 1 tilts it.
    dropout : float
        Share of the units left out in training.

    Raises
    ------
    ValueError
        When there is no such cell, or a number is out of its range.
    """

    basis: torch.Tensor

    def __init__(
        self,
        cell: Cell,
        *,
        n_features: int,
        width: int,
        horizon: int,
        degree: int = 1,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        if cell not in get_args(Cell):
            raise ValueError(f"cell must be one of {get_args(Cell)}, got {cell!r}")
        if min(n_features, width, horizon) < 1 or degree < 0:
            raise ValueError(
                f"n_features, width and horizon must be at least 1 and degree at least 0, got "
                f"{n_features}, {width}, {horizon}, {degree}"
            )
        self.recurrent = _CELLS[cell](n_features, width, batch_first=True)
        self.dropout = nn.Dropout(dropout)
        self.coefficients = nn.Linear(width, degree + 1)
        nn.init.zeros_(self.coefficients.weight)
        nn.init.zeros_(self.coefficients.bias)
        steps = torch.linspace(-1, 1, horizon) if horizon > 1 else torch.zeros(1)
        powers = torch.stack([steps**power for power in range(degree + 1)])
        self.register_buffer("basis", powers, persistent=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Windows, shape (n_rows, n_days, n_features), to (n_rows, horizon)."""
        read, _ = self.recurrent(x)
        log_ratio: torch.Tensor = self.coefficients(self.dropout(read[:, -1])) @ self.basis
        return log_ratio
