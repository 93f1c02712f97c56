"""Provenance: what made the numbers of a store, and whether two stores were made alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, ClassVar, Protocol

from spdkit.common.errors import SpdkitError
from spdkit.common.versions import installed_versions

RECORDED_PACKAGES = (
    *("spdkit", "numpy", "scipy", "librosa", "numba", "soundfile", "soxr", "av"),
    *("h5py", "scikit-learn", "pandas", "fsspec"),
)


class Described(Protocol):
    """What provenance takes from an extractor (`spdkit.extractors.base.Extractor`)."""

    name: ClassVar[str]
    version: ClassVar[str]
    modality: ClassVar[Any]
    obs_fields: ClassVar[Mapping[str, type]]

    @property
    def effective_parameters(self) -> dict[str, Any]:
        """All that its numbers depend on."""


def provenance(extractors: Sequence[Described]) -> dict[str, Any]:
    """What made the numbers: package versions, and each extractor's version and parameters."""
    return {
        "packages": dict(_package_versions()),
        "extractors": {extractor.name: _describe(extractor) for extractor in extractors},
    }


def _describe(extractor: Described) -> dict[str, Any]:
    return {
        "version": extractor.version,
        "modality": extractor.modality,
        "parameters": _jsonable(extractor.effective_parameters),
        "obs_fields": {f: kind.__name__ for f, kind in sorted(extractor.obs_fields.items())},
    }


def _jsonable(value: Any) -> Any:
    # As it will read from the file, so that a comparison sees no difference of types.
    if isinstance(value, dict):
        return {str(key): _jsonable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_jsonable(item) for item in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return repr(value)


@cache
def _package_versions() -> dict[str, list[str]]:
    import soundfile

    # The decoder itself: some systems bring their own.
    decoder = {"libsndfile": soundfile.__libsndfile_version__}
    found = decoder | installed_versions(RECORDED_PACKAGES)
    return {package: [number] for package, number in found.items()}


class MatchError(SpdkitError):
    """Features that are not those that a model was trained on."""


def require_same(wanted: Mapping[str, Any], there: Mapping[str, Any], where: str) -> None:
    """Refuse extractors of other versions or parameters than recorded ones.

    Raises
    ------
    MatchError
        Naming every difference.
    """
    changes = []
    for name, recorded in wanted.items():
        before = _identity(recorded)
        after = _identity(there[name])
        changes += [
            f"{name}.{key} is {after.get(key)!r}, was {before.get(key)!r} in training"
            for key in sorted(before.keys() | after.keys())
            if before.get(key) != after.get(key)
        ]
    if changes:
        raise MatchError(f"{where}: other features than the model's: {'; '.join(changes)}")


def _identity(recorded: Mapping[str, Any]) -> dict[str, Any]:
    # Digests of a catalog's files say which songs they hold, not what the features are.
    parameters = {key: value for key, value in recorded["parameters"].items() if key != "sha256"}
    return {"version": recorded["version"], **parameters}
