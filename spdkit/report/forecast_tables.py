"""Tables of the forecast report: scores, coverage, candidates and totals, ready for the page.

Conventions: as of `spdkit.report.page`; what does not exist is printed as "–". The terminal prints
the same tables.
"""

from __future__ import annotations

import math

from spdkit.evaluation.bootstrap import FEWEST_UNITS
from spdkit.forecast.data.panel import steps
from spdkit.forecast.pipeline import ForecastResult
from spdkit.forecast.scoring.metrics import HIGHER_IS_BETTER
from spdkit.forecast.selection.backtest import TITLES, Validation
from spdkit.report.page import NOTHING, Cell, Rows, Table, interval, percent, plain

_MOST_PLACES = 9  # of small numbers; smaller ones have a power of ten
MOST_ROWS = 100  # of the ranked list
_SHARES = ("f_share", "wape", "mean_wape")
_BETTER = {"f": "higher is better", "f_share": "higher is better"}


def score_table(result: ForecastResult, validation: Validation) -> Table:
    """Forecasters by metrics, and how far each lies from the first one."""
    scores, metric = validation.scores(), validation.metrics[0]
    few = f"no interval of fewer than {FEWEST_UNITS} series"
    interval_of = "95\u00a0% interval" if len(result.panel) >= FEWEST_UNITS else few
    columns = [
        Cell("Forecaster"),
        *(Cell(TITLES[each], _BETTER.get(each, "lower is better")) for each in validation.metrics),
        Cell(f"{TITLES[metric]}, {result.label} less it", interval_of),
    ]
    rows: Rows = [
        [
            result.title(name),
            *(number(each, float(scores[each][name])) for each in validation.metrics),
            NOTHING if i == 0 else _difference(validation, name),
        ]
        for i, name in enumerate(validation.names)
    ]
    return Table.of("scores", f"Scored on {validation.rows}", columns, rows)


def coverage_table(result: ForecastResult) -> Table:
    """What the intervals of each level held."""
    coverage = result.coverage.items()
    rows = [(f"{level:g}\u00a0%", percent(100 * share)) for level, share in coverage]
    n = len(result.windows)
    caption = f"Coverage in {n} windows, each by intervals that the others give"
    return Table.of("coverage", caption, ("Interval", "Held of the values"), rows)


def candidate_table(result: ForecastResult) -> Table | None:
    """What `best` chose from, the best first; None for any other model."""
    selection = getattr(result.forecaster, "selection_", None)
    if selection is None:
        return None
    metric = selection.metric
    ordered = selection.scores.sort_values(
        "mean", ascending=metric not in HIGHER_IS_BETTER, kind="stable"
    )
    rows = [
        (Cell(str(row["candidate"]), str(row["reason"] or "")), number(metric, row["mean"]))
        for _, row in ordered.iterrows()
    ]
    columns = ("Candidate", f"{TITLES[metric]}, mean of its windows")
    return Table.of("candidates", "What it was picked from", columns, rows)


def totals_table(result: ForecastResult) -> Table:
    """Series by the plays of the horizon, the greatest first."""
    totals, h = result.totals(), steps(result.request.h, result.panel)
    level = max(result.levels, default=None)
    columns = [result.panel.columns.unique_id, f"Last {h}", f"Next {h}"]
    columns += [] if level is None else [f"{level:g}\u00a0% interval"]
    rows: Rows = []
    for name, row in totals.head(MOST_ROWS).iterrows():
        change = percent(row["change"], signed=True) if math.isfinite(row["change"]) else ""
        ends = [] if level is None else [f"{end}-{level:g}" for end in ("lo", "hi")]
        shown = row[["before", "forecast", *ends]]
        before, after, *reach = (amount(value, shown.abs().max()) for value in shown)
        cells: list[Cell | str] = [str(name), before, Cell(after, change)]
        cells += [] if level is None else [" to ".join(reach)]
        rows.append(cells)
    n = len(totals)
    which = f"the {MOST_ROWS} largest of {n:,}" if n > MOST_ROWS else f"{n:,}"
    return Table.of("totals", f"Totals of {which} series", columns, rows)


def amount(value: float, size: float, places: int = 0) -> str:
    """A number with so many places, or three digits of `size` where that is small."""
    if not 0 < size < 10 or (size >= 1 and places):
        return plain(value, places)
    digits = 2 - math.floor(math.log10(size))
    if digits <= _MOST_PLACES:
        return plain(value, digits)
    return f"{value:.2e}".replace("-", "−") if value else "0"


def number(metric: str, value: float) -> str:
    """A score with its places and unit."""
    return percent(100 * value) if metric in _SHARES else amount(value, abs(value), 1)


def _difference(validation: Validation, other: str) -> Cell:
    difference = validation.difference(other)
    if difference is None:
        return Cell(NOTHING, "the same forecasts")
    factor, unit = (100, " points") if validation.metrics[0] in _SHARES else (1, "")
    value, low, high = (
        factor * each for each in (difference.value, difference.low, difference.high)
    )
    ends = "" if difference.reason else interval(low, high, 1, signed=True)
    return Cell(f"{plain(value, 1, signed=True)}{unit}", ends)
