"""Song features: what charts so far tell of a song that stands in one, as numbers for trees.

Conventions
-----------
An origin is a date and a song that is in the chart of a region on that date. Its features are made
of rows of that date and before, of all regions, and of nothing else; what is not known is NaN. All
regions share one clock: dates are counted in steps (days or weeks) from the first date of any.

A level is the natural logarithm of a song's streams above the median of that date's chart: markets
grow tenfold in the years of one table, and levels do not. A song that gets another id (a release
under another label, an album after the single) is the same work: title and first artist.

Features that are the same for all songs of a date (the market's move, the weekday) belong to charts
of days alone: a chart of weeks has too few dates to learn from them, and so have the days of a year
even there. In validation inside the training span they cost more than they brought.

References
----------
CS137 report (lags and weekday of the Philippine chart); Montero-Manso and Hyndman (2021) for one
model of all series.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from spdkit.common.text import composed
from spdkit.forecast.charts.chart_table import ChartTable, RegionChart

Floats = NDArray[np.float32]
Whole = NDArray[np.int64]
Columns = dict[str, NDArray[Any]]

_VERSIONS = {
    "has_guest": r"feat|with |ft\.",
    "is_soundtrack": r"\(from|from \"",
    "is_remix": r"remix|version|mix",
    "is_other_take": r"live|acoustic|intro|outro|interlude|skit",
}
_NEXT_ARTIST = re.compile(r"\s*[,;]\s|\s(?:feat|ft|featuring)\b", re.IGNORECASE)
_MARKET_LAGS = (1, 4, 8)  # days
_SHRINKAGE = 2.0  # songs' worth of the region's mean beside an artist's own


@dataclass(frozen=True)
class Spans:
    """Steps that features look back over, of charts of days or of weeks.

    Attributes
    ----------
    lags : tuple of int
        Of changes of the level.
    recent : int
        Lags up to here are also told one step at a time.
    decays : tuple of int
        Steps after a debut over which an artist's earlier songs are looked at.
    month : int
        Steps in four weeks.
    season, seasons : int
        Steps in a season, and how many past ones tell what comes.
    """

    lags: tuple[int, ...]
    recent: int
    decays: tuple[int, ...]
    month: int
    season: int
    seasons: int


DAYS = Spans((1, 2, 3, 4, 5, 6, 7, 14, 28), 7, (1, 7, 28), 28, 7, 4)
WEEKS = Spans((1, 2, 3, 4, 5, 6, 8), 4, (1, 4, 8), 4, 1, 1)


@dataclass(frozen=True, eq=False)
class Origins:
    """Songs in the chart of a region, at dates from which they are forecast.

    Attributes
    ----------
    date : ndarray of int64, shape (n_origins,)
        Rows of the matrices of a `RegionHistory`: steps on the common clock.
    song : ndarray of int64, shape (n_origins,)
        Their columns.
    """

    date: Whole
    song: Whole

    def __len__(self) -> int:
        return len(self.date)

    def at(self, chosen: NDArray[np.bool_] | Whole) -> Origins:
        """Some of them."""
        return Origins(self.date[chosen], self.song[chosen])


@dataclass(frozen=True, eq=False)
class RegionHistory:
    """Chart of one region on the clock that all regions share.

    Attributes
    ----------
    name : str
    first, last : int
        Steps of its first and last date.
    ids : Index of str, length n_songs
    log_streams, positions : ndarray of float32, shape (n_steps, n_songs)
        NaN where the song is not in the chart.
    song : ndarray of int64, shape (n_songs,)
        Place of each column's song among the songs of all regions.
    work, artist : ndarray of int64, shape (n_songs,)
        Numbers of its work and its first artist, over all regions.
    titles : ndarray of str, shape (n_songs,)
        Lower case.
    """

    name: str
    first: int
    last: int
    ids: pd.Index[str]
    log_streams: Floats
    positions: Floats
    song: Whole
    work: Whole
    artist: Whole
    titles: NDArray[np.object_]

    @cached_property
    def present(self) -> NDArray[np.bool_]:
        """Whether a song is in the chart, shape (n_steps, n_songs)."""
        return np.isfinite(self.log_streams)

    @cached_property
    def median(self) -> Floats:
        """Median of the logarithms of a date, shape (n_steps,)."""
        return _of_dates(np.nanmedian, self.log_streams)

    @cached_property
    def lowest(self) -> Floats:
        """Log streams of a date's last place, shape (n_steps,)."""
        return _of_dates(np.nanmin, self.log_streams)

    @cached_property
    def level(self) -> Floats:
        """Log streams above the date's median, shape (n_steps, n_songs)."""
        return self.log_streams - self.median[:, None]

    @cached_property
    def entry(self) -> Whole:
        """Step of each song's first date in the chart, shape (n_songs,)."""
        entry: Whole = self.present.argmax(axis=0)
        return entry

    @cached_property
    def peak(self) -> Floats:
        """Highest level so far, NaN before the entry, shape (n_steps, n_songs)."""
        peak: Floats = np.fmax.accumulate(self.level, axis=0)
        return peak

    @cached_property
    def debuts(self) -> NDArray[np.bool_]:
        """Whether a date is a song's first in the chart; none on the chart's own first date."""
        steps = np.arange(len(self.present))[:, None]
        debuts: NDArray[np.bool_] = (steps == self.entry) & (steps > self.first)
        return debuts

    @cached_property
    def market(self) -> Floats:
        """Market's moves: median over songs of the change since the step before, (n_steps,)."""
        return np.append(np.float32(np.nan), self.moves(1)[:-1])

    @cached_property
    def rows(self) -> Origins:
        """All songs on all dates on which they are in the chart, date by date."""
        return Origins(*np.nonzero(self.present))

    @cached_property
    def market_streams(self) -> Floats:
        """Market's moves by streams: change of the sum over songs that are there on both dates."""
        both = self.present[1:] & self.present[:-1]
        streams = np.exp(self.log_streams)
        later, earlier = (
            np.where(both, part, 0).sum(axis=1) for part in (streams[1:], streams[:-1])
        )
        moves = np.full(len(streams), np.nan, np.float32)
        counted = earlier > 0
        moves[1:][counted] = np.log(later[counted] / earlier[counted])
        return moves

    def moves(self, steps: int) -> Floats:
        """Median over songs of the change over the next `steps`, of each date, (n_steps,)."""
        change = np.full_like(self.log_streams, np.nan)
        change[:-steps] = self.log_streams[steps:] - self.log_streams[:-steps]
        return _of_dates(np.nanmedian, change)

    def change(self, origins: Origins, steps: Whole | int) -> Floats:
        """Change of log streams over the next `steps`; NaN where the song is not there then."""
        then = _at(self.log_streams, origins.date + steps, origins.song)
        return then - _at(self.log_streams, origins.date, origins.song)


