"""Samples: which clips are read, and how their values are scaled."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, strategies as st

from spdkit.audio_models import samples
from spdkit.audio_models.samples import ClipScale, Excerpt, Samples, as_songs, n_samples
from spdkit.common.errors import ParameterError


class FileSong:
    """A song that says what was read of it."""

    def __init__(self, clips, id):
        self.clips, self.id, self.asked = np.float32(clips), id, []

    @property
    def n_values(self):
        return self.clips.shape[1]

    def __len__(self):
        return len(self.clips)

    def read(self, start, stop):
        self.asked.append((start, stop))
        return self.clips[start:stop]


def songs(*lengths, n_values=2):
    rng = np.random.default_rng(0)
    return [rng.normal(3, 2, (n, n_values)).astype(np.float32) for n in lengths]


@given(st.lists(st.integers(0, 60), min_size=1, max_size=6), st.integers(1, 24))
def test_samples_are_whole_and_what_remains_is_dropped(lengths, time_steps):
    clips = [np.full((n, 1), i) + np.arange(n)[:, None] / 100 for i, n in enumerate(lengths)]
    read = Samples(as_songs(clips), time_steps)
    expected = [
        song[start : start + time_steps]
        for song in clips
        for start in range(0, len(song) - time_steps + 1, time_steps)
    ]
    assert len(read) == len(expected) == n_samples(as_songs(clips), time_steps).sum()
    if expected:
        np.testing.assert_array_equal(read[:], np.float32(expected))
        np.testing.assert_array_equal(read.song, [int(sample[0, 0]) for sample in expected])


def test_only_the_clips_of_the_samples_asked_for_are_read():
    one, other = FileSong(songs(7)[0], "a"), FileSong(songs(4)[0], "b")
    read = Samples([one, other], 2)
    batch = read[torch.tensor([4, 0])]
    assert (one.asked, other.asked) == ([(0, 2)], [(2, 4)])
    np.testing.assert_array_equal(batch, [other.clips[2:4], one.clips[:2]])
    np.testing.assert_array_equal(read[1:3], [one.clips[2:4], one.clips[4:6]])


def test_few_samples_are_held_and_many_are_read(monkeypatch):
    read = Samples(as_songs(songs(6, 3)), 3)
    held = read.held()
    assert isinstance(held, torch.Tensor)
    assert torch.equal(held, read[:])
    monkeypatch.setattr(samples, "_HELD", 4 * 3 * 3 * 2 - 1)
    assert read.held() is read
    monkeypatch.setattr(samples, "_HELD", 4 * 3 * 3 * 2)
    assert isinstance(read.held(), torch.Tensor)


@pytest.mark.parametrize("at_a_time", [1, 8, 1 << 22])
def test_mean_and_deviation_are_numpys_over_the_clips_that_train(monkeypatch, at_a_time):
    monkeypatch.setattr(samples, "_VALUES_AT_A_TIME", at_a_time)
    clips = songs(7, 2, 12, 0)
    scale = ClipScale.of(as_songs(clips), 3)
    used = np.concatenate([clips[0][:6], clips[2]]).astype(float)
    np.testing.assert_allclose(scale.mean, used.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(scale.deviation, used.std(axis=0), rtol=1e-12)
    scaled = Samples(as_songs(clips), 3, scale)[:].flatten(0, 1).numpy()
    np.testing.assert_allclose(scaled, (used - used.mean(0)) / used.std(0), rtol=1e-4, atol=1e-5)


def test_a_value_that_never_varied_is_0_whatever_it_is_later():
    clips = np.array([[0.1, 1.0], [0.1, 2.0], [0.1, 3.0]], dtype=np.float32)
    scale = ClipScale.of(as_songs([clips, clips[:2]]), 1)
    assert scale.deviation[0] == 0
    later = Samples(as_songs([np.array([[1e6, 2.0]])]), 1, scale)[:]
    assert later[0, 0, 0] == 0
    assert torch.isfinite(later).all()


def test_the_scale_of_large_values_is_exact():
    clips = 1e6 + songs(3000)[0].astype(float)
    scale = ClipScale.of(as_songs([clips[:7], clips[7:]]), 1)
    np.testing.assert_allclose(scale.deviation, np.float32(clips).astype(float).std(0), rtol=1e-9)


def test_songs_without_numbers_are_named():
    bad = songs(4, 4, 4)
    bad[1][2, 1] = np.nan
    bad[2][0, 0] = np.inf
    with pytest.raises(ParameterError, match=r"2 of 3 songs hold values .* song 1, song 2"):
        ClipScale.of(as_songs(bad), 2)


@pytest.mark.parametrize(
    ("X", "message"),
    [
        ([], "at least one song"),
        ("clips.h5", "at least one song"),
        (None, "at least one song"),
        ([np.ones((2, 3)), np.ones(3)], r"song 1 must have shape .* got \(3,\)"),
        ([[["a", "b"]]], "song 0 must .* be of numbers"),
        ([np.ones((2, 0))], "song 0 must"),
        ([np.ones((2, 3)), np.ones((2, 4))], "song 1 has clips of 4 values, and 3 are expected"),
        ([FileSong(np.ones((1, 4)), "a.ogg")], "a.ogg has clips of 4 values, and 3 are expected"),
    ],
)
def test_what_are_no_songs_is_refused(X, message):
    with pytest.raises(ParameterError, match=message):
        as_songs(X, 3)


def test_an_excerpt_is_a_song_of_its_own():
    song = FileSong(songs(9)[0], "a")
    excerpt = Excerpt(song, 4, 3, "a")
    assert (len(excerpt), excerpt.n_values) == (3, 2)
    np.testing.assert_array_equal(excerpt.read(1, 3), song.clips[5:7])
