"""Cutoffs of the past: what was known up to a date, and what came after it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from spdkit.common.parameters import Whole, check_parameters
from spdkit.forecast.data.checks import ForecastError
from spdkit.forecast.data.panel import Panel


def cutoffs(
    panel: Panel, h: int, n_windows: int = 1, step_size: int | None = None
) -> Iterator[tuple[Panel, Panel]]:
    """Split series at each cutoff, the earliest first.

    Parameters
    ----------
    panel : Panel
    h : int
        Rows after a cutoff.
    n_windows : int
        Cutoffs; the last lies `h` rows before the end of each series.
    step_size : int, optional
        Rows between two cutoffs; `h` if not given.

    Yields
    ------
    past, future : Panel
        Everything up to the cutoff, and the `h` rows after it.

    Raises
    ------
    ForecastError
        When a number is below 1, or a series has no row before its first cutoff, by name.
    """
    step = h if step_size is None else step_size
    check_parameters(
        {"n_windows": n_windows, "step_size": step},
        {"n_windows": Whole(), "step_size": Whole()},
        ForecastError,
    )
    span = h + (n_windows - 1) * step
    panel.require(
        span + 1, f"{n_windows} windows of {h} rows, {step} apart, and one row before them"
    )
    for window in range(n_windows):
        after = (n_windows - 1 - window) * step
        ends = panel.lengths - after
        yield panel.rows(np.zeros_like(ends), ends - h), panel.rows(ends - h, ends)
