"""Recurrent forecasters: what they learn from, what they forecast, and what they refuse."""

from __future__ import annotations

import itertools
import os
import pickle
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from spdkit.forecast.data.checks import ForecastError
from spdkit.forecast.models import recurrent
from spdkit.forecast.models.base import Forecaster
from spdkit.forecast.models.recurrent import RecurrentForecaster
from spdkit.forecast.models.rolling import Rolling
from spdkit.forecast.models.unit_training import seed_of
from spdkit.forecast.scoring.metrics import f_score
from spdkit.nets.recurrent.training import train
from spdkit.nets.recurrent.unit import RecurrentUnit

# Fewer units may all be shut, and then nothing that goes in makes a difference.
TINY = {"units": (16, 8), "epochs": 3, "learning_rate": 0.01}


def plays(length, phase=0.0):
    return np.round(100 + 40 * np.sin(phase + np.arange(length)) + 3 * np.arange(length))


def frame(**series):
    return pd.concat(
        pd.DataFrame(
            {
                "unique_id": name,
                "ds": pd.date_range("2015-03-01", periods=len(y)),
                "y": np.asarray(y, float),
                "downloads": 7 + np.cos(np.arange(len(y))),
                "flat": 2.0,
            }
        )
        for name, y in series.items()
    ).reset_index(drop=True)


def values(forecaster, h=5):
    fc = forecaster.predict(h)
    return fc[forecaster.label].to_numpy().reshape(-1, h)


def test_the_pieces_put_together_by_hand():
    y = plays(14)
    found = RecurrentForecaster(input_size=3, seed=5, dtype="float64", **TINY).fit(frame(a=y))
    scaled = torch.tensor((y - y.min()) / (y.max() - y.min()))
    # 14 mod 3 = 2 days go; blocks 2-4, 5-7, 8-10, 11-13; three pairs, of which ⌊2.4⌋ = 2 train.
    X, Y = scaled[5:11].view(1, 2, 3, 1), scaled[8:14].view(1, 2, 3, 1)
    unit = RecurrentUnit("lstm", 3, 3, units=(16, 8))
    weights = train(unit, X, Y, seeds=[seed_of(5, "a")], epochs=3, learning_rate=0.01).weights
    for name, weight in weights.items():
        np.testing.assert_array_equal(found.weights_[name], weight.numpy())
    answer = unit.forward(weights, scaled[-3:].view(1, 1, 3, 1)).ravel().numpy()
    np.testing.assert_allclose(
        values(found, 2), [(y.min() + answer * (y.max() - y.min()))[:2]], rtol=1e-12
    )


