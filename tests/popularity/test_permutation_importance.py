"""Permutation importance: expectations worked out over all pairs, scikit-learn's, and intervals."""

from __future__ import annotations

import logging

import numpy as np
import pandas as pd
import pytest
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.inspection import permutation_importance as theirs
from sklearn.linear_model import LinearRegression

from spdkit.evaluation.metrics import MetricError
from spdkit.popularity.feature_groups import ExplanationError, groups_of
from spdkit.popularity.labels import PopularityError
from spdkit.popularity.models import baselines
from spdkit.popularity.permutation_importance import (
    importance_table,
    permutation_importance,
    row_losses,
)

EPSILON = np.finfo(np.float64).eps
ROWS = pd.DataFrame({"a": [1.0, 2, 3, 4], "b": [5.0, 6, 7, 8], "c": [0.0, 0, 1, 1]})
FEATURES = pd.DataFrame(
    {
        "modality": ["audio", "audio", "lyrics", "metadata"],
        "family": ["rhythm", "key", "rhythm", "artist"],
    },
    index=["tempo", "key", "rhymes", "followers"],
)


def linear_songs(n_rows=80, seed=0):
    """Popularity near 50 + 12 tempo + 4 rhymes, and a model that was fitted to it."""
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(rng.standard_normal((n_rows, 4)), columns=FEATURES.index)
    y = (50 + 12 * X["tempo"] + 4 * X["rhymes"] + 5 * rng.standard_normal(n_rows)).clip(0, 100)
    return X, y, LinearRegression().fit(X, y)


def own_values(X, *names):
    """Squared distance of a row's columns from what they were: all of it comes from shuffling."""
    was = X[list(names)].to_numpy()

    def moved(rows):
        often = np.tile(was, (len(rows) // len(was), 1))
        return ((rows[list(names)].to_numpy() - often) ** 2).sum(axis=1)

    return moved


def shuffles(seen, X):
    """The tables that a loss saw, after that of the rows as they are, one a permutation."""
    assert len(seen) == 2
    starts = range(0, len(seen[1]), len(X))
    return [seen[1].iloc[start : start + len(X)].set_axis(X.index) for start in starts]


def test_increase_is_the_mean_over_all_pairs_of_rows_and_scikit_learns():
    X, y, model = linear_songs()
    n_repeats = 100
    ours = permutation_importance(
        row_losses(model, y), X, {"tempo": ["tempo"]}, n_repeats=n_repeats
    ).loc["tempo", "increase"]
    found = theirs(
        model,
        X[FEATURES.index],
        y,
        scoring="neg_mean_absolute_error",
        n_repeats=n_repeats,
        random_state=1,
    )
    error = found.importances_std[0] / np.sqrt(n_repeats)
    assert ours == pytest.approx(found.importances_mean[0], abs=4 * np.sqrt(2) * error)
    # A row gets each row's value equally often: |y_i - f(x_i with tempo_j)|, over all i and j.
    tempo, predicted = X["tempo"].to_numpy(), model.predict(X)
    swapped = predicted[:, None] + model.coef_[0] * (tempo[None, :] - tempo[:, None])
    expected = np.abs(y.to_numpy()[:, None] - swapped).mean() - np.abs(y - predicted).mean()
    assert ours == pytest.approx(expected, abs=4 * error)
    assert expected > 5


def test_columns_that_are_not_used_are_exactly_0():
    X = linear_songs()[0]
    found = permutation_importance(own_values(X, "tempo"), X, groups_of(FEATURES, "feature"))
    assert (found.loc[["key", "rhymes", "followers"]] == 0).all(axis=None)
    assert found.loc["tempo", "low"] > 0


def test_columns_of_a_group_stay_together():
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"a": rng.standard_normal(40)}).assign(b=lambda x: 2 * x["a"])

    def torn(rows):
        return np.abs(rows["b"] - 2 * rows["a"])

    found = permutation_importance(torn, X, {"both": ["b", "a"], "a": ["a"]})
    assert found.loc["both"].tolist() == [0, 0, 0]
    assert found.loc["a", "low"] > 0


