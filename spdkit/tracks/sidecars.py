"""Sidecars: text files of lyrics beside the audio, and the words in them.

Conventions
-----------
``song.txt`` or ``song.lrc`` beside ``song.flac`` holds its lyrics: the same name but for the
suffix, whose case does not matter. Plain words (``.txt``) come before timed ones (``.lrc``). Time
stamps never reach an extractor, whichever file they are in.

A file says its encoding by a byte-order mark or is UTF-8. Anything else is guessed among the
encodings of `_PAGES`, and only believed when the text is clean (by charset_normalizer) and in a
language that is written in that encoding (by py3langid): French read as Windows-1250 is clean too.
"""

from __future__ import annotations

import codecs
import contextlib
import os
import re
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from spdkit.common.errors import SpdkitError

SUFFIXES = (".txt", ".lrc")  # in order of preference
MAX_BYTES = 1 << 20  # the longest of songs have some 20 KiB of words

# UTF-32 first: its little-endian mark begins with that of UTF-16.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_WESTERN = (
    "en fr de es it pt nl sv da no nn fi is ca gl eu oc br af sq ga gd cy lb fo an wa ext lij vec "
    "sw id ms tl jv ht gcf gcr la"
)
# Encodings by how common they are in lyrics, and the languages that are written in them.
_PAGES = {
    "cp1252": _WESTERN,
    "cp1251": "ru uk be bg sr mk kk ky mn tg",
    "cp932": "ja",
    "gb18030": "zh wuu yue",
    "big5": "zh yue",
    "euc_kr": "ko",
    "euc_jp": "ja",
    "iso2022_jp": "ja",
    "cp1250": "pl cs sk hu hr sl ro bs sq",
    "cp1254": "tr az",
    "cp1257": "lt lv et ltg",
    "cp1253": "el grc",
    "cp1255": "he hbo",
    "cp1256": "ar fa ur",
    "iso8859_6": "ar",
    "cp874": "th",
    "koi8_r": "ru uk be bg",
    "cp866": "ru uk be bg",
    "iso8859_5": "ru uk be bg sr mk",
    "mac_roman": _WESTERN,
}
# Shares of suspicious characters, by charset_normalizer: of right guesses on short poems in 20
# languages at most 0.08, of binary data mostly over 0.2.
_CLEAN, _AS_CLEAN = 0.2, 0.05
_NULS, _FEW_NULS = 0.05, 3  # share among the characters of UTF-16, and strays

_TIME = r"([0-9]{1,4}):([0-9]{1,2})(?:[.:]([0-9]{1,3}))?"
_STAMP = re.compile(rf"\[{_TIME}\]")
_FIRST_STAMP = re.compile(rf"^\s*\[{_TIME}\]", re.MULTILINE)
_WORD_STAMP = re.compile(rf"<{_TIME}>|\[{_TIME}\]")
_ID_TAG = re.compile(r"\s*\[[A-Za-z#_]+:[^\]]*\]\s*")


class PartError(SpdkitError):
    """A part of a track, such as its file of lyrics or its tags, that cannot be read.

    Parameters
    ----------
    path : str
        The file.
    reason : str
        What is wrong with it.
    """

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(path, reason)
        self.path = path
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"


class Lyrics(NamedTuple):
    """Words, empty when there are none, and the encoding that was guessed ("" if it was said)."""

    words: str
    guessed: str = ""


def beside(names: Sequence[str]) -> dict[str, list[str]]:
    """Files of one folder that may hold lyrics, by the stem that they share with their audio.

    Parameters
    ----------
    names : sequence of str
        Names of the folder's files.

    Returns
    -------
    dict of str to list of str
        Stem to names, in order of preference.
    """
    ranks: dict[str, list[tuple[int, str]]] = {}
    for name in names:
        stem, suffix = os.path.splitext(name)  # noqa: PTH122 (many files: Path takes longer)
        if suffix.lower() in SUFFIXES:
            ranks.setdefault(stem, []).append((SUFFIXES.index(suffix.lower()), name))
    return {stem: [name for _, name in sorted(ranked)] for stem, ranked in ranks.items()}


def read_lyrics(path: str) -> Lyrics:
    """Read the words of a text file or LRC file.

    Parameters
    ----------
    path : str
        A local file of at most `MAX_BYTES`.

    Returns
    -------
    Lyrics
        Lines separated by newlines, without time stamps.

    Raises
    ------
    PartError
        When the file cannot be read, is too large, or its encoding cannot be told.
    """
    place = Path(path)
    try:
        # Opening a pipe would wait for a writer.
        if not stat.S_ISREG(place.stat().st_mode):
            raise PartError(path, "is no regular file")
        with place.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise PartError(path, f"cannot be read: {error.strerror or error}") from error
    if len(data) > MAX_BYTES:
        size = place.stat().st_size
        raise PartError(path, f"{size} bytes, more than the {MAX_BYTES} that lyrics may have")
    try:
        text, guessed = decode(data)
        return Lyrics(plain_words(text, timed=place.suffix.lower() == ".lrc"), guessed)
    except ValueError as error:
        raise PartError(path, str(error)) from error


