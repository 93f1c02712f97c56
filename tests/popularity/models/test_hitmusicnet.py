"""HitMusicNet as an estimator: scikit-learn's contract, the paper's presets, nothing leaks."""

from __future__ import annotations

import pickle
import pydoc

import numpy as np
import pandas as pd
import pytest
from planted_songs import songs
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

from spdkit.common.errors import ParameterError, SpdkitWarning, UnitWarning
from spdkit.popularity.models.hitmusicnet import HitMusicNetClassifier, HitMusicNetRegressor
from spdkit.popularity.models.presets import PAPER_PRESETS, PRESETS

BOTH = [HitMusicNetRegressor, HitMusicNetClassifier]
NETS = pytest.mark.parametrize("net", ["two_stage", "shared_ensemble"])


@NETS
@pytest.mark.parametrize("cls", BOTH)
def test_it_is_an_estimator_of_scikit_learn(cls, net):
    why = "rows are held out and put into batches at random: a row twice is not a row of weight 2"
    weights = "check_sample_weight_equivalence_on_dense_data"
    found = check_estimator(
        cls(net=net, n_hidden=8, members=2, refits=1, max_epochs=1, random_state=0),
        expected_failed_checks={weights: why},
        on_skip=None,
    )
    odd = {(each["check_name"], each["status"]) for each in found if each["status"] != "passed"}
    # The last is for libraries that are not installed.
    assert odd == {(weights, "xfail"), ("check_array_api_input", "skipped")}


def quick(cls=HitMusicNetRegressor, **parameters):
    defaults = {"delta": 1.0, "optimizer": "adam", "batch_size": 32, "max_epochs": 15}
    return cls(**{**defaults, "random_state": 0, **parameters})


@pytest.mark.parametrize("name", PAPER_PRESETS)
def test_presets_are_those_of_table_2(name):
    # Model 1, 2, 3 compress to a fifth, a quarter, a seventh; B and D train with Adam, C and D
    # start as He et al.
    model = HitMusicNetRegressor.from_preset(name)
    assert model.delta == {"1": 1 / 5, "2": 1 / 4, "3": 1 / 7}[name[0]]
    assert model.optimizer == ("adam" if name[2] in "BD" else "adadelta")
    assert model.initializer == ("he_normal" if name[2] in "CD" else "glorot_uniform")
    assert (model.batch_size, model.max_epochs, model.patience) == (256, 100, 10)
    assert model.target_range == (0.0, 100.0)
    assert HitMusicNetClassifier.from_preset(name, dropout=0.5).dropout == 0.5


def test_there_are_twelve_and_ours_and_no_others():
    assert len(PAPER_PRESETS) == 12 and set(PRESETS) == {"spdkit", *PAPER_PRESETS}
    with pytest.raises(ValueError, match=r"'4-A'; there are spdkit, 1-A, 1-B"):
        HitMusicNetRegressor.from_preset("4-A")


def test_it_learns_and_predicts_on_the_scale_of_the_labels():
    X, y = songs(600, d=30)
    learner = {"max_epochs": 40, "dropout": 0.0, "learning_rate": 5e-3, "patience": 40}
    model = quick(**learner).fit(X[:500], y[:500])
    predicted = model.predict(X[500:])
    assert predicted.shape == (100,)
    assert predicted.dtype == np.float64
    error = np.abs(predicted - y[500:]).mean()
    guess = np.abs(y[:500].median() - y[500:]).mean()
    assert error < 0.7 * guess
    assert model.score(X[500:], y[500:]) > 0.5
    classes = pd.qcut(y, 3, labels=["low", "medium", "high"]).astype(str)
    classifier = quick(HitMusicNetClassifier, **learner)
    assert (
        classifier.fit(X[:500], classes[:500]).score(X[500:], classes[500:]) > 0.5
    )  # a guess has a third
    assert list(classifier.classes_) == ["high", "low", "medium"]


