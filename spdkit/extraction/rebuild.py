"""Rebuilt extractors: extractors as a store's provenance describes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from spdkit.extractors import registry
from spdkit.extractors.base import Extractor
from spdkit.store.provenance import MatchError, provenance, require_same


def rebuild_extractors(described: Mapping[str, Any]) -> list[Extractor]:
    """Extractors with the parameters that a store's provenance has.

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
        own = classes[name]().get_params().keys()
        parameters = {
            key: tuple(value) if isinstance(value, list) else value
            for key, value in recorded["parameters"].items()
            if key in own
        }
        built.append(registry.make(name, **parameters))
    require_same(described, provenance(built)["extractors"], "this spdkit")
    return built
