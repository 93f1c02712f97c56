"""Contributions: Shapley values by hand and by their definition; and the planted rule is found."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st

from spdkit.evaluation import splits
from spdkit.popularity import shapley
from spdkit.popularity.feature_groups import ExplanationError, groups_of
from spdkit.popularity.models import baselines
from spdkit.popularity.models.hitmusicnet import HitMusicNetRegressor
from spdkit.popularity.permutation_importance import permutation_importance
from spdkit.popularity.shapley import contributions
from spdkit.synthetic.popularity import planted_table

GROUPS = {"x": ["a", "b"], "y": ["c"], "z": ["d"]}
NAMES = list("abcd")


def table(rows):
    return pd.DataFrame(rows, columns=NAMES, dtype=np.float64)


def songs(n_rows, seed=0):
    return table(np.random.default_rng(seed).uniform(-2, 2, (n_rows, 4)))


def crooked(X):
    """Neither a sum nor a product of its columns."""
    a, b, c, d = X.to_numpy().T
    return np.sin(a * c) + np.maximum(b, d) * c - d**2


def test_of_a_linear_model_each_group_gives_its_own_sum():
    X, background, weights = songs(5), songs(30, seed=1), np.array([3.0, -1, 0.5, 2])
    found = contributions(lambda rows: rows @ weights + 7, X, background, GROUPS)
    each = (X - background.mean()) * weights  # w (x - mean), column by column
    assert found["x"].to_numpy() == pytest.approx((each["a"] + each["b"]).to_numpy())
    assert found["y"].to_numpy() == pytest.approx(each["c"].to_numpy())
    assert found["z"].to_numpy() == pytest.approx(each["d"].to_numpy())
    assert found["base"].to_numpy() == pytest.approx((background @ weights + 7).mean())


def test_what_groups_do_together_is_shared_by_hand():
    # f = a + b·c + a·c·d over the background 0: of 2 + 3·4 + 2·4·5 at (2, 3, 4, 5), group x alone
    # has 2, x and y share 12, and all three share 40.
    def product(X):
        return X["a"] + X["b"] * X["c"] + X["a"] * X["c"] * X["d"]

    found = contributions(product, table([[2, 3, 4, 5]]), table([[0, 0, 0, 0]]), GROUPS)
    assert found.iloc[0].to_dict() == pytest.approx(
        {"x": 2 + 6 + 40 / 3, "y": 6 + 40 / 3, "z": 40 / 3, "base": 0}
    )


def test_they_are_means_over_all_orders_of_joining():
    X, background = songs(4), songs(9, seed=1)
    found = contributions(crooked, X, background, GROUPS)
    for number, song in enumerate(X.to_numpy()):
        total = dict.fromkeys(GROUPS, 0.0)
        for order in permutations(GROUPS):
            mixed = background.copy()
            for name in order:
                before = crooked(mixed).mean()
                mixed[GROUPS[name]] = song[[NAMES.index(column) for column in GROUPS[name]]]
                total[name] += (crooked(mixed).mean() - before) / 6
        assert found.iloc[number][list(GROUPS)].to_dict() == pytest.approx(total)


values = st.floats(-100, 100)


@settings(deadline=None, max_examples=40)
@given(
    song=st.lists(values, min_size=4, max_size=4),
    background=st.lists(st.lists(values, min_size=4, max_size=4), min_size=1, max_size=4),
    cuts=st.lists(st.integers(0, 3), min_size=4, max_size=4),
)
def test_they_sum_up_to_the_prediction(song, background, cuts):
    feature_groups = {}
    for name, cut in zip(NAMES, cuts, strict=True):
        feature_groups.setdefault(f"group {cut}", []).append(name)
    X, others = table([song]), table(background)
    found = contributions(crooked, X, others, feature_groups)
    scale = max(np.abs(crooked(pd.concat([X, others]))).max(), 1e5)
    assert found.sum(axis=1).item() == pytest.approx(crooked(X)[0], abs=1e-12 * scale)
    assert found["base"].item() == pytest.approx(crooked(others).mean())


def test_a_group_that_is_not_used_gives_nothing():
    found = contributions(lambda X: X["a"] * X["c"], songs(3), songs(8, seed=1), GROUPS)
    assert (found["z"] == 0).all()
    assert (found[["x", "y"]] != 0).all(axis=None)


def test_songs_keep_their_names_and_come_in_any_number(monkeypatch):
    X, background = songs(7).set_axis(list("stuvwxy")), songs(5, seed=1)
    asked = []

    def predict(rows):
        asked.append(len(rows))
        return crooked(rows)

    whole = contributions(predict, X, background, GROUPS)
    assert whole.index.equals(X.index)
    assert whole.columns.to_list() == ["x", "y", "z", "base"]
    assert sum(asked) == 7 + 5 + (2**3 - 2) * 7 * 5
    monkeypatch.setattr(shapley, "_ROWS_AT_A_TIME", 10)
    asked.clear()
    assert contributions(predict, X, background, GROUPS).equals(whole)
    assert max(asked) == 10


def test_mixtures_that_lack_what_no_song_lacks_do_not_warn_and_songs_that_do_so_do():
    X = songs(40)
    X.loc[::2, ["c", "d"]] = np.nan  # in groups y and z, of which one mask tells
    model = baselines.regressors()["mlr"].fit(X, crooked(X.fillna(0)))
    found = contributions(model.predict, X[:4], X, GROUPS)
    assert found.sum(axis=1).to_numpy() == pytest.approx(model.predict(X[:4]))
    new = X[:4].assign(a=np.nan)
    with pytest.warns(UserWarning, match="miss values in a way") as warned:
        contributions(model.predict, new, X, GROUPS)
    assert len(warned) == 1


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"feature_groups": {"x": ["a", "e"]}}, "feature group 'x': X has no columns 'e'"),
        ({"feature_groups": {"x": ["a", "b"]}}, "columns in no feature group: 'c', 'd'"),
        ({"feature_groups": {"x": NAMES, "y": ["c"]}}, "columns in several feature groups: 'c'"),
        ({"feature_groups": {"x": ["a", "b", "c"], "base": ["d"]}}, "cannot be called 'base'"),
        ({"feature_groups": {}}, "no feature groups"),
        ({"background": songs(0)}, "background has no rows"),
        ({"X": songs(0)}, "X has no rows"),
        ({"background": songs(3)[["b", "a", "c", "d"]]}, "differ in columns: 'their order'"),
        ({"background": songs(3)[["a", "b", "c"]]}, "differ in columns: 'd'"),
        ({"predict": lambda rows: rows}, r"predictions of 3 rows have shape \(3, 4\)"),
        ({"X": songs(3).assign(a="text")}, "columns must hold numbers"),
    ],
)
def test_what_cannot_be_explained_is_refused(change, match):
    arguments = {
        "predict": crooked,
        "X": songs(3),
        "background": songs(3),
        "feature_groups": GROUPS,
    }
    with pytest.raises(ExplanationError, match=match):
        contributions(**{**arguments, **change})


def test_too_many_groups_are_refused_with_the_cost():
    X = pd.DataFrame(np.zeros((2, 11)), columns=[f"f{i}" for i in range(11)])
    with pytest.raises(
        ExplanationError, match="11 feature groups have 2048 coalitions: give at most 10"
    ):
        contributions(zeros, X, X, {name: [name] for name in X})
    few = X.drop(columns="f10")
    assert contributions(zeros, few, few, {name: [name] for name in few}).shape == (2, 11)


def zeros(X):
    return np.zeros(len(X))


CAUSES = {
    "tempo": "audio",
    "lead_slope": "audio",
    "choruses": "lyrics",
    "vocabulary": "lyrics",
    "log_followers": "metadata",
}
MODALITIES = ("metadata", "audio", "lyrics")


@pytest.fixture(scope="module")
def planted():
    """2,000 songs, their features (causes and noise), and a model of two thirds for the rest."""
    truth = planted_table(2000)
    rng = np.random.default_rng(0)
    noise = {f"{modality}_noise_{i}": modality for modality in MODALITIES for i in range(3)}
    X = truth[list(CAUSES)].assign(**{name: rng.standard_normal(2000) for name in noise})
    modality = pd.Series({**CAUSES, **noise})
    X.loc[truth["choruses"].isna(), modality.index[modality == "lyrics"]] = np.nan
    artists = truth["artist_id"].to_numpy()
    y = truth["popularity"].to_numpy()
    folds = splits.split(
        "artist", 2000, classes=np.digitize(y, (25, 65)), groups=artists, test_share=0, k=3
    ).folds
    fitted = [
        HitMusicNetRegressor.from_preset("spdkit", refits=0, max_epochs=15, random_state=0).fit(
            X.iloc[fold.training], y[fold.training], groups=artists[fold.training]
        )
        for fold in folds
    ]
    features = pd.DataFrame({"modality": modality, "family": "any"})
    return truth, X[modality.index], features, folds, fitted


def test_the_ranking_of_modalities_is_the_planted_one(planted):
    truth, X, features, folds, fitted = planted
    y = truth["popularity"].to_numpy()

    def held_out(rows):
        errors = np.empty((len(rows) // len(y), len(y)))
        for fold, model in zip(folds, fitted, strict=True):
            part = fold.validation
            for i, found in enumerate(errors):
                predicted = model.predict(rows.iloc[i * len(y) + part])
                found[part] = np.abs(y[part] - predicted)
        return errors.ravel()

    noise = [name for name in X if "noise" in name]
    feature_groups = {**groups_of(features, "modality"), "noise": noise}
    found = permutation_importance(held_out, X, feature_groups, truth["artist_id"])
    assert found["increase"].sort_values(ascending=False).index.tolist() == [*MODALITIES, "noise"]
    assert found.loc["metadata", "low"] > found.loc["audio", "high"]
    assert found.loc["audio", "low"] > found.loc["lyrics", "increase"]
    assert found.loc["lyrics", "high"] < found.loc["audio", "increase"]
    assert found.loc["lyrics", "low"] > found.loc["noise", "high"]
    assert found.loc["noise", "low"] < 0 < found.loc["noise", "high"]
    # Who knows the rule errs by so much more when a modality is another song's (over all pairs);
    # who has learned it, by nearly as much.
    expected = truth["expected"].to_numpy()
    for modality in MODALITIES:
        part = truth[modality].to_numpy()
        swapped = np.abs((y - expected + part)[:, None] - part[None, :]).mean()
        rise = swapped - np.abs(y - expected).mean()
        assert 0.8 * rise < found.loc[modality, "increase"] < 1.1 * rise


def test_what_moved_a_song_is_what_the_rule_gave_it(planted):
    truth, X, features, folds, fitted = planted
    songs, known = folds[0].validation[:80], folds[0].training[:100]
    feature_groups = groups_of(features, "modality")
    found = contributions(fitted[0].predict, X.iloc[songs], X.iloc[known], feature_groups)
    for modality in MODALITIES:
        given = truth[modality].to_numpy()
        expected = given[songs] - given[known].mean()
        assert np.corrcoef(found[modality], expected)[0, 1] > 0.95
        assert np.abs(found[modality] - expected).mean() < 1.5  # points; its deviation is 5 to 8