def test_every_shuffle_is_a_permutation_and_leaves_other_columns_alone():
    X, seen = linear_songs()[0], []

    def watch(rows):
        seen.append(rows)
        return np.zeros(len(rows))

    permutation_importance(watch, X, {"x": ["tempo", "rhymes"]}, n_repeats=3)
    found = shuffles(seen, X)
    assert len(found) == 3 and not found[0].equals(found[1])
    for rows in found:
        assert rows[["key", "followers"]].equals(X[["key", "followers"]])
        assert not rows["tempo"].equals(X["tempo"])
        pairs = [part.sort_values("tempo")[["tempo", "rhymes"]] for part in (rows, X)]
        assert np.array_equal(*pairs)


def test_a_group_gets_the_same_numbers_in_any_company_and_with_the_same_seed():
    X, y, model = linear_songs()
    loss, feature_groups = row_losses(model, y), groups_of(FEATURES, "feature")
    together = permutation_importance(loss, X, feature_groups, seed=3)
    alone = permutation_importance(loss, X, {"rhymes": ["rhymes"]}, seed=3)
    assert alone.equals(together.loc[["rhymes"]])
    other = permutation_importance(loss, X, {"rhymes": ["rhymes"]}, seed=4)
    assert not other.equals(alone)


@pytest.mark.parametrize("n_repeats", [1, 5, 40])
def test_intervals_cover(n_repeats):
    # The truth for n normal rows: E (x_i - x_j)² = 2, and 0 for the 1/n of pairs with i = j. With
    # many repeats, an interval from receiving rows alone would cover 68 % (its variance is 2 of 8).
    n_rows, n_trials, level = 60, 200, 0.9
    truth = 2 * (1 - 1 / n_rows)
    hits = 0
    for seed in range(n_trials):
        x = np.random.default_rng([seed, 7]).standard_normal(n_rows)
        X = pd.DataFrame({"x": x})
        found = permutation_importance(
            own_values(X, "x"), X, {"x": ["x"]}, n_repeats=n_repeats, level=level, seed=seed
        ).loc["x"]
        hits += found["low"] <= truth <= found["high"]
    # Binomial error 0.021; squares of 60 normal numbers are skewed, which costs some percent.
    assert 0.82 <= hits / n_trials <= 0.98


def test_groups_are_drawn_whole():
    # Ten songs an artist, all alike: ten times fewer independent rows, an interval √10 as wide.
    x = np.repeat(np.random.default_rng(0).standard_normal(80), 10)
    X, artists = pd.DataFrame({"x": x}), np.repeat(np.arange(80), 10)
    loss = own_values(X, "x")
    by_row = permutation_importance(loss, X, {"x": ["x"]}).loc["x"]
    by_artist = permutation_importance(loss, X, {"x": ["x"]}, artists).loc["x"]
    assert by_row["increase"] == pytest.approx(by_artist["increase"])
    ratio = (by_artist["high"] - by_artist["low"]) / (by_row["high"] - by_row["low"])
    assert 2.2 < ratio < 4


def songs_without_words(n_rows=60):
    """Every third song has no lyrics, one more no vocabulary; tempo is missing elsewhere."""
    rng = np.random.default_rng(0)
    names = ["n_words", "n_lines", "vocabulary", "tempo"]
    X = pd.DataFrame(rng.standard_normal((n_rows, 4)), columns=names)
    X.loc[::3, names[:3]] = np.nan
    X.loc[1, "vocabulary"] = np.nan
    X.loc[5:12, "tempo"] = np.nan
    return X


