"""Stores of strangers: every broken rule of docs/FORMAT.md is a StoreError that names it."""

from __future__ import annotations

import json
import warnings

import h5py
import numpy as np
import pandas as pd
import pytest
from h5py import h5d, h5g, h5p, h5s, h5t
from hypothesis import HealthCheck, given, settings, strategies as st
from store_tables import table

from spdkit.common.errors import SpdkitError
from spdkit.store import layout, seal, vetting
from spdkit.store.errors import StoreError, ViolationError
from spdkit.store.feature_store import FeatureStore, write_store
from spdkit.store.layout import LARGEST_ANYWAY
from spdkit.store.summary import feature_statistics
from spdkit.store.validation import parse_provenance

TEXT = h5py.string_dtype()


def put(file, where, **options):
    """Another dataset in place of one, with its attributes."""
    attributes = dict(file[where].attrs)
    del file[where]
    file.create_dataset(where, **options).attrs.update(attributes)


def link(file, where, to):
    del file[where]
    file[where] = to


def mark(where, name, value):
    """Set an attribute; take it away where there is no value."""

    def change(file):
        del file[where].attrs[name]
        if value is not None:
            file[where].attrs[name] = value

    return change


def provenance(**changes):
    return lambda file: put(
        file, "provenance", data=json.dumps({**table().provenance, **changes}), dtype=TEXT
    )


def facts(**changes):
    described = table().provenance["extractors"]
    return provenance(extractors={**described, "a": {**described["a"], **changes}})


def columns(frame, *names):
    return lambda file: file[frame].attrs.__setitem__("column-order", list(names))


def virtual(file):
    source = h5py.VirtualLayout(shape=(3, 3), dtype="f4")
    source[:] = h5py.VirtualSource("other.h5", "X", shape=(3, 3))
    attributes = dict(file["X"].attrs)
    del file["X"]
    file.create_virtual_dataset("X", source).attrs.update(attributes)


def elsewhere(file):
    put(file, "obs/size", shape=(3,), dtype="i8", external=[("/etc/passwd", 0, 24)])


def compressed_bomb(file):
    put(file, "X", shape=(1 << 24, 3), dtype="f4", chunks=(1 << 20, 3), maxshape=(None, None),
        compression="gzip")  # fmt: skip


def huge_chunk(file):
    put(file, "X", data=np.zeros((3, 3), "f4"), chunks=(1 << 26, 3), maxshape=(None, None),
        compression="gzip")  # fmt: skip


def huge(file):
    put(file, "X", shape=(2**40, 3), dtype="f4", chunks=(256, 3), maxshape=(None, None))
    for name in list(file["obs"]):
        dtype = file[f"obs/{name}"].dtype
        put(file, f"obs/{name}", shape=(2**40,), dtype=dtype, chunks=(65536,))


def bad_text(file):
    texts = np.array([b"ok", b"\xff\xfe", b"ok"], dtype=object)
    put(file, "obs/audio", shape=(3,), dtype=TEXT)
    file["obs/audio"][...] = texts


def no_shape(file):
    put(file, "obs/audio", data=h5py.Empty(TEXT))


def hard_loop(file):
    file["obs/again"] = file["obs"]


def named_type(file):
    link(file, "obs/audio", np.dtype("f8"))


def huge_integers(file):
    kind = h5t.NATIVE_INT64.copy()
    kind.set_size(16)
    attributes = dict(file["obs/size"].attrs)
    del file["obs/size"]
    h5d.create(file["obs"].id, b"size", kind, h5s.create_simple((3,)))
    file["obs/size"].attrs.update(attributes)


DEEP = '{"packages": {}, "extractors": ' + "[" * 100_000 + "]" * 100_000 + "}"
NESTED = {"a": None}
for _ in range(80):
    NESTED = {"a": NESTED}
