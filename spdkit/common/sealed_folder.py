"""Sealed folder: files and the JSON that lists their SHA-256, exchanged for others at one instant.

Conventions
-----------
New files first lie in the folder itself as ``.spdkit-NAME.SHA256``. Then the JSON that lists them
replaces the old one by a rename: that is the instant. Then they take their plain names. Files that
the new JSON does not list take such a name before it comes, and go after it. A reader takes the
file, under either name, whose SHA-256 the JSON lists; when there is none and the JSON is another
one meanwhile, it starts over. So whenever writing stops, and however, the old files or the new ones
are there, and the next writing clears what is left of it. The folder is never moved, and in it
nothing is moved, replaced or removed but what the JSON lists and files that are named after their
own SHA-256.

A check sum finds damage and mistakes, not somebody who writes a new one.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import time
import warnings
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard

from spdkit.common.errors import SpdkitError, SpdkitWarning
from spdkit.common.files import (
    MARK,
    TEMPORARY,
    clear_leftovers,
    lock,
    make_folder,
    read_file,
    room_advice,
    sync_folder,
    write_bytes,
)
from spdkit.common.messages import listing

LARGEST_JSON = 1 << 26  # bytes; what is read takes ten times as much
LARGEST_FILE = 1 << 32
PATIENCE = 60.0  # seconds that one who saves waits for another
_TRIES = 100  # each as long as reading takes, while a writer is at work
_HIDDEN = re.compile(re.escape(MARK) + r"(?P<name>.+)\.(?P<digest>[0-9a-f]{64})", re.DOTALL)


def digest(content: bytes) -> str:
    """SHA-256 of a file, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def seal(described: Mapping[str, Any]) -> str:
    """SHA-256 of everything that the JSON says but this (its ``sha256``)."""
    rest = {key: value for key, value in described.items() if key != "sha256"}
    return digest(json.dumps(rest, sort_keys=True, allow_nan=False).encode())


def pack(described: Mapping[str, Any]) -> bytes:
    """Return the JSON with its seal; TypeError or ValueError when JSON has no words for it."""
    sealed = {**described, "sha256": seal(described)}
    return f"{json.dumps(sealed, indent=1, ensure_ascii=False, allow_nan=False)}\n".encode()


def json_of(path: Path) -> Path | None:
    """Return the JSON beside a file that lists it, or is it, whatever the kind of its folder."""
    file = Path(os.path.realpath(path))
    for place in sorted(file.parent.glob("*.json")) if file.exists() else ():
        try:
            content, _ = read_file(place, LARGEST_JSON)
            if not content.startswith(b'{\n "format": "spdkit-'):
                continue
            files = json.loads(content).get("files")
        except (OSError, ValueError, RecursionError):
            continue
        if file == place or (_is_listing(files) and file.name in files):
            return place
    return None


