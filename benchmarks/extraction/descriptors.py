"""Descriptors: how often tempo and key of composed songs are right, and what it costs.

The songs are those of `spdkit.synthetic`, whose tonic, mode and tempo are known; librosa is asked
about the same songs. They are simple, so the numbers compare methods and promise nothing of real
music.
"""

from __future__ import annotations

import sys
from pathlib import Path

if not __package__:  # run as a script, whose own folder alone is on the path
    sys.path.append(str(Path(__file__).resolve().parents[2]))

import argparse
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from statistics import median

import librosa
import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray
from rich.console import Console
from threadpoolctl import threadpool_limits

from benchmarks.common import measuring, script
from benchmarks.common.measuring import AUDIO_PACKAGES, Call, Comparison, Head, Times
from spdkit.extractors.descriptors import DescriptorExtractor
from spdkit.extractors.descriptors.loudness import loudness
from spdkit.extractors.descriptors.rhythm import rhythm
from spdkit.extractors.descriptors.tonality import (
    KEY_PROFILES,
    Key,
    find_key,
    mean_chroma,
    tonality,
)
from spdkit.synthetic.sound import SR, TONICS, Song, compose_song
from spdkit.tracks.track import Track

Samples = NDArray[np.float32]

TOLERANCE = 0.04  # of the true tempo
TEMPO_ERRORS = {"correct": 1.0, "double": 2.0, "half": 1 / 2, "triple": 3.0, "third": 1 / 3}
# MIREX's; a fifth below counts nothing there.
KEY_WEIGHTS = {"correct": 1.0, "fifth above": 0.5, "relative": 0.3, "parallel": 0.2}
KEY_WEIGHTS |= dict.fromkeys(("fifth below", "other"), 0.0)
NAIVE = ("librosa.beat.beat_track(y)", "librosa.onset.onset_detect(y)", "librosa chroma_cqt(y)")
EPILOG = """\
examples:
  python benchmarks/extraction/descriptors.py
      144 songs, five clips, three rounds each: a few minutes

reading it:
  tempo      within 4 % of the truth ("accuracy 1"); octave errors counted apart, and forgiven in
             "accuracy 2"; the median error is of those that are correct
  key        tonic and mode; the MIREX score forgives a fifth above half, the relative key 0.3, the
             parallel key 0.2
  ratio      CPU time of librosa's calls, each from the samples alone, over ours; above 1, ours is
             faster. Ours finds tempo, beats and onsets (rhythm) or the key; librosa's chroma is
             but the first part of a key. Nothing stands against the loudness
"""


# Accuracy


@dataclass(frozen=True)
class TempoScore:
    """How many songs of each outcome; shares; median error in percent of the correct ones."""

    correct: int
    double: int
    half: int
    triple: int
    third: int
    other: int
    accuracy_1: float
    accuracy_2: float
    median_error_percent: float | None


@dataclass(frozen=True)
class KeyScore:
    """How many songs of each outcome; shares with the right key and mode; MIREX's score."""

    correct: int
    fifth_above: int
    fifth_below: int
    relative: int
    parallel: int
    other: int
    accuracy: float
    mode_accuracy: float
    mirex: float


def tempo_outcome(estimate: float, truth: float) -> str:
    """Which multiple of the true tempo an estimate is, if any."""
    for name, factor in TEMPO_ERRORS.items():
        if abs(estimate - factor * truth) <= TOLERANCE * factor * truth:
            return name
    return "other"


def score_tempi(estimates: Sequence[float], songs: Sequence[Song]) -> TempoScore:
    """Hold estimates against the tempi of songs; NaN is "other"."""
    pairs = [(estimate, song.tempo) for estimate, song in zip(estimates, songs, strict=True)]
    outcomes = Counter(tempo_outcome(*pair) for pair in pairs)
    errors = [abs(a / b - 1) for a, b in pairs if tempo_outcome(a, b) == "correct"]
    return TempoScore(
        **{name: outcomes[name] for name in (*TEMPO_ERRORS, "other")},
        accuracy_1=outcomes["correct"] / len(pairs),
        accuracy_2=1 - outcomes["other"] / len(pairs),
        median_error_percent=100 * median(errors) if errors else None,
    )


