"""Clips: songs cut into clips of one length, in parallel and resumable, into one clip store.

A batch does it (`spdkit.extraction.batch`), with an extractor whose row is how many clips a song
has. The clips themselves, which may be larger than the memory, go by the disk: the worker writes
those of a song into the journal's folder, as they come from the decoder, and the batch copies all
of them into the store when it is whole. Until then they take twice the room.
"""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from spdkit.common.errors import ParameterError, SpdkitError
from spdkit.common.files import replacing, scratch_folder, user_path
from spdkit.common.parameters import Allowed, Number, OneOf, check_parameters
from spdkit.common.progress import progress_bar
from spdkit.extraction.batch import BatchError, BatchReport, run_batch
from spdkit.extraction.executors import run_local
from spdkit.extraction.journal import JournalError, journal_folder, part_file
from spdkit.extractors.audio import AudioExtractor
from spdkit.extractors.base import ExtractionError, Extractor, FeatureSpec, Modality
from spdkit.extractors.decoding.window import (
    CLIP_OBS,
    WINDOW_CONSTRAINTS,
    Offset,
    WindowParameters,
    open_clip,
)
from spdkit.extractors.descriptors import ClipDescriptors
from spdkit.store.checksums import Checksum
from spdkit.store.clip_store import (
    VALUE,
    Clips,
    ClipStore,
    SongClips,
    read_unvetted,
    songs_of,
    write_clips,
)
from spdkit.store.errors import Damage, StoreError
from spdkit.store.feature_store import FeatureTable, table_of
from spdkit.store.forms import CLIPS
from spdkit.store.layout import layout_of
from spdkit.store.opening import open_hdf5
from spdkit.store.repair import whole_rows
from spdkit.tracks import scan
from spdkit.tracks.addresses import shown
from spdkit.tracks.track import Track

SAMPLE_RATE = 22050  # Hz, the play-count paper's
_CODES_AT_A_TIME = 1024


def extract_clips(
    tracks: Iterable[Track] | str | os.PathLike[str],
    output: str | os.PathLike[str],
    *,
    kind: Literal["audio", "features"] = "audio",
    clip_seconds: float = 5.0,
    sample_rate: int | None = None,
    duration: float | None = None,
    offset: Offset = "middle",
    min_duration: float = 1.0,
    features: AudioExtractor | ClipDescriptors | None = None,
    jobs: int | None = None,
    timeout: float | None = None,
    overwrite: bool = False,
    executor: Executor | None = None,
    shard_size: int | None = None,
    allow_protocols: Collection[str] = (),
    progress: bool = False,
) -> BatchReport:
    """Cut songs into clips of one length; resume what an earlier run left.

    Sound is mixed to mono, brought to one rate, and cut without overlap from the start of the
    window; the last clip of a song is filled with silence at its end.

    Parameters
    ----------
    tracks : iterable of Track, or path
        With distinct ids; or a folder of music.
    output : path
        The clip store to write, extend or bring up to date; songs that it has and `tracks` has
        not are kept.
    kind : {"audio", "features"}
        What a clip is: its samples, or the row that `features` makes of them.
    clip_seconds : float
        Length of a clip, at most 600; its samples are ``round(clip_seconds * sample_rate)``.
    sample_rate : int, optional
        In Hz. Default: 22050 (the paper's) for audio, that of `features` for features.
    duration, offset, min_duration
        Window of a song that is cut, as of `AudioExtractor`; the whole song if not given.
    features : AudioExtractor or ClipDescriptors, optional
        Of kind "features"; its own window is not used. Default: ``AudioExtractor()``.
    jobs, timeout, overwrite, executor, shard_size, allow_protocols, progress
        As of `spdkit.extraction.batch.extract`; the workers of an `executor` must see the same
        disk.

    Returns
    -------
    BatchReport
        One bad file never stops a batch: it is a failure in the report and in the store.

    Raises
    ------
    ParameterError
        Naming what is out of range.
    TrackError
        When `tracks` is a path and no folder.
    BatchError, StoreError, JournalError, ExecutorError
        As `spdkit.extraction.batch.extract`.
    """
    path = user_path(output, BatchError)
    if features is None and kind == "features":
        features = AudioExtractor() if sample_rate is None else AudioExtractor(sr=sample_rate)
    rate = sample_rate or (features.sr if features else SAMPLE_RATE)
    try:
        folder = journal_folder(path)
    except OSError as error:
        raise JournalError(f"{path}: cannot be written: {error.strerror or error}") from error
    extractor = ClipExtractor(
        folder=folder,
        kind=kind,
        clip_seconds=clip_seconds,
        features=features,
        duration=duration,
        offset=offset,
        min_duration=min_duration,
        sr=rate,
    )
    n_values = extractor.n_values  # checks the parameters
    if isinstance(tracks, str | os.PathLike):
        tracks = scan.from_folder(tracks, run=run_local, progress=progress)
    return run_batch(
        *(tracks, path, [extractor], ClipFile(n_values)),
        jobs=jobs,
        timeout=timeout,
        overwrite=overwrite,
        executor=executor,
        shard_size=shard_size,
        allow_protocols=allow_protocols,
        progress=progress,
    )