@pytest.mark.parametrize(
    ("group", "stays"),
    [
        (["n_words"], True),
        (["n_words", "n_lines"], True),
        (["vocabulary"], True),
        (["n_words", "n_lines", "vocabulary"], False),
        (["tempo"], False),
    ],
)
def test_what_is_missing_together_is_parted_by_no_shuffle(group, stays):
    X, seen = songs_without_words(), []

    def watch(rows):
        seen.append(rows)
        return np.zeros(len(rows))

    permutation_importance(watch, X, {"group": group}, n_repeats=3)
    for rows in shuffles(seen, X):
        for name in group:
            assert np.array_equal(np.sort(rows[name]), np.sort(X[name]), equal_nan=True)
            assert not rows[name].equals(X[name])
            assert rows[name].isna().equals(X[name].isna()) is stays


def test_models_that_mask_what_is_missing_do_not_warn():
    X = songs_without_words()
    y = 50 + X["tempo"].fillna(0)
    model = baselines.regressors()["mlr"].fit(X, y)
    found = permutation_importance(row_losses(model, y), X, {name: [name] for name in X})
    assert found["increase"].idxmax() == "tempo"


def test_row_losses_of_regression_by_hand():
    model = DummyRegressor(strategy="constant", constant=130.0).fit(ROWS, [0, 0, 0, 0])
    # Popularity ends at 100, and so does a prediction.
    assert row_losses(model, [100, 90, 0, 55.5])(ROWS).tolist() == [0, 10, 100, 44.5]


def test_row_losses_of_classes_by_hand():
    # Three rows of class 0 and one of class 2: p = 3/4 and 1/4, and nothing for class 1.
    model = DummyClassifier(strategy="prior").fit(ROWS, [0, 0, 2, 0])
    found = row_losses(model, [10, 30, 40, 80], (20.0, 60.0))(ROWS)
    expected = [np.log(4 / 3), -np.log(EPSILON), -np.log(EPSILON), np.log(4)]
    assert found == pytest.approx(expected)


