"""Samples: consecutive clips of songs, read when they are asked for, as a net takes them.

Conventions
-----------
A song is a sequence of clips, each a row of `n_values` numbers: an array of shape
(n_clips, n_values), or something small that reads its clips from a file, such as
`spdkit.store.clip_store.SongClips`. Samples are `time_steps` consecutive clips that do not overlap,
from the first clip on; the clips that remain are dropped. A song of fewer clips has no sample.

References: Salitrik and Takasawa (2018), Algorithm 2; Chan et al. (1983), for mean and deviation of
what is read in parts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, Self

import numpy as np
import torch
from numpy.typing import NDArray

from spdkit.common.errors import ParameterError
from spdkit.common.messages import listing

Numbers = NDArray[np.float64]
Index = NDArray[np.intp]
_VALUES_AT_A_TIME = 1 << 22
_HELD = 1 << 26  # bytes of samples that are read once and kept


class Song(Protocol):
    """Clips that can be read."""

    @property
    def n_values(self) -> int:
        """Numbers of a clip."""
        ...

    def __len__(self) -> int: ...

    def read(self, start: int, stop: int) -> NDArray[np.float32]:
        """Clips from `start` to before `stop`, shape (stop - start, n_values)."""
        ...


@dataclass(frozen=True)
class ArraySong:
    """Clips in memory, shape (n_clips, n_values)."""

    clips: NDArray[Any]

    @property
    def n_values(self) -> int:
        """Numbers of a clip."""
        return int(self.clips.shape[1])

    def __len__(self) -> int:
        return len(self.clips)

    def read(self, start: int, stop: int) -> NDArray[np.float32]:
        """Clips from `start` to before `stop`, shape (stop - start, n_values)."""
        return self.clips[start:stop].astype(np.float32)


@dataclass(frozen=True)
class Excerpt:
    """Some consecutive clips of a song: a song of its own."""

    song: Song
    first: int
    n_clips: int
    id: str

    @property
    def n_values(self) -> int:
        """Numbers of a clip."""
        return self.song.n_values

    def __len__(self) -> int:
        return self.n_clips

    def read(self, start: int, stop: int) -> NDArray[np.float32]:
        """Clips from `start` to before `stop`, shape (stop - start, n_values)."""
        return self.song.read(self.first + start, self.first + stop)


def name_of(song: Song, number: int) -> str:
    """What messages call a song: its id, or its number in the list, from 0."""
    return str(getattr(song, "id", f"song {number}"))


def as_songs(X: Any, n_values: int | None = None) -> list[Song]:
    """Songs of a sequence of songs or arrays.

    Parameters
    ----------
    X : sequence of Song or array-like of shape (n_clips, n_values)
    n_values : int, optional
        What a clip must have.

    Raises
    ------
    ParameterError
        When there are none, one is neither, or they differ in `n_values`; naming it.
    """
    if isinstance(X, str | bytes) or not hasattr(X, "__len__") or not len(X):
        raise ParameterError(
            "X must be a sequence of at least one song: what a ClipStore's songs() gives, or "
            "arrays of shape (n_clips, n_values)"
        )
    songs = [_as_song(song, i) for i, song in enumerate(X)]
    expected = songs[0].n_values if n_values is None else n_values
    for i, song in enumerate(songs):
        if song.n_values != expected:
            raise ParameterError(
                f"{name_of(song, i)} has clips of {song.n_values} values, and {expected} are "
                "expected"
            )
    return songs


def _as_song(song: Any, number: int) -> Song:
    if hasattr(song, "read") and hasattr(song, "n_values"):
        clips_of_song: Song = song
        return clips_of_song
    clips = np.asarray(song)
    if clips.ndim != 2 or clips.dtype.kind not in "biuf" or not clips.shape[1]:
        raise ParameterError(
            f"song {number} must have shape (n_clips, n_values) and be of numbers, got "
            f"{clips.shape} of {clips.dtype}"
        )
    return ArraySong(clips)


def n_samples(songs: Sequence[Song], time_steps: int) -> Index:
    """How many samples each song has, shape (n_songs,)."""
    return np.array([len(song) // time_steps for song in songs], dtype=np.intp)


@dataclass(frozen=True)
class ClipScale:
    """Mean and deviation of every value of a clip.

    Attributes
    ----------
    mean, deviation : ndarray, shape (n_values,)
        Deviation is 0 where a value never varied: scaled, it is 0 whatever it is.
    limit : float, optional
        Scaled values beyond it, on either side, are taken for it.
    """

    mean: Numbers
    deviation: Numbers
    limit: float | None = None

    @classmethod
    def of(cls, songs: Sequence[Song], time_steps: int, limit: float | None = None) -> Self:
        """Mean and deviation of the clips of all samples, in one pass over them.

        Raises
        ------
        ParameterError
            Naming songs with values that are no finite numbers.
        """
        count, (mean, squares) = 0, np.zeros((2, songs[0].n_values))
        low, high = np.full_like(mean, np.inf), np.full_like(mean, -np.inf)
        for song in songs:
            for clips in _parts(song, len(song) // time_steps * time_steps):
                np.minimum(low, clips.min(axis=0), out=low)
                np.maximum(high, clips.max(axis=0), out=high)
                if not np.isfinite(low + high).all():
                    refuse_values(songs)
                part = clips.astype(np.float64)
                of_part = part.mean(axis=0)
                difference = of_part - mean
                total = count + len(part)
                squares += ((part - of_part) ** 2).sum(axis=0)
                squares += difference**2 * (count * len(part) / total)
                mean += difference * (len(part) / total)
                count = total
        return cls(mean, np.where(low < high, np.sqrt(squares / count), 0.0), limit)

    def scale(self, samples: torch.Tensor) -> torch.Tensor:
        """Scale samples, shape (..., n_values), in place."""
        factor = np.divide(1, self.deviation, where=self.deviation > 0, out=self.deviation * 0)
        samples -= torch.from_numpy(self.mean.astype(np.float32))
        samples *= torch.from_numpy(factor.astype(np.float32))
        return samples if self.limit is None else samples.clamp_(-self.limit, self.limit)


def _parts(song: Song, n_clips: int) -> Iterator[NDArray[np.float32]]:
    step = max(1, _VALUES_AT_A_TIME // song.n_values)
    for start in range(0, n_clips, step):
        yield song.read(start, min(start + step, n_clips))


def refuse_values(songs: Sequence[Song]) -> None:
    """Name the songs that hold values that are no finite numbers; ParameterError."""
    wrong = [
        name_of(song, i)
        for i, song in enumerate(songs)
        if not all(np.isfinite(clips).all() for clips in _parts(song, len(song)))
    ]
    if wrong:
        raise ParameterError(
            f"{len(wrong)} of {len(songs)} songs hold values that are no finite numbers: "
            f"{listing(wrong)}. Leave them out, or fill these values in"
        )


class Samples:
    """All samples of some songs, one after the other, as rows of `spdkit.nets.training`.

    Parameters
    ----------
    songs : sequence of Song
    time_steps : int
        Clips a sample.
    scale : ClipScale, optional
        If not given, values are as they are.

    Attributes
    ----------
    song : ndarray of int, shape (n_samples,)
        The number of each sample's song.
    """

    def __init__(
        self, songs: Sequence[Song], time_steps: int, scale: ClipScale | None = None
    ) -> None:
        self._songs, self.time_steps, self._scale = songs, time_steps, scale
        counts = n_samples(songs, time_steps)
        self.song = np.repeat(np.arange(len(songs)), counts)
        within = np.arange(len(self.song)) - np.repeat(counts.cumsum() - counts, counts)
        self._first = within * time_steps

    def __len__(self) -> int:
        return len(self.song)

    def __getitem__(self, index: torch.Tensor | slice, /) -> torch.Tensor:
        """Read samples, shape (n, time_steps, n_values)."""
        rows = np.arange(len(self))[index if isinstance(index, slice) else index.cpu().numpy()]
        samples = torch.empty((len(rows), self.time_steps, self._songs[0].n_values))
        for sample, row in zip(samples.numpy(), rows, strict=True):
            first = int(self._first[row])
            sample[:] = self._songs[self.song[row]].read(first, first + self.time_steps)
        return samples if self._scale is None else self._scale.scale(samples)

    def held(self) -> Samples | torch.Tensor:
        """Give the samples in memory where they are few, which then are read once; else `self`."""
        n_bytes = 4 * len(self) * self.time_steps * self._songs[0].n_values
        return self[:] if n_bytes <= _HELD else self
