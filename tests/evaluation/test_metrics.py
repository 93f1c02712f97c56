"""Metrics: scikit-learn on the same rows, arithmetic by hand, and refusals."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from sklearn import metrics as reference

from spdkit.evaluation.metrics import (
    HIGH,
    LOW,
    METRICS,
    MetricError,
    accuracy,
    calibration_error,
    confusion_matrix,
    coverage,
    cross_entropy,
    f1_macro,
    f1_micro,
    hit_recall,
    mae,
    mse,
    precision_macro,
    r2,
    recall_macro,
    reliability,
    width,
)

quick = settings(deadline=None, max_examples=60)
seeds = st.integers(0, 2**32 - 1)


@quick
@given(seeds, st.sampled_from([1.0, 100.0, 1e6]), st.sampled_from([0.0, 40.0, 1e6]))
def test_regression_is_scikit_learns(seed, scale, offset):
    rng = np.random.default_rng(seed)
    y = rng.random(rng.integers(2, 50)) * scale + offset
    predicted = y + rng.standard_normal(len(y)) * scale
    assert math.isclose(mae(y, predicted), reference.mean_absolute_error(y, predicted))
    assert math.isclose(mse(y, predicted), reference.mean_squared_error(y, predicted))
    assert math.isclose(r2(y, predicted), reference.r2_score(y, predicted), rel_tol=1e-7)


@quick
@given(seeds, st.integers(2, 4), st.integers(1, 12))
def test_classification_is_scikit_learns(seed, n_classes, n_rows):
    # So few rows that classes are often missing from labels, predictions, or both.
    rng = np.random.default_rng(seed)
    y, predicted = rng.integers(n_classes, size=(2, n_rows))
    expected = {
        accuracy: reference.accuracy_score(y, predicted),
        f1_micro: reference.f1_score(y, predicted, average="micro"),
    }
    averages = {
        precision_macro: reference.precision_score,
        recall_macro: reference.recall_score,
        f1_macro: reference.f1_score,
    }
    for metric, theirs in averages.items():
        expected[metric] = theirs(y, predicted, average="macro", zero_division=0)
    for metric, value in expected.items():
        assert math.isclose(metric(y, predicted, n_classes=n_classes), value, abs_tol=1e-12)
    labels = list(range(n_classes))
    table = reference.confusion_matrix(y, predicted, labels=labels)
    assert np.array_equal(confusion_matrix(y, predicted, n_classes=n_classes), table)
    assert math.isclose(f1_micro(y, predicted, n_classes=n_classes), expected[accuracy])


@quick
@given(seeds, st.integers(2, 4))
def test_cross_entropy_is_scikit_learns(seed, n_classes):
    rng = np.random.default_rng(seed)
    y = rng.integers(n_classes, size=20)
    shares = rng.dirichlet(np.full(n_classes, 0.2), size=20)
    shares[0] = np.eye(n_classes)[(y[0] + 1) % n_classes]  # certain, and wrong
    expected = reference.log_loss(y, shares, labels=list(range(n_classes)))
    assert math.isclose(cross_entropy(y, shares, n_classes=n_classes), expected, rel_tol=1e-9)


def test_by_hand():
    # Of class 2 there are rows 3, 4, 5, 6; only row 3 is found.
    y = [0, 0, 1, 2, 2, 2, 2]
    predicted = [0, 1, 1, 2, 1, 0, 0]
    assert confusion_matrix(y, predicted).tolist() == [[1, 1, 0], [0, 1, 0], [2, 1, 1]]
    assert accuracy(y, predicted) == 3 / 7
    assert f1_micro(y, predicted) == 3 / 7
    assert hit_recall(y, predicted) == 1 / 4
    # Precisions 1/3, 1/3, 1; recalls 1/2, 1, 1/4; F1 2/5, 1/2, 2/5.
    assert precision_macro(y, predicted) == pytest.approx(5 / 9)
    assert recall_macro(y, predicted) == pytest.approx(7 / 12)
    assert f1_macro(y, predicted) == pytest.approx(13 / 30)
    assert mae([10, 20], [12, 21]) == 1.5
    assert mse([10, 20], [12, 21]) == 2.5
    assert r2([1, 2, 3], [2, 2, 2]) == 0.0
    # Ends count as inside: 1 and 3 are covered, 5 is not.
    intervals = [[1, 2], [2, 3], [6, 9]]
    assert coverage([1, 3, 5], intervals) == pytest.approx(2 / 3)
    assert width([1, 3, 5], intervals) == pytest.approx(5 / 3)


def test_the_hit_is_the_last_class_there_is_and_not_the_last_that_occurs():
    assert hit_recall([0, 1, 1], [0, 1, 1], n_classes=2) == 1.0
    assert math.isnan(hit_recall([0, 1, 1], [0, 1, 1]))


def test_what_does_not_exist_is_nan():
    for constant in ([5.0, 5.0], [0.1, 0.1, 0.1], [1e9 + 0.1] * 7):
        assert math.isnan(r2(constant, np.add(constant, 1)))


def test_calibration_error_by_hand():
    # 15 bins end at 1/15, 2/15, …: 0.6 ends the ninth, 0.61 is in the tenth, 0.9 in the fourteenth.
    top = np.array([0.9, 0.9, 0.9, 0.6, 0.61])
    right = np.array([1, 1, 0, 0, 1])
    probabilities = np.column_stack([1 - top, top])
    # |2 − 2.7| + |0 − 0.6| + |1 − 0.61|, of 5 rows.
    assert calibration_error(right, probabilities, n_classes=2) == pytest.approx(1.69 / 5)
    curve = reliability(right, probabilities)
    filled = np.flatnonzero(curve.count)
    assert filled.tolist() == [8, 9, 13]
    assert curve.count[filled].tolist() == [1, 1, 3]
    assert np.allclose(curve.accuracy[filled], [0, 1, 2 / 3])
    assert np.allclose(curve.confidence[filled], [0.6, 0.61, 0.9])
    assert np.isnan(curve.accuracy[0])
    gaps = np.abs(curve.accuracy - curve.confidence)[filled]
    assert (gaps * curve.count[filled]).sum() / 5 == pytest.approx(1.69 / 5)


@pytest.mark.parametrize("probabilities", [0.5, [0.5, 0.5], [[[1.0, 0.0]]], np.zeros((2, 0))])
def test_a_reliability_takes_probabilities_of_rows_and_classes(probabilities):
    with pytest.raises(MetricError):
        reliability([0, 1], probabilities)


def test_bins_of_sure_predictions_are_there_without_rows():
    curve = reliability([0, 1, 0], np.full((3, 2), 0.5))
    assert len(curve.count) == len(curve.confidence) == 15
    assert (curve.count.sum(), np.isnan(curve.confidence).sum()) == (3, 14)


def test_popularity_is_from_0_to_100():
    assert (LOW, HIGH) == (0, 100)


def test_calibration_error_of_known_miscalibration():
    # Right in 70 % of the rows at every confidence: the error is the mean of |0.7 − confidence|.
    rng = np.random.default_rng(0)
    top = rng.choice([0.5, 0.8, 1.0], size=60_000)
    right = rng.random(len(top)) < 0.7
    probabilities = np.column_stack([top, (1 - top) / 2, (1 - top) / 2])
    error = calibration_error(np.where(right, 0, 1), probabilities)
    assert error == pytest.approx((0.2 + 0.1 + 0.3) / 3, abs=0.01)
    honest = np.where(rng.random(len(top)) < top, 0, 1)
    assert calibration_error(honest, probabilities) < 0.01


def test_names_are_keys_and_every_direction_is_right():
    assert all(METRICS[name].name == name for name in METRICS)
    truth = {
        "values": ([0.0, 50.0, 100.0], [0.0, 50.0, 100.0], [100.0, 0.0, 50.0]),
        "intervals": ([1.0, 2.0], [[1, 1], [2, 2]], [[0, 5], [0, 5]]),
        "classes": ([0, 1, 2], [0, 1, 2], [1, 2, 0]),
        "probabilities": ([0, 1, 2], np.eye(3), np.full((3, 3), 1 / 3)),
    }
    for metric in METRICS.values():
        y, good, bad = truth[metric.takes]
        gain = metric(y, good) - metric(y, bad)
        if metric is calibration_error:  # both are calibrated
            assert metric(y, good) == 0
        elif metric.better != "nominal":
            assert gain > 0 if metric.better == "higher" else gain < 0, metric.name


@pytest.mark.parametrize(
    ("metric", "y", "prediction", "message"),
    [
        (mae, [1, 2, 3], [1, 2], "3 labels, but predictions for 2 rows"),
        (mae, [1, math.nan], [1, 2], "1 of 2 labels are not finite, the first in row 1"),
        (mae, [1, 2], [math.inf, 2], "1 of 2 predictions are not finite, the first in row 0"),
        (mae, [], [], "no labels"),
        (mae, [[1], [2]], [1, 2], r"labels must have 1 axes, got shape \(2, 1\)"),
        (mae, ["high"], [1], "labels must be numbers"),
        (width, [1, 2], [[0, 1], [3, 2]], r"1 of 2 intervals end before .* row 1: \[3.0, 2.0\]"),
        (width, [1, 2], [[0, 1, 2], [3, 4, 5]], r"shape \(n_rows, 2\), got \(2, 3\)"),
        (accuracy, [0, 3], [0, 1], "labels are none of the classes 0 … 2, the first in row 1: 3"),
        (accuracy, [0, 1], [0.5, 1], "predictions are none .* row 0: 0.5"),
        (accuracy, [0, -1], [0, 1], "row 1: -1"),
        (cross_entropy, [0, 1], [[0.5, 0.5], [0.5, 0.5]], "2 columns for 3 classes"),
        (cross_entropy, [0], [[0.5, 0.4, 0.2]], "do not sum to 1, the first in row 0"),
        (cross_entropy, [0], [[1.2, -0.2, 0.0]], "negative"),
    ],
)
def test_what_cannot_be_scored_is_refused(metric, y, prediction, message):
    with pytest.raises(MetricError, match=message):
        metric(y, prediction)
