"""Timed lyrics: the words of LRC, SubRip, WebVTT and TTML, each sung line once, in order of time.

Conventions
-----------
*LRC.* A line with several stamps is sung at each of them. A line without a stamp belongs to the one
above it. Of enhanced LRC the stamps of words go, as do ID tags (``[ar:…]``), marks of singers
(``v1:``, ``F:``, ``D:``) and what players keep beside a line (``[tt]``, ``[fu]``, ``[tr:de]``, a
translation). Voices in the background (``[bg: …]``) are sung.

*SubRip, WebVTT, TTML.* The lines of each cue, without markup. Automatic captions roll: a line that
only moves up is one line.

What stands twice at one time is sung once, and translations are not: see `translations`.
"""

from __future__ import annotations

import math
import re
from typing import NamedTuple

from spdkit.common.text import unescaped
from spdkit.tracks.translations import without_translations

MAX_CHARACTERS = 1 << 20  # the longest of songs have some 20,000 of words

_TIME = (
    r"\s*(?:([0-9]{1,2}):(?=[0-9]+:[0-9]+[.,]))?([0-9]{1,4}):([0-9]{1,2})(?:[.:,]([0-9]{1,3}))?\s*"
)
_STAMP = re.compile(rf"\s*\[{_TIME}\]")
_FIRST_STAMP = re.compile(rf"^[ \t\ufeff]*\[(?:{_TIME}|[0-9]+,[0-9]+)\]", re.MULTILINE)
_WORD_STAMP = re.compile(rf"<{_TIME}>|\[{_TIME}\]|[<(][0-9]+,[0-9]+(?:,[0-9]+)?[>)]")
# Start and length in milliseconds, as Chinese players write them.
_SPAN = re.compile(r"\[([0-9]{1,8}),[0-9]{1,8}\]")
_ID_TAG = re.compile(r"\s*\[(?!bg:)[A-Za-z#_]+:[^\]]*\]\s*", re.IGNORECASE)
_BACKGROUND = re.compile(r"\[bg:(.*)\]$", re.IGNORECASE)
_BESIDE = re.compile(r"\[(tr|tt|fu|ro|dt|furigana|romaji|dots?)(?::[^\]]*)?\]", re.IGNORECASE)
_SINGER = re.compile(r"^(?:v[0-9]+|[FMD]|bg):(?:\s+|(?=[^\s/])|$)")

_HEAD, _TTML = 1000, re.compile(r"<tt[\s>]")
_P = re.compile(r"<p\b[^<>]*>")
_ROLE = re.compile(
    r"<span\b[^<>]*\brole=.x-(?:translation|roman)[^<>]*>(?:[^<]|<(?!/?span\b))*+</span>"
)

_CUE = re.compile(r"^[ \t]*(\S+)[ \t]+-->[ \t]+(\S+)")
_CLOCK = re.compile(r"(?:([0-9]{1,9}):)?([0-9]{1,2}):([0-9]{1,2})(?:[.,]([0-9]{1,3}))?")
_MARKUP = re.compile(r"</?[A-Za-z][^<>]*>|<[0-9:.]+>|\{\\[^{}]*\}")
_ROLLING = 0.05  # seconds that a cue of automatic captions takes to move up

# What stands for the ends of lines in a text of one line that has many of them.
_FOLDS, _MANY = ("\\r\\n", "\\n", " / ", " // ", " | "), 3

_AT_ONCE = 0.1  # seconds; nobody sings two lines within so short a time
_BELOW = 2  # lines without a stamp below one with it that may be translations


class SungWords(NamedTuple):
    """Lines separated by newlines, and what was decided about them (empty if nothing was)."""

    words: str
    note: str = ""


class _Line(NamedTuple):
    time: float
    words: str
    is_stamped: bool  # else it goes on below one that is


def require_length(text: str) -> None:
    """Refuse lyrics of more than `MAX_CHARACTERS` by a ValueError that says how many there are."""
    if len(text) > MAX_CHARACTERS:
        raise ValueError(f"{len(text)} characters, more than the {MAX_CHARACTERS} they may have")


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
    if "</p>" in text and _TTML.search(text, 0, _HEAD):
        lines = _ttml(text)
    elif any("-->" in row and _cue(row) for row in rows):
        lines = _subtitles(rows)
    elif timed or _FIRST_STAMP.search(text):
        lines = _lrc(rows)
    else:
        return SungWords("\n".join(rows).strip(), unfolded)
    lines.sort(key=lambda line: line.time)  # keeps the order of lines at one time
    moments, n_repeated = _moments(lines)
    sung, note = without_translations(moments)
    notes = [f"{n_repeated} lines stand twice at the same time and are counted once"]
    words = "\n".join(words for texts in sung for words in texts)
    return SungWords(words, "; ".join([*notes[: bool(n_repeated)], *filter(None, [note])]))


