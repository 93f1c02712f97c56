"""Charts of the songs that we compose: who would stand in them, by a rule that is written here.

Conventions
-----------
Song ``i`` depends on `seed` and `i` alone, and what it has in a region on the region's place among
the `regions`; the generators are ``default_rng([seed, i, 6])``, with the region behind it ``[seed,
i, 6, r]``, of an artist in a region ``[seed, artist, 7, r]``, of a region ``[seed, r, 8]``. Days
end on 30 June 2025. The codes of the regions are some that no country has. What a song is expected
to have on a day is::

    level · taste · decay(age) · rhythm(weekday) · market(day) · list(day) · drift(day)

    level     10^(3 + popularity / 40): 1,000 at popularity 0, 316,000 at 100
    taste     of the region for the artist (10^normal(0, 0.15)) and for the song (10^normal(0, 0.1))
    decay     0.2 + 0.8·2^(-age / half-life), the half-life 15 to 60 days; three songs in ten are
              old and at 0.2, the others come out on a Friday, as many within the days as in as
              many days before them
    rhythm    that of `spdkit.synthetic.daily_plays`, by 0.5 to 1.5
    market    of the region, the same for all songs: it grows by half in a year, with a drift of 2 %
    list      one song in three gets on one for 20 to 60 days, when it has fallen: times 2 to 4
    drift     of the song in the region, as in `daily_plays`

and what comes is Poisson about it, times a day's own chance (gamma, 3 %). The chart of a day, or of
a week that ends on a Thursday, has the first `places` of them: songs enter, leave and return, and
what a song has that is not in the chart is known here and nowhere else.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from spdkit.common.errors import SpdkitError
from spdkit.common.files import user_path, write_text
from spdkit.synthetic.daily_plays import DAYS, LAST_DAY, WEEK, drift
from spdkit.synthetic.metadata import song_facts
from spdkit.synthetic.popularity import planted_table
from spdkit.synthetic.sound import plan_song

Numbers = NDArray[np.float64]

REGIONS = ("XA", "XB")
PLACES = 20
OLD_SONGS, LISTED = 0.3, 1 / 3  # shares
FLOOR = 0.2  # of what a song had on the day that it came out
GROWTH = 0.5  # of the market in a year


def streams_table(
    n_songs: int = 40, seed: int = 0, *, regions: Sequence[str] = REGIONS, days: int = DAYS
) -> pd.DataFrame:
    """Make up daily streams of all songs, those below the chart too.

    Parameters
    ----------
    n_songs : int
    seed : int
        That of the corpus.
    regions : sequence of str
    days : int
        At least 60.

    Returns
    -------
    DataFrame
        ``region, ds, track_id, title, artist, streams``; a song's rows begin on the day on which it
        comes out, in all regions.

    Raises
    ------
    SpdkitError
        When `n_songs` is below 1, `seed` below 0, `days` below 60, or a region stands twice.
    """
    if days < 60 or len(set(regions)) < len(regions) or not regions:
        raise SpdkitError(
            f"days must be at least 60 and regions some that are different, got {days} and "
            f"{list(regions)}"
        )
    planted = planted_table(n_songs, seed)
    dates = pd.date_range(end=LAST_DAY, periods=days)
    songs = []
    for i, (track_id, popularity) in enumerate(planted[["track_id", "popularity"]].to_numpy()):
        plan, artist = _plan(float(popularity), dates, seed, i), song_facts(i, seed).artist
        start, title = int(np.argmax(plan > 0)), plan_song(i, seed).song.title
        for r, region in enumerate(regions):
            of_artist = np.random.default_rng([seed, int(artist.artist_id.split("-")[1]), 7, r])
            rng = np.random.default_rng([seed, i, 6, r])
            taste = 10 ** (of_artist.normal(0, 0.15) + rng.normal(0, 0.1))
            expected = plan * taste * _market(days, seed, r) * drift(days, rng)
            streams = rng.poisson(expected * rng.gamma(1111, 1 / 1111, days))
            columns = {"region": region, "ds": dates[start:], "track_id": track_id}
            columns |= {"title": title, "artist": artist.name}
            songs.append(pd.DataFrame(columns | {"streams": streams[start:]}))
    table = pd.concat(songs, ignore_index=True)
    return table.sort_values(["region", "ds"], kind="stable", ignore_index=True)


def chart_rows(
    n_songs: int = 40,
    seed: int = 0,
    *,
    regions: Sequence[str] = REGIONS,
    days: int = DAYS,
    places: int = PLACES,
    freq: str = "D",
) -> pd.DataFrame:
    """Make up the charts of the first `places` among `n_songs` songs.

    Parameters
    ----------
    n_songs, seed, regions, days
        As in `streams_table`.
    places : int
        How many songs stand in a chart; all that are out, where they are fewer.
    freq : {"D", "W-THU"}
        Charts of days, or of whole weeks that end on a Thursday.

    Returns
    -------
    DataFrame
        ``region, ds, position, track_id, title, artist, streams``, in the order of the first three.

    Raises
    ------
    SpdkitError
        As `streams_table` does, or when `places` is below 1 or `freq` another one.
    """
    if places < 1 or freq not in ("D", "W-THU"):
        raise SpdkitError(
            f"places must be 1 or more and freq 'D' or 'W-THU', got {places} and {freq!r}"
        )
    table = streams_table(n_songs, seed, regions=regions, days=days)
    if freq == "W-THU":
        weeks = table["ds"] + pd.to_timedelta((3 - table["ds"].dt.day_of_week) % 7, unit="D")
        first, last = table["ds"].min() + pd.Timedelta(days=6), table["ds"].max()
        whole = table.assign(ds=weeks)[weeks.between(first, last)]
        keys = ["region", "ds", "track_id", "title", "artist"]
        table = whole.groupby(keys, sort=False, as_index=False)["streams"].sum()
    order = ["region", "ds", "streams"]
    table = table.sort_values(order, ascending=[True, True, False], kind="stable")
    table.insert(2, "position", table.groupby(["region", "ds"]).cumcount() + 1)
    return table[table["position"] <= places].reset_index(drop=True)


def write_chart(
    folder: str | os.PathLike[str], n_songs: int = 40, seed: int = 0, **others: Any
) -> Path:
    """Write ``chart.csv`` into a folder, which is made if needed; return its path.

    Parameters
    ----------
    folder : path
    n_songs, seed, others
        Those of `chart_rows`.

    Raises
    ------
    SpdkitError
        As `chart_rows` does, or when the file cannot be written.
    """
    target = user_path(folder) / "chart.csv"
    write_text(target, chart_rows(n_songs, seed, **others).to_csv(index=False))
    return target


def _plan(popularity: float, dates: pd.DatetimeIndex, seed: int, i: int) -> Numbers:
    """What a song is expected to have without a region's taste and market; 0 before it is out."""
    rng, days = np.random.default_rng([seed, i, 6]), len(dates)
    is_old, listed = rng.random() < OLD_SONGS, rng.random() < LISTED
    half_life, strength = rng.uniform(15, 60), rng.uniform(0.5, 1.5)
    out = int(rng.integers(-days, days - 7))
    out += (4 - dates[0].day_of_week - out) % 7  # a Friday
    age = np.arange(days) - out
    decay = FLOOR + (1 - FLOOR) * 2.0 ** (-np.maximum(age, 0) / half_life)
    lift, length = rng.uniform(2, 4), int(rng.integers(20, 61))
    since_list = np.arange(days) if is_old else age - round(1.5 * half_life)
    since_list = since_list - int(rng.integers(0, days // 2))
    decay = np.where(is_old, FLOOR, np.where(age < 0, 0, decay))
    rhythm = 1 + strength * (np.array(WEEK)[dates.day_of_week] - 1)
    on_list = listed & (since_list >= 0) & (since_list < length)
    plan: Numbers = 10 ** (3 + popularity / 40) * decay * rhythm * np.where(on_list, lift, 1.0)
    return plan


def _market(days: int, seed: int, region: int) -> Numbers:
    rng = np.random.default_rng([seed, region, 8])
    growth: Numbers = (1 + GROWTH) ** ((np.arange(days) - days) / 365)
    return growth * drift(days, rng)
