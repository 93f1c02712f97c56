"""Registry of extractors: ours and third-party plugins, by one entry-point group.

A package adds an extractor by naming its class under ``spdkit.extractors``. One that cannot be
loaded, or whose name is taken, warns and is left out: a broken plugin never stops a batch.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from spdkit.common.errors import SpdkitError
from spdkit.extractors.base import MODALITIES, Extractor
from spdkit.tracks.track import Track

GROUP = "spdkit.extractors"


class UnknownExtractorError(SpdkitError):
    """A name that no installed extractor has."""


def available() -> dict[str, type[Extractor]]:
    """Every installed extractor by name, sorted.

    Warns
    -----
    UserWarning
        For a plugin that fails to load, is no `Extractor`, or repeats a name. Built-in extractors
        come first, then plugins by the name of their distribution.
    """
    classes: dict[str, type[Extractor]] = {}
    for entry in sorted(set(entry_points(group=GROUP)), key=_precedence):
        try:
            cls = entry.load()
            problem = _problem(cls)
        except Exception as error:  # noqa: BLE001 (a plugin may raise anything; it is told below)
            problem = f"{type(error).__name__}: {error}"
        if problem is None and cls.name in classes:
            problem = f"the name {cls.name!r} is taken by {classes[cls.name].__module__}"
        if problem is None:
            classes[cls.name] = cls
        else:
            warnings.warn(
                f"extractor {entry.name!r} ({entry.value}) is left out: {problem}", stacklevel=2
            )
    return dict(sorted(classes.items()))


def applicable(tracks: Iterable[Track]) -> dict[str, type[Extractor]]:
    """Every installed extractor whose modality some track has, by name."""
    there = {modality for track in tracks for modality in MODALITIES if getattr(track, modality)}
    return {name: cls for name, cls in available().items() if cls.modality in there}


def make(name: str, **parameters: Any) -> Extractor:
    """Build the extractor called `name` with `parameters`.

    Raises
    ------
    UnknownExtractorError
        When no installed extractor has that name.
    """
    classes = available()
    if name not in classes:
        raise UnknownExtractorError(
            f"no extractor {name!r}; installed are: {', '.join(classes) or 'none'}"
        )
    return classes[name](**parameters)


def _precedence(entry: EntryPoint) -> tuple[bool, str, str]:
    distribution = entry.dist.name if entry.dist else ""
    return distribution != "spdkit", distribution, entry.name


def _problem(cls: object) -> str | None:
    if not (isinstance(cls, type) and issubclass(cls, Extractor)):
        return "not a subclass of spdkit.extractors.Extractor"
    for attribute in ("name", "modality", "version"):
        if not isinstance(getattr(cls, attribute, None), str):
            return f"class attribute {attribute!r} is not set"
    if cls.modality not in MODALITIES:
        return f"modality {cls.modality!r} is not one of {', '.join(MODALITIES)}"
    return None
