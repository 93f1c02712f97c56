"""Multi-input net: the streams of songs, read by a recurrent layer, beside what the songs are.

A row is a date to forecast. Its inputs are the window before it (``lookback`` dates of
``n_channels`` numbers, one date after the other) and, behind the window, ``n_metadata`` numbers for
each of ``n_songs`` songs. The recurrent branch reads the window and gives a number a song; that is
joined to the song's metadata into ``n_metadata + 1``, and a feed-forward head, the same for all
songs, makes the forecast of it. Without metadata there is no head: the branch is the net.

Trained jointly, the head's output is the forecast. In the two stages that the report proposes
(`train_in_stages`) the branch learns first, as if it were alone; then it stays as it is, or moves
slowly, and the head learns what is left: the forecast is the branch's output r and
``head(r, metadata) - head(r, 0)``. So nothing is added for metadata of zeros, which is the mean
song where they are standardised, and whatever is added is due to them.

Targets that are NaN, of songs that were not in the chart, count for nothing in the losses.

Reference: the CS137 report, its proposal of a network of two inputs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, get_args

import torch
from torch import nn

from spdkit.nets.training import Data, Loss, Schedule, train

Cell = Literal["lstm", "gru"]
_CELLS: dict[str, Callable[..., nn.Module]] = {"lstm": nn.LSTM, "gru": nn.GRU}


class RecurrentBranch(nn.Module):
    """Windows to one number a song; what stands behind the window in a row is not looked at.

    Parameters
    ----------
    cell : {"lstm", "gru"}
        As torch has them, with tanh.
    lookback : int
        Dates of a window.
    n_channels : int
        Numbers of a date.
    n_songs : int
    width : int
        Units of the recurrent layer.

    Raises
    ------
    ValueError
        When there is no such cell, or a number is below 1.
    """

    def __init__(
        self, cell: Cell, *, lookback: int, n_channels: int, n_songs: int = 1, width: int = 32
    ) -> None:
        super().__init__()
        if cell not in get_args(Cell):
            raise ValueError(f"cell must be one of {get_args(Cell)}, got {cell!r}")
        sizes = lookback, n_channels, n_songs, width
        if min(sizes) < 1:
            raise ValueError(
                f"lookback, n_channels, n_songs and width must be at least 1, got {sizes}"
            )
        self.window = lookback, n_channels
        self.recurrent = _CELLS[cell](n_channels, width, batch_first=True)
        self.output = nn.Linear(width, n_songs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Rows, shape (n_rows, lookback * n_channels or more), to (n_rows, n_songs)."""
        lookback, n_channels = self.window
        steps, _ = self.recurrent(x[:, : lookback * n_channels].unflatten(1, self.window))
        numbers: torch.Tensor = self.output(steps[:, -1])
        return numbers


class MultiInputNet(nn.Module):
    """A recurrent branch over streams, and a head that joins it to metadata; see the module.

    Parameters
    ----------
    branch : RecurrentBranch
    n_metadata : int
        Numbers of a song; 0 for none.
    hidden : int
        Units of the head.
    residual : bool
        Whether the head gives what is added to the branch's output, as two stages need it.

    Raises
    ------
    ValueError
        When a number is out of its range.
    """

    def __init__(
        self,
        branch: RecurrentBranch,
        *,
        n_metadata: int = 0,
        hidden: int = 16,
        residual: bool = False,
    ) -> None:
        super().__init__()
        if n_metadata < 0 or hidden < 1:
            raise ValueError(
                f"n_metadata must be at least 0 and hidden at least 1, got {n_metadata}, {hidden}"
            )
        self.branch, self.n_metadata, self.residual = branch, n_metadata, residual
        self.head: nn.Sequential | None = None
        if n_metadata:
            last = nn.Linear(hidden, 1)
            self.head = nn.Sequential(nn.Linear(n_metadata + 1, hidden), nn.ReLU(), last)
            if residual:  # the first forecasts of the second stage are those of the first
                nn.init.zeros_(last.weight)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Rows, shape (n_rows, n_inputs), to (n_rows, n_songs).

        ``n_inputs`` is ``lookback * n_channels + n_songs * n_metadata``.
        """
        numbers: torch.Tensor = self.branch(x)
        if self.head is None:
            return numbers
        r = numbers.unsqueeze(2)
        metadata = x[:, -numbers.shape[1] * self.n_metadata :].view(*numbers.shape, -1)
        joined: torch.Tensor = self.head(torch.cat([r, metadata], dim=2)).squeeze(2)
        if not self.residual:
            return joined
        average = torch.cat([r, torch.zeros_like(metadata)], dim=2)
        forecast: torch.Tensor = numbers + (joined - self.head(average).squeeze(2))
        return forecast


def train_in_stages(
    net: MultiInputNet,
    loss: Loss,
    training: Data,
    validation: Data | None,
    schedule: Schedule,
    slow: float = 0.0,
) -> list[dict[str, float]]:
    """Train the branch of a residual net, and then its head on what is left.

    Parameters
    ----------
    net : MultiInputNet
        With ``residual=True``. Without metadata the first stage is all.
    loss, training, validation, schedule
        As in `spdkit.nets.training.train`; the schedule is each stage's.
    slow : float
        The branch's share of the learning rate in the second stage; at 0 it is frozen.

    Returns
    -------
    list of dict
        Epochs of both stages, one after the other; ``stage`` says which.

    Raises
    ------
    ValueError
        When the net is none of that kind, or `slow` no share.
    DivergedError
    """
    if net.head is not None and not net.residual:
        raise ValueError("two stages need a net with residual=True")
    if not 0 <= slow <= 1:
        raise ValueError(f"slow must be in [0, 1], got {slow}")
    first = train(net.branch, loss, training, validation, schedule)
    history = [{"stage": 1.0, **epoch} for epoch in first]
    if net.head is None:
        net.eval()
        return history
    net.branch.requires_grad_(slow > 0)
    rates = {"branch": slow} if slow else None
    second = train(net, loss, training, validation, schedule, rates=rates)
    net.branch.requires_grad_(True)
    return history + [{"stage": 2.0, **epoch} for epoch in second]


def absolute_error(outputs: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Mean absolute error over the songs of each row that were there."""
    return _mean_of_observed((outputs - y.nan_to_num()).abs(), y)


def squared_error(outputs: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Mean squared error over the songs of each row that were there."""
    return _mean_of_observed((outputs - y.nan_to_num()).square(), y)


def _mean_of_observed(errors: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    observed = y.isfinite()
    return (errors * observed).sum(dim=1) / observed.sum(dim=1).clamp_min(1)
