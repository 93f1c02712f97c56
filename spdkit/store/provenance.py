"""Provenance: what made the numbers of a store, and whether two stores were made alike."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
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
        # As they will read from the file, so that a comparison sees no difference of types.
        "parameters": json.loads(json.dumps(extractor.effective_parameters, default=repr)),
        "obs_fields": {f: kind.__name__ for f, kind in sorted(extractor.obs_fields.items())},
    }


@cache
def _package_versions() -> dict[str, list[str]]:
    import soundfile

    # The decoder itself: some systems bring their own.
    decoder = {"libsndfile": soundfile.__libsndfile_version__}
    versions = decoder | installed_versions(RECORDED_PACKAGES)
    return {package: [number] for package, number in versions.items()}


class MatchError(SpdkitError):
    """Features that are not those that a model was trained on."""


def require_same(recorded: Mapping[str, Any], current: Mapping[str, Any], where: str) -> None:
    """Refuse extractors of other versions or parameters than recorded ones.

    Parameters
    ----------
    recorded, current : mapping of str to mapping
        Extractors as a store's provenance describes them; `current` has all that are recorded.
    where : str
        Whose the current ones are, for the message.

    Raises
    ------
    MatchError
        Naming every difference.
    """
    # Digests of a catalog's files say which songs they hold, not what the features are.
    differences = [
        f"{name} is {now!r}, was {before!r} in training"
        for name, before, now in changes(recorded, current)
        if not name.endswith(".sha256")
    ]
    if differences:
        raise MatchError(f"{where}: other features than the model's: {'; '.join(differences)}")


def changes(
    recorded: Mapping[str, Any], current: Mapping[str, Any]
) -> Iterator[tuple[str, Any, Any]]:
    """Versions and parameters that differ, as ``extractor.parameter``, recorded and current.

    Of extractors that both have.
    """
    for name in [name for name in recorded if name in current]:
        before, now = (
            {"version": facts["version"], **facts["parameters"]}
            for facts in (recorded[name], current[name])
        )
        for key in sorted(before.keys() | now.keys()):
            if before.get(key) != now.get(key):
                yield f"{name}.{key}", before.get(key), now.get(key)