REFERENCES = {"shape": (3,), "dtype": h5py.ref_dtype}
VIOLATIONS = {
    "external link": (lambda f: link(f, "X", h5py.ExternalLink("o.h5", "X")), "/X' is a link into"),
    "external group": (lambda f: link(f, "obs", h5py.ExternalLink("o.h5", "obs")), "/obs' is a"),
    "external extra": (lambda f: link(f, "var", h5py.ExternalLink("o", "v")), "/var' is a link"),
    "unused external link": (
        lambda f: f.__setitem__("obs/x", h5py.ExternalLink("o", "x")),
        "x' is",
    ),
    "soft link to itself": (lambda f: link(f, "X", h5py.SoftLink("/X")), "/X' is a soft link"),
    "soft link elsewhere": (lambda f: link(f, "obs/audio", h5py.SoftLink("/X")), "a soft link"),
    "virtual": (virtual, "'/X': its values must lie in the file itself"),
    "external storage": (elsewhere, "'/obs/size': its values must lie in the file itself"),
    "group for dataset": (
        lambda f: (f.__delitem__("X"), f.create_group("X")),
        "/X must be a dataset",
    ),
    "dataset for group": (lambda f: link(f, "obs", np.zeros(3)), "/obs must be a group"),
    "type for dataset": (named_type, "/obs/audio must be a dataset"),
    "no X": (lambda f: f.__delitem__("X"), "there is no /X"),
    "no obs": (lambda f: f.__delitem__("obs"), "there is no /obs"),
    "no checksums": (lambda f: f.__delitem__("checksums"), "there is no /checksums"),
    "no rows of sums": (lambda f: f.__delitem__("checksums/rows"), "there is no /checksums/rows"),
    "X of text": (lambda f: put(f, "X", data=np.full((3, 3), b"abc")), "'/X' must be floats"),
    "X of doubles": (
        lambda f: put(f, "X", data=np.zeros((3, 3)), chunks=(3, 3), maxshape=(None, None)),
        "/X must be float32",
    ),
    "X of one axis": (
        lambda f: put(f, "X", data=np.zeros(9, "f4"), chunks=(9,), maxshape=(None,)),
        "/X must be chunked",
    ),
    "X contiguous": (lambda f: put(f, "X", data=np.zeros((3, 3), "f4")), "/X must be chunked, and"),
    "X not obs × var": (lambda f: f["X"].resize((2, 3)), r"/X is \(2, 3\), not obs × var"),
    "X huge": (huge, r"more than a file of \d+ bytes may hold"),
    "X bomb": (compressed_bomb, r"/X is|more than a file of"),
    "X chunk huge": (huge_chunk, r"more than a file of \d+ bytes may hold"),
    "references": (
        lambda f: put(f, "obs/size", **REFERENCES),
        "must be integers or floats or text",
    ),
    "compound": (lambda f: put(f, "obs/size", data=np.zeros(3, "i4,f4")), "must be integers or"),
    "booleans": (
        lambda f: put(f, "obs/size", data=np.zeros(3, bool)),
        "must be integers or floats",
    ),
    "arrays": (lambda f: put(f, "obs/size", shape=(3,), dtype="(2,)i4"), "must be integers or"),
    "sequences": (lambda f: put(f, "obs/size", shape=(3,), dtype=h5py.vlen_dtype("i4")), "must be"),
    "integers of 16 bytes": (huge_integers, "must have numbers of 8 bytes at most"),
    "text of fixed length": (
        lambda f: put(f, "obs/audio", data=np.full(3, b"abc")),
        "variable length",
    ),
    "columns uneven": (
        lambda f: put(f, "obs/size", data=np.zeros(2, int)),
        r"'size' is \(2,\), the",
    ),
    "column of two axes": (lambda f: put(f, "obs/size", data=np.zeros((3, 1), int)), r"\(3, 1\)"),
    "scalar column": (lambda f: put(f, "obs/size", data=1), r"'size' is \(\), the index"),
    "null column": (no_shape, "'/obs/audio' has no shape"),
    "index of numbers": (lambda f: put(f, "obs/track_id", data=np.zeros(3, int)), "must be text"),
    "size of floats": (lambda f: put(f, "obs/size", data=np.zeros(3)), "'size' must be integers"),
    "audio of numbers": (
        lambda f: (
            put(f, "obs/audio", data=np.zeros(3)),
            mark("obs/audio", "encoding-type", "array")(f),
        ),
        "'audio' must be text",
    ),
    "status of numbers": (
        lambda f: (
            put(f, "obs/a_status", data=np.zeros(3)),
            mark("obs/a_status", "encoding-type", "array")(f),
        ),
        "'a_status' must be text",
    ),
    "kind of column": (
        mark("obs/audio", "encoding-type", "array"),
        "must be 'string-array', not 'array'",
    ),
    "no kind": (mark("obs", "encoding-type", None), "its attribute encoding-type is missing"),
    "no version of a node": (mark("X", "encoding-version", None), "encoding-version is missing"),
    "kind of root a number": (mark("/", "encoding-type", 3), "encoding-type must be one text"),
    "version a number": (mark("/", "encoding-version", 1.2), "encoding-version must be one text"),
    "kind of many texts": (mark("X", "encoding-type", ["a", "b"]), "must be one text"),
    "kind a reference": (
        lambda f: mark("X", "encoding-type", f["X"].ref)(f),
        "encoding-type must be one text",
    ),
    "kind no UTF-8": (mark("obs", "encoding-type", np.bytes_(b"\xff")), "not UTF-8"),
    "no _index": (mark("obs", "_index", None), "its attribute _index is missing"),
    "other index": (mark("obs", "_index", "audio"), "named twice: 'audio'"),
    "no column-order": (mark("obs", "column-order", None), "its attribute column-order is missing"),
    "column-order one text": (mark("obs", "column-order", "audio"), "must be a list of texts"),
    "column missing": (columns("obs", "audio", "nothing"), "there is no /obs/nothing"),
    "column twice": (columns("obs", "audio", "audio"), "named twice: 'audio'"),
    "column above": (columns("obs", "../X"), "'../X' is no name of a column"),
    "column absolute": (columns("obs", "/X"), "'/X' is no name of a column"),
    "column itself": (columns("obs", "."), "'.' is no name of a column"),
    "column of no name": (columns("obs", ""), "'' is no name of a column"),
    "column of control characters": (columns("obs", "\x1b[31m"), r"\\x1b\[31m"),
    "a column left out": (columns("obs", "audio", "size"), "/obs: there is no column 'modified'"),
    "id twice": (lambda f: put(f, "obs/track_id", data=["a"] * 3, dtype=TEXT), "named twice: 'a'"),
    "feature twice": (lambda f: put(f, "var/name", data=["a"] * 3, dtype=TEXT), "/var: rows are"),
    "bad UTF-8": (bad_text, "/obs/audio holds bytes that are not UTF-8"),
    "a status of another kind": (
        lambda f: put(f, "obs/a_status", data=["ok", "ok", "fine"], dtype=TEXT),
        "not 'fine'",
    ),
    "negative size": (lambda f: put(f, "obs/size", data=np.array([-2, 0, 1])), "-1 or more"),
    "extractor unknown": (
        lambda f: put(f, "var/extractor", data=["a", "a", "c"], dtype=TEXT),
        "'c' not in the prov",
    ),
    "extractor apart": (
        lambda f: put(f, "var/extractor", data=["a", "b", "a"], dtype=TEXT),
        "must be adjacent",
    ),
    "provenance no JSON": (lambda f: put(f, "provenance", data="{oops", dtype=TEXT), "is no JSON"),
    "provenance deep": (lambda f: put(f, "provenance", data=DEEP, dtype=TEXT), "no JSON|deep"),
    "provenance nested": (facts(parameters=NESTED), "nested more than 64 deep"),
    "provenance a list": (
        lambda f: put(f, "provenance", data="[]", dtype=TEXT),
        "must be an object",
    ),
    "provenance huge number": (
        lambda f: put(f, "provenance", data="1" * 10_000, dtype=TEXT),
        "is no JSON",
    ),
    "provenance surrogate": (
        lambda f: put(
            f, "provenance", data=r'{"packages": {"\ud800": []}, "extractors": {}}', dtype=TEXT
        ),
        "no Unicode text",
    ),
    "provenance no scalar": (lambda f: put(f, "provenance", data=["{}"], dtype=TEXT), "a scalar"),
    "packages no lists": (provenance(packages={"a": "1"}), "versions of 'a' must be a list"),
    "extractors a list": (provenance(extractors=[]), "must have an object 'extractors'"),
    "facts no object": (provenance(extractors={"a": 1, "b": {}}), "'a' must be an object"),
    "no version of an extractor": (facts(version=None), "'a' must have a text 'version'"),
    "modality a number": (facts(modality=3), "'a' must have a text 'modality'"),
    "parameters a list": (facts(parameters=[]), "'a' must have an object 'parameters'"),
    "fields of no kind": (facts(obs_fields={"x": 3}), "obs_fields of 'a' must be texts"),
    "field that is not there": (facts(obs_fields={"x": "str"}), "there is no column 'a_x'"),
    "field of another kind": (facts(obs_fields={"duration": "str"}), "'a_duration' must be text"),
}


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    path = tmp_path_factory.mktemp("sound") / "f.h5"
    write_store(path, table())
    return path.read_bytes()