def test_table_has_every_level_and_the_largest_first():
    X, y, model = linear_songs()
    table = importance_table(model, X, y, FEATURES, np.arange(len(X)) // 2)
    assert table.columns.to_list() == ["level", "name", "increase", "low", "high"]
    found = {level: part["name"].to_list() for level, part in table.groupby("level", sort=False)}
    assert list(found) == ["modality", "family", "feature"]
    assert found["modality"][:2] == ["audio", "lyrics"]
    # One word for two modalities: told apart.
    assert found["family"][:2] == ["rhythm (audio)", "rhythm (lyrics)"]
    assert set(found["family"][2:]) == {"key", "artist"}
    assert found["feature"][:2] == ["tempo", "rhymes"]
    assert len(table) == 3 + 4 + 4
    for _, part in table.groupby("level"):
        assert part["increase"].is_monotonic_decreasing
    assert ((table["low"] <= table["increase"]) & (table["increase"] <= table["high"])).all()


def test_table_of_a_classifier_is_in_nats():
    X, y, _ = linear_songs(300)
    model = baselines.classifiers()["logistic"].fit(X, np.digitize(y, (40, 60)))
    table = importance_table(model, X, y, FEATURES, thresholds=(40, 60)).set_index("name")
    again = permutation_importance(row_losses(model, y, (40, 60)), X, {"tempo": ["tempo"]})
    assert table.loc["tempo", "increase"] == again.loc["tempo", "increase"] > 0.3


class Counting(DummyRegressor):
    """Counts the rows that it is asked for."""

    def predict(self, X):
        self.asked = [*getattr(self, "asked", []), len(X)]
        return super().predict(X)


# 4 features and 100 rows. Per level the model first sees the rows as they are.
@pytest.mark.parametrize(
    ("limit", "rows", "repeats"),
    [(None, 100, 5), (2000, 100, 5), (1999, 100, 4), (400, 100, 1), (399, 99, 1), (8, 2, 1)],
)
def test_predictions_are_limited_repeats_first(limit, rows, repeats, caplog):
    X, y, _ = linear_songs(100)
    model = Counting().fit(X, y)
    with caplog.at_level(logging.INFO, "spdkit"):
        importance_table(model, X, y, FEATURES, max_predictions=limit)
    assert model.asked[-5:] == [rows, *[repeats * rows] * 4]
    assert f"by feature: {rows} rows, {repeats} permutations" in caplog.text
    if limit == 399:  # three modalities are fewer
        assert model.asked[:4] == [100] * 4


def test_rows_that_are_drawn_keep_their_labels_and_groups():
    X, y, _ = linear_songs(100)
    perfect = LinearRegression().fit(X.assign(followers=y), y)
    table = importance_table(
        perfect,
        X.assign(followers=y),
        y,
        FEATURES,
        [f"artist {i}" for i in range(100)],
        max_predictions=200,
    ).set_index("name")
    # Of 50 rows; were labels out of step, this model would do no worse without them.
    assert table.loc["followers", "low"] > 5


def test_progress_is_shown_on_request(capsys):
    for shown in (False, True):
        permutation_importance(own_values(ROWS, "a"), ROWS, {"a": ["a"]}, progress=shown)
        assert ("importance" in capsys.readouterr().err) is shown


def zeros(rows):
    return np.zeros(len(rows))


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (
            {"feature_groups": {"x": ["a", "d", "e"]}},
            "feature group 'x': X has no columns 'd', 'e'",
        ),
        ({"feature_groups": {"x": []}}, "feature group 'x' must be a list of columns"),
        ({"feature_groups": {"x": "a"}}, "feature group 'x' must be a list of columns, got 'a'"),
        ({"feature_groups": {}}, "no feature groups"),
        ({"X": ROWS[:1]}, "at least 2 rows to shuffle, got 1"),
        ({"X": ROWS.assign(b="text")}, "columns must hold numbers"),
        ({"X": ROWS.set_axis(["a", "b", "b"], axis=1)}, "columns of the same name: 'b'"),
        ({"n_repeats": 0}, "n_repeats must be a whole number of at least 1, got 0"),
        ({"row_loss": lambda rows: 1.0}, r"losses of 4 rows have shape \(\)"),
        (
            {"row_loss": lambda rows: rows["c"] / 0},
            "4 losses are not finite.* row 0",
        ),
    ],
)
@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_what_cannot_be_shuffled_is_refused(change, match):
    with pytest.raises(ExplanationError, match=match):
        permutation_importance(
            **{"row_loss": zeros, "X": ROWS, "feature_groups": {"a": ["a"]}, **change}
        )


@pytest.mark.parametrize("groups", [["x", "y"], ["x", "y", None, "z"]])
def test_groups_that_do_not_fit_are_refused(groups):
    with pytest.raises(MetricError, match="groups"):
        permutation_importance(zeros, ROWS, {"a": ["a"]}, groups)


@pytest.mark.parametrize(
    ("change", "error", "match"),
    [
        ({"y": np.zeros(7)}, ExplanationError, r"y has shape \(7,\), there are 80 rows"),
        ({"y": np.full(80, 101.0)}, PopularityError, "80 of 80 labels are not in"),
        ({"features": FEATURES[1:]}, ExplanationError, "features and X differ in columns: 'tempo'"),
        ({"max_predictions": 7}, ExplanationError, "max_predictions=7 .* give at least 8"),
    ],
)
def test_tables_that_cannot_be_made_are_refused(change, error, match):
    X, y, model = linear_songs()
    with pytest.raises(error, match=match):
        importance_table(**{"model": model, "X": X, "y": y, "features": FEATURES, **change})


def test_levels_are_three():
    assert groups_of(FEATURES, "modality") == {
        "audio": ["tempo", "key"],
        "lyrics": ["rhymes"],
        "metadata": ["followers"],
    }
    with pytest.raises(ExplanationError, match="level must be one of modality, family, feature"):
        groups_of(FEATURES, "genre")
