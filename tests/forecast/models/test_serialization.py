"""Forecasters on disk: the same forecasts bit by bit, and damage told from the whole."""

from __future__ import annotations

import importlib
import json
import pickle
import pkgutil
import subprocess
import sys
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
from long_frames import long_frame

import spdkit.forecast
from spdkit.common.sealed_folder import digest, seal
from spdkit.forecast.data.checks import ForecastError
from spdkit.forecast.models import serialization
from spdkit.forecast.models.average import Average
from spdkit.forecast.models.base import Forecaster
from spdkit.forecast.models.classical import ARIMA, SMA, RelativeMean, SeasonalNaive
from spdkit.forecast.models.rolling import Rolling
from spdkit.forecast.models.serialization import load_forecaster, save_forecaster, to_record
from spdkit.forecast.scoring.intervals import ConformalIntervals

RNG = np.random.default_rng(0)
DF = long_frame(a=RNG.poisson(9, 40) + 1, b=RNG.poisson(30, 36) + np.arange(36))
ALL = [
    SMA(3),
    SeasonalNaive(7),
    RelativeMean(9, zero="skip"),
    ARIMA(max_p=1, max_q=1),
    ARIMA((1, 1, 1), constant=True),
    Average([SMA(np.int64(2)), Average([SeasonalNaive(3), ARIMA((1, 0, 0))])], how="median"),
]


@pytest.mark.parametrize("one", ALL, ids=lambda one: one.label)
def test_forecasts_are_the_same_bit_by_bit(one, tmp_path):
    one.fit(DF, intervals=ConformalIntervals(3, n_windows=3))
    one.save(tmp_path / "models" / "one")
    loaded = load_forecaster(tmp_path / "models" / "one")
    assert type(loaded) is type(one)
    assert str(to_record(loaded)) == str(to_record(one))
    pd.testing.assert_frame_equal(one.predict(9), loaded.predict(9), check_exact=True)
    known = [o.predict(3, level=[50, 80]) for o in (one, loaded)]
    pd.testing.assert_frame_equal(*known, check_exact=True)
    assert sorted(path.name for path in (tmp_path / "models").iterdir()) == ["one"]
    # What was learned may be saved once more, and fitted on something else.
    loaded.save(tmp_path / "models" / "one")
    assert len(Forecaster.load(tmp_path / "models" / "one").fit(DF.iloc[:40]).predict(1)) == 1


def test_what_was_learned_is_loaded_and_not_learned_again(tmp_path, monkeypatch):
    one = ARIMA((2, 0, 1)).fit(DF)
    one.save(tmp_path / "one")
    monkeypatch.setattr(ARIMA, "_fit", lambda self, panel: pytest.fail("it was fitted again"))
    loaded = ARIMA.load(tmp_path / "one")
    pd.testing.assert_frame_equal(one.orders_, loaded.orders_)
    assert loaded.residuals_ is None


def test_another_process_forecasts_the_same(tmp_path):
    one = ARIMA(max_p=1, max_q=1).fit(DF)
    one.save(tmp_path / "one")
    script = (
        "import sys; from spdkit.forecast.models.serialization import load_forecaster;"
        "found = load_forecaster(sys.argv[1]).predict(5).ARIMA.to_numpy();"
        "print(found.tobytes().hex())"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script, tmp_path / "one"], capture_output=True, text=True, check=True
    )
    assert ran.stdout.strip() == one.predict(5).ARIMA.to_numpy().tobytes().hex()


@pytest.mark.parametrize(
    "change",
    [
        lambda df: df.assign(ds=df.ds.dt.tz_localize("Asia/Shanghai")),
        lambda df: df.assign(ds=df.ds.dt.strftime("%Y-%m-%dT00:00+08:00")),
        lambda df: df.assign(ds=df.ds.dt.as_unit("s")),
        lambda df: df.assign(ds=df.groupby("unique_id").cumcount() * 5),
        lambda df: df.assign(
            ds=[
                pd.Timestamp("2015-01-30") + pd.DateOffset(months=3 * int(n))
                for n in df.groupby("unique_id").cumcount()
            ]
        ),
        lambda df: df.assign(unique_id=df.unique_id.map({"a": 7, "b": -1})),
        lambda df: df.assign(unique_id=df.unique_id.astype("category")),
        lambda df: df.assign(unique_id=df.unique_id.map({"a": 7, "b": "朝"}).astype(object)),
        lambda df: df.rename(columns={"unique_id": "song", "ds": "day", "y": "plays"}),
    ],
    ids=["zone", "offset", "unit", "numbers", "quarters", "ids", "categories", "mixed", "names"],
)
def test_names_dates_and_frequencies_come_back(change, tmp_path):
    df = change(DF)
    names = dict(zip(("id_col", "time_col", "target_col"), df.columns, strict=True))
    one = SMA(2).fit(df, **names)
    one.save(tmp_path / "one")
    loaded = load_forecaster(tmp_path / "one")
    pd.testing.assert_frame_equal(one.predict(3), loaded.predict(3), check_exact=True)
    pd.testing.assert_frame_equal(one.panel_.frame(), loaded.panel_.frame(), check_exact=True)
    assert loaded.panel_.freq == one.panel_.freq