def _unfolded(text: str) -> tuple[str, str]:
    """Lines of a text that has them all in one, and a word on that."""
    if len(text.strip().splitlines()) != 1:
        return text, ""
    for sign in _FOLDS:
        if text.count(sign) >= _MANY:
            return text.replace(sign, "\n"), f"one line, parted where it has {sign.strip()}"
    return text, ""


def _moments(lines: list[_Line]) -> tuple[list[list[str]], int]:
    """Texts by the moment at which they are sung, and how many were there twice."""
    # More than a translation below a line is a stanza below its first line.
    below, longest = 0, 0
    for line in lines:
        below = 0 if line.is_stamped else below + 1
        longest = max(longest, below)
    moments: list[list[str]] = []
    start, stamped = -math.inf, set[str]()
    n_repeated = 0
    for line in lines:
        goes_on = not line.is_stamped and line.time >= 0 and longest <= _BELOW
        if line.time - start > _AT_ONCE or not (line.is_stamped or goes_on):
            moments.append([line.words])
            start, stamped = line.time, {line.words}
        elif line.is_stamped and line.words in stamped:
            n_repeated += 1
        else:
            moments[-1].append(line.words)
            stamped |= {line.words} if line.is_stamped else set()
    return moments, n_repeated


def _lrc(rows: list[str]) -> list[_Line]:
    lines: list[_Line] = []
    times, length = [-1.0], 0
    for raw in rows:
        row, stamps, at = raw.strip(), [], 0
        while stamp := _STAMP.match(row, at):
            stamps.append(_seconds(*stamp.groups()))
            at = stamp.end()
        rest = row[at:].lstrip()
        if span := _SPAN.match(rest):
            stamps.append(int(span[1]) / 1000)
            rest = rest[span.end() :]
        if (not stamps and _ID_TAG.fullmatch(rest)) or _BESIDE.match(rest):
            continue
        times = stamps or times
        background = _BACKGROUND.match(rest)
        rest = background[1].strip() if background else _SINGER.sub("", rest)
        words = " ".join(_WORD_STAMP.sub("", rest).split())
        if words:
            length += len(times) * (len(words) + 1)
            if length > MAX_CHARACTERS:
                raise ValueError(
                    f"repeated lines that come to more than {MAX_CHARACTERS} characters"
                )
            lines += [_Line(time, words, bool(stamps)) for time in times]
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
            words = " ".join(unescaped(_MARKUP.sub("", row)).split())
            cues[-1][2].extend([words] if words else [])
    if any(end - start < _ROLLING for start, end, _ in cues):
        shown: set[str] = set()
        for _, _, texts in cues:
            before, shown = shown, set(texts)
            texts[:] = [line for line in texts if line not in before]
    return [
        _Line(start, line, number == 0)
        for start, _, texts in cues
        for number, line in enumerate(texts)
    ]


def _ttml(text: str) -> list[_Line]:
    starts = ((_P.search(part), part) for part in text.split("</p>")[:-1])
    inside = (part[start.end() :] for start, part in starts if start)
    texts = (unescaped(_MARKUP.sub("", _ROLE.sub("", line))) for line in inside)
    lines = (" ".join(line.split()) for line in texts)
    # They stand in order of time.
    return [_Line(float(number), line, True) for number, line in enumerate(lines) if line]


def _cue(row: str) -> tuple[float, float] | None:
    cue = _CUE.match(row)
    clocks = [_CLOCK.fullmatch(clock) for clock in cue.groups()] if cue else []
    start, end = (_seconds(*clock.groups()) if clock else None for clock in clocks or (None, None))
    return None if start is None or end is None else (start, end)


def _seconds(hours: str | None, minutes: str, seconds: str, fraction: str | None) -> float:
    whole = 3600 * int(hours or 0) + 60 * int(minutes) + int(seconds)
    return whole + float(f"0.{fraction or 0}")
