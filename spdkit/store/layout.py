"""Layout: where the parts of a store lie in its HDF5 file, checked before any of it is read.

`docs/FORMAT.md` is the specification. `check_layout` asks HDF5 for kinds and sizes only, so that
nothing is followed out of the file, or allocated because the file claims it. What a file says is
shown by its repr.
"""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import h5py
import numpy as np
from h5py import h5a, h5d, h5g, h5i, h5l, h5o, h5t, h5z
from numpy.typing import NDArray

from spdkit.common.messages import listing
from spdkit.store.errors import ForeignError, UnboundedError, UnreadableError, ViolationError
from spdkit.store.forms import CLIPS, FORMS, Form

# Arrays may be larger than the file, by compression or because chunks are not there; not endlessly.
LARGEST_RATIO, LARGEST_ANYWAY = 100, 16 << 20
_FILTERS = {
    *(h5z.FILTER_DEFLATE, h5z.FILTER_SHUFFLE, h5z.FILTER_FLETCHER32),
    *(h5z.FILTER_SZIP, h5z.FILTER_NBIT, h5z.FILTER_SCALEOFFSET),
}
_TYPES = {h5t.INTEGER: "integers", h5t.FLOAT: "floats", h5t.STRING: "text"}
_LARGEST_NUMBER = 8  # bytes
_REFERENCE = np.dtype([("length", "<u4"), ("heap", "<u8"), ("number", "<u4")])
Columns = dict[str, h5py.Dataset]


@dataclass(frozen=True)
class Layout:
    """The datasets of a store; of frames by column, the index first.

    `clips` is None in a feature file.
    """

    X: h5py.Dataset
    obs: Columns
    var: Columns
    provenance: h5py.Dataset
    clips: h5py.Dataset | None = None

    @property
    def form(self) -> Form:
        """Which kind of file it is."""
        return form_of(self.X.file)


def layout_of(file: h5py.File) -> Layout:
    """Open the datasets of a file that is known to be sound."""
    obs, var = (
        {column: file[name][column] for column in column_names(file[name])}
        for name in ("obs", "var")
    )
    clips = file["clips"] if form_of(file) is CLIPS else None
    return Layout(file["X"], obs, var, file["provenance"], clips)


@contextmanager
def reading(what: str) -> Iterator[None]:
    """Turn what h5py raises over a damaged node into `UnreadableError`."""
    try:
        yield
    except (ViolationError, ForeignError, UnboundedError, UnreadableError):
        raise
    except UnicodeError as error:
        raise ViolationError(f"{what} holds bytes that are not UTF-8") from error
    except Exception as error:  # h5py raises any of Python's
        raise UnreadableError(f"{what} cannot be read ({error!r})") from error


def check_layout(file: h5py.File, size: int, *, checksums: bool, limited: bool = False) -> Layout:
    """Check every node that is read: where it lies, its kind, type and shape.

    Parameters
    ----------
    file : h5py.File
    size : int
        Bytes of the file.
    checksums : bool
        Whether there must be checksums whatever version the file claims.
    limited : bool
        Whether the memory of this process is limited, or the file has been read in one that was.

    Raises
    ------
    ForeignError
    ViolationError
    UnboundedError
        When the file has to be read in a limited process first.
    UnreadableError
    """
    with reading("the file"):
        _check_root(file)
        _check_links(file)
        limit = math.inf if limited else LARGEST_RATIO * size + LARGEST_ANYWAY
        if checksums or has_checksums(file):
            _check_checksums(file, size, limit)
        X = _dataset(file, "X", [h5t.FLOAT])
        provenance = _dataset(file, "provenance", [h5t.STRING], "json")
        obs, var = (_frame(file, name, size, limit) for name in ("obs", "var"))
        if X.id.get_type().get_size() != np.dtype(np.float32).itemsize:
            raise ViolationError("/X must be float32")
        if X.chunks is None or X.maxshape != (None, None):
            raise ViolationError("/X must be chunked, and resizable along both axes")
        shape = tuple(len(next(iter(frame.values()))) for frame in (obs, var))
        if X.shape != shape:
            raise ViolationError(f"/X is {X.shape}, not obs × var, {shape}")
        if provenance.shape != ():
            raise ViolationError("/provenance must be a scalar")
        datasets = [X, provenance, *obs.values(), *var.values()]
        clips = _clips(file) if form_of(file) is CLIPS else None
        if clips is not None:
            datasets.append(clips)
        texts_unread = _check_sizes(file, datasets, size)
        if texts_unread > limit:
            raise UnboundedError
        return Layout(X, obs, var, provenance, clips)


def has_checksums(file: h5py.File) -> bool:
    """Whether a file is of a version that has checksums; they must be there then."""
    version = text_attribute(file, "encoding-version")
    return version not in form_of(file).without_checksums


