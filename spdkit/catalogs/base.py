"""Catalog: a published data set, described, checked, loaded, and made into a store.

Conventions
-----------
A catalog is one file with one `Catalog` in it: whom to cite, under which licence, where to get the
tables, which columns they have, and one function that turns the loaded tables into `Contents`.
Everything else is here, the same for all: `validate` names every missing or wrong file and column
at once, `load` gives typed tables, `to_store` a feature file as `docs/FORMAT.md` has it. Nothing is
downloaded: the sets are large, some ask for a licence to be accepted, and the user has them.

Rows are numbered from 1, the header not counted. Where a key occurs more than once, the first row
of the table is kept; how many others there were, and how many of them differed from it, is in
`CatalogData.remarks` and in the log.

References
----------
The shape follows mirdata's loaders: https://mirdata.readthedocs.io
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from spdkit.catalogs.contents import Contents, Source, assemble
from spdkit.catalogs.errors import CatalogError
from spdkit.catalogs.published_table import TableSpec, read_published
from spdkit.common.escapes import escaped
from spdkit.common.files import user_path
from spdkit.store.feature_store import FeatureStore, write_store

if TYPE_CHECKING:
    import pandas as pd

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Catalog:
    """A published data set.

    Attributes
    ----------
    name : str
        As `spdkit.catalogs.get` knows it.
    title, version : str
    citation : str
        The publication to cite.
    licence : str
        Under which the tables are published, and what it asks for.
    source : str
        Where to get them: a URL or DOI.
    download_notes : str
        Which files to take and where to put them.
    tables : tuple of TableSpec
        Files, columns and types.
    labels : callable
        Loaded tables -> DataFrame, indexed by ``track_id``: ``popularity`` (float, 0 to 100, NaN
        where unknown) and ``artist_id`` (the primary artist, empty where unknown).
    contents : callable
        Loaded tables -> `Contents` of the same tracks.

    Examples
    --------
    >>> from spdkit import catalogs
    >>> musicoset = catalogs.get("musicoset")
    >>> musicoset.load("musicoset/")["songs"]  # doctest: +SKIP
    >>> musicoset.to_store("musicoset/", "musicoset.h5")  # doctest: +SKIP
    """

    name: str
    title: str
    version: str
    citation: str
    licence: str
    source: str
    download_notes: str
    tables: tuple[TableSpec, ...]
    labels: Callable[[Mapping[str, pd.DataFrame]], pd.DataFrame]
    contents: Callable[[Mapping[str, pd.DataFrame]], Contents]

    def validate(self, folder: str | os.PathLike[str]) -> None:
        """Check that a folder holds the tables, whole and of the right types.

        Raises
        ------
        CatalogError
            Naming every missing or wrong file and column, with the first rows at fault.
        """
        self.load(folder)

    def load(self, folder: str | os.PathLike[str]) -> CatalogData:
        """Read the tables of a folder, plain or gzipped.

        Returns
        -------
        CatalogData
            Missing text is empty, a missing number NaN (integers and flags: pandas' NA).

        Raises
        ------
        CatalogError
            As `validate` does.
        """
        place = user_path(folder, CatalogError)
        if not place.is_dir():
            raise CatalogError(
                f"{place}: {'not a folder' if place.exists() else 'no such folder'}. "
                f"{self.title} is at {self.source}. {self.download_notes}"
            )
        results = {spec.name: read_published(place, spec) for spec in self.tables}
        problems = tuple(problem for result in results.values() for problem in result.problems)
        if problems:
            raise CatalogError(f"{place}: not the tables of {self.title}", problems)
        remarks = tuple(remark for result in results.values() for remark in result.remarks)
        for remark in remarks:
            _logger.warning("%s: %s", self.name, escaped(remark))
        return CatalogData(
            catalog=self,
            tables={name: result.frame for name, result in results.items()},
            files={name: (result.file, result.sha256) for name, result in results.items()},
            remarks=remarks,
        )

    def to_store(
        self, folder: str | os.PathLike[str], output: str | os.PathLike[str]
    ) -> FeatureStore:
        """Write the features and labels of the tables in `folder` as a feature file.

        Raises
        ------
        CatalogError
            As `validate` does.
        StoreError
            When `output` cannot be written.
        """
        return self.load(folder).to_store(output)


@dataclass(frozen=True)
class CatalogData:
    """The tables of a catalog in memory.

    Attributes
    ----------
    catalog : Catalog
    tables : mapping of str to DataFrame
        By the name of the table; columns typed, in the order in which the catalog declares them.
    files : mapping of str to (str, str)
        For each table the name of its file and the file's SHA-256 in hexadecimal.
    remarks : tuple of str
        Repeated keys and columns passed over.
    """

    catalog: Catalog
    tables: Mapping[str, pd.DataFrame]
    files: Mapping[str, tuple[str, str]]
    remarks: tuple[str, ...]

    def __getitem__(self, table: str) -> pd.DataFrame:
        if table not in self.tables:
            raise CatalogError(
                f"{self.catalog.name} has no table {table!r}, only {', '.join(self.tables)}"
            )
        return self.tables[table]

    @property
    def name(self) -> str:
        """Of the catalog."""
        return self.catalog.name

    @property
    def labels(self) -> pd.DataFrame:
        """Popularity and primary artist, indexed by ``track_id``."""
        return self.catalog.labels(self.tables)

    def to_store(self, output: str | os.PathLike[str]) -> FeatureStore:
        """Write the features and labels as a feature file, replacing what is there.

        Raises
        ------
        StoreError
            When `output` cannot be written.
        """
        contents = self.catalog.contents(self.tables)
        for remark in contents.remarks:
            _logger.warning("%s: %s", self.catalog.name, escaped(remark))
        path = user_path(output, CatalogError)
        catalog = self.catalog
        source = Source(catalog.name, catalog.version, catalog.source, self.files)
        write_store(path, assemble(self.labels, contents, source))
        return FeatureStore.open(path)
