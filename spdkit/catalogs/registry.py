"""Registry: the catalogs by name, each loaded when it is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spdkit import catalogs
from spdkit.catalogs.errors import CatalogError

if TYPE_CHECKING:
    from spdkit.catalogs.base import Catalog

_NAMES = ("musicoset", "spotgentrack")


def available() -> tuple[str, ...]:
    """Names of the catalogs, in alphabetical order."""
    return _NAMES


def get(name: str) -> Catalog:
    """Return the catalog called `name`.

    Raises
    ------
    CatalogError
        When there is none of that name.
    """
    if name not in _NAMES:
        raise CatalogError(f"no catalog {name!r}, only {', '.join(_NAMES)}")
    catalog: Catalog = getattr(catalogs, name).CATALOG
    return catalog
