"""Songs of a catalog: the rows of the tables, their features, and how they are split.

Conventions
-----------
``small`` is the numbers of the catalog as they are, without what only ``wide`` has: release year,
track number, explicit, the key as twelve columns of 0 and 1, and the 150 commonest genres of the
artists. Which genres are common is learned on training rows, so ``wide`` is made anew for every
fold. What is unknown (a key, all genres of a song) is NaN in each of its columns.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from spdkit import catalogs
from spdkit.catalogs import GenreEncoder
from spdkit.evaluation.splits import Splits, split
from spdkit.popularity.cross_validation import Songs
from spdkit.popularity.labels import classify
from spdkit.store import dataset

Index = NDArray[np.intp]
FEATURES = ("small", "wide")
N_GENRES = 150
N_KEYS = 12
_KEY = "spotify_key"
_WIDE_ONLY = ("release_year", "track_number", "explicit")


@dataclass(frozen=True, eq=False)
class Rows:
    """Songs with everything that any set of features needs.

    Attributes
    ----------
    title : str
        Of the data set.
    X : DataFrame, shape (n_rows, n_columns)
        The numbers of the catalog.
    genres : ndarray of object, shape (n_rows,)
        A tuple of genres each, or None where they are unknown.
    y : ndarray, shape (n_rows,)
        Popularity in [0, 100].
    groups : ndarray of str, shape (n_rows,)
        Artists.
    files : dict of str to str
        Name of each table and its SHA-256.
    """

    title: str
    X: pd.DataFrame
    genres: NDArray[Any]
    y: NDArray[np.float64]
    groups: NDArray[Any]
    files: dict[str, str]

    def __len__(self) -> int:
        return len(self.y)

    def features(self, which: str, training: Index) -> pd.DataFrame:
        """Features of all rows; what has to be learned is learned on `training`."""
        narrow = self.X.drop(columns=[name for name in _WIDE_ONLY if name in self.X])
        if which == "small":
            return narrow
        encoder = GenreEncoder(N_GENRES).fit(self.genres[training])
        genres = pd.DataFrame(
            encoder.transform(self.genres), self.X.index, encoder.get_feature_names_out()
        )
        return pd.concat([self.X.drop(columns=_KEY), _keys(self.X[_KEY]), genres], axis=1)

    def songs(self, which: str, training: Index) -> Songs:
        """All rows as `spdkit.popularity.cross_validation` takes them."""
        return Songs(self.features(which, training), self.y, self.groups)

    def head(self, n_rows: int) -> Rows:
        """The first rows."""
        few = slice(n_rows)
        parts = (self.X.iloc[few], self.genres[few], self.y[few], self.groups[few])
        return Rows(self.title, *parts, self.files)


@cache
def splits(rows: Rows, protocol: str, k: int, test_share: float) -> Splits:
    """How a protocol splits rows, by classes of popularity and artists."""
    return split(
        protocol,
        len(rows),
        classes=classify(rows.y),
        groups=rows.groups,
        k=k,
        test_share=test_share,
    )


@cache
def fingerprint(rows: Rows, which: str) -> str:
    """What tells rows and their features from any others."""
    few = rows.head(1000)
    features = few.features(which, np.arange(0, len(few), 2))
    arrays = [rows.X.to_numpy(), rows.y, features.to_numpy()]
    texts = [*features.columns, *rows.genres, *rows.groups]
    return digest(*arrays, *map(str, texts))


def digest(*parts: Any) -> str:
    """SHA-256 of texts and arrays of numbers, in hexadecimal."""
    total = hashlib.sha256()
    for part in parts:
        if not isinstance(part, str):
            array = np.ascontiguousarray(part)
            total.update(f"{array.dtype.str}{array.shape}".encode())
            total.update(array.tobytes())
        else:
            total.update(f"{len(part)}:{part}".encode())
    return total.hexdigest()


def load(catalog: str, folder: Path, work: Path) -> Rows:
    """Read a catalog's tables.

    Parameters
    ----------
    catalog : {"musicoset", "spotgentrack"}
    folder : Path
        Where the tables are.
    work : Path
        Where a feature file may be written.

    Raises
    ------
    SpdkitError
        When the tables are not there, not whole, or without artists.
    """
    tables = catalogs.get(catalog).load(folder)
    data = dataset.load(tables.to_store(work / f"{catalog}.h5"))
    assert data.groups is not None  # both catalogs have artist_id
    genres = np.empty(len(data.y), dtype=object)
    genres[:] = [None if cell is None else tuple(cell) for cell in _lists(data.about["genres"])]
    return Rows(
        tables.catalog.title,
        data.X,
        genres,
        data.y.to_numpy(),
        data.groups.to_numpy(),
        dict(tables.files.values()),
    )


def _lists(cells: pd.Series) -> list[Any]:
    return [cell if isinstance(cell, list | tuple) else None for cell in cells]


def _keys(key: pd.Series) -> pd.DataFrame:
    number = key.to_numpy()[:, None]
    hot = np.where(np.isnan(number), np.nan, number == np.arange(N_KEYS))
    return pd.DataFrame(hot, key.index, [f"key_{i}" for i in range(N_KEYS)])
