"""What every forecaster does: fit, predict, and forecast the past without seeing what came."""

from __future__ import annotations

import inspect
import re
from importlib import import_module
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest
from long_frames import long_frame
from made_plays import frame
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from spdkit.common.parameters import Number, check_parameters
from spdkit.forecast.data.checks import ForecastError
from spdkit.forecast.models.base import Forecaster
from spdkit.forecast.models.classical import ARIMA, SMA, RelativeMean, SeasonalNaive
from spdkit.forecast.models.serialization import CLASSES
from spdkit.forecast.scoring.intervals import ConformalIntervals

ALL = [SMA(3), SeasonalNaive(4), RelativeMean(), ARIMA((1, 0, 0)), ARIMA(max_p=1, max_q=1)]
DF = long_frame(
    a=10 + np.random.default_rng(0).poisson(5, 24), b=np.random.default_rng(1).poisson(20, 24) + 1
)


class Repeat(Forecaster):
    """Repeats the last row of the columns it is given, and adds what is known of the future."""

    def __init__(self, hist_exog=(), futr_exog=(), add=0.0):
        self.hist_exog = hist_exog
        self.futr_exog = futr_exog
        self.add = add

    def _least_rows(self):
        return 2

    def _fit(self, panel):
        hist = panel.exog[list(self.hist_exog)].to_numpy()[panel.indptr[1:] - 1].sum(axis=1)
        self.sums_ = panel.last(1)[:, 0] + hist

    def _forecast(self, h, future):
        return np.repeat(self.sums_[:, None], h, axis=1) + future.sum(axis=-1) + self.add


@pytest.mark.parametrize("one", ALL, ids=lambda one: one.label)
class TestEveryForecaster:
    def test_answers_in_the_long_format(self, one):
        df = DF.set_axis(["song", "day", "plays"], axis=1)
        names = {"id_col": "song", "time_col": "day", "target_col": "plays"}
        found = clone(one).fit(df, **names).predict(3)
        assert list(found) == ["song", "day", one.label]
        assert found.song.tolist() == ["a"] * 3 + ["b"] * 3
        assert found.day.dt.strftime("%m-%d").tolist() == ["03-25", "03-26", "03-27"] * 2
        assert np.isfinite(found[one.label]).all()

    def test_a_shorter_horizon_is_the_start_of_a_longer_one(self, one):
        fitted = clone(one).fit(DF)
        long, short = (fitted.predict(h)[one.label].to_numpy().reshape(2, h) for h in (9, 2))
        assert long[:, :2] == pytest.approx(short, rel=1e-12)

    def test_series_do_not_touch_each_other(self, one):
        alone = clone(one).fit(DF[DF.unique_id == "b"]).predict(4)
        together = clone(one).fit(DF).predict(4)
        pd.testing.assert_frame_equal(alone, together.iloc[4:].reset_index(drop=True))

    def test_constants_go_on(self, one):
        df = long_frame(a=[7] * 20, b=[0.1] * 20)
        found = clone(one).fit(df).predict(5)[one.label]
        assert found.tolist() == pytest.approx([7] * 5 + [0.1] * 5, rel=1e-12)

    def test_zeros_go_on_or_are_refused_by_name(self, one):
        df = long_frame(a=[7] * 20, b=[0] * 20)
        if isinstance(one, RelativeMean):
            with pytest.raises(ForecastError, match="series 'b', 2015-03-01: a relative error"):
                clone(one).fit(df)
            one = RelativeMean(zero="skip")
        assert clone(one).fit(df).predict(2)[one.label].tolist()[2:] == [0, 0]

    @pytest.mark.parametrize(
        ("start", "freq", "after"),
        [
            ("2015-03-02", "W-MON", "2015-07-06"),  # 18 weeks later
            ("2015-03-02 22:00", "h", "2015-03-03 16:00"),
            ("2015-01-01", "MS", "2016-07-01"),
            (3, 2, 39),
        ],
    )
    def test_any_frequency(self, one, start, freq, after):
        df = long_frame(start, freq, a=DF.y[:18], b=DF.y[24:41])
        found = clone(one).fit(df).predict(2)
        assert found.ds[0] == (after if isinstance(after, int) else pd.Timestamp(after))
        days = long_frame(a=DF.y[:18], b=DF.y[24:41])
        assert found[one.label].equals(clone(one).fit(days).predict(2)[one.label])

    def test_days_across_the_jump_of_a_clock(self, one):
        ds = pd.date_range("2015-03-08", periods=24, freq="D", tz="Europe/Berlin")
        df = DF.assign(ds=[*ds, *ds])
        found = clone(one).fit(df).predict(2)
        assert str(found.ds[0]) == "2015-04-01 00:00:00+02:00"
        assert found[one.label].equals(clone(one).fit(DF).predict(2)[one.label])

    def test_nothing_after_a_cutoff_is_seen(self, one):
        planted = DF.copy()
        late = planted.ds > pd.Timestamp("2015-03-18")
        planted.loc[late, "y"] = 1e6 + np.arange(late.sum())
        found = [
            clone(one).cross_validation(df, 3, n_windows=2, step_size=3) for df in (DF, planted)
        ]
        assert not found[0].y.equals(found[1].y)
        first = found[0].cutoff == pd.Timestamp("2015-03-18")
        assert first.sum() == 6
        pd.testing.assert_frame_equal(
            found[0][first].drop(columns="y"), found[1][first].drop(columns="y")
        )
        assert not found[0][one.label].equals(found[1][one.label])  # the second window saw some

    def test_cross_validation_is_a_fit_before_each_cutoff(self, one):
        found = one.cross_validation(DF, 3, n_windows=2, step_size=2)
        assert not hasattr(one, "panel_")
        assert list(found) == ["unique_id", "ds", "cutoff", "y", one.label]
        for cutoff, rows in found.groupby("cutoff"):
            by_hand = clone(one).fit(DF[DF.ds <= cutoff]).predict(3)
            assert rows[one.label].tolist() == by_hand[one.label].tolist()
            truth = DF.merge(rows[["unique_id", "ds"]])
            assert rows.y.tolist() == truth.y.tolist()
        assert found.cutoff.dt.day.unique().tolist() == [19, 21]


