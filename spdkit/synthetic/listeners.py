"""Listeners: made-up plays of songs by tastes that are planted, and so the truth.

Conventions
-----------
A taste is two of `QUANTITIES`, which its seed draws. Standardised plays are by rule::

    plays = √0.6 · z(z(one) + z(other)) + √0.4 · chance

z takes the mean of the songs from a quantity and divides by their deviation; a quantity that cannot
be told of a song (a tempo without onsets) is that of the mean song. Chance is normal, and has no
correlation with the rest in these songs: of them exactly `EXPLAINABLE` of the variance is sound,
and who knows the rule has a mean squared error of 1 - `EXPLAINABLE`, where the mean has 1. A random
taste is chance alone.

What a quantity is, is what `DescriptorExtractor` and `AudioExtractor` say: these learn the rule
easier than who has to hear it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from spdkit.common.errors import ParameterError
from spdkit.common.files import user_path, write_text
from spdkit.common.messages import listing

Numbers = NDArray[np.float64]

QUANTITIES: Mapping[str, str] = {  # and their columns among our features
    "tempo": "tempo_bpm",
    "centroid": "spectral_centroid_mean",
    "onset_rate": "onset_rate",
    "loudness": "integrated_loudness",
    "mode": "key_major",
}
EXPLAINABLE = 0.6  # of the variance
FEWEST_SONGS = 4
_MEAN_PLAYS, _DEVIATION = 40, 12
_HEARD = 0.8  # share of the songs that a listener has played


@dataclass(frozen=True)
class Taste:
    """What the plays of one listener depend on.

    Attributes
    ----------
    quantities : (str, str)
        Two of `QUANTITIES`.
    signal, chance : ndarray, shape (n_songs,)
        Standardised, and without correlation.
    """

    quantities: tuple[str, str]
    signal: Numbers
    chance: Numbers

    @property
    def plays(self) -> Numbers:
        """Standardised plays."""
        plays: Numbers = EXPLAINABLE**0.5 * self.signal + (1 - EXPLAINABLE) ** 0.5 * self.chance
        return plays


def quantities_of(features: pd.DataFrame) -> pd.DataFrame:
    """Quantities of songs, by their names, from a table of features.

    Parameters
    ----------
    features : DataFrame
        A row a song, with the columns of `AudioExtractor` and `DescriptorExtractor`, such as
        ``FeatureStore.to_pandas()`` gives.

    Raises
    ------
    ParameterError
        Naming columns that are not there.
    """
    if missing := [name for name in QUANTITIES.values() if name not in features]:
        raise ParameterError(
            f"no column {listing(missing)}: tastes depend on what the extractors audio and "
            "descriptors say"
        )
    columns = {column: name for name, column in QUANTITIES.items()}
    return features[list(columns)].rename(columns=columns).astype(np.float64)


def draw_taste(quantities: pd.DataFrame, seed: int) -> Taste:
    """Draw a taste, and what it makes of songs.

    Parameters
    ----------
    quantities : DataFrame
        Of songs, by name; see `quantities_of`. One that is the same for all songs is not drawn.
    seed : int

    Raises
    ------
    ParameterError
        When there are fewer than four songs, or fewer than two quantities vary.
    """
    if len(quantities) < FEWEST_SONGS:
        raise ParameterError(f"a taste takes at least {FEWEST_SONGS} songs, got {len(quantities)}")
    varying = [name for name in quantities if quantities[name].nunique() > 1]
    if len(varying) < 2:
        raise ParameterError(
            f"a taste is of two quantities that differ between songs, and {len(varying)} does"
        )
    rng = np.random.default_rng([seed, 0])
    first, second = sorted(rng.choice(len(varying), size=2, replace=False))
    names = varying[first], varying[second]
    parts = [_z(quantities[name].to_numpy(dtype=np.float64)) for name in names]
    signal = _z(parts[0] + parts[1])
    if not signal.any():
        raise ParameterError(f"{names[0]} and {names[1]} of these songs are opposites")
    return Taste(names, signal, _chance(len(signal), rng, signal))


def random_plays(n_songs: int, seed: int) -> Numbers:
    """Standardised plays of a listener without any taste, shape (n_songs,)."""
    return _chance(n_songs, np.random.default_rng([seed, 1]))


def triplets(quantities: pd.DataFrame, n_listeners: int, seed: int = 0) -> pd.DataFrame:
    """Make up a log: how often listeners, each with a taste of its own, played songs.

    A listener has heard four songs in five, drawn at random, each at least once and about forty
    times.

    Returns
    -------
    DataFrame
        ``user_id``, ``song_id`` (the index of `quantities`), ``plays``; as
        `spdkit.catalogs.taste_profile` has them.

    Raises
    ------
    ParameterError
        As `draw_taste`.
    """
    tables = []
    for number in range(n_listeners):
        taste = draw_taste(quantities, seed + number)
        plays = np.maximum(np.rint(_MEAN_PLAYS + _DEVIATION * taste.plays), 1).astype(np.int64)
        table = pd.DataFrame(
            {"user_id": f"listener-{number + 1}", "song_id": quantities.index, "plays": plays}
        )
        heard = np.random.default_rng([seed, number, 2]).permutation(len(table))
        tables.append(table.iloc[np.sort(heard[: max(FEWEST_SONGS, round(_HEARD * len(table)))])])
    return pd.concat(tables, ignore_index=True)


def write_triplets(table: pd.DataFrame, path: str | os.PathLike[str]) -> Path:
    """Write a log as text, tab-separated without a header, as the Taste Profile is.

    Raises
    ------
    SpdkitError
        When the file cannot be written.
    """
    place = user_path(path)
    write_text(place, table.to_csv(sep="\t", header=False, index=False, lineterminator="\n"))
    return place


def _z(values: Numbers) -> Numbers:
    centred = np.nan_to_num(values - np.nanmean(values))
    deviation = centred.std()
    return centred / deviation if deviation > 1e-12 else np.zeros_like(centred)


def _chance(n_songs: int, rng: np.random.Generator, signal: Numbers | None = None) -> Numbers:
    chance = _z(rng.standard_normal(n_songs))
    return chance if signal is None else _z(chance - signal * (signal @ chance) / (signal @ signal))
