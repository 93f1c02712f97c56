"""Horizons' fits: every model learns once, before the dates that are scored, and forecasts them.

Conventions
-----------
Forecast are songs that are in the chart on the origin and so many steps later; each model sees what
is known on the origin. Models that need a series without a hole (`with_units`) take a song's stay
in the chart up to the origin, in which a single missing date is interpolated.

- `with_units`: boosting learns from all stays of all songs, and is asked of stays that it has not
  seen; units are those of songs that have been in the chart for `UNIT_ROWS` before the dates that
  are scored, each of its last stay, of which the last rows are learned from (as many as in
  `UNIT_ROWS`: units of one length train together). A song without a unit, or that has been back for
  less than a unit's window, is forecast by boosting alone.
- Nets are pooled: one reads each song of all regions by itself, and is rolled. Side by side they
  learn from the songs that are in the chart on every date that is scored, without validation dates:
  a song that came in on these would have no scale.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import clone

from benchmarks.charts.past_forecasts import forecasts
from benchmarks.charts.report_fits import CELLS, SETTINGS, USUAL
from benchmarks.charts.spans import Span, spans
from benchmarks.common.journal import Arrays, Journal
from spdkit import __version__
from spdkit.common.serialization import part_of
from spdkit.forecast.charts.chart_forecaster import ChartForecaster
from spdkit.forecast.charts.chart_model import ChartModel
from spdkit.forecast.charts.chart_table import ChartTable
from spdkit.forecast.charts.song_matrix import SongMatrix, read_matrix
from spdkit.forecast.data.panel import Columns, Numbers, Panel
from spdkit.forecast.models.base import Forecaster
from spdkit.forecast.models.recommended import UNIT_DAYS, with_units
from spdkit.forecast.models.serialization import to_record

# Raised when fits of the same parameters give other numbers in the same version: ours, and others.
OUR_BEHAVIOUR, BEHAVIOUR = 2, 1
KEYS = ["region", "track_id", "cutoff", "ds"]
UNIT_ROWS = (21, 42, 84, 154)
EPOCHS = 30
MOST_ROWS = 2_000_000  # of a chart times epochs, that a pooled net learns from
BOOSTED_ROWS = 56  # of a stay, that boosting sees from an origin
_AT_A_TIME = 500  # origins whose units are in memory
Places = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class ScoredChart:
    """Charts of one step, and what is scored of them.

    Attributes
    ----------
    table : ChartTable
    dates : int
        The last of each region, that are scored.
    steps : tuple of int
        How many dates ahead.
    """

    table: ChartTable
    dates: int
    steps: tuple[int, ...]
    digest: str = field(init=False)

    def __post_init__(self) -> None:
        rows = pd.util.hash_pandas_object(self.table.frame, index=False).to_numpy()
        digest = hashlib.sha256(rows.tobytes() + str(self.dates).encode())
        object.__setattr__(self, "digest", digest.hexdigest())

    @property
    def daily(self) -> bool:
        """Whether it is a chart of days; else of weeks."""
        return self.table.freq == "D"

    @property
    def season(self) -> int:
        """Dates of the season: a week of days, or a year of weeks."""
        return 7 if self.daily else 52

    def every_date(self, region: str) -> list[str]:
        """Songs that are in a region's chart on each of the dates that are scored."""
        rows = self.table.frame[self.table.frame["region"] == region]
        since = rows["ds"].max() - (self.dates - 1) * self.table.step
        count = rows[rows["ds"] >= since]["track_id"].value_counts()
        return sorted(count.index[count == self.dates])


@dataclass(frozen=True)
class Fit:
    """A model of a chart, and the steps that it is asked for."""

    chart: str
    model: str
    steps: tuple[int, ...]

    def __str__(self) -> str:
        return f"{self.chart}: {self.model}, {', '.join(map(str, self.steps))} ahead"


@dataclass(frozen=True, eq=False)
class FitResult:
    """Forecasts with `KEYS`, and the CPU seconds of fit and forecasts."""

    frame: pd.DataFrame
    seconds: float


