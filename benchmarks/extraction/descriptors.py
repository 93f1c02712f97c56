"""How often the tempo and the key of composed songs are found, and what the descriptors cost.

The songs are those of `spdkit.synthetic.sound`, whose tonic, mode and tempo are known; librosa is
asked about the same songs. They are simple, so the numbers compare methods and promise nothing of
real music.
"""

from __future__ import annotations

import sys
from pathlib import Path

if not __package__:  # run as a script, whose own folder alone is on the path
    sys.path.append(str(Path(__file__).resolve().parents[2]))

import argparse
import shlex
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from importlib import metadata
from statistics import median
from typing import Any

import librosa
import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray
from rich.console import Console
from threadpoolctl import threadpool_limits

from benchmarks.common import measuring
from benchmarks.common.measuring import Call, Comparison, Times
from benchmarks.common.script import in_one_thread, results_console, save
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
KEY_WEIGHTS = {
    "correct": 1.0,
    "fifth above": 0.5,
    "relative": 0.3,
    "parallel": 0.2,
    "fifth below": 0.0,
    "other": 0.0,
}
NAIVE = ("librosa.beat.beat_track(y)", "librosa.onset.onset_detect(y)", "librosa chroma_cqt(y)")
EPILOG = """\
examples:
  python benchmarks/descriptors.py
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
class Result:
    """What goes into the JSON."""

    benchmark: str
    command: str
    machine: dict[str, Any]
    versions: dict[str, str]
    songs: int
    seeds: list[int]
    tempo: dict[str, TempoScore] = field(default_factory=dict)
    key: dict[str, KeyScore] = field(default_factory=dict)
    cost: dict[str, Comparison] = field(default_factory=dict)
    times: Times | None = None


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--songs", type=int, default=48, help="a seed (default: 48)")
    parser.add_argument("--seeds", type=int, default=3, help="how many, from 0 (default: 3)")
    parser.add_argument("--clips", type=int, default=5, help="timed (default: 5)")
    parser.add_argument("--repeats", type=int, default=3, help="rounds on each clip (default: 3)")
    parser.add_argument("--duration", type=float, default=30.0, help="seconds a clip (default: 30)")
    default = Path(__file__).parents[1] / "results" / "descriptors.json"
    parser.add_argument("-o", "--output", type=Path, default=default, help="JSON to write")
    args = parser.parse_args(argv)
    if min(args.songs, args.seeds, args.clips, args.repeats) < 1:
        parser.error("--songs, --seeds, --clips and --repeats must be at least 1")
    if args.duration < 3:
        parser.error("--duration must be at least 3: librosa's longest constant-Q frame is 2.97 s")
    return args


def command(args: argparse.Namespace) -> str:
    """The command line, without the place of its output."""
    words = ["python", "benchmarks/descriptors.py"]
    for option in ("songs", "seeds", "clips", "repeats", "duration"):
        words += [f"--{option}", str(getattr(args, option))]
    return shlex.join(words)


def mono(i: int, seed: int) -> tuple[Song, Samples]:
    """Song `i` of `seed` as an extractor hears it."""
    song, sound = compose_song(i, seed)
    return song, sound.mean(axis=1).astype(np.float32)


def measure(args: argparse.Namespace, say: Callable[[str], None]) -> Result:
    """Run every part in turn."""
    result = Result(
        benchmark="descriptors",
        command=command(args),
        machine=measuring.machine(),
        versions=measuring.audio_versions() | {"pyloudnorm": metadata.version("pyloudnorm")},
        songs=args.songs * args.seeds,
        seeds=list(range(args.seeds)),
    )
    with tempfile.TemporaryDirectory() as folder, threadpool_limits(1):
        say(f"listening to {result.songs} songs")
        songs, tempi, keys = [], [], []
        for seed in result.seeds:
            for i in range(args.songs):
                song, y = mono(i, seed)
                found_tempi, found_keys = estimate(y)
                songs.append(song)
                tempi.append(found_tempi)
                keys.append(found_keys)
        result.tempo = {m: score_tempi([each[m] for each in tempi], songs) for m in tempi[0]}
        result.key = {m: score_keys([each[m] for each in keys], songs) for m in keys[0]}
        say(f"timing {args.clips} clips")
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
    args, errors = parse(argv), Console(stderr=True, highlight=False)
    args.output.parent.mkdir(parents=True, exist_ok=True)
    result = measure(args, lambda text: errors.print(text, markup=False))
    save(asdict(result), args.output)
    report(result, results_console())
    return 0


if __name__ == "__main__":
    in_one_thread(main)
