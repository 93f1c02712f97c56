"""Through the real spotipy to a local service: sources, access, tables."""

from __future__ import annotations

import ast
import subprocess
import sys
from contextlib import contextmanager

import pandas as pd
import pytest
from service_server import MARKETS, ident

from spdkit.collect.errors import CollectError, CredentialsError
from spdkit.collect.sources import Sources
from spdkit.collect.spotify import SpotifyCollector

LIST, OTHER = ident("P", 1), ident("P", 2)
LOCAL = {"is_local": True, "track": {"id": None, "is_local": True, "name": "Demo", "type": "track"}}
EPISODE = {"is_local": False, "track": {"id": ident("E", 1), "type": "episode", "name": "Talk"}}
# The columns that the published set has; written down from its description, not from the code.
SPD_TRACKS = (
    "acousticness, album_id, analysis_url, artists_id, available_markets, country, danceability, "
    "disc_number, duration_ms, energy, href, id, instrumentalness, key, liveness, loudness, "
    "lyrics, mode, name, playlist, popularity, preview_url, speechiness, tempo, time_signature, "
    "track_href, track_name_prev, track_number, uri, valence, type"
)
SPD_ARTISTS = "artist_popularity, followers, genres, id, name, track_id, track_name_prev, type"
SPD_ALBUMS = (
    "album_type, artist_id, available_markets, external_urls, href, id, images, name, "
    "release_date, release_date_precision, total_tracks, track_id, track_name_prev, uri, type"
)


def table(folder, name):
    return pd.read_csv(folder / f"{name}.csv", index_col=None if name == "songs" else 0)


def collect(folder, **sources):
    return SpotifyCollector(folder).collect(Sources(**sources))


def asked(world, part):
    return sum(count for path, count in world.asked.items() if part in path)


def test_a_playlist_becomes_tables_in_the_layout_of_the_set(world, tmp_path):
    world.playlists[LIST] = [3, 14, 3, 15]
    world.names[3] = "Größe, „ñ“ 音\nzweite Zeile"
    report = collect(tmp_path, playlists=(LIST,))
    assert (report.n_tracks, report.n_artists, report.n_albums) == (3, 3, 2)
    assert (report.remarks, report.unanswered) == ((), ())
    tracks, artists, albums = (table(tmp_path, n) for n in ("tracks", "artists", "albums"))
    assert list(tracks.columns) == SPD_TRACKS.split(", ")
    assert list(artists.columns) == SPD_ARTISTS.split(", ")
    assert list(albums.columns) == SPD_ALBUMS.split(", ")
    assert list(tracks.index) == [0, 1, 2]
    first = tracks.iloc[0]
    assert first["name"] == world.names[3]
    assert first["id"] == ident("T", 3)
    assert first["popularity"] == 3
    assert first["danceability"] == 0.125
    assert first["playlist"] == "List 01"
    assert first["track_name_prev"] == "track_0"
    assert first[["lyrics", "country", "preview_url"]].isna().all()
    assert ast.literal_eval(first["available_markets"]) == MARKETS
    # Track 3 is of artist 3 // 5 = 0 and of album 3 // 10 = 0, which is by artist 0 * 2.
    assert ast.literal_eval(first["artists_id"]) == [ident("R", 0)]
    assert first["album_id"] == ident("A", 0)
    assert list(artists["followers"]) == [1000, 1002, 1003]
    assert ast.literal_eval(artists["genres"][0]) == ["pop", "québécois"]
    assert list(artists["track_name_prev"]) == ["track_0", "track_1", "track_2"]
    assert list(albums["track_id"]) == [ident("T", 3), ident("T", 14)]
    assert list(albums["artist_id"]) == [ident("R", 0), ident("R", 2)]
    assert ast.literal_eval(albums["images"][0])[0]["height"] == 64
    songs = table(tmp_path, "songs")
    assert list(songs.columns) == ["track_id", "title", "artist", "isrc"]
    assert list(songs.iloc[1]) == [ident("T", 14), "Song 14", "Artist 2", "QZABC0000014"]


def test_what_playlists_hold_besides_tracks_is_counted_and_said(world, tmp_path):
    nothing = {"is_local": False, "track": None}
    nameless = {"track": {"id": None, "name": "Demo", "type": "track"}}
    world.playlists[LIST] = [LOCAL, 1, nothing, EPISODE, None, nameless]
    report = collect(tmp_path, playlists=(LIST,))
    assert report.n_tracks == 1
    assert report.remarks == (
        "passed over 2 files of somebody's own in playlists, which have no id",
        "passed over 2 tracks that are no longer there, or not for this application",
        "passed over 1 podcast episodes in playlists",
    )