def change(content, path, function):
    """Write a store that HDF5 has changed, so without a seal."""
    path.write_bytes(content)
    with h5py.File(path, "r+") as file:
        function(file)


def reseal(path):
    path.write_bytes(seal.sealed(path.read_bytes()))


def read(path):
    store = FeatureStore.open(path)
    return store.to_pandas(), store.obs, store.var, store.provenance, store.read()


@pytest.mark.parametrize("name", VIOLATIONS)
def test_a_broken_rule_is_named_though_the_seal_is_whole(name, sound, tmp_path):
    function, message = VIOLATIONS[name]
    change(sound, tmp_path / "f.h5", function)
    reseal(tmp_path / "f.h5")
    with pytest.raises(StoreError, match=message) as refusal:
        read(tmp_path / "f.h5")
    assert str(refusal.value).isprintable()


def test_a_broken_rule_is_named_where_there_is_no_seal(sound, tmp_path):
    paths = {name: tmp_path / f"{number}.h5" for number, name in enumerate(VIOLATIONS)}
    for name, path in paths.items():
        change(sound, path, VIOLATIONS[name][0])
    errors = vetting.vet(list(paths.values()))
    for name, path in paths.items():
        assert path in errors, name
        with pytest.raises(StoreError, match=VIOLATIONS[name][1]):
            raise errors[path]


