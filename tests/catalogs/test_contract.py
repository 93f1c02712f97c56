"""What every catalog keeps, on small tables of its shape: named faults, typed columns, a store."""

from __future__ import annotations

import gzip
import hashlib
import logging
import math
import re
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from catalog_tables import FACTORIES, write

from spdkit import catalogs
from spdkit.catalogs import CatalogError
from spdkit.catalogs.published_table import read_published
from spdkit.extraction.batch import BatchError, extract
from spdkit.extraction.feature_table import merge
from spdkit.extractors.metadata import MetadataExtractor
from spdkit.store import dataset
from spdkit.store.feature_store import FeatureStore, write_store
from spdkit.store.summary import summarise
from spdkit.tracks.track import Track

NAMES = catalogs.available()
FILES = [(name, table.file) for name in NAMES for table in catalogs.get(name).tables]
both = pytest.mark.parametrize("name", NAMES)
every_table = pytest.mark.parametrize(("name", "file"), FILES)


def table_of(name, file):
    return next(table for table in catalogs.get(name).tables if table.file == file)


def problems(name, folder):
    with pytest.raises(CatalogError) as caught:
        catalogs.get(name).validate(folder)
    for problem in caught.value.problems:
        assert problem in str(caught.value)
    return caught.value.problems


def test_every_catalog_has_a_test_table():
    assert set(NAMES) == set(FACTORIES)
    assert list(NAMES) == sorted(NAMES)


@both
def test_it_says_what_it_is(name):
    catalog = catalogs.get(name)
    assert catalog.name == name
    for field in ("title", "version", "citation", "licence", "source", "download_notes"):
        assert getattr(catalog, field).strip(), field
    assert catalog.source.startswith("https://")
    for table in catalog.tables:
        names = [column.name for column in table.columns]
        assert len(set(names)) == len(names)
        assert table.key in names
        assert table.file in catalog.download_notes


def test_an_unknown_catalog_is_named():
    with pytest.raises(CatalogError, match="no catalog 'spotify', only musicoset, spotgentrack"):
        catalogs.get("spotify")


@both
@pytest.mark.parametrize("packed", ["plain", "gz", "mixed"])
def test_plain_and_gzipped_tables_are_read_alike(name, packed, tmp_path):
    files = list(FACTORIES[name]())
    write(tmp_path, name, gz={"plain": [], "gz": files, "mixed": files[:1]}[packed])
    catalogs.get(name).validate(tmp_path)
    data = catalogs.get(name).load(tmp_path)
    assert data.remarks == ()
    (tmp_path / "plain").mkdir()
    plain = catalogs.get(name).load(write(tmp_path / "plain", name))
    for table, frame in data.tables.items():
        pd.testing.assert_frame_equal(frame, plain[table])


@both
def test_a_byte_order_mark_and_windows_lines_change_nothing(name, tmp_path):
    write(tmp_path, name)
    before = catalogs.get(name).load(tmp_path)
    for path in tmp_path.glob("*.csv"):
        text = path.read_text()
        if path.name != "spotify_tracks.csv":  # its lyrics have line ends of their own
            text = text.replace("\n", "\r\n")
        path.write_bytes(b"\xef\xbb\xbf" + text.encode())
    after = catalogs.get(name).load(tmp_path)
    for table, frame in before.tables.items():
        pd.testing.assert_frame_equal(frame, after[table])


@both
def test_an_unknown_folder_says_where_to_get_the_set(name, tmp_path):
    catalog = catalogs.get(name)
    (tmp_path / "file").touch()
    for place, what in ((tmp_path / "nowhere", "no such folder"), (tmp_path / "file", "not a fol")):
        with pytest.raises(CatalogError, match=what) as caught:
            catalog.load(place)
        assert str(place) in str(caught.value)
        assert catalog.source in str(caught.value)


@both
def test_every_missing_file_is_named_at_once(name, tmp_path):
    found = problems(name, tmp_path)
    files = [table.file for table in catalogs.get(name).tables]
    assert found == tuple(f"{file}: no such file, nor {file}.gz" for file in files)


@every_table
def test_a_missing_file_is_named(name, file, tmp_path):
    write(tmp_path, name)
    (tmp_path / file).unlink()
    assert problems(name, tmp_path) == (f"{file}: no such file, nor {file}.gz",)


@every_table
def test_a_file_that_is_there_twice_is_refused(name, file, tmp_path):
    write(tmp_path, name)
    (tmp_path / f"{file}.gz").write_bytes(gzip.compress((tmp_path / file).read_bytes()))
    assert problems(name, tmp_path) == (f"{file}: there twice, also as {file}.gz",)


@every_table
def test_every_missing_column_is_named_and_no_other(name, file, tmp_path):
    needed = [column.name for column in table_of(name, file).columns if column.needed]
    frames = FACTORIES[name]()
    whole = frames[file]
    for dropped in (needed[:1], needed[-1:], needed[1:]):
        frames[file] = whole.drop(columns=dropped)
        write(tmp_path, name, frames)
        assert set(problems(name, tmp_path)) == {f"{file}: no column {c!r}" for c in dropped}


