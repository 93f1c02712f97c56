"""Tracks: what there is to extract from, and where it lies.

Conventions
-----------
A track is named by its ``track_id``. A folder scan names each file by its path relative to the
root, in POSIX form; a table names them itself. Audio is a local path or any URL that fsspec
opens. This module knows files, not features.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, overload

from spdkit.errors import SpdkitError

if TYPE_CHECKING:
    import pandas as pd

_SNDFILE_SUFFIXES = (
    ".wav .wave .w64 .rf64 .flac .ogg .oga .opus .mp3 .mp2 .aiff .aif .aifc .au .caf"
)
_AV_SUFFIXES = ".m4a .m4b .mp4 .aac .wma .asf .ac3 .ape .mka .webm .wv .tta .amr"
AUDIO_SUFFIXES = frozenset(f"{_SNDFILE_SUFFIXES} {_AV_SUFFIXES}".split())
TABLE_SUFFIXES = frozenset({".csv", ".parquet", ".pq"})


class TrackError(SpdkitError):
    """A folder or table from which no list of tracks can be made."""


@dataclass(frozen=True)
class Track:
    """One song and where its parts are.

    Attributes
    ----------
    track_id : str
        Unique name within a batch and a store.
    audio : str or None
        Path or fsspec URL of the sound; None when there is none.
    lyrics : str or None
        The words themselves, lines separated by newlines; None when there are none.
    metadata : mapping of str to object
        Facts about the track (artist, followers, year …), empty when there are none.
    """

    track_id: str
    audio: str | None = None
    lyrics: str | None = None
    metadata: Mapping[str, object] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        if not isinstance(self.track_id, str) or not self.track_id:
            raise TrackError(f"track_id must be a non-empty string, got {self.track_id!r}")
        try:
            self.track_id.encode("utf-8")
        except UnicodeEncodeError:
            raise TrackError(f"track_id must be valid Unicode, got {self.track_id!r}") from None
        if "\0" in self.track_id:
            raise TrackError(f"track_id must not hold NUL, got {self.track_id!r}")


@dataclass(frozen=True)
class TrackSet(Sequence[Track]):
    """Tracks in order of their id, and what the search for them passed over.

    Attributes
    ----------
    tracks : tuple of Track
    remarks : tuple of str
        What was left out on purpose, such as files that are no audio.
    problems : tuple of str
        What could not be looked at, such as folders without permission.
    """

    tracks: tuple[Track, ...]
    remarks: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.tracks)

    def __iter__(self) -> Iterator[Track]:
        return iter(self.tracks)

    @overload
    def __getitem__(self, index: int) -> Track: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Track, ...]: ...
    def __getitem__(self, index: int | slice) -> Track | tuple[Track, ...]:
        return self.tracks[index]


def is_url(audio: str) -> bool:
    """Whether `audio` is a URL for fsspec rather than a local path."""
    return "://" in audio


def open_binary(audio: str) -> IO[bytes]:
    """Open a local path or fsspec URL for reading, seekable.

    Of a URL only what is read travels; see `spdkit.remote`.

    Raises
    ------
    OSError
        When there is no such file, or it cannot be read.
    ImportError
        When the URL's protocol needs a package that is not installed.
    """
    if not is_url(audio):
        return open(audio, "rb")  # noqa: PTH123 (the name may hold undecodable bytes)
    from spdkit.remote import open_url

    return open_url(audio)


def printable(name: str) -> str:
    r"""Return `name` as valid UTF-8 text: undecodable bytes of a file name become ``\xNN``."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def from_folder(root: str | os.PathLike[str]) -> TrackSet:
    """Find every audio file under a folder.

    Links to folders are followed, each real folder once. A folder, broken link or unreadable file
    whose name ends like audio is listed too: extraction records why it could not be read.

    Parameters
    ----------
    root : path
        The folder to search.

    Returns
    -------
    TrackSet
        Sorted by ``track_id``, the POSIX path relative to `root`.

    Raises
    ------
    TrackError
        When `root` is not a folder, or two names become one after decoding.
    """
    base = Path(root).expanduser()
    if not base.is_dir():
        raise TrackError(f"{base}: not a folder")
    found: list[Track] = []
    other: Counter[str] = Counter()
    problems: list[str] = []
    seen: set[tuple[int, int]] = set()

    def note(error: OSError) -> None:
        problems.append(f"{printable(str(error.filename))}: {error.strerror}")

    for folder, subfolders, files in os.walk(base, onerror=note, followlinks=True):
        subfolders.sort()
        status = os.stat(folder)  # noqa: PTH116
        if (status.st_dev, status.st_ino) in seen:
            subfolders.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        for name in [*files, *subfolders]:
            suffix = os.path.splitext(name)[1].lower()  # noqa: PTH122
            path = os.path.join(folder, name)  # noqa: PTH118
            if suffix in AUDIO_SUFFIXES:
                relative = Path(path).relative_to(base).as_posix()
                found.append(Track(printable(relative), audio=path))
            elif name in files:
                other[suffix or "no suffix"] += 1
    found.sort(key=lambda track: track.track_id)
    _refuse_duplicates([track.track_id for track in found], str(base))
    remarks = []
    if other:
        common = sorted(other.items(), key=lambda item: (-item[1], item[0]))[:5]
        kinds = ", ".join(f"{count} {suffix}" for suffix, count in common)
        remarks.append(f"passed over {sum(other.values())} files that are not audio ({kinds})")
    return TrackSet(tuple(found), tuple(remarks), tuple(problems))


