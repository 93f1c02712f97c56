"""Foreign ids: which songs of the Million Song Dataset other services have, and as what.

The mapping archive is what The Echo Nest answered about each song before it closed, a tree of JSON
files ``XX/SOXX….json`` (as a folder, .zip, or .tar, also .gz, .bz2, .xz). A file is named by the
song that was asked for; the id in the answer may be another. It holds no track of the Million Song
Dataset. Ids of its tracks (``spotify:track:…``) and of the song itself (``musixmatch-WW:song:…``)
are read, those of the artist are not.

References
----------
https://labs.acousticbrainz.org/million-song-dataset-echonest-archive
"""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import os
import tarfile
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from spdkit.catalogs.errors import SHOWN_ROWS, CatalogError, read_to_its_end
from spdkit.common.files import user_path
from spdkit.common.messages import listing

if TYPE_CHECKING:
    import pandas as pd

SOURCE = "https://labs.acousticbrainz.org/million-song-dataset-echonest-archive"
_UNPACKED: dict[str, Callable[..., Any]] = {
    **dict.fromkeys((".gz", ".tgz"), gzip.open),
    **dict.fromkeys((".bz2", ".tbz2", ".tbz"), bz2.open),
    **dict.fromkeys((".xz", ".txz"), lzma.open),
}
MAX_BYTES = 1 << 24  # of one answer
_ROWS = 200_000  # that are held as Python's texts


@dataclass(frozen=True, eq=False)
class ForeignIds:
    """What a mapping archive says.

    Attributes
    ----------
    frame : DataFrame
        ``song_id, source, foreign_id``, one row an id, in the order of the archive; ``source`` is
        the service (``spotify``, ``7digital-US``).
    n_files : int
        JSON files, one a song.
    n_mapped : int
        Songs with any id in `frame`.
    empty, broken : tuple of str
        Names of files with nothing in them, and of those that are no answer.
    """

    frame: pd.DataFrame
    n_files: int
    n_mapped: int
    empty: tuple[str, ...]
    broken: tuple[str, ...]

    @property
    def share(self) -> float:
        """Of all songs, those with any id in `frame`; NaN where there are no songs."""
        return self.n_mapped / self.n_files if self.n_files else float("nan")

    @property
    def remarks(self) -> tuple[str, ...]:
        """How many songs have ids, and which files have nothing to read."""
        names = {"empty files": self.empty, "files that are no answer": self.broken}
        return (
            f"songs with an id: {self.n_mapped:,} of {self.n_files:,} ({self.share:.1%})",
            *(
                f"{what}: {len(files):,} ({listing(files, SHOWN_ROWS)})"
                for what, files in names.items()
                if files
            ),
        )


def read_mapping(
    archive: str | os.PathLike[str],
    *,
    sources: Iterable[str] | None = None,
    progress: Callable[[str], None] = lambda name: None,
) -> ForeignIds:
    """Read the mapping archive in one pass.

    Parameters
    ----------
    archive : path
        The folder, or the .zip or .tar file (.tar.gz, .tar.bz2, .tar.xz) of it.
    sources : iterable of str, optional
        Services whose ids are wanted, such as ``["spotify"]``, which takes far less memory; all by
        default. The share is of songs with an id there.
    progress : callable
        Is called with the name of each file.

    Returns
    -------
    ForeignIds

    Raises
    ------
    CatalogError
        When there is no such archive, it cannot be read to its end, or it holds no JSON file.
    """
    import pandas as pd

    path = user_path(archive, CatalogError)
    wanted = None if sources is None else frozenset(sources)
    frames: list[pd.DataFrame] = []
    rows: list[tuple[str, str, str]] = []
    empty: list[str] = []
    broken: list[str] = []
    n_files = n_mapped = 0
    for name, content in _files(path):
        n_files += 1
        if not content.strip():
            empty.append(name)
        else:
            try:
                ids = _ids(content, wanted)
            except (ValueError, RecursionError):
                broken.append(name)
            else:
                n_mapped += bool(ids)
                song = PurePosixPath(name).stem
                rows += [(song, source, foreign_id) for source, foreign_id in ids]
        if len(rows) >= _ROWS:
            frames.append(_frame(rows))
            rows = []
        progress(name)
    if not n_files:
        raise CatalogError(f"{path}: holds no JSON file. The mapping archive is at {SOURCE}")
    frame = pd.concat([*frames, _frame(rows)], ignore_index=True)
    return ForeignIds(frame, n_files, n_mapped, tuple(empty), tuple(broken))


def _frame(rows: list[tuple[str, str, str]]) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(rows, columns=["song_id", "source", "foreign_id"], dtype="str")


def _files(path: Path) -> Iterator[tuple[str, bytes]]:
    """Names and contents of the JSON files of a folder or an archive, one after the other.

    Of a file of more than `MAX_BYTES`, one byte more than that.
    """
    with read_to_its_end(path):
        if path.is_dir():
            for base, folders, names in os.walk(path):
                folders.sort()
                for name in sorted(filter(_is_answer, names)):
                    file = Path(base, name)
                    if file.is_file():
                        with file.open("rb") as stream:
                            yield file.relative_to(path).as_posix(), stream.read(MAX_BYTES + 1)
        elif not path.is_file():
            what = "no file or folder" if path.exists() else "no such file or folder"
            raise CatalogError(f"{path}: {what}. The mapping archive is at {SOURCE}")
        elif zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as zipped:
                for name in filter(_is_answer, zipped.namelist()):
                    with zipped.open(name) as member:
                        yield name, member.read(MAX_BYTES + 1)
        else:
            yield from _tar_files(path)


def _tar_files(path: Path) -> Iterator[tuple[str, bytes]]:
    opener = _UNPACKED.get(path.suffix.lower(), open)
    # Once through; an archive that was cut short is seen by whoever unpacks it, or by its end.
    with opener(path, "rb") as stream, tarfile.open(fileobj=stream, mode="r|") as tarred:
        for entry in tarred:
            if _is_answer(entry.name) and (content := tarred.extractfile(entry)) is not None:
                yield entry.name, content.read(MAX_BYTES + 1)
        while stream.read(1 << 20):
            pass
        if stream.tell() < tarred.offset + tarfile.BLOCKSIZE:
            raise EOFError("it was cut short")


def _is_answer(name: str) -> bool:
    return name.endswith(".json") and not PurePosixPath(name).name.startswith("._")  # macOS's own


def _ids(content: bytes, wanted: frozenset[str] | None) -> list[tuple[str, str]]:
    """Services and ids in an answer, each once.

    Raises
    ------
    ValueError, RecursionError
        When it is none.
    """
    if len(content) > MAX_BYTES:
        raise ValueError(f"more than {MAX_BYTES} bytes")
    songs = _part(_part(json.loads(content), "response", dict), "songs", list)
    ids: dict[tuple[str, str], None] = {}
    for song in songs:
        for key in ("tracks", "foreign_ids"):
            for each in _part(song, key, list, default=[]):
                source, foreign_id = _part(each, "catalog", str), _part(each, "foreign_id", str)
                if wanted is None or source in wanted:
                    ids[source, foreign_id] = None
    return list(ids)


def _part(answer: Any, key: str, kind: type, default: Any = None) -> Any:
    part = answer.get(key, default) if isinstance(answer, dict) else None
    if not isinstance(part, kind):
        raise ValueError(f"no {key}")
    return part