@dataclass(frozen=True, eq=False)
class ChartHistory:
    """Charts of all regions on one clock.

    Attributes
    ----------
    dates : DatetimeIndex, length n_steps
    freq : str
    regions : mapping of str to RegionHistory
    n_songs, n_works, n_artists : int
        Over all regions.
    """

    dates: pd.DatetimeIndex
    freq: str
    regions: Mapping[str, RegionHistory]
    n_songs: int
    n_works: int
    n_artists: int

    @classmethod
    def of(cls, table: ChartTable) -> ChartHistory:
        """Lay out a checked chart on one clock."""
        ds = table.frame["ds"]
        dates = pd.date_range(ds.min(), ds.max(), freq=table.freq, unit="ns")
        songs = table.songs.fillna("")
        titles = np.array([composed(title).casefold() for title in songs["title"]], dtype=object)
        named = [first_artist(credit) for credit in songs["artist"]]
        artist, artists = pd.factorize(np.array(named, dtype=object))
        work, works = pd.factorize(pd.Series(titles) + "\0" + pd.Series(named, dtype=object))
        regions = {}
        for name in table.regions:
            chart = table.region(name)
            song = songs.index.get_indexer(chart.songs)
            regions[name] = _on_clock(chart, dates, song, work[song], artist[song], titles[song])
        return cls(dates, table.freq, regions, len(songs), len(works), len(artists))

    @property
    def daily(self) -> bool:
        """Whether a step is a day, and not a week."""
        return self.freq == "D"

    @property
    def spans(self) -> Spans:
        """What features look back over."""
        return DAYS if self.daily else WEEKS

    @cached_property
    def song_entry(self) -> NDArray[np.float64]:
        """Step of each song's first date in any chart, shape (n_songs,)."""
        return self._earliest(self.n_songs, lambda region: region.song)

    @cached_property
    def work_entry(self) -> NDArray[np.float64]:
        """Step of each work's first date in any chart, shape (n_works,)."""
        return self._earliest(self.n_works, lambda region: region.work)

    def _earliest(self, n: int, groups: Callable[[RegionHistory], Whole]) -> NDArray[np.float64]:
        earliest = np.full(n, np.inf)
        for region in self.regions.values():
            np.minimum.at(earliest, groups(region), region.entry)
        return earliest