@every_table
def test_columns_that_nobody_needs_may_lack_and_are_told(name, file, tmp_path, caplog):
    unneeded = [column.name for column in table_of(name, file).columns if not column.needed]
    frames = FACTORIES[name]()
    frames[file] = frames[file].drop(columns=unneeded).assign(mood="blue")
    with caplog.at_level(logging.WARNING):
        data = catalogs.get(name).load(write(tmp_path, name, frames))
    expected = [f"{file}: passed over the columns mood"]
    if unneeded:
        expected.insert(0, f"{file}: no columns {', '.join(unneeded)}: all missing")
    assert list(data.remarks) == expected
    assert [record.getMessage() for record in caplog.records] == [f"{name}: {r}" for r in expected]
    for column in unneeded:
        values = data[table_of(name, file).name][column]
        assert (values.isna() | (values == "")).all()


@every_table
def test_a_wrong_type_is_named_with_its_row_in_every_column(name, file, tmp_path):
    # An odd date is missing, and takes nothing along.
    free = ("text", "date")
    typed = [column for column in table_of(name, file).columns if column.kind not in free]
    frames = FACTORIES[name]()
    frames[file] = frames[file].astype(object)
    for column in typed:
        frames[file].loc[1, column.name] = "what?"
    found = problems(name, write(tmp_path, name, frames))
    assert len(found) == len(typed)
    for column in typed:
        (told,) = [p for p in found if p.startswith(f"{file}: column {column.name!r}: ")]
        assert told.endswith("'what?' in row 2"), told


@every_table
def test_an_empty_key_is_named_with_its_row(name, file, tmp_path):
    key = table_of(name, file).key
    frames = FACTORIES[name]()
    frames[file].loc[1, key] = None
    found = problems(name, write(tmp_path, name, frames))
    assert found == (f"{file}: column {key!r}: empty: row 2",)


@every_table
@pytest.mark.parametrize(
    ("content", "what"),
    [
        (lambda text: b"", "empty, without a header"),
        (lambda text: text.splitlines(keepends=True)[0], "no rows"),
        (lambda text: text + b"stray,cells\n", r"line \d+ has 2 cells and the header \d+ \(1 such"),
        (
            lambda text: text.replace(b",", b"\xff,", 1),
            "cannot be read as a table: line 1 is not UTF-8",
        ),
        (lambda text: text + b'"open quote', "cannot be read as a table: unexpected end"),
    ],
    ids=["empty", "header", "uneven", "bytes", "quote"],
)
def test_what_is_no_whole_table_is_named(name, file, content, what, tmp_path):
    write(tmp_path, name)
    path = tmp_path / file
    path.write_bytes(content(path.read_bytes()))
    (found,) = problems(name, tmp_path)
    assert re.match(rf"{re.escape(file)}: .*{what}", found), found


@every_table
def test_a_truncated_gzip_file_is_named(name, file, tmp_path):
    write(tmp_path, name, gz=[file])
    path = tmp_path / f"{file}.gz"
    path.write_bytes(path.read_bytes()[:-12])
    (found,) = problems(name, tmp_path)
    assert found.startswith(f"{file}.gz: cannot be read as a table: ")


@every_table
def test_the_first_row_of_a_repeated_key_is_kept_and_told(name, file, tmp_path):
    spec = table_of(name, file)
    number = next((c.name for c in spec.columns if c.kind in ("number", "integer")), None)
    frames = FACTORIES[name]()
    first = frames[file].iloc[[0]]
    changed = first.assign(**{number: first[number] + 1})
    frames[file] = pd.concat([frames[file], first, changed], ignore_index=True)
    data = catalogs.get(name).load(write(tmp_path, name, frames))
    told = f"{file}: rows that repeat an earlier {spec.key}: 2, of which 1 with other values; "
    assert data.remarks == (f"{told}the first of each is kept",)
    (tmp_path / "once").mkdir()
    once = catalogs.get(name).load(write(tmp_path / "once", name))
    pd.testing.assert_frame_equal(data[spec.name], once[spec.name])


@both
def test_columns_are_typed(name, tmp_path):
    catalog = catalogs.get(name)
    data = catalog.load(write(tmp_path, name))
    dtypes = {"number": "float64", "integer": "Int64", "flag": "boolean"}
    kinds = {"text": str, "date": str, "texts": tuple, "mapping": dict}
    for table in catalog.tables:
        frame = data[table.name]
        assert list(frame.columns) == [column.name for column in table.columns]
        for column in table.columns:
            values = frame[column.name]
            if column.kind in dtypes:
                assert str(values.dtype) == dtypes[column.kind], column.name
            else:
                assert {type(value) for value in values.dropna()} == {kinds[column.kind]}


@both
def test_an_unknown_table_is_named(name, tmp_path):
    data = catalogs.get(name).load(write(tmp_path, name))
    with pytest.raises(CatalogError, match=f"{name} has no table 'covers', only "):
        data["covers"]