def fits(charts: Mapping[str, ScoredChart]) -> Iterator[Fit]:
    """Every fit: ours, and boosting, for each step by itself."""
    for name, chart in charts.items():
        for step in chart.steps:
            yield Fit(name, "ours", (step,))
            yield Fit(name, "boosting", (step,))
        for model in ("units", *CELLS):
            yield Fit(name, model, chart.steps)
        if chart.daily and 1 in chart.steps and len(chart.table.regions) == 1:
            for cell in CELLS:
                yield Fit(name, f"{cell}_matrix", (1,))


def compute(fit: Fit, charts: Mapping[str, ScoredChart]) -> FitResult:
    """Fit and forecast."""
    start, chart = time.process_time(), charts[fit.chart]
    if fit.model == "ours":
        frame = forecasts(chart.table, ours(chart, fit.steps), chart.dates, fit.steps, chart.season)
    else:
        parts = [_of_span(fit, chart, span) for span in spans(chart.table, chart.dates)]
        frame = pd.concat(parts, ignore_index=True)
    return FitResult(frame, time.process_time() - start)


def ours(chart: ScoredChart, steps: tuple[int, ...]) -> ChartModel:
    """As `next_day.py` and `weeks_ahead.py` set it."""
    return ChartModel(max(steps), steps=list(steps), loss="streams" if chart.daily else "log")


