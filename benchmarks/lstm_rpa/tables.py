"""The LSTM-RPA paper's tables on its own artists, next to an honest choice of hyper-parameters.

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
import shlex
from collections.abc import Sequence
from typing import Any

from benchmarks.common import measuring
from benchmarks.common.script import Say, as_json, in_one_thread, resumable
from benchmarks.lstm_rpa import figures, markdown
from benchmarks.lstm_rpa.selection import Outcomes, Plan, looks
from benchmarks.lstm_rpa.series import FILE, HORIZON, TRAIN_TO, load
from benchmarks.lstm_rpa.units import CELLS, FEATURES, RIVALS, Journal, work
from spdkit.common.files import write_text

PACKAGES = ("numpy", "torch", "statsmodels", "scikit-learn", "lightgbm", "pandas", "spdkit")
RESULTS = Path(__file__).parents[1] / "results"
LOOKS = "august_looks.md"  # kept by hand, in RESULTS
_LISTS = {
    "cells": CELLS,
    "features": tuple(FEATURES),
    "p": tuple(range(1, 9)),
    "rivals": RIVALS,
}


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder of the file")
    parser.add_argument("--file", default=FILE, help=f"artists by day (default: {FILE})")
    text = "an artist to leave out; can be given again (default: the paper's, where it is there)"
    parser.add_argument("--drop", action="append", metavar="ID", help=text)
    parser.add_argument("--train-to", default=TRAIN_TO, help=f"default: {TRAIN_TO}")
    text = f"days of test and of validation (default: {HORIZON})"
    parser.add_argument("--horizon", type=int, default=HORIZON, help=text)
    text = "what F does with days without plays (default: refuse)"
    parser.add_argument("--zero", choices=("refuse", "skip"), default="refuse", help=text)
    default = Path("build") / "lstm_rpa_tables"
    parser.add_argument("--work", type=Path, default=default, help="where finished fits are kept")
    for name, choices in _LISTS.items():
        given = ",".join(map(str, choices))
        text = f"some of {given} (default: all)"
        parser.add_argument(f"--{name}", default=given, help=text)
    parser.add_argument("--seeds", default="0,1,2", help="default: 0,1,2")
    text = "fit the baseline with seeds 0 to N - 1 instead: it scatters (default: as --seeds)"
    parser.add_argument("--n-baseline", type=int, default=0, metavar="N", help=text)
    parser.add_argument("--epochs", type=int, default=200, help="of recurrent units (default: 200)")
    parser.add_argument("--jobs", type=int, default=1, help="processes, one thread each")
    parser.add_argument(
        "--partial", action="store_true", help="fit nothing: tables of what is there"
    )
    text = (
        "JSON, with .md and figures beside it (default: benchmarks/results/lstm_rpa_tables….json)"
    )
    parser.add_argument("-o", "--output", type=Path, help=text)
    args = parser.parse_args(argv)
    _read_lists(parser, args)
    if min(args.jobs, args.epochs) < 1:
        parser.error("--jobs and --epochs must be at least 1")
    if args.horizon <= max(args.p):
        parser.error(f"--horizon must be above p, which goes up to {max(args.p)}")
    if args.output is None:
        own = "" if args.file == FILE else "_" + args.file.split(".")[0]
        args.output = RESULTS / f"lstm_rpa_tables{own}.json"
    return args


def _read_lists(parser: argparse.ArgumentParser, args: argparse.Namespace) -> None:
    for name, choices in _LISTS.items():
        named = {str(choice): choice for choice in choices}
        chosen = getattr(args, name).split(",") if getattr(args, name) else []
        if unknown := set(chosen) - set(named):
            parser.error(f"--{name}: there is no {', '.join(sorted(unknown))}")
        if not chosen and name != "rivals":
            parser.error(f"--{name}: give at least one")
        setattr(args, name, tuple(one for word, one in named.items() if word in chosen))
    seeds = args.seeds.split(",")
    if not all(seed.isascii() and seed.isdigit() for seed in seeds):
        parser.error(f"--seeds: whole numbers of 0 or more, got {args.seeds}")
    args.seeds = tuple(dict.fromkeys(map(int, seeds)))


def command(args: argparse.Namespace) -> str:
    """The command line, without the places of its data, its journal and its output."""
    words = ["python", "benchmarks/lstm_rpa_tables.py", "--data", "TIANCHI"]
    words += ["--file", args.file] if args.file != FILE else []
    for name in args.drop or ():
        words += ["--drop", name]
    for name, default in (("train_to", TRAIN_TO), ("horizon", HORIZON), ("zero", "refuse")):
        if (value := getattr(args, name)) != default:
            words += [f"--{name.replace('_', '-')}", str(value)]
    for name in (*_LISTS, "seeds"):
        words += [f"--{name}", ",".join(map(str, getattr(args, name)))]
    words += ["--n-baseline", str(args.n_baseline)] if args.n_baseline else []
    return shlex.join([*words, "--epochs", str(args.epochs)])


def run(args: argparse.Namespace, say: Say) -> Outcomes:
    """Fit what has not been fitted yet, and collect it all."""
    data = load(args.data / args.file, args.train_to, args.horizon, args.drop, args.zero)
    lists = {
        name: getattr(args, name) for name in (*_LISTS, "seeds", "epochs", "horizon", "n_baseline")
    }
    plan = Plan(**lists)
    journal = Journal(args.work / "journal", data, args.horizon)
    if not args.partial:
        work(plan.units(), data, journal, args.jobs, say)
    return Outcomes(plan, data, journal)


def result(args: argparse.Namespace, outcomes: Outcomes) -> dict[str, Any]:
    """What goes into the JSON."""
    log = RESULTS / LOOKS
    lines = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
    return {
        "benchmark": "lstm_rpa_tables",
        "command": command(args),
        "machine": measuring.machine(),
        "versions": measuring.versions(PACKAGES),
        "looks": {"log": LOOKS if log.exists() else None, "entries": looks(lines)},
        **outcomes.found(),
    }


def write(found: dict[str, Any], output: Path) -> str:
    """Write the JSON, and the figures and the page beside it."""
    write_text(output, as_json(found, allow_nan=False))
    found["figures"] = figures.draw(found, output)
    page = markdown.page(found)
    write_text(output.with_suffix(".md"), page)
    return page


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark."""
    args = parse(argv)
    return resumable(
        args.work,
        lambda say: result(args, run(args, say)),
        lambda found: write(found, args.output),
    )


if __name__ == "__main__":
    in_one_thread(main)