def test_seeds_are_those_of_the_series():
    # `printf '0:a' | sha256sum` begins with 9df3c5fab8ef8fe7; without its last bit:
    assert seed_of(0, "a") == 0x9DF3C5FAB8EF8FE7 >> 1
    first, again, other = (
        RecurrentForecaster(seed=seed, **TINY).fit(frame(a=plays(12), b=plays(12)))
        for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(values(first, 2), values(again, 2))
    assert (values(first, 2) != values(other, 2)).all()
    assert (
        values(first, 2)[0] != values(first, 2)[1]
    ).all()  # equal series, each with a unit of its own


@pytest.mark.parametrize("rolling", [None, Rolling(1), Rolling(1, "reference", "penultimate")])
def test_a_series_does_not_depend_on_the_others(rolling, monkeypatch):
    series = {"a": plays(20), "b": plays(15, 1), "c": plays(20, 2), "d": plays(20, 3)}
    forecaster = RecurrentForecaster(input_size=4, rolling=rolling, **TINY)
    together = values(clone(forecaster).fit(frame(**series)), 4)
    for i, (name, y) in enumerate(series.items()):
        alone = values(clone(forecaster).fit(frame(**{name: y})), 4)
        np.testing.assert_array_equal(together[i], alone[0])
    monkeypatch.setattr(recurrent, "_GROUP", 2)
    np.testing.assert_array_equal(values(clone(forecaster).fit(frame(**series)), 4), together)


def test_series_that_never_change_are_forecast_so():
    df = frame(zeros=np.zeros(12), fives=np.full(12, 5.0), moving=plays(12))
    for hist_exog in ((), ("downloads", "flat")):
        features = "multiple" if hist_exog else "single"
        found = values(
            RecurrentForecaster(
                features=features, hist_exog=hist_exog, rolling=Rolling(1), **TINY
            ).fit(df)
        )
        np.testing.assert_array_equal(found[:2], [[0] * 5, [5] * 5])
        assert np.isfinite(found[2]).all()


@pytest.mark.parametrize("loss", ["relative", "f"])
@pytest.mark.parametrize("hist_exog", [(), ("downloads", "flat")])
def test_relative_losses_are_of_original_units(loss, hist_exog):
    df = frame(a=plays(14))
    features = "multiple" if hist_exog else "single"
    found = RecurrentForecaster(
        input_size=2, loss=loss, windows="sliding", features=features, hist_exog=hist_exog,
        dtype="float64", **TINY
    ).fit(df)  # fmt: skip
    columns = torch.tensor(df[["y", *hist_exog]].to_numpy())
    low, high = columns.min(0).values, columns.max(0).values
    scaled = (columns - low) / torch.where(high > low, high - low, 1)
    pairs = scaled.unfold(0, 4, 1).transpose(1, 2)[None]  # 11 windows of 4 days

    def written_out(prediction, target):
        x, y = (low[0] + each[..., 0] * (high[0] - low[0]) for each in (prediction, target))
        relative = ((x - y) / y).flatten(1)
        value = (relative**2).mean(1) ** 0.5 if loss == "f" else relative.abs().mean(1)
        if hist_exog:
            value = value + (prediction - target)[..., 1:].abs().mean((1, 2, 3))
        return value

    unit = RecurrentUnit("lstm", 2, 2, 1 + len(hist_exog), features, units=(16, 8))
    weights = train(
        unit, pairs[:, :, :2].contiguous(), pairs[:, :, 2:].contiguous(),
        seeds=[seed_of(0, "a")], epochs=3, learning_rate=0.01, loss=written_out,
    ).weights  # fmt: skip
    for name, weight in weights.items():
        np.testing.assert_allclose(found.weights_[name], weight.numpy(), rtol=1e-5, atol=1e-7)
    mae = clone(found).set_params(loss="mae").fit(df)
    assert any((mae.weights_[name] != found.weights_[name]).any() for name in weights)


@pytest.mark.parametrize("loss", ["relative", "f"])
def test_a_day_without_plays_has_no_relative_error(loss):
    y = plays(12)
    y[3] = 0
    message = rf"series 'b', 2015-03-04: the loss '{loss}' divides by plays, y is 0 \(1 such rows\)"
    with pytest.raises(ForecastError, match=message):
        RecurrentForecaster(loss=loss, **TINY).fit(frame(a=plays(12), b=y))
    assert np.isfinite(values(RecurrentForecaster(**TINY).fit(frame(b=y)), 2)).all()


@pytest.mark.parametrize(("loss", "best"), [("mae", 120), ("relative", 100), ("f", 88.70)])
def test_each_loss_learns_its_own_constant(loss, best):
    # Five values, each followed by each once: what was says nothing of what comes. The best
    # constant is then the median for mae; the median weighted by 1/y for relative (0.0167, 0.0100,
    # 0.0083, 0.0067, 0.0025: half of 0.0442 lies within 100); and Σ(1/y) / Σ(1/y²) = 0.044167 /
    # 0.00049792 for f.
    order = [0, 0, 1, 0, 2, 0, 3, 0, 4, 1, 1, 2, 1, 3, 1, 4, 2, 2, 3, 2, 4, 3, 3, 4, 4, 0]
    assert len(set(itertools.pairwise(order))) == 25
    forecaster = RecurrentForecaster(
        input_size=1, loss=loss, windows="sliding", epochs=400, learning_rate=0.01, units=(8, 8)
    )
    forecaster.fit(frame(a=np.array([60.0, 100, 120, 150, 400])[order]))
    assert values(forecaster, 1)[0, 0] == pytest.approx(best, abs=2.5)


def test_all_shifts_of_one_unit_need_no_training(monkeypatch):
    df = frame(a=plays(30), b=plays(30, 2))
    rollings = [
        Rolling(s, mode, start)
        for s in (1, 2, 3)
        for mode in ("aligned", "reference")
        for start in ("last", "penultimate")
    ]
    alone = {
        rolling: values(RecurrentForecaster(input_size=3, rolling=rolling, **TINY).fit(df), 10)
        for rolling in rollings
    }
    fitted = RecurrentForecaster(input_size=3, **TINY).fit(df)
    monkeypatch.setattr(RecurrentForecaster, "_fit", None)
    found = fitted.predict_shifts(10, rollings)
    assert list(found) == rollings
    for rolling in rollings:
        np.testing.assert_array_equal(found[rolling], alone[rolling])
    with pytest.raises(ForecastError, match="shifted by 1 to 3, got shift=4"):
        fitted.predict_shifts(10, [Rolling(1), Rolling(4)])
    with pytest.raises(NotFittedError, match="call fit first"):
        RecurrentForecaster().predict_shifts(10, rollings)


@pytest.mark.parametrize(("mode", "clip", "held"), [
    ("aligned", True, True), ("aligned", False, False), ("reference", True, False)
])  # fmt: skip
def test_what_is_fed_back_stays_in_the_range_of_the_training_days(mode, clip, held):
    y = plays(12)
    forecaster = RecurrentForecaster(rolling=Rolling(1, mode), clip=clip, **TINY).fit(frame(a=y))
    forecaster.weights_["output.bias"] = forecaster.weights_["output.bias"] + np.float32(5)
    found = values(forecaster)
    if held:
        np.testing.assert_array_equal(found, y.max())
    else:
        assert (found > y.max()).all()


def test_all_columns_are_seen_and_fed_back_and_y_alone_is_forecast():
    df = frame(a=plays(20), b=plays(20, 1))
    forecaster = RecurrentForecaster(
        features="multiple", hist_exog=["downloads", "flat"], rolling=Rolling(1), **TINY
    ).fit(df)
    assert forecaster.label == "MF-LSTM-RPA(p=2, s=1)"
    assert forecaster.weights_["layer3.bias"].shape[-1] == 3
    before = values(forecaster)
    assert before.shape == (2, 5)
    # By hand: three sigmoid outputs a step, all of them the next window's last day.
    unit = RecurrentUnit("lstm", 2, 2, 3, "multiple", units=(16, 8))
    weights = {name: torch.tensor(value) for name, value in forecaster.weights_.items()}
    low, span = forecaster.ranges_.low, np.array(forecaster.ranges_.span)
    days = df[["y", "downloads", "flat"]].to_numpy().reshape(2, 20, 3)[:, -2:]
    x = (days - low[:, None]) / np.where(span > 0, span, 1)[:, None]
    emitted = []
    for _ in range(5):
        answer = unit.forward(weights, torch.tensor(x[:, None], dtype=torch.float32)).numpy()
        x = np.concatenate([x[:, 1:], answer[:, 0, :1]], axis=1)
        emitted.append(low[:, 0] + answer[:, 0, 0, 0] * span[:, 0])
    np.testing.assert_allclose(before, np.transpose(emitted), rtol=1e-6)
    changed = df.assign(downloads=np.where(df.index == 19, 6.1, df.downloads))  # the last day of a
    forecaster.panel_ = clone(forecaster).fit(changed).panel_
    after = values(forecaster)
    # Day 1 of an answer has seen day 1 of its window: of the second, and (by that) of the fourth.
    assert (after[0] != before[0]).tolist() == [False, True, False, True, False]
    np.testing.assert_array_equal(after[1], before[1])


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_every_cell_learns_a_period(cell, bidirectional):
    y = np.tile([10.0, 30.0, 20.0, 40.0], 12)
    forecaster = RecurrentForecaster(
        cell, input_size=4, rolling=Rolling(2), bidirectional=bidirectional, epochs=300,
        units=(16, 16), windows="sliding", learning_rate=0.01, dtype="float64",
    ).fit(frame(a=y))  # fmt: skip
    np.testing.assert_allclose(values(forecaster, 8), [[*y[:8]]], atol=3)
    name = ("Bi" if bidirectional else "") + cell.upper()
    assert forecaster.label == f"{name}-RPA(p=4, s=2, sliding)"


@pytest.mark.parametrize(
    ("parameters", "label"),
    [
        ({"rolling": Rolling(1)}, "LSTM-RPA(p=2, s=1)"),
        ({"input_size": 30}, "LSTM(p=30, q=30)"),
        ({"rolling": Rolling(1), "output_size": 3, "windows": "sliding"},
         "LSTM-RPA(p=2, q=3, s=1, sliding)"),
        ({"cell": "gru", "rolling": Rolling(2, "reference", "penultimate"), "loss": "f"},
         "GRU-RPA(p=2, s=2, reference, penultimate, loss=f)"),
    ],
)  # fmt: skip
def test_labels_say_what_differs(parameters, label):
    assert RecurrentForecaster(**parameters).label == label


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"cell": "lstmm"}, "cell must be one of .*got 'lstmm'"),
        ({"features": "all"}, "features must be one of .*got 'all'"),
        ({"loss": "mse"}, "loss must be one of 'mae', 'relative', 'f', got 'mse'"),
        ({"dtype": "float16"}, "dtype must be one of 'float32', 'float64', got 'float16'"),
        ({"windows": "all"}, "windows must be one of 'reference', 'sliding', got 'all'"),
        ({"input_size": 0}, "input_size must be a whole number of at least 1, got 0"),
        ({"output_size": 1.5}, r"output_size must be a whole number of .* or None, got 1\.5"),
        ({"epochs": 0}, "epochs must be a whole number of at least 1, got 0"),
        ({"batch_size": True}, "batch_size must be a whole number of at least 1, got True"),
        ({"learning_rate": 0}, "learning_rate must be a positive number, got 0"),
        ({"units": (4,)}, r"units must be a sequence of 2 times a whole number .*, got \(4,\)"),
        ({"output_size": 3}, "windows='reference' pairs blocks of p=2 .* not with q=3"),
        ({"features": "multiple"}, "name at least one in hist_exog"),
        ({"hist_exog": ["downloads"]}, r"not hist_exog=\['downloads'\]: take features='multiple'"),
        ({"features": "multiple", "hist_exog": ["likes"]}, "no column 'likes'"),
        ({"features": "multiple", "hist_exog": ["flat"], "output_size": 3, "windows": "sliding"},
         "output_size must be input_size = 2, got 3"),
        ({"rolling": Rolling(3)}, "shifted by 1 to 2, got shift=3"),
        ({"rolling": Rolling(1, "reference"), "output_size": 3, "windows": "sliding"},
         "p=2 and gives q=3"),
    ],
)  # fmt: skip
def test_parameters_that_cannot_be_are_refused(parameters, message):
    with pytest.raises(ForecastError, match=message):
        RecurrentForecaster(**parameters).fit(frame(a=plays(12)))


