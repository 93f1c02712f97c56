"""The feature file: what is written is what is read, and nothing else is taken for one."""

from __future__ import annotations

import errno
import json
import os
import pickle
import string
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st
from store_tables import table

from spdkit.store.errors import StoreError, StoreInUseError
from spdkit.store.feature_store import (
    FeatureStore,
    FeatureTable,
    default_family,
    store_image,
    write_store,
)
from spdkit.store.forms import FEATURES


@pytest.fixture
def path(tmp_path):
    write_store(tmp_path / "f.h5", table())
    return tmp_path / "f.h5"


def test_round_trip(path):
    store, written = FeatureStore.open(path), table()
    assert store.X.dtype == np.float32
    assert store.X.tobytes() == written.X.tobytes()
    assert store.obs.equals(written.obs)
    assert store.obs.index.name == "track_id"
    assert store.var.equals(written.var)
    assert store.provenance == written.provenance


def test_to_pandas_and_select(path):
    store, written = FeatureStore.open(path), table()
    frame = store.to_pandas()
    assert list(frame.columns) == ["a_1", "a_2", "b_1"]
    assert frame.loc["track 1", "b_1"] == written.X[1, 2]
    chosen = store.select(extractor="a")
    assert list(chosen.var.index) == ["a_1", "a_2"]
    assert np.array_equal(chosen.X, written.X[:, :2])
    assert np.array_equal(store.select(["b", "a"]).X, written.X)
    with pytest.raises(
        StoreError, match=r"no extractor 'c', only a, b|no extractor 'c', only b, a"
    ):
        store.select("c")


def test_a_store_can_be_pickled_and_holds_no_file_open(path):
    store = FeatureStore.open(path)
    assert len(store.X) == 3
    copy = pickle.loads(pickle.dumps(store))
    path.rename(path.with_name("moved.h5"))
    assert np.array_equal(copy.X, store.X)


def spoil_without_seal(path):
    with h5py.File(path, "r+") as file:
        file["X"][0, 0] = 7
        del file["checksums"]
        file.attrs["encoding-version"] = "1.1"


@pytest.mark.parametrize("change", [lambda path: write_store(path, table(5)), spoil_without_seal])
@pytest.mark.parametrize(
    "first",
    [
        lambda store: store.X,
        lambda store: store.var,
        lambda store: store.provenance,
        lambda store: store.read(),
    ],
)
def test_parts_are_of_one_file(first, change, path):
    """As a notebook reads them while a batch writes the store."""
    store = FeatureStore.open(path)
    first(store)
    selection, copy = store.select("a"), pickle.loads(pickle.dumps(store))
    change(path)
    for reader in (store, selection, copy):
        with pytest.raises(StoreError, match=r"another file has taken its place.*Open it again"):
            len(reader.obs)
    assert len(FeatureStore.open(path).to_pandas()) == len(FeatureStore.open(path).obs)


def test_the_same_store_written_again_is_the_same_file(path):
    store = FeatureStore.open(path)
    n_tracks = len(store.obs)
    write_store(path, table())
    assert store.to_pandas().shape == (n_tracks, 3)


def test_layout_is_as_the_specification_says(path):
    with h5py.File(path) as file:
        nodes = {"": file, **{name: file[name] for name in ("X", "obs", "var", "provenance")}}
        nodes |= {f"obs/{name}": node for name, node in file["obs"].items()}
        nodes |= {f"var/{name}": node for name, node in file["var"].items()}
        for name, node in nodes.items():
            assert {"encoding-type", "encoding-version"} <= set(node.attrs), name
        assert file.attrs["encoding-type"] == "spdkit-feature-store"
        assert file["X"].maxshape == (None, None)
        assert file["X"].chunks is not None
        assert file["X"].compression is None
        assert file["obs"].attrs["_index"] == "track_id"
        assert list(file["obs"].attrs["column-order"]) == list(table().obs.columns)


def test_equal_tables_give_equal_bytes():
    assert store_image(table()) == store_image(table())
    assert store_image(table(4)) != store_image(table())


