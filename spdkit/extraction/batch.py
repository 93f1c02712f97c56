"""Batch: tracks through extractors into a store, in parallel, resumable.

A batch can be killed at any instant and run again: results are journalled beside the target, and
the target is replaced at one instant when all are there. A second run does only what is new, has
changed or had failed.
"""

from __future__ import annotations

import dataclasses
import os
import time
import warnings
from collections.abc import Callable, Collection, Generator, Iterable, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from itertools import chain, pairwise
from pathlib import Path
from typing import Protocol

from spdkit.common.errors import SpdkitError, SpdkitWarning
from spdkit.common.files import require_replaceable, stamp, user_path
from spdkit.common.interrupts import deferred_interrupt
from spdkit.common.messages import listing
from spdkit.common.progress import progress_bar
from spdkit.common.text import same_names
from spdkit.common.threads import usable_cores
from spdkit.extraction import executors
from spdkit.extraction.feature_table import merge, mixture, tabulate
from spdkit.extraction.journal import Journal, JournalError
from spdkit.extraction.track_results import Task, TrackResult, failed_result, run_task, warm_up
from spdkit.extraction.work_plan import plan_work
from spdkit.extractors import registry
from spdkit.extractors.base import Extractor
from spdkit.store.errors import Damage, DamagedStoreError, StoreError, StoreInUseError
from spdkit.store.feature_store import FeatureStore, FeatureTable, write_store
from spdkit.store.forms import FORMS
from spdkit.store.provenance import changes, provenance
from spdkit.store.repair import keep_beside, whole_rows
from spdkit.tracks.addresses import is_url, known_protocols, local_path
from spdkit.tracks.track import Track

# A shard takes a tenth of a second: what comes fast (files that are not there) makes larger ones.
_SHARD_SIZE, _LARGEST_SHARD = 32, 4096
_SHORTEST_SHARD_SECONDS, _SHARD_SECONDS = 2.0, 30.0
_SLOWEST = 5
# Tasks on a foreign executor: some tracks each, and enough of them to share among workers.
_BATCH_SIZE, _BATCHES = 32, 16


class BatchError(SpdkitError):
    """A batch that cannot start."""


class TargetFile(Protocol):
    """How a batch reads and writes its target: a feature file, or what has a row a track, too."""

    def read(self, path: Path) -> FeatureTable:
        """Rows of the file; a StoreError where it is none, or damaged."""

    def whole_rows(self, path: Path, damage: Damage) -> FeatureTable | None:
        """Rows of a damaged file that are whole; see `spdkit.store.repair.whole_rows`."""

    def write(
        self, path: Path, table: FeatureTable, *, folder: Path, check: Callable[[], None]
    ) -> None:
        """Replace the file; see `spdkit.store.feature_store.write_store`."""


class FeatureFile:
    """A feature file; see `TargetFile`."""

    def read(self, path: Path) -> FeatureTable:
        """Rows of the file."""
        return FeatureStore.open(path).read()

    def whole_rows(self, path: Path, damage: Damage) -> FeatureTable | None:
        """Rows of a damaged file that are whole."""
        return whole_rows(path, damage)

    def write(
        self, path: Path, table: FeatureTable, *, folder: Path, check: Callable[[], None]
    ) -> None:
        """Replace the file."""
        write_store(path, table, folder=folder, check=check)


@dataclass(frozen=True)
class Failure:
    """One extractor on one track, and why it gave no numbers."""

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
    n_remarks : int
        What extractors remarked on tracks that went well.
    """

    target: Path
    n_tracks: int
    n_extracted: int
    n_unchanged: int
    failures: tuple[Failure, ...]
    unreachable: tuple[str, ...]
    slowest: tuple[tuple[str, float], ...]
    seconds: float
    n_remarks: int = 0

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
    shard_size: int | None = None,
    allow_protocols: Collection[str] = (),
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
        Seconds a track may take before its worker is stopped (local workers only), and a server
        until a file that the store has counts as unreachable.
    overwrite : bool
        Start afresh and replace whatever `target` is; it stays until the new one is whole.
    executor : concurrent.futures.Executor, optional
        Where to run instead of local workers; left open.
    shard_size : int, optional
        Results to hold before they are made safe in the journal. Default: 32, and more where they
        come faster than some seconds a shard.
    allow_protocols : collection of str
        Of URLs to open besides paths and those of `spdkit.tracks.addresses.PROTOCOLS`, by fsspec's
        names, such as ``"sftp"``. Tracks under any other are failures.
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
    ParameterError
        When fsspec knows no protocol of a name in `allow_protocols`.
    JournalError
        When another batch writes the same target.
    ExecutorError
        When workers cannot be started or `executor` breaks. Finished results are safe.
    """
    return run_batch(
        *(tracks, target, extractors, FeatureFile()),
        jobs=jobs,
        timeout=timeout,
        overwrite=overwrite,
        executor=executor,
        shard_size=shard_size,
        allow_protocols=allow_protocols,
        progress=progress,
    )


