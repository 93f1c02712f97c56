"""Triplets of the Taste Profile's size: import, the paper's three queries, pandas beside them.

Made-up triplets (see made_triplets.py) go into a database, and the paper's queries are asked of it:
records over 200 plays left out, the users of the most plays; the songs that at least two of them
heard; one table a user. pandas does the same with the text, in chunks, and has no database. Each
works in a process of its own, one after the other.
"""

from __future__ import annotations

import sys
from pathlib import Path

if not __package__:  # run as a script, whose own folder alone is on the path
    sys.path.append(str(Path(__file__).resolve().parents[2]))

import argparse
import json
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from statistics import median

import pandas as pd

from benchmarks.common import measuring, script
from benchmarks.common.markdown import bar_rows, contestant_rows, join_blocks, package_versions
from benchmarks.common.measuring import Bar, Head, bar, run_python
from benchmarks.play_counts.made_triplets import ROWS, Log, write_triplets

PACKAGES = ("duckdb", "pandas", "pyarrow", "numpy", "spdkit")
USERS, SHARING = 5, 2
EPILOG = """\
reading it:
  import s       the text into the database; pandas has none
  queries s      the three queries, and for pandas all that it reads for them
  wall ratio     of import and queries, over the first line
  query ratio    of the queries alone, over the first line
  peak mb        of the whole process, interpreter and libraries included, in 10^6 bytes
  pandas         partial sums of each chunk, put together once; the text is read twice, the rows of
                 the top users kept in memory
  pandas, guide  each chunk's sums added to those before (Series.add), as pandas' guide to large
                 data has it; each query reads the text anew, and holds its own result alone
  no contestant but spdkit checks any line
"""
_MEASURED = """
import json, sys, time
import duckdb, pandas as pd
from spdkit.catalogs import taste_profile

text, folder, option, k, sharing = sys.argv[1:]
k, sharing = int(k), int(sharing)
names = ["user_id", "song_id", "plays"]
def chunks():
    for chunk in pd.read_csv(text, sep="\\t", header=None, names=names, chunksize=int(option)):
        yield chunk[chunk["plays"] <= 200]
marks = [time.perf_counter()]
cpu = time.process_time()
{work}
marks.append(time.perf_counter())
cpu = time.process_time() - cpu
with open("/proc/self/status") as status:
    kib = next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
tables = pd.concat(tables).sort_values(names[:2])
tables.to_csv(f"{folder}/tables.csv", index=False)
print(json.dumps([marks[1] - marks[0], marks[2] - marks[1], cpu, kib * 1024 / 1e6]))
"""
_SPDKIT = """
limits = taste_profile.Limits(threads=int(option), folder=folder)
taste_profile.import_triplets(text, f"{folder}/log.duckdb", limits=limits)
marks.append(time.perf_counter())
log = taste_profile.TasteProfile.open(f"{folder}/log.duckdb", limits=limits)
users = log.top_users(k)["user_id"]
songs = log.shared_songs(users, min_users=sharing)["song_id"]
tables = dict(list(log.plays(users, songs).groupby("user_id")))
"""
_PANDAS = """
marks.append(time.perf_counter())
sums = [chunk.groupby("user_id")["plays"].sum() for chunk in chunks()]
users = pd.concat(sums).groupby(level=0).sum().nlargest(k).index
rows = pd.concat([chunk[chunk["user_id"].isin(users)] for chunk in chunks()])
heard = rows.groupby("song_id")["user_id"].nunique()
tables = dict(list(rows[rows["song_id"].isin(heard[heard >= sharing].index)].groupby("user_id")))
"""
_GUIDE = """
marks.append(time.perf_counter())
sums = pd.Series(dtype="int64")
for chunk in chunks():
    sums = sums.add(chunk.groupby("user_id")["plays"].sum(), fill_value=0)
users = sums.nlargest(k).index
heard = pd.Series(dtype="int64")
for chunk in chunks():
    of_users = chunk[chunk["user_id"].isin(users)]
    heard = heard.add(of_users["song_id"].value_counts(), fill_value=0)
songs = heard[heard >= sharing].index
rows = [chunk[chunk["user_id"].isin(users) & chunk["song_id"].isin(songs)] for chunk in chunks()]
tables = dict(list(pd.concat(rows).groupby("user_id")))
"""


