"""Blocks of columns to explain a model by: modalities, families, single features.

Conventions: a block is some columns under one name. Tables of features have a row for each column
of X, with its modality and its family (`spdkit.popularity.feature_groups`).
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping, Sequence
from functools import lru_cache

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from spdkit.common.errors import SpdkitError

Numbers = NDArray[np.float64]
Index = NDArray[np.intp]
Blocks = Mapping[str, Sequence[str]]
LEVELS = ("modality", "family", "feature")
_SHOWN = 5


class ExplanationError(SpdkitError):
    """Rows, columns or blocks that cannot be explained."""


def blocks_of(features: pd.DataFrame, level: str) -> dict[str, list[str]]:
    """Columns of each modality, family or feature, in the order of `features`.

    Parameters
    ----------
    features : DataFrame, indexed by the feature's name
        Columns modality and family.
    level : {"modality", "family", "feature"}

    Raises
    ------
    ExplanationError
        When there is no such level.
    """
    if level not in LEVELS:
        raise ExplanationError(f"level must be one of {', '.join(LEVELS)}, got {level!r}")
    if level == "feature":
        return {str(name): [name] for name in features.index}
    names = features[level].astype(str)
    if level == "family":
        shared = features.groupby("family")["modality"].transform("nunique") > 1
        names = names.where(~shared, names + " (" + features["modality"].astype(str) + ")")
    found: dict[str, list[str]] = {}
    for column, name in names.items():
        found.setdefault(name, []).append(str(column))
    return found


def columns_of(blocks: Blocks, columns: pd.Index) -> dict[str, Index]:
    """Numbers of each block's columns, ascending; ExplanationError when there are none such."""
    if not columns.is_unique:
        twice = columns[columns.duplicated()].unique()
        raise ExplanationError(f"X has columns of the same name: {some(list(twice))}")
    if not blocks:
        raise ExplanationError("there are no blocks to explain by")
    found = {}
    for name, names in blocks.items():
        if isinstance(names, str) or not len(names):
            raise ExplanationError(f"block {name!r} must be a list of columns, got {names!r}")
        place = columns.get_indexer(pd.Index(names))
        unknown = [column for column, i in zip(names, place, strict=True) if i < 0]
        if unknown:
            raise ExplanationError(f"block {name!r}: X has no columns {some(unknown)}")
        found[name] = np.unique(place)
    return found


def numbers(X: pd.DataFrame) -> Numbers:
    """The table as floats; ExplanationError when it holds anything else."""
    try:
        return X.to_numpy(dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ExplanationError(f"columns must hold numbers: {error}") from error


def one_a_row(found: ArrayLike, n_rows: int, what: str) -> Numbers:
    """What a caller's function gave for rows; ExplanationError unless it is a number for each."""
    given = np.asarray(found, dtype=np.float64)
    if given.shape != (n_rows,):
        raise ExplanationError(f"{what} of {n_rows} rows have shape {given.shape}")
    finite = np.isfinite(given)
    if not finite.all():
        row = int(np.argmin(finite))
        raise ExplanationError(
            f"{int((~finite).sum())} {what} are not finite, the first in row {row}: {given[row]}"
        )
    return given


def some(names: Sequence[Hashable]) -> str:
    """The first of the names, for a message."""
    shown = ", ".join(map(repr, names[:_SHOWN]))
    return shown + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")


# Key of `spdkit.extractors.audio.columns.Family` -> family. What describes one shape together is
# one family: its parts go up and down with each other.
_AUDIO = {
    "mfcc": "MFCC",
    "mel": "mel spectrogram",
    "chroma": "chroma",
    "tonnetz": "tonnetz",
    "contrast": "spectral contrast",
    "centroid": "spectral shape",
    "bandwidth": "spectral shape",
    "rolloff": "spectral shape",
    "zcr": "zero-crossing rate",
    "rms": "energy",
}
# Extractor -> family -> beginnings of names, up to an underscore or the end.
_OTHERS: dict[str, dict[str, tuple[str, ...]]] = {
    "descriptors": {
        "rhythm": ("tempo_bpm", "beat_strength", "onset_rate"),
        "key": ("key",),
        "loudness": ("integrated_loudness", "dynamic_range"),
        "duration": ("file_duration",),
    },
    "lyrics": {
        "lyrics length": ("n_sentences", "n_words"),
        "word and sentence length": ("mean_words_sentence", "mean_syllables_word"),
        "repetition": ("sentence_similarity",),
        "vocabulary": ("vocabulary_wealth",),
    },
    "metadata": {
        "artist": ("artist",),
        "release": ("release_year", "track_number"),
        "markets": ("available_markets",),
        "genre": ("genre",),
        "explicit lyrics": ("explicit",),
        "Spotify rhythm": ("spotify_tempo", "spotify_time_signature"),
        "Spotify key": ("spotify_key", "spotify_mode"),
        "Spotify intensity": ("spotify_energy", "spotify_loudness"),
        "Spotify mood": ("spotify_danceability", "spotify_valence"),
        "Spotify sound": (
            *("spotify_acousticness", "spotify_instrumentalness"),
            *("spotify_liveness", "spotify_speechiness"),
        ),
        "Spotify duration": ("spotify_duration_ms",),
    },
}


def families(var: pd.DataFrame) -> pd.Series:
    """Family of every column of a store.

    Parameters
    ----------
    var : DataFrame, indexed by the feature's name
        With a column ``extractor``, as `spdkit.store.feature_store.FeatureStore.var`.

    Returns
    -------
    Series of str, called ``family``
        In the order of `var`.
    """
    found = [
        family(str(name), str(extractor))
        for name, extractor in zip(var.index, var["extractor"], strict=True)
    ]
    return pd.Series(found, index=var.index, name="family", dtype=object)


def family(name: str, extractor: str) -> str:
    """Family of one column.

    Parameters
    ----------
    name : str
        Of the column.
    extractor : str
        Its extractor, as a store has it; columns made of the metadata later, such as genres, are
        of ``metadata``.

    Examples
    --------
    >>> family("mfcc_12_std", "audio"), family("genre_dance pop", "metadata")
    ('MFCC', 'genre')
    >>> family("embedding_12", "my_plugin"), family("0", "my_plugin")
    ('embedding', 'my_plugin')
    """
    for beginning, found in _known().get(extractor, {}).items():
        if name == beginning or name.startswith(f"{beginning}_"):
            return found
    word = re.match(r"[^\W\d_]+", name)
    return word.group() if word else extractor


@lru_cache(maxsize=1)
def _known() -> dict[str, dict[str, str]]:
    """Extractor -> beginning of names -> family."""
    others = {
        extractor: {beginning: name for name, parts in groups.items() for beginning in parts}
        for extractor, groups in _OTHERS.items()
    }
    return {"audio": _audio(), **others}


def _audio() -> dict[str, str]:
    from spdkit.extractors import AudioExtractor
    from spdkit.extractors.audio import columns

    found = {}
    for profile in ("paper", "spotgentrack"):
        for part in columns.families(AudioExtractor(profile=profile, extra=True).settings):
            # The percentage of a roll-off is a parameter.
            stem = re.sub(r"_[\d.]+$", "", part.column)
            found[stem] = _AUDIO[part.key.split("_")[0]]
    return found
