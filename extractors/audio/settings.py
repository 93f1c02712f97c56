"""Every constant of the audio features, resolved from a profile and what the user set."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from spdkit.extractors.audio.statistics import STATISTICS
from spdkit.extractors.decoding.window import Offset
from spdkit.extractors.profiles import filled

# Terms a, b of the windows that are a - b·cos; see `spectra.windowed`.
WINDOWS = {"hann": (0.5, 0.5), "hamming": (0.54, 0.46), "boxcar": (1.0, 0.0)}

C1 = 440.0 * 2.0 ** ((24 - 69) / 12)  # Hz, by its MIDI number

PROFILES: dict[str, dict[str, Any]] = {
    # The HitMusicNet paper. Its 22500 Hz lies above Nyquist at 44100 Hz and is clipped.
    "paper": {
        "n_mfcc": 40,
        "n_mels": 127,
        "mel_fmin": 50.0,
        "mel_fmax": 22500.0,
        "mel_window": "hamming",
        "tonnetz_of": "harmonic",
        "statistics": ("mean", "std"),
        "centroid_of": "frames",
    },
    # The columns of the published SpotGenTrack set.
    "spotgentrack": {
        "n_mfcc": 48,
        "n_mels": 128,
        "mel_fmin": 0.0,
        "mel_fmax": None,
        "mel_window": "hann",
        "tonnetz_of": "signal",
        "statistics": ("mean",),
        "centroid_of": "first_frame",
    },
}


@dataclass(frozen=True)
class AudioSettings:
    """The constants in force; see `AudioExtractor` for what each means."""

    profile: str
    engine: str
    duration: float | None
    offset: Offset
    min_duration: float
    sr: int
    n_fft: int
    hop_length: int
    window: str
    n_mfcc: int
    mfcc_n_mels: int
    n_mels: int
    mel_fmin: float
    mel_fmax: float | None
    mel_window: str
    n_chroma: int
    chroma_fmin: float | None
    n_octaves: int
    bins_per_octave: int
    tuning: float | None
    tonnetz_of: str
    hpss_kernel_size: int
    hpss_power: float
    hpss_margin: float
    contrast_fmin: float
    contrast_n_bands: int
    contrast_quantile: float
    bandwidth_p: float
    bandwidth_norm: bool
    roll_percents: tuple[float, float]
    centroid_of: str
    statistics: tuple[str, ...]
    extra: bool

    @property
    def mel_high(self) -> float:
        """Upper edge of the mel bands in Hz: `mel_fmax`, never above Nyquist."""
        nyquist = self.sr / 2
        return nyquist if self.mel_fmax is None else min(self.mel_fmax, nyquist)


def resolve(parameters: dict[str, Any]) -> AudioSettings:
    """Fill what is None from the profile and check every value.

    Raises
    ------
    ValueError
        Naming the parameter, its value and what is allowed.
    """
    chosen = filled(parameters, PROFILES)
    for key in ("statistics", "roll_percents"):
        if isinstance(chosen[key], str):
            raise ValueError(f"{key} must be a sequence, got {chosen[key]!r}")
        chosen[key] = tuple(chosen[key])
    return _checked(AudioSettings(**chosen))


@lru_cache(maxsize=64)
def _checked(settings: AudioSettings) -> AudioSettings:
    rules = [*_engine_rules(settings), *_time_rules(settings), *_feature_rules(settings)]
    for holds, name, rule in rules:
        if not holds:
            raise ValueError(f"{name} {rule}, got {getattr(settings, name)!r}")
    return settings


def as_parameters(settings: AudioSettings) -> dict[str, Any]:
    """Plain dictionary for the provenance of a store."""
    return dataclasses.asdict(settings)


Rule = tuple[bool, str, str]  # whether it holds, of which parameter, and what it demands


def _positive(s: AudioSettings, *names: str) -> list[Rule]:
    return [(getattr(s, name) > 0, name, "must be positive") for name in names]


def _engine_rules(s: AudioSettings) -> list[Rule]:
    if s.engine == "librosa":
        return []
    known = ", ".join(WINDOWS)
    hint = "with engine='spdkit' (engine='librosa' takes others)"
    return [
        (s.engine == "spdkit", "engine", "must be 'spdkit' or 'librosa'"),
        (s.window in WINDOWS, "window", f"must be one of {known} {hint}"),
        (s.mel_window in WINDOWS, "mel_window", f"must be one of {known} {hint}"),
        (s.n_fft % 2 == 0, "n_fft", f"must be even {hint}"),
    ]


def _time_rules(s: AudioSettings) -> list[Rule]:
    named = s.offset in ("middle", "head")
    return [
        *_positive(s, "sr", "n_fft"),
        (s.duration is None or s.duration > 0, "duration", "must be positive seconds or None"),
        (
            named or (isinstance(s.offset, int | float) and 0 <= s.offset < math.inf),
            "offset",
            "must be 'middle', 'head' or seconds from the start",
        ),
        (s.min_duration * s.sr >= s.n_fft, "min_duration", "must span at least n_fft samples"),
        (
            s.duration is None or s.duration >= s.min_duration,
            "duration",
            f"must be at least min_duration={s.min_duration}",
        ),
        (0 < s.hop_length <= s.n_fft, "hop_length", f"must be in 1 … n_fft={s.n_fft}"),
        (_is_window(s.window), "window", "must be a window of scipy.signal.get_window"),
        (_is_window(s.mel_window), "mel_window", "must be a window of scipy.signal.get_window"),
        (
            len(s.statistics) > 0
            and set(s.statistics) <= set(STATISTICS)
            and len(set(s.statistics)) == len(s.statistics),
            "statistics",
            f"must be distinct names from {', '.join(STATISTICS)}",
        ),
    ]


def _feature_rules(s: AudioSettings) -> list[Rule]:
    nyquist = s.sr / 2
    top_band = s.contrast_fmin * 2.0 ** (s.contrast_n_bands - 1)
    # Constant-Q filters reach a little above their pitch, and tuning moves them by half a bin.
    top_pitch = 1.02 * (s.chroma_fmin or C1) * 2.0**s.n_octaves
    return [
        *_positive(s, "n_mfcc", "mfcc_n_mels", "n_mels", "n_chroma", "n_octaves", "contrast_fmin"),
        *_positive(s, "contrast_n_bands", "hpss_kernel_size", "hpss_power", "bandwidth_p"),
        (s.n_mfcc <= s.mfcc_n_mels, "n_mfcc", f"must be at most mfcc_n_mels={s.mfcc_n_mels}"),
        (0 <= s.mel_fmin < s.mel_high, "mel_fmin", f"must be from 0 to below {s.mel_high} Hz"),
        (
            s.bins_per_octave > 0 and s.bins_per_octave % max(1, s.n_chroma) == 0,
            "bins_per_octave",
            f"must be a multiple of n_chroma={s.n_chroma}",
        ),
        (s.chroma_fmin is None or s.chroma_fmin > 0, "chroma_fmin", "must be positive Hz or None"),
        (top_pitch <= nyquist, "n_octaves", f"reach {top_pitch:.0f} Hz, above sr/2={nyquist}"),
        (s.hpss_margin >= 1, "hpss_margin", "must be at least 1"),
        (top_band < nyquist, "contrast_n_bands", f"reach {top_band} Hz, above sr/2={nyquist}"),
        (0 < s.contrast_quantile < 1, "contrast_quantile", "must lie between 0 and 1"),
        (
            len(s.roll_percents) == 2 and all(0 < p < 1 for p in s.roll_percents),
            "roll_percents",
            "must be two shares between 0 and 1",
        ),
        (s.tonnetz_of in ("harmonic", "signal"), "tonnetz_of", "must be 'harmonic' or 'signal'"),
        (
            s.centroid_of in ("frames", "first_frame"),
            "centroid_of",
            "must be 'frames' or 'first_frame'",
        ),
    ]


def _is_window(name: str) -> bool:
    if name in WINDOWS:
        return True
    from scipy.signal import get_window  # half a second, for engine="librosa" alone

    try:
        get_window(name, 16)
    except ValueError:
        return False
    return True
