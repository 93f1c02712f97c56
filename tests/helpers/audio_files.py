"""Audio files for the tests, sound and damaged, and a way to be nobody."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import soundfile
from av.audio.resampler import AudioResampler
from numpy.typing import NDArray
from signals import SR, Samples, noise, seconds

from spdkit.extractors.decoding.mpeg_frames import MpegSound, find_mpeg_sound


def melody(duration: float = 3.0) -> Samples:
    """A sound that differs at every moment, so that a shifted window is another one."""
    t = seconds(duration)
    wobble = np.sin(2 * np.pi * 440 * t) * (0.5 + 0.4 * np.sin(2 * np.pi * 3 * t))
    return (0.3 * wobble + 0.05 * noise(duration)[: len(t)]).astype(np.float32)


def encode(path: Path, y: Samples, codec: str, container: str, **options: str) -> Path:
    """Write samples at 44100 Hz, shape (n,) or (n, 2), through one of ffmpeg's encoders."""
    with av.open(str(path), "w", format=container, options=options) as file:
        layout = "mono" if y.ndim == 1 else "stereo"
        stream = file.add_stream(codec, rate=SR, layout=layout)
        stream.bit_rate = 128000
        planes = np.ascontiguousarray(np.atleast_2d(y.T), dtype=np.float32)
        frame = av.AudioFrame.from_ndarray(planes, "fltp", layout)
        frame.sample_rate, frame.pts, frame.time_base = SR, 0, Fraction(1, SR)
        context = stream.codec_context
        cut = AudioResampler(context.format, layout, SR, frame_size=context.frame_size or 1024)
        for piece in [*cut.resample(frame), *cut.resample(None)]:
            for packet in stream.encode(piece):
                file.mux(packet)
        for packet in stream.encode(None):
            file.mux(packet)
    return path


def tag_by_ffmpeg(path: Path, tags: Mapping[str, str]) -> Path:
    """Write tags into a file under ffmpeg's own names ("title", "album_artist", "lyrics" …)."""
    rest = path.with_name(f"untagged-{path.name}")
    path.rename(rest)
    with av.open(str(rest)) as source, av.open(str(path), "w") as file:
        stream = file.add_stream_from_template(source.streams.audio[0])
        file.metadata.update(tags)
        for packet in source.demux(source.streams.audio[0]):
            if packet.dts is not None:
                packet.stream = stream
                file.mux(packet)
    rest.unlink()
    return path


def straight(path: Path) -> Samples:
    """Every sample that ffmpeg decodes from the first packet on; mean of the channels."""
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        to_float = AudioResampler(format="fltp", layout=stream.layout, rate=stream.rate)
        parts = [
            piece.to_ndarray().mean(axis=0)
            for frame in container.decode(stream)
            for piece in to_float.resample(frame)
        ]
    return np.concatenate(parts)


def save(path: Path, y: NDArray[np.floating], sr: int = SR, **options: object) -> Path:
    """Write samples in the format of the suffix."""
    if path.suffix == ".opus":
        options = {"format": "OGG", "subtype": "OPUS", **options}
    soundfile.write(path, y, sr, **options)
    return path


def truncate(path: Path, share: float) -> Path:
    """Cut a file to a share of its bytes."""
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    return path


def claim_wav_size(path: Path, n_bytes: int) -> Path:
    """Write `n_bytes` into the header of a wav as the size of its sound."""
    content = bytearray(path.read_bytes())
    at = content.index(b"data") + 4
    content[at : at + 4] = struct.pack("<I", n_bytes)
    path.write_bytes(content)
    return path


def mpeg_sound(path: Path) -> MpegSound:
    """The frames of an mp3."""
    with path.open("rb") as file:
        sound = find_mpeg_sound(file, path.name)
    assert sound is not None
    return sound


def strip_mp3_index(path: Path) -> Path:
    """Take the first frame, which holds the index, off an mp3."""
    index_end = mpeg_sound(path).index_end
    assert index_end is not None
    path.write_bytes(path.read_bytes()[index_end:])
    assert mpeg_sound(path).index_end is None
    return path


def forget_flac_length(path: Path) -> Path:
    """Set the total of samples in STREAMINFO to 0, as a FLAC written to a pipe has it."""
    content = bytearray(path.read_bytes())
    assert content[:4] == b"fLaC"
    content[21] &= 0xF0
    content[22:26] = bytes(4)
    path.write_bytes(content)
    return path


def as_nobody(code: str, *arguments: str) -> str:
    """Output of Python code run by someone without rights; imports go before ``drop()``."""
    prelude = """
import os, sys
def drop():
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
"""
    done = subprocess.run(
        # -P: the checkout, if it is the working folder, would hide an installed package.
        [sys.executable, "-P", "-c", prelude + code, *map(os.fspath, arguments)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