@dataclass(frozen=True)
class SealedFolder:
    """A folder of one kind of contents.

    Attributes
    ----------
    path : Path
    kind : str
        Such as ``"model"``, for ``model.json`` and the format ``spdkit-model``.
    error : type of SpdkitError
        What to raise.
    always : tuple of str
        Names of the files that there are in each.
    """

    path: Path
    kind: str
    error: type[SpdkitError]
    always: tuple[str, ...]

    @property
    def json_name(self) -> str:
        """Name of the JSON."""
        return f"{self.kind}.json"

    @property
    def _remedy(self) -> str:
        return f"Restore it from a copy, or save the {self.kind} again: elsewhere, or here after"

    def read(self, names: Collection[str], version: str) -> tuple[dict[str, Any], dict[str, bytes]]:
        """What the JSON says, and files that it lists: all old or all new beside a writer.

        Raises
        ------
        SpdkitError
            When the folder holds none of this kind and version, or one that was changed.
        """
        for left in reversed(range(_TRIES)):
            content, stamp = self._read_json()
            described = self._described(content, version)
            try:
                return described, {name: self._file(name, described["files"]) for name in names}
            except self.error:
                if not left or self._read_json()[1] == stamp:
                    raise
        raise AssertionError("the last try returns or raises")

    def write(self, content: bytes, files: Mapping[str, bytes]) -> None:
        """Exchange what is there for a JSON (of `pack`) and the files that it lists.

        Raises
        ------
        SpdkitError
            When something cannot be written, or is not ours to replace: the old ones are there.
        """
        for name, one in {self.json_name: content, **files}.items():
            largest = LARGEST_JSON if name == self.json_name else LARGEST_FILE
            if len(one) > largest:
                raise self.error(f"{self.path}: {name} would have {len(one)} bytes of {largest}")
        self.require_room(files)
        folder = Path(os.path.realpath(self.path))
        is_new = not folder.exists()
        try:
            make_folder(folder)
            with self._locked(folder):
                self._exchange(folder, content, files)
        except BaseException as reason:
            if is_new:
                with suppress(OSError):  # not empty: ours or not, it stays
                    folder.rmdir()
            if not isinstance(reason, OSError):
                raise
            cause = f"{reason.strerror or reason}{room_advice(reason, stays=not is_new)}"
            raise self.error(f"{self.path}: cannot be written: {cause}") from reason

    def require_room(self, names: Iterable[str] = ()) -> None:
        """Check that files of these names can be written there, and `always` those.

        Raises
        ------
        SpdkitError
            When it is a file, or a folder that holds something and nothing of ours, or files of
            these names that are not ours, or were changed since.
        """
        if not self.path.exists():
            return
        if not self.path.is_dir():
            raise self.error(f"{self.path}: is a file; a {self.kind} is a folder")
        try:
            names_there = [path.name for path in self.path.iterdir()]
        except OSError as reason:
            raise self.error(
                f"{self.path}: cannot be read: {reason.strerror or reason}"
            ) from reason
        there = {name for name in names_there if not _is_hidden(name)}
        others = sorted(there - {self.json_name})
        if others and self.json_name not in there:
            raise self.error(
                f"{self.path}: holds {listing(others, 3)}, and no {self.kind} of ours to replace: "
                f"give a folder of its own"
            )
        replaced = there & {*self.always, *names}
        listed = self._listed()
        if strangers := sorted(replaced - listed.keys()):
            lost = set(listed.values()) == {""}
            cannot = "is damaged and cannot tell to be" if lost else "does not list as"
            raise self.error(
                f"{self.path}: {listing(strangers, 3)} would be replaced, which {self.json_name} "
                f"{cannot} ours: move it, or give another folder"
            )
        if changed := self._changed(replaced):
            raise self.error(
                f"{self.path}: {listing(changed, 3)} would be replaced, which was changed after "
                f"it was saved (its SHA-256 is not the one in {self.json_name}): move it, or give "
                f"another folder"
            )

    def _changed(self, names: Collection[str]) -> list[str]:
        """Files that are not what the JSON lists, and not of a save that was interrupted."""
        listed = self._listed()
        changed = []
        for name in sorted(name for name in names if listed.get(name)):
            try:
                self._file(name, listed)
            except self.error:
                changed.append(name)
        # A writer beside may have exchanged all of it meanwhile.
        return changed if not changed or self._listed() == listed else self._changed(names)

    def _listed(self) -> dict[str, str]:
        """Files that the JSON in place lists, with their digests."""
        if not os.path.lexists(self.path / self.json_name):
            return {}
        content, _ = self._read_json()
        try:
            described = self._parsed(content)
        except self.error:
            # What is damaged and beyond doubt ours is written anew.
            if not content.startswith(f'{{\n "format": "spdkit-{self.kind}"'.encode()):
                raise
            return dict.fromkeys(self.always, "")
        files = described.get("files")
        return files if _is_listing(files) else {}

    def _read_json(self) -> tuple[bytes, tuple[int, ...]]:
        if not self.path.is_dir():
            why = "it is a file, no folder" if self.path.exists() else "there is no such folder"
            raise self.error(f"{self.path}: no {self.kind} of spdkit: {why}")
        return self._bytes(self.json_name, LARGEST_JSON)

    def _bytes(self, name: str, largest: int) -> tuple[bytes, tuple[int, ...]]:
        try:
            return read_file(self.path / name, largest)
        except OSError as reason:
            raise self.error(
                f"{self.path}: no {self.kind} of spdkit: {name} cannot be read: "
                f"{reason.strerror or reason}"
            ) from reason

    def _parsed(self, content: bytes) -> dict[str, Any]:
        name, form = self.json_name, f"spdkit-{self.kind}"
        try:
            described = json.loads(content, parse_constant=_no_constant)
        except (ValueError, RecursionError) as reason:
            raise self.error(
                f"{self.path}: {name} is damaged or cut off: {reason}. {self._remedy} "
                "all of it is moved away"
            ) from reason
        if not isinstance(described, dict) or described.get("format") != form:
            raise self.error(f"{self.path}: {name} is not ours: it does not say format {form!r}")
        return described

    def _described(self, content: bytes, version: str) -> dict[str, Any]:
        described, name = self._parsed(content), self.json_name
        if described.get("version") != version:
            packages = described.get("packages")
            writer = packages.get("spdkit") if isinstance(packages, dict) else None
            raise self.error(
                f"{self.path}: format version {str(described.get('version'))[:20]}; this spdkit "
                f"reads {version}: fit it again with this spdkit (it was written by "
                f"{str(writer)[:20]})"
            )
        try:
            sealed = seal(described)
        except (ValueError, RecursionError) as reason:
            raise self.error(f"{self.path}: {name} is no JSON of ours: {reason}") from reason
        if sealed != described.get("sha256"):
            raise self.error(
                f"{self.path}: {name} is not what was written: its SHA-256 differs. "
                f"{self._remedy} all of it is moved away"
            )
        if not _is_listing(described.get("files")):
            raise self.error(f"{self.path}: {name} does not list files and their SHA-256")
        return described

    def _file(self, name: str, listed: Mapping[str, str]) -> bytes:
        if name not in listed:
            raise self.error(
                f"{self.path}: the {self.kind} was saved without {name}; `spdkit fit` writes it"
            )
        # While one looks under the one name, a writer may give it the other.
        for place in (name, _hidden(name, listed[name]), name):
            try:
                content, _ = self._bytes(place, LARGEST_FILE)
            except self.error as reason:
                problem = str(reason)
                continue
            if digest(content) == listed[name]:
                return content
            problem = f"{self.path}: {name} is not what was written: its SHA-256 differs"
        raise self.error(f"{problem}. {self._remedy} {name} is moved away")

    @contextmanager
    def _locked(self, folder: Path) -> Iterator[None]:
        """Keep other writers out; they wait for a while."""
        try:
            handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        except PermissionError:
            yield  # a folder can be written to, and not read
            return
        try:
            end = time.monotonic() + PATIENCE
            while not lock(handle):
                if time.monotonic() > end:
                    raise self.error(f"{self.path}: another spdkit is saving there")
                time.sleep(0.02)
            yield
        finally:
            os.close(handle)

    def _exchange(self, folder: Path, content: bytes, files: Mapping[str, bytes]) -> None:
        self.require_room(files)  # nobody else writes from here on
        old = self._listed()
        new = {name: digest(one) for name, one in files.items()}
        self._clear(folder, old)
        try:
            for name, one in files.items():
                place = folder / _hidden(name, new[name])
                if os.path.lexists(place) and not _is_ours(place):
                    raise self.error(f"{place}: is in the way, and none of ours: move it")
                self._write(place, one, folder / name)
            for name in sorted(old.keys() - new.keys()):
                # Not removed before the JSON is there, nor after it, when none lists it any more.
                if _holds(folder / name, old[name]):
                    (folder / name).replace(folder / _hidden(name, old[name]))
            self._write(folder / self.json_name, content)
        except BaseException:
            with suppress(self.error, OSError):  # either JSON may be there
                self._restore(folder, self._listed())
            raise
        in_the_way: dict[str, Exception] = {}
        for name, one in files.items():
            try:
                _take_place(folder / _hidden(name, new[name]), folder / name, one)
            except (OSError, SpdkitError) as reason:
                in_the_way[name] = reason
        self._clear(folder, {name: new[name] for name in in_the_way})
        sync_folder(folder)
        for name, fault in in_the_way.items():
            warnings.warn(
                f"{self.path}: {name} is still the old one ({_cause(fault)}); the new one lies "
                f"beside it as {_hidden(name, new[name])}, where spdkit finds it",
                SpdkitWarning,
                stacklevel=2,
            )

    def _write(self, path: Path, content: bytes, like: Path | None = None) -> None:
        try:
            write_bytes(path, content, self.error, like=like)
        except self.error as reason:
            stays = os.path.lexists(self.path / self.json_name)
            raise self.error(
                f"{self.path}: cannot be written: {_cause(reason)} ({(like or path).name})"
                f"{room_advice(reason.__cause__, stays=stays)}"
            ) from reason

    def _restore(self, folder: Path, listed: Mapping[str, str]) -> None:
        """Undo what was done before a JSON could be exchanged."""
        for name, one in listed.items():
            hidden = folder / _hidden(name, one)
            if not (folder / name).exists() and _is_ours(hidden):
                hidden.replace(folder / name)
        self._clear(folder, listed)

    def _clear(self, folder: Path, needed: Mapping[str, str]) -> None:
        """Remove what earlier writers left, but for what is needed."""
        clear_leftovers(folder)
        spared = {_hidden(name, one) for name, one in needed.items()}
        for path in list(folder.iterdir()):
            if path.name not in spared and _HIDDEN.fullmatch(path.name) and _is_ours(path):
                path.unlink(missing_ok=True)