@pytest.mark.parametrize(
    "function",
    [
        hard_loop,
        lambda file: file.__setitem__("extra", np.zeros(3)),
        lambda file: file["obs"].create_dataset("extra", shape=(2**40,), dtype="f4", chunks=(9,)),
        lambda file: put(file, "X", data=file["X"][()], chunks=(2, 2), maxshape=(None, None),
                         compression="gzip", shuffle=True, fletcher32=True),
        lambda file: put(file, "X", data=file["X"][()].astype(">f4"), chunks=True,
                         maxshape=(None, None)),
        lambda file: put(file, "obs/size", data=file["obs/size"][()].astype("u1")),
        lambda file: put(file, "obs/audio", data=file["obs/audio"][()], dtype=TEXT, chunks=(2,),
                         maxshape=(None,)),
        lambda file: put(file, "obs/audio", data=["a", "b", "c"], dtype=h5py.string_dtype("ascii")),
        lambda file: file.attrs.__setitem__("encoding-type", np.bytes_(b"spdkit-feature-store")),
        mark("/", "encoding-version", "1.9"),
    ],
)  # fmt: skip
def test_what_is_allowed_is_read(function, sound, tmp_path):
    change(sound, tmp_path / "f.h5", function)
    reseal(tmp_path / "f.h5")
    assert np.array_equal(FeatureStore.open(tmp_path / "f.h5").X, table().X)
    assert read(tmp_path / "f.h5")[-1].X.dtype == np.float32


