"""Labels: the ranges, eq. 4 at its edges, quartiles of the training rows and of no others."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings, strategies as st
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from spdkit.common.errors import UnitWarning
from spdkit.evaluation.metrics import CLASS_NAMES
from spdkit.popularity.labels import (
    PopularityClasses,
    PopularityError,
    classify,
    from_unit,
    is_hit,
    to_unit,
)

LABELS = st.lists(st.floats(0, 100), min_size=1, max_size=50)
quick = settings(deadline=None, max_examples=100)


@quick
@given(LABELS)
def test_the_unit_interval_and_back(labels):
    unit = to_unit(labels)
    assert unit.dtype == np.float64
    assert ((unit >= 0) & (unit <= 1)).all()
    assert np.allclose(from_unit(unit), labels, rtol=1e-12, atol=1e-12)


def test_values_by_hand():
    assert to_unit([0, 50, 100]).tolist() == [0.0, 0.5, 1.0]
    # Eq. 4: low below 25, medium from 25, high from 65; each class holds its lower edge.
    assert classify([0, 24.999, 25, 64.999, 65, 100]).tolist() == [0, 0, 1, 1, 2, 2]
    assert [CLASS_NAMES[k] for k in classify([10, 40, 90])] == ["low", "medium", "high"]
    assert is_hit([64.9, 65, 66]).tolist() == [False, True, True]


@quick
@given(LABELS)
def test_classes_are_comparisons_and_hits_are_the_highest(labels):
    p = np.array(labels)
    expected = np.where(p < 25, 0, np.where(p < 65, 1, 2))
    assert np.array_equal(classify(labels), expected)
    assert np.array_equal(is_hit(labels), expected == 2)


@quick
@given(
    labels=st.lists(st.floats(0, 100), max_size=8),
    bad=st.one_of(
        st.just(float("nan")),
        st.floats(max_value=0, exclude_max=True),
        st.floats(min_value=100, exclude_min=True),
    ),
    at=st.integers(0, 8),
)
def test_what_is_no_popularity_is_refused_and_placed(labels, bad, at):
    labels.insert(at, bad)
    where = min(at, len(labels) - 1)
    for function in (to_unit, classify, is_hit, PopularityClasses().fit):
        with pytest.raises(PopularityError, match=rf"not in \[0, 100\].*row {where}:"):
            function(labels)


@pytest.mark.parametrize(
    ("labels", "message"),
    [(["many"], "must be numbers"), ([[1.0]], r"got \(1, 1\)"), (3.0, r"got \(\)")],
)
def test_labels_of_the_wrong_kind(labels, message):
    with pytest.raises(PopularityError, match=message):
        to_unit(labels)


def test_predictions_beyond_the_unit_interval_are_refused():
    with pytest.raises(PopularityError, match=r"not in \[0, 1\].*row 1: 1\.5"):
        from_unit([0.5, 1.5])


@pytest.mark.parametrize("thresholds", [(65, 25), (25, 25), (0, 65), (25, 101), (25,), "thirds"])
def test_thresholds_that_make_no_three_classes(thresholds):
    with pytest.raises(PopularityError, match="thresholds"):
        PopularityClasses(thresholds).fit([50])


def test_quartiles_come_from_the_training_rows_only():
    # Q1 and Q3 of 0, 10, ..., 100: by linear interpolation at positions 2.5 and 7.5.
    classes = PopularityClasses("quartiles").fit(np.arange(0, 101, 10))
    assert classes.thresholds_ == (25.0, 75.0)
    assert classes.transform([24, 25, 74, 75, 100, 100, 100]).tolist() == [0, 1, 1, 2, 2, 2, 2]
    assert classes.thresholds_ == (25.0, 75.0)


@quick
@given(st.lists(st.floats(0, 100), min_size=4, max_size=60))
def test_quartile_classes_hold_what_quartiles_promise(labels):
    try:
        classes = PopularityClasses("quartiles").fit(labels)
    except PopularityError:
        assume(False)
    counts = np.bincount(classes.transform(labels), minlength=3)
    assert counts.all()
    assert counts[0] <= np.ceil(len(labels) / 4)
    assert counts[:2].sum() <= np.ceil(3 * len(labels) / 4)


@pytest.mark.parametrize(
    ("labels", "empty"), [([3, 3, 3, 3], "low"), ([0, 0, 0, 9], "low"), ([1, 5, 5, 5, 5], "medium")]
)
def test_quartiles_that_leave_a_class_empty_are_refused(labels, empty):
    with pytest.raises(PopularityError, match=f"class '{empty}' empty; give two numbers"):
        PopularityClasses("quartiles").fit(labels)


def test_no_labels():
    assert classify([]).tolist() == []
    with pytest.raises(PopularityError, match="at least one label"):
        PopularityClasses("quartiles").fit([])


def test_it_is_an_estimator():
    classes = PopularityClasses((30, 70))
    with pytest.raises(NotFittedError):
        classes.transform([1])
    assert clone(classes).get_params() == {
        "thresholds": (30, 70),
        "target_range": (0.0, 100.0),
    }
    series = pd.Series([29, 30, 70], index=["a", "b", "c"])
    assert classes.fit_transform(series).tolist() == [0, 1, 2]
    assert classes.fit(pd.Series([50], dtype="Int64")).transform([50]).tolist() == [1]


def test_shares_are_asked_about_where_thresholds_are_fixed():
    shares = np.linspace(0, 1, 20)
    with pytest.warns(UnitWarning, match="all labels lie in .*shares or flags"):
        PopularityClasses().fit(shares)
    PopularityClasses("quartiles").fit(shares)


def test_thresholds_are_in_the_unit_of_the_labels():
    marks = [0, 2.4, 2.5, 6.4, 6.5, 10]
    for thresholds in ((2.5, 6.5), None):
        classes = PopularityClasses(thresholds, target_range=(0, 10))
        assert classes.fit_transform(marks).tolist() == [0, 0, 1, 1, 2, 2]
        assert classes.thresholds_ == (25, 65)
    assert PopularityClasses((0.1, 0.2), (-1, 1)).fit_transform([-1, 0.1, 0.3]).tolist() == [
        0,
        1,
        2,
    ]
    for wrong in ((25, 65), (0, 5), (6.5, 2.5)):
        with pytest.raises(PopularityError, match=r"rise within \(0, 10\], which is what labels"):
            PopularityClasses(wrong, target_range=(0, 10)).fit(marks)
    with pytest.raises(PopularityError, match=r"not in \[0, 10\]"):
        PopularityClasses(target_range=(0, 10)).fit([50])
    with pytest.raises(ValueError, match="target_range must be"):
        PopularityClasses(target_range=(10, 0)).fit(marks)


@pytest.mark.parametrize("threshold", [-1, 101, np.nan, "high", None, True])
def test_a_threshold_that_is_none_is_named(threshold):
    with pytest.raises(ValueError, match=r"threshold must be a number in \[0, 100\], got"):
        is_hit([50.0], threshold)