def _hidden(name: str, sha256: str) -> str:
    return f"{MARK}{name}.{sha256}"


def _is_hidden(name: str) -> bool:
    """Whether a killed writer may have left it."""
    return bool(_HIDDEN.fullmatch(name) or TEMPORARY.fullmatch(name))


def _is_listing(files: object) -> TypeGuard[dict[str, str]]:
    """Whether the JSON lists plain names and digests: no path is ever made of another."""
    return isinstance(files, dict) and all(
        re.fullmatch(r"[^./\0][^/\0]*", name)
        and isinstance(one, str)
        and re.fullmatch("[0-9a-f]{64}", one)
        for name, one in files.items()
    )


def _is_ours(path: Path) -> bool:
    """Whether a file is named after its own SHA-256, as only what was written here is."""
    return (match := _HIDDEN.fullmatch(path.name)) is not None and _holds(path, match["digest"])


def _holds(path: Path, sha256: str) -> bool:
    if path.is_symlink():
        return False
    try:
        return digest(read_file(path, LARGEST_FILE)[0]) == sha256
    except OSError:
        return False


def _take_place(hidden: Path, plain: Path, content: bytes) -> None:
    """Give a file its plain name; a link stays one, and what it leads to is written."""
    if plain.is_symlink():
        write_bytes(plain, content)
        hidden.unlink()
    else:
        hidden.replace(plain)


def _cause(reason: Exception) -> str:
    strerror = getattr(reason, "strerror", None) or getattr(reason.__cause__, "strerror", None)
    return str(strerror or reason)


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")
