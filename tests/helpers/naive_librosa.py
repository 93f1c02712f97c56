"""The audio features as a user of librosa would call for them: y in, one function a feature.

Nothing here is shared between features and nothing comes from spdkit, so that it can judge it.
"""

from __future__ import annotations

import warnings

import librosa
import numpy as np
from numpy.typing import NDArray

SR, N_FFT, HOP = 44100, 2048, 512
Frames = NDArray[np.float32]

# Absolute and relative tolerances on a frame, from DESIGN section 4.
ABSOLUTE = {"mfcc": 1e-3, "contrast": 1e-3, "chroma": 2e-3, "tonnetz": 3e-3}
RELATIVE = {"mel": 1e-5, "centroid": 1e-5, "bandwidth": 1e-5, "rms": 1e-5}
# Equal but for the rounding of the last bit, and for ties between two bins.
EQUAL = {"zcr": 1e-7, "rolloff_low": SR / N_FFT, "rolloff_high": SR / N_FFT}


def frames(y: Frames, profile: str) -> dict[str, Frames]:
    """Every frame feature of a profile, shape (dims, n_frames), by librosa alone."""
    paper = profile == "paper"
    mel_bands = (
        {"n_mels": 127, "fmin": 50.0, "fmax": 22050.0, "window": "hamming"}
        if paper
        else {"n_mels": 128}
    )
    feature = librosa.feature
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="n_fft=.* is too large for input signal")
        chroma = feature.chroma_cqt(y=y, sr=SR)
        tonnetz = feature.tonnetz(y=librosa.effects.harmonic(y) if paper else y, sr=SR)
    return {
        "mfcc": feature.mfcc(y=y, sr=SR, n_mfcc=40 if paper else 48),
        "mel": feature.melspectrogram(y=y, sr=SR, **mel_bands),
        # One sample short of a frame, librosa's constant-Q has a frame more than all the rest.
        "chroma": chroma[:, : 1 + len(y) // HOP],
        "tonnetz": tonnetz[:, : 1 + len(y) // HOP],
        "contrast": feature.spectral_contrast(y=y, sr=SR),
        "centroid": feature.spectral_centroid(y=y, sr=SR),
        "bandwidth": feature.spectral_bandwidth(y=y, sr=SR),
        "zcr": feature.zero_crossing_rate(y),
        "rolloff_low": feature.spectral_rolloff(y=y, sr=SR, roll_percent=0.1),
        "rolloff_high": feature.spectral_rolloff(y=y, sr=SR, roll_percent=0.85),
        "rms": feature.rms(y=y),
    }


def silent(y: Frames) -> NDArray[np.bool_]:
    """Frames whose 2048 samples are all exactly zero, found one by one."""
    padded = np.pad(y, N_FFT // 2)
    starts = range(0, HOP * (1 + len(y) // HOP), HOP)
    return np.array([not padded[start : start + N_FFT].any() for start in starts])


def tonal(y: Frames) -> NDArray[np.bool_]:
    """Frames that chroma can be compared on: something sounds in its range of pitches.

    Not so where what sounds just above (to a quarter of the rate) is 20 dB louder than all within,
    or what sounds anywhere above 40 dB: librosa's resampler lets through about as much.
    """
    freqs = librosa.fft_frequencies(sr=SR, n_fft=N_FFT)
    power = np.abs(librosa.stft(y.astype(np.float64))) ** 2
    within = power[freqs < 4100].sum(axis=0)
    below = power[freqs < SR / 8].sum(axis=0)
    heard: NDArray[np.bool_] = (within > 1e-4 * power.sum(axis=0)) & (within > 1e-2 * below)
    return heard


def tolerance(key: str, expected: NDArray[np.floating]) -> NDArray[np.float64]:
    """How far each number of a feature may be off, of the shape of `expected`."""
    if key in RELATIVE:
        # 120 dB below the loudest value, single precision holds nothing but round-off.
        floor = 1e-12 if key == "mel" else 1e-7
        return RELATIVE[key] * np.abs(expected) + floor * np.abs(expected).max()
    return np.full(expected.shape, {**ABSOLUTE, **EQUAL}[key])