@dataclass(kw_only=True, eq=False, repr=False)
class ClipExtractor(WindowParameters, Extractor):
    """How many clips a song has, as its row; the clips go to a file.

    Parameters
    ----------
    folder : Path
        Where that file lies; see `spdkit.extraction.journal.part_file`.
    kind, clip_seconds, features, duration, offset, min_duration, sr
        As of `extract_clips`.
    """

    name: ClassVar[str] = "clips"
    modality: ClassVar[Modality] = "audio"
    version: ClassVar[str] = "1"
    obs_fields: ClassVar[Mapping[str, type]] = {**CLIP_OBS, "checksum": str, "note": str}
    _parameter_constraints: ClassVar[dict[str, Allowed]] = {
        **WINDOW_CONSTRAINTS,
        "kind": OneOf("audio", "features"),
        "clip_seconds": Number(0, 600, closed="high", unit="seconds"),
    }

    folder: Path
    kind: str = "audio"
    clip_seconds: float = 5.0
    features: AudioExtractor | ClipDescriptors | None = None
    duration: float | None = None
    sr: int = SAMPLE_RATE

    @property
    def n_samples(self) -> int:
        """Samples a clip."""
        return round(self.clip_seconds * self.sr)

    @property
    def n_values(self) -> int:
        """Numbers a clip.

        Raises
        ------
        ParameterError
            Naming the parameter that is out of range, or does not fit the others.
        """
        check_parameters(vars(self), self._parameter_constraints)
        if (self.kind == "features") != (self.features is not None):
            raise ParameterError(f"features are of kind='features', got kind={self.kind!r}")
        if self.duration is not None and self.duration < self.min_duration:
            raise ParameterError(
                f"duration must be at least min_duration={self.min_duration}, got {self.duration}"
            )
        if self.features is None:
            least, values = 1, self.n_samples
        else:
            settings = self.features.settings
            if settings.sr != self.sr:
                raise ParameterError(f"sample_rate={self.sr}, but features have sr={settings.sr}")
            least, values = settings.n_fft, len(self.features.feature_specs)
        if self.n_samples < least:
            what = "a sample" if least == 1 else f"the n_fft={least} samples of a frame"
            raise ParameterError(f"clip_seconds={self.clip_seconds:g} does not span {what}")
        return values

    @property
    def feature_specs(self) -> tuple[FeatureSpec, ...]:
        """The one column."""
        what = "how many clips the song has"
        return (FeatureSpec("n_clips", "1", 1, np.inf, what, "docs/FORMAT.md", "clips"),)

    @property
    def effective_parameters(self) -> dict[str, Any]:
        """All that the clips depend on."""
        names = [] if self.features is None else list(self.features.get_feature_names_out())
        parameters = {}
        if self.features is not None:
            parameters = {"version": self.features.version, **self.features.effective_parameters}
        return {
            "kind": self.kind,
            "clip_seconds": self.clip_seconds,
            "sample_rate": self.sr,
            **{key: getattr(self, key) for key in ("duration", "offset", "min_duration")},
            "names": names,
            "features": {
                k: value for k, value in parameters.items() if k not in WINDOW_CONSTRAINTS
            },
        }

    def extract(self, track: Track) -> NDArray[np.float32]:
        """Write the clips of a track; how many."""
        return self.extract_with_obs(track)[0]

    def extract_with_obs(self, track: Track) -> tuple[NDArray[np.float32], dict[str, float | str]]:
        """Like `extract`, with the checksum, and the facts of `AudioExtractor`."""
        if not track.audio:
            return self.absent_row(), {}
        part = part_file(self.folder, track.track_id)
        with open_clip(track.audio, **self.clip_parameters) as stream:
            clips = chunked(stream.blocks(), self.n_samples)
            if self.features is not None:
                clips = self._rows(clips, self.features, shown(track.audio))
            n_clips, checksum = write_part(part, clips, JournalError)
            if not n_clips:
                raise ExtractionError(shown(track.audio), f"too short for a sample at {self.sr} Hz")
            facts = stream.facts
        note = "; ".join(facts.remarks)
        return np.array([n_clips], dtype=np.float32), {
            **facts.obs,
            "checksum": checksum,
            "note": note,
        }

    def warm_up(self) -> None:
        """Compile what the features need."""
        if self.features is not None:
            self.features.warm_up()

    def _rows(
        self, clips: Iterable[Clips], extractor: AudioExtractor | ClipDescriptors, source: str
    ) -> Iterator[Clips]:
        for number, clip in enumerate(chain.from_iterable(clips)):
            at = f"{source}, clip {number} of {self.clip_seconds:g} s"
            yield extractor.extract_samples(clip, at)[None]


