"""Tables of the LSTM-RPA paper on its own artists, next to an honest choice of hyper-parameters.

Table 3 (plays alone), Table 4 (plays, downloads, collects) and Table 5 (against ARIMA and SMA), for
four cells, p = 1 … 8 and every shift; (p, s) is chosen on the test rows, as the paper does, and on
the last month of training. Then our best, differences with paired bootstrap intervals, the bars of
this project, and Figures 4 to 6 beside the output.

Every fit is kept under --work as soon as it is done: interrupted and started again, the run goes
on. No fit sees a day after --train-to.
"""

from __future__ import annotations

import sys
from pathlib import Path

if not __package__:  # run as a script, whose own folder alone is on the path
    sys.path.append(str(Path(__file__).resolve().parents[2]))

import argparse
from collections.abc import Iterable, Sequence
from typing import Any

from benchmarks.common import script
from benchmarks.common.measuring import head
from benchmarks.lstm_rpa import figures, fits, markdown
from benchmarks.lstm_rpa.selection import Request, Results, looks
from benchmarks.lstm_rpa.series import FILE, HORIZON, TRAIN_TO, load

PACKAGES = ("numpy", "torch", "statsmodels", "scikit-learn", "lightgbm", "pandas", "spdkit")
LOOKS = "august_looks.md"  # kept by hand, in script.RESULTS
LISTS: dict[str, Iterable[Any]] = {
    "cells": fits.CELLS,
    "features": fits.FEATURES,
    "p": range(1, 9),
    "rivals": fits.RIVALS,
}


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = script.new_parser(__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the file")
    parser.add_argument("--file", default=FILE, help=f"artists by day (default: {FILE})")
    text = "an artist to leave out; can be given again (default: the paper's, where it is there)"
    parser.add_argument("--drop", action="append", metavar="ID", help=text)
    parser.add_argument("--train-to", default=TRAIN_TO, help=f"default: {TRAIN_TO}")
    text = f"days of test and of validation (default: {HORIZON})"
    parser.add_argument("--horizon", type=int, default=HORIZON, help=text)
    text = "what F does with days without plays (default: refuse)"
    parser.add_argument("--zero", choices=("refuse", "skip"), default="refuse", help=text)
    script.add_tables_options(parser, "lstm_rpa_tables", LISTS)
    parser.add_argument("--seeds", type=_seeds, default=(0, 1, 2), help="default: 0,1,2")
    text = "fit the baseline with seeds 0 to N - 1 instead: it scatters (default: as --seeds)"
    parser.add_argument("--n-baseline", type=int, default=0, metavar="N", help=text)
    text = "of recurrent units (default: 200)"
    parser.add_argument("--epochs", type=script.at_least(1), default=200, help=text)
    args = parser.parse_args(argv)
    if args.horizon <= max(args.p):
        parser.error(f"--horizon must be above p, which goes up to {max(args.p)}")
    own = "" if args.file == FILE else "_" + args.file.split(".")[0]
    args.output = args.output or script.RESULTS / f"lstm_rpa_tables{own}.json"
    return args


def _seeds(text: str) -> tuple[int, ...]:
    words = text.split(",")
    if not all(word.isascii() and word.isdigit() for word in words):
        raise argparse.ArgumentTypeError(f"whole numbers of 0 or more, got {text}")
    return tuple(dict.fromkeys(map(int, words)))


def command(args: argparse.Namespace) -> str:
    """The command line, without the places of its data, its journal and its output."""
    data = ["--data", "TIANCHI"]
    data += ["--file", args.file] if args.file != FILE else []
    for name in args.drop or ():
        data += ["--drop", name]
    usual = {"train_to": TRAIN_TO, "horizon": HORIZON, "zero": "refuse"}
    options = [name for name, default in usual.items() if getattr(args, name) != default]
    options += [*LISTS, "seeds", *(["n_baseline"] if args.n_baseline else []), "epochs"]
    return script.command_line("lstm_rpa/tables.py", args, *options, first=tuple(data))


def results(args: argparse.Namespace, progress: script.Progress) -> dict[str, Any]:
    """Fit what has not been fitted yet, and collect it all for the JSON."""
    series = load(args.data / args.file, args.train_to, args.horizon, args.drop, args.zero)
    options = (*LISTS, "seeds", "epochs", "horizon", "n_baseline")
    request = Request(**{name: getattr(args, name) for name in options})
    journal = fits.journal_of(args.work / "journal", series, args.horizon)
    if not args.partial:
        shared = series.panels, args.horizon
        journal.complete(request.fits(), fits.compute, shared, args.jobs, progress)
    log = script.RESULTS / LOOKS
    lines = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
    return {
        **head("lstm_rpa_tables", command(args), PACKAGES),
        "looks": {"log": LOOKS if log.exists() else None, "entries": looks(lines)},
        **Results(request, series, journal).record(),
    }


def page(record: dict[str, Any], output: Path) -> str:
    """The page; its figures are drawn beside the output."""
    return markdown.page({**record, "figures": figures.draw(record, output)})


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark."""
    return script.resumable(parse(argv), results, page)


if __name__ == "__main__":
    script.in_one_thread(main)
