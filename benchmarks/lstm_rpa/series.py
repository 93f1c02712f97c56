"""Series of plays by artist: what is learned from, and what it is scored on.

Conventions
-----------
Two periods: ``full`` ends with the training period and is scored on the test rows that follow it;
``inner`` ends one horizon earlier and is scored on validation rows, the last of the training
period. Panels hold nothing but what is learned from: no fit can see what it is scored on.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from spdkit.catalogs import tianchi
from spdkit.common.errors import SpdkitError
from spdkit.forecast.data.long_table import check_frame
from spdkit.forecast.data.panel import Panel
from spdkit.forecast.scoring.metrics import FScore, Zero, f_score

Numbers = NDArray[np.float64]
PERIODS = ("inner", "full")
EXOG = ("downloads", "collects", "listeners")
FILE, TRAIN_TO, HORIZON = "artist_daily_p1.csv.gz", "2015-07-31", 30
DROPPED = "2b7fedeea967becd9408b896de8ff903"  # it has days without plays, in August too


@dataclass(frozen=True, eq=False)
class Period:
    """What is learned from, and the rows after it.

    Attributes
    ----------
    panel : Panel
        Plays as y, and `EXOG`.
    y : ndarray of float64, shape (n_series, h)
        Plays of the rows after it.
    days : DatetimeIndex, length h
    """

    panel: Panel
    y: Numbers
    days: pd.DatetimeIndex

    @property
    def rows(self) -> str:
        """The rows that are scored, in words."""
        return f"{self.days[0]:%Y-%m-%d} to {self.days[-1]:%Y-%m-%d}"


@dataclass(frozen=True, eq=False)
class PlaySeries:
    """Artists by day.

    Attributes
    ----------
    file : str
        Name of the file.
    dropped : tuple of str
        Artists of the file that are left out.
    zero : {"refuse", "skip"}
        What F does with days without plays.
    periods : dict of str to Period
        By `PERIODS`.
    digest : str
        Of everything that is learned from or scored on, in hexadecimal.
    """

    file: str
    dropped: tuple[str, ...]
    zero: Zero
    periods: dict[str, Period]
    digest: str

    @property
    def panels(self) -> dict[str, Panel]:
        """What is learned from, by period."""
        return {name: period.panel for name, period in self.periods.items()}

    def score(self, period: str, forecast: Numbers) -> FScore:
        """F of forecasts for the rows after a period, shape (n_series, h)."""
        truth = self.periods[period]
        return f_score(truth.y, forecast, zero=self.zero, ids=truth.panel.ids, ds=truth.days)


def load(
    path: Path, train_to: str, h: int, drop: Sequence[str] | None = None, zero: Zero = "refuse"
) -> PlaySeries:
    """Read a table of artists by day, and split it.

    Parameters
    ----------
    path : Path
        As `tianchi.read_artist_daily` takes it.
    train_to : str
        Last day of training.
    h : int
        Days of the test, and of the validation before it.
    drop : sequence of str, optional
        Artists to leave out. If not given, `DROPPED` where the file has it.
    zero : {"refuse", "skip"}

    Raises
    ------
    SpdkitError
        When the file cannot be used, an artist to leave out is not in it, or one of the others has
        no row on the last day of training or on one of the `h` days after it; or there are
        fewer than two.
    """
    frame = tianchi.read_artist_daily(path)
    artists = set(frame["unique_id"])
    dropped = tuple(drop) if drop is not None else tuple({DROPPED} & artists)
    if missing := [name for name in dropped if name not in artists]:
        raise SpdkitError(f"{path}: there is no artist {missing[0]} to leave out")
    frame = frame[~frame["unique_id"].isin(dropped)].reset_index(drop=True)
    if frame["unique_id"].nunique() < 2:
        raise SpdkitError(f"{path}: fewer than 2 artists: intervals need others to draw from")
    last = pd.Timestamp(train_to)
    days = pd.date_range(last, periods=h + 1)
    _require_days(path, frame, days)
    train = check_frame(frame[frame["ds"] <= last], freq="D", exog=EXOG)
    test = check_frame(frame[(frame["ds"] > last) & (frame["ds"] <= days[-1])], freq="D")
    train.require(h + 1, f"the last {h} are for validation")
    periods = {
        "inner": Period(train.without_last(h), train.last(h), pd.date_range(end=last, periods=h)),
        "full": Period(train, test.last(h), days[1:]),
    }
    digest = hashlib.sha256(panel_digest(train).encode())
    digest.update(periods["full"].y.tobytes())
    return PlaySeries(path.name, dropped, zero, periods, digest.hexdigest())


def panel_digest(panel: Panel) -> str:
    """What tells a panel from any other, in hexadecimal."""
    digest = hashlib.sha256("\n".join([*map(str, panel.ids), *panel.exog.columns]).encode())
    days = panel.ds.to_numpy().astype("datetime64[s]").astype(np.int64)
    for array in (panel.indptr, days, panel.y, panel.exog.to_numpy()):
        digest.update(f"{array.dtype.str}{array.shape}".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def _require_days(path: Path, frame: pd.DataFrame, days: pd.DatetimeIndex) -> None:
    """Refuse an artist without a row on one of the days that are scored, or the one before."""
    present = frame[frame["ds"].isin(days)].groupby("unique_id", sort=False)["ds"].nunique()
    counts = present.reindex(frame["unique_id"].unique(), fill_value=0)
    short = counts[counts < len(days)]
    if len(short):
        raise SpdkitError(
            f"{path}: artist {short.index[0]} has {short.iloc[0]} of the {len(days)} days "
            f"{days[0]:%Y-%m-%d} to {days[-1]:%Y-%m-%d}, the last of training and those of the "
            f"test ({len(short)} such artists). Give another --train-to, or leave it out by --drop"
        )
