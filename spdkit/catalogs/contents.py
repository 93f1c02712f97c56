"""The contents of a catalog as a feature table, of the same nodes as an extracted one.

Each block of features stands where an extractor stands in `docs/FORMAT.md`: its columns in ``var``,
its status in ``obs``, and in the provenance the catalog, its version and the files with their
SHA-256 as its parameters. Its version is no extractor's, so that a batch refuses to extend a block
with numbers of its own making.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from spdkit.catalogs.errors import CatalogError
from spdkit.common.text import storable
from spdkit.store.feature_store import FeatureTable, var_table

if TYPE_CHECKING:
    from spdkit.catalogs.base import CatalogData
    from spdkit.extractors.base import FeatureSpec, Modality


@dataclass(frozen=True)
class Block:
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


def assemble(data: CatalogData, contents: Contents) -> FeatureTable:
    """Join the blocks of a catalog into one table, tracks and blocks sorted by name.

    Raises
    ------
    CatalogError
        When a value is too large for the store's float32.
    """
    from spdkit.store.provenance import provenance

    labels = data.labels.sort_index()
    blocks = sorted(contents.blocks, key=lambda block: block.name)
    obs = _about_tracks(labels, contents.about)
    rows = []
    for block in blocks:
        values = _values(block, labels.index)
        rows.append(values)
        present = ~np.isnan(values).all(axis=1)
        obs[f"{block.name}_status"] = np.where(present, "ok", "absent").astype(object)
        obs[f"{block.name}_error"] = ""
        obs[f"{block.name}_content"] = ""
    made_by = provenance([])
    made_by["extractors"] = {block.name: _describe(block, data) for block in blocks}
    index = pd.Index(labels.index.to_numpy(dtype=object), name="track_id", dtype=object)
    return FeatureTable(
        np.concatenate(rows, axis=1),
        pd.DataFrame(obs, index=index),
        pd.concat([var_table(block.name, block.specs) for block in blocks]),
        made_by,
    )


def _about_tracks(labels: pd.DataFrame, about: pd.DataFrame) -> dict[str, object]:
    from spdkit.common.text import metadata_json

    facts = labels.join(about).to_dict("records")
    popularity = labels["popularity"].to_numpy(dtype=np.float64)
    return {
        "audio": "",
        "size": np.full(len(labels), -1, dtype=np.int64),
        "modified": "",
        "content": "",
        "metadata": [storable(metadata_json(_known(fact))) for fact in facts],
        "popularity": popularity,
        "artist_id": labels["artist_id"].to_numpy(dtype=object),
    }


def _known(fact: Mapping[Any, Any]) -> dict[str, object]:
    known: dict[str, object] = {}
    for name, value in fact.items():
        if isinstance(value, tuple | list | dict):  # an empty list is something known
            known[str(name)] = value
        elif not (value == "" or pd.isna(value)):
            known[str(name)] = value.item() if isinstance(value, np.generic) else value
    return known


def _values(block: Block, tracks: pd.Index) -> np.ndarray[Any, np.dtype[np.float32]]:
    names = [spec.name for spec in block.specs]
    exact = block.values.reindex(tracks)[names].to_numpy(dtype=np.float64, na_value=np.nan)
    with np.errstate(over="ignore"):
        values = exact.astype(np.float32)
    overflowed = np.argwhere(np.isinf(values))
    if len(overflowed):
        row, column = overflowed[0]
        raise CatalogError(
            f"track {tracks[row]!r}: {names[column]} is {exact[row, column]:g}, beyond float32"
        )
    return values


def _describe(block: Block, data: CatalogData) -> dict[str, Any]:
    catalog = data.catalog
    return {
        "version": f"{catalog.name} {catalog.version}",
        "modality": block.modality,
        "parameters": {
            "catalog": catalog.name,
            "catalog_version": catalog.version,
            "source": catalog.source,
            "sha256": dict(data.files[table] for table in block.tables),
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
    blocks : tuple of Block
        The features, one block a modality.
    remarks : tuple of str
        What was left out or could not be joined.
    """

    about: pd.DataFrame
    blocks: tuple[Block, ...]
    remarks: tuple[str, ...] = ()
