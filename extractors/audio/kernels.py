"""The first run of our numba kernels, which compiles them where that was not done before."""

from __future__ import annotations

from functools import cache

import numpy as np

from spdkit.extractors.audio.engine import compute
from spdkit.extractors.audio.layout import Summary
from spdkit.extractors.audio.locking import compilation_lock
from spdkit.extractors.audio.settings import AudioSettings

_LARGE = 20 << 20  # bytes: of what is larger, glibc takes no notice


@cache
def compile_kernels(settings: AudioSettings) -> None:
    """Run every kernel that `settings` use, once a process."""
    _keep_memory()
    with compilation_lock():
        # No shorter than the filters of constant-Q, of which librosa would warn.
        noise = np.random.default_rng(0).standard_normal(4 * settings.sr).astype(np.float32)
        compute([noise], settings, Summary(settings))


def _keep_memory() -> None:
    """Let the process keep the memory of one clip for the next.

    glibc hands memory back to the system as soon as more than twice the largest block ever freed
    lies idle (``M_TRIM_THRESHOLD`` in mallopt(3)), and getting it again costs a tenth of a clip's
    time. This block is freed untouched, so it never takes memory; elsewhere it does nothing.
    """
    np.empty(_LARGE, dtype=np.uint8)
