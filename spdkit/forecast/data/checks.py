"""Error of forecasts: what cannot be forecast, and why."""

from __future__ import annotations

import numpy as np

from spdkit.common.errors import SpdkitError


class ForecastError(SpdkitError, ValueError):
    """A frame or a request that cannot be forecast: which series, which date, what to do."""


def quoted(name: object) -> str:
    """Write a series' name as a user would: 7, not np.int64(7)."""
    return repr(name.item() if isinstance(name, np.generic) else name)
