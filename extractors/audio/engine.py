"""Engine: spdkit's own kernels, compiled once a process, or librosa, behind one call."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from functools import cache

import numpy as np
from numpy.typing import NDArray

from spdkit.extractors.audio import librosa_engine
from spdkit.extractors.audio.columns import Summary
from spdkit.extractors.audio.fast_engine import Sink, analyse
from spdkit.extractors.audio.settings import AudioSettings
from spdkit.extractors.audio.tuning import Tuning
from spdkit.extractors.compile_lock import compilation_lock

Frames = NDArray[np.float32]


def compute(blocks: Iterable[Frames], s: AudioSettings, sink: Sink) -> dict[str, Tuning]:
    """Give every frame feature of a sound to `sink`, by the engine that `s` names.

    See `fast_engine.analyse`; librosa needs all blocks at once.
    """
    if s.engine == "spdkit":
        return analyse(blocks, s, sink)
    features, tunings = librosa_engine.frame_features(np.concatenate(list(blocks)), s)
    for key, frames in features.items():
        sink.add(key, frames)
    return tunings


class FrameCollector:
    """Sink that keeps every frame of every feature."""

    def __init__(self) -> None:
        self._parts: dict[str, list[Frames]] = defaultdict(list)

    def add(self, key: str, frames: Frames) -> None:
        """Take more frames of feature `key`, shape (dims, n_frames)."""
        self._parts[key].append(frames)

    def frames(self) -> dict[str, Frames]:
        """The features, each of shape (dims, n_frames)."""
        return {key: np.concatenate(parts, axis=1) for key, parts in self._parts.items()}


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
