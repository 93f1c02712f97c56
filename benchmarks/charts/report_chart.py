"""Report's chart: the Philippines by day, its songs by how full they are, and their metadata.

Conventions: the last `test_days` dates are scored, each forecast from what lies before it; songs
are chosen, and everything is fitted, on the dates before them. Scored are songs that are in the
chart on the date and on the one before.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from spdkit.common.table_io import read_table
from spdkit.forecast.charts.song_matrix import SongMatrix, read_matrix

Numbers = NDArray[np.float64]
CHART, TRACKS, ARTISTS = (
    f"spotify_daily_charts{kind}.csv.gz" for kind in ("", "_tracks", "_artists")
)
# The sets of the report's figures: the fullest song, and songs with at most a share of dates
# missing. How many songs these are there.
SETS = {"fullest": 1, "10 %": 9, "18 %": 16, "50 %": 63}
_SHARES = {"10 %": 0.1, "18 %": 0.18, "50 %": 0.5}


@dataclass(frozen=True, eq=False)
class ReportChart:
    """A chart and what is scored of it.

    Attributes
    ----------
    matrix : SongMatrix
        Up to the last date that is scored.
    first : int
        Row of the first date that is scored.
    sets : dict of str to ndarray of int
        Places of songs, by `SETS`; the fullest first.
    static : DataFrame
        ``track_id`` and the metadata of `song_metadata.SONG_METADATA`.
    titles : Series
        By ``track_id``.
    digest : str
        Of everything that is learned from or scored on, in hexadecimal.
    """

    matrix: SongMatrix
    first: int
    sets: dict[str, NDArray[np.int64]]
    static: pd.DataFrame
    titles: pd.Series[str]
    digest: str

    @property
    def scored(self) -> NDArray[np.bool_]:
        """Which songs are scored on which dates, shape (n_dates, n_songs)."""
        observed = self.matrix.observed[self.first - 1 :]
        both: NDArray[np.bool_] = observed[1:] & observed[:-1]
        return both

    @property
    def truth(self) -> Numbers:
        """Streams of the dates that are scored, shape (n_dates, n_songs)."""
        return self.matrix.streams[self.first :]

    def back(self, days: int) -> Numbers:
        """Streams so many days before those that are scored; NaN where they were not observed."""
        rows = slice(self.first - days, len(self.matrix) - days)
        return np.where(self.matrix.observed, self.matrix.streams, np.nan)[rows]

    def counts(self) -> list[dict[str, Any]]:
        """How many songs each share leaves, over the training span and over the whole table."""
        shares = list(_SHARES.values())
        return [
            {"span": name, "counts": dict(zip(_SHARES, counts.values(), strict=True))}
            for name, counts in (
                ("training span", self.matrix.until(self.first).counts(shares)),
                ("with the dates that are scored", self.matrix.counts(shares)),
            )
        ]


def load(folder: Path, test_days: int, held_out: int = 0) -> ReportChart:
    """Read the chart, its tracks and their artists.

    Parameters
    ----------
    folder : Path
        With the three tables of J. C. Peralta's data set.
    test_days : int
        Dates that are scored.
    held_out : int
        Dates at the end that are not looked at.

    Raises
    ------
    SpdkitError
        When a table cannot be used.
    """
    names = {"id_col": "track_id", "time_col": "date", "target_col": "streams"}
    frame = read_table(folder / CHART, [*names.values(), "track_name"], text=["track_id"])
    matrix = read_matrix(frame, **names)  # type: ignore[arg-type]
    matrix = matrix.until(len(matrix) - held_out)
    first = len(matrix) - test_days
    missing = matrix.until(first).missing_shares()
    order = np.argsort(missing, kind="stable")
    sets = {name: order[missing[order] <= share] for name, share in _SHARES.items()}
    tracks = read_table(folder / TRACKS, text=["track_id", "artist_id"])
    artists = read_table(folder / ARTISTS, text=["artist_id"]).drop_duplicates("artist_id")
    popularity = artists.set_index("artist_id")["popularity"]
    static = tracks.assign(artist_popularity=tracks["artist_id"].map(popularity))
    digest = hashlib.sha256(matrix.streams.tobytes())
    digest.update(pd.util.hash_pandas_object(static, index=False).to_numpy().tobytes())
    digest.update(str(first).encode())
    return ReportChart(
        matrix=matrix,
        first=first,
        sets={"fullest": order[:1], **sets},
        static=static,
        titles=frame.drop_duplicates("track_id").set_index("track_id")["track_name"],
        digest=digest.hexdigest(),
    )


def lookbacks_of(words: Sequence[int]) -> str:
    """Lookbacks in words, such as "1 to 30"."""
    whole = len(words) == words[-1] - words[0] + 1 and len(words) > 2
    return f"{words[0]} to {words[-1]}" if whole else ", ".join(map(str, words))
