"""Models and forecasters of strangers: an error of ours or success, in bounded time and memory."""

from __future__ import annotations

import contextlib
import copy
import json
import random
import resource
import shutil
import struct
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from safetensors.numpy import load, save

from spdkit.common.errors import SpdkitError
from spdkit.common.sealed_folder import digest, pack
from spdkit.forecast import ARIMA, SMA, Average, GlobalRecurrentForecaster, RecurrentForecaster
from spdkit.forecast.data.checks import ForecastError
from spdkit.forecast.models.serialization import load_forecaster
from spdkit.forecast.scoring.intervals import ConformalIntervals
from spdkit.popularity.models.hitmusicnet import HitMusicNetClassifier, HitMusicNetRegressor
from spdkit.popularity.models.serialization import ModelError, load_model

RNG = np.random.default_rng(0)
X = RNG.random((60, 5))
X[::3, 2] = np.nan
DAYS = pd.date_range("2020-01-01", periods=40)
PLAYS = pd.concat(
    pd.DataFrame({"unique_id": one, "ds": DAYS, "y": RNG.poisson(20, 40) + 1.0}) for one in "ab"
)
QUIET = {"max_epochs": 1, "random_state": 0}
MODELS = {
    "two stage": HitMusicNetRegressor(**QUIET),
    "ensemble": HitMusicNetRegressor(net="shared_ensemble", n_hidden=4, refits=1, **QUIET),
    "classes": HitMusicNetClassifier(**QUIET),
}
FORECASTERS = {
    "SMA": SMA(3),
    "average": Average([SMA(3), ARIMA((1, 0, 0))]),
    "recurrent": RecurrentForecaster(input_size=2, epochs=1, units=(3, 2)),
    "global": GlobalRecurrentForecaster(horizon=3, width=4, epochs=1, n_models=2),
}


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """Folder of each, with the name of its JSON."""
    place, folders = tmp_path_factory.mktemp("saved"), {}
    for name, one in MODELS.items():
        y = X[:, 0] * 100 if name != "classes" else np.where(X[:, 0] > 0.5, "hit", "miß")
        one.fit(X, y).save(place / name)
        folders[name] = place / name, "model.json"
    for name, one in FORECASTERS.items():
        intervals = ConformalIntervals(2, n_windows=2) if name == "SMA" else None
        one.fit(PLAYS, intervals=intervals).save(place / name)
        folders[name] = place / name, "forecaster.json"
    return folders


@contextlib.contextmanager
def little_memory(more=1 << 31):
    """Fail, rather than fill the machine, when much more is asked for than a model needs."""
    old = resource.getrlimit(resource.RLIMIT_AS)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + more, old[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, old)


def described_in(folder, name):
    described = json.loads((folder / name).read_bytes())
    described.pop("sha256")
    return described, load((folder / "arrays.safetensors").read_bytes())


def write(folder, name, described, arrays):
    """As somebody would who knows how seals are made."""
    packed = arrays if isinstance(arrays, bytes) else save(arrays)
    described["files"] = {"arrays.safetensors": digest(packed)}
    (folder / name).write_bytes(pack(described))
    (folder / "arrays.safetensors").write_bytes(packed)


def used(folder, name):
    """Load it, and ask it something; nothing but an error of ours may come of it."""
    with warnings.catch_warnings(), little_memory():
        warnings.simplefilter("ignore")
        if name == "model.json":
            model = load_model(folder)
            model.predict(np.zeros((2, model.n_features_in_)))
        else:
            load_forecaster(folder).predict(2)


def places(value, path=()):
    """Every place in a JSON."""
    yield path
    if isinstance(value, dict | list):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, one in items:
            yield from places(one, (*path, key))


def changed(value, path, new):
    if not path:
        return new
    value = copy.deepcopy(value)
    inner = value
    for key in path[:-1]:
        inner = inner[key]
    if new is ...:
        del inner[path[-1]]
    else:
        inner[path[-1]] = new
    return value


