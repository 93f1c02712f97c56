"""Frames: what is wrong is refused by series and date; gaps are filled when that is asked for."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st
from long_frames import long_frame

from spdkit.forecast.data import long_table
from spdkit.forecast.data.checks import ForecastError
from spdkit.forecast.data.long_table import check_frame, check_future, check_horizon, fill_gaps


def with_value(value, row=1):
    df = long_frame(a=[1, 2, 3], b=[4, 5, 6])
    df.loc[row, "y"] = value
    return df


def test_a_frame_becomes_series_one_after_the_other():
    df = long_frame(b=[1, 2, 3], a=[4, 5])
    mixed = df.iloc[[0, 3, 1, 4, 2]]  # rows of two series in turns, each in the order of time
    panel = check_frame(mixed)
    assert list(panel.ids) == ["b", "a"]
    assert panel.lengths.tolist() == [3, 2]
    assert panel.y.tolist() == [1, 2, 3, 4, 5]
    pd.testing.assert_frame_equal(panel.frame(), df)


def test_other_names_and_columns_that_are_not_asked_for():
    df = long_frame(a=[1, 2]).set_axis(["song", "day", "plays"], axis=1).assign(note="x", promo=1)
    panel = check_frame(df, exog=["promo"], id_col="song", time_col="day", target_col="plays")
    assert list(panel.frame()) == ["song", "day", "plays", "promo"]
    assert list(panel.future(1)) == ["song", "day"]


@pytest.mark.parametrize(
    ("df", "message"),
    [
        ([1, 2], "a pandas DataFrame is needed, got list"),
        (long_frame(a=[1]).drop(columns="y"), "no column 'y', only 'unique_id', 'ds'"),
        (long_frame(a=[1, 2]).iloc[:0], "the frame has no rows"),
        (with_value(math.nan), r"series 'a', 2015-03-02: y is nan \(1 such rows\)"),
        (with_value(math.inf, 4), r"series 'b', 2015-03-02: y is inf"),
        (with_value(-1.1e100), r"'a', 2015-03-02: y is -1.1e[+]100 .*, beyond the 1e[+]100 that"),
        (with_value(1).astype({"y": str}), "column 'y' holds str, not numbers"),
        (with_value(1).astype({"y": complex}), "column 'y' holds complex128, not numbers"),
        (with_value(1).assign(unique_id=["a", None] * 3), r"row 1 \(.*\) has no unique_id \(3 s"),
        (with_value(1).drop(index=4), "series 'b' has no row for 2015-03-02: 1 dates .* 1 series"),
        (with_value(1).iloc[[0, 2, 1, 3, 4, 5]], "'a': 2015-03-02 comes after 2015-03-03. Sort"),
        (with_value(1).iloc[[0, 1, 2, 3, 4, 4, 5]], r"'b' has 2015-03-02 more than once \(1 rows"),
        (
            pd.concat([with_value(1), with_value(1)[["y"]]], axis=1),
            "more than one column 'y': drop all but one",
        ),
        (
            with_value(1).assign(
                ds=lambda df: df.ds.where(df.index != 4, df.ds + pd.Timedelta("1h"))
            ),
            "series 'b': 2015-03-02 01:00:00 is not a date of freq='D' counted from 2015-03-01",
        ),
    ],
)
def test_what_is_wrong_is_refused_by_series_and_date(df, message):
    with pytest.raises(ForecastError, match=message):
        check_frame(df, freq="D")


def test_dates_as_whole_numbers_get_a_hint():
    df = pd.DataFrame({"unique_id": 7, "ds": [20150130, 20150131, 20150201], "y": 1.0})
    with pytest.raises(ForecastError, match=r"days \(YYYYMMDD\), such as 20150130.*to_datetime"):
        check_frame(df)


def test_whole_numbers_may_lie_far_apart():
    # A grid of all dates between them would not fit into any memory.
    df = pd.DataFrame({"unique_id": ["a", "a", "b"], "ds": [0, 1, 10**15], "y": 1.0})
    assert check_frame(df).lengths.tolist() == [2, 1]


def test_series_start_and_end_where_they_like():
    df = pd.concat([long_frame(a=[1] * 4), long_frame("2015-04-01", b=[1, 1])])
    assert list(check_frame(df).future(1).ds.dt.strftime("%m-%d")) == ["03-05", "04-03"]


def test_numbers_of_pandas_own_kinds():
    df = with_value(2).astype({"y": "Int64", "unique_id": "category"})
    assert check_frame(df).y.tolist() == [1, 2, 3, 4, 5, 6]
    df.loc[1, "y"] = pd.NA
    with pytest.raises(ForecastError, match="series 'a', 2015-03-02: y is nan"):
        check_frame(df)


class TestFilling:
    def test_by_hand(self):
        df = long_frame(a=[1, 2, 3, 4], b=[5, 6, 7, 8]).drop(index=[1, 4, 7])
        filled = fill_gaps(df.sample(frac=1, random_state=0).sort_values("unique_id"))
        assert filled.y.tolist() == [1, 0, 3, 4, 6, 7]
        everything = fill_gaps(df, start="global", end="global", value={"y": -1})
        assert everything.y.tolist() == [1, -1, 3, 4, -1, 6, 7, -1]

    def test_all_columns_keep_their_kind_and_place(self):
        df = (
            long_frame(1, 1, a=[1, 2, 3]).assign(n=[1, 2, 3], seen=[True, False, True]).iloc[[0, 2]]
        )
        filled = fill_gaps(
            df[["n", "ds", "seen", "unique_id", "y"]], value={"n": 0, "y": 0.5, "seen": 0}, freq=1
        )
        assert list(filled) == ["n", "ds", "seen", "unique_id", "y"]
        assert filled.n.dtype == np.int64
        assert filled.y.tolist() == [1, 0.5, 3]

    def test_months_that_are_missing(self):
        df = long_frame(freq="MS", a=[1, 2, 3, 4, 5]).drop(index=2)
        assert fill_gaps(df).ds.dt.month.tolist() == [3, 4, 5, 6, 7]

    def test_missing_values_are_not_filled_by_the_way(self):
        df = long_frame(a=[1, 2, 3]).astype({"y": "Int64"}).drop(index=1)
        df.loc[0, "y"] = pd.NA
        assert np.isnan(fill_gaps(df).y[0])

    @pytest.mark.parametrize(
        ("settings_", "message"),
        [
            ({"start": "first"}, "start must be one of 'per_series', 'global', got 'first'"),
            ({"value": {}}, "column 'y' has no value to be filled with"),
            ({"value": {"y": 0, "plays": 0}}, "value names 'plays', which is no column"),
            ({"freq": "W-MON"}, "series 'a': 2015-03-01 is not a date of freq='W-MON'"),
        ],
    )
    def test_what_cannot_be_filled(self, settings_, message):
        with pytest.raises(ForecastError, match=message):
            fill_gaps(long_frame(a=[1, 2, 3]), **settings_)

    def test_text_and_double_dates_cannot_be_filled(self):
        df = long_frame(a=[1, 2, 3])
        with pytest.raises(ForecastError, match="column 'note' holds no numbers"):
            fill_gaps(df.assign(note="x"))
        with pytest.raises(ForecastError, match="series 'a' has 2015-03-01 more than once"):
            fill_gaps(df.iloc[[0, 0, 1]])

    @pytest.mark.parametrize(
        ("freq", "end", "gap", "n_rows"),
        [
            (1, "per_series", "'b' has no row between 2 and 90000", 90_001),
            (1, "global", "'a' has no row between 1 and 90000", 180_000),
            ("D", "per_series", "'b' has no row between 1700-01-03 and 1946-06-01", 90_001),
            ("D", "global", "'a' has no row between 1700-01-02 and 1946-06-01", 180_000),
        ],
    )
    def test_gaps_of_very_many_rows_are_refused_before_they_are_filled(
        self, freq, end, gap, n_rows, monkeypatch
    ):
        days = np.array([0, 1, 2, 90_000])
        ds = days if freq == 1 else np.datetime64("1700-01-01", "s") + days * np.timedelta64(86_400)
        df = pd.DataFrame({"unique_id": [*"aabb"], "ds": ds, "y": 1.0})
        monkeypatch.setattr(long_table, "MAX_FILLED", n_rows - 1)
        message = rf"series {gap}: the 4 rows would become {n_rows:,} .* become {n_rows - 1:,}\."
        with pytest.raises(ForecastError, match=message):
            fill_gaps(df, freq=freq, end=end)
        monkeypatch.setattr(long_table, "MAX_FILLED_RATIO", 50_000)
        assert len(fill_gaps(df, freq=freq, end=end)) == n_rows

    def test_whole_numbers_far_apart_in_different_series_are_no_gap(self):
        df = pd.DataFrame({"unique_id": [*"aabb"], "ds": [1, 3, 10**15, 10**15 + 2], "y": 1.0})
        far = [1, 2, 3, *range(10**15, 10**15 + 3)]
        assert fill_gaps(df, freq=1).ds.tolist() == far

    @settings(deadline=None, max_examples=60)
    @given(
        places=st.lists(st.sets(st.integers(0, 40), min_size=1), min_size=1, max_size=4),
        step=st.sampled_from(["D", "h", "W-MON", "MS", 3]),
        start=st.sampled_from(["per_series", "global"]),
        seed=st.integers(0, 99),
    )
    def test_a_filled_frame_is_sound_and_nothing_is_lost(self, places, step, start, seed):
        grid = (
            np.arange(0, 150, 3)
            if step == 3
            else pd.date_range("2015-01-01", periods=41, freq=step)
        )
        rng = np.random.default_rng(seed)
        df = pd.concat(
            [
                pd.DataFrame({"unique_id": f"s{i}", "ds": grid[sorted(own)]})
                for i, own in enumerate(places)
            ]
        )
        df["y"] = rng.integers(0, 9, len(df))
        filled = fill_gaps(df.sample(frac=1, random_state=seed), freq=step, start=start)
        panel = check_frame(filled, freq=step)
        sums = df.groupby("unique_id").y.sum()
        assert filled.groupby("unique_id").y.sum().to_dict() == sums.to_dict()
        first = min(min(own) for own in places) if start == "global" else None
        lengths = {
            f"s{i}": max(own) - (min(own) if first is None else first) + 1
            for i, own in enumerate(places)
        }
        assert dict(zip(panel.ids, panel.lengths, strict=True)) == lengths


class TestTheFuture:
    df = long_frame(a=[1, 2], b=[3, 4]).assign(promo=0.0, price=1.0)
    X_df = long_frame("2015-03-03", a=[5, 6], b=[7, 8]).rename(columns={"y": "promo"})

    def taken(self, X_df, exog=("promo",), df=None, h=2):
        panel = check_frame(self.df if df is None else df, exog=["promo", "price"])
        return check_future(panel, h, exog, X_df)

    def test_it_is_taken_in_the_order_of_the_series(self):
        X_df = self.X_df.assign(price=[1, 2, 3, 4]).iloc[[3, 0, 2, 1]]
        found = self.taken(X_df, ("price", "promo"))
        assert found.tolist() == [[[1, 5], [2, 6]], [[3, 7], [4, 8]]]
        assert self.taken(None, ()).shape == (2, 2, 0)

    @pytest.mark.parametrize("unit", ["s", "us", "ns"])
    def test_units_of_dates_do_not_matter(self, unit):
        X_df = self.X_df.assign(ds=pd.DatetimeIndex(self.X_df.ds).as_unit(unit))
        assert self.taken(X_df).ravel().tolist() == [5, 6, 7, 8]

    def test_time_zones_are_the_same_moment(self):
        df = self.df.assign(ds=self.df.ds.dt.tz_localize("Asia/Shanghai"))
        moments = self.X_df.ds.dt.tz_localize("Asia/Shanghai").dt.tz_convert("UTC")
        assert self.taken(self.X_df.assign(ds=moments), df=df).ravel().tolist() == [5, 6, 7, 8]

    @pytest.mark.parametrize(
        ("X_df", "message"),
        [
            (None, "the next 2 values of promo are needed: give them as X_df"),
            (X_df.drop(columns="promo"), "no column 'promo'"),
            (X_df.drop(index=2), r"no row for series 'b', 2015-03-03 \(1 of 4 values of promo"),
            (X_df.assign(promo=[1, 2, 3, math.nan]), "promo = nan for series 'b', 2015-03-04"),
            (X_df.assign(promo=pd.array([1, 2, 3, None], dtype="Int64")), "promo = nan for ser"),
            (X_df.iloc[[0, 0, 1, 2, 3]], "series 'a', 2015-03-03 more than once"),
            (X_df.assign(promo=["1", "2", "3", "4"]), "column 'promo' of X_df holds str"),
            (X_df.assign(unique_id=[1, 1, 2, 2]), "int64 in place of str"),
            (X_df.assign(ds=X_df.ds.dt.tz_localize("UTC")), "X_df has dates of datetime64.*UTC"),
            (X_df.assign(ds=[1, 2, 1, 2]), "X_df has dates of int64, the history of datetime64"),
        ],
    )
    def test_what_is_missing_is_refused_by_name(self, X_df, message):
        with pytest.raises(ForecastError, match=message):
            self.taken(X_df)


@pytest.mark.parametrize("h", [0, -1, 1.0, "7", True, None])
def test_a_horizon_is_at_least_one(h):
    with pytest.raises(ForecastError, match="whole number of at least 1, got"):
        check_horizon(h)
    assert check_horizon(np.int64(3)) == 3