def run_batch(
    tracks: Iterable[Track],
    target: str | os.PathLike[str],
    extractors: Sequence[Extractor] | None,
    file: TargetFile,
    *,
    jobs: int | None,
    timeout: float | None,
    overwrite: bool,
    executor: Executor | None,
    shard_size: int | None,
    allow_protocols: Collection[str],
    progress: bool,
) -> BatchReport:
    """Do as `extract`, into a file of any kind that has a row a track."""
    start = time.perf_counter()
    if executor is not None and timeout is not None:
        raise BatchError("timeout needs local workers: an executor's tasks cannot be stopped")
    protocols = known_protocols(allow_protocols)
    track_list = _distinct(tracks)
    ordered = _ordered(extractors, track_list)
    path = user_path(target, BatchError)
    _require_place(path)
    tally = _Tally()
    with Journal(path) as journal:
        before = stamp(path)
        earlier, damage = _resume(journal, file, ordered, overwrite, progress)
        check = partial(_require_unchanged, journal, before)
        n_before = len(journal.shards())
        if earlier is not None:
            track_list = _as_in_store(track_list, earlier)
        plan = plan_work(
            *(track_list, ordered, earlier),
            protocols=protocols,
            elsewhere=executor is not None,
            timeout=timeout,
            progress=progress,
        )
        for result in plan.missing:
            tally.note_failures(result)
        n_tasks = len(plan.tasks)
        with (
            closing(_run(plan.tasks, ordered, protocols, jobs, timeout, executor)) as results,
            progress_bar("extracting", n_tasks, shown=progress) as advance,
        ):
            counted = (tally.count(result, advance) for result in results)
            _keep(chain(plan.renewed, counted), journal, ordered, shard_size)
        if journal.shards() or damage is not None:
            tables = _new_rows(journal, n_before, progress)
            whole = merge(tables if earlier is None else [earlier, *tables])
            if damage is not None:
                check()
                _replace_damaged(path, damage, track_list)
            file.write(path, whole, folder=journal.folder, check=check)
        journal.finish()
    return BatchReport(
        target=path,
        n_tracks=len(track_list),
        n_extracted=n_tasks,
        n_unchanged=len(track_list) - n_tasks,
        failures=tuple(sorted(tally.failures, key=lambda f: (f.track_id, f.extractor))),
        unreachable=plan.unreachable,
        slowest=tuple((name, seconds) for seconds, name in tally.slowest),
        seconds=time.perf_counter() - start,
        n_remarks=tally.n_remarks,
    )


@dataclass
class _Tally:
    failures: list[Failure] = field(default_factory=list)
    slowest: list[tuple[float, str]] = field(default_factory=list)
    n_remarks: int = 0

    def note_failures(self, result: TrackResult) -> list[Failure]:
        """Note what failed."""
        failures = [
            Failure(result.track.track_id, extractor, part.error)
            for extractor, part in result.results.items()
            if part.status == "failed"
        ]
        self.failures += failures
        return failures

    def count(self, result: TrackResult, advance: Callable[[bool], None]) -> TrackResult:
        """Note what failed or was remarked and how long it took, and move the bar on."""
        name, failures = result.track.track_id, self.note_failures(result)
        self.n_remarks += sum(bool(part.obs.get("note")) for part in result.results.values())
        self.slowest = sorted([*self.slowest, (result.seconds, name)], reverse=True)[:_SLOWEST]
        advance(bool(failures))
        return result


