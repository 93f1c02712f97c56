"""What models say of songs: classes and probabilities that follow from values, and their scores."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LinearRegression

from spdkit.popularity.models.hitmusicnet import HitMusicNetRegressor
from spdkit.popularity.predictions import (
    Predictions,
    class_probabilities,
    headline,
    predict,
    scores,
)


def test_probabilities_are_shares_of_calibration_errors():
    # Errors of -30, 0, 10, 20 around a prediction of 30: popularity of 0, 30, 40, 50, so that one
    # lies below 25, and three below 65. A third more in each class, of 4 + 1.
    residuals = np.array([10.0, -30, 20, 0])
    found = class_probabilities(np.array([30.0, 60]), residuals, (25.0, 65.0))
    np.testing.assert_allclose(found[0], [(1 + 1 / 3) / 5, (3 + 1 / 3) / 5, (1 / 3) / 5])
    # Around 60: 30, 60, 70, 80.
    np.testing.assert_allclose(found[1], [(1 / 3) / 5, (2 + 1 / 3) / 5, (2 + 1 / 3) / 5])


def test_a_class_begins_at_its_threshold():
    # Popularity 25 is medium (eq. 4), so an error that leads there is no low one.
    found = class_probabilities(np.array([20.0]), np.array([5.0]), (25.0, 65.0))
    assert found[0].argmax() == 1


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.floats(0, 100), min_size=1, max_size=20),
    st.lists(st.floats(-100, 100), min_size=1, max_size=30),
)
def test_probabilities_sum_to_one_and_rise_with_the_prediction(values, residuals):
    found = class_probabilities(np.sort(values), np.array(residuals), (25.0, 65.0))
    np.testing.assert_allclose(found.sum(axis=1), 1)
    assert (found > 0).all()
    assert (np.diff(found[:, 2]) >= -1e-12).all() and (np.diff(found[:, 0]) <= 1e-12).all()


def test_probabilities_of_a_regressor_are_calibrated_on_new_rows():
    rng = np.random.default_rng(0)
    values = rng.uniform(0, 100, 4000)
    y = values + rng.normal(0, 15, 4000)
    found = class_probabilities(values[2000:], (y - values)[:2000], (25.0, 65.0))
    truth = np.digitize(y[2000:], [25, 65])
    for k in range(3):
        assert found[:, k].mean() == pytest.approx((truth == k).mean(), abs=0.02)
        likely = found[:, k] > 0.7
        assert (truth[likely] == k).mean() == pytest.approx(found[likely, k].mean(), abs=0.05)


def test_any_regressor_is_kept_on_the_scale():
    X = np.arange(10.0)[:, None]
    model = LinearRegression().fit(X, 30 * X[:, 0] - 60)
    found = predict(model, X, (25.0, 65.0))
    assert found.values.min() == 0 and found.values.max() == 100
    # 0, 0, 0, 30, 60, 90, then 100.
    assert found.classes.tolist() == [0, 0, 0, 1, 1, 2, 2, 2, 2, 2]
    assert found.interval is None and found.probabilities is None


def test_a_classifier_that_never_saw_a_class_gives_it_no_probability():
    model = DummyClassifier(strategy="prior").fit(np.zeros((4, 1)), [0, 0, 2, 0])
    found = predict(model, np.zeros((2, 1)))
    np.testing.assert_allclose(found.probabilities, [[0.75, 0, 0.25]] * 2)
    assert found.classes.tolist() == [0, 0] and found.values is None


@pytest.mark.parametrize(("n_residuals", "there"), [(8, False), (9, True)])
def test_too_few_errors_give_no_interval(n_residuals, there):
    # The ninth smallest of 9 covers nine tenths; of 8 none does.
    rng = np.random.default_rng(0)
    X, y = rng.random((n_residuals * 10, 3)), rng.uniform(0, 100, n_residuals * 10)
    model = HitMusicNetRegressor.from_preset("1-B", max_epochs=1, random_state=0).fit(X, y)
    assert len(model.residuals_) == n_residuals
    found = predict(model, X)
    assert (found.interval is not None) == (found.probabilities is not None) == there


def test_scores_are_of_values_and_of_classes():
    y = np.array([10.0, 30, 50, 70, 90, 20])
    said = Predictions(y + 5, np.column_stack([y, y + 10]), np.array([0, 1, 1, 2, 2, 1]), None)
    found = scores(y, said, n_resamples=20)
    assert found["mae"].value == 5 and found["coverage"].value == 1
    assert found["accuracy"].value == pytest.approx(5 / 6) and found["hit_recall"].value == 1
    assert "cross_entropy" not in found and headline(found) == "mae"
    assert headline({"f1_macro": found["accuracy"]}) == "f1_macro"


def test_some_of_the_rows():
    said = Predictions(np.arange(4.0), None, np.arange(4), np.eye(4)[:, :3])
    part = said.rows(np.array([3, 1]))
    assert part.values.tolist() == [3, 1] and part.classes.tolist() == [3, 1]
    assert part.interval is None and part.probabilities.shape == (2, 3)
