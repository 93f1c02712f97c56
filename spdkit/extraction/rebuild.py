"""Rebuilt extractors: extractors as a store's provenance describes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from spdkit.extractors import registry
from spdkit.extractors.audio import AudioExtractor
from spdkit.extractors.base import Extractor
from spdkit.extractors.descriptors import ClipDescriptors
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
        parameters = _own_parameters(classes[name], recorded["parameters"])
        built.append(registry.make(name, **parameters))
    require_same(described, provenance(built)["extractors"], "this spdkit")
    return built


def clip_arguments(described: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments of `spdkit.extraction.clips.extract_clips` that cut songs as a store's were cut.

    Parameters
    ----------
    described : mapping
        Extractors as the store's provenance has them.

    Raises
    ------
    MatchError
        When its clips are codes, or its features are of another version.
    """
    facts = described["clips"]["parameters"]
    if facts["kind"] not in ("audio", "features"):
        raise MatchError(
            f"the model's clips are {facts['kind']}, which no music can be cut into: encode clips "
            "of it, and give these"
        )
    names = ("kind", "clip_seconds", "sample_rate", "duration", "offset", "min_duration")
    arguments: dict[str, Any] = {name: facts[name] for name in names}
    if facts["kind"] == "features":
        recorded, rate = facts["features"], facts["sample_rate"]
        arguments["features"] = (
            ClipDescriptors(sr=rate)
            if recorded.get("name") == ClipDescriptors().name
            else AudioExtractor(**_own_parameters(AudioExtractor, recorded) | {"sr": rate})
        )
    return arguments


def _own_parameters(cls: type[Extractor], recorded: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters that a class has, of those that were recorded."""
    own = cls().get_params().keys()
    return {
        key: tuple(value) if isinstance(value, list) else value
        for key, value in recorded.items()
        if key in own
    }
