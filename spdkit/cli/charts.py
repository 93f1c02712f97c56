"""``spdkit charts``: charts of songs, read from any form, and forecast."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from spdkit import catalogs, forecast as forecasts, report
from spdkit.cli.forecast import progress_of_fits
from spdkit.cli.outputs import require_apart
from spdkit.cli.printing import SHOWN_ROWS, console, plain, print_page_table, print_table
from spdkit.cli.terminal import (
    AsJson,
    Jobs,
    Quiet,
    SpreadsheetSafe,
    command_line,
    echo_json,
    errors_as_lines,
    print_line,
)
from spdkit.common.errors import SpdkitError
from spdkit.common.progress import PATIENCE, progress_bar
from spdkit.common.table_io import read_table, require_ending, write_table
from spdkit.common.threads import limited_threads, usable_cores

if TYPE_CHECKING:
    from spdkit.forecast.charts.chart_outlook import ChartOutlook
    from spdkit.forecast.charts.chart_table import ChartTable

app = typer.Typer(
    help="Charts of songs: who stood where, for how many streams, and who will.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.command()
def read(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILES", help="Charts as .csv, .tsv (also .gz …), .parquet, or saved .html."
        ),
    ],
    output: Annotated[
        Path,
        typer.Option("--output", "-o", metavar="FILE", help="The table, .parquet or .csv."),
    ],
    region: Annotated[
        str | None,
        typer.Option(
            metavar="CODE",
            help="Of the files whose rows say none, such as PH or Philippines.",
        ),
    ] = None,
    date: Annotated[
        str | None,
        typer.Option(
            metavar="YYYY-MM-DD",
            help="Of the files whose rows say none; of a week, its last day.",
        ),
    ] = None,
    freq: Annotated[
        str | None,
        typer.Option(
            metavar="STEP",
            help="D for a chart of days, W-THU for one of weeks that end on a Thursday. Default: "
            "what names and dates say.",
        ),
    ] = None,
    chart: Annotated[
        str,
        typer.Option(metavar="NAME", help="Which rows count where there is a column chart."),
    ] = "top200",
    column: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=COLUMN",
            help="What the files call a column by a name that is not known, such as streams=Plays; "
            "may be repeated.",
        ),
    ] = None,
    duplicates: Annotated[
        str,
        typer.Option(
            metavar="refuse|first",
            help="What becomes of a song or a place that stands twice on a date, and of a date "
            "that is in two files: refuse all, or count the first. With first, rows without an id "
            "and a title are one song.",
        ),
    ] = "refuse",
    thousands: Annotated[
        str | None,
        typer.Option(
            metavar="SIGN",
            help="What stands between thousands: a comma, a point, ' or the word space. Kworb's "
            "commas are known besides.",
        ),
    ] = None,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Read charts in any form to one table: region, ds, position, track_id, title, artist, streams.

    The forms, each known by its columns, in any order and case:

    - spotifycharts.com: Position, Track Name, Artist, Streams, URL, with or without the note before
    - charts.spotify.com: rank, uri, artist_names, track_name, …, streams
    - merged tables, such as Kaggle's, with a date and a region in each row; of a column chart the
      top200
    - kworb.net: the page of a day or a week, saved as .html (the charts extra), or a table made of
      it (Pos, Artist and Title, Streams); totals are no chart, and refused
    - the table that this command writes, with or without ids

    Region and date are those of the rows, else of a file's name as the sites have it
    (regional-ph-daily-2020-05-20.csv, regional-us-weekly-2021-05-14--2021-05-21.csv), else --region
    and --date, else what another name says for sure (us_daily_2021-05-20.csv), which is told. The
    date of a week is its last day: of Friday to Friday, the Thursday.

    Rows without an id are matched by artist and title, and get an id made of them, the same in
    every table; it is told how. Without a column of places streams tell them. Nothing is repaired:
    what is wrong is refused with file and row, all of it at once, and missing dates and places are
    told.

    Read the terms where your files come from: Spotify's developer terms forbid training models on
    what its interface gives.

    Example: spdkit charts read regional-ph-daily-*.csv -o chart.parquet
    """
    with errors_as_lines():
        require_ending(output)
        require_apart([output], files)
        with progress_bar("reading", len(files), shown=not quiet, patience=1.0) as advance:
            table = catalogs.spotify_charts.read_charts(
                files,
                region=region,
                date=date,
                freq=freq,
                chart=chart,
                columns=dict(map(_name_and_column, column or ())),
                duplicates=duplicates,
                thousands=thousands,
                progress=lambda path: advance(False),
            )
        if not quiet:
            for text in table.remarks:
                print_line(f"spdkit: {text}")
        write_table(table.frame, output)
    content = _content(table, output)
    if as_json:
        echo_json(content)
    else:
        _print(content)


