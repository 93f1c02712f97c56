"""Scan: tracks of a folder or a table, what there is to extract from and where it lies.

Conventions
-----------
A track is named by its ``track_id``. A folder scan names each file by its path relative to the
root, in POSIX form; a table names them itself. Audio is a local path or any URL that fsspec
opens.
"""

from __future__ import annotations

import os
import unicodedata
from collections import Counter
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from spdkit.common.escapes import escaped
from spdkit.common.files import user_path
from spdkit.common.messages import listing
from spdkit.common.release_dates import unreadable_dates
from spdkit.common.table_io import ENDINGS, read_table, require_columns, require_ids
from spdkit.common.text import composed, printable
from spdkit.tracks.local_metadata import Runner, read_local_metadata
from spdkit.tracks.placeholders import missing
from spdkit.tracks.sidecars import beside
from spdkit.tracks.track import Track, TrackError, TrackSet, special_file

_SNDFILE_SUFFIXES = (
    ".wav .wave .w64 .rf64 .flac .ogg .oga .opus .mp3 .mp2 .aiff .aif .aifc .au .caf"
)
_AV_SUFFIXES = ".m4a .m4b .mp4 .aac .wma .asf .ac3 .ape .mka .webm .wv .tta .amr"
AUDIO_SUFFIXES = frozenset(f"{_SNDFILE_SUFFIXES} {_AV_SUFFIXES}".split())
# What systems leave among files: macOS, Windows, Synology; in lower case.
_LEFTOVERS = frozenset(
    [
        ".ds_store",
        ".appledouble",
        ".spotlight-v100",
        ".trashes",
        ".fseventsd",
        ".temporaryitems",
        "__macosx",
        "thumbs.db",
        "ehthumbs.db",
        "desktop.ini",
        "$recycle.bin",
        "@eadir",
        "@tmp",
        "#recycle",
    ]
) | {"icon\r", "system volume information"}
_TEXT = ("track_id", "audio", "lyrics", "lyrics_file")


def from_folder(
    root: str | os.PathLike[str],
    *,
    tags: bool = True,
    lyrics: bool = True,
    run: Runner | None = None,
    progress: bool = False,
) -> TrackSet:
    """Find every audio file under a folder, with its tags and lyrics.

    Links to folders are followed, each real folder once. A folder, broken link or unreadable file
    whose name ends like audio is listed too: extraction records why it could not be read. Named
    pipes, sockets and devices are none, and what macOS, Windows and Synology leave in folders
    (``._*``, ``__MACOSX``, ``Thumbs.db``, ``@eaDir`` …) is passed over; both are remarks.

    Parameters
    ----------
    root : path
        The folder to search.
    tags : bool
        Read tags into ``metadata``, under the names of `spdkit.tracks.tags`.
    lyrics : bool
        Take lyrics from ``song.txt``, ``song.lrc`` or the like beside ``song.flac`` (see
        `spdkit.tracks.sidecars`); failing that from its tags, if those are read.
    run : callable, optional
        How to read the tags of many files in other processes, such as
        `spdkit.extraction.executors.run_local`; by default they are read here. The tracks are the
        same.
    progress : bool
        Show on stderr how far it is.

    Returns
    -------
    TrackSet
        Sorted by ``track_id``, the POSIX path relative to `root`. Tags and lyrics that cannot be
        read are among its problems, and the track goes without.

    Raises
    ------
    TrackError
        When `root` is not a folder, or two names become one after decoding.
    """
    base = user_path(root, TrackError)
    if not base.is_dir():
        raise TrackError(f"{base}: not a folder")
    with _searching(base, shown=progress):
        scan = _scan(base, lyrics=lyrics)
    tracks = sorted(scan.tracks, key=lambda track: track.track_id)
    require_ids([track.track_id for track in tracks], base, TrackError)
    remarks, problems = [], scan.problems
    if scan.other:
        common = sorted(scan.other.items(), key=lambda item: (-item[1], item[0]))[:5]
        kinds = ", ".join(f"{count} {suffix}" for suffix, count in common)
        total = scan.other.total()
        remarks.append(f"passed over {total} files that are not audio ({kinds})")
    if scan.leftovers:
        remarks.append(f"passed over {scan.leftovers} files that macOS or Windows left (._*, …)")
    if scan.special:
        remarks.append(
            f"passed over {len(scan.special)} that are no files: {listing(scan.special)}"
        )
    if tags or scan.sidecars:
        local = read_local_metadata(
            tracks, scan.sidecars, tags=tags, lyrics=lyrics, run=run, progress=progress
        )
        tracks = local.tracks
        remarks += local.remarks
        problems += local.problems
    return TrackSet(tuple(tracks), tuple(remarks), tuple(problems))


