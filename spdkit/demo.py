"""The whole pipeline on music of our own: compose a small corpus, extract it, look inside.

`run` is what ``spdkit demo`` does. The corpus itself, and what its popularity truly depends on, are
made in `spdkit.corpus` and its neighbours; their names that matter most can be had here too.
"""

from __future__ import annotations

import os
import shlex
from pathlib import Path

from spdkit.corpus import synthesise_corpus as synthesise_corpus
from spdkit.corpus import write_tables
from spdkit.corpus_popularity import ceiling
from spdkit.corpus_popularity import planted_table as planted_table
from spdkit.corpus_sound import SR as SR
from spdkit.corpus_sound import TONICS as TONICS
from spdkit.corpus_sound import Song as Song
from spdkit.corpus_sound import compose_song as compose_song
from spdkit.corpus_sound import file_name
from spdkit.errors import SpdkitError


def run(
    folder: str | os.PathLike[str] = "demo",
    n_songs: int = 40,
    seed: int = 0,
    jobs: int | None = None,
    overwrite: bool = False,
) -> None:
    """Compose songs, extract their features, look inside, draw one; print each step's command.

    Parameters
    ----------
    folder : path
        Gets ``music/``, ``metadata.csv``, ``labels.csv``, ``features.h5`` and ``song.png``.
    n_songs, seed : int
        The corpus; see `synthesise_corpus`.
    jobs : int, optional
        Worker processes; see `spdkit.batch.extract`.
    overwrite : bool
        Start ``features.h5`` anew instead of resuming.

    Raises
    ------
    SpdkitError
        When matplotlib is missing or ``music/`` holds other music, both before any work.
    """
    from spdkit import batch, joins, plots, tracks
    from spdkit.extractors import AudioExtractor
    from spdkit.progress import progress_bar

    plots.require_matplotlib()
    base = Path(folder).expanduser()
    music, features, figure = base / "music", base / "features.h5", base / "song.png"
    _refuse_other_music(music, n_songs)

    _say(f"1. Compose {n_songs} songs with words and tags in {music}")
    with progress_bar("composing", n_songs) as advance:
        songs = synthesise_corpus(music, n_songs, seed, lambda done, total: advance(False))
    tables = write_tables(base, n_songs, seed)
    print(f"   Their artists are in {tables.metadata}, their popularity is in {tables.labels}.")
    best = ceiling()
    print(
        "   It depends on the artist, the sound and the words, in this order, and on chance: no\n"
        f"   model can expect to explain more than {best.r2:.0%} of its variance "
        "(spdkit/corpus_popularity.py)."
    )

    options = ("--metadata", tables.metadata, "-o", features)
    _say("2. Extract their features", "spdkit", "extract", music, *options)
    joined = joins.join(tracks.from_folder(music), tables.metadata)
    print("   metadata.csv:", *joined.remarks, sep="\n   ")
    corpus = joined.tracks
    batch.extract(corpus, features, jobs=jobs, overwrite=overwrite, progress=True)

    _say("3. Look inside", "spdkit", "inspect", features)
    _inspect(features)

    _say(f"4. Draw {corpus[0].track_id} into {figure} (in Python: spdkit.plots.plot_song)")
    song, extractor = songs[0], AudioExtractor()
    title = f"{song.title}, {song.tonic} {song.mode}, {song.tempo:.0f} BPM"
    plots.plot_song(extractor.frames(corpus[0]), extractor.settings, title).savefig(figure)


def _say(what: str, *command: str | Path) -> None:
    line = f"\n   $ {shlex.join(map(str, command))}" if command else ""
    print(f"\n{what}{line}", flush=True)


def _refuse_other_music(music: Path, n_songs: int) -> None:
    # The command that is printed extracts the whole folder: it must hold the corpus alone.
    from spdkit.tracks import from_folder

    ours = {file_name(i) for i in range(n_songs)}
    found = from_folder(music) if music.exists() else ()
    others = [track.track_id for track in found if track.track_id not in ours]
    if others:
        what = f"{len(others)} files, such as {others[0]}, are none of the {n_songs} songs"
        raise SpdkitError(f"{music}: {what}; give another folder")


def _inspect(path: Path) -> None:
    from spdkit.console import print_summary
    from spdkit.inspection import summarise
    from spdkit.store import FeatureStore

    print_summary(summarise(FeatureStore.open(path)))
