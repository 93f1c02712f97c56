"""librosa's numba kernels, compiled by one process at a time.

The first call on a machine compiles for about half a minute and keeps the result in numba's cache.
Processes that compile into one cache at once can crash in code that is half written, so the first
call of every process happens under a lock that the operating system lifts when its holder dies.
"""

from __future__ import annotations

import os
import tempfile
from functools import cache
from pathlib import Path

import librosa
import numpy as np
from filelock import FileLock

_SR = 22050  # and 4 s: no shorter than the filters of constant-Q


@cache
def compile_kernels() -> None:
    """Run every kernel that the features use, once a process."""
    with FileLock(Path(tempfile.gettempdir()) / f"spdkit-kernels-{os.getuid()}.lock"):
        y = np.random.default_rng(0).standard_normal(4 * _SR).astype(np.float32)
        S = np.abs(librosa.stft(y))
        librosa.estimate_tuning(S=S, sr=_SR)
        librosa.feature.chroma_cqt(y=y, sr=_SR, tuning=0.0)
        librosa.feature.zero_crossing_rate(y)
        librosa.istft(librosa.stft(y))
