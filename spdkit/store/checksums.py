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


def blocks(n_rows: int) -> Iterator[slice]:
    """Rows of a table, some at a time."""
    return (slice(at, min(at + BLOCK_ROWS, n_rows)) for at in range(0, n_rows, BLOCK_ROWS))


def checksum(values: NDArray[Any]) -> np.uint64:
    """Of numbers, or of text in an array of objects."""
    if values.dtype.kind == "O":
        content = "\0".join([*values.tolist(), ""]).encode()
    else:
        content = values.astype(values.dtype.newbyteorder("<"), order="C", copy=False).tobytes()
    return np.uint64(int.from_bytes(hashlib.sha256(content).digest()[:8], "little"))


def of_blocks(columns: Mapping[str, NDArray[Any]]) -> NDArray[np.uint64]:
    """Of each block of rows of each column, shape (n_blocks, n_columns)."""
    n_rows = len(next(iter(columns.values())))
    sums = [[checksum(values[rows]) for values in columns.values()] for rows in blocks(n_rows)]
    return np.array(sums, dtype=np.uint64).reshape(-1, len(columns))


def of_frame(columns: Mapping[str, NDArray[Any]]) -> np.uint64:
    """Of a small table: the checksums of its columns, with their names, taken together."""
    sums = [f"{name} {checksum(values)}" for name, values in columns.items()]
    return checksum(np.array(sums, dtype=object))
