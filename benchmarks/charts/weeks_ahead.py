"""Four and eight weeks ahead of every song in a weekly chart: naive forecasts, and ours.

    python benchmarks/charts/weeks_ahead.py --file weekly_top200.csv.gz --test-weeks 52 --json

The last weeks of each region are forecast, from four and eight weeks before; everything is fitted
once, on what lies before them. Scored are songs that are in the chart on both weeks, by the mean
absolute error of the natural logarithm of streams: from each song's first week in the chart, and
from all weeks. Beside ours: last value, 52 weeks before (where the song was there), and the mean of
the song's last seven weeks. For files see `benchmarks/charts/next_day.py`.
"""

from __future__ import annotations

import sys
from pathlib import Path

if not __package__:  # run as a script, whose own folder alone is on the path
    sys.path.append(str(Path(__file__).resolve().parents[2]))

import argparse
from typing import Any

from benchmarks.charts.past_forecasts import add_options, forecasts, read, run, scores
from benchmarks.common.script import (
    add_numbers,
    at_least,
    in_one_thread,
    new_parser,
)
from spdkit.common.errors import SpdkitError
from spdkit.forecast.charts.chart_model import ChartModel


def main(args: list[str] | None = None) -> int:
    """Run the benchmark."""
    parser = new_parser(__doc__)
    add_options(parser)
    parser.add_argument("--test-weeks", type=at_least(1), default=52, help="default: 52")
    add_numbers(parser, "weeks", [4, 8], "weeks ahead")
    return run(parser, args, weeks_ahead)


def weeks_ahead(args: argparse.Namespace) -> dict[str, Any]:
    """Forecast and score: ``{"n": {"first_week": {"4": …}, "all": …}, "mae": …, …}``."""
    table = read(args)
    if table.freq == "D":
        raise SpdkitError(f"{args.file} is a chart of days: take next_day.py")
    model = ChartModel(max(args.weeks), steps=args.weeks, loss="log", seed=args.seed)
    frame = forecasts(table, model, args.test_weeks, args.weeks, season=52)
    results: dict[str, Any] = {}
    for origin, rows in (("first_week", frame[frame["first"]]), ("all", frame)):
        for weeks in args.weeks:
            part = scores(rows[rows["steps"] == weeks], logarithm=True)
            for measure, value in part.items():
                results.setdefault(measure, {}).setdefault(origin, {})[str(weeks)] = value
    return results


if __name__ == "__main__":
    in_one_thread(main)
