"""``spdkit forecast``. Heavy imports stay inside."""

from __future__ import annotations

import contextlib
import shlex
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spdkit.cli.terminal import AsJson, to_json, told_errors

if TYPE_CHECKING:
    from spdkit.forecast.pipeline import ForecastResult, Tick
    from spdkit.report.forecast_report import Made


def forecast(
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
            "told. Default: 90.",
        ),
    ] = None,
    intervals: Annotated[
        bool, typer.Option("--intervals/--no-intervals", help="Whether to make intervals.")
    ] = True,
    validate: Annotated[
        int,
        typer.Option(
            min=0,
            metavar="N",
            help="Score it on the last N windows as long as the horizon, each forecast from what "
            "lies before it, beside simple rivals; 0 for no scores.",
        ),
    ] = 2,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Forecasts as .csv or .parquet."),
    ] = None,
    plot: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A figure, .png, .svg or .pdf: small multiples."),
    ] = None,
    report: Annotated[
        Path | None, typer.Option(metavar="FILE.html", help="A page with everything on it.")
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
            help="Step between dates, such as D, W-MON, h or 1. Default: what the table has.",
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
    quiet: Annotated[
        bool, typer.Option("--quiet", help="No progress and no remarks on stderr.")
    ] = False,
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
    with told_errors():
        from spdkit.common.errors import SpdkitError
        from spdkit.forecast.data.panel import Columns
        from spdkit.forecast.data.table_files import read_panel
        from spdkit.forecast.pipeline import Request, forecast_panel

        if level and not intervals:
            raise SpdkitError("--level asks for intervals, --no-intervals for none")
        _check_targets(output, plot, report)
        tell = _silent if quiet else _told
        request = Request(
            h=horizon,
            model=model,
            levels=() if not intervals else tuple(level) if level else None,
            n_windows=validate,
            season_length=season,
            skip_short=skip_short,
            seed=seed,
        )
        columns, others = Columns(id_col, time_col, target_col), tuple(hist_exog or ())
        panel = read_panel(file, columns, _step(freq), fill_gaps, tell, others)
        with bar(shown=not quiet) as started:
            result = forecast_panel(panel, request, started)
        for remark in result.remarks:
            tell(f"{file}: {remark}")
        made = made_by(file, shlex.join(["spdkit", *sys.argv[1:]]))
        written = write(result, made, output, plot, report, series)
        from spdkit.cli.forecast_printing import print_result, to_content
    if as_json:
        typer.echo(to_json(to_content(result, written)))
    else:
        print_result(result, written)


def write(
    result: ForecastResult,
    made: Made,
    output: Path | None,
    plot: Path | None,
    report: Path | None,
    series: list[str] | None = None,
) -> list[str]:
    """Write those files that are asked for; return their names."""
    from spdkit.common.table_io import write_table
    from spdkit.report import forecast_figures, forecast_report

    places = forecast_figures.places_of(result, series) if series else None
    if output is not None:
        write_table(result.forecasts, output, float_format="%.10g")
    if plot is not None:
        forecast_figures.save(forecast_figures.figure(result, places), plot)
    if report is not None:
        forecast_report.write(result, made, report, places)
    return [str(path) for path in (output, plot, report) if path is not None]


def made_by(file: Path, command: str) -> Made:
    """How a forecast is made now, for its page."""
    from datetime import datetime

    from spdkit.common.versions import installed_versions
    from spdkit.forecast.models.serialization import PACKAGES
    from spdkit.report.forecast_report import Made

    now = datetime.now().astimezone()
    return Made(file.name, command, f"{now:%Y-%m-%d %H:%M %Z}", installed_versions(PACKAGES))


@contextlib.contextmanager
def bar(*, shown: bool = True) -> Iterator[Callable[[int], Tick]]:
    """Show how many fits are done, once it is known how many there will be."""
    from spdkit.common.progress import progress_bar

    with contextlib.ExitStack() as stack:

        def start(total: int) -> Tick:
            advance = stack.enter_context(progress_bar("forecasting", total, shown=shown))
            return lambda: advance(False)

        yield start


def _check_targets(output: Path | None, plot: Path | None, report: Path | None) -> None:
    """Refuse before any work what could not be written after it."""
    from spdkit.common.table_io import require_ending
    from spdkit.report.forecast_figures import require_format
    from spdkit.report.page import load_template
    from spdkit.report.song_figures import require_matplotlib

    if output is not None:
        require_ending(output)
    if plot is not None:
        require_matplotlib()
        require_format(plot)
    if report is not None:
        require_matplotlib()
        load_template("forecast.html.j2")


def _step(freq: str | None) -> str | int | None:
    return int(freq) if freq is not None and freq.isdecimal() else freq


def _told(text: str) -> None:
    typer.echo(text, err=True)


def _silent(text: str) -> None:
    pass
