"""The page of a forecast: one HTML page for whoever decides by it.

Conventions: as of `spdkit.report.page`. Numbers on how good the forecasts are come from rows that
were not known when they were made, and the page says which. The same result gives the same page,
byte for byte. The words are in ``templates/forecast.html.j2``.
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from spdkit.evaluation.bootstrap import Difference
from spdkit.forecast.data.panel import day, series_count, steps
from spdkit.forecast.pipeline import ForecastResult, parameters, period
from spdkit.forecast.scoring.metrics import HIGHER_IS_BETTER
from spdkit.forecast.selection.backtest import TITLES, Validation
from spdkit.report import svg as report_svg
from spdkit.report.forecast_figures import history_rows, largest, plot_series
from spdkit.report.page import NOTHING, Card, Cell, Picture, Table, load_template, plain, write_page
from spdkit.report.song_figures import require_matplotlib

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_ROWS = 100  # of the ranked list
_SHARES = ("f_share", "wape")
_BETTER = {"f": "higher is better", "f_share": "higher is better"}
_HEIGHT = 2.6  # inches


@dataclass(frozen=True)
class Made:
    """How a forecast was made.

    Attributes
    ----------
    source : str
        The table's name.
    command : str
    created : str
        Day and time.
    packages : dict of str to str
        Versions by name.
    """

    source: str
    command: str = ""
    created: str = ""
    packages: dict[str, str] | None = None


def write(
    result: ForecastResult,
    made: Made,
    path: str | os.PathLike[str],
    places: Sequence[int] | None = None,
) -> None:
    """Write the page whole or not at all; parameters are those of `render`.

    Raises
    ------
    SpdkitError
        When the file cannot be written.
    """
    write_page(render(result, made, places), path)


def render(result: ForecastResult, made: Made, places: Sequence[int] | None = None) -> str:
    """The page as HTML.

    Parameters
    ----------
    result : ForecastResult
    made : Made
    places : sequence of int, optional
        Which series are drawn; the largest if not given.

    Raises
    ------
    ReportError
        When Jinja2 is not installed.
    SpdkitError
        When matplotlib is not installed.
    """
    require_matplotlib()
    template = load_template("forecast.html.j2")
    chosen = largest(result) if places is None else list(places)
    pictures = [_picture(result, i, number) for number, i in enumerate(chosen, 1)]
    validation = result.validation
    page: str = template.render(
        result=result,
        made=made,
        version=(made.packages or {}).get("spdkit", ""),
        heading=f"The next {steps(result.request.h, result.panel)} of "
        f"{series_count(len(result.panel))}",
        period=period(result),
        verdict=_verdict(result),
        cards=_cards(result),
        pictures={picture.name: picture for picture in pictures},
        drawn=len(pictures),
        are_largest=chosen == largest(result, len(chosen)),
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


def score_table(result: ForecastResult, validation: Validation) -> Table:
    """Forecasters by metrics, and how far each lies from the first one."""
    table, metric = validation.scores(), validation.metrics[0]
    columns = [
        Cell("Forecaster"),
        *(Cell(TITLES[each], _BETTER.get(each, "lower is better")) for each in validation.metrics),
        Cell(f"{TITLES[metric]}, {result.label} less it", "95\u00a0% interval"),
    ]
    rows = []
    for name in validation.names:
        difference = None if name == validation.names[0] else validation.difference(name)
        rows.append(
            (
                Cell(result.title(name)),
                *(Cell(number(each, float(table[each][name]))) for each in validation.metrics),
                _difference(metric, difference),
            )
        )
    caption = f"Scored on {validation.rows}"
    return Table("scores", caption, tuple(columns), tuple(rows))


def coverage_table(result: ForecastResult) -> Table:
    """What the intervals of each level held."""
    columns = (Cell("Interval"), Cell("Held of the values"))
    rows = tuple(
        (Cell(f"{level:g}\u00a0%"), Cell(f"{plain(100 * held, 1)}\u00a0%"))
        for level, held in result.coverage.items()
    )
    n = len(result.windows)
    caption = f"Coverage in {n} windows, each by intervals that the others give"
    return Table("coverage", caption, columns, rows)


def candidate_table(result: ForecastResult) -> Table | None:
    """What `best` chose from, the best first; None for any other model."""
    selection = getattr(result.forecaster, "selection_", None)
    if selection is None:
        return None
    metric = result.forecaster.metric
    ordered = selection.scores.sort_values(
        "mean", ascending=metric not in HIGHER_IS_BETTER, kind="stable"
    )
    rows = tuple(
        (Cell(str(row["candidate"]), str(row["reason"] or "")), Cell(number(metric, row["mean"])))
        for _, row in ordered.iterrows()
    )
    columns = (Cell("Candidate"), Cell(f"{TITLES[metric]}, mean of its windows"))
    return Table("candidates", "What it was picked from", columns, rows)


def totals_table(result: ForecastResult) -> Table:
    """Series by the plays of the horizon, the greatest first."""
    totals, h = result.totals(), steps(result.request.h, result.panel)
    level = max(result.levels, default=None)
    columns = [Cell(f"{result.panel.columns.unique_id}"), Cell(f"Last {h}"), Cell(f"Next {h}")]
    columns += [] if level is None else [Cell(f"{level:g}\u00a0% interval")]
    rows = []
    for name, row in totals.head(MOST_ROWS).iterrows():
        change = f"{plain(row['change'], 1, signed=True)}\u00a0%"
        forecast = Cell(plain(row["forecast"], 0), change if math.isfinite(row["change"]) else "")
        cells = [Cell(str(name)), Cell(plain(row["before"], 0)), forecast]
        if level is not None:
            ends = (plain(row[f"{end}-{level:g}"], 0) for end in ("lo", "hi"))
            cells.append(Cell(" to ".join(ends)))
        rows.append(tuple(cells))
    n = len(totals)
    caption = (
        f"Totals of {n:,} series"
        if n <= MOST_ROWS
        else (f"Totals of the {MOST_ROWS} largest of {n:,} series")
    )
    return Table("totals", caption, tuple(columns), tuple(rows))


def number(metric: str, value: float) -> str:
    """A score with its places and unit."""
    if metric in _SHARES:
        return f"{plain(100 * value, 1)}\u00a0%" if math.isfinite(value) else NOTHING
    return plain(value, 1)


def _difference(metric: str, found: Difference | None) -> Cell:
    if found is None:
        return Cell(NOTHING)
    factor, unit = (100, " points") if metric in _SHARES else (1, "")
    value, low, high = (
        plain(factor * each, 1, signed=True) for each in (found.value, found.low, found.high)
    )
    return Cell(f"{value}{unit}", f"[{low}, {high}]")


def _verdict(result: ForecastResult) -> str:
    """What is forecast, how good such forecasts were, and beside the strongest simple rival."""
    what = f"{series_count(len(result.panel))} are forecast by {result.name} for {period(result)}."
    validation = result.validation
    if validation is None:
        return f"{what} How good such forecasts are was not measured."
    metric, scores = validation.metrics[0], validation.scores()
    own = f"On {validation.rows}, its forecasts {_said(metric, scores.iloc[0])}."
    if len(scores) == 1:
        return f"{what} {own} There is no rival to hold it against."
    rivals = scores.iloc[1:][metric]
    best = str(rivals.idxmax() if metric in HIGHER_IS_BETTER else rivals.idxmin())
    return (
        f"{what} {own} {result.title(best)} has {_brief(metric, scores.loc[best])}: "
        f"{_compared(metric, validation.difference(best))}."
    )


def _said(metric: str, scores: object) -> str:
    text = _brief(metric, scores)
    if metric == "f":
        return f"score {text}"
    return f"miss the actual values by {text}"


def _brief(metric: str, scores: object) -> str:
    found = dict(scores)  # type: ignore[call-overload]
    if metric == "f":
        return f"{number('f_share', found['f_share'])} of the F of a perfect forecast"
    return f"{number(metric, found[metric])}{' of them' if metric == 'wape' else ''} on average"


def _compared(metric: str, found: Difference | None) -> str:
    if found is None:
        return "one series cannot tell the two apart"
    if found.low <= 0 <= found.high:
        return "these series cannot tell the two apart"
    better = (found.value > 0) == (metric in HIGHER_IS_BETTER)
    return f"the forecast is {'better' if better else 'worse'}, by more than chance explains"


def _cards(result: ForecastResult) -> list[Card]:
    h = steps(result.request.h, result.panel)
    totals = result.totals()
    known = totals["before"].notna()
    before, after = totals.loc[known, "before"].sum(), totals.loc[known, "forecast"].sum()
    change = 100 * (after / before - 1) if before > 0 else math.nan
    note = (
        f"{plain(change, 1, signed=True)}\u00a0% on the last {h}" if math.isfinite(change) else ""
    )
    cards = [Card(f"All series, next {h}", plain(totals["forecast"].sum(), 0), "", note)]
    validation = result.validation
    if validation is not None:
        for metric in ("f_share", "wape"):
            if metric in validation.metrics:
                scores = validation.scores()[metric]
                rivals = ", ".join(
                    f"{result.title(str(name))}: {number(metric, value)}"
                    for name, value in scores.iloc[1:].items()
                )
                label = {"f_share": "F, of a perfect forecast", "wape": "Average miss (WAPE)"}
                value = number(metric, scores.iloc[0])
                cards.append(Card(label[metric], value, "", rivals or "no rival"))
    for level, held in list(result.coverage.items())[-1:]:
        text = f"{plain(100 * held, 1)}\u00a0%"
        cards.append(
            Card(f"Inside their {level:g}\u00a0% interval", text, "", "in the past windows")
        )
    return cards


def _picture(result: ForecastResult, i: int, number: int) -> Picture:
    def draw(ax: Axes) -> Axes:
        plot_series(result, i, ax)
        ax.set(xlabel=_dates(result, i), ylabel=result.panel.columns.y)
        style = {"columnspacing": 1.0, "handletextpad": 0.4, "handlelength": 1.6}
        place = {"loc": "lower left", "bbox_to_anchor": (-0.02, 1.0), "borderaxespad": 0.2}
        ax.legend(ncols=2, frameon=False, **style, **place)
        return ax

    name = str(result.panel.ids[i])
    h = result.request.h
    recent, next_ = result.panel.series(i)[-h:].mean(), result.values[i].mean()
    caption = (
        f"{_amount(recent)} a row on average over the last {h}, {_amount(next_)} forecast over the "
        f"next {h}."
    )
    svg = report_svg.draw(f"series-{number}", f"{name}. {caption}", _HEIGHT, partial(draw))
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