def key_outcome(estimate: Key | None, song: Song) -> str:
    """How an estimate lies to the key of a song."""
    if estimate is None:
        return "other"
    steps = (estimate.tonic - TONICS.index(song.tonic)) % 12
    major = song.mode == "major"
    if estimate.major == major:
        return {0: "correct", 7: "fifth above", 5: "fifth below"}.get(steps, "other")
    # A minor is nine semitones above C major, C major three above A minor.
    return {0: "parallel", 9 if major else 3: "relative"}.get(steps, "other")


def score_keys(estimates: Sequence[Key | None], songs: Sequence[Song]) -> KeyScore:
    """Hold estimates against the keys of songs."""
    pairs = list(zip(estimates, songs, strict=True))
    outcomes = Counter(key_outcome(estimate, song) for estimate, song in pairs)
    modes = sum(e is not None and e.major == (song.mode == "major") for e, song in pairs)
    return KeyScore(
        **{name.replace(" ", "_"): outcomes[name] for name in KEY_WEIGHTS},
        accuracy=outcomes["correct"] / len(pairs),
        mode_accuracy=modes / len(pairs),
        mirex=sum(KEY_WEIGHTS[name] * count for name, count in outcomes.items()) / len(pairs),
    )


def estimate(y: Samples) -> tuple[dict[str, float], dict[str, Key | None]]:
    """Tempi and keys of one song by each method."""
    scaled = y / np.abs(y).max()
    chroma = mean_chroma(scaled, sr=SR, n_fft=DescriptorExtractor().key_n_fft)
    constant_q = librosa.feature.chroma_cqt(y=y, sr=SR).mean(axis=1)
    tempi = {"ours": rhythm(scaled, sr=SR).tempo}
    for sr in (SR, 22050):  # the songs' own rate, and that to which librosa loads
        resampled = soxr.resample(y, SR, sr)
        beat, _ = librosa.beat.beat_track(y=resampled, sr=sr)
        tempi[f"librosa.beat.beat_track(y), {sr} Hz"] = float(beat.item())
        tempo = librosa.feature.tempo(y=resampled, sr=sr)
        tempi[f"librosa.feature.tempo(y), {sr} Hz"] = float(tempo.item())
    keys = {f"ours, {name}": find_key(chroma, name) for name in KEY_PROFILES}
    keys |= {f"librosa chroma_cqt(y), {name}": find_key(constant_q, name) for name in KEY_PROFILES}
    return tempi, keys


# Cost


def time_clips(clips: Sequence[Samples], folder: Path, repeats: int) -> Times:
    """Time each stage, the whole, decoding, and librosa's calls on clips."""

    def contestants(index: int, y: Samples) -> dict[str, Call]:
        path = folder / f"{index}.wav"
        soundfile.write(path, y, SR, subtype="PCM_16")
        extractor, track = DescriptorExtractor(duration=None), Track("clip", str(path))
        scaled = y / np.abs(y).max()
        calls: dict[str, Call] = {
            "rhythm": partial(rhythm, scaled, sr=SR),
            "tonality": partial(tonality, scaled, sr=SR),
            "loudness": partial(loudness, y, sr=SR),
            "all descriptors": partial(extractor.describe, y),
            "decoding a wav": partial(extractor.read, track),
            "a file to its row": partial(extractor.extract, track),
        }
        peers: tuple[Call, ...] = (
            partial(librosa.beat.beat_track, y=y, sr=SR),
            partial(librosa.onset.onset_detect, y=y, sr=SR),
            partial(librosa.feature.chroma_cqt, y=y, sr=SR),
        )
        return calls | dict(zip(NAIVE, peers, strict=True))

    return measuring.interleave((contestants(i, y) for i, y in enumerate(clips)), repeats)


