"""The recommended estimator: code and prediction together, refits on all rows, nothing leaks."""

from __future__ import annotations

import numpy as np
import pytest
from planted_songs import songs
from scipy.special import expit, log_softmax, softmax

from spdkit.popularity.models.hitmusicnet import HitMusicNetClassifier, HitMusicNetRegressor
from spdkit.popularity.models.holdout import hold_out
from spdkit.popularity.models.quantile_encoding import QuantileInputs
from spdkit.popularity.models.shared_ensemble import _logits_of_mean, new_net

SMALL = {"n_hidden": 32, "refits": 1, "batch_size": 32, "max_epochs": 15, "device": "cpu"}


def ours(cls=HitMusicNetRegressor, **parameters):
    return cls.from_preset("spdkit", random_state=0, **{**SMALL, **parameters})


def seed_inside():
    return int(np.random.RandomState(0).randint(2**31 - 1))


def test_the_preset_is_the_measured_recipe():
    model = HitMusicNetRegressor.from_preset("spdkit")
    assert (model.net, model.members, model.n_hidden, model.refits) == (
        "shared_ensemble",
        4,
        128,
        4,
    )
    assert (model.optimizer, model.learning_rate, model.weight_decay) == ("adamw", 2e-3, 3e-4)
    assert (model.batch_size, model.max_epochs, model.patience, model.dropout) == (
        256,
        100,
        10,
        0.3,
    )
    assert model.target_range == (0.0, 100.0)


def test_it_learns_better_than_the_median_and_than_chance():
    X, y = songs(600)
    model = ours().fit(X[:450], y[:450])
    error = np.abs(model.predict(X[450:]) - y[450:]).mean()
    assert error < 0.35 * np.abs(y[450:] - y[:450].median()).mean()
    classes = np.digitize(y, [40, 60])
    classifier = ours(HitMusicNetClassifier).fit(X[:450], classes[:450])
    assert classifier.score(X[450:], classes[450:]) > 0.7
    np.testing.assert_allclose(classifier.predict_proba(X).sum(axis=1), 1)


def test_code_and_reconstruction():
    X, y = songs(400)
    away = {}
    for weight in (0.0, 5.0):
        model = ours(refits=1, reconstruction=weight).fit(X, y)
        code = model.transform(X)
        assert code.shape == (400, 32) and (code >= 0).all()
        assert len(model.get_feature_names_out()) == 32
        back = model.inverse_transform(code)
        away[weight] = np.abs(back - X.fillna(X.median())).mean() / (X.max() - X.min())
    # Uniform columns are 1/4 of their range from their middle on average. What predicts is in the
    # code anyhow; the rest only when the reconstruction has a say.
    assert away[0.0].iloc[0] < 0.2
    assert away[5.0].mean() < 0.9 * away[0.0].mean()


def test_refits_learn_for_as_long_as_the_first_net_was_best():
    X, y = songs(300)
    model = ours(refits=2, patience=3, max_epochs=40).fit(X, y)
    first = model.history_[model.history_["net"] == "first"]
    best = first["val_loss"].to_numpy().argmin() + 1
    assert best < len(first)
    for name in ("refit 1", "refit 2"):
        refit = model.history_[model.history_["net"] == name]
        assert len(refit) == best and refit["val_loss"].isna().all()
    assert len(model.nets_.nets) == 2
    alone = ours(refits=0, max_epochs=2).fit(X, y)
    assert set(alone.history_["net"]) == {"first"} and len(alone.nets_.nets) == 1


def test_calibration_rows_are_unknown_to_the_net_that_they_judge():
    X, y = songs(200)
    rows = hold_out(200, 0.1, 0.1, seed_inside())
    extreme, wrong = X.copy(), y.copy()
    extreme.iloc[rows.calibration, 0] = 1e12
    wrong.iloc[rows.calibration] = 100 - wrong.iloc[rows.calibration]
    kind = {"refits": 0, "max_epochs": 3}
    model = ours(**kind).fit(X, y)
    for after in (ours(**kind).fit(extreme, y), ours(**kind).fit(X, wrong)):
        np.testing.assert_array_equal(model.predict(X), after.predict(X))
        assert not np.array_equal(model.residuals_, after.residuals_)
    # With refits they are learned from, at last: the residuals are still those of the first net.
    refitted = ours(refits=1, max_epochs=3).fit(X, y)
    np.testing.assert_array_equal(refitted.residuals_, model.residuals_)
    assert not np.array_equal(refitted.predict(X), model.predict(X))