@pytest.mark.parametrize("freq", ["W-TUE", "2h", "MS", "QE-DEC", "B"])
def test_frequencies_have_names(freq, tmp_path):
    one = SMA(2).fit(long_frame("2015-03-03", freq, a=range(9)), freq=freq)
    one.save(tmp_path / "one")
    assert load_forecaster(tmp_path / "one").predict(5).equals(one.predict(5))


def test_columns_of_the_future_come_back(tmp_path):
    df = DF.assign(promo=RNG.integers(0, 2, len(DF)))
    one = ARIMA((1, 0, 1), futr_exog=["promo"]).fit(df)
    one.save(tmp_path / "one")
    X_df = one.panel_.future(2).assign(promo=[0, 1, 1, 0])
    found = load_forecaster(tmp_path / "one").predict(2, X_df=X_df)
    pd.testing.assert_frame_equal(one.predict(2, X_df=X_df), found, check_exact=True)


class TestDamage:
    @pytest.fixture
    def folder(self, tmp_path):
        ARIMA((1, 0, 0)).fit(DF).save(tmp_path / "one")
        return tmp_path / "one"

    def change(self, folder, sealed=True, **changes):
        """Change what the JSON says, with a new check sum or the old one."""
        path = folder / "forecaster.json"
        described = json.loads(path.read_text()) | changes
        if sealed:
            described["sha256"] = seal(described)
        path.write_text(json.dumps(described))

    @pytest.mark.parametrize("name", ["forecaster.json", "arrays.safetensors"])
    def test_files_that_are_cut_off_changed_or_gone(self, folder, name):
        content = (folder / name).read_bytes()
        (folder / name).write_bytes(content[: len(content) // 2])
        with pytest.raises(ForecastError, match=r"damaged or cut off|is not what was written: its"):
            load_forecaster(folder)
        place = content.index(b'"spdkit": "') + 11 if name.endswith("json") else len(content) // 2
        flipped = bytes([content[place] ^ 1])
        (folder / name).write_bytes(content[:place] + flipped + content[place + 1 :])
        with pytest.raises(ForecastError, match=f"{name} is not what was written: its SHA-256"):
            load_forecaster(folder)
        (folder / name).unlink()
        with pytest.raises(ForecastError, match=f"no forecaster of spdkit: {name} cannot be read"):
            load_forecaster(folder)

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            (
                {"version": "1.0"},
                r"format version 1.0; this spdkit reads 2.0: fit it again with this spdkit \(it",
            ),
            ({"version": "3.0"}, "format version 3.0; this spdkit reads 2.0: fit it again"),
            ({"format": "spdkit-model"}, "does not say format 'spdkit-forecaster'"),
            (
                {"forecaster": {"class": "Popen", "parameters": {"args": ["true"]}}},
                "it names 'Popen', which is none of SMA, SeasonalNaive",
            ),
            ({"forecaster": {"class": "os.system", "parameters": {}}}, "it names 'os.system'"),
            (
                {"forecaster": {"class": "Rolling", "parameters": {"shift": 1}}},
                "Rolling is no forecaster",
            ),
            ({"forecaster": {"class": "SMA", "parameters": {"j": 1}}}, "unexpected keyword .*'j'"),
            ({"facts": {}}, r"does not describe a forecaster of this spdkit: KeyError\('freq'\)"),
        ],
    )
    def test_files_that_say_something_else(self, folder, changes, message):
        self.change(folder, **changes)
        with pytest.raises(ForecastError, match=message):
            load_forecaster(folder)

    def test_a_changed_parameter_is_seen(self, folder):
        record = {"class": "SMA", "parameters": {"k": 3}}
        self.change(folder, sealed=False, forecaster=record)
        with pytest.raises(
            ForecastError, match=r"forecaster.json is not what was written: its SHA"
        ):
            load_forecaster(folder)

    def test_nothing_is_unpickled(self, folder):
        one = SMA(1).fit(DF)
        one._state = lambda: {"x": np.array([{}], object)}
        with pytest.raises(ForecastError, match=r"state.x holds Python objects"):
            one.save(folder.parent / "two")
        packed = pickle.dumps({"y": np.array([{}], object)})
        (folder / "arrays.safetensors").write_bytes(packed)
        self.change(folder, files={"arrays.safetensors": digest(packed)})
        with pytest.raises(ForecastError, match=r"does not describe .*: SafetensorError"):
            load_forecaster(folder)

    def test_a_failed_write_leaves_the_old_one(self, folder, monkeypatch):
        before = load_forecaster(folder).predict(3)

        def full(self, content):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr("pathlib.Path.write_bytes", full)
        with pytest.raises(ForecastError, match="one: cannot be written: No space left on device"):
            SMA(1).fit(DF).save(folder)
        assert load_forecaster(folder).predict(3).equals(before)
        assert [path.name for path in folder.parent.iterdir()] == ["one"]

    def test_files_of_others_are_left_alone(self, folder):
        (folder / "thesis.txt").write_text("ten years of work")
        SMA(1).fit(DF).save(folder)
        assert (folder / "thesis.txt").read_text() == "ten years of work"
        assert len(list(folder.iterdir())) == 3
        with pytest.raises(ForecastError, match="is a file; a forecaster is a folder"):
            SMA(1).fit(DF).save(folder / "thesis.txt")
        (folder / "forecaster.json").unlink()
        with pytest.raises(
            ForecastError,
            match=r"holds arrays.safetensors, thesis.txt, and no .*: "
            r"give a folder of its own",
        ):
            SMA(1).fit(DF).save(folder)
        assert len(list(folder.iterdir())) == 2

    def test_another_class(self, folder):
        with pytest.raises(ForecastError, match=r"holds ARIMA, not SMA: load_forecaster takes any"):
            SMA.load(folder)


