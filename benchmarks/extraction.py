"""CPU time, memory and accuracy of audio extraction, against librosa and against the floor.

Everything is measured in one run on the same music, in one thread of one process. Ratios between
contestants carry over to other machines; milliseconds do not.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shlex
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import harness
import librosa_peer
import numpy as np
import soundfile
from harness import Call, Comparison, Fresh, Times
from librosa_peer import Deviation, Frames
from rich.console import Console
from threadpoolctl import threadpool_limits

from spdkit.extractors.audio import AudioExtractor, constant_q, harmony, layout, spectra
from spdkit.extractors.audio.decode import read_clip
from spdkit.extractors.audio.frames import frame_features
from spdkit.extractors.audio.settings import AudioSettings
from spdkit.extractors.audio.statistics import summarise
from spdkit.extractors.base import ExtractionError
from spdkit.tracks import TrackError, from_folder, printable

PROFILES = ("paper", "spotgentrack")
WINDOWS = 6  # that the file of the decoding test is long: 3 minutes for 30 s
EPILOG = """\
examples:
  python benchmarks/extraction.py ~/music
      five random clips, three rounds each: about a quarter of an hour
  python benchmarks/extraction.py ~/music --clips 1 --repeats 1 --quick
      a first look: about one minute

reading it:
  ratio       CPU time of the peer over ours, medians over clips and rounds; above 1, ours is faster
  low, high   the ratio of a single round at its extremes: how noisy the machine was
  floor       one real FFT a frame and libsndfile's bare read of the window; ours over it, 1 at best
  deviation   largest difference from librosa on any frame of any clip

The exit status is 1 when a deviation exceeds its tolerance, 2 when DIR is of no use; no time can
fail a run.
"""


@dataclass(frozen=True)
class Sound:
    """A file and its decoded window."""

    name: str
    path: str
    channels: int
    y: Frames


@dataclass(frozen=True)
class Distance:
    """CPU milliseconds of decoding and extracting one clip, over the sum of both floors."""

    read_floor_ms: float
    fft_floor_ms: float
    decode_ms: float
    features_ms: float
    ratio: float


@dataclass
class Result:
    """What goes into the JSON; a part that was left out is empty."""

    benchmark: str
    command: str
    machine: dict[str, Any]
    versions: dict[str, str]
    clips: list[str]
    unused: dict[str, str]
    left_out: list[str] = field(default_factory=list)
    whole_clip: dict[str, Comparison] = field(default_factory=dict)
    families: dict[str, Comparison] = field(default_factory=dict)
    decoding: dict[str, Comparison] = field(default_factory=dict)
    decoded_file: str = ""
    distances: dict[str, Distance] = field(default_factory=dict)
    deviations: dict[str, Deviation] = field(default_factory=dict)
    fresh_process: dict[str, Fresh] = field(default_factory=dict)
    times: dict[str, Times] = field(default_factory=dict)


# Music


def choose(
    folder: Path, wanted: int, seed: int, duration: float
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
        if len(sounds) == wanted:
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


def music(sound: Sound, seconds: float) -> tuple[Frames, int, str]:
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


# Ours


def our_row(y: Frames, settings: AudioSettings) -> Frames:
    """One clip as a row of numbers, as AudioExtractor computes it from samples."""
    return layout.row(frame_features(y, settings), settings)


def our_families(y: Frames, s: AudioSettings) -> dict[str, Callable[[], Frames]]:
    """Our features one by one, each from the spectrogram that they share ("shared")."""

    def chroma_of(sound: Frames, S: Frames) -> Frames:
        return constant_q.chroma_cqt(sound, constant_q.estimate_tuning(S, s), silent, s)

    def tonnetz_of_harmonic() -> Frames:
        sound = harmony.harmonic_part(D, len(y), s)
        return harmony.tonnetz(chroma_of(sound, np.abs(spectra.stft(sound, s, s.window))))

    D = spectra.stft(y, s, s.window)
    S = np.abs(D)
    power = S**2
    silent = spectra.silent_frames(y, s)
    centroid = spectra.spectral_centroid(S, s)
    return {
        "shared": lambda: np.abs(spectra.stft(y, s, s.window)) ** 2,
        "mfcc": lambda: spectra.mfcc(power, s),
        "mel": lambda: spectra.mel_spectrogram(np.abs(spectra.stft(y, s, s.mel_window)) ** 2, s),
        "chroma": lambda: chroma_of(y, S),
        "tonnetz": tonnetz_of_harmonic,
        "contrast": lambda: spectra.spectral_contrast(S, s),
        "centroid": lambda: spectra.spectral_centroid(S, s),
        "bandwidth": lambda: spectra.spectral_bandwidth(S, centroid, s),
        "zcr": lambda: spectra.zero_crossing_rate(y, s),
    }


# Measurements


def time_clips(sounds: Sequence[Sound], settings: Sequence[AudioSettings], repeats: int) -> Times:
    """Time whole clips: librosa as people write it and with a shared STFT, ours, the FFT floor."""

    def contestants(y: Frames) -> dict[str, Call]:
        calls: dict[str, Call] = {
            "FFT floor": harness.fft_floor(y),
            "paper: shared STFT": partial(librosa_peer.shared_row, y, settings[0].sr),
        }
        for s in settings:
            naive = partial(librosa_peer.naive_row, y, s.sr, s.profile)
            calls[f"{s.profile}: naive librosa"] = naive
            calls[f"{s.profile}: ours"] = partial(our_row, y, s)
        return calls

    return harness.interleave((contestants(sound.y) for sound in sounds), repeats)


def time_families(sounds: Sequence[Sound], settings: AudioSettings, repeats: int) -> Times:
    """Time each family of the paper's profile, naive and ours, statistics included."""

    def summarised(compute: Callable[[], Frames]) -> Call:
        return lambda: summarise(compute(), settings.statistics)

    def contestants(y: Frames) -> dict[str, Call]:
        naive, ours = librosa_peer.naive(y, settings.sr, "paper"), our_families(y, settings)
        calls: dict[str, Call] = {"shared": ours["shared"]}
        for family, compute in naive.items():
            calls[f"{family}: naive librosa"] = summarised(compute)
            calls[f"{family}: ours"] = summarised(ours[family])
        return calls

    return harness.interleave((contestants(sound.y) for sound in sounds), repeats)


