"""Raw log of actions that has published counts by song and day, with made-up users and hours.

The competition's own log may not be passed round; the counts may. Each count becomes so many rows,
and all rows are shuffled. On each day of an artist, actions are spread evenly over as many users as
make about the published number of listeners expectable; so the listeners in the log are near to,
not equal to, the published ones. The seed is fixed: the same counts give the same log.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from spdkit.catalogs import tianchi

COUNTS = ["y", "downloads", "collects"]
POPULATION = 350_000  # made-up users
HOURS, HOUR = 24, 3600
CHUNK = 250_000


@dataclass(frozen=True)
class Log:
    """What was written: rows, songs, artists, users, and MB of the file of actions."""

    rows: int
    songs: int
    artists: int
    users: int
    mb: float


def pool_sizes(listeners: NDArray[np.int64], actions: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many users make so many distinct ones expectable in so many draws, at most all.

    n draws from m users find m·(1 - (1 - 1/m)^n) of them, which grows with m.
    """
    low, high = np.zeros(len(actions)), np.full(len(actions), np.log(POPULATION))
    for _ in range(60):
        middle = (low + high) / 2
        users = np.exp(middle)
        with np.errstate(divide="ignore"):  # one user has no other
            distinct = users * -np.expm1(actions * np.log1p(-1 / users))
        enough = distinct >= listeners
        low, high = np.where(enough, low, middle), np.where(enough, middle, high)
    return np.rint(np.exp(high)).astype(np.int64)


def expand(data: Path, folder: Path, times: int) -> Log:
    """Write the counts by song and day as a raw log, each action `times` times."""
    keep = ["artist_id", "publish_time", "song_init_plays", "language", "gender"]
    songs = tianchi.read_song_daily(data / "song_daily_p1.csv.gz", keep=keep)
    table = songs.drop_duplicates("unique_id")[["unique_id", *keep]]
    table.to_csv(folder / tianchi.SONGS, header=False, index=False)
    days = songs.groupby(["artist_id", "ds"])[COUNTS].sum().sum(axis=1)
    day = days.index.get_indexer(pd.MultiIndex.from_frame(songs[["artist_id", "ds"]]))
    rng = np.random.default_rng(0)
    repeats = times * songs[COUNTS].to_numpy().T.ravel()
    cell = rng.permutation(np.repeat(np.arange(len(repeats)), repeats))
    row, action = cell % len(songs), cell // len(songs) + 1
    published = tianchi.read_artist_daily(data / "artist_daily_p1.csv.gz")
    listeners = published.set_index(["unique_id", "ds"])["listeners"].loc[days.index]
    user = draw_users(rng, listeners.to_numpy(), days.to_numpy(), day[row], times)
    with (folder / tianchi.ACTIONS).open("w", encoding="ascii") as file:
        for lines in log_lines(rng, songs, row, action, user):
            file.writelines(lines)
    mb = (folder / tianchi.ACTIONS).stat().st_size / 1e6
    n_users = len(np.unique(user))
    return Log(len(row), len(table), table["artist_id"].nunique(), n_users, mb)


def draw_users(
    rng: np.random.Generator,
    listeners: NDArray[np.int64],
    actions: NDArray[np.int64],
    day: NDArray[np.int64],
    times: int,
) -> NDArray[np.int64]:
    """A user for each action: evenly from those of the artist on that day, a run of numbers.

    `listeners` and `actions` are of each day of an artist, `day` says of which one an action is.
    """
    pools = pool_sizes(listeners, actions)
    first = rng.integers(POPULATION, size=(times, len(actions)))
    drawn = (rng.random(len(day)) * pools[day]).astype(np.int64)
    users: NDArray[np.int64] = first[rng.integers(times, size=len(day)), day] + drawn
    return users % POPULATION


def log_lines(
    rng: np.random.Generator,
    songs: pd.DataFrame,
    row: NDArray[np.int64],
    action: NDArray[np.int64],
    user: NDArray[np.int64],
) -> Iterator[list[str]]:
    """The lines of the log, some at a time."""
    names = [
        hashlib.md5(str(i).encode(), usedforsecurity=False).hexdigest() for i in range(POPULATION)
    ]
    song, date = songs["unique_id"].to_list(), songs["ds"].dt.strftime("%Y%m%d").to_list()
    midnight = (songs["ds"].astype("datetime64[s]").astype("int64")).to_list()
    hour = HOUR * rng.integers(HOURS, size=len(row))
    for start in range(0, len(row), CHUNK):
        part = slice(start, start + CHUNK)
        columns = (user[part], row[part], hour[part], action[part])
        yield [
            f"{names[u]},{song[r]},{midnight[r] + h},{a},{date[r]}\n"
            for u, r, h, a in zip(*(column.tolist() for column in columns), strict=True)
        ]
