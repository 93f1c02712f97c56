"""Statistics over frames against numpy and scipy."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings, strategies as st
from hypothesis.extra.numpy import arrays

from spdkit.extractors.audio.statistics import (
    STATISTICS,
    Statistics,
    bounds,
    energy_entropy,
    summarise,
)

FINITE = st.floats(-1e6, 1e6, width=32)
FRAMES = arrays(np.float32, st.tuples(st.integers(1, 4), st.integers(1, 12)), elements=FINITE)
REFERENCE = {
    "mean": lambda x: math.fsum(x) / len(x),
    "std": lambda x: float(np.std(x)),
    "var": lambda x: float(np.var(x)),
    "median": lambda x: float(np.median(x)),
    "min": min,
    "max": max,
    "skew": lambda x: float(scipy.stats.skew(x)) if len(set(x)) > 1 else 0.0,
    "kurtosis": lambda x: float(scipy.stats.kurtosis(x)) if len(set(x)) > 1 else 0.0,
}
few = settings(max_examples=60, deadline=None)


def test_the_references_cover_every_statistic():
    assert set(REFERENCE) == set(STATISTICS)


@pytest.mark.parametrize("name", REFERENCE)
@few
@given(frames=FRAMES)
def test_each_statistic_is_that_of_numpy_and_scipy(name, frames):
    found = summarise(frames, [name])
    for value, dimension in zip(found, frames, strict=True):
        expected = REFERENCE[name]([float(number) for number in dimension])
        scale = max(1.0, float(np.abs(dimension).max())) ** (2 if name == "var" else 1)
        assert value == pytest.approx(expected, rel=1e-9, abs=1e-9 * scale)


@pytest.mark.parametrize("name", REFERENCE)
@pytest.mark.parametrize("cuts", [(1,), (100,), (3, 40, 41, 110)])
def test_blocks_have_the_statistics_of_the_whole(name, cuts):
    rng = np.random.default_rng(1)
    frames = np.r_[rng.gamma(2.0, 3.0, (2, 60)).T, 20 + rng.standard_normal((70, 2))].T
    statistics = Statistics([name])
    for block in np.split(frames.astype(np.float32), cuts, axis=1):
        statistics.add(block)
    expected = [REFERENCE[name](list(map(float, row))) for row in frames.astype(np.float32)]
    np.testing.assert_allclose(statistics.result(), expected, rtol=1e-9)


@few
@given(frames=FRAMES, names=st.permutations(list(STATISTICS)))
def test_columns_are_all_dimensions_of_one_statistic_then_of_the_next(frames, names):
    table = summarise(frames, names).reshape(len(names), len(frames))
    for name, line in zip(names, table, strict=True):
        np.testing.assert_array_equal(line, summarise(frames, [name]))


@pytest.mark.parametrize("name", STATISTICS)
@few
@given(frames=arrays(np.float32, st.tuples(st.just(2), st.integers(1, 12)), elements=st.floats(
    -2, 5, width=32)))  # fmt: skip
def test_statistics_of_a_bounded_feature_stay_in_their_bounds(name, frames):
    low, high = bounds(name, -2, 5)
    values = summarise(frames, [name]).astype(np.float32)
    assert np.all((low <= values) & (values <= high))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("mean", (0, 8)),
        ("max", (0, 8)),
        ("std", (0, 4)),
        ("var", (0, 16)),
        ("kurtosis", (-2, np.inf)),
        ("skew", (-np.inf, np.inf)),
    ],
)
def test_bounds_are_as_narrow_as_they_can_be(name, expected):
    assert bounds(name, 0, 8) == expected
    assert bounds("std", 0, np.inf) == (0, np.inf)


def test_sums_run_in_double_precision():
    # In single precision, 0.1 added to 2**24 a million times is lost.
    frames = np.full((1, 1_000_001), 0.1, dtype=np.float32)
    frames[0, 0] = 2.0**24
    expected = (2.0**24 + 1_000_000 * float(np.float32(0.1))) / 1_000_001
    assert summarise(frames, ["mean"])[0] == pytest.approx(expected, rel=1e-12)


@few
@given(rms=arrays(np.float32, st.integers(1, 20), elements=st.floats(0, 2, width=32)))
def test_energy_entropy_by_hand(rms):
    mean = math.fsum(map(float, rms)) / len(rms)
    q = [abs(float(value) - mean) for value in rms]
    expected = math.fsum(value * math.log10(value) for value in q if value > 0)
    assert energy_entropy(rms) == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_energy_entropy_of_a_known_clip():
    # |rms − 0.2| is 0.1, 0, 0.1: two times 0.1·(−1).
    assert energy_entropy(np.array([0.1, 0.2, 0.3])) == pytest.approx(-0.2)
    assert energy_entropy(np.full(5, 0.3, dtype=np.float32)) == 0
