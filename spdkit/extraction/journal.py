"""Journal: finished results made safe in small shards beside a store, until the store is whole.

For ``features.h5`` it is the folder ``features.h5.journal``; for a link, that of the file to which
the link leads, so that a store has one journal, whatever it is called; of a name as long as names
can be, the beginning and a digest. Each shard is itself a feature store, written to a temporary
name, flushed to the disk and renamed, so a kill at any instant loses at most the results in hand.
The folder goes when the final file has taken its place. ``manifest.json`` says whether the old file
is to be replaced; ``lock`` keeps a second batch out.

What is too large for a shard (the clips of a song) has a file of its own there, whose name is a
digest, and which goes with the shards.

Only files with these names are ever removed, of shards those that are stores, and what killed
writers left (`spdkit.common.files`). A shard or a manifest that is damaged gets another name
(``00000001.h5.damaged``) and stays.
"""

from __future__ import annotations

import errno
import json
import os
import re
import stat
import warnings
from pathlib import Path
from types import TracebackType
from typing import Self

from filelock import FileLock, Timeout

from spdkit.common.errors import SpdkitError, SpdkitWarning
from spdkit.common.files import beside, clear_leftovers, end_of_links, write_bytes
from spdkit.common.messages import listing
from spdkit.common.progress import PATIENCE, progress_bar
from spdkit.store.errors import DamagedStoreError, StoreError, StoreInUseError
from spdkit.store.feature_store import FeatureStore, FeatureTable, write_store
from spdkit.store.opening import was_store
from spdkit.store.repair import set_aside
from spdkit.store.seal import Seal
from spdkit.store.vetting import seal_of, vet
from spdkit.tracks.fingerprint import digest_text

_SHARD = re.compile(r"(\d{8})\.h5")
_DAMAGED_SHARD = re.compile(r"(\d{8})\.h5\.damaged(-\d+)?")
_PART = re.compile(r"[0-9a-f]{32}\.part")
_TRIES = 3


class JournalError(SpdkitError):
    """A journal that is in use, was made with other parameters, or cannot be written."""


def journal_folder(target: Path) -> Path:
    """Where the journal of a store lies: beside the file itself, whatever links lead to it.

    Raises
    ------
    OSError
        When no file can have that name, or links go in a circle.
    """
    return beside(end_of_links(target), ".journal")


def part_file(folder: Path, track_id: str) -> Path:
    """Where in the folder of a journal what a track has besides its row lies."""
    return folder / f"{digest_text(track_id)}.part"


