"""Feature store: one HDF5 file of features, tracks, columns and provenance.

`docs/FORMAT.md` is the specification. A file is written whole, to a temporary name, and takes its
place by a rename: a reader never sees half of one. The image is made in memory first, because HDF5
itself crashes the process when the disk fills under it.
"""

from __future__ import annotations

import dataclasses
import errno
import json
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from spdkit.common.errors import SpdkitError
from spdkit.common.files import write_bytes
from spdkit.common.text import storable

ENCODING_TYPE = "spdkit-feature-store"
ENCODING_VERSION = "1.1"
_CHUNK_ROWS = 256


class StoreError(SpdkitError):
    """A file that is no feature store, is damaged, or cannot be written."""


class StoreInUseError(StoreError):
    """A store that another program holds open, or that cannot be locked."""


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

    It holds a path and no file handle, so it can be pickled and shared by processes.

    Examples
    --------
    >>> store = FeatureStore.open("features.h5")  # doctest: +SKIP
    >>> store.to_pandas()  # doctest: +SKIP
    >>> store.select(extractor="audio").X.shape  # doctest: +SKIP
    (1000, 390)
    """

    path: Path
    extractors: tuple[str, ...] | None = None

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> FeatureStore:
        """Open a feature file.

        Raises
        ------
        StoreError
            When there is no such file, or it is truncated, of another program, or of a version
            that this spdkit does not read; a `StoreInUseError` when another program writes it.
        """
        place = Path(path).expanduser()
        with _open_checked(place):
            return cls(place)

    @cached_property
    def obs(self) -> pd.DataFrame:
        """One row a track, indexed by ``track_id``."""
        with _open_checked(self.path) as file:
            return _read_frame(file["obs"])

    @cached_property
    def var(self) -> pd.DataFrame:
        """One row a feature, by ``name``: extractor, unit, range, family, description, source."""
        return self._whole_var[self._columns]

    @cached_property
    def provenance(self) -> dict[str, Any]:
        """Versions of the packages, and version, modality and parameters of each extractor."""
        with _open_checked(self.path) as file:
            provenance: dict[str, Any] = json.loads(file["provenance"].asstr()[()])
            return provenance

    @cached_property
    def X(self) -> NDArray[np.float32]:
        """Features, shape (n_tracks, n_features); NaN where a track has none."""
        with _open_checked(self.path) as file:
            X: NDArray[np.float32] = file["X"][...]
        return X[:, self._columns]

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
        return dataclasses.replace(self, extractors=names)

    def read(self) -> FeatureTable:
        """Everything at once."""
        return FeatureTable(self.X, self.obs, self.var, self.provenance)

    @cached_property
    def _whole_var(self) -> pd.DataFrame:
        with _open_checked(self.path) as file:
            var = _read_frame(file["var"])
        if "family" not in var:  # version 1.0
            pairs = zip(var.index, var["extractor"], strict=True)
            var["family"] = np.array([default_family(*pair) for pair in pairs], dtype=object)
        return var

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


def write_store(path: Path, table: FeatureTable, *, folder: Path | None = None) -> None:
    """Write a feature file, replacing what is there at one instant.

    Parameters
    ----------
    path : Path
    table : FeatureTable
    folder : Path, optional
        Where it is written before it takes its place; see `spdkit.common.files.replacing`.

    Raises
    ------
    StoreError
        When the disk is full or the folder read-only; what was there is untouched.
    """
    write_bytes(path, store_image(table), StoreError, folder=folder)


def store_image(table: FeatureTable) -> bytes:
    """Return the bytes of a feature file; equal tables give equal bytes."""
    with h5py.File("image", "w", driver="core", backing_store=False) as file:
        _mark(file, ENCODING_TYPE, ENCODING_VERSION)
        n_tracks, n_features = table.X.shape
        X = file.create_dataset(
            "X",
            data=table.X,
            dtype=np.float32,
            chunks=(min(_CHUNK_ROWS, max(1, n_tracks)), max(1, n_features)),
            maxshape=(None, None),
        )
        _mark(X, "array", "1.0")
        _write_frame(file, "obs", table.obs)
        _write_frame(file, "var", table.var)
        provenance = json.dumps(table.provenance, sort_keys=True, indent=1, ensure_ascii=False)
        _mark(
            file.create_dataset("provenance", data=provenance, dtype=h5py.string_dtype()),
            "json",
            "1.0",
        )
        file.flush()
        image: bytes = file.id.get_file_image()
    return image


def _open_checked(path: Path) -> h5py.File:
    if path.exists() and not (path.is_file() or path.is_dir()):
        # Opening a pipe would wait for a writer.
        raise StoreError(f"{path}: is no regular file")
    try:
        file = h5py.File(path, "r")
    except FileNotFoundError:
        raise StoreError(f"{path}: no such file") from None
    except IsADirectoryError:
        raise StoreError(f"{path}: is a folder, not a feature file") from None
    except PermissionError:
        raise StoreError(f"{path}: no permission to read it") from None
    except OSError as error:
        if "lock file" in str(error) or "already open for" in str(error):
            raise StoreInUseError(f"{path}: {_lock_reason(error)}") from error
        reason = "truncated or damaged" if "truncated" in str(error) else "not an HDF5 file"
        raise StoreError(f"{path}: {reason} ({error})") from error
    try:
        _check(file, path)
    except BaseException:
        file.close()
        raise
    return file


def _lock_reason(error: OSError) -> str:
    if error.errno in (errno.EAGAIN, errno.EWOULDBLOCK, errno.EACCES):
        return (
            "is in use by another program that has it open to write, such as a notebook. Close it "
            "there (h5py: file.close()), and run this again; nothing of it has changed"
        )
    if "already open for" in str(error):
        return (
            "is marked as open to write, by a program that has it open or that died over it. Close "
            "it there; where there is none, take the mark away (h5clear -s of HDF5's tools)"
        )
    return (
        f"cannot be locked: its disk has no locks ({os.strerror(error.errno or errno.ENOLCK)}). If "
        "no other program writes it, set HDF5_USE_FILE_LOCKING=FALSE, or copy it to another disk"
    )


def _check(file: h5py.File, path: Path) -> None:
    kind = file.attrs.get("encoding-type")
    if kind != ENCODING_TYPE:
        what = f"its encoding-type is {kind!r}" if kind is not None else "it has no encoding-type"
        raise StoreError(f"{path}: an HDF5 file of another program ({what})")
    version = str(file.attrs.get("encoding-version"))
    if version.split(".")[0] != ENCODING_VERSION.split(".")[0]:
        raise StoreError(
            f"{path}: written as version {version} of the format; this spdkit reads "
            f"{ENCODING_VERSION}. Use a matching spdkit, or write a new file"
        )
    missing = [name for name in ("X", "obs", "var", "provenance") if name not in file]
    if missing:
        raise StoreError(f"{path}: damaged: no {', '.join(missing)}")
    shape = file["X"].shape
    if shape != (_length(file["obs"]), _length(file["var"])):
        raise StoreError(f"{path}: damaged: X is {shape}, not obs × var")


def _length(group: h5py.Group) -> int:
    index: h5py.Dataset = group[group.attrs["_index"]]
    return int(index.shape[0])


def _mark(node: h5py.HLObject, kind: str, version: str) -> None:
    node.attrs["encoding-type"] = kind
    node.attrs["encoding-version"] = version


def _write_frame(file: h5py.File, name: str, frame: pd.DataFrame) -> None:
    group = file.create_group(name)
    _mark(group, "dataframe", "1.0")
    group.attrs["_index"] = frame.index.name
    group.attrs["column-order"] = np.array(list(frame.columns), dtype=h5py.string_dtype())
    for column, values in frame.reset_index().items():
        if pd.api.types.is_numeric_dtype(values.dtype):
            _mark(group.create_dataset(str(column), data=values.to_numpy()), "array", "1.0")
        else:
            text = np.array([storable(value) for value in values], dtype=object)
            data = group.create_dataset(str(column), data=text, dtype=h5py.string_dtype())
            _mark(data, "string-array", "1.0")


def _read_frame(group: h5py.Group) -> pd.DataFrame:
    def column(name: str) -> NDArray[Any]:
        data = group[name]
        values: NDArray[Any] = (data.asstr() if data.dtype.kind == "O" else data)[...]
        return values

    index = str(group.attrs["_index"])
    columns = {str(name): column(str(name)) for name in group.attrs["column-order"]}
    return pd.DataFrame(columns, index=pd.Index(column(index), name=index))
