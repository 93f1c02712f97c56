r"""Sentences and words of cleaned lyrics.

Conventions
-----------
A sentence is a line that holds a word. Words are one of two kinds:

``"words"``
    Runs of letters, marks, numbers and underscores of any script, with the apostrophes inside
    them: *don't* and *l'amour* are one word each, *rock-n-roll* is three. The marks matter: in
    Devanagari vowels are marks.
``"word_characters"``
    Runs of ``\w`` as the standard library's `re` has it: *don't* is two words, and a Devanagari
    word falls apart at its vowel signs. The data set SpotGenTrack was made with these.

Both are patterns of our own rather than nltk's `RegexpTokenizer`, whose engine, and with it the
meaning of ``\w``, changed from `re` to `regex` within nltk 3. In scripts that put no spaces
between words (Han, kana, Thai, Lao, Khmer, Burmese) a word is what spaces enclose.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from itertools import chain

import regex

KINDS = ("words", "word_characters")

_APOSTROPHES = regex.compile("[\u2018\u2019\u02bc\u00b4\uff07]")
_CHARACTER = r"[\p{L}\p{M}\p{N}_]"
_WORD = regex.compile(rf"{_CHARACTER}++(?:'{_CHARACTER}++)*+")
_ASCII_WORD = re.compile(r"[A-Za-z0-9_]++(?:'[A-Za-z0-9_]++)*+")  # the same of ASCII, faster
_WORD_CHARACTERS = re.compile(r"\w+")

_UNSPACED = {
    name: regex.compile(rf"\p{{Script={name}}}")
    for name in ("Han", "Hiragana", "Katakana", "Thai", "Lao", "Khmer", "Myanmar")
}


@dataclass(frozen=True)
class Sentences:
    """The sentences of one text, equal ones once.

    Attributes
    ----------
    counts : dict of tuple of str to int
        How often each distinct sentence occurs, a sentence being its words; in order of first
        occurrence.
    """

    counts: dict[tuple[str, ...], int]

    @property
    def total(self) -> int:
        """Number of sentences."""
        return sum(self.counts.values())

    def words(self) -> Counter[str]:
        """How often each word occurs."""
        once = Counter(chain.from_iterable(self.counts))
        for words, count in self.counts.items():
            if count > 1:
                for word in words:
                    once[word] += count - 1
        return once


def sentences(text: str, kind: str = "words", lowercase: bool = True) -> Sentences:
    """Cut cleaned lyrics into sentences of words.

    Parameters
    ----------
    text : str
        Lines in NFC, as `cleaning.clean` returns them.
    kind : {"words", "word_characters"}
        What a word is.
    lowercase : bool
        Whether words lose their case.

    Returns
    -------
    Sentences
    """
    counts: dict[tuple[str, ...], int] = {}
    for line, count in Counter((text.lower() if lowercase else text).split("\n")).items():
        if words := tuple(split(line, kind)):
            counts[words] = counts.get(words, 0) + count
    return Sentences(counts)


def split(line: str, kind: str = "words") -> list[str]:
    """Cut one line into words of a kind; see the module's conventions."""
    if kind == "word_characters":
        return _WORD_CHARACTERS.findall(line)
    if line.isascii():
        return _ASCII_WORD.findall(line)
    words: list[str] = _WORD.findall(_APOSTROPHES.sub("'", line))
    return words


def unspaced_scripts(text: str) -> list[str]:
    """Name the scripts in `text` that put no spaces between words."""
    return [name for name, pattern in _UNSPACED.items() if pattern.search(text)]