def test_code_and_reconstruction():
    X, y = songs()
    model = quick(delta=1 / 4, max_epochs=30).fit(X, y)
    code = model.transform(X)
    # 12 features and a mask for what is missing: 13 / 4 = 3.25.
    assert code.shape == (300, 3)
    assert list(model.get_feature_names_out()) == ["code_0", "code_1", "code_2"]
    back = model.inverse_transform(code)
    assert back.shape == X.shape
    spread = X.max() - X.min()
    assert (np.abs(back - X.fillna(X.median())).mean() < 0.35 * spread).all()
    assert set(model.history_["net"]) == {"autoencoder", "popularity"}
    assert {"epoch", "loss", "val_loss"} <= set(model.history_)


def held_out(X, y, **fit):
    """Rows that the model looks at least at in training, found from the outside: any change of
    their label changes no weight."""
    weights = quick(max_epochs=2).fit(X, y, **fit)
    found = []
    for i in range(len(X)):
        changed = y.copy()
        changed[i] = 100 - changed[i]
        other = quick(max_epochs=2).fit(X, changed, **fit)
        same = all(np.array_equal(a, b) for a, b in zip(state(weights), state(other), strict=True))
        if same:
            found.append(i)
    return found


def state(model):
    nets = model.nets_
    return [
        p.detach().numpy() for net in (nets.autoencoder, nets.popularity) for p in net.parameters()
    ]


def test_a_fifth_of_the_rows_changes_no_weight():
    X, y = songs(30)
    y.iloc[:2] = 0, 100  # so that no change of a label changes their range
    found = held_out(X, y.to_numpy(), groups=None)
    # Of 30 rows 3 are for stopping and 3 for calibration. Two epochs are never cut short, but those
    # for stopping choose which of the two is kept.
    assert 3 <= len(found) <= 6