STRANGE = st.one_of(
    st.sampled_from(
        [..., None, True, -1, 0, 1, 2**31, 10**12, 10**400, -0.5, 1e300, "", "x", "\ud800", [], {}]
    ),
    st.sampled_from(
        [
            *([[]], {"class": "SMA", "parameters": {}}, {"class": ["SMA"], "parameters": 3}),
            *({"float": "nan"}, {"float": [1]}, {"tuple": 5}, {"dict": [[[], 1]]}, {"class": {}}),
            *({"class": "os.system", "parameters": {}}, "<U1000000000", "datetime64[s]", "object"),
            *(["a"] * 50, list(range(50)), "../../etc/passwd", "cuda:99", "M-15", "category"),
        ]
    ),
    st.recursive(st.none() | st.integers() | st.text(max_size=3), st.lists, max_leaves=5),
)


@pytest.mark.parametrize(
    "change",
    [
        lambda history: None,
        lambda history: {},
        lambda history: {**history, "epoch": 1, "loss": 0.5, "net": "first"},
        lambda history: {name: history[name] for name in ("net", "epoch")},
        lambda history: {**history, "net": [["first"]] * len(history["net"])},
        lambda history: {**history, "loss": ["x"] * len(history["net"])},
        lambda history: {**history, "loss": [10**400] * len(history["net"])},
        lambda history: {**history, "epoch": [None] * len(history["net"])},
        lambda history: {**history, "epoch": [10**400] * len(history["net"])},
        lambda history: {**history, "val_loss": [{}] * len(history["net"])},
    ],
)
def test_a_history_of_other_contents_is_refused(saved, tmp_path, change):
    folder, name = saved["two stage"]
    described, arrays = described_in(folder, name)
    described["facts"]["history_"] = change(described["facts"]["history_"])
    tmp_path.joinpath("m").mkdir()
    write(tmp_path / "m", name, described, arrays)
    with pytest.raises(ModelError, match="history_"):
        load_model(tmp_path / "m")