def test_one_answer_reaches_no_further_than_it_is_long():
    forecaster = RecurrentForecaster(input_size=2, output_size=4, windows="sliding", **TINY)
    forecaster.fit(frame(a=plays(12)))
    np.testing.assert_array_equal(values(forecaster, 3), values(forecaster, 4)[:, :3])
    with pytest.raises(ForecastError, match=r"gives 4 days at once, h=5 .* output_size=5"):
        forecaster.predict(5)


@pytest.mark.parametrize(
    ("parameters", "least"),
    [
        ({"input_size": 3}, 9),  # two pairs of blocks, of which ⌊1.6⌋ train
        ({"input_size": 3, "windows": "sliding"}, 6),
        ({"input_size": 3, "output_size": 1, "windows": "sliding"}, 4),
        # The last block but one reaches further back than one pair of windows.
        ({"input_size": 3, "output_size": 1, "windows": "sliding",
          "rolling": Rolling(1, start="penultimate")}, 6),
    ],
)  # fmt: skip
def test_series_that_are_too_short_are_refused_by_name(parameters, least):
    forecaster = RecurrentForecaster(**parameters, **TINY)
    long = frame(a=plays(30), b=plays(least))
    assert np.isfinite(values(clone(forecaster).fit(long), 1)).all()
    with pytest.raises(ForecastError, match=f"series 'b' has {least - 1} rows, at least {least}"):
        forecaster.fit(frame(a=plays(30), b=plays(least - 1)))


