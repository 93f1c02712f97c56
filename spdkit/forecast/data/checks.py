"""Error of forecasts: what cannot be forecast, and why."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from spdkit.common.errors import SpdkitError
from spdkit.common.messages import listing


class ForecastError(SpdkitError, ValueError):
    """A frame or a request that cannot be forecast: which series, which date, what to do."""


def refuse_names(columns: Iterable[str], added: Iterable[str], of: str) -> None:
    """Refuse columns that are called like those that are put beside them.

    Raises
    ------
    ForecastError
        Naming the first.
    """
    names = set(added)
    if double := [name for name in columns if name in names]:
        raise ForecastError(f"the column {double[0]!r} is called like one that {of} add: rename it")


def quoted(name: object) -> str:
    """Write a series' name as a user would: 7, not np.int64(7); a long one by its ends."""
    return listing([name.item() if isinstance(name, np.generic) else name], quote=True)
