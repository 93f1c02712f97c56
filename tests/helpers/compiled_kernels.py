"""Kernels that numba compiles: each by one worker of pytest, the others have copies.

They take most of a minute in a new clone. Two processes must not compile into one cache, so each
worker has a cache of its own, into which it copies what the others have compiled.
"""

from __future__ import annotations

import importlib
import shutil
from pathlib import Path

from filelock import FileLock


def audio():
    importlib.import_module("spdkit.extractors.audio").AudioExtractor().warm_up()


def nets():
    cells = importlib.import_module("spdkit.nets.recurrent.cells")
    for dtype in ("float32", "float64"):
        cells.prepare(dtype)


def librosa():
    """What librosa compiles as it is loaded."""
    for module in ("audio", "pitch"):
        importlib.import_module(f"librosa.core.{module}")


def descriptors():
    importlib.import_module("spdkit.extractors.descriptors.extractor").load_and_compile()


GROUPS = (audio, nets, librosa, descriptors)


def share(own: Path, common: Path, worker: int) -> None:
    """Fill the empty cache of a worker; each begins with other kernels."""
    if any(own.iterdir()):
        return
    first = 2 * worker % len(GROUPS)
    for group in GROUPS[first:] + GROUPS[:first]:
        with FileLock(common / f"{group.__name__}.lock"):
            copy(common, own, common)
            group()
            copy(own, common, common)


def copy(source: Path, target: Path, common: Path) -> None:
    with FileLock(common / "copy.lock"):
        ignored = shutil.ignore_patterns("*.lock")
        shutil.copytree(
            source, target, ignore=ignored, dirs_exist_ok=True, copy_function=copy_whole
        )


def copy_whole(source: str, target: str) -> None:
    """A run that is killed leaves no half of a file, which numba would load."""
    beside = Path(f"{target}.lock")  # a name that the next copy passes over
    shutil.copy2(source, beside)
    beside.replace(target)
