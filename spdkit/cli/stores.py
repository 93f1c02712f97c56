"""Stores: feature files that commands read, and the journals of those that are not there yet."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from spdkit import extraction, store
from spdkit.common.errors import SpdkitError
from spdkit.common.files import user_path

if TYPE_CHECKING:
    from spdkit.store.feature_store import FeatureStore


def open_store(file: Path) -> FeatureStore:
    """Open a feature file.

    Raises
    ------
    SpdkitError
        As `require_finished` and `FeatureStore.open` do.
    """
    require_finished(file)
    return store.FeatureStore.open(file)


def require_finished(file: Path) -> None:
    """Say of a file that is not there when an extraction to it was interrupted.

    Raises
    ------
    SpdkitError
    """
    if not user_path(file).exists() and (journal := unfinished_journal(file)) is not None:
        raise SpdkitError(
            f"{file}: is not there yet: an extraction to it was interrupted, or is at work. What "
            f"is finished is safe in {journal}; `spdkit extract … -o {file}`, as it was run, "
            "resumes it"
        )


def stored_tracks(file: Path) -> list[str]:
    """Ids of the tracks in a feature file, and in the journal of one that is not finished.

    Raises
    ------
    StoreError
    """
    folder = unfinished_journal(file)
    shards = () if folder is None else sorted(folder.glob("*.h5"))
    place = user_path(file)
    parts = [path for path in (place, *shards) if path.exists()]
    return [str(name) for path in parts for name in store.FeatureStore.open(path).obs.index]


def unfinished_journal(target: Path) -> Path | None:
    """Folder beside the output of a batch, where it has finished tracks that are not in it yet."""
    try:
        folder = extraction.journal.journal_folder(user_path(target))
    except OSError:  # no file can be there
        return None
    return folder if any(folder.glob("*.h5")) else None