class ClipFile:
    """A clip store as the target of a batch; see `spdkit.extraction.batch.TargetFile`."""

    def __init__(self, n_values: int) -> None:
        self._n_values = n_values
        self._earlier = dict[str, SongClips]()
        self._checksums = dict[str, str]()

    def read(self, path: Path) -> FeatureTable:
        """Rows of the file."""
        store = ClipStore.open(path)
        return self._remember(store.table, {song.id: song for song in store.songs()})

    def whole_rows(self, path: Path, damage: Damage) -> FeatureTable | None:
        """Rows of a damaged file that are whole."""
        rows = whole_rows(path, damage)
        if rows is None:
            return None
        with open_hdf5(path, CLIPS) as file:
            layout = layout_of(file)
            return self._remember(rows, songs_of(path, layout, table_of(layout)))

    def write(
        self, path: Path, table: FeatureTable, *, folder: Path, check: Callable[[], None]
    ) -> None:
        """Replace the file: with clips of the journal, and those that it has."""
        checksums = dict(zip(table.obs.index, table.obs["clips_checksum"], strict=True))
        counts = dict(zip(table.obs.index, table.X[:, 0], strict=True))

        def clips_of(name: str) -> Iterator[Clips]:
            if self._checksums.get(name) == checksums[name]:
                song = self._earlier[name]
                rows = range(song.first, song.first + len(song))
                return read_unvetted(song.path, song.origin, rows, song.n_values)
            rows = range(int(counts[name]))
            return read_unvetted(part_file(folder, name), 0, rows, self._n_values)

        write_clips(path, table, self._n_values, clips_of, folder=folder, check=check)

    def _remember(self, table: FeatureTable, songs: Mapping[str, SongClips]) -> FeatureTable:
        checksums = zip(table.obs.index, table.obs["clips_checksum"], strict=True)
        self._checksums = {name: text for name, text in checksums if text}
        self._earlier = dict(songs)
        return table


class Encoder(Protocol):
    """What `encode_clips` asks of an autoencoder, such as `HitMusicNetRegressor.fit_code` fits."""

    def transform(self, X: Any) -> NDArray[Any]:
        """Codes of rows, shape (n, n_code)."""

    def get_feature_names_out(self) -> Any:
        """Names of the code's units."""

    def get_params(self) -> dict[str, Any]:
        """What it was made with."""


