"""Work plan: which extractors a batch runs on which tracks, given what the store holds."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from spdkit.common.progress import progress_bar
from spdkit.common.text import metadata_json, printable
from spdkit.extraction.track_results import Task, TrackResult, part_fingerprint
from spdkit.extractors.base import Extractor
from spdkit.store.feature_store import FeatureTable
from spdkit.tracks.fingerprint import Stamp, digest_file, stamp
from spdkit.tracks.remote_audio import remote_session
from spdkit.tracks.track import Track

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
        Ids of tracks that the store has and whose file cannot be read now. Their features stay.
    """

    tasks: tuple[Task, ...]
    renewed: tuple[TrackResult, ...]
    unreachable: tuple[str, ...]


def plan_work(
    tracks: Sequence[Track],
    extractors: Sequence[Extractor],
    table: FeatureTable | None,
    *,
    progress: bool = False,
) -> WorkPlan:
    """Compare tracks with what the store has of them.

    Parameters
    ----------
    tracks : sequence of Track
    extractors : sequence of Extractor
    table : FeatureTable or None
        The store and the journal so far.
    progress : bool
        Show a bar while files are looked at.
    """
    names = tuple(extractor.name for extractor in extractors)
    if table is None:
        return WorkPlan(tuple(Task(track, names) for track in tracks), (), ())
    records: dict[Hashable, Record] = {**table.obs.to_dict("index")}
    described = table.provenance["extractors"]
    of_audio = [name for name, facts in described.items() if facts["modality"] == "audio"]
    tasks, renewed, unreachable = [], [], []
    with progress_bar("checking", len(tracks), shown=progress) as advance:
        for track in tracks:
            advance(False)
            record = records.get(track.track_id)
            if record is None:
                tasks.append(Task(track, names))
                continue
            state, fingerprint = _audio_now(track, record)
            if (
                track.audio is not None
                and not fingerprint
                and any(record[f"{name}_status"] == "ok" for name in of_audio)
            ):
                unreachable.append(track.track_id)
                continue
            stale = tuple(
                extractor.name
                for extractor in extractors
                if extractor.name not in described
                or _is_stale(extractor, track, fingerprint, record)
            )
            if stale:
                tasks.append(Task(track, stale))
            elif _differs(track, state, record):
                renewed.append(TrackResult(track, state, fingerprint, {}))
    return WorkPlan(tuple(tasks), tuple(renewed), tuple(unreachable))


def _recorded_state(record: Record) -> Stamp:
    return Stamp(int(record["size"]), str(record["modified"]))


def _audio_now(track: Track, record: Record) -> tuple[Stamp, str]:
    """State and fingerprint of the audio; the file is only read when its state has changed."""
    if track.audio is None:
        return Stamp(), ""
    try:
        with remote_session():
            state = stamp(track.audio)
            if state.same_as(_recorded_state(record)):
                return state, str(record["content"])
            return state, digest_file(track.audio)
    except (OSError, ImportError):
        return Stamp(), ""


def _is_stale(extractor: Extractor, track: Track, fingerprint: str, record: Record) -> bool:
    if record[f"{extractor.name}_status"] not in ("ok", "absent"):
        return True
    part = part_fingerprint(track, extractor.modality, fingerprint)
    return bool(record[f"{extractor.name}_content"] != part)


def _differs(track: Track, state: Stamp, record: Record) -> bool:
    return (
        state != _recorded_state(record)
        or printable(track.audio or "") != record["audio"]
        or metadata_json(track.metadata) != record["metadata"]
    )
