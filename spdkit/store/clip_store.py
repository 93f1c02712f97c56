"""Clip store: one HDF5 file of songs cut into clips of one length, and where each song lies in it.

A clip is a row of numbers: samples, features or codes. The file is a feature file whose rows say
how many clips a song has, or why it has none, with the clips beside them; `docs/FORMAT.md` is the
specification. Clips lie one behind the other, so that those of a song are read without a look at
the others, in any process and without HDF5.
"""

from __future__ import annotations

import errno
import io
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO, Literal

import h5py
import numpy as np
import pandas as pd
from h5py import h5d, h5p, h5s, h5t
from numpy.typing import DTypeLike, NDArray

from spdkit.common.files import replacing, user_path
from spdkit.common.messages import listing
from spdkit.store.checksums import Checksum, clip_blocks
from spdkit.store.errors import StoreError, ViolationError
from spdkit.store.feature_store import FeatureTable, mark, table_image, table_of
from spdkit.store.forms import CLIPS
from spdkit.store.layout import Layout
from spdkit.store.opening import replaced_store
from spdkit.store.seal import FileMark, mark_of, sealed_parts
from spdkit.store.validation import check_songs
from spdkit.store.vetting import opened, opened_bytes

Clips = NDArray[np.float32]
Kind = Literal["audio", "features", "codes"]
VALUE = np.dtype("<f4")


@dataclass(frozen=True)
class SongClips:
    """The clips of one song, read from the file when they are asked for.

    It holds a path and no file handle, so it can be pickled and used by other processes. A
    `StoreError` says where another file has taken the store's place.

    Attributes
    ----------
    path : Path
        The store.
    id : str
        ``track_id`` of the song.
    first : int
        Its first clip among all of the store.
    n_clips, n_values : int
        How many clips it has (``len``), and numbers a clip.

    Examples
    --------
    >>> song = ClipStore.open("clips.h5").songs()[0]  # doctest: +SKIP
    >>> song.read(0, 6).shape  # doctest: +SKIP
    (6, 110250)
    """

    path: Path
    id: str
    first: int
    n_clips: int
    n_values: int
    origin: int = field(repr=False)  # byte of the store's first clip
    mark: FileMark = field(repr=False)

    def __len__(self) -> int:
        return self.n_clips

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        if copy is False:
            raise ValueError("the clips of a song have to be read")
        return self.read().astype(dtype or np.float32, copy=False)

    @property
    def shape(self) -> tuple[int, int]:
        """What ``np.asarray`` gives: (n_clips, n_values)."""
        return self.n_clips, self.n_values

    def read(self, start: int = 0, stop: int | None = None) -> Clips:
        """Read clips from `start` to before `stop`; all that follow where it is not given.

        Returns
        -------
        ndarray of float32, shape (stop - start, n_values)

        Raises
        ------
        IndexError
            When the song has no such clips.
        StoreError
            When the store is damaged, or another one now.
        """
        end = self.n_clips if stop is None else stop
        if not 0 <= start <= end <= self.n_clips:
            raise IndexError(f"clips {start} to {end} of {self.id!r}, which has {self.n_clips}")
        with opened_bytes(self.path, CLIPS) as file:
            if mark_of(file.fileno()) != self.mark:
                raise replaced_store(self.path)
            rows = self.first + start, self.first + end
            return _read(file, self.origin, *rows, self.n_values)


