"""Settings: every constant of the lyrics features, from a profile and what the user set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from spdkit.common.errors import ParameterError
from spdkit.common.parameters import FLAG, TEXT, Allowed, Number, OneOf, Whole
from spdkit.extractors import profiles
from spdkit.extractors.lyrics.words import KINDS

_SHARE_OR_ALL = Number(0, 1, closed="high")

# The HitMusicNet paper, and the columns of the published SpotGenTrack set.
PROFILES = profiles.by_profile(
    ("paper", "spotgentrack"),
    words=("words", "word_characters"),
    lowercase=(True, False),
    count_stop_words=(True, False),
    syllables=("spoken", "hyphenated"),
    similarity_threshold=(0.75, 0.40),
    wealth_coverage=(0.85, 0.80),
    wealth=("share_of_words", "index_over_vocabulary"),
    decimals=(None, 2),
)


@dataclass(kw_only=True, eq=False, repr=False)
class LyricsParameters:
    """What a `LyricsExtractor` and its settings share: no profile has a say in these."""

    language: str | None = None
    min_confidence: float = 0.5
    min_letters: int = 20
    smooth_idf: bool = True


# Not frozen, as what it inherits is not; nothing changes it, and it is the key of caches.
@dataclass(kw_only=True, unsafe_hash=True)
class LyricsSettings(LyricsParameters):
    """The constants in force; see `LyricsExtractor` for what each means."""

    profile: str
    words: str
    lowercase: bool
    count_stop_words: bool
    syllables: str
    similarity_threshold: float
    wealth_coverage: float
    wealth: str
    decimals: int | None

    _parameter_constraints: ClassVar[dict[str, Allowed]] = {
        "language": (TEXT, None),
        "min_confidence": Number(0, 1),
        "min_letters": Whole(),
        "words": OneOf(*KINDS),
        **dict.fromkeys(("lowercase", "count_stop_words", "smooth_idf"), FLAG),
        **dict.fromkeys(("similarity_threshold", "wealth_coverage"), _SHARE_OR_ALL),
        "syllables": OneOf("spoken", "hyphenated"),
        "wealth": OneOf("share_of_words", "index_over_vocabulary"),
        "decimals": (Whole(0), None),
    }


def resolve(parameters: dict[str, Any]) -> LyricsSettings:
    """Fill what is None from the profile and check every value.

    Raises
    ------
    ParameterError
        Naming the parameter, what it may be, and its value.
    """
    constraints = LyricsSettings._parameter_constraints
    settings = LyricsSettings(**profiles.resolve(parameters, PROFILES, constraints))
    language = settings.language
    if language is not None and not language == language.lower() != "":
        raise ParameterError(
            f"language must be a lower-case ISO 639 code, 'und' or None, got {language!r}"
        )
    return settings
