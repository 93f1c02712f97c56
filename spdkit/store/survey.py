"""Survey: a file whose bytes nothing vouches for, read whole, in a process that may die of it.

Damaged and hostile files can keep HDF5 busy for ever, crash it, or unpack without end. So a child
process of `spdkit.store.vetting` runs `main`, with limits of processor time and of memory.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import resource
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from spdkit.store.checksums import Checksum, blocks, checksum, clip_blocks, of_frame
from spdkit.store.errors import (
    Damage,
    DamagedStoreError,
    ForeignError,
    StoreError,
    StoreInUseError,
    UnreadableError,
    ViolationError,
)
from spdkit.store.forms import FEATURES, Form
from spdkit.store.layout import (
    Columns,
    Layout,
    check_layout,
    has_checksums,
    read_column,
    reading,
    texts_attribute,
)
from spdkit.store.opening import damaged_store, form_by_bytes, open_hdf5, was_store
from spdkit.store.seal import Seal, examine, excess
from spdkit.store.validation import check_features, check_songs, check_tracks, parse_provenance

_BY_HAND = "damaged, or changed without its checksums (see docs/FORMAT.md, Changing a file)"
# Processor time, in that of this process's start, which tells how fast the machine is.
_STARTS, _STARTS_A_BYTE = 2.0, 2e-6
_MEMORY, _MEMORY_A_BYTE = 1 << 30, 20


def survey(path: Path) -> None:
    """Read a store whole: every rule of the specification, and every checksum in it.

    Raises
    ------
    StoreError
        A `DamagedStoreError` says which rows are lost.
    """
    with path.open("rb") as raw:
        seal, behind = examine(raw), excess(raw)
    with open_hdf5(path) as file:
        try:
            layout = _survey(file, path.stat().st_size, seal)
            if behind:
                reason = f"damaged: {behind} bytes lie behind its seal, maybe of another store"
                raise damaged_store(path, Damage(reason, layout.X.shape[0]))
        except _DamagedError as error:
            raise damaged_store(path, error.damage) from error
        except UnreadableError as error:
            if seal is Seal.MISSING and not was_store(path):
                raise StoreError(f"{path}: {error}. {FEATURES.write_again}") from error
            raise damaged_store(path, Damage(f"damaged ({error})")) from error
        except (ForeignError, ViolationError) as error:
            if seal is Seal.BROKEN:
                raise damaged_store(path, Damage(f"damaged ({error})")) from error
            raise refused(path, error, form_by_bytes(path) or FEATURES) from error


def refused(path: Path, error: ForeignError | ViolationError, form: Form) -> StoreError:
    """Return the error that says which rule a file of a form breaks, and what to do."""
    if isinstance(error, ForeignError):
        return StoreError(f"{path}: {error}")
    return StoreError(f"{path}: no {form.name} by docs/FORMAT.md: {error}. {form.write_again}")


def to_json(error: StoreError | None) -> str:
    """Write what a survey found as a line."""
    if error is None:
        return "null"
    damage = dataclasses.asdict(error.damage) if isinstance(error, DamagedStoreError) else None
    in_use = isinstance(error, StoreInUseError)
    return json.dumps({"message": str(error), "in_use": in_use, "damage": damage})


def from_json(line: str) -> StoreError | None:
    """Undo `to_json`."""
    content = json.loads(line)
    if content is None:
        return None
    if content["damage"]:
        return DamagedStoreError(content["message"], Damage.from_json(content["damage"]))
    return (StoreInUseError if content["in_use"] else StoreError)(content["message"])


def main() -> None:
    """Survey the files that stdin names, NUL between them; a line of JSON each."""
    start = time.process_time()
    for name in sys.stdin.buffer.read().split(b"\0"):
        path = Path(os.fsdecode(name))
        error: StoreError | None = None
        try:
            _limit(path.stat().st_size, start)
            survey(path)
        except StoreError as problem:
            error = problem
        except MemoryError:
            error = StoreError(f"{path}: takes more memory than a file of its size may")
        except OSError as problem:
            error = StoreError(f"{path}: cannot be read: {problem.strerror or problem}")
        print(to_json(error), flush=True)


def damage_of(file: h5py.File, layout: Layout) -> Damage | None:
    """Compare every value with its checksum.

    Raises
    ------
    UnreadableError
        When the checksums, or what names and describes the columns, cannot be read.
    """
    sums = file["checksums"]
    changed = "values are not those that were written"
    with reading("the file"):
        text = read_column(layout.provenance)
        var = {name: read_column(data) for name, data in layout.var.items()}
        if checksum(text.reshape(1)) != sums["provenance"][()] or of_frame(var) != sums["var"][()]:
            return Damage(f"{changed} in /var or /provenance")
        columns = {"X": layout.X, **{f"obs/{name}": data for name, data in layout.obs.items()}}
        n_tracks, of_rows = layout.X.shape[0], sums["rows"]
        shape = (len(list(blocks(n_tracks))), len(columns))
        if texts_attribute(of_rows, "columns") != list(columns) or of_rows.shape != shape:
            return Damage("the columns are not those that /checksums is of")
        expected = of_rows[...]
    lost, named = list[int](), list[str]()
    for rows, of_row in zip(blocks(n_tracks), expected, strict=True):
        values = [_block(data, rows, s) for data, s in zip(columns.values(), of_row, strict=True)]
        if any(value is None for value in values):
            lost += range(rows.start, rows.stop)
            ids = values[1]  # behind X: the index
            named += [] if ids is None else map(str, ids)
    if lost and layout.clips is not None:  # nobody knows where the songs behind begin
        return Damage(f"{changed} in /X or /obs")
    if layout.clips is not None:
        lost = _lost_songs(layout, layout.clips)
        ids = _read(layout.obs)["track_id"]
        named = [str(ids[row]) for row in lost]
    return Damage(changed, n_tracks, tuple(lost), tuple(named)) if lost else None


class _DamagedError(Exception):
    def __init__(self, damage: Damage, finding: str) -> None:
        super().__init__(finding)
        self.damage = dataclasses.replace(damage, reason=f"{finding}: {damage.reason}")


def _survey(file: h5py.File, size: int, seal: Seal) -> Layout:
    layout = check_layout(file, size, checksums=seal is not Seal.MISSING, limited=True)
    guarded = seal is not Seal.MISSING or has_checksums(file)
    damage = damage_of(file, layout) if guarded else None
    if damage is not None and seal is Seal.BROKEN:
        raise _DamagedError(damage, "damaged")
    try:
        _check_values(layout)
    except (UnreadableError, ViolationError) as error:
        if damage is not None:
            raise _DamagedError(damage, f"{_BY_HAND}: {error}") from error
        raise
    if damage is not None:
        raise _DamagedError(damage, _BY_HAND)
    return layout


def _check_values(layout: Layout) -> None:
    described = parse_provenance(str(read_column(layout.provenance)))["extractors"]
    check_features(_read(layout.var), described)
    check_tracks(_read(layout.obs), described)
    for rows in blocks(layout.X.shape[0]):
        read_column(layout.X, rows)
    if layout.clips is not None:
        _count_clips(layout, layout.clips)


def _read(columns: Columns) -> Mapping[str, NDArray[Any]]:
    values = {}
    for name, data in columns.items():
        parts = [read_column(data, rows) for rows in blocks(len(data))]
        values[name] = np.concatenate(parts) if parts else read_column(data)
    return values


def _lost_songs(layout: Layout, clips: h5py.Dataset) -> list[int]:
    """Rows of songs whose clips are not those that were written."""
    counts, sums = _count_clips(layout, clips), _read(layout.obs)["clips_checksum"]
    ends = np.cumsum(counts)
    lost = []
    for row in np.flatnonzero(counts):
        whole = Checksum()
        try:
            for rows in clip_blocks(ends[row] - counts[row], ends[row], clips.shape[1]):
                whole.add(read_column(clips, rows))
        except UnreadableError:
            lost.append(int(row))
            continue
        if whole.text != sums[row]:
            lost.append(int(row))
    return lost


def _count_clips(layout: Layout, clips: h5py.Dataset) -> NDArray[np.int64]:
    described = parse_provenance(str(read_column(layout.provenance)))["extractors"]
    obs = _read(layout.obs)
    check_tracks(obs, described)
    return check_songs(described, read_column(layout.X), obs, clips.shape)


def _block(data: h5py.Dataset, rows: slice, expected: np.uint64) -> NDArray[Any] | None:
    """Values of some rows, or None where they are not those that were written."""
    try:
        values = read_column(data, rows)
    except (UnreadableError, ViolationError):
        return None
    return values if checksum(values) == expected else None


def _limit(size: int, start: float) -> None:
    """Let the system end this process when a file of `size` bytes takes it too much."""
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_PROF, start * (_STARTS + size * _STARTS_A_BYTE))
    with contextlib.suppress(OSError, ValueError):  # systems without
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        limit = pages * resource.getpagesize() + _MEMORY + _MEMORY_A_BYTE * size
        resource.setrlimit(resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))
