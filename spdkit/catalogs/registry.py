"""Registry: the catalogs by name."""

from __future__ import annotations

from spdkit.catalogs.base import Catalog
from spdkit.catalogs.musicoset import CATALOG as MUSICOSET
from spdkit.catalogs.published_table import CatalogError
from spdkit.catalogs.spotgentrack import CATALOG as SPOTGENTRACK

_CATALOGS = {catalog.name: catalog for catalog in (MUSICOSET, SPOTGENTRACK)}


def available() -> tuple[str, ...]:
    """Names of the catalogs, in alphabetical order."""
    return tuple(_CATALOGS)


def get(name: str) -> Catalog:
    """Return the catalog called `name`.

    Raises
    ------
    CatalogError
        When there is none of that name.
    """
    if name not in _CATALOGS:
        raise CatalogError(f"no catalog {name!r}, only {', '.join(_CATALOGS)}")
    return _CATALOGS[name]
