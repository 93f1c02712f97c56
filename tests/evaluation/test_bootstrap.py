"""Intervals: scipy's bootstrap, known cases, groups, and two models against each other."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from scipy import stats
from sklearn import metrics as reference

from spdkit.evaluation.bootstrap import (
    error_reduction,
    evaluate_classification,
    evaluate_regression,
    paired_bootstrap,
)
from spdkit.evaluation.metrics import METRICS, MetricError, mae


def rows(n_rows=200, seed=0, noise=1.0):
    rng = np.random.default_rng(seed)
    y = rng.standard_normal(n_rows)
    return y, y + noise * rng.standard_normal(n_rows)


def theirs_mae(y, predicted, axis=-1):
    return np.abs(y - predicted).mean(axis=axis)


def theirs_r2(y, predicted, axis=-1):
    spread = ((y - y.mean(axis=axis, keepdims=True)) ** 2).sum(axis=axis)
    return 1 - ((y - predicted) ** 2).sum(axis=axis) / spread


@pytest.mark.parametrize(("name", "theirs"), [("mae", theirs_mae), ("r2", theirs_r2)])
def test_intervals_are_scipys(name, theirs):
    y, predicted = rows()
    ours = evaluate_regression(y, predicted, n_resamples=4000, level=0.9)[name]
    found = stats.bootstrap(
        (y, predicted),
        theirs,
        paired=True,
        vectorized=True,
        n_resamples=4000,
        confidence_level=0.9,
        method="percentile",
        rng=np.random.default_rng(1),
    )
    low, high = found.confidence_interval
    # Monte Carlo error of a 5 % percentile of 4,000 draws: about 0.034 deviations.
    tolerance = 5 * 0.034 * found.standard_error
    assert ours.low == pytest.approx(low, abs=tolerance)
    assert ours.high == pytest.approx(high, abs=tolerance)


def test_macro_scores_of_resamples_are_scikit_learns():
    # With 8 rows, classes vanish from many resamples: a wrong rule there would move the ends.
    rng = np.random.default_rng(3)
    y, predicted = rng.integers(3, size=(2, 10))
    ours = evaluate_classification(y, predicted, n_resamples=20_000)["f1_macro"]
    drawn = rng.integers(10, size=(800, 10))
    theirs = [
        reference.f1_score(y[draw], predicted[draw], average="macro", zero_division=0)
        for draw in drawn
    ]
    assert [ours.low, ours.high] == pytest.approx(np.quantile(theirs, [0.025, 0.975]), abs=0.04)


def test_the_interval_covers_the_truth_as_often_as_it_says():
    # The error is standard normal: its true MAE is sqrt(2 / pi).
    truth, n_trials = math.sqrt(2 / math.pi), 400
    inside = 0
    for seed in range(n_trials):
        score = evaluate_regression(*rows(150, seed), n_resamples=400, level=0.9, seed=seed)["mae"]
        inside += score.low <= truth <= score.high
    # 0.9 ± 4 deviations of a share of 400.
    assert abs(inside / n_trials - 0.9) < 4 * math.sqrt(0.9 * 0.1 / n_trials)


def test_copies_of_rows_in_groups_add_no_certainty():
    y, predicted = rows(60)
    once = evaluate_regression(y, predicted)
    copies = [np.repeat(values, 25) for values in (y, predicted, np.arange(60))]
    grouped = evaluate_regression(copies[0], copies[1], groups=copies[2])
    naive = evaluate_regression(copies[0], copies[1])
    for name in ("mae", "mse", "r2"):
        ends = [(s.value, s.low, s.high) for s in (once[name], grouped[name])]
        assert ends[0] == pytest.approx(ends[1])
        ratio = (once[name].high - once[name].low) / (naive[name].high - naive[name].low)
        assert ratio == pytest.approx(5, rel=0.15)  # sqrt(25)


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 2**32 - 1), n_rows=st.integers(2, 40))
def test_every_score_is_its_metric_within_its_interval(seed, n_rows):
    rng = np.random.default_rng(seed)
    y, predicted = rng.integers(3, size=(2, n_rows))
    shares = rng.dirichlet([1, 1, 1], size=n_rows)
    scores = evaluate_classification(y, predicted, shares, n_resamples=200, level=0.999)
    assert list(scores) == [
        m.name for m in METRICS.values() if m.takes in ("classes", "probabilities")
    ]
    for name, score in scores.items():
        prediction = shares if METRICS[name].takes == "probabilities" else predicted
        assert math.isclose(score.value, METRICS[name](y, prediction)) or math.isnan(score.value)
        if not math.isnan(score.low):
            assert score.low <= score.high
    again = evaluate_classification(y, predicted, shares, n_resamples=200, level=0.999)
    assert str(again) == str(scores)


def test_seeds_and_blocks():
    y, predicted = rows(500)
    first = evaluate_regression(y, predicted, seed=1)["mae"]
    assert first == evaluate_regression(y, predicted, seed=1)["mae"]
    assert first != evaluate_regression(y, predicted, seed=2)["mae"]


def test_many_rows_are_drawn_in_blocks_and_the_interval_is_still_right(monkeypatch):
    y, predicted = rows(400)
    whole = evaluate_regression(y, predicted, n_resamples=4000)["mae"]
    monkeypatch.setattr("spdkit.evaluation.bootstrap._CELLS", 400 * 7)  # seven resamples at a time
    blocks = evaluate_regression(y, predicted, n_resamples=4000)["mae"]
    half = (whole.high - whole.low) / 2
    assert abs(blocks.low - whole.low) < 0.15 * half
    assert abs(blocks.high - whole.high) < 0.15 * half


def test_resamples_without_a_hit_are_counted():
    # One hit in 10 rows: a resample misses it with probability 0.9^10 = 0.349.
    y = [0, 0, 0, 0, 1, 1, 1, 1, 1, 2]
    score = evaluate_classification(y, y, n_resamples=10_000)["hit_recall"]
    assert (score.value, score.low, score.high) == (1, 1, 1)
    assert score.undefined / 10_000 == pytest.approx(0.9**10, abs=0.02)
    none = evaluate_classification([0, 1] * 5, [0, 1] * 5, n_resamples=50)["hit_recall"]
    assert math.isnan(none.value) and math.isnan(none.low) and none.undefined == 50
    assert (str(none), none.reason) == (
        "–",
        "no interval: the metric does not exist on these rows",
    )


def test_resamples_of_one_label_have_no_r2():
    # Nine of ten labels are alike, and all draws fall on these in 0.9^10 of resamples; round-off
    # must not make R² of them.
    for seed in range(20):
        y = np.random.default_rng(seed).random(2)[[0] * 9 + [1]]
        score = evaluate_regression(y, y + 0.1, n_resamples=3000)["r2"]
        assert score.undefined / 3000 == pytest.approx(0.9**10, abs=0.03)


def test_intervals_are_scored_with_predictions():
    y, predicted = rows()
    scores = evaluate_regression(y, predicted, np.column_stack([predicted - 2, predicted + 1]))
    assert list(scores) == ["mae", "mse", "r2", "coverage", "width"]
    errors = y - predicted
    assert scores["coverage"].value == pytest.approx(np.mean((errors >= -2) & (errors <= 1)))
    assert scores["width"].value == pytest.approx(3) == scores["width"].low


class TestTwoModels:
    def test_identical_models_do_not_differ(self):
        y, a = rows()
        found = paired_bootstrap(y, a, a, "mae")
        assert (found.value, found.low, found.high, found.p) == (0, 0, 0, 1)

    def test_pairing_sees_what_two_intervals_do_not(self):
        y, a = rows(400)
        b = np.where(np.arange(400) % 20, a, y + 0.97 * (a - y))  # a little nearer, in every 20th
        assert mae(y, a) > mae(y, b)
        found = paired_bootstrap(y, a, b, mae)
        alone = evaluate_regression(y, a)["mae"]
        assert found.value == pytest.approx(mae(y, a) - mae(y, b))
        assert 0 < found.low < found.value < found.high
        assert found.p == pytest.approx(2 / 1001)
        assert found.high - found.low < 0.02 * (alone.high - alone.low)
        swapped = paired_bootstrap(y, b, a, mae)
        assert [swapped.low, swapped.high] == pytest.approx([-found.high, -found.low])
        assert swapped.p == found.p

    def test_the_interval_holds_95_percent_unless_another_level_is_asked_for(self):
        y = np.zeros(2000)
        a, b = np.abs(rows(2000, 5)[0]), np.abs(rows(2000, 6)[0])
        error = (a - b).std() / math.sqrt(2000)
        for level, options in ((0.95, {}), (0.5, {"level": 0.5})):
            found = paired_bootstrap(y, a, b, "mae", n_resamples=4000, **options)
            width = 2 * stats.norm.ppf((1 + level) / 2) * error
            assert found.high - found.low == pytest.approx(width, rel=0.05)

    def test_p_is_that_of_the_normal_distribution(self):
        # The difference of absolute errors is what is resampled: its z has a p-value of its own.
        y = np.zeros(3000)
        a, b = np.abs(rows(3000, 5)[0]), np.abs(rows(3000, 6)[0])
        found = paired_bootstrap(y, a, b, "mae", n_resamples=20_000)
        z = (a - b).mean() / ((a - b).std() / math.sqrt(3000))
        assert found.p == pytest.approx(2 * stats.norm.sf(abs(z)), abs=0.02)

    def test_under_no_difference_p_is_uniform(self):
        below = 0
        for seed in range(300):
            rng = np.random.default_rng(seed)
            a, b = rng.standard_normal((2, 80))
            below += paired_bootstrap(np.zeros(80), a, b, "mse", n_resamples=300, seed=seed).p < 0.2
        assert abs(below / 300 - 0.2) < 4 * math.sqrt(0.2 * 0.8 / 300)

    def test_groups_are_drawn_whole(self):
        y, a = rows(40)
        b = rows(40, 1)[0]
        once = paired_bootstrap(y, a, b, "mse")
        many = [np.repeat(values, 9) for values in (y, a, b, np.arange(40))]
        grouped = paired_bootstrap(*many[:3], "mse", groups=many[3])
        assert [grouped.low, grouped.high, grouped.p] == pytest.approx(
            [once.low, once.high, once.p]
        )

    def test_probabilities_and_classes(self):
        rng = np.random.default_rng(0)
        y = rng.integers(3, size=300)
        sure, unsure = 0.9 * np.eye(3)[y] + 0.1 / 3, np.full((300, 3), 1 / 3)
        assert paired_bootstrap(y, sure, unsure, "cross_entropy").high < 0
        assert paired_bootstrap(y, y, np.zeros(300), "f1_macro").low > 0


@pytest.mark.parametrize(
    ("settings_", "message"),
    [
        ({"groups": [1, 2]}, r"groups has shape \(2,\), there are 3 rows"),
        ({"groups": ["a", None, "b"]}, "1 of 3 groups are missing, the first in row 1"),
        ({"groups": [1.0, 2.0, math.nan]}, "1 of 3 groups are missing, the first in row 2"),
        ({"n_resamples": 0}, "n_resamples must be a whole number of at least 1, got 0"),
        ({"n_resamples": 9.5}, "n_resamples must be a whole number"),
        ({"level": 1.0}, r"level must be a number in \(0, 1\), got 1.0"),
        ({"level": math.nan}, r"level must be a number in \(0, 1\), got nan"),
        ({"seed": -1}, "seed must be a whole number of at least 0, got -1"),
    ],
)
def test_settings_that_make_no_interval_are_refused(settings_, message):
    with pytest.raises(MetricError, match=message) as refusal:
        evaluate_regression([1, 2, 3], [1, 2, 4], **settings_)
    assert isinstance(refusal.value, ValueError)


@pytest.mark.parametrize("n_units", [1, 2, 9, 10])
def test_fewer_than_ten_rows_or_groups_have_no_interval_and_no_p(n_units):
    y, predicted = rows(60)
    groups = np.arange(60) % n_units
    by_groups = evaluate_regression(y, predicted, groups=groups)["mae"]
    by_rows = evaluate_regression(y[:n_units], predicted[:n_units])["mae"]
    difference = paired_bootstrap(y, predicted, y, "mae", groups)
    for score, what in ((by_groups, "groups"), (by_rows, "rows"), (difference, "groups")):
        if n_units == 10:
            assert score.low <= score.value <= score.high and not score.reason
            continue
        assert math.isnan(score.low) and math.isnan(score.high)
        assert score.reason.startswith(f"no interval and no p: {n_units} {what}, and")
        assert "nan" not in str(score) and "[" not in str(score)
    assert math.isnan(difference.p) == (n_units < 10)
    # The value itself is there all the same.
    assert by_groups.value == pytest.approx(np.abs(y - predicted).mean())


def test_unknown_metrics_are_named():
    with pytest.raises(MetricError, match="no metric 'f1'; there are mae, "):
        paired_bootstrap([0, 1], [0, 1], [0, 1], "f1")


def theirs_reduction(y, a, b, axis=-1):
    return 1 - ((y - a) ** 2).sum(axis=axis) / ((y - b) ** 2).sum(axis=axis)


def test_the_interval_of_a_reduction_is_scipys():
    y, predicted = rows(noise=0.8)
    reference = np.full(len(y), 0.3)
    ours = error_reduction(y, predicted, reference, n_resamples=4000, level=0.9)
    assert ours.value == pytest.approx(theirs_reduction(y, predicted, reference), rel=1e-12)
    found = stats.bootstrap(
        (y, predicted, reference),
        theirs_reduction,
        paired=True,
        vectorized=True,
        n_resamples=4000,
        confidence_level=0.9,
        method="percentile",
        rng=np.random.default_rng(1),
    )
    low, high = found.confidence_interval
    tolerance = 5 * 0.034 * found.standard_error
    assert ours.low == pytest.approx(low, abs=tolerance)
    assert ours.high == pytest.approx(high, abs=tolerance)


def test_a_reduction_of_groups_and_of_what_has_no_error():
    y, predicted = rows(30)
    halved = y + (predicted - y) / 2
    score = error_reduction(y, halved, predicted, groups=np.repeat(np.arange(10), 3))
    assert (score.value, score.low, score.high) == pytest.approx((0.75, 0.75, 0.75))
    few = error_reduction(y, predicted, np.zeros(30), groups=np.repeat(np.arange(5), 6))
    assert math.isnan(few.low)
    assert "5 groups" in few.reason
    none = error_reduction(y, predicted, y)
    assert math.isnan(none.value)
    with pytest.raises(MetricError, match="level"):
        error_reduction(y, predicted, y, level=1)