@dataclass
class _Scan:
    """Audio files, files of lyrics by track, and what else there was: others by suffix."""

    tracks: list[Track] = field(default_factory=list)
    sidecars: dict[str, list[str]] = field(default_factory=dict)
    other: Counter[str] = field(default_factory=Counter)
    leftovers: int = 0
    special: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def _scan(base: Path, *, lyrics: bool) -> _Scan:
    scan = _Scan()
    seen: set[tuple[int, int]] = set()

    def note(error: OSError) -> None:
        scan.problems.append(f"{printable(str(error.filename))}: {error.strerror}")

    for folder, subfolders, files in os.walk(base, onerror=note, followlinks=True):
        try:
            status = os.stat(folder)  # noqa: PTH116
        except OSError as error:  # it went away since it was listed
            note(error)
            subfolders.clear()
            continue
        if (status.st_dev, status.st_ino) in seen:
            subfolders.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        for name in filter(_is_leftover, subfolders):
            inside = os.walk(os.path.join(folder, name))  # noqa: PTH118
            scan.leftovers += sum(len(names) for _, _, names in inside)
        subfolders[:] = sorted(name for name in subfolders if not _is_leftover(name))
        own = [name for name in files if not _is_leftover(name)]
        scan.leftovers += len(files) - len(own)
        _scan_folder(scan, base, folder, subfolders, own, lyrics=lyrics)
    return scan


def _scan_folder(
    scan: _Scan, base: Path, folder: str, subfolders: list[str], files: list[str], *, lyrics: bool
) -> None:
    words = beside(files) if lyrics else {}
    others: dict[str, str] = {}
    used: set[str] = set()
    for name in [*files, *subfolders]:
        stem, suffix = os.path.splitext(name)  # noqa: PTH122
        if suffix.lower() not in AUDIO_SUFFIXES:
            others[name] = suffix.lower() or "no suffix"
            continue
        path = os.path.join(folder, name)  # noqa: PTH118
        track_id = printable(Path(path).relative_to(base).as_posix())
        if kind := special_file(path):
            scan.special.append(f"{track_id} ({kind})")
            continue
        scan.tracks.append(Track(track_id, audio=path))
        own = [*words.get(composed(stem), ()), *words.get(composed(name), ())]
        if own:
            scan.sidecars[track_id] = [os.path.join(folder, each) for each in own]  # noqa: PTH118
            used.update(own)
    passed = others.keys() & set(files) - used
    scan.other.update(others[name] for name in passed)


def _is_leftover(name: str) -> bool:
    return name.startswith("._") or name.lower() in _LEFTOVERS


def _searching(base: Path, *, shown: bool) -> AbstractContextManager[object]:
    if not shown:
        return nullcontext()
    from rich.console import Console
    from rich.markup import escape

    return Console(stderr=True).status(f"looking through {escape(escaped(base))}")


