"""Series one after the other: cut, counted, and many of them."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pandas as pd
import pytest
from long_frames import long_frame

from spdkit.forecast.data.checks import ForecastError
from spdkit.forecast.data.long_table import check_frame
from spdkit.forecast.models.classical import SMA, RelativeMean

PANEL = check_frame(
    long_frame(a=[1, 2, 3, 4], b=[5, 6]).assign(promo=np.arange(6.0)), exog=["promo"]
)


def test_rows_are_taken_within_each_series():
    taken = PANEL.rows(np.array([1, 0]), np.array([3, 2]))
    assert taken.frame().to_numpy()[:, [0, 2, 3]].tolist() == [
        ["a", 2, 1],
        ["a", 3, 2],
        ["b", 5, 4],
        ["b", 6, 5],
    ]
    assert taken.ds.day.tolist() == [2, 3, 1, 2]
    assert PANEL.without_last(1).series(0).tolist() == [1, 2, 3]
    assert PANEL.without_last(1).lengths.tolist() == [3, 1]
    assert PANEL.tail(3).y.tolist() == [2, 3, 4, 5, 6]
    assert PANEL.tail(np.array([0, 1])).y.tolist() == [6]
    assert len(PANEL) == 2


def test_last_values_and_series_that_are_too_short():
    assert PANEL.last(2).tolist() == [[3, 4], [5, 6]]
    with pytest.raises(ForecastError, match="series 'b' has 2 rows, at least 3 are needed: its la"):
        PANEL.last(3)
    with pytest.raises(
        ForecastError,
        match=r"series 'a' .*: no reason. The same holds of 1 more series. G",
    ):
        PANEL.require(5, "no reason")


def test_the_future_of_each_series():
    future = PANEL.future(2)
    assert future.unique_id.tolist() == ["a", "a", "b", "b"]
    assert future.ds.dt.day.tolist() == [5, 6, 3, 4]


def many(n_series):
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "unique_id": np.repeat(np.arange(n_series), 183),
            "ds": np.tile(pd.date_range("2015-03-01", periods=183), n_series),
            "y": rng.poisson(3, 183 * n_series).astype(float),
        }
    )


@pytest.mark.parametrize("make", [lambda: SMA(16), lambda: RelativeMean(zero="skip")])
def test_ten_thousand_songs_in_memory_linear_in_the_data(make):
    peaks = []
    for n_series in (2_500, 10_000):
        df = many(n_series)
        tracemalloc.start()
        forecast = make().fit(df).predict(30)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert len(forecast) == n_series * 30
    # Four times the data; the frame itself is 44 MB.
    assert peaks[1] < 4.2 * peaks[0]
    assert peaks[1] < 400e6
    constant = forecast.iloc[:, 2].to_numpy().reshape(10_000, 30)
    assert (constant[:, 0] == constant[:, -1]).all()
    assert abs(constant[:, 0].mean() - 3) < 1.5
