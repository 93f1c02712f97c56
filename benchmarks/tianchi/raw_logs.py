"""Raw log of Tianchi, counted out of core: the same counts, time and memory, and pandas beside it.

Counts by song and day are expanded to a log that has them again (see expansion.py); spdkit
counts it by artist, in a process of its own, and must find the published counts by artist to the
last one. pandas does the same work in processes of its own, in turns. Listeners are of made-up
users: they are held against those that pandas finds, and only near to the published ones.
"""

from __future__ import annotations

import sys
from pathlib import Path

if not __package__:  # run as a script, whose own folder alone is on the path
    sys.path.append(str(Path(__file__).resolve().parents[2]))

import argparse
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from statistics import median

import pandas as pd

from benchmarks.common import measuring, script
from benchmarks.common.markdown import bar_rows, contestant_rows, join_blocks, package_versions
from benchmarks.common.measuring import Bar, Head, bar, run_python
from benchmarks.tianchi.expansion import COUNTS, Log, expand
from spdkit.catalogs import tianchi

PACKAGES = ("duckdb", "pandas", "pyarrow", "numpy", "spdkit")
EPILOG = """\
reading it:
  wall s, cpu s  from before the log is opened to the finished counts; imports come before
  peak mb        of the whole process, interpreter and libraries included, in 10^6 bytes
  pandas         read_csv of the needed columns, merge, groupby, nunique, and no check of any row;
                 spdkit checks every cell of every row
"""
_MEASURED = """
import json, sys, time
import duckdb, pandas as pd
from spdkit.catalogs import tianchi

folder, output, option = sys.argv[1:]
marks = time.perf_counter(), time.process_time()
{work}
wall, cpu = time.perf_counter() - marks[0], time.process_time() - marks[1]
with open("/proc/self/status") as status:
    kib = next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
frame.to_csv(output, index=False)
print(json.dumps([wall, cpu, kib * 1024 / 1e6]))
"""
_SPDKIT = "frame = tianchi.aggregate_logs(folder, limits=tianchi.Limits(threads=int(option))).frame"
_PANDAS = """
names = ["user_id", "song_id", "gmt_create", "action_type", "ds"]
needed = None if option == "pyarrow" else [0, 1, 3, 4]  # pandas 3.1 fails on both together
actions = pd.read_csv(
    f"{folder}/{tianchi.ACTIONS}", header=None, names=names, engine=option, usecols=needed
)
songs = pd.read_csv(f"{folder}/{tianchi.SONGS}", header=None, usecols=[0, 1])
rows = actions.merge(songs.set_axis(["song_id", "artist_id"], axis=1), on="song_id")
by = ["artist_id", "ds"]
frame = rows.groupby([*by, "action_type"]).size().unstack(fill_value=0)
played = rows[rows["action_type"] == 1]
frame = frame.join(played.groupby(by)["user_id"].nunique()).fillna(0).reset_index()
frame.columns = ["unique_id", "ds", "y", "downloads", "collects", "listeners"]
"""


@dataclass(frozen=True)
class Run:
    """One process: seconds of the work, and its peak memory."""

    wall_s: float
    cpu_s: float
    peak_mb: float


@dataclass(frozen=True)
class Row:
    """Medians over the rounds, the largest peak, and a peer over spdkit with as many threads."""

    wall_s: float
    cpu_s: float
    peak_mb: float
    wall_ratio: float
    cpu_ratio: float
    memory_ratio: float


@dataclass(frozen=True)
class Agreement:
    """How the counts compare with others, over artists and days."""

    artists: int
    days: int
    filled_days: int
    plays: int
    downloads: int
    collects: int
    differences: int
    differences_from_pandas: int
    listeners: float
    published_listeners: float


@dataclass
class Result(Head):
    """The JSON."""

    log: Log
    agreement: Agreement
    table: dict[str, Row]
    bars: dict[str, Bar]
    runs: dict[str, list[Run]] = field(default_factory=dict)


# The processes


def contestants(threads: Sequence[int]) -> dict[str, tuple[str, str]]:
    """Name of each, what it does, and with which option."""
    ours = {
        f"spdkit, {n} thread{'s' if n > 1 else ''}": (_SPDKIT, str(n))
        for n in dict.fromkeys(threads)
    }
    return {**ours, "pandas": (_PANDAS, "c"), "pandas, pyarrow": (_PANDAS, "pyarrow")}


def run_process(work: str, option: str, folder: Path) -> tuple[Run, pd.DataFrame]:
    """Do the work in a process of its own.

    Raises
    ------
    RuntimeError
        With the traceback, when the process fails.
    """
    output = folder / "counts.csv"
    run = Run(*run_python(_MEASURED.format(work=work), folder, output, option))
    frame = pd.read_csv(output)
    frame["ds"] = pd.to_datetime(frame["ds"].astype(str))
    return run, frame.set_index(["unique_id", "ds"])


def agree(counts: dict[str, pd.DataFrame], data: Path, times: int) -> Agreement:
    """Compare the contestants' counts with the published ones, and with each other."""
    names = [name for name in counts if name.startswith("spdkit")]
    ours = counts[names[0]]
    published = tianchi.read_artist_daily(data / "artist_daily_p1.csv.gz")
    published = published.set_index(["unique_id", "ds"])
    covered = ours.index.unique("unique_id")
    expected = published[published.index.get_level_values(0).isin(covered)]
    n_different = differences(ours[COUNTS], times * expected[COUNTS])
    n_different += sum(differences(counts[name], ours) for name in names[1:])
    others = [name for name in counts if name not in names]
    from_pandas = sum(differences(counts[name], ours) for name in others)
    totals = ours[COUNTS].sum()
    return Agreement(
        artists=len(covered),
        days=len(ours),
        filled_days=int((ours[COUNTS].sum(axis=1) == 0).sum()),
        plays=int(totals["y"]),
        downloads=int(totals["downloads"]),
        collects=int(totals["collects"]),
        differences=n_different,
        differences_from_pandas=from_pandas,
        listeners=float(ours["listeners"].mean()),
        published_listeners=float(expected["listeners"].mean()),
    )


