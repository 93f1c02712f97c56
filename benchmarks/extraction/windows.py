"""Windows: what the middle 30 s of a file cost, its true length included, beside a whole decode.

A song of noise is written in each format. Contestants, in turn, on one thread:

  ours      `read_clip`: the length by the sound's own frames, pages or packets; then the window
  opening   the part of that before anything of the window is decoded
  straight  the peer: PyAV decodes the file from its start to its end, and the window is cut out

Both windows are compared sample by sample. Example:

  python benchmarks/extraction/windows.py --minutes 4
"""

from __future__ import annotations

import sys
from pathlib import Path

if not __package__:  # run as a script, whose own folder alone is on the path
    sys.path.append(str(Path(__file__).resolve().parents[2]))

import argparse
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from fractions import Fraction
from functools import partial

import av
import numpy as np
import soundfile
from av.audio.resampler import AudioResampler
from numpy.typing import NDArray
from rich.console import Console

from benchmarks.common import measuring, script
from benchmarks.common.measuring import Call
from spdkit.extractors.decoding.window import open_clip, read_clip

SR = 48000  # the one rate that every format here can hold
PACKAGES = ("numpy", "soundfile", "soxr", "av", "spdkit")
SNDFILE = {
    "wav": {"subtype": "PCM_16"},
    "flac": {"subtype": "PCM_16"},
    "ogg": {"subtype": "VORBIS"},
    "opus": {"format": "OGG", "subtype": "OPUS"},
    "mp3": {"subtype": "MPEG_LAYER_III"},
}
FFMPEG = {
    "m4a": ("aac", "ipod"),
    "aac": ("aac", "adts"),
    "wma": ("wmav2", "asf"),
    "webm": ("libopus", "webm"),
}
Sound = NDArray[np.float32]


@dataclass
class Window:
    """One format: megabytes, CPU milliseconds, their ratio, and how far samples differ at most."""

    mb: float
    opening_ms: float
    ours_ms: float
    straight_ms: float
    ratio: float
    largest_difference: float


@dataclass
class Result(measuring.Head):
    """What is written."""

    windows: dict[str, Window] = field(default_factory=dict)


def sound(minutes: float) -> Sound:
    """Stereo noise, low-passed, so that every codec has work; shape (n, 2)."""
    rng = np.random.default_rng(0)
    noise = rng.standard_normal(round(60 * minutes * SR))
    y = 0.2 * np.convolve(noise, np.hanning(32) / 16, "same")
    return np.stack([y, np.roll(y, 50)], axis=1).astype(np.float32)


def write(path: Path, y: Sound) -> None:
    """Write a sound in the format of the suffix."""
    kind = path.suffix[1:]
    if kind in SNDFILE:
        with soundfile.SoundFile(path, "w", SR, 2, **SNDFILE[kind]) as file:
            for start in range(0, len(y), 1 << 16):
                file.write(y[start : start + (1 << 16)])
        return
    codec, container = FFMPEG[kind]
    with av.open(str(path), "w", format=container) as file:
        stream = file.add_stream(codec, rate=SR, layout="stereo")
        stream.bit_rate = 128000
        context = stream.codec_context
        context.open()
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(y.T), "fltp", "stereo")
        frame.sample_rate, frame.pts, frame.time_base = SR, 0, Fraction(1, SR)
        size = context.frame_size or 1024
        cut = AudioResampler(context.format, "stereo", SR, frame_size=size)
        for piece in [*cut.resample(frame), *cut.resample(None)]:
            file.mux(stream.encode(piece))
        file.mux(stream.encode(None))


def straight(path: Path, duration: float) -> Sound:
    """Decode all of a file by PyAV, and cut the middle out; mean of the channels."""
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        stream.thread_count = 1
        to_float = AudioResampler(format="fltp", layout="stereo", rate=SR)
        parts = [
            piece.to_ndarray().mean(axis=0)
            for frame in container.decode(stream)
            for piece in to_float.resample(frame)
        ]
    y = np.concatenate(parts)
    count = round(duration * SR)
    start = (len(y) - count) // 2
    return y[start : start + count]


def opening(path: Path, duration: float) -> None:
    """Find the window, and decode nothing of it."""
    open_clip(str(path), sr=SR, duration=duration).close()


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = script.new_parser(__doc__)
    script.add_counts(parser, repeats=(5, "rounds on each file"))
    parser.add_argument("--minutes", type=script.at_least(0.1), default=4.0, help="of sound")
    parser.add_argument("--duration", type=script.at_least(1.0), default=30.0, help="seconds")
    script.add_output(parser, "windows")
    return parser.parse_args(argv)


def measure(args: argparse.Namespace) -> Result:
    """Write each format, compare, and time."""
    names = ("repeats", "minutes", "duration")
    command = script.command_line("extraction/windows.py", args, *names)
    result = Result(**measuring.head("windows", command, PACKAGES))
    y = sound(args.minutes)
    with tempfile.TemporaryDirectory() as folder:
        for kind in [*SNDFILE, *FFMPEG]:
            path = Path(folder) / f"song.{kind}"
            write(path, y)
            ours = partial(read_clip, str(path), sr=SR, duration=args.duration)
            difference = np.abs(ours().y - straight(path, args.duration)).max()
            calls: dict[str, Call] = {
                "ours": ours,
                "opening": partial(opening, path, args.duration),
                "straight": partial(straight, path, args.duration),
            }
            times = measuring.interleave([calls], args.repeats)
            pair = times.compare("straight", "ours")
            result.windows[kind] = Window(
                mb=path.stat().st_size / 1e6,
                opening_ms=times.median("opening"),
                ours_ms=pair.ours_ms,
                straight_ms=times.median("straight"),
                ratio=pair.ratio or 0.0,
                largest_difference=float(difference),
            )
    return result


def report(result: Result, console: Console) -> None:
    """Print the table."""
    console.print(f"{result.command}\n{result.machine['cpu']}, one thread, CPU milliseconds\n")
    measuring.show(console, "A window with its true place", result.windows)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark."""
    args = parse(argv)
    result = measure(args)
    script.save(asdict(result), args.output)
    report(result, script.results_console())
    return 0


if __name__ == "__main__":
    script.in_one_thread(main)
