"""Saved form: a folder of one JSON and ``arrays.safetensors``, sealed by SHA-256.

Conventions
-----------
Nothing is unpickled. The JSON names the format and its version, the libraries, the class with its
parameters (numbers, texts, lists of these, or objects of ours that have parameters of their own),
facts of what was fitted, and the SHA-256 of every other file and of itself; a folder in which one
of these is not as written is refused. Only classes of a table can be named: nothing else is ever
imported. The arrays are what was learned. Other files may lie beside them, guarded like them. What
is loaded answers as what was saved, bit by bit, given the same versions of the libraries on the
same kind of machine.

A check sum finds damage and mistakes, not somebody who writes a new one: load from people that you
trust with numbers.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import tempfile
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from spdkit.common.errors import SpdkitError
from spdkit.common.messages import listing
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
    """

    kind: str
    classes: Mapping[str, str]
    error: type[SpdkitError]
    packages: tuple[str, ...]

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
        target = Path(folder).expanduser()
        facts, arrays = fitted.saved_state()
        for name, array in arrays.items():
            if array.dtype.kind not in "biuf":
                kind = "Python objects" if array.dtype.hasobject else str(array.dtype)
                raise self.error(f"{name} holds {kind}, which are not written")
        self.require_room(target)
        ours = {self.json_name, _ARRAYS}
        if self._others(target):  # what is damaged and alone is written anew
            ours |= set(self._json(target).get("files", ()))
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
            described["sha256"] = seal(described)
            text = json.dumps(described, indent=1, ensure_ascii=False, allow_nan=False)
        except (TypeError, ValueError) as reason:
            raise self.error(f"{target}: cannot be written as JSON: {reason}") from reason
        contents[self.json_name] = f"{text}\n".encode()
        try:
            replace_folder(target, contents, ours)
        except OSError as reason:
            raise self.error(f"{target}: cannot be written: {reason.strerror}") from reason

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
        source = Path(folder).expanduser()
        described = self._described(source)
        packed = self._guarded(source, described, _ARRAYS)
        try:
            fitted = self.from_json(described[self.kind])
            if not isinstance(fitted, Saved):
                raise TypeError(f"{type(fitted).__name__} is no {self.kind}")
            if cls is not None and not isinstance(fitted, cls):
                raise self.error(
                    f"{folder}: holds {type(fitted).__name__}, not {cls.__name__}: "
                    f"load_{self.kind} takes any"
                )
            fitted.restore_state(described["facts"], load(packed))
        except SpdkitError:
            raise
        except (KeyError, TypeError, ValueError, RuntimeError, SafetensorError) as reason:
            raise self.error(
                f"{source}: {self.json_name} does not describe a {self.kind} of this spdkit: "
                f"{reason!r}"
            ) from reason
        return fitted

    def load_files(self, folder: str | os.PathLike[str], names: Sequence[str]) -> dict[str, bytes]:
        """Read what was written beside the arrays.

        Raises
        ------
        SpdkitError
            As `load`, and when a file was not written with this object.
        """
        source = Path(folder).expanduser()
        described = self._described(source)
        return {name: self._guarded(source, described, name) for name in names}

    def require_room(self, folder: str | os.PathLike[str]) -> None:
        """Check that something can be saved there.

        Raises
        ------
        SpdkitError
            When it is a file, or a folder that holds something and nothing of ours.
        """
        target = Path(folder).expanduser()
        if target.exists() and not target.is_dir():
            raise self.error(f"{target}: is a file; a {self.kind} is a folder")
        if self._others(target) and not (target / self.json_name).is_file():
            names = sorted(path.name for path in target.iterdir())
            raise self.error(
                f"{target}: holds {listing(names, 3)}, and no {self.kind} of ours to replace: "
                f"give a folder of its own"
            )

    def _others(self, target: Path) -> list[str]:
        names = {path.name for path in target.iterdir()} if target.exists() else set()
        return sorted(names - {self.json_name, _ARRAYS})

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
        return cls(**{key: self.from_json(item) for key, item in written["parameters"].items()})

    def _json(self, source: Path) -> dict[str, Any]:
        name, form = self.json_name, f"spdkit-{self.kind}"
        content = self._bytes(source / name)  # its error, which may be a ValueError, says all
        try:
            described = json.loads(content)
        except ValueError as reason:
            raise self.error(f"{source}: {name} is damaged or cut off: {reason}") from reason
        if not isinstance(described, dict) or described.get("format") != form:
            raise self.error(f"{source}: {name} is not ours: it does not say format {form!r}")
        return described

    def _described(self, source: Path) -> dict[str, Any]:
        described = self._json(source)
        if (version := described.get("version")) != VERSION:
            raise self.error(
                f"{source}: format version {version}; this spdkit reads {VERSION}: fit it again "
                f"with this spdkit (it was written by "
                f"{described.get('packages', {}).get('spdkit')})"
            )
        if seal(described) != described.get("sha256"):
            raise self.error(
                f"{source}: {self.json_name} is not what was written: its SHA-256 differs"
            )
        return described

    def _guarded(self, source: Path, described: dict[str, Any], name: str) -> bytes:
        if name not in described["files"]:
            raise self.error(
                f"{source}: the {self.kind} was saved without {name}; `spdkit fit` writes it"
            )
        content = self._bytes(source / name)
        if digest(content) != described["files"][name]:
            raise self.error(f"{source}: {name} is not what was written: its SHA-256 differs")
        return content

    def _bytes(self, path: Path) -> bytes:
        try:
            return path.read_bytes()
        except OSError as reason:
            raise self.error(
                f"{path.parent}: no {self.kind} of spdkit: {path.name} cannot be read: "
                f"{reason.strerror}"
            ) from reason


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


def digest(content: bytes) -> str:
    """SHA-256 of a file, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def seal(described: Mapping[str, Any]) -> str:
    """SHA-256 of everything that the JSON says but this (its ``sha256``)."""
    rest = {key: value for key, value in described.items() if key != "sha256"}
    return digest(json.dumps(rest, sort_keys=True).encode())


def replace_folder(target: Path, contents: Mapping[str, bytes], ours: Collection[str] = ()) -> None:
    """Write a folder whole or not at all; files of others in the old one move to the new one.

    When the new folder cannot be put in place, the old one stands where it was, with all its files.
    A link to a folder stays one.

    Parameters
    ----------
    target : path
    contents : mapping of str to bytes
        Files by name.
    ours : collection of str
        Names in the old folder that go with it.

    Raises
    ------
    OSError
    """
    target = Path(os.path.realpath(target))
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}-") as new:
        old, replacement = Path(new) / "old", Path(new) / target.name
        replacement.mkdir()
        for name, content in contents.items():
            (replacement / name).write_bytes(content)
        # A folder cannot be replaced in one step, so the old one goes first.
        if target.exists():
            target.rename(old)
        try:
            replacement.rename(target)
        except OSError:
            if old.exists():
                old.rename(target)
            raise
        if old.exists():
            for path in [path for path in old.iterdir() if path.name not in ours]:
                path.rename(target / path.name)
