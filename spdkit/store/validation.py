"""Validation: what a store must be, checked before anything of it is believed.

`docs/FORMAT.md` is the specification. `check_layout` asks HDF5 for kinds and sizes only, so that
nothing is followed out of the file or allocated because the file claims it; the other checks are of
the values. What a file says is shown by its repr.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import h5py
import numpy as np
from h5py import h5a, h5d, h5l, h5s, h5t, h5z
from numpy.typing import NDArray

from spdkit.common.messages import listing

ENCODING_TYPE = "spdkit-feature-store"
ENCODING_VERSION = "1.2"
VERSIONS_WITHOUT_CHECKSUMS = ("1.0", "1.1")
STATUSES = ("ok", "absent", "failed", "pending")
# Arrays may be larger than the file, by compression or because chunks are not there; not endlessly.
LARGEST_RATIO, LARGEST_ANYWAY = 100, 16 << 20
_DEEPEST = 64  # JSON
_FILTERS = {
    *(h5z.FILTER_DEFLATE, h5z.FILTER_SHUFFLE, h5z.FILTER_FLETCHER32),
    *(h5z.FILTER_SZIP, h5z.FILTER_NBIT, h5z.FILTER_SCALEOFFSET),
}
_NUMBERS = {h5t.INTEGER: "an integer", h5t.FLOAT: "a float"}
_TRACK_COLUMNS = {
    "audio": h5t.STRING,
    "size": h5t.INTEGER,
    "modified": h5t.STRING,
    "content": h5t.STRING,
    "metadata": h5t.STRING,
}
_FEATURE_COLUMNS = {
    "extractor": h5t.STRING,
    "unit": h5t.STRING,
    "low": h5t.FLOAT,
    "high": h5t.FLOAT,
    "description": h5t.STRING,
    "reference": h5t.STRING,
}


class ViolationError(Exception):
    """A rule of the specification that a file breaks: the node, and the rule."""


class ForeignError(Exception):
    """A file of another program, or of a version that is not read."""


class UnreadableError(Exception):
    """What HDF5 itself cannot read."""


@contextmanager
def reading(what: str) -> Iterator[None]:
    """Turn what h5py raises over a damaged node into `UnreadableError`."""
    try:
        yield
    except (ViolationError, ForeignError, UnreadableError):
        raise
    except UnicodeError as error:
        raise ViolationError(f"{what} holds bytes that are not UTF-8") from error
    except Exception as error:  # h5py raises any of Python's
        raise UnreadableError(f"{what} cannot be read ({error!r})") from error


def check_layout(file: h5py.File, size: int, *, checksums: bool) -> None:
    """Check every node that is read: where it lies, its kind, type and shape.

    Parameters
    ----------
    file : h5py.File
    size : int
        Bytes of the file.
    checksums : bool
        Whether there must be checksums whatever version the file claims.

    Raises
    ------
    ForeignError
    ViolationError
    UnreadableError
    """
    with reading("the file"):
        _check_root(file)
        problem = file.id.links.visit(_link_problem, info=True)
        if problem is not None:  # raised there, it would break h5py
            raise ViolationError(problem)
        for name in ("X", "obs", "var", "provenance"):
            if name not in file:
                raise ViolationError(f"there is no /{name}")
        if checksums or has_checksums(file):
            _check_checksums(file)
        X, provenance = _dataset(file, "X", "array"), _dataset(file, "provenance", "json")
        frames = [_frame(file, name) for name in ("obs", "var")]
        _check_type(X, h5t.FLOAT)
        if X.id.get_type().get_size() != np.dtype(np.float32).itemsize:
            raise ViolationError("/X must be float32")
        if X.chunks is None or X.maxshape != (None, None):
            raise ViolationError("/X must be chunked, and resizable along both axes")
        shape = tuple(len(frame[index]) for frame, index in frames)
        if X.shape != shape:
            raise ViolationError(f"/X is {X.shape}, not obs × var, {shape}")
        _check_type(provenance, h5t.STRING)
        if provenance.shape != ():
            raise ViolationError("/provenance must be a scalar")
        datasets = [X, provenance, *(data for frame, _ in frames for data in frame.values())]
        _check_sizes(datasets, size)


def has_checksums(file: h5py.File) -> bool:
    """Whether a file is of a version that has checksums; they must be there then."""
    version = text_attribute(file, "encoding-version")
    return version not in VERSIONS_WITHOUT_CHECKSUMS


def text_attribute(node: h5py.HLObject, name: str) -> str:
    """Return an attribute that is one text."""
    values = _texts_of_attribute(node, name, ())
    return values[0]


def texts_attribute(node: h5py.HLObject, name: str) -> list[str]:
    """Return an attribute that is a list of texts."""
    return _texts_of_attribute(node, name, (-1,))


def column_names(group: h5py.Group) -> list[str]:
    """Columns of a frame, its index first."""
    index = text_attribute(group, "_index")
    return [index, *texts_attribute(group, "column-order")]


def read_column(data: h5py.Dataset, rows: slice | tuple[()] = ()) -> NDArray[Any]:
    """Read numbers, or text as an array of objects."""
    with reading(f"{data.name}"):
        text = data.dtype.kind == "O"
        values: NDArray[Any] = np.asarray(
            (data.asstr() if text else data)[rows], dtype=object if text else None
        )
    return values


def parse_provenance(text: str) -> dict[str, Any]:
    """Read and check the JSON of ``/provenance``.

    Raises
    ------
    ViolationError
    """
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ViolationError(f"/provenance is no JSON ({error})") from error
    _check_json(content)
    rule = _provenance_problem(content)
    if rule:
        raise ViolationError(f"/provenance: {rule}")
    described: dict[str, Any] = content
    return described


def check_features(var: Mapping[str, NDArray[Any]], described: Mapping[str, Any]) -> None:
    """Check ``/var``: `var` has its columns, `described` the extractors of the provenance.

    Raises
    ------
    ViolationError
    """
    index = next(iter(var))
    if index != "name":
        raise ViolationError(f"/var: its index must be 'name', not {index!r}")
    _check_columns("var", var, _FEATURE_COLUMNS)
    _check_distinct("var", var["name"])
    owners = var["extractor"].tolist()
    strangers = sorted(set(owners) - described.keys())
    if strangers:
        names = listing(strangers, quote=True)
        raise ViolationError(f"/var/extractor: {names} not in the provenance")
    runs = [name for at, name in enumerate(owners) if at == 0 or owners[at - 1] != name]
    if runs != sorted(set(runs)):
        raise ViolationError("/var: columns of an extractor must be adjacent, extractors sorted")


def check_tracks(obs: Mapping[str, NDArray[Any]], described: Mapping[str, Any]) -> None:
    """Check ``/obs``: `obs` has its columns, `described` the extractors of the provenance.

    Raises
    ------
    ViolationError
    """
    index = next(iter(obs))
    if index != "track_id":
        raise ViolationError(f"/obs: its index must be 'track_id', not {index!r}")
    columns = dict(_TRACK_COLUMNS)
    for name, facts in described.items():
        columns |= {f"{name}_{field}": h5t.STRING for field in ("status", "error", "content")}
        for field, kind in facts["obs_fields"].items():
            columns[f"{name}_{field}"] = h5t.FLOAT if kind == "float" else h5t.STRING
    _check_columns("obs", obs, columns)
    _check_distinct("obs", obs["track_id"])
    if len(obs["size"]) and obs["size"].min() < -1:
        raise ViolationError("/obs/size must be -1 or more")
    for name in described:
        others = set(obs[f"{name}_status"].tolist()) - set(STATUSES)
        if others:
            raise ViolationError(
                f"/obs/{name}_status must be {listing(STATUSES)}, not "
                f"{listing(sorted(others), quote=True)}"
            )


def _check_root(file: h5py.File) -> None:
    if "encoding-type" not in file.attrs:
        raise ForeignError("an HDF5 file of another program (it has no encoding-type)")
    kind = text_attribute(file, "encoding-type")
    if kind != ENCODING_TYPE:
        raise ForeignError(f"an HDF5 file of another program (its encoding-type is {kind!r})")
    version = text_attribute(file, "encoding-version")
    if version.split(".")[0] != ENCODING_VERSION.split(".")[0]:
        raise ForeignError(
            f"written as version {repr(version)[1:-1]} of the format; this spdkit reads "
            f"{ENCODING_VERSION}. Use a matching spdkit, or write a new file"
        )


def _link_problem(name: bytes, info: h5l.LinkInfo) -> str | None:
    if info.type == h5l.TYPE_HARD:
        return None
    kinds = {h5l.TYPE_SOFT: "a soft link", h5l.TYPE_EXTERNAL: "a link into another file"}
    path = "/" + name.decode("utf-8", "backslashreplace")
    kind = kinds.get(info.type, "a link of an unknown kind")
    return f"{path!r} is {kind}: every node must lie in the file itself"


def _node(group: h5py.Group, name: str, cls: type, kind: str) -> Any:
    node: Any = group[name]
    where = repr(node.name)
    if not isinstance(node, cls):
        raise ViolationError(f"{where} must be a {cls.__name__.lower()}")
    if (actual := text_attribute(node, "encoding-type")) != kind:
        raise ViolationError(f"{where}: its encoding-type must be {kind!r}, not {actual!r}")
    text_attribute(node, "encoding-version")
    return node


def _dataset(group: h5py.Group, name: str, kind: str) -> h5py.Dataset:
    data: h5py.Dataset = _node(group, name, h5py.Dataset, kind)
    properties = data.id.get_create_plist()
    if properties.get_external_count() or properties.get_layout() == h5d.VIRTUAL:
        raise ViolationError(f"{data.name!r}: its values must lie in the file itself")
    filters = {properties.get_filter(n)[0] for n in range(properties.get_nfilters())}
    if filters - _FILTERS:
        raise ViolationError(f"{data.name!r}: only filters built into HDF5 may be used")
    if data.id.get_space().get_simple_extent_type() == h5s.NULL:
        raise ViolationError(f"{data.name!r} has no shape")
    return data


def _check_type(data: h5py.Dataset, *classes: int) -> None:
    stored = data.id.get_type()
    if stored.get_class() not in classes:
        names = {**_NUMBERS, h5t.STRING: "text"}
        raise ViolationError(f"{data.name!r} must be {' or '.join(names[c] for c in classes)}")
    if isinstance(stored, h5t.TypeStringID) and not stored.is_variable_str():
        raise ViolationError(f"{data.name!r} must be text of variable length")
    if stored.get_class() in _NUMBERS and stored.get_size() > 8:
        raise ViolationError(f"{data.name!r} must have numbers of 8 bytes at most")


def _frame(file: h5py.File, name: str) -> tuple[dict[str, h5py.Dataset], str]:
    """Columns of a frame by name, and the name of its index."""
    group = _node(file, name, h5py.Group, "dataframe")
    names = column_names(group)
    repeated = [column for column, count in Counter(names).items() if count > 1]
    if repeated:
        raise ViolationError(f"/{name}: columns are named twice: {listing(repeated, quote=True)}")
    columns = {}
    for column in names:
        if not column or "/" in column or column == ".":
            raise ViolationError(f"/{name}: {column!r} is no name of a column")
        if column not in group:
            raise ViolationError(f"/{name}: there is no column {column!r}, which is named there")
        node = group[column]
        text = isinstance(node, h5py.Dataset) and node.id.get_type().get_class() == h5t.STRING
        data = _dataset(group, column, "string-array" if text else "array")
        _check_type(data, h5t.STRING, h5t.INTEGER, h5t.FLOAT)
        columns[column] = data
    n_rows = columns[names[0]].shape
    for column, data in columns.items():
        if len(data.shape) != 1 or data.shape != n_rows:
            raise ViolationError(f"/{name}: {column!r} is {data.shape}, the index {n_rows}")
    _check_type(columns[names[0]], h5t.STRING)
    return columns, names[0]


def _texts_of_attribute(node: Any, name: str, shape: tuple[int, ...]) -> list[str]:
    """Texts of an attribute of one value, or of shape (-1,) of any number."""
    where = f"{node.name!r}: its attribute {name}"
    if name not in node.attrs:
        raise ViolationError(f"{where} is missing")
    attribute: h5a.AttrID = node.attrs.get_id(name)
    kind = attribute.get_type().get_class()
    if kind != h5t.STRING or len(attribute.shape) != len(shape):
        raise ViolationError(f"{where} must be {'a list of texts' if shape else 'one text'}")
    with reading(where):
        texts = []
        for value in np.ravel(np.array(node.attrs[name], dtype=object)):
            text = value.decode() if isinstance(value, bytes) else str(value)
            text.encode()  # h5py makes surrogates of what is no UTF-8
            texts.append(text)
    return texts


def _check_sizes(datasets: Sequence[h5py.Dataset], size: int) -> None:
    limit = LARGEST_RATIO * size + LARGEST_ANYWAY
    total = 0
    for data in datasets:
        itemsize = data.id.get_type().get_size()
        total += itemsize * max(math.prod(data.shape), math.prod(data.chunks or ()))
        if total > limit:
            raise ViolationError(
                f"{data.name!r} is {data.shape}, more than a file of {size} bytes may hold: arrays "
                f"may have {LARGEST_RATIO} times its size"
            )


def _check_checksums(file: h5py.File) -> None:
    if "checksums" not in file:
        raise ViolationError("there is no /checksums, which version 1.2 has")
    group = _node(file, "checksums", h5py.Group, "checksums")
    for name, n_axes in (("rows", 2), ("var", 0), ("provenance", 0)):
        if name not in group:
            raise ViolationError(f"there is no /checksums/{name}")
        data = _dataset(group, name, "array")
        _check_type(data, h5t.INTEGER)
        if len(data.shape) != n_axes:
            raise ViolationError(f"/checksums/{name} must have {n_axes} axes")
    texts_attribute(group["rows"], "columns")


def _check_json(content: object) -> None:
    """Refuse what is nested too deep to be written again, and text that UTF-8 cannot hold."""
    level: list[Any] = [content]
    for _ in range(_DEEPEST):
        inner: list[Any] = []
        for value in level:
            if isinstance(value, dict):
                inner += [*value.keys(), *value.values()]
            elif isinstance(value, list):
                inner += value
            elif isinstance(value, str) and not _is_unicode(value):
                raise ViolationError(f"/provenance: {value!r} is no Unicode text")
        level = inner
    if level:
        raise ViolationError(f"/provenance is nested more than {_DEEPEST} deep")


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeError:
        return False
    return True


def _provenance_problem(content: Any) -> str:
    if not isinstance(content, dict):
        return "must be an object"
    for part in ("packages", "extractors"):
        if not isinstance(content.get(part), dict):
            return f"must have an object {part!r}"
    for package, versions in content["packages"].items():
        if not isinstance(versions, list) or not all(isinstance(v, str) for v in versions):
            return f"the versions of {package!r} must be a list of texts"
    problems = (_fact_problem(name, facts) for name, facts in content["extractors"].items())
    return next(filter(None, problems), "")


def _fact_problem(name: str, facts: Any) -> str:
    if not isinstance(facts, dict):
        return f"extractor {name!r} must be an object"
    for key in ("version", "modality"):
        if not isinstance(facts.get(key), str):
            return f"extractor {name!r} must have a text {key!r}"
    for key in ("parameters", "obs_fields"):
        if not isinstance(facts.get(key), dict):
            return f"extractor {name!r} must have an object {key!r}"
    if not all(isinstance(kind, str) for kind in facts["obs_fields"].values()):
        return f"the obs_fields of {name!r} must be texts"
    return ""


def _check_columns(frame: str, columns: Mapping[str, NDArray[Any]], kinds: dict[str, int]) -> None:
    names = {h5t.STRING: ("O", "text"), h5t.INTEGER: ("iu", "integers"), h5t.FLOAT: ("f", "floats")}
    for name, kind in kinds.items():
        codes, called = names[kind]
        if name not in columns:
            raise ViolationError(f"/{frame}: there is no column {name!r}")
        if columns[name].dtype.kind not in codes:
            raise ViolationError(f"/{frame}/{name} must be {called}")


def _check_distinct(frame: str, names: NDArray[Any]) -> None:
    if len(set(names.tolist())) < len(names):
        repeated = [name for name, count in Counter(names.tolist()).items() if count > 1]
        raise ViolationError(f"/{frame}: rows are named twice: {listing(repeated, quote=True)}")
