"""Excerpts: music cut into songs of half a minute, and what the extractors say of them.

Everything is kept in a folder as soon as it is there: the excerpts themselves (FLAC, one channel),
a feature store of whole excerpts, and a clip store.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pandas as pd
import soundfile
from numpy.typing import NDArray

from benchmarks.common.script import Progress
from spdkit import tracks
from spdkit.audio_models import fit
from spdkit.common.errors import SpdkitError
from spdkit.common.files import replacing
from spdkit.extraction import extract, extract_clips
from spdkit.extractors.audio import AudioExtractor
from spdkit.extractors.base import ExtractionError
from spdkit.extractors.decoding.window import read_clip
from spdkit.extractors.descriptors import ClipDescriptors, DescriptorExtractor
from spdkit.store import FeatureStore
from spdkit.store.clip_store import ClipStore, SongClips
from spdkit.synthetic import corpus, listeners

RATE = 44100  # Hz
SECONDS = 30.0
CLIP_SECONDS = 5.0  # of rows of AudioExtractor
DEMO_SONGS = 40
DEMO_CLIP_SECONDS = 6.0, 3.0  # of descriptors, and of rows: songs of the demo last 12 s


@dataclass(frozen=True)
class Excerpts:
    """Songs, and what is known of them; all of one length and one order.

    Attributes
    ----------
    ids : list of str
    groups : ndarray of str, shape (n,)
        The track of each.
    songs : list of SongClips
        `ClipDescriptors`, of clips of `spdkit.audio_models.fit.CLIP_SECONDS`.
    rows : list of SongClips
        Rows of `AudioExtractor`, of clips of `CLIP_SECONDS`.
    audio : DataFrame
        Rows of `AudioExtractor`, of whole excerpts.
    quantities : DataFrame
        What tastes depend on.
    """

    ids: list[str]
    groups: NDArray[np.str_]
    songs: list[SongClips]
    rows: list[SongClips]
    audio: pd.DataFrame
    quantities: pd.DataFrame


def excerpts_of(music: Path | None, work: Path, jobs: int, progress: Progress) -> Excerpts:
    """Cut music into excerpts and extract them, as far as that is not done yet.

    Parameters
    ----------
    music : Path or None
        A folder; None for the demo's songs, each of which is an excerpt.
    work : Path
        Where all of it is kept.
    jobs : int
        Worker processes.
    progress : callable
    """
    folder = work / "excerpts"
    if music is None:
        if not (folder / "done").exists():
            corpus.synthesise_corpus(folder, DEMO_SONGS)
            (folder / "done").touch()
        seconds = DEMO_CLIP_SECONDS
    else:
        progress(f"{cut(music, folder)} excerpts of {SECONDS:g} s of {music}")
        seconds = fit.CLIP_SECONDS, CLIP_SECONDS
    songs = tracks.from_folder(folder)
    extractors = [AudioExtractor(duration=None), DescriptorExtractor(duration=None)]
    whole, clips, rows = (work / f"{name}.h5" for name in ("features", "clips", "rows"))
    extract(songs, whole, extractors, jobs=jobs, progress=True)
    of_clips = ((clips, seconds[0], ClipDescriptors()), (rows, seconds[1], AudioExtractor()))
    for file, length, features in of_clips:
        options: dict[str, Any] = {"clip_seconds": length, "features": features}
        extract_clips(songs, file, kind="features", jobs=jobs, progress=True, **options)
    return opened(whole, clips, rows)


def opened(whole: Path, clips: Path, rows: Path) -> Excerpts:
    """What three stores have of the songs that all have."""
    store, of_rows, features = ClipStore.open(clips), ClipStore.open(rows), FeatureStore.open(whole)
    table = features.to_pandas()
    audio = table[list(features.var.index[features.var["extractor"] == "audio"])]
    complete = set(table.index[audio.notna().all(axis=1)]) & set(of_rows.track_ids)
    ids = [name for name in store.track_ids if name in complete]
    groups = np.array([track_of(name) for name in ids])
    table = table.loc[ids]
    quantities = listeners.quantities_of(table)
    songs, row_songs = store.songs(ids), of_rows.songs(ids)
    return Excerpts(ids, groups, songs, row_songs, audio.loc[ids], quantities)


def track_of(name: str) -> str:
    """The track that an excerpt is of; a song that is not in a folder is its own."""
    parent = PurePosixPath(name).parent
    return name if parent == PurePosixPath(".") else str(parent)


def cut(music: Path, folder: Path, seconds: float = SECONDS) -> int:
    """Cut each track into excerpts from its start on; what remains is left out.

    Returns
    -------
    int
        How many excerpts there are.

    Raises
    ------
    SpdkitError
        When there are none.
    """
    n, length = 0, round(seconds * RATE)
    for track in tracks.from_folder(music):
        # A folder named like a file would be taken for one.
        place = folder / track.track_id.replace(".", "_")
        if not (place / "done").exists():
            place.mkdir(parents=True, exist_ok=True)
            try:
                y = read_clip(
                    str(track.audio), sr=RATE, duration=None, offset="head", min_duration=0.1
                ).y
            except ExtractionError:
                y = np.zeros(0, dtype=np.float32)
            for number in range(len(y) // length):
                with replacing(place / f"{number:02d}.flac") as temporary:
                    part = np.clip(y[number * length :][:length], -1, 1)
                    soundfile.write(temporary, part, RATE, format="FLAC", subtype="PCM_16")
            (place / "done").touch()
        n += len(list(place.glob("*.flac")))
    if not n:
        raise SpdkitError(f"{music}: no track of {seconds:g} s or more")
    return n
