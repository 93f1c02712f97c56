"""Chroma by the constant-Q transform: how strongly each pitch class sounds in a frame.

The tuning is estimated once a signal from its shared magnitudes (librosa would transform again for
it). A frame of exact digital silence has chroma 0, where librosa scales round-off up to 1.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import librosa
import numpy as np
from numpy.typing import NDArray

from spdkit.extractors.audio.settings import AudioSettings

Frames = NDArray[np.float32]

_warning_filters = threading.Lock()


@contextmanager
def _ignoring(message: str) -> Iterator[None]:
    # Filters belong to the process: threads that change them at once would lose each other's.
    with _warning_filters, warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=message)
        yield


def estimate_tuning(S: Frames, settings: AudioSettings) -> float:
    """Deviation from A440 in fractions of a constant-Q bin, from magnitudes; 0 in silence."""
    if settings.tuning is not None:
        return settings.tuning
    if not S.any():
        return 0.0
    # Sound without any spectral peak (DC) has no tuning: librosa warns and answers 0.
    with _ignoring("Trying to estimate tuning from empty frequency"):
        tuning = librosa.estimate_tuning(
            S=S,
            sr=settings.sr,
            n_fft=settings.n_fft,
            bins_per_octave=settings.bins_per_octave,
        )
    return float(tuning)


def chroma_cqt(
    y: Frames, tuning: float, silent: NDArray[np.bool_], settings: AudioSettings
) -> Frames:
    """Constant-Q chromagram, each frame scaled to a maximum of 1.

    Parameters
    ----------
    y : ndarray of float32, shape (n_samples,)
    tuning : float
        In fractions of a bin, from `estimate_tuning`.
    silent : ndarray of bool, shape (n_frames,)
        Frames to set to 0.

    Returns
    -------
    ndarray of float32, shape (n_chroma, n_frames)
    """
    # Under three seconds the longest filters outlast the clip; librosa pads with zeros.
    with _ignoring("n_fft=.* is too large for input signal"):
        chroma: Frames = librosa.feature.chroma_cqt(
            y=y,
            sr=settings.sr,
            hop_length=settings.hop_length,
            fmin=settings.chroma_fmin,
            tuning=tuning,
            n_chroma=settings.n_chroma,
            n_octaves=settings.n_octaves,
            bins_per_octave=settings.bins_per_octave,
        )
    # One sample short of a frame, its decimation rounds up to a frame that is not there.
    return np.where(silent, np.float32(0), chroma[:, : len(silent)])
