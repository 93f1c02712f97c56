"""Plays of one listener: from every form, matched to tracks, and what is wrong by name."""

from __future__ import annotations

import gzip

import pandas as pd
import pytest

from spdkit.catalogs import CatalogError
from spdkit.catalogs.play_tables import PlayTable, read_plays
from spdkit.catalogs.taste_profile import import_triplets

TRIPLETS = "a\tS1\t3\na\tS2\t500\nb\tS1\t9\na\tS3\t1\n"


def table(tmp_path, text, name="plays.csv"):
    path = tmp_path / name
    path.write_text(text)
    return path


@pytest.mark.parametrize("form", ["txt", "gz", "duckdb"])
def test_triplets_and_their_database(form, tmp_path):
    pytest.importorskip("duckdb")
    path = table(tmp_path, TRIPLETS, "log.txt")
    if form == "gz":
        path = tmp_path / "log.txt.gz"
        path.write_bytes(gzip.compress(TRIPLETS.encode()))
    if form == "duckdb":
        import_triplets(path, path := tmp_path / "log.duckdb")
    plays = read_plays(path, listener="a")
    assert plays.frame["plays"].to_dict() == {"S1": 3, "S3": 1}
    assert plays.remarks == ("1 songs of more than 200 plays are left out",)
    assert read_plays(path, listener="a", max_plays=1000).frame["plays"]["S2"] == 500
    most = read_plays(path)  # records of more than 200 plays make nobody the first
    assert most.listener == "b"
    assert "'b', the most of 2 listeners" in most.remarks[0]
    with pytest.raises(CatalogError, match="'nobody'"):
        read_plays(path, listener="nobody")
    assert {each.name for each in tmp_path.iterdir()} <= {"log.txt", "log.txt.gz", "log.duckdb"}


def test_a_table_with_and_without_listeners(tmp_path):
    whole = read_plays(table(tmp_path, "track_id,plays,artist_id\n007,3,x\nb,900,y\n"))
    assert whole.listener == "" and whole.remarks == ()
    assert whole.frame["plays"].to_dict() == {"007": 3, "b": 900}
    assert whole.frame["artist_id"].tolist() == ["x", "y"]
    several = table(tmp_path, "user_id,song_id,plays\n1,a,3\n1,b,4\n2,a,6\n")
    assert read_plays(several).listener == "1"
    assert read_plays(several, listener="2").frame["plays"].to_dict() == {"a": 6}
    few = read_plays(several, max_plays=3)
    assert few.frame["plays"].to_dict() == {"a": 3}
    assert few.remarks[1:] == ("1 songs of more than 3 plays are left out",)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("track_id,count\na,1\n", "plays"),
        ("name,plays\na,1\n", "no column track_id, or song_id"),
        ("track_id,plays\na,1\nb,-2\nc,x\n", "2 rows have none, the first '-2' of 'b'"),
        ("track_id,plays\na,1\na,2\n", "songs with two rows: 'a'"),
    ],
)
def test_what_is_wrong_with_a_table(text, words, tmp_path):
    with pytest.raises(CatalogError, match=words):
        read_plays(table(tmp_path, text))


def test_a_listener_needs_a_column_and_a_name(tmp_path):
    with pytest.raises(CatalogError, match="no column user_id"):
        read_plays(table(tmp_path, "track_id,plays\na,1\n"), listener="1")
    with pytest.raises(CatalogError, match="no plays of '3', but of '1'"):
        read_plays(table(tmp_path, "track_id,user_id,plays\na,1,1\n"), listener="3")
    with pytest.raises(CatalogError, match="by the ending"):
        read_plays(table(tmp_path, "", "plays.json"))


def plays(*ids):
    frame = pd.DataFrame({"plays": range(1, len(ids) + 1)}, index=pd.Index(ids, dtype=object))
    return PlayTable("a", frame)


def test_songs_are_matched_to_tracks_in_the_tracks_order():
    tracks = ["x/SO2.mp3", "SO1", "y/SO3.flac", "z/SO3.ogg", "Café.mp3"]
    found = plays("SO1", "SO2", "SO3", "Café.mp3", "SO9").matched(tracks)
    assert found.frame["plays"].to_dict() == {"x/SO2.mp3": 2, "SO1": 1, "Café.mp3": 4}
    assert list(found.frame.index) == ["x/SO2.mp3", "SO1", "Café.mp3"]
    assert found.remarks == ("2 of 5 songs with plays have no sound: 'SO3', 'SO9'",)


def test_a_table_says_which_song_is_which_track():
    songs = pd.DataFrame(
        {"song_id": ["S1", "S2"], "track_id": ["b.mp3", "a.mp3"], "artist_id": ["x", None]}
    )
    found = plays("S1", "S2", "a.mp3 of old").matched(["a.mp3", "b.mp3"], songs)
    assert found.frame["plays"].to_dict() == {"a.mp3": 2, "b.mp3": 1}
    assert found.frame["artist_id"]["b.mp3"] == "x"
    twice = pd.concat([songs, pd.DataFrame({"song_id": ["S1"], "track_id": ["c.mp3"]})])
    with pytest.raises(CatalogError, match="songs with two tracks: 'S1'"):
        plays("S1").matched(["b.mp3"], twice)
    both = songs.assign(track_id="a.mp3")
    with pytest.raises(CatalogError, match=r"two songs with plays are one track: 'a\.mp3'"):
        plays("S1", "S2").matched(["a.mp3"], both)
    with pytest.raises(CatalogError, match="none of the 1 songs with plays is among the 1 with"):
        plays("S1").matched(["b.mp3"])
