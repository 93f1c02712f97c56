"""Seekable reader: what file objects of our own over other bytes have in common."""

from __future__ import annotations

import io
import os
from abc import abstractmethod


class SeekableReader(io.RawIOBase):
    """A file object for reading that keeps its place; a subclass knows its size and its bytes."""

    def __init__(self) -> None:
        self._place = 0

    @property
    @abstractmethod
    def size(self) -> int:
        """Bytes in all."""

    def readable(self) -> bool:
        """Whether it can be read: it can."""
        return True

    def seekable(self) -> bool:
        """Whether it can be seeked in: it can."""
        return True

    def tell(self) -> int:
        """The place in the bytes."""
        return self._place

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a place, also beyond the end."""
        origin = {os.SEEK_SET: 0, os.SEEK_CUR: self._place, os.SEEK_END: self.size}
        self._place = max(0, origin[whence] + offset)
        return self._place