def _as_in_store(tracks: Sequence[Track], table: FeatureTable) -> list[Track]:
    """Tracks under the names that the store has: macOS and others spell the same in two forms."""
    spellings = same_names((track.track_id for track in tracks), table.obs.index)
    return [
        dataclasses.replace(track, track_id=spellings[track.track_id])
        if track.track_id in spellings
        else track
        for track in tracks
    ]


def _distinct(tracks: Iterable[Track]) -> list[Track]:
    track_list = sorted(tracks, key=lambda track: track.track_id)
    if not track_list:
        raise BatchError("there are no tracks to extract")
    repeated = [a.track_id for a, b in pairwise(track_list) if a.track_id == b.track_id]
    if repeated:
        raise BatchError(f"track_id occur more than once: {listing(repeated, quote=True)}")
    return track_list


def _ordered(
    extractors: Sequence[Extractor] | None, tracks: Sequence[Track]
) -> tuple[Extractor, ...]:
    """The extractors, or those that apply to the tracks, by name."""
    if extractors is None:
        extractors = [cls() for cls in registry.applicable(tracks).values()]
    if not extractors:
        raise BatchError("no installed extractor applies to what the tracks have")
    ordered = tuple(sorted(extractors, key=lambda extractor: extractor.name))
    names = [extractor.name for extractor in ordered]
    if len(set(names)) < len(names):
        raise BatchError(f"extractors occur more than once: {', '.join(names)}")
    _require_distinct_columns(_columns(ordered))
    return ordered


def _columns(extractors: Sequence[Extractor]) -> dict[str, list[str]]:
    return {each.name: list(each.get_feature_names_out()) for each in extractors}


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
    folder = Path(os.path.realpath(path)).parent if path.is_symlink() else path.parent
    if not folder.is_dir():
        raise BatchError(f"{path}: there is no folder {folder}")
    if not os.access(folder, os.W_OK):
        raise BatchError(f"{path}: no permission to write into {folder}")
    try:
        require_replaceable(path)
    except OSError as error:
        raise BatchError(f"{path}: cannot be written: {error.strerror or error}") from error


def _require_unchanged(journal: Journal, before: tuple[int, ...] | None) -> None:
    """Refuse to replace what is not the file that this batch read, unless it was to be replaced."""
    now = stamp(journal.target)
    if now not in (None, before) and not journal.replaces():
        raise StoreError(
            f"{journal.target}: another program has written it while this batch ran, so it stays "
            f"as it is. What is finished is safe in {journal.folder}: run this again, and it is "
            "added to what is there now"
        )


def _resume(
    journal: Journal,
    file: TargetFile,
    extractors: Sequence[Extractor],
    overwrite: bool,
    progress: bool,
) -> tuple[FeatureTable | None, Damage | None]:
    """What the store and an interrupted batch already have, and what of the store is lost."""
    replace = overwrite or journal.replaces()
    tables, damage = list[FeatureTable](), None
    if not replace and journal.target.exists():
        try:
            tables = [file.read(journal.target)]
        except StoreInUseError:
            raise
        except DamagedStoreError as error:
            damage = error.damage
            rows = file.whole_rows(journal.target, damage)
            tables = [] if rows is None else [rows]
        except StoreError as error:
            if str(error).endswith(tuple(form.write_again for form in FORMS)):
                raise
            raise StoreError(f"{error}. To replace it, use overwrite (--overwrite)") from error
    journal.begin(fresh=overwrite, replace=replace)
    tables += journal.read(progress=progress)
    if not tables:
        return None, damage
    _refuse_mixture(journal, tables)
    earlier = merge(tables)
    _refuse_changes(journal.target, earlier, extractors)
    return earlier, damage


def _refuse_mixture(journal: Journal, tables: Sequence[FeatureTable]) -> None:
    problem = mixture(tables)
    if problem:
        raise JournalError(
            f"{journal.folder}: its rows do not fit those of {journal.target.name}: {problem}. "
            "Start afresh with overwrite (--overwrite), or move the folder away, and what it holds "
            "is done again"
        )


def _new_rows(journal: Journal, n_before: int, progress: bool) -> list[FeatureTable]:
    """Rows of this batch, read back."""
    n_shards = len(journal.shards()) - n_before
    tables = journal.read(n_before, progress=progress)
    if len(tables) < n_shards:
        raise JournalError(
            f"{journal.folder}: what this batch wrote is damaged. Look at the disk, and run this "
            "again: it does what is missing"
        )
    return tables