def test_training_that_diverges_names_the_series():
    wild = frame(a=np.full(12, 3.0), b=plays(12))
    # A constant has a loss of 0 whatever the weights are.
    with pytest.raises(ForecastError, match=r"series 'b': LSTM.* diverged .*=1e\+30"):
        RecurrentForecaster(units=(16, 8), learning_rate=1e30, loss="f").fit(wild)


def test_numbers_that_no_range_can_hold_are_refused():
    y = plays(12)
    y[:2] = [-1.7e308, 1.7e308]
    with pytest.raises(
        ForecastError, match=r"series 'b', .* beyond the 1e\+100 that forecasts can"
    ):
        RecurrentForecaster(**TINY).fit(frame(a=plays(12), b=y))


def test_nothing_after_a_cutoff_changes_what_is_forecast_from_it():
    df = frame(a=plays(20), b=plays(20, 1))
    absurd = df.assign(y=np.where(df.ds >= "2015-03-17", 1e6, df.y))  # the last four days
    forecaster = RecurrentForecaster(rolling=Rolling(1), **TINY)
    before, after = (forecaster.cross_validation(each, 4) for each in (df, absurd))
    assert (after.y == 1e6).all()
    np.testing.assert_array_equal(after[forecaster.label], before[forecaster.label])


@pytest.mark.parametrize("hist_exog", [(), ("downloads",)])
def test_a_saved_forecaster_says_the_same(hist_exog, tmp_path):
    df = frame(a=plays(20), b=plays(14, 1))
    forecaster = RecurrentForecaster(
        features="multiple" if hist_exog else "single", hist_exog=hist_exog,
        rolling=Rolling(1, "reference"), **TINY
    ).fit(df)  # fmt: skip
    expected = forecaster.predict(7)
    pd.testing.assert_frame_equal(pickle.loads(pickle.dumps(forecaster)).predict(7), expected)
    forecaster.save(tmp_path / "model")
    loaded = Forecaster.load(tmp_path / "model")
    pd.testing.assert_frame_equal(loaded.predict(7), expected)
    assert loaded.get_params()["rolling"] == Rolling(1, "reference")