def test_columns_of_the_past_and_the_future_reach_a_forecaster():
    df = long_frame(a=[1, 2, 3, 4], b=[5, 6, 7, 8]).assign(past=[0, 0, 10, 20] * 2, promo=range(8))
    X_df = long_frame("2015-03-05", a=[100, 200], b=[300, 400]).rename(columns={"y": "promo"})
    one = Repeat(["past"], ["promo"])
    # The last y and past, and what is known of each day.
    assert one.fit(df).predict(2, X_df=X_df).Repeat.tolist() == [124, 224, 328, 428]
    found = one.cross_validation(df, 1, n_windows=2)
    assert found.Repeat.tolist() == [2 + 0 + 2, 6 + 0 + 6, 3 + 10 + 3, 7 + 10 + 7]
    with pytest.raises(ForecastError, match="the next 2 values of promo are needed"):
        one.fit(df).predict(2)
    with pytest.raises(ForecastError, match="no row for series 'b', 2015-03-06"):
        one.fit(df).predict(2, X_df=X_df.iloc[:3])
    with pytest.raises(ForecastError, match="futr_exog must be a list of columns, got the text 'p"):
        Repeat(futr_exog="promo").fit(df)
    with pytest.raises(ForecastError, match="the frame has no column 'promo'"):
        one.fit(df.drop(columns="promo"))


def test_series_that_are_too_short_are_named():
    with pytest.raises(ForecastError, match=r"'b' has 1 rows, at least 2 .*: Repeat cannot learn"):
        Repeat().fit(long_frame(a=[1, 2], b=[1]), freq="D")
    with pytest.raises(
        ForecastError, match="'b' has 3 rows, at least 5 are needed: 2 windows of 2"
    ):
        SMA(1).cross_validation(long_frame(a=[1] * 9, b=[1] * 3), 2, n_windows=2)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_no_forecaster_can_answer_with_what_is_no_number(bad):
    df = long_frame(a=[1, 2], b=[3, 4])
    fitted = Repeat().fit(df)
    fitted.sums_[1] = bad
    with pytest.raises(
        ForecastError, match=r"Repeat cannot forecast series 'b': step 1 is .*\(1 s"
    ):
        fitted.predict(2)
    fitted._forecast = lambda h, future: np.ones((3, h))
    with pytest.raises(ForecastError, match=r"shape \(3, 2\) for 2 series and 2 steps"):
        fitted.predict(2)


