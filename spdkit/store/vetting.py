"""Vetting: no file reaches HDF5 in this process before it is known to be sound.

A whole seal says that a file is what its writer wrote. Any other file is first read by a child
process (`spdkit.store.survey`), and so is one whose texts may fill the memory for all that can be
told before they are read. Either is done once for each state of a file, as its inode, size
and times tell.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import h5py

from spdkit.common.threads import THREAD_VARIABLES
from spdkit.store.errors import (
    Damage,
    DamagedStoreError,
    ForeignError,
    StoreError,
    StoreInUseError,
    UnboundedError,
    UnreadableError,
    ViolationError,
)
from spdkit.store.forms import FEATURES, Form
from spdkit.store.layout import Layout, check_layout, has_checksums, layout_of
from spdkit.store.opening import damaged_store, open_hdf5
from spdkit.store.seal import Seal, examine
from spdkit.store.survey import from_json, refused

State = tuple[int, ...]
_CHILD = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from spdkit.store.survey import main; main()"
)
_SECONDS, _SECONDS_A_FILE, _BYTES_A_SECOND = 60.0, 1.0, 1e6
_TRIES = 3
_MOST_STATES = 4096
# Within a tick of the disk's clock a file can change and keep its time.
_TICK_NS = 50_000_000
_sound: set[State] = set()


@dataclass(frozen=True)
class StoreCheck:
    """Whether a store is what was written.

    Attributes
    ----------
    path : str
    seal : str
        ``"whole"``, ``"broken"``, or ``"missing"`` (an older file, or one that another program
        changed).
    problem : str
        What is wrong, and what to do; empty when nothing is.
    damage : Damage or None
        What is lost.
    compared : str
        With what was written: ``"every byte"`` (the seal is whole), ``"every value"`` (by
        checksums), ``"nothing"`` (neither, in a file of an older version), or, where no more can
        be told of a damaged file, ``"unknown"``.
    """

    path: str
    seal: str
    problem: str
    damage: Damage | None
    compared: str

    @property
    def sound(self) -> bool:
        """Whether the store can be read, and is what was written as far as was `compared`."""
        return not self.problem


@contextmanager
def opened(path: Path, form: Form = FEATURES) -> Iterator[Layout]:
    """Open a store for reading, when it is sound; turn what HDF5 raises over it into words.

    Parameters
    ----------
    path : Path
    form : Form
        What it has to be.

    Raises
    ------
    StoreError
    """
    bounded = True
    for _ in range(_TRIES):
        state, surveyed = _require_sound(path, bounded, form)
        with open_hdf5(path, form) as file:
            # Another file may have taken the place of the one that was vetted.
            if _state(os.fstat(file.id.get_vfd_handle())) != state:
                continue
            try:
                if known := state in _sound:
                    layout = layout_of(file)
                else:
                    layout = check_layout(file, state[2], checksums=False, limited=surveyed)
                if layout.form is not form:
                    raise ForeignError(f"a {layout.form.name}, not a {form.name}")
                if not known:
                    _remember(state)
                yield layout
            except UnboundedError:
                bounded = False
                continue
            except (ForeignError, ViolationError) as error:
                raise refused(path, error, form) from error
            except UnreadableError as error:
                raise damaged_store(path, Damage(f"damaged ({error})")) from error
            return
    raise _never_still(path)


@contextmanager
def opened_bytes(path: Path, form: Form) -> Iterator[BinaryIO]:
    """Open the bytes of a store, when it is sound: without HDF5, once it has been vetted.

    Raises
    ------
    StoreError
    """
    for _ in range(_TRIES):
        with _raw(path, form) as file:
            state = _state(os.fstat(file.fileno()))
            if state not in _sound:
                with opened(path, form) as layout:
                    vetted = _state(os.fstat(layout.X.file.id.get_vfd_handle()))
                if vetted != state:
                    continue
            yield file
            return
    raise _never_still(path)


def survey_all(paths: Sequence[Path]) -> list[StoreError | None]:
    """Read files in a child process; what is wrong with each.

    One that kills the child costs a new child for those behind it.
    """
    answers: list[StoreError | None] = []
    while len(answers) < len(paths):
        rest = paths[len(answers) :]
        lines, end = _run_child(rest)
        answers += map(from_json, lines)
        if len(lines) < len(rest):
            answers.append(_death(rest[len(lines)], end))
    return answers


def vet(paths: Sequence[Path]) -> dict[Path, StoreError]:
    """Survey many files together, so that opening each costs no process; those that failed."""
    errors = dict(zip(paths, survey_all(paths), strict=True))
    for path, error in errors.items():
        if error is None:
            _remember(_state(path.stat()))
    return {path: error for path, error in errors.items() if error is not None}


def verify(path: Path, form: Form = FEATURES) -> StoreCheck:
    """Read a store of a form whole, whatever its seal says.

    Raises
    ------
    StoreError
        When there is no such file, or another program writes it.
    """
    seal = seal_of(path)
    error = vet([path]).get(path)
    if isinstance(error, StoreInUseError):
        raise error
    damage = error.damage if isinstance(error, DamagedStoreError) else None
    compared = {Seal.WHOLE: "every byte", Seal.BROKEN: "every value"}.get(seal, "unknown")
    if compared == "unknown" and error is None:
        with opened(path, form) as layout:
            compared = "every value" if has_checksums(layout.X.file) else "nothing"
    return StoreCheck(str(path), seal.value, str(error or ""), damage, compared)


def seal_of(path: Path) -> Seal:
    """Compare a file with its seal.

    Raises
    ------
    StoreError
        When it cannot be read.
    """
    with _raw(path) as file:
        return examine(file)


def _require_sound(path: Path, bounded: bool, form: Form) -> tuple[State, bool]:
    """Of a file that a child process has read, or need not: its state, and whether it has."""
    with _raw(path, form) as file:
        state = _state(os.fstat(file.fileno()))
        if state in _sound or (bounded and examine(file) is Seal.WHOLE):
            return state, False
    if not h5py.is_hdf5(path):  # nothing to parse: only its error
        open_hdf5(path, form).close()
    (error,) = survey_all([path])
    if error is not None:
        raise error
    return state, True


@contextmanager
def _raw(path: Path, form: Form = FEATURES) -> Iterator[BinaryIO]:
    try:
        if path.exists() and not (path.is_file() or path.is_dir()):
            # Opening a pipe would wait for a writer.
            raise StoreError(f"{path}: is no regular file")
        with path.open("rb") as file:
            yield file
    except FileNotFoundError:
        raise StoreError(f"{path}: no such file") from None
    except IsADirectoryError:
        raise StoreError(f"{path}: is a folder, not a {form.name}") from None
    except PermissionError:
        raise StoreError(f"{path}: no permission to read it") from None
    except OSError as error:
        raise StoreError(f"{path}: cannot be read: {error.strerror or error}") from error
    except ValueError as error:  # NUL
        raise StoreError(f"{str(path)!r}: is no name of a file ({error})") from error


def _never_still(path: Path) -> StoreInUseError:
    return StoreInUseError(f"{path}: is replaced again and again while it is read; run this again")


def _state(status: os.stat_result) -> State:
    times = (status.st_mtime_ns, status.st_ctime_ns)
    return (status.st_dev, status.st_ino, status.st_size, *times)


def _remember(state: State) -> None:
    if time.time_ns() - state[-1] > _TICK_NS:
        if len(_sound) >= _MOST_STATES:
            _sound.clear()
        _sound.add(state)


def _run_child(paths: Sequence[Path]) -> tuple[list[str], int | str]:
    """Lines of JSON, one a file as far as the child came, and how it ended."""
    size = sum(path.stat().st_size for path in paths if path.exists())
    seconds = _SECONDS + _SECONDS_A_FILE * len(paths) + size / _BYTES_A_SECOND
    command = [sys.executable, "-P", "-c", _CHILD, json.dumps(sys.path)]
    try:
        done = subprocess.run(  # nosec B603 # code of our own
            command,
            input=b"\0".join(os.fsencode(path) for path in paths),
            capture_output=True,
            timeout=seconds,
            check=False,
            env={**os.environ, **dict.fromkeys(THREAD_VARIABLES, "1")},
        )
    except subprocess.TimeoutExpired as late:
        return _lines(late.output or b""), -signal.SIGPROF
    except OSError as error:
        return [], f"{sys.executable}: {error.strerror or error}"
    reason = done.stderr.decode("utf-8", "backslashreplace").strip().splitlines()[-1:]
    return _lines(done.stdout), reason[0] if done.returncode > 0 and reason else done.returncode


def _lines(output: bytes) -> list[str]:
    return [line for line in output.decode().splitlines(keepends=True) if line.endswith("\n")]


def _death(path: Path, end: int | str) -> StoreError:
    if isinstance(end, str) or end >= 0:
        return StoreError(f"{path}: cannot be checked, because no process can be started: {end}")
    how = "finds no end" if end == -signal.SIGPROF else f"dies (signal {-end})"
    return damaged_store(path, Damage(f"damaged: HDF5 {how} over it"))
