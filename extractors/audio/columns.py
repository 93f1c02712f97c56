"""Columns of each profile: which features of frames, in which order, under which names."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from spdkit.extractors.audio.settings import AudioSettings
from spdkit.extractors.audio.statistics import Statistics, bounds, energy_entropy
from spdkit.extractors.base import FeatureSpec

Frames = NDArray[np.floating]


@dataclass(frozen=True)
class FrameFeature:
    """One feature over frames and how it becomes columns.

    Attributes
    ----------
    key : str
        Its name among the frame features; see `fast_engine.analyse`.
    column : str
        Stem of its columns; dimensions are numbered from 1 where there are several.
    dims : int
    unit : str
    low, high : float
        Range of a frame's value.
    family, description, reference : str
    only : (name, function of frames) or None
        What replaces the statistics where a profile asks for something else.
    """

    key: str
    column: str
    dims: int
    unit: str
    low: float
    high: float
    family: str
    description: str
    reference: str
    only: tuple[str, Callable[[Frames], NDArray[np.float64]]] | None = None


def frame_features(s: AudioSettings) -> tuple[FrameFeature, ...]:
    """Features in the order of their columns."""
    return _spotgentrack(s) if s.profile == "spotgentrack" else _paper(s)


@lru_cache(maxsize=16)
def feature_specs(s: AudioSettings) -> tuple[FeatureSpec, ...]:
    """One spec a column, in order."""
    return tuple(spec for feature in frame_features(s) for spec in _specs(feature, s))


class Summary:
    """Row of one clip, from the frames of its features as they come (see `fast_engine.Sink`).

    Attributes
    ----------
    overflowed : dict of str
        Keys of features of which a frame was not finite.
    """

    def __init__(self, s: AudioSettings) -> None:
        self.overflowed: dict[str, None] = {}
        self._parts = [
            (each.key, _AllFrames(each.only[1]) if each.only else Statistics(s.statistics))
            for each in frame_features(s)
        ]

    def add(self, key: str, frames: Frames) -> None:
        """Take more frames of feature `key`, shape (dims, n_frames)."""
        if not np.isfinite(frames).all():
            self.overflowed[key] = None
            return
        for part_key, part in self._parts:
            if part_key == key:
                part.add(frames)

    def row(self) -> NDArray[np.float32]:
        """The columns, shape (n_features,)."""
        return np.concatenate([part.result() for _, part in self._parts]).astype(np.float32)


class _AllFrames:
    """What needs all frames of a feature at once."""

    def __init__(self, function: Callable[[Frames], NDArray[np.float64]]) -> None:
        self._function = function
        self._frames: list[Frames] = []

    def add(self, frames: Frames) -> None:
        self._frames.append(frames)

    def result(self) -> NDArray[np.float64]:
        return self._function(np.concatenate(self._frames, axis=1))


def _specs(feature: FrameFeature, s: AudioSettings) -> list[FeatureSpec]:
    specs = []
    for statistic in [feature.only[0]] if feature.only else s.statistics:
        for index in range(1, feature.dims + 1):
            number, nth = ("", "") if feature.dims == 1 else (f"_{index}", f" {index}")
            # SpotGenTrack's columns are means and are not called so.
            bare = feature.only or (s.profile == "spotgentrack" and statistic == "mean")
            low, high = (
                (feature.low, feature.high)
                if feature.only
                else bounds(statistic, feature.low, feature.high)
            )
            specs.append(
                FeatureSpec(
                    name=f"{feature.column}{number}" + ("" if bare else f"_{statistic}"),
                    unit=_unit(feature.unit, statistic),
                    low=low,
                    high=high,
                    description=f"{feature.description}{nth}, {statistic}"
                    + ("" if feature.only else " over frames"),
                    reference=feature.reference,
                    family=feature.family,
                )
            )
    return specs


def _unit(unit: str, statistic: str) -> str:
    if statistic in ("skew", "kurtosis"):
        return "1"
    return f"{unit}²" if statistic == "var" and unit != "1" else unit


def _paper(s: AudioSettings) -> tuple[FrameFeature, ...]:
    common = _common(s)
    names = ["mfcc", "mel", "chroma", "tonnetz", "contrast", "centroid", "bandwidth", "zcr"]
    if s.extra:
        names += ["rolloff_low", "rolloff_high", "rms"]
    return tuple(common[name] for name in names)


def _spotgentrack(s: AudioSettings) -> tuple[FrameFeature, ...]:
    # Order and spelling are the published set's own.
    columns = {
        "chroma": "Chroma",
        "mel": "MEL",
        "mfcc": "MFCC",
        "contrast": "Spectral_contrast",
        "tonnetz": "Tonnetz",
        "zcr": "ZCR",
        "entropy": "entropy_energy",
        "bandwidth": "spectral_bandwith",
        "centroid": "spectral_centroid",
        "rolloff_high": "spectral_rollOff_max",
        "rolloff_low": "spectral_rollOff_min",
    }
    if s.extra:
        columns["rms"] = "rms"
    common = _common(s)
    common["entropy"] = FrameFeature(
        *("rms", "entropy_energy", 1, "1", -np.inf, np.inf, "energy"),
        *("Σ q·log10 q with q = |RMS − mean RMS|", "SpotGenTrack's published code"),
        only=("sum", lambda rms: np.array([energy_entropy(rms[0])])),
    )
    return tuple(replace(common[name], column=column) for name, column in columns.items())


def _common(s: AudioSettings) -> dict[str, FrameFeature]:
    nyquist = s.sr / 2
    inf = np.inf
    first_frame = ("first frame", lambda frames: frames[:, 0].astype(np.float64))
    low, high = (f"{100 * p:g}" for p in s.roll_percents)
    tonal_source = "harmonic part" if s.tonnetz_of == "harmonic" else "signal"
    # In order: key, column, dims, unit, low, high, family, description, reference.
    rows = [
        ("mfcc", "mfcc", s.n_mfcc, "dB", -inf, inf, "MFCC",
         f"Mel-frequency cepstral coefficient ({s.mfcc_n_mels} mel bands)", "librosa.feature.mfcc"),
        ("mel", "mel", s.n_mels, "power", 0, inf, "mel spectrogram",
         f"Power in a mel band ({s.n_mels} bands, {s.mel_fmin:g} Hz to {s.mel_high:g} Hz, "
         f"{s.mel_window} window), band", "librosa.feature.melspectrogram"),
        ("chroma", "chroma", s.n_chroma, "1", 0, 1, "chroma",
         "Constant-Q chroma, pitch class (C is 1)", "librosa.feature.chroma_cqt"),
        ("tonnetz", "tonnetz", 6, "1", -1, 1, "tonnetz",
         f"Tonal centroid of the {tonal_source}, dimension",
         "Harte et al. 2006; librosa.feature.tonnetz"),
        ("contrast", "spectral_contrast", 1 + s.contrast_n_bands, "dB", 0, inf,
         "spectral contrast", "Spectral peak over valley, octave band",
         "librosa.feature.spectral_contrast"),
        ("centroid", "spectral_centroid", 1, "Hz", 0, nyquist, "spectral shape",
         "Spectral centroid", "HitMusicNet eq. 2; librosa.feature.spectral_centroid"),
        ("bandwidth", "spectral_bandwidth", 1, "Hz", 0, nyquist if s.bandwidth_norm else inf,
         "spectral shape", f"Spectral bandwidth (p = {s.bandwidth_p:g}, "
         f"{'' if s.bandwidth_norm else 'not '}normalised)",
         "HitMusicNet eq. 3; librosa.feature.spectral_bandwidth"),
        ("zcr", "zero_crossing_rate", 1, "1", 0, 1, "zero-crossing rate",
         "Zero-crossing rate", "librosa.feature.zero_crossing_rate"),
        ("rolloff_low", f"spectral_rolloff_{low}", 1, "Hz", 0, nyquist, "spectral shape",
         f"Frequency below which {low} % of the magnitude lies",
         "librosa.feature.spectral_rolloff"),
        ("rolloff_high", f"spectral_rolloff_{high}", 1, "Hz", 0, nyquist, "spectral shape",
         f"Frequency below which {high} % of the magnitude lies",
         "librosa.feature.spectral_rolloff"),
        ("rms", "rms", 1, "1", 0, inf, "energy",
         "Root mean square of the samples", "librosa.feature.rms"),
    ]  # fmt: skip
    return {
        row[0]: FrameFeature(
            *row, only=first_frame if row[0] == "centroid" and s.centroid_of != "frames" else None
        )
        for row in rows
    }