def form_of(file: h5py.File) -> Form:
    """Which kind of store a file is.

    Raises
    ------
    ForeignError
        When it is none.
    """
    if "encoding-type" not in file.attrs:
        raise ForeignError("an HDF5 file of another program (it has no encoding-type)")
    kind = text_attribute(file, "encoding-type")
    forms = [form for form in FORMS if form.encoding_type == kind]
    if not forms:
        raise ForeignError(f"an HDF5 file of another program (its encoding-type is {kind!r})")
    return forms[0]


def text_attribute(node: h5py.HLObject, name: str) -> str:
    """Return an attribute that is one text."""
    values = _texts_of_attribute(node, name, 0)
    return values[0]


def texts_attribute(node: h5py.HLObject, name: str) -> list[str]:
    """Return an attribute that is a list of texts."""
    return _texts_of_attribute(node, name, 1)


def column_names(group: h5py.Group) -> list[str]:
    """Columns of a frame, its index first."""
    index = text_attribute(group, "_index")
    return [index, *texts_attribute(group, "column-order")]


def read_column(data: h5py.Dataset, rows: slice | tuple[()] = ()) -> NDArray[Any]:
    """Read numbers, in the machine's byte order, or text as an array of objects."""
    with reading(data.name):
        values: Any = data[rows]
        if data.dtype.kind != "O":
            return np.asarray(values, dtype=data.dtype.newbyteorder("="))
        if isinstance(values, bytes):
            return np.array(values.decode(), dtype=object)
        return np.array([text.decode() for text in values.tolist()], dtype=object)


def _check_root(file: h5py.File) -> None:
    expected = form_of(file).encoding_version
    version = text_attribute(file, "encoding-version")
    if version.split(".")[0] != expected.split(".")[0]:
        raise ForeignError(
            f"written as version {repr(version)[1:-1]} of the format; this spdkit reads "
            f"{expected}. Use a matching spdkit, or write a new file"
        )


def _check_links(file: h5py.File) -> None:
    """Check the links of every group, one group after the other: HDF5's own walk is recursive."""
    groups = [h5g.open(file.id, b"/")]
    places = {h5o.get_info(groups[0]).addr}
    while groups:
        group = groups.pop()
        links: list[tuple[bytes, int]] = []
        group.links.iterate(lambda name, info, to=links: to.append((name, info.type)), info=True)
        for name, kind in links:
            if kind != h5l.TYPE_HARD:
                raise ViolationError(_link_problem(h5i.get_name(group), name, kind))
            node = h5o.get_info(group, name)
            if node.type == h5o.TYPE_GROUP and node.addr not in places:
                places.add(node.addr)
                groups.append(h5g.open(group, name))


def _link_problem(group: bytes, name: bytes, kind: int) -> str:
    kinds = {h5l.TYPE_SOFT: "a soft link", h5l.TYPE_EXTERNAL: "a link into another file"}
    path = b"/".join([group.rstrip(b"/"), name]).decode("utf-8", "backslashreplace")
    which = kinds.get(kind, "a link of an unknown kind")
    return f"{path!r} is {which}: every node must lie in the file itself"


def _check_list(node: h5py.HLObject, name: bytes, size: int, limit: float) -> None:
    """Ask for a limited process where a list may have texts of more than `limit` bytes."""
    if h5a.exists(node.id, name) and math.prod(h5a.open(node.id, name).shape) * size > limit:
        raise UnboundedError


def _open(group: h5py.Group, name: str, cls: Any) -> Any:
    if name not in group:
        raise ViolationError(f"there is no {_path(group, name)}")
    node: Any = group[name]
    if not isinstance(node, cls):
        raise ViolationError(f"{_path(group, name)} must be a {cls.__name__.lower()}")
    return node


def _require_kind(node: Any, kind: str) -> None:
    if (actual := text_attribute(node, "encoding-type")) != kind:
        raise ViolationError(f"{node.name!r}: its encoding-type must be {kind!r}, not {actual!r}")
    if not h5a.exists(node.id, b"encoding-version"):
        raise ViolationError(f"{node.name!r}: its attribute encoding-version is missing")


def _path(group: h5py.Group, name: str) -> str:
    path = f"{group.name.rstrip('/')}/{name}"
    return path if path.isprintable() else repr(path)


def _dataset(
    group: h5py.Group, name: str, classes: Collection[int], kind: str = ""
) -> h5py.Dataset:
    """Open a dataset of some types of HDF5, and of a kind: that of its type, if not given."""
    data: h5py.Dataset = _open(group, name, h5py.Dataset)
    stored = data.id.get_type()
    if (actual := stored.get_class()) not in classes:
        raise ViolationError(f"{data.name!r} must be {' or '.join(_TYPES[c] for c in classes)}")
    if actual == h5t.STRING and not stored.is_variable_str():
        raise ViolationError(f"{data.name!r} must be text of variable length")
    if actual != h5t.STRING and stored.get_size() > _LARGEST_NUMBER:
        raise ViolationError(f"{data.name!r} must have numbers of {_LARGEST_NUMBER} bytes at most")
    _require_kind(data, kind or ("string-array" if actual == h5t.STRING else "array"))
    properties = data.id.get_create_plist()
    if properties.get_external_count() or properties.get_layout() == h5d.VIRTUAL:
        raise ViolationError(f"{data.name!r}: its values must lie in the file itself")
    filters = {properties.get_filter(n)[0] for n in range(properties.get_nfilters())}
    if filters - _FILTERS:
        raise ViolationError(f"{data.name!r}: only filters built into HDF5 may be used")
    if data.shape is None:
        raise ViolationError(f"{data.name!r} has no shape")
    return data


