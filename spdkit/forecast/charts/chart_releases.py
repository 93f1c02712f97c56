"""Chart releases: songs of metadata that come out on dates that are forecast, if they get in.

Conventions
-----------
Metadata have one row a song. It is a song of the charts by its id, which may be written as a URI or
an address; by artist and title where it has none, or where the song has none in the charts
(`spdkit.collect.song_ids`). A song that is in no chart and comes out on a date that is forecast is
forecast from its first chart, that of the day or week, for at most `FIRST_DATES` dates. Whether it
gets in is not: charts hold only those that did.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from spdkit.collect.song_ids import is_no_value, own_id, song_id
from spdkit.common.messages import listing
from spdkit.common.release_dates import read_release_dates
from spdkit.common.table_io import require_columns, require_ids
from spdkit.forecast.charts.chart_table import ChartTable
from spdkit.forecast.charts.debuts import DebutModel, debut_features
from spdkit.forecast.data.checks import ForecastError

FIRST_DATES = 7  # of a release that are forecast
IF_IT_GETS_IN = "if it gets into the chart"
_TITLES, _ARTISTS = ("title", "track_name"), ("artist", "artist_name")
_NAMES = ("track_id", "release_date", *_TITLES, *_ARTISTS)


def descriptors(metadata: pd.DataFrame | None) -> list[str]:
    """Columns besides what songs are called and when they come out."""
    return [] if metadata is None else [str(name) for name in metadata if name not in _NAMES]


def join_songs(table: ChartTable, metadata: pd.DataFrame, remarks: list[str]) -> pd.DataFrame:
    """Metadata by the ids that songs have in the charts.

    Returns
    -------
    DataFrame
        The columns of `metadata`, and ``track_id, title, artist`` where they are known, text or
        missing; each song once.

    Raises
    ------
    ForecastError
        When these are no metadata, or an id stands twice.
    """
    if not isinstance(metadata, pd.DataFrame):
        raise ForecastError(
            f"metadata must be a pandas DataFrame, got {type(metadata).__name__}: one row a song"
        )
    names = {name: _first_of(metadata, of) for name, of in _NAMED.items()}
    if None in names.values():
        require_columns(metadata.columns, ("track_id",), "the metadata", ForecastError)
    named = {name: metadata[column] for name, column in names.items() if column is not None}
    songs = metadata.drop(columns=[*_TITLES, *_ARTISTS, "track_id"], errors="ignore")
    for name, cells in named.items():
        songs[name] = pd.Series([_text(cell) for cell in cells], songs.index, dtype=object)
    ids = [*map(_text, metadata["track_id"])] if "track_id" in metadata else [None] * len(songs)
    songs["track_id"] = pd.Series([own_id(cell) if cell else None for cell in ids], songs.index)
    require_ids(songs["track_id"].dropna().tolist(), "the metadata", ForecastError)
    by_id = songs["track_id"].isin(table.songs.index)
    if None not in names.values():
        songs["track_id"] = _by_name(table, songs, by_id)
    if n := int(songs["track_id"].isna().sum()):
        remarks.append(f"metadata: {n:,} rows have no id, or no title and artist, and are left out")
    again = songs["track_id"].notna() & songs.duplicated("track_id")
    if n := int(again.sum()):
        remarks.append(f"metadata: {n:,} rows are a song by artist and title that is there already")
    songs = songs[songs["track_id"].notna() & ~again]
    known, by_id = songs["track_id"].isin(table.songs.index), by_id[songs.index]
    n_known, n_named = int(known.sum()), int((known & ~by_id).sum())
    remarks.append(
        f"metadata: {n_known:,} of the {len(table.songs):,} songs of the charts are in it"
        f"{f' ({n_named:,} by artist and title)' if n_named else ''}, and "
        f"{int((~known).sum()):,} songs that are in no chart"
    )
    if len(songs) and not n_known:
        remarks.append(
            f"metadata: none of its ids ({songs['track_id'].iloc[0]!r}) is one of the charts "
            f"({table.songs.index[0]!r})"
        )
    return songs.reset_index(drop=True)


_NAMED = {"title": _TITLES, "artist": _ARTISTS}


def _first_of(metadata: pd.DataFrame, names: Sequence[str]) -> str | None:
    return next((name for name in names if name in metadata), None)


def _text(cell: Any) -> str | None:
    """What a cell says, None where it says nothing."""
    text = "" if pd.api.types.is_scalar(cell) and pd.isna(cell) else str(cell).strip()
    return None if not text or is_no_value(text) else text


def _by_name(table: ChartTable, songs: pd.DataFrame, by_id: pd.Series[bool]) -> pd.Series[str]:
    """Ids of songs; those that the charts have under no id of their own are found by name."""
    known: dict[str, str] = {}
    named = table.songs.dropna()
    for name, title, artist in zip(named.index, named["title"], named["artist"], strict=True):
        known |= dict.fromkeys(_keys(title, artist), str(name))
    made_up = {key: name for key, name in known.items() if key == name}
    rows = zip(songs["track_id"], songs["title"], songs["artist"], by_id, strict=True)
    return pd.Series([_id(*row, known, made_up) for row in rows], songs.index, dtype=object)


def _id(
    own: str | None,
    title: str | None,
    artist: str | None,
    by_id: bool,
    known: Mapping[str, str],
    made_up: Mapping[str, str],
) -> str | None:
    own = own if isinstance(own, str) else None
    if by_id or not isinstance(title, str) or not isinstance(artist, str):
        return own
    keys = _keys(title, artist)
    there = known if own is None else made_up
    return next((there[key] for key in keys if key in there), own or keys[-1])


def _keys(title: str, artist: str) -> tuple[str, str]:
    """Ids that the reader of charts makes of a name, that with guests first."""
    return song_id(title, artist, guests=True), song_id(title, artist)


def upcoming_songs(
    table: ChartTable, horizon: int, songs: pd.DataFrame, remarks: list[str]
) -> pd.DataFrame:
    """Songs that come out on a date that is forecast: ``region, ds, track_id, title, artist``."""
    if not {"release_date", "title", "artist"} <= set(songs):
        remarks.append(
            "metadata: no release is forecast, which takes the columns release_date, title and "
            "artist"
        )
        return pd.DataFrame()
    others = songs[~songs["track_id"].isin(table.songs.index)]
    dates, unreadable = read_release_dates(others["release_date"])
    days = [d.first_day if d is not None and d.precision == "day" else None for d in dates]
    unknown = len(days) - sum(day is not None for day in days) - len(unreadable)
    for n, what in ((len(unreadable), "no date"), (unknown, "not known to the day")):
        if n:
            remarks.append(f"metadata: of their release dates {n:,} are {what}")
    parts = [_first_charts(table, name, others, days) for name in table.regions]
    charts = pd.concat(parts, ignore_index=True)
    within = charts["ahead"].between(1, horizon)
    upcoming = charts[within]
    nameless = upcoming["title"].isna() | upcoming["artist"].isna()
    later = charts[charts["ahead"] > horizon]
    later = later[~later["track_id"].isin(upcoming["track_id"])].drop_duplicates("track_id")
    n = upcoming["track_id"].nunique()
    remarks.append(f"metadata: {n:,} of them come out on dates that are forecast")
    if nameless.any():
        n = upcoming["track_id"][nameless].nunique()
        remarks.append(f"metadata: {n:,} of these have no title or no artist, and are left out")
    if len(later):
        titles = later["title"].fillna(later["track_id"]).tolist()
        remarks.append(
            f"metadata: {len(later):,} come out after the dates that are forecast: "
            f"{listing(titles, quote=True)}"
        )
    columns = ["region", "ds", "track_id", "title", "artist"]
    return pd.DataFrame(upcoming[~nameless][columns].reset_index(drop=True))


def _first_charts(
    table: ChartTable, region: str, songs: pd.DataFrame, days: Sequence[date | None]
) -> pd.DataFrame:
    """Each song's first chart of a region, that of the day or week, and how many steps ahead."""
    end = table.frame["ds"][table.frame["region"] == region].max()
    out = pd.to_datetime([str(day or "") for day in days])
    ahead = np.ceil(((out - end) / table.step).to_numpy())
    return songs.assign(region=region, ahead=ahead, ds=end + ahead * table.step)


