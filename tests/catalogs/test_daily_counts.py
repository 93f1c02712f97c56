"""Tables of daily counts: the long format, refused cells by name, and what is known of the set."""

from __future__ import annotations

import gzip
import os
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from spdkit.catalogs import CatalogError
from spdkit.catalogs.tianchi import read_artist_daily, read_song_daily

ARTISTS = """\
artist_id,ds,plays,downloads,collects,listeners
a2,20150301,7,0,1,3
a1,20150302,0,0,0,0
a1,20150301,584,67,1,298
"""
SONGS = """\
artist_id,song_id,ds,plays,downloads,collects,publish_time,song_init_plays,language,gender
a1,s1,20150301,2,0,0,20121125,187156,3,3
a1,s2,20150301,17,1,2,20140407,290133,3,3
a1,s1,20150303,38,1,0,20121125,187156,3,3
"""


def written(folder, text, name="daily.csv"):
    path = folder / name
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


@pytest.mark.parametrize("name", ["daily.csv", "daily.csv.gz"])
def test_artists_come_in_the_long_format(tmp_path, name):
    expected = pd.DataFrame(
        {
            "unique_id": ["a1", "a1", "a2"],
            "ds": np.array(["2015-03-01", "2015-03-02", "2015-03-01"], dtype="datetime64[ns]"),
            "y": [584, 0, 7],
            "downloads": [67, 0, 0],
            "collects": [1, 0, 1],
            "listeners": [298, 0, 3],
        }
    )
    pd.testing.assert_frame_equal(read_artist_daily(written(tmp_path, ARTISTS, name)), expected)


def test_songs_have_no_listeners_and_keep_what_is_asked_for(tmp_path):
    path = written(tmp_path, SONGS)
    frame = read_song_daily(path)
    assert list(frame.columns) == ["unique_id", "ds", "y", "downloads", "collects"]
    assert frame["unique_id"].tolist() == ["s1", "s1", "s2"]
    assert frame[["y", "downloads", "collects"]].to_numpy().tolist() == [
        [2, 0, 0],
        [38, 1, 0],
        [17, 1, 2],
    ]
    kept = read_song_daily(path, keep=["artist_id", "song_init_plays"])
    pd.testing.assert_frame_equal(kept[frame.columns], frame)
    assert kept["artist_id"].tolist() == ["a1"] * 3
    assert kept["song_init_plays"].tolist() == ["187156", "187156", "290133"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("a1,20150302", ",20150302", "column 'artist_id': empty: row 2"),
        ("20150302", "20150229", "column 'ds': no date as YYYYMMDD: '20150229' in row 2"),
        ("20150302", "2015032", "column 'ds': no date as YYYYMMDD: '2015032' in row 2"),
        ("20150302", "2015-03-02", "column 'ds': no date as YYYYMMDD: '2015-03-02' in row 2"),
        ("20150302", "20150301", "is there twice: 'a1 on 20150301' in row 3"),
        ("584", "584.0", "column 'plays': no whole number from 0: '584.0' in row 3"),
        ("584", "-1", "column 'plays': no whole number from 0: '-1' in row 3"),
        ("67", "", "column 'downloads': no whole number from 0: row 3"),
        ("298", "NA", "column 'listeners': no whole number from 0: 'NA' in row 3"),
        ("0,0,0,0", "0,0,0", "line 3 has 5 cells and the header 6"),
        ("298", "298,1", "line 4 has 7 cells and the header 6"),
        ("listeners", "hearers", "no column 'listeners', only artist_id, ds, .*hearers"),
        ("584", '"584', "cannot be read as a table: unexpected end of data"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, old, new, message):
    assert old in ARTISTS
    path = written(tmp_path, ARTISTS.replace(old, new, 1))
    with pytest.raises(CatalogError) as caught:
        read_artist_daily(path)
    assert re.search(message, str(caught.value)), str(caught.value)
    assert str(path) in str(caught.value)


def test_all_that_is_wrong_is_told_at_once(tmp_path):
    header, *rows = ARTISTS.splitlines()
    text = "\n".join([header, *(row.replace("2015", "1x") for row in rows), "a3,20150301,x,y,z,0"])
    with pytest.raises(CatalogError) as caught:
        read_artist_daily(written(tmp_path, text))
    assert caught.value.problems == (
        "column 'ds': no date as YYYYMMDD: '1x0301' in row 1, '1x0302' in row 2, '1x0301' in row 3",
        "column 'plays': no whole number from 0: 'x' in row 4",
        "column 'downloads': no whole number from 0: 'y' in row 4",
        "column 'collects': no whole number from 0: 'z' in row 4",
    )


def test_a_song_has_one_value_of_what_is_kept(tmp_path):
    path = written(tmp_path, SONGS.replace("a1,s1,20150303", "a2,s1,20150303"))
    assert len(read_song_daily(path)) == 3
    with pytest.raises(CatalogError, match=r"'artist_id': another value .*: 'a2 for s1' in row 3"):
        read_song_daily(path, keep=["artist_id"])
    with pytest.raises(CatalogError, match="no column 'mood'"):
        read_song_daily(path, keep=["mood"])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "cannot be read as a table: the file is empty"),
        (ARTISTS.splitlines()[0].encode(), "no rows"),
        (
            ARTISTS.encode().replace(b"a2", b"\xff"),
            "cannot be read as a table: line 2 is not UTF-8",
        ),
        (None, "cannot be read as a table: no such file"),
    ],
    ids=["empty", "header", "bytes", "missing"],
)
def test_what_is_no_table_is_named(tmp_path, content, message):
    path = tmp_path / "daily.csv"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(CatalogError, match=message):
        read_artist_daily(path)


def test_a_truncated_gzip_file_is_named(tmp_path):
    path = written(tmp_path, ARTISTS, "daily.csv.gz")
    path.write_bytes(path.read_bytes()[:-12])
    with pytest.raises(CatalogError, match="cannot be read as a table"):
        read_artist_daily(path)


def published():
    """The folder of the real tables, which no test may take along."""
    folder = Path(os.environ.get("SPDKIT_DATA", "nowhere")) / "tianchi"
    return folder if folder.is_dir() else None


@pytest.mark.data
@pytest.mark.skipif(published() is None, reason="SPDKIT_DATA names no folder with tianchi/")
def test_songs_add_up_to_their_artists_in_the_real_set():
    """The totals of the set; the songs of one artist of fifty are not in the file of songs."""
    artists = read_artist_daily(published() / "artist_daily_p1.csv.gz")
    songs = read_song_daily(published() / "song_daily_p1.csv.gz", keep=["artist_id"])
    assert artists[["y", "downloads", "collects"]].sum().tolist() == [4783603, 812427, 56202]
    assert len(artists) == 50 * 183 and len(songs) == 436126
    sums = songs.groupby(["artist_id", "ds"])[["y", "downloads", "collects"]].sum()
    assert sums.to_numpy().sum() == 5186654
    expected = artists[artists["unique_id"] != "4b8eb68442432c242e9242be040bacf9"]
    expected = expected.set_index(["unique_id", "ds"])[["y", "downloads", "collects"]]
    assert len(expected) == 49 * 183
    assert (sums.reindex(expected.index, fill_value=0) == expected).all(axis=None)
    assert set(sums.index) <= set(expected.index)
