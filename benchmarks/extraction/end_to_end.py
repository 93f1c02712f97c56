"""Batches from files to a store, with one worker process and with more."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks.common.measuring import run_python
from benchmarks.extraction.fresh_process import environment

# A process of its own: workers load what its main module loads, and that must not be librosa.
_CHILD = """
import json, sys
from spdkit.extraction.batch import extract
from spdkit.extractors.audio import AudioExtractor
from spdkit.tracks.scan import Track

job = json.load(sys.stdin)
tracks = [Track(f"{i:06d}", audio=path) for i, path in enumerate(job["paths"])]
extractors = [AudioExtractor(duration=job["duration"])]
report = extract(tracks, job["target"], extractors, jobs=job["jobs"], overwrite=True)
if report.n_failed or report.n_extracted != len(tracks):
    sys.exit(f"tracks failed: {report.failures[:3]}")
"""


@dataclass(frozen=True)
class Rate:
    """Medians over rounds of a batch with so many worker processes.

    `start_s` is the wall time of a batch of one track a worker, imports and start-up of all
    processes included; the last rate is that of the other tracks in the time that is left.
    """

    processes: int
    tracks: int
    wall_s: float
    tracks_per_s: float
    start_s: float
    tracks_per_s_after_start: float


@dataclass(frozen=True)
class Batches:
    """Wall seconds of all rounds, by number of processes, and what comes of them."""

    wall_s: dict[int, list[float]]
    start_s: dict[int, list[float]]
    rates: dict[str, Rate]
    speed_up: float
    low: float
    high: float
    speed_up_after_start: float


def batches(
    paths: Sequence[str],
    n_tracks: int,
    folder: Path,
    duration: float,
    repeats: int,
    processes: tuple[int, int] = (1, 2),
) -> Batches:
    """Extract files, again and again under new names, with few and with many processes in turn."""
    tracks = [paths[i % len(paths)] for i in range(n_tracks)]
    wall: dict[int, list[float]] = {jobs: [] for jobs in processes}
    start: dict[int, list[float]] = {jobs: [] for jobs in processes}
    _seconds(tracks[:1], folder, duration, 1)  # compiles, and reads the programs from the disk
    for _ in range(repeats):
        for jobs in processes:
            start[jobs].append(_seconds(tracks[:jobs], folder, duration, jobs))
            wall[jobs].append(_seconds(tracks, folder, duration, jobs))
    return summed_up(n_tracks, wall, start)


def summed_up(
    n_tracks: int, wall: dict[int, list[float]], start: dict[int, list[float]]
) -> Batches:
    """Rates from wall times."""
    rates = {
        f"{jobs} process" + "es" * (jobs > 1): _rate(jobs, n_tracks, wall[jobs], start[jobs])
        for jobs in wall
    }
    few, many = rates.values()
    rounds = [a / b for a, b in zip(wall[few.processes], wall[many.processes], strict=True)]
    after = many.tracks_per_s_after_start / few.tracks_per_s_after_start
    speed_up = few.wall_s / many.wall_s
    return Batches(wall, start, rates, speed_up, min(rounds), max(rounds), after)


def _rate(jobs: int, n_tracks: int, wall: list[float], start: list[float]) -> Rate:
    wall_s, start_s = median(wall), median(start)
    # A batch of one track a worker lasts as long as its slowest start, so nothing may be left.
    after = (n_tracks - jobs) / max(wall_s - start_s, 1e-9)
    return Rate(jobs, n_tracks, wall_s, n_tracks / wall_s, start_s, after)


def _seconds(paths: Sequence[str], folder: Path, duration: float, jobs: int) -> float:
    """Wall time of a batch in a process of its own, from its start to its end."""
    job = {
        "paths": [str(Path(path).resolve()) for path in paths],
        "target": str(folder / "batch.h5"),
        "duration": duration,
        "jobs": jobs,
    }
    start = time.perf_counter()
    cache = environment(folder / "numba of ours")
    run_python(_CHILD, environment=cache, stdin=json.dumps(job))
    return time.perf_counter() - start
