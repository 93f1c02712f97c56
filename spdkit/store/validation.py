"""Validation: what the values of a store must be.

`docs/FORMAT.md` is the specification; `spdkit.store.layout` checks what holds them.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spdkit.common.messages import listing
from spdkit.common.parameters import POSITIVE, Whole
from spdkit.store.errors import ViolationError

STATUSES = ("ok", "absent", "failed", "pending")
_RATE = Whole(1, 10**9)  # Hz
CLIP_KINDS = ("audio", "features", "codes")
_DEEPEST = 64  # JSON
_TEXT, _INTEGERS, _FLOATS = ("O", "text"), ("iu", "integers"), ("f", "floats")
_TRACK_COLUMNS = {
    "audio": _TEXT,
    "size": _INTEGERS,
    "modified": _TEXT,
    "content": _TEXT,
    "metadata": _TEXT,
}
_FEATURE_COLUMNS = {
    "extractor": _TEXT,
    "unit": _TEXT,
    "low": _FLOATS,
    "high": _FLOATS,
    "description": _TEXT,
    "reference": _TEXT,
}


def parse_provenance(text: str) -> dict[str, Any]:
    """Read and check the JSON of ``/provenance``.

    Raises
    ------
    ViolationError
    """
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ViolationError(f"/provenance is no JSON ({error})") from error
    _check_json(content)
    rule = _provenance_problem(content)
    if rule:
        raise ViolationError(f"/provenance: {rule}")
    described: dict[str, Any] = content
    return described


def check_features(var: Mapping[str, NDArray[Any]], described: Mapping[str, Any]) -> None:
    """Check ``/var``: `var` has its columns, `described` the extractors of the provenance.

    Raises
    ------
    ViolationError
    """
    index = next(iter(var))
    if index != "name":
        raise ViolationError(f"/var: its index must be 'name', not {index!r}")
    _check_columns("var", var, _FEATURE_COLUMNS)
    _check_distinct("var", var["name"])
    owners = var["extractor"].tolist()
    strangers = sorted(set(owners) - described.keys())
    if strangers:
        names = listing(strangers, quote=True)
        raise ViolationError(f"/var/extractor: {names} not in the provenance")
    runs = [name for at, name in enumerate(owners) if at == 0 or owners[at - 1] != name]
    if runs != sorted(set(runs)):
        raise ViolationError("/var: columns of an extractor must be adjacent, extractors sorted")


def check_tracks(obs: Mapping[str, NDArray[Any]], described: Mapping[str, Any]) -> None:
    """Check ``/obs``: `obs` has its columns, `described` the extractors of the provenance.

    Raises
    ------
    ViolationError
    """
    index = next(iter(obs))
    if index != "track_id":
        raise ViolationError(f"/obs: its index must be 'track_id', not {index!r}")
    columns = dict(_TRACK_COLUMNS)
    for name, facts in described.items():
        columns |= {f"{name}_{field}": _TEXT for field in ("status", "error", "content")}
        for field, kind in facts["obs_fields"].items():
            columns[f"{name}_{field}"] = _FLOATS if kind == "float" else _TEXT
    _check_columns("obs", obs, columns)
    _check_distinct("obs", obs["track_id"])
    if len(obs["size"]) and obs["size"].min() < -1:
        raise ViolationError("/obs/size must be -1 or more")
    for name in described:
        others = set(obs[f"{name}_status"].tolist()) - set(STATUSES)
        if others:
            raise ViolationError(
                f"/obs/{name}_status must be {listing(STATUSES)}, not "
                f"{listing(sorted(others), quote=True)}"
            )


def check_songs(
    described: Mapping[str, Any],
    X: NDArray[np.floating],
    obs: Mapping[str, NDArray[Any]],
    shape: tuple[int, ...],
) -> NDArray[np.int64]:
    """Check what a clip store says of its clips beside the rules of a feature file.

    Parameters
    ----------
    described : mapping
        The extractors of the provenance.
    X : ndarray of floats, shape (n_tracks, n_features)
    obs : mapping of str to ndarray, shape (n_tracks,)
        The columns of ``/obs``.
    shape : tuple of int
        Of ``/clips``.

    Returns
    -------
    ndarray of int64, shape (n_tracks,)
        How many clips each track has; 0 where there are none.

    Raises
    ------
    ViolationError
    """
    if list(described) != ["clips"]:
        raise ViolationError("/provenance: the only extractor of a clip store must be 'clips'")
    facts = described["clips"]
    rule = _clips_problem(facts["parameters"], shape[1])
    if rule:
        raise ViolationError(f"/provenance: of 'clips' {rule}")
    if facts["obs_fields"].get("checksum") != "str":
        raise ViolationError("/provenance: the obs_fields of 'clips' must have a text 'checksum'")
    if X.shape[1] != 1:
        raise ViolationError(f"/X must have one column in a clip store, not {X.shape[1]}")
    numbers, is_ok = X[:, 0].astype(np.float64), obs["clips_status"] == "ok"
    counts = np.where(is_ok, numbers, 0)
    if not (np.isnan(numbers[~is_ok]).all() and (numbers[is_ok] >= 1).all()):
        raise ViolationError("/X must have a number of clips where the status is ok, else NaN")
    if not (counts == np.floor(counts)).all() or counts.sum() != shape[0]:
        raise ViolationError(f"/X must be whole numbers, {shape[0]} in all, as /clips has")
    return counts.astype(np.int64)


def _clips_problem(parameters: Mapping[str, Any], n_values: int) -> str:
    kind: Any = parameters.get("kind")
    seconds: Any = parameters.get("clip_seconds")
    rate: Any = parameters.get("sample_rate")
    if kind not in CLIP_KINDS:
        return f"the kind must be {listing(CLIP_KINDS)}, not {kind!r}"
    if not POSITIVE.accepts(seconds) or not _RATE.accepts(rate):
        return f"clip_seconds and sample_rate must be positive, not {seconds!r} and {rate!r}"
    names = parameters.get("names")
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        return "the names must be a list of texts"
    if kind == "audio":
        if names or not abs(seconds * rate - n_values) <= 0.5:
            return f"a clip must be {seconds:g} s at {rate} Hz, and its values without names"
    elif len(set(names)) != len(names) or len(names) != n_values:
        return f"the names must be distinct, and as many as a clip has values: {n_values}"
    return ""


def _check_json(content: object) -> None:
    """Refuse what is nested too deep to be written again, and text that UTF-8 cannot hold."""
    level: list[Any] = [content]
    for _ in range(_DEEPEST):
        inner: list[Any] = []
        for value in level:
            if isinstance(value, dict):
                inner += [*value.keys(), *value.values()]
            elif isinstance(value, list):
                inner += value
            elif isinstance(value, str) and not _is_unicode(value):
                raise ViolationError(f"/provenance: {value!r} is no Unicode text")
        level = inner
    if level:
        raise ViolationError(f"/provenance is nested more than {_DEEPEST} deep")


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeError:
        return False
    return True


def _provenance_problem(content: Any) -> str:
    if not isinstance(content, dict):
        return "must be an object"
    for part in ("packages", "extractors"):
        if not isinstance(content.get(part), dict):
            return f"must have an object {part!r}"
    for package, versions in content["packages"].items():
        if not isinstance(versions, list) or not all(isinstance(v, str) for v in versions):
            return f"the versions of {package!r} must be a list of texts"
    problems = (_fact_problem(name, facts) for name, facts in content["extractors"].items())
    return next(filter(None, problems), "")


def _fact_problem(name: str, facts: Any) -> str:
    if not isinstance(facts, dict):
        return f"extractor {name!r} must be an object"
    for key in ("version", "modality"):
        if not isinstance(facts.get(key), str):
            return f"extractor {name!r} must have a text {key!r}"
    for key in ("parameters", "obs_fields"):
        if not isinstance(facts.get(key), dict):
            return f"extractor {name!r} must have an object {key!r}"
    if not all(isinstance(kind, str) for kind in facts["obs_fields"].values()):
        return f"the obs_fields of {name!r} must be texts"
    return ""


def _check_columns(
    frame: str, columns: Mapping[str, NDArray[Any]], kinds: Mapping[str, tuple[str, str]]
) -> None:
    for name, (codes, kind) in kinds.items():
        if name not in columns:
            raise ViolationError(f"/{frame}: there is no column {name!r}")
        if columns[name].dtype.kind not in codes:
            raise ViolationError(f"/{frame}: the column {name!r} must be {kind}")


def _check_distinct(frame: str, names: NDArray[Any]) -> None:
    if len(set(names.tolist())) < len(names):
        repeated = [name for name, count in Counter(names.tolist()).items() if count > 1]
        raise ViolationError(f"/{frame}: rows are named twice: {listing(repeated, quote=True)}")
