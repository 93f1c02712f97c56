"""Track results: one track through its extractors, in whatever process that happens.

A task never raises: what goes wrong with a track is written into its result, with the reason, and
the batch goes on. Only a process that dies takes its result along, and an extractor that has no
place to write to (`JournalError`) ends the batch.
"""

from __future__ import annotations

import contextlib
import time
import traceback
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from spdkit.common.text import metadata_json, storable
from spdkit.extraction.journal import JournalError
from spdkit.extractors.base import ExtractionError, Extractor
from spdkit.tracks.addresses import allowing, masked_in
from spdkit.tracks.fingerprint import Look, Stamp, digest_text, look_at
from spdkit.tracks.remote_audio import RemoteError, remote_session
from spdkit.tracks.track import Track, forbidden

Status = Literal["ok", "absent", "failed", "pending"]


@dataclass(frozen=True)
class ExtractorResult:
    """What one extractor made of one track.

    `fingerprint` is of the part that was read, empty when there is none or it is unreadable.
    """

    status: Status
    error: str = ""
    fingerprint: str = ""
    values: NDArray[np.float32] | None = None
    obs: dict[str, float | str] = field(default_factory=dict)


@dataclass(frozen=True)
class TrackResult:
    """What the extractors of a task made of its track; `fingerprint` is of the audio file."""

    track: Track
    stamp: Stamp
    fingerprint: str
    results: dict[str, ExtractorResult]
    seconds: float = 0.0


@dataclass(frozen=True)
class Task:
    """One track and the names of the extractors to run on it.

    `look` is what the store keeps of audio that cannot be read now, and is not looked at again.
    """

    track: Track
    extractors: tuple[str, ...]
    look: Look | None = None


def run_task(
    task: Task, extractors: Mapping[str, Extractor], protocols: Collection[str] = ()
) -> TrackResult:
    """Run the extractors of a task; failures become results.

    Parameters
    ----------
    task : Task
    extractors : mapping of str to Extractor
        By name, those of the task among them.
    protocols : collection of str
        Of URLs that may be opened besides `spdkit.tracks.addresses.PROTOCOLS`.
    """
    track = task.track
    start = time.perf_counter()
    with allowing(protocols), remote_session():
        # Of what cannot be looked at the extractor gives the reason.
        look = look_at(track.audio) if task.look is None else task.look
        barrier = forbidden(track.audio)
        results = {}
        for name in task.extractors:
            if barrier and extractors[name].modality == "audio":
                results[name] = ExtractorResult("failed", masked_in(barrier, track.audio or ""))
                continue
            part = part_fingerprint(track, extractors[name].modality, look.fingerprint)
            results[name] = _run(extractors[name], track, part)
    return TrackResult(track, look.stamp, look.fingerprint, results, time.perf_counter() - start)


def warm_up(extractors: Sequence[Extractor]) -> None:
    """Let every extractor load and compile what it needs, once a process."""
    for extractor in extractors:
        # What fails here fails again with each track, and is recorded there.
        with contextlib.suppress(Exception):
            extractor.warm_up()


def failed_result(task: Task, reason: str) -> TrackResult:
    """Result of a task whose process died or hung."""
    reason = masked_in(reason, task.track.audio or "")
    results = {name: ExtractorResult("failed", reason) for name in task.extractors}
    look = task.look or Look()
    return TrackResult(task.track, look.stamp, look.fingerprint, results)


def part_fingerprint(track: Track, modality: str, audio_fingerprint: str) -> str:
    """Fingerprint of the part of a track that an extractor of `modality` reads."""
    if modality == "audio":
        return audio_fingerprint
    text = track.lyrics if modality == "lyrics" else metadata_json(track.metadata)
    return digest_text(text) if text else ""


def _run(extractor: Extractor, track: Track, fingerprint: str) -> ExtractorResult:
    try:
        if extractor.is_absent(track):
            obs = _declared(extractor, extractor.absent_obs(track))
            return ExtractorResult("absent", "", fingerprint, obs=obs)
        values, reported = extractor.extract_with_obs(track)
        problem = _problem(extractor, values)
        obs = {} if problem else _declared(extractor, reported)
    except ExtractionError as error:
        problem = str(error.reason) or "failed without a reason"
    except RemoteError as error:  # raised as the file was closed
        problem = str(error)
    except (KeyboardInterrupt, JournalError):
        raise
    except BaseException as error:  # noqa: BLE001 (a plugin may raise anything; it is recorded)
        problem = _unexpected(error)
    if problem:
        return ExtractorResult("failed", masked_in(problem, track.audio or ""), fingerprint)
    return ExtractorResult("ok", "", fingerprint, values, obs)


def _declared(extractor: Extractor, obs: object) -> dict[str, float | str]:
    """What an extractor reports in its fields, of the kinds that it declares."""
    if not isinstance(obs, Mapping):
        raise TypeError(f"extractor {extractor.name!r} reported {type(obs).__name__}, no mapping")
    cells: dict[str, float | str] = {}
    for field_, kind in extractor.obs_fields.items():
        value = obs.get(field_)
        if value is not None:
            try:
                cells[field_] = float(value) if kind is float else storable(value)
            except Exception as error:
                what = "a number" if kind is float else "text"
                raise TypeError(
                    f"extractor {extractor.name!r} reported {type(value).__name__} as {field_!r}, "
                    f"expected {what}: {error}"
                ) from error
    return cells


def _problem(extractor: Extractor, values: object) -> str:
    specs = extractor.feature_specs
    shape, dtype = getattr(values, "shape", None), getattr(values, "dtype", None)
    if not isinstance(values, np.ndarray) or shape != (len(specs),) or dtype != np.float32:
        got = f"{dtype} of shape {shape}" if dtype is not None else type(values).__name__
        return (
            f"extractor {extractor.name!r} returned {got}, expected float32 of shape "
            f"({len(specs)},)"
        )
    bad = np.isinf(values) if extractor.allow_nan else ~np.isfinite(values)
    if bad.any():
        first = specs[int(np.argmax(bad))].name
        return (
            f"extractor {extractor.name!r} returned NaN or infinity in {int(bad.sum())} of "
            f"{len(specs)} features, first {first!r}"
        )
    return ""


def _unexpected(error: BaseException) -> str:
    where = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {error} (in {Path(where.filename).name}, line {where.lineno})"
