"""Sidecars: text files of lyrics beside the audio, and the words in them.

Conventions
-----------
``song.txt``, ``song.lrc``, ``song.srt`` and their like (`SUFFIXES`) beside ``song.flac`` hold its
lyrics: the same name, in any Unicode form, but for the suffix, whose case does not matter. The name
may carry a language (``song.en.lrc``) or the suffix of the audio (``song.flac.lrc``). Of several,
the same name comes before one with a language, then plain words before timed ones. Time stamps
never reach an extractor, whichever file they are in.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from spdkit.common.errors import SpdkitError
from spdkit.common.text import composed
from spdkit.tracks.encodings import decode, repair
from spdkit.tracks.languages import is_language
from spdkit.tracks.placeholders import is_instrumental, missing
from spdkit.tracks.timed_lyrics import require_length, sung_words

SUFFIXES = (".txt", ".lrc", ".elrc", ".lrcx", ".srt", ".vtt", ".ttml")  # in order of preference
_LRC = (".lrc", ".elrc", ".lrcx")
INSTRUMENTAL = "[Instrumental]"  # as lyrics of a track in which nothing is sung
MAX_BYTES = 1 << 20  # the longest of songs have some 20 KiB of words


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
    """Words of one source.

    Attributes
    ----------
    words : str
        Empty when there are none.
    note : str
        How they were read where that was a choice, or why they are none.
    guessed : str
        The encoding that was guessed; empty if it was said.
    is_instrumental : bool
        Whether there are none because nothing is sung.
    """

    words: str
    note: str = ""
    guessed: str = ""
    is_instrumental: bool = False


def beside(names: Sequence[str]) -> Mapping[str, list[str]]:
    """Files of one folder that may hold lyrics, by the name of the audio that they belong to.

    Parameters
    ----------
    names : sequence of str
        Names of the folder's files.

    Returns
    -------
    mapping of str to list of str
        From the audio's name in NFC, with and without its suffix, to names in order of preference.
    """
    ranks: dict[str, list[tuple[bool, int, str]]] = {}
    for name in names:
        stem, suffix = os.path.splitext(name)  # noqa: PTH122 (many files: Path takes longer)
        if suffix.lower() in SUFFIXES:
            rank = SUFFIXES.index(suffix.lower())
            ranks.setdefault(composed(stem), []).append((False, rank, name))
            bare, language = os.path.splitext(stem)  # noqa: PTH122
            if is_language(language[1:]):
                ranks.setdefault(composed(bare), []).append((True, rank, name))
    return {stem: [name for *_, name in sorted(ranked)] for stem, ranked in ranks.items()}


def read_lyrics(path: str) -> Lyrics:
    """Read the words of a text file, LRC file or file of subtitles.

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
        status = place.stat()
        if not stat.S_ISREG(status.st_mode):
            raise PartError(path, "is no regular file")
        with place.open("rb") as file:  # reading an empty one of /proc may never end
            data = file.read(MAX_BYTES + 1) if status.st_size else b""
    except OSError as error:
        raise PartError(path, f"cannot be read: {error.strerror or error}") from error
    except ValueError as error:  # no file can have that name
        raise PartError(path, f"cannot be read: {error}") from error
    if len(data) > MAX_BYTES:
        raise PartError(
            path, f"{status.st_size} bytes, more than the {MAX_BYTES} that lyrics may have"
        )
    try:
        text, guessed = decode(data)
        repaired = repair([text])  # what another program took for Latin-1 and saved as UTF-8
        lyrics = lyrics_of(repaired.texts[0], timed=place.suffix.lower() in _LRC)
        return lyrics._replace(guessed=guessed or repaired.encoding)
    except ValueError as error:
        raise PartError(path, str(error)) from error


def lyrics_of(text: str, *, timed: bool = False) -> Lyrics:
    """Words of a text that may be timed, or a placeholder.

    Raises
    ------
    ValueError
        When it is too long, or repeated lines make it so.
    """
    require_length(text)
    words, note = sung_words(text, timed=timed)
    if reason := missing(words):
        return Lyrics("", reason)
    if is_instrumental(words):
        return Lyrics("", is_instrumental=True)
    return Lyrics(words, note)
