"""Forecast report: one HTML page for whoever decides by a forecast, and its other files.

Conventions: as of `spdkit.report.page`. Numbers on how good the forecasts are come from rows that
were not known when they were made, and the page says which. The same forecast gives the same page,
byte for byte. The words are in ``templates/forecast.html.j2``.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spdkit.common.spreadsheet import for_spreadsheet
from spdkit.common.table_io import write_table
from spdkit.common.versions import installed_versions
from spdkit.evaluation.bootstrap import FEWEST_UNITS
from spdkit.forecast.data.panel import day, series_count, steps
from spdkit.forecast.models.serialization import PACKAGES
from spdkit.forecast.pipeline import ForecastResult, parameters, period
from spdkit.forecast.scoring.metrics import HIGHER_IS_BETTER
from spdkit.forecast.selection.backtest import Validation
from spdkit.report import forecast_figures
from spdkit.report.forecast_figures import history_rows, largest, plot_series
from spdkit.report.forecast_tables import (
    amount,
    candidate_table,
    coverage_table,
    number,
    score_table,
    totals_table,
)
from spdkit.report.page import Card, Picture, load_template, percent, plain, write_page
from spdkit.report.svg import draw, legend, require_matplotlib

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_HEIGHT = 2.6  # inches


@dataclass(frozen=True)
class Provenance:
    """Where a forecast comes from.

    Attributes
    ----------
    source : str
        The table's name.
    command : str
    created : str
        Day and time.
    packages : mapping of str to str
        Versions by name.
    """

    source: str
    command: str = ""
    created: str = ""
    packages: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, table: Path, command: str) -> Provenance:
        """That of a forecast which a command makes now."""
        now = datetime.now().astimezone()
        return cls(table.name, command, f"{now:%Y-%m-%d %H:%M %Z}", installed_versions(PACKAGES))


def write_files(
    result: ForecastResult,
    provenance: Provenance,
    output: Path | None = None,
    plot: Path | None = None,
    page: Path | None = None,
    series: Sequence[str] | None = None,
    *,
    spreadsheet_safe: bool = False,
) -> list[str]:
    """Write the table, the figure and the page of a forecast, where they are asked for.

    `series` are drawn; the largest if not given. `spreadsheet_safe` is of the table; see
    `spdkit.common.spreadsheet`. What is returned are the files.

    Raises
    ------
    SpdkitError
        When a name is no series, or a file cannot be written.
    """
    places = forecast_figures.places_of(result, series) if series else None
    if output is not None:
        table = for_spreadsheet(result.forecasts, safe=spreadsheet_safe)
        write_table(table, output, float_format="%.10g")
    if plot is not None:
        forecast_figures.save(forecast_figures.figure(result, places), plot)
    if page is not None:
        write(result, provenance, page, places)
    return [str(path) for path in (output, plot, page) if path is not None]


def write(
    result: ForecastResult,
    provenance: Provenance,
    path: str | os.PathLike[str],
    places: Sequence[int] | None = None,
) -> None:
    """Write the page whole or not at all; parameters are those of `render`.

    Raises
    ------
    SpdkitError
        When the file cannot be written.
    """
    write_page(render(result, provenance, places), path)


def render(
    result: ForecastResult, provenance: Provenance, places: Sequence[int] | None = None
) -> str:
    """The page as HTML; the series at `places` are drawn, the largest if not given.

    Raises
    ------
    ReportError
        When Jinja2 is not installed.
    SpdkitError
        When matplotlib is not installed.
    """
    require_matplotlib()
    template = load_template("forecast.html.j2")
    drawn = largest(result) if places is None else list(places)
    pictures = [_picture(result, i, number) for number, i in enumerate(drawn, 1)]
    validation = result.validation
    page: str = template.render(
        result=result,
        provenance=provenance,
        version=provenance.packages.get("spdkit", ""),
        heading=f"The next {steps(result.request.h, result.panel)} of "
        f"{series_count(len(result.panel))}",
        period=period(result),
        verdict=_verdict(result),
        cards=_cards(result),
        pictures={picture.name: picture for picture in pictures},
        drawn=len(pictures),
        are_largest=drawn == largest(result, len(drawn)),
        history=steps(history_rows(result.request.h), result.panel),
        scores=None if validation is None else score_table(result, validation),
        coverage=coverage_table(result),
        picked=candidate_table(result),
        totals=totals_table(result),
        parameters=parameters(result),
        first=day(result.panel.ds.min()),
        last=day(result.panel.ds.max()),
    )
    return page


def _verdict(result: ForecastResult) -> str:
    """What is forecast, how good such forecasts were, and beside the strongest simple rival."""
    what = f"{series_count(len(result.panel))} are forecast by {result.name} for {period(result)}."
    validation = result.validation
    if validation is None:
        return f"{what} How good such forecasts are was not measured."
    metric, scores = validation.metrics[0], validation.scores()
    own = f"On {validation.rows}, its forecasts {_own_error(metric, scores.iloc[0])}."
    if len(scores) == 1:
        return f"{what} {own} There is no rival to hold it against."
    rivals = scores.iloc[1:][metric]
    best = str(rivals.idxmax() if metric in HIGHER_IS_BETTER else rivals.idxmin())
    return (
        f"{what} {own} {result.title(best)} has {_error(metric, scores.loc[best])}: "
        f"{_comparison(validation, best)}."
    )


def _own_error(metric: str, scores: Any) -> str:
    error = _error(metric, scores)
    return f"score {error}" if metric == "f" else f"miss the actual values by {error}"


def _error(metric: str, scores: Any) -> str:
    if metric == "f":
        return f"{number('f_share', scores['f_share'])} of the F of a perfect forecast"
    return f"{number(metric, scores[metric])}{' of them' if metric == 'wape' else ''} on average"


def _comparison(validation: Validation, rival: str) -> str:
    metric, difference = validation.metrics[0], validation.difference(rival)
    if difference is None:
        return "its forecasts are the same"
    if difference.reason:
        few = series_count(len(validation.windows[0].future))
        return f"{few} cannot tell the two apart, which takes {FEWEST_UNITS}"
    if difference.low <= 0 <= difference.high:
        return "these series cannot tell the two apart"
    better = (difference.value > 0) == (metric in HIGHER_IS_BETTER)
    return f"the forecast is {'better' if better else 'worse'}, by more than chance explains"


def _cards(result: ForecastResult) -> list[Card]:
    h = steps(result.request.h, result.panel)
    totals = result.totals()
    with_past = totals[totals["before"].notna()]
    before, after = with_past["before"].sum(), with_past["forecast"].sum()
    change = 100 * (after / before - 1) if before > 0 else math.nan
    note = f"{percent(change, signed=True)} on the last {h}" if math.isfinite(change) else ""
    total = float(totals["forecast"].sum())
    cards = [Card(f"All series, next {h}", amount(total, abs(total)), note)]
    validation = result.validation
    if validation is not None:
        labels = {"f_share": "F, of a perfect forecast", "wape": "Average miss (WAPE)"}
        for metric in (name for name in labels if name in validation.metrics):
            scores = validation.scores()[metric]
            rivals = ", ".join(
                f"{result.title(str(name))}: {number(metric, value)}"
                for name, value in scores.iloc[1:].items()
            )
            cards.append(Card(labels[metric], number(metric, scores.iloc[0]), rivals or "no rival"))
    for level, share in list(result.coverage.items())[-1:]:
        label = f"Inside their {level:g}\u00a0% interval"
        cards.append(Card(label, percent(100 * share), "in the past windows"))
    return cards


def _picture(result: ForecastResult, i: int, number: int) -> Picture:
    def draw_series(ax: Axes) -> Axes:
        plot_series(result, i, ax)
        ax.set(xlabel=_dates(result, i), ylabel=result.panel.columns.y)
        legend(ax, ncols=2, handlelength=1.6)
        return ax

    name = str(result.panel.ids[i])
    h = result.request.h
    recent, coming = result.panel.series(i)[-h:].mean(), result.values[i].mean()
    caption = (
        f"{_amount(recent)} a row on average over the last {h}, {_amount(coming)} forecast over "
        f"the next {h}."
    )
    svg = draw(f"series-{number}", f"{name}. {caption}", _HEIGHT, draw_series)
    return Picture(f"series-{number}", name, caption, svg)


def _amount(value: float) -> str:
    return plain(value, 0 if abs(value) >= 100 else 1)


def _dates(result: ForecastResult, i: int) -> str:
    """What the axis of dates shows, with the years that its ticks may leave out."""
    panel = result.panel
    last = panel.ds[panel.indptr[i + 1] - 1]
    if not hasattr(last, "year"):
        return panel.columns.ds
    end = result.forecasts[panel.columns.ds].iloc[(i + 1) * result.request.h - 1]
    rows = min(int(panel.lengths[i]), history_rows(result.request.h))
    first = panel.ds[panel.indptr[i + 1] - rows]
    years = f"{first.year}" if first.year == end.year else f"{first.year} to {end.year}"
    return f"date ({years})"
