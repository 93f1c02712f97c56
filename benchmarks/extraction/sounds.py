"""Sounds that are measured: drawn from a folder, decoded, and written in every format."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import librosa
import numpy as np
import scipy.fft
import soundfile
import soxr
from numpy.typing import DTypeLike, NDArray

from spdkit.common.text import printable
from spdkit.extractors.audio import AudioExtractor
from spdkit.extractors.base import ExtractionError
from spdkit.tracks.scan import from_folder
from spdkit.tracks.track import TrackError

Frames = NDArray[np.floating]

FORMATS = {  # suffix: libsndfile's format and subtype, rate (Opus knows no 44.1 kHz)
    "wav": ("WAV", "PCM_16", 44100),
    "flac": ("FLAC", "PCM_16", 44100),
    "ogg": ("OGG", "VORBIS", 44100),
    "opus": ("OGG", "OPUS", 48000),
    "mp3": ("MP3", "MPEG_LAYER_III", 44100),
}


@dataclass(frozen=True)
class Sound:
    """A file and its decoded window."""

    name: str
    path: str
    channels: int
    y: Frames


def choose(
    folder: Path, n_clips: int, seed: int, duration: float
) -> tuple[list[Sound], dict[str, str]]:
    """Decode random files until there are enough clips (TrackError if none); why not others."""
    tracks = from_folder(folder)
    listed = {track.audio for track in tracks}
    others = sorted(p for p in folder.rglob("*") if p.is_file() and str(p) not in listed)
    unused = {printable(str(p.relative_to(folder))): "not audio by its name" for p in others}
    unused |= dict(text.replace(f"{folder}/", "").split(": ", 1) for text in tracks.problems)
    order = list(tracks)
    random.Random(seed).shuffle(order)
    extractor = AudioExtractor(duration=duration)
    sounds: list[Sound] = []
    for track in order:
        if len(sounds) == n_clips:
            break
        try:
            clip = extractor.read(track)
        except ExtractionError as error:
            unused[track.track_id] = error.reason
            continue
        if len(clip.y) < round(duration * clip.sr) - 1 or not clip.y.any():
            unused[track.track_id] = "; ".join(clip.remarks)
        else:
            sounds.append(Sound(track.track_id, track.audio or "", clip.channels, clip.y))
    if not sounds:
        reasons = "".join(f"\n  {name}: {reason}" for name, reason in list(unused.items())[:20])
        raise TrackError(f"no audio file in {folder} can be used{reasons}")
    return sounds, unused


def head(sound: Sound, seconds: float) -> tuple[Frames, int, str]:
    """Head of a file, looped if it is shorter, for the decoding test; its rate, and what it is."""
    try:
        with soundfile.SoundFile(sound.path) as file:
            rate = file.samplerate
            samples = file.read(round(seconds * rate), "float32", always_2d=True)[:, :2]
    except soundfile.LibsndfileError:  # m4a and the like: the mono window does
        samples, rate = sound.y[:, np.newaxis], 44100
    length, channels = round(seconds * rate), samples.shape[1]
    looped = ", looped" if len(samples) < length else ""
    what = f"{sound.name}, {seconds:g} s{looped}, {channels} channels"
    return np.resize(samples, (length, channels)), rate, what


def transcode(samples: Frames, rate: int, folder: Path) -> dict[str, Path]:
    """Write the same music, shape (n_samples, channels), in every format; the paths."""
    paths = {}
    for suffix, (container, codec, to) in FORMATS.items():
        converted = samples if rate == to else soxr.resample(samples, rate, to)
        paths[suffix] = path = folder / f"music.{suffix}"
        with soundfile.SoundFile(path, "w", to, samples.shape[1], codec, format=container) as file:
            for start in range(0, len(converted), to):  # libsndfile overflows on long Vorbis blocks
                file.write(converted[start : start + to])
    return paths


def tile(y: Frames, seconds: float, path: Path) -> None:
    """Write a clip at 44.1 kHz again and again, until the file is so long."""
    left = round(seconds * 44100)
    with soundfile.SoundFile(path, "w", 44100, 1, "PCM_16") as file:
        while left > 0:
            file.write(y[:left])
            left -= len(y)


# Floors: what any program of this kind must do


def fft_floor(y: Frames, dtype: DTypeLike) -> Callable[[], object]:
    """One real FFT of every frame of a clip, in blocks that stay in the cache."""
    padded = np.pad(y, 1024).astype(dtype)
    frames = librosa.util.frame(padded, frame_length=2048, hop_length=512, axis=0).copy()
    return lambda: [scipy.fft.rfft(frames[at : at + 64]) for at in range(0, len(frames), 64)]


def bare_read(path: Path, duration: float) -> None:
    """Seek to the middle window and read it, with no check and no mixing."""
    with soundfile.SoundFile(path) as file:
        count = round(duration * file.samplerate)
        file.seek((file.frames - count) // 2)
        file.read(count, dtype="float32")