@both
def test_a_store_round_trips_and_says_what_made_it(name, tmp_path):
    catalog = catalogs.get(name)
    data = catalog.load(write(tmp_path, name))
    store = catalog.to_store(tmp_path, tmp_path / "set.h5")
    assert store.path == FeatureStore.open(tmp_path / "set.h5").path
    assert store.X.dtype == np.float32
    assert list(store.obs.index) == sorted(data.labels.index)
    assert store.var.index.is_unique
    assert (store.var["low"] < store.var["high"]).all()
    labels = data.labels.loc[store.obs.index]
    assert (store.obs["popularity"] == labels["popularity"]).all()
    assert (store.obs["artist_id"] == labels["artist_id"]).all()
    for block in store.provenance["extractors"].values():
        parameters = block["parameters"]
        assert parameters["catalog"] == name
        assert parameters["catalog_version"] == catalog.version
        for file, digest in parameters["sha256"].items():
            assert hashlib.sha256((tmp_path / file).read_bytes()).hexdigest() == digest
    first = (tmp_path / "set.h5").read_bytes()
    data.to_store(tmp_path / "again.h5")
    assert (tmp_path / "again.h5").read_bytes() == first


@both
def test_a_store_can_be_inspected_and_learned_from(name, tmp_path):
    catalog = catalogs.get(name)
    store = catalog.to_store(write(tmp_path, name), tmp_path / "set.h5")
    summary = summarise(store)
    assert summary.failures == ()
    for extractor in summary.extractors:
        assert extractor.n_ok + extractor.n_absent == summary.n_tracks == 3
    found = dataset.load(tmp_path / "set.h5")
    assert found.X.shape == store.X.shape
    assert np.array_equal(found.X.to_numpy(np.float32), store.X, equal_nan=True)
    assert list(found.y) == [70, 10, 40]
    assert list(found.groups) == ["a1", "a2", "a9"]
    by_catalog = dataset.load(store, labels=catalog.load(tmp_path))
    assert by_catalog.y.equals(found.y)
    assert by_catalog.groups.equals(found.groups)


@both
def test_a_batch_keeps_the_labels_and_does_not_mix_its_numbers_in(name, tmp_path):
    """A batch writes obs anew and drops columns that it does not know: the JSON has them too."""
    store = catalogs.get(name).to_store(write(tmp_path, name), tmp_path / "set.h5")
    found = dataset.load(store)
    write_store(tmp_path / "merged.h5", merge([store.read()]))
    merged = dataset.load(tmp_path / "merged.h5")
    assert "popularity" not in FeatureStore.open(tmp_path / "merged.h5").obs
    pd.testing.assert_frame_equal(merged.X, found.X)
    pd.testing.assert_series_equal(merged.y, found.y)
    pd.testing.assert_series_equal(merged.groups, found.groups)
    track = Track("new", metadata={"artist_followers": 7})
    with pytest.raises(BatchError, match=f"metadata.version was '{name} "):
        extract([track], tmp_path / "set.h5", [MetadataExtractor()], jobs=1)


def test_naming_a_catalog_imports_nothing_heavy():
    code = (
        "import sys; from spdkit import catalogs; catalogs.available();"
        "assert not {'pandas', 'numpy', 'sklearn'} & set(sys.modules);"
        "[catalogs.get(name) for name in catalogs.available()];"
        "heavy = {'librosa', 'numba', 'nltk', 'scipy', 'soundfile', 'spdkit.extractors.audio'};"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-P", "-c", code], check=True)


BOUNDED = [
    pytest.param(table, column, FACTORIES[name]()[table.file], id=f"{table.file} {column.name}")
    for name in catalogs.available()
    for table in catalogs.get(name).tables
    for column in table.columns
    if (column.low, column.high) != (float("-inf"), float("inf"))
]


@pytest.mark.parametrize(("table", "column", "frame"), BOUNDED)
def test_a_number_may_be_at_its_ends_and_not_beyond(table, column, frame, tmp_path):
    for end, away in ((column.low, -2), (column.high, 2)):  # a key of -1 is a missing one
        if abs(end) == float("inf"):
            continue
        for value, wrong in ((end, False), (end + away, True)):
            value = int(value) if column.kind == "integer" else value
            changed = frame.astype({column.name: object}) if column.name in frame else frame
            changed = changed.assign(**{column.name: value})
            changed.to_csv(tmp_path / table.file, index=False)
            told = [p for p in read_published(tmp_path, table).problems if repr(column.name) in p]
            assert bool(told) == wrong, (value, told)


ENDS = {
    **dict.fromkeys(("popularity", "artist_popularity"), (0, 100)),
    **dict.fromkeys(("followers", "artist_followers", "num_available_markets"), (0, math.inf)),
    **{"key": (0, 11), "mode": (0, 1)},
}


def test_what_numbers_may_be():
    found = {}
    for param in BOUNDED:
        _, column, _ = param.values
        found.setdefault(column.name, set()).add((column.low, column.high))
    assert found == {name: {ends} for name, ends in ENDS.items()}
    named = [c for n in catalogs.available() for t in catalogs.get(n).tables for c in t.columns]
    assert all((c.low, c.high) == ENDS[c.name] for c in named if c.name in ENDS)
