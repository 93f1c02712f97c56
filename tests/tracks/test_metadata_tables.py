"""Tables joined to tracks: what matched, what did not, and who wins."""

from __future__ import annotations

import unicodedata

import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st

from spdkit.tracks.metadata_tables import JoinError, join
from spdkit.tracks.track import Track, TrackError, TrackSet

FOUND = TrackSet(
    (
        Track("a.wav", "/m/a.wav", "old words", {"title": "A", "release_year": 1999}),
        Track("b/c.mp3", "/m/b/c.mp3"),
        Track("d.flac", "/m/d.flac", None, {"title": "D"}),
    ),
    ("a remark",),
    ("a problem",),
)


def table(**columns):
    return pd.DataFrame(columns)


def by_id(joined):
    return {track.track_id: track for track in joined.tracks}


def test_columns_become_metadata_and_lyrics():
    joined = join(
        FOUND,
        table(
            track_id=["b/c.mp3", "a.wav"],
            lyrics=["new words", None],
            artist_followers=[1200, 34],
            title=["C", "A"],
        ),
    )
    tracks = by_id(joined)
    assert tracks["b/c.mp3"] == Track(
        "b/c.mp3", "/m/b/c.mp3", "new words", {"artist_followers": 1200, "title": "C"}
    )
    assert tracks["a.wav"].lyrics == "old words", "an empty cell says nothing"
    assert tracks["a.wav"].metadata == {"title": "A", "release_year": 1999, "artist_followers": 34}
    assert tracks["d.flac"] == FOUND[2]
    assert [track.track_id for track in joined.tracks] == ["a.wav", "b/c.mp3", "d.flac"]
    assert (joined.tracks.remarks, joined.tracks.problems) == (FOUND.remarks, FOUND.problems)
    assert (joined.n_matched, joined.unmatched, joined.without_row) == (2, (), ("d.flac",))
    assert joined.replaced == {}
    assert joined.remarks == ["2 of 3 tracks have a row, 1 have none: d.flac"]


def test_a_table_wins_and_says_what_it_replaced():
    joined = join(
        FOUND,
        table(
            track_id=["a.wav", "d.flac"],
            title=["Other", "Other"],
            release_year=[1999.0, None],  # the same number
            lyrics=["new", "new"],
        ),
    )
    tracks = by_id(joined)
    assert tracks["a.wav"].metadata == {"title": "Other", "release_year": 1999}
    assert (tracks["a.wav"].lyrics, tracks["d.flac"].lyrics) == ("new", "new")
    assert joined.replaced == {"title": 2, "lyrics": 1}
    assert joined.remarks[1] == "3 values replace other ones (lyrics 1, title 2)"


def test_rows_without_a_track_are_counted_and_five_named():
    names = [f"x{n}" for n in range(7)]
    joined = join(FOUND, table(track_id=[*names, "a.wav"], bpm=range(8)))
    assert joined.unmatched == tuple(names)
    assert joined.remarks == [
        "1 of 3 tracks have a row, 2 have none: b/c.mp3, d.flac",
        "7 rows match no track: x0, x1, x2, x3, x4 and 2 more",
    ]


def test_audio_of_a_table_is_left_out_and_told():
    joined = join(FOUND, table(track_id=["a.wav"], audio=["/elsewhere.wav"], bpm=[1]))
    assert by_id(joined)["a.wav"].audio == "/m/a.wav"
    assert "audio" not in by_id(joined)["a.wav"].metadata
    assert joined.remarks[-1] == "the column audio is left out: tracks have their own"


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_files_of_either_kind(suffix, tmp_path):
    frame = table(track_id=["a.wav"], year=[2001], genres=["pop"])
    path = tmp_path / f"t{suffix}"
    (frame.to_csv if suffix == ".csv" else frame.to_parquet)(path, index=False)
    assert by_id(join(FOUND, path))["a.wav"].metadata["year"] == 2001


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("track_id,x\na.wav,1\nb,2\na.wav,3\n", "1 track_id occur more than once: 'a.wav'"),
        ("track_id,x\na.wav,1\n,2\n", "no track_id in row 2"),
        ("id,x\na.wav,1\n", "no column 'track_id'; the columns are id, x"),
        ("", "cannot be read as a table"),
    ],
)
def test_a_wrong_table_is_refused_by_name(text, message, tmp_path):
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(TrackError, match=rf"t\.csv: {message}"):
        join(FOUND, tmp_path / "t.csv")


def test_a_table_without_rows_is_refused(tmp_path):
    (tmp_path / "t.csv").write_text("track_id,x\n")
    with pytest.raises(JoinError, match=r"t\.csv: has no rows"):
        join(FOUND, tmp_path / "t.csv")


