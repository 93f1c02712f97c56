"""Charts ahead: naive forecasts, `with_units`, the report's nets and ours, on the same rows.

    python benchmarks/charts/horizons.py --days ph.parquet us.parquet --weeks weekly.parquet

The last dates of each region are forecast, each from so many dates before; everything is fitted
once, on what lies before the dates that are scored. Scored are songs that are in the chart on both
dates; and, of the next day, those that are there on every date that is scored, as the CS137 report
chose its songs, with paired differences over songs. Every fit is kept under --work as soon as it is
done: interrupted and started again, the run goes on. For files see `benchmarks/charts/next_day.py`.
"""

from __future__ import annotations

import sys
from pathlib import Path

if not __package__:  # run as a script, whose own folder alone is on the path
    sys.path.append(str(Path(__file__).resolve().parents[2]))

import argparse
from collections.abc import Sequence
from typing import Any

from benchmarks.charts import horizon_fits, horizon_markdown, horizon_scores
from benchmarks.charts.horizon_fits import ScoredChart
from benchmarks.charts.spans import without_last
from benchmarks.common import script
from benchmarks.common.measuring import head
from spdkit.catalogs.spotify_charts import read_charts
from spdkit.common.errors import SpdkitError

PACKAGES = ("numpy", "torch", "pandas", "scikit-learn", "spdkit")


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = script.new_parser(__doc__)
    for kind, steps in (("days", [1, 7, 28, 56]), ("weeks", [4, 8])):
        text = f"charts of {kind}, in any form that is read"
        parser.add_argument(
            f"--{kind}", type=Path, nargs="+", default=[], metavar="FILE", help=text
        )
        script.add_numbers(parser, f"{kind}-ahead", steps, "steps")
    script.add_counts(
        parser, test_days=(90, "days that are scored"), test_weeks=(52, "weeks that are scored")
    )
    parser.add_argument(
        "--held-out", type=script.at_least(0), default=0, help="last dates that are not looked at"
    )
    script.add_tables_options(parser, "charts_horizons", {})
    args = parser.parse_args(argv)
    if not args.days and not args.weeks:
        parser.error("give a chart: --days, --weeks")
    args.output = args.output or script.RESULTS / "charts_horizons.json"
    return args


def results(args: argparse.Namespace, progress: script.Progress) -> dict[str, Any]:
    """Fit what has not been fitted yet, and collect it all for the JSON."""
    charts = {}
    for kind in ("days", "weeks"):
        dates, steps = getattr(args, f"test_{kind}"), tuple(getattr(args, f"{kind}_ahead"))
        for file in getattr(args, kind):
            table = read_charts([file], duplicates="first")
            if (table.freq == "D") != (kind == "days"):
                raise SpdkitError(f"{file} is no chart of {kind}")
            table = without_last(table, args.held_out)
            charts[", ".join(table.regions)] = ScoredChart(table, dates, steps)
    journal = horizon_fits.journal_of(args.work / "journal", charts)
    if not args.partial:
        fits = horizon_fits.fits(charts)
        journal.complete(fits, horizon_fits.compute, (charts,), args.jobs, progress)
    options = ["test_days", "test_weeks", "held_out"]
    for kind in ("weeks", "days"):
        if files := getattr(args, kind):
            setattr(args, kind, [file.name for file in files])
            options[:0] = [kind, f"{kind}_ahead"]
    command = script.command_line("charts/horizons.py", args, *options)
    return {**head("charts_horizons", command, PACKAGES), **horizon_scores.record(charts, journal)}


def page(record: dict[str, Any], output: Path) -> str:
    """The page."""
    return horizon_markdown.page(record)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark."""
    return script.resumable(parse(argv), results, page)


if __name__ == "__main__":
    script.in_one_thread(main)
