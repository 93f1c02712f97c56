"""Models on disk: the same to the bit, in another process, and nothing else is accepted."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import NotFittedError

from spdkit.popularity.models.hitmusicnet import HitMusicNetClassifier, HitMusicNetRegressor
from spdkit.popularity.models.serialization import ModelError, load_files, load_model, save_model


@pytest.fixture(scope="module")
def songs():
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.random((80, 7)), columns=list("abcdefg"))
    X.loc[::3, "c"] = np.nan
    return X, X["a"] * 100


def fitted(cls, songs, **parameters):
    X, y = songs
    y = y if cls is HitMusicNetRegressor else np.where(y > 50, "hit", "miß")
    return cls(max_epochs=3, random_state=0, **parameters).fit(X, y)


@pytest.mark.parametrize(
    "parameters",
    [
        {"alphas": (1, 0.5)},
        {"net": "shared_ensemble", "n_hidden": 8, "refits": 2},
        {"net": "shared_ensemble", "n_hidden": 8, "refits": 0},
    ],
)
@pytest.mark.parametrize("cls", [HitMusicNetRegressor, HitMusicNetClassifier])
def test_a_loaded_model_is_the_same_model(cls, parameters, songs, tmp_path):
    model = fitted(cls, songs, **parameters)
    model.save(tmp_path / "model")
    again = cls.load(tmp_path / "model")
    X = songs[0]
    np.testing.assert_array_equal(model.predict(X), again.predict(X))
    np.testing.assert_array_equal(model.transform(X), again.transform(X))
    code = model.transform(X)
    np.testing.assert_array_equal(model.inverse_transform(code), again.inverse_transform(code))
    assert model.get_params() == again.get_params()
    pd.testing.assert_frame_equal(model.history_, again.history_)
    if cls is HitMusicNetRegressor:
        np.testing.assert_array_equal(
            model.predict_interval(X, 0.8), again.predict_interval(X, 0.8)
        )
    else:
        np.testing.assert_array_equal(model.predict_proba(X), again.predict_proba(X))
    with pytest.raises(ValueError, match="same order"):
        again.predict(X[list("bacdefg")])


def test_another_process_predicts_the_same(songs, tmp_path):
    model = fitted(HitMusicNetRegressor, songs)
    model.save(tmp_path / "model")
    songs[0].to_pickle(tmp_path / "X.pkl")
    code = (
        "import sys, pandas, numpy; from spdkit.popularity.models.serialization import load_model; "
        "X = pandas.read_pickle(sys.argv[2]); numpy.save(sys.argv[3], "
        "load_model(sys.argv[1]).predict(X))"
    )
    paths = [str(tmp_path / name) for name in ("model", "X.pkl", "y.npy")]
    subprocess.run([sys.executable, "-P", "-c", code, *paths], check=True)
    np.testing.assert_array_equal(np.load(tmp_path / "y.npy"), model.predict(songs[0]))


def test_saving_again_replaces_a_model_and_nothing_else(songs, tmp_path):
    model = fitted(HitMusicNetRegressor, songs)
    model.save(tmp_path / "model")
    fitted(HitMusicNetClassifier, songs).save(tmp_path / "model")
    assert isinstance(load_model(tmp_path / "model"), HitMusicNetClassifier)
    with pytest.raises(ModelError, match="HitMusicNetClassifier, not HitMusicNetRegressor"):
        HitMusicNetRegressor.load(tmp_path / "model")
    (tmp_path / "music").mkdir()
    (tmp_path / "music" / "song.wav").touch()
    with pytest.raises(ModelError, match="no model of ours"):
        model.save(tmp_path / "music")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["model", "music"]


def test_a_folder_that_is_there_and_empty_is_filled(songs, tmp_path):
    (tmp_path / "model").mkdir()
    fitted(HitMusicNetRegressor, songs).save(tmp_path / "model")
    assert isinstance(load_model(tmp_path / "model"), HitMusicNetRegressor)


def test_files_beside_a_model_are_guarded_and_those_of_others_kept(songs, tmp_path):
    model, folder = fitted(HitMusicNetRegressor, songs), tmp_path / "model"
    save_model(model, folder, {"notes.txt": b"one", "more.txt": b"two"})
    assert load_files(folder, ["notes.txt"]) == {"notes.txt": b"one"}
    (folder / "report.html").write_text("mine")
    save_model(model, folder, {"notes.txt": b"three"})
    assert {p.name for p in folder.iterdir()} == {
        "model.json",
        "arrays.safetensors",
        "notes.txt",
        "report.html",
    }
    with pytest.raises(ModelError, match=r"saved without report.html; `spdkit fit`"):
        load_files(folder, ["report.html"])
    (folder / "notes.txt").write_bytes(b"four")
    with pytest.raises(ModelError, match=r"notes.txt is not what was written: its SHA-256"):
        load_files(folder, ["notes.txt"])


def test_a_file_and_a_json_of_others_are_not_replaced(songs, tmp_path):
    model = fitted(HitMusicNetRegressor, songs)
    (tmp_path / "file").touch()
    with pytest.raises(ModelError, match="is a file; a model is a folder"):
        model.save(tmp_path / "file")
    (tmp_path / "model.json").write_text('{"name": "another tool\'s"}')
    with pytest.raises(ModelError, match="is not ours"):
        model.save(tmp_path)
    assert {p.name for p in tmp_path.iterdir()} == {"file", "model.json"}


def test_what_cannot_be_saved(songs, tmp_path):
    with pytest.raises(NotFittedError):
        save_model(HitMusicNetRegressor(), tmp_path / "model")
    X, y = songs
    with pytest.raises(NotFittedError, match="the code alone was fitted"):
        save_model(HitMusicNetRegressor(max_epochs=1).fit_code(X), tmp_path / "model")
    model = HitMusicNetRegressor(max_epochs=1, random_state=np.random.RandomState(0)).fit(X, y)
    with pytest.raises(ModelError, match="random_state"):
        model.save(tmp_path / "model")
    assert not (tmp_path / "model").exists()


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (
            lambda d: (d / "arrays.safetensors").unlink(),
            "no model of spdkit: arrays.* cannot",
        ),
        (lambda d: (d / "model.json").write_text("{"), "model.json is damaged or cut off"),
        (lambda d: (d / "model.json").write_text("[]"), "does not say format"),
        (lambda d: flip(d / "arrays.safetensors"), "arrays.* SHA-256 differs"),
        (lambda d: edit(d, seal=False, model={}), "model.json .* SHA-256 differs"),
        (lambda d: edit(d, format="other"), "does not say format"),
        (lambda d: edit(d, version="1.0"), "version 1.0; this spdkit reads 2.0: fit it again"),
        (lambda d: edit(d, model=record(of="os.system")), "of this spdkit: .* names 'os.system'"),
        (lambda d: edit(d, facts={}), "not describe a model of this spdkit: KeyError"),
        (lambda d: edit(d, model=record(delta=0.5)), "a model of this spdkit: RuntimeError"),
        (lambda d: edit(d, model=record(depth=3)), "a model of this spdkit: TypeError"),
    ],
)
def test_what_we_did_not_write_is_refused(spoil, reason, songs, tmp_path):
    fitted(HitMusicNetRegressor, songs).save(tmp_path / "model")
    spoil(tmp_path / "model")
    with pytest.raises(ModelError, match=reason):
        load_model(tmp_path / "model")


def record(of="HitMusicNetRegressor", **parameters):
    return {"class": of, "parameters": parameters}


def edit(folder, seal=True, **changes):
    """Change the JSON; with a new seal, as somebody would who knows how it is made."""
    path = folder / "model.json"
    described = {**json.loads(path.read_text()), **changes}
    if seal:
        rest = {key: value for key, value in described.items() if key != "sha256"}
        text = json.dumps(rest, sort_keys=True)
        described["sha256"] = hashlib.sha256(text.encode()).hexdigest()
    path.write_text(json.dumps(described))


def flip(path):
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
