"""Feature store: one HDF5 file of features, tracks, columns and provenance.

`docs/FORMAT.md` is the specification. A file is written whole, to a temporary name, and takes its
place by a rename: a reader never sees half of one. The image is made in memory first, because HDF5
itself crashes the process when the disk fills under it.
"""

from __future__ import annotations

import dataclasses
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from spdkit.common.files import user_path, write_bytes
from spdkit.common.text import storable
from spdkit.store.checksums import blocks, checksum, of_blocks, of_frame
from spdkit.store.errors import BLOCK_ROWS, StoreError, ViolationError
from spdkit.store.forms import FEATURES, Form
from spdkit.store.layout import Columns, Layout, read_column
from spdkit.store.opening import replaced_store
from spdkit.store.seal import FileMark, mark_of, sealed
from spdkit.store.validation import check_features, check_tracks, parse_provenance
from spdkit.store.vetting import opened

_ALL_ROWS = (slice(None),)


@dataclass(frozen=True)
class FeatureTable:
    """The contents of a store in memory.

    Attributes
    ----------
    X : ndarray of float32, shape (n_tracks, n_features)
    obs : DataFrame of n_tracks rows, indexed by ``track_id``
    var : DataFrame of n_features rows, indexed by ``name``
    provenance : dict
        ``packages`` (versions) and ``extractors`` (version, modality, parameters of each).
    """

    X: NDArray[np.float32]
    obs: pd.DataFrame
    var: pd.DataFrame
    provenance: dict[str, Any]


@dataclass(frozen=True)
class FeatureStore:
    """A feature file, open for reading; parts are read when they are first asked for.

    It holds a path and no file handle, so it can be pickled and shared by processes. All parts are
    of one file: a `StoreError` says where another has taken its place since the first was read.

    Examples
    --------
    >>> store = FeatureStore.open("features.h5")  # doctest: +SKIP
    >>> store.to_pandas()  # doctest: +SKIP
    >>> store.select(extractor="audio").X.shape  # doctest: +SKIP
    (1000, 390)
    """

    path: Path
    extractors: tuple[str, ...] | None = None
    # Of the files that parts came from: more than one must not be.
    _marks: set[FileMark] = field(default_factory=set, init=False, repr=False, compare=False)

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> FeatureStore:
        """Open a feature file.

        Raises
        ------
        StoreError
            When there is no such file, or it is of another program or of a version that this
            spdkit does not read, or breaks a rule of the specification; a `StoreInUseError` when
            another program writes it, a `DamagedStoreError` when bytes of it have changed.
        """
        place = user_path(path, StoreError)
        with opened(place):
            return cls(place)

    @cached_property
    def obs(self) -> pd.DataFrame:
        """One row a track, indexed by ``track_id``."""
        described = self.provenance["extractors"]
        with self._opened() as layout:
            return _read_obs(layout, described)

    @cached_property
    def var(self) -> pd.DataFrame:
        """One row a feature, by ``name``: extractor, unit, range, family, description, source."""
        return self._whole_var[self._columns]

    @cached_property
    def provenance(self) -> dict[str, Any]:
        """Versions of the packages, and version, modality and parameters of each extractor."""
        with self._opened() as layout:
            return _read_provenance(layout)

    @cached_property
    def X(self) -> NDArray[np.float32]:
        """Features, shape (n_tracks, n_features); NaN where a track has none."""
        with self._opened() as layout:
            X = _read_X(layout)
        return X[:, self._columns]

    def blocks(self) -> Iterator[NDArray[np.float32]]:
        """`X`, some tracks at a time, where it may be larger than the memory."""
        with self._opened() as layout:
            for rows in blocks(layout.X.shape[0]):
                yield _read_X(layout, [rows])[:, self._columns]

    def to_pandas(self) -> pd.DataFrame:
        """Features as a table: ``track_id`` as index, feature names as columns."""
        return pd.DataFrame(self.X, index=self.obs.index, columns=self.var.index)

    def select(self, extractor: str | list[str]) -> FeatureStore:
        """Return the same tracks with the columns of some extractors only.

        Raises
        ------
        StoreError
            When the store has no such extractor.
        """
        names = (extractor,) if isinstance(extractor, str) else tuple(extractor)
        there = list(self.provenance["extractors"])
        for name in names:
            if name not in there:
                raise StoreError(f"{self.path}: no extractor {name!r}, only {', '.join(there)}")
        selection = dataclasses.replace(self, extractors=names)
        selection._marks.update(self._marks)
        return selection

    def read(self) -> FeatureTable:
        """Everything at once."""
        with self._opened() as layout:
            table = table_of(layout)
        if not self.extractors:
            return table
        columns = table.var["extractor"].isin(self.extractors).to_numpy(dtype=bool)
        return dataclasses.replace(table, X=table.X[:, columns], var=table.var[columns])

    @contextmanager
    def _opened(self) -> Iterator[Layout]:
        with opened(self.path) as layout:
            self._marks.add(mark_of(layout.X.file.id.get_vfd_handle()))
            if len(self._marks) > 1:
                raise replaced_store(self.path)
            yield layout

    @cached_property
    def _whole_var(self) -> pd.DataFrame:
        described = self.provenance["extractors"]
        with self._opened() as layout:
            return _read_var(layout, described)

    @property
    def _columns(self) -> NDArray[np.bool_]:
        column = self._whole_var["extractor"]
        selected = column.isin(self.extractors) if self.extractors else column.notna()
        return selected.to_numpy(dtype=bool)


