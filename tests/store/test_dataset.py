"""X, y, groups: joined by track_id, with every loss counted and every contradiction refused."""

from __future__ import annotations

import json
import unicodedata
import warnings
from datetime import date
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st
from store_tables import complete

from spdkit.common.errors import SpdkitWarning, UnitWarning
from spdkit.store import dataset
from spdkit.store.dataset import DatasetError
from spdkit.store.errors import StoreError
from spdkit.store.feature_store import FeatureStore, write_store

# What is left out is told by a warning, which most of these tests are not about.
pytestmark = pytest.mark.filterwarnings("ignore::spdkit.common.errors.SpdkitWarning")
IDS = ["a", "b", "c", "d"]
X = np.array([[1, 2, 3], [4, np.nan, np.nan], [7, 8, 9], [np.nan] * 3], dtype=np.float32)


def make(path, *, ids=IDS, values=X, facts=None, **obs):
    """A store of two extractors, `metadata` telling `facts` of each track."""
    texts = [json.dumps(fact) if fact else "" for fact in facts or [{}] * len(ids)]
    columns = {
        "metadata": texts,
        "sound_status": ["ok", "ok", "ok", "failed"][: len(ids)],
        "words_status": ["ok", "absent", "ok", "absent"][: len(ids)],
    }
    names = pd.Index(["loud", "bright", "wordy"], name="name", dtype=object)
    var = pd.DataFrame({"extractor": ["sound", "sound", "words"]}, index=names)
    index = pd.Index(ids, name="track_id", dtype=object)
    described = {"sound": {"modality": "audio"}, "words": {"modality": "lyrics"}}
    provenance = {"packages": {}, "extractors": described}
    frame = pd.DataFrame({**columns, **obs}, index=index)
    write_store(path, complete(values, frame, var, provenance))
    return path


@pytest.fixture
def store(tmp_path):
    return make(tmp_path / "f.h5")


def labels(**columns):
    return pd.DataFrame({"track_id": IDS, "popularity": [10, 20.5, 100, 0], **columns})


@pytest.mark.parametrize("kind", ["frame", "index", "csv", "parquet"])
def test_whole_ids_that_pandas_made_floats_match_with_a_remark(kind, tmp_path):
    path = make(tmp_path / "f.h5", ids=["1", "2", "2.0", "7"])
    table = pd.DataFrame({"track_id": [1.0, 2.0, 3.0], "popularity": [10, 20, 30]})
    if kind == "index":
        table = table.set_index("track_id")
    elif kind in ("csv", "parquet"):
        file = tmp_path / f"labels.{kind}"
        getattr(table, f"to_{kind}")(file, index=False)
        table = file
    with pytest.warns(SpdkitWarning, match=r"decimal point.* without: 1\.0 for '1'$"):
        found = dataset.load(path, table)
    # "2.0" is there by that name.
    assert found.y.to_dict() == {"1": 10, "2.0": 20}
    assert found.report.without_track == ("3.0",)
    both = pd.DataFrame({"track_id": ["1.0", "1", "7"], "popularity": [10, 20, 30]})
    assert dataset.load(path, both).y.to_dict() == {"1": 20, "7": 30}


@pytest.mark.parametrize("forms", [("NFC", "NFD"), ("NFD", "NFC")])
def test_tracks_match_in_any_unicode_form(forms, tmp_path):
    there, labelled = (unicodedata.normalize(form, "Détour") for form in forms)
    path = make(tmp_path / "f.h5", ids=sorted([there, "x", "y", "z"]))
    table = pd.DataFrame({"track_id": [labelled, labelled, "x"], "popularity": [10, 10, 20]})
    found = dataset.load(path, table)
    assert found.y.to_dict() == {there: 10, "x": 20}
    assert (found.report.n_duplicates, found.report.without_track) == (1, ())


