"""One recurrent net over all series."""

import numpy as np
import pytest
import torch
from made_plays import frame, noisy
from sklearn.base import clone

from spdkit.forecast.data.checks import ForecastError
from spdkit.forecast.data.long_table import check_frame
from spdkit.forecast.models.global_recurrent import GlobalRecurrentForecaster, _sigma
from spdkit.forecast.models.series_features import ends, levels
from spdkit.forecast.scoring.metrics import f_score
from spdkit.nets import training

SMALL = {"width": 8, "epochs": 3, "n_models": 1, "input_size": 14}


def test_the_loss_of_a_window_is_its_sigma():
    y = np.array([[2.0, 4.0, 5.0], [10.0, 20.0, 40.0]])
    forecast = np.array([[3.0, 3.0, 5.0], [10.0, 10.0, 10.0]])
    level = np.array([[2.0], [7.0]])
    outputs, inverse = torch.tensor(np.log(forecast / level)), torch.tensor(level / y)
    found = _sigma(outputs, inverse).numpy()
    np.testing.assert_allclose(found, f_score(y, forecast).sigma, rtol=1e-5)


@pytest.mark.parametrize("loss", ["f", "relative"])
def test_each_window_weighs_the_root_of_its_plays_or_all_weigh_the_same(loss, monkeypatch):
    """In F a series counts φ, the root of its plays: of 100 and 900 a day, one to three."""
    weights = []
    monkeypatch.setattr(training, "train", lambda net, loss, data, *_: weights.append(data.weight))
    GlobalRecurrentForecaster(5, loss=loss, **SMALL).fit(
        frame({"small": np.full(40, 100.0), "large": np.full(40, 900.0)})
    )
    if loss == "relative":
        assert weights == [None]
        return
    # 40 rows have 40 - 14 - 5 + 1 origins each; their mean weight is 1.
    np.testing.assert_allclose(weights[0], np.repeat([0.5, 1.5], 22), rtol=1e-6)


def test_an_untrained_net_forecasts_the_level():
    df = noisy(3, 60)
    model = GlobalRecurrentForecaster(5, learning_rate=1e-12, **SMALL).fit(df)
    panel = check_frame(df)
    expected = np.repeat(levels(panel, ends(panel), True)[:, None], 5, axis=1)
    np.testing.assert_allclose(
        model.predict(5)[model.label].to_numpy().reshape(3, 5), expected, rtol=1e-5
    )


@pytest.mark.parametrize("cell", ["gru", "lstm", "rnn"])
@pytest.mark.parametrize("loss", ["f", "relative"])
def test_a_slope_that_all_series_share_is_learned(cell, loss):
    heights = 10 ** np.random.default_rng(0).uniform(2, 4, (8, 1))
    y = heights * np.exp(-0.03 * np.arange(90))
    df = frame({str(i): row for i, row in enumerate(y)})
    model = GlobalRecurrentForecaster(
        10, cell=cell, loss=loss, learning_rate=0.02, **(SMALL | {"epochs": 25})
    ).fit(df)
    found = model.predict(10)[model.label].to_numpy().reshape(8, 10)
    np.testing.assert_allclose(found, y[:, -1:] * np.exp(-0.03 * np.arange(1, 11)), rtol=0.08)


def test_windows_are_in_the_order_of_time():
    y = np.arange(1.0, 61.0)
    model = GlobalRecurrentForecaster(5, hist_exog=["downloads"], **SMALL)
    df = frame({"a": y}).assign(downloads=np.arange(60.0))
    panel = check_frame(df, exog=["downloads"])
    window = model._windows(panel, ends(panel))[0]
    level = levels(panel, ends(panel), True)[0]
    np.testing.assert_allclose(window[:, 0], np.log(y[-14:] / level))
    logs = np.log1p(np.arange(46.0, 60.0))
    np.testing.assert_allclose(window[:, 1], logs - logs.mean())


def test_seeds_are_kept_and_torch_s_own_state_left_alone():
    df = noisy(3, 60)
    torch.manual_seed(5)
    before = torch.get_rng_state()
    model = GlobalRecurrentForecaster(5, **SMALL)
    first, again, other = (
        one.fit(df).predict(5)[one.label].to_numpy()
        for one in (clone(model), clone(model), clone(model).set_params(seed=4))
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
    assert torch.equal(before, torch.get_rng_state())


def test_state_and_back():
    model = GlobalRecurrentForecaster(5, **(SMALL | {"n_models": 2})).fit(noisy(3, 60))
    other = clone(model).restore_panel(model.panel_, model._state())
    np.testing.assert_array_equal(
        other.predict(5)[other.label].to_numpy(), model.predict(5)[model.label].to_numpy()
    )


@pytest.mark.parametrize(
    ("model", "df", "message"),
    [
        (
            GlobalRecurrentForecaster(5, loss="mae"),
            noisy(1, 60),
            "loss must be .*, got 'mae'",
        ),
        (GlobalRecurrentForecaster(5, cell="cnn"), noisy(1, 60), "cell must be one of"),
        (GlobalRecurrentForecaster(5), noisy(1, 20), "has 20 rows, at least 28"),
        (GlobalRecurrentForecaster(30), noisy(1, 50), "the longest series has 50 rows, and 28"),
        (GlobalRecurrentForecaster(5), frame({"a": [*range(1, 60), 0]}), "2015-04-29"),
        (
            GlobalRecurrentForecaster(5, hist_exog=["downloads"]),
            noisy(1, 60).assign(downloads=-2.0),
            "column 'downloads' must be 0 or more",
        ),
    ],
)
def test_what_is_refused(model, df, message):
    with pytest.raises(ForecastError, match=message):
        model.fit(df)


def test_a_horizon_beyond_its_own_is_refused():
    model = GlobalRecurrentForecaster(5, **SMALL).fit(noisy(2, 60))
    with pytest.raises(ForecastError, match="learned to forecast 5 steps, 6 are asked for"):
        model.predict(6)
