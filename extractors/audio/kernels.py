"""Compilation of the numba kernels, by one process at a time.

The first call on a machine compiles for some seconds and keeps the result in numba's cache.
Processes that compile into one cache at once can crash in code that is half written, so the first
call of every process happens under a lock that the operating system lifts when its holder dies.
"""

from __future__ import annotations

import os
import tempfile
from functools import cache
from pathlib import Path

import numpy as np
from filelock import FileLock

from spdkit.extractors.audio.engine import compute
from spdkit.extractors.audio.layout import Summary
from spdkit.extractors.audio.settings import AudioSettings


@cache
def compile_kernels(settings: AudioSettings) -> None:
    """Run every kernel that `settings` use, once a process."""
    with FileLock(Path(tempfile.gettempdir()) / f"spdkit-kernels-{os.getuid()}.lock"):
        # No shorter than the filters of constant-Q, of which librosa would warn.
        noise = np.random.default_rng(0).standard_normal(4 * settings.sr).astype(np.float32)
        compute([noise], settings, Summary(settings))