def test_the_parts(store):
    table = labels(artist_id=["x", "y", "x", "z"]).iloc[::-1]
    found = dataset.load(store, table)
    assert list(found.X.index) == list(found.y.index) == list(found.groups.index) == IDS
    assert found.X.index.name == found.y.index.name == "track_id"
    assert (found.X.dtypes == np.float64).all()
    assert np.array_equal(found.X.to_numpy(), X.astype(np.float64), equal_nan=True)
    assert found.y.to_dict() == {"a": 10, "b": 20.5, "c": 100, "d": 0}
    assert found.groups.to_dict() == {"a": "x", "b": "y", "c": "x", "d": "z"}
    assert (found.y.name, found.groups.name) == ("popularity", "artist_id")
    assert found.modality.to_dict() == {"loud": "audio", "bright": "audio", "wordy": "lyrics"}
    assert found.report.statuses == {
        "sound": {"ok": 3, "failed": 1},
        "words": {"ok": 2, "absent": 2},
    }


def test_it_unpacks(store):
    features, y, groups = dataset.load(store, labels(), groups=None)
    assert features.shape == (4, 3)
    assert len(y) == 4
    assert groups is None


def test_extractors_choose_columns(store):
    found = dataset.load(FeatureStore.open(store), labels(), extractors=["words"])
    assert list(found.X.columns) == ["wordy"]
    assert list(found.modality.index) == ["wordy"]
    assert list(found.report.statuses) == ["words"]
    assert found.report.without_features == ("b", "d")
    with pytest.raises(StoreError, match="no extractor 'looks'"):
        dataset.load(store, labels(), extractors=["looks"])


@pytest.mark.parametrize("kind", ["csv", "csv.gz", "parquet", "index"])
def test_labels_from_a_file_or_an_index(kind, tmp_path):
    store = make(tmp_path / "f.h5", ids=["007", "NA", "nan", "ü"])
    table = labels(artist_id=["NA", "12", "x", "y"]).assign(track_id=["007", "NA", "nan", "ü"])
    path = tmp_path / f"labels.{kind}"
    if kind == "index":
        found = dataset.load(store, table.set_index("track_id"))
    else:
        table.to_parquet(path) if kind == "parquet" else table.to_csv(path, index=False)
        found = dataset.load(store, path)
    assert found.y.to_dict() == {"007": 10, "NA": 20.5, "nan": 100, "ü": 0}
    assert list(found.groups) == ["NA", "12", "x", "y"]


def test_labels_from_columns_of_obs(tmp_path):
    facts = [{"popularity": 99, "artist_id": "q"}] * 4
    store = make(
        tmp_path / "f.h5", facts=facts, popularity=[1.0, 2, 3, 4], artist_id=["x", "", "y", "y"]
    )
    found = dataset.load(store)
    assert list(found.y) == [1, 2, 3, 4]
    assert list(found.groups) == ["x", "", "y", "y"]
    assert found.report.without_group == ("b",)


def test_labels_and_groups_from_the_metadata_of_a_store(tmp_path):
    facts = [{"popularity": 7, "artist": "X"}, {"popularity": 9}, {}, {"artist": "Y"}]
    store = make(tmp_path / "f.h5", facts=facts)
    found = dataset.load(store, groups="artist")
    assert found.y.to_dict() == {"a": 7, "b": 9}
    assert found.groups.to_dict() == {"a": "X", "b": ""}
    assert found.report.without_label == ("c", "d")
    assert found.about.loc["a", "artist"] == "X"
    # labels from elsewhere, groups still from the store
    both = dataset.load(store, labels(), groups="artist")
    assert both.groups.to_dict() == {"a": "X", "b": "", "c": "", "d": "Y"}


@pytest.mark.parametrize("text", ["[1]", "3", '"a"', "[" * 100_000])
def test_metadata_that_is_no_object_is_named(text, tmp_path):
    path = make(tmp_path / "f.h5", metadata=[text, "", "", ""])
    with pytest.raises(DatasetError, match="track 'a': metadata"):
        dataset.load(path, labels())


def test_metadata_that_is_no_json_is_named(tmp_path):
    store = make(tmp_path / "f.h5")
    table = FeatureStore.open(store).read()
    table.obs.loc["c", "metadata"] = "{"
    write_store(store, table)
    with pytest.raises(DatasetError, match="track 'c': metadata"):
        dataset.load(store, labels())


