"""CPU time, memory and accuracy of audio extraction, against librosa and against the floor.

Everything is measured in one run on the same music, in one thread of one process but for the
batches. Ratios between contestants carry over to other machines; milliseconds do not.
"""

from __future__ import annotations

import sys
from pathlib import Path

if not __package__:  # run as a script, whose own folder alone is on the path
    sys.path.append(str(Path(__file__).resolve().parents[2]))

import argparse
import shlex
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial

import numpy as np
from rich.console import Console
from threadpoolctl import threadpool_limits

from benchmarks.common import measuring
from benchmarks.common.measuring import Call, Times
from benchmarks.common.script import in_one_thread, results_console, save
from benchmarks.extraction import (
    audio_accuracy,
    audio_steps,
    end_to_end,
    fresh_process,
    librosa_peer,
)
from benchmarks.extraction import sounds as music
from benchmarks.extraction.audio_accuracy import Deviation
from benchmarks.extraction.audio_tables import PEERS, PROFILES, Result, report, tabulate
from benchmarks.extraction.librosa_peer import Frames
from benchmarks.extraction.sounds import Sound
from spdkit.extractors.audio import AudioExtractor
from spdkit.extractors.audio.columns import Summary
from spdkit.extractors.audio.settings import AudioSettings
from spdkit.extractors.audio.statistics import summarise
from spdkit.extractors.decoding.window import read_clip
from spdkit.tracks.track import Track, TrackError

WINDOWS = 6  # that the file of the decoding test is long: 3 minutes for 30 s
LONG_HOURS = 3.0
LEFT_OUT = "fresh processes, the long file, batches"
EPILOG = """\
examples:
  python benchmarks/extraction.py ~/music
      five random clips, three rounds each: about a quarter of an hour
  python benchmarks/extraction.py ~/music --clips 1 --repeats 1 --quick
      a first look: about one minute

reading it:
  ratio       CPU time of the peer over ours, medians over clips and rounds; above 1, ours is faster
  low, high   the ratio of a single round at its extremes: how noisy the machine was
  families    ours on spectra that are there; "shared" is what makes them
  over        decoding and features of a file together, over: decoding alone (ours; libsndfile's
              bare read), and the floor: that bare read and one real FFT a frame, in double
              precision as librosa's spectra need it, or in single precision. 1 at best
  deviation   largest difference from librosa on any frame of any clip

The exit status is 1 when a deviation exceeds its tolerance, 2 when DIR is of no use; no time can
fail a run.
"""


# Measurements


def time_clips(sounds: Sequence[Sound], settings: Sequence[AudioSettings], repeats: int) -> Times:
    """Time whole clips: librosa as people write it, with a shared STFT, through us; and ours."""

    def contestants(y: Frames) -> dict[str, Call]:
        calls: dict[str, Call] = {}
        for s in settings:
            naive, shared, engine, new = (f"{s.profile}: {peer}" for peer in PEERS)
            calls[naive] = partial(librosa_peer.naive_row, y, s.sr, s.profile)
            calls[shared] = partial(librosa_peer.shared_row, y, s.sr, s.profile)
            calls[engine] = partial(audio_steps.row_by_librosa, y, s)
            calls[new] = partial(
                audio_steps.row_at_new_tunings, y, s
            )  # leaves the tables for the next
            calls[f"{s.profile}: ours"] = partial(audio_steps.row, y, s)
        return calls

    return measuring.interleave((contestants(sound.y) for sound in sounds), repeats)


def time_families(sounds: Sequence[Sound], settings: AudioSettings, repeats: int) -> Times:
    """Time each family of the paper's profile, naive and ours, statistics included."""

    def contestants(y: Frames) -> dict[str, Call]:
        naive = librosa_peer.naive(y, settings.sr, "paper")

        def summarised(family: str) -> Call:
            parts = [naive[name] for name in family.split(" + ")]
            return lambda: [summarise(part(), settings.statistics) for part in parts]

        calls: dict[str, Call] = {"whole clip: ours": partial(audio_steps.row, y, settings)}
        for family, stage in audio_steps.Stages(y, settings, Summary(settings)).by_family().items():
            if family.split(" + ")[0] in naive:
                calls[f"{family}: naive librosa"] = summarised(family)
            calls[f"{family}: ours"] = stage
        return calls

    return measuring.interleave((contestants(sound.y) for sound in sounds), repeats)


def time_decoding(paths: dict[str, Path], duration: float, repeats: int) -> Times:
    """Time the middle window, its bare read, features included, and the whole file, by format."""
    y = read_clip(str(paths["wav"]), duration=duration).y
    calls: dict[str, Call] = {
        "FFT": music.fft_floor(y, np.float64),
        "FFT, single precision": music.fft_floor(y, np.float32),
    }
    for suffix, path in paths.items():
        calls[f"{suffix}: bare read"] = partial(music.bare_read, path, duration)
        calls[f"{suffix}: window"] = partial(read_clip, str(path), duration=duration)
        calls[f"{suffix}: whole file"] = partial(read_clip, str(path), duration=None)
        for profile in PROFILES:
            extractor, track = AudioExtractor(profile, duration=duration), Track("music", str(path))
            calls[f"{profile}: {suffix}"] = partial(extractor.extract, track)
    return measuring.interleave([calls], repeats)


