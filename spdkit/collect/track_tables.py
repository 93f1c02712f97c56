"""Track tables: answers as tracks, artists and albums in the layout of SpotGenTrack (SPD).

The layout is that of the published set (Mendeley Data, doi 10.17632/4m2x4zngny): an unnamed index,
lists as Python literals, tracks numbered ``track_0``, ``track_1`` … in ``track_name_prev``. A value
that could not be read is an empty cell; so is ``lyrics``, which Spotify does not give (the set has
``-99`` there, where lyrics were sought and not found). A fourth table, ``songs.csv``, has what
``spdkit collect genius`` reads: ``track_id, title, artist, isrc``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spdkit.collect.errors import CollectError
from spdkit.common.table_io import table_writer

Json = Mapping[str, Any]


def _columns(*lines: str) -> tuple[str, ...]:
    return tuple(" ".join(lines).split())


TRACK_COLUMNS = _columns(
    "acousticness album_id analysis_url artists_id available_markets country danceability",
    "disc_number duration_ms energy href id instrumentalness key liveness loudness lyrics mode",
    "name playlist popularity preview_url speechiness tempo time_signature track_href",
    "track_name_prev track_number uri valence type",
)
ARTIST_COLUMNS = _columns(
    "artist_popularity followers genres id name track_id track_name_prev type"
)
ALBUM_COLUMNS = _columns(
    "album_type artist_id available_markets external_urls href id images name release_date",
    "release_date_precision total_tracks track_id track_name_prev uri type",
)
SONG_COLUMNS = ("track_id", "title", "artist", "isrc")
_OF_TRACK = _columns(
    "available_markets disc_number duration_ms href id name popularity preview_url track_number",
    "uri type",
)
_OF_FEATURES = _columns(
    "acousticness analysis_url danceability energy instrumentalness key liveness loudness mode",
    "speechiness tempo time_signature track_href valence",
)
_OF_ALBUM = _columns(
    "album_type available_markets external_urls href id images name release_date",
    "release_date_precision total_tracks uri type",
)


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a track was found.

    Attributes
    ----------
    playlist, country : str or None
        The name of the playlist, and the country it was shown in.
    """

    playlist: str | None = None
    country: str | None = None


@dataclass(frozen=True)
class TableCounts:
    """How many rows each table has, and how many tracks have no artist."""

    tracks: int
    artists: int
    albums: int
    without_artist: int


def write_tables(
    folder: Path,
    origins: Mapping[str, Origin],
    answer: Callable[[str], Any],
    tick: Callable[[bool], None],
) -> TableCounts:
    """Write the four tables, one track at a time.

    Parameters
    ----------
    folder : Path
        Where to.
    origins : mapping of str to Origin
        The tracks by their id, in order.
    answer : callable
        What the service answered, by key: ``tracks/ID``, ``audio-features/ID``, ``artists/ID``;
        None when it did not.
    tick : callable
        Called after each track with whether it is missing.

    Returns
    -------
    TableCounts
    """
    artists: dict[str, tuple[str, int]] = {}
    albums: set[str] = set()
    n_tracks = without_artist = 0
    with ExitStack() as stack:

        def table(name: str, columns: Iterable[str]) -> Callable[[Mapping[str, Any]], None]:
            path, listed = folder / f"{name}.csv", tuple(columns)
            writer = table_writer(path, listed, numbered=name != "songs", error=CollectError)
            return stack.enter_context(writer)

        write_track = table("tracks", TRACK_COLUMNS)
        write_album = table("albums", ALBUM_COLUMNS)
        write_artist = table("artists", ARTIST_COLUMNS)
        write_song = table("songs", SONG_COLUMNS)
        for track_id, where in origins.items():
            track = answer(f"tracks/{track_id}")
            tick(track is None)
            if track is None:
                continue
            write_track(track_row(track, answer(f"audio-features/{track_id}"), where, n_tracks))
            write_song(song_row(track))
            without_artist += not artists_of(track)
            for artist in artists_of(track):
                artists.setdefault(artist, (track["id"], n_tracks))
            album = track.get("album") or {}
            if album.get("id") and album["id"] not in albums:
                albums.add(album["id"])
                write_album(album_row(album, track["id"], n_tracks))
            n_tracks += 1
        n_artists = 0
        for artist_id, first in artists.items():
            described = answer(f"artists/{artist_id}")
            if described is not None:
                write_artist(artist_row(described, *first))
                n_artists += 1
    return TableCounts(n_tracks, n_artists, len(albums), without_artist)


def artists_of(track: Json) -> list[str]:
    """Return the ids of a track's artists; there may be none."""
    return [artist["id"] for artist in track.get("artists") or [] if artist.get("id")]


def track_row(track: Json, features: Json | None, where: Origin, number: int) -> dict[str, Any]:
    """Return one row of ``tracks.csv``."""
    row = {column: (features or {}).get(column) for column in _OF_FEATURES}
    row |= {column: track.get(column) for column in _OF_TRACK}
    return row | {
        "album_id": (track.get("album") or {}).get("id"),
        "artists_id": artists_of(track),
        "country": where.country,
        "playlist": where.playlist,
        "track_name_prev": f"track_{number}",
    }


def artist_row(artist: Json, track_id: str, number: int) -> dict[str, Any]:
    """Return one row of ``artists.csv``, with the first track that names the artist."""
    return {
        "artist_popularity": artist.get("popularity"),
        "followers": (artist.get("followers") or {}).get("total"),
        **{column: artist.get(column) for column in ("genres", "id", "name", "type")},
        "track_id": track_id,
        "track_name_prev": f"track_{number}",
    }


def album_row(album: Json, track_id: str, number: int) -> dict[str, Any]:
    """Return one row of ``albums.csv``, with the first track that names the album."""
    return {column: album.get(column) for column in _OF_ALBUM} | {
        "artist_id": next(iter(artists_of(album)), None),
        "track_id": track_id,
        "track_name_prev": f"track_{number}",
    }


def song_row(track: Json) -> dict[str, Any]:
    """Return one row of ``songs.csv``: what to look for elsewhere."""
    names = [artist["name"] for artist in track.get("artists") or [] if artist.get("name")]
    return {
        "track_id": track["id"],
        "title": track.get("name"),
        "artist": names[0] if names else None,
        "isrc": (track.get("external_ids") or {}).get("isrc"),
    }
