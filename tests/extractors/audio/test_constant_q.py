"""Constant-Q against librosa's: filters, tables, bins at every tuning, segments, edges."""

from __future__ import annotations

import librosa
import librosa.core.constantq
import numpy as np
import pytest
from signals import SIGNALS, SR, dithered, seconds

from spdkit.extractors import AudioExtractor
from spdkit.extractors.audio import chroma, constant_q, constant_q_filters
from spdkit.extractors.audio.filterbanks import filter_banks
from spdkit.extractors.audio.low_rate import LowRateSound

SETTINGS = AudioExtractor().settings
TUNINGS = np.arange(-50, 50) / 100
filter_fft = vars(librosa.core.constantq)["__vqt_filter_fft"]


@pytest.mark.parametrize("tuning", TUNINGS[::7])
def test_filters_are_librosas_to_the_bin_that_is_thinned_out(tuning):
    freqs = constant_q_filters.frequencies(tuning, SETTINGS)
    lowest = librosa.note_to_hz("C1") * 2.0 ** (tuning / 36)
    theirs = librosa.cqt_frequencies(252, fmin=lowest, bins_per_octave=36)
    np.testing.assert_allclose(freqs, theirs, rtol=1e-12)
    alpha = librosa.filters._relative_bandwidth(freqs=theirs)
    for octave in range(7):
        part, rate = slice(36 * octave, 36 * octave + 36), 22050 / 2.0 ** (6 - octave)
        basis, n_fft, _ = filter_fft(
            rate, theirs[part], 1, 1, 0.01, window="hann", gamma=0, alpha=alpha[part]
        )
        ours, _ = constant_q_filters.filter_bank(theirs[part], rate, 36)
        assert ours.shape == (36, n_fft // 2 + 1)
        expected = basis.toarray()
        np.testing.assert_allclose(ours, expected, atol=1e-6 * np.abs(expected).max())
        np.testing.assert_array_equal(ours != 0, expected != 0)


def test_tables_hold_the_response_of_every_filter_at_every_frequency():
    """Against the plain sum over the filter in time, near the filters and far from them."""
    r = constant_q_filters.response(0.13, SETTINGS)
    freqs = constant_q_filters.frequencies(0.13, SETTINGS)
    for octave in (0, 3, 6):
        rate = 22050 / 2.0 ** (6 - octave)
        bank, _ = constant_q_filters.filter_bank(freqs[36 * octave : 36 * octave + 36], rate, 36)
        n_fft = 2 * (bank.shape[1] - 1)
        n = np.arange(n_fft)
        wave = bank @ np.exp(-2j * np.pi * np.arange(bank.shape[1])[:, None] * n / n_fft)
        scale = np.sqrt(freqs[-36:] / 22050)
        peak = max(np.abs(r.near).max(), 1e-9)
        for x in (r.first + 20.37, r.first + 61.5, r.first + 100.003):
            exact = wave @ np.exp(2j * np.pi * x / n_fft * (n - n_fft // 2)) * scale
            at = int((x - r.first) * constant_q_filters.FINER)
            t = (x - r.first) * constant_q_filters.FINER - at
            rows = r.near.view(np.complex64)[at - 1 : at + 3]
            weights = [
                -t * (1 - t) * (2 - t) / 6,
                (1 - t) * (2 - t) * (1 + t) / 2,
                t * (1 + t) * (2 - t) / 2,
                t * (t * t - 1) / 6,
            ]
            found = (np.array(weights) @ rows)[r.columns[octave]]
            np.testing.assert_allclose(found, exact, atol=3e-5 * peak)
        for x in (-300.4, -3.5, 2.2, 60.7, 450.1):
            exact = wave @ np.exp(2j * np.pi * x / n_fft * (n - n_fft // 2)) * scale
            at = int(np.floor(x)) + n_fft // 2
            courses = r.tails.view(np.complex64)
            tail = (1 - x % 1) * courses[at] + x % 1 * courses[at + 1]
            mix = r.mix[0].view(np.complex64)
            found = np.sin(np.pi * x) * (tail @ mix)[r.columns[octave]]
            np.testing.assert_allclose(found, exact, atol=3e-5 * peak)


def folded_plainly(Y, step, places, weights, near, start, n_frames):
    products = np.zeros((n_frames, near.shape[1]), dtype=np.complex128)
    for i, (place, w) in enumerate(zip(places, weights.T, strict=True)):
        row = w @ near[place - 1 : place + 3]
        products[(start + i) % n_frames] += Y[start + i] * row
    return products


def test_folding_is_a_product_summed_at_every_frame():
    rng = np.random.default_rng(2)
    Y = (rng.standard_normal(400) + 1j * rng.standard_normal(400)).astype(np.complex64)
    near = (rng.standard_normal((200, 16)) + 1j * rng.standard_normal((200, 16))).astype("c8")
    start, stop, step = 37, 391, 0.49
    places = np.empty(stop - start, dtype=np.int64)
    weights = np.empty((4, stop - start), dtype=np.float32)
    constant_q.surroundings(start, stop, step, 3.3, places, weights)
    # Lagrange's weights give back every cubic.
    for power in range(4):
        points = (places + np.arange(-1, 3)[:, None] - places[0]) ** power
        exact = (np.arange(start, stop) * step - 3.3 - places[0]) ** power
        np.testing.assert_allclose((weights * points).sum(axis=0), exact, rtol=2e-5, atol=1e-4)
    spans = np.array([[0, 32]] * 200, dtype=np.uint64)
    folded = np.zeros((29, 2, 32), dtype=np.float32)
    constant_q.fold_near(
        Y.view(np.float32), start, places, weights, near.view(np.float32), spans, folded
    )
    out = np.empty((29, 16), dtype=np.complex64)
    no_tails, no_mix = np.zeros((29, 2, 2), np.float32), np.zeros((2, 1, 32), np.float32)
    constant_q.joined(folded, no_tails, no_mix, out.view(np.float32))
    expected = folded_plainly(Y, step, places, weights, near, start, 29)
    np.testing.assert_allclose(out, expected, atol=1e-4)
    assert not folded.any()  # for the next spectrum


def test_tails_fold_the_mirrored_spectrum_below_zero():
    rng = np.random.default_rng(3)
    Y = (rng.standard_normal(50) + 1j * rng.standard_normal(50)).astype(np.complex64)
    tails = (rng.standard_normal((34, 2)) + 1j * rng.standard_normal((34, 2))).astype("c8")
    mix = (rng.standard_normal((2, 16)) + 1j * rng.standard_normal((2, 16))).astype("c8")
    step, start, stop = 0.31, -45, 49
    folded = np.zeros((13, 2, 4), dtype=np.float32)
    constant_q.fold_tails(Y.view(np.float32), start, stop, step, tails.view(np.float32), folded)
    out = np.empty((13, 16), dtype=np.complex64)
    parts = np.stack([mix, 1j * mix]).astype(np.complex64).view(np.float32)
    constant_q.joined(np.zeros((13, 2, 32), np.float32), folded, parts, out.view(np.float32))
    expected = np.zeros((13, 16), dtype=np.complex128)
    for k in range(start, stop):
        at, t = int(np.floor(k * step)), k * step - np.floor(k * step)
        tail = (1 - t) * tails[at + 16] + t * tails[at + 17]
        y = Y[k] if k >= 0 else Y[-k].conj()
        expected[k % 13] += y * np.sin(np.pi * k * step) * (tail @ mix)
    np.testing.assert_allclose(out, expected, atol=1e-4)
    assert not folded.any()


def our_chroma(y, tuning, s=SETTINGS):
    t = filter_banks(s)
    D = librosa.stft(y, n_fft=s.n_fft, hop_length=s.hop_length)
    sound = LowRateSound(s, t.decimation)
    sound.add(np.ascontiguousarray(D[: t.n_tonal].T))
    sound.finish(len(y), (y[:8192], y[-8192:]))
    return np.concatenate(list(chroma.chroma_cqt(sound, D.shape[1], tuning, t, s)), axis=1)


@pytest.mark.parametrize("tuning", TUNINGS[::9])
def test_chroma_is_librosas_at_every_tuning(tuning):
    y = SIGNALS["chords"]()
    expected = librosa.feature.chroma_cqt(y=y, sr=SR, tuning=tuning)
    np.testing.assert_allclose(our_chroma(y, tuning), expected, atol=1e-3)


@pytest.mark.filterwarnings("ignore:n_fft=.* is too large for input signal")
@pytest.mark.parametrize("cents", range(-50, 51, 20))
def test_detuned_chords_have_librosas_tuning_and_chroma(cents):
    t = seconds(2.0)
    pitches = [440 * 2 ** ((note - 69 + cents / 100) / 12) for note in (48, 55, 60, 64, 72)]
    y = dithered(0.1 * sum(np.sin(2 * np.pi * pitch * t) for pitch in pitches))
    s = AudioExtractor(tonnetz_of="signal").settings
    from spdkit.extractors.audio.fast_engine import analyse

    class Keep(dict):
        def add(self, key, frames):
            self.setdefault(key, []).append(frames)

    kept = Keep()
    tuning = analyse([y], s, kept)["signal"]
    theirs = librosa.estimate_tuning(y=y, sr=SR, bins_per_octave=36)
    assert tuning.bins == pytest.approx(theirs, abs=1e-9) or theirs in tuning.rivals
    expected = librosa.feature.chroma_cqt(y=y, sr=SR, tuning=tuning.bins)
    np.testing.assert_allclose(np.concatenate(kept["chroma"], axis=1), expected, atol=2e-3)


@pytest.mark.filterwarnings("ignore:n_fft=.* is too large for input signal")
@pytest.mark.parametrize("n_samples", [SR, 4096 * 3, 40 * 512 - 1, 40 * 512, 40 * 512 + 1])
def test_short_clips_and_lengths_around_a_frame(n_samples):
    y = SIGNALS["noise"]()[:n_samples]
    s = AudioExtractor(min_duration=0.1).settings
    expected = librosa.feature.chroma_cqt(y=y, sr=SR, tuning=0.0)
    ours = our_chroma(y, 0.0, s)
    assert ours.shape == (12, 1 + n_samples // 512)
    np.testing.assert_allclose(ours, expected[:, : ours.shape[1]], atol=2e-3)


def test_segments_join_without_a_seam(monkeypatch):
    y = np.concatenate([SIGNALS["chords"](), SIGNALS["drums"](), SIGNALS["speech"]()])
    whole = our_chroma(y, 0.1)
    monkeypatch.setattr(chroma, "_SEGMENT", 150)
    parts = our_chroma(y, 0.1)
    np.testing.assert_allclose(parts, whole, atol=1e-3)


def test_a_quiet_passage_beside_a_loud_one_keeps_its_harmony():
    """80 dB below what sounds within a second: next to nothing of that leaks in."""
    y = np.concatenate([SIGNALS["chords"](), 1e-4 * SIGNALS["sines"](), SIGNALS["drums"]()])
    expected = librosa.feature.chroma_cqt(y=y, sr=SR, tuning=0.0)
    frames = slice(265, 425)
    np.testing.assert_allclose(our_chroma(y, 0.0)[:, frames], expected[:, frames], atol=5e-3)
