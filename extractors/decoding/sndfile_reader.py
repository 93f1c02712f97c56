"""Reader through libsndfile, with the lies that files tell found out.

libsndfile mends a wrong header without a word, guesses the length of an mp3 that has no index, and
takes an Ogg stream for whole at whatever page it stops. Each is looked for here.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

import numpy as np
import soundfile
from numpy.typing import NDArray

from spdkit.extractors.decoding.mp3_header import has_index, is_constant_rate
from spdkit.extractors.decoding.reader import NotDecodableError, block_frames
from spdkit.tracks.track import is_url, open_binary

_TAIL = 65536 + 1024  # an Ogg page is at most 65,307 bytes
_HEAD = 262144
# Sizes that programs write when they stream and cannot know: 0, all ones, and sox's.
_UNKNOWN_SIZES = (0, 0x7FFFF000, 0x7FFFFFFF, 0xFFFFFFFF)
UNKNOWN_FORMAT = "libsndfile: Format not recognised"
_LYING_CHUNK = re.compile(r"^\s*(?:data|SSND) : (\d+) \(should be (\d+)\)", re.MULTILINE)


class _Forward(soundfile.SoundFile):
    """A sound file that is read onwards.

    `SoundFile.read` seeks to where it stands after each read of a file that it can seek in. That
    costs time, and the samples after a seek need not be those of reading on.
    """

    def seekable(self) -> bool:
        return False


class SndfileReader:
    """An audio file open in libsndfile; see `reader.Reader`."""

    decoder = "soundfile"

    def __init__(self, audio: str) -> None:
        self.remarks: list[str] = []
        self.slack = 0
        # A path lets libsndfile read by itself; bytes keep names that are not UTF-8.
        self._handle = open_binary(audio) if is_url(audio) else None
        try:
            self._file = _Forward(self._handle or os.fsencode(audio))
        except soundfile.LibsndfileError as error:
            self._close_handle()
            # A text named .mp3 is a "File does not exist" to libsndfile (7).
            unknown = error.code in (1, 7)
            reason = UNKNOWN_FORMAT if unknown else f"libsndfile: {error.error_string.rstrip('.')}"
            raise NotDecodableError(reason) from None
        except TypeError:  # soundfile's own, at the name alone
            self._close_handle()
            raise NotDecodableError("libsndfile: .raw is sound without a header") from None
        try:
            self.sr: int = self._file.samplerate
            self.channels: int = self._file.channels
            self.n_frames = self._stated_length(audio)
        except BaseException:
            self.close()
            raise

    def blocks(self, start: int, count: int) -> Iterator[NDArray[np.float32]]:
        """Yield the frames from `start`; see `reader.Reader.blocks`."""
        if start >= self._file.frames:
            return
        self._file.seek(start)
        size = block_frames(self.channels)
        while count > 0:
            frames = self._file.read(min(size, count), dtype="float32", always_2d=True)
            if len(frames) == 0:
                return
            yield frames
            count -= len(frames)

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()
        self._close_handle()

    def _close_handle(self) -> None:
        if self._handle is not None:
            self._handle.close()

    @contextmanager
    def _bytes(self, audio: str) -> Iterator[IO[bytes]]:
        """The file's own bytes; a URL is not opened twice, and libsndfile finds its place again."""
        if self._handle is None:
            with open_binary(audio) as file:
                yield file
        else:
            place = self._handle.tell()
            yield self._handle
            self._handle.seek(place)

    def _stated_length(self, audio: str) -> int:
        frames: int = self._file.frames
        if self._file.format in ("MP3", "MPEG"):
            return self._mp3_length(audio, frames)
        if self._file.format == "OGG":
            with self._bytes(audio) as file:
                whole = _ends_stream(_tail(file))
            if not whole:
                self.remarks.append("no end-of-stream page: the file may be truncated")
        if frames >= 1 << 60:  # a FLAC from a pipe
            raise NotDecodableError("libsndfile cannot read a file that states no length")
        lie = _LYING_CHUNK.search(self._file.extra_info)
        if lie:
            stated, held = int(lie[1]), int(lie[2])
            if stated not in _UNKNOWN_SIZES and held:
                return round(frames * stated / held)
            self.remarks.append("the header does not state a length: all that is there was taken")
        if "Unknown chunk marker" in self._file.extra_info:
            self.remarks.append("the header leaves bytes after the sound unexplained")
        return frames

    def _mp3_length(self, audio: str, frames: int) -> int:
        with self._bytes(audio) as file:
            head = _head(file)
        if not has_index(head):
            if not is_constant_rate(head):
                raise NotDecodableError(
                    "libsndfile misjudges the length of an mp3 of variable bit rate without an "
                    "index (Xing, Info or VBRI header)"
                )
            self.slack = frames
        return frames


def _head(file: IO[bytes]) -> bytes:
    file.seek(0)
    start = file.read(10)
    skip = 0
    if start[:3] == b"ID3":  # its size is four bytes of seven bits
        sizes = zip(start[6:10], (21, 14, 7, 0), strict=False)  # the tag may be cut off
        skip = 10 + sum(byte << shift for byte, shift in sizes)
    file.seek(skip)
    return file.read(_HEAD)


def _tail(file: IO[bytes]) -> bytes:
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - _TAIL))
    return file.read()


def _ends_stream(tail: bytes) -> bool:
    """Whether an Ogg file ends in a whole page that says it is the last."""
    page = tail[tail.rfind(b"OggS") :]
    if len(page) < 27 or not page[5] & 4:  # a header, and its flag
        return False
    sizes = page[27 : 27 + page[26]]
    return len(sizes) == page[26] and len(page) >= 27 + len(sizes) + sum(sizes)
