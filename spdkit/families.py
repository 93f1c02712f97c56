"""Families of features: which columns belong together, in words that a music researcher uses.

Conventions: the columns of `spdkit`'s own extractors, of both their profiles, and of the catalogs
are known by the beginnings of their names, those of the audio from its layout. Any other column,
such as a plugin's, goes by the first word of its name (``embedding_12`` -> ``embedding``), or, when
that does not begin with one, by its extractor. No family of ours has columns of two modalities:
what Spotify computed has its name, as in `spdkit.extractors.metadata`.
"""

from __future__ import annotations

import re
from functools import lru_cache

import pandas as pd

# Key of `spdkit.extractors.audio.layout.Family` -> family. What describes one shape together is
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
        With a column ``extractor``, as `spdkit.store.FeatureStore.var`.

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
    from spdkit.extractors.audio import layout

    found = {}
    for profile in ("paper", "spotgentrack"):
        for part in layout.families(AudioExtractor(profile=profile, extra=True).settings):
            # The percentage of a roll-off is a parameter.
            stem = re.sub(r"_[\d.]+$", "", part.column)
            found[stem] = _AUDIO[part.key.split("_")[0]]
    return found
