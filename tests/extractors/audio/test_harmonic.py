"""Medians, mask, low-rate sound and tonnetz against scipy, librosa and the frames one by one."""

from __future__ import annotations

import librosa
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from scipy.ndimage import median_filter
from signals import SIGNALS

from spdkit.extractors import AudioExtractor
from spdkit.extractors.audio import harmonic
from spdkit.extractors.audio.chroma import tonnetz
from spdkit.extractors.audio.low_rate import LowRateSound, overlap_add

few = settings(max_examples=40, deadline=None)


@few
@given(
    seed=st.integers(0, 2**32 - 1),
    size=st.sampled_from([1, 2, 3, 8, 31]),
    shape=st.tuples(st.integers(1, 40), st.integers(1, 70)),
)
def test_the_sliding_median_is_scipys(seed, size, shape):
    rng = np.random.default_rng(seed)
    values = rng.exponential(1.0, (shape[0] + size - 1, shape[1])).astype(np.float32)
    values[rng.random(values.shape) < 0.3] = 0.5  # ties
    values[rng.random(values.shape) < 0.1] = 0.0
    out = np.empty(shape, dtype=np.float32)
    harmonic.sliding_median(values.view(np.int32), size, out.view(np.int32))
    half = size // 2
    expected = median_filter(values, size=(size, 1))[half : half + shape[0]]
    np.testing.assert_array_equal(out, expected)


@pytest.mark.parametrize("shape", [(100, 517), (62, 241), (63, 240)])
@pytest.mark.parametrize("size", [30, 31])
def test_the_sliding_median_of_many_columns_is_scipys(shape, size):
    values = np.random.default_rng(5).exponential(1.0, (shape[0] + size - 1, shape[1]))
    values = values.astype(np.float32)
    out = np.empty(shape, dtype=np.float32)
    harmonic.sliding_median(values.view(np.int32), size, out.view(np.int32))
    half = size // 2
    expected = median_filter(values, size=(size, 1))[half : half + shape[0]]
    np.testing.assert_array_equal(out, expected)


@few
@given(seed=st.integers(0, 2**32 - 1), n_a=st.integers(0, 9), n_b=st.integers(0, 9))
def test_sorted_lists_take_numbers_in_and_are_ranked_together(seed, n_a, n_b):
    """Against sorting all numbers; place 0 lies below them, places past the end above."""
    rng = np.random.default_rng(seed)
    place = 1 + max(0, n_a + n_b - 1) // 2
    columns = [rng.integers(0, 20, (n, 5)).astype(np.int32) for n in (n_a, n_b)]
    lists = []
    for numbers in columns:
        full = np.full((len(numbers) + 1, 20, 5), 0x7FFFFFFF, dtype=np.int32)
        full[:, 0] = 0
        for n, row in enumerate(numbers, 1):
            harmonic.insert(full[n - 1], row, 1, n + 1, full[n])
        np.testing.assert_array_equal(full[-1, 1 : len(numbers) + 1], np.sort(numbers, axis=0))
        lists.append(np.ascontiguousarray(full[-1, : place + 1]))
    found = np.empty(5, dtype=np.int32)
    harmonic.smallest_of_two(*lists, 0, place + 1, found)
    together = np.sort(np.concatenate(columns), axis=0)
    expected = together[place - 1] if len(together) else np.full(5, 0x7FFFFFFF)
    np.testing.assert_array_equal(found, expected)


