"""Repair: the rows of a damaged store that are whole, and the damaged file kept beside."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from itertools import chain, count
from pathlib import Path

import numpy as np

from spdkit.common.files import beside, replacing
from spdkit.store.errors import Damage, StoreError
from spdkit.store.feature_store import FeatureTable, table_of
from spdkit.store.layout import layout_of
from spdkit.store.opening import damaged_store, open_hdf5
from spdkit.store.survey import damage_of


def whole_rows(path: Path, damage: Damage) -> FeatureTable | None:
    """Read the rows of a damaged store of which every value is what was written.

    Parameters
    ----------
    path : Path
    damage : Damage
        What a `DamagedStoreError` said of it: the process that found it out survived it.

    Returns
    -------
    FeatureTable or None
        None when no row is whole.

    Raises
    ------
    StoreError
        When the file is damaged further since.
    """
    if damage.n_tracks is None or len(damage.lost_rows) == damage.n_tracks:
        return None
    rows = np.setdiff1d(np.arange(damage.n_tracks), damage.lost_rows)
    runs = np.split(rows, np.flatnonzero(np.diff(rows) > 1) + 1)
    whole = [slice(int(run[0]), int(run[-1]) + 1) for run in runs]
    with open_hdf5(path) as file:
        layout = layout_of(file)
        now = damage_of(file, layout)
        if (() if now is None else now.lost_rows) != damage.lost_rows:
            raise damaged_store(path, damage)
        return table_of(layout, whole)


def keep_beside(path: Path) -> Path:
    """Give a file that is to be replaced a second name, which says that it is damaged.

    It lies beside the file itself, where `path` is a link. Where it has to be copied, the copy is
    whole or not there, and may be read by the same people.

    Raises
    ------
    OSError
    StoreError
        When it cannot be copied.
    """
    file = Path(os.path.realpath(path))
    for name in damaged_names(file):
        if name.exists() and name.samefile(file):
            return name  # of a run that was stopped
        try:
            os.link(file, name)
        except FileExistsError:
            continue
        except OSError:  # a disk without links
            if os.path.lexists(name):
                continue
            with replacing(name, StoreError, like=file) as temporary:
                shutil.copyfile(file, temporary)
        return name
    raise AssertionError("names do not end")


def damaged_names(path: Path) -> Iterator[Path]:
    """Names for what was damaged: ``f.h5.damaged``, ``f.h5.damaged-2`` and on."""
    endings = chain([""], (f"-{number}" for number in count(2)))
    return (beside(path, f".damaged{ending}") for ending in endings)


def set_aside(path: Path) -> Path:
    """Rename a damaged file.

    Raises
    ------
    OSError
    """
    name = next(name for name in damaged_names(path) if not os.path.lexists(name))
    return path.rename(name)
