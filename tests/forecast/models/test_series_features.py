"""What a model of all series sees: levels, ratios, seasons, all free of scale."""

import math

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from made_plays import frame, noisy

from spdkit.forecast.data.long_table import check_frame
from spdkit.forecast.models.series_features import (
    Origins,
    _deviation,
    constant,
    describe,
    ends,
    levels,
    past,
    seasonal,
)


def origins(*pairs):
    series, row = np.array(pairs).T
    return Origins(series, row)


def test_the_past_comes_latest_first_and_never_from_another_series():
    panel = check_frame(frame({"a": [1, 2, 3], "b": [10, 20, 30, 40]}))
    found = past(panel, panel.y, origins((0, 2), (1, 1), (1, 4)), 3)
    expected = [[2, 1, np.nan], [10, np.nan, np.nan], [40, 30, 20]]
    np.testing.assert_array_equal(found, expected)


def test_constants_by_hand():
    window = np.array([[1.0, 2.0, 4.0], [0.0, 0.0, 3.0], [0.0, 0.0, 0.0], [5.0, np.nan, np.nan]])
    # Σ(1/y) / Σ(1/y²) = (7/4) / (21/16) = 4/3
    np.testing.assert_allclose(constant(window, relative=True), [4 / 3, 3, np.nan, 5])
    np.testing.assert_allclose(constant(window, relative=False), [7 / 3, 1, 0, 5])


@settings(deadline=None, max_examples=30)
@given(st.lists(st.floats(0.1, 1e6), min_size=1, max_size=9))
def test_no_constant_is_better_in_relative_error(values):
    y = np.array(values)
    best = constant(y, relative=True)

    def error(c):
        return np.mean(((c - y) / y) ** 2)

    assert error(best) <= min(error(best * 1.01), error(best * 0.99), error(y.mean())) + 1e-9


def test_levels_are_geometric_means_of_three_constants():
    y = np.concatenate([np.full(30, 8.0), np.full(21, 4.0), np.full(7, 2.0)])
    panel = check_frame(frame({"a": y}))
    last = [y[-7:].mean(), y[-28:].mean(), y[-56:].mean()]
    assert levels(panel, ends(panel), relative=False) == pytest.approx(np.prod(last) ** (1 / 3))
    relative = [constant(y[-n:], relative=True) for n in (7, 28, 56)]
    assert levels(panel, ends(panel), relative=True) == pytest.approx(np.prod(relative) ** (1 / 3))


def test_a_span_without_plays_does_not_pull_a_level_to_zero():
    y = np.concatenate([np.full(49, 6.0), np.zeros(7)])
    panel = check_frame(frame({"a": y, "b": np.zeros(60)}))
    # The last 7 rows have no level; the last 28 and 56 have 6, of their days with plays.
    np.testing.assert_allclose(levels(panel, ends(panel), relative=True), [6, 0])
    # As means, they have 6 on 21 of 28 days, and on 49 of 56.
    np.testing.assert_allclose(
        levels(panel, ends(panel), relative=False), [6 * math.sqrt(0.75 * 0.875), 0]
    )


@settings(deadline=None, max_examples=20)
@given(st.floats(1e-3, 1e3), st.integers(5, 70))
def test_descriptions_are_free_of_scale_but_for_the_level(factor, row):
    df = noisy(2, 80)
    at = origins((0, row), (1, row))
    found = []
    for scale in (1.0, factor):
        panel = check_frame(df.assign(y=scale * df["y"]))
        level = levels(panel, at, relative=True)
        found.append(describe(panel, at, level, (), relative=True))
    where = 13  # the logarithm of the level comes last
    np.testing.assert_allclose(found[1][:, where] - found[0][:, where], np.log(factor), atol=1e-9)
    np.testing.assert_allclose(*(np.delete(one, where, axis=1) for one in found), atol=1e-7)


def test_what_comes_after_an_origin_is_not_seen():
    df = noisy(1, 80)
    later = df.assign(y=df["y"].where(np.arange(80) < 60, 1e9))
    found = []
    for one in (df, later):
        panel = check_frame(one)
        at = origins((0, 60))
        level = levels(panel, at, relative=True)
        found.append(
            [level, describe(panel, at, level, (), True), seasonal(panel, at, level, 7, 9)]
        )
    for one, two in zip(*found, strict=True):
        np.testing.assert_array_equal(one, two)


def test_seasons_are_aligned_with_the_steps_ahead():
    # Rows 0, 1, 2 of a season of 3 are 1, 2, 4; the origin is row 7, which is row 1 of its season.
    panel = check_frame(frame({"a": np.tile([1.0, 2.0, 4.0], 4)}))
    found = np.exp(seasonal(panel, origins((0, 7)), np.array([2.0]), 3, 5))
    np.testing.assert_allclose(found, [[1, 2, 0.5, 1, 2]])


def test_a_season_that_was_never_seen_is_missing():
    panel = check_frame(frame({"a": [1.0, 2.0]}))
    found = seasonal(panel, ends(panel), np.array([1.0]), 3, 3)
    # Rows 2, 3, 4 are asked for; those of 3 and 4 were seen, a season earlier.
    np.testing.assert_allclose(np.exp(found), [[np.nan, 1, 2]])


def test_other_columns_are_set_beside_the_plays():
    df = frame({"a": np.full(9, 4.0)}).assign(downloads=np.r_[9.0, 9.0, np.full(7, 2.0)])
    panel = check_frame(df, exog=["downloads"])
    at = ends(panel)
    found = describe(panel, at, levels(panel, at, True), ["downloads"], True)[0, -1]
    assert found == pytest.approx(np.log((7 * 2 + 1) / (7 * 4 + 1)))


def test_deviations_are_numpys_of_what_is_there():
    logs = np.array([[1.0, 2.0, 4.0], [5.0, np.nan, 9.0], [3.0, np.nan, np.nan], [np.nan] * 3])
    expected = [np.std([1, 2, 4]), 2.0, np.nan, np.nan]
    np.testing.assert_allclose(_deviation(logs), expected)
