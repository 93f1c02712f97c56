"""Halving the rate of a spectrum against soxr, and against cutting the sound in time."""

from __future__ import annotations

import librosa
import numpy as np
import pytest
import scipy.fft
from hypothesis import given, settings, strategies as st
from signals import SIGNALS

from spdkit.extractors.audio import half_rate


def test_halving_passes_what_soxr_passes():
    y = SIGNALS["noise"]()[: 2**15]
    padded = np.pad(y, 2**14)
    clip = half_rate.at_half_rate(half_rate.clip_spectrum(padded, len(padded)), 0)
    halved = scipy.fft.irfft(clip.spectrum) / 2
    expected = librosa.resample(padded, orig_sr=2, target_sr=1, res_type="soxr_hq")
    np.testing.assert_allclose(halved, expected, atol=2e-4)


def cut_plainly(spectrum, stop):
    """At half the rate: filtered, back to samples, those beyond the clip set to zero."""
    n = len(spectrum) - 1
    y = scipy.fft.irfft(spectrum[: n // 2 + 1] * half_rate._half_rate_filter(n), n=n)
    y[stop:] = 0
    return y


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    n_frames=st.sampled_from([135, 180, 343, 1029, 2744]),
    silent_frames=st.integers(128, 134),
    odd=st.integers(0, 127),
)
def test_every_octave_is_cut_to_the_clip(seed, n_frames, silent_frames, odd):
    rng = np.random.default_rng(seed)
    stop = max(1, (n_frames - silent_frames) * 128 - odd)
    y = rng.standard_normal(n_frames * 128).astype(np.float32)
    clip = half_rate.clip_spectrum(y, stop)
    expected = np.where(np.arange(len(y)) < stop, y, 0)
    np.testing.assert_allclose(scipy.fft.irfft(clip.spectrum), expected, atol=2e-6)
    for more in (4, 3, 2, 1, 0):
        stop = -(-stop // 2)
        expected = cut_plainly(scipy.fft.rfft(expected), stop)
        clip = half_rate.at_half_rate(clip, more)
        assert clip.stop == stop
        loudest = np.abs(expected).max()
        found = scipy.fft.irfft(clip.spectrum)
        np.testing.assert_allclose(found, expected, atol=2e-5 * loudest)
        n_head, n_tail = len(clip.head), len(clip.tail)
        assert min(n_head, n_tail) >= min(stop - 1, 192 * (2**more - 1))
        np.testing.assert_allclose(clip.head, expected[:n_head], atol=3e-5 * loudest)
        np.testing.assert_allclose(clip.tail, expected[stop - n_tail : stop], atol=3e-5 * loudest)


@pytest.mark.parametrize(("n", "stop"), [(64, 64), (70, 33), (512, 500), (4096, 4001)])
def test_a_clip_without_silence_around_it_is_not_heard_across_its_ends(n, stop):
    """Cut as soxr's own output is cut, where all of what rings wraps into the clip."""
    y = SIGNALS["noise"]()[:n]
    padded = np.pad(np.where(np.arange(n) < stop, y, 0), 2**12)
    alone = librosa.resample(padded, orig_sr=2, target_sr=1, res_type="soxr_hq")[2**11 :]
    expected = np.zeros(n // 2)
    expected[: -(-stop // 2)] = 2 * alone[: -(-stop // 2)]
    found = scipy.fft.irfft(
        half_rate.at_half_rate(half_rate.clip_spectrum(y, stop), 0).spectrum, n=n // 2
    )
    np.testing.assert_allclose(found, expected, atol=2e-5 * np.abs(expected).max())


def test_without_the_cut_a_halved_clip_rings():
    """What `less_ringing` takes away is not small."""
    y = np.zeros(2**15, dtype=np.float32)
    y[:2000] = SIGNALS["noise"]()[:2000]
    clip = half_rate.clip_spectrum(y, 2000)
    ringing = cut_plainly(clip.spectrum, 2**14)[1000:]
    halved = scipy.fft.irfft(half_rate.at_half_rate(clip, 0).spectrum)
    assert np.abs(ringing).max() > 0.01 * np.abs(halved).max()
    assert np.abs(halved[1000:]).max() < 1e-4 * np.abs(ringing).max()


@pytest.mark.parametrize("size", [1, 4, 8])
def test_cells_hold_the_spectra_of_short_sounds(size):
    """Against their plain Fourier sums at every bin."""
    rng = np.random.default_rng(4)
    n, stop, length = 4096, 1777, 12
    n_bins, n_cells = n // 2 + 1, n // 2 // size + 1
    before, after = rng.standard_normal((2, length)).astype(np.float32)
    k = np.arange(-size, (n_cells + 2) * size)  # from the cell before 0 Hz on
    early = np.exp(-2j * np.pi / n * k[:, None] * np.arange(-length, 0)) @ before
    late = np.exp(-2j * np.pi / n * k[:, None] * np.arange(length)) @ after
    turn = np.exp(-2j * np.pi / n * k * stop)
    spectrum = (rng.standard_normal(n_bins) + 1j * rng.standard_normal(n_bins)).astype(np.complex64)
    passed = rng.random(n_bins).astype(np.float32)
    out = np.empty(n_bins, dtype=np.complex64)
    points = np.stack([early, late])[:, ::size].astype(np.complex64)
    by_cell, by_bin = turn[size : size * (n_cells + 1) : size], turn[size : 2 * size]
    half_rate.less_ringing(
        spectrum.view(np.float32), passed, points, by_cell, by_bin, out.view(np.float32)
    )
    expected = spectrum * passed - (early + turn * late)[size : size + n_bins]
    np.testing.assert_allclose(out, expected, atol=2e-4)
