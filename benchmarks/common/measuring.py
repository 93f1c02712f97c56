"""Measuring: clocks, comparisons, bars, the machine, processes of their own, tables.

Times are CPU milliseconds of one process. Contestants of one comparison take turns (A B A B …), so
that a drift of the machine strikes them all, and a ratio is that of their medians.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from importlib import metadata
from pathlib import Path
from statistics import median
from typing import Any

import soundfile
from rich.console import Console
from rich.table import Table

from benchmarks.common.script import ONE_THREAD

Call = Callable[[], object]

AUDIO_PACKAGES = ("numpy", "scipy", "librosa", "numba", "soundfile", "soxr", "spdkit")
_SHORTEST_MS = 20.0  # a quicker call is repeated until it took this long


# Clocks


@dataclass(frozen=True)
class Comparison:
    """Median CPU time of ours against a peer's, over the same rounds (clips and repeats).

    `ratio` is `peer_ms` / `ours_ms`; `low` and `high` are the least and largest of a single round.
    What has no peer has None there.
    """

    peer_ms: float | None
    ours_ms: float
    ratio: float | None = None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Times:
    """CPU milliseconds by contestant, one a round, and CPU time over wall time of them all."""

    cpu_ms: dict[str, list[float]]
    cpu_per_wall: float

    def median(self, contestant: str) -> float:
        """Median over rounds in milliseconds."""
        return median(self.cpu_ms[contestant])

    def compare(self, peer: str, ours: str) -> Comparison:
        """Set contestant `ours` against contestant `peer`."""
        return compare(self.cpu_ms[peer], self.cpu_ms[ours])

    def sums(self, contestants: list[str]) -> list[float]:
        """Times of several contestants together, one a round."""
        rounds = zip(*(self.cpu_ms[name] for name in contestants), strict=True)
        return [sum(each) for each in rounds]


def compare(peer: list[float], ours: list[float]) -> Comparison:
    """Set times of the same rounds against each other."""
    rounds = [a / b for a, b in zip(peer, ours, strict=True)]
    peer_ms, ours_ms = median(peer), median(ours)
    return Comparison(peer_ms, ours_ms, peer_ms / ours_ms, min(rounds), max(rounds))


def interleave(clips: Iterable[Mapping[str, Call]], repeats: int) -> Times:
    """Time what each contestant does with each clip, in turn, `repeats` times a clip."""
    times: dict[str, list[float]] = defaultdict(list)
    cpu = wall = 0.0
    for index, contestants in enumerate(clips):
        if index == 0:  # loaded code and tables are no clip's cost; fresh processes count them
            for call in contestants.values():
                call()
        cpu_start, wall_start = time.process_time(), time.perf_counter()
        for _ in range(repeats):
            for name, call in contestants.items():
                times[name].append(cpu_ms(call))
        cpu += time.process_time() - cpu_start
        wall += time.perf_counter() - wall_start
    return Times(dict(times), cpu / wall)


def cpu_ms(call: Call) -> float:
    """CPU milliseconds of one call, averaged over a few when it is short."""
    start, calls, spent = time.process_time(), 0, 0.0
    while spent < _SHORTEST_MS:
        call()
        calls += 1
        spent = 1e3 * (time.process_time() - start)
    return spent / calls


# Bars


@dataclass(frozen=True)
class Bar:
    """A number, what it must be (see `meets`), what it should be, and whether it is."""

    measured: float
    bar: str
    goal: str
    met: bool


def bar(measured: float, must: str, goal: str = "") -> Bar:
    """Hold a number against a bar."""
    return Bar(measured, must, goal, meets(measured, must))


def meets(measured: float, must: str) -> bool:
    """Whether a number is "≥ 40", "≤ 2.5", "< 2", "4224 ± 2", or "5657.9" when it is rounded."""
    sign, *limits = must.split()
    if not limits:
        return f"{measured:.{len(must.partition('.')[2])}f}" == must
    if limits[0] == "±":
        return abs(measured - float(sign)) <= float(limits[1])
    limit = float(limits[0])
    return {"≥": measured >= limit, "≤": measured <= limit, "<": measured < limit}[sign]


# The machine


def machine() -> dict[str, Any]:
    """Model and number of processors, and the system, without names of hosts or folders."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return {
        "cpu": models[0] if models else platform.processor() or platform.machine(),
        "cpus": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
    }


def versions(packages: Sequence[str]) -> dict[str, str]:
    """Versions of Python and of the packages that do the work; libsndfile's with soundfile."""
    libraries = {"libsndfile": soundfile.__libsndfile_version__} if "soundfile" in packages else {}
    installed = {name: metadata.version(name) for name in packages}
    return {"python": platform.python_version(), **installed, **libraries}


def head(benchmark: str, command: str, packages: Sequence[str]) -> dict[str, Any]:
    """What every JSON begins with: the fields of `Head`."""
    return asdict(Head(benchmark, command, machine(), versions(packages)))


@dataclass
class Head:
    """What every result begins with, and a benchmark's own parts follow."""

    benchmark: str
    command: str
    machine: dict[str, Any]
    versions: dict[str, str]


def run_python(
    code: str, *arguments: object, environment: dict[str, str] | None = None, stdin: str = ""
) -> Any:
    """Run code in a process of its own, in one thread.

    Parameters
    ----------
    code : str
    *arguments : object
        Its `sys.argv` from the second word on.
    environment : dict, optional
        Variables besides those of this process.
    stdin : str

    Returns
    -------
    object
        What it printed last, read as JSON; None when it printed nothing.

    Raises
    ------
    RuntimeError
        With the traceback, when the process fails.
    """
    done = subprocess.run(  # nosec B603 # code of our own
        [sys.executable, "-P", "-c", code, *map(str, arguments)],
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | ONE_THREAD | (environment or {}),
    )
    if done.returncode != 0:
        raise RuntimeError(f"a process of its own failed:\n{done.stderr}")
    lines = done.stdout.splitlines()
    return json.loads(lines[-1]) if lines else None


# Tables


def show(console: Console, title: str, rows: Mapping[str, Any], caption: str = "") -> None:
    """Print dataclasses of one kind as a table; the keys of `rows` are its first column."""
    table = Table(title=title, caption=caption or None, title_justify="left")
    table.add_column("", no_wrap=True)
    names = [each.name for each in fields(next(iter(rows.values())))]
    for name in names:
        table.add_column(name.replace("_", " "), justify="right")
    for key, row in rows.items():
        table.add_row(key, *(_cell(getattr(row, name)) for name in names))
    console.print(table)


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "NO"
    if isinstance(value, float):
        return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return str(value)
