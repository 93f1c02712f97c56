"""Genres as columns: one for each of the commonest genres of the training rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from spdkit.catalogs.errors import CatalogError


class GenreEncoder(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Multi-hot columns of the commonest genres among the rows it is fitted on.

    Fit it on training rows only, for example as a step of a pipeline: which genres are common is
    something learned. A genre that it did not learn sets no column.

    Parameters
    ----------
    n_genres : int
        How many columns at most.

    Attributes
    ----------
    genres_ : ndarray of str, shape (at most n_genres,)
        The commonest first, equally common ones by name.

    Notes
    -----
    A row whose genres are unknown (None or NaN) is NaN throughout; an empty list is a row of 0.

    Examples
    --------
    >>> encoder = GenreEncoder(n_genres=2).fit([["pop"], ["rock", "pop"], ["ska", "rock", "pop"]])
    >>> encoder.get_feature_names_out().tolist()
    ['genre_pop', 'genre_rock']
    >>> encoder.transform([["ska", "rock"], []]).tolist()
    [[0.0, 1.0], [0.0, 0.0]]
    """

    def __init__(self, n_genres: int = 150) -> None:
        self.n_genres = n_genres

    def fit(self, X: object, y: object = None) -> Self:
        """Count the genres.

        Parameters
        ----------
        X : Series, DataFrame or ndarray of one column, or sequence
            For each row a list of genres.

        Raises
        ------
        CatalogError
            When `n_genres` is below 1, or a row is no list of texts.
        """
        if not self.n_genres >= 1:
            raise CatalogError(f"n_genres must be at least 1, got {self.n_genres}")
        rows = _rows(X)
        counts = Counter(genre for row in rows if row is not None for genre in row)
        ranked = sorted(counts, key=lambda genre: (-counts[genre], genre))
        self.genres_ = np.array(ranked[: self.n_genres], dtype=object)
        self.n_features_in_ = 1
        return self

    def transform(self, X: object) -> NDArray[np.float64]:
        """One row a track, one column a genre: 1 where the track has it, else 0.

        Returns
        -------
        ndarray of float64, shape (n_rows, n_genres)
        """
        check_is_fitted(self)
        column = {genre: index for index, genre in enumerate(self.genres_)}
        rows = _rows(X)
        hot = np.zeros((len(rows), len(column)))
        for row, genres in zip(hot, rows, strict=True):
            if genres is None:
                row[:] = np.nan
            else:
                row[[column[genre] for genre in genres if genre in column]] = 1.0
        return hot

    def get_feature_names_out(self, input_features: object = None) -> NDArray[np.object_]:
        """``genre_`` and the name of each genre, shape (n_genres,)."""
        check_is_fitted(self)
        return np.array([f"genre_{genre}" for genre in self.genres_], dtype=object)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.allow_nan = True
        return tags


def _rows(X: Any) -> list[frozenset[str] | None]:
    """The genres of each row; None where they are unknown."""
    if isinstance(X, pd.DataFrame):
        if X.shape[1] != 1:
            raise CatalogError(f"GenreEncoder takes one column of genres, got {X.shape[1]}")
        cells: Iterable[object] = X.iloc[:, 0]
    elif isinstance(X, np.ndarray) and X.ndim == 2 and X.shape[1] == 1:
        cells = X[:, 0]
    else:
        cells = X
    return [_genres(cell, number) for number, cell in enumerate(cells)]


def _genres(cell: object, number: int) -> frozenset[str] | None:
    if cell is None or (isinstance(cell, float) and np.isnan(cell)):
        return None
    if isinstance(cell, list | tuple | set | frozenset | np.ndarray):
        genres = list(cell)
        if all(isinstance(genre, str) for genre in genres):
            return frozenset(genres)
    raise CatalogError(f"genres of position {number} are no list of texts: {cell!r}")
