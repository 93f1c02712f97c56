"""What cannot be forecast, and why; and the checks of parameters that all forecasters share."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from spdkit.common.errors import SpdkitError


class ForecastError(SpdkitError, ValueError):
    """A frame or a request that cannot be forecast: which series, which date, what to do."""


def quoted(name: object) -> str:
    """Write a series' name as a user would: 7, not np.int64(7)."""
    return repr(name.item() if isinstance(name, np.generic) else name)


def is_whole(number: object, least: int = 1) -> bool:
    """Whether a parameter is a whole number of at least `least`; True and False are none."""
    whole = isinstance(number, int | np.integer) and not isinstance(number, bool | np.timedelta64)
    return whole and int(number) >= least  # type: ignore[call-overload]


def require_whole(name: str, number: object, least: int = 1) -> int:
    """Return a parameter as an int.

    Raises
    ------
    ForecastError
        Unless it is a whole number of at least `least`.
    """
    if not is_whole(number, least):
        raise ForecastError(f"{name} must be a whole number of at least {least}, got {number!r}")
    return int(number)  # type: ignore[call-overload, no-any-return]


def require_one_of(name: str, given: object, known: Collection[str]) -> None:
    """Refuse a parameter that is none of the words it can be.

    Raises
    ------
    ForecastError
    """
    if given not in known:
        raise ForecastError(f"{name} must be one of {', '.join(known)}, got {given!r}")
