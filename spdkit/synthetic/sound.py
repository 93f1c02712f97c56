"""Sound of our own: small songs with chords, bass, drums and a melody, composed and played.

Conventions: pitches are MIDI numbers or semitones above the tonic, times are seconds, a bar has
four beats and sixteen steps. The sound of song ``i`` is drawn from ``default_rng([seed, i])`` and
nothing else. Lyrics, facts and popularity have generators of their own (``[seed, i, 1]`` and on;
never 0, which numpy takes for the same seed), so that the sound stays as it is, byte for byte.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product

import numpy as np
from numpy.typing import NDArray

SR = 44100
PEAK = 0.8
SECONDS = 12.0
TAIL = 0.6  # for the last chord to die away
STEPS = 16  # a bar
TEMPI = (70, 170)  # beats a minute, whole numbers
LEAD_SLOPES = (0.9, 2.0)  # of the lead's partials, see Timbre
TONICS = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
SCALES = {"major": (0, 2, 4, 5, 7, 9, 11), "minor": (0, 2, 3, 5, 7, 8, 10)}
# Scale degrees from 0, a chord a bar. All of them begin at home.
PROGRESSIONS = {
    "major": ((0, 4, 5, 3), (0, 5, 3, 4), (0, 3, 4, 0), (0, 5, 1, 4), (0, 3, 0, 4)),
    "minor": ((0, 5, 3, 4), (0, 3, 4, 0), (0, 6, 5, 4), (0, 3, 0, 4), (0, 5, 0, 4)),
}
# A bar in steps: "x" is a stroke, "X" an accent.
BASS_LINES = ("x...x...x...x...", "x.......x.......", "x.x.x.x.x.x.x.x.", "x.....x.x.....x.")
RHYTHMS = ("x...x...x...x...", "x...x.x.x.......", "x.x.x...x.x.x...", "x.....x.x...x...")
GROOVES = (  # kick, snare, hat
    ("X...X...X...X...", "....x.......x...", "..x...x...x...x."),
    ("X.......X.......", "....X.......X...", "x.x.x.x.x.x.x.x."),
    ("X.......x.x.....", "....X.......X...", "X.x.X.x.X.x.X.x."),
    ("X.....x.X.......", "....X.......X...", "X...X...X...X..."),
)
ADJECTIVES = "Amber Broken Distant Electric Golden Lonely Midnight Paper Quiet Silver Velvet Violet"
NOUNS = "Avenue Bridges Carousel Fever Garden Harbour Islands Mirrors Ocean Radio Thunder Windows"

Samples = NDArray[np.float64]


@dataclass(frozen=True)
class Song:
    """What was composed: the truth that estimates can be held against."""

    title: str
    file: str  # within the folder: its track_id
    tonic: str  # one of TONICS
    mode: str  # "major" or "minor"
    tempo: float  # beats a minute


@dataclass(frozen=True)
class Timbre:
    """The strengths of a tone's partials, and its envelope in seconds (`sustain` in 0 … 1)."""

    slope: float  # partial k is as strong as k**-slope: the steeper, the duller
    odd: bool  # no even partials
    attack: float
    decay: float
    sustain: float
    release: float

    @property
    def partials(self) -> tuple[float, ...]:
        """Strengths of partials 1 to 16."""
        return tuple(0.0 if self.odd and k % 2 == 0 else k**-self.slope for k in range(1, 17))


@dataclass(frozen=True)
class Note:
    """When a tone starts and how long it is held, in seconds; its MIDI pitch; its level."""

    start: float
    held: float
    pitch: int
    level: float


@dataclass(frozen=True)
class SongPlan:
    """What is settled before a note is played."""

    song: Song
    bar: float  # seconds
    degrees: tuple[int, ...]  # the chord of each bar
    pad: Timbre
    bass: Timbre
    lead: Timbre


def plan_song(i: int, seed: int = 0) -> SongPlan:
    """Plan song `i` without playing it: some hundred microseconds instead of 0.1 s."""
    return _plan(i, seed, np.random.default_rng([seed, i]))


def compose_song(i: int, seed: int = 0) -> tuple[Song, Samples]:
    """Compose and play song `i`: what it is, and its samples, shape (n_samples, 1 or 2)."""
    rng = np.random.default_rng([seed, i])
    plan = _plan(i, seed, rng)
    song, degrees, bar = plan.song, plan.degrees, plan.bar
    n_samples = round((len(degrees) * bar + TAIL) * SR)
    pad = _play(_pad(song, degrees, bar), plan.pad, n_samples)
    bass = _play(_bass(song, degrees, bar, rng), plan.bass, n_samples)
    lead = _play(_melody(song, degrees, bar, rng), plan.lead, n_samples)
    drums = _drums(len(degrees), bar, n_samples, rng)
    # Sound, level, and pan from -1 (left) to 1 (right).
    stems = [(pad, 0.5, -0.3), (bass, 0.25, 0.0), (lead, 0.4, 0.35), (drums, 0.7, 0.0)]
    return song, _mix(stems, stereo=i % 3 != 0)