@pytest.mark.parametrize("cls", BOTH)
def test_an_extreme_value_in_held_out_rows_changes_nothing_that_was_fitted(cls):
    X, y = songs(100)
    y = y if cls is HitMusicNetRegressor else (y > 50)
    from spdkit.popularity.models.holdout import hold_out

    model = quick(cls, max_epochs=3).fit(X, y)
    seed = int(np.random.RandomState(0).randint(2**31 - 1))
    rows = hold_out(100, 0.1, 0.1, seed)
    assert len(rows.stopping) == len(rows.calibration) == 10
    extreme = X.copy()
    extreme.iloc[rows.calibration, 0] = 1e12
    after = quick(cls, max_epochs=3).fit(extreme, y)
    for a, b in zip(state(model), state(after), strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(model.nets_.scaler.range_, after.nets_.scaler.range_)
    np.testing.assert_array_equal(model.nets_.code_range, after.nets_.code_range)
    if cls is HitMusicNetRegressor:
        assert not np.array_equal(model.residuals_, after.residuals_)
    # In training rows it does change the scaler: the test would see it.
    extreme = X.copy()
    extreme.iloc[rows.training[0], 0] = 1e12
    assert quick(cls, max_epochs=3).fit(extreme, y).nets_.scaler.range_[0] > 1e11


def test_intervals_cover_new_rows_as_they_say():
    X, y = songs(2000)
    y = (y + np.random.default_rng(1).normal(0, 15, len(y))).clip(0, 100)
    model = quick(max_epochs=8, target_range=(0, 100)).fit(X[:1200], y[:1200])
    for coverage in (0.5, 0.9):
        low, high = model.predict_interval(X[1200:], coverage).T
        share = ((low <= y[1200:]) & (y[1200:] <= high)).mean()
        # 120 residuals: the share that they cover is Beta-distributed with deviation below 0.046.
        assert abs(share - coverage) < 0.14
        assert (low >= 0).all()
        assert (high <= 100).all()
    with pytest.raises(ValueError, match=r"120 rows were held out .* needs 999"):
        model.predict_interval(X, 0.999)


def test_the_same_seed_gives_the_same_predictions():
    X, y = songs(80)
    predictions = [quick(random_state=seed).fit(X, y).predict(X) for seed in (1, 1, 2)]
    np.testing.assert_array_equal(predictions[0], predictions[1])
    assert not np.array_equal(predictions[0], predictions[2])


def test_balanced_weights_find_more_of_a_rare_class():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((1500, 12))
    hit = X[:, 0] + rng.normal(0, 1, 1500) > 2.0
    recall = []
    for weight in (None, "balanced"):
        learner = {"dropout": 0.0, "learning_rate": 5e-3, "max_epochs": 30, "patience": 30}
        model = quick(HitMusicNetClassifier, class_weight=weight, **learner)
        recall.append(model.fit(X[:1000], hit[:1000]).predict(X[1000:])[hit[1000:]].mean())
    assert recall[1] > recall[0] + 0.2


def spoiled(X, y, weight):
    """The same rows of weight, and nonsense in all others: labels, features and gaps."""
    X, y, rest = X.copy(), y.copy(), np.flatnonzero(weight == 0)
    y.iloc[rest] = np.where(np.arange(len(rest)) % 2, 0, 100)
    X.iloc[rest] = 1e6 * (1 + X.iloc[rest].fillna(0))
    X.iloc[rest[::3], 5] = np.nan
    return X, y


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize("cls", BOTH)
def test_rows_of_weight_0_are_as_if_they_were_not_there(cls, name):
    X, y = songs(90)
    weight = np.tile([2.0, 0.0, 0.5], 30)
    counts = weight > 0
    odd_X, odd_y = spoiled(X, y, weight)
    groups = np.arange(90) // 3
    classes = [y, odd_y] if cls is HitMusicNetRegressor else [y > 50, odd_y > 50]
    model = cls.from_preset(name, random_state=0, max_epochs=2).set_params(n_hidden=8, refits=1)
    without = clone(model).fit(X[counts], classes[0][counts], weight[counts], groups[counts])
    having = clone(model).fit(odd_X, classes[1], weight, groups)
    np.testing.assert_array_equal(having.transform(X), without.transform(X))
    np.testing.assert_array_equal(having.predict(X), without.predict(X))
    pd.testing.assert_frame_equal(having.history_, without.history_)
    if cls is HitMusicNetRegressor:
        np.testing.assert_array_equal(having.residuals_, without.residuals_)
        assert having.target_low_ == without.target_low_
    else:
        assert having.temperature_ == without.temperature_
        np.testing.assert_array_equal(having.predict_proba(X), without.predict_proba(X))


def test_the_range_of_labels_is_that_of_rows_that_count():
    X, y = songs(40)
    weight = np.ones(40)
    weight[7] = 0
    y[7] = 1000
    assert quick(max_epochs=1).fit(X, y, weight).target_high_ < 101
    HitMusicNetRegressor.from_preset("1-A", max_epochs=1).fit(X, y, weight)


def test_classes_of_weight_0_do_not_train():
    X, _ = songs(60)
    third = np.repeat([0, 1, 2], 20)
    weighted = quick(HitMusicNetClassifier, max_epochs=2, class_weight={0: 1, 1: 1, 2: 0})
    weighted.fit(X, third)
    assert list(weighted.classes_) == [0, 1, 2]
    odd = X.copy()
    odd.iloc[40:] = 1e6
    again = clone(weighted).fit(odd, third)
    np.testing.assert_array_equal(weighted.predict_proba(X), again.predict_proba(X))
    # Nor does a song of weight 0 make its class the rarer one.
    balanced = quick(HitMusicNetClassifier, max_epochs=2, class_weight="balanced")
    weight = np.where(np.arange(60) < 30, 1.0, 0.0)
    some = clone(balanced).fit(X, third, weight)
    less = clone(balanced).fit(X[:30], third[:30])
    np.testing.assert_array_equal(some.predict_proba(X), less.predict_proba(X))


def ones_but(value, row=7):
    weight = np.ones(40)
    weight[row] = value
    return weight


@pytest.mark.parametrize("cls", BOTH)
@pytest.mark.parametrize(
    ("fit", "reason"),
    [
        ({"sample_weight": ones_but(-1)}, "values of sample_weight .*the first in row 7: -1"),
        ({"sample_weight": ones_but(np.nan)}, "values of sample_weight .*row 7: nan"),
        ({"sample_weight": ones_but(np.inf)}, "values of sample_weight .*row 7: inf"),
        ({"sample_weight": np.ones(39)}, r"sample_weight has shape \(39,\), X has 40 rows"),
        ({"sample_weight": np.ones((40, 1))}, r"sample_weight has shape \(40, 1\)"),
        ({"sample_weight": ["heavy"] * 40}, "sample_weight must be numbers"),
        ({"sample_weight": np.zeros(40)}, "sample_weight is zero in every row"),
        ({"sample_weight": 1.0 - ones_but(0)}, "sample_weight is above 0 in one row"),
        ({"groups": ["a"] * 39}, r"groups has shape \(39,\), X has 40 rows"),
        ({"callback": 3}, "callback must be a function, got 3"),
    ],
)
def test_what_is_no_weight_is_refused_by_name(cls, fit, reason):
    X, y = songs(40)
    with pytest.raises(ValueError, match=reason):
        quick(cls, max_epochs=1).fit(X, y if cls is HitMusicNetRegressor else y > 50, **fit)


@pytest.mark.parametrize(
    "y",
    [
        np.array(["low", "high"] * 20),
        pd.Series(["low", "high"] * 20),
        np.arange(40.0).astype(str),
        [*map(float, range(39)), "unknown"],
        pd.date_range("2001-01-01", periods=40),
    ],
)
def test_labels_that_are_text_are_refused(y):
    with pytest.raises(ValueError, match="y must be numbers, not text or dates, got '"):
        quick(max_epochs=1).fit(songs(40)[0], y)


@pytest.mark.parametrize(
    ("parameters", "reason"),
    [
        ({"device": "gpu"}, "device='gpu' is none that torch can use here"),
        ({"target_range": (50, 50)}, r"target_range must be \(low, high\), got \(50, 50\)"),
    ],
)
def test_parameters_that_only_fit_can_check_are_named(parameters, reason):
    X, y = songs(40)
    with pytest.raises(ValueError, match=reason):
        quick(max_epochs=1, **parameters).fit(X, y)


@NETS
def test_what_a_fitted_model_is_asked_is_checked(net):
    X, y = songs(60)
    model = quick(net=net, refits=0, n_hidden=8, max_epochs=1).fit(X, y)
    for coverage in (0, 1, -0.5, 1.5, np.nan, "much"):
        with pytest.raises(ValueError, match=r"coverage must be a number in \(0, 1\), got"):
            model.predict_interval(X, coverage)
    with pytest.raises(ValueError, match=r"code has 99 units, the net has \d+"):
        model.inverse_transform(np.zeros((1, 99)))


def test_class_weights_below_0_are_named():
    X, y = songs(40)
    model = quick(HitMusicNetClassifier, max_epochs=1, class_weight={False: 1, True: -1})
    with pytest.raises(ValueError, match="values of class_weight are no numbers of at least 0"):
        model.fit(X, y > 50)
    for weights in ({"hit": 1}, {False: "much", True: 1}):
        with pytest.raises(ValueError, match=r"class_weight=\{"):
            model.set_params(class_weight=weights).fit(X, y > 50)


def test_labels_out_of_range_are_named():
    X, y = songs(40)
    y[7] = 101
    with pytest.raises(ValueError, match=r"1 labels .*\(0, 100\), the first in row 7: 101"):
        HitMusicNetRegressor.from_preset("1-A").fit(X, y)


def test_labels_of_another_unit_are_asked_about():
    X, y = songs(40)
    for end, what in ((1, "shares or flags"), (10, "stars, marks or ranks")):
        model = HitMusicNetRegressor.from_preset("1-A", max_epochs=1)
        with pytest.warns(UnitWarning, match=rf"{what}, say .*target_range=\(0, {end}\)"):
            model.fit(X, y / y.max() * end)
        model.set_params(target_range=(0, end)).fit(X, y / y.max() * end)
    with pytest.warns(UnitWarning, match="shares or flags"):
        HitMusicNetRegressor.from_preset("1-A", max_epochs=1).fit(X, y > 50)


def test_columns_that_do_not_match_are_named():
    X, y = songs(40)
    model = quick(max_epochs=1).fit(X, y)
    with pytest.raises(ValueError, match=r"(?s)unseen at fit time.*loudness"):
        model.predict(X.rename(columns={"feature_3": "loudness"}))
    with pytest.raises(ValueError, match="same order"):
        model.predict(X[X.columns[::-1]])
    with pytest.raises(ValueError, match=r"(?s)missing.*feature_0"):
        model.predict(X.drop(columns="feature_0"))


@NETS
@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda X, y: X.__setitem__("feature_2", np.inf), "infinity"),
        (lambda X, y: y.__setitem__(0, np.nan), "NaN"),
        (lambda X, y: X.__setitem__("feature_2", "loud"), "could not convert"),
    ],
)
def test_impossible_input_is_refused(spoil, reason, net):
    X, y = songs(40)
    spoil(X, y)
    with pytest.raises(ValueError, match=reason):
        quick(net=net, max_epochs=1).fit(X, y)


