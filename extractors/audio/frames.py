"""All frame features of a clip from one spectrogram, one chromagram and one decoded window."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spdkit.extractors.audio import constant_q, harmony, spectra
from spdkit.extractors.audio.settings import AudioSettings

Frames = NDArray[np.float32]


def frame_features(y: Frames, settings: AudioSettings) -> dict[str, Frames]:
    """Every feature before its statistics.

    Parameters
    ----------
    y : ndarray of float32, shape (n_samples,)
        Mono samples at ``settings.sr``.
    settings : AudioSettings

    Returns
    -------
    dict of str to ndarray, shape (dims, n_frames)
        ``n_frames`` is ``1 + n_samples // hop_length``.
    """
    D = spectra.stft(y, settings, settings.window)
    S = np.abs(D)
    power = S**2
    mel_power = power
    if settings.mel_window != settings.window:
        mel_power = np.abs(spectra.stft(y, settings, settings.mel_window)) ** 2
    silent = spectra.silent_frames(y, settings)
    chroma = constant_q.chroma_cqt(y, constant_q.estimate_tuning(S, settings), silent, settings)
    centroid = spectra.spectral_centroid(S, settings)
    low, high = settings.roll_percents
    return {
        "mfcc": spectra.mfcc(power, settings),
        "mel": spectra.mel_spectrogram(mel_power, settings),
        "chroma": chroma,
        "tonnetz": _tonnetz(D, len(y), chroma, silent, settings),
        "contrast": spectra.spectral_contrast(S, settings),
        "centroid": centroid,
        "bandwidth": spectra.spectral_bandwidth(S, centroid, settings),
        "zcr": spectra.zero_crossing_rate(y, settings),
        "rolloff_low": spectra.spectral_rolloff(S, low, settings),
        "rolloff_high": spectra.spectral_rolloff(S, high, settings),
        "rms": spectra.rms(y, settings),
    }


def _tonnetz(
    D: NDArray[np.complex64],
    n_samples: int,
    chroma: Frames,
    silent: NDArray[np.bool_],
    settings: AudioSettings,
) -> Frames:
    if settings.tonnetz_of == "signal":
        return harmony.tonnetz(chroma)
    y = harmony.harmonic_part(D, n_samples, settings)
    S = np.abs(spectra.stft(y, settings, settings.window))
    tuning = constant_q.estimate_tuning(S, settings)
    return harmony.tonnetz(constant_q.chroma_cqt(y, tuning, silent, settings))