def test_restoring_trains_nothing(monkeypatch):
    forecaster = RecurrentForecaster(**TINY).fit(frame(a=plays(12)))
    monkeypatch.setattr(RecurrentForecaster, "_fit", None)
    again = clone(forecaster).restore_panel(forecaster.panel_, forecaster._state())
    np.testing.assert_array_equal(values(again, 2), values(forecaster, 2))


def test_what_is_missing_is_named(monkeypatch):
    monkeypatch.delitem(sys.modules, "spdkit.nets.recurrent.unit")
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ForecastError, match=r"needs torch: pip install 'spdkit\[learn\]'"):
        RecurrentForecaster().fit(frame(a=plays(12)))


def published():
    folder = Path(os.environ.get("SPDKIT_DATA", "nowhere")) / "tianchi"
    return folder if folder.is_dir() else None


@pytest.mark.data
@pytest.mark.skipif(published() is None, reason="SPDKIT_DATA names no folder with tianchi/")
@pytest.mark.parametrize(
    ("p", "s", "expected", "tolerance"),
    # LSTM-RPA and its direct baseline as published, measured again.
    [(2, 1, 4344, 25), (30, 30, 3792, 40)],
)
def test_the_published_configurations_score_what_is_known(p, s, expected, tolerance):
    from spdkit.catalogs.tianchi import read_artist_daily

    df = read_artist_daily(published() / "artist_daily_p1.csv.gz")
    df = df[df.unique_id != "2b7fedeea967becd9408b896de8ff903"]
    past = df[df.ds <= "2015-07-31"]
    august = df[(df.ds >= "2015-08-01") & (df.ds <= "2015-08-30")]
    scores = []
    for seed in range(6):  # whose scores deviate by 16 and 46
        rolling = Rolling(s, "reference", "penultimate")
        forecaster = RecurrentForecaster(input_size=p, rolling=rolling, seed=seed).fit(past)
        forecast = forecaster.predict(30).merge(august, on=["unique_id", "ds"])
        by_artist = (forecast[name].to_numpy().reshape(49, 30) for name in ("y", forecaster.label))
        scores.append(f_score(*by_artist))
    assert scores[0].perfect == pytest.approx(5657.9, abs=0.05)
    assert np.mean([each.value for each in scores]) == pytest.approx(expected, abs=tolerance)