def time_decoding(paths: dict[str, Path], duration: float, repeats: int) -> Times:
    """Time the middle window, libsndfile's bare read of it, and the whole file, in each format."""
    calls: dict[str, Call] = {}
    for suffix, path in paths.items():
        calls[f"{suffix}: bare read"] = partial(harness.bare_read, path, duration)
        calls[f"{suffix}: window"] = partial(read_clip, str(path), duration=duration)
        calls[f"{suffix}: whole file"] = partial(read_clip, str(path), duration=None)
    return harness.interleave([calls], repeats)


def distances(decoding: Times, clips: Times) -> dict[str, Distance]:
    """How far ours is from the sum of the decoding and FFT floors."""
    found = {}
    for profile in PROFILES:
        for suffix in harness.FORMATS:
            read, fft = decoding.median(f"{suffix}: bare read"), clips.median("FFT floor")
            decode, work = decoding.median(f"{suffix}: window"), clips.median(f"{profile}: ours")
            distance = Distance(read, fft, decode, work, (decode + work) / (read + fft))
            found[f"{profile}: {suffix}"] = distance
    return found


def compare(sounds: Sequence[Sound], settings: AudioSettings) -> dict[str, Deviation]:
    """Hold each family of a profile against librosa's, over all clips."""
    clips = []
    for y in (sound.y for sound in sounds):
        ours = frame_features(y, settings)
        clips.append(librosa_peer.deviations(ours, y, settings.sr, settings.profile))
    worst = {family: librosa_peer.worst([clip[family] for clip in clips]) for family in clips[0]}
    return {f"{settings.profile}: {family}": each for family, each in worst.items()}


def fresh_processes(sound: Sound, folder: Path, duration: float, repeats: int) -> dict[str, Fresh]:
    """Run one clip in new processes: numba's cache empty once, then filled, for both in turn."""
    path = str(folder / "clip.wav")
    soundfile.write(path, sound.y, 44100, "FLOAT")
    code = {
        "ours": (
            "from spdkit.extractors.audio import AudioExtractor\nfrom spdkit.tracks import Track",
            f"AudioExtractor(duration={duration}).extract(Track('clip', audio={path!r}))",
        ),
        "naive librosa": (
            "import librosa, librosa_peer",
            f"librosa_peer.naive_row(librosa.load({path!r}, sr=None)[0], 44100, 'paper')",
        ),
    }
    runs: dict[str, list[Fresh]] = {name: [] for name in code}
    for _ in range(1 + repeats):
        for name, (setup, call) in code.items():
            runs[name].append(harness.fresh_process(setup, call, folder / f"numba of {name}"))
    found = {f"{name}, cold": times[0] for name, times in runs.items()}
    found |= {name: harness.median_of(times[1:]) for name, times in runs.items()}
    return found | {"ratio": harness.over(found["naive librosa"], found["ours"])}


# The run


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, metavar="DIR", help="a folder of real music")
    parser.add_argument("--clips", type=int, default=5, help="files drawn from DIR (default: 5)")
    parser.add_argument("--repeats", type=int, default=3, help="rounds on each clip (default: 3)")
    parser.add_argument("--duration", type=float, default=30.0, help="seconds a clip (default: 30)")
    parser.add_argument("--seed", type=int, default=0, help="of the draw (default: 0)")
    parser.add_argument(
        "--quick", action="store_true", help="leave out the fresh processes (memory, cold starts)"
    )
    default = Path(__file__).parent / "results" / "extraction.json"
    parser.add_argument("-o", "--output", type=Path, default=default, help="JSON to write")
    args = parser.parse_args(argv)
    if args.clips < 1 or args.repeats < 1:
        parser.error("--clips and --repeats must be at least 1")
    if args.duration < 3:
        parser.error("--duration must be at least 3: librosa's longest constant-Q frame is 2.97 s")
    return args


