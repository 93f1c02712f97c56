"""The tuning: peaks and votes against librosa, and ties that are told."""

from __future__ import annotations

import warnings

import librosa
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from signals import SIGNALS, SR, write

from spdkit.extractors import AudioExtractor
from spdkit.extractors.audio.tuning import Tuning, fullest, spectral_peaks, votes_of

few = settings(max_examples=60, deadline=None)


@few
@given(seed=st.integers(0, 2**32 - 1), bins=st.sampled_from([12, 36]))
def test_votes_are_librosas_histogram(seed, bins):
    pitch = np.random.default_rng(seed).uniform(150, 4000, 500).astype(np.float32)
    residual = np.mod(bins * librosa.hz_to_octs(pitch), 1.0)
    residual[residual >= 0.5] -= 1.0
    expected, edges = np.histogram(residual, np.linspace(-0.5, 0.5, 101))
    votes = np.bincount(votes_of(pitch, bins), minlength=100)
    assert np.abs(votes - expected).sum() <= 2  # one may fall on an edge
    winner = fullest(votes_of(pitch, bins), np.ones(500, np.float32))
    assert winner.bins == pytest.approx(edges[np.argmax(votes)])


def test_only_the_louder_half_votes():
    votes = np.array([10] * 5 + [70] * 9, dtype=np.uint8)
    loud = np.array([2.0] * 5 + [1.0] * 4 + [0.5] * 5, dtype=np.float32)
    # The median is 1: five votes of 10 against four of 70.
    assert fullest(votes, loud) == Tuning(pytest.approx(-0.4))
    assert fullest(votes, np.ones(14, np.float32)) == Tuning(pytest.approx(0.2))


def test_near_ties_are_named_and_others_not():
    counts = {20: 200, 40: 199, 60: 198, 80: 197}
    votes = np.repeat(list(counts), list(counts.values())).astype(np.uint8)
    tuning = fullest(votes, np.ones(len(votes), np.float32))
    assert tuning.bins == pytest.approx(-0.3)
    assert tuning.rivals == pytest.approx((-0.1, 0.1))


def test_without_peaks_the_tuning_is_that_of_a440():
    nothing = np.empty(0, dtype=np.float32)
    assert fullest(nothing.astype(np.uint8), nothing) == Tuning(0.0)


@pytest.mark.parametrize("signal", ["chords", "speech", "noise", "drums"])
def test_peaks_are_piptracks(signal):
    S = np.abs(librosa.stft(SIGNALS[signal]()))
    S[:, 7] = 0
    S[100, 9] = S[101, 9] = 50.0  # a plateau: its first bin is the peak
    pitch, magnitude = librosa.piptrack(S=S, sr=SR)
    first, stop = 7, 186  # 150 Hz and 4 kHz
    votes = np.empty((stop - first) * S.shape[1], dtype=np.uint8)
    found = np.empty(len(votes), dtype=np.float32)
    n = spectral_peaks(
        np.ascontiguousarray(S), np.ascontiguousarray(S).view(np.int32), first, stop, SR / 2048,
        36, votes, found,
    )  # fmt: skip
    np.testing.assert_allclose(found[:n], magnitude[pitch > 0], rtol=1e-5)
    np.testing.assert_array_equal(votes[:n], votes_of(pitch[pitch > 0], 36))


def test_the_store_learns_tuning_and_ties(tmp_path):
    track = write(tmp_path / "y.wav", SIGNALS["chords"]())
    _, obs = AudioExtractor().extract_with_obs(track)
    theirs = librosa.estimate_tuning(y=SIGNALS["chords"](), sr=SR, bins_per_octave=36)
    assert obs["tuning"] == pytest.approx(theirs)
    assert -0.5 <= obs["harmonic_tuning"] < 0.5
    assert isinstance(obs["tuning_ties"], str)
    _, obs = AudioExtractor("spotgentrack", tuning=0.25).extract_with_obs(track)
    assert obs["tuning"] == 0.25
    assert np.isnan(obs["harmonic_tuning"])
    assert obs["tuning_ties"] == ""


def test_a_tie_is_told_with_its_name(tmp_path, monkeypatch):
    from spdkit.extractors.audio import engine

    track = write(tmp_path / "y.wav", SIGNALS["chords"]())
    tied = {"signal": Tuning(0.1, (0.11, -0.3)), "harmonic": Tuning(0.2)}

    def told(blocks, s, sink):
        features = AudioExtractor(engine="librosa").frames(track)
        list(blocks)
        for key, frames in features.items():
            sink.add(key, frames)
        return tied

    monkeypatch.setattr(engine, "analyse", told)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _, obs = AudioExtractor().extract_with_obs(track)
    assert obs["tuning_ties"] == "signal: 0.11, -0.30"
