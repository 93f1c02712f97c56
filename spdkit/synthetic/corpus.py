"""Corpus of our own: songs with words and tags in a folder, and tables of their facts and labels.

Conventions
-----------
Song ``i`` depends on `seed` and `i` alone. What popularity depends on is planted, and written down
in `spdkit.synthetic.popularity`. Sound, words and facts are made in `spdkit.synthetic.sound`,
`spdkit.synthetic.lyrics` and `spdkit.synthetic.metadata`; this module puts them into files.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mutagen
import mutagen.id3
import pandas as pd
import soundfile
from mutagen import MutagenError

from spdkit.common.errors import SpdkitError
from spdkit.common.files import make_folder, replacing, user_path, write_text
from spdkit.common.table_io import write_table
from spdkit.synthetic.lyrics import SongLyrics, write_lyrics
from spdkit.synthetic.metadata import SongFacts, song_facts
from spdkit.synthetic.popularity import planted_table
from spdkit.synthetic.sound import SR, Song, compose_song, plan_song

MAX_SONGS = 1000
SIDECARS = (".txt", ".lrc")
# ISO 639-2 codes, as ID3 wants them.
_ID3_LANGUAGES = {"en": "eng", "es": "spa", "de": "deu", "ru": "rus", "ja": "jpn"}


@dataclass(frozen=True)
class CorpusTables:
    """The tables beside a corpus; see `write_tables`."""

    metadata: Path
    labels: Path


def synthesise_corpus(
    folder: str | os.PathLike[str],
    n_songs: int = 40,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> list[Song]:
    """Compose, play and write a small corpus of songs, with words and tags.

    Every song has chords, bass, drums and a melody, lasts about 12 s at 44.1 kHz and peaks at 0.8.
    They alternate between 16-bit wav and flac; two in three are stereo. Any 24 songs in a row
    cover all 24 keys. All have the tags title, artist, album and date. Of every 40 songs, 14 have
    their words in a ``.txt`` beside them (with headers such as ``[Chorus]``), 10 in an ``.lrc``
    (with times), 12 in their tags, and 4 are instrumental; 6 are not in English.

    Parameters
    ----------
    folder : path
        Made if needed. Files of the same name are replaced; words that an earlier corpus left
        beside a song are removed.
    n_songs : int
        How many, up to 1000; song ``i`` does not depend on it.
    seed : int
        The same seed gives the same bytes (with the same packages on the same kind of machine).
    progress : callable, optional
        Called after each song as ``progress(done, n_songs)``.

    Returns
    -------
    list of Song
        In the order of their files' names.

    Raises
    ------
    SpdkitError
        When `n_songs` or `seed` is out of range, or the folder cannot be written.
    """
    songs = []
    with _writing("songs", folder, n_songs, seed) as target:
        for i in range(n_songs):
            songs.append(_write_song(target, i, seed))
            if progress is not None:
                progress(i + 1, n_songs)
    return songs


def write_tables(folder: str | os.PathLike[str], n_songs: int = 40, seed: int = 0) -> CorpusTables:
    """Write facts of a corpus, and its planted popularity.

    Parameters
    ----------
    folder : path
        Made if needed. Gets ``metadata.csv`` (see `metadata_table`) and ``labels.csv``
        (``track_id``, ``popularity`` from 0 to 100).
    n_songs, seed : int
        Those of the corpus.

    Returns
    -------
    CorpusTables
        The paths of both.

    Raises
    ------
    SpdkitError
        When `n_songs` or `seed` is out of range, or the folder cannot be written.
    """
    with _writing("tables", folder, n_songs, seed) as target:
        tables = CorpusTables(target / "metadata.csv", target / "labels.csv")
        labels = planted_table(n_songs, seed)[["track_id", "popularity"]]
        write_table(metadata_table(n_songs, seed), tables.metadata)
        write_table(labels, tables.labels)
    return tables


def metadata_table(n_songs: int, seed: int = 0) -> pd.DataFrame:
    """Facts of the first `n_songs` songs, one row each.

    Returns
    -------
    DataFrame
        ``track_id``, ``title``, ``artist``, ``artist_id``, ``album``, ``release_date``
        (YYYY-MM-DD), ``artist_followers``, ``artist_popularity`` (missing for some artists),
        ``available_markets`` (their number).
    """
    rows = []
    for i in range(n_songs):
        song, facts = plan_song(i, seed).song, song_facts(i, seed)
        rows.append(
            {
                "track_id": song.file,
                "title": song.title,
                "artist": facts.artist.name,
                "artist_id": facts.artist.artist_id,
                "album": facts.artist.album,
                "release_date": facts.artist.release_date,
                "artist_followers": facts.artist.followers,
                "artist_popularity": facts.artist.popularity,
                "available_markets": facts.available_markets,
            }
        )
    return pd.DataFrame(rows).astype({"artist_popularity": "Int64"})


def song_lyrics(i: int, seed: int = 0) -> SongLyrics | None:
    """Return the words of song `i`; None when it is instrumental."""
    facts = song_facts(i, seed)
    return None if facts.lyrics_source == "none" else write_lyrics(i, seed, facts.language)


@contextmanager
def _writing(what: str, folder: str | os.PathLike[str], n_songs: int, seed: int) -> Iterator[Path]:
    """The folder, made if needed; what cannot be written into it is told as an error of ours."""
    if not 1 <= n_songs <= MAX_SONGS or seed < 0:
        raise SpdkitError(
            f"n_songs must be 1 … {MAX_SONGS} and seed 0 or more, got {n_songs} and {seed}"
        )
    target = user_path(folder)
    try:
        make_folder(target)
        yield target
    except (OSError, soundfile.LibsndfileError, MutagenError) as error:
        raise SpdkitError(f"{target}: the {what} cannot be written: {error}") from error


def _write_song(folder: Path, i: int, seed: int) -> Song:
    song, sound = compose_song(i, seed)
    facts, words = song_facts(i, seed), song_lyrics(i, seed)
    path = folder / song.file
    embedded = words.as_text() if words is not None and facts.lyrics_source == "tags" else ""
    with replacing(path) as temporary:
        soundfile.write(temporary, sound, SR, subtype="PCM_16")
        _tag(temporary, song, facts, embedded)
    for suffix in SIDECARS:
        path.with_suffix(suffix).unlink(missing_ok=True)
    if words is not None and facts.lyrics_source == "txt":
        write_text(path.with_suffix(".txt"), f"{words.as_text()}\n")
    elif words is not None and facts.lyrics_source == "lrc":
        headers = {"ti": song.title, "ar": facts.artist.name, "al": facts.artist.album}
        timed = words.as_lrc(len(sound) / SR, **headers)
        write_text(path.with_suffix(".lrc"), f"{timed}\n")
    return song


def _tag(path: Path, song: Song, facts: SongFacts, lyrics: str) -> None:
    """Write title, artist, album, date and, where there are any, lyrics into the file."""
    id3: Any = mutagen.id3  # its types are half there
    artist = facts.artist
    content: Any = mutagen.File(path)
    if path.suffix == ".flac":
        content.update(title=song.title, artist=artist.name, album=artist.album)
        content["date"] = artist.release_date
        if lyrics:
            content["lyrics"] = lyrics
    else:
        utf8 = id3.Encoding.UTF8
        content.add_tags()
        content.tags.add(id3.TIT2(encoding=utf8, text=song.title))
        content.tags.add(id3.TPE1(encoding=utf8, text=artist.name))
        content.tags.add(id3.TALB(encoding=utf8, text=artist.album))
        content.tags.add(id3.TDRC(encoding=utf8, text=artist.release_date))
        if lyrics:
            language = _ID3_LANGUAGES[facts.language]
            content.tags.add(id3.USLT(encoding=utf8, lang=language, desc="", text=lyrics))
    content.save()
