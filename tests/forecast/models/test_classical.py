"""The rivals: by hand, against statsmodels, and on the paper's own artists."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st
from long_frames import long_frame
from scipy.optimize import minimize_scalar
from statsmodels.tsa.arima.model import ARIMA as TheirARIMA

from spdkit.common.errors import SpdkitWarning
from spdkit.forecast.data.checks import ForecastError
from spdkit.forecast.models import arima
from spdkit.forecast.models.classical import ARIMA, SMA, RelativeMean, SeasonalNaive
from spdkit.forecast.scoring.metrics import f_score


def arma(n, phi=(), theta=(), seed=0):
    """An ARMA process, its start left out."""
    noise = np.random.default_rng(seed).normal(size=n + 200)
    values = np.zeros(n + 200)
    for t in range(5, n + 200):
        past = sum(c * values[t - 1 - i] for i, c in enumerate(phi))
        values[t] = past + noise[t] + sum(c * noise[t - 1 - i] for i, c in enumerate(theta))
    return values[200:]


def forecast(one, h=4, **series):
    return one.fit(long_frame(**series)).predict(h)[one.label].to_numpy().reshape(len(series), h)


def test_means_and_seasons_by_hand():
    assert forecast(SMA(2), 3, a=[9, 1, 3], b=[1, 2, 4, 6]).tolist() == [[2] * 3, [5] * 3]
    assert forecast(SeasonalNaive(3), 5, a=[9, 1, 2, 3]).tolist() == [[1, 2, 3, 1, 2]]
    assert forecast(SeasonalNaive(1), 2, a=[9, 1]).tolist() == [[1, 1]]


def test_the_relative_mean_by_hand():
    # (1/1 + 1/2) / (1/1 + 1/4) = 6/5; of the last two days of b, 1/3 + 1/6 over 1/9 + 1/36: 18/5.
    assert forecast(RelativeMean(), 1, a=[1, 2]).item() == pytest.approx(1.2)
    assert forecast(RelativeMean(2), 1, b=[1, 1, 3, 6]).item() == pytest.approx(3.6)
    skipping = RelativeMean(zero="skip")
    assert forecast(skipping, 1, a=[1, 0, 2, 0], b=[0] * 4).ravel().tolist() == [1.2, 0]


@settings(deadline=None, max_examples=40)
@given(values=st.lists(st.floats(0.01, 1e4), min_size=1, max_size=12))
def test_no_constant_has_a_smaller_relative_error(values):
    found = forecast(RelativeMean(), 1, a=[*values, *values]).item()
    y = np.array(values)
    best = minimize_scalar(
        lambda c: np.mean(((c - y) / y) ** 2),
        bounds=(0, 1.01 * y.max()),
        method="bounded",
        options={"xatol": 1e-9},
    )
    assert np.mean(((found - y) / y) ** 2) <= best.fun + 1e-12
    assert y.min() * (1 - 1e-12) <= found <= y.mean() * (1 + 1e-12)


def test_relative_means_of_numbers_whose_squares_do_not_exist():
    found = forecast(RelativeMean(), 1, a=[1e-200, 2e-200], b=[1e99, 2e99])
    assert found.ravel() == pytest.approx([1.2e-200, 1.2e99], rel=1e-12)


@pytest.mark.parametrize(
    ("one", "message"),
    [
        (SMA(0), "k must be a whole number of at least 1, got 0"),
        (SMA(2.5), "k must be a whole number of at least 1, got 2.5"),
        (SMA(6), r"series 'a' has 5 rows, at least 6 are needed: SMA\(6\) cannot learn from fewer"),
        (SeasonalNaive(True), "season_length must be a whole number of at least 1, got True"),
        (RelativeMean(-1), "k must be a whole number of at least 1 or None, got -1"),
        (RelativeMean(), r"series 'a', 2015-03-04: a relative error .* y is 0 \(1 such rows\)"),
        (RelativeMean(5, zero="skip"), "'a', 2015-03-05: relative errors need .* y is -1"),
        (RelativeMean(zero="drop"), "zero must be one of 'refuse', 'skip', got 'drop'"),
        (ARIMA(max_p=-1), "max_p must be a whole number of at least 0, got -1"),
        (ARIMA((1, 2)), r"order must be a sequence of 3 times a whole .* got \(1, 2\)"),
        (ARIMA((1, 0.5, 0)), r"order must be .* whole number of at least 0 .* got \(1, 0.5, 0\)"),
        (ARIMA((0, 2, 0), constant=True), "takes no constant: with d = 2 it bends"),
        (ARIMA(), "series 'a' has 5 rows, at least 6 are needed: ARIMA cannot learn from fewer"),
        (ARIMA((1, 0, 1)), r"has 5 rows, at least 6 are needed: ARIMA\(1,0,1\) cannot"),
    ],
)
def test_what_cannot_be_asked(one, message):
    with pytest.raises(ForecastError, match=message):
        one.fit(long_frame(a=[1, 2, 3, 0, -1 if "skip" in repr(one) else 5]))


class TestArima:
    @pytest.mark.parametrize(
        ("order", "constant"),
        [
            ((1, 0, 0), None),
            ((0, 0, 2), True),
            ((2, 0, 1), False),
            ((1, 1, 1), None),
            ((0, 1, 1), 1),
        ],
    )
    def test_given_orders_are_statsmodels(self, order, constant):
        y = 50 + 3 * arma(150, (0.6, 0.1), (0.3,), seed=2)
        p, d, q = order
        y = np.cumsum(y - 49) if d else y - 50 * (constant is False)
        one = ARIMA(order, constant=None if constant is None else bool(constant))
        found = forecast(one, 6, a=y)[0]
        mean = constant or (constant is None and d == 0)
        # Theirs on the differences, so that both have the same likelihood.
        z = np.diff(y, d)
        theirs = TheirARIMA(z, order=(p, 0, q), trend="c" if mean else "n").fit()
        ahead = theirs.forecast(6)
        assert found == pytest.approx(y[-1] + np.cumsum(ahead) if d else ahead, rel=2e-3)
        assert one.orders_.aicc[0] == pytest.approx(theirs.aicc, abs=0.02)
        assert one.orders_[["p", "d", "q", "constant"]].iloc[0].tolist() == [p, d, q, bool(mean)]

    def test_the_order_has_the_least_aicc_of_its_neighbours(self):
        y = 20 + arma(200, (0.5,), (0.4,), seed=5)
        one = ARIMA().fit(long_frame(a=y))
        p, d, q = one.orders_[["p", "d", "q"]].iloc[0]
        assert d == 0
        for own in ((p + 1, q), (p, q + 1), (p - 1, q), (p, q - 1)):
            if min(own) >= 0:
                theirs = TheirARIMA(y, order=(own[0], 0, own[1]), trend="c").fit()
                assert one.orders_.aicc[0] < theirs.aicc + 0.02

    @pytest.mark.parametrize(
        ("y", "d"),
        [
            (arma(150, (0.3,), seed=1), 0),
            (np.cumsum(arma(150, seed=1)), 1),
            (np.cumsum(np.cumsum(5 + arma(150, seed=1))), 2),
        ],
    )
    def test_differences_are_taken_until_the_series_is_stationary(self, y, d):
        one = ARIMA().fit(long_frame(a=y))
        assert one.orders_.d[0] == d
        held = ARIMA(max_d=min(d, 1)).fit(long_frame(a=y))
        assert held.orders_.d[0] == min(d, 1)

    def test_a_drift_goes_on(self):
        y = 2.0 * np.arange(100) + np.cumsum(np.random.default_rng(0).normal(0, 0.5, 100))
        one = ARIMA()
        found = forecast(one, 10, a=y)[0]
        assert one.orders_[["d", "constant"]].iloc[0].tolist() == [1, True]
        assert found[-1] - y[-1] == pytest.approx(20, abs=3)

    def test_what_is_not_random_goes_on_exactly(self):
        t = np.arange(24.0)
        series = {"flat": 0 * t + 5, "zero": 0 * t, "line": 3 - 2 * t, "square": t**2}
        one = ARIMA()
        found = forecast(one, 3, **series)
        ahead = np.arange(24, 27)
        assert found == pytest.approx(np.array([[5] * 3, [0] * 3, 3 - 2 * ahead, ahead**2]))
        assert one.orders_.d.tolist() == [0, 0, 1, 2]
        assert (one.orders_.aicc == -np.inf).all()
        assert one.orders_.converged.all()

    def test_columns_of_the_future_have_their_effect(self):
        rng = np.random.default_rng(3)
        promo, price = rng.integers(0, 2, 130), rng.normal(1000, 1, 130)
        y = 30 + 8 * promo - 2 * (price - 1000) + arma(130, (0.5,), seed=4)
        df = long_frame(a=y[:120], b=y[:120][::-1]).assign(
            promo=[*promo[:120], *[0] * 120], price=np.tile(price[:120], 2)
        )
        X_df = pd.DataFrame(
            {
                "unique_id": ["a"] * 10 + ["b"] * 10,
                "ds": np.tile(pd.date_range(df.ds.max() + pd.Timedelta("1D"), periods=10), 2),
                "promo": [*promo[120:], *[1] * 10],
                "price": np.tile(price[120:], 2),
            }
        )
        one = ARIMA((1, 0, 0), futr_exog=["promo", "price"]).fit(df)
        found = one.predict(10, X_df=X_df)[one.label].to_numpy()
        known = np.column_stack([promo, price])
        theirs = TheirARIMA(y[:120], exog=known[:120], order=(1, 0, 0), trend="c").fit()
        assert found[:10] == pytest.approx(theirs.forecast(10, exog=known[120:]), abs=0.1)
        # A promotion that series b never had has no effect there.
        without = one.predict(10, X_df=X_df.assign(promo=0))[one.label].to_numpy()
        assert found[10:].tolist() == without[10:].tolist()
        assert found[:10] - without[:10] == pytest.approx(8 * promo[120:], abs=1.5)
        with pytest.raises(
            ForecastError, match="series 'a': after 0 differences one column of futr"
        ):
            ARIMA((1, 0, 0), futr_exog=["promo", "twice"]).fit(df.assign(twice=2 * df.promo))

    @settings(deadline=None, max_examples=15)
    @given(seed=st.integers(0, 10**6), n=st.integers(6, 25), kind=st.sampled_from("prwsz"))
    def test_any_series_has_a_forecast(self, seed, n, kind):
        rng = np.random.default_rng(seed)
        y = {
            "p": lambda: rng.poisson(0.4, n),
            "r": lambda: np.cumsum(rng.normal(size=n)),
            "w": lambda: np.exp(np.cumsum(rng.normal(size=n))) * 10.0 ** rng.integers(-150, 90),
            "s": lambda: np.sin(np.arange(n) * rng.random()),
            "z": lambda: np.where(np.arange(n) == rng.integers(n), 9, 0),
        }[kind]()
        one = ARIMA(max_p=1, max_q=1)
        try:
            found = forecast(one, 3, a=y)
        except SpdkitWarning as warning:  # an error in tests
            assert "was not reached for 1 of 1 series" in str(warning)
        else:
            assert np.isfinite(found).all()

    def test_a_search_that_was_stopped_is_told(self, monkeypatch):
        monkeypatch.setattr(arima, "_ITERATIONS", 1)
        df = long_frame(a=arma(80, (0.7,), (0.4,)), b=[1.0] * 80)
        one = ARIMA((2, 0, 2))
        with pytest.warns(SpdkitWarning, match=r"not reached for 1 of 2 series, .* see orders_"):
            one.fit(df)
        assert one.orders_.converged.tolist() == [False, True]
        assert np.isfinite(one.predict(3)[one.label]).all()

    @pytest.mark.slow  # processes that import everything anew
    def test_processes_change_nothing(self):
        df = long_frame(a=arma(60, (0.5,)), b=arma(60, (), (0.5,)))
        alone, shared = ARIMA().fit(df), ARIMA(n_jobs=2).fit(df)
        pd.testing.assert_frame_equal(alone.orders_, shared.orders_)
        assert alone.predict(5).equals(shared.predict(5))

    @pytest.mark.parametrize("n_jobs", [0, "all"])
    def test_numbers_of_processes(self, n_jobs):
        with pytest.raises(ForecastError, match=f"n_jobs must be .* got {n_jobs!r}"):
            ARIMA(n_jobs=n_jobs).fit(long_frame(a=range(20)))

    def test_without_statsmodels_it_says_what_to_install(self, monkeypatch):
        for name in [name for name in sys.modules if name.split(".")[0] == "statsmodels"]:
            monkeypatch.delitem(sys.modules, name)
        monkeypatch.setitem(sys.modules, "statsmodels", None)
        with pytest.raises(
            ForecastError, match=r"ARIMA needs statsmodels: pip install 'spdkit\[for"
        ):
            ARIMA().fit(long_frame(a=range(20)))


def tianchi():
    path = Path(os.environ.get("SPDKIT_DATA", "nowhere")) / "tianchi" / "artist_daily_p1.csv.gz"
    return path if path.is_file() else None


@pytest.mark.data
@pytest.mark.skipif(tianchi() is None, reason="SPDKIT_DATA names no folder with tianchi/")
@pytest.mark.filterwarnings("default::spdkit.common.errors.SpdkitWarning")
@pytest.mark.parametrize(
    ("one", "expected", "tolerance"),
    [(SMA(16), 4224, 2), (RelativeMean(16), 4113, 2), (ARIMA(), 3959, 60)],
    ids=["SMA(16)", "RelativeMean(16)", "ARIMA"],
)
def test_the_papers_own_artists(one, expected, tolerance):
    df = pd.read_csv(tianchi(), dtype={"ds": str})
    df = df[df.artist_id != "2b7fedeea967becd9408b896de8ff903"].assign(ds=pd.to_datetime(df.ds))
    df = df.rename(columns={"artist_id": "unique_id", "plays": "y"})
    august = df.ds >= "2015-08-01"
    truth = df[august].y.to_numpy().reshape(49, 30)
    found = one.fit(df[~august]).predict(30)[one.label].to_numpy().reshape(49, 30)
    assert f_score(truth, truth).value == pytest.approx(5657.9, abs=0.05)
    assert f_score(truth, found).value == pytest.approx(expected, abs=tolerance)
