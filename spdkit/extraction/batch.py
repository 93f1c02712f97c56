"""Extract tracks with extractors into a store: what to do, doing it, and keeping what is done.

A batch can be killed at any instant and run again: rows are journalled beside the target, and the
target is replaced at one instant when all are there. A second run does only what is new, has
changed or had failed.
"""

from __future__ import annotations

import heapq
import os
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from itertools import chain, pairwise
from pathlib import Path

from spdkit.common.errors import SpdkitError
from spdkit.common.progress import progress_bar
from spdkit.extraction import executors
from spdkit.extraction.feature_table import merge, tabulate
from spdkit.extraction.journal import Journal
from spdkit.extraction.track_results import Row, Task, failed_row, run_task, warm_up
from spdkit.extraction.work_plan import make_plan
from spdkit.extractors import registry
from spdkit.extractors.base import Extractor
from spdkit.store.feature_store import FeatureStore, FeatureTable, StoreError, write_store
from spdkit.store.provenance import provenance
from spdkit.tracks.track import Track

_SHARD_SECONDS = 30.0
_SLOWEST = 5
# Tasks on a foreign executor: some tracks each, and enough of them to share among workers.
_BATCH_SIZE, _BATCHES = 32, 16


class BatchError(SpdkitError):
    """A batch that cannot start."""


@dataclass(frozen=True)
class Failure:
    """One extractor on one track, and why it gave no row."""

    track_id: str
    extractor: str
    reason: str


@dataclass(frozen=True)
class BatchReport:
    """What a batch did.

    Attributes
    ----------
    target : Path
        The store.
    n_tracks, n_extracted, n_unchanged : int
        Tracks asked for, worked on, and left as the store had them.
    failures : tuple of Failure
        In order of ``track_id``.
    unreachable : tuple of str
        Tracks whose file could not be read now; the store keeps what it had.
    slowest : tuple of (str, float)
        Tracks that took longest, in seconds.
    seconds : float
        Wall time of the whole batch.
    """

    target: Path
    n_tracks: int
    n_extracted: int
    n_unchanged: int
    failures: tuple[Failure, ...]
    unreachable: tuple[str, ...]
    slowest: tuple[tuple[str, float], ...]
    seconds: float

    @property
    def n_failed(self) -> int:
        """Tracks with at least one failure."""
        return len({failure.track_id for failure in self.failures})


def extract(
    tracks: Iterable[Track],
    target: str | os.PathLike[str],
    extractors: Sequence[Extractor] | None = None,
    *,
    jobs: int | None = None,
    timeout: float | None = None,
    overwrite: bool = False,
    executor: Executor | None = None,
    shard_size: int = 32,
    progress: bool = False,
) -> BatchReport:
    """Extract tracks into a feature file; resume what an earlier run left.

    Parameters
    ----------
    tracks : iterable of Track
        With distinct ids.
    target : path
        The HDF5 file to write, extend or bring up to date. Tracks that it has and `tracks` has not
        are kept.
    extractors : sequence of Extractor, optional
        Default: every installed one whose modality some track has.
    jobs : int, optional
        Local worker processes; default: all usable cores.
    timeout : float, optional
        Seconds a track may take before its worker is stopped (local workers only).
    overwrite : bool
        Start afresh and replace whatever `target` is; it stays until the new one is whole.
    executor : concurrent.futures.Executor, optional
        Where to run instead of local workers; left open.
    shard_size : int
        Rows kept in hand before they are made safe in the journal.
    progress : bool
        Show a bar on stderr.

    Returns
    -------
    BatchReport
        One bad file never stops a batch: it is a failure in the report and in the store.

    Raises
    ------
    BatchError
        When there is nothing to extract, ids or feature names repeat, or parameters differ from
        those that the store was made with.
    StoreError
        When `target` is no feature store (and `overwrite` is not set) or cannot be written.
    JournalError
        When another batch writes the same target.
    EngineError
        When workers cannot be started or `executor` breaks. Finished rows are safe.
    """
    start = time.perf_counter()
    if executor is not None and timeout is not None:
        raise BatchError("timeout needs local workers: an executor's tasks cannot be stopped")
    track_list = _distinct(tracks)
    chosen = _choose(extractors, track_list)
    path = Path(target).expanduser()
    _require_place(path)
    tally = _Tally()
    with Journal(path) as journal:
        known = _take_up(journal, chosen, overwrite, progress)
        n_before = len(journal.shards())
        plan = make_plan(track_list, chosen, known, progress=progress)
        with (
            closing(_run(plan.todo, chosen, jobs, timeout, executor)) as outcomes,
            progress_bar("extracting", len(plan.todo), shown=progress and bool(plan.todo)) as tick,
        ):
            rows = _rows(outcomes, tally, tick)
            _journal(chain(plan.touched, rows), journal, chosen, shard_size)
        if journal.shards():
            tables = journal.read(n_before, progress=progress)
            write_store(path, merge(tables if known is None else [known, *tables]))
        journal.finish()
    return BatchReport(
        target=path,
        n_tracks=len(track_list),
        n_extracted=len(plan.todo),
        n_unchanged=len(track_list) - len(plan.todo),
        failures=tuple(sorted(tally.failures, key=lambda f: (f.track_id, f.extractor))),
        unreachable=plan.unreachable,
        slowest=tuple((name, seconds) for seconds, name in sorted(tally.slowest, reverse=True)),
        seconds=time.perf_counter() - start,
    )