@NETS
def test_odd_input_has_a_result(net):
    kind = {"net": net, "n_hidden": 8, "refits": 1, "max_epochs": 2}
    X, y = songs(3)
    assert np.isfinite(quick(**kind).fit(X, y).predict(X)).all()  # 3 rows, 12 features
    X, y = songs(40)
    X["feature_1"] = 7.0
    X["feature_2"] = np.nan
    model = quick(**kind).fit(X, y)
    assert np.isfinite(model.predict(X)).all()
    assert np.isfinite(model.inverse_transform(model.transform(X))).all()
    constant = quick(**kind).fit(X, np.full(40, 30.0)).predict(X)
    np.testing.assert_array_equal(constant, 30.0)
    with pytest.raises(ValueError, match="1 class"):
        quick(HitMusicNetClassifier, **kind).fit(X, ["low"] * 40)


def test_it_works_where_scikit_learn_puts_it():
    X, y = songs(90)
    X = X.fillna(0)
    model = quick(max_epochs=2)
    assert clone(model).get_params() == model.get_params()
    assert len(cross_val_score(model, X, y, cv=3)) == 3
    search = GridSearchCV(model, {"dropout": [0.0, 0.5]}, cv=2).fit(X, y)
    assert search.best_params_["dropout"] in (0.0, 0.5)
    pipeline = make_pipeline(StandardScaler(), model).fit(X, y)
    same = pickle.loads(pickle.dumps(pipeline))
    np.testing.assert_array_equal(pipeline.predict(X), same.predict(X))


