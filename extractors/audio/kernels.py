"""The first run of our numba kernels, which compiles them where that was not done before."""

from __future__ import annotations

from functools import cache

import numpy as np

from spdkit.extractors.audio.engine import compute
from spdkit.extractors.audio.layout import Summary
from spdkit.extractors.audio.locking import compilation_lock
from spdkit.extractors.audio.settings import AudioSettings


@cache
def compile_kernels(settings: AudioSettings) -> None:
    """Run every kernel that `settings` use, once a process."""
    with compilation_lock():
        # No shorter than the filters of constant-Q, of which librosa would warn.
        noise = np.random.default_rng(0).standard_normal(4 * settings.sr).astype(np.float32)
        compute([noise], settings, Summary(settings))
