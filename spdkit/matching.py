"""Songs as a saved model wants them: the same extractors, the same parameters, the same columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from spdkit.errors import SpdkitError
from spdkit.extractors import registry
from spdkit.extractors.base import Extractor
from spdkit.store import FeatureStore
from spdkit.tables import provenance

_SHOWN = 5


class MatchError(SpdkitError):
    """Features that are not those that a model was trained on."""


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


def rebuild_extractors(described: Mapping[str, Any]) -> list[Extractor]:
    """Extractors with the parameters that a store's provenance tells.

    Raises
    ------
    MatchError
        When an extractor is not installed, or not in that version.
    """
    classes = registry.available()
    built = []
    for name, recorded in described.items():
        if name not in classes or "catalog" in recorded["parameters"]:
            source = recorded["parameters"].get("catalog", "a plugin that is not installed")
            raise MatchError(
                f"the model's features of {name!r} come from {source}, so that no folder can be "
                "extracted for it: give a store of the same source"
            )
        known = classes[name]().get_params().keys()
        parameters = {
            key: tuple(value) if isinstance(value, list) else value
            for key, value in recorded["parameters"].items()
            if key in known
        }
        built.append(registry.make(name, **parameters))
    _require_same(described, provenance(built)["extractors"], "this spdkit")
    return built


def match(
    store: FeatureStore,
    described: Mapping[str, Any],
    columns: pd.Index,
    track_ids: Sequence[str] | None = None,
) -> MatchedSongs:
    """Rows of a store as a model wants them.

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
    there = store.provenance["extractors"]
    absent = [name for name in described if name not in there]
    if absent:
        raise MatchError(
            f"{store.path}: has no features of {', '.join(map(repr, absent))}, which the model "
            f"needs; it has {', '.join(map(repr, there))}"
        )
    _require_same(described, there, str(store.path))
    missing = columns.difference(store.var.index, sort=False)
    if len(missing):
        raise MatchError(
            f"{store.path}: lacks {len(missing)} features of the model: "
            f"{', '.join(map(str, missing[:_SHOWN]))}{' …' if len(missing) > _SHOWN else ''}"
        )
    X = store.to_pandas()[list(columns)].astype("float64")
    if track_ids is not None:
        X = X.loc[list(track_ids)]
    empty = X.isna().all(axis=1)
    why = [_why(store, str(track), list(described)) for track in X.index[empty]]
    return MatchedSongs(X[~empty], pd.Series(why, index=X.index[empty], dtype=object))


def _why(store: FeatureStore, track_id: str, extractors: list[str]) -> str:
    row = store.obs.loc[track_id]
    told = [f"{name}: {row[f'{name}_error']}" for name in extractors if row[f"{name}_error"]]
    return "; ".join(told) or "has nothing that the model's features are made from"


def _require_same(wanted: Mapping[str, Any], there: Mapping[str, Any], where: str) -> None:
    changes = []
    for name, recorded in wanted.items():
        before = _identity(recorded)
        after = _identity(there[name])
        changes += [
            f"{name}.{key} is {after.get(key)!r}, was {before.get(key)!r} in training"
            for key in sorted(before.keys() | after.keys())
            if before.get(key) != after.get(key)
        ]
    if changes:
        raise MatchError(f"{where}: other features than the model's: {'; '.join(changes)}")


def _identity(recorded: Mapping[str, Any]) -> dict[str, Any]:
    # Digests of a catalog's files say which songs they hold, not what the features are.
    parameters = {key: value for key, value in recorded["parameters"].items() if key != "sha256"}
    return {"version": recorded["version"], **parameters}
