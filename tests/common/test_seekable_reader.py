"""Seekable reader: places as those of Python's own files."""

from __future__ import annotations

import io
import os

import pytest

from spdkit.common.seekable_reader import SeekableReader

CONTENT = bytes(range(10))


class Ten(SeekableReader):
    """Ten bytes."""

    @property
    def size(self):
        return len(CONTENT)

    def readinto(self, buffer):
        part = CONTENT[self._place :][: len(buffer)]
        buffer[: len(part)] = part
        self._place += len(part)
        return len(part)


@pytest.mark.parametrize("place", [0, 4])
@pytest.mark.parametrize(
    ("offset", "whence"),
    [
        *((offset, os.SEEK_SET) for offset in (0, 3, 10, 12)),
        *((offset, os.SEEK_CUR) for offset in (0, 2, 20)),
        *((offset, os.SEEK_END) for offset in (0, -1, -10, 5)),
    ],
)
def test_a_place_is_that_of_a_file_in_memory(place, offset, whence):
    ours, theirs = Ten(), io.BytesIO(CONTENT)
    assert ours.readable() and ours.seekable() and not ours.writable()
    for file in (ours, theirs):
        file.seek(place)
    assert ours.seek(offset, whence) == theirs.seek(offset, whence) == ours.tell()
    assert ours.read() == theirs.read()


def test_it_begins_at_the_beginning_and_never_before():
    file = Ten()
    assert file.tell() == 0 and file.read(1) == b"\0"
    assert file.seek(-3, os.SEEK_CUR) == 0
    assert file.seek(2) == 2 and file.read(2) == b"\2\3"
