"""HitMusicNet's tables on real rows, by protocol: random, artist-disjoint, and with its leaks.

Tables 2 and 3 of the paper (twelve presets), 4 (classes), 5 and 6 (against other models), its
asides (k = 5 against 10, no compression, the distribution of popularity, learning curves), and the
bars of this project. What the authors published of their own data set stands in the next column.

Every fit is kept under --work as soon as it is done: interrupted and started again, the run goes
on. Nothing is chosen by test rows.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shlex
import sys
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import harness
import tables_print
from filelock import FileLock, Timeout
from rich.console import Console
from tables_jobs import Journal, work
from tables_plan import PROTOCOLS, TABLES, Plan
from tables_rows import FEATURES, Rows, load
from tables_scores import Outcomes

from spdkit.errors import SpdkitError
from spdkit.presets import PAPER_PRESETS

PACKAGES = ("numpy", "scikit-learn", "torch", "lightgbm", "pandas", "spdkit")
RESULTS = Path(__file__).parent / "results"


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    data = parser.add_mutually_exclusive_group(required=True)
    data.add_argument("--musicoset", type=Path, help="folder of songs.csv and artists.csv")
    data.add_argument("--spd", type=Path, help="folder of the full SpotGenTrack set")
    default = Path("build") / "hitmusicnet_tables"
    parser.add_argument("--work", type=Path, default=default, help="where finished fits are kept")
    listed = {
        "tables": TABLES,
        "features": FEATURES,
        "protocols": PROTOCOLS,
        "presets": PAPER_PRESETS,
    }
    for name, choices in listed.items():
        text = f"some of {','.join(choices)} (default: all)"
        parser.add_argument(f"--{name}", default=",".join(choices), help=text)
    parser.add_argument("--jobs", type=int, default=1, help="processes, one thread each")
    parser.add_argument(
        "--partial", action="store_true", help="fit nothing: tables of what is there"
    )
    text = "JSON, with .md beside it (default: benchmarks/results/hitmusicnet_tables….json)"
    parser.add_argument("-o", "--output", type=Path, help=text)
    args = parser.parse_args(argv)
    for name, choices in listed.items():
        chosen = getattr(args, name).split(",")
        unknown = set(chosen) - set(choices)
        if unknown:
            parser.error(f"--{name}: there is no {', '.join(sorted(unknown))}")
        setattr(args, name, tuple(each for each in choices if each in chosen))
    if args.output is None:
        args.output = RESULTS / f"hitmusicnet_tables{'' if args.musicoset else '_spd'}.json"
    if args.jobs < 1:
        parser.error("--jobs must be at least 1")
    return args


def command(args: argparse.Namespace) -> str:
    """The command line, without the places of its data, its journal and its output."""
    words = ["python", "benchmarks/hitmusicnet_tables.py"]
    words += ["--musicoset", "MUSICOSET"] if args.musicoset else ["--spd", "SPD"]
    for name in ("tables", "features", "protocols", "presets"):
        words += [f"--{name}", ",".join(getattr(args, name))]
    return shlex.join(words)


def run(args: argparse.Namespace, say: Any) -> tuple[Rows, Outcomes]:
    """Fit what has not been fitted yet, and collect it all."""
    catalog = "musicoset" if args.musicoset else "spotgentrack"
    rows = load(catalog, args.musicoset or args.spd, args.work)
    plan = Plan(args.tables, args.features, args.protocols, args.presets)
    journal = Journal(args.work / "journal")
    if not args.partial:
        work(plan.units(), rows, journal, args.jobs, say)
    return rows, Outcomes(plan, rows, journal)


def result(args: argparse.Namespace, rows: Rows, outcomes: Outcomes) -> dict[str, Any]:
    """What goes into the JSON."""
    return {
        "benchmark": "hitmusicnet_tables",
        "command": command(args),
        "machine": harness.machine(),
        "versions": {
            "python": platform.python_version(),
            **{name: metadata.version(name) for name in PACKAGES},
        },
        **outcomes.found(),
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark."""
    args, errors = parse(argv), Console(stderr=True, highlight=False, soft_wrap=True)
    args.work.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(args.work / "lock", timeout=0):
            rows, outcomes = run(args, lambda text: errors.print(text, markup=False))
            found = result(args, rows, outcomes)
    except Timeout:
        errors.print(f"another run is at work in {args.work}", markup=False)
        return 1
    except SpdkitError as error:
        errors.print(str(error), markup=False)
        return 1
    except KeyboardInterrupt:
        errors.print("interrupted: the same command goes on from here", markup=False)
        return 130
    args.output.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(found, indent=1, ensure_ascii=False, allow_nan=False)
    args.output.write_text(text + "\n", encoding="utf-8")
    page = tables_print.page(found)
    args.output.with_suffix(".md").write_text(page, encoding="utf-8")
    print(page)
    return 0


if __name__ == "__main__":
    if harness.ONE_THREAD.items() <= os.environ.items():
        raise SystemExit(main())
    # The libraries under numpy read these when they load, and by now they have: start again.
    os.execve(sys.executable, sys.orig_argv, os.environ | harness.ONE_THREAD)
