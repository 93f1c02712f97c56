"""Records of strangers, beside a model that is whole, and stores that no model can take."""

import json
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import records
from safetensors.numpy import load as unpacked, save as packed
from store_tables import complete

from spdkit.common.record_files import RecordError
from spdkit.popularity.models.hitmusicnet import HitMusicNetRegressor
from spdkit.popularity.models.serialization import ModelError, save_model
from spdkit.popularity.predict import load, predict_store
from spdkit.popularity.record import FILES, from_files, to_files
from spdkit.store.dataset import DatasetError
from spdkit.store.feature_store import FeatureStore, write_store


@pytest.fixture(scope="module")
def model():
    X = np.random.default_rng(0).random((40, 3))
    return HitMusicNetRegressor(max_epochs=1, random_state=0).fit(X, X[:, 0])


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("record.json", b"[" * 100_000),
        ("record.json", b"[]"),
        ("record.json", b"\xff"),
        ("record.json", b'{"thresholds": 1}'),
        ("features.csv", b""),
        ("features.csv", b'a,b\n"'),
        ("test.csv", b"a\n1,2,3\n"),
        ("rows.safetensors", b"\xff" * 8 + b"{}"),
        ("rows.safetensors", b""),
    ],
)
def test_a_record_that_is_none_is_refused(model, tmp_path, name, content):
    files = dict.fromkeys(FILES, b"name\n") | {"record.json": b"{}", name: content}
    save_model(model, tmp_path / "m", files)
    with pytest.raises(ModelError, match="m: the record is not what was written"):
        load(tmp_path / "m")


def test_infinite_features_are_named(model, tmp_path):
    facts = {"a": {"version": "1", "modality": "audio", "parameters": {}}}
    obs = pd.DataFrame({"a_status": "ok"}, index=pd.Index(["x", "y"], name="track_id"))
    var = pd.DataFrame({"extractor": "a"}, index=pd.Index(["f", "g"], name="name"))
    X = np.array([[1, 2], [3, np.inf]], dtype=np.float32)
    table = complete(X, obs, var, {"packages": {}, "extractors": facts})
    write_store(tmp_path / "s.h5", table)
    record = SimpleNamespace(extractors=facts, features=var)
    with pytest.raises(DatasetError, match="1 features are infinite: 'g' of track 'y'"):
        predict_store(model, record, FeatureStore.open(tmp_path / "s.h5"))


# --- contents of a record


@pytest.fixture(scope="module")
def files():
    features = pd.DataFrame(
        {"modality": ["", "a"], "family": ["", "b"], "low": 0.0, "high": np.nan},
        index=pd.Index(["", "f"], name="name"),
    )
    importance = {"level": ["modality"], "name": [""], "increase": 1.0, "low": 0.5, "high": np.nan}
    made = records.small(
        features=features,
        importance=pd.DataFrame(importance),
        extractors=records.EXTRACTORS,
        training_X=pd.DataFrame(np.full((4, 2), np.nan), columns=features.index),
        test_code=np.ones((3, 2), dtype=np.float32),
    )
    return to_files(made.record)


def test_names_may_be_empty(files):
    record = from_files(files)
    assert list(record.features.index) == ["", "f"]
    assert record.features.to_numpy()[0].tolist()[:3] == ["", "", 0.0]
    assert record.importance["name"].tolist() == [""]
    assert to_files(record) == files


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("split", "seed"), 10**18),
        (("split", "n_groups_training"), {"a": 1}),
        (("scores", "model", "r2", "low"), "\ud800"),
        (("scores", "model", "r2", "high"), 10**400),
        (("seconds",), {"model": "x"}),
        (("headline",), "<script>"),
        (("task",), None),
        (("thresholds",), [1]),
        (("losses",), "text"),
        (("extractors", "audio"), "a\0b"),
        (("extractors", "audio", "parameters"), 1),
        (("extractors", "audio", "version"), None),
        (("extractors", "audio"), {}),
        (("more",), 1),
    ],
)
def test_facts_of_other_types_are_refused_by_file(files, place, value):
    facts = json.loads(files["record.json"])
    inner = facts
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    with pytest.raises(RecordError, match=r"^record\.json: (?!\w+Error\()"):
        from_files({**files, "record.json": json.dumps(facts).encode()})


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("test.csv", b"y", b"z,y"),
        ("test.csv", b"song-0.mp3,", b"song-0.mp3,x"),
        ("test.csv", b",0\n", b",7\n"),
        ("test.csv", b",0\n", b",0.5\n"),
        ("test.csv", b",0\n", b",\n"),
        ("test.csv", b"track_id", b"id"),
        ("importance.csv", b"increase", b"decrease"),
        ("importance.csv", b"0.5", b"b"),
        ("features.csv", b"low", b"lw"),
        ("features.csv", b"f,a", b"f,a,b,0,1\nf,a"),
        ("features.csv", b"f,a", b"g,a,b,0,1\nf,a"),
        ("features.csv", b"\n", b""),
    ],
)
def test_tables_of_other_contents_are_refused_by_file(files, name, old, new):
    assert old in files[name]
    changed = files[name].replace(old, new, 1) if new else b""
    named = "rows.safetensors" if new.startswith(b"g,") else name
    with pytest.raises(RecordError, match=rf"^{named}: "):
        from_files({**files, name: changed})


@pytest.mark.parametrize(
    "change",
    [
        lambda rows: {**rows, "test_code": rows["test_code"] * np.float32(np.nan)},
        lambda rows: {**rows, "test_code": rows["test_code"][:, 0]},
        lambda rows: {**rows, "training_X": np.full((4, 2), np.inf)},
        lambda rows: {**rows, "training_X": np.full((4, 2), 1e308)},
        lambda rows: {**rows, "training_X": rows["training_X"][:, :1]},
        lambda rows: {**rows, "training_y": rows["training_y"][:3]},
        lambda rows: {**rows, "training_y": rows["training_y"] * np.nan},
        lambda rows: {name: rows[name] for name in ("training_X", "training_y")},
    ],
)
def test_rows_of_other_shapes_or_without_numbers_are_refused(files, change):
    rows = change(unpacked(files["rows.safetensors"]))
    rows = {name: np.ascontiguousarray(array) for name, array in rows.items()}
    with pytest.raises(RecordError, match=r"^rows\.safetensors: "):
        from_files({**files, "rows.safetensors": packed(rows)})


@pytest.mark.parametrize("part", ["features.csv", "record.json"])
def test_a_record_of_another_model_is_refused(tmp_path, part):
    made = records.small(task="regression" if part == "features.csv" else "classification")
    X = pd.DataFrame(np.random.default_rng(0).random((40, 2)), columns=["f", "g"])
    model = HitMusicNetRegressor(max_epochs=1, random_state=0).fit(X, X["f"])
    if part == "record.json":
        features = made.record.features.reindex(X.columns).fillna("")
        made = records.small(
            task="classification",
            features=features.assign(low=0.0, high=1.0),
            training_X=X.iloc[:4],
        )
    save_model(model, tmp_path / "m", to_files(made.record))
    with pytest.raises(ModelError, match=rf"m: the record is not what was written: {part}: "):
        load(tmp_path / "m")
