"""Daily plays of the songs that we compose, by a rule that is written down here.

Conventions
-----------
Song ``i`` depends on `seed` and `i` alone; its plays are drawn from ``default_rng([seed, i, 5])``.
Days end on 30 June 2025. What a day's plays are expected to be is::

    level · decay(day) · rhythm(weekday) · playlist(day) · drift(day)

    level     10^(2 + popularity / 40): 100 a day at popularity 0, 31,600 at 100
    decay     0.35 + 0.65·2^(-age / half-life), the half-life 10 to 40 days; a third of the songs
              are new, out 150 to 200 days before the end, the others are at 0.35 throughout
    rhythm    Monday to Sunday 0.94, 0.93, 0.95, 1.00, 1.16, 1.12, 0.98, blended by 0.5 to 1.5
    playlist  one song in four gets on a list on one day: times 1.5 to 3, off again after 20 to 60
    drift     a random walk of the logarithm, 2 % a day, pulled back by a twentieth a day

and what comes is Poisson about it, times a day's own chance (gamma, 5 %). Every day has plays but
by a chance too small to meet.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.signal import lfilter

from spdkit.common.errors import SpdkitError
from spdkit.common.files import user_path, write_text
from spdkit.synthetic.popularity import planted_table

Numbers = NDArray[np.float64]

DAYS = 240
LAST_DAY = "2025-06-30"
WEEK = (0.94, 0.93, 0.95, 1.00, 1.16, 1.12, 0.98)  # from Monday
NEW_SONGS, NEW_AGES = 1 / 3, (150, 200)  # share; days before the end
PLAYLISTED = 1 / 4


def plays_table(n_songs: int, seed: int = 0, days: int = DAYS) -> pd.DataFrame:
    """Make up daily plays of the first `n_songs` songs, without a sound being made.

    Parameters
    ----------
    n_songs : int
    seed : int
        That of the corpus.
    days : int
        How many days a song that is not new has; at least 200.

    Returns
    -------
    DataFrame
        In the long format: ``unique_id`` (the corpus's ``track_id``), ``ds``, ``y``. A new song's
        rows begin on the day that it came out.

    Raises
    ------
    SpdkitError
        When `n_songs` is below 1, `seed` below 0, or `days` below 200.
    """
    if days < NEW_AGES[1]:
        raise SpdkitError(f"days must be at least {NEW_AGES[1]}, got {days}")
    planted = planted_table(n_songs, seed)
    dates = pd.date_range(end=LAST_DAY, periods=days)
    weekdays = dates.day_of_week.to_numpy()
    songs = []
    for i, (track_id, popularity) in enumerate(planted[["track_id", "popularity"]].to_numpy()):
        plays = _plays(float(popularity), weekdays, np.random.default_rng([seed, i, 5]))
        days_out = dates[-len(plays) :]
        songs.append(pd.DataFrame({"unique_id": track_id, "ds": days_out, "y": plays}))
    return pd.concat(songs, ignore_index=True)


def write_plays(folder: str | os.PathLike[str], n_songs: int = 40, seed: int = 0) -> Path:
    """Write ``plays.csv`` into a folder, which is made if needed; return its path.

    Raises
    ------
    SpdkitError
        As `plays_table` does, or when the file cannot be written.
    """
    target = user_path(folder) / "plays.csv"
    write_text(target, plays_table(n_songs, seed).to_csv(index=False))
    return target


def _plays(
    popularity: float, weekdays: NDArray[np.int64], rng: np.random.Generator
) -> NDArray[np.int64]:
    """Plays of one song, to the last day; fewer than there are weekdays where it is new."""
    days = len(weekdays)
    is_new, listed = rng.random() < NEW_SONGS, rng.random() < PLAYLISTED
    age = int(rng.integers(NEW_AGES[0], NEW_AGES[1] + 1))
    half_life, strength = rng.uniform(10, 40), rng.uniform(0.5, 1.5)
    since = np.arange(days) - (days - age)
    decay = 0.35 + 0.65 * 2.0 ** (-since / half_life) if is_new else np.full(days, 0.35)
    rhythm = 1 + strength * (np.array(WEEK)[weekdays] - 1)
    expected = 10 ** (2 + popularity / 40) * decay * rhythm * drift(days, rng)
    start, length = rng.integers(days - 150, days - 10), rng.integers(20, 61)
    if listed:
        expected[start : start + length] *= rng.uniform(1.5, 3)
    # The part before a new song is out is drawn and left out: the rest does not depend on it.
    played = rng.poisson(expected * rng.gamma(400, 1 / 400, days)).astype(np.int64)
    return played[days - age :] if is_new else played


def drift(days: int, rng: np.random.Generator) -> Numbers:
    """Factor of each day, shape (days,): a random walk of the logarithm that is pulled back."""
    log: Numbers = lfilter([1.0], [1.0, -0.95], rng.normal(0, 0.02, days))
    return np.exp(log)
