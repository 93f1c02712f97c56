"""Fresh processes: what imports, a first call and memory cost; and a file of hours in one."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict, astuple, dataclass
from pathlib import Path
from statistics import median

import numpy as np
import soundfile

from benchmarks.common.measuring import run_python
from benchmarks.extraction.sounds import Frames, tile

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

def mark():
    return time.process_time(), time.perf_counter(), peak_mb()

marks, scope = [mark()], {}
for step in sys.argv[1:]:
    exec(step, scope)
    marks.append(mark())
print(json.dumps(marks))
"""

# numba and librosa load at the first call: named here, so that they count among the imports.
_IMPORTS = """
import spdkit.extractors.audio.fast_engine
from spdkit.extractors.audio import AudioExtractor
from spdkit.tracks.scan import Track
"""
# What a worker of a batch has loaded besides.
_WORKER = "import spdkit.extraction.executors, spdkit.extraction.track_results"


@dataclass(frozen=True)
class Fresh:
    """CPU time of the imports of a new process, its first call, both, and a second call.

    `wall_ms` is wall time to the end of the first call. Memory is the peak in MiB of the bare
    interpreter, after the imports, and after the calls; `work_mb` is what the calls added.
    """

    import_ms: float
    first_ms: float
    to_first_ms: float
    wall_ms: float
    second_ms: float
    python_mb: float
    import_mb: float
    work_mb: float
    peak_mb: float


@dataclass(frozen=True)
class LongFile:
    """A file of hours in a process of its own: seconds of the extraction, peak memory in MiB."""

    hours: float
    cpu_s: float
    wall_s: float
    import_mb: float
    work_mb: float
    peak_mb: float


def run_steps(steps: Sequence[str], numba_cache: Path) -> list[tuple[float, float, float]]:
    """Run Python code in a process of its own, one thread.

    Parameters
    ----------
    steps : sequence of str
        Executed one after the other.
    numba_cache : Path
        Where numba keeps compiled code; an empty folder makes it compile.

    Returns
    -------
    list of (float, float, float)
        CPU seconds, wall seconds and peak memory in MiB, before the first step and after each.

    Raises
    ------
    RuntimeError
        With the traceback, when the process fails.
    """
    marks = run_python(_CHILD, *steps, environment=environment(numba_cache))
    return [tuple(mark) for mark in marks]


def environment(numba_cache: Path) -> dict[str, str]:
    """Variables of a process with a numba cache of its own, which finds `librosa_peer`."""
    here = str(Path(__file__).parent)
    path = os.pathsep.join(filter(None, (here, os.environ.get("PYTHONPATH"))))
    return {"NUMBA_CACHE_DIR": str(numba_cache), "PYTHONPATH": path}


def fresh_process(setup: str, call: str, numba_cache: Path) -> Fresh:
    """Run the imports, and the work twice; see `run_steps`."""
    cpu, wall, peaks = zip(*run_steps([setup, call, call], numba_cache), strict=True)
    imports, first, second = (1e3 * float(step) for step in np.diff(cpu))
    python_mb, import_mb, _, peak_mb = peaks
    return Fresh(
        import_ms=imports,
        first_ms=first,
        to_first_ms=imports + first,
        wall_ms=1e3 * (wall[2] - wall[0]),
        second_ms=second,
        python_mb=python_mb,
        import_mb=import_mb,
        work_mb=peak_mb - import_mb,
        peak_mb=peak_mb,
    )


def over(peer: Fresh, ours: Fresh) -> Fresh:
    """Ratio of each number, peer over ours."""
    return Fresh(*(a / b for a, b in zip(astuple(peer), astuple(ours), strict=True)))


def median_of(runs: list[Fresh]) -> Fresh:
    """Median of each number over runs."""
    return Fresh(**{key: median(asdict(run)[key] for run in runs) for key in asdict(runs[0])})


def fresh_processes(y: Frames, folder: Path, duration: float, repeats: int) -> dict[str, Fresh]:
    """Run one clip in new processes: numba's cache empty once, then filled, for all in turn."""
    path = str(folder / "clip.wav")
    soundfile.write(path, y, 44100, "FLOAT")
    call = f"AudioExtractor(duration={duration}).extract(Track('clip', audio={path!r}))"
    code = {
        "ours": (_IMPORTS, call),
        "ours, as a worker": (_IMPORTS + _WORKER, call),
        "naive librosa": (
            "import librosa, librosa_peer",
            f"librosa_peer.naive_row(librosa.load({path!r}, sr=None)[0], 44100, 'paper')",
        ),
    }
    caches = {name: folder / f"numba of {name.split(',')[0]}" for name in code}
    cold = ("ours", "naive librosa")
    costs = {f"{name}, cold": fresh_process(*code[name], caches[name]) for name in cold}
    runs: dict[str, list[Fresh]] = {name: [] for name in code}
    for _ in range(repeats):
        for name in code:
            runs[name].append(fresh_process(*code[name], caches[name]))
    costs |= {name: median_of(each) for name, each in runs.items()}
    return costs | {"ratio": over(costs["naive librosa"], costs["ours"])}


def long_file(y: Frames, hours: float, folder: Path) -> LongFile:
    """Extract the whole of a mono file at 44.1 kHz made of one clip again and again."""
    path = folder / "long.wav"
    tile(y, 3600 * hours, path)
    call = f"AudioExtractor(duration=None).extract(Track('long', audio={str(path)!r}))"
    try:
        _, before, after = run_steps([_IMPORTS, call], folder / "numba of ours")
    finally:
        path.unlink()
    (cpu, wall, peak), work = after, after[2] - before[2]
    return LongFile(hours, cpu - before[0], wall - before[1], before[2], work, peak)
