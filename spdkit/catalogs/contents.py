"""Contents of a catalog as a feature table, of the same nodes as an extracted one.

Each group of features stands where an extractor stands in `docs/FORMAT.md`: its columns in ``var``,
its status in ``obs``, and in the provenance the catalog, its version and the files with their
SHA-256 as its parameters. Its version is no extractor's, so that a batch refuses to extend a group
with numbers of its own making.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from spdkit.catalogs.errors import CatalogError
from spdkit.common.text import metadata_json, storable
from spdkit.store.feature_store import FeatureTable, var_table
from spdkit.store.provenance import provenance

if TYPE_CHECKING:
    from spdkit.extractors.base import FeatureSpec, Modality


@dataclass(frozen=True)
class Source:
    """Where the numbers come from, for the provenance of a store.

    Attributes
    ----------
    name, version, url : str
        Of the catalog.
    files : mapping of str to (str, str)
        For each table the name of its file and the file's SHA-256 in hexadecimal.
    """

    name: str
    version: str
    url: str
    files: Mapping[str, tuple[str, str]]


@dataclass(frozen=True)
class FeatureGroup:
    """Features of one modality.

    Attributes
    ----------
    name : str
        What the columns belong to, as an extractor's name would be.
    modality : {"audio", "lyrics", "metadata"}
    specs : tuple of FeatureSpec
        One a column of `values`, of the same names and order.
    values : DataFrame, indexed by ``track_id``
        Tracks that it lacks, and rows that are missing throughout, are ``absent``.
    tables : tuple of str
        The tables of the catalog that the numbers come from.
    """

    name: str
    modality: Modality
    specs: tuple[FeatureSpec, ...]
    values: pd.DataFrame
    tables: tuple[str, ...]


def assemble(labels: pd.DataFrame, contents: Contents, source: Source) -> FeatureTable:
    """Join labels and features of a catalog into one table, tracks and groups sorted by name.

    Raises
    ------
    CatalogError
        When a value is too large for the store's float32.
    """
    labels = labels.sort_index()
    groups = sorted(contents.feature_groups, key=lambda group: group.name)
    obs = _about_tracks(labels, contents.about)
    rows = []
    for group in groups:
        values = _values(group, labels.index)
        rows.append(values)
        present = ~np.isnan(values).all(axis=1)
        obs[f"{group.name}_status"] = np.where(present, "ok", "absent").astype(object)
        obs[f"{group.name}_error"] = ""
        obs[f"{group.name}_content"] = ""
    origin = provenance([])
    origin["extractors"] = {group.name: _describe(group, source) for group in groups}
    index = pd.Index(labels.index.to_numpy(dtype=object), name="track_id", dtype=object)
    return FeatureTable(
        np.concatenate(rows, axis=1),
        pd.DataFrame(obs, index=index),
        pd.concat([var_table(group.name, group.specs) for group in groups]),
        origin,
    )


def _about_tracks(labels: pd.DataFrame, about: pd.DataFrame) -> dict[str, object]:
    facts = labels.join(about).to_dict("records")
    popularity = labels["popularity"].to_numpy(dtype=np.float64)
    return {
        "audio": "",
        "size": np.full(len(labels), -1, dtype=np.int64),
        "modified": "",
        "content": "",
        "metadata": [storable(metadata_json(_present(fact))) for fact in facts],
        "popularity": popularity,
        "artist_id": labels["artist_id"].to_numpy(dtype=object),
    }


def _present(fact: Mapping[Any, Any]) -> dict[str, object]:
    facts: dict[str, object] = {}
    for name, value in fact.items():
        if isinstance(value, tuple | list | dict):  # an empty list is something known
            facts[str(name)] = value
        elif not (value == "" or pd.isna(value)):
            facts[str(name)] = value.item() if isinstance(value, np.generic) else value
    return facts


def _values(group: FeatureGroup, tracks: pd.Index) -> np.ndarray[Any, np.dtype[np.float32]]:
    names = [spec.name for spec in group.specs]
    exact = group.values.reindex(tracks)[names].to_numpy(dtype=np.float64, na_value=np.nan)
    with np.errstate(over="ignore"):
        values = exact.astype(np.float32)
    overflowed = np.argwhere(np.isinf(values))
    if len(overflowed):
        row, column = overflowed[0]
        raise CatalogError(
            f"track {tracks[row]!r}: {names[column]} is {exact[row, column]:g}, beyond float32"
        )
    return values


def _describe(group: FeatureGroup, source: Source) -> dict[str, Any]:
    return {
        "version": f"{source.name} {source.version}",
        "modality": group.modality,
        "parameters": {
            "catalog": source.name,
            "catalog_version": source.version,
            "source": source.url,
            "sha256": dict(source.files[table] for table in group.tables),
        },
        "obs_fields": {},
    }


@dataclass(frozen=True)
class Contents:
    """What a catalog knows of its tracks besides their labels.

    Attributes
    ----------
    about : DataFrame, indexed by ``track_id``
        Facts for the reader and for later use (title, release date, genres): any cell that JSON
        can hold; missing ones are left out.
    feature_groups : tuple of FeatureGroup
        The features, one group a modality.
    remarks : tuple of str
        What was left out or could not be joined.
    """

    about: pd.DataFrame
    feature_groups: tuple[FeatureGroup, ...]
    remarks: tuple[str, ...] = ()
