"""What one frame of the spectrum tells: mel bands, MFCC, contrast, centroid, bandwidth, roll-off.

Every function takes the shared spectrogram of a clip, so that a clip is transformed once a window
(Hann for most, the profile's own for the mel bands). The arithmetic is librosa's.
"""

from __future__ import annotations

import librosa
import numpy as np
from numpy.typing import NDArray

from spdkit.extractors.audio.settings import AudioSettings

Frames = NDArray[np.float32]


def stft(y: Frames, settings: AudioSettings, window: str) -> NDArray[np.complex64]:
    """Short-time Fourier transform, centred, padded with zeros; (1 + n_fft/2, n_frames)."""
    D: NDArray[np.complex64] = librosa.stft(
        y, n_fft=settings.n_fft, hop_length=settings.hop_length, window=window
    )
    return D


def mel_spectrogram(power: Frames, settings: AudioSettings) -> Frames:
    """Power in mel bands, shape (n_mels, n_frames), from the power spectrogram."""
    mel: Frames = librosa.feature.melspectrogram(
        S=power,
        sr=settings.sr,
        n_fft=settings.n_fft,
        n_mels=settings.n_mels,
        fmin=settings.mel_fmin,
        fmax=settings.mel_high,
    )
    return mel


def mfcc(power: Frames, settings: AudioSettings) -> Frames:
    """Mel-frequency cepstral coefficients, shape (n_mfcc, n_frames), from the power spectrogram."""
    mel = librosa.feature.melspectrogram(
        S=power, sr=settings.sr, n_fft=settings.n_fft, n_mels=settings.mfcc_n_mels
    )
    coefficients: Frames = librosa.feature.mfcc(S=librosa.power_to_db(mel), n_mfcc=settings.n_mfcc)
    return coefficients


def spectral_contrast(S: Frames, settings: AudioSettings) -> Frames:
    """Peak minus valley in dB, shape (1 + contrast_n_bands, n_frames), from magnitudes."""
    contrast: Frames = librosa.feature.spectral_contrast(
        S=S,
        sr=settings.sr,
        n_fft=settings.n_fft,
        fmin=settings.contrast_fmin,
        n_bands=settings.contrast_n_bands,
        quantile=settings.contrast_quantile,
    )
    return contrast


def spectral_centroid(S: Frames, settings: AudioSettings) -> Frames:
    """Mean frequency weighted by magnitude in Hz, shape (1, n_frames). Paper, eq. 2."""
    centroid: Frames = librosa.feature.spectral_centroid(S=S, sr=settings.sr, n_fft=settings.n_fft)
    return centroid


def spectral_bandwidth(S: Frames, centroid: Frames, settings: AudioSettings) -> Frames:
    """Weighted deviation from the centroid, order `bandwidth_p`, shape (1, n_frames). Eq. 3."""
    bandwidth: Frames = librosa.feature.spectral_bandwidth(
        S=S,
        sr=settings.sr,
        n_fft=settings.n_fft,
        centroid=centroid,
        p=settings.bandwidth_p,
        norm=settings.bandwidth_norm,
    )
    return bandwidth


def spectral_rolloff(S: Frames, percent: float, settings: AudioSettings) -> Frames:
    """Frequency below which `percent` of the magnitude lies, in Hz, shape (1, n_frames)."""
    rolloff: Frames = librosa.feature.spectral_rolloff(
        S=S, sr=settings.sr, n_fft=settings.n_fft, roll_percent=percent
    )
    return rolloff


def zero_crossing_rate(y: Frames, settings: AudioSettings) -> Frames:
    """Share of samples at which the sign changes, shape (1, n_frames)."""
    rate: Frames = librosa.feature.zero_crossing_rate(
        y, frame_length=settings.n_fft, hop_length=settings.hop_length
    )
    return rate


def rms(y: Frames, settings: AudioSettings) -> Frames:
    """Root of the mean square of the samples, shape (1, n_frames)."""
    energy: Frames = librosa.feature.rms(
        y=y, frame_length=settings.n_fft, hop_length=settings.hop_length
    )
    return energy


def silent_frames(y: Frames, settings: AudioSettings) -> NDArray[np.bool_]:
    """Which frames hold nothing but exact zeros, shape (n_frames,)."""
    half = settings.n_fft // 2
    # Zeros up to a sample, so that a frame's count is a difference of two.
    sounding = np.concatenate([[0], np.cumsum(y != 0)])
    centres = np.arange(1 + len(y) // settings.hop_length) * settings.hop_length
    first = np.clip(centres - half, 0, len(y))
    last = np.clip(centres + half, 0, len(y))
    silent: NDArray[np.bool_] = sounding[last] == sounding[first]
    return silent
