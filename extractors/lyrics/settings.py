"""Every constant of the lyrics features, resolved from a profile and what the user set."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from spdkit.extractors.lyrics.stylometry import WEALTHS
from spdkit.extractors.lyrics.words import KINDS
from spdkit.extractors.profiles import filled

SYLLABLES = ("spoken", "hyphenated")

PROFILES: dict[str, dict[str, Any]] = {
    # The HitMusicNet paper.
    "paper": {
        "words": "words",
        "lowercase": True,
        "count_stop_words": True,
        "syllables": "spoken",
        "similarity_threshold": 0.75,
        "wealth_coverage": 0.85,
        "wealth": "share_of_words",
        "decimals": None,
    },
    # The columns of the published SpotGenTrack set.
    "spotgentrack": {
        "words": "word_characters",
        "lowercase": False,
        "count_stop_words": False,
        "syllables": "hyphenated",
        "similarity_threshold": 0.40,
        "wealth_coverage": 0.80,
        "wealth": "index_over_vocabulary",
        "decimals": 2,
    },
}


@dataclass(frozen=True)
class LyricsSettings:
    """The constants in force; see `LyricsExtractor` for what each means."""

    profile: str
    language: str | None
    min_confidence: float
    min_letters: int
    words: str
    lowercase: bool
    count_stop_words: bool
    syllables: str
    similarity_threshold: float
    smooth_idf: bool
    wealth_coverage: float
    wealth: str
    decimals: int | None


def resolve(parameters: dict[str, Any]) -> LyricsSettings:
    """Fill what is None from the profile and check every value.

    Raises
    ------
    ValueError
        Naming the parameter, its value and what is allowed.
    """
    return _checked(LyricsSettings(**filled(parameters, PROFILES)))


def as_parameters(settings: LyricsSettings) -> dict[str, Any]:
    """Plain dictionary for the provenance of a store."""
    return dataclasses.asdict(settings)


@lru_cache(maxsize=64)
def _checked(settings: LyricsSettings) -> LyricsSettings:
    for holds, name, rule in _rules(settings):
        if not holds:
            raise ValueError(f"{name} {rule}, got {getattr(settings, name)!r}")
    return settings


def _rules(s: LyricsSettings) -> list[tuple[bool, str, str]]:
    return [
        (
            s.language is None or s.language == s.language.lower() != "",
            "language",
            "must be a lower-case ISO 639 code, 'und' or None",
        ),
        (0 <= s.min_confidence <= 1, "min_confidence", "must be from 0 to 1"),
        (s.min_letters >= 1, "min_letters", "must be at least 1"),
        (s.words in KINDS, "words", f"must be one of {', '.join(KINDS)}"),
        (s.syllables in SYLLABLES, "syllables", f"must be one of {', '.join(SYLLABLES)}"),
        (0 < s.similarity_threshold <= 1, "similarity_threshold", "must be above 0, at most 1"),
        (0 < s.wealth_coverage <= 1, "wealth_coverage", "must be above 0, at most 1"),
        (s.wealth in WEALTHS, "wealth", f"must be one of {', '.join(WEALTHS)}"),
        (s.decimals is None or s.decimals >= 0, "decimals", "must be 0, more, or None"),
    ]
