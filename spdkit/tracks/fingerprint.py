"""Fingerprints of a track's parts, by which a second run knows what has changed.

A file whose size and modification time are as they were is taken as unchanged. When they differ, a
hash of the size and three 1 MiB blocks (head, middle, tail) decides, so that a file that was only
copied or touched is not extracted again. A remote file whose server tells its state (an ETag or a
date) is known by that and its size, and nothing of it travels.

Tags lie in the audio file: one that changes there changes the file, and its sound is extracted
again. Lyrics and metadata from elsewhere are known by their own digests, and change alone.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from spdkit.tracks.addresses import is_url, local_path
from spdkit.tracks.remote_audio import file_info
from spdkit.tracks.track import open_binary, unreadable

BLOCK = 1 << 20
# What web servers and object stores call the state of a file, best first; and file systems, where
# it says less: a file that was only touched has another.
_REMOTE_STATES = ("ETag", "etag", "LastModified", "last_modified", "Last-Modified")
_FILE_STATES = ("mtime",)


@dataclass(frozen=True)
class Stamp:
    """Size in bytes (-1 when unknown) and state of a file, read without opening it.

    The state is the modification time in UTC, to the nanosecond, of a local file; an ETag or
    modification time of a remote one; empty when there is none, which never counts as unchanged.
    """

    size: int = -1
    modified: str = ""

    def same_as(self, other: Stamp) -> bool:
        """Whether both are known and equal."""
        return self == other and self.size >= 0 and bool(self.modified)


@dataclass(frozen=True)
class Look:
    """What the audio of a track is now: stamp, fingerprint, and why there is neither."""

    stamp: Stamp = Stamp()
    fingerprint: str = ""
    problem: str = ""


def look_at(audio: str | None, earlier: Look | None = None) -> Look:
    """Look at the audio of a track; whatever fails is the look's problem, in words.

    Parameters
    ----------
    audio : str or None
    earlier : Look, optional
        A file is only read when its stamp is another one.
    """
    if audio is None:
        return Look()
    try:
        now = stamp(audio)
        if earlier is not None and now.same_as(earlier.stamp):
            return Look(now, earlier.fingerprint)
        return Look(now, digest_file(audio))
    except Exception as error:  # noqa: BLE001 (it is the track's, whatever it is)
        local = "" if is_url(audio) else unreadable(audio)
        return Look(problem=local or str(error) or type(error).__name__)


def stamp(audio: str) -> Stamp:
    """Size and state of a file.

    Raises
    ------
    OSError
        When there is no such file or it may not be looked at.
    """
    if is_url(audio):
        return _stamp_of(file_info(audio), (*_REMOTE_STATES, *_FILE_STATES))
    status = os.stat(local_path(audio))  # noqa: PTH116 (the name may hold undecodable bytes)
    seconds, nanoseconds = divmod(status.st_mtime_ns, 1_000_000_000)
    try:
        moment = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    except (ValueError, OverflowError, OSError):  # a year beyond 9999
        return Stamp(status.st_size)
    return Stamp(status.st_size, f"{moment}.{nanoseconds:09d}Z")


def digest_file(audio: str) -> str:
    """Hash of a file's size and three 1 MiB blocks, 32 hexadecimal digits.

    Of a file whose server tells an ETag or date, the hash of its size and that.

    Raises
    ------
    OSError
        When the file cannot be read.
    """
    if is_url(audio):
        now = _stamp_of(file_info(audio), _REMOTE_STATES)
        if now.same_as(now):  # both are known
            return digest_text(f"{now.size} {now.modified}")
    digest = hashlib.blake2b(digest_size=16)
    with open_binary(audio) as file:
        size = file.seek(0, os.SEEK_END)
        digest.update(str(size).encode())
        starts = {0, max(0, size // 2 - BLOCK // 2), max(0, size - BLOCK)} if size else ()
        for start in sorted(starts):  # of an empty one of /proc, reading may never end
            file.seek(start)
            digest.update(file.read(BLOCK))
    return digest.hexdigest()


def _stamp_of(facts: Mapping[str, Any], states: Sequence[str]) -> Stamp:
    state = next((str(facts[key]) for key in states if facts.get(key)), "")
    return Stamp(-1 if facts.get("size") is None else int(facts["size"]), state)


def digest_text(text: str) -> str:
    """Hash of a text, 32 hexadecimal digits."""
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
