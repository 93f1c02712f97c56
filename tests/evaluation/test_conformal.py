"""Conformal radius and temperature, by hand and by simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.special import softmax

from spdkit.evaluation.conformal import conformal_radius, fewest_residuals, temperature


def test_radius_by_hand():
    # Nine residuals, coverage 0.8: the ⌈10 · 0.8⌉ = 8th smallest of their sizes.
    residuals = np.array([3.0, -1, 4, -1.5, 9, -2.6, 5, 3.5, -8])
    assert conformal_radius(residuals, 0.8) == 8.0
    assert conformal_radius(residuals, 0.9) == 9.0
    with pytest.raises(ValueError, match=r"9 rows .* 0.95 needs 19"):
        conformal_radius(residuals, 0.95)
    assert conformal_radius(np.arange(19.0), 0.95) == 18.0


@pytest.mark.parametrize("coverage", [0, 1, -0.5, 90])
def test_impossible_coverage_is_refused(coverage):
    with pytest.raises(ValueError, match=str(coverage)):
        conformal_radius(np.arange(100.0), coverage)


def test_coverage_holds_on_average():
    """The guarantee: at least the coverage, at most 1/(n + 1) above it, for any distribution."""
    rng = np.random.default_rng(0)
    n, covered = 39, []
    for _ in range(4000):
        sample = rng.standard_cauchy(n + 1)
        covered.append(abs(sample[n]) <= conformal_radius(sample[:n], 0.8))
    assert 0.8 - 0.02 < np.mean(covered) < 0.8 + 1 / 40 + 0.02


@pytest.mark.parametrize("truth", [0.4, 1.0, 3.0])
def test_the_temperature_that_spoiled_logits_is_found(truth):
    rng = np.random.default_rng(1)
    honest = rng.normal(0, 1.5, (20000, 3))
    probabilities = softmax(honest, axis=1)
    classes = (rng.random((20000, 1)) > probabilities.cumsum(axis=1)).sum(axis=1)
    assert temperature(honest * truth, classes) == pytest.approx(truth, rel=0.05)


def test_weights_count_as_repeated_rows():
    rng = np.random.default_rng(2)
    logits, classes = rng.normal(0, 2, (60, 3)), rng.integers(0, 3, 60)
    times = rng.integers(0, 4, 60)
    repeated = temperature(np.repeat(logits, times, axis=0), np.repeat(classes, times))
    assert temperature(logits, classes, times.astype(float)) == pytest.approx(repeated, rel=1e-3)


def test_without_rows_nothing_is_changed():
    assert temperature(np.zeros((0, 3)), np.zeros(0, dtype=int)) == 1.0
    assert temperature(np.ones((2, 3)), np.array([0, 1]), np.zeros(2)) == 1.0


@pytest.mark.parametrize("coverage", [0, 1, -0.5, 1.5, math.nan, "much", None, True])
def test_a_coverage_that_is_none_is_named(coverage):
    for call in (
        lambda: fewest_residuals(coverage),
        lambda: conformal_radius(np.ones(9), coverage),
    ):
        with pytest.raises(ValueError, match=r"coverage must be a number in \(0, 1\), got"):
            call()


def test_residuals_and_weights_that_are_none_are_named():
    with pytest.raises(ValueError, match="1 of 9 residuals are not finite, the first in row 3"):
        conformal_radius(np.where(np.arange(9) == 3, np.nan, 1.0), 0.5)
    with pytest.raises(ValueError, match="1 of 9 residuals are not finite, the first in row 4"):
        conformal_radius(np.where(np.arange(18).reshape(9, 2) == 9, np.inf, 1.0), 0.5)
    # ⌈(n + 1)·coverage⌉ <= n: 1 of 2 for a half, 19 of 20 for 0.95, and in per cent.
    shares = {0.01: 1, 0.5: 1, 0.6: 2, 0.8: 4, 0.9: 9, 0.95: 19}
    assert {share: fewest_residuals(share) for share in shares} == shares
    assert fewest_residuals(95, full=100) == 19
    logits, classes = np.zeros((3, 2)), np.zeros(3, dtype=int)
    for weight, reason in ((-np.ones(3), "at least 0"), (np.ones(4), r"weight has shape \(4,\)")):
        with pytest.raises(ValueError, match=reason):
            temperature(logits, classes, weight)
    with pytest.raises(ValueError, match=r"classes has shape \(4,\), logits 3 rows"):
        temperature(logits, np.zeros(4, dtype=int))