@dataclass(frozen=True)
class ClipStore:
    """A file of clips, open for reading.

    It holds a path and no file handle, so it can be pickled and shared by processes.

    Attributes
    ----------
    path : Path
    table : FeatureTable
        What is known of each song; ``X`` has how many clips.
    n_values : int
        Numbers a clip.

    Examples
    --------
    >>> store = ClipStore.open("clips.h5")  # doctest: +SKIP
    >>> store.kind, store.clip_seconds, store.sample_rate  # doctest: +SKIP
    ('audio', 5.0, 22050)
    >>> [len(song) for song in store.songs()]  # doctest: +SKIP
    [36, 52, 41]
    """

    path: Path
    table: FeatureTable = field(repr=False)
    n_values: int
    _songs: dict[str, SongClips] = field(repr=False, compare=False)

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> ClipStore:
        """Open a file of clips.

        Raises
        ------
        StoreError
            As `FeatureStore.open`: a `DamagedStoreError` names the songs that are lost.
        """
        place = user_path(path, StoreError)
        with opened(place, CLIPS) as layout:
            table = table_of(layout)
            assert layout.clips is not None
            return cls(place, table, layout.clips.shape[1], songs_of(place, layout, table))

    @property
    def track_ids(self) -> list[str]:
        """Songs that have clips, in the order in which these lie."""
        return list(self._songs)

    @property
    def failures(self) -> dict[str, str]:
        """Why songs have no clips, by ``track_id``."""
        obs = self.table.obs
        without = obs[~obs.index.isin(self._songs)]
        pairs = zip(without.index, without["clips_error"], strict=True)
        return {name: reason or "the track has no audio" for name, reason in pairs}

    @property
    def obs(self) -> pd.DataFrame:
        """What is known of each song, those without clips among them, by ``track_id``."""
        return self.table.obs

    @property
    def provenance(self) -> dict[str, Any]:
        """Versions of the packages, and how the clips were made, as extractor ``clips``."""
        return self.table.provenance

    @property
    def kind(self) -> Kind:
        """What a clip is: ``"audio"``, ``"features"`` or ``"codes"``."""
        kind: Kind = self._parameters["kind"]
        return kind

    @property
    def clip_seconds(self) -> float:
        """Length of a clip."""
        return float(self._parameters["clip_seconds"])

    @property
    def sample_rate(self) -> int:
        """Of the sound that was cut, in Hz."""
        return int(self._parameters["sample_rate"])

    @property
    def names(self) -> list[str]:
        """Of the values of a clip; none of samples."""
        return list(self._parameters["names"])

    def songs(self, ids: Iterable[str] | None = None) -> list[SongClips]:
        """Clips of songs.

        Parameters
        ----------
        ids : iterable of str, optional
            Which, and in which order; default: all that have clips.

        Raises
        ------
        StoreError
            Naming songs that are not in the store or have no clips.
        """
        if ids is None:
            return list(self._songs.values())
        names = list(ids)
        strangers = [name for name in names if name not in self._songs]
        if strangers:
            failures = self.failures
            reasons = [f"{name!r} ({failures.get(name, 'not in it')})" for name in strangers]
            raise StoreError(f"{self.path}: no clips of {listing(reasons)}")
        return [self._songs[name] for name in names]

    @property
    def _parameters(self) -> dict[str, Any]:
        parameters: dict[str, Any] = self.table.provenance["extractors"]["clips"]["parameters"]
        return parameters


def songs_of(path: Path, layout: Layout, table: FeatureTable) -> dict[str, SongClips]:
    """Songs that have clips, by ``track_id``, of an open store whose rows are `table`.

    Raises
    ------
    ViolationError
        When the rows do not fit the clips.
    """
    clips = layout.clips
    assert clips is not None
    counts = _count_clips(table, clips.shape)
    where = {
        "n_values": clips.shape[1],
        "origin": clips.id.get_offset() or 0,  # none of no clip
        "mark": mark_of(clips.file.id.get_vfd_handle()),
    }
    firsts = np.cumsum(counts) - counts
    rows = zip(table.obs.index, firsts.tolist(), counts.tolist(), strict=True)
    return {
        name: SongClips(path, name, first, count, **where) for name, first, count in rows if count
    }


