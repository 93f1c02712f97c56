"""Bytes of a file by their place, and ranges of a file read as one."""

from __future__ import annotations

import os
import re
from bisect import bisect_right
from collections.abc import Callable
from operator import itemgetter
from typing import IO, Any

from spdkit.common.seekable_reader import SeekableReader
from spdkit.extractors.decoding.reader import UnsuitableSoundError

_CHUNK = 1 << 16
MAX_GAP = 1 << 28  # bytes of anything else that are looked through for sound: a hole, or a disk


def _hole_error(begin: int) -> UnsuitableSoundError:
    return UnsuitableSoundError(
        f"no sound in {MAX_GAP} bytes from byte {begin} on, and more: cut them off"
    )


class FileBytes:
    """Bytes of an open file by their place, read in chunks.

    Attributes
    ----------
    size : int
        Bytes of the file.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.size = file.seek(0, os.SEEK_END)
        self._start, self._data = 0, b""

    def get(self, place: int, count: int) -> bytes:
        """Bytes from `place`, fewer at the end of the file."""
        data, at = self.chunk(place, count)
        return data[at : at + count]

    def chunk(self, place: int, count: int = 1) -> tuple[bytes, int]:
        """A chunk that holds the `count` bytes from `place`, and where in it they begin."""
        at = place - self._start
        if at < 0 or at + count > len(self._data):
            self._start, self._data, at = place, self._read(place, max(_CHUNK, count)), 0
        return self._data, at

    def find(self, pattern: bytes, place: int) -> int:
        """Where a pattern begins, from `place` on; -1 when it does not occur.

        Raises
        ------
        UnsuitableSoundError
            When it does not occur in `MAX_GAP` bytes, and there are more.
        """
        return self._search(lambda data, at: data.find(pattern, at), len(pattern), place)

    def search(self, pattern: re.Pattern[bytes], length: int, place: int) -> int:
        """The same of a pattern that matches so many bytes."""

        def look(data: bytes, at: int) -> int:
            match = pattern.search(data, at)
            return match.start() if match else -1

        return self._search(look, length, place)

    def _search(self, look: Callable[[bytes, int], int], length: int, place: int) -> int:
        begin = place
        while len(self.get(place, length)) == length:
            if place - begin > MAX_GAP:
                raise _hole_error(begin)
            data, at = self.chunk(place, length)
            hit = look(data, at)
            if hit >= 0:
                return place + hit - at
            place += len(data) - at - length + 1
        return -1

    def _read(self, place: int, count: int) -> bytes:
        self._file.seek(place)
        parts = []
        while count > 0 and (data := self._file.read(count)):  # a raw file may give less
            parts.append(data)
            count -= len(data)
        return b"".join(parts)


class JoinedRanges(SeekableReader):
    """Ranges of a file read as one, behind bytes of our own; closing it closes the file.

    Attributes
    ----------
    hole : int or None
        Where `MAX_GAP` bytes of 0 begin that were read in a row, behind which the end was told.
    """

    def __init__(
        self, file: IO[bytes], ranges: tuple[tuple[int, int], ...], prefix: bytes = b""
    ) -> None:
        super().__init__()
        self._file: Any = file
        self._prefix = prefix
        self.hole: int | None = None
        self._zeros_from = self._zeros_to = 0
        self._parts: list[tuple[int, int, int]] = []  # place here; first byte there, end there
        self._size = len(prefix)
        for start, stop in ranges:
            self._parts.append((self._size, start, stop))
            self._size += stop - start

    @property
    def size(self) -> int:
        """Bytes of the ranges together, and of ours."""
        return self._size

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer as far as the range goes in which the place lies."""
        view = memoryview(buffer).cast("B")
        count = 0
        if self.hole is not None and self._place >= self.hole:
            return 0
        if self._place < len(self._prefix):
            data = self._prefix[self._place :][: len(view)]
            count = len(data)
            view[:count] = data
        elif self._place < self._size:
            number = bisect_right(self._parts, self._place, key=itemgetter(0)) - 1
            place, start, stop = self._parts[number]
            at = start + self._place - place
            self._file.seek(at)
            count = int(self._file.readinto(view[: stop - at]))
            self._look_for_hole(view[:count])
        self._place += count
        return count

    def require_no_hole(self) -> None:
        """Raise `UnsuitableSoundError` once a hole was read."""
        if self.hole is not None:
            raise _hole_error(self.hole)

    def _look_for_hole(self, data: memoryview) -> None:
        if not data or data[0] or data[-1] or data.tobytes().strip(b"\0"):
            return
        if self._place != self._zeros_to:
            self._zeros_from = self._place
        self._zeros_to = self._place + len(data)
        if self._zeros_to - self._zeros_from > MAX_GAP:
            self.hole = self._zeros_from

    def close(self) -> None:
        """Close the file too."""
        super().close()
        self._file.close()