def differences(counts: pd.DataFrame, expected: pd.DataFrame) -> int:
    """How many counts differ; a day that is in one of them alone counts as zeros there."""
    days = counts.index.union(expected.index)
    ours = counts.reindex(days, fill_value=0)
    theirs = expected[counts.columns].reindex(days, fill_value=0)
    return int((ours != theirs).to_numpy().sum())


# The run


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = script.new_parser(__doc__, EPILOG)
    help_ = "folder with song_daily_p1.csv.gz and artist_daily_p1.csv.gz"
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help=help_)
    script.add_counts(
        parser,
        rounds=(3, "processes of each"),
        times=(1, "write every action so many times, for a longer log"),
    )
    script.add_numbers(parser, "threads", [1, 2], "threads of spdkit; ratios are over the first")
    help_ = "folder for the log, 450 MB for each of --times (default: the system's temporary one)"
    parser.add_argument("--scratch", type=Path, metavar="DIR", help=help_)
    script.add_output(parser, "tianchi_logs", ", with .md beside it")
    return parser.parse_args(argv)


def measure(args: argparse.Namespace) -> Result:
    """Write the log, and let the contestants take turns with it."""
    each = contestants(args.threads)
    runs: dict[str, list[Run]] = {name: [] for name in each}
    counts = {}
    with tempfile.TemporaryDirectory(prefix="tianchi-logs-", dir=args.scratch) as name:
        folder = Path(name)
        log = expand(args.data, folder, args.times)
        for _ in range(args.rounds):
            for name, (work, option) in each.items():
                run, counts[name] = run_process(work, option, folder)
                runs[name].append(run)
    agreement = agree(counts, args.data, args.times)
    table = {name: summarise(of, runs[next(iter(each))]) for name, of in runs.items()}
    peaks = [table[name].peak_mb for name in each if name.startswith("spdkit")]
    bars = {
        "counts that differ from the published ones": bar(agreement.differences, "≤ 0"),
        "counts that differ from pandas'": bar(agreement.differences_from_pandas, "≤ 0"),
        "peak memory of spdkit in MB": bar(max(peaks), "< 1000"),
    }
    options, data = ("rounds", "times", "threads"), ("--data", "DATA")
    command = script.command_line("tianchi/raw_logs.py", args, *options, first=data)
    head = measuring.head("tianchi_logs", command, PACKAGES)
    return Result(**head, log=log, agreement=agreement, table=table, bars=bars, runs=runs)


def summarise(runs: list[Run], first: list[Run]) -> Row:
    """Medians of a contestant, and their ratios over those of the first one."""
    wall, cpu = (median(getattr(run, name) for run in runs) for name in ("wall_s", "cpu_s"))
    peak, peak_first = (max(run.peak_mb for run in of) for of in (runs, first))
    wall_first = median(run.wall_s for run in first)
    cpu_first = median(run.cpu_s for run in first)
    return Row(wall, cpu, peak, wall / wall_first, cpu / cpu_first, peak / peak_first)


def page(result: Result) -> str:
    """The result in Markdown."""
    log, agreement = result.log, result.agreement
    rows, bars = contestant_rows(result.table), bar_rows(result.bars, 0)
    return join_blocks(
        [
            "# Tianchi's raw log, counted out of core",
            f"`{result.command}`",
            f"{log.rows:,} actions on {log.songs:,} songs of {log.artists} artists by "
            f"{log.users:,} made-up users, {log.mb:.0f} MB. {result.machine['cpu']}, "
            f"{result.machine['cpus']} processors; {package_versions(asdict(result))}.",
            "The log is made from the published counts by song and day, shuffled; users are made "
            "up, so that there are about as many listeners as were published. Each run is a "
            "process of its own; they take turns, and times are medians over the rounds, from "
            "before the log is opened to the finished counts. pandas checks no row, spdkit every "
            "cell of every row. Ratios are over the first line.",
            "| | wall s | CPU s | peak MB | wall ratio | CPU ratio | memory ratio |\n"
            "| --- | ---: | ---: | ---: | ---: | ---: | ---: |\n" + "\n".join(rows),
            f"Found: {agreement.plays:,} plays, {agreement.downloads:,} downloads, "
            f"{agreement.collects:,} collects on {agreement.days:,} days of {agreement.artists} "
            f"artists, of which {agreement.filled_days} without an action; "
            f"{agreement.listeners:.1f} listeners a day on average (published, with users who only "
            f"downloaded or collected: {agreement.published_listeners:.1f}).",
            "| | measured | bar | met |\n| --- | ---: | ---: | --- |\n" + "\n".join(bars),
        ]
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark."""
    args = parse(argv)
    result = measure(args)
    script.save(asdict(result), args.output)
    script.save_page(page(result), args.output)
    console = script.results_console()
    console.print(f"{result.command}\n{result.machine['cpu']}, {result.log.rows:,} actions\n")
    measuring.show(console, "Counting the log by artist and day", result.table)
    measuring.show(console, "What was promised", result.bars)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