def var_table(extractor: str, specs: Sequence[Any]) -> pd.DataFrame:
    """``var`` of the columns of one extractor.

    Parameters
    ----------
    extractor : str
        Its name.
    specs : sequence of `spdkit.extractors.base.FeatureSpec`
    """
    names = pd.Index([spec.name for spec in specs], name="name", dtype=object)
    columns: dict[str, object] = {"extractor": [extractor] * len(names)}
    for column in ("unit", "low", "high", "family", "description", "reference"):
        columns[column] = [getattr(spec, column) for spec in specs]
    columns["family"] = [spec.family or default_family(spec.name, extractor) for spec in specs]
    return pd.DataFrame(columns, index=names).astype({"low": float, "high": float})


def default_family(name: str, extractor: str) -> str:
    """Family of a column that states none: the first word of its name, else its extractor.

    Examples
    --------
    >>> default_family("embedding_12", "my_plugin"), default_family("0", "my_plugin")
    ('embedding', 'my_plugin')
    """
    word = re.match(r"[^\W\d_]+", name)
    return word.group() if word else extractor


def write_store(
    path: Path,
    table: FeatureTable,
    *,
    folder: Path | None = None,
    check: Callable[[], None] | None = None,
) -> None:
    """Write a feature file, replacing what is there at one instant.

    Parameters
    ----------
    path : Path
    table : FeatureTable
    folder, check : optional
        Where it is written before it takes its place, and what is called before that; see
        `spdkit.common.files.replacing`.

    Raises
    ------
    StoreError
        When the disk is full or the folder read-only; what was there is untouched.
    """
    write_bytes(path, store_image(table), StoreError, folder=folder, check=check)


def store_image(table: FeatureTable) -> bytes:
    """Return the bytes of a feature file; equal tables give equal bytes.

    Raises
    ------
    StoreError
        When the table breaks a rule of the specification, which would make it unreadable.
    """
    return sealed(table_image(table, FEATURES))


def table_image(table: FeatureTable, form: Form) -> bytes:
    """Return the HDF5 image of a table, as a store of a form has it, without a seal.

    Raises
    ------
    StoreError
        As `store_image`.
    """
    provenance = json.dumps(table.provenance, sort_keys=True, indent=1, ensure_ascii=False)
    with h5py.File("image", "w", driver="core", backing_store=False) as file:
        mark(file, form.encoding_type, form.encoding_version)
        n_tracks, n_features = table.X.shape
        X = file.create_dataset(
            "X",
            data=table.X,
            dtype=np.float32,
            chunks=(min(BLOCK_ROWS, max(1, n_tracks)), max(1, n_features)),
            maxshape=(None, None),
        )
        mark(X, "array", "1.0")
        obs = _write_frame(file, "obs", table.obs)
        var = _write_frame(file, "var", table.var)
        try:
            described = parse_provenance(provenance)["extractors"]
            check_features(var, described)
            check_tracks(obs, described)
        except ViolationError as error:
            raise StoreError(f"this table cannot be written: {error}") from error
        _write(file, "provenance", np.array(provenance, dtype=object), "json")
        columns = {"X": np.asarray(table.X, dtype=np.float32)}
        columns |= {f"obs/{name}": values for name, values in obs.items()}
        sums = file.create_group("checksums")
        mark(sums, "checksums", "1.0")
        rows = _write(sums, "rows", of_blocks(columns), "array")
        rows.attrs["columns"] = np.array(list(columns), dtype=h5py.string_dtype())
        _write(sums, "var", of_frame(var), "array")
        _write(sums, "provenance", checksum(np.array([provenance], dtype=object)), "array")
        file.flush()
        image: bytes = file.id.get_file_image()
    return image