def forecast_releases(
    table: ChartTable,
    horizon: int,
    level: float,
    seed: int,
    upcoming: pd.DataFrame,
    songs: pd.DataFrame,
) -> tuple[pd.DataFrame, list[str]]:
    """Forecasts of releases, and what is to be said of the numbers that they were learned from.

    Returns
    -------
    DataFrame
        ``region, ds, track_id, title, artist, streams``, ends of the interval, ``basis``.
    list of str
    """
    ends = table.frame.groupby("region")["ds"].max()
    left = (upcoming["region"].map(ends) - upcoming["ds"]).dt.days // table.step.days + horizon + 1
    n_dates = min(FIRST_DATES, int(left.max()))
    model = DebutModel(n_dates=n_dates, level=[level], seed=seed)
    model.fit(table, static_df=songs[["track_id", *descriptors(songs)]])
    # What is learned of the songs that share a date is nothing: they may stay below the chart.
    frame = model.predict(table, upcoming)
    columns = {f"DebutModel-{end}-{level:g}": f"{end}-{level:g}" for end in ("lo", "hi")}
    frame = frame.rename(columns={"DebutModel": "streams", **columns}).drop(columns="debut")
    frame.insert(2, "track_id", upcoming["track_id"].repeat(n_dates).to_numpy())
    frame["basis"] = [text for text in _bases(table, upcoming) for _ in range(n_dates)]
    last = frame["region"].map(ends) + horizon * table.step
    frame = frame[frame["ds"] <= last].reset_index(drop=True)
    remarks = [f"metadata: {text}" for text in model.remarks_]
    lacking = upcoming["track_id"][model.describe(upcoming).isna().any(axis=1)].nunique()
    if lacking:
        remarks.append(f"metadata: {lacking:,} songs that come out lack some of these numbers")
    remarks.append(
        "releases are forecast if they get into the chart: how probable that is cannot be learned, "
        "for charts hold only those that got in"
    )
    if left.max() > n_dates:
        remarks.append(f"releases are forecast on their first {n_dates} dates, and not after them")
    return frame, remarks


def _bases(table: ChartTable, upcoming: pd.DataFrame) -> list[str]:
    """What each forecast of a release rests on."""
    features = debut_features(table, upcoming)
    counts = features[["above performer n", "level performer n"]].fillna(0)
    return [
        f"{IF_IT_GETS_IN}; "
        + (
            f"artist with {int(debuts)} earlier debut{'s' * (debuts != 1)}"
            if debuts
            else "artist with songs in the charts"
            if rows
            else "unknown artist: as other debuts in this chart"
        )
        for debuts, rows in counts.to_numpy().tolist()
    ]