def test_a_store_that_is_mostly_nan_may_be_compressed(sound, tmp_path):
    """As somebody else may write it: 15 MB that are nothing in the file."""
    n = LARGEST_ANYWAY // 4 // 3 - 100_000

    def grow(file):
        file["X"].resize((3, 3))
        blank = {"chunks": (4096, 3), "maxshape": (None, None), "compression": "gzip"}
        put(file, "X", shape=(n, 3), dtype="f4", fillvalue=np.nan, **blank)

    change(sound, tmp_path / "f.h5", grow)
    with pytest.raises(StoreError, match="not obs × var"):  # and not: too large
        read(tmp_path / "f.h5")


def test_many_references_to_one_long_text_are_counted(tmp_path, monkeypatch):
    """A few bytes each in the file, and as many copies of the text in memory."""
    many = table(300)
    many.obs.iloc[0, many.obs.columns.get_loc("audio")] = "x" * 64_000
    write_store(tmp_path / "f.h5", many)
    content = bytearray(tmp_path.joinpath("f.h5").read_bytes()[:-48])
    with h5py.File(tmp_path / "f.h5") as file:
        place = file["obs/audio"].id.get_offset()
    content[place : place + 300 * 16] = content[place : place + 16] * 300
    tmp_path.joinpath("f.h5").write_bytes(seal.sealed(bytes(content)))
    assert len(FeatureStore.open(tmp_path / "f.h5").obs) == 300
    monkeypatch.setattr(layout, "LARGEST_ANYWAY", 0)
    monkeypatch.setattr(layout, "LARGEST_RATIO", 40)
    vetting._sound.clear()
    with pytest.raises(StoreError, match=r"'/obs/audio' is .*more than a file of \d+ bytes"):
        FeatureStore.open(tmp_path / "f.h5")


def compact(file):
    properties = h5p.create(h5p.DATASET_CREATE)
    properties.set_layout(h5d.COMPACT)
    attributes, values = dict(file["obs/audio"].attrs), file["obs/audio"][()]
    del file["obs/audio"]
    kind = h5t.py_create(TEXT, logical=True)
    h5d.create(file["obs"].id, b"audio", kind, h5s.create_simple((300,)), properties)
    file["obs/audio"][...] = values
    file["obs/audio"].attrs.update(attributes)


def long_list(file):
    names = list(file["var"].attrs["column-order"])
    file["var"].attrs["column-order"] = [*names, *(f"other {n}" for n in range(200))]
    for n in range(200):
        file.copy("var/unit", f"var/other {n}")


@pytest.mark.parametrize(
    ("spoil", "ratio"),
    [
        (lambda f: put(f, "obs/audio", data=f["obs/audio"][()], dtype=TEXT, chunks=(300,)), 100),
        (compact, 100),
        (long_list, 100),
        (lambda f: None, 1),
    ],
)
def test_texts_whose_size_is_not_told_are_read_in_a_limited_process_first(
    spoil, ratio, tmp_path, monkeypatch
):
    """However many references to one long text there are: HDF5 reads all to know it."""
    path = tmp_path / "f.h5"
    write_store(path, table(300))
    change(path.read_bytes(), path, spoil)
    reseal(path)
    surveys = []
    monkeypatch.setattr(layout, "LARGEST_ANYWAY", 0)
    monkeypatch.setattr(layout, "LARGEST_RATIO", ratio)
    vetting._sound.clear()
    answers = iter([[StoreError("takes more memory than it may")], [None]])
    monkeypatch.setattr(vetting, "survey_all", lambda paths: surveys.append(paths) or next(answers))
    with pytest.raises(StoreError, match="more memory"):
        FeatureStore.open(path)
    FeatureStore.open(path)
    assert surveys == [[path], [path]]