@app.command()
def forecast(
    file: Annotated[
        Path,
        typer.Argument(metavar="CHART", help="The table that charts read writes, or any form."),
    ],
    horizon: Annotated[
        int,
        typer.Option(
            "--horizon", "-H", metavar="N", help="Days ahead, at most 56; of weekly charts 8 weeks."
        ),
    ] = 7,
    metadata: Annotated[
        Path | None,
        typer.Option(
            metavar="TABLE",
            help="Songs by track_id, .csv or .parquet: one that is in no chart yet and has its "
            "release_date, title and artist is forecast as a release, also by columns of numbers "
            "such as energy or tempo, which must be known before it comes out.",
        ),
    ] = None,
    region: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CODE",
            help="Which regions to forecast; may be repeated. All are learned from. Default: all.",
        ),
    ] = None,
    level: Annotated[
        float | None,
        typer.Option(
            metavar="PERCENT",
            help="How much intervals should hold; what they held in the past is told. Default: 90, "
            "or none where the chart is too short for it.",
        ),
    ] = None,
    validate: Annotated[
        int | None,
        typer.Option(
            min=0,
            metavar="N",
            help="Score it on the last N windows as long as the horizon, by what was fitted before "
            "them; 0 for no scores. Default: 4, or fewer where the chart is short.",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="All dates as .csv or .parquet."),
    ] = None,
    page: Annotated[
        Path | None,
        typer.Option("--report", metavar="FILE.html", help="A page with everything on it."),
    ] = None,
    seed: Annotated[int, typer.Option(help="The same seed gives the same forecasts.")] = 0,
    spreadsheet_safe: SpreadsheetSafe = False,
    jobs: Jobs = None,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Forecast the next charts: places, streams, who stays, who comes among the first.

    The songs of each region's last chart are forecast, one row a date and song: its place among
    them (position), its streams if it stays, their interval, the probability that it is in the
    chart at all (p_in_chart), its last place and how many places it goes up (change). The page also
    has who likely leaves, who came in lately, who may come among the first 50, and the scores.

    How good such forecasts were is told of the last windows, which they did not know, beside the
    last value and the seasonal naive. New songs are not forecast, except releases of --metadata.

    320,000 rows take about a minute and a half on two cores.

    Example: spdkit charts forecast chart.parquet --horizon 7 -o next.csv --report next.html
    """
    with errors_as_lines():
        require_apart([output, page], [file, metadata])
        if output is not None:
            require_ending(output)
        if page is not None:
            report.svg.require_matplotlib()
            report.page.load_template(report.chart_report.TEMPLATE)
        request = forecasts.OutlookRequest(horizon, level, validate, seed)
        table = catalogs.spotify_charts.read_charts([file])
        songs = None if metadata is None else read_table(metadata, text=["track_id"])
        with limited_threads(jobs), progress_of_fits(shown=not quiet, patience=PATIENCE) as bar:
            outlook = forecasts.outlook(
                table,
                request,
                songs,
                regions=region or (),
                n_jobs=jobs or usable_cores(),
                progress=bar,
            )
        if not quiet:
            for text in (*table.remarks, *outlook.remarks):
                print_line(f"spdkit: {text}")
        provenance = report.forecast_report.Provenance.of(file, command_line())
        written = report.chart_report.write_files(
            outlook, provenance, output, page, spreadsheet_safe=spreadsheet_safe
        )
    if as_json:
        echo_json(_forecast_content(outlook, written))
    else:
        _print_forecasts(outlook, written)


def _forecast_content(outlook: ChartOutlook, written: list[str]) -> dict[str, Any]:
    """Everything as plain values."""
    scores, content = outlook.scores, None
    if scores is not None:
        content = {
            "n_windows": scores.n_windows,
            "first": f"{scores.first:%Y-%m-%d}",
            "last": f"{scores.last:%Y-%m-%d}",
            "forecast": scores.errors("streams"),
            **{name: scores.errors(name) for name in scores.rivals},
            "difference": {name: vars(scores.difference(name)) for name in scores.rivals},
            "level": scores.level,
            "coverage": scores.coverage,
            "n_presence": len(scores.presence),
            "brier": scores.brier() if len(scores.presence) else None,
            "brier_by_place": scores.brier("by_place") if len(scores.presence) else None,
        }
    parts = (outlook.forecasts, outlook.entering, outlook.releases)
    rows = [
        part.astype(dict.fromkeys({"ds"} & set(part), str)).to_dict("records") for part in parts
    ]
    return {
        "freq": outlook.table.freq,
        "horizon": outlook.request.horizon,
        "level": outlook.level,
        "scores": content,
        **dict(zip(("forecasts", "entering", "releases"), rows, strict=True)),
        "remarks": [*outlook.table.remarks, *outlook.remarks],
        "files": written,
    }


def _print_forecasts(outlook: ChartOutlook, written: list[str]) -> None:
    """The first places of each region, the scores, and which files have the rest."""
    tables, out = report.chart_report, console()
    for name in outlook.regions:
        print_page_table(tables.chart_table(outlook, name), most=SHOWN_ROWS)
        if (more := len(outlook.chart(name)) - SHOWN_ROWS) > 0:
            out.print(f"… and {more:,} more songs")
    if outlook.scores is not None:
        print_page_table(tables.score_table(outlook.scores))
    for path in written:
        out.print(f"{plain(path)}: written", soft_wrap=True)
    if not written:
        out.print("-o forecasts.csv writes every date, --report a page")


def _name_and_column(text: str) -> tuple[str, str]:
    name, sign, column = text.partition("=")
    if not (name and sign and column):
        raise SpdkitError(f"--column {text}: give a name and a column, such as streams=Plays")
    return name, column


def _content(table: ChartTable, output: Path) -> dict[str, Any]:
    """What was read, as plain values."""
    summary = table.summary().astype({"first": str, "last": str})
    return {
        "file": str(output),
        "freq": table.freq,
        "n_rows": len(table.frame),
        "n_songs": int(table.frame["track_id"].nunique()),
        "regions": summary.to_dict("index"),
        "remarks": list(table.remarks),
    }


def _print(content: dict[str, Any]) -> None:
    step = "days" if content["freq"] == "D" else f"weeks ({content['freq']})"
    title = f"{content['file']}: {content['n_rows']:,} rows, {content['n_songs']:,} songs"
    head = ["region", step, "missing", "first", "last", "songs", "rows"]
    keys = ("n_dates", "n_missing", "first", "last", "n_songs", "n_rows")
    rows = [
        [name, *(f"{of[key]:,}" if isinstance(of[key], int) else of[key] for key in keys)]
        for name, of in content["regions"].items()
    ]
    print_table(title, head, rows[:SHOWN_ROWS])
    if (more := len(rows) - SHOWN_ROWS) > 0:
        console().print(f"… and {more} more regions {plain('(--json lists all)')}")
