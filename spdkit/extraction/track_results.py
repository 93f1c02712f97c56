"""One track through its extractors, in whatever process that happens.

A row never raises: what goes wrong with a track is written into the row, with its reason, and the
batch goes on. Only a process that dies takes its row along.
"""

from __future__ import annotations

import contextlib
import time
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from spdkit.common.text import metadata_json
from spdkit.extractors.base import ExtractionError, Extractor
from spdkit.tracks.fingerprint import Stamp, digest_file, digest_text, stamp
from spdkit.tracks.remote_audio import RemoteError, one_visit
from spdkit.tracks.track import Track

Status = Literal["ok", "absent", "failed", "pending"]


@dataclass(frozen=True)
class Result:
    """What one extractor made of one track.

    `content` is the digest of the part that was read, empty when absent or unreadable.
    """

    status: Status
    error: str = ""
    content: str = ""
    values: NDArray[np.float32] | None = None
    obs: dict[str, float | str] = field(default_factory=dict)


@dataclass(frozen=True)
class Row:
    """What a batch learned about one track."""

    track: Track
    stamp: Stamp
    content: str
    results: dict[str, Result]
    seconds: float = 0.0


@dataclass(frozen=True)
class Task:
    """One track and the names of the extractors to run on it."""

    track: Track
    extractors: tuple[str, ...]


def run_task(task: Task, extractors: Mapping[str, Extractor]) -> Row:
    """Run the extractors of a task; failures become results."""
    with one_visit():
        return _run_task(task, extractors)


def _run_task(task: Task, extractors: Mapping[str, Extractor]) -> Row:
    track = task.track
    start = time.perf_counter()
    file_stamp, file_digest = Stamp(), ""
    if track.audio is not None:
        # The extractor meets the same error and gives the reason.
        with contextlib.suppress(OSError, ImportError):
            file_stamp, file_digest = stamp(track.audio), digest_file(track.audio)
    results = {}
    for name in task.extractors:
        extractor = extractors[name]
        digest = part_digest(track, extractor.modality, file_digest)
        results[name] = _run(extractor, track, digest)
    return Row(track, file_stamp, file_digest, results, time.perf_counter() - start)


def warm_up(extractors: Sequence[Extractor]) -> None:
    """Let every extractor load and compile what it needs, once a process."""
    for extractor in extractors:
        # What fails here fails again with each track, and is recorded there.
        with contextlib.suppress(Exception):
            extractor.warm_up()


def failed_row(task: Task, reason: str) -> Row:
    """Return the row of a task whose process died or hung."""
    return Row(
        task.track, Stamp(), "", {name: Result("failed", reason) for name in task.extractors}
    )


def part_digest(track: Track, modality: str, file_digest: str) -> str:
    """Digest of the part of a track that an extractor of `modality` reads."""
    if modality == "audio":
        return file_digest
    if modality == "lyrics":
        return digest_text(track.lyrics) if track.lyrics else ""
    return digest_text(metadata_json(track.metadata)) if track.metadata else ""


def _run(extractor: Extractor, track: Track, content: str) -> Result:
    if extractor.is_absent(track):
        return Result("absent")
    try:
        values, obs = extractor.extract_with_obs(track)
        problem = _problem(extractor, values)
    except ExtractionError as error:
        return Result("failed", error.reason, content)
    except RemoteError as error:  # told as the file was closed
        return Result("failed", str(error), content)
    except Exception as error:  # noqa: BLE001 (a plugin may raise anything; it is recorded)
        return Result("failed", _unexpected(error), content)
    if problem:
        return Result("failed", problem, content)
    return Result("ok", "", content, values, obs)


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


def _unexpected(error: Exception) -> str:
    where = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {error} (in {Path(where.filename).name}, line {where.lineno})"
