"""Windows against a straight decode of the whole file by ffmpeg, for every format."""

from __future__ import annotations

import os
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from audio_files import encode, melody, save, straight, strip_mp3_index
from signals import SR

from spdkit.extraction.doctor import AV_FORMATS, SNDFILE_FORMATS
from spdkit.extractors.decoding.window import read_clip

SOUND = np.tile(melody(2.5), 3)[: round(7.123 * SR)]
OFFSETS = ("head", "middle", 0.35, 1.0001, 3.37, 4.9)
DURATIONS = (1.1, 3.0, None)
FEW = (("head", 1.1), ("middle", 3.0), (3.37, 1.1), ("middle", None))
# By how much samples of full scale 1 may differ: decoders round differently (libsndfile's from
# ffmpeg's), and AAC and AC-3 fill bands with noise that differs with where decoding begins.
LOSSLESS = {"wav", "flac", "aiff", "caf", "w64", "rf64", "au", "tta", "wv", "alac", "pcm"}
NOISE_FILLED = {"aac", "m4a", "mka", "ac3"}
TOLERANCE = {"mp3": 3e-6, "mp2": 5e-5, "ogg": 3e-7, "opus": 1e-3, "wma": 1e-6}


def tolerance(name, start):
    kinds = {*name.split(".")}
    if kinds & LOSSLESS:
        return 0.0
    if kinds & NOISE_FILLED:
        return 0.03 if start > SR else 0.0
    return TOLERANCE[name.rpartition(".")[2]]


def by_ffmpeg(codec, container, **options):
    return lambda path, y: encode(path, y, codec, container, **options)


def join(path: Path, y, **options) -> Path:
    """Three files one after another."""
    cuts = np.split(y, [len(y) // 5, len(y) // 2])
    parts = [
        save(path.with_name(f"{n}{path.suffix}"), cut, **options).read_bytes()
        for n, cut in enumerate(cuts)
    ]
    path.write_bytes(b"".join(parts))
    return path


# What doctor lists, and what else people have. Names are those of the files.
FILES = {
    "wav": save,
    "flac": save,
    "ogg": save,
    "opus": lambda path, y: save(path, y, 48000),
    "mp3": save,
    "m4a": by_ffmpeg("aac", "ipod"),
    "aac": by_ffmpeg("aac", "adts"),
    "wma": by_ffmpeg("wmav2", "asf"),
    "aiff": save,
    "caf": save,
    "w64": save,
    "au": save,
    "rf64": lambda path, y: save(path, y, format="RF64"),
    "streamed.m4a": by_ffmpeg("aac", "mp4", movflags="frag_keyframe+empty_moov"),
    "indexed-first.m4a": by_ffmpeg("aac", "ipod", movflags="faststart"),
    "alac.m4a": by_ffmpeg("alac", "ipod"),
    "mka": by_ffmpeg("aac", "matroska"),
    "pcm.mka": by_ffmpeg("pcm_s16le", "matroska"),
    "pcm.mov": by_ffmpeg("pcm_s24le", "mov"),
    "mp3.wav": by_ffmpeg("libmp3lame", "wav"),
    "flac.ogg": by_ffmpeg("flac", "ogg"),
    "adpcm.wav": lambda path, y: save(path, y, subtype="IMA_ADPCM"),
    "ac3": by_ffmpeg("ac3", "ac3"),
    "mp2": by_ffmpeg("mp2", "mp2"),
    "tta": by_ffmpeg("tta", "tta"),
    "wv": by_ffmpeg("wavpack", "wv"),
    "vbr.mp3": lambda path, y: save(path, y, bitrate_mode="VARIABLE", compression_level=0.5),
    "no-index.mp3": lambda path, y: strip_mp3_index(save(path, y)),
    "vbr-no-index.mp3": lambda path, y: strip_mp3_index(
        save(path, y, bitrate_mode="VARIABLE", compression_level=0.5)
    ),
    "joined.ogg": join,
    "joined.opus": lambda path, y: join(path, y, sr=48000),
    "joined.flac": join,
    "joined.mp3": join,
}


def test_doctors_formats_are_all_here():
    assert {*SNDFILE_FORMATS, *AV_FORMATS} <= set(FILES)


def check(name, channels, windows, folder):
    y = np.stack([SOUND, 0.5 * np.roll(SOUND, 999)][:channels], axis=1)
    path = folder / (name if "." in name else f"a.{name}")
    FILES[name](path, y[:, 0] if channels == 1 else y)
    expected = straight(path)
    sr = 48000 if path.suffix == ".opus" else SR
    for offset, duration in windows:
        clip = read_clip(os.fspath(path), sr=sr, duration=duration, offset=offset)
        n_samples = len(expected) if duration is None else round(duration * sr)
        start = {"head": 0, "middle": (len(expected) - n_samples) // 2}.get(offset)
        start = round(offset * sr) if start is None else start
        window = expected[start : start + n_samples]
        assert clip.file_duration == len(expected) / sr
        assert clip.offset == start / sr
        assert len(clip.y) == len(window)
        np.testing.assert_allclose(clip.y, window, rtol=0, atol=tolerance(name, start))


@pytest.mark.parametrize("name", FILES)
def test_a_window_is_that_of_a_straight_decode(name, tmp_path):
    check(name, 2, FEW, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("name", FILES)
def test_every_window_is_that_of_a_straight_decode(name, channels, tmp_path):
    check(name, channels, product(OFFSETS, DURATIONS), tmp_path)
