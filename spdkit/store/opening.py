"""Opening: a file by HDF5, and in words why it cannot be opened."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import h5py

from spdkit.store.errors import Damage, DamagedStoreError, StoreError, StoreInUseError
from spdkit.store.layout import ENCODING_TYPE
from spdkit.store.seal import MAGIC, SIGNATURE, SIZE

# What to do about a file that is no store, and about one that was.
WRITE_AGAIN = "Write it again with `spdkit extract --overwrite`, or restore it from a copy"
_REPAIR = (
    "Run `spdkit extract` to this file again: it {}, and keeps the damaged file beside; or restore "
    "it from a copy"
)
_REST = "keeps the rows that are whole, does the others again"
_HEAD = 1 << 16


def open_hdf5(path: Path) -> h5py.File:
    """Open an HDF5 file for reading.

    Raises
    ------
    StoreError
        A `StoreInUseError` where it is locked, a `DamagedStoreError` where it was a store.
    """
    try:
        return h5py.File(path, "r")
    except OSError as error:
        if "lock file" in str(error) or "already open for" in str(error):
            raise StoreInUseError(f"{path}: {_lock_reason(error)}") from error
        reason = "truncated or damaged" if "truncated" in str(error) else "not an HDF5 file"
        if was_store(path):
            raise damaged_store(path, Damage(f"{reason} ({error})")) from error
        with path.open("rb") as file:
            head = file.read(_HEAD)
        is_other = head.strip(b"\0") and not head.startswith(SIGNATURE)
        advice = "It was no feature file: give another" if is_other else WRITE_AGAIN
        raise StoreError(f"{path}: {reason} ({error}). {advice}") from error


def damaged_store(path: Path, damage: Damage) -> DamagedStoreError:
    """Return the error that says what is lost, and what to do."""
    repair = _REPAIR.format(_REST if damage.n_whole else "does every track again")
    return DamagedStoreError(f"{path}: {damage}. {repair}", damage)


def was_store(path: Path) -> bool:
    """Whether a file that cannot be read looks like one of ours, by its head or its seal."""
    with path.open("rb") as file:
        head = file.read(_HEAD)
        if head.startswith(SIGNATURE) and ENCODING_TYPE.encode() in head:
            return True
        file.seek(max(0, file.seek(0, os.SEEK_END) - SIZE))
        return file.read().startswith(MAGIC)


def _lock_reason(error: OSError) -> str:
    if error.errno in (errno.EAGAIN, errno.EWOULDBLOCK, errno.EACCES):
        return (
            "is in use by another program that has it open to write, such as a notebook. Close it "
            "there (h5py: file.close()), and run this again; nothing of it has changed"
        )
    if "already open for" in str(error):
        return (
            "is marked as open to write, by a program that has it open or that died over it. Close "
            "it there; where there is none, take the mark away (h5clear -s of HDF5's tools)"
        )
    return (
        f"cannot be locked: its disk has no locks ({os.strerror(error.errno or errno.ENOLCK)}). If "
        "no other program writes it, set HDF5_USE_FILE_LOCKING=FALSE, or copy it to another disk"
    )
