"""Kernels over blocks of spectra, each against plain numpy (its twin) on the same numbers."""

from __future__ import annotations

import librosa
import numpy as np
import pytest
import scipy.fft
from hypothesis import given, settings, strategies as st
from scipy.signal import get_window

from spdkit.extractors import AudioExtractor
from spdkit.extractors.audio import spectral
from spdkit.extractors.audio.filterbanks import bands, filter_banks
from spdkit.extractors.audio.settings import WINDOWS

few = settings(max_examples=40, deadline=None)
SEEDS = st.integers(0, 2**32 - 1)
FREQS = np.linspace(0.0, 22050.0, 65)


def magnitudes(seed, n_bins=65, n_frames=5):
    """Spectra as music has them: some bins a million times weaker, some zero, some equal."""
    rng = np.random.default_rng(seed)
    S = rng.exponential(1.0, (n_bins, n_frames)) * 10.0 ** rng.integers(-6, 3, (n_bins, 1))
    S[rng.random(S.shape) < 0.1] = 0.0
    S[rng.random(S.shape) < 0.1] = 0.25
    return S.astype(np.float32)


def test_products_are_those_of_matrices():
    weights, rows = np.array([[1, 0, 2], [0, 3, 0]]), np.arange(15).reshape(3, 5)
    products = spectral.products(weights.astype(np.float32), rows.astype(np.float32))
    assert products.dtype == np.float32 and np.array_equal(products, weights @ rows)


@pytest.mark.parametrize("n_frames", [1, 7, 64])
@pytest.mark.parametrize("pair", [("hann", "hamming"), ("hamming", "boxcar")])
def test_windows_after_the_transform_are_windows_before_it(pair, n_frames):
    frames = np.random.default_rng(3).standard_normal((256, n_frames)) + 0.5  # with DC
    X = scipy.fft.rfft(frames, axis=0)
    low = np.empty((129, n_frames), dtype=np.complex64)
    S, power, other = np.empty((3, 129, n_frames), dtype=np.float32)
    terms = [WINDOWS[name] for name in pair]
    spectral.windowed(X.view(np.float64), *terms, low.view(np.float32), S, power, other)
    D, E = (scipy.fft.rfft(frames * get_window(name, 256)[:, None], axis=0) for name in pair)
    scale = np.abs(D).max()
    np.testing.assert_allclose(low, D, rtol=1e-6, atol=1e-7 * scale)
    np.testing.assert_allclose(S, np.abs(D), rtol=1e-6, atol=1e-12 * scale)
    np.testing.assert_allclose(power, np.abs(D) ** 2, rtol=1e-6, atol=1e-12 * scale)
    np.testing.assert_allclose(other, np.abs(E) ** 2, rtol=1e-6, atol=1e-12 * scale)


def test_without_a_second_window_nothing_else_changes():
    X = scipy.fft.rfft(np.random.default_rng(4).standard_normal((64, 3)), axis=0)
    results = []
    for other in (np.empty((33, 3), np.float32), np.empty((0, 3), np.float32)):
        low = np.empty((5, 3), dtype=np.complex64)
        S, power = np.empty((2, 33, 3), dtype=np.float32)
        args = (X.view(np.float64), (0.5, 0.5), (0.54, 0.46), low.view(np.float32), S, power)
        spectral.windowed(*args, other)
        results.append((low, S, power))
    for a, b in zip(*results, strict=True):
        np.testing.assert_array_equal(a, b)


def test_what_a_codec_cut_off_is_not_round_off():
    """170 dB below the loudest bin, numbers are still those of double precision."""
    t = np.arange(2048) / 44100
    y = np.sin(2 * np.pi * 200 * t) + 1e-8 * np.sin(2 * np.pi * 19000 * t)
    X = scipy.fft.rfft(y[:, None], axis=0)
    low = np.empty((1, 1), dtype=np.complex64)
    S, power = np.empty((2, 1025, 1), dtype=np.float32)
    none = np.empty((0, 1), dtype=np.float32)
    spectral.windowed(
        X.view(np.float64), (0.5, 0.5), (0.5, 0.5), low.view(np.float32), S, power, none
    )
    exact = np.abs(np.fft.rfft(y * get_window("hann", 2048)))
    np.testing.assert_allclose(S[:, 0], exact, rtol=1e-4)


