"""Tables of HitMusicNet on real rows, by protocol: random, artist-disjoint, and with its leaks.

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
from collections.abc import Sequence
from typing import Any

from benchmarks.common import script
from benchmarks.common.measuring import head
from benchmarks.hitmusicnet import fits, markdown
from benchmarks.hitmusicnet.runs import PROTOCOLS, TABLES, Request
from benchmarks.hitmusicnet.scores import Results
from benchmarks.hitmusicnet.songs import FEATURES, load
from spdkit.popularity.models.presets import PAPER_PRESETS

PACKAGES = ("numpy", "scikit-learn", "torch", "lightgbm", "pandas", "spdkit")
LISTS = {"tables": TABLES, "features": FEATURES, "protocols": PROTOCOLS, "presets": PAPER_PRESETS}


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = script.new_parser(__doc__)
    data = parser.add_mutually_exclusive_group(required=True)
    data.add_argument("--musicoset", type=Path, help="folder of songs.csv and artists.csv")
    data.add_argument("--spd", type=Path, help="folder of the full SpotGenTrack set")
    script.add_tables_options(parser, "hitmusicnet_tables", LISTS)
    args = parser.parse_args(argv)
    own = "" if args.musicoset else "_spd"
    args.output = args.output or script.RESULTS / f"hitmusicnet_tables{own}.json"
    return args


def results(args: argparse.Namespace, progress: script.Progress) -> dict[str, Any]:
    """Fit what has not been fitted yet, and collect it all for the JSON."""
    catalog = "musicoset" if args.musicoset else "spotgentrack"
    rows = load(catalog, args.musicoset or args.spd, args.work)
    request = Request(args.tables, args.features, args.protocols, args.presets)
    journal = fits.journal_of(args.work / "journal", rows)
    if not args.partial:
        journal.complete(request.fits(), fits.compute, (rows,), args.jobs, progress)
    data = ("--musicoset", "MUSICOSET") if args.musicoset else ("--spd", "SPD")
    command = script.command_line("hitmusicnet/tables.py", args, *LISTS, first=data)
    of_runs = Results(request, rows, journal).record()
    return {**head("hitmusicnet_tables", command, PACKAGES), **of_runs}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark."""
    return script.resumable(parse(argv), results, lambda record, _: markdown.page(record))


if __name__ == "__main__":
    script.in_one_thread(main)
