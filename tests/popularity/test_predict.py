"""Records of strangers, beside a model that is whole."""

import numpy as np
import pytest

from spdkit.popularity.models.hitmusicnet import HitMusicNetRegressor
from spdkit.popularity.models.serialization import ModelError, save_model
from spdkit.popularity.predict import load
from spdkit.popularity.record import FILES


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
