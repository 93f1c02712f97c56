"""Song metadata: the numbers that say what a song is, chosen, checked and standardised.

Conventions: a table has one row a song, Nixtla's ``static_df``. Nets take what is missing as 0
beside a flag that says so, if they do not refuse it by name; trees take it as missing. Standardised
is over the songs that are learned from; what is the same for all of them says nothing and becomes
0. Key and mode are taken as the numbers that Spotify gives, as the report takes them.

Reference: the CS137 report, whose 13 features are named in part; these are ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from spdkit.common.messages import listing
from spdkit.common.table_io import require_columns
from spdkit.forecast.data.checks import ForecastError, quoted
from spdkit.forecast.data.panel import Numbers

SONG_METADATA = (
    "danceability",
    "energy",
    "key",
    "loudness",
    "mode",
    "speechiness",
    "acousticness",
    "instrumentalness",
    "liveness",
    "valence",
    "tempo",
    "duration",
    "artist_popularity",
)


def read_metadata(
    static_df: pd.DataFrame, songs: pd.Index[Any], names: Sequence[str], id_col: str
) -> Numbers:
    """Take columns of some songs, shape (n_songs, n_names); NaN where they are missing.

    Parameters
    ----------
    static_df : DataFrame
        One row a song, named in `id_col`; other songs and columns are not looked at.
    songs : Index
    names : sequence of str
    id_col : str

    Raises
    ------
    ForecastError
        When a column is not there or holds no numbers, a song stands twice, or a number is
        infinite.
    """
    if not isinstance(static_df, pd.DataFrame):
        raise ForecastError(f"static_df must be a pandas DataFrame, got {type(static_df).__name__}")
    require_columns(static_df.columns, (id_col, *names), "static_df", ForecastError)
    rows = _rows_of(static_df, songs, id_col)
    if (double := rows[id_col].duplicated()).any():
        raise ForecastError(
            f"static_df has song {quoted(rows[id_col][double].iloc[0])} more than once "
            f"({int(double.sum())} rows too many): keep one"
        )
    for name in names:
        if not pd.api.types.is_numeric_dtype(rows[name]):
            raise ForecastError(
                f"column {name!r} of static_df holds {rows[name].dtype}, no numbers"
            )
    aligned = rows.set_index(id_col)[list(names)].reindex(songs)
    values = aligned.to_numpy(np.float64, na_value=np.nan)
    if (bad := np.isinf(values)).any():
        song, name = np.argwhere(bad)[0]
        raise ForecastError(f"static_df: {names[name]} of song {quoted(songs[song])} is infinite")
    return values


def find_descriptors(
    static_df: pd.DataFrame, songs: pd.Index[Any], id_col: str
) -> tuple[list[str], list[str]]:
    """Find the columns that hold a number of at least one of some songs, and a text of none.

    Returns
    -------
    names : list of str
    remarks : list of str
        How many of the songs lack what was found, and which columns were not.

    Raises
    ------
    ForecastError
        As `read_metadata`.
    """
    rows = _rows_of(static_df, songs, id_col)
    known = rows.drop(columns=id_col).dropna(axis=1, how="all")
    names = [str(name) for name in known if pd.api.types.is_numeric_dtype(known[name])]
    remarks = []
    if names:
        missing = np.isnan(read_metadata(static_df, songs, names, id_col))
        n_known = int((~missing.all(axis=1)).sum())
        n_whole = int((~missing.any(axis=1)).sum())
        remarks.append(
            f"{n_known:,} of the {len(songs):,} songs that are learned from have numbers "
            f"({listing(names)}), {n_whole:,} all of them: what is missing stays missing"
        )
    others = [str(name) for name in static_df if name not in (id_col, *names)]
    if others:
        remarks.append(f"nothing learns from {listing(others)}: no numbers of such songs")
    return names, remarks


def _rows_of(static_df: pd.DataFrame, songs: pd.Index[Any], id_col: str) -> pd.DataFrame:
    """Rows of some songs, whose numbers are numbers whatever others have there."""
    return static_df[static_df[id_col].isin(songs)].infer_objects()


def refuse_missing(values: Numbers, songs: pd.Index[Any], names: Sequence[str]) -> None:
    """Refuse songs whose metadata are not all there.

    Raises
    ------
    ForecastError
        Naming the songs and the columns.
    """
    rows, places = np.nonzero(np.isnan(values))
    if len(rows):
        lacking = songs[np.unique(rows)]
        columns = [names[place] for place in np.unique(places)]
        raise ForecastError(
            f"metadata are missing for {len(lacking)} of {len(songs)} songs "
            f"({listing([*lacking], quote=True)}; {listing(columns)}). Add them to static_df, "
            'leave the songs out, or give missing_metadata="mask"'
        )


@dataclass(frozen=True, eq=False)
class MetadataScale:
    """How metadata are standardised.

    Attributes
    ----------
    mean, deviation : ndarray of float64, shape (n_names,)
        Over the songs that were learned from; the deviation of what does not differ is 0.
    mask : bool
        Whether flags of what is missing follow the numbers.
    """

    mean: Numbers
    deviation: Numbers
    mask: bool

    @classmethod
    def of(cls, values: Numbers, mask: bool) -> MetadataScale:
        """The scale of the songs' own values, shape (n_songs, n_names)."""
        there = np.isfinite(values)
        count = np.maximum(there.sum(axis=0), 1)
        mean = np.where(there, values, 0.0).sum(axis=0) / count
        spread = np.where(there, values - mean, 0.0)
        deviation = np.sqrt((spread**2).sum(axis=0) / count)
        # Of equal numbers, whose mean may be off by a rounding, nothing is to be blown up.
        same = deviation <= 1e-12 * np.maximum(np.abs(mean), 1e-300)
        return cls(mean, np.where(same, 0.0, deviation), mask)

    def transform(self, values: Numbers) -> Numbers:
        """Standardised, shape (n_songs, n_names), with the flags of a mask (n_songs, 2 n_names)."""
        there = np.isfinite(values)
        differs = there & (self.deviation > 0)
        scaled = np.divide(
            values - self.mean, self.deviation, out=np.zeros_like(values), where=differs
        )
        return np.hstack([scaled, ~there]) if self.mask else scaled
