"""Stylometry: the six numbers, from sentences, stop words and a way to count syllables.

Conventions
-----------
What is a mean or a share of nothing is NaN: it is not known, and 0 would say that it is. So lyrics
without a word have 0 sentences, 0 words and NaN otherwise; where all words are stop words, the
vocabulary has no wealth to speak of, nor, under SpotGenTrack's rules, words to count syllables of.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence
from itertools import accumulate

import numpy as np
from nltk.probability import FreqDist

from spdkit.extractors.lyrics.settings import LyricsSettings
from spdkit.extractors.lyrics.similarity import sentence_similarity
from spdkit.extractors.lyrics.words import Sentences

NAMES = (
    "n_sentences",
    "mean_words_sentence",
    "n_words",
    "mean_syllables_word",
    "sentence_similarity",
    "vocabulary_wealth",
)


def measure(
    text: Sentences,
    settings: LyricsSettings,
    *,
    stop_words: Collection[str],
    syllables: Callable[[str], int],
) -> dict[str, float]:
    """Compute the six features of one text.

    Parameters
    ----------
    text : Sentences
        The words of the text.
    settings : LyricsSettings
    stop_words : collection of str
        Words that carry no vocabulary.
    syllables : callable
        From a word to its number of syllables.

    Returns
    -------
    dict of str to float
        By `NAMES`.
    """
    n_sentences, decimals = text.total, settings.decimals
    words, content = frequencies(text, stop_words)
    counted = words if settings.count_stop_words else content
    similarity = sentence_similarity(
        text.counts, settings.similarity_threshold, settings.smooth_idf
    )
    wealth = wealth_of(content, settings.wealth, settings.wealth_coverage, decimals)
    return {
        "n_sentences": n_sentences,
        "mean_words_sentence": _mean(counted.N(), n_sentences, decimals),
        "n_words": words.N(),
        "mean_syllables_word": _mean(total_syllables(counted, syllables), counted.N(), decimals),
        "sentence_similarity": similarity if n_sentences else math.nan,
        "vocabulary_wealth": wealth,
    }


def frequencies(text: Sentences, stop_words: Collection[str]) -> tuple[FreqDist, FreqDist]:
    """Count all words, and those that are no stop words."""
    words = FreqDist(text.words())
    return words, FreqDist({word: n for word, n in words.items() if word not in stop_words})


def total_syllables(words: FreqDist, syllables: Callable[[str], int]) -> int:
    """Count the syllables of all words."""
    return sum(n * syllables(word) for word, n in words.items())


def wealth_of(
    content: FreqDist, wealth: str, coverage: float, decimals: int | None = None
) -> float:
    """Vocabulary wealth of kind "share_of_words" or "index_over_vocabulary"."""
    falling = [count for _, count in content.most_common()]
    return _WEALTHS[wealth](falling, coverage, decimals)


def share_of_words(falling: Sequence[int], coverage: float, decimals: int | None = None) -> float:
    """Share of the words that are in the shortest head of the vocabulary covering `coverage`.

    Parameters
    ----------
    falling : sequence of int
        How often each word of the vocabulary occurs, the commonest first.
    coverage : float
        Share of all occurrences that the head must cover.
    decimals : int or None
        To round to; None leaves it.

    Returns
    -------
    float
        Length of the head over the number of occurrences, in (0, 1]; NaN of no words.

    References
    ----------
    .. [1] HitMusicNet paper, section IV-A-2.
    """
    total = sum(falling)
    if not total:
        return math.nan
    needed = coverage * total - 1e-9  # 0.55 · 100 is 55, whatever its last bit
    head = 1 + next(i for i, covered in enumerate(accumulate(falling)) if covered >= needed)
    return _rounded(head / total, decimals)


def index_over_vocabulary(
    falling: Sequence[int], coverage: float, decimals: int | None = None
) -> float:
    """Place at which the vocabulary covers `coverage`, over its size: SpotGenTrack's wealth.

    As published: the place counts from 0, and what must be covered is cut to an integer, so that
    few words have a wealth of 0.

    Parameters
    ----------
    falling, coverage, decimals
        As for `share_of_words`.

    Returns
    -------
    float
        In [0, 1); NaN of no words.
    """
    total = sum(falling)
    if not total:
        return math.nan
    needed = int(coverage * total)
    index = next(i for i, covered in enumerate(accumulate(falling)) if covered >= needed)
    return _rounded(index / len(falling), decimals)


_WEALTHS = {"share_of_words": share_of_words, "index_over_vocabulary": index_over_vocabulary}


def _mean(total: int, count: int, decimals: int | None) -> float:
    if not count:
        return math.nan
    mean = total / count
    # numpy's, as SpotGenTrack's means were: of 3.575 and its like Python's makes another number.
    return mean if decimals is None else float(np.round(mean, decimals))


def _rounded(value: float, decimals: int | None) -> float:
    return value if decimals is None else round(value, decimals)
