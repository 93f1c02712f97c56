"""Units of work, each computed once, in one thread, and kept in a file of its own."""

from __future__ import annotations

import io
import multiprocessing
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks.common.script import Say
from spdkit.common.errors import SpdkitError
from spdkit.common.files import write_bytes

Unit = TypeVar("Unit")
Shared = TypeVar("Shared")
Result = TypeVar("Result")

# Files


def keep(path: Path, arrays: Mapping[str, Any]) -> None:
    """Write arrays, whole or not at all, and wait until they are on the disk."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    write_bytes(path, buffer.getvalue())


def kept(path: Path, unpacked: Callable[[dict[str, Any]], Result]) -> Result | None:
    """What `unpacked` makes of the arrays of a file; None when there is none.

    Raises
    ------
    SpdkitError
        When the file cannot be read.
    """
    if not path.exists():
        return None
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            return unpacked(dict(arrays))
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise SpdkitError(f"{path}: cannot be read: {error}. Delete it and run again") from None


# Computing


def pending(units: Iterable[Unit], path: Callable[[Unit], Path], name: str, say: Say) -> list[Unit]:
    """Units without a file; how many of them all have one is said under their name."""
    units = list(units)
    left = [unit for unit in units if not path(unit).exists()]
    say(f"{len(units) - len(left)} of {len(units)} {name} are done")
    return left


def spread(
    compute: Callable[[Unit, Shared], Result], shared: Shared, units: Iterable[Unit], jobs: int
) -> Iterator[tuple[Unit, Result]]:
    """Compute units as `compute(unit, shared)`, `jobs` at a time, each in one thread.

    Parameters
    ----------
    compute : callable
        A function of a module, which other processes find by its name.
    shared : object
        What all units need; each process is sent it once.
    units : iterable
    jobs : int
        Processes; with one, units are computed here, in their order.

    Yields
    ------
    tuple
        A unit and its result, as soon as it is there.
    """
    if jobs == 1:
        with threadpool_limits(1):
            for unit in units:
                yield unit, compute(unit, shared)
        return
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, spawn, _begin, (compute, shared)) as pool:
        futures = {pool.submit(_compute_here, unit): unit for unit in units}
        try:
            for future in as_completed(futures):
                yield futures[future], future.result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


_here: dict[str, Any] = {}  # of a process that was started by `spread`


def _begin(compute: Callable[[Any, Any], Any], shared: Any) -> None:
    threadpool_limits(1)
    _here.update(compute=compute, shared=shared)


def _compute_here(unit: Any) -> Any:
    return _here["compute"](unit, _here["shared"])
