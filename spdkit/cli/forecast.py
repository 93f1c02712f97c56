"""``spdkit forecast``: the next rows of every series of a table."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from spdkit import forecast, report
from spdkit.cli.outputs import require_apart
from spdkit.cli.printing import SHOWN_ROWS, console, plain, print_page_table
from spdkit.cli.terminal import (
    AsJson,
    Jobs,
    Quiet,
    SpreadsheetSafe,
    command_line,
    echo,
    echo_json,
    errors_as_lines,
)
from spdkit.common.errors import SpdkitError
from spdkit.common.progress import progress_bar
from spdkit.common.table_io import require_ending
from spdkit.common.threads import limited_threads

if TYPE_CHECKING:
    from spdkit.forecast.pipeline import ForecastResult, Tick


def forecast_series(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="TABLE",
            help="A CSV (.csv, .csv.gz) or Parquet table, one row a series and date, with the "
            "columns unique_id, ds (2015-08-31 or 20150831; or whole numbers 1, 2, 3 …) and y. "
            "Rows of a series in the order of time.",
        ),
    ],
    horizon: Annotated[
        int, typer.Option("--horizon", "-H", metavar="N", help="How many dates to forecast.")
    ],
    model: Annotated[
        str, typer.Option(metavar="NAME", help="Which forecaster, of those listed above.")
    ] = "best",
    level: Annotated[
        list[float] | None,
        typer.Option(
            metavar="PERCENT",
            help="How much intervals should hold; may be repeated. What they held in the past is "
            "told. Default: 90, or none where the series are too few or too short for it.",
        ),
    ] = None,
    intervals: Annotated[
        bool, typer.Option("--intervals/--no-intervals", help="Whether to make intervals.")
    ] = True,
    validate: Annotated[
        int | None,
        typer.Option(
            min=0,
            metavar="N",
            help="Score it on the last N windows as long as the horizon, each forecast from what "
            "lies before it, beside simple rivals; 0 for no scores. Default: 2, or fewer where "
            "the series are short.",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Forecasts as .csv or .parquet."),
    ] = None,
    plot: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A figure, .png, .svg or .pdf: small multiples."),
    ] = None,
    page: Annotated[
        Path | None,
        typer.Option("--report", metavar="FILE.html", help="A page with everything on it."),
    ] = None,
    series: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ID", help="Which series are drawn; may be repeated. Default: the 12 largest."
        ),
    ] = None,
    fill_gaps: Annotated[
        float | None,
        typer.Option(
            metavar="VALUE",
            help="What a date without a row holds, such as 0: from each series' first date to the "
            "last date of all. Without it gaps are refused.",
        ),
    ] = None,
    skip_short: Annotated[
        bool, typer.Option("--skip-short", help="Leave out series that are too short.")
    ] = False,
    freq: Annotated[
        str | None,
        typer.Option(
            metavar="STEP",
            help="Step between dates, such as D, W-MON, h, MS, M-15 (months, on the 15th) or 1. "
            "Default: what the table has.",
        ),
    ] = None,
    season: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Rows of a season. Default: 7 of days, 24 of hours."),
    ] = None,
    id_col: Annotated[str, typer.Option(metavar="COLUMN", help="Names the series.")] = "unique_id",
    time_col: Annotated[str, typer.Option(metavar="COLUMN", help="The dates.")] = "ds",
    target_col: Annotated[str, typer.Option(metavar="COLUMN", help="What to forecast.")] = "y",
    hist_exog: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COLUMN",
            help="A further column of the past, 0 or more, such as downloads, for the models that "
            "see it (those with recommended or global in their name); may be repeated.",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="The same seed gives the same forecasts.")] = 0,
    spreadsheet_safe: SpreadsheetSafe = False,
    jobs: Jobs = None,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Forecast every series of a table, and tell how good such forecasts were in the past.

    The scores are of dates that the forecasts did not know, and say which; intervals are made from
    what was missed there. F, the score of LSTM-RPA, needs plays on every day: where a day has none,
    WAPE is used, and this is told.

    Models, of which best tries those with a star (and what is slow takes minutes):

    - best: whichever ★ scores best in two windows inside the rows that it sees
    - recommended ★: each series' level and boosting over all series, averaged
    - recommended-with-units: boosting and lstm-rpa trained on F, averaged: our best; slow
    - sma ★: the mean of the last 16 rows
    - relative-mean ★: the constant of least relative error over the last 16 rows
    - seasonal-naive ★: the last season again, such as a week of days
    - global: gradient boosting over all series at once, on relative error
    - global-recurrent: a GRU over all series at once, on F, which no day without plays allows
    - arima: ARIMA of each series, its order by AICc; slow
    - lstm: an LSTM of each series that gives the whole horizon at once; slow
    - lstm-rpa: an LSTM of each series rolled day by day, as its paper does; slow

    Example: spdkit forecast plays.csv --horizon 30 --plot plays.png -o forecasts.csv
    """
    with errors_as_lines():
        if level and not intervals:
            raise SpdkitError("--level asks for intervals, --no-intervals for none")
        require_apart([output, plot, page], [file])
        _require_formats(output, plot, page)
        remark = _silent if quiet else partial(echo, err=True)
        request = forecast.pipeline.Request(
            h=horizon,
            model=model,
            levels=() if not intervals else tuple(level) if level else None,
            n_windows=validate,
            season_length=season,
            skip_short=skip_short,
            seed=seed,
        )
        columns, others = forecast.Columns(id_col, time_col, target_col), tuple(hist_exog or ())
        panel = forecast.read_panel(file, columns, _step(freq), fill_gaps, remark, others)
        with limited_threads(jobs, len(panel.y)):
            with progress_of_fits(shown=not quiet) as bar:
                result = forecast.pipeline.forecast_panel(panel, request, bar)
            for text in result.remarks:
                remark(f"{file}: {text}")
            source = report.forecast_report.Provenance.of(file, command_line())
            written = report.forecast_report.write_files(
                result, source, output, plot, page, series, spreadsheet_safe=spreadsheet_safe
            )
    if as_json:
        echo_json(_content(result, written))
    else:
        _print_forecasts(result, written)