def test_a_known_code_is_kept_and_weights_are_gone_on_with():
    X, y = songs()
    with pytest.raises(NotFittedError):
        quick().transform(X)
    model = quick(warm_start=True).fit_code(X)
    code = model.transform(X)
    # All songs made it, so that it fills [0, 1] over all of them.
    np.testing.assert_allclose([code.min(), code.max()], [0, 1])
    with pytest.raises(NotFittedError, match="fit_code"):
        model.predict(X)
    model.fit(X[:100], y[:100])
    np.testing.assert_array_equal(model.transform(X), code)
    assert set(model.history_["net"]) == {"popularity"}
    # Weights that hardly move stay where the first fit left them.
    before = model.predict(X)
    model.set_params(optimizer="sgd", learning_rate=1e-12, max_epochs=1).fit(X[100:], y[100:])
    scale = np.ptp(y[100:]) / np.ptp(y[:100])
    low = y[100:].min() + (before - y[:100].min()) * scale
    np.testing.assert_allclose(model.predict(X), low, atol=1e-4)
    # Without warm_start everything is new.
    assert not np.array_equal(quick().fit(X[:100], y[:100]).transform(X), code)


@NETS
def test_a_warning_names_the_column(net):
    X, y = songs()
    model = quick(net=net, refits=0, n_hidden=4, max_epochs=1).fit(X, y)
    X.loc[0, "feature_7"] = np.nan
    with pytest.warns(SpdkitWarning, match=r"1 columns miss values .* \(feature_7\)"):
        model.predict(X)