def from_table(table: str | os.PathLike[str] | pd.DataFrame) -> TrackSet:
    """Read tracks from a table with the columns ``track_id`` and ``audio``.

    Parameters
    ----------
    table : path or DataFrame
        CSV (UTF-8, header row) or Parquet. ``lyrics`` is optional; every other column becomes
        metadata. Empty cells mean absent. Relative audio paths are taken from the table's own
        folder (from the working directory for a DataFrame).

    Returns
    -------
    TrackSet
        Sorted by ``track_id``.

    Raises
    ------
    TrackError
        When the file cannot be read, a column is missing, or a ``track_id`` is empty or repeated.
    """
    import pandas as pd

    if isinstance(table, pd.DataFrame):
        frame, where, folder = table, "the table", Path()
    else:
        path = Path(table).expanduser()
        frame, where, folder = _read_table(path), str(path), path.parent
    for column in ("track_id", "audio"):
        if column not in frame.columns:
            there = ", ".join(map(str, frame.columns))
            raise TrackError(f"{where}: no column {column!r}; the columns are {there}")
    empty = [str(row + 1) for row, value in enumerate(frame["track_id"]) if _missing(value)]
    if empty:
        raise TrackError(f"{where}: no track_id in row {', '.join(empty[:5])}")
    _refuse_duplicates([str(value) for value in frame["track_id"]], where)
    others = [c for c in frame.columns if c not in ("track_id", "audio", "lyrics")]
    tracks = []
    for row in frame.to_dict("records"):
        audio, lyrics = row["audio"], row.get("lyrics")
        metadata = {str(key): _plain(row[key]) for key in others if not _missing(row[key])}
        tracks.append(
            Track(
                track_id=str(row["track_id"]),
                audio=None if _missing(audio) else _locate(str(audio), folder),
                lyrics=None if _missing(lyrics) else str(lyrics),
                metadata=metadata,
            )
        )
    return TrackSet(tuple(sorted(tracks, key=lambda track: track.track_id)))


def from_path(source: str | os.PathLike[str]) -> TrackSet:
    """Tracks from a folder or from a table, whichever `source` is."""
    path = Path(source).expanduser()
    if path.is_dir():
        return from_folder(path)
    if path.suffix.lower() in TABLE_SUFFIXES:
        return from_table(path)
    kinds = ", ".join(sorted(TABLE_SUFFIXES))
    what = "no such file or folder" if not path.exists() else f"not a folder nor a table ({kinds})"
    raise TrackError(f"{path}: {what}")


def _read_table(path: Path) -> pd.DataFrame:
    import pandas as pd

    try:
        if path.suffix.lower() == ".csv":
            # Ids such as 007 must stay text.
            text = {"track_id": str, "audio": str, "lyrics": str}
            return pd.read_csv(path, dtype=text, keep_default_na=False, na_values=[""])
        return pd.read_parquet(path)
    except ImportError as error:
        raise TrackError(f"{path}: Parquet needs pyarrow: pip install 'spdkit[parquet]'") from error
    except (OSError, ValueError) as error:
        raise TrackError(f"{path}: cannot be read as a table: {error}") from error


def _refuse_duplicates(ids: Sequence[str], where: str) -> None:
    repeated = [name for name, count in Counter(ids).items() if count > 1]
    if repeated:
        shown = ", ".join(map(repr, repeated[:5]))
        raise TrackError(f"{where}: {len(repeated)} track_id occur more than once: {shown}")


def _locate(audio: str, folder: Path) -> str:
    return audio if is_url(audio) else str(folder / Path(audio).expanduser())


def _missing(value: object) -> bool:
    # Blank text, None, NaN and pandas' NA and NaT; the last two are equal to nothing.
    if value is None or (isinstance(value, str) and not value.strip()):
        return True
    import pandas as pd

    return bool(pd.api.types.is_scalar(value) and pd.isna(value))  # type: ignore[call-overload]


def _plain(value: object) -> object:
    # numpy scalars and Parquet's lists to Python's own, so that metadata can be written as JSON.
    return value.tolist() if hasattr(value, "tolist") else value
