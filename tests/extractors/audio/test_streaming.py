"""Sound in pieces: the same numbers however it is cut, and memory that does not grow with it."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from signals import SIGNALS, SR

from spdkit.extractors import AudioExtractor
from spdkit.extractors.audio import (
    chroma,
    fast_engine as analysis,
    framing,
    spill_buffer as scratch,
)
from spdkit.extractors.audio.columns import Summary
from spdkit.extractors.audio.framing import chunks
from spdkit.extractors.audio.spill_buffer import SpillBuffer

few = settings(max_examples=60, deadline=None)


def cut(y, places):
    return [part for part in np.split(y, sorted(places)) if len(part)]


@few
@given(
    n=st.integers(8, 300),
    places=st.lists(st.integers(1, 299), max_size=6),
    hop=st.integers(1, 8),
    n_frames=st.integers(1, 9),
)
def test_chunks_hold_the_frames_of_the_padded_clip(n, places, hop, n_frames):
    y = np.arange(1, n + 1, dtype=np.float32)
    padded = np.pad(y, 4)
    expected = [padded[start : start + 8] for start in range(0, n + 1, hop)]
    found = []
    for chunk in chunks(cut(y, [p for p in places if p < n]), 8, hop, n_frames):
        frames = chunk.frames(8, hop)
        assert len(frames) == chunk.n_frames <= n_frames
        found += list(frames)
        assert (chunk.x[chunk.first : chunk.last] > 0).all()
        assert not chunk.x[: chunk.first].any()
        assert not chunk.x[chunk.last :].any()
    np.testing.assert_array_equal(found, expected)


@few
@given(
    lengths=st.lists(st.integers(0, 9), max_size=6),
    start=st.integers(-5, 30),
    size=st.integers(0, 40),
    in_memory=st.sampled_from([16, 1 << 20]),
)
def test_scratch_gives_back_what_it_was_given(lengths, start, size, in_memory):
    rows = np.arange(3 * sum(lengths), dtype=np.float32).reshape(-1, 3)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scratch, "_IN_MEMORY", in_memory)  # 16 bytes: all goes to a file
        kept = SpillBuffer(3)
        for part in np.split(rows, np.cumsum(lengths)[:-1]) if lengths else []:
            kept.append(part)
    padded = np.pad(rows, ((5, 80), (0, 0)))
    np.testing.assert_array_equal(kept.read(start, start + size), padded[start + 5 :][:size])
    blocks = list(kept.blocks(4))
    np.testing.assert_array_equal(np.concatenate(blocks) if blocks else rows[:0], rows)
    if len(rows) > 2:
        kept.replace(1, -rows[:2])
        np.testing.assert_array_equal(kept.read(0, 3), [rows[0], -rows[0], -rows[1]])


def row(blocks, s):
    summary = Summary(s)
    tunings = analysis.analyse(blocks, s, summary)
    return summary.row(), tunings


@pytest.mark.parametrize("profile", ["paper", "spotgentrack"])
def test_how_the_samples_come_changes_not_a_bit(profile):
    s = AudioExtractor(profile).settings
    y = np.concatenate([SIGNALS["chords"](), SIGNALS["drums"]()])
    whole, tuning = row([y], s)
    for places in ([1], range(5000, len(y), 5000), [2047, 2048, 2049, len(y) - 1]):
        parts, other = row(cut(y, places), s)
        np.testing.assert_array_equal(parts, whole)
        assert other == tuning


@pytest.mark.parametrize("n_frames", [40, 173, 200])
def test_chunks_and_segments_of_any_size_give_the_same_numbers(n_frames, monkeypatch):
    """As a long file would be cut, on a short one: around the length of the clip, too."""
    s = AudioExtractor(extra=True, statistics=("mean", "std", "median", "skew")).settings
    y = SIGNALS["drums"]()  # 173 frames
    whole, tunings = row([y], s)
    monkeypatch.setattr(framing, "CHUNK", n_frames)
    monkeypatch.setattr(analysis, "CHUNK", n_frames)
    monkeypatch.setattr(chroma, "_SEGMENT", n_frames)
    monkeypatch.setattr(framing.chunks, "__defaults__", (n_frames,))
    parts, others = row([y], s)
    assert others == tunings
    np.testing.assert_allclose(parts, whole, rtol=1e-4, atol=2e-4)


LONG = """
import numpy as np
from spdkit.extractors import AudioExtractor
from spdkit.extractors.audio.fast_engine import analyse
from spdkit.extractors.audio.columns import Summary

extractor = AudioExtractor()
extractor.warm_up()
noise = np.random.default_rng(0).standard_normal(1 << 18).astype(np.float32) * 0.1

def peak():
    status = open("/proc/self/status").read()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024

def run(seconds):
    summary = Summary(extractor.settings)
    analyse((noise for _ in range(seconds * 44100 // len(noise))), extractor.settings, summary)
    assert np.isfinite(summary.row()).all()
    return peak()

print(run(1200), run(2400))
"""


@pytest.mark.slow
def test_memory_does_not_grow_with_the_file(tmp_path):
    """Once what waits for the end lies in files, 210 MB more of samples take next to nothing."""
    done = subprocess.run(
        [sys.executable, "-P", "-c", LONG],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    short, long = map(float, done.stdout.split())
    assert long < short + 130, (short, long)
    left = [path for path in tmp_path.iterdir() if path.suffix != ".lock"]
    assert not left, "what went to TMPDIR is still there"


def test_a_clip_of_the_least_length_has_its_features():
    s = AudioExtractor(min_duration=2048 / SR).settings
    y = SIGNALS["speech"]()[20000:22048]
    values, _ = row([y], s)
    assert np.isfinite(values).all()