@NETS
def test_single_precision_gives_the_same_as_its_numbers_in_double(net):
    X, y = songs()
    single = X.astype(np.float32)
    kind = {"net": net, "refits": 1, "n_hidden": 8, "max_epochs": 3}
    model = quick(**kind).fit(single, y)
    again = quick(**kind).fit(single.astype(np.float64), y)
    np.testing.assert_array_equal(model.predict(single), again.predict(single.astype(np.float64)))
    assert model.predict(single).dtype == model.transform(single).dtype == np.float64


def test_a_known_code_must_fit():
    X, y = songs()
    model = quick(warm_start=True).fit_code(X)
    with pytest.raises(ValueError, match=r"X has 11 features, and warm_start goes on .* of 12"):
        model.fit(X.iloc[:, 1:], y)
    with pytest.raises(ValueError, match="learns code and prediction together"):
        quick(net="shared_ensemble").fit_code(X)


def test_callbacks_hear_of_every_epoch():
    X, y = songs(60)
    heard = []
    model = quick(max_epochs=3).fit(
        X, y, callback=lambda net, epoch, metrics: heard.append((net, epoch, metrics["loss"]))
    )
    expected = model.history_[["net", "epoch", "loss"]].itertuples(index=False, name=None)
    assert heard == list(expected)


@pytest.mark.parametrize(
    "parameters",
    [
        {"net": "three_stage"},
        {"delta": 0},
        {"delta": 1.5},
        {"alphas": ()},
        {"alphas": (1, 0)},
        {"alphas": 1},
        {"initializer": "zeros"},
        {"members": 0},
        {"n_hidden": 2.5},
        {"noise": -0.1},
        {"reconstruction": np.nan},
        {"refits": -1},
        {"dropout": 1.0},
        {"optimizer": "lbfgs"},
        {"learning_rate": 0},
        {"weight_decay": -1e-9},
        {"batch_size": 0},
        {"max_epochs": True},
        {"patience": 0},
        {"early_stopping_fraction": 1},
        {"calibration_fraction": -0.1},
        {"warm_start": "yes"},
        {"device": None},
        {"verbose": -1},
        {"random_state": "seed"},
        {"target_range": (0, 1, 2)},
        {"target_range": (100, 0)},
        {"class_weight": "heavy"},
    ],
    ids=lambda parameters: "-".join(f"{k}={v}" for k, v in parameters.items()),
)
def test_a_parameter_out_of_range_is_named(parameters):
    X, y = songs(30)
    (name,) = parameters
    cls = HitMusicNetClassifier if name == "class_weight" else HitMusicNetRegressor
    with pytest.raises(ParameterError, match=f"^{name} must be .*, got "):
        cls(**parameters).fit(X, y)
    assert issubclass(ParameterError, ValueError)


def test_every_parameter_is_declared():
    for cls in BOTH:
        assert set(cls._parameter_constraints) == set(cls().get_params())


def test_impossible_parameters_are_refused_before_the_code_is_fitted():
    with pytest.raises(ParameterError, match="dropout must be"):
        quick(dropout=2).fit_code(songs(30)[0])


@pytest.mark.parametrize("cls", BOTH)
def test_its_help_says_what_it_takes(cls):
    text = pydoc.plain(pydoc.render_doc(cls))
    assert f"{cls.__name__}(*, net: 'Net' = 'two_stage', delta: 'float' = 0.2" in text
    assert "Parameters\n" in text and "random_state" in text
    assert repr(cls(delta=0.5)) == f"{cls.__name__}(delta=0.5)"
    with pytest.raises(TypeError, match="unexpected keyword argument 'depth'"):
        cls(depth=3)
