"""Translations: which of several texts for one moment of a song is sung.

Conventions
-----------
Players show a translation, or the same words in Latin letters, below each line. A file holds it at
the same time, in any order, in a block of its own, or behind a slash or in brackets on the same
line (a slash without spaces parts two scripts alone). Texts that share their moment are the same
words twice when they differ in script, or, where all are in one script, in language (by py3langid,
of all such lines together): the first text of a moment is what is sung, and where moments disagree
the script that comes first most often. Texts in one language are all sung, as by two voices.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence

import regex

from spdkit.tracks.languages import identifier

# A language is told from so many letters on, and believed from such a probability on.
_MIN_LETTERS, _SURE = 40, 0.7
_OFTEN = 3  # moments, for each that has two texts in two scripts or languages
_JAPANESE = regex.compile(r"[\p{Script=Hiragana}\p{Script=Katakana}]")
_LETTER = regex.compile(r"\p{L}")
# Sung, and translated: "a / b", "a | b", "a（b）".
_JOINED = regex.compile(
    r"(?P<sung>[^/|｜／]+?)(?:\s//?\s|\s?[／｜]\s?|\s\|\s)(?P<other>[^/|｜／]+)"
    r"|(?P<sung>[^()（）【】「」]+?)\s?(?:\((?P<other>[^()]+)\)|（(?P<other>[^（）]+)）"
    r"|【(?P<other>[^【】]+)】|「(?P<other>[^「」]+)」)"
)
# Without spaces, as in "day/night": translated only where the scripts differ.
_CLOSE = regex.compile(r"(?P<sung>[^/|]+)[/|](?P<other>[^/|]+)")


def without_translations(moments: Sequence[Sequence[str]]) -> tuple[list[list[str]], str]:
    """Keep of each moment what is sung.

    Parameters
    ----------
    moments : sequence of sequence of str
        Texts by the moment at which they are sung, in order.

    Returns
    -------
    moments : list of list of str
    remark : str
        What was left out, or why nothing was where a moment has several texts; else empty.
    """
    lines = [text for texts in moments for text in texts]
    parts = [_parts(text) for text in lines]
    if sum(len(each) > 1 for each in parts) * 3 >= len(lines) * 2 and len(lines) > 1:
        sung = _first_versions(parts)
        if count := _total(parts) - _total(sung):
            heads = iter(sung)
            moments = [[" ".join(next(heads)) for _ in texts] for texts in moments]
            remark = f"{count} of {len(lines)} lines end in a translation, which is not counted"
            return [list(texts) for texts in moments], remark
    sung = _first_versions(moments)
    remark = ""
    if count := len(lines) - _total(sung):
        remark = (
            f"{count} lines are a translation of one at the same time, and not counted: what comes "
            "first is"
        )
    elif (several := sum(len(texts) > 1 for texts in sung)) * _OFTEN >= max(1, len(sung)):
        remark = f"{several} of {len(sung)} times have two lines or more, all counted"
    return sung, remark


def _total(moments: Sequence[Sequence[str]]) -> int:
    return sum(len(texts) for texts in moments)


def _parts(line: str) -> list[str]:
    if match := _JOINED.fullmatch(line):
        return [match["sung"], match["other"]]
    match = _CLOSE.fullmatch(line)
    scripts = {_script(match[part]) for part in ("sung", "other")} if match else {""}
    return [match["sung"], match["other"]] if match and len(scripts - {""}) > 1 else [line]


def _first_versions(moments: Sequence[Sequence[str]]) -> list[list[str]]:
    scripts = [[_script(text) if len(texts) > 1 else "" for text in texts] for texts in moments]
    mixed = [each for each in scripts if len(set(each) - {""}) > 1]
    if not mixed or len(mixed) * _OFTEN < len(moments):
        return _one_language([list(texts) for texts in moments])
    first = Counter(each[0] for each in mixed).most_common(1)[0][0]
    sung = []
    for texts, own in zip(moments, scripts, strict=True):
        start = own.index(first) if first in own else 0
        end = start + 1
        # A line may go on below itself; in kanji alone Japanese looks like its translation.
        several = len(set(own)) > 1
        while several and own[end : end + 1] == [own[start]]:
            end += 1
        sung.append(list(texts[start:end]))
    return _one_language(sung)


def _one_language(moments: list[list[str]]) -> list[list[str]]:
    several = [texts for texts in moments if len(texts) > 1]
    if not several or len(several) * _OFTEN < len(moments):
        return moments
    first = _language(texts[0] for texts in several)
    layers: list[list[str]] = []
    for texts in several:
        layers += ([] for _ in range(len(layers), len(texts)))
        for layer, text in zip(layers, texts, strict=False):
            layer.append(text)
    languages = (_language(layer) if first else "" for layer in layers[1:])
    others = {at for at, language in enumerate(languages, 1) if language not in ("", first)}
    return [[text for at, text in enumerate(texts) if at not in others] for texts in moments]


def _script(text: str) -> str:
    """Script of a line, Latin only when there is no other; of Japanese its own letters."""
    if _JAPANESE.search(text):
        return "JAPANESE"
    names = Counter(unicodedata.name(c, "").split(" ")[0] for c in _LETTER.findall(text))
    return max(names, key=lambda name: (name != "LATIN", names[name]), default="")


def _language(lines: Iterable[str]) -> str:
    """Language of some lines, empty where it cannot be told."""
    text = "\n".join(sorted(set(lines)))
    if len(_LETTER.findall(text)) < _MIN_LETTERS:
        return ""
    code, probability = identifier().classify(text)
    return str(code) if probability >= _SURE else ""