def test_text_of_metadata_that_is_no_unicode_is_as_a_store_has_it(tmp_path):
    fact = {"artist": "\ud800", "title": ["\udfff", {"\ud800": "é\0"}], "popularity": 1}
    found = dataset.load(make(tmp_path / "f.h5", facts=[fact, {}, {}, {}]), groups="artist")
    assert found.groups.to_dict() == {"a": "\\ud800"}
    assert found.about.loc["a", "title"] == ["\\udfff", {"\\ud800": "é\\x00"}]


@pytest.mark.parametrize(
    "label",
    [10**400, -(10**400), 10**5000, Fraction(10**400), "1" + "0" * 400],
    ids=range(5),
)
def test_labels_beyond_all_numbers_are_named(label, store):
    table = labels().astype({"popularity": object})
    table.loc[1, "popularity"] = label
    with pytest.raises(DatasetError, match=r"'popularity' is no finite number: .* of track 'b'$"):
        dataset.load(store, table)


def test_a_label_beyond_all_numbers_in_the_metadata_is_named(tmp_path):
    store = make(tmp_path / "f.h5", facts=[{"popularity": 10**400}, {"popularity": 3}, {}, {}])
    with pytest.raises(DatasetError, match=r"no finite number: 1000.* of track 'a'$"):
        dataset.load(store)


def test_infinite_features_are_named(tmp_path):
    values = X.copy()
    values[0, 1], values[2, 2] = np.inf, -np.inf
    store = make(tmp_path / "f.h5", values=values)
    message = "2 features are infinite: 'bright' of track 'a', 'wordy' of track 'c'"
    with pytest.raises(DatasetError, match=message):
        dataset.load(store, labels())
    assert len(dataset.load(store, labels().iloc[1:2]).X) == 1


def test_every_loss_is_counted_and_told_once(store):
    table = pd.DataFrame(
        {
            "track_id": ["a", "a", "b", "c", "e", "f", "g"],
            "popularity": [5, 5, None, 101, 6, 7, -3],
            "artist_id": ["x", "x", "y", "z", "x", "x", "x"],
        }
    )
    with pytest.warns(SpdkitWarning) as told:
        found = dataset.load(store, table, out_of_range="drop")
    report = found.report
    assert list(found.y.index) == ["a"]
    assert (report.n_rows, report.n_tracks, report.n_labels) == (1, 4, 5)
    assert report.without_label == ("b", "d")
    assert report.without_track == ("e", "f", "g")
    assert report.out_of_range == ("c",)
    assert report.n_duplicates == 1
    assert not report.complete
    assert str(report).splitlines() == [
        "1 rows of 4 tracks and 5 labels",
        "tracks without a label, left out: 2 ('b', 'd')",
        "labels without a track, left out: 3 ('e', 'f', 'g')",
        "labels out of range, left out: 1 ('c')",
        "rows of the labels that repeat another, dropped: 1",
        "sound: 1 ok",
        "words: 1 ok",
    ]
    assert [str(each.message) for each in told] == str(report).splitlines()[1:5]


def test_a_whole_data_set_is_no_warning(tmp_path):
    store = make(tmp_path / "f.h5", ids=IDS[:3], values=X[:3])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = dataset.load(store, labels(artist_id=list("xyzz")).iloc[:3])
    assert found.report.complete


def test_tracks_without_features_stay_and_are_told(store):
    found = dataset.load(store, labels())
    assert found.X.loc["d"].isna().all()
    assert found.report.without_features == ("d",)
    assert "tracks without any feature, kept as NaN: 1 ('d')" in str(found.report)


def test_groups_that_are_nowhere_are_told(store):
    found = dataset.load(store, labels())
    assert found.groups is None
    assert "no groups: no column 'artist_id' in the labels nor in the store" in str(found.report)
    assert not found.report.complete
    assert "no groups" not in str(dataset.load(store, labels(), groups=None).report)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"popularity": 6}, r"'a' \(5.0, 'x'; 6.0, 'x'\)"),
        ({"artist_id": "y"}, r"'a' \(5.0, 'x'; 5.0, 'y'\)"),
    ],
)
def test_rows_that_disagree_are_refused(change, what, store):
    row = {"track_id": "a", "popularity": 5, "artist_id": "x"}
    with pytest.raises(DatasetError, match=f"1 tracks have rows that disagree.*{what}"):
        dataset.load(store, pd.DataFrame([row, {**row, **change}]))
    # what is no group does not count
    if "artist_id" in change:
        assert dataset.load(store, pd.DataFrame([row, {**row, **change}]), groups=None).y["a"] == 5


