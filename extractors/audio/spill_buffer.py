"""Spill buffer: rows of numbers that must wait for what is known only at the end of a clip.

What is short stays in memory; what is long goes to a temporary file (in ``TMPDIR``).
"""

from __future__ import annotations

import tempfile
import weakref
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.float32]

_IN_MEMORY = 64 << 20  # bytes: about ten minutes of the largest


class SpillBuffer:
    """A growing float32 array, shape (n_rows, *row_shape).

    Parameters
    ----------
    row_shape : int
        Shape of a row.
    """

    def __init__(self, *row_shape: int) -> None:
        self.row_shape = row_shape
        self.n_rows = 0
        self._row_bytes = 4 * int(np.prod(row_shape))
        # Closed and deleted when the array is let go of.
        self._file = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115
        weakref.finalize(self, self._file.close)

    def append(self, rows: Rows) -> None:
        """Add rows at the end, shape (n, *row_shape)."""
        self.replace(self.n_rows, rows)
        self.n_rows += len(rows)

    def replace(self, start: int, rows: Rows) -> None:
        """Put rows in the place of those from `start`, shape (n, *row_shape)."""
        self._file.seek(start * self._row_bytes)
        self._file.write(np.ascontiguousarray(rows, dtype=np.float32).data)

    def read(self, start: int, stop: int) -> Rows:
        """Rows from `start` to `stop`; those outside of the array are zero."""
        first, last = max(0, start), max(0, min(stop, self.n_rows))
        rows = np.zeros((stop - start, *self.row_shape), dtype=np.float32)
        if first < last:
            self._file.seek(first * self._row_bytes)
            data = self._file.read((last - first) * self._row_bytes)
            stored = np.frombuffer(data, dtype=np.float32).reshape(-1, *self.row_shape)
            rows[first - start : last - start] = stored
        return rows

    def blocks(self, size: int) -> Iterator[Rows]:
        """All rows in order, `size` at a time."""
        for start in range(0, self.n_rows, size):
            yield self.read(start, min(start + size, self.n_rows))
