"""Next day of every song in a daily chart: last value, seasonal naive, mean of a week, and ours.

    python benchmarks/charts/next_day.py --file chart.csv --region PH --test-days 90 --json

The last days of the chart are forecast, each from the day before (or `--ahead` days before);
everything is fitted once, on what lies before them. Scored are songs that are in the chart on both
days, by the mean absolute error of streams; the seasonal naive where the song was there on the last
known day of the same weekday, too. Any form of chart is read that `spdkit charts read` reads. Of
rows that stand twice for a song and day the first counts, rows without a title are one song; stderr
says how many.
"""

from __future__ import annotations

import sys
from pathlib import Path

if not __package__:  # run as a script, whose own folder alone is on the path
    sys.path.append(str(Path(__file__).resolve().parents[2]))

import argparse

from benchmarks.charts.past_forecasts import add_options, forecasts, read, run, scores
from benchmarks.common.script import at_least, in_one_thread, new_parser
from spdkit.common.errors import SpdkitError
from spdkit.forecast.charts.chart_model import ChartModel


def main(args: list[str] | None = None) -> int:
    """Run the benchmark."""
    parser = new_parser(__doc__)
    add_options(parser)
    parser.add_argument("--test-days", type=at_least(1), default=90, help="default: 90")
    parser.add_argument("--ahead", type=at_least(1), default=1, help="days (default: 1)")
    return run(parser, args, next_day)


def next_day(args: argparse.Namespace) -> dict[str, object]:
    """Forecast and score."""
    table = read(args)
    if table.freq != "D":
        raise SpdkitError(f"{args.file} is a chart of weeks: take weeks_ahead.py")
    model = ChartModel(args.ahead, steps=[args.ahead], seed=args.seed)
    frame = forecasts(table, model, args.test_days, [args.ahead], season=7)
    return scores(frame, logarithm=False)


if __name__ == "__main__":
    in_one_thread(main)
