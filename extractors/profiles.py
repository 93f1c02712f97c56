"""Profiles: named sets of constants, what a parameter of None stands for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from spdkit.common.parameters import Allowed, OneOf, check_parameters


def by_profile(names: Sequence[str], **values: Sequence[Any]) -> dict[str, dict[str, Any]]:
    """Profiles by name, each parameter given with its values in the order of `names`."""
    return {name: {key: row[i] for key, row in values.items()} for i, name in enumerate(names)}


def resolve(
    parameters: Mapping[str, Any],
    profiles: Mapping[str, Mapping[str, Any]],
    constraints: Mapping[str, Allowed],
) -> dict[str, Any]:
    """Parameters with the profile's own values in the place of None, each checked by itself.

    Parameters
    ----------
    parameters : mapping
        Of an extractor; ``profile`` names the profile.
    profiles : mapping
        Profile -> parameter -> value.
    constraints : mapping
        What the others may be, see `spdkit.common.parameters`.

    Raises
    ------
    ParameterError
        Naming the parameter that is out of range, what it may be, and its value.
    """
    check_parameters(parameters, {"profile": OneOf(*profiles)})
    preset = profiles[parameters["profile"]]
    resolved = {
        key: preset[key] if value is None and key in preset else value
        for key, value in parameters.items()
    }
    check_parameters(resolved, constraints)
    return resolved
