"""Seal: a checksum of a whole file behind its HDF5 image, where HDF5 does not look.

It is compared before HDF5 parses a byte, since a damaged file can hang or crash the library.

A seal has 48 bytes: the magic (8), the length of the image (8, little-endian) and the image's
SHA-256 (32). A program that changes the file through HDF5 cuts it off.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from enum import Enum
from typing import BinaryIO

MAGIC = b"\x89SPDseal"
SIZE = len(MAGIC) + 8 + 32
SIGNATURE = b"\x89HDF\r\n\x1a\n"
# Where the superblock of a version has the address of the image's end, in 8 bytes.
_END_OF_FILE = {0: 40, 1: 44, 2: 28, 3: 28}
_SUPERBLOCK = 52
_BLOCK = 1 << 20
FileMark = bytes | tuple[int, ...]


class Seal(Enum):
    """Whether a file is what was written."""

    WHOLE = "whole"
    BROKEN = "broken"
    MISSING = "missing"


def sealed(image: bytes) -> bytes:
    """Return an image with its seal."""
    return b"".join(sealed_parts([image]))


def sealed_parts(parts: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the parts of an image, and its seal behind them."""
    length, digest = 0, hashlib.sha256()
    for part in parts:
        length += len(part)
        digest.update(part)
        yield part
    yield b"".join([MAGIC, length.to_bytes(8, "little"), digest.digest()])


def mark_of(handle: int) -> FileMark:
    """What differs between two files that had the same name: their seals, or inode, size and time.

    Parameters
    ----------
    handle : int
        Of the open file.
    """
    status = os.fstat(handle)
    seal = os.pread(handle, SIZE, max(0, status.st_size - SIZE))
    if seal.startswith(MAGIC):
        return seal
    return status.st_ino, status.st_size, status.st_mtime_ns


def examine(file: BinaryIO) -> Seal:
    """Compare an open file with its seal, which may have bytes behind it."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - SIZE))
    seal = file.read()
    if len(seal) < SIZE or not seal.startswith(MAGIC):
        return Seal.BROKEN if excess(file) else Seal.MISSING
    remaining = int.from_bytes(seal[len(MAGIC) :][:8], "little")
    if remaining != size - SIZE:
        return Seal.BROKEN
    file.seek(0)
    digest = hashlib.sha256()
    while remaining and (block := file.read(min(_BLOCK, remaining))):
        digest.update(block)
        remaining -= len(block)
    return Seal.WHOLE if seal.endswith(digest.digest()) else Seal.BROKEN


def excess(file: BinaryIO) -> int:
    """Bytes behind the seal of an image, where no program writes; 0 where they are zeros only."""
    if (length := _sealed_image(file)) is None:
        return 0
    size = file.seek(0, os.SEEK_END)
    file.seek(length + SIZE)
    zeros = all(not block.strip(b"\0") for block in iter(lambda: file.read(_BLOCK), b""))
    return 0 if zeros else size - length - SIZE


def _sealed_image(file: BinaryIO) -> int | None:
    """Length of the image by the superblock of HDF5, where a seal begins at its end."""
    file.seek(0)
    head = file.read(_SUPERBLOCK)
    if len(head) < _SUPERBLOCK or not head.startswith(SIGNATURE):
        return None
    at = _END_OF_FILE.get(head[len(SIGNATURE)])
    length = 0 if at is None else int.from_bytes(head[at : at + 8], "little")
    if not 0 < length <= file.seek(0, os.SEEK_END):
        return None
    file.seek(length)
    return length if file.read(len(MAGIC)) == MAGIC else None