@few
@given(
    seed=st.integers(0, 2**32 - 1),
    margin=st.sampled_from([1.0, 2.5]),
    power=st.sampled_from([1.0, 2.0, 3.5]),
)
def test_the_soft_mask_is_librosas(seed, margin, power):
    rng = np.random.default_rng(seed)
    h, p = (rng.exponential(1.0, (2, 4, 9)) * 10.0 ** rng.integers(-25, 15, (2, 4, 9))).astype(
        np.float32
    )
    h[0, :3], p[0, :3] = 0, 0
    spectra = np.ones((4, 9), dtype=np.complex64)
    harmonic.soft_mask(h, p, margin, power, spectra)
    expected = librosa.util.softmask(
        h, p * np.float32(margin), power=power, split_zeros=margin == 1
    )
    np.testing.assert_allclose(spectra.real, expected, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("sizes", [[200], [64, 64, 72], [5, 1, 194], [3, 2], [1], [31, 16]])
def test_neighbours_are_those_of_the_clip_mirrored_at_its_ends(sizes):
    reach, n = 15, sum(sizes)
    clip = np.arange(n, dtype=np.complex64)[:, None]
    mirrored = np.pad(clip, ((reach, reach), (0, 0)), "symmetric")
    parts = np.split(clip, np.cumsum(sizes)[:-1])
    done = 0
    for frames, before, count in harmonic.with_neighbours(iter(parts), reach):
        own = frames[before - reach : before + count + reach]
        np.testing.assert_array_equal(own, mirrored[done : done + count + 2 * reach])
        done += count
    assert done == n


@pytest.mark.parametrize("parameters", [{}, {"hpss_kernel_size": 8}, {"hpss_margin": 3.0}])
@pytest.mark.parametrize("whole", [False, True], ids=["low bins", "all bins"])
def test_the_harmonic_part_is_librosas(parameters, whole):
    s = AudioExtractor(**parameters).settings
    D = librosa.stft(SIGNALS["chords"]()[:44100], n_fft=512 if whole else 2048)
    n_bins = len(D) if whole else 200
    low = np.ascontiguousarray(D[: n_bins + 31].T)
    parts = harmonic.with_neighbours([low], s.hpss_kernel_size // 2)
    found = np.concatenate([harmonic.harmonic_spectra(*part, n_bins, s) for part in parts])
    expected = librosa.decompose.hpss(
        D, kernel_size=s.hpss_kernel_size, power=s.hpss_power, margin=s.hpss_margin
    )[0][:n_bins].T
    np.testing.assert_allclose(found, expected, atol=1e-6 * np.abs(expected).max())


@pytest.mark.parametrize("sizes", [[87], [1] * 87, [40, 47], [86, 1]])
@pytest.mark.parametrize("hop", [128, 100])
def test_low_rate_sound_is_the_inverse_transform(sizes, hop):
    """Of all bins, at the full rate: librosa.istft, however the frames come."""
    s = AudioExtractor(hop_length=hop, n_fft=512, min_duration=1.0).settings
    y = SIGNALS["speech"]()[: 86 * hop + 17]
    D = librosa.stft(y, n_fft=512, hop_length=hop)
    assert D.shape[1] == 87
    sound = LowRateSound(s, 1)
    for part in np.split(np.ascontiguousarray(D.T), np.cumsum(sizes)[:-1]):
        sound.add(part)
    sound.finish(len(y))
    np.testing.assert_allclose(sound.read(0, len(y)), y, atol=1e-6)
    around = sound.read(-5, len(y) + 5)
    assert not around[:5].any()
    assert not around[-5:].any()


def test_a_quarter_of_the_rate_is_decimation_by_soxr():
    """With its cut ends: what librosa makes of a clip in its own constant-Q transform."""
    s = AudioExtractor().settings
    y = SIGNALS["noise"]()[: 60 * 512 + 311]
    D = librosa.stft(y)
    sound = LowRateSound(s, 4)
    sound.add(np.ascontiguousarray(D[:230].T))
    sound.finish(len(y), (y[:8192], y[-8192:]))
    half = librosa.resample(y, orig_sr=2, target_sr=1, res_type="soxr_hq")
    quarter = librosa.resample(half, orig_sr=2, target_sr=1, res_type="soxr_hq")
    assert sound.n_samples == len(quarter)
    difference = librosa.stft(sound.read(0, len(quarter)) - quarter, n_fft=512, hop_length=128)
    level = np.abs(librosa.stft(quarter, n_fft=512, hop_length=128)).max()
    assert np.abs(difference[:195]).max() < 1e-3 * level, "below 4.2 kHz they differ"
    assert np.abs(difference[:195, 2:-2]).max() < 1e-5 * level


def test_overlap_add_adds_frames_times_their_window():
    rng = np.random.default_rng(0)
    frames, window = rng.standard_normal((5, 8)).astype(np.float32), np.hanning(8).astype("f4")
    out = np.zeros(20, dtype=np.float32)
    overlap_add(frames, window, 3, out)
    expected = np.zeros(20)
    for i, frame in enumerate(frames):
        expected[3 * i : 3 * i + 8] += frame * window
    np.testing.assert_allclose(out, expected, atol=1e-6)


@few
@given(seed=st.integers(0, 2**32 - 1), n_chroma=st.sampled_from([12, 24]))
def test_tonnetz_is_librosas(seed, n_chroma):
    chroma = np.random.default_rng(seed).random((n_chroma, 4)).astype(np.float32)
    chroma[:, 0] = 0
    np.testing.assert_allclose(tonnetz(chroma), librosa.feature.tonnetz(chroma=chroma), atol=1e-6)
