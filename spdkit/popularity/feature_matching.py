"""Feature matching: songs of a store with the extractors, parameters and columns of a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from spdkit.common.messages import listing
from spdkit.store.feature_store import FeatureStore
from spdkit.store.provenance import MatchError, require_same


@dataclass(frozen=True)
class MatchedSongs:
    """Songs of a store, for a model.

    Attributes
    ----------
    X : DataFrame
        One row a song that has any of the features; columns as in training.
    left_out : Series of str
        track_id -> why, of those that have none.
    """

    X: pd.DataFrame
    left_out: pd.Series


def match(
    store: FeatureStore,
    described: Mapping[str, Any],
    columns: pd.Index,
    track_ids: Sequence[str] | None = None,
) -> MatchedSongs:
    """Rows of a store with the columns of a model.

    Parameters
    ----------
    store : FeatureStore
    described : mapping
        The extractors that the model's features came from, as in a store's provenance.
    columns : Index
        The model's features, in its order.
    track_ids : sequence of str, optional
        Which tracks; all by default.

    Raises
    ------
    MatchError
        When the store lacks features, or has them by another version or other parameters.
    """
    current = store.provenance["extractors"]
    absent = [name for name in described if name not in current]
    if absent:
        raise MatchError(
            f"{store.path}: has no features of {', '.join(map(repr, absent))}, which the model "
            f"needs; it has {', '.join(map(repr, current))}"
        )
    require_same(described, current, str(store.path))
    missing = columns.difference(store.var.index, sort=False)
    if len(missing):
        raise MatchError(
            f"{store.path}: lacks {len(missing)} features of the model: {listing(list(missing))}"
        )
    X = store.to_pandas()[list(columns)].astype("float64")
    if track_ids is not None:
        X = X.loc[list(track_ids)]
    empty = X.isna().all(axis=1)
    why = [_why(store, str(track), list(described)) for track in X.index[empty]]
    return MatchedSongs(X[~empty], pd.Series(why, index=X.index[empty], dtype=object))


def _why(store: FeatureStore, track_id: str, extractors: list[str]) -> str:
    row = store.obs.loc[track_id]
    reasons = [f"{name}: {row[f'{name}_error']}" for name in extractors if row[f"{name}_error"]]
    return "; ".join(reasons) or "has nothing that the model's features are made from"