@pytest.mark.parametrize("value", [-0.5, 100.5, -99])
def test_a_label_out_of_range_is_refused_and_named(value, store):
    table = labels().set_index("track_id")
    table.loc["b", "popularity"] = value
    message = rf"1 values of 'popularity' are not in \[0, 100\]: {value} of track 'b'"
    with pytest.raises(DatasetError, match=message):
        dataset.load(store, table)
    assert dataset.load(store, table, out_of_range="drop").report.out_of_range == ("b",)
    assert dataset.load(store, table, target_range=None).y["b"] == value
    assert dataset.load(store, table, target_range=(-99, 101)).y["b"] == value


@pytest.mark.parametrize(
    ("table", "what"),
    [
        (labels(popularity=["1", "2", "many", 3]), "no finite number: 'many' of track 'c'"),
        (labels(popularity=[1, 2, np.inf, 3]), "no finite number: inf of track 'c'"),
        (labels(popularity=[1, [2], 3, 4]), r"no finite number: \[2\] of track 'b'"),
        (labels(popularity=pd.to_datetime(["2020"] * 4)), "no finite number: Timestamp.*track 'a'"),
        (labels(popularity=pd.to_timedelta([1, 2, 3, 4], unit="D")), "no finite number: Timedelta"),
        (
            labels(popularity=pd.Series([1, date(2020, 1, 1), 3, 4])),
            r"no finite number: .*date\(2020",
        ),
        (labels(popularity=np.array([1j, 2, 3, 4])), "no finite number: 1j of track 'a'"),
        (pd.concat([labels(), labels()[["popularity"]]], axis=1), "than one column 'popularity'"),
        (pd.concat([labels(), labels()[["track_id"]]], axis=1), "more than one column 'track_id'"),
        (labels().drop(columns="popularity"), "no column 'popularity'.*there are artist"),
        (labels().drop(columns="track_id"), "no column 'track_id'; the columns are popularity"),
        (labels(track_id=["a", None, "c", " "]), "no track_id in row 2, 4"),
        (labels(track_id=list("wxyz")), "no track of .*f.h5 has a usable 'popularity'.*'w', 'x'"),
    ],
)
def test_labels_that_cannot_be_used(table, what, store):
    with pytest.raises(DatasetError, match=what):
        dataset.load(store, table.assign(artist="x") if "there are" in what else table)


def test_a_store_without_labels_says_so(store):
    with pytest.raises(DatasetError, match=r"f\.h5: no column 'popularity' to take as label"):
        dataset.load(store)


def test_files_that_cannot_be_read(store, tmp_path):
    with pytest.raises(DatasetError, match=r"none\.csv: cannot be read as a table"):
        dataset.load(store, tmp_path / "none.csv")
    (tmp_path / "bad.parquet").write_bytes(b"this is none")
    with pytest.raises(DatasetError, match=r"bad\.parquet: cannot be read as a table"):
        dataset.load(store, tmp_path / "bad.parquet")
    with pytest.raises(DatasetError, match="must be 'raise' or 'drop', got 'clip'"):
        dataset.load(store, labels(), out_of_range="clip")


@settings(deadline=None, max_examples=40)
@given(
    values=st.dictionaries(
        st.sampled_from("abcdefgh"),
        st.one_of(st.none(), st.floats(-20, 120)),
        min_size=1,
    )
)
def test_no_track_and_no_label_is_unaccounted_for(values, tmp_path_factory):
    store = make(tmp_path_factory.mktemp("set") / "f.h5")
    table = pd.DataFrame(
        {"track_id": list(values), "popularity": pd.Series(list(values.values()), dtype=float)}
    )
    usable = {name for name, value in values.items() if value is not None and 0 <= value <= 100}
    if not usable & set(IDS):
        with pytest.raises(DatasetError, match="no track of"):
            dataset.load(store, table, out_of_range="drop")
        return
    found = dataset.load(store, table, out_of_range="drop")
    report, kept = found.report, set(found.y.index)
    assert kept == usable & set(IDS)
    assert all(found.y[name] == values[name] for name in kept)
    assert kept | set(report.without_label) | set(report.out_of_range) == set(IDS)
    assert report.n_rows + len(report.without_label) + len(report.out_of_range) == len(IDS)
    labelled = {name for name, value in values.items() if value is not None}
    assert set(report.without_track) == labelled - set(IDS)
    assert report.n_labels == len(labelled)


