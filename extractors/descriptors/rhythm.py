"""Tempo, onsets and beat of a sound, from the strength of its onsets.

References
----------
.. [1] Ellis (2007), Beat tracking by dynamic programming, Journal of New Music Research 36(1).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]

LONGEST_BEAT = 4.0  # seconds: 15 beats a minute
MAX_TEMPO = 320.0  # librosa's
ONSETS_OF_A_TEMPO = 3


@dataclass(frozen=True)
class Rhythm:
    """Rhythm of a sound.

    Attributes
    ----------
    tempo : float
        Beats a minute; NaN when there are fewer than three onsets, or none come periodically.
    beat_strength : float
        Mean strength of onsets on the beat over their mean strength; NaN as `tempo`.
    onsets : int
        How many.
    """

    tempo: float
    beat_strength: float
    onsets: int


def rhythm(
    y: Samples,
    *,
    sr: int,
    n_fft: int = 2048,
    hop_length: int = 512,
    n_mels: int = 128,
    onset_db: float = 0.5,
    tempo_fmax: float = 4000.0,
    start_bpm: float = 120.0,
    std_bpm: float = 1.0,
) -> Rhythm:
    """Tempo, beat strength and number of onsets of a sound that peaks at 1.

    One mel spectrogram in decibels gives the strength of onsets twice: of all bands, in which
    librosa picks the onsets, and of those below `tempo_fmax`, which keep the beat [1]_.

    Parameters
    ----------
    y : ndarray of float32, shape (n_samples,)
    sr, n_fft, hop_length, n_mels, onset_db, tempo_fmax, start_bpm, std_bpm
        See `DescriptorExtractor`.
    """
    import librosa
    from librosa.beat import beat_track
    from librosa.onset import onset_detect, onset_strength

    power = librosa.util.abs2(librosa.stft(y, n_fft=n_fft, hop_length=hop_length))
    mel = librosa.feature.melspectrogram(S=power, sr=sr, n_fft=n_fft, n_mels=n_mels)
    db = librosa.power_to_db(mel, ref=np.max)
    times = {"sr": sr, "hop_length": hop_length}
    strength = onset_strength(S=db, n_fft=n_fft, **times)
    onset_frames = onset_detect(onset_envelope=strength, **times)
    # librosa scales strengths to a maximum of 1: in a sustained tone, round-off would be onsets.
    onsets = int((strength[onset_frames] >= onset_db).sum())
    low = librosa.mel_frequencies(n_mels + 2, fmax=sr / 2)[1:-1] <= tempo_fmax
    pulse = onset_strength(S=db[low], n_fft=n_fft, **times)
    if onsets < ONSETS_OF_A_TEMPO or not np.ptp(pulse):
        return Rhythm(math.nan, math.nan, onsets)
    bpm = tempo(pulse, frame_rate=sr / hop_length, start_bpm=start_bpm, std_bpm=std_bpm)
    if math.isnan(bpm):
        return Rhythm(math.nan, math.nan, onsets)
    _, beats = beat_track(onset_envelope=pulse, bpm=bpm, **times)
    on_beat = float(pulse[beats].mean() / pulse.mean()) if len(beats) else math.nan
    return Rhythm(bpm, on_beat, onsets)


def tempo(
    envelope: Samples, *, frame_rate: float, start_bpm: float = 120.0, std_bpm: float = 1.0
) -> float:
    """Beats a minute of an envelope of onset strength.

    The lag with the largest autocorrelation, folded with its double and weighted by a log-normal
    prior [1]_, is chosen by librosa; its peaks at 1, 2, 4 … times that lag then place it between
    frames.

    Parameters
    ----------
    envelope : ndarray, shape (n_frames,)
        Not constant.
    frame_rate : float
        Frames a second.
    start_bpm, std_bpm : float
        Centre of the prior and its width in octaves.

    Returns
    -------
    float
        In [15, 320]; NaN when no period in that range is better than none.
    """
    import librosa

    longest = int(LONGEST_BEAT * frame_rate)
    size = 2 * longest + 2
    correlation = librosa.autocorrelate(envelope - envelope.mean(), max_size=size)
    correlation = np.pad(correlation / correlation[0], (0, size - len(correlation)))
    lag = np.arange(1, longest + 1)
    positive = np.maximum(correlation, 0)
    folded = positive[lag] + 0.5 * positive[2 * lag]
    folded += 0.25 * (positive[2 * lag - 1] + positive[2 * lag + 1])
    if not folded[lag > 60 * frame_rate / MAX_TEMPO].any():
        return math.nan
    estimate = librosa.feature.tempo(
        tg=np.concatenate([[0.0], folded])[:, None],
        sr=frame_rate,
        hop_length=1,
        start_bpm=start_bpm,
        std_bpm=std_bpm,
        max_tempo=MAX_TEMPO,
    )
    period = _refined(correlation, round(60 * frame_rate / float(estimate[0])))
    return float(np.clip(60 * frame_rate / period, 60 / LONGEST_BEAT, MAX_TEMPO))


def _refined(correlation: NDArray[np.floating], lag: int) -> float:
    """The lag between frames: a peak at k times the lag places it k times as well."""
    period, multiple = float(lag), 1
    while multiple * period < len(correlation) - 2:
        near = round(multiple * period)
        peak = near - 1 + int(np.argmax(correlation[near - 1 : near + 2]))
        if not 0 < peak < len(correlation) - 1:
            break
        before, here, after = correlation[peak - 1 : peak + 2].astype(float)
        if here <= 0 or here < max(before, after) or before == after == here:
            break
        shift = 0.5 * (before - after) / (before - 2 * here + after)
        period = float(peak + shift) / multiple
        multiple *= 2
    return period
