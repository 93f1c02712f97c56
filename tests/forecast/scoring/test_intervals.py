"""Conformal intervals: ranks by hand, coverage of noise, and what has none."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from long_frames import long_frame

from spdkit.forecast.data.checks import ForecastError
from spdkit.forecast.data.long_table import check_frame
from spdkit.forecast.models.classical import SMA, SeasonalNaive
from spdkit.forecast.scoring.intervals import ConformalIntervals, Residuals, scale

FOUR = long_frame(a=[10, 10, 14, 9, 10, 12, 13, 8], b=[20, 20, 20, 20, 20, 30, 10, 20])


def test_the_rank_by_hand():
    # Sizes 1 … 9: of level 80 the ⌈10·0.8⌉ = 8th, of 90 the 9th; of level 50 the 5th.
    sizes = np.array([3, -1, 9, 2, -8, 7, 4, -6, 5], float)
    residuals = Residuals(sizes.reshape(3, 3, 1))
    assert [residuals.reach(1, level)[0] for level in (50, 80, 90)] == [5, 8, 9]
    with pytest.raises(ForecastError, match=r"level 91 needs at least 11 errors a step, .* give 9"):
        residuals.reach(1, 91)


def test_an_interval_does_not_shrink_further_ahead():
    scaled = np.array([[[1, 4, 2]], [[1, 3, 3]]], float)
    assert Residuals(scaled).reach(3, 60).tolist() == [1, 3.5, 3.5]  # 4 and 3, averaged
    assert Residuals(scaled).reach(1, 60).tolist() == [1]


def test_errors_are_those_of_fits_before_each_cutoff_in_scales():
    # Naive at the cutoffs after row 4 (10 and 20) and after row 6 (13 and 10), one row ahead each.
    panel = check_frame(FOUR)
    found = SeasonalNaive(1).past_residuals(panel, ConformalIntervals(1, n_windows=2, step_size=2))
    a, b = FOUR["y"].to_numpy().reshape(2, 8)
    # Up to each cutoff: deviation and a twentieth of the mean.
    scales = [[np.std(one[:n]) + np.mean(one[:n]) / 20 for one in (a, b)] for n in (5, 7)]
    expected = np.array([[2, 10], [-5, 10]]) / np.array(scales)
    assert found.scaled == pytest.approx(expected[..., None])


def test_the_scale_is_of_the_last_thirty_rows():
    panel = check_frame(long_frame(a=[100] * 10 + [-2] * 30, b=[0] * 40, c=[0, 4] * 20))
    # A twentieth of 2; nothing at all; a deviation of 2 and a twentieth of 2.
    assert scale(panel).tolist() == pytest.approx([0.1, 1, 2.1])


def test_intervals_reach_to_both_sides_and_not_below_nothing():
    found = SMA(1).fit(FOUR, intervals=ConformalIntervals(2, n_windows=3)).predict(2, level=[50])
    assert list(found) == ["unique_id", "ds", "SMA(1)", "SMA(1)-lo-50", "SMA(1)-hi-50"]
    high, low = found["SMA(1)-hi-50"] - found["SMA(1)"], found["SMA(1)"] - found["SMA(1)-lo-50"]
    assert high.to_numpy() == pytest.approx(low.to_numpy())
    assert (high > 0).all()
    flat = long_frame(a=[1] * 8, b=[0, 90, 0, 0, 90, 0, 0, 1])
    ends = SMA(1).fit(flat, intervals=ConformalIntervals(2, n_windows=3)).predict(2, level=[80])
    assert (ends["SMA(1)-lo-80"][2:] == 0).all()
    below = (
        SMA(1)
        .fit(flat.assign(y=flat.y - 1), intervals=ConformalIntervals(2, n_windows=3))
        .predict(2, level=[80])
    )
    assert (below["SMA(1)-lo-80"] < -1).any()


def test_coverage_of_exchangeable_noise():
    # 300 series of noise, 5 windows of 1 row: 1,500 errors make the interval, 300 values test it.
    rng = np.random.default_rng(0)
    values = rng.gamma(4, 5, (300, 41))
    df = long_frame(**{f"s{i}": row[:40] for i, row in enumerate(values)})
    fitted = SMA(20).fit(df, intervals=ConformalIntervals(1, n_windows=5))
    for level in (50, 80, 95):
        found = fitted.predict(1, level=[level])
        low, high = (found[f"SMA(20)-{end}-{level}"] for end in ("lo", "hi"))
        inside = np.mean((low <= values[:, 40]) & (values[:, 40] <= high))
        tolerance = 4 * np.sqrt(level / 100 * (1 - level / 100) * (1 / 300 + 1 / 1500))
        assert inside == pytest.approx(level / 100, abs=tolerance)
        by_window = fitted.residuals_.coverage(level)
        assert by_window.shape == (5,)
        assert by_window.mean() == pytest.approx(level / 100, abs=tolerance)


def test_coverage_is_of_each_window_by_the_others():
    # Window 0 has far larger errors. The 14th of the others' 18 sizes is 1, which holds none of it;
    # the 20th of all 27 would be 50.
    scaled = np.concatenate([np.full((1, 9, 1), 50.0), np.ones((2, 9, 1))])
    assert Residuals(scaled).coverage(70).tolist() == [0, 1, 1]


def test_intervals_of_cross_validation_are_learned_before_each_cutoff():
    # What comes after the last cutoff is absurd, and its interval is as narrow as before it.
    quiet = np.tile([9.0, 10, 11, 10], 10)
    plain, planted = (long_frame(a=[*quiet, last], b=[*quiet, last]) for last in (10, 1e9))
    settings_ = {"intervals": ConformalIntervals(1, n_windows=4), "level": [60]}
    found = [SMA(4).cross_validation(df, 1, n_windows=2, **settings_) for df in (plain, planted)]
    pd.testing.assert_frame_equal(found[0].drop(columns="y"), found[1].drop(columns="y"))
    assert (found[0]["SMA(4)-hi-60"] > found[0]["SMA(4)"]).all()


@pytest.mark.parametrize(
    ("h", "level", "message"),
    [
        (3, [80], r"intervals were learned for 2 steps, 3 are asked for: fit with intervals=Conf"),
        (2, [0], "a level is a percentage above 0 and below 100, got 0"),
        (2, [100], "got 100"),
        (2, [99], "level 99 needs at least 99 errors a step, series times windows give 6"),
        (2, 80, r"level must be a list of percentages such as \[80, 95\], got 80"),
        (2, "80", "level must be a list"),
    ],
)
def test_levels_that_cannot_be_had(h, level, message):
    fitted = SMA(1).fit(FOUR, intervals=ConformalIntervals(2, n_windows=3))
    with pytest.raises(ForecastError, match=message):
        fitted.predict(h, level=level)


def test_intervals_that_cannot_be_learned():
    with pytest.raises(
        ForecastError, match="n_windows must be a whole number of at least 2, got 1"
    ):
        SMA(1).fit(FOUR, intervals=ConformalIntervals(1, n_windows=1))
    with pytest.raises(
        ForecastError, match="series 'a' has 8 rows, at least 11 are needed: 5 wind"
    ):
        SMA(1).fit(FOUR, intervals=ConformalIntervals(2, n_windows=5))
    with pytest.raises(ForecastError, match=r"SMA\(1\) was fitted without intervals: fit it with"):
        SMA(1).fit(FOUR).predict(1, level=[80])
