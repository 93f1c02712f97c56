"""Columns and features of tracks that catalogs from Spotify share.

The features take the names of `spdkit.extractors.metadata.MetadataExtractor`, so that rows of a
catalog stand beside rows that spdkit extracted. Numbers are kept as Spotify gave them: a tempo of 0
or a time signature of 0, by which it means that it found none, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from spdkit import extractors
from spdkit.catalogs.contents import FeatureGroup
from spdkit.catalogs.published_table import Column, columns_named
from spdkit.common.release_dates import read_release_dates

if TYPE_CHECKING:
    from spdkit.extractors.base import FeatureSpec

# The audio features. A key of -1 means that none was found; a loudness of -1 dB is a loudness.
DESCRIPTORS = (
    *columns_named("acousticness", "danceability", "duration_ms", "energy", kind="number"),
    Column("instrumentalness", "number"),
    Column("key", "integer", missing=-1, low=0, high=11),
    *columns_named("liveness", "loudness", kind="number"),
    Column("mode", "integer", low=0, high=1),
    *columns_named("speechiness", "tempo", kind="number"),
    Column("time_signature", "integer"),
    Column("valence", "number"),
)
POPULARITY = Column("popularity", "integer", low=0, high=100)


def descriptors(tracks: pd.DataFrame) -> pd.DataFrame:
    """The audio features of a table of tracks, as floats."""
    return floats(tracks[[column.name for column in DESCRIPTORS]])


def floats(table: pd.DataFrame) -> pd.DataFrame:
    """Numbers and flags as float64, NaN where they are missing."""
    return table.astype("Float64").astype("float64")


def year(dates: pd.Series) -> pd.Series:
    """The year of dates of any precision; NaN where there is none that can be read."""
    releases, _ = read_release_dates(dates)
    return pd.Series([each.year if each else np.nan for each in releases], dates.index, "float64")


def metadata_features(
    facts: pd.DataFrame, tables: tuple[str, ...], extra: Sequence[FeatureSpec] = ()
) -> FeatureGroup:
    """Metadata of tracks as features.

    Parameters
    ----------
    facts : DataFrame of float64, indexed by ``track_id``
        A column for each feature of `MetadataExtractor` (without its prefix ``spotify_``), for
        ``time_signature``, and for each of `extra`.
    tables : tuple of str
        The tables that the facts come from.
    extra : sequence of FeatureSpec
        Features of this catalog alone.
    """
    time_signature = extractors.FeatureSpec(
        *("spotify_time_signature", "1", 0.0, 7.0, "Beats in a bar, by Spotify"),
        *("Spotify Web API", "Spotify rhythm"),
    )
    specs = (*extractors.MetadataExtractor().feature_specs, time_signature, *extra)
    values = {spec.name: facts[spec.name.removeprefix("spotify_")] for spec in specs}
    return FeatureGroup("metadata", "metadata", specs, pd.DataFrame(values), tables)
