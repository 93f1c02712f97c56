"""Peer in librosa as people write it: each feature by itself, and with one shared spectrogram."""

from __future__ import annotations

from collections.abc import Callable

import librosa
import numpy as np
from numpy.typing import NDArray

Frames = NDArray[np.floating]


def naive(y: Frames, sr: int, profile: str) -> dict[str, Callable[[], Frames]]:
    """Features of a profile as people write them: each from the samples alone."""
    feature = librosa.feature
    both: dict[str, Callable[[], Frames]] = {
        "chroma": lambda: feature.chroma_cqt(y=y, sr=sr),
        "contrast": lambda: feature.spectral_contrast(y=y, sr=sr),
        "centroid": lambda: feature.spectral_centroid(y=y, sr=sr),
        "bandwidth": lambda: feature.spectral_bandwidth(y=y, sr=sr),
        "zcr": lambda: feature.zero_crossing_rate(y),
    }
    if profile == "paper":
        mel = {"n_mels": 127, "fmin": 50, "fmax": 22050, "window": "hamming"}
        return both | {
            "mfcc": lambda: feature.mfcc(y=y, sr=sr, n_mfcc=40),
            "mel": lambda: feature.melspectrogram(y=y, sr=sr, **mel),
            "tonnetz": lambda: feature.tonnetz(y=librosa.effects.harmonic(y), sr=sr),
        }
    return both | {
        "mfcc": lambda: feature.mfcc(y=y, sr=sr, n_mfcc=48),
        "mel": lambda: feature.melspectrogram(y=y, sr=sr),
        "tonnetz": lambda: feature.tonnetz(y=y, sr=sr),
        "rolloff_low": lambda: feature.spectral_rolloff(y=y, sr=sr, roll_percent=0.1),
        "rolloff_high": lambda: feature.spectral_rolloff(y=y, sr=sr, roll_percent=0.85),
        "rms": lambda: feature.rms(y=y),
    }


def shared(y: Frames, sr: int, profile: str) -> dict[str, Frames]:
    """Features of a profile as a careful user writes them: one spectrogram a window for all."""
    feature = librosa.feature
    D = librosa.stft(y)
    S = np.abs(D)
    mel = feature.melspectrogram(S=S**2, sr=sr)
    chroma = feature.chroma_cqt(y=y, sr=sr)
    centroid = feature.spectral_centroid(S=S, sr=sr)
    both = {
        "chroma": chroma,
        "contrast": feature.spectral_contrast(S=S, sr=sr),
        "centroid": centroid,
        "bandwidth": feature.spectral_bandwidth(S=S, sr=sr, centroid=centroid),
        "zcr": feature.zero_crossing_rate(y),
    }
    if profile == "paper":
        hamming = np.abs(librosa.stft(y, window="hamming"))
        harmonic = librosa.istft(librosa.decompose.hpss(D)[0], length=len(y))
        bands = {"n_mels": 127, "fmin": 50, "fmax": 22050}
        return both | {
            "mfcc": feature.mfcc(S=librosa.power_to_db(mel), n_mfcc=40),
            "mel": feature.melspectrogram(S=hamming**2, sr=sr, **bands),
            "tonnetz": feature.tonnetz(y=harmonic, sr=sr),
        }
    return both | {
        "mfcc": feature.mfcc(S=librosa.power_to_db(mel), n_mfcc=48),
        "mel": mel,
        "tonnetz": feature.tonnetz(chroma=chroma),
        "rolloff_low": feature.spectral_rolloff(S=S, sr=sr, roll_percent=0.1),
        "rolloff_high": feature.spectral_rolloff(S=S, sr=sr, roll_percent=0.85),
        "rms": feature.rms(y=y),
    }


def mean_std(frames: Frames) -> Frames:
    """Mean and standard deviation over frames, shape (2 * dims,)."""
    return np.concatenate([frames.mean(axis=1), frames.std(axis=1)])


def naive_row(y: Frames, sr: int, profile: str) -> Frames:
    """One clip as a row of numbers by `naive`."""
    return np.concatenate([mean_std(compute()) for compute in naive(y, sr, profile).values()])


def shared_row(y: Frames, sr: int, profile: str) -> Frames:
    """One clip as a row of numbers by `shared`."""
    return np.concatenate([mean_std(frames) for frames in shared(y, sr, profile).values()])