def measure(args: argparse.Namespace, say: Callable[[str], None]) -> Result:
    """Run every part in turn."""
    say("choosing clips")
    sounds, unused = choose(args.folder, args.clips, args.seed, args.duration)
    for name, reason in unused.items():
        say(f"not used: {name}: {reason}")
    say(f"{len(sounds)} clips of {args.clips} asked for: {', '.join(s.name for s in sounds)}")
    settings = [AudioExtractor(p, duration=args.duration).settings for p in PROFILES]
    command = ["python", "benchmarks/extraction.py", args.folder.resolve().name]
    for option in ("clips", "repeats", "duration", "seed"):
        command += [f"--{option}", str(getattr(args, option))]
    command += ["--quick"] * args.quick
    result = Result(
        benchmark="extraction",
        command=shlex.join(command),
        machine=harness.machine(),
        versions=harness.versions(),
        clips=[sound.name for sound in sounds],
        unused=unused,
    )
    with tempfile.TemporaryDirectory() as folder, threadpool_limits(1):
        say("timing whole clips")
        result.times["clips"] = time_clips(sounds, settings, args.repeats)
        say("timing feature families")
        result.times["families"] = time_families(sounds, settings[0], args.repeats)
        say("timing decoding")
        source = max(sounds, key=lambda sound: sound.channels)  # the usual file is stereo
        samples, rate, result.decoded_file = music(source, WINDOWS * args.duration)
        paths = harness.transcode(samples, rate, Path(folder))
        rounds = args.repeats * len(sounds)
        result.times["decoding"] = time_decoding(paths, args.duration, rounds)
        say("comparing with librosa")
        for each in settings:
            result.deviations |= compare(sounds, each)
        if args.quick:
            result.left_out.append("fresh processes (--quick)")
        else:
            say("starting fresh processes, the first ones compiling")
            options = (Path(folder), args.duration, args.repeats)
            result.fresh_process = fresh_processes(sounds[0], *options)
    tabulate(result)
    return result


def tabulate(result: Result) -> None:
    """Fill in the comparisons from the times."""
    clips, families, decoding = (result.times[part] for part in ("clips", "families", "decoding"))
    for peer in ("paper: naive librosa", "paper: shared STFT", "spotgentrack: naive librosa"):
        result.whole_clip[peer] = clips.compare(peer, f"{peer.split(':')[0]}: ours")
    for family in (name.removesuffix(": ours") for name in families.cpu_ms if "ours" in name):
        result.families[family] = families.compare(f"{family}: naive librosa", f"{family}: ours")
    for suffix in harness.FORMATS:
        result.decoding[suffix] = decoding.compare(f"{suffix}: whole file", f"{suffix}: window")
    result.distances = distances(decoding, clips)


def report(result: Result, console: Console) -> None:
    """Print every table."""
    console.print(f"{result.command}\n{result.machine['cpu']}, one thread, CPU milliseconds\n")
    show = partial(harness.show, console)
    show("Whole clip, decoded: librosa against ours", result.whole_clip)
    note = f"ours share a spectrogram: {result.times['families'].median('shared'):.3g} ms on top"
    show('Families of "paper": naive librosa against ours', result.families, note)
    note = f"{result.decoded_file}; Opus is resampled from 48 kHz"
    show("Decoding: the whole file against its middle window", result.decoding, note)
    show("Decoding and extracting over the floor of both", result.distances)
    show("Deviation from librosa", result.deviations)
    if result.fresh_process:
        note = (
            "MiB; cold: numba compiles; ratio: librosa over ours, warm (it loads itself at a call)"
        )
        show("Fresh process, numba's cache cold and warm", result.fresh_process, note)
    for part in result.left_out:
        console.print(f"left out: {part}")
    if any(times.cpu_per_wall > 1.05 for times in result.times.values()):
        console.print("more than one thread ran: CPU time exceeds wall time")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark; 1 when a deviation exceeds its tolerance, 2 when DIR is of no use."""
    args, errors = parse(argv), Console(stderr=True, highlight=False)
    args.output.parent.mkdir(parents=True, exist_ok=True)
    try:
        result = measure(args, lambda text: errors.print(text, markup=False))
    except TrackError as error:
        errors.print(f"error: {error}", markup=False, style="red")
        return 2
    text = json.dumps(asdict(result), indent=1, ensure_ascii=False)
    args.output.write_text(text + "\n", encoding="utf-8")
    # A pipe has no width: wide enough there that no number wraps.
    report(result, Console(width=None if sys.stdout.isatty() else 120, highlight=False))
    return 0 if all(each.passed for each in result.deviations.values()) else 1


if __name__ == "__main__":
    if harness.ONE_THREAD.items() <= os.environ.items():
        raise SystemExit(main())
    # The libraries under numpy read these when they load, and by now they have: start again.
    os.execve(sys.executable, sys.orig_argv, os.environ | harness.ONE_THREAD)