def encode_clips(
    store: ClipStore,
    autoencoder: Encoder,
    output: str | os.PathLike[str],
    *,
    progress: bool = False,
) -> Path:
    """Write the code of every clip of a store of features into a store of codes.

    Parameters
    ----------
    store : ClipStore
        Of kind "features".
    autoencoder : object
        Fitted on such rows: its ``transform`` gives codes, ``get_feature_names_out`` their names,
        ``get_params`` what it was made with.
    output : path
        The clip store to write; what is there is replaced.
    progress : bool
        Show a bar on stderr.

    Returns
    -------
    Path
        Of the store.

    Raises
    ------
    ParameterError
        When the clips are no features, or codes are not finite.
    StoreError
        When `store` is damaged, or `output` cannot be written.
    """
    if store.kind != "features":
        raise ParameterError(
            f"{store.path}: codes are made of clips of kind 'features', not {store.kind!r}"
        )
    path, songs, checksums = user_path(output, StoreError), store.songs(), dict[str, str]()
    names = [str(name) for name in autoencoder.get_feature_names_out()]
    with (
        scratch_folder(path.parent, StoreError) as folder,
        progress_bar("encoding", len(songs), shown=progress) as advance,
    ):
        for song in songs:
            codes = _codes(song, autoencoder, len(names))
            _, checksums[song.id] = write_part(part_file(folder, song.id), codes, StoreError)
            advance(False)
        counts = {song.id: len(song) for song in songs}

        def clips_of(name: str) -> Iterator[Clips]:
            return read_unvetted(part_file(folder, name), 0, range(counts[name]), len(names))

        table = _table_of_codes(store.table, autoencoder, names, checksums)
        write_clips(path, table, len(names), clips_of)
    return path


def chunked(blocks: Iterable[Clips], n_samples: int) -> Iterator[Clips]:
    """Cut sound into clips, shape (n, n_samples); the last is filled with silence at its end."""
    rest = np.zeros(0, dtype=np.float32)
    for block in blocks:
        y = np.concatenate([rest, block])
        end = len(y) - len(y) % n_samples
        if end:
            yield y[:end].reshape(-1, n_samples)
        rest = y[end:]
    if len(rest):
        yield np.pad(rest, (0, n_samples - len(rest)))[None]


def write_part(path: Path, clips: Iterable[Clips], error: type[SpdkitError]) -> tuple[int, str]:
    """Write clips to a file, as they come; how many, and their checksum.

    Raises
    ------
    error
        When the file cannot be written.
    """
    whole, n_clips = Checksum(), 0
    with replacing(path, error) as temporary, temporary.open("wb") as file:
        for some in clips:
            values = np.ascontiguousarray(some, dtype=VALUE)
            file.write(values.data)
            whole.add(values)
            n_clips += len(values)
    return n_clips, whole.text


def _codes(song: SongClips, autoencoder: Encoder, n_code: int) -> Iterator[Clips]:
    for at in range(0, len(song), _CODES_AT_A_TIME):
        rows = song.read(at, min(at + _CODES_AT_A_TIME, len(song)))
        codes = np.asarray(autoencoder.transform(rows), dtype=np.float32)
        if codes.shape != (len(rows), n_code) or not np.isfinite(codes).all():
            raise ParameterError(
                f"the autoencoder gave no {n_code} finite numbers a clip for {song.id!r}"
            )
        yield codes


def _table_of_codes(
    table: FeatureTable, autoencoder: Encoder, names: list[str], checksums: Mapping[str, str]
) -> FeatureTable:
    sums = [checksums.get(name, "") for name in table.obs.index]
    facts = table.provenance["extractors"]["clips"]
    made_with = {"class": type(autoencoder).__name__, **autoencoder.get_params()}
    parameters = facts["parameters"] | {
        "kind": "codes",
        "names": names,
        "autoencoder": json.loads(json.dumps(made_with, default=lambda one: type(one).__name__)),
    }
    described = {"clips": {**facts, "parameters": parameters}}
    return dataclasses.replace(
        table,
        obs=table.obs.assign(clips_checksum=sums),
        provenance={**table.provenance, "extractors": described},
    )