def compare(times: Times) -> dict[str, Comparison]:
    """Set our stages against librosa's calls for the same, and all against all."""
    beat, onset, chroma = NAIVE

    def against(peers: Sequence[str], ours: str) -> Comparison:
        return measuring.compare(times.sums(list(peers)), times.cpu_ms[ours])

    alone = ("loudness", "decoding a wav", "a file to its row")
    return {
        f"rhythm, over {beat} and onset_detect(y)": against((beat, onset), "rhythm"),
        f"rhythm, over {beat}": against((beat,), "rhythm"),
        f"rhythm, over {onset}": against((onset,), "rhythm"),
        f"tonality, over {chroma}": against((chroma,), "tonality"),
        "all descriptors, over the three": against(NAIVE, "all descriptors"),
        **{name: Comparison(None, times.median(name)) for name in alone},
    }


# The run


@dataclass
class Result(Head):
    """The JSON."""

    songs: int
    seeds: list[int]
    tempo: dict[str, TempoScore] = field(default_factory=dict)
    key: dict[str, KeyScore] = field(default_factory=dict)
    cost: dict[str, Comparison] = field(default_factory=dict)
    times: Times | None = None


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = script.new_parser(__doc__, EPILOG)
    script.add_counts(parser, songs=(48, "a seed"), seeds=(3, "how many, from 0"))
    script.add_counts(parser, clips=(5, "timed"), repeats=(3, "rounds on each clip"))
    parser.add_argument("--duration", **script.CLIP_SECONDS)
    script.add_output(parser, "descriptors")
    return parser.parse_args(argv)


def mono(i: int, seed: int) -> tuple[Song, Samples]:
    """Song `i` of `seed` as an extractor hears it."""
    song, sound = compose_song(i, seed)
    return song, sound.mean(axis=1).astype(np.float32)


def measure(args: argparse.Namespace, progress: script.Progress) -> Result:
    """Run every part in turn."""
    options = ("songs", "seeds", "clips", "repeats", "duration")
    command = script.command_line("extraction/descriptors.py", args, *options)
    head = measuring.head("descriptors", command, (*AUDIO_PACKAGES, "pyloudnorm"))
    seeds = list(range(args.seeds))
    result = Result(**head, songs=args.songs * args.seeds, seeds=seeds)
    with tempfile.TemporaryDirectory() as folder, threadpool_limits(1):
        progress(f"listening to {result.songs} songs")
        heard = (mono(i, seed) for seed in result.seeds for i in range(args.songs))
        estimates = [(song, *estimate(y)) for song, y in heard]
        songs, tempi, keys = zip(*estimates, strict=True)
        result.tempo = {m: score_tempi([each[m] for each in tempi], songs) for m in tempi[0]}
        result.key = {m: score_keys([each[m] for each in keys], songs) for m in keys[0]}
        progress(f"timing {args.clips} clips")
        length = round(args.duration * SR)  # songs are played again until it is reached
        clips = [np.resize(mono(i, 0)[1], length) for i in range(args.clips)]
        result.times = time_clips(clips, Path(folder), args.repeats)
        result.cost = compare(result.times)
    return result


def report(result: Result, console: Console) -> None:
    """Print the tables."""
    songs = f"{result.songs} composed songs"
    measuring.show(console, f"Tempo of {songs}", result.tempo)
    measuring.show(console, f"Key of {songs}", result.key)
    measuring.show(
        console, "CPU time of a clip", result.cost, "milliseconds; ratio: librosa's / ours"
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark."""
    args = parse(argv)
    result = measure(args, script.error_console().print)
    script.save(asdict(result), args.output)
    report(result, script.results_console())
    return 0


if __name__ == "__main__":
    script.in_one_thread(main)