def net(model: str, rows: int) -> ChartForecaster:
    """As `tables.py` sets it: a cell, with "_matrix" behind it side by side.

    A pooled net passes over so many rows of the chart less often.
    """
    cell, _, kind = model.partition("_")
    return ChartForecaster(
        cell,  # type: ignore[arg-type]
        songs="matrix" if kind else "pooled",
        lookback=USUAL,
        epochs=EPOCHS if kind else max(1, min(EPOCHS, MOST_ROWS // rows)),
        max_missing=1.0,
        validation=0.0 if kind else 0.1,
        **SETTINGS[kind or "pooled"],
    )


def _of_span(fit: Fit, chart: ScoredChart, span: Span) -> pd.DataFrame:
    stays = _Stays.of(span)
    if fit.model.endswith("_matrix"):
        (region,) = span.regions
        return _side_by_side(net(fit.model, 1), stays, chart.every_date(region), fit.model)
    if fit.model == "boosting":
        return _boosting(stays, fit.steps, chart.season if chart.daily else 1)
    if fit.model == "units":
        return _rolled_units(stays, fit.steps)
    model = net(fit.model, len(chart.table.frame))
    return _rolled(model, stays, fit.steps, fit.model)


# Songs in a chart, and where forecasts begin


@dataclass(frozen=True, eq=False)
class _Origins:
    """Rows of a matrix and songs, of which a step is asked, each shape (n_origins,)."""

    row: Places
    song: Places
    step: int

    def __len__(self) -> int:
        return len(self.row)


@dataclass(frozen=True, eq=False)
class _Stays:
    """Songs of all regions side by side, by date.

    Attributes
    ----------
    matrix : SongMatrix
        Of region and track, "PH/…".
    first : int
        Row of the first date that is scored.
    scored : ndarray of bool, shape (n_songs,)
        Whether the song's region is scored.
    since : ndarray of int, shape (n_dates, n_songs)
        Row on which the stay of the song in the chart began.
    """

    matrix: SongMatrix
    first: int
    scored: NDArray[np.bool_]
    since: Places

    @classmethod
    def of(cls, span: Span) -> _Stays:
        frame = span.until.frame
        rows = frame[["ds", "streams"]].assign(song=frame["region"] + "/" + frame["track_id"])
        names = {"id_col": "song", "time_col": "ds", "target_col": "streams"}
        matrix = read_matrix(rows, freq=span.until.freq, **names)  # type: ignore[arg-type]
        scored = matrix.songs.str.partition("/").get_level_values(0).isin(span.regions)
        row = np.arange(len(matrix))[:, None]
        out = np.where(np.isnan(matrix.streams), row, -1)
        since = np.maximum.accumulate(out, axis=0) + 1
        return cls(matrix, int(matrix.dates.get_loc(span.since)), scored, since)

    @property
    def past(self) -> SongMatrix:
        """What lies before the dates that are scored."""
        return self.matrix.until(self.first)

    def origins(self, step: int) -> _Origins:
        """Of songs in the chart then and on the date that is forecast."""
        observed = self.matrix.observed & self.scored
        begin, end = self.first - step, len(self.matrix) - step
        row, song = np.nonzero(observed[begin:end] & observed[self.first :])
        return _Origins(row + begin, song, step)

    def before(self, origins: _Origins, most: int) -> Panel:
        """The stay of each origin's song up to it, at most so many rows."""
        since = np.maximum(self.since[origins.row, origins.song], origins.row + 1 - most)
        return _panel(self.matrix, origins.song, since, origins.row + 1)

    def forecasts(self, origins: _Origins, column: str, values: Numbers) -> pd.DataFrame:
        """Values of origins, with `KEYS`."""
        names, dates = self.matrix.songs[origins.song].str.partition("/"), self.matrix.dates
        keys = (names.get_level_values(0), names.get_level_values(2))
        keys += (dates[origins.row], dates[origins.row + origins.step])
        return pd.DataFrame(dict(zip(KEYS, keys, strict=True)) | {column: values})


def _panel(matrix: SongMatrix, song: Places, since: Places, stop: Places) -> Panel:
    """Rows `since` to `stop` (not included) of songs, each a series."""
    lengths = stop - since
    indptr = np.concatenate([[0], np.cumsum(lengths)])
    row = np.repeat(since - indptr[:-1], lengths) + np.arange(indptr[-1])
    return Panel(
        ids=matrix.songs[song],
        indptr=indptr,
        ds=matrix.dates[row],
        y=matrix.streams[row, np.repeat(song, lengths)],
        exog=pd.DataFrame(index=pd.RangeIndex(len(row))),
        freq=matrix.freq,
        columns=Columns(),
    )


def _stays_of(matrix: SongMatrix) -> tuple[Places, Places, Places]:
    """Song, first row, and row behind the last of every stay, in the order of songs and time."""
    there = np.pad(np.isfinite(matrix.streams), ((1, 1), (0, 0))).astype(np.int8)
    turns = np.diff(there, axis=0).T
    song, since = np.nonzero(turns > 0)
    return song, since, np.nonzero(turns < 0)[1]


# Boosting and units


def _boosting(stays: _Stays, steps: tuple[int, ...], season_length: int) -> pd.DataFrame:
    past = stays.past
    learned = _panel(past, *_stays_of(past))
    parts = []
    for step in steps:
        boosting, _ = with_units(step, season_length=season_length).forecasters
        boosting.fit_panel(learned)
        origins = stays.origins(step)
        boosting.panel_ = stays.before(origins, BOOSTED_ROWS)
        parts.append(stays.forecasts(origins, "boosting", _ahead(boosting, step)))
    return pd.concat(parts, ignore_index=True)


def _rolled_units(stays: _Stays, steps: tuple[int, ...]) -> pd.DataFrame:
    """Of origins whose song has a unit."""
    units, column = _units(stays)
    state = part_of(units.saved_state()[1], "state.")
    parts = []
    for step in steps:
        origins = stays.origins(step)
        stay = origins.row + 1 - stays.since[origins.row, origins.song]
        own = np.flatnonzero((column[origins.song] >= 0) & (stay >= max(UNIT_DAYS)))
        for some in np.split(own, range(_AT_A_TIME, len(own), _AT_A_TIME)):
            those = _Origins(origins.row[some], origins.song[some], step)
            weights = {name: each[column[those.song]] for name, each in state.items()}
            asked = clone(units).restore_panel(stays.before(those, max(UNIT_DAYS)), weights)
            parts.append(stays.forecasts(those, "units", _ahead(asked, step)))
    return pd.concat(parts, ignore_index=True)


def _units(stays: _Stays) -> tuple[Forecaster, Places]:
    """Units, fitted, and the place of each song's; -1 where it has none, shape (n_songs,)."""
    past = stays.past
    song, since, stop = _stays_of(past)
    last = np.append(song[1:] != song[:-1], True)
    asked = (stop - since >= UNIT_ROWS[0]) & stays.scored[song] & last
    # None but songs that come up again.
    asked &= stays.matrix.observed[stays.first :].any(axis=0)[song]
    song, since, stop = song[asked], since[asked], stop[asked]
    rows = np.array(UNIT_ROWS)
    rows = rows[np.searchsorted(rows, stop - since, side="right") - 1]
    column = np.full(len(stays.matrix.songs), -1)
    column[song] = np.arange(len(song))
    units = with_units(1).forecasters[1]
    return units.fit_panel(_panel(past, song, stop - rows, stop)), column


def _ahead(fitted: Forecaster, step: int) -> Numbers:
    """Forecast so many steps behind the series that it has, shape (n_series,)."""
    forecast = fitted.predict(step)[fitted.label].to_numpy().reshape(-1, step)[:, -1]
    return np.array(forecast)


# Nets


def _rolled(
    model: ChartForecaster, stays: _Stays, steps: tuple[int, ...], column: str
) -> pd.DataFrame:
    """A pooled net; each origin's window is a column that grows by what the net says."""
    fitted = model.fit_matrix(stays.past)
    parts = []
    for step in steps:
        origins = stays.origins(step)
        rows = origins.row + np.arange(1 - USUAL, 1)[:, None], origins.song
        window, interpolated = stays.matrix.streams[rows], stays.matrix.interpolated[rows]
        room = np.full((1, len(origins)), np.nan)
        for _ in range(step):
            columns = SongMatrix(
                dates=stays.matrix.dates[: USUAL + 1],
                songs=pd.RangeIndex(len(origins)),
                streams=np.concatenate([window, room]),
                interpolated=np.concatenate([interpolated, np.isfinite(room)]),
                freq=stays.matrix.freq,
            )
            forecast = fitted.next_dates(columns, USUAL)
            window = np.concatenate([window[1:], forecast])
            interpolated = np.concatenate([interpolated[1:], np.isnan(forecast)])
        parts.append(stays.forecasts(origins, column, window[-1]))
    return pd.concat(parts, ignore_index=True)


def _side_by_side(
    model: ChartForecaster, stays: _Stays, songs: list[str], column: str
) -> pd.DataFrame:
    chosen = stays.matrix.songs.str.partition("/").get_level_values(2).isin(songs)
    matrix = stays.matrix.take(chosen)
    fitted = model.fit_matrix(matrix.until(stays.first))
    forecast = np.full((len(matrix) - stays.first, len(chosen)), np.nan)
    learned = matrix.songs.isin(fitted.matrix_.songs)
    forecast[:, np.flatnonzero(chosen)[learned]] = fitted.next_dates(
        matrix.take(learned), stays.first
    )
    origins = stays.origins(1)
    values = forecast[origins.row + 1 - stays.first, origins.song]
    return stays.forecasts(origins, column, values).dropna()


# Results in files


def journal_of(folder: Path, charts: Mapping[str, ScoredChart]) -> Journal[Fit, FitResult]:
    """Results of fits on charts."""

    def key(fit: Fit) -> str:
        chart, behaviour, record = charts[fit.chart], BEHAVIOUR, None
        if fit.model == "ours":
            behaviour, record = OUR_BEHAVIOUR, to_record(ours(chart, fit.steps))
        elif fit.model.split("_")[0] in CELLS:
            record = to_record(net(fit.model, len(chart.table.frame)))
        parts = [behaviour, __version__, chart.digest, fit.model, fit.steps, record]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]

    return Journal(folder, key, _packed, _unpacked)


def _packed(fit: Fit, result: FitResult) -> Arrays:
    frame = result.frame
    texts = {name: frame[name].to_numpy("U") for name in ("region", "track_id")}
    return {
        "fit": np.array(str(fit)),
        "seconds": result.seconds,
        **{f"column.{name}": frame[name].to_numpy() for name in frame.columns.drop([*texts])},
        **{f"column.{name}": values for name, values in texts.items()},
    }


def _unpacked(arrays: Arrays) -> FitResult:
    frame = pd.DataFrame(part_of(arrays, "column."))
    return FitResult(frame.astype({"region": "str", "track_id": "str"}), float(arrays["seconds"]))
