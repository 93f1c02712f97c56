"""Rows into tables, and tables into one.

The columns of ``obs`` are fixed here: what is known of a track, then for each extractor its status,
its error, the digest of the content it read, and the fields it reports. Tracks and extractors are
sorted by name, so that a store depends on what was extracted and not on when.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from spdkit.common.text import metadata_json, printable, storable
from spdkit.extraction.track_results import Result, Row, Status
from spdkit.extractors.base import Extractor
from spdkit.store.feature_store import FeatureTable, var_table
from spdkit.store.provenance import provenance

PENDING: Status = "pending"
_TRACK_COLUMNS: dict[str, object] = {
    "audio": "",
    "size": -1,
    "modified": "",
    "content": "",
    "metadata": "",
}
_RESULT_COLUMNS: dict[str, object] = {"status": PENDING, "error": "", "content": ""}


def tabulate(rows: Sequence[Row], extractors: Sequence[Extractor]) -> FeatureTable:
    """Rows of one batch as a table; an extractor that a row did not run is "pending" there."""
    ordered = sorted(extractors, key=lambda extractor: extractor.name)
    index = pd.Index([row.track.track_id for row in rows], name="track_id", dtype=object)
    obs: dict[str, object] = {
        "audio": _texts(printable(row.track.audio or "") for row in rows),
        "size": np.array([row.stamp.size for row in rows], dtype=np.int64),
        "modified": _texts(row.stamp.modified for row in rows),
        "content": _texts(row.content for row in rows),
        "metadata": _texts(metadata_json(row.track.metadata) for row in rows),
    }
    blocks = []
    for extractor in ordered:
        results = [row.results.get(extractor.name, Result(PENDING)) for row in rows]
        blank = extractor.absent_row()
        blocks.append(np.stack([blank if r.values is None else r.values for r in results]))
        for column in _RESULT_COLUMNS:
            obs[f"{extractor.name}_{column}"] = _texts(getattr(r, column) for r in results)
        for field, kind in sorted(extractor.obs_fields.items()):
            obs[f"{extractor.name}_{field}"] = (
                np.array([r.obs.get(field, np.nan) for r in results], dtype=np.float64)
                if kind is float
                else _texts(r.obs.get(field, "") for r in results)
            )
    var = pd.concat([var_table(each.name, each.feature_specs) for each in ordered])
    return FeatureTable(
        np.concatenate(blocks, axis=1), pd.DataFrame(obs, index=index), var, provenance(ordered)
    )


def merge(tables: Sequence[FeatureTable]) -> FeatureTable:
    """Join tables of one history, later ones over earlier ones, track by track and extractor.

    Parameters
    ----------
    tables : sequence of FeatureTable
        At least one.

    Returns
    -------
    FeatureTable
        All tracks and all extractors, each sorted by name.
    """
    index = pd.Index(
        sorted(set().union(*(table.obs.index for table in tables))), name="track_id", dtype=object
    )
    described: dict[str, Any] = {}
    for table in tables:
        described.update(table.provenance["extractors"])
    names = sorted(described)
    var = pd.concat([_last_var(tables, name) for name in names])
    X = np.full((len(index), len(var)), np.nan, dtype=np.float32)
    obs = _blank_obs(len(index), described)
    for table in tables:
        rows = index.get_indexer(table.obs.index)
        for column in _TRACK_COLUMNS:
            obs[column][rows] = table.obs[column].to_numpy()
        for name in table.provenance["extractors"]:
            done = (table.obs[f"{name}_status"] != PENDING).to_numpy()
            to = (var["extractor"] == name).to_numpy()
            source = (table.var["extractor"] == name).to_numpy()
            X[np.ix_(rows[done], to)] = table.X[np.ix_(done, source)]
            for column in _columns_of(name, described[name]):
                obs[column][rows[done]] = table.obs[column].to_numpy()[done]
    return FeatureTable(
        X,
        pd.DataFrame(obs, index=index),
        var,
        {
            "packages": _all_versions([table.provenance["packages"] for table in tables]),
            "extractors": {name: described[name] for name in names},
        },
    )


def _texts(values: Iterable[object]) -> list[str]:
    return [storable(value) for value in values]


def _last_var(tables: Sequence[FeatureTable], name: str) -> pd.DataFrame:
    holder = [table for table in tables if name in table.provenance["extractors"]][-1]
    return holder.var[holder.var["extractor"] == name]


def _columns_of(name: str, description: dict[str, Any]) -> list[str]:
    return [f"{name}_{column}" for column in (*_RESULT_COLUMNS, *description["obs_fields"])]


def _blank_obs(n_tracks: int, described: dict[str, Any]) -> dict[str, NDArray[Any]]:
    blanks = dict(_TRACK_COLUMNS)
    for name in sorted(described):
        kinds = described[name]["obs_fields"]
        for column, blank in _RESULT_COLUMNS.items():
            blanks[f"{name}_{column}"] = blank
        for field, kind in kinds.items():
            blanks[f"{name}_{field}"] = np.nan if kind == "float" else ""
    dtypes: dict[type, type] = {str: object, int: np.int64, float: np.float64}
    return {
        column: np.full(n_tracks, blank, dtype=dtypes[type(blank)])
        for column, blank in blanks.items()
    }


def _all_versions(histories: Sequence[dict[str, list[str]]]) -> dict[str, list[str]]:
    packages = sorted({package for history in histories for package in history})
    return {
        package: sorted({v for history in histories for v in history.get(package, [])})
        for package in packages
    }
