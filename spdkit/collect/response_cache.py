"""Response cache: one answer of a service a line, in a file that is only ever appended to.

A line is a JSON object with its ``key`` (the path of a request, or of one thing in it) and either
the ``response`` or, where the service said no, ``refused`` with its status and message. A line goes
to the operating system at once, so a killed process loses nothing that it had received, and to the
disk in small groups, so a crashed machine loses little. A half-written last line is cut off, a
damaged one in the middle passed over; either is told, and asked for again. Memory holds the keys
and where their lines are, never the answers.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Self

from spdkit.collect.errors import CollectError, Refused
from spdkit.common.files import append, lock, make_folder, sync_folder
from spdkit.common.messages import listing

_HEAD = b'{"key":'  # of every line


@dataclass(frozen=True)
class Entry:
    """What the cache has under a key.

    Attributes
    ----------
    response : object
        The answer; None when it was refused, or when it is null.
    refused : tuple of int and str, or None
        The status and message of a refusal.
    """

    response: Any = None
    refused: tuple[int, str] | None = None


class ResponseCache:
    """Answers by key, on disk; a context that holds a lock against a second writer.

    Parameters
    ----------
    path : path
        The JSON-lines file; made, with its folder, when it is not there.
    forget_refusals : bool
        Leave what was refused out, so that it is asked for once more.
    group : int
        Lines between two flushes to the disk.

    Attributes
    ----------
    remarks : list of str
        What was found damaged on opening.
    """

    def __init__(
        self, path: str | os.PathLike[str], *, forget_refusals: bool = False, group: int = 100
    ) -> None:
        self.path = Path(path)
        self.remarks: list[str] = []
        self._forget_refusals, self._group = forget_refusals, group
        self._offsets: dict[str, int] = {}
        self._end = self._unsafe = 0
        self._opened: tuple[IO[bytes], IO[bytes]] | None = None
        self._files = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as files:
            try:
                make_folder(self.path.parent)
                writer = files.enter_context(self.path.open("ab"))
                sync_folder(self.path.parent)
                if not lock(writer.fileno()):
                    raise CollectError(f"{self.path}: another spdkit is writing it")
                # Of its own: an appended line moves the place of the file that it is written to.
                reader = files.enter_context(self.path.open("rb"))
                self._read_index(reader)
                writer.truncate(self._end)
            except OSError as error:
                raise self._unwritable(error) from error
            self._opened, self._files = (reader, writer), files.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        opened, self._opened = self._opened, None
        with self._files:
            if opened is not None:
                self._sync(opened[1])

    def __contains__(self, key: str) -> bool:
        return key in self._offsets

    def __len__(self) -> int:
        return len(self._offsets)

    def get(self, key: str) -> Entry | None:
        """Read what there is under a key; None when nothing is."""
        return self[key] if key in self._offsets else None

    def __getitem__(self, key: str) -> Entry:
        reader, _ = self._both()
        reader.seek(self._offsets[key])
        line = json.loads(reader.readline())
        refused = line.get("refused")
        return Entry(line.get("response"), tuple(refused) if refused else None)

    def put(self, key: str, response: Any) -> None:
        """Keep an answer; a later one under the same key counts."""
        self._append(key, {"key": key, "response": response})

    def put_refusal(self, key: str, refusal: Refused) -> None:
        """Keep the fact that the service said no."""
        self._append(key, {"key": key, "refused": [refusal.status, refusal.message]})

    def _append(self, key: str, line: dict[str, Any]) -> None:
        # ASCII escapes: a service may send half of a surrogate pair, which UTF-8 cannot hold.
        data = json.dumps(line, separators=(",", ":")).encode("ascii") + b"\n"
        _, writer = self._both()
        try:
            append(writer.fileno(), data)
        except OSError as error:
            raise self._unwritable(error) from error
        self._offsets[key] = self._end
        self._end += len(data)
        self._unsafe += 1
        if self._unsafe >= self._group:
            self._sync(writer)

    def _sync(self, file: IO[bytes]) -> None:
        try:
            os.fsync(file.fileno())
        except OSError as error:
            raise self._unwritable(error) from error
        self._unsafe = 0

    def _unwritable(self, error: OSError) -> CollectError:
        return CollectError(f"{self.path}: cannot be written: {error.strerror or error}")

    def _both(self) -> tuple[IO[bytes], IO[bytes]]:
        if self._opened is None:
            raise CollectError(f"{self.path}: the cache is not open")
        return self._opened

    def _read_index(self, file: IO[bytes]) -> None:
        damaged, n_good = [], 0
        self._offsets, self._end = {}, 0
        for number, (offset, line) in enumerate(_lines(file), start=1):
            if not line.endswith(b"\n"):
                self._require_ours(n_good > 0 or line[: len(_HEAD)] == _HEAD[: len(line)])
                self.remarks.append(f"{self.path}: cut off a half-written last line ({number})")
                break
            self._end = offset + len(line)
            try:
                entry = json.loads(line)
                key, good = entry["key"], "response" in entry or "refused" in entry
            except (ValueError, KeyError, TypeError):
                good = False
            n_good += good
            if not good:
                damaged.append(str(number))
            elif "refused" in entry and self._forget_refusals:
                self._offsets.pop(key, None)
            else:
                self._offsets[key] = offset
        self._require_ours(n_good > 0 or not damaged)
        if damaged:
            self.remarks.append(
                f"{self.path}: passed over {len(damaged)} damaged lines ({listing(damaged)})"
            )

    def _require_ours(self, ours: bool) -> None:
        if not ours:
            raise CollectError(f"{self.path}: holds no answers of ours; it is left as it is")


def _lines(file: IO[bytes]) -> Iterator[tuple[int, bytes]]:
    file.seek(0)
    offset = 0
    for line in file:
        yield offset, line
        offset += len(line)
