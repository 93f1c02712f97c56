"""Tables of play counts from sound: planted tastes, and the paper's sweep.

--planted: made-up listeners whose taste depends on the sound by a rule (two standardised quantities
that the seed draws from tempo, centroid, onset rate, loudness and mode, 60 % of the variance, and
chance), over excerpts of 30 s of the music of --audio (the demo's songs without), all excerpts of a
track on one side; beside rivals, random tastes, and the paper's split by segments.

Otherwise the paper's sweep: nets of 1 and 2 layers and 1 to 24 time steps for the five users of the
most plays, on songs that two of them heard, by both splits: of the log --triplets, whose songs are
files of --audio with their ids for names, or of five made-up listeners of the music of --audio.

Every excerpt, clip and fit is kept under --work as soon as it is done: interrupted and started
again, the run goes on.
"""

from __future__ import annotations

import sys
from pathlib import Path

if not __package__:  # run as a script, whose own folder alone is on the path
    sys.path.append(str(Path(__file__).resolve().parents[2]))

import argparse
import json
from collections.abc import Sequence
from typing import Any

from benchmarks.common import script
from benchmarks.common.measuring import head
from benchmarks.play_counts import markdown, planted, sweep, sweep_figures
from benchmarks.play_counts.contenders import NAMES
from benchmarks.play_counts.excerpts import excerpts_of

PACKAGES = ("numpy", "torch", "scikit-learn", "librosa", "pandas", "spdkit")
LISTS: dict[str, Any] = {
    "contenders": NAMES,
    "layers": sweep.LAYERS,
    "steps": sweep.STEPS,
    "splits": sweep.SPLITS,
}


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = script.new_parser(__doc__)
    parser.add_argument("--planted", action="store_true", help="planted tastes, and no sweep")
    parser.add_argument("--audio", type=Path, help="folder of music (default: the demo's songs)")
    parser.add_argument("--triplets", type=Path, help="log of plays: .txt, .txt.gz, .zip, .duckdb")
    parser.add_argument("--seed", type=script.at_least(0), default=0, help="the first (default: 0)")
    text = "planted listeners, of seeds from --seed on"
    script.add_counts(parser, seeds=(1, text), epochs=(100, "of a net of the sweep"))
    parser.add_argument("--json", action="store_true", help="print the first seed's JSON, no files")
    text = "clips of the sweep (default: audio with --triplets, otherwise features)"
    parser.add_argument("--kind", choices=("audio", "features"), help=text)
    script.add_tables_options(parser, "play_counts", LISTS)
    args = parser.parse_args(argv)
    if args.triplets and (args.planted or not args.audio):
        parser.error("--triplets needs --audio, and is not --planted")
    args.kind = args.kind or ("audio" if args.triplets else "features")
    name = "play_counts_planted" if args.planted else "play_counts_tables"
    args.output = args.output or script.RESULTS / f"{name}.json"
    return args


def command(args: argparse.Namespace) -> str:
    """The command line, without the places of its data, its journal and its output."""
    places = ["--audio", "MUSIC"] if args.audio else []
    places += ["--triplets", "TRIPLETS"] if args.triplets else []
    options = ["layers", "steps", "splits", "kind", "epochs", "seed"]
    if args.planted:
        places, options = ["--planted", *places], ["contenders", "seed", "seeds"]
    return script.command_line("play_counts/tables.py", args, *options, first=tuple(places))


def results(args: argparse.Namespace, progress: script.Progress) -> dict[str, Any]:
    """Compute what is not there yet, and collect it all for the JSON."""
    if not args.planted:
        record = sweep.record(args, progress)
        return {**head("play_counts_tables", command(args), PACKAGES), **record}
    excerpts = excerpts_of(args.audio, args.work, args.jobs, progress)
    records = []
    for seed in range(args.seed, args.seed + args.seeds):
        kept = args.work / f"planted_{planted.key(excerpts, seed, args.contenders)}.json"
        if not kept.exists():
            script.save(planted.record(excerpts, seed, progress, args.contenders), kept)
        records.append(json.loads(kept.read_text(encoding="utf-8")))
    found = head("play_counts_planted", command(args), PACKAGES)
    return {**found, "seeds": records, "summary": planted.summary(records)}


def page(record: dict[str, Any], output: Path) -> str:
    """The page; figures of the sweep are drawn beside the output."""
    if record["benchmark"] == "play_counts_planted":
        return markdown.planted_page(record)
    return markdown.sweep_page({**record, "figures": sweep_figures.draw(record, output)})


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark."""
    args = parse(argv)
    if args.planted and args.json:
        args.work.mkdir(parents=True, exist_ok=True)
        found = results(args, script.error_console().print)
        print(json.dumps(found["seeds"][0], indent=1))
        return 0
    return script.resumable(args, results, page)


if __name__ == "__main__":
    script.in_one_thread(main)
