"""Catalogs: published data sets of hit-song science, loaded in one line.

>>> from spdkit import catalogs
>>> catalogs.available()
('musicoset', 'spotgentrack')
>>> print(catalogs.get("spotgentrack").source)
https://doi.org/10.17632/4m2x4zngny

Series, not tracks, with no labels to learn: `spdkit.catalogs.tianchi`, a module of functions.
"""

from importlib import import_module
from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from spdkit.catalogs.base import Catalog as Catalog
    from spdkit.catalogs.base import CatalogData as CatalogData
    from spdkit.catalogs.genres import GenreEncoder as GenreEncoder
    from spdkit.catalogs.reading import CatalogError as CatalogError

_NAMES = ("musicoset", "spotgentrack")

__getattr__, _dir, _lazy = lazy_loader.attach(
    __name__,
    submod_attrs={
        "base": ["Catalog", "CatalogData"],
        "genres": ["GenreEncoder"],
        "reading": ["CatalogError"],
    },
)
__all__ = ["available", "get", *_lazy]


def __dir__() -> list[str]:
    return sorted({*__all__, *_dir()})


def available() -> tuple[str, ...]:
    """Names of the catalogs, in alphabetical order."""
    return _NAMES


def get(name: str) -> "Catalog":
    """Return the catalog called `name`.

    Raises
    ------
    CatalogError
        When there is none of that name.
    """
    from spdkit.catalogs.reading import CatalogError

    if name not in _NAMES:
        raise CatalogError(f"no catalog {name!r}, only {', '.join(_NAMES)}")
    catalog: Catalog = import_module(f"spdkit.catalogs.{name}").CATALOG
    return catalog
