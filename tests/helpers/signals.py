"""Synthesised sounds for the tests: short, made the same every time, each hard in its own way."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import scipy.signal
import soundfile
from numpy.typing import NDArray

from spdkit.extractors import AudioExtractor
from spdkit.tracks.track import Track

SR = 44100
Samples = NDArray[np.float32]


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def seconds(duration: float) -> NDArray[np.float64]:
    return np.arange(round(duration * SR)) / SR


def dithered(y: NDArray[np.floating]) -> Samples:
    """The sound on a floor of noise like that of 16-bit files, so that no band is round-off."""
    return (y + rng(99).uniform(-1, 1, len(y)) / 32768).astype(np.float32)


def sines(duration: float = 2.0) -> Samples:
    t = seconds(duration)
    partials = [(0.3, 261.63), (0.2, 440.0), (0.1, 1318.5), (0.05, 5274.0)]
    return dithered(sum(gain * np.sin(2 * np.pi * pitch * t) for gain, pitch in partials))


def sweep(duration: float = 2.0) -> Samples:
    t = seconds(duration)
    return dithered(0.5 * scipy.signal.chirp(t, 40.0, duration, 18000.0, method="logarithmic"))


def noise(duration: float = 2.0, seed: int = 1) -> Samples:
    return (0.2 * rng(seed).standard_normal(len(seconds(duration)))).astype(np.float32)


def tone(pitch: float, t: NDArray[np.floating], vibrato: float = 0.0) -> NDArray[np.float64]:
    """A note with five falling harmonics, its pitch swinging by `vibrato` (a share of it)."""
    phase = 2 * np.pi * pitch * (t + vibrato / (2 * np.pi * 5.5) * np.sin(2 * np.pi * 5.5 * t))
    return sum(np.sin(k * phase) / k**1.5 for k in range(1, 6))


def chords(duration: float = 3.0) -> Samples:
    """C, A minor, F, G, with vibrato and decaying attacks, 12 cents sharp of A440."""
    t = seconds(duration)
    roots = [(48, 52, 55), (45, 48, 52), (41, 45, 48), (43, 47, 50)]
    y = np.zeros_like(t)
    length = len(t) // len(roots)
    for index, notes in enumerate(roots):
        part = t[: len(t) - index * length][:length]
        envelope = np.exp(-1.5 * part) * np.minimum(1, part * 200)
        pitches = [440 * 2 ** ((note - 69 + 0.12) / 12) for note in notes]
        chord = sum(tone(pitch, part, vibrato=0.008) for pitch in pitches)
        y[index * length :][: len(part)] = 0.15 * chord * envelope
    return dithered(y)


def drums(duration: float = 2.0) -> Samples:
    """A falling low thud on each beat and a burst of bright noise between them."""
    t = seconds(duration)
    beat, off = t % 0.5, (t + 0.25) % 0.5
    kick = np.sin(2 * np.pi * (50 * beat + 8 * (1 - np.exp(-30 * beat)))) * np.exp(-12 * beat)
    hat = rng(2).standard_normal(len(t)) * np.exp(-40 * off)
    return dithered(0.6 * kick + 0.15 * hat)


def speech(duration: float = 3.0) -> Samples:
    """Glottal pulses through three formants that move, in syllables of a quarter second."""
    t = seconds(duration)
    pitch = 120 + 20 * np.sin(2 * np.pi * 0.7 * t)
    source = scipy.signal.sawtooth(2 * np.pi * np.cumsum(pitch) / SR)
    y = np.zeros_like(t)
    vowels = [(730, 1090, 2440), (270, 2290, 3010), (300, 870, 2240), (530, 1840, 2480)]
    length = SR // 4
    for index in range(0, len(t), length):
        part = source[index : index + length]
        for formant in vowels[(index // length) % len(vowels)]:
            b, a = scipy.signal.iirpeak(formant, formant / 90, fs=SR)
            y[index : index + length] += scipy.signal.lfilter(b, a, part)
    return dithered(0.2 * y * (0.5 - 0.5 * np.cos(2 * np.pi * 4 * t)))


def silent_middle(duration: float = 3.0) -> Samples:
    """Chords with a digitally silent second in the middle."""
    y = chords(duration)
    y[SR : 2 * SR] = 0
    return y


def silent_ends(duration: float = 3.0) -> Samples:
    """Speech with a digitally silent second before and after."""
    y = speech(duration)
    y[:SR] = 0
    y[-SR:] = 0
    return y


SIGNALS: dict[str, Callable[[], Samples]] = {
    function.__name__: function
    for function in (sines, sweep, noise, chords, drums, speech, silent_middle, silent_ends)
}


def write(path: Path, y: NDArray[np.floating], sr: int = SR) -> Track:
    """Write samples as they are (32-bit float wav) and return their track."""
    soundfile.write(path, y, sr, subtype="FLOAT")
    return Track(path.name, audio=str(path))


def frames_of(y: NDArray[np.floating], extractor: AudioExtractor) -> dict[str, Samples]:
    """The extractor's frame features of samples."""
    with tempfile.TemporaryDirectory() as folder:
        return extractor.frames(write(Path(folder) / "y.wav", y, extractor.sr))


def row_of(y: NDArray[np.floating], extractor: AudioExtractor) -> Samples:
    """The extractor's row of samples."""
    with tempfile.TemporaryDirectory() as folder:
        return extractor.extract(write(Path(folder) / "y.wav", y, extractor.sr))
