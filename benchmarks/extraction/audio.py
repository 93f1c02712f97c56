"""Audio extraction: CPU time, memory and accuracy, against librosa and against the floor.

Everything is measured in one run on the same music, in one thread of one process but for the
batches. Ratios between contestants carry over to other machines; milliseconds do not.
"""

from __future__ import annotations

import sys
from pathlib import Path

if not __package__:  # run as a script, whose own folder alone is on the path
    sys.path.append(str(Path(__file__).resolve().parents[2]))

import argparse
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks.common import measuring, script
from benchmarks.common.measuring import AUDIO_PACKAGES, Call, Times
from benchmarks.extraction import (
    audio_accuracy,
    audio_steps,
    end_to_end,
    fresh_process,
    librosa_peer,
    sounds,
)
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
  python benchmarks/extraction/audio.py ~/music
      five random clips, three rounds each: about a quarter of an hour
  python benchmarks/extraction/audio.py ~/music --clips 1 --repeats 1 --quick
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


def time_clips(clips: Sequence[Sound], settings: Sequence[AudioSettings], repeats: int) -> Times:
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

    return measuring.interleave((contestants(clip.y) for clip in clips), repeats)


def time_families(clips: Sequence[Sound], settings: AudioSettings, repeats: int) -> Times:
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

    return measuring.interleave((contestants(clip.y) for clip in clips), repeats)


def time_decoding(paths: dict[str, Path], duration: float, repeats: int) -> Times:
    """Time the middle window, its bare read, features included, and the whole file, by format."""
    y = read_clip(str(paths["wav"]), duration=duration).y
    calls: dict[str, Call] = {
        "FFT": sounds.fft_floor(y, np.float64),
        "FFT, single precision": sounds.fft_floor(y, np.float32),
    }
    for suffix, path in paths.items():
        calls[f"{suffix}: bare read"] = partial(sounds.bare_read, path, duration)
        calls[f"{suffix}: window"] = partial(read_clip, str(path), duration=duration)
        calls[f"{suffix}: whole file"] = partial(read_clip, str(path), duration=None)
        for profile in PROFILES:
            extractor, track = AudioExtractor(profile, duration=duration), Track("music", str(path))
            calls[f"{profile}: {suffix}"] = partial(extractor.extract, track)
    return measuring.interleave([calls], repeats)


def compare(clips: Sequence[Sound], settings: Sequence[AudioSettings]) -> dict[str, Deviation]:
    """Hold each family of each profile against librosa's, over all clips."""
    by_family: dict[str, list[Deviation]] = {}
    for clip in clips:
        reference = audio_accuracy.Reference(clip.y, settings[0].sr)
        for s in settings:
            frames, tunings = audio_steps.frame_features(clip.y, s)
            tied = [name for name, tuning in tunings.items() if tuning.rivals]
            of_clip = audio_accuracy.deviations(frames, reference, s.profile, tied)
            for family, each in of_clip.items():
                by_family.setdefault(f"{s.profile}: {family}", []).append(each)
    return {name: audio_accuracy.worst(each) for name, each in by_family.items()}


# The run


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = script.new_parser(__doc__, EPILOG)
    parser.add_argument("folder", type=Path, metavar="DIR", help="a folder of real music")
    script.add_counts(parser, clips=(5, "files drawn from DIR"), repeats=(3, "rounds on each clip"))
    parser.add_argument("--duration", **script.CLIP_SECONDS)
    parser.add_argument("--seed", type=int, default=0, help="of the draw (default: 0)")
    two = script.at_least(4, "two processes want some each")
    parser.add_argument("--tracks", type=two, default=128, help="of each batch (default: 128)")
    help_ = "clips held against librosa frame by frame (default: all)"
    parser.add_argument("--deviation-clips", type=script.at_least(1), metavar="N", help=help_)
    parser.add_argument("--quick", action="store_true", help=f"leave out {LEFT_OUT}")
    script.add_output(parser, "extraction")
    args = parser.parse_args(argv)
    args.deviation_clips = args.deviation_clips or args.clips
    return args


def measure(args: argparse.Namespace, progress: script.Progress) -> Result:
    """Run every part in turn."""
    progress("choosing clips")
    clips, unused = sounds.choose(args.folder, args.clips, args.seed, args.duration)
    for name, reason in unused.items():
        progress(f"not used: {name}: {reason}")
    names = [clip.name for clip in clips]
    progress(f"{len(clips)} clips of {args.clips} asked for: {', '.join(names)}")
    settings = [AudioExtractor(p, duration=args.duration).settings for p in PROFILES]
    options = ("clips", "repeats", "duration", "seed", "tracks", "deviation_clips")
    folder = (args.folder.resolve().name,)  # without the folders above
    command = script.command_line("extraction/audio.py", args, *options, first=folder)
    head = measuring.head("extraction", command + " --quick" * args.quick, AUDIO_PACKAGES)
    result = Result(**head, clips=names, unused=unused)
    with tempfile.TemporaryDirectory() as name, threadpool_limits(1):
        progress("timing whole clips")
        result.times["clips"] = time_clips(clips, settings, args.repeats)
        progress("timing feature families")
        result.times["families"] = time_families(clips, settings[0], args.repeats)
        progress("timing decoding")
        source = max(clips, key=lambda clip: clip.channels)  # the usual file is stereo
        samples, rate, result.decoded_file = sounds.head(source, WINDOWS * args.duration)
        paths = sounds.transcode(samples, rate, Path(name))
        rounds = args.repeats * len(clips)
        result.times["decoding"] = time_decoding(paths, args.duration, rounds)
        progress("comparing with librosa")
        compared = clips[: args.deviation_clips]
        result.deviation_clips = len(compared)
        result.deviations = compare(compared, settings)
        if args.quick:
            result.left_out.append(f"{LEFT_OUT} (--quick)")
        else:
            processes(result, clips, Path(name), args, progress)
    tabulate(result)
    return result


def processes(
    result: Result,
    clips: Sequence[Sound],
    folder: Path,
    args: argparse.Namespace,
    progress: script.Progress,
) -> None:
    """What only processes of their own can tell."""
    y, duration, repeats = clips[0].y, args.duration, args.repeats
    progress("starting fresh processes, the first ones compiling")
    result.fresh_process = fresh_process.fresh_processes(y, folder, duration, repeats)
    progress(f"extracting a file of {LONG_HOURS:g} hours")
    result.long_file = fresh_process.long_file(y, LONG_HOURS, folder)
    progress(f"extracting {args.tracks} tracks with one process and with two")
    paths = [clip.path for clip in clips]
    result.batches = end_to_end.batches(paths, args.tracks, folder, duration, repeats)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark; 1 when a deviation exceeds its tolerance, 2 when DIR is of no use."""
    args, errors = parse(argv), script.error_console()
    try:
        result = measure(args, errors.print)
    except TrackError as error:
        errors.print(f"error: {error}", style="red")
        return 2
    script.save(asdict(result), args.output)
    report(result, script.results_console())
    return 0 if all(each.passed for each in result.deviations.values()) else 1


if __name__ == "__main__":
    script.in_one_thread(main)