def many(path, facts=None, **columns):
    """Twelve songs with features and a table of labels for them."""
    ids = [f"t{i:02d}" for i in range(12)]
    values = np.arange(36, dtype=np.float32).reshape(12, 3)
    obs = {"sound_status": ["ok"] * 12, "words_status": ["ok"] * 12}
    return make(path, ids=ids, values=values, facts=facts, **obs), pd.DataFrame(
        {"track_id": ids, **columns}
    )


@pytest.mark.parametrize(
    "labels_",
    [
        np.linspace(0, 1, 12).round(2),
        np.arange(12) % 2 == 0,
        np.arange(12) % 2,
        np.linspace(0.2, 0.4, 12),
    ],
)
def test_labels_that_look_like_shares_are_asked_about(labels_, tmp_path):
    store, table = many(tmp_path / "f.h5", popularity=labels_)
    with pytest.raises(ValueError, match=r"shares or flags, say target_range=\(0, 1\).*--target"):
        dataset.load(store, table)
    for answer in ((0, 1), (0, 100), None):
        assert (dataset.load(store, table, target_range=answer).y == labels_).all()


@pytest.mark.parametrize("highest", [5, 10])
def test_labels_that_look_like_marks_are_asked_about(highest, tmp_path):
    store, table = many(tmp_path / "f.h5", popularity=np.arange(12) % (highest + 1))
    with pytest.warns(UnitWarning, match=r"lie in \[0, 10\].*marks or ranks.*--target-range 0,10"):
        dataset.load(store, table)


@pytest.mark.parametrize("labels_", [np.arange(12) * 5, np.zeros(12), np.linspace(0, 11, 12)])
def test_popularity_is_not_asked_about(labels_, tmp_path):
    store, table = many(tmp_path / "f.h5", popularity=labels_, artist_id=list("abcdefghijkl"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        dataset.load(store, table)


@pytest.mark.parametrize("wrong", [(100, 0), (0, 0), (0, np.nan), "percent", 5, (1, 2, 3)])
def test_a_target_range_that_is_none_is_named(wrong, store):
    with pytest.raises(ValueError, match="target_range must be"):
        dataset.load(store, labels(), target_range=wrong)


@pytest.mark.parametrize("form", ["text", "list", "array", "json"])
def test_the_first_of_several_artists_is_the_group(form, tmp_path):
    artists = [["A"], ["A", "B"], ["B"], ["C", "A"]] * 3
    forms = {
        "text": "; ".join,
        "list": list,
        "array": lambda names: np.array(names, dtype=object),
        "json": json.dumps,
    }
    cells = pd.Series([None] * 12, dtype=object)
    for i, names in enumerate(artists):
        cells[i] = forms[form](names)
    store, table = many(tmp_path / "f.h5", popularity=np.arange(12) * 5, artist_id=cells)
    with pytest.warns(SpdkitWarning, match="of several in 'artist_id', of which the first .*: 6 "):
        found = dataset.load(store, table)
    assert found.groups.tolist() == ["A", "A", "B", "C"] * 3
    assert found.credits.map(list).tolist() == artists
    # The same of a Parquet file, and of the facts of a store.
    if form in ("text", "list"):
        table.to_parquet(tmp_path / "l.parquet")
        assert dataset.load(store, tmp_path / "l.parquet").groups.equals(found.groups)
        facts = [{"popularity": 5 * i, "artist_id": cell} for i, cell in enumerate(cells)]
        store, _ = many(tmp_path / "g.h5", facts=facts)
        assert dataset.load(store).groups.equals(found.groups)