def test_a_track_without_artists_is_kept_and_said(world, tmp_path):
    world.playlists[LIST] = [7, 8]
    world.without_artist = {7}
    report = collect(tmp_path, playlists=(LIST,))
    assert "1 tracks have no artist" in report.remarks
    assert list(table(tmp_path, "tracks")["artists_id"]) == ["[]", f"['{ident('R', 1)}']"]
    assert pd.isna(table(tmp_path, "songs")["artist"][0])


def test_bars_count_what_has_no_answer(world, tmp_path, monkeypatch):
    failures = {}

    @contextmanager
    def bar(label, total, **options):
        yield failures.setdefault(label, []).append

    monkeypatch.setattr("spdkit.collect.spotify.progress_bar", bar)
    world.gone = {ident("T", 3)}
    collect(tmp_path, tracks=tuple(ident("T", n) for n in (1, 2, 3)))
    # The first is read to see what may be read.
    assert failures["tracks"] == [False, True]


def test_the_names_of_february_2026_are_understood(world, tmp_path):
    world.playlists[LIST] = [1, 2]
    world.item_name = "item"
    assert collect(tmp_path, playlists=(LIST,)).n_tracks == 2


def test_albums_artists_ids_and_isrcs(world, tmp_path):
    report = collect(
        tmp_path,
        albums=(ident("A", 4),),
        artists=(ident("R", 6),),
        tracks=(ident("T", 200), ident("T", 41)),
        isrcs=("QZABC0000300", "USXXX0000001"),
    )
    # Album 4: tracks 40 to 49; artist 6: its albums 6 and 7, tracks 60 to 79; 300 by its code; 200.
    expected = [*range(40, 50), *range(60, 80), 300, 200]
    assert list(table(tmp_path, "tracks")["id"]) == [ident("T", number) for number in expected]
    assert report.remarks == ("1 sources gave nothing: ISRC USXXX0000001 (not known)",)
    assert asked(world, "/albums?include_groups=album%2Csingle") == 1
    # 32 tracks at 50 a request, less the first, which shows what may be read, and the one that the
    # search brought whole.
    assert asked(world, "/tracks/?ids=") == 2  # one of them a probe
    assert asked(world, "/audio-features/?ids=") == 2  # likewise


def test_tracks_that_are_gone_are_counted(world, tmp_path):
    world.gone = {ident("T", 2), ident("T", 3)}
    ids = tuple(ident("T", number) for number in (2, 1, 3))
    report = collect(tmp_path, tracks=ids)
    assert list(table(tmp_path, "tracks")["id"]) == [ident("T", 1)]
    assert report.remarks == (
        "passed over 2 tracks that are no longer there, or not for this application",
    )
    before = sum(world.asked.values())
    collect(tmp_path, tracks=ids)
    assert sum(world.asked.values()) == before
    world.gone = set()
    report = SpotifyCollector(tmp_path, ask_again=True).collect(Sources(tracks=ids))
    assert (report.n_tracks, report.remarks) == (3, ())


def test_the_way_of_the_paper(world, tmp_path):
    world.categories = {
        "DE": {"pop": [LIST, None], "rock": [OTHER]},
        "US": {"pop": [OTHER, LIST, ident("P", 3)]},
    }
    world.playlists |= {LIST: [1, 2], OTHER: [2, 3], ident("P", 3): [9]}
    report = collect(tmp_path, countries=("DE", "US"), playlists_per_category=2)
    tracks = table(tmp_path, "tracks")
    assert list(tracks["id"]) == [ident("T", number) for number in (1, 2, 3)]
    assert list(tracks["country"]) == ["DE", "DE", "DE"]
    assert list(tracks["playlist"]) == ["Top 01", "Top 01", "Top 02"]
    assert report.remarks == ("passed over 1 playlists that a category names and does not show",)
    assert asked(world, "/items") == 2


