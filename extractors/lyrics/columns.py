"""Columns that settings make, and the remarks on how a row was made."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import lru_cache

from spdkit.extractors.base import FeatureSpec
from spdkit.extractors.lyrics.language import UNDETERMINED, Language
from spdkit.extractors.lyrics.settings import LyricsSettings
from spdkit.extractors.lyrics.syllables import scripts_without_rule
from spdkit.extractors.lyrics.words import unspaced_scripts

_PAPER = "HitMusicNet section IV-A-2"
_PUBLISHED = "SpotGenTrack's published code"


@lru_cache(maxsize=64)
def feature_specs(s: LyricsSettings) -> tuple[FeatureSpec, ...]:
    """Return the six columns, in order."""
    source = _PUBLISHED if s.profile == "spotgentrack" else _PAPER
    words = "words" if s.words == "words" else "runs of \\w"
    counted = "words" if s.count_stop_words else "words, but for stop words,"
    by = "pronunciation or script" if s.syllables == "spoken" else "pyphen's hyphens"
    head = f"the commonest words that make {100 * s.wealth_coverage:g} % of all, but for stop words"
    if s.wealth == "share_of_words":
        wealth = f"Number of {head}, over all"
    else:
        wealth = f"Place, from 0, of the last of {head}, over the vocabulary"
    rounded = "" if s.decimals is None else f", to {s.decimals} places"
    kappa = (
        f"Share of pairs of sentences with a TF-IDF cosine of at least {s.similarity_threshold:g}"
    )
    shortest = 1.0 if s.count_stop_words else 0.0
    similarity_source = "HitMusicNet Algorithm 1" if source == _PAPER else source
    length = "word and sentence length"
    # In order: name, low, high, description, reference, family.
    rows = (
        ("n_sentences", 0.0, math.inf, "Number of lines that hold a word", source, "lyrics length"),
        ("mean_words_sentence", shortest, math.inf,
         f"Mean number of {counted} in a sentence{rounded}", source, length),
        ("n_words", 0.0, math.inf, f"Number of {words}", source, "lyrics length"),
        ("mean_syllables_word", 1.0, math.inf,
         f"Mean number of syllables, by {by}, of {counted.rstrip(',')}{rounded}", source, length),
        ("sentence_similarity", 0.0, 1.0, kappa, similarity_source, "repetition"),
        ("vocabulary_wealth", 0.0, 1.0, f"{wealth}{rounded}", source, "vocabulary"),
    )  # fmt: skip
    return tuple(FeatureSpec(name, "1", low, high, *texts) for name, low, high, *texts in rows)


def remarks(
    text: str,
    language: Language,
    values: Mapping[str, float],
    has_stop_words: bool,
    hyphenated: bool,
    settings: LyricsSettings,
) -> list[str]:
    """Say what the numbers of one text must do without.

    Parameters
    ----------
    text : str
        Cleaned lyrics.
    language : Language
        Of the text.
    values : mapping of str to float
        The features.
    has_stop_words, hyphenated : bool
        Whether there is a list of stop words, and hyphenation, for the language.
    settings : LyricsSettings
    """
    if not values["n_words"]:
        return ["no word in the lyrics"]
    notes = []
    if language.code == UNDETERMINED:
        why = f" ({language.remark})" if language.remark else ""
        notes.append(f"language und{why}: stop words none, syllables by script (vowel groups)")
    elif not has_stop_words:
        notes.append(f"stop words none for {language.code!r}")
    if settings.syllables == "hyphenated" and language.code != UNDETERMINED and not hyphenated:
        notes.append(f"hyphenation none for {language.code!r}: syllables by script")
    if math.isnan(values["vocabulary_wealth"]):
        notes.append("no word but stop words")
    if text.isascii():
        return notes
    if scripts := unspaced_scripts(text):
        notes.append(f"{', '.join(scripts)} without spaces: a word is what spaces enclose")
    if scripts := scripts_without_rule(text):
        notes.append(f"syllables unknown in {', '.join(scripts)}: one a word")
    return notes
