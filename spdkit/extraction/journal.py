"""Journal: finished results made safe in small shards beside a store, until the store is whole.

For ``features.h5`` it is the folder ``features.h5.journal``. Each shard is itself a feature store,
written to a temporary name, flushed to the disk and renamed, so a kill at any instant loses at most
the results in hand. The folder goes when the final file has taken its place. ``manifest.json`` says
whether the old file is to be replaced; ``lock`` keeps a second batch out.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Self

from filelock import FileLock, Timeout

from spdkit.common.errors import SpdkitError
from spdkit.common.files import write_bytes
from spdkit.common.progress import PATIENCE, progress_bar
from spdkit.store.errors import StoreError
from spdkit.store.feature_store import FeatureStore, FeatureTable, write_store


class JournalError(SpdkitError):
    """A journal that is in use, was made with other parameters, or cannot be written."""


class Journal:
    """Shards of the rows that a batch has finished; a context that holds the lock.

    Parameters
    ----------
    target : Path
        The store that the batch will write.
    """

    def __init__(self, target: Path) -> None:
        self.target = target
        self.folder = target.with_name(target.name + ".journal")
        self._manifest = self.folder / "manifest.json"
        self._lock = FileLock(self.folder / "lock")

    def __enter__(self) -> Self:
        try:
            self.folder.mkdir(exist_ok=True)
            self._lock.acquire(blocking=False)
        except Timeout:
            raise JournalError(f"{self.target}: another spdkit is writing it") from None
        except OSError as error:
            raise self._unwritable(error) from error
        return self

    def __exit__(self, *_: object) -> None:
        if not self.shards():
            # Nothing to resume: leave nothing behind. While the lock is held nobody else is here.
            shutil.rmtree(self.folder, ignore_errors=True)
        self._lock.release()

    def shards(self) -> list[Path]:
        """Whole shards, oldest first."""
        return sorted(self.folder.glob("[0-9]*.h5"))

    def read(self, start: int = 0, *, progress: bool = False) -> list[FeatureTable]:
        """Rows of every shard from number `start`, oldest first."""
        paths = self.shards()[start:]
        tables = []
        bar = progress_bar("joining", len(paths), shown=progress, patience=PATIENCE)
        with bar as advance:
            for path in paths:
                tables.append(FeatureStore.open(path).read())
                advance(False)
        return tables

    def replaces(self) -> bool:
        """Whether an interrupted batch, to be taken up, was to replace the old file."""
        if not self._manifest.exists():
            return False
        try:
            return bool(json.loads(self._manifest.read_text("utf-8"))["replace"])
        except (OSError, ValueError, KeyError) as error:
            raise JournalError(
                f"{self._manifest}: damaged ({error!r}); delete {self.folder} to start again"
            ) from error

    def begin(self, *, fresh: bool, replace: bool) -> None:
        """Write down what the batch does, before its first shard.

        Parameters
        ----------
        fresh : bool
            Forget the shards of an interrupted batch.
        replace : bool
            Whether the final file replaces the old one rather than extend it.
        """
        try:
            # Shards without a manifest were merged by a batch that was killed while cleaning up.
            if fresh or not self._manifest.exists():
                self._discard()
        except OSError as error:
            raise self._unwritable(error) from error
        write_bytes(self._manifest, json.dumps({"replace": replace}).encode(), JournalError)

    def append(self, table: FeatureTable) -> None:
        """Make rows safe as the next shard."""
        shards = self.shards()
        number = int(shards[-1].stem) + 1 if shards else 1
        try:
            write_store(self.folder / f"{number:08d}.h5", table)
        except StoreError as error:
            raise JournalError(
                f"{error}. What was finished before is safe; make room and run again to resume"
            ) from error

    def finish(self) -> None:
        """Forget everything: the final file holds it."""
        self._manifest.unlink(missing_ok=True)
        self._discard()

    def _discard(self) -> None:
        for path in self.folder.iterdir():
            if path.name != "lock":
                path.unlink()

    def _unwritable(self, error: OSError) -> JournalError:
        return JournalError(f"{self.folder}: cannot be written: {error.strerror or error}")
