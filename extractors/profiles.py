"""Named sets of constants: what a parameter of None stands for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def filled(
    parameters: Mapping[str, Any], profiles: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    """Parameters with the profile's own values in the place of None.

    Parameters
    ----------
    parameters : mapping
        Of an extractor; ``profile`` names the profile.
    profiles : mapping
        Profile -> parameter -> value.

    Raises
    ------
    ValueError
        When there is no such profile.
    """
    profile = parameters["profile"]
    if profile not in profiles:
        raise ValueError(f"profile must be one of {', '.join(profiles)}, got {profile!r}")
    preset = profiles[profile]
    return {
        key: preset[key] if value is None and key in preset else value
        for key, value in parameters.items()
    }