def test_many_tracks_cross_chunks(tmp_path):
    big = table(1000)
    write_store(tmp_path / "big.h5", big)
    assert np.array_equal(FeatureStore.open(tmp_path / "big.h5").X, big.X)


@settings(max_examples=50, deadline=None)
@given(texts=st.lists(st.text(st.characters(), max_size=30), min_size=3, max_size=3))
def test_any_text_can_be_stored(texts, tmp_path_factory):
    """Lone surrogates (file names that are not UTF-8) and NUL are escaped, the rest is kept."""
    written = table()
    # As objects: pandas with pyarrow refuses lone surrogates in its own strings.
    written.obs["audio"] = pd.Series(texts, index=written.obs.index, dtype=object)
    names = [f"{text}{i}" for i, text in enumerate(texts)]
    written.obs.index = pd.Index(names, name="track_id", dtype=object)
    target = tmp_path_factory.mktemp("text") / "f.h5"
    write_store(target, written)
    obs = FeatureStore.open(target).obs
    for text, stored in zip([*texts, *names], [*obs["audio"], *obs.index], strict=True):
        expected = text.replace("\0", "\\x00").encode("utf-8", "backslashreplace").decode()
        assert stored == expected


def test_missing_text_is_written_as_the_empty_text(tmp_path):
    written = table()
    texts = pd.Series([None, pd.NA, float("nan")], index=written.obs.index, dtype=object)
    written.obs["audio"] = texts
    write_store(tmp_path / "f.h5", written)
    assert FeatureStore.open(tmp_path / "f.h5").obs["audio"].tolist() == ["", "", ""]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "not an HDF5 file .*`spdkit extract --overwrite`, or"),
        (b"plain text", "not an HDF5 file .* It was no feature file: give another"),
        (b"\x89HDF\r\n\x1a\n" + bytes(99), ".*`spdkit extract --overwrite`, or"),
        (bytes(9999), "not an HDF5 file .*`spdkit extract --overwrite`, or"),
        (None, "no such file"),
    ],
)
def test_what_is_no_store_is_refused(content, reason, tmp_path):
    target = tmp_path / "f.h5"
    if content is not None:
        target.write_bytes(content)
    with pytest.raises(StoreError, match=f"f.h5: {reason}"):
        FeatureStore.open(target)


def test_a_pipe_is_refused_and_never_opened(tmp_path):
    os.mkfifo(tmp_path / "f.h5")
    with pytest.raises(StoreError, match=r"f\.h5: is no regular file"):
        FeatureStore.open(tmp_path / "f.h5")


def test_a_folder_is_refused(tmp_path):
    with pytest.raises(StoreError, match="is a folder"):
        FeatureStore.open(tmp_path)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.99])
def test_a_truncated_store_is_refused(share, path):
    image = path.read_bytes()
    path.write_bytes(image[: int(len(image) * share)])
    with pytest.raises(StoreError, match=r"f\.h5: truncated or damaged"):
        FeatureStore.open(path)


def test_a_store_that_another_program_writes_is_in_use(path):
    code = "import h5py, sys; f = h5py.File(sys.argv[1], 'a'); print(1, flush=True); input()"
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", code, path], stdin=pipe, stdout=pipe) as holder:
        holder.stdout.readline()
        with pytest.raises(StoreInUseError, match="is in use by another program") as refusal:
            FeatureStore.open(path)
        assert "HDF5 file" not in str(refusal.value) and "overwrite" not in str(refusal.value)
        holder.communicate(b"\n")
    assert FeatureStore.open(path).X.shape == (3, 3)


def test_a_file_whose_writer_died_is_no_other_kind_of_file(tmp_path):
    code = "f = h5py.File(sys.argv[1], 'w', libver='latest'); f['X'] = [1]; f.swmr_mode = True"
    code = f"import h5py, os, sys; {code}; f.flush(); os._exit(0)"
    subprocess.run([sys.executable, "-c", code, tmp_path / "f.h5"], check=True)
    with pytest.raises(StoreInUseError, match="is marked as open to write"):
        FeatureStore.open(tmp_path / "f.h5")