def song_features(history: ChartHistory, region: RegionHistory) -> Columns:
    """Features of all songs of a region on all dates on which they are in its chart.

    Parameters
    ----------
    history : ChartHistory
    region : RegionHistory
        One of them.

    Returns
    -------
    dict of str to ndarray of shape (n_rows,)
        In the order of `RegionHistory.rows`.
    """
    parts = [_stand, _changes, _age, _title, _artist, _decays, _elsewhere]
    columns: Columns = {}
    for part in [*parts, _market] if history.daily else parts:
        columns |= part(history, region, region.rows)
    return columns


def step_features(
    history: ChartHistory, region: RegionHistory, origins: Origins, steps: Whole
) -> Columns:
    """Features of what is asked: how many steps ahead, and how the same steps went before.

    On charts of days these are the song's and the market's changes between the same two weekdays in
    the last four weeks that are known, and their means; on charts of weeks the song's last change
    over as many weeks.

    Parameters
    ----------
    history : ChartHistory
    region : RegionHistory
    origins : Origins
    steps : ndarray of int64, shape (n_origins,)

    Returns
    -------
    dict of str to ndarray of shape (n_origins,)
    """
    spans, date = history.spans, origins.date
    columns: Columns = {"steps": steps.astype(np.float32)}
    backs = [spans.season * (-(-steps // spans.season) + i) for i in range(spans.seasons)]
    columns |= _series(
        "same_steps",
        [
            _at(region.level, date + steps - back, origins.song)
            - _at(region.level, date - back, origins.song)
            for back in backs
        ],
    )
    if history.daily:
        for name in ("market", "market_streams"):
            moves = np.nancumsum(getattr(region, name)).astype(np.float32)
            columns |= _series(
                f"{name}_same_steps",
                [_at(moves, date + steps - back) - _at(moves, date - back) for back in backs],
            )
        own = [
            _at(region.log_streams, date + steps - back, origins.song)
            - _at(region.log_streams, date - back, origins.song)
            for back in backs
        ]
        columns |= _series("streams_same_steps", own)
        weekday = (history.dates[0].day_of_week + date + steps) % 7
        columns["weekday"] = weekday.astype(np.float32)
    return columns


def _series(name: str, values: Sequence[Floats]) -> Columns:
    columns: Columns = {f"{name}_{i + 1}": value for i, value in enumerate(values)}
    if len(values) > 1:
        columns[f"{name}_mean"] = _mean(values)
    return columns


def first_artist(credit: str) -> str:
    """First artist of a credit, whatever the others of the table are called.

    The name need not be whole ("Tyler" of "Tyler, The Creator"), only the same each time.
    """
    return _NEXT_ARTIST.split(composed(credit).strip(), maxsplit=1)[0].casefold()


def _stand(history: ChartHistory, region: RegionHistory, at: Origins) -> Columns:
    """Where the song stands in the chart of the date."""
    now = region.log_streams[at.date, at.song]
    highest = _of_dates(np.nanmax, region.log_streams)
    return {
        "level": region.level[at.date, at.song],
        "above_last": now - region.lowest[at.date],
        "below_first": highest[at.date] - now,
        "position": region.positions[at.date, at.song],
        "below_peak": region.peak[at.date, at.song] - region.level[at.date, at.song],
    }


def _changes(history: ChartHistory, region: RegionHistory, at: Origins) -> Columns:
    """Changes of its level, over several spans and step by step."""
    spans = history.spans
    now = region.level[at.date, at.song]
    columns: Columns = {
        f"change_{lag}": now - _at(region.level, at.date - lag, at.song) for lag in spans.lags
    }
    before = [_at(region.level, at.date - lag, at.song) for lag in range(spans.recent + 1)]
    steps = [later - earlier for later, earlier in pairwise(before)]
    columns |= {f"step_{lag}": step for lag, step in enumerate(steps) if lag}
    columns["above_mean"] = now - _mean(before[: spans.recent])
    squares = [step**2 for step in steps]
    columns["volatility"] = np.sqrt(_mean(squares))
    return columns


def _age(history: ChartHistory, region: RegionHistory, at: Origins) -> Columns:
    """How long the song is there, and its work under any id."""
    present = region.present
    entry = np.full(history.n_works, np.inf)
    np.minimum.at(entry, region.work, region.entry)
    work = region.work[at.song]
    steps = np.arange(len(present), dtype=np.int32)[:, None]
    absent = np.maximum.accumulate(np.where(present, -1, steps), axis=0)
    new_peak = np.maximum.accumulate(np.where(region.level >= region.peak, steps, -1), axis=0)
    columns: Columns = {
        "age": at.date - region.entry[at.song],
        "work_age": at.date - entry[work],
        "was_there_first": entry[work] <= region.first,
        "age_anywhere": at.date - history.song_entry[region.song[at.song]],
        "work_age_anywhere": at.date - history.work_entry[work],
        "steps_present": np.cumsum(present, axis=0, dtype=np.int32)[at.date, at.song],
        "run": at.date - np.maximum(absent[at.date, at.song], region.first - 1),
        "since_peak": at.date - new_peak[at.date, at.song],
    }
    return {name: np.asarray(value, np.float32) for name, value in columns.items()}


def _title(history: ChartHistory, region: RegionHistory, at: Origins) -> Columns:
    """What its title says it is."""
    titles = pd.Series(region.titles, dtype="str")
    kinds: Columns = {
        name: titles.str.contains(pattern).to_numpy(np.float32)
        for name, pattern in _VERSIONS.items()
    }
    kinds["title_length"] = titles.str.len().to_numpy(np.float32)
    return {name: kind[at.song] for name, kind in kinds.items()}


def _artist(history: ChartHistory, region: RegionHistory, at: Origins) -> Columns:
    """Stand and moves of its artist's other songs, and the artist's past in all regions."""
    spans, n_steps = history.spans, len(region.present)
    artists, columns_of = np.unique(region.artist, return_inverse=True)
    own, shape = columns_of[at.song], (n_steps, len(artists))
    level = region.level[at.date, at.song]
    debut = region.debuts[at.date, at.song]

    def summed(values: NDArray[Any]) -> Floats:
        """Sums by date and artist of values of all rows."""
        cells = np.zeros(shape, np.float32)
        np.add.at(cells, (at.date, own), values)
        return cells

    songs, debuts = summed(np.ones(len(at))), summed(debut)
    earlier = np.cumsum(debuts, axis=0) - debuts
    best = np.full(shape, -np.inf, np.float32)
    np.maximum.at(best, (at.date, own), level)
    career = _at(np.maximum.accumulate(best, axis=0), at.date - 1, own)
    here = np.cumsum(songs, axis=0)[at.date, own]
    anywhere = here.copy()
    for other in history.regions.values():
        if other is not region:
            theirs = np.zeros((n_steps, history.n_artists), np.float32)
            np.add.at(theirs, (other.rows.date, other.artist[other.rows.song]), 1.0)
            anywhere += np.cumsum(theirs, axis=0)[at.date, region.artist[at.song]]
    columns: Columns = {
        "artist_songs": songs[at.date, own],
        "artist_debuts": debuts[at.date, own],
        "artist_debuts_before": earlier[at.date, own],
        "artist_debuts_lately": earlier[at.date, own]
        - np.where(at.date < spans.month, 0, earlier[np.maximum(at.date - spans.month, 0), own]),
        "artist_best": best[at.date, own] - level,
        "artist_career_best": np.where(np.isfinite(career), career - level, np.nan),
        "artist_streams": np.log(summed(np.exp(level))[at.date, own]) - level,
        "artist_steps": here - songs[at.date, own],
        "artist_steps_anywhere": anywhere,
        "artist_share_here": here / anywhere,
        "rank_in_artist": _ranks(at.date * len(artists) + own, -level),
    }
    for lag in (1, max(spans.lags[: spans.recent])):
        change = level - _at(region.level, at.date - lag, at.song)
        moved = np.isfinite(change)
        change = np.where(moved, change, 0)
        others = summed(moved)[at.date, own] - moved
        rest = summed(change)[at.date, own] - change
        columns[f"artist_others_change_{lag}"] = np.where(
            others > 0, rest / np.maximum(others, 1), np.nan
        )
    return columns


def _decays(history: ChartHistory, region: RegionHistory, at: Origins) -> Columns:
    """How the artist's earlier songs went on after their debut: changes, and how many stayed.

    The change is what it is above the region's mean, shrunk towards it by few songs. A debut is
    known to have gone on for `after` steps only so many steps later.
    """
    n_steps = len(region.present)
    artists, columns_of = np.unique(region.artist, return_inverse=True)
    own, shape = columns_of[at.song], (n_steps, len(artists))
    date, song = np.nonzero(region.debuts)
    columns: Columns = {}
    for after in history.spans.decays:
        known = date + after < n_steps
        then, who = date[known] + after, columns_of[song[known]]
        change = region.level[then, song[known]] - region.level[date[known], song[known]]
        stayed = np.isfinite(change)
        change = np.where(stayed, change, 0)
        sums, stays, counts = (np.zeros(shape, np.float32) for _ in range(3))
        for cells, values in ((sums, change), (stays, stayed), (counts, 1.0)):
            np.add.at(cells, (then, who), values)
            np.cumsum(cells, axis=0, out=cells)
        of_region = sums.sum(axis=1) / np.maximum(stays.sum(axis=1), 1)
        n_stayed, n = stays[at.date, own], counts[at.date, own]
        shrunk = (sums[at.date, own] - n_stayed * of_region[at.date]) / (n_stayed + _SHRINKAGE)
        columns[f"artist_decay_{after}"] = np.where(n_stayed > 0, shrunk, np.nan)
        columns[f"artist_decays_{after}"] = n_stayed
        columns[f"artist_stays_{after}"] = np.where(n > 0, (n_stayed + 1) / (n + 2), np.nan)
    return columns


def _elsewhere(history: ChartHistory, region: RegionHistory, at: Origins) -> Columns:
    """The same song in the charts of other regions; nothing where there is but one region."""
    others = [other for other in history.regions.values() if other is not region]
    if not others:
        return {}
    seen = []
    for other in others:
        place = np.full(history.n_songs, -1)
        place[other.song] = np.arange(len(other.song))
        theirs = place[region.song[at.song]]
        there, theirs = theirs >= 0, np.maximum(theirs, 0)
        level = _at(other.level, at.date, theirs)
        entered = other.entry[theirs]
        cells = np.stack(
            [
                level,
                level - _at(other.level, at.date - 1, theirs),
                level - _at(other.level, at.date - history.spans.month, theirs),
                _at(other.peak, at.date, theirs),
                np.where(entered <= at.date, at.date - entered, np.nan).astype(np.float32),
                -_at(other.positions, at.date, theirs),
            ]
        )
        seen.append(np.where(there, cells, np.nan))
    level, step, change, peak, age, place = np.moveaxis(np.stack(seen), 1, 0)
    return {
        "regions_with_it": np.isfinite(level).sum(axis=0).astype(np.float32),
        "regions_that_had_it": np.isfinite(peak).sum(axis=0).astype(np.float32),
        "level_elsewhere": _mean(level),
        "level_elsewhere_best": _best(level),
        "step_elsewhere": _mean(step),
        "change_elsewhere": _mean(change),
        "peak_elsewhere": _best(peak),
        "age_elsewhere": _best(age),
        "position_elsewhere": -_best(place),
    }


def _market(history: ChartHistory, region: RegionHistory, at: Origins) -> Columns:
    """Moves of the whole chart, day by day over the last week, and how steep it is."""
    columns: Columns = {
        f"market_step_{lag}": _at(region.market, at.date - lag)
        for lag in range(history.spans.season)
    }
    columns |= {
        f"median_change_{lag}": region.median[at.date] - _at(region.median, at.date - lag)
        for lag in _MARKET_LAGS
    }
    columns["median_above_last"] = region.median[at.date] - region.lowest[at.date]
    columns["market_step_of_streams"] = region.market_streams[at.date]
    columns["debuts_of_date"] = region.debuts.sum(axis=1)[at.date].astype(np.float32)
    return columns


def _at(matrix: Floats, date: Whole, song: Whole | None = None) -> Floats:
    """Values of a matrix (or a vector of dates) at rows that may lie outside: NaN there."""
    inside = (date >= 0) & (date < len(matrix))
    row = np.clip(date, 0, len(matrix) - 1)
    values = matrix[row] if song is None else matrix[row, song]
    return np.where(inside, values, np.float32(np.nan))


def _of_dates(statistic: Any, matrix: Floats) -> Floats:
    """A statistic of each row, NaN of rows without numbers."""
    values = np.full(len(matrix), np.nan, np.float32)
    some = np.isfinite(matrix).any(axis=1)
    values[some] = statistic(matrix[some], axis=1)
    return values


def _mean(values: Sequence[Floats] | Floats) -> Floats:
    """Mean of the numbers at each place, NaN where there are none."""
    stacked = np.asarray(values)
    there = np.isfinite(stacked)
    count = there.sum(axis=0)
    total = np.where(there, stacked, 0).sum(axis=0)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan).astype(np.float32)


def _best(values: Floats) -> Floats:
    """Largest of the numbers at each place, NaN where there are none."""
    best: Floats = np.fmax.reduce(values, axis=0)
    return best


def _ranks(groups: Whole, values: Floats) -> Floats:
    """Place of each value among those of its group, the smallest 0."""
    order = np.lexsort((values, groups))
    places = np.arange(len(order))
    begins = np.diff(groups[order], prepend=-1) != 0
    ranks = np.empty(len(order), np.float32)
    ranks[order] = places - np.maximum.accumulate(np.where(begins, places, 0))
    return ranks


def _on_clock(
    chart: RegionChart,
    dates: pd.DatetimeIndex,
    song: Whole,
    work: Whole,
    artist: Whole,
    titles: NDArray[np.object_],
) -> RegionHistory:
    rows = dates.get_indexer(chart.dates)
    shape = (len(dates), len(chart.songs))
    log_streams, positions = (np.full(shape, np.nan, np.float32) for _ in range(2))
    log_streams[rows], positions[rows] = np.log(chart.streams), chart.positions
    first, last = int(rows[0]), int(rows[-1])
    return RegionHistory(
        chart.name, first, last, chart.songs, log_streams, positions, song, work, artist, titles
    )
