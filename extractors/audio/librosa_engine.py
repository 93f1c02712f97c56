"""librosa engine: all frame features through librosa, slow, to hold the fast engine against.

One spectrogram a window and one chromagram are shared by all features. Frames of exact digital
silence have chroma and tonnetz 0, where librosa scales round-off up to 1. librosa takes seconds to
load, so only what is called loads it.
"""

from __future__ import annotations

import threading
import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spdkit.extractors.audio.settings import AudioSettings
from spdkit.extractors.audio.tuning import Tuning, fullest, votes_of
from spdkit.extractors.audio.waveform import silent_frames

Frames = NDArray[np.float32]

# Filters belong to the process: threads that change them at once would lose each other's.
_warning_filters = threading.Lock()


def frame_features(y: Frames, s: AudioSettings) -> tuple[dict[str, Frames], dict[str, Tuning]]:
    """Every feature before its statistics, and the tunings that were found.

    Parameters
    ----------
    y : ndarray of float32, shape (n_samples,)
        Mono samples at ``s.sr``.
    s : AudioSettings

    Returns
    -------
    features : dict of str to ndarray, shape (dims, n_frames)
        ``n_frames`` is ``1 + n_samples // hop_length``.
    tunings : dict of str to Tuning
        Of the "signal" and, where tonnetz is computed of it, of its "harmonic" part.
    """
    import librosa

    feature = librosa.feature
    frames: dict[str, Any] = {"n_fft": s.n_fft, "hop_length": s.hop_length}
    bins: dict[str, Any] = {"sr": s.sr, "n_fft": s.n_fft}
    D = librosa.stft(y, window=s.window, **frames)
    S = np.abs(D)
    power = S**2
    mel_power = power
    if s.mel_window != s.window:
        mel_power = np.abs(librosa.stft(y, window=s.mel_window, **frames)) ** 2
    mfcc_mel = feature.melspectrogram(S=power, n_mels=s.mfcc_n_mels, **bins)
    mel_range = {"n_mels": s.n_mels, "fmin": s.mel_fmin, "fmax": s.mel_high}
    octaves = {each: getattr(s, f"contrast_{each}") for each in ("fmin", "n_bands", "quantile")}
    centroid = feature.spectral_centroid(S=S, **bins)
    low, high = s.roll_percents
    silent = silent_frames(y, s.n_fft, s.hop_length)
    tunings = {"signal": find_tuning(S, s)}
    chroma = chroma_cqt(y, tunings["signal"].bins, silent, s)
    tonal = chroma
    if s.tonnetz_of == "harmonic":
        harmonic = harmonic_part(D, len(y), s)
        S_harmonic = np.abs(librosa.stft(harmonic, window=s.window, **frames))
        tunings["harmonic"] = find_tuning(S_harmonic, s)
        tonal = chroma_cqt(harmonic, tunings["harmonic"].bins, silent, s)
    return {
        "mfcc": feature.mfcc(S=librosa.power_to_db(mfcc_mel), n_mfcc=s.n_mfcc),
        "mel": feature.melspectrogram(S=mel_power, **mel_range, **bins),
        "chroma": chroma,
        "tonnetz": feature.tonnetz(chroma=tonal),
        "contrast": feature.spectral_contrast(S=S, **octaves, **bins),
        "centroid": centroid,
        "bandwidth": feature.spectral_bandwidth(
            S=S, centroid=centroid, p=s.bandwidth_p, norm=s.bandwidth_norm, **bins
        ),
        "zcr": feature.zero_crossing_rate(y, frame_length=s.n_fft, hop_length=s.hop_length),
        "rolloff_low": feature.spectral_rolloff(S=S, roll_percent=low, **bins),
        "rolloff_high": feature.spectral_rolloff(S=S, roll_percent=high, **bins),
        "rms": feature.rms(y=y, frame_length=s.n_fft, hop_length=s.hop_length),
    }, tunings


def find_tuning(S: Frames, s: AudioSettings) -> Tuning:
    """`librosa.estimate_tuning` from magnitudes; see `tuning.fullest`."""
    import librosa

    if s.tuning is not None:
        return Tuning(s.tuning)
    pitch, magnitude = librosa.piptrack(S=S, sr=s.sr, n_fft=s.n_fft)
    peaks = pitch > 0
    return fullest(votes_of(pitch[peaks], s.bins_per_octave), magnitude[peaks])


def chroma_cqt(y: Frames, tuning: float, silent: NDArray[np.bool_], s: AudioSettings) -> Frames:
    """Constant-Q chromagram, each frame scaled to a maximum of 1, shape (n_chroma, n_frames)."""
    import librosa

    # Under three seconds the longest filters outlast the clip; librosa pads with zeros.
    with _warning_filters, warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="n_fft=.* is too large for input signal")
        names = ("sr", "hop_length", "n_chroma", "n_octaves", "bins_per_octave")
        options = {each: getattr(s, each) for each in names}
        chroma: Frames = librosa.feature.chroma_cqt(
            y=y, fmin=s.chroma_fmin, tuning=tuning, **options
        )
    # One sample short of a frame, its decimation rounds up to a frame that is not there.
    return np.where(silent, np.float32(0), chroma[:, : len(silent)])


def harmonic_part(D: NDArray[np.complex64], n_samples: int, s: AudioSettings) -> Frames:
    """Sound of the harmonic mask, shape (n_samples,): `librosa.effects.harmonic` from its STFT."""
    import librosa

    harmonic, _ = librosa.decompose.hpss(  # type: ignore[attr-defined]
        D, kernel_size=s.hpss_kernel_size, power=s.hpss_power, margin=s.hpss_margin
    )
    options = {each: getattr(s, each) for each in ("n_fft", "hop_length", "window")}
    y: Frames = librosa.istft(harmonic, dtype=np.float32, length=n_samples, **options)
    return y
