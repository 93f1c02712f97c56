"""Tag source: an audio file as mutagen is to see it, so that its tags take little time and memory.

Its ID3 tag is a shorter one (`id3_frames`), and of the rest no more is read than music has.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import IO, Any

from spdkit.common.seekable_reader import SeekableReader
from spdkit.tracks.id3_frames import read_id3_tag

MAX_READ = 1 << 25  # bytes that are read of a file for its tags; pictures are the most of them
MAX_READS = 300_000  # and in how many pieces: more are a file of nothing but heads
_MAX_CHUNKS = 10_000  # of a WAV or AIFF that are looked at for an ID3 tag


class TooMuchError(Exception):
    """Tags that take more than `MAX_READ` or `MAX_READS`; the message says so."""


class TagSource(SeekableReader):
    """The bytes of an open file, with an ID3 tag of those frames alone that are read.

    Attributes
    ----------
    name : str
        Path of the file, by which mutagen tells its kind.
    remarks : list of str
        What was left out of the ID3 tag.
    """

    def __init__(self, file: IO[bytes], name: str) -> None:
        super().__init__()
        self.name = name
        self.remarks: list[str] = []
        self._file: Any = file
        self._size = file.seek(0, os.SEEK_END)
        # Bytes of our own from `_start` on, in place of those of the file up to `_stop`.
        self._own, self._start, self._stop = b"", 0, 0
        self._left, self._reads_left = MAX_READ, MAX_READS
        start = _id3_place(file, self._size)
        tag = None if start is None else read_id3_tag(file, start)
        if start is not None and tag is not None:
            self._own, self.remarks = tag.data, tag.remarks
            # Within a chunk the tag says itself where it ends.
            length = len(tag.data) if start else tag.length
            self._start, self._stop = start, min(start + length, self._size)

    @property
    def size(self) -> int:
        """Bytes as mutagen sees them."""
        return self._size + len(self._own) - (self._stop - self._start)

    def afresh(self) -> TagSource:
        """Return to the start, to be read as if nothing had been."""
        self._left, self._reads_left = MAX_READ, MAX_READS
        self.seek(0)
        return self

    def read(self, size: int | None = -1) -> bytes:
        """Bytes from the place on, fewer at the end of the file.

        Raises
        ------
        TooMuchError
        """
        left = max(0, self.size - self._place)
        count = left if size is None or size < 0 else min(size, left)
        self._left -= count
        self._reads_left -= 1
        if self._left < 0:
            raise TooMuchError(f"they take more than {MAX_READ} bytes")
        if self._reads_left < 0:
            raise TooMuchError(f"they are in more than {MAX_READS} pieces")
        parts = []
        while count > 0 and (data := self._piece(count)):
            parts.append(data)
            count -= len(data)
            self._place += len(data)
        return b"".join(parts)

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer."""
        view = memoryview(buffer).cast("B")
        data = self.read(len(view))
        view[: len(data)] = data
        return len(data)

    def _piece(self, count: int) -> bytes:
        at = self._place - self._start
        if 0 <= at < len(self._own):
            return self._own[at : at + count]
        if at < 0:
            place, count = self._place, min(count, -at)
        else:
            place = self._stop + at - len(self._own)
        self._file.seek(place)
        return bytes(self._file.read(count))


def _id3_place(file: IO[bytes], size: int) -> int | None:
    """Where an ID3 tag begins: at the head, or in a chunk of WAV, AIFF, DSF and DSDIFF."""
    file.seek(0)
    head = file.read(28)
    if head[:3] == b"ID3":
        return 0
    if head[:4] == b"DSD ":
        place = int.from_bytes(head[20:28], "little")
        return place if 0 < place < size else None
    if head[:4] == b"RIFF":
        places = _chunks(file, size, 12, 4, "little")
    elif head[:4] == b"FORM":
        places = _chunks(file, size, 12, 4, "big")
    elif head[:4] == b"FRM8":
        places = _chunks(file, size, 16, 8, "big")
    else:
        return None
    return next((place for name, place in places if name.rstrip().upper() == b"ID3"), None)


def _chunks(
    file: IO[bytes], size: int, place: int, width: int, order: Any
) -> Iterator[tuple[bytes, int]]:
    """Names of chunks, and where their contents begin."""
    for _ in range(_MAX_CHUNKS):
        if place >= size:  # 8 bytes may state more than `seek` takes
            return
        file.seek(place)
        head = file.read(4 + width)
        if len(head) < 4 + width:
            return
        length = int.from_bytes(head[4:], order)
        place += 4 + width
        yield head[:4], place
        place += length + length % 2