@dataclass(frozen=True)
class Run:
    """One process: seconds of the import, of the queries, of the processor, and its peak memory."""

    import_s: float
    queries_s: float
    cpu_s: float
    peak_mb: float


@dataclass(frozen=True)
class Row:
    """Medians over the rounds, the largest peak, and times over those of the first contestant."""

    import_s: float
    queries_s: float
    wall_s: float
    cpu_s: float
    peak_mb: float
    wall_ratio: float
    query_ratio: float


@dataclass(frozen=True)
class Tables:
    """The result of the queries, and in how many rows those of the contestants differ."""

    users: int
    songs: int
    rows: int
    plays: int
    differences: int


@dataclass
class Result(Head):
    """The JSON."""

    log: Log
    tables: Tables
    table: dict[str, Row]
    bars: dict[str, Bar]
    runs: dict[str, list[Run]] = field(default_factory=dict)


def contestants(threads: Sequence[int], chunk: int) -> dict[str, tuple[str, int]]:
    """Name of each, what it does, and with which option."""
    ours = {
        f"spdkit, {n} thread{'s' if n > 1 else ''}": (_SPDKIT, n) for n in dict.fromkeys(threads)
    }
    return {**ours, "pandas": (_PANDAS, chunk), "pandas, guide": (_GUIDE, chunk)}


def run_process(work: str, option: int, text: Path) -> tuple[Run, pd.DataFrame]:
    """Do the work in a process of its own, and in a folder beside the text that goes after it."""
    with tempfile.TemporaryDirectory(prefix="run-", dir=text.parent) as folder:
        code = _MEASURED.replace("{work}", work)
        run = Run(*run_python(code, text, folder, option, USERS, SHARING))
        return run, pd.read_csv(Path(folder, "tables.csv"))


def compare(tables: dict[str, pd.DataFrame]) -> Tables:
    """Count the rows that are not in all of the results."""
    ours = next(iter(tables.values()))
    names = ["user_id", "song_id", "plays"]
    rows = set(ours[names].itertuples(index=False, name=None))
    others = [set(each[names].itertuples(index=False, name=None)) for each in tables.values()]
    differences = sum(len(rows ^ other) for other in others)
    counts = ours["user_id"].nunique(), ours["song_id"].nunique(), len(ours)
    return Tables(*counts, int(ours["plays"].sum()), differences)


def summarise(runs: list[Run], first: list[Run]) -> Row:
    """Medians of a contestant, and their ratios over those of the first one."""
    wall, wall_first = (median(run.import_s + run.queries_s for run in of) for of in (runs, first))
    queries, queries_first = (median(run.queries_s for run in of) for of in (runs, first))
    return Row(
        median(run.import_s for run in runs),
        queries,
        wall,
        median(run.cpu_s for run in runs),
        max(run.peak_mb for run in runs),
        wall / wall_first,
        queries / queries_first,
    )


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = script.new_parser(__doc__, EPILOG)
    help_ = f"how many triplets, 1,000 or more (default: {ROWS}, as published)"
    parser.add_argument("--rows", type=script.at_least(1000), default=ROWS, metavar="N", help=help_)
    script.add_counts(
        parser, rounds=(1, "processes of each"), chunk=(1_000_000, "rows of a chunk of pandas")
    )
    script.add_numbers(parser, "threads", [1, 2], "threads of spdkit; ratios are over the first")
    help_ = "folder for text and databases, 4 GB (default: a temporary one)"
    parser.add_argument("--work", type=Path, metavar="DIR", help=help_)
    parser.add_argument("--json", action="store_true", help="print the JSON, not tables")
    script.add_output(parser, "play_counts_triplets", ", with .md beside it")
    return parser.parse_args(argv)