def _replace_damaged(path: Path, damage: Damage, tracks: Sequence[Track]) -> None:
    """Keep a damaged store beside before it is replaced, and say what became of its rows."""
    try:
        copy = keep_beside(path)
    except OSError as error:
        raise StoreError(
            f"{path}: damaged, and cannot be kept beside: {error.strerror or error}"
        ) from error
    requested = {track.track_id for track in tracks}
    again = [name for name in damage.lost if name in requested]
    absent = [name for name in damage.lost if name not in requested]
    name = copy if path.is_symlink() else copy.name
    parts = [f"{path}: {damage}", f"the damaged file is kept as {name}"]
    if again:
        parts.append(f"done again: {listing(again, quote=True)}")
    if absent:
        parts.append(
            f"not in this run, so lost until they are extracted: {listing(absent, quote=True)}"
        )
    warnings.warn("; ".join(parts), SpdkitWarning, stacklevel=4)


def _refuse_changes(path: Path, earlier: FeatureTable, extractors: Sequence[Extractor]) -> None:
    recorded, current = earlier.provenance["extractors"], provenance(extractors)["extractors"]
    differences = [
        f"{name} was {before!r}, is now {now!r}" for name, before, now in changes(recorded, current)
    ]
    if differences:
        raise BatchError(
            f"{path}: made with other parameters: {'; '.join(differences)}. Use those, write to "
            "another file, or replace this one with overwrite (--overwrite)"
        )
    columns = _columns(extractors)
    others = {
        str(name): list(var.index)
        for name, var in earlier.var.groupby("extractor")
        if name not in columns
    }
    _require_distinct_columns({**others, **columns})


def _run(
    tasks: Sequence[Task],
    extractors: Sequence[Extractor],
    protocols: Collection[str],
    jobs: int | None,
    timeout: float | None,
    executor: Executor | None,
) -> Generator[TrackResult]:
    if not tasks:
        return
    function = partial(run_task, extractors={e.name: e for e in extractors}, protocols=protocols)
    if executor is None:
        workers = min(jobs or usable_cores(), len(tasks))
        outcomes = executors.run_local(
            *(function, tasks),
            jobs=workers,
            timeout=timeout,
            warm_up=partial(warm_up, extractors),
            is_light=_has_no_sound,
        )
    else:
        batch_size = max(1, min(_BATCH_SIZE, len(tasks) // _BATCHES))
        outcomes = executors.run_on(executor, function, tasks, batch_size=batch_size)
    with closing(outcomes):
        for task, outcome in outcomes:
            if isinstance(outcome, TrackResult):
                yield outcome
            elif isinstance(outcome, JournalError):
                raise outcome
            elif isinstance(outcome, executors.WorkerDiedError | executors.TimedOutError):
                yield failed_result(task, str(outcome))
            else:
                yield failed_result(task, f"{type(outcome).__name__}: {outcome}")


def _has_no_sound(task: Task) -> bool:
    """Whether there is nothing to measure but that a local file is not there."""
    audio = task.track.audio
    if audio is None or is_url(audio):
        return False
    try:
        return not os.path.exists(local_path(audio))  # noqa: PTH110 (many files)
    except OSError:  # no file can have that name
        return True


def _keep(
    results: Iterable[TrackResult],
    journal: Journal,
    extractors: Sequence[Extractor],
    shard_size: int | None,
) -> None:
    """Make results safe in the journal, some at a time."""
    shard: list[TrackResult] = []
    since = time.monotonic()

    def write() -> None:
        with deferred_interrupt():
            journal.append(tabulate(shard, extractors))
            shard.clear()

    try:
        for result in results:
            shard.append(result)
            if _is_full(len(shard), shard_size, time.monotonic() - since):
                write()
                since = time.monotonic()
    finally:
        # An interrupt or a broken executor costs nothing that was finished.
        if shard:
            write()


def _is_full(count: int, shard_size: int | None, seconds: float) -> bool:
    """Whether a shard of so many results, begun so long ago, is to be written."""
    if shard_size is not None:
        return count >= shard_size or seconds > _SHARD_SECONDS
    slow_enough = count >= _SHARD_SIZE and seconds > _SHORTEST_SHARD_SECONDS
    return slow_enough or count >= _LARGEST_SHARD or seconds > _SHARD_SECONDS