def test_a_failed_fit_is_none():
    with pytest.raises(NotFittedError, match=r"SMA\(3\) is not fitted yet: call fit first"):
        SMA(3).predict(1)
    one = SMA(3)
    with pytest.raises(ForecastError, match="series 'a' has 2 rows"):
        one.fit(long_frame(a=[1, 2]))
    with pytest.raises(NotFittedError):
        one.predict(1)


@pytest.mark.parametrize("h", [0, -3, 2.0, None])
def test_horizons_that_are_none(h):
    for ask in (SMA(1).fit(DF).predict, lambda h: SMA(1).cross_validation(DF, h)):
        with pytest.raises(ForecastError, match="the horizon h must be a whole number of at least"):
            ask(h)


def test_a_parameter_is_checked_against_what_it_may_be():
    class Positive(Repeat):
        _parameter_constraints: ClassVar = {"add": (Number(0), None)}

    for add in (-1.0, "1", np.nan):
        with pytest.raises(
            ForecastError, match=f"add must be a number of at least 0 .* got {add!r}"
        ):
            Positive(add=add).fit(DF)
    with pytest.raises(ValueError, match="add must be"):  # as scikit-learn's users expect it
        Positive(add=-1.0).cross_validation(DF, 1)
    assert len(Positive(add=1.0).fit(DF).predict(1)) == 2


@pytest.mark.parametrize("name", [name for name in CLASSES if name != "Rolling"])
def test_what_is_declared_are_parameters_and_defaults_are_allowed(name):
    kind = getattr(import_module(CLASSES[name]), name)
    own = inspect.signature(kind).parameters
    constraints = kind._parameter_constraints
    assert constraints and set(constraints) <= set(own)
    defaults = {
        key: own[key].default
        for key in constraints
        if own[key].default is not inspect.Parameter.empty
    }
    check_parameters(defaults, {key: constraints[key] for key in defaults})


@pytest.mark.parametrize("name", ["SMA(2)", "SMA(2)-lo-80", "cutoff", "SMA(2)-hi-80"])
@pytest.mark.parametrize("column", ["unique_id", "ds", "y"])
def test_columns_called_like_those_that_are_added_keep_their_values_or_are_refused(name, column):
    df = frame({"a": range(40), "b": range(5, 45)}).rename(columns={column: name})
    names = {"unique_id": "id_col", "ds": "time_col", "y": "target_col"}
    words = {names[column]: name}
    learned = ConformalIntervals(1, 5)
    refused = pytest.raises(ForecastError, match=re.escape(f"the column '{name}' is called like"))
    with refused:
        SMA(2).cross_validation(df, 1, level=[80], intervals=learned, **words)
    if column == "y" or name == "cutoff":
        fitted = SMA(2).fit(df, intervals=learned, **words)
        assert list(fitted.predict(1, level=[80])["SMA(2)"]) == [38.5, 43.5]
    else:
        with refused:
            SMA(2).fit(df, intervals=learned, **words).predict(1, level=[80])


def test_a_column_can_be_one_thing_only():
    df = frame({"a": range(9)})
    for words in ({"id_col": "ds"}, {"target_col": "unique_id"}, {"time_col": "y"}):
        with pytest.raises(ForecastError, match="need columns of their own"):
            SMA(2).fit(df, **words)


def test_a_column_of_the_future_may_have_any_name():
    df = frame({"a": range(30)}).assign(_merge=1.0)
    X = df.iloc[-2:].assign(ds=pd.date_range(df["ds"].iloc[-1], periods=3)[1:])
    fitted = ARIMA((0, 0, 0), futr_exog=["_merge"]).fit(df)
    assert len(fitted.predict(2, X_df=X)) == 2
    with pytest.raises(ForecastError, match="X_df has no row for series 'a'"):
        fitted.predict(2, X_df=X[:1])