def write_clips(
    path: Path,
    table: FeatureTable,
    n_values: int,
    clips_of: Callable[[str], Iterable[Clips]],
    *,
    folder: Path | None = None,
    check: Callable[[], None] | None = None,
) -> None:
    """Write a clip store, replacing what is there at one instant.

    Parameters
    ----------
    path : Path
    table : FeatureTable
        What is known of each song: ``X`` has how many clips, ``clips_checksum`` what they are.
    n_values : int
        Numbers a clip.
    clips_of : callable
        From a ``track_id`` to the song's clips, shape (n, n_values) each, some at a time.
    folder, check : optional
        As of `spdkit.store.feature_store.write_store`.

    Raises
    ------
    StoreError
        When the table breaks a rule of the specification, the clips of a song are not those that
        the table is of, or the disk is full; what was there is untouched.
    """
    shape = int(np.nansum(table.X, dtype=np.float64)), n_values
    try:
        counts = _count_clips(table, shape)
    except ViolationError as error:
        raise StoreError(f"this table cannot be written: {error}") from error
    sums = table.obs["clips_checksum"]
    songs = [
        checked(name, clips_of(name), count, checksum)
        for name, count, checksum in zip(table.obs.index, counts.tolist(), sums, strict=True)
        if count
    ]
    values = (part.astype(VALUE, copy=False).tobytes() for part in chain.from_iterable(songs))
    parts = chain([_head(table_image(table, CLIPS), shape)], values)
    place = replacing(path, StoreError, folder=folder, check=check)
    with place as temporary, temporary.open("wb") as file:
        file.writelines(sealed_parts(parts))


def checked(name: str, parts: Iterable[Clips], count: int, checksum: str) -> Iterator[Clips]:
    """Yield the clips of a song, and find at their end whether they are `count` of a checksum.

    Raises
    ------
    StoreError
    """
    whole, missing = Checksum(), count
    for part in parts:
        missing -= len(part)
        if missing < 0:
            break
        whole.add(part)
        yield part
    if missing or whole.text != checksum:
        raise StoreError(f"the clips of {name!r} are not those that were made of it")


def read_unvetted(path: Path, origin: int, rows: range, n_values: int) -> Iterator[Clips]:
    """Read clips of a file that nothing vouches for, some at a time: to be `checked`.

    Parameters
    ----------
    path : Path
    origin : int
        Byte of the first clip in it.
    rows : range
        Which clips.
    n_values : int
        Numbers a clip.

    Raises
    ------
    StoreError
        When they cannot be read.
    """
    try:
        with path.open("rb") as file:
            for part in clip_blocks(rows.start, rows.stop, n_values):
                yield _read(file, origin, part.start, part.stop, n_values)
    except OSError as error:
        raise StoreError(f"{path}: cannot be read: {error.strerror or error}") from error


def _read(file: BinaryIO, origin: int, start: int, stop: int, n_values: int) -> Clips:
    file.seek(origin + start * n_values * VALUE.itemsize)
    values = np.fromfile(file, dtype=VALUE, count=(stop - start) * n_values)
    if len(values) < (stop - start) * n_values:
        raise OSError(errno.EIO, "it ends before the last of its clips")
    return values.reshape(stop - start, n_values).astype(np.float32, copy=False)


def _count_clips(table: FeatureTable, shape: tuple[int, ...]) -> NDArray[np.int64]:
    obs = {str(name): cells.to_numpy() for name, cells in table.obs.items()}
    return check_songs(table.provenance["extractors"], table.X, obs, shape)


def _head(image: bytes, shape: tuple[int, int]) -> bytes:
    """Return the image of a store up to its clips, which are the end of the file.

    HDF5 gives them their place when the first value is written, which is after all else, and
    writes no other: that would take the memory, and on the disk crash the process when it fills.
    """
    memory = io.BytesIO(image)
    with h5py.File(memory, "r+") as file:
        properties = h5p.create(h5p.DATASET_CREATE)
        properties.set_alloc_time(h5d.ALLOC_TIME_LATE)
        properties.set_fill_time(h5d.FILL_TIME_NEVER)
        properties.set_obj_track_times(False)  # equal songs give equal bytes
        space = h5s.create_simple(shape)
        clips = h5py.Dataset(h5d.create(file.id, b"clips", h5t.IEEE_F32LE, space, properties))
        mark(clips, "array", "1.0")
    if not shape[0]:
        return memory.getvalue()
    with h5py.File(memory, "r+") as file:
        file["clips"][0, 0] = 0
        start: int = file["clips"].id.get_offset()
    assert len(memory.getvalue()) == start + VALUE.itemsize
    return memory.getvalue()[:start]
