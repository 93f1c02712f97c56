"""Track: one song and where its parts are.

Conventions
-----------
A track is named by its ``track_id``. Audio is a local path or any URL that fsspec opens. This
module knows files, not features.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import IO, overload

from spdkit.common.errors import SpdkitError
from spdkit.common.text import metadata_json
from spdkit.tracks.addresses import RefusedError, is_url, local_path, require_allowed
from spdkit.tracks.remote_audio import open_url


class TrackError(SpdkitError):
    """A folder or table from which no list of tracks can be made."""


MAX_DEPTH = 100  # of lists and mappings in each other, in metadata
# Of which JSON knows all that there is.
_PLAIN = frozenset([str, float, bool, type(None)])
_PLAIN_INT = 1 << 63


@dataclass(frozen=True)
class Track:
    """One song and where its parts are.

    Attributes
    ----------
    track_id : str
        Unique name within a batch and a store.
    audio : str or None
        Path or fsspec URL of the sound; None when there is none.
    lyrics : str or None
        The words themselves, lines separated by newlines; None when there are none.
    metadata : mapping of str to object
        Facts about the track (artist, followers, year …), empty when there are none. They are kept
        as JSON, at most `MAX_DEPTH` deep; what JSON does not know, such as a date, as its text.
    lyrics_note : str
        How its words were read where that was a choice, or why it has none; empty otherwise.
    """

    track_id: str
    audio: str | None = None
    lyrics: str | None = None
    metadata: Mapping[str, object] = field(default_factory=dict, hash=False)
    lyrics_note: str = ""

    def __post_init__(self) -> None:
        if not isinstance(self.track_id, str) or not self.track_id:
            raise TrackError(f"track_id must be a non-empty string, got {self.track_id!r}")
        try:
            self.track_id.encode("utf-8")
        except UnicodeEncodeError:
            raise TrackError(f"track_id must be valid Unicode, got {self.track_id!r}") from None
        if "\0" in self.track_id:
            raise TrackError(f"track_id must not hold NUL, got {self.track_id!r}")
        audio: object = self.audio
        if isinstance(audio, os.PathLike):
            audio = os.fspath(audio)
            object.__setattr__(self, "audio", audio)
        if not isinstance(audio, str | None):
            raise TrackError(f"{self.track_id}: audio must be a path or URL, got {audio!r}")
        if problem := _no_json(self.metadata):
            raise TrackError(f"{self.track_id}: metadata {problem}")


def _no_json(metadata: object) -> str:
    """Why metadata cannot be written as JSON; empty where it can."""
    if not isinstance(metadata, Mapping):
        return "" if metadata is None else f"must be a mapping, got {type(metadata).__name__}"
    if all(type(key) is str and _is_flat(value) for key, value in metadata.items()):
        return ""  # a tenth of the time
    containers: list[object] = [dict(metadata)]
    for _ in range(MAX_DEPTH):
        # Each once: what stands in many places may hold others that do.
        parts = {id(part): part for outer in containers for part in _nested(outer)}
        containers = [*parts.values()]
    if containers:
        return f"is circular or more than {MAX_DEPTH} lists and mappings deep"
    try:
        metadata_json(metadata)
    except Exception as error:  # noqa: BLE001 (a value's own text may raise anything)
        return f"cannot be written as JSON: {type(error).__name__}: {error}"
    return ""


def _is_flat(value: object) -> bool:
    return _is_plain(value) or (type(value) is list and all(map(_is_plain, value)))


def _is_plain(value: object) -> bool:
    return type(value) in _PLAIN or (type(value) is int and -_PLAIN_INT <= value < _PLAIN_INT)


def _nested(outer: object) -> list[object]:
    parts = outer.values() if isinstance(outer, dict) else outer
    return [part for part in parts if isinstance(part, dict | list | tuple)]  # type: ignore


@dataclass(frozen=True)
class TrackSet(Sequence[Track]):
    """Tracks in order of their id, and what the search for them passed over.

    Attributes
    ----------
    tracks : tuple of Track
    remarks : tuple of str
        What was left out on purpose, such as files that are no audio, and what was picked up.
    problems : tuple of str
        What could not be looked at, such as folders without permission and damaged tags.
    """

    tracks: tuple[Track, ...]
    remarks: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.tracks)

    def __iter__(self) -> Iterator[Track]:
        return iter(self.tracks)

    @overload
    def __getitem__(self, index: int) -> Track: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Track, ...]: ...
    def __getitem__(self, index: int | slice) -> Track | tuple[Track, ...]:
        return self.tracks[index]


_KINDS = {
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def special_file(audio: str) -> str:
    """What a local path leads to that must not be opened: a pipe waits for a writer; else empty."""
    try:
        mode = os.stat(local_path(audio)).st_mode  # noqa: PTH116 (the name may be undecodable)
    except OSError:  # opening it tells the reason
        return ""
    return _KINDS.get(stat.S_IFMT(mode), "")


def forbidden(audio: str | None) -> str:
    """Why audio must not even be opened; empty where it may be."""
    if not audio:
        return ""
    if not is_url(audio):
        kind = special_file(audio)
        return f"is {kind}, no file" if kind else ""
    try:
        require_allowed(audio)
    except RefusedError as error:
        return str(error)
    return ""


def open_binary(audio: str) -> IO[bytes]:
    """Open a local path or URL for reading, seekable.

    Of a URL only what is read travels; see `spdkit.tracks.remote_audio`.

    Raises
    ------
    OSError
        When there is no such file, it cannot be read, it is a named pipe, a device or the like, or
        its URL must not be opened (see `spdkit.tracks.addresses`).
    """
    if is_url(audio):
        return open_url(audio)
    if kind := special_file(audio):
        raise OSError(errno.EINVAL, f"is {kind}, no file", audio)
    return open(local_path(audio), "rb")  # noqa: PTH123 (the name may be undecodable)


def unreadable(path: str) -> str:
    """Why a local file cannot be read, in plain words; empty where it can."""
    if kind := special_file(path):
        return f"is {kind}, no file"
    try:
        with open_binary(path) as file:
            return "" if os.fstat(file.fileno()).st_size else "empty file (0 bytes)"
    except IsADirectoryError:
        return "is a folder, not a file"
    except PermissionError:
        return "no permission to read it"
    except FileNotFoundError:
        place = local_path(path)
        broken = os.path.islink(place)  # noqa: PTH114
        return f"broken link to {os.readlink(place)}" if broken else f"no such file: {place}"  # noqa: PTH115
    except OSError as error:
        return f"cannot be opened: {error.strerror or error}"