def test_a_disk_without_locks_is_told(path, monkeypatch):
    def refuse(*args, **options):
        raise OSError(errno.ENOLCK, "Unable to synchronously open file (unable to lock file)")

    monkeypatch.setattr(h5py, "File", refuse)
    with pytest.raises(StoreInUseError, match=r"has no locks .*HDF5_USE_FILE_LOCKING=FALSE"):
        FeatureStore.open(path)


def test_another_programs_file_is_refused(tmp_path):
    target = tmp_path / "f.h5"
    with h5py.File(target, "w") as file:
        file["X"] = np.zeros((2, 2))
    with pytest.raises(StoreError, match=r"of another program \(it has no encoding-type"):
        FeatureStore.open(target)
    with h5py.File(target, "w") as file:
        file.attrs["encoding-type"] = "anndata"
    with pytest.raises(StoreError, match=r"of another program \(its encoding-type is 'anndata'"):
        FeatureStore.open(target)


def test_another_version_is_refused_and_a_minor_one_is_read(path):
    with h5py.File(path, "a") as file:
        file.attrs["encoding-version"] = "2.0"
    with pytest.raises(StoreError, match=r"version 2\.0 of the format; this spdkit reads 1\.2"):
        FeatureStore.open(path)
    with h5py.File(path, "a") as file:
        file.attrs["encoding-version"] = "1.7"
    assert len(FeatureStore.open(path).obs) == 3


def test_version_1_0_had_no_families(path):
    with h5py.File(path, "a") as file:
        file.attrs["encoding-version"] = "1.0"
        del file["var/family"], file["checksums"]
        order = [name for name in file["var"].attrs["column-order"] if name != "family"]
        file["var"].attrs["column-order"] = order
    store = FeatureStore.open(path)
    assert store.var["family"].to_list() == ["a", "a", "b"]
    assert store.select("b").var["family"].to_list() == ["b"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("embedding_12", "embedding"),
        ("vggish12", "vggish"),
        ("vokal-stärke", "vokal"),
        ("genre_dance pop", "genre"),
        ("12", "plugin"),
        ("_hidden", "plugin"),
        ("", "plugin"),
    ],
)
def test_columns_without_a_family_go_by_their_first_word(name, expected):
    assert default_family(name, "plugin") == expected


def test_missing_parts_and_wrong_shapes_are_refused(path):
    with h5py.File(path, "a") as file:
        file["X"].resize((2, 3))
    with pytest.raises(StoreError, match=r"X is \(2, 3\), not obs × var"):
        FeatureStore.open(path)
    with h5py.File(path, "a") as file:
        del file["provenance"]
    with pytest.raises(StoreError, match="there is no /provenance"):
        FeatureStore.open(path)


def test_a_failed_write_leaves_the_old_file(path, monkeypatch):
    before = path.read_bytes()

    whole = Path.write_bytes

    def full(target, data):
        whole(target, data[:10])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(StoreError, match=r"f\.h5: cannot be written: No space left on device"):
        write_store(path, table(5))
    assert path.read_bytes() == before
    assert [p.name for p in path.parent.iterdir()] == ["f.h5"]


names = st.text(string.ascii_lowercase, min_size=1, max_size=4)


@settings(max_examples=25, deadline=None)
@given(
    ids=st.lists(names, min_size=1, max_size=6, unique=True),
    values=st.lists(st.floats(width=32), min_size=6, max_size=6),
)
def test_any_float_round_trips(ids, values, tmp_path_factory):
    written = table(len(ids), names=("v",), owners=("a",))
    X = np.array(values[: len(ids)], dtype=np.float32)[:, None]
    target = tmp_path_factory.mktemp("floats") / "f.h5"
    write_store(target, FeatureTable(X, written.obs, written.var, written.provenance))
    assert FeatureStore.open(target).X.tobytes() == X.tobytes()