class Journal:
    """Shards of the rows that a batch has finished; a context that holds the lock.

    Parameters
    ----------
    target : Path
        The store that the batch will write.

    Raises
    ------
    JournalError
        When no file can have that name.
    """

    def __init__(self, target: Path) -> None:
        self.target = target
        try:
            self.folder = journal_folder(target)
        except OSError as error:
            raise JournalError(f"{target}: cannot be written: {error.strerror or error}") from error
        self._manifest = self.folder / "manifest.json"
        self._lock_file = self.folder / "lock"
        self._lock = FileLock(self._lock_file)
        # Named like shards, and no stores.
        self._others = frozenset[Path]()
        self._damaged = set[Path]()

    def __enter__(self) -> Self:
        try:
            for _ in range(_TRIES):
                self._make_folder()
                try:
                    self._lock.acquire(blocking=False)
                except FileNotFoundError:
                    continue
                if self._lock_file.exists():
                    return self
                # Another batch ended and cleared its journal at this moment.
                self._lock.release()
        except Timeout:
            raise JournalError(f"{self.target}: another spdkit is writing it") from None
        except OSError as error:
            raise self._unwritable(error) from error
        raise JournalError(f"{self.target}: another spdkit is writing it")

    def __exit__(
        self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None
    ) -> None:
        try:
            if not self.shards():
                # Nothing to resume: leave nothing behind. While the lock is held nobody else is
                # here.
                self.finish()
                _remove(self._lock_file)
                self.folder.rmdir()
        except (OSError, JournalError) as error:
            full = isinstance(error, OSError) and error.errno in (errno.ENOTEMPTY, errno.EEXIST)
            if kind is None and full:
                self._remark_on_rest()
            elif kind is None and isinstance(error, JournalError):
                raise
        finally:
            self._lock.release()

    def shards(self) -> list[Path]:
        """Whole shards, oldest first."""
        named = {path for path in self._entries() if _SHARD.fullmatch(path.name) and _is_file(path)}
        return sorted(named - self._others)

    def read(self, start: int = 0, *, progress: bool = False) -> list[FeatureTable]:
        """Rows of every shard from number `start`, oldest first.

        A damaged one is set aside with a warning.

        Raises
        ------
        StoreInUseError
        JournalError
            When a damaged shard cannot be renamed.
        """
        paths = self.shards()[start:]
        if start == 0:
            self._remark_on_gaps()
        seals = {path: seal_of(path) for path in paths}
        # Of an older spdkit, or cut off.
        problems: dict[Path, StoreError] = vet([p for p in paths if seals[p] is Seal.MISSING])
        tables = []
        bar = progress_bar("joining", len(paths), shown=progress, patience=PATIENCE)
        with bar as advance:
            for path in paths:
                advance(False)
                if path in problems or seals[path] is Seal.BROKEN:
                    self._set_aside(path, problems.get(path))
                    continue
                try:
                    tables.append(FeatureStore(path).read())
                except StoreInUseError:
                    raise
                except StoreError as error:
                    self._set_aside(path, error)
        return tables

    def replaces(self) -> bool:
        """Whether an interrupted batch, to be taken up, was to replace the old file.

        A manifest that is damaged is set aside with a warning; nothing is replaced then.

        Raises
        ------
        JournalError
            When what has the name of the manifest is no file, or cannot be read.
        """
        if not os.path.lexists(self._manifest):
            return False
        self._require_file(self._manifest)
        try:
            content = json.loads(self._manifest.read_text("utf-8"))
        except OSError as error:
            raise JournalError(
                f"{self._manifest}: cannot be read: {error.strerror or error}. Make it readable; "
                f"or move {self.folder} away, and what it holds is done again"
            ) from error
        except (ValueError, RecursionError):
            content = None
        if isinstance(content, dict) and isinstance(content.get("replace"), bool):
            return bool(content["replace"])
        name = self._renamed(self._manifest)
        warnings.warn(
            f"{self._manifest}: damaged, and kept as {name}. The batch that was stopped is taken "
            f"for one that extends {self.target.name}; if it was to replace it, use overwrite "
            "(--overwrite)",
            SpdkitWarning,
            stacklevel=2,
        )
        self._write_manifest(replace=False)
        return False

    def begin(self, *, fresh: bool, replace: bool) -> None:
        """Write down what the batch does, before its first shard.

        Parameters
        ----------
        fresh : bool
            Forget the shards of an interrupted batch.
        replace : bool
            Whether the final file replaces the old one rather than extend it.
        """
        if os.path.lexists(self._manifest):
            self._require_file(self._manifest)
        try:
            # Shards without a manifest were merged by a batch that was killed while cleaning up.
            if fresh or not self._manifest.exists():
                self._discard()
        except OSError as error:
            raise self._unwritable(error) from error
        self._write_manifest(replace=replace)

    def append(self, table: FeatureTable) -> None:
        """Make rows safe as the next shard."""
        shards = self.shards()
        number = int(shards[-1].stem) + 1 if shards else 1
        while os.path.lexists(path := self.folder / f"{number:08d}.h5"):  # somebody else's
            number += 1
        try:
            write_store(path, table)
        except StoreError as error:
            raise JournalError(
                f"{error}. What was finished before is safe: run this again to resume"
            ) from error

    def finish(self) -> None:
        """Forget everything: the final file holds it."""
        try:
            _remove(self._manifest)
            self._discard()
        except OSError as error:
            raise JournalError(
                f"{self.folder}: cannot be cleared: {error.strerror or error}. Nothing is lost, "
                f"and the next run clears it"
            ) from error

    def _entries(self) -> list[Path]:
        return list(self.folder.iterdir()) if self.folder.is_dir() else []

    def _discard(self) -> None:
        if not self.folder.is_dir():
            return
        clear_leftovers(self.folder)
        for path in self.shards():
            if was_store(path):
                path.unlink()
        for path in self._entries():
            if _PART.fullmatch(path.name):
                _remove(path)
        self._others |= set(self.shards())

    def _make_folder(self) -> None:
        if self.folder.is_symlink() or (self.folder.exists() and not self.folder.is_dir()):
            kind = "a link" if self.folder.is_symlink() else "no folder"
            raise JournalError(
                f"{self.folder}: is {kind}, where the journal of {self.target.name} has its "
                "place: move it away"
            )
        self.folder.mkdir(exist_ok=True)
        if os.path.lexists(self._lock_file):
            self._require_file(self._lock_file)
            if self._lock_file.stat().st_size:  # taking the lock would empty it
                raise JournalError(f"{self._lock_file}: is no lock of spdkit: move it away")

    def _require_file(self, path: Path) -> None:
        if not _is_file(path):
            raise JournalError(f"{path}: is no regular file, so none of spdkit's: move it away")

    def _write_manifest(self, *, replace: bool) -> None:
        write_bytes(self._manifest, json.dumps({"replace": replace}).encode(), JournalError)

    def _set_aside(self, path: Path, problem: StoreError | None) -> None:
        reason = "bytes of it have changed" if problem is None else str(problem)
        if isinstance(problem, DamagedStoreError):
            reason = problem.damage.reason
        warnings.warn(
            f"{path}: damaged, and kept as {self._renamed(path)}, to look at and delete when this "
            f"run is over; its tracks are done again ({reason})",
            SpdkitWarning,
            stacklevel=3,
        )

    def _renamed(self, path: Path) -> str:
        try:
            copy = set_aside(path)
        except OSError as error:
            raise JournalError(
                f"{path}: damaged, and cannot be renamed: {error.strerror or error}. Move it away"
            ) from error
        self._damaged.add(copy)
        return copy.name

    def _remark_on_gaps(self) -> None:
        names = [path.name for path in self._entries()]
        matches = [_SHARD.fullmatch(n) or _DAMAGED_SHARD.fullmatch(n) for n in names]
        there = {int(match.group(1)) for match in matches if match}
        last = max((int(path.stem) for path in self.shards()), default=0)
        gaps = sorted(set(range(1, last)) - there)
        if gaps:
            warnings.warn(
                f"{self.folder}: {listing([f'{number:08d}.h5' for number in gaps])} missing; their "
                "tracks are done again",
                SpdkitWarning,
                stacklevel=3,
            )

    def _remark_on_rest(self) -> None:
        rest = sorted(path.name for path in set(self._entries()) - self._damaged)
        if not rest:  # this run has told of all that is there
            return
        warnings.warn(
            f"{self.folder}: is done with, and stays for what is damaged or not of spdkit: "
            f"{listing(rest, quote=True)}. Look at it, and delete the folder",
            SpdkitWarning,
            stacklevel=3,
        )

    def _unwritable(self, error: OSError) -> JournalError:
        return JournalError(f"{self.folder}: cannot be written: {error.strerror or error}")


def _is_file(path: Path) -> bool:
    """Whether it is a file itself, and no link to one."""
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except OSError:
        return False


def _remove(path: Path) -> None:
    if _is_file(path):
        path.unlink(missing_ok=True)
