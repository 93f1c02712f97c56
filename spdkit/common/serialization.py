"""Saved form: a sealed folder of one JSON and ``arrays.safetensors``.

Conventions
-----------
Nothing is unpickled. The JSON names the format and its version, the libraries, the class with its
parameters (numbers, texts, lists of these, or objects of ours that have parameters of their own),
facts of what was fitted, and the SHA-256 of every other file and of itself; a folder in which one
of these is not as written is refused. Only classes of a table can be named, with parameters that
they may have: nothing else is ever imported. The arrays are what was learned. Other files may lie
beside them, guarded like them. How all of them are exchanged for others is told in
`spdkit.common.sealed_folder`. What is loaded answers as what was saved, bit by bit, given the same
versions of the libraries on the same kind of machine.

A check sum finds damage and mistakes, not somebody who writes a new one: load from people that you
trust with numbers.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from importlib import import_module
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load, save

from spdkit.common.errors import SpdkitError
from spdkit.common.files import user_path
from spdkit.common.parameters import check_parameters
from spdkit.common.sealed_folder import SealedFolder, digest, pack
from spdkit.common.versions import installed_versions

VERSION = "2.0"
_ARRAYS = "arrays.safetensors"
Arrays = Mapping[str, NDArray[Any]]
State = tuple[dict[str, Any], dict[str, NDArray[Any]]]


def part_of(arrays: Arrays, prefix: str) -> dict[str, NDArray[Any]]:
    """Take the arrays whose names begin with `prefix`, under the rest of their names."""
    return {
        name.removeprefix(prefix): array
        for name, array in arrays.items()
        if name.startswith(prefix)
    }


def prefixed(prefix: str, arrays: Arrays) -> dict[str, NDArray[Any]]:
    """Undo `part_of`."""
    return {prefix + name: array for name, array in arrays.items()}


@dataclass(frozen=True)
class SavedForm:
    """How one kind of fitted object lies on disk.

    Attributes
    ----------
    kind : str
        Such as ``"model"``, for ``model.json`` and the format ``spdkit-model``.
    classes : mapping of str to str
        What a folder may name, and the module of each.
    error : type of SpdkitError
        What to raise.
    packages : tuple of str
        Whose versions are written down.
    unbounded : tuple of str
        Last parts of names of arrays that may hold NaN and infinity; no others may.
    """

    kind: str
    classes: Mapping[str, str]
    error: type[SpdkitError]
    packages: tuple[str, ...]
    unbounded: tuple[str, ...] = ()

    @property
    def json_name(self) -> str:
        """Name of the JSON."""
        return f"{self.kind}.json"

    def save(
        self,
        fitted: Saved,
        folder: str | os.PathLike[str],
        files: Mapping[str, bytes] | None = None,
    ) -> None:
        """Write a fitted object into a folder, which is made, or in which one is replaced.

        Parameters
        ----------
        fitted : object
            Of one of our classes.
        folder : path
            Files of others in a folder of ours stay there.
        files : mapping of str to bytes, optional
            What else to write and guard, by name.

        Raises
        ------
        SpdkitError
            When a parameter or something that was learned cannot be written, or the folder holds
            something else.
        sklearn.exceptions.NotFittedError
        """
        place = self._folder(folder)
        facts, arrays = fitted.saved_state()
        for name, array in arrays.items():
            if array.dtype.kind not in "biuf":
                kind = "Python objects" if array.dtype.hasobject else str(array.dtype)
                raise self.error(f"{name} holds {kind}, which are not written")
            self._require_finite(name, array)
        packed = save({name: np.asarray(array, order="C") for name, array in arrays.items()})
        contents = {_ARRAYS: packed, **(files or {})}
        described = {
            "format": f"spdkit-{self.kind}",
            "version": VERSION,
            "packages": installed_versions(self.packages),
            self.kind: self.to_json(fitted),
            "facts": facts,
            "files": {name: digest(content) for name, content in contents.items()},
        }
        try:
            content = pack(described)
        except (TypeError, ValueError) as reason:
            raise self.error(f"{place.path}: cannot be written as JSON: {reason}") from reason
        place.write(content, contents)

    def load(self, folder: str | os.PathLike[str], cls: type | None = None) -> Any:
        """Read what `save` wrote.

        Parameters
        ----------
        folder : path
        cls : type, optional
            What it must be.

        Raises
        ------
        SpdkitError
            When the folder holds none, one of another class or version, or one that was changed.
        """
        return self.load_with_files(folder, (), cls)[0]

    def load_files(self, folder: str | os.PathLike[str], names: Sequence[str]) -> dict[str, bytes]:
        """Read what was written beside the arrays.

        Raises
        ------
        SpdkitError
            As `load`, and when a file was not written with this object.
        """
        return self._folder(folder).read(names, VERSION)[1]

    def load_with_files(
        self, folder: str | os.PathLike[str], names: Sequence[str], cls: type | None = None
    ) -> tuple[Any, dict[str, bytes]]:
        """Do as `load` and `load_files` at one instant: both are of the same save.

        Raises
        ------
        SpdkitError
            As both do.
        """
        place = self._folder(folder)
        described, files = place.read((_ARRAYS, *names), VERSION)
        packed = files.pop(_ARRAYS)
        try:
            fitted = self.from_json(described[self.kind])
            if not isinstance(fitted, Saved):
                raise TypeError(f"{type(fitted).__name__} is no {self.kind}")
            if cls is not None and not isinstance(fitted, cls):
                raise self.error(
                    f"{folder}: holds {type(fitted).__name__}, not {cls.__name__}: "
                    f"load_{self.kind} takes any"
                )
            arrays = load(packed)
            for name, array in arrays.items():
                self._require_finite(name, array)
            fitted.restore_state(described["facts"], arrays)
        except SpdkitError:
            raise
        except Exception as reason:  # what is restored from a stranger's facts may raise anything
            raise self.error(
                f"{place.path}: {self.json_name} does not describe a {self.kind} of this spdkit: "
                f"{reason!r}"
            ) from reason
        return fitted, files

    def require_room(self, folder: str | os.PathLike[str], names: Sequence[str] = ()) -> None:
        """Check that something can be saved there, with files of these names.

        Raises
        ------
        SpdkitError
            When it is a file, or a folder that holds something and nothing of ours, or files of
            these names that are not ours.
        """
        self._folder(folder).require_room(names)

    def _require_finite(self, name: str, array: NDArray[Any]) -> None:
        if name.rpartition(".")[2] in self.unbounded or array.dtype.kind != "f":
            return
        if n := int((~np.isfinite(array)).sum()):
            raise self.error(f"{name} holds {n} values that are no finite numbers")

    def _folder(self, folder: str | os.PathLike[str]) -> SealedFolder:
        return SealedFolder(user_path(folder, self.error), self.kind, self.error, (_ARRAYS,))

    def to_json(self, value: Any, name: str = "", *, foreign: bool = False) -> Any:
        """Write a parameter; what JSON has no word for is an object that says its kind.

        Parameters
        ----------
        value : object
        name : str
            What errors call it; its class if not given.
        foreign : bool
            Whether objects of other classes may be named, with their module. These cannot be read.
        """
        if isinstance(value, np.generic):
            value = value.item()
        if value is None or isinstance(value, bool | int | str):
            return value
        if isinstance(value, float):
            return value if math.isfinite(value) else {"float": repr(value)}
        if isinstance(value, list | tuple):
            items = [self.to_json(item, name, foreign=foreign) for item in value]
            return items if isinstance(value, list) else {"tuple": items}
        if isinstance(value, dict):
            pairs = [list(pair) for pair in value.items()]
            return {"dict": self.to_json(pairs, name, foreign=foreign)}
        cls = type(value)
        ours = self.classes.get(cls.__name__) == cls.__module__
        described = hasattr(value, "get_params") or is_dataclass(value)
        if not ours and not (foreign and described):
            raise self.error(
                f"{name or cls.__name__}={value!r} cannot be written: give numbers, texts, None, "
                f"or {self.kind}s of spdkit"
            )
        return {
            "class": cls.__name__ if ours else f"{cls.__module__}.{cls.__qualname__}",
            "parameters": {
                key: self.to_json(item, key, foreign=foreign)
                for key, item in _parameters(value).items()
            },
        }

    def from_json(self, written: Any) -> Any:
        """Undo `to_json`; KeyError, TypeError or ValueError when it is none of that."""
        if isinstance(written, list):
            return [self.from_json(item) for item in written]
        if not isinstance(written, dict):
            return written
        if "float" in written:
            return float(written["float"])
        if "tuple" in written:
            return tuple(self.from_json(written["tuple"]))
        if "dict" in written:
            return dict(self.from_json(written["dict"]))
        name = written["class"]
        if name not in self.classes:
            raise ValueError(f"it names {name!r}, which is none of {', '.join(self.classes)}")
        cls = getattr(import_module(self.classes[name]), name)
        fitted = cls(**{key: self.from_json(item) for key, item in written["parameters"].items()})
        check_parameters(_parameters(fitted), fitted._parameter_constraints, self.error)
        return fitted


class Saved:
    """What can be saved: an object of parameters that says what it learned."""

    _form: ClassVar[SavedForm]

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write what was fitted into a folder; see `spdkit.common.serialization`."""
        self._form.save(self, folder)

    @classmethod
    def load(cls, folder: str | os.PathLike[str]) -> Self:
        """Read what `save` of this class wrote; `load_model` and `load_forecaster` take any.

        Raises
        ------
        SpdkitError
            When the folder holds none, one of another class or version, or one that was changed.
        """
        fitted: Self = cls._form.load(folder, cls)
        return fitted

    def saved_state(self) -> State:
        """Facts that JSON has words for, and arrays."""
        raise NotImplementedError

    def restore_state(self, facts: Mapping[str, Any], arrays: Arrays) -> None:
        """Take what `saved_state` gave."""
        raise NotImplementedError


def _parameters(value: Any) -> dict[str, Any]:
    if hasattr(value, "get_params"):
        return dict(value.get_params(deep=False))
    return {field.name: getattr(value, field.name) for field in fields(value)}
