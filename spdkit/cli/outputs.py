"""Outputs: files that a command will write, which must be none that it reads."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from spdkit.common.errors import SpdkitError
from spdkit.common.files import require_replaceable, user_path
from spdkit.common.sealed_folder import json_of
from spdkit.tracks.addresses import is_url, local_path
from spdkit.tracks.sidecars import SUFFIXES

if TYPE_CHECKING:
    from spdkit.tracks.track import TrackSet


def require_apart(outputs: Iterable[Path | None], inputs: Iterable[Path | None]) -> None:
    """Check before any work that no output would take the place of what is needed.

    Parameters
    ----------
    outputs, inputs : iterable of Path or None
        What is written and what is read; None where an option is not given. A pipe or a device is
        written to, and takes no place.

    Raises
    ------
    SpdkitError
        When an output is an input or another output, by whatever name, or a file of a saved model;
        or it cannot be replaced.
    """
    others = [(path, "is read by this command") for path in inputs if path is not None]
    for output in outputs:
        if output is None or (user_path(output).exists() and not user_path(output).is_file()):
            continue
        for other, use in others:
            if _same(user_path(output), user_path(other)):
                raise _lost(output, use)
        try:
            require_replaceable(user_path(output))
        except OSError as error:
            reason = error.strerror or error
            raise SpdkitError(f"{output}: cannot be written: {reason}") from error
        if (json := json_of(user_path(output))) is not None:
            raise _lost(output, f"belongs to what {json.name} describes")
        others.append((output, "is written by this command already"))


def require_outside(folder: Path, inputs: Iterable[Path | None]) -> None:
    """Check that nothing that is read is a file of the model that a new one is to replace.

    Raises
    ------
    SpdkitError
    """
    for path in inputs:
        json = None if path is None else json_of(user_path(path))
        if path is not None and json is not None and _same(json.parent, user_path(folder)):
            raise SpdkitError(
                f"{path}: is read by this command, and would go with the {json.stem} in {folder}: "
                "move it, or give another folder"
            )


def require_no_music(output: Path, corpus: TrackSet) -> None:
    """Check that an output is neither the sound nor the words of a track.

    Raises
    ------
    SpdkitError
    """
    file = Path(os.path.realpath(user_path(output)))
    if not file.is_file():
        return
    status, words = file.stat(), file.suffix.lower() in SUFFIXES
    for track in corpus:
        if track.audio is None or is_url(track.audio):
            continue
        try:
            audio = local_path(track.audio)
        except OSError:  # no file can have that name
            continue
        if _is_file(audio, status) or (words and _are_words_of(file, Path(audio))):
            raise _lost(output, f"is of the track {track.track_id}")


def _is_file(path: str, status: os.stat_result) -> bool:
    try:
        return os.path.samestat(os.stat(path), status)  # noqa: PTH116 (many files)
    except OSError:
        return False


def _are_words_of(file: Path, audio: Path) -> bool:
    return file.name.startswith(f"{audio.stem}.") and _same(file.parent, audio.parent)


def _lost(output: Path, use: str) -> SpdkitError:
    return SpdkitError(f"{output}: {use}, and would be overwritten: give another file")


def _same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except (OSError, ValueError):  # one of them is not there yet, or never can be
        return os.path.realpath(one) == os.path.realpath(other)
