"""Records of strangers, beside a model that is whole, and stores that no model can take."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from store_tables import complete

from spdkit.popularity.models.hitmusicnet import HitMusicNetRegressor
from spdkit.popularity.models.serialization import ModelError, save_model
from spdkit.popularity.predict import load, predict_store
from spdkit.popularity.record import FILES
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