def compare(sounds: Sequence[Sound], settings: Sequence[AudioSettings]) -> dict[str, Deviation]:
    """Hold each family of each profile against librosa's, over all clips."""
    found: dict[str, list[Deviation]] = {}
    for sound in sounds:
        reference = audio_accuracy.Reference(sound.y, settings[0].sr)
        for s in settings:
            frames, tunings = audio_steps.frame_features(sound.y, s)
            tied = [name for name, tuning in tunings.items() if tuning.rivals]
            for family, each in audio_accuracy.deviations(
                frames, reference, s.profile, tied
            ).items():
                found.setdefault(f"{s.profile}: {family}", []).append(each)
    return {name: audio_accuracy.worst(clips) for name, clips in found.items()}


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
    parser.add_argument("--tracks", type=int, default=128, help="of each batch (default: 128)")
    help_ = "clips held against librosa frame by frame (default: all)"
    parser.add_argument("--deviation-clips", type=int, default=None, metavar="N", help=help_)
    parser.add_argument("--quick", action="store_true", help=f"leave out {LEFT_OUT}")
    default = Path(__file__).parents[1] / "results" / "extraction.json"
    parser.add_argument("-o", "--output", type=Path, default=default, help="JSON to write")
    args = parser.parse_args(argv)
    if args.deviation_clips is None:
        args.deviation_clips = args.clips
    if min(args.clips, args.repeats, args.deviation_clips) < 1:
        parser.error("--clips, --repeats and --deviation-clips must be at least 1")
    if args.tracks < 4:
        parser.error("--tracks must be at least 4: two processes want some each")
    if args.duration < 3:
        parser.error("--duration must be at least 3: librosa's longest constant-Q frame is 2.97 s")
    return args


def command(args: argparse.Namespace) -> str:
    """The command line, without the folders above DIR."""
    words = ["python", "benchmarks/extraction.py", args.folder.resolve().name]
    for option in ("clips", "repeats", "duration", "seed", "tracks", "deviation-clips"):
        words += [f"--{option}", str(getattr(args, option.replace("-", "_")))]
    return shlex.join(words + ["--quick"] * args.quick)


def measure(args: argparse.Namespace, say: Callable[[str], None]) -> Result:
    """Run every part in turn."""
    say("choosing clips")
    sounds, unused = music.choose(args.folder, args.clips, args.seed, args.duration)
    for name, reason in unused.items():
        say(f"not used: {name}: {reason}")
    say(f"{len(sounds)} clips of {args.clips} asked for: {', '.join(s.name for s in sounds)}")
    settings = [AudioExtractor(p, duration=args.duration).settings for p in PROFILES]
    result = Result(
        benchmark="extraction",
        command=command(args),
        machine=measuring.machine(),
        versions=measuring.audio_versions(),
        clips=[sound.name for sound in sounds],
        unused=unused,
    )
    with tempfile.TemporaryDirectory() as name, threadpool_limits(1):
        say("timing whole clips")
        result.times["clips"] = time_clips(sounds, settings, args.repeats)
        say("timing feature families")
        result.times["families"] = time_families(sounds, settings[0], args.repeats)
        say("timing decoding")
        source = max(sounds, key=lambda sound: sound.channels)  # the usual file is stereo
        samples, rate, result.decoded_file = music.head(source, WINDOWS * args.duration)
        paths = music.transcode(samples, rate, Path(name))
        rounds = args.repeats * len(sounds)
        result.times["decoding"] = time_decoding(paths, args.duration, rounds)
        say("comparing with librosa")
        compared = sounds[: args.deviation_clips]
        result.deviation_clips = len(compared)
        result.deviations = compare(compared, settings)
        if args.quick:
            result.left_out.append(f"{LEFT_OUT} (--quick)")
        else:
            processes(result, sounds, Path(name), args, say)
    tabulate(result)
    return result


def processes(
    result: Result,
    sounds: Sequence[Sound],
    folder: Path,
    args: argparse.Namespace,
    say: Callable[[str], None],
) -> None:
    """What only processes of their own can tell."""
    y = sounds[0].y
    say("starting fresh processes, the first ones compiling")
    result.fresh_process = fresh_process.fresh_processes(y, folder, args.duration, args.repeats)
    say(f"extracting a file of {LONG_HOURS:g} hours")
    result.long_file = fresh_process.long_file(y, LONG_HOURS, folder)
    say(f"extracting {args.tracks} tracks with one process and with two")
    paths = [sound.path for sound in sounds]
    result.batches = end_to_end.batches(paths, args.tracks, folder, args.duration, args.repeats)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark; 1 when a deviation exceeds its tolerance, 2 when DIR is of no use."""
    args, errors = parse(argv), Console(stderr=True, highlight=False)
    args.output.parent.mkdir(parents=True, exist_ok=True)
    try:
        result = measure(args, lambda text: errors.print(text, markup=False))
    except TrackError as error:
        errors.print(f"error: {error}", markup=False, style="red")
        return 2
    save(asdict(result), args.output)
    report(result, results_console())
    return 0 if all(each.passed for each in result.deviations.values()) else 1


if __name__ == "__main__":
    in_one_thread(main)