@contextlib.contextmanager
def progress_of_fits(*, shown: bool, patience: float = 0.0) -> Iterator[Callable[[int], Tick]]:
    """Show how many fits are done, once it is known how many there will be."""
    with contextlib.ExitStack() as stack:

        def start(total: int) -> Tick:
            bar = progress_bar("forecasting", total, shown=shown, patience=patience)
            advance = stack.enter_context(bar)
            return lambda: advance(False)

        yield start


def _require_formats(output: Path | None, plot: Path | None, page: Path | None) -> None:
    """Refuse before any work what could not be written after it."""
    if output is not None:
        require_ending(output)
    if plot is not None or page is not None:
        report.svg.require_matplotlib()
    if plot is not None:
        report.forecast_figures.require_format(plot)
    if page is not None:
        report.page.load_template("forecast.html.j2")


def _silent(text: str) -> None:
    pass


def _step(freq: str | None) -> str | int | None:
    return int(freq) if freq is not None and freq.isdecimal() else freq


def _content(result: ForecastResult, written: list[str]) -> dict[str, Any]:
    """Everything as plain values, for JSON."""
    panel, validation = result.panel, result.validation
    ds = panel.columns.ds
    scores = None
    if validation is not None:
        scores = {
            "rows": validation.rows,
            "metric": validation.metrics[0],
            "scores": {
                result.title(str(name)): dict(of_model)
                for name, of_model in validation.scores().iterrows()
            },
        }
    return {
        "model": result.request.model,
        "name": result.name,
        "horizon": result.request.h,
        "frequency": panel.freq_name,
        "n_series": len(panel),
        "n_rows": len(panel.y),
        "validation": scores,
        "coverage": {f"{level:g}": share for level, share in result.coverage.items()},
        "totals": result.totals().reset_index().to_dict("records"),
        "forecasts": result.forecasts.astype({ds: str}).to_dict("records"),
        "remarks": list(result.remarks),
        "files": written,
    }


def _print_forecasts(result: ForecastResult, written: list[str]) -> None:
    """Scores, coverage and the largest totals; and which files have the rest."""
    tables, out = report.forecast_tables, console()
    if result.validation is not None:
        print_page_table(tables.score_table(result, result.validation), result.name)
    else:
        out.print(f"Forecast by {plain(result.name)}, not scored", highlight=False)
    if result.levels:
        print_page_table(tables.coverage_table(result))
    print_page_table(tables.totals_table(result), most=SHOWN_ROWS)
    if (more := len(result.panel) - SHOWN_ROWS) > 0:
        out.print(f"… and {more:,} more series")
    for path in written:
        out.print(f"{plain(path)}: written", soft_wrap=True)
    if not written:
        out.print("-o forecasts.csv writes every date, --plot a figure, --report a page")
