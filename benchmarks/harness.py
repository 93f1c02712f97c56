"""What extraction.py measures with: clocks, the machine, fresh processes, and floors.

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
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, astuple, dataclass, fields
from importlib import metadata
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import librosa
import numpy as np
import scipy.fft
import soundfile
import soxr
from numpy.typing import NDArray

if TYPE_CHECKING:
    from rich.console import Console

Frames = NDArray[np.floating]
Call = Callable[[], object]

ONE_THREAD = {
    f"{library}_THREADS": "1"
    for library in ("OMP_NUM", "OPENBLAS_NUM", "MKL_NUM", "NUMBA_NUM", "VECLIB_MAXIMUM")
}
FORMATS = {  # suffix: libsndfile's format and subtype, rate (Opus knows no 44.1 kHz)
    "wav": ("WAV", "PCM_16", 44100),
    "flac": ("FLAC", "PCM_16", 44100),
    "ogg": ("OGG", "VORBIS", 44100),
    "opus": ("OGG", "OPUS", 48000),
    "mp3": ("MP3", "MPEG_LAYER_III", 44100),
}
_SHORTEST_MS = 20.0  # a quicker call is repeated until it took this long


# Clocks


@dataclass(frozen=True)
class Comparison:
    """Median CPU time of ours against a peer's, over the same rounds (clips and repeats).

    `ratio` is `peer_ms` / `ours_ms`; `low` and `high` are the least and largest of a single round.
    """

    peer_ms: float
    ours_ms: float
    ratio: float
    low: float
    high: float


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
        rounds = [a / b for a, b in zip(self.cpu_ms[peer], self.cpu_ms[ours], strict=True)]
        peer_ms, ours_ms = self.median(peer), self.median(ours)
        return Comparison(peer_ms, ours_ms, peer_ms / ours_ms, min(rounds), max(rounds))


def interleave(clips: Iterable[Mapping[str, Call]], repeats: int) -> Times:
    """Time what each contestant does with each clip, in turn, `repeats` times a clip."""
    times: dict[str, list[float]] = defaultdict(list)
    cpu = wall = 0.0
    for index, contestants in enumerate(clips):
        if index == 0:  # loaded code and tables are no clip's cost; `fresh_process` counts them
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


def versions() -> dict[str, str]:
    """Versions of Python, of the packages that do the work, and of libsndfile."""
    packages = ("numpy", "scipy", "librosa", "numba", "soundfile", "soxr", "spdkit")
    found = {name: metadata.version(name) for name in packages}
    libsndfile = soundfile.__libsndfile_version__
    return {"python": platform.python_version(), **found, "libsndfile": libsndfile}


def show(console: Console, title: str, rows: Mapping[str, Any], caption: str = "") -> None:
    """Print dataclasses of one kind as a table; the keys of `rows` are its first column."""
    from rich.table import Table  # here, so that fresh processes do without it

    table = Table("", title=title, caption=caption or None, title_justify="left")
    names = [each.name for each in fields(next(iter(rows.values())))]
    for name in names:
        table.add_column(name.replace("_", " "), justify="right")
    for key, row in rows.items():
        table.add_row(key, *(_cell(getattr(row, name)) for name in names))
    console.print(table)


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "pass" if value else "FAIL"
    if isinstance(value, float):
        return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return str(value)


# Fresh processes

_CHILD = """
import json, resource, sys, time

def peak_mb():
    # Linux hands ru_maxrss on from the parent, through exec; VmHWM is the process's own.
    try:
        with open("/proc/self/status") as status:
            return next(int(line.split()[1]) / 1024 for line in status if line[:5] == "VmHWM")
    except (OSError, StopIteration):
        unit = 1 << 20 if sys.platform == "darwin" else 1 << 10
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit

setup, call = sys.argv[1:]
marks, peaks, scope = [time.process_time()], [peak_mb()], {}
for step in (setup, call, call):
    exec(step, scope)
    marks.append(time.process_time())
    peaks.append(peak_mb())
print(json.dumps({"marks": marks, "peaks": peaks}))
"""


@dataclass(frozen=True)
class Fresh:
    """What a new process costs: CPU time of its imports, its first call, both, and a second call.

    Memory is the peak in MiB of the bare interpreter, after the imports, and after the calls;
    `work_mb` is what the calls added.
    """

    import_ms: float
    first_ms: float
    to_first_ms: float
    second_ms: float
    python_mb: float
    import_mb: float
    work_mb: float
    peak_mb: float


def fresh_process(setup: str, call: str, numba_cache: Path) -> Fresh:
    """Run Python code in a process of its own, one thread: the imports, and the work twice.

    `numba_cache` is where numba keeps compiled code; an empty folder makes it compile. A process
    that fails raises RuntimeError with its traceback.
    """
    here = str(Path(__file__).parent)
    path = os.pathsep.join(filter(None, (here, os.environ.get("PYTHONPATH"))))
    done = subprocess.run(
        [sys.executable, "-P", "-c", _CHILD, setup, call],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | ONE_THREAD | {"NUMBA_CACHE_DIR": str(numba_cache), "PYTHONPATH": path},
    )
    if done.returncode != 0:
        raise RuntimeError(f"a fresh process failed:\n{done.stderr}")
    answer = json.loads(done.stdout.splitlines()[-1])
    imports, first, second = (1e3 * float(step) for step in np.diff(answer["marks"]))
    python_mb, import_mb, _, peak_mb = answer["peaks"]
    work_mb = peak_mb - import_mb
    return Fresh(imports, first, imports + first, second, python_mb, import_mb, work_mb, peak_mb)


def over(peer: Fresh, ours: Fresh) -> Fresh:
    """Ratio of each number, peer over ours."""
    return Fresh(*(a / b for a, b in zip(astuple(peer), astuple(ours), strict=True)))


def median_of(runs: list[Fresh]) -> Fresh:
    """Median of each number over runs."""
    return Fresh(**{key: median(asdict(run)[key] for run in runs) for key in asdict(runs[0])})


# Floors, and what they are made of


def transcode(samples: Frames, rate: int, folder: Path) -> dict[str, Path]:
    """Write the same music, shape (n_samples, channels), in every format; the paths."""
    paths = {}
    for suffix, (container, codec, to) in FORMATS.items():
        converted = samples if rate == to else soxr.resample(samples, rate, to)
        paths[suffix] = path = folder / f"music.{suffix}"
        with soundfile.SoundFile(path, "w", to, samples.shape[1], codec, format=container) as file:
            for start in range(0, len(converted), to):  # libsndfile overflows on long Vorbis blocks
                file.write(converted[start : start + to])
    return paths


def fft_floor(y: Frames) -> Call:
    """One real FFT of every frame of a clip, in blocks that stay in the cache."""
    padded = np.pad(y, 1024)
    frames = librosa.util.frame(padded, frame_length=2048, hop_length=512, axis=0).copy()
    return lambda: [scipy.fft.rfft(frames[at : at + 64]) for at in range(0, len(frames), 64)]


def bare_read(path: Path, duration: float) -> None:
    """Seek to the middle window and read it, with no check and no mixing."""
    with soundfile.SoundFile(path) as file:
        count = round(duration * file.samplerate)
        file.seek((file.frames - count) // 2)
        file.read(count, dtype="float32")