# --- files of earlier versions, as they were written: by h5py alone, from what their FORMAT.md said


def older_file(path, version):
    """Write a file of version 1.0 or 1.1 by hand; return its numbers."""
    text = h5py.string_dtype()

    def node(place, kind):
        place.attrs["encoding-type"], place.attrs["encoding-version"] = kind, "1.0"
        return place

    def frame(file, name, index, columns):
        group = node(file.create_group(name), "dataframe")
        group.attrs["_index"] = index
        group.attrs["column-order"] = np.array([c for c in columns if c != index], dtype=text)
        for column, values in columns.items():
            if isinstance(values[0], str):
                node(group.create_dataset(column, data=values, dtype=text), "string-array")
            else:
                node(group.create_dataset(column, data=np.array(values)), "array")

    values = np.array([[1, np.nan], [2, 3], [np.nan, np.nan]], dtype=np.float32)
    with h5py.File(path, "w") as file:
        file.attrs["encoding-type"], file.attrs["encoding-version"] = (
            FEATURES.encoding_type,
            version,
        )
        X = file.create_dataset("X", data=values, chunks=(3, 2), maxshape=(None, None))
        node(X, "array")
        tracks = {
            "track_id": ["a", "b", "ü"],
            "audio": ["/m/a.wav", "", "/m/ü.wav"],
            "size": [3, -1, 5],
            "modified": ["2025-01-01T00:00:00.000000000Z", "", ""],
            "content": ["00ff", "", ""],
            "metadata": ['{"title": "A"}', "", ""],
            "x_status": ["ok", "absent", "failed"],
            "x_error": ["", "", "too short"],
            "x_content": ["00ff", "", ""],
            "x_sr": [44100.0, np.nan, np.nan],
        }
        frame(file, "obs", "track_id", tracks)
        features = {
            "name": ["mfcc_1", "mfcc_2"],
            "extractor": ["x", "x"],
            "unit": ["1", "dB"],
            "low": [0.0, -np.inf],
            "high": [1.0, np.inf],
            **({"family": ["timbre", "timbre"]} if version == "1.1" else {}),
            "description": ["", ""],
            "reference": ["", ""],
        }
        frame(file, "var", "name", features)
        facts = {"version": "1", "modality": "audio", "parameters": {"sr": 44100}}
        described = {"x": {**facts, "obs_fields": {"sr": "float"}}}
        content = json.dumps({"packages": {"numpy": ["2.0"]}, "extractors": described})
        node(file.create_dataset("provenance", data=content, dtype=text), "json")
    return values


@pytest.mark.parametrize(("version", "family"), [("1.0", "mfcc"), ("1.1", "timbre")])
def test_files_of_earlier_versions_are_read(version, family, tmp_path):
    values = older_file(tmp_path / "old.h5", version)
    table = FeatureStore.open(tmp_path / "old.h5").read()
    assert table.X.tobytes() == values.tobytes()
    assert list(table.obs.index) == ["a", "b", "ü"]
    assert list(table.obs["size"]) == [3, -1, 5]
    assert list(table.obs["x_status"]) == ["ok", "absent", "failed"]
    assert list(table.var["family"]) == [family] * 2
    assert table.provenance["extractors"]["x"]["parameters"] == {"sr": 44100}
    write_store(tmp_path / "new.h5", table)
    again = FeatureStore.open(tmp_path / "new.h5").read()
    assert again.X.tobytes() == values.tobytes() and again.obs.equals(table.obs)


def test_a_reader_of_1_1_reads_a_file_of_today(path):
    """What it looked at, by h5py: nodes, attributes and shapes; what is new it passes over."""
    with h5py.File(path) as file:
        assert file.attrs["encoding-version"].split(".")[0] == "1"
        assert file["X"].shape == (len(file["obs/track_id"]), len(file["var/name"]))
        assert np.array_equal(file["X"][...], table().X)
        assert list(file["obs/track_id"].asstr()) == list(table().obs.index)
        assert json.loads(file["provenance"].asstr()[()]) == table().provenance
