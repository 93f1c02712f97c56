"""Opening: a file by HDF5, and in words why it cannot be opened."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import h5py

from spdkit.store.errors import Damage, DamagedStoreError, StoreError, StoreInUseError
from spdkit.store.forms import FEATURES, FORMS, Form
from spdkit.store.seal import MAGIC, SIGNATURE, SIZE

_REPAIR = (
    "Run `{}` to this file again: it {}, and keeps the damaged file beside; or restore it from a "
    "copy"
)
_REST = "keeps the rows that are whole, does the others again"
_HEAD = 1 << 16


def open_hdf5(path: Path, form: Form = FEATURES) -> h5py.File:
    """Open an HDF5 file for reading, which is to be of a form.

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
        advice = f"It was no {form.name}: give another" if is_other else form.write_again
        raise StoreError(f"{path}: {reason} ({error}). {advice}") from error


def damaged_store(path: Path, damage: Damage) -> DamagedStoreError:
    """Return the error that says what is lost, and what to do."""
    command = (form_by_bytes(path) or FEATURES).command
    repair = _REPAIR.format(command, _REST if damage.n_whole else "does every track again")
    return DamagedStoreError(f"{path}: {damage}. {repair}", damage)


def replaced_store(path: Path) -> StoreError:
    """Return the error that says that parts of a store would be of two files."""
    return StoreError(
        f"{path}: another file has taken its place, or it has been changed, since parts of it were "
        "read. Open it again, and read anew"
    )


def was_store(path: Path) -> bool:
    """Whether a file that cannot be read looks like one of ours, by its head or its seal."""
    if form_by_bytes(path) is not None:
        return True
    with path.open("rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - SIZE))
        return file.read().startswith(MAGIC)


def form_by_bytes(path: Path) -> Form | None:
    """Which kind of store a file looks like that need not be one, by its head."""
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except OSError:
        return None
    if not head.startswith(SIGNATURE):
        return None
    return next((form for form in FORMS if form.encoding_type.encode() in head), None)


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
