"""Settings: every constant of the audio features, from a profile and what the user set."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar

from spdkit.common.errors import ParameterError
from spdkit.common.parameters import (
    FLAG,
    POSITIVE,
    SHARE,
    TEXT,
    Allowed,
    Instance,
    Number,
    OneOf,
    SequenceOf,
    Whole,
)
from spdkit.extractors import profiles
from spdkit.extractors.audio.statistics import STATISTICS
from spdkit.extractors.decoding.window import WINDOW_CONSTRAINTS, WindowParameters

# Terms a, b of the windows that are a - b·cos; see `spectral.windowed`.
WINDOWS = {"hann": (0.5, 0.5), "hamming": (0.54, 0.46), "boxcar": (1.0, 0.0)}

C1 = 440.0 * 2.0 ** ((24 - 69) / 12)  # Hz, by its MIDI number

# The HitMusicNet paper, and the columns of the published SpotGenTrack set.
PROFILES = profiles.by_profile(
    ("paper", "spotgentrack"),
    n_mfcc=(40, 48),
    n_mels=(127, 128),
    mel_fmin=(50.0, 0.0),
    mel_fmax=(22500.0, None),  # the first lies above Nyquist at 44100 Hz and is clipped
    mel_window=("hamming", "hann"),
    tonnetz_of=("harmonic", "signal"),
    statistics=(("mean", "std"), ("mean",)),
    centroid_of=("frames", "first_frame"),
)
_HERTZ = Number(0, closed="neither", unit="Hz")
_COUNTS = (
    *("n_fft", "hop_length", "n_mfcc", "mfcc_n_mels", "n_mels", "n_chroma", "n_octaves"),
    *("bins_per_octave", "hpss_kernel_size", "contrast_n_bands"),
)


@dataclass(kw_only=True, eq=False, repr=False)
class AudioParameters(WindowParameters):
    """What an `AudioExtractor` and its settings share: no profile has a say in these."""

    engine: str = "spdkit"
    n_fft: int = 2048
    hop_length: int = 512
    window: str = "hann"
    mfcc_n_mels: int = 128
    mel_fmax: float | None = None
    n_chroma: int = 12
    chroma_fmin: float | None = None
    n_octaves: int = 7
    bins_per_octave: int = 36
    tuning: float | None = None
    hpss_kernel_size: int = 31
    hpss_power: float = 2.0
    hpss_margin: float = 1.0
    contrast_fmin: float = 200.0
    contrast_n_bands: int = 6
    contrast_quantile: float = 0.02
    bandwidth_p: float = 2.0
    bandwidth_norm: bool = True
    roll_percents: tuple[float, float] = (0.1, 0.85)
    extra: bool = False


# Not frozen, as what it inherits is not; nothing changes it, and it is the key of caches.
@dataclass(kw_only=True, unsafe_hash=True)
class AudioSettings(AudioParameters):
    """The constants in force; see `AudioExtractor` for what each means."""

    profile: str
    n_mfcc: int
    n_mels: int
    mel_fmin: float
    mel_window: str
    tonnetz_of: str
    centroid_of: str
    statistics: tuple[str, ...]

    _parameter_constraints: ClassVar[dict[str, Allowed]] = {
        **WINDOW_CONSTRAINTS,
        "engine": OneOf("spdkit", "librosa"),
        **dict.fromkeys(_COUNTS, Whole()),
        **dict.fromkeys(("window", "mel_window"), (TEXT, Instance(tuple))),
        **dict.fromkeys(("mel_fmax", "chroma_fmin"), (_HERTZ, None)),
        **dict.fromkeys(("hpss_power", "bandwidth_p"), POSITIVE),
        "contrast_fmin": _HERTZ,
        "mel_fmin": Number(0, unit="Hz"),
        "tuning": (Number(), None),
        "tonnetz_of": OneOf("harmonic", "signal"),
        "hpss_margin": Number(1),
        "contrast_quantile": SHARE,
        "bandwidth_norm": FLAG,
        "roll_percents": SequenceOf(SHARE, 2),
        "centroid_of": OneOf("frames", "first_frame"),
        "statistics": SequenceOf(OneOf(*STATISTICS)),
        "extra": FLAG,
    }

    @property
    def mel_high(self) -> float:
        """Upper edge of the mel bands in Hz: `mel_fmax`, never above Nyquist."""
        nyquist = self.sr / 2
        return nyquist if self.mel_fmax is None else min(self.mel_fmax, nyquist)


def resolve(parameters: dict[str, Any]) -> AudioSettings:
    """Fill what is None from the profile and check every value.

    Raises
    ------
    ParameterError
        Naming the parameter, what it may be, and its value.
    """
    sequences = {
        name: tuple(parameters[name])
        for name in ("statistics", "roll_percents")
        if isinstance(parameters[name], Iterable) and not isinstance(parameters[name], str)
    }
    constraints = AudioSettings._parameter_constraints
    settings = AudioSettings(**profiles.resolve({**parameters, **sequences}, PROFILES, constraints))
    for holds, name, rule in _rules(settings):
        if not holds:
            raise ParameterError(f"{name} {rule}, got {getattr(settings, name)!r}")
    return settings


def _rules(s: AudioSettings) -> list[tuple[bool, str, str]]:
    """What ties parameters to each other: whether it holds, of which one, and what it demands."""
    nyquist = s.sr / 2
    top_band = s.contrast_fmin * 2.0 ** (s.contrast_n_bands - 1)
    # Constant-Q filters reach a little above their pitch, and tuning moves them by half a bin.
    top_pitch = 1.02 * (s.chroma_fmin or C1) * 2.0**s.n_octaves
    windows = "must be a window of scipy.signal.get_window"
    if s.engine == "spdkit":
        hint = "with engine='spdkit' (engine='librosa' takes others)"
        windows = f"must be one of {', '.join(WINDOWS)} {hint}"
        rules = [(s.n_fft % 2 == 0, "n_fft", f"must be even {hint}")]
    else:
        rules = []
    return [
        *rules,
        (_is_window(s.window, s.engine), "window", windows),
        (_is_window(s.mel_window, s.engine), "mel_window", windows),
        (s.min_duration * s.sr >= s.n_fft, "min_duration", "must span at least n_fft samples"),
        (
            s.duration is None or s.duration >= s.min_duration,
            "duration",
            f"must be at least min_duration={s.min_duration}",
        ),
        (s.hop_length <= s.n_fft, "hop_length", f"must be in 1 … n_fft={s.n_fft}"),
        (len(set(s.statistics)) == len(s.statistics), "statistics", "must be distinct names"),
        (s.n_mfcc <= s.mfcc_n_mels, "n_mfcc", f"must be at most mfcc_n_mels={s.mfcc_n_mels}"),
        (s.mel_fmin < s.mel_high, "mel_fmin", f"must be from 0 to below {s.mel_high} Hz"),
        (
            s.bins_per_octave % s.n_chroma == 0,
            "bins_per_octave",
            f"must be a multiple of n_chroma={s.n_chroma}",
        ),
        (top_pitch <= nyquist, "n_octaves", f"reach {top_pitch:.0f} Hz, above sr/2={nyquist}"),
        (top_band < nyquist, "contrast_n_bands", f"reach {top_band} Hz, above sr/2={nyquist}"),
    ]


def _is_window(name: str, engine: str) -> bool:
    if engine == "spdkit" or name in WINDOWS:
        return name in WINDOWS
    from scipy.signal import get_window  # half a second, for engine="librosa" alone

    try:
        get_window(name, 16)
    except ValueError:
        return False
    return True
