"""librosa as people write it, and how far ours may be and is from it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

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


def shared(y: Frames, sr: int) -> dict[str, Frames]:
    """Features of "paper" as a careful user writes them: one spectrogram a window for all."""
    feature = librosa.feature
    D = librosa.stft(y)
    S = np.abs(D)
    hamming = np.abs(librosa.stft(y, window="hamming"))
    harmonic = librosa.istft(librosa.decompose.hpss(D)[0], length=len(y))
    mfcc_mel = librosa.power_to_db(feature.melspectrogram(S=S**2, sr=sr))
    centroid = feature.spectral_centroid(S=S, sr=sr)
    return {
        "mfcc": feature.mfcc(S=mfcc_mel, n_mfcc=40),
        "mel": feature.melspectrogram(S=hamming**2, sr=sr, n_mels=127, fmin=50, fmax=22050),
        "chroma": feature.chroma_cqt(y=y, sr=sr),
        "tonnetz": feature.tonnetz(y=harmonic, sr=sr),
        "contrast": feature.spectral_contrast(S=S, sr=sr),
        "centroid": centroid,
        "bandwidth": feature.spectral_bandwidth(S=S, sr=sr, centroid=centroid),
        "zcr": feature.zero_crossing_rate(y),
    }


def mean_std(frames: Frames) -> Frames:
    """Mean and standard deviation over frames, shape (2 * dims,)."""
    return np.concatenate([frames.mean(axis=1), frames.std(axis=1)])


def naive_row(y: Frames, sr: int, profile: str) -> Frames:
    """One clip as a row of numbers by `naive`."""
    return np.concatenate([mean_std(compute()) for compute in naive(y, sr, profile).values()])


def shared_row(y: Frames, sr: int) -> Frames:
    """One clip as a row of numbers by `shared`."""
    return np.concatenate([mean_std(frames) for frames in shared(y, sr).values()])


def at_tied_tunings(family: str, y: Frames, sr: int, profile: str) -> Iterator[Frames]:
    """Chroma or tonnetz by librosa at every tuning that got nearly as many votes as its own.

    librosa takes the fullest of 100 bins of a histogram of pitches. Where bins come within 1 % of
    it, round-off decides, and neither choice is more right than the other.
    """
    heard = librosa.effects.harmonic(y) if (family, profile) == ("tonnetz", "paper") else y
    pitch, magnitude = librosa.piptrack(y=heard, sr=sr)
    if not (pitch > 0).any():
        return
    pitch = pitch[(magnitude >= np.median(magnitude[pitch > 0])) & (pitch > 0)]
    # As librosa: the distance to the nearest of 36 bins an octave, in [-0.5, 0.5).
    residual = np.mod(36 * librosa.hz_to_octs(pitch), 1.0)
    residual[residual >= 0.5] -= 1.0
    votes, edges = np.histogram(residual, np.linspace(-0.5, 0.5, 101))
    for tuning in edges[:-1][votes >= 0.99 * votes.max()]:
        chroma = librosa.feature.chroma_cqt(y=heard, sr=sr, tuning=tuning)
        yield librosa.feature.tonnetz(chroma=chroma) if family == "tonnetz" else chroma


# Accuracy

# Absolute, or relative to librosa's value, on every frame. Roll-off may fall into the next bin.
TOLERANCES = {
    "mfcc": ("absolute", 1e-3),
    "mel": ("relative", 1e-5),
    "chroma": ("absolute", 2e-3),
    "tonnetz": ("absolute", 3e-3),
    "contrast": ("absolute", 1e-3),
    "centroid": ("relative", 1e-5),
    "bandwidth": ("relative", 1e-5),
    "zcr": ("absolute", 1e-6),
    "rolloff_low": ("absolute", 44100 / 2048),
    "rolloff_high": ("absolute", 44100 / 2048),
    "rms": ("relative", 1e-5),
}


@dataclass(frozen=True)
class Deviation:
    """Largest difference from librosa, over frames and over their means and deviations.

    `tied_tunings` counts the clips held against librosa at another tuning; see `at_tied_tunings`.
    """

    kind: str
    frames: float
    columns: float
    tolerance: float
    passed: bool
    tied_tunings: int = 0


def deviations(
    ours: Mapping[str, Frames], y: Frames, sr: int, profile: str
) -> dict[str, Deviation]:
    """Hold each family of one clip against `naive`, on frames of `n_fft` 2048 every 512."""
    # Exact digital silence is left out of chroma, where librosa scales round-off up to 1.
    heard = librosa.util.frame(np.pad(y != 0, 1024), frame_length=2048, hop_length=512).any(axis=0)
    found = {}
    for family, compute in naive(y, sr, profile).items():
        tonal = family in ("chroma", "tonnetz")
        # librosa's constant-Q gives some lengths of sound one frame too many.
        where = np.flatnonzero(heard) if tonal else slice(None)
        mine = ours[family][:, where]
        best = deviation(family, mine, compute()[:, where])
        if tonal and not best.passed:
            others = at_tied_tunings(family, y, sr, profile)
            tied = [deviation(family, mine, other[:, where], tied=1) for other in others]
            best = min(best, *tied, key=lambda each: each.frames)
        found[family] = best
    return found


def deviation(family: str, ours: Frames, peer: Frames, tied: int = 0) -> Deviation:
    """Largest difference of one clip; NaN when either side holds NaN, which does not pass."""
    kind, limit = TOLERANCES[family]
    largest = []
    for a, b in ((ours, peer), (mean_std(ours), mean_std(peer))):
        # Below 1e-10, where librosa's decibels end, a relative difference means nothing.
        scale = np.maximum(np.abs(b), 1e-10) if kind == "relative" else 1.0
        largest.append(float(np.max(np.abs(a - b.astype(np.float64)) / scale, initial=0.0)))
    frames, columns = largest
    return Deviation(kind, frames, columns, limit, frames <= limit, tied)


def worst(clips: Sequence[Deviation]) -> Deviation:
    """Largest of each number over clips."""
    frames = float(np.max([clip.frames for clip in clips]))
    columns = float(np.max([clip.columns for clip in clips]))
    passed, tied = all(clip.passed for clip in clips), sum(clip.tied_tunings for clip in clips)
    return Deviation(clips[0].kind, frames, columns, clips[0].tolerance, passed, tied)
