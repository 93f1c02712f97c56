"""MusicOSet: songs that charted on the Billboard Hot 100, with Spotify's popularity in 2019.

Conventions
-----------
A track is a song of ``songs.csv``; its group is its primary artist. ``artist_followers`` and
``artist_popularity`` are of the primary artist, as the table has them. ``-`` among an artist's type
and main genre means none. An artist without genres has an empty list; a song none of whose artists
is in ``artists.csv`` has no genres at all, which is not the same.

``genres`` of a song are those of all its artists, in their order. They are kept in the store's
metadata and are no feature of it: which of them become columns is learned on training rows, by
`spdkit.catalogs.genres.GenreEncoder`.

References
----------
Silva, Rocha, Moro (2019), MusicOSet: An Enhanced Open Dataset for Music Data Mining.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import pandas as pd

from spdkit import extractors
from spdkit.catalogs import spotify_columns
from spdkit.catalogs.base import Catalog
from spdkit.catalogs.contents import Contents
from spdkit.catalogs.published_table import Column, TableSpec, columns_named

if TYPE_CHECKING:
    from spdkit.extractors.base import FeatureSpec

SONGS = TableSpec(
    *("songs", "songs.csv", "song_id"),
    columns=(
        *columns_named("song_id", "song_name"),
        Column("artists", "mapping"),
        spotify_columns.POPULARITY,
        Column("explicit", "flag"),
        Column("song_type", needed=False),
        *spotify_columns.DESCRIPTORS,
        Column("track_number", "integer"),
        Column("release_date", "date"),
        Column("release_date_precision", needed=False),
        Column("num_available_markets", "integer", low=0),
        Column("artist_id"),
        Column("artist_followers", "integer", low=0),
        Column("artist_popularity", "integer", low=0, high=100),
    ),
)
ARTISTS = TableSpec(
    *("artists", "artists.csv", "artist_id"),
    columns=(
        *columns_named("artist_id", "name"),
        Column("followers", "integer", low=0, needed=False),
        Column("popularity", "integer", low=0, high=100, needed=False),
        *columns_named("artist_type", "main_genre", missing="-", needed=False),
        Column("genres", "texts"),
    ),
)


def _labels(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    songs = _by_id(tables["songs"])
    return songs[["popularity", "artist_id"]].astype({"popularity": "float64"})


def _contents(tables: Mapping[str, pd.DataFrame]) -> Contents:
    songs = _by_id(tables["songs"])
    genres_of = dict(zip(tables["artists"]["artist_id"], tables["artists"]["genres"], strict=True))
    genres = [_genres(artists, genres_of) for artists in songs["artists"]]
    strangers = genres.count(None)
    about = pd.DataFrame(
        {
            "title": songs["song_name"],
            "artist": [", ".join((artists or {}).values()) for artists in songs["artists"]],
            "release_date": songs["release_date"],
            "genres": genres,
        },
        index=songs.index,
    )
    return Contents(
        about=about,
        feature_groups=(spotify_columns.metadata_features(_facts(songs), ("songs",), _extra()),),
        remarks=(f"songs without known genres: {strangers}",) if strangers else (),
    )


def _by_id(songs: pd.DataFrame) -> pd.DataFrame:
    return songs.set_index("song_id").rename_axis("track_id")


def _genres(
    artists: Mapping[str, str] | None, genres_of: Mapping[str, tuple[str, ...] | None]
) -> tuple[str, ...] | None:
    """Genres of all artists of a song, each once; None when no artist's are known."""
    lists = [genres for artist in artists or () if (genres := genres_of.get(artist)) is not None]
    return tuple(dict.fromkeys(genre for genres in lists for genre in genres)) if lists else None


def _facts(songs: pd.DataFrame) -> pd.DataFrame:
    names = ["artist_followers", "artist_popularity", "track_number", "explicit"]
    others = spotify_columns.floats(songs[[*names, "num_available_markets"]])
    others = others.rename(columns={"num_available_markets": "available_markets"})
    release_year = spotify_columns.year(songs["release_date"])
    return pd.concat([spotify_columns.descriptors(songs), others], axis=1).assign(
        release_year=release_year
    )


def _extra() -> tuple[FeatureSpec, ...]:
    rows = (
        ("track_number", 1.0, float("inf"), "Place on its album", "release"),
        ("explicit", 0.0, 1.0, "1 where the lyrics are marked explicit", "explicit lyrics"),
    )
    return tuple(
        extractors.FeatureSpec(name, "1", low, high, words, "Spotify Web API, track", family)
        for name, low, high, words, family in rows
    )


CATALOG = Catalog(
    name="musicoset",
    title="MusicOSet",
    version="2019",
    citation=(
        "Silva, M. O., Rocha, L. M., Moro, M. M. (2019). MusicOSet: An Enhanced Open Dataset for "
        "Music Data Mining. XXXII Brazilian Symposium on Databases, Dataset Showcase Workshop."
    ),
    licence=(
        "As stated at the source: read it there before you publish anything made from it. What "
        "comes from Spotify stays under Spotify's terms, which forbid training models on its "
        "content; the decision is yours."
    ),
    source="https://marianaossilva.github.io/DSW2019/",
    download_notes=(
        "Put songs.csv and artists.csv (or .csv.gz) into one folder: comma-separated, one row a "
        "song and one row an artist, with the columns that `tables` lists. The published files "
        "hold them apart (songs, acoustic features, releases, artists): join them by their ids."
    ),
    tables=(SONGS, ARTISTS),
    labels=_labels,
    contents=_contents,
)
