"""Summary of a feature file, which prints and goes to JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from spdkit.store.feature_store import FeatureStore

_STATUSES = ("ok", "absent", "failed", "pending")


@dataclass(frozen=True)
class ExtractorSummary:
    """One extractor's share of a store.

    Attributes
    ----------
    name, version, modality : str
    n_features : int
    n_ok, n_absent, n_failed, n_pending : int
        Tracks by status; pending were never asked of this extractor.
    parameters : dict
    """

    name: str
    version: str
    modality: str
    n_features: int
    n_ok: int
    n_absent: int
    n_failed: int
    n_pending: int
    parameters: dict[str, Any]


@dataclass(frozen=True)
class StoreSummary:
    """A store at a glance.

    Attributes
    ----------
    path : str
    n_tracks, n_features : int
    extractors : tuple of ExtractorSummary
    failures : tuple of dict
        ``track_id``, ``extractor``, ``reason`` of every failure.
    remarks : tuple of dict
        ``track_id``, ``extractor``, ``remark`` of tracks that went well with something to know.
    packages : dict
        Versions of the packages that wrote rows.
    constant : tuple of str
        Features that are the same number in all tracks that have them, two at least.
    """

    path: str
    n_tracks: int
    n_features: int
    extractors: tuple[ExtractorSummary, ...]
    failures: tuple[dict[str, str], ...]
    remarks: tuple[dict[str, str], ...]
    packages: dict[str, list[str]]
    constant: tuple[str, ...]


def summarise(store: FeatureStore) -> StoreSummary:
    """Count what a store holds, extractor by extractor."""
    return StoreSummary(
        path=str(store.path),
        n_tracks=len(store.obs),
        n_features=len(store.var),
        extractors=tuple(_summarise(store, name) for name in store.provenance["extractors"]),
        failures=_texts(store, "error", "reason"),
        remarks=_texts(store, "note", "remark"),
        packages=store.provenance["packages"],
        constant=_constant(store),
    )


def feature_statistics(store: FeatureStore) -> pd.DataFrame:
    """Range of every feature over the tracks that have it.

    Returns
    -------
    DataFrame, indexed by feature name
        extractor, unit, n_missing, mean, std, min, median, max. NaN where no track has the feature.
    """
    table = store.to_pandas().astype(np.float64)
    statistics = table.agg(["mean", "std", "min", "median", "max"]).T
    statistics.insert(0, "n_missing", table.isna().sum())
    return store.var[["extractor", "unit"]].join(statistics)


def _constant(store: FeatureStore) -> tuple[str, ...]:
    low, high = np.full(len(store.var), np.inf), np.full(len(store.var), -np.inf)
    n_tracks = np.zeros(len(store.var), dtype=np.int64)
    for X in store.blocks():
        low = np.fmin(low, np.fmin.reduce(X))
        high = np.fmax(high, np.fmax.reduce(X))
        n_tracks += (~np.isnan(X)).sum(axis=0)
    return tuple(map(str, store.var.index[(n_tracks > 1) & (low == high)]))


def _texts(store: FeatureStore, field: str, label: str) -> tuple[dict[str, str], ...]:
    """What each extractor's field of ``obs`` says of tracks, where it says anything."""
    return tuple(
        {"track_id": str(track_id), "extractor": name, label: str(text)}
        for name in store.provenance["extractors"]
        if f"{name}_{field}" in store.obs
        for track_id, text in store.obs[f"{name}_{field}"].items()
        if text
    )


def _summarise(store: FeatureStore, name: str) -> ExtractorSummary:
    described = store.provenance["extractors"][name]
    counts = store.obs[f"{name}_status"].value_counts()
    return ExtractorSummary(
        name=name,
        version=described["version"],
        modality=described["modality"],
        n_features=int((store.var["extractor"] == name).sum()),
        parameters=described["parameters"],
        **{f"n_{status}": int(counts.get(status, 0)) for status in _STATUSES},
    )
