"""Artists by day, few and made up, in Tianchi's layout, and the scripts of LSTM-RPA's tables."""

from __future__ import annotations

import importlib

import numpy as np
import pandas as pd
import pytest
from benchmark_scripts import scripts_on_path

from spdkit.forecast.models.classical import SMA

DAYS, H, TRAIN_TO = 115, 10, "2015-06-11"  # from 1 March on; 103 days of training
ARTISTS = ["a1", "a2", "a3"]
OPTIONS = ["--horizon", str(H), "--train-to", TRAIN_TO, "--cells", "lstm,bilstm", "--p", "1,2"]
OPTIONS += ["--seeds", "0,1", "--epochs", "2"]


@pytest.fixture(scope="module")
def scripts():
    """The folder of scripts on the import path, and a best of ours that learns in no time."""
    with scripts_on_path() as patch:
        fits = importlib.import_module("benchmarks.lstm_rpa.fits")
        patch.setattr(fits, "with_units", lambda h, *, hist_exog, zero, seed: SMA(7 + seed))
        yield


def plays(artists=ARTISTS, days=DAYS):
    rng = np.random.default_rng(0)
    frames = []
    for i, artist in enumerate(artists):
        counts = rng.poisson(60 * (i + 1), (days, 4)) + 1
        table = pd.DataFrame(counts, columns=["plays", "downloads", "collects", "listeners"])
        dates = pd.date_range("2015-03-01", periods=days).strftime("%Y%m%d")
        frames.append(table.assign(artist_id=artist, ds=dates))
    return pd.concat(frames)


def write(folder, frame):
    frame.to_csv(folder / "artist_daily_p1.csv.gz", index=False)
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with the table."""
    return write(tmp_path_factory.mktemp("data"), plays())


@pytest.fixture(scope="module")
def series(rows, folder):
    """Its series; the tests that use it have a fixture `rows`, the module `lstm_rpa.series`."""
    return rows.load(folder / rows.FILE, TRAIN_TO, H)
