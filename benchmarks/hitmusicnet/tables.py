"""HitMusicNet's tables on real rows, by protocol: random, artist-disjoint, and with its leaks.

Tables 2 and 3 of the paper (twelve presets), 4 (classes), 5 and 6 (against other models), its
asides (k = 5 against 10, no compression, the distribution of popularity, learning curves), and the
bars of this project. What the authors published of their own data set stands in the next column.

Every fit is kept under --work as soon as it is done: interrupted and started again, the run goes
on. Nothing is chosen by test rows.
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
from benchmarks.common.script import Say, in_one_thread, resumable, save
from benchmarks.hitmusicnet import markdown
from benchmarks.hitmusicnet.journal import Journal, work
from benchmarks.hitmusicnet.runs import PROTOCOLS, TABLES, Plan
from benchmarks.hitmusicnet.scores import Outcomes
from benchmarks.hitmusicnet.songs import FEATURES, Rows, load
from spdkit.popularity.models.presets import PAPER_PRESETS

PACKAGES = ("numpy", "scikit-learn", "torch", "lightgbm", "pandas", "spdkit")
RESULTS = Path(__file__).parents[1] / "results"


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


def run(args: argparse.Namespace, say: Say) -> tuple[Rows, Outcomes]:
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
        "machine": measuring.machine(),
        "versions": measuring.versions(PACKAGES),
        **outcomes.found(),
    }


def write(found: dict[str, Any], output: Path) -> str:
    """Write the JSON, and the page beside it."""
    save(found, output, allow_nan=False)
    page = markdown.page(found)
    output.with_suffix(".md").write_text(page, encoding="utf-8")
    return page


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark."""
    args = parse(argv)
    return resumable(
        args.work,
        lambda say: result(args, *run(args, say)),
        lambda found: write(found, args.output),
    )


if __name__ == "__main__":
    in_one_thread(main)