def _frame(file: h5py.File, name: str, size: int, limit: float) -> Columns:
    group = _open(file, name, h5py.Group)
    _require_kind(group, "dataframe")
    _check_list(group, b"column-order", size, limit)
    names = column_names(group)
    repeated = [column for column, count in Counter(names).items() if count > 1]
    if repeated:
        raise ViolationError(f"/{name}: columns are named twice: {listing(repeated, quote=True)}")
    columns = {}
    for column in names:
        if column in ("", ".") or "/" in column or "\0" in column:
            raise ViolationError(f"/{name}: {column!r} is no name of a column")
        columns[column] = _dataset(group, column, _TYPES if column != names[0] else [h5t.STRING])
    n_rows = columns[names[0]].shape
    for column, data in columns.items():
        if len(data.shape) != 1 or data.shape != n_rows:
            raise ViolationError(f"/{name}: {column!r} is {data.shape}, the index {n_rows}")
    return columns


def _clips(file: h5py.File) -> h5py.Dataset:
    """Open the clips: values that lie one behind the other, so that they are read without HDF5."""
    clips = _dataset(file, "clips", [h5t.FLOAT])
    if clips.dtype != np.dtype("<f4"):
        raise ViolationError("/clips must be little-endian float32")
    if len(clips.shape) != 2 or clips.shape[1] < 1:
        raise ViolationError(f"/clips must have an axis of clips and one of values: {clips.shape}")
    n_bytes = clips.dtype.itemsize * math.prod(clips.shape)
    if clips.chunks is not None or clips.id.get_storage_size() != n_bytes:
        raise ViolationError("/clips must be contiguous, and written whole")
    return clips


def _texts_of_attribute(node: Any, name: str, n_axes: int) -> list[str]:
    key = name.encode()
    if not h5a.exists(node.id, key):
        raise ViolationError(f"{node.name!r}: its attribute {name} is missing")
    attribute = h5a.open(node.id, key)
    stored, shape = attribute.get_type(), attribute.shape
    if stored.get_class() != h5t.STRING or len(shape) != n_axes:
        kind = "a list of texts" if n_axes else "one text"
        raise ViolationError(f"{node.name!r}: its attribute {name} must be {kind}")
    values = np.empty(shape, dtype=stored.dtype)
    try:
        attribute.read(values)
        return [value.decode() for value in values.ravel().tolist()]
    except UnicodeError as error:
        where = f"{node.name!r}: its attribute {name}"
        raise ViolationError(f"{where} holds bytes that are not UTF-8") from error


def _check_sizes(file: h5py.File, datasets: Sequence[h5py.Dataset], size: int) -> int:
    """Refuse arrays that are too large; what texts that were not counted may have at most."""
    limit = LARGEST_RATIO * size + LARGEST_ANYWAY
    total, unread = 0, 0
    for data in datasets:
        itemsize = data.id.get_type().get_size()
        items = itemsize * max(math.prod(data.shape), math.prod(data.chunks or ()))
        total += items
        if items <= limit and data.dtype.kind == "O":
            texts = _text_size(file, data)
            total += texts or 0
            unread += size * math.prod(data.shape) if texts is None else 0
        if total > limit:
            raise ViolationError(
                f"{data.name!r} is {data.shape}, more than a file of {size} bytes may hold: arrays "
                f"may have {LARGEST_RATIO} times its size"
            )
    return unread


def _text_size(file: h5py.File, data: h5py.Dataset) -> int | None:
    """Bytes of the texts of a dataset: many references to one would unpack without end.

    None where the references do not lie one behind the other in the file, as spdkit writes them.
    """
    offset, n_bytes = data.id.get_offset(), data.id.get_storage_size()
    if n_bytes == 0:  # nothing written
        return 0
    if offset is None or file.driver != "sec2":
        return None
    raw = os.pread(file.id.get_vfd_handle(), n_bytes, offset)
    references = np.frombuffer(raw, dtype=_REFERENCE, count=len(raw) // _REFERENCE.itemsize)
    return int(references["length"].sum(dtype=np.int64))


def _check_checksums(file: h5py.File, size: int, limit: float) -> None:
    group = _open(file, "checksums", h5py.Group)
    _require_kind(group, "checksums")
    for name, n_axes in (("rows", 2), ("var", 0), ("provenance", 0)):
        data = _dataset(group, name, [h5t.INTEGER])
        if len(data.shape) != n_axes:
            raise ViolationError(f"/checksums/{name} must have {n_axes} axes")
    _check_list(group["rows"], b"columns", size, limit)
    texts_attribute(group["rows"], "columns")
