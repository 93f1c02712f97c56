"""Tables of the CS137 report on its own chart, the Philippines by day, beside naive forecasts.

Its lookback experiment (LSTM and GRU that read the songs of a set side by side, lookback 1 to 30;
the fullest song and songs with at most 10, 18 and 50 % of dates missing), the table of errors that
it left blank, one net a song against one of all, nets with and without metadata, training curves,
and forecasts against truth; and which of its findings hold.

Every date of the test is forecast from the dates before it; songs are chosen and nets are fitted on
what lies before the test. Every fit is kept under --work as soon as it is done: interrupted and
started again, the run goes on.
"""

from __future__ import annotations

import sys
from pathlib import Path

if not __package__:  # run as a script, whose own folder alone is on the path
    sys.path.append(str(Path(__file__).resolve().parents[2]))

import argparse
from collections.abc import Iterable, Sequence
from typing import Any

from benchmarks.charts import report_chart, report_figures, report_fits, report_markdown
from benchmarks.charts.report_scores import Request, Scores
from benchmarks.common import script
from benchmarks.common.measuring import head

PACKAGES = ("numpy", "torch", "pandas", "scipy", "spdkit")
LISTS: dict[str, Iterable[Any]] = {
    "cells": report_fits.CELLS,
    "sets": report_chart.SETS,
    "lookbacks": report_fits.LOOKBACKS,
}


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = script.new_parser(__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the three tables")
    script.add_tables_options(parser, "charts_tables", LISTS)
    script.add_counts(
        parser,
        seeds=(1, "nets of each lookback, seeds from 0 on"),
        paired_seeds=(3, "nets of each kind that are compared in pairs"),
        epochs=(report_fits.EPOCHS, "at most, of each stage"),
        test_days=(90, "dates that are scored, the last"),
    )
    parser.add_argument(
        "--held-out", type=script.at_least(0), default=0, help="dates at the end not looked at"
    )
    args = parser.parse_args(argv)
    if report_fits.USUAL not in args.lookbacks or "fullest" not in args.sets:
        parser.error(f"--lookbacks needs {report_fits.USUAL}, and --sets fullest")
    args.output = args.output or script.RESULTS / "charts_tables.json"
    return args


def results(args: argparse.Namespace, progress: script.Progress) -> dict[str, Any]:
    """Fit what has not been fitted yet, and collect it all for the JSON."""
    chart = report_chart.load(args.data, args.test_days, args.held_out)
    lists = {name: tuple(getattr(args, name)) for name in LISTS}
    seeds = {name: tuple(range(getattr(args, name))) for name in ("seeds", "paired_seeds")}
    request = Request(**lists, **seeds, epochs=args.epochs)
    journal = report_fits.journal_of(args.work / "journal", chart)
    if not args.partial:
        journal.complete(request.fits(), report_fits.compute, (chart,), args.jobs, progress)
    options = ("cells", "sets", "seeds", "paired_seeds", "epochs", "test_days", "held_out")
    command = script.command_line("charts/tables.py", args, *options, first=("--data", "PH_CHARTS"))
    return {
        **head("charts_tables", command, PACKAGES),
        **Scores(request, chart, journal).record(),
    }


def page(record: dict[str, Any], output: Path) -> str:
    """The page; its figures are drawn beside the output."""
    return report_markdown.page({**record, "figures": report_figures.draw(record, output)})


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark."""
    return script.resumable(parse(argv), results, page)


if __name__ == "__main__":
    script.in_one_thread(main)