def from_table(table: str | os.PathLike[str] | pd.DataFrame) -> TrackSet:
    """Read tracks from a table with the columns ``track_id`` and ``audio``.

    Parameters
    ----------
    table : path or DataFrame
        As `spdkit.read_table` reads it. ``lyrics`` (words) or ``lyrics_file`` (local text or LRC
        files) are optional; every other column becomes metadata. Empty cells mean absent.
        Relative paths are taken from the table's own folder (from the working directory for a
        DataFrame). Tags are not read: a table says all itself.

    Returns
    -------
    TrackSet
        Sorted by ``track_id``. A ``lyrics_file`` that cannot be read is among its problems.

    Raises
    ------
    TrackError
        When the file cannot be read, a column is missing, or a ``track_id`` is empty or repeated.
    """
    folder = Path() if isinstance(table, pd.DataFrame) else user_path(table, TrackError).parent
    tracks, files = [], {}
    for track_id, cells in read_rows(table, required=("track_id", "audio")).items():
        audio, lyrics, path = (cells.pop(key, None) for key in ("audio", "lyrics", "lyrics_file"))
        words = None if lyrics is None else str(lyrics)
        if path is not None and (words is None or missing(words)):
            files[track_id] = [_locate(str(path), folder)]
        where = None if audio is None else _locate(str(audio), folder)
        tracks.append(Track(track_id, where, words, cells))
    tracks.sort(key=lambda track: track.track_id)
    undated = unreadable_dates((track.track_id, track.metadata) for track in tracks)
    if not files:
        return TrackSet(tuple(tracks), tuple(undated))
    local = read_local_metadata(tracks, files, tags=False, lyrics=True)
    return TrackSet(tuple(local.tracks), (*local.remarks, *undated), tuple(local.problems))


def from_path(
    source: str | os.PathLike[str], *, run: Runner | None = None, progress: bool = False
) -> TrackSet:
    """Tracks from a folder or from a table, whichever `source` is."""
    path = user_path(source, TrackError)
    if path.is_dir():
        return from_folder(path, run=run, progress=progress)
    if path.name.lower().endswith(ENDINGS):
        return from_table(path)
    what = "not a folder nor a table (.csv, .tsv, .parquet …)"
    raise TrackError(f"{path}: {what if path.exists() else 'no such file or folder'}")


def read_rows(
    table: str | os.PathLike[str] | pd.DataFrame, *, required: Sequence[str] = ("track_id",)
) -> dict[str, dict[str, object]]:
    """Read a table by ``track_id``: what its cells say, in Python's own types.

    Parameters
    ----------
    table : path or DataFrame
        As for `from_table`.
    required : sequence of str
        Columns that must be there, ``track_id`` among them.

    Returns
    -------
    dict of str to dict of str to object
        In the table's order; empty cells are left out.

    Raises
    ------
    TrackError
        When the file cannot be read, a column is missing, or a ``track_id`` is empty or repeated.
    """
    if isinstance(table, pd.DataFrame):
        frame, where = table, "the table"
        require_columns(frame.columns, required, where, TrackError)
    else:
        where = str(user_path(table, TrackError))
        frame = read_table(table, required=required, text=_TEXT, error=TrackError)
    ids = ["" if _missing(value) else str(value) for value in frame["track_id"]]
    require_ids(ids, where, TrackError)
    return {
        str(row["track_id"]): {
            str(key): _plain(value)
            for key, value in row.items()
            if key != "track_id" and not _missing(value)
        }
        for row in frame.to_dict("records")
    }


def _locate(audio: str, folder: Path) -> str:
    if "://" in audio:  # file:// too: a path that is no relative one
        return audio
    path = str(folder / audio)
    if audio.startswith("~"):
        # The home of a user who is not there is a folder that is called so.
        with suppress(RuntimeError):
            path = str(folder / Path(audio).expanduser())
    if path.isascii():
        return path
    # A table may spell a name composed, and macOS has written the file's decomposed.
    forms = (path, *(unicodedata.normalize(form, path) for form in ("NFC", "NFD")))
    return next((form for form in forms if os.path.lexists(form)), path)


def _missing(value: object) -> bool:
    # Blank text, None, NaN and pandas' NA and NaT; the last two are equal to nothing.
    if value is None or (isinstance(value, str) and not value.strip()):
        return True

    return bool(pd.api.types.is_scalar(value) and pd.isna(value))  # type: ignore[call-overload]


def _plain(value: object) -> object:
    # numpy scalars and Parquet's lists to Python's own, so that metadata can be written as JSON.
    if isinstance(value, np.datetime64):  # whose number would be of nanoseconds
        return str(value)
    return value.tolist() if hasattr(value, "tolist") else value