@few
@given(seed=SEEDS, p=st.sampled_from([1.0, 2.0, 3.0]), norm=st.booleans())
def test_centroid_and_bandwidth_are_weighted_moments(seed, p, norm):
    S = magnitudes(seed)
    S[:, 0] = 0.0  # a silent frame
    centroid, width = np.empty((2, S.shape[1]), dtype=np.float32)
    spectral.centroid_and_bandwidth(S, FREQS, p, norm, centroid, width)
    exact = S.astype(np.float64)
    total = exact.sum(axis=0)
    total[total == 0] = 1.0
    mean = (FREQS[:, None] * exact).sum(axis=0) / total
    weights = exact / total if norm else exact
    spread = (weights * np.abs(FREQS[:, None] - mean) ** p).sum(axis=0) ** (1 / p)
    np.testing.assert_allclose(centroid, mean, rtol=1e-6, atol=1e-3)
    np.testing.assert_allclose(width, spread, rtol=1e-5, atol=1e-2)
    assert centroid[0] == width[0] == 0


@few
@given(seed=SEEDS, shares=st.tuples(*[st.floats(0.05, 0.95)] * 2))
def test_rolloffs_are_the_first_bins_at_which_the_sum_reaches_its_shares(seed, shares):
    S = magnitudes(seed)
    S[:, 1] = 0.0
    out = np.empty((2, S.shape[1]), dtype=np.float32)
    spectral.rolloffs(S, shares, FREQS[1], (out[0], out[1]))
    running = np.cumsum(S, axis=0)
    for share, found in zip(shares, out, strict=True):
        reached = running >= np.float32(share) * running[-1]
        np.testing.assert_allclose(found, FREQS[reached.argmax(axis=0)], rtol=1e-6)
        assert found[1] == 0


@few
@given(seed=SEEDS, counts=st.lists(st.integers(1, 9), min_size=3, max_size=3))
def test_extremes_are_those_of_a_sort(seed, counts):
    S = magnitudes(seed)
    edges = [(0, 9), (8, 31), (30, 65)]  # bands of even and odd length that overlap
    bands = np.array([(*edge, count) for edge, count in zip(edges, counts, strict=True)])
    valley, peak = np.empty((2, 3, S.shape[1]), dtype=np.float32)
    spectral.extremes(S.view(np.int32), bands, valley, peak)
    for (first, stop, count), low, high in zip(bands, valley, peak, strict=True):
        ordered = np.sort(S[first:stop].astype(np.float64), axis=0)
        np.testing.assert_allclose(low, ordered[:count].mean(axis=0), rtol=1e-6)
        np.testing.assert_allclose(high, ordered[-count:].mean(axis=0), rtol=1e-6)


@pytest.mark.parametrize(
    "parameters",
    [{}, {"n_fft": 1024}, {"contrast_n_bands": 4, "contrast_quantile": 0.2}, {"sr": 22050}],
)
def test_contrast_bands_are_librosas(parameters):
    """Through librosa's own function on magnitudes in which every bin can be told from the rest."""
    s = AudioExtractor(**parameters).settings
    S = np.random.default_rng(1).permutation(np.arange(1.0, 2 + s.n_fft // 2))[:, None]
    S = np.ascontiguousarray(S, dtype=np.float32)
    bands = filter_banks(s).contrast
    valley, peak = np.empty((2, len(bands), 1), dtype=np.float32)
    spectral.extremes(S.view(np.int32), bands, valley, peak)
    expected = librosa.feature.spectral_contrast(
        S=S,
        sr=s.sr,
        n_fft=s.n_fft,
        fmin=s.contrast_fmin,
        n_bands=s.contrast_n_bands,
        quantile=s.contrast_quantile,
        linear=True,
    )
    np.testing.assert_allclose(peak - valley, expected, rtol=1e-6)


@few
@given(seed=SEEDS, n_bands=st.integers(1, 9), n_frames=st.sampled_from([1, 5, 96]))
def test_bands_are_a_matrix_product(seed, n_bands, n_frames):
    rng = np.random.default_rng(seed)
    weights = rng.random((n_bands, 65)).astype(np.float32)
    first = rng.integers(0, 65, n_bands)[:, None]
    # Some stretches are empty, some reach the last bin, and zeros within one do no harm.
    inside = (np.arange(65) >= first) & (np.arange(65) < first + rng.integers(0, 40, (n_bands, 1)))
    weights[~inside | (rng.random(weights.shape) < 0.1)] = 0
    power = magnitudes(seed, n_frames=n_frames)
    expected = weights.astype(np.float64) @ power
    np.testing.assert_allclose(bands(weights) @ power, expected, rtol=2e-6)