@pytest.mark.parametrize("kind", [*MODELS, *FORECASTERS])
@settings(
    deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_a_json_that_was_changed_and_sealed(saved, tmp_path, kind, data):
    folder, name = saved[kind]
    described, arrays = described_in(folder, name)
    for _ in range(data.draw(st.integers(1, 2))):
        place = data.draw(st.sampled_from([place for place in places(described) if place]))
        described = changed(described, place, data.draw(STRANGE))
    with contextlib.suppress(SpdkitError):
        try:
            write(tmp_path, name, described, arrays)
        except (TypeError, ValueError):
            return  # no JSON
        used(tmp_path, name)


SHAPES = [(), (0,), (1,), (3,), (2, 2), (0, 10**12), (1, 0, 10**15)]


@pytest.mark.parametrize("kind", [*MODELS, *FORECASTERS])
@settings(
    deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_arrays_that_were_changed_and_sealed(saved, tmp_path, kind, data):
    folder, name = saved[kind]
    described, arrays = described_in(folder, name)
    one = data.draw(st.sampled_from(sorted(arrays)))
    how = data.draw(st.sampled_from(["gone", "shape", "dtype", "value", "swap", "transpose"]))
    if how == "gone":
        del arrays[one]
    elif how == "shape":
        arrays[one] = np.zeros(data.draw(st.sampled_from(SHAPES)), arrays[one].dtype)
    elif how == "dtype":
        kinds = ["i1", "u8", "f2", "f4", "f8", "?", "i8"]
        with np.errstate(all="ignore"):
            arrays[one] = arrays[one].astype(data.draw(st.sampled_from(kinds)))
    elif how == "value" and arrays[one].size:
        values = [-1, 0, 1, 5, 100] if arrays[one].dtype.kind != "f" else [-1e30, 0, 1e30, np.inf]
        arrays[one] = arrays[one].copy()
        arrays[one].flat[data.draw(st.integers(0, arrays[one].size - 1))] = data.draw(
            st.sampled_from(values)
        )
    elif how == "swap":
        other = data.draw(st.sampled_from(sorted(arrays)))
        arrays[one], arrays[other] = arrays[other], arrays[one]
    else:
        arrays[one] = np.ascontiguousarray(arrays[one].T)
    write(tmp_path, name, described, arrays)
    with contextlib.suppress(SpdkitError):
        used(tmp_path, name)


@pytest.mark.parametrize(
    ("kind", "array"),
    [
        ("two stage", "autoencoder.encoder.0.weight"),
        ("two stage", "residuals_"),
        ("ensemble", "quantiles"),
        ("classes", "scaler.median_"),
        ("SMA", "y"),
        ("SMA", "residuals"),
        ("average", "state.1.parameters"),
        ("recurrent", "state.weights.output.bias"),
        ("global", "state.0.recurrent.weight_ih_l0"),
    ],
)
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_numbers_that_are_none_are_refused(saved, tmp_path, kind, array, value):
    folder, name = saved[kind]
    described, arrays = described_in(folder, name)
    arrays[array] = arrays[array].copy()
    arrays[array].flat[0] = value
    write(tmp_path, name, described, arrays)
    with pytest.raises(SpdkitError, match=f"{array} holds 1 values that are no finite numbers"):
        used(tmp_path, name)


def test_a_model_that_diverged_is_not_saved(tmp_path):
    one = ARIMA((1, 0, 0)).fit(PLAYS)
    one.models_[0].parameters[0] = np.nan
    with pytest.raises(ForecastError, match=r"state.parameters holds 1 values that are no finite"):
        one.save(tmp_path / "one")
    assert not list(tmp_path.iterdir())


def test_an_exact_fit_comes_back(tmp_path):
    """Its AICc is -inf, as the one array that may hold what is no number."""
    line = PLAYS.assign(y=5.0)
    one = ARIMA((0, 0, 0), constant=True).fit(line)
    one.save(tmp_path / "one")
    assert load_forecaster(tmp_path / "one").predict(3).equals(one.predict(3))


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        ("two stage", {"alphas": {"tuple": [1e15, 1]}}),
        ("two stage", {"alphas": [0.5] * 100_000}),
        ("two stage", {"delta": 2}),
        ("two stage", {"members": 0}),
        ("ensemble", {"n_hidden": 10**12}),
        ("ensemble", {"members": 10**9}),
        ("global", {"width": 10**9}),
        ("global", {"horizon": 10**12}),
        ("global", {"n_models": 10**12}),
        ("global", {"degree": 10**9}),  # which took for ever
        ("recurrent", {"units": {"tuple": [10**9, 10**9]}}),
        ("recurrent", {"input_size": 10**12}),
        ("recurrent", {"dtype": "float64"}),
        ("SMA", {"k": -1}),
        ("SMA", {"k": 10**9}),
        ("average", {"forecasters": []}),
        ("average", {"forecasters": [3]}),
    ],
)
def test_sizes_that_would_fill_the_memory_and_parameters_out_of_range(
    saved, tmp_path, kind, changes
):
    folder, name = saved[kind]
    described, arrays = described_in(folder, name)
    described[name.removesuffix(".json")]["parameters"] |= changes
    write(tmp_path, name, described, arrays)
    error = ModelError if name == "model.json" else ForecastError
    with pytest.raises(error):
        used(tmp_path, name)


@pytest.mark.parametrize("header", [b"{}", b'{"y": {}}', b"[" * 100_000, None])
def test_a_header_of_arrays_that_claims_a_lot(saved, tmp_path, header):
    folder, name = saved["SMA"]
    described, _ = described_in(folder, name)
    claim = {"y": {"dtype": "F64", "shape": [10**12], "data_offsets": [0, 8 * 10**12]}}
    header = json.dumps(claim).encode() if header is None else header
    for length in (len(header), 10**12, 2**63):
        write(tmp_path, name, described, struct.pack("<Q", length) + header + bytes(8))
        with pytest.raises(ForecastError):
            used(tmp_path, name)


@pytest.mark.slow
def test_a_thousand_bytes_that_flipped(saved, tmp_path):
    rng = random.Random(14)
    for number in range(1000):
        folder, name = saved[rng.choice(sorted(saved))]
        copied = tmp_path / "copy"
        shutil.copytree(folder, copied)
        path = copied / rng.choice([name, "arrays.safetensors"])
        content = bytearray(path.read_bytes())
        for _ in range(rng.choice([1, 1, 8])):
            content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
        if number % 2 and path.name != name:  # with a new seal: the arrays themselves are strange
            described, _ = described_in(folder, name)
            write(copied, name, described, bytes(content))
        else:
            path.write_bytes(content)
        with contextlib.suppress(SpdkitError):
            used(copied, name)
            assert number % 2, "a byte that flipped was not seen"
        shutil.rmtree(copied)