def test_groups_nested_without_end_are_walked(sound, tmp_path):
    """HDF5's own walk takes a frame of the stack for each."""

    def nest(file):
        group = file.id
        for _ in range(20_000):
            group = h5g.create(group, b"a")
        h5py.Group(group)["x"] = h5py.ExternalLink("o.h5", "x")

    change(sound, tmp_path / "f.h5", nest)
    reseal(tmp_path / "f.h5")
    with pytest.raises(StoreError, match="is a link into another file"):
        FeatureStore.open(tmp_path / "f.h5")


def test_numbers_of_another_byte_order_are_numbers(sound, tmp_path):
    def turn(file):
        for name in ("obs/size", "obs/a_duration", "var/low", "var/high"):
            put(file, name, data=file[name][()].astype(file[name].dtype.newbyteorder(">")))

    change(sound, tmp_path / "f.h5", lambda file: None)
    _, sound_obs, sound_var, _, _ = read(tmp_path / "f.h5")
    change(sound, tmp_path / "f.h5", turn)
    reseal(tmp_path / "f.h5")
    X, obs, var, _, _ = read(tmp_path / "f.h5")
    pd.testing.assert_frame_equal(obs, sound_obs)
    pd.testing.assert_frame_equal(var, sound_var)
    assert feature_statistics(FeatureStore.open(tmp_path / "f.h5")).index.equals(X.columns)


def test_nothing_unreadable_is_written(tmp_path):
    wrong = table()
    wrong.obs["a_status"] = "fine"
    with pytest.raises(StoreError, match="cannot be written: /obs/a_status must be"):
        write_store(tmp_path / "f.h5", wrong)
    assert not list(tmp_path.iterdir())


# --- at random

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters())
anything = st.recursive(
    scalars, lambda x: st.lists(x) | st.dictionaries(st.text(), x), max_leaves=9
)
parts = st.dictionaries(
    st.sampled_from(["packages", "extractors", "version", "modality"]), anything
)


@settings(max_examples=100, deadline=None)
@given(anything | parts | st.builds(lambda f: {"packages": {}, "extractors": {"a": f}}, parts))
def test_any_provenance_is_read_or_refused(content):
    try:
        described = parse_provenance(json.dumps(content))
    except ViolationError:
        return
    for facts in described["extractors"].values():
        assert isinstance(facts["version"], str) and isinstance(facts["obs_fields"], dict)
    json.dumps(described, ensure_ascii=False).encode()


NODES = ["X", "provenance", "obs", "var", "obs/track_id", "obs/size", "obs/a_status", "var/name",
         "var/low", "checksums", "checksums/rows"]  # fmt: skip
DTYPES = ["f4", "f8", "i8", "u1", "?", "S3", "c8", "(2,)f4", "i4,f8", TEXT, h5py.ref_dtype]
SHAPES = [(), (0,), (3,), (4,), (3, 3), (2**33,), (3, 2**33)]


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    node=st.sampled_from(NODES),
    dtype=st.sampled_from(DTYPES),
    shape=st.sampled_from(SHAPES),
    keep=st.booleans(),
    attribute=st.none() | st.sampled_from(["encoding-type", "_index", "column-order", "columns"]),
)
def test_any_other_node_is_read_or_refused(node, dtype, shape, keep, attribute, sound, tmp_path):
    """A node of another type or shape, or another attribute, under a seal that is whole."""

    def spoil(file):
        if attribute is not None and attribute in file[node].attrs:
            size = min(9, int(np.prod(shape)))
            file[node].attrs.create(attribute, np.zeros(size, "f4"))
            return
        options = {"chunks": True, "maxshape": (None,) * len(shape)} if shape else {}
        attributes = dict(file[node].attrs) if keep else {}
        del file[node]
        file.create_dataset(node, shape=shape, dtype=dtype, **options).attrs.update(attributes)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        change(sound, tmp_path / "f.h5", spoil)
    reseal(tmp_path / "f.h5")
    try:
        read(tmp_path / "f.h5")
    except SpdkitError as error:
        assert str(error).isprintable()
