"""Sound as chunks of overlapping frames, so that a file of any length takes the memory of one.

Frames are centred and the ends padded with zeros, as librosa's are: frame ``i`` of the clip is
centred on sample ``i * hop_length``, and there are ``1 + n_samples // hop_length`` of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import DTypeLike, NDArray

Samples = NDArray[np.float32]

# Frames to transform at a time. A power of 2 would send all bins to the same places in the cache.
BLOCK = 96
CHUNK = 10 * BLOCK  # frames to hold: large enough that Python's share vanishes


@dataclass(frozen=True)
class Chunk:
    """Some successive frames.

    Attributes
    ----------
    x : ndarray of float32
        Frame ``i`` of the chunk is ``x[i * hop_length : i * hop_length + n_fft]``.
    n_frames : int
    first, last : int
        The sound is ``x[first:last]``; the rest is padding.
    """

    x: Samples
    n_frames: int
    first: int
    last: int

    def frames(
        self, n_fft: int, hop_length: int, dtype: DTypeLike = np.float64
    ) -> NDArray[np.floating]:
        """The frames, shape (n_frames, n_fft), as views of one array."""
        x = self.x.astype(dtype, copy=False)
        return np.lib.stride_tricks.sliding_window_view(x, n_fft)[::hop_length]


def chunks(
    blocks: Iterable[Samples], n_fft: int, hop_length: int, n_frames: int = CHUNK
) -> Iterator[Chunk]:
    """Cut a stream of samples into chunks of `n_frames` frames; the last may hold fewer.

    Parameters
    ----------
    blocks : iterable of ndarray of float32
        The sound, in pieces of any length.
    n_fft : int
        Samples a frame; even.
    hop_length : int
        Samples from frame to frame, at most `n_fft`.
    n_frames : int

    Yields
    ------
    Chunk
    """
    half, span = n_fft // 2, n_frames * hop_length
    length = span - hop_length + n_fft
    held = np.zeros(half, dtype=np.float32)
    padding = half  # of `held`, at its start
    for block in blocks:
        held = np.concatenate([held, block])
        start = 0
        while len(held) - start >= length:
            x = held[start : start + length]
            yield Chunk(x, n_frames, padding, length)
            start += span
            padding = max(0, padding - span)
        held = held[start:]
    end = len(held)
    held = np.concatenate([held, np.zeros(half, dtype=np.float32)])
    for start in range(0, len(held) - n_fft + 1, span):
        x = held[start : start + length]
        count = 1 + (len(x) - n_fft) // hop_length
        x = x[: (count - 1) * hop_length + n_fft]
        yield Chunk(x, count, min(padding, len(x)), max(0, min(end - start, len(x))))
        padding = max(0, padding - span)