@dataclass(frozen=True)
class Own:
    k: int = 1


class OwnMean(SMA):
    """A forecaster of the user's."""


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: SMA(2), r"SMA\(2\) is not fitted yet"),
        (lambda: OwnMean(2).fit(DF), "OwnMean=.*cannot be written: give numbers, texts"),
        (lambda: Average([OwnMean(2)]).fit(DF), "forecasters=.* cannot be written"),
        (lambda: SMA(1).fit(DF).set_params(k=Own()), r"k=Own.* cannot be written"),
        (lambda: SMA(1).fit(long_frame(freq="D", a=[1, 2]), freq=pd.DateOffset(days=1)), "freq <"),
        (
            lambda: SMA(1).fit(DF.assign(unique_id=DF.ds.dt.date)[:1], freq="D"),
            "names are texts or",
        ),
    ],
)
def test_what_cannot_be_written(make, message, tmp_path):
    with pytest.raises(ForecastError, match=message):
        save_forecaster(make(), tmp_path / "one")
    assert not list(tmp_path.iterdir())


def test_records_tell_forecasters_apart():
    assert to_record(SMA(3)) == {
        "class": "SMA",
        "parameters": {"k": 3, "partial": False},
    }
    assert to_record(SMA(np.int64(3)).fit(DF)) == to_record(SMA(3)) != to_record(SMA(4))
    assert to_record(OwnMean(3))["class"].endswith("test_serialization.OwnMean")
    assert "OwnMean" in str(to_record(SMA({"k": OwnMean(3)})))
    values = {"rolling": Rolling(1, "reference"), "x": (1, [None, True]), "y": np.float32(0.5)}
    values["z"] = np.inf
    form = serialization.FORM
    assert form.from_json(json.loads(json.dumps(form.to_json(values)))) == values
    assert np.isnan(form.from_json(form.to_json(np.nan)))


def test_every_forecaster_of_ours_can_be_named():
    found = {}
    for module in pkgutil.walk_packages(spdkit.forecast.__path__, "spdkit.forecast."):
        loaded = importlib.import_module(module.name)
        for name, one in vars(loaded).items():
            own = isinstance(one, type) and one.__module__ == loaded.__name__
            if own and issubclass(one, Forecaster) and one is not Forecaster:
                found[name] = module.name
    for name, module in serialization.CLASSES.items():
        kind = getattr(importlib.import_module(module), name)
        if issubclass(kind, Forecaster):
            assert found.pop(name) == module
    assert not found