def test_an_application_in_development_mode_is_told_once_what_it_may_not_read(world, tmp_path):
    world.closed = {
        "audio-features",
        "batches",
        "popularity",
        "followers",
        "available_markets",
        "external_ids",
        "genres",
        "browse",
    }
    world.playlists[LIST] = [1, 2, 30]
    world.largest_page = 10
    report = collect(tmp_path, playlists=(LIST,), tracks=(ident("T", 99),), countries=("DE",))
    assert report.n_tracks == 4
    told, refused = report.remarks
    assert told == (
        "this application may not read audio features (closed to new applications since "
        "2024-11-27); the popularity of tracks, the markets of tracks, the ISRC of tracks, "
        "the popularity of artists, the followers of artists, the genres of artists, many tracks "
        "by one request, so that each takes one of its own (closed to "
        "applications in development mode since February 2026). What is missing stays "
        "empty in the tables"
    )
    assert refused == "1 sources gave nothing: the categories of DE (HTTP 403: Forbidden)"
    tracks = table(tmp_path, "tracks")
    closed = ["popularity", "available_markets", "danceability", "analysis_url", "track_href"]
    assert tracks[closed].isna().all(axis=None)
    assert list(tracks["duration_ms"]) == [180001, 180002, 180030, 180099]
    assert table(tmp_path, "artists")[["followers", "artist_popularity"]].isna().all(axis=None)
    # One probe a capability, and then single reads alone.
    assert (asked(world, "/audio-features"), asked(world, "/tracks/?ids=")) == (1, 1)
    assert (asked(world, "/artists/?ids="), asked(world, "/artists/R")) == (0, 3)


def test_pages_are_made_smaller_where_large_ones_are_not_allowed(world, tmp_path):
    world.playlists[LIST] = list(range(25))
    world.largest_page = 10
    assert collect(tmp_path, playlists=(LIST,)).n_tracks == 25
    assert (asked(world, "limit=50"), asked(world, "limit=10")) == (1, 3)


def test_playlists_that_are_refused_are_named_and_not_asked_for_again(world, tmp_path):
    world.playlists[OTHER] = [1]
    report = collect(tmp_path, playlists=(LIST, OTHER))
    refusal = f"playlist {LIST} (HTTP 404: Resource not found)"
    assert report.remarks == (f"1 sources gave nothing: {refusal}",)
    before = sum(world.asked.values())
    assert collect(tmp_path, playlists=(LIST, OTHER)).n_requests == 0
    assert sum(world.asked.values()) == before


def test_nothing_at_all_is_an_error_with_its_reason(world, tmp_path):
    with pytest.raises(CollectError, match=f"no track could be read; .*playlist {LIST} .HTTP 404"):
        collect(tmp_path, playlists=(LIST,))
    assert not (tmp_path / "tracks.csv").exists()


def test_missing_credentials_are_said(world, tmp_path, monkeypatch):
    monkeypatch.delenv("SPOTIPY_CLIENT_SECRET")
    with pytest.raises(CredentialsError, match="SPOTIPY_CLIENT_SECRET"):
        collect(tmp_path, playlists=(LIST,))


def test_a_second_run_asks_nothing_and_writes_the_same(world, tmp_path):
    world.playlists[LIST] = list(range(120))
    collect(tmp_path, playlists=(LIST,))
    written = {path.name: path.read_bytes() for path in tmp_path.glob("*.csv")}
    asked_before = dict(world.asked)
    report = collect(tmp_path, playlists=(LIST,))
    assert report.n_requests == 0
    assert dict(world.asked) == asked_before
    assert {path.name: path.read_bytes() for path in tmp_path.glob("*.csv")} == written
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*written, "raw"])


@pytest.mark.slow
def test_ten_thousand_tracks_take_bounded_memory(world, tmp_path):
    world.playlists[LIST] = list(range(10_000))
    program = """
import pathlib, re, resource, sys
from spdkit.collect.sources import Sources
from spdkit.collect.spotify import SpotifyCollector

def peak():  # MiB; what getrusage says begins with the peak of the parent
    status = pathlib.Path("/proc/self/status")
    if status.exists():
        return int(re.search(r"VmHWM:\\s*(\\d+) kB", status.read_text())[1]) >> 10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 20

folder, one, many = sys.argv[1:]
SpotifyCollector(f"{folder}/one").collect(Sources(tracks=(one,)))
before = peak()
report = SpotifyCollector(f"{folder}/many").collect(Sources(playlists=(many,)))
print(report.n_tracks, peak() - before)
"""
    command = [sys.executable, "-P", "-c", program, str(tmp_path), ident("T", 1), LIST]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    n_tracks, grown = map(int, done.stdout.split())
    received = (tmp_path / "many" / "raw" / "spotify.jsonl").stat().st_size >> 20
    assert n_tracks == len(table(tmp_path / "many", "tracks")) == 10_000
    # 10,000 answers are MiB on disk, and several times that as Python objects. What stays is their
    # keys, with where they lie: under a kilobyte a track.
    assert received > 15
    assert grown < 12, f"{grown} MiB more at the peak, for {received} MiB received"
    assert {n for path, n in world.asked.items() if LIST in path} == {1}