def test_stopping_rows_are_unknown_to_the_preparation():
    X, y = songs(200)
    rows = hold_out(200, 0.1, 0.1, seed_inside())
    extreme = X.copy()
    extreme.iloc[rows.stopping, 0] = 1e12
    kind = {"refits": 0, "max_epochs": 1}
    before, after = ours(**kind).fit(X, y).nets_.inputs, ours(**kind).fit(extreme, y).nets_.inputs
    np.testing.assert_array_equal(before.quantiles, after.quantiles)
    np.testing.assert_array_equal(before.scaler.range_, after.scaler.range_)


def test_intervals_cover_new_rows():
    X, y = songs(3000)
    model = ours(max_epochs=4).fit(X[:1500], y[:1500])
    low, high = model.predict_interval(X[1500:], 0.8).T
    covered = ((low <= y[1500:]) & (y[1500:] <= high)).mean()
    # 150 residuals: what they cover has a deviation of sqrt(0.8 * 0.2 / 150) = 0.033 of its own.
    assert 0.7 < covered < 0.9
    # It is the first net's, which never saw the residuals' rows; the refit says something else.
    assert not np.array_equal(model.interval_centre(X), model.predict(X))
    alone = ours(max_epochs=4, refits=0).fit(X[:1500], y[:1500])
    np.testing.assert_array_equal(model.interval_centre(X), alone.predict(X))
    np.testing.assert_array_equal(alone.interval_centre(X), alone.predict(X))


@pytest.mark.parametrize("n_outputs", [1, 3])
def test_the_mean_is_one_of_probabilities(n_outputs):
    logits = np.random.default_rng(0).normal(size=(4, 50, n_outputs), scale=5)
    found = _logits_of_mean(logits)
    if n_outputs == 1:
        np.testing.assert_allclose(expit(found), expit(logits).mean(axis=0), rtol=1e-12)
        assert np.isfinite(_logits_of_mean(np.full((2, 1, 1), 800.0))).all()
    else:
        golden = softmax(logits, axis=2).mean(axis=0)
        np.testing.assert_allclose(np.exp(log_softmax(found, axis=1)), golden, rtol=1e-12)


def test_weights_matter_and_seeds_repeat():
    X, y = songs(300)
    heavy = np.where(y > 50, 5.0, 1.0)
    model, again = ours(max_epochs=5).fit(X, y), ours(max_epochs=5).fit(X, y)
    np.testing.assert_array_equal(model.predict(X), again.predict(X))
    weighted = ours(max_epochs=5).fit(X, y, sample_weight=heavy)
    assert weighted.predict(X).mean() > model.predict(X).mean()


def test_many_numbers_have_small_embeddings():
    # 16 outputs each up to 128 numbers, then no more than 2,048 in all.
    rng = np.random.default_rng(0)
    for n_numbers, width in ((3, 16), (128, 16), (150, 13), (410, 4), (3000, 1)):
        inputs = QuantileInputs().fit(rng.random((4, n_numbers)))
        net = new_net(inputs, 1, HitMusicNetRegressor(n_hidden=2))
        assert net.embedding.bias.shape == (n_numbers, width)


def test_few_groups_leave_nothing_to_hold_out():
    X, y = songs(40)
    model = ours(max_epochs=2).fit(X, y, groups=np.arange(40) % 5)
    assert not len(model.residuals_)
    assert "val_loss" not in model.history_


def test_a_net_of_another_name_is_refused():
    X, y = songs(50)
    with pytest.raises(ValueError, match="net must be one of 'two_stage', 'shared_ensemble', got"):
        HitMusicNetRegressor(net="transformer").fit(X, y)