def _plan(i: int, seed: int, rng: np.random.Generator) -> SongPlan:
    song = _song(i, seed, rng)
    bar = 4 * 60.0 / song.tempo
    degrees = _degrees(song, max(4, round(SECONDS / bar)), rng)
    return SongPlan(song, bar, degrees, *_timbres(rng))


def _song(i: int, seed: int, rng: np.random.Generator) -> Song:
    # 5 and 24 have no common divisor: every key comes once in 24 songs, modes mixed.
    key = (5 * i + seed) % 24
    return Song(
        title=f"{rng.choice(ADJECTIVES.split())} {rng.choice(NOUNS.split())}",
        file=file_name(i),
        tonic=TONICS[key % 12],
        mode=("major", "minor")[key // 12],
        tempo=float(rng.integers(TEMPI[0], TEMPI[1] + 1)),
    )


def file_name(i: int) -> str:
    """Name of song `i`'s file, which is its ``track_id``."""
    return f"song-{i:03d}.{('wav', 'flac')[i % 2]}"


# Harmony: which chord in which bar, and which pitches it allows.
def _degrees(song: Song, n_bars: int, rng: np.random.Generator) -> tuple[int, ...]:
    degrees: list[int] = np.resize(rng.choice(PROGRESSIONS[song.mode]), n_bars).tolist()
    degrees[-2:] = 4, 0  # dominant, tonic: a song comes home
    return tuple(degrees)


def _scale(mode: str, degree: int) -> tuple[int, ...]:
    """Semitones above the tonic; a minor key raises its seventh over the dominant."""
    scale = SCALES[mode]
    return (*scale[:6], 11) if mode == "minor" and degree == 4 else scale


def _triad(mode: str, degree: int) -> tuple[int, int, int]:
    scale = _scale(mode, degree)
    return scale[degree], scale[(degree + 2) % 7], scale[(degree + 4) % 7]


def _ladder(classes: Sequence[int], song: Song, low: int, high: int) -> NDArray[np.int64]:
    """Every pitch from `low` to `high` whose distance above the tonic is in `classes`."""
    pitches = np.arange(low, high + 1)
    return pitches[np.isin((pitches - TONICS.index(song.tonic)) % 12, classes)]


# Parts: the notes of each instrument.
def _strokes(pattern: str) -> list[tuple[int, int]]:
    """First step and length in steps of each stroke; a stroke lasts until the next."""
    steps = [step for step, mark in enumerate(pattern) if mark != "."]
    return [(step, end - step) for step, end in zip(steps, [*steps[1:], STEPS], strict=True)]


def _pad(song: Song, degrees: Sequence[int], bar: float) -> list[Note]:
    """Three voices a bar, each chord in the position nearest to the one before."""
    voices, notes = np.array([55, 60, 64]), []
    for k, degree in enumerate(degrees):
        classes = np.array(_triad(song.mode, degree)) + TONICS.index(song.tonic)
        positions = [np.sort(low + (classes - low) % 12) for low in range(50, 62)]
        voices = positions[np.argmin([np.abs(p - voices).sum() for p in positions])]
        notes += [Note(k * bar, bar, int(pitch), 0.5) for pitch in voices]
    return notes


def _bass(song: Song, degrees: Sequence[int], bar: float, rng: np.random.Generator) -> list[Note]:
    """The root of the chord, and in some songs its fifth on the last stroke of a bar."""
    strokes = _strokes(rng.choice(BASS_LINES))
    fifth_last = len(strokes) > 2 and rng.random() < 0.5
    notes = []
    for k, degree in enumerate(degrees):
        root, _, fifth = _triad(song.mode, degree)
        for step, length in strokes:
            leaving = fifth_last and step == strokes[-1][0]
            pitch = _ladder([fifth if leaving else root], song, 33, 44)[0]
            start, held = (k + step / STEPS) * bar, 0.9 * length / STEPS * bar
            notes.append(Note(start, held, int(pitch), 1.0))
    return notes


def _melody(song: Song, degrees: Sequence[int], bar: float, rng: np.random.Generator) -> list[Note]:
    """Walk on the scale, meet the chord on every beat; bars a a b a, the last a held tonic."""
    a, b = rng.choice(len(RHYTHMS), size=2, replace=False)
    pitch, notes = 72, []
    for k, degree in enumerate(degrees):
        last = k == len(degrees) - 1
        scale = _ladder(_scale(song.mode, degree), song, 64, 84)
        chord = _ladder([0] if last else _triad(song.mode, degree), song, 64, 84)
        rhythm = "x..............." if last else RHYTHMS[b if k % 4 == 2 else a]
        for step, length in _strokes(rhythm):
            choices = chord if step % 4 == 0 else scale
            aim = pitch + rng.integers(-4, 5)
            pitch = int(choices[np.argmin(np.abs(choices - aim))])
            start, held = (k + step / STEPS) * bar, 0.95 * length / STEPS * bar
            notes.append(Note(start, held, pitch, rng.uniform(0.7, 1.0)))
    return notes


# Sound: notes and strokes to samples.
def _timbres(rng: np.random.Generator) -> tuple[Timbre, Timbre, Timbre]:
    pad = rng.uniform(1.2, 2.2), rng.random() < 0.3
    lead = rng.uniform(*LEAD_SLOPES), rng.random() < 0.5
    return (
        Timbre(*pad, rng.uniform(0.02, 0.25), 0.3, rng.uniform(0.6, 0.9), 0.4),
        Timbre(2.0, False, 0.008, 0.15, 0.7, 0.06),
        # From a plucked string (sustain near 0) to an organ (near 1).
        Timbre(*lead, 0.01, rng.uniform(0.1, 0.4), rng.uniform(0.2, 0.9), 0.15),
    )


@lru_cache(maxsize=64)
def _cycle(partials: tuple[float, ...]) -> Samples:
    """One period of a tone, with a mean square of 1/2."""
    phase = 2 * np.pi * np.arange(2**14) / 2**14
    cycle = np.zeros(len(phase))
    for k, strength in enumerate(partials, start=1):
        cycle += strength * np.sin(k * phase)
    return cycle / float(np.linalg.norm(partials))


def _tone(note: Note, timbre: Timbre) -> Samples:
    hertz = 440.0 * 2.0 ** ((note.pitch - 69) / 12)
    # Partials above 16 kHz are left out, well before they could alias.
    cycle = _cycle(timbre.partials[: int(16000 / hertz)])
    samples = np.arange(round((note.held + timbre.release) * SR))
    # Read from a table: far cheaper than a sine for each partial.
    wave = cycle[(samples * (hertz * len(cycle) / SR)).astype(np.int64) % len(cycle)]
    attack, decay = min(timbre.attack, note.held / 3), min(timbre.decay, note.held / 3)
    times = np.array([0, attack, attack + decay, note.held, note.held + timbre.release])
    levels = (0.0, 1.0, timbre.sustain, timbre.sustain, 0.0)
    tone: Samples = wave * np.interp(samples, times * SR, levels)
    return tone


def _place(sound: Samples, start: float, level: float, into: Samples) -> None:
    room = into[round(start * SR) :][: len(sound)]
    room += level * sound[: len(room)]


def _play(notes: Sequence[Note], timbre: Timbre, n_samples: int) -> Samples:
    stem = np.zeros(n_samples)
    for note in notes:
        _place(_tone(note, timbre), note.start, note.level, stem)
    return stem


def _drums(n_bars: int, bar: float, n_samples: int, rng: np.random.Generator) -> Samples:
    groove = rng.choice(GROOVES)
    t = np.arange(round(0.4 * SR)) / SR
    noise = rng.standard_normal((2, len(t)))
    # A kick falls from 150 Hz to 50 Hz; a hat is noise without its low end.
    kick = np.sin(2 * np.pi * (50 * t + 100 / 30 * (1 - np.exp(-30 * t)))) * np.exp(-14 * t)
    snare = 0.3 * noise[0] * np.exp(-18 * t) + 0.5 * np.sin(2 * np.pi * 190 * t) * np.exp(-25 * t)
    hat = 0.12 * np.diff(noise[1], n=2, append=[0, 0]) * np.exp(-60 * t)
    stem = np.zeros(n_samples)
    for sound, pattern in zip((kick, snare, hat), groove, strict=True):
        for k, (step, _) in product(range(n_bars), _strokes(pattern)):
            level = 1.0 if pattern[step] == "X" else 0.6
            _place(sound, (k + step / STEPS) * bar, level, stem)
    return stem


def _mix(stems: Sequence[tuple[Samples, float, float]], stereo: bool) -> Samples:
    """Mix stems, each with its level and its pan from -1 (left) to 1 (right)."""
    mixed = np.zeros((len(stems[0][0]), 2 if stereo else 1))
    for sound, level, pan in stems:
        angle = (pan + 1) * np.pi / 4
        gains = [np.cos(angle), np.sin(angle)] if stereo else [1.0]
        mixed += level * sound[:, None] * gains
    return mixed * (PEAK / float(np.abs(mixed).max()))
