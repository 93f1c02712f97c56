"""Seal: a checksum of a whole file behind its HDF5 image, where HDF5 does not look.

It is compared before HDF5 parses a byte, since a damaged file can hang or crash the library.

A seal has 48 bytes: the magic (8), the length of the image (8, little-endian) and the image's
SHA-256 (32). A program that changes the file through HDF5 cuts it off.
"""

from __future__ import annotations

import hashlib
import os
from enum import Enum
from typing import BinaryIO

MAGIC = b"\x89SPDseal"
SIZE = len(MAGIC) + 8 + 32
_BLOCK = 1 << 20
FileMark = bytes | tuple[int, ...]


class Seal(Enum):
    """Whether a file is what was written."""

    WHOLE = "whole"
    BROKEN = "broken"
    MISSING = "missing"


def sealed(image: bytes) -> bytes:
    """Return an image with its seal."""
    length = len(image).to_bytes(8, "little")
    return b"".join([image, MAGIC, length, hashlib.sha256(image).digest()])


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
    """Compare an open file with its seal."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - SIZE))
    seal = file.read()
    if len(seal) < SIZE or not seal.startswith(MAGIC):
        return Seal.MISSING
    remaining = int.from_bytes(seal[len(MAGIC) :][:8], "little")
    if remaining != size - SIZE:
        return Seal.BROKEN
    file.seek(0)
    digest = hashlib.sha256()
    while remaining and (block := file.read(min(_BLOCK, remaining))):
        digest.update(block)
        remaining -= len(block)
    return Seal.WHOLE if seal.endswith(digest.digest()) else Seal.BROKEN
