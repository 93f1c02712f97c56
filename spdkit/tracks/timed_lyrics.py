"""Timed lyrics: the words of LRC, SubRip and WebVTT, each sung line once, in order of time.

Conventions
-----------
*LRC.* A line with several stamps is sung at each of them. A line without a stamp belongs to the one
above it. Of enhanced LRC the stamps of words go, as do ID tags (``[ar:…]``), marks of singers
(``v1:``, ``F:``, ``D:``) and what players keep beside a line (``[tt]``, ``[fu]``, ``[tr:de]``, a
translation). Voices in the background (``[bg: …]``) are sung.

*SubRip, WebVTT.* The lines of each cue, without markup. Automatic captions roll: a line that only
moves up is one line.

What stands twice at one time is sung once, and translations are not: see `translations`.
"""

from __future__ import annotations

import html
import re
from typing import NamedTuple

from spdkit.tracks.translations import without_translations

MAX_CHARACTERS = 1 << 20  # the longest of songs have some 20,000 of words

_TIME = (
    r"\s*(?:([0-9]{1,2}):(?=[0-9]+:[0-9]+[.,]))?([0-9]{1,4}):([0-9]{1,2})(?:[.:,]([0-9]{1,3}))?\s*"
)
_STAMP = re.compile(rf"\[{_TIME}\]")
_FIRST_STAMP = re.compile(rf"^[ \t\ufeff]*\[{_TIME}\]", re.MULTILINE)
_WORD_STAMP = re.compile(rf"<{_TIME}>|\[{_TIME}\]")
_ID_TAG = re.compile(r"\s*\[(?!bg:)[A-Za-z#_]+:[^\]]*\]\s*", re.IGNORECASE)
_BACKGROUND = re.compile(r"\[bg:\s*(.*?)\s*\]$", re.IGNORECASE)
_BESIDE = re.compile(r"\[(tr|tt|fu|ro|dt|furigana|romaji|dots?)(?::[^\]]*)?\]", re.IGNORECASE)
_SINGER = re.compile(r"(?:v[0-9]+|[FMD]|bg):(?:\s+|$)|(?:v[0-9]+|[FMD]):(?=[^\s/])")

_CUE = re.compile(r"^[ \t]*(\S+)[ \t]+-->[ \t]+(\S+)")
_CLOCK = re.compile(r"(?:([0-9]+):)?([0-9]{1,2}):([0-9]{1,2})(?:[.,]([0-9]{1,3}))?")
_MARKUP = re.compile(r"</?[A-Za-z][^<>]*>|<[0-9:.]+>|\{\\[^{}]*\}")
_ROLLING = 0.05  # seconds that a cue of automatic captions takes to move up

# What stands for the ends of lines in a text of one line that has many of them.
_FOLDS, _MANY = ("\\r\\n", "\\n", " / ", " // ", " | "), 3

_AT_ONCE = 0.1  # seconds; nobody sings two lines within so short a time


class SungWords(NamedTuple):
    """Lines separated by newlines, and what was decided about them (empty if nothing was)."""

    words: str
    note: str = ""


class _Line(NamedTuple):
    time: float
    words: str


def sung_words(text: str, *, timed: bool = False) -> SungWords:
    """Return the words of timed lyrics; what has no times stays as it is.

    Parameters
    ----------
    text : str
    timed : bool
        Whether it is known to be LRC. Otherwise it is taken for LRC when some line begins with a
        stamp, and for subtitles when some line is the times of a cue (``00:01.000 --> 00:02.000``).

    Raises
    ------
    ValueError
        When repeated lines come to more than `MAX_CHARACTERS`.
    """
    text, unfolded = _unfolded(text)
    rows = text.splitlines()
    if any("-->" in row and _cue(row) for row in rows):
        lines = _subtitles(rows)
    elif timed or _FIRST_STAMP.search(text):
        lines = _lrc(rows)
    else:
        return SungWords("\n".join(rows).strip(), unfolded)
    lines.sort(key=lambda line: line.time)  # keeps the order of lines at one time
    moments = [[line.words for line in group] for group in _moments(lines)]
    sung, note = without_translations(moments)
    return SungWords("\n".join(words for texts in sung for words in texts), note)


def _unfolded(text: str) -> tuple[str, str]:
    """Lines of a text that has them all in one, and a word on that."""
    if "\n" in text.strip():
        return text, ""
    for sign in _FOLDS:
        if text.count(sign) >= _MANY:
            return text.replace(sign, "\n"), f"one line, parted where it has {sign.strip()}"
    return text, ""


def _moments(lines: list[_Line]) -> list[list[_Line]]:
    moments: list[list[_Line]] = []
    for line in lines:
        if moments and line.time - moments[-1][0].time <= _AT_ONCE:
            moments[-1].append(line)
        else:
            moments.append([line])
    return moments


def _lrc(rows: list[str]) -> list[_Line]:
    lines: list[_Line] = []
    times, length = [-1.0], 0
    for raw in rows:
        rest, stamps = raw.strip(), []
        while stamp := _STAMP.match(rest):
            stamps.append(_seconds(*stamp.groups()))
            rest = rest[stamp.end() :].lstrip()
        if (not stamps and _ID_TAG.fullmatch(rest)) or _BESIDE.match(rest):
            continue
        times = stamps or times
        background = _BACKGROUND.match(rest)
        rest = background[1] if background else _SINGER.sub("", rest, count=1)
        words = " ".join(_WORD_STAMP.sub("", rest).split())
        if words:
            length += len(times) * (len(words) + 1)
            if length > MAX_CHARACTERS:
                raise ValueError(
                    f"repeated lines that come to more than {MAX_CHARACTERS} characters"
                )
            lines += [_Line(time, words) for time in times]
    return lines


def _subtitles(rows: list[str]) -> list[_Line]:
    cues: list[tuple[float, float, list[str]]] = []
    open_cue = False
    for row in rows:
        if times := _cue(row):
            if cues and open_cue and cues[-1][2] and cues[-1][2][-1].isdigit():
                cues[-1][2].pop()  # the number of this cue, without a blank line before it
            cues.append((*times, []))
            open_cue = True
        elif not row.strip():
            open_cue = False
        elif open_cue:
            words = " ".join(html.unescape(_MARKUP.sub("", row)).split())
            cues[-1][2].extend([words] if words else [])
    if any(end - start < _ROLLING for start, end, _ in cues):
        shown: list[str] = []
        for _, _, texts in cues:
            before, shown = shown, list(texts)
            texts[:] = [line for line in texts if line not in before]
    return [_Line(start, line) for start, _, texts in cues for line in texts]


def _cue(row: str) -> tuple[float, float] | None:
    cue = _CUE.match(row)
    clocks = [_CLOCK.fullmatch(clock) for clock in cue.groups()] if cue else []
    start, end = (_seconds(*clock.groups()) if clock else None for clock in clocks or (None, None))
    return None if start is None or end is None else (start, end)


def _seconds(hours: str | None, minutes: str, seconds: str, fraction: str | None) -> float:
    whole = 3600 * int(hours or 0) + 60 * int(minutes) + int(seconds)
    return whole + float(f"0.{fraction or 0}")
