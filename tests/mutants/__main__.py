"""Mutation testing of a seeded sample: `make mutants N=150 SEED=0 IN="spdkit/store nets"`.

Each change is made in a copy of the working tree, never in the tree itself, and the tests of its
module are run there until one fails. A change that none notices survives: read it, and write the
test that it lacks, or answer it in answered.toml.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import queue
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from changes import Change, sample
from module_tests import module_tests
from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).parents[2]
PACKAGES = ("spdkit", "extractors", "nets")
LIMIT_SECONDS = 900
_PYTEST = (
    *("-m", "pytest", "-x", "-q", "-n", "0", "-p", "no:cacheprovider", "--no-header"),
    *("--hypothesis-profile=ci", "--timeout=120"),  # derandomized
)


class Copy:
    """A copy of the working tree, installed by links as `make tree` does."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "tree"
        listed = ("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
        names = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True).stdout
        for name in filter(None, names.split("\0")):
            if (ROOT / name).is_file():
                (self.root / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, self.root / name)
        links = self.root / "build/tree/spdkit"
        links.mkdir(parents=True)
        for source in (*(self.root / "spdkit").iterdir(), *(self.root / p for p in PACKAGES[1:])):
            (links / source.name).symlink_to(source)
        (links.parent / "benchmarks").symlink_to(self.root / "benchmarks")
        self.kernels = folder / "kernels"
        self.tests: subprocess.Popen[bytes] | None = None

    def stop(self) -> None:
        """End the tests that run here, and what they have started."""
        if self.tests is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.tests.pid, signal.SIGKILL)
            self.tests.wait()

    def run_tests(
        self, tests: Sequence[str], kernels: Path | None = None, limit: float | None = None
    ) -> int | None:
        """Exit status of pytest; None where it has not ended within `limit` seconds."""
        environment = {
            **os.environ,
            **{"PYTHONPATH": str(self.root / "build/tree"), "PYTHONSAFEPATH": "1"},
            **{"OMP_NUM_THREADS": "1", "NUMBA_CACHE_DIR": str(kernels or self.kernels)},
            # A change of the same length within the same second would be taken for the original.
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        environment.pop("CI", None)
        self.tests = subprocess.Popen(
            (sys.executable, *_PYTEST, *tests),
            cwd=self.root,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            return self.tests.wait(limit)
        except subprocess.TimeoutExpired:
            return None
        finally:
            self.stop()

    def try_change(self, change: Change) -> str:
        """`noticed`, `survived` or `timed out`."""
        path = self.root / change.module
        source, times = path.read_text("utf-8"), path.stat()
        # numba compiles a kernel anew when its own file changes, not when one that it calls does.
        beside = [each.read_text("utf-8") for each in path.parent.glob("*.py") if each != path]
        called = re.compile(rf"\.{path.stem} import|import [^\n]*\b{path.stem}\b")
        kernels = re.compile(r"^import numba|^@compiled", re.MULTILINE)
        compiled = any(kernels.search(text) and called.search(text) for text in beside)
        tests = module_tests(self.root, change.module)
        with tempfile.TemporaryDirectory(dir=self.root.parent) as fresh:
            path.write_text(change.apply(source), "utf-8")
            try:
                status = self.run_tests(tests, Path(fresh) if compiled else None, LIMIT_SECONDS)
            finally:
                path.write_text(source, "utf-8")
                os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
        return "timed out" if status is None else "noticed" if status else "survived"


@dataclass(frozen=True)
class Outcome:
    """One change, and what the tests said."""

    change: Change
    verdict: str
    seconds: float

    def __str__(self) -> str:
        change = self.change
        head = f"{change.module}:{change.line}: {self.verdict} in {self.seconds:.0f} s"
        return f"{head}\n  - {change.before}\n  + {change.after}"


def outcomes(drawn: Sequence[Change], workers: int) -> Iterator[Outcome]:
    """Try every change, `workers` at a time; first, that the tests pass without any."""
    tests = sorted({test for one in drawn for test in module_tests(ROOT, one.module)})
    with (
        tempfile.TemporaryDirectory(prefix="mutants-") as folder,
        ThreadPoolExecutor(workers) as pool,
    ):
        every = [Copy(Path(folder, str(worker))) for worker in range(workers)]
        copies: queue.Queue[Copy] = queue.Queue()
        for copy in every:
            copies.put(copy)

        def outcome(change: Change) -> Outcome:
            copy, start = copies.get(), time.monotonic()
            try:
                verdict = copy.try_change(change)
            finally:
                copies.put(copy)
            return Outcome(change, verdict, time.monotonic() - start)

        try:
            parts = [tests[i::workers] for i in range(workers)]
            if any(pool.map(Copy.run_tests, every, parts)):
                sys.exit("the tests fail without any change: mend them first (make test)")
            yield from pool.map(outcome, drawn)
        finally:
            for copy in every:
                copy.stop()


def shares(outcomes: Sequence[Outcome]) -> Table:
    """How many of each room were noticed."""
    rooms: dict[str, Counter[str]] = defaultdict(Counter)
    for outcome in outcomes:
        for room in (outcome.change.room, "all"):
            rooms[room][outcome.verdict] += 1
    verdicts = ("noticed", "timed out", "survived")
    table = Table("room", *verdicts, "share", box=None)
    for room in sorted(rooms, key="all".__eq__):
        count = rooms[room]
        share = 1 - count["survived"] / count.total()
        table.add_row(room, *(str(count[verdict]) for verdict in verdicts), f"{share:.1%}")
    return table


def main() -> None:
    """Draw, try, and print."""
    parser = argparse.ArgumentParser(prog="mutants", description=__doc__)
    parser.add_argument("paths", nargs="*", default=PACKAGES, help="such as spdkit/store")
    parser.add_argument("-n", "--number", type=int, default=150)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # as Ctrl-C: nothing stays behind
    drawn = sample(ROOT, options.paths or PACKAGES, options.number, options.seed)
    tried = []
    for outcome in outcomes(drawn, options.workers):
        tried.append(outcome)
        print(f"[{len(tried)}/{len(drawn)}] {outcome}", flush=True)
    alive = [str(outcome) for outcome in tried if outcome.verdict == "survived"]
    print("", f"{len(alive)} survivors", *alive, "", sep="\n")
    Console().print(shares(tried))


if __name__ == "__main__":
    main()
