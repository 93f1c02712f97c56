"""Threads: how many cores there are, and no more threads than these, or than have work.

Conventions
-----------
OpenMP, BLAS and torch each keep a pool of threads, as many as the machine has cores, that wait for
each other at full load. Where another process takes one of the cores, a fit of a second so becomes
a fit of minutes. So a command of ours runs on the cores that it was given (`usable_cores`, or
``--jobs``), and on one where there is little to do (`limited_threads`); and its threads wait asleep
(`wait_asleep`). In Python nothing is limited but while one of our own fits runs that gains nothing
by threads (`one_thread`), and what the caller had set comes back.
"""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from threadpoolctl import ThreadpoolController, threadpool_limits

THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)
SMALL = 5_000_000  # numbers of a table that a fit goes through in seconds
_GROUPS = Path("/sys/fs/cgroup")


def usable_cores() -> int:
    """Number of cores that this process may use: those it may run on, or its share of them."""
    if hasattr(os, "sched_getaffinity"):
        cores = len(os.sched_getaffinity(0))
    else:
        cores = os.cpu_count() or 1
    return max(1, math.ceil(min(cores, _quota(_GROUPS))))


def _quota(groups: Path) -> float:
    """Cores' worth of time that a container may take; infinite where it is not limited."""
    for names in (("cpu.max",), ("cpu/cpu.cfs_quota_us", "cpu/cpu.cfs_period_us")):
        try:
            quota, period = " ".join((groups / name).read_text() for name in names).split()
            if float(quota) > 0:
                return float(quota) / float(period)
        except (OSError, ValueError):  # another version of control groups, or "max": no limit
            continue
    return math.inf


def wait_asleep() -> None:
    """Let threads of OpenMP libraries that are loaded from now on sleep while they wait."""
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")


@contextmanager
def limited_threads(jobs: int | None = None, work: int = SMALL) -> Iterator[int]:
    """Limit the threads of this process, also those of libraries that are loaded meanwhile.

    Parameters
    ----------
    jobs : int, optional
        At most that many; if not given `usable_cores`, or ``OMP_NUM_THREADS`` where that is less.
    work : int
        Numbers to be gone through: fewer than `SMALL` are for one thread.

    Yields
    ------
    int
        How many there are.
    """
    before = {name: os.environ.get(name) for name in THREAD_VARIABLES}
    cores, asked = usable_cores(), before["OMP_NUM_THREADS"] or ""
    usual = min(cores, int(asked)) if asked.isdecimal() and int(asked) else cores
    n = 1 if work < SMALL else jobs or usual
    known = {library.filepath for library in ThreadpoolController().lib_controllers}
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, str(n)))
    try:
        with threadpool_limits(n), _torch_limited(n, cores):
            yield n
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})
        for library in ThreadpoolController().lib_controllers:
            if library.filepath not in known:  # loaded meanwhile, it knows no other limit
                library.set_num_threads(cores)


@contextmanager
def _torch_limited(n: int, cores: int) -> Iterator[None]:
    """Limit torch, whose own number of threads OpenMP's does not change once it is set."""
    torch = sys.modules.get("torch")
    before = cores if torch is None else torch.get_num_threads()
    if torch is not None:
        torch.set_num_threads(n)
    try:
        yield
    finally:
        if (torch := sys.modules.get("torch")) is not None:
            torch.set_num_threads(before)


@contextmanager
def one_thread() -> Iterator[None]:
    """Run OpenMP's loops of the calling thread in it alone; those of other threads go on as set."""
    with threadpool_limits(1, user_api="openmp"):
        yield
