"""Work plan: which extractors a batch runs on which tracks, given what the store holds."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from spdkit.common.progress import PATIENCE, progress_bar
from spdkit.common.text import metadata_json, storable
from spdkit.extraction.executors import run_on
from spdkit.extraction.track_results import ExtractorResult, Task, TrackResult, part_fingerprint
from spdkit.extractors.base import Extractor
from spdkit.store.feature_store import FeatureTable
from spdkit.tracks.addresses import allowing, is_url, shown
from spdkit.tracks.fingerprint import Look, Stamp, look_at
from spdkit.tracks.remote_audio import remote_session
from spdkit.tracks.track import Track

_LOOKING = 32  # servers' files that are looked at side by side
_LOOK_SECONDS = 300.0  # enough for the three MiB of each that are read at most, at 3 Mbit/s
_OF_TRACK = ("audio", "size", "modified", "content", "metadata")
Record = Mapping[Any, Any]


@dataclass(frozen=True)
class WorkPlan:
    """The work of a batch.

    Attributes
    ----------
    tasks : tuple of Task
        Tracks that are new, have changed or had failed, with the extractors to run.
    renewed : tuple of TrackResult
        Tracks with the same parts under another date, path or metadata: nothing to extract.
    unreachable : tuple of str
        Ids of tracks that the store has and whose file cannot be read now. The features of their
        sound stay; what reads their words or facts is among the tasks if those are others.
    missing : tuple of TrackResult
        Tracks that failed because of a local file that is not there, and is still not there:
        nothing to extract, and the failures that the store has.
    """

    tasks: tuple[Task, ...] = ()
    renewed: tuple[TrackResult, ...] = ()
    unreachable: tuple[str, ...] = ()
    missing: tuple[TrackResult, ...] = ()


def plan_work(
    tracks: Sequence[Track],
    extractors: Sequence[Extractor],
    table: FeatureTable | None,
    *,
    protocols: Collection[str] = (),
    elsewhere: bool = False,
    timeout: float | None = None,
    progress: bool = False,
) -> WorkPlan:
    """Compare tracks with what the store has of them.

    Whatever is wrong with the audio of a track is found out by the work on it, not here.

    Parameters
    ----------
    tracks : sequence of Track
    extractors : sequence of Extractor
    table : FeatureTable or None
        The store and the journal so far.
    protocols : collection of str
        Of URLs that may be opened besides `spdkit.tracks.addresses.PROTOCOLS`.
    elsewhere : bool
        Whether the work is done on machines that may have files which are missing here.
    timeout : float, optional
        Seconds that a server is given for each file; then it cannot be read now.
    progress : bool
        Show a bar when looking at files takes longer than two seconds.
    """
    names = tuple(extractor.name for extractor in extractors)
    if table is None:
        return WorkPlan(tuple(Task(track, names) for track in tracks))
    earlier = _Earlier(table.provenance["extractors"], extractors)
    records: Mapping[Hashable, Record] = table.obs[earlier.columns].to_dict("index")
    looks = _looks(
        [
            (track, record)
            for track in tracks
            if (record := records.get(track.track_id)) and earlier.needs_look(track, record)
        ],
        partial(_look_there, protocols=protocols, seconds=timeout or _LOOK_SECONDS),
        progress,
    )
    tasks, renewed, unreachable, missing = [], [], [], []
    for track in tracks:
        record = records.get(track.track_id)
        if record is None:
            tasks.append(Task(track, names))
            continue
        look, stored = looks.get(track.track_id, Look()), None
        if look.problem and earlier.has_sound(record):
            unreachable.append(track.track_id)
            # Path, stamp and features of the sound stay together; words and facts need no file.
            track = replace(track, audio=record["audio"])
            look = stored = _recorded(record)
        stale = earlier.stale(track, look, record, with_sound=stored is None)
        if not stale:
            if _differs(track, look, record):
                renewed.append(TrackResult(track, look.stamp, look.fingerprint, {}))
        elif not elsewhere and earlier.failed_so(stale, track, look, record):
            failures = {name: ExtractorResult("failed", look.problem) for name in stale}
            missing.append(TrackResult(track, look.stamp, "", failures))
        else:
            tasks.append(Task(track, stale, stored))
    return WorkPlan(tuple(tasks), tuple(renewed), tuple(unreachable), tuple(missing))


class _Earlier:
    """What the store says of its tracks, for the extractors of this batch."""

    def __init__(
        self, described: Mapping[str, Mapping[str, Any]], extractors: Sequence[Extractor]
    ) -> None:
        self._of_sound = [n for n, facts in described.items() if facts["modality"] == "audio"]
        self._known = [(e.name, e.modality) for e in extractors if e.name in described]
        self._new = [(e.name, e.modality) for e in extractors if e.name not in described]
        self._measuring = [name for name, modality in self._known if modality == "audio"]
        of_each = [f"{n}_{column}" for n, _ in self._known for column in ("error", "content")]
        statuses = {*self._of_sound, *(name for name, _ in self._known)}
        self.columns = [*_OF_TRACK, *(f"{name}_status" for name in sorted(statuses)), *of_each]

    def has_sound(self, record: Record) -> bool:
        """Whether there are features of the sound, by whichever extractor."""
        return any(record[f"{name}_status"] == "ok" for name in self._of_sound)

    def needs_look(self, track: Track, record: Record) -> bool:
        """Whether it matters what the audio is now; the work on a track looks at it anyway."""
        if track.audio is None:
            return False
        measures_all = bool(self._measuring) and all(
            _has_failed(record, name) for name in self._measuring
        )
        return not is_url(track.audio) or self.has_sound(record) or not measures_all

    def stale(
        self, track: Track, look: Look, record: Record, *, with_sound: bool
    ) -> tuple[str, ...]:
        """Names of extractors that are new, had failed, or have read another part."""
        stale = [
            (name, modality)
            for name, modality in self._known
            if _has_failed(record, name)
            or record[f"{name}_content"] != part_fingerprint(track, modality, look.fingerprint)
        ]
        return tuple(
            sorted(name for name, of in (*stale, *self._new) if with_sound or of != "audio")
        )

    def failed_so(self, stale: Sequence[str], track: Track, look: Look, record: Record) -> bool:
        """Whether all that is stale failed for what is wrong with a local file now."""
        return (
            bool(look.problem)
            and not is_url(track.audio or "")
            and all(
                name in self._measuring and record[f"{name}_error"] == storable(look.problem)
                for name in stale
            )
            and not _differs(track, look, record)
        )


def _looks(
    known: Sequence[tuple[Track, Record]],
    look_there: Callable[[tuple[Track, Record]], Look],
    progress: bool,
) -> dict[str, Look]:
    """Looks by ``track_id``; what lies on servers is waited for side by side."""
    looks = {}
    remote = []
    with progress_bar("checking", len(known), shown=progress, patience=PATIENCE) as advance:
        for track, record in known:
            if is_url(track.audio or ""):
                remote.append((track, record))
                continue
            looks[track.track_id] = look_at(track.audio, _recorded(record))
            advance(False)
        if not remote:
            return looks
        with ThreadPoolExecutor(_LOOKING) as executor:
            for (track, _), result in run_on(executor, look_there, remote, batch_size=1):
                if isinstance(result, Exception):  # which a look makes of nothing
                    raise result
                looks[track.track_id] = result
                advance(False)
    return looks


def _look_there(known: tuple[Track, Record], protocols: Collection[str], seconds: float) -> Look:
    track, record = known
    with allowing(protocols), remote_session(seconds):
        return look_at(track.audio, _recorded(record))


def _recorded(record: Record) -> Look:
    return Look(Stamp(int(record["size"]), str(record["modified"])), str(record["content"]))


def _has_failed(record: Record, name: str) -> bool:
    return record[f"{name}_status"] not in ("ok", "absent")


def _differs(track: Track, look: Look, record: Record) -> bool:
    return bool(
        look.stamp.size != record["size"]
        or look.stamp.modified != record["modified"]
        or shown(track.audio) != record["audio"]
        or metadata_json(track.metadata) != record["metadata"]
    )
