"""Rolling Prediction Algorithm: windows that a unit learns from, and its answers put in a row.

Conventions
-----------
A unit is any function from windows of p days to the q days that follow each.

It learns from pairs of windows (`cut`). ``reference`` is the published code's way: the first n mod
p days are dropped, the rest is cut into blocks of p days that do not overlap, and each block is an
input with the next as its target (so q = p). Of these N pairs the last ⌊0.8·N⌋ train. The published
code holds a part of them up as validation; it trains on them as well and decides nothing by them.
``sliding`` takes every window there is, one day apart, with any q: n - p - q + 1 pairs.

To give h days it is called again and again (`roll_all`). The paper's l counts
the inputs that are *kept*; here the shift s = p - l is how far the window moves from one call to
the next. Call k (from 1) reads ``A[(k-1)*s : (k-1)*s + p]`` of a stream A that begins with the p
days of the start and grows by what each call adds; the forecast is what was added, cut after h
days. The two modes differ in how much that is:

- ``aligned``: the first s days of each answer, so that the next window ends where the forecast
  does. Needs 1 ≤ s ≤ min(p, q). Values may be clipped to a range before they are added.
- ``reference``: all q = p days of each answer, as in the published code. The window lags behind the
  end of the forecast, by (k-1)*(p-s) days at call k, which damps the forecast.

``start="penultimate"`` also takes the published code's first window: the last block of p days but
one. What the unit then says of the last block, which is known, counts as the first days of the
forecast all the same.

References
----------
LSTM-RPA: "LSTM-RPA: A Simple but Effective Long Sequence Prediction Algorithm for Music Popularity
Prediction", section 3; and the code published with it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, get_args

import numpy as np

from spdkit.common.parameters import Allowed, OneOf, Whole, check_parameters
from spdkit.forecast.data.checks import ForecastError
from spdkit.forecast.data.long_table import check_horizon
from spdkit.forecast.data.panel import Numbers

Mode = Literal["aligned", "reference"]
Start = Literal["last", "penultimate"]
Unit = Callable[[Numbers], Numbers]
Windows = Literal["reference", "sliding"]
WINDOWS = OneOf(*get_args(Windows))


@dataclass(frozen=True)
class Rolling:
    """How a unit's window moves.

    Attributes
    ----------
    shift : int
        s, days from one window to the next, at least 1.
    mode : {"aligned", "reference"}
    start : {"last", "penultimate"}
        Which block of the history is the first window.

    Raises
    ------
    ForecastError
        When one of them is none of these.
    """

    shift: int
    mode: Mode = "aligned"
    start: Start = "last"

    _parameter_constraints: ClassVar[Mapping[str, Allowed]] = {
        "shift": Whole(),
        "mode": OneOf(*get_args(Mode)),
        "start": OneOf(*get_args(Start)),
    }

    def __post_init__(self) -> None:
        check_parameters(vars(self), self._parameter_constraints, ForecastError)

    def check(self, p: int, q: int) -> None:
        """Refuse a unit that cannot be rolled like this.

        Parameters
        ----------
        p, q : int
            Days that the unit sees, and days that it gives.

        Raises
        ------
        ForecastError
        """
        if self.mode == "reference" and q != p:
            raise ForecastError(
                f"mode='reference' needs a unit that gives as many days as it sees: it sees "
                f"p={p} and gives q={q}. Take mode='aligned', or q=p."
            )
        if self.shift > min(p, q):
            raise ForecastError(
                f"a unit that sees p={p} days and gives q={q} can be shifted by 1 to {min(p, q)}, "
                f"got shift={self.shift}"
            )

    def rows(self, p: int) -> int:
        """Days of history that the first window reaches back."""
        return 2 * p if self.start == "penultimate" else p

    def added(self, q: int) -> int:
        """Days that each call adds to the forecast."""
        return q if self.mode == "reference" else self.shift


def roll_all(
    unit: Unit,
    history: Numbers,
    h: int,
    p: int,
    q: int,
    rollings: Sequence[Rolling],
    clip: tuple[float, float] | None = None,
) -> list[Numbers]:
    """Forecast `h` days in several ways by one unit, their windows side by side in each call.

    Parameters
    ----------
    unit : callable
        From windows, shape (n_models, n_windows, p, n_features), to what follows each, shape
        (n_models, n_windows, q, n_features). Model m sees the windows ``[m]`` alone.
    history : ndarray, shape (n_models, n_days, n_features)
        Of which the end is used: p days, or 2p from the penultimate block.
    h, p, q : int
        Days to forecast, that the unit sees, and that it gives.
    rollings : sequence of Rolling
    clip : (low, high), optional
        What values are held within before they are emitted and fed back; in the aligned mode
        alone.

    Returns
    -------
    list of ndarray of float64, shape (n_models, h, n_features)
        One for each of `rollings`.

    Raises
    ------
    ForecastError
        When p, q and a shift do not go together, the history is too short, or the unit answers in
        another shape.
    """
    h = check_horizon(h)
    for rolling in rollings:
        rolling.check(p, q)
    calls = [-(-h // rolling.added(q)) for rolling in rollings]
    streams = [
        _stream(history, p, rolling, rolling.added(q) * n)
        for rolling, n in zip(rollings, calls, strict=True)
    ]
    for k in range(max(calls, default=0)):
        running = [i for i, n in enumerate(calls) if k < n]
        starts = [k * rollings[i].shift for i in running]
        windows = [streams[i][:, at : at + p] for i, at in zip(running, starts, strict=True)]
        answers = _answers(unit, np.stack(windows, axis=1), q)
        for place, i in enumerate(running):
            added = rollings[i].added(q)
            values = answers[:, place, :added]
            if clip is not None and rollings[i].mode == "aligned":
                values = values.clip(*clip)
            streams[i][:, p + k * added : p + (k + 1) * added] = values
    return [stream[:, p : p + h] for stream in streams]


def _stream(history: Numbers, p: int, rolling: Rolling, n_added: int) -> Numbers:
    """The first window, and room for all that follows."""
    n_models, n_days, n_features = history.shape
    back = rolling.rows(p)
    if n_days < back:
        raise ForecastError(
            f"a first window of p={p} days, start={rolling.start!r}, reaches {back} days back, the "
            f"history has {n_days}"
        )
    first = history[:, n_days - back : n_days - back + p]
    room = np.full((n_models, n_added, n_features), np.nan)
    return np.concatenate([first, room], axis=1)


def _answers(unit: Unit, windows: Numbers, q: int) -> Numbers:
    answers = unit(windows)
    n_models, n_windows, _, n_features = windows.shape
    expected = (n_models, n_windows, q, n_features)
    if answers.shape != expected:
        raise ForecastError(
            f"the unit made {answers.shape} of windows {windows.shape}, expected {expected}"
        )
    return answers


def least_days(windows: Windows, p: int, q: int) -> int:
    """Days of the shortest series that gives a training pair.

    Raises
    ------
    ForecastError
        When there are no such windows, or ``reference`` is asked for q other than p.
    """
    check_parameters({"windows": windows}, {"windows": WINDOWS}, ForecastError)
    if windows == "reference" and q != p:
        raise ForecastError(
            f"windows='reference' pairs blocks of p={p} days with the next p, not with q={q}: take "
            f"windows='sliding', or q=p"
        )
    # Of one pair of blocks, ⌊0.8⌋ = 0 train: two pairs, or three blocks.
    return 3 * p if windows == "reference" else p + q


def cut(values: Numbers, p: int, q: int, windows: Windows) -> tuple[Numbers, Numbers]:
    """Cut series of one length into training pairs, the earliest first.

    Parameters
    ----------
    values : ndarray, shape (n_series, n_days, n_features)
    p, q : int
    windows : {"reference", "sliding"}

    Returns
    -------
    X : ndarray, shape (n_series, n_pairs, p, n_features)
    Y : ndarray, shape (n_series, n_pairs, q, n_features)

    Raises
    ------
    ForecastError
        As `least_days` does, or when there are too few days for a pair.
    """
    n_series, n_days, n_features = values.shape
    if n_days < (least := least_days(windows, p, q)):
        raise ForecastError(
            f"windows={windows!r} with p={p} and q={q} need {least} days, got {n_days}"
        )
    if windows == "sliding":
        whole = np.lib.stride_tricks.sliding_window_view(values, p + q, axis=1)
        whole = whole.swapaxes(2, 3)  # the view has its window last
        return whole[:, :, :p], whole[:, :, p:]
    blocks = values[:, n_days % p :].reshape(n_series, n_days // p, p, n_features)
    n_pairs = n_days // p - 1
    trained = n_pairs * 4 // 5  # in whole numbers: 0.8 itself is no binary fraction
    first = n_pairs - trained
    return blocks[:, first:-1], blocks[:, first + 1 :]