@dataclass
class _Tally:
    failures: list[Failure] = field(default_factory=list)
    slowest: list[tuple[float, str]] = field(default_factory=list)

    def add(self, row: Row) -> bool:
        """Count a row; whether anything in it failed."""
        name = row.track.track_id
        failed = [
            Failure(name, extractor, result.error)
            for extractor, result in row.results.items()
            if result.status == "failed"
        ]
        self.failures += failed
        heapq.heappush(self.slowest, (row.seconds, name))
        if len(self.slowest) > _SLOWEST:
            heapq.heappop(self.slowest)
        return bool(failed)


def _distinct(tracks: Iterable[Track]) -> list[Track]:
    track_list = sorted(tracks, key=lambda track: track.track_id)
    if not track_list:
        raise BatchError("there are no tracks to extract")
    repeated = [a.track_id for a, b in pairwise(track_list) if a.track_id == b.track_id]
    if repeated:
        raise BatchError(f"track_id occur more than once: {', '.join(map(repr, repeated[:5]))}")
    return track_list


def _choose(
    extractors: Sequence[Extractor] | None, tracks: Sequence[Track]
) -> tuple[Extractor, ...]:
    if extractors is None:
        extractors = [cls() for cls in registry.applicable(tracks).values()]
    if not extractors:
        raise BatchError("no installed extractor applies to what the tracks have")
    chosen = tuple(sorted(extractors, key=lambda extractor: extractor.name))
    names = [extractor.name for extractor in chosen]
    if len(set(names)) < len(names):
        raise BatchError(f"extractors occur more than once: {', '.join(names)}")
    _require_distinct_columns({e.name: list(e.get_feature_names_out()) for e in chosen})
    return chosen


def _require_distinct_columns(columns: Mapping[str, Sequence[str]]) -> None:
    owner: dict[str, str] = {}
    for extractor, names in columns.items():
        for name in names:
            if name in owner:
                raise BatchError(f"{owner[name]!r} and {extractor!r} both have a feature {name!r}")
            owner[name] = extractor


def _require_place(path: Path) -> None:
    if path.is_dir():
        raise BatchError(f"{path}: is a folder, not a file to write")
    if not path.parent.is_dir():
        raise BatchError(f"{path}: there is no folder {path.parent}")
    if not os.access(path.parent, os.W_OK):
        raise BatchError(f"{path}: no permission to write into {path.parent}")


def _take_up(
    journal: Journal, extractors: Sequence[Extractor], overwrite: bool, progress: bool
) -> FeatureTable | None:
    """Rows that the store and an interrupted batch already have."""
    replace = overwrite or journal.replaces()
    base: FeatureTable | None = None
    if not replace and journal.target.exists():
        try:
            base = FeatureStore.open(journal.target).read()
        except StoreError as error:
            raise StoreError(f"{error}. To replace it, use overwrite (--overwrite)") from error
    journal.begin(fresh=overwrite, replace=replace)
    tables = ([base] if base is not None else []) + journal.read(progress=progress)
    if not tables:
        return None
    known = merge(tables)
    _refuse_changes(journal.target, known, extractors)
    return known


def _refuse_changes(path: Path, known: FeatureTable, extractors: Sequence[Extractor]) -> None:
    now = provenance(extractors)["extractors"]
    changes = []
    for name, recorded in known.provenance["extractors"].items():
        if name not in now:
            continue
        before = {"version": recorded["version"], **recorded["parameters"]}
        after = {"version": now[name]["version"], **now[name]["parameters"]}
        changes += [
            f"{name}.{key} was {before.get(key)!r}, is now {after.get(key)!r}"
            for key in sorted(before.keys() | after.keys())
            if before.get(key) != after.get(key)
        ]
    if changes:
        raise BatchError(
            f"{path}: made with other parameters: {'; '.join(changes)}. Use those, write to "
            "another file, or replace this one with overwrite (--overwrite)"
        )
    columns = {e.name: list(e.get_feature_names_out()) for e in extractors}
    kept = {
        str(name): list(rows.index)
        for name, rows in known.var.groupby("extractor")
        if name not in columns
    }
    _require_distinct_columns({**kept, **columns})


def _run(
    todo: Sequence[Task],
    extractors: Sequence[Extractor],
    jobs: int | None,
    timeout: float | None,
    executor: Executor | None,
) -> Generator[tuple[Task, Row | Exception]]:
    if not todo:
        return
    function = partial(run_task, extractors={e.name: e for e in extractors})
    if executor is None:
        workers = min(jobs or executors.usable_cores(), len(todo))
        yield from executors.run_local(
            function, todo, jobs=workers, timeout=timeout, warm_up=partial(warm_up, extractors)
        )
    else:
        batch_size = max(1, min(_BATCH_SIZE, len(todo) // _BATCHES))
        yield from executors.run_on(executor, function, todo, batch_size=batch_size)


def _rows(
    outcomes: Iterable[tuple[Task, Row | Exception]], tally: _Tally, tick: Callable[[bool], None]
) -> Iterator[Row]:
    for task, outcome in outcomes:
        row = outcome if isinstance(outcome, Row) else failed_row(task, _reason(outcome))
        tick(tally.add(row))
        yield row


def _reason(error: Exception) -> str:
    if isinstance(error, executors.WorkerDiedError | executors.TimedOutError):
        return str(error)
    return f"{type(error).__name__}: {error}"


def _journal(
    rows: Iterable[Row], journal: Journal, extractors: Sequence[Extractor], shard_size: int
) -> None:
    in_hand: list[Row] = []
    since = time.monotonic()
    try:
        for row in rows:
            in_hand.append(row)
            if len(in_hand) >= shard_size or time.monotonic() - since > _SHARD_SECONDS:
                shard, in_hand = in_hand, []
                journal.append(tabulate(shard, extractors))
                since = time.monotonic()
    finally:
        # An interrupt or a broken engine costs nothing that was finished.
        if in_hand:
            journal.append(tabulate(in_hand, extractors))