@pytest.mark.parametrize(
    ("rows", "hint"),
    [
        (["nothing", "d.mp3"], "Of 'd.mp3' the nearest track is 'd.flac' (another suffix)"),
        (["A.WAV"], "Of 'A.WAV' the nearest track is 'a.wav' (other capitals)"),
        (["c.mp3"], "Of 'c.mp3' the nearest track is 'b/c.mp3' (another folder)"),
        (["/home/me/c.mp3"], "the nearest track is 'b/c.mp3' (another folder)"),
        (["c"], "Of 'c' the nearest track is 'b/c.mp3' (another folder and suffix)"),
        (["dd.flax"], "Of 'dd.flax' the nearest track is 'd.flac' (another name)"),
        ([".", "/", " ", "0"], "(another name)"),
    ],
)
def test_when_nothing_matches_the_nearest_is_named(rows, hint):
    with pytest.raises(JoinError) as caught:
        join(FOUND, table(track_id=[row.replace(" ", "_") for row in rows], x=1))
    assert f"none of its {len(rows)} track_id is one of the 3 tracks" in str(caught.value)
    assert hint in str(caught.value)


def test_whole_ids_that_pandas_made_floats_match_with_a_remark():
    tracks = TrackSet((Track("1"), Track("2"), Track("2.0")))
    joined = join(tracks, table(track_id=[1.0, 2.0, 3.0], title=["A", "B", "C"]))
    titles = {name: track.metadata.get("title") for name, track in by_id(joined).items()}
    assert titles == {"1": "A", "2": None, "2.0": "B"} and joined.unmatched == ("3.0",)
    assert any("decimal point" in each and "1.0 for '1'" in each for each in joined.remarks)


@pytest.mark.parametrize("forms", [("NFC", "NFD"), ("NFD", "NFC")])
def test_a_name_in_another_unicode_form_is_the_same(forms):
    track, row = (unicodedata.normalize(form, "café.wav") for form in forms)
    joined = join(TrackSet((Track(track), Track("b"))), table(track_id=[row, "x"], x=[1, 2]))
    assert [each.track_id for each in joined.tracks] == [track, "b"]
    assert joined.tracks[0].metadata == {"x": 1}
    assert (joined.n_matched, joined.unmatched, joined.without_row) == (1, ("x",), ("b",))


def test_where_both_forms_are_tracks_each_has_its_own_row():
    names = [unicodedata.normalize(form, "café.wav") for form in ("NFC", "NFD")]
    joined = join(TrackSet(tuple(map(Track, names))), table(track_id=names, x=[1, 2]))
    assert [dict(track.metadata) for track in joined.tracks] == [{"x": 1}, {"x": 2}]


def test_a_placeholder_replaces_no_lyrics():
    tracks = TrackSet((Track("a", lyrics="la"), Track("b"), Track("c", lyrics_note="a note")))
    joined = join(tracks, table(track_id=["a", "b", "c"], lyrics=["-99", "-99", "words"]))
    a, b, c = joined.tracks
    assert (a.lyrics, a.lyrics_note) == ("la", "no lyrics but a placeholder, such as -99")
    assert (b.lyrics, c.lyrics, c.lyrics_note) == ("-99", "words", "")
    assert joined.replaced == {}


def test_many_names_are_compared_in_reasonable_time():
    """Quadratic work over 50,000 names would take hours, and the test's time-out ends it."""
    found = TrackSet(tuple(Track(f"{n:08x}.wav") for n in range(50_000)))
    with pytest.raises(JoinError, match="nearest"):
        join(found, table(track_id=[f"{n:08x}-none" for n in range(50_000)], x=1))


def test_no_tracks_are_no_mistake_of_the_table():
    joined = join(TrackSet(()), table(track_id=["a"], x=[1]))
    assert (len(joined.tracks), joined.unmatched) == (0, ("a",))


names = st.sampled_from("abcdef")
cells = st.dictionaries(names, st.integers(0, 3), max_size=6)


@settings(deadline=None, max_examples=50)
@given(st.dictionaries(names, cells), st.dictionaries(names, cells, min_size=1))
def test_every_cell_of_a_matching_row_and_nothing_else_arrives(have, say):
    found = TrackSet(tuple(Track(name, metadata=have[name]) for name in sorted(have)))
    frame = pd.DataFrame([{"track_id": name, **row} for name, row in say.items()])
    if have and not have.keys() & say.keys():
        with pytest.raises(JoinError):
            join(found, frame)
        return
    joined = join(found, frame)
    for name, track in by_id(joined).items():
        assert dict(track.metadata) == {**have[name], **say.get(name, {})}
    assert joined.n_matched + len(joined.without_row) == len(have)
    assert joined.n_matched + len(joined.unmatched) == len(say)
    overlap = [(n, k) for n in have.keys() & say.keys() for k in have[n].keys() & say[n].keys()]
    differing = sum(have[n][k] != say[n][k] for n, k in overlap)
    assert sum(joined.replaced.values()) == differing


def test_dates_that_cannot_be_read_are_counted_and_take_nothing_along():
    frame = table(track_id=["a.wav", "no such"], release_date=["unknown"] * 2, artist_followers=7)
    joined = join(FOUND, frame)
    told = "1 dates cannot be read and are missing: release_date 'unknown' of 'a.wav'"
    assert joined.remarks.count(told) == 1
    assert by_id(joined)["a.wav"].metadata["artist_followers"] == 7
    assert not any("dates" in remark for remark in join(FOUND, table(track_id=["a.wav"])).remarks)
