"""What a batch has to do: which extractors on which tracks, given what the store knows."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from spdkit.common.progress import progress_bar
from spdkit.common.text import metadata_json, printable
from spdkit.extraction.track_results import Row, Task, part_digest
from spdkit.extractors.base import Extractor
from spdkit.store.feature_store import FeatureTable
from spdkit.tracks.fingerprint import Stamp, digest_file, stamp
from spdkit.tracks.remote_audio import one_visit
from spdkit.tracks.track import Track


@dataclass(frozen=True)
class Plan:
    """The work of a batch.

    Attributes
    ----------
    todo : tuple of Task
        Tracks that are new, have changed or had failed, with the extractors to run.
    touched : tuple of Row
        Tracks with the same content under another date, path or metadata: nothing to extract.
    unreachable : tuple of str
        Ids of tracks that the store has and whose file cannot be read now. Their features stay.
    """

    todo: tuple[Task, ...]
    touched: tuple[Row, ...]
    unreachable: tuple[str, ...]


def make_plan(
    tracks: Sequence[Track],
    extractors: Sequence[Extractor],
    known: FeatureTable | None,
    *,
    progress: bool = False,
) -> Plan:
    """Compare tracks with what is known of them.

    Parameters
    ----------
    tracks : sequence of Track
    extractors : sequence of Extractor
    known : FeatureTable or None
        The store and the journal so far.
    progress : bool
        Show a bar while files are looked at.
    """
    names = tuple(extractor.name for extractor in extractors)
    if known is None:
        return Plan(tuple(Task(track, names) for track in tracks), (), ())
    records: dict[Hashable, Mapping[Any, Any]] = {**known.obs.to_dict("index")}
    ran = set(known.provenance["extractors"])
    todo, touched, unreachable = [], [], []
    with progress_bar("checking", len(tracks), shown=progress) as tick:
        for track in tracks:
            tick(False)
            seen = records.get(track.track_id)
            if seen is None:
                todo.append(Task(track, names))
                continue
            now, content = _look(track, seen)
            if track.audio is not None and not content and _has_audio_rows(seen, ran, known):
                unreachable.append(track.track_id)
                continue
            stale = tuple(
                extractor.name
                for extractor in extractors
                if extractor.name not in ran or _is_stale(extractor, track, content, seen)
            )
            if stale:
                todo.append(Task(track, stale))
            elif _is_touched(track, now, seen):
                touched.append(Row(track, now, content, {}))
    return Plan(tuple(todo), tuple(touched), tuple(unreachable))


def _look(track: Track, seen: Mapping[Any, Any]) -> tuple[Stamp, str]:
    """Stamp and digest of the audio now; the file is only read when its stamp has changed."""
    if track.audio is None:
        return Stamp(), ""
    try:
        with one_visit():
            now = stamp(track.audio)
            if now.same_as(Stamp(int(seen["size"]), str(seen["modified"]))):
                return now, str(seen["content"])
            return now, digest_file(track.audio)
    except (OSError, ImportError):
        return Stamp(), ""


def _has_audio_rows(seen: Mapping[Any, Any], ran: set[str], known: FeatureTable) -> bool:
    described = known.provenance["extractors"]
    return any(
        described[name]["modality"] == "audio" and seen[f"{name}_status"] == "ok" for name in ran
    )


def _is_stale(extractor: Extractor, track: Track, content: str, seen: Mapping[Any, Any]) -> bool:
    if seen[f"{extractor.name}_status"] not in ("ok", "absent"):
        return True
    digest = part_digest(track, extractor.modality, content)
    return bool(seen[f"{extractor.name}_content"] != digest)


def _is_touched(track: Track, now: Stamp, seen: Mapping[Any, Any]) -> bool:
    metadata = metadata_json(track.metadata)
    return (
        now != Stamp(int(seen["size"]), str(seen["modified"]))
        or printable(track.audio or "") != seen["audio"]
        or metadata != seen["metadata"]
    )
