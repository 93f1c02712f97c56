"""Forecasts and their scores as tables in the terminal, on stdout; and all of it for JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from spdkit.cli.printing import console, print_table
from spdkit.report.forecast_report import coverage_table, score_table, totals_table

if TYPE_CHECKING:
    from spdkit.forecast.pipeline import ForecastResult
    from spdkit.report.page import Cell, Table

_SHOWN = 20


def print_result(result: ForecastResult, written: list[str]) -> None:
    """Scores, coverage and the largest totals; and which files have the rest."""
    if result.validation is not None:
        _print(score_table(result, result.validation), result.name)
    if result.levels:
        _print(coverage_table(result))
    totals = totals_table(result)
    _print(totals, most=_SHOWN)
    out = console()
    if (more := len(result.panel) - _SHOWN) > 0:
        out.print(f"… and {more:,} more series")
    for path in written:
        out.print(f"{path}: written", markup=False, soft_wrap=True)
    if not written:
        out.print("-o forecasts.csv writes every date, --plot a figure, --report a page")


def to_content(result: ForecastResult, written: list[str]) -> dict[str, Any]:
    """Everything as plain values."""
    panel, validation = result.panel, result.validation
    forecasts = result.forecasts.assign(
        **{panel.columns.ds: result.forecasts[panel.columns.ds].astype(str)}
    )
    validated = None
    if validation is not None:
        validated = {
            "rows": validation.rows,
            "metric": validation.metrics[0],
            "scores": {
                result.title(str(name)): dict(found)
                for name, found in validation.scores().iterrows()
            },
        }
    return {
        "model": result.request.model,
        "name": result.name,
        "horizon": result.request.h,
        "frequency": panel.freq if isinstance(panel.freq, int) else panel.freq.freqstr,
        "n_series": len(panel),
        "n_rows": len(panel.y),
        "validation": validated,
        "coverage": {f"{level:g}": held for level, held in result.coverage.items()},
        "totals": result.totals().reset_index().to_dict("records"),
        "forecasts": forecasts.to_dict("records"),
        "remarks": list(result.remarks),
        "files": written,
    }


def _print(table: Table, note: str = "", most: int | None = None) -> None:
    head = [column.text.replace("\u00a0", " ") for column in table.columns]
    rows = [[_plain(cell) for cell in row] for row in table.rows[:most]]
    title = f"{note}: {table.caption[0].lower()}{table.caption[1:]}" if note else table.caption
    print_table(console(), title, head, rows)


def _plain(cell: Cell) -> str:
    detail = f" ({cell.detail})" if cell.detail and not cell.detail.startswith("[") else cell.detail
    text = f"{cell.text} {detail}" if cell.detail.startswith("[") else f"{cell.text}{detail}"
    return text.replace("\u00a0", " ")
