"""F against arithmetic by hand, and what has no F."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from sklearn import metrics as reference

from spdkit.forecast.data.checks import ForecastError
from spdkit.forecast.scoring.metrics import AUTO, METRICS, existing_metric, exists, f_score, score


def test_by_hand():
    # Series 0: relative errors 1/2 and -1/4, σ = sqrt((1/4 + 1/16) / 2) = sqrt(5/32); φ = 2.
    # Series 1: forecast exactly, σ = 0; φ = sqrt(25).
    found = f_score([[2, 2], [9, 16]], [[3, 1.5], [9, 16]])
    sigma = math.sqrt(5 / 32)
    assert found.sigma == pytest.approx([sigma, 0])
    assert found.phi == pytest.approx([2, 5])
    assert found.terms == pytest.approx([2 * (1 - sigma), 5])
    assert found.value == pytest.approx(7 - 2 * sigma)
    assert found.perfect == 7
    assert found.average_error == pytest.approx(sigma)  # 2σ lost by 2 series
    assert found.error_variance == pytest.approx(sigma**2)  # of 2σ and 0


def test_one_series_of_one_day():
    # (4 - 3) / 3 is 1/3 too much of sqrt(3).
    assert f_score([[3]], [[4]]).value == pytest.approx(2 / 3 * math.sqrt(3))


def test_negative_terms_are_kept_unless_there_is_a_floor():
    # Thrice the plays: σ = 2, so that the first series takes sqrt(4) away.
    y, forecast = [[4.0], [9.0]], [[12.0], [9.0]]
    assert f_score(y, forecast).value == pytest.approx(-2 + 3)
    floored = f_score(y, forecast, floor=True)
    assert floored.value == 3
    assert floored.average_error == pytest.approx(1)  # (5 - 3) / 2


def test_days_without_plays_are_refused_or_left_out():
    y, forecast = [[2, 0, 2], [0, 0, 0]], [[3, 50, 2], [1, 1, 1]]
    with pytest.raises(ForecastError, match=r"'b', 2015-08-02: .*relative .* y is 0 \(4 such days"):
        f_score(y[::-1], forecast, ids=["b", "a"], ds=["2015-08-02", "2015-08-03", "2015-08-04"])
    found = f_score(y, forecast, zero="skip")
    # One half and 0 over the two days with plays; a series without any adds nothing.
    assert found.sigma[0] == pytest.approx(math.sqrt(1 / 8))
    assert np.isnan(found.sigma[1])
    assert found.value == pytest.approx(2 * (1 - math.sqrt(1 / 8)))
    assert found.perfect == 2


@settings(deadline=None, max_examples=50)
@given(seed=st.integers(0, 10**6), n_series=st.integers(1, 5), n_days=st.integers(1, 9))
def test_f_is_its_definition(seed, n_series, n_days):
    rng = np.random.default_rng(seed)
    y = rng.integers(1, 100, (n_series, n_days))
    forecast = rng.normal(50, 40, (n_series, n_days))
    total = 0.0
    for actual, guess in zip(y, forecast, strict=True):
        squares = sum(((g - a) / a) ** 2 for a, g in zip(actual, guess, strict=True))
        total += (1 - math.sqrt(squares / n_days)) * math.sqrt(sum(actual))
    assert f_score(y, forecast).value == pytest.approx(total)
    assert f_score(y, forecast).value <= f_score(y, y).value == f_score(y, y).perfect


@pytest.mark.parametrize(
    ("y", "forecast", "message"),
    [
        ([[1, 2]], [[1, 2, 3]], r"\(n_series, n_days\), got \(1, 2\) and \(1, 3\)"),
        ([1, 2], [1, 2], r"got \(2,\) and \(2,\)"),
        (np.empty((0, 3)), np.empty((0, 3)), r"got \(0, 3\)"),
        ([[1, -2]], [[1, 2]], r"series 0, day 1: F needs plays of 0 or more, y is -2 \(1 such"),
        ([[1, math.nan]], [[1, 2]], "series 0, day 1: y is nan"),
        ([[1, 2]], [[math.inf, 2]], "series 0, day 0: the forecast is inf"),
    ],
)
def test_what_has_no_f(y, forecast, message):
    with pytest.raises(ForecastError, match=message):
        f_score(y, forecast)


def test_errors_that_every_field_knows():
    rng = np.random.default_rng(0)
    y, forecast = rng.normal(3, 2, (2, 4, 7))
    assert score(y, forecast, "mae") == pytest.approx(reference.mean_absolute_error(y, forecast))
    rmse = reference.root_mean_squared_error(y.ravel(), forecast.ravel())
    assert score(y, forecast, "rmse") == pytest.approx(rmse)
    # Missed by 1 of 4 and by 4 of 2; the series of zeros has no share.
    rows = ([[1, -3], [2, 0], [0, 0]], [[2, -3], [2, 4], [9, 9]])
    assert score(*rows, "mean_wape") == pytest.approx((1 / 4 + 4 / 2) / 2)
    assert score(*rows, "wape") == pytest.approx((1 + 4 + 18) / (4 + 2))
    assert score([[2, 2]], [[3, 2]]) == f_score([[2, 2]], [[3, 2]]).value


@pytest.mark.parametrize("metric", METRICS)
def test_no_metric_hides_a_forecast_that_is_no_number(metric):
    with pytest.raises(ForecastError, match="series 's', 2015: the forecast is nan"):
        score([[1.0]], [[math.nan]], metric, ids=["s"], ds=["2015"])


def test_unknown_words():
    with pytest.raises(
        ForecastError, match=r"metric must .* 'f', 'mae', 'rmse', 'wape', 'mean_wape', got 'smape'"
    ):
        score([[1]], [[1]], "smape")
    with pytest.raises(ForecastError, match="zero must be one of 'refuse', 'skip', got 'drop'"):
        f_score([[1]], [[1]], zero="drop")
    for metric in ("wape", "mean_wape"):
        with pytest.raises(ForecastError, match=f"{metric} does not exist .*: take mae or rmse"):
            score([[0]], [[1]], metric)


@settings(deadline=None, max_examples=50)
@given(
    seed=st.integers(0, 10**6),
    metric=st.sampled_from([AUTO, *METRICS]),
    zero=st.sampled_from(["refuse", "skip"]),
    low=st.integers(-2, 2),
)
def test_a_metric_to_fall_back_to_exists_where_it_is_used(seed, metric, zero, low):
    windows = np.random.default_rng(seed).integers(low, 3, (2, 3, 4))
    found = existing_metric(metric, windows, zero)
    assert found == metric or found in ("f", "wape", "mae")
    if metric == "f":
        return  # asked for by name, it refuses by itself
    used = [y for y in windows if found == "f" or exists(found, y)]
    assert used and all(np.isfinite(score(y, y + 1, found, zero=zero)) for y in used)


@pytest.mark.parametrize(
    ("metric", "windows", "zero", "expected"),
    [
        (AUTO, [[1, 2], [3, 4]], "refuse", "f"),
        (AUTO, [[1, 2], [3, 0]], "refuse", "wape"),
        (AUTO, [[1, 2], [3, 0]], "skip", "f"),
        (AUTO, [[1, 2], [3, -1]], "skip", "wape"),
        (AUTO, [[0, 0], [0, 0]], "refuse", "mae"),
        (AUTO, [[0, 0], [0, 0]], "skip", "mae"),
        ("mean_wape", [[0, 0], [0, 1]], "refuse", "mean_wape"),
        ("wape", [[0, 0], [0, 0]], "refuse", "mae"),
        ("f", [[0, 0]], "refuse", "f"),
        ("rmse", [[0, 0]], "refuse", "rmse"),
    ],
)
def test_which_metric_takes_the_place_of_one_that_does_not_exist(metric, windows, zero, expected):
    assert existing_metric(metric, windows, zero) == expected
