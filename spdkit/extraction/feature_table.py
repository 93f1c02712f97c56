"""Feature table: track results as one table, and tables joined.

The columns of ``obs`` are fixed here: what is known of a track, then for each extractor its status,
its error, the fingerprint of the part that it read (``content``), and the fields it reports. Tracks
and extractors are sorted by name, so that a store depends on what was extracted and not on when.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from spdkit.common.text import metadata_json, storable
from spdkit.extraction.track_results import ExtractorResult, Status, TrackResult
from spdkit.extractors.base import Extractor
from spdkit.store.feature_store import FeatureTable, var_table
from spdkit.store.provenance import changes, provenance
from spdkit.tracks.addresses import shown

PENDING: Status = "pending"
_TRACK_BLANKS = {"audio": "", "size": -1, "modified": "", "content": "", "metadata": ""}
_DTYPES: dict[type, type] = {str: object, int: np.int64, float: np.float64}


def tabulate(results: Sequence[TrackResult], extractors: Sequence[Extractor]) -> FeatureTable:
    """Results of one batch as a table; what an extractor did not run on is "pending" there."""
    ordered = sorted(extractors, key=lambda extractor: extractor.name)
    made_by = provenance(ordered)
    ids = pd.Index([result.track.track_id for result in results], name="track_id", dtype=object)
    obs: dict[str, object] = {
        "audio": [shown(result.track.audio) for result in results],
        "size": np.array([result.stamp.size for result in results], dtype=np.int64),
        "modified": _texts(result.stamp.modified for result in results),
        "content": _texts(result.fingerprint for result in results),
        "metadata": _texts(metadata_json(result.track.metadata) for result in results),
    }
    features = []
    for extractor in ordered:
        name, absent = extractor.name, extractor.absent_row()
        parts = [result.results.get(name, ExtractorResult(PENDING)) for result in results]
        features.append(np.stack([absent if p.values is None else p.values for p in parts]))
        for column, blank in _result_blanks(made_by["extractors"][name]).items():
            cells = [_cell(part, column, blank) for part in parts]
            obs[f"{name}_{column}"] = (
                np.array(cells, dtype=np.float64) if isinstance(blank, float) else _texts(cells)
            )
    var = pd.concat([var_table(each.name, each.feature_specs) for each in ordered])
    return FeatureTable(
        np.concatenate(features, axis=1), pd.DataFrame(obs, index=ids), var, made_by
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
    ids = pd.Index(
        sorted(set().union(*(table.obs.index for table in tables))), name="track_id", dtype=object
    )
    described: dict[str, Any] = {}
    for table in tables:
        described.update(table.provenance["extractors"])
    described = dict(sorted(described.items()))
    columns = {
        name: {f"{name}_{column}": blank for column, blank in _result_blanks(facts).items()}
        for name, facts in described.items()
    }
    var = pd.concat([_last_var(tables, name) for name in described])
    X = np.full((len(ids), len(var)), np.nan, dtype=np.float32)
    blanks: dict[str, object] = {**_TRACK_BLANKS}
    for of_extractor in columns.values():
        blanks |= of_extractor
    obs: dict[str, NDArray[Any]] = {
        column: np.full(len(ids), blank, dtype=_DTYPES[type(blank)])
        for column, blank in blanks.items()
    }
    for table in tables:
        rows = ids.get_indexer(table.obs.index)
        for column in _TRACK_BLANKS:
            obs[column][rows] = table.obs[column].to_numpy()
        for name in table.provenance["extractors"]:
            done = (table.obs[f"{name}_status"] != PENDING).to_numpy()
            to = (var["extractor"] == name).to_numpy()
            source = (table.var["extractor"] == name).to_numpy()
            X[np.ix_(rows[done], to)] = table.X[np.ix_(done, source)]
            for column in columns[name]:
                obs[column][rows[done]] = table.obs[column].to_numpy()[done]
    packages = _all_versions([table.provenance["packages"] for table in tables])
    return FeatureTable(
        X, pd.DataFrame(obs, index=ids), var, {"packages": packages, "extractors": described}
    )


def mixture(tables: Sequence[FeatureTable]) -> str:
    """Say why tables are not of one history and cannot be merged; empty where they can.

    An extractor must have one version, the same parameters, fields and columns in all.
    """
    described: dict[str, Any] = {}
    features: dict[str, list[str]] = {}
    for table in tables:
        extractors = table.provenance["extractors"]
        for name, before, now in changes(described, extractors):
            return f"{name} is {now!r} in one part and {before!r} in another"
        for name, facts in extractors.items():
            columns = list(table.var.index[table.var["extractor"] == name])
            before = described.get(name, facts)["obs_fields"], features.get(name, columns)
            if before != (facts["obs_fields"], columns):
                return f"{name} has other columns in one part than in another"
            described[name], features[name] = facts, columns
    return ""


def _result_blanks(description: Mapping[str, Any]) -> dict[str, object]:
    """Columns of an extractor's results, and what each holds before it has run."""
    fields = description["obs_fields"].items()
    blanks = {name: np.nan if kind == "float" else "" for name, kind in fields}
    return {"status": PENDING, "error": "", "content": "", **blanks}


def _cell(result: ExtractorResult, column: str, blank: object) -> object:
    own = {"status": result.status, "error": result.error, "content": result.fingerprint}
    return own[column] if column in own else result.obs.get(column, blank)


def _texts(values: Iterable[object]) -> list[str]:
    return [storable(value) for value in values]


def _last_var(tables: Sequence[FeatureTable], name: str) -> pd.DataFrame:
    holder = [table for table in tables if name in table.provenance["extractors"]][-1]
    return holder.var[holder.var["extractor"] == name]


def _all_versions(histories: Sequence[dict[str, list[str]]]) -> dict[str, list[str]]:
    packages = sorted({package for history in histories for package in history})
    return {
        package: sorted({v for history in histories for v in history.get(package, [])})
        for package in packages
    }
