"""Accuracy: how far ours may be and is from librosa, frame by frame."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import librosa
import numpy as np
from numpy.typing import NDArray

from benchmarks.extraction.librosa_peer import Frames, mean_std, naive

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
_TONAL = ("chroma", "tonnetz")
# The documented limits of chroma and tonnetz; beyond them, frames are counted and left out.
_FAINT = 1e-4  # 80 dB below the loudest constant-Q frame of the clip
_HIGHEST, _LOW_SHARE = 4200.0, 1e-8  # Hz, and of a frame's energy what lies below


@dataclass(frozen=True)
class Deviation:
    """Largest difference from librosa, over frames and over their means and deviations.

    `tied_tunings` counts the clips held against librosa at another tuning (see
    `at_tied_tunings`), `ties_we_report` those of which our extractor says itself that its tuning
    is a near-tie. `faint_frames` were left out of `frames` and of `passed` by the documented
    limits; `worst_faint` is the largest difference on them. Columns are of all frames.
    """

    kind: str
    frames: float
    columns: float
    tolerance: float
    passed: bool
    tied_tunings: int = 0
    ties_we_report: int = 0
    faint_frames: int = 0
    worst_faint: float = 0.0


class Reference:
    """One clip by librosa, with what both profiles need of it."""

    def __init__(self, y: Frames, sr: int) -> None:
        self.y, self.sr = y, sr

    @cached_property
    def harmonic(self) -> Frames:
        """Harmonic part of the sound."""
        return librosa.effects.harmonic(self.y)

    def heard(self, family: str, profile: str) -> str:
        """Of which sound chroma or tonnetz is computed: "y" or "harmonic"."""
        return "harmonic" if (family, profile) == ("tonnetz", "paper") else "y"

    @cached_property
    def sounding(self) -> NDArray[np.bool_]:
        """Frames that are not exact digital silence, where librosa scales round-off up to 1."""
        padded = np.pad(self.y != 0, 1024)
        return librosa.util.frame(padded, frame_length=2048, hop_length=512).any(axis=0)

    @cached_property
    def faint(self) -> dict[str, NDArray[np.bool_]]:
        """By sound: frames that sound, beyond the documented limits of chroma and tonnetz."""
        power = np.abs(librosa.stft(self.y.astype(np.float64))) ** 2
        low = librosa.fft_frequencies(sr=self.sr, n_fft=2048) < _HIGHEST
        empty = power[low].sum(axis=0) < _LOW_SHARE * power.sum(axis=0)
        faint = {}
        for name in ("y", "harmonic"):
            # As chroma_cqt calls it.
            C = librosa.cqt(getattr(self, name), sr=self.sr, n_bins=252, bins_per_octave=36)
            level = np.linalg.norm(C, axis=0)[: len(empty)]
            faint[name] = self.sounding & (empty | (level < _FAINT * level.max()))
        return faint


def at_tied_tunings(family: str, heard: Frames, sr: int) -> Iterator[Frames]:
    """Chroma or tonnetz by librosa at every tuning that got nearly as many votes as its own.

    librosa takes the fullest of 100 bins of a histogram of pitches. Where bins come within 1 % of
    it, round-off decides, and neither choice is more right than the other.
    """
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


def deviations(
    ours: Mapping[str, Frames], reference: Reference, profile: str, tied: Sequence[str] = ()
) -> dict[str, Deviation]:
    """Hold each family of one clip against `naive`, on frames of `n_fft` 2048 every 512.

    `tied` names the sounds ("signal", "harmonic") of which our extractor reports near-ties.
    """
    by_family = {}
    for family, compute in naive(reference.y, reference.sr, profile).items():
        if family in _TONAL:
            sound = reference.heard(family, profile)
            reported = ("signal" if sound == "y" else sound) in tied
            by_family[family] = _tonal(family, ours[family], compute(), reference, sound, reported)
        else:
            by_family[family] = deviation(family, ours[family], compute())
    return by_family


def _tonal(
    family: str, ours: Frames, peer: Frames, reference: Reference, sound: str, reported: bool
) -> Deviation:
    # librosa's constant-Q gives some lengths of sound one frame too many.
    where = np.flatnonzero(reference.sounding)
    faint, mine = reference.faint[sound][where], ours[:, where]
    best = deviation(family, mine, peer[:, where], faint)
    if best.passed:
        return best
    others = at_tied_tunings(family, getattr(reference, sound), reference.sr)
    counts = {"tied": 1, "reported": int(reported)}
    again = [deviation(family, mine, other[:, where], faint, **counts) for other in others]
    return min(best, *again, key=lambda each: each.frames)


def deviation(
    family: str,
    ours: Frames,
    peer: Frames,
    faint: NDArray[np.bool_] | None = None,
    tied: int = 0,
    reported: int = 0,
) -> Deviation:
    """Largest difference of one clip; NaN when either side holds NaN, which does not pass."""
    kind, limit = TOLERANCES[family]
    off = np.zeros(ours.shape[1], dtype=np.bool_) if faint is None else faint
    each = _difference(kind, ours, peer)
    frames = float(np.max(each[:, ~off], initial=0.0))
    rows = (mean_std(side.astype(np.float64)) for side in (ours, peer))
    columns = float(np.max(_difference(kind, *rows), initial=0.0))
    return Deviation(
        kind=kind,
        frames=frames,
        columns=columns,
        tolerance=limit,
        passed=frames <= limit,
        tied_tunings=tied,
        ties_we_report=reported,
        faint_frames=int(off.sum()),
        worst_faint=float(np.max(each[:, off], initial=0.0)),
    )


def _difference(kind: str, ours: Frames, peer: Frames) -> NDArray[np.float64]:
    # Below 1e-10, where librosa's decibels end, a relative difference means nothing.
    scale = np.maximum(np.abs(peer), 1e-10) if kind == "relative" else 1.0
    difference: NDArray[np.float64] = np.abs(ours - peer.astype(np.float64)) / scale
    return difference


def worst(clips: Sequence[Deviation]) -> Deviation:
    """Largest of each number over clips; counts are summed."""
    return Deviation(
        kind=clips[0].kind,
        frames=float(np.max([clip.frames for clip in clips])),
        columns=float(np.max([clip.columns for clip in clips])),
        tolerance=clips[0].tolerance,
        passed=all(clip.passed for clip in clips),
        tied_tunings=sum(clip.tied_tunings for clip in clips),
        ties_we_report=sum(clip.ties_we_report for clip in clips),
        faint_frames=sum(clip.faint_frames for clip in clips),
        worst_faint=float(np.max([clip.worst_faint for clip in clips])),
    )
