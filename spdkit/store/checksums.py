"""Checksums: of the values in a store, so that a damaged one can tell which rows are whole.

A checksum is the first 8 bytes of a SHA-256, as a little-endian integer: of numbers as they lie in
memory (little-endian, row by row), of text as UTF-8 with a NUL behind each.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spdkit.store.errors import BLOCK_ROWS

_CLIP_VALUES = 1 << 20


def blocks(n_rows: int) -> Iterator[slice]:
    """Rows of a table, some at a time."""
    return (slice(at, min(at + BLOCK_ROWS, n_rows)) for at in range(0, n_rows, BLOCK_ROWS))


def clip_blocks(start: int, stop: int, n_values: int) -> Iterator[slice]:
    """Clips from `start` to `stop`, about 4 MiB of values at a time."""
    step = max(1, _CLIP_VALUES // n_values)
    return (slice(at, min(at + step, stop)) for at in range(start, stop, step))


class Checksum:
    """A checksum of values that come some at a time, in order."""

    def __init__(self) -> None:
        self._digest = hashlib.sha256()

    def add(self, values: NDArray[Any]) -> None:
        """Take more: numbers, or text in an array of objects."""
        if values.dtype.kind == "O":
            self._digest.update("\0".join([*values.tolist(), ""]).encode())
        else:
            little = values.astype(values.dtype.newbyteorder("<"), order="C", copy=False)
            self._digest.update(little.tobytes())

    @property
    def value(self) -> np.uint64:
        """Of all that came."""
        return np.uint64(int.from_bytes(self._digest.digest()[:8], "little"))

    @property
    def text(self) -> str:
        """The same, as 16 hexadecimal digits."""
        return f"{int(self.value):016x}"


def checksum(values: NDArray[Any]) -> np.uint64:
    """Of numbers, or of text in an array of objects."""
    whole = Checksum()
    whole.add(values)
    return whole.value


def of_blocks(columns: Mapping[str, NDArray[Any]]) -> NDArray[np.uint64]:
    """Of each block of rows of each column, shape (n_blocks, n_columns)."""
    n_rows = len(next(iter(columns.values())))
    sums = [[checksum(values[rows]) for values in columns.values()] for rows in blocks(n_rows)]
    return np.array(sums, dtype=np.uint64).reshape(-1, len(columns))


def of_frame(columns: Mapping[str, NDArray[Any]]) -> np.uint64:
    """Of a small table: the checksums of its columns, with their names, taken together."""
    sums = [f"{name} {checksum(values)}" for name, values in columns.items()]
    return checksum(np.array(sums, dtype=object))
