"""Journal: results of fits, each computed once, in one thread, and kept in a file of its own."""

from __future__ import annotations

import io
import multiprocessing
import zipfile
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks.common.script import Progress
from spdkit.common.errors import SpdkitError
from spdkit.common.files import write_bytes

Arrays = dict[str, Any]


class Timed(Protocol):
    """A result that says how many CPU seconds it took."""

    @property
    def seconds(self) -> float:
        """CPU seconds."""


Fit = TypeVar("Fit")
Result = TypeVar("Result", bound=Timed)


@dataclass(frozen=True, eq=False)
class Journal(Generic[Fit, Result]):
    """Results in a folder, one file a fit.

    Attributes
    ----------
    folder : Path
        Made when it is not there.
    key : callable
        The name of a fit's file, by everything that its result depends on.
    pack, unpack : callable
        The arrays of a result's file, and the result of the arrays.
    """

    folder: Path
    key: Callable[[Fit], str]
    pack: Callable[[Fit, Result], Arrays]
    unpack: Callable[[Arrays], Result]

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)

    def path(self, fit: Fit) -> Path:
        """The file of a fit."""
        return self.folder / f"{self.key(fit)}.npz"

    def read(self, fit: Fit) -> Result | None:
        """A result, or None when there is none.

        Raises
        ------
        SpdkitError
            When its file cannot be read.
        """
        path = self.path(fit)
        if not path.exists():
            return None
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
                return self.unpack(dict(arrays))
        except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
            raise SpdkitError(f"{path}: cannot be read: {error}. Delete it and run again") from None

    def write(self, fit: Fit, result: Result) -> None:
        """Write a result, whole or not at all, and wait until it is on the disk."""
        buffer = io.BytesIO()
        np.savez_compressed(buffer, **self.pack(fit, result))
        write_bytes(self.path(fit), buffer.getvalue())

    def complete(
        self,
        fits: Iterable[Fit],
        compute: Callable[..., Result],
        shared: tuple[Any, ...],
        jobs: int,
        progress: Progress,
    ) -> None:
        """Compute what has no result yet; see `computed`."""
        fits = list(fits)
        missing = [fit for fit in fits if not self.path(fit).exists()]
        progress(f"{len(fits) - len(missing)} of {len(fits)} fits are done")
        for i, (fit, result) in enumerate(computed(compute, shared, missing, jobs), 1):
            self.write(fit, result)
            progress(f"{i}/{len(missing)}  {fit}: {result.seconds:.1f} CPU s")


def computed(
    compute: Callable[..., Result], shared: tuple[Any, ...], fits: Iterable[Fit], jobs: int
) -> Iterator[tuple[Fit, Result]]:
    """Compute fits as `compute(fit, *shared)`, `jobs` at a time, each in one thread.

    Parameters
    ----------
    compute : callable
        A function of a module, which other processes find by its name.
    shared : tuple
        What all fits need; each process is sent it once.
    fits : iterable
    jobs : int
        Processes; with one, fits are computed here, in their order.

    Yields
    ------
    tuple
        A fit and its result, as soon as it is there.
    """
    if jobs == 1:
        with threadpool_limits(1):
            for fit in fits:
                yield fit, compute(fit, *shared)
        return
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, spawn, _start_process, (compute, shared)) as pool:
        futures = {pool.submit(_compute_here, fit): fit for fit in fits}
        try:
            for future in as_completed(futures):
                yield futures[future], future.result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


_of_process: dict[str, Any] = {}  # that was started by `computed`


def _start_process(compute: Callable[..., Any], shared: tuple[Any, ...]) -> None:
    threadpool_limits(1)
    _of_process.update(compute=compute, shared=shared)


def _compute_here(fit: Any) -> Any:
    return _of_process["compute"](fit, *_of_process["shared"])