def _write(group: h5py.Group, name: str, values: Any, kind: str) -> h5py.Dataset:
    text = values.dtype.kind == "O"
    data = group.create_dataset(name, data=values, dtype=h5py.string_dtype() if text else None)
    mark(data, kind, "1.0")
    return data


def mark(node: h5py.HLObject, kind: str, version: str) -> None:
    """Write what a node is."""
    node.attrs["encoding-type"] = kind
    node.attrs["encoding-version"] = version


def _write_frame(file: h5py.File, name: str, frame: pd.DataFrame) -> dict[str, NDArray[Any]]:
    """Write a frame; its columns as they are written."""
    group = file.create_group(name)
    mark(group, "dataframe", "1.0")
    group.attrs["_index"] = frame.index.name
    group.attrs["column-order"] = np.array(list(frame.columns), dtype=h5py.string_dtype())
    columns = {}
    index = frame.index.to_series()
    for column, values in ((index.name, index), *frame.items()):
        numbers = pd.api.types.is_numeric_dtype(values.dtype)
        written = values.to_numpy() if numbers else _texts(values)
        _write(group, str(column), written, "array" if numbers else "string-array")
        columns[str(column)] = written
    return columns


def _texts(values: pd.Series[Any]) -> NDArray[Any]:
    """Text as it is written; what is missing is the empty text."""
    pairs = zip(values.tolist(), values.isna(), strict=True)
    texts = ["" if is_missing else storable(text) for text, is_missing in pairs]
    return np.array(texts, dtype=object)


def table_of(layout: Layout, blocks: Sequence[slice] = _ALL_ROWS) -> FeatureTable:
    """Read a store that is known to be sound, or some of its rows."""
    provenance = _read_provenance(layout)
    described = provenance["extractors"]
    X, obs = _read_X(layout, blocks), _read_obs(layout, described, blocks)
    return FeatureTable(X, obs, _read_var(layout, described), provenance)


def _read_provenance(layout: Layout) -> dict[str, Any]:
    return parse_provenance(str(read_column(layout.provenance)))


def _read_X(layout: Layout, blocks: Sequence[slice] = _ALL_ROWS) -> NDArray[np.float32]:
    return _read_rows(layout.X, blocks).astype(np.float32, copy=False)


def _read_obs(
    layout: Layout, described: Mapping[str, Any], blocks: Sequence[slice] = _ALL_ROWS
) -> pd.DataFrame:
    columns = _read_columns(layout.obs, blocks)
    check_tracks(columns, described)
    return _frame(columns)


def _read_var(layout: Layout, described: Mapping[str, Any]) -> pd.DataFrame:
    columns = _read_columns(layout.var)
    check_features(columns, described)
    var = _frame(columns)
    if "family" not in var:  # version 1.0
        pairs = zip(var.index, var["extractor"], strict=True)
        var["family"] = np.array([default_family(*pair) for pair in pairs], dtype=object)
    return var


def _read_columns(columns: Columns, blocks: Sequence[slice] = _ALL_ROWS) -> dict[str, NDArray[Any]]:
    return {name: _read_rows(data, blocks) for name, data in columns.items()}


def _read_rows(data: h5py.Dataset, blocks: Sequence[slice]) -> NDArray[Any]:
    parts = [read_column(data, rows) for rows in blocks]
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _frame(columns: Mapping[str, NDArray[Any]]) -> pd.DataFrame:
    index, *names = columns
    frame_index = pd.Index(columns[index], name=index)
    return pd.DataFrame({name: columns[name] for name in names}, index=frame_index)