def measure(args: argparse.Namespace) -> Result:
    """Write the text, and let the contestants take turns with it."""
    each = contestants(args.threads, args.chunk)
    first = next(iter(each))
    runs: dict[str, list[Run]] = {name: [] for name in each}
    tables = {}
    if args.work is not None:
        args.work.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="triplets-", dir=args.work) as folder:
        text = Path(folder, "train_triplets.txt")
        log = write_triplets(text, args.rows)
        for _ in range(args.rounds):
            for name, (work, option) in each.items():
                run, tables[name] = run_process(work, option, text)
                runs[name].append(run)
    table = {name: summarise(of, runs[first]) for name, of in runs.items()}
    agreement = compare(tables)
    ours = [name for name in each if name.startswith("spdkit")]
    fastest = min(ours, key=lambda name: table[name].wall_s)
    queries = min(table[name].queries_s for name in ours)
    bars = {
        "rows of the tables that differ": bar(agreement.differences, "≤ 0"),
        "peak memory of spdkit in MB": bar(max(table[name].peak_mb for name in ours), "< 2000"),
        "pandas' wall time over spdkit's": bar(
            table["pandas"].wall_s / table[fastest].wall_s, "≥ 5"
        ),
        "the same of pandas as its guide has it": bar(
            table["pandas, guide"].wall_s / table[fastest].wall_s, "≥ 5"
        ),
        "pandas' wall time over that of spdkit's queries alone": bar(
            table["pandas"].wall_s / queries, "≥ 5"
        ),
    }
    options = ("rows", "rounds", "chunk", "threads")
    command = script.command_line("play_counts/triplets.py", args, *options)
    head = measuring.head("play_counts_triplets", command, PACKAGES)
    return Result(**head, log=log, tables=agreement, table=table, bars=bars, runs=runs)


def page(result: Result) -> str:
    """The result in Markdown."""
    log, tables = result.log, result.tables
    rows, bars = contestant_rows(result.table), bar_rows(result.bars, 1)
    return join_blocks(
        [
            "# Triplets of the Taste Profile's size: import and the paper's queries",
            f"`{result.command}`",
            f"{log.rows:,} made-up triplets of {log.users:,} users and {log.songs:,} songs, "
            f"{log.over_200:,} of more than 200 plays, {log.mb:,.0f} MB. {result.machine['cpu']}, "
            f"{result.machine['cpus']} processors; {package_versions(asdict(result))}.",
            "The queries: records over 200 plays left out, the five users of the most plays; the "
            "songs that at least two of them heard; one table a user. spdkit imports the text, "
            "checks every line, and asks the database. pandas reads the text in chunks and checks "
            "nothing: once by partial sums that are put together at the end, the rows of the five "
            "kept in memory; once as its guide to large data does, each query reading the text. "
            "Each run is a process of its own; ratios are over the first line, of wall time and of "
            "the queries alone: each further question costs spdkit these, and pandas another "
            "reading of the text. CPU seconds say more than wall seconds where others use the "
            "machine, too.",
            "| | import s | queries s | wall s | CPU s | peak MB | wall ratio | query ratio |\n"
            "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n" + "\n".join(rows),
            f"Found: {tables.users} tables of {tables.songs:,} songs, {tables.rows:,} rows, "
            f"{tables.plays:,} plays.",
            "| | measured | bar | met |\n| --- | ---: | ---: | --- |\n" + "\n".join(bars),
        ]
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark."""
    args = parse(argv)
    result = measure(args)
    script.save(asdict(result), args.output)
    script.save_page(page(result), args.output)
    if args.json:
        print(json.dumps(asdict(result), indent=1, ensure_ascii=False))
        return 0
    console = script.results_console()
    console.print(f"{result.command}\n{result.machine['cpu']}, {result.log.rows:,} triplets\n")
    measuring.show(console, "Import and three queries", result.table)
    measuring.show(console, "What was promised", result.bars)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