def decode(data: bytes) -> tuple[str, str]:
    """Decode text whose encoding may be unknown.

    Returns
    -------
    text : str
    guessed : str
        The encoding if it had to be guessed; empty when a mark says it or it is UTF-8.

    Raises
    ------
    ValueError
        When it is no text, or no encoding fits well enough.
    """
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            try:
                return data.decode(encoding), ""
            except UnicodeDecodeError as error:
                name = encoding.removesuffix("-sig").upper()
                raise ValueError(
                    f"begins with the mark of {name} and is not {name}: {error.reason} at byte "
                    f"{error.start}"
                ) from error
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return _wide(data) if b"\0" in data else _guess(data)
    if "\0" in text:
        return _wide(data)
    # ISO-2022 is ASCII with escapes.
    return _guess(data) if "\x1b$" in text else (text, "")


def plain_words(text: str, *, timed: bool = False) -> str:
    """Return text without the time stamps of LRC, lines separated by newlines.

    A line with several stamps is sung at each of them: it is repeated, and all lines are put in
    order of time. A line without a stamp belongs to the one above it. ID tags (``[ar:…]``) and
    stamps within a line go; empty lines too.

    Parameters
    ----------
    text : str
    timed : bool
        Whether it is known to be LRC. Otherwise it is taken for LRC when some line begins with a
        stamp; other text is returned as it is.

    Raises
    ------
    ValueError
        When repeated lines come to more than `MAX_BYTES` characters.
    """
    if not timed and not _FIRST_STAMP.search(text):
        return "\n".join(text.splitlines()).strip()
    lines: list[tuple[float, str]] = []
    times, length = [-1.0], 0
    for raw in text.splitlines():
        rest, stamps = raw.strip(), []
        while stamp := _STAMP.match(rest):
            stamps.append(_seconds(*stamp.groups()))
            rest = rest[stamp.end() :].lstrip()
        if not stamps and _ID_TAG.fullmatch(rest):
            continue
        times = stamps or times
        words = " ".join(_WORD_STAMP.sub("", rest).split())
        if words:
            length += len(times) * (len(words) + 1)
            if length > MAX_BYTES:
                raise ValueError(f"repeated lines that come to more than {MAX_BYTES} characters")
            lines += [(time, words) for time in times]
    lines.sort(key=lambda line: line[0])  # keeps the order of lines at one time
    return "\n".join(words for _, words in lines)


def _seconds(minutes: str, seconds: str, fraction: str | None) -> float:
    return 60 * int(minutes) + int(seconds) + float(f"0.{fraction or 0}")


def _wide(data: bytes) -> tuple[str, str]:
    # Spaces and newlines alone give UTF-16 of any language NULs, and nearly all in one of two
    # places. charset_normalizer takes strings between NULs for Chinese.
    for encoding, nul, other in (
        ("utf_16_le", data[1::2].count(0), data[::2].count(0)),
        ("utf_16_be", data[::2].count(0), data[1::2].count(0)),
    ):
        if other <= nul / 3 and nul >= max(_FEW_NULS, _NULS * len(data) / 2):
            with contextlib.suppress(UnicodeDecodeError):  # then it is no text, as below
                text = data.decode(encoding)
                if "\0" not in text:
                    return text, encoding
    raise ValueError(f"is no text: NUL at byte {data.index(0)}")


def _guess(data: bytes) -> tuple[str, str]:
    from charset_normalizer import from_bytes

    matches = {}
    for encoding, languages in _PAGES.items():
        # One by one: of several, from_bytes leaves out those that are like one that does not fit.
        match = from_bytes(data, cp_isolation=[encoding], threshold=_CLEAN).best()
        if match is not None and _language(str(match)) in languages.split():
            matches[encoding] = match
    if not matches:
        raise ValueError(
            "its encoding cannot be told: it is not UTF-8, and no other fits well enough. Save it "
            "as UTF-8"
        )
    cleanest = min(match.chaos for match in matches.values())
    clean = {e: match for e, match in matches.items() if match.chaos <= cleanest + _AS_CLEAN}
    # Of equals the commoner, which comes first.
    best = min(clean, key=lambda e: (-round(clean[e].coherence, 1), clean[e].chaos))
    return str(clean[best]), best


def _language(text: str) -> str:
    import py3langid

    return str(py3langid.classify(text)[0])
