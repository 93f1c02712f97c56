"""The two engines behind one call, and a sink that keeps every frame."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from spdkit.extractors.audio.analysis import Sink, analyse
from spdkit.extractors.audio.settings import AudioSettings
from spdkit.extractors.audio.tuning import Tuning

Frames = NDArray[np.float32]


def compute(blocks: Iterable[Frames], s: AudioSettings, sink: Sink) -> dict[str, Tuning]:
    """Give every frame feature of a sound to `sink`, by the engine that `s` names.

    See `analysis.analyse`; librosa needs all blocks at once.
    """
    if s.engine == "spdkit":
        return analyse(blocks, s, sink)
    from spdkit.extractors.audio.by_librosa import frame_features  # seconds, and only here

    features, tunings = frame_features(np.concatenate(list(blocks)), s)
    for key, frames in features.items():
        sink.add(key, frames)
    return tunings


class Collected:
    """Frames of every feature, all of them."""

    def __init__(self) -> None:
        self._parts: dict[str, list[Frames]] = defaultdict(list)

    def add(self, key: str, frames: Frames) -> None:
        """Take more frames of feature `key`, shape (dims, n_frames)."""
        self._parts[key].append(frames)

    def frames(self) -> dict[str, Frames]:
        """The features, each of shape (dims, n_frames)."""
        return {key: np.concatenate(parts, axis=1) for key, parts in self._parts.items()}
