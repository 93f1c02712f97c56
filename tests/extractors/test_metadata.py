"""MetadataExtractor: what each kind of value becomes, what is missing, and what is refused."""

from __future__ import annotations

import math
import re
from datetime import UTC, date, datetime

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st

from spdkit.extraction.track_results import Task, run_task
from spdkit.extractors import AudioExtractor, ExtractionError, check_extractor
from spdkit.extractors.descriptors import DescriptorExtractor
from spdkit.extractors.metadata import MetadataExtractor
from spdkit.tracks.scan import from_table
from spdkit.tracks.track import Track

SPOTIFY = [
    "acousticness",
    "danceability",
    "duration_ms",
    "energy",
    "instrumentalness",
    "key",
    "liveness",
    "loudness",
    "mode",
    "speechiness",
    "tempo",
    "valence",
]
FIELDS = ["artist_followers", "artist_popularity", "available_markets", "release_year", *SPOTIFY]
LYRICS = {
    "n_sentences",
    "mean_words_sentence",
    "n_words",
    "mean_syllables_word",
    "sentence_similarity",
    "vocabulary_wealth",
}
# A row as a table of MusicOSet's layout has it.
SONG = {
    "name": "Paper Harbour",
    "artist_followers": 1500000.0,
    "artist_popularity": "81",
    "num_available_markets": 79.0,
    "release_date": "2019-02-08",
    "acousticness": 0.25,
    "danceability": 0.75,
    "duration_ms": 207320,
    "energy": 0.5,
    "instrumentalness": 0.0,
    "key": 3,
    "liveness": 0.125,
    "loudness": -5.5,
    "mode": 1,
    "speechiness": 0.0625,
    "tempo": 107.0,
    "valence": 1.0,
}


def read(metadata, **parameters):
    """Columns that are not NaN."""
    extractor = MetadataExtractor(**parameters)
    row = extractor.extract(Track("a", metadata=metadata))
    pairs = zip(extractor.get_feature_names_out(), row, strict=True)
    return {name: float(value) for name, value in pairs if not np.isnan(value)}


def refusal(metadata, **parameters):
    with pytest.raises(ExtractionError) as caught:
        MetadataExtractor(**parameters).extract(Track("a", metadata=metadata))
    assert caught.value.source == "a"
    return caught.value.reason


def test_a_whole_row():
    extractor = MetadataExtractor()
    row, obs = extractor.extract_with_obs(Track("a", metadata=SONG))
    expected = [1.5e6, 81, 79, 2019, 0.25, 0.75, 207320, 0.5, 0, 3, 0.125, -5.5, 1, 0.0625, 107, 1]
    np.testing.assert_array_equal(row, np.float32(expected))
    assert obs == {"known": 16.0, "missing": "", "note": ""}
    names = FIELDS[:4] + [f"spotify_{name}" for name in SPOTIFY]
    assert list(extractor.get_feature_names_out()) == names


def test_the_rest_is_nan_and_named():
    row, obs = MetadataExtractor().extract_with_obs(Track("a", metadata={"key": 0, "mode": 0}))
    assert np.flatnonzero(~np.isnan(row)).tolist() == [9, 12]
    assert row[9] == row[12] == 0
    assert obs["known"] == 2
    assert obs["missing"].split(", ") == [f for f in FIELDS if f not in ("key", "mode")]


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"cyclic_key": True},
        {"log1p_followers": True, "aliases": {"followers": "artist_followers"}},
    ],
)
def test_the_contract(parameters):
    check_extractor(MetadataExtractor(**parameters))


def test_no_two_extractors_share_a_name():
    extractors = {
        "metadata": [MetadataExtractor(), MetadataExtractor(cyclic_key=True, log1p_followers=True)],
        "descriptors": [DescriptorExtractor()],
        "audio": [AudioExtractor(extra=True), AudioExtractor("spotgentrack", extra=True)],
    }
    names = {
        key: {spec.name for each in variants for spec in each.feature_specs}
        for key, variants in extractors.items()
    }
    # Spotify's own names are free for a table that is joined.
    groups = [*names.values(), LYRICS, set(SPOTIFY)]
    assert len(set().union(*groups)) == sum(map(len, groups))


# What is missing


@pytest.mark.parametrize(
    "nothing",
    [None, math.nan, np.nan, "", "  ", "nan", "NaN", "None", "null", "N/A", pd.NA, pd.NaT, [], ()],
)
def test_nothing_is_nan(nothing):
    metadata = {"artist_followers": nothing, "release_year": nothing, "tempo": nothing, "mode": 1}
    assert read(metadata) == {"spotify_mode": 1}


@pytest.mark.parametrize("sentinel", [-1, -99, -1.0, "-1", "-99", np.int64(-99)])
def test_a_sentinel_is_missing_where_it_cannot_be_a_value(sentinel):
    everything = dict.fromkeys(FIELDS, sentinel)
    # A loudness of -1 dB is one; of -99 dB is none.
    is_one = sentinel in (-1, "-1")
    assert read(everything) == ({"spotify_loudness": -1} if is_one else {})


@pytest.mark.parametrize("year", [0, 0.0, "0", "0000", "0000-00-00"])
def test_the_year_0_is_none(year):
    assert read({"release_date": year}) == {}


def test_the_next_name_is_asked_where_one_has_no_value():
    metadata = {"release_year": "", "release_date": -99, "date": None, "year": 1984}
    assert read(metadata) == {"release_year": 1984}
    assert read({"release_date": "1999", "year": 1984}) == {"release_year": 1999}


def test_a_track_of_which_no_field_is_known_is_absent():
    extractor = MetadataExtractor()
    for metadata in ({}, {"title": "Ocean", "genre": "pop"}, {"tempo": "", "key": -1}):
        track = Track("a", metadata=metadata)
        assert extractor.is_absent(track)
        row, obs = extractor.extract_with_obs(track)
        assert np.isnan(row).all() and row.shape == (16,) and obs == {}


def test_what_is_there_but_wrong_is_not_absent():
    assert not MetadataExtractor().is_absent(Track("a", metadata={"tempo": "fast"}))
    assert not MetadataExtractor().is_absent(Track("a", metadata={"year": 1984}))


@pytest.mark.parametrize(
    ("metadata", "status", "error"),
    [
        ({"title": "Ocean"}, "absent", ""),
        ({"tempo": "fast"}, "failed", "tempo = 'fast' is no number"),
        ({"tempo": 99, "title": "Ocean"}, "ok", ""),
    ],
)
def test_a_batch_tells_absent_from_failed(metadata, status, error):
    task = Task(Track("a", metadata=metadata), ("metadata",))
    result = run_task(task, {"metadata": MetadataExtractor()}).results["metadata"]
    assert result.status == status
    assert result.error.startswith(error) and bool(result.error) == bool(error)


# What is understood


@pytest.mark.parametrize(
    ("value", "year"),
    [
        (2019, 2019),
        (2019.0, 2019),
        ("2019", 2019),
        ("2019.0", 2019),
        ("2019-02", 2019),
        ("2019-02-08", 2019),
        (" 2019-02-08T23:59:59Z ", 2019),
        ("2019-02-08 10:00:00", 2019),
        ("20190208", 2019),
        (20190208, 2019),
        (["2019-02-08"], 2019),
        (date(2019, 2, 8), 2019),
        (datetime(2019, 2, 8, tzinfo=UTC), 2019),
        (pd.Timestamp("2019-02-08"), 2019),
        (np.datetime64("2019-02-08"), 2019),
        (np.int32(2019), 2019),
    ],
)
def test_dates_of_any_precision(value, year):
    assert read({"date": value}) == {"release_year": year}


@pytest.mark.parametrize(
    ("value", "count"),
    [
        (79, 79),
        ("79", 79),
        (["AD", "AE"], 2),
        ({"AD", "AE", "AR"}, 3),
        (np.array(["AD", "AE"]), 2),
        ("['AD', 'AE']", 2),
        ('["AD","AE","AR"]', 3),
        ("('AD',)", 1),
        ("[ ]", 0),
        ([], 0),
    ],
)
def test_markets_are_counted(value, count):
    assert read({"available_markets": value}) == {"available_markets": count}


@pytest.mark.parametrize("value", [0.5, "0.5", " 5e-1 ", [0.5], np.float64(0.5), np.array([0.5])])
def test_numbers_and_their_text(value):
    assert read({"energy": value}) == {"spotify_energy": 0.5}


def test_a_tables_cells_arrive(tmp_path):
    path = tmp_path / "songs.csv"
    path.write_text(
        "track_id,audio,artist_followers,available_markets,release_date,tempo\n"
        "a,,1200,\"['AD', 'AE']\",2019-02,\n"
        "b,,,,1975,90.5\n"
    )
    table = MetadataExtractor().transform(from_table(path))
    expected = np.full((2, 16), np.nan)
    expected[0, [0, 2, 3]] = 1200, 2, 2019
    expected[1, [3, 14]] = 1975, 90.5
    np.testing.assert_array_equal(table, np.float32(expected))


# What is refused


@pytest.mark.parametrize(
    ("metadata", "reason"),
    [
        (
            {"artist_popularity": 120},
            "artist_popularity = 120 is out of range; "
            "artist_popularity takes numbers from 0 to 100",
        ),
        ({"artist_followers": -5}, "artist_followers = -5 is out of range; .* numbers from 0"),
        ({"artist_followers": "inf"}, "is out of range"),
        ({"artist_followers": 10**400}, "is out of range"),
        ({"artist_followers": 1e39}, "is out of range"),
        ({"artist_followers": "1,200"}, "artist_followers = '1,200' is no number"),
        ({"artist_followers": "1_200"}, "is no number"),
        ({"energy": True}, "energy = True is no number"),
        ({"energy": {"value": 1}}, "is no number"),
        ({"energy": b"0.5"}, "is no number"),
        ({"energy": [0.5, 0.6]}, r"energy = \[0.5, 0.6\] holds 2 values, not one"),
        ({"key": "C#"}, "key = 'C#' is no number; key takes whole numbers from 0 to 11"),
        ({"key": 12}, "is out of range"),
        ({"key": 3.5}, "key = 3.5 is not whole"),
        ({"mode": 2}, "mode takes whole numbers from 0 to 1"),
        ({"loudness": 21}, "loudness takes numbers from -90 to 20"),
        ({"available_markets": "AD, AE"}, "is no number"),
        ({"available_markets": "['AD', AE]"}, "is no list of texts"),
        ({"available_markets": "[__import__('os')]"}, "is no list of texts"),
        ({"available_markets": [1, 2]}, "is no list of texts"),
    ],
)
def test_what_cannot_be_is_an_error_with_its_column_value_and_range(metadata, reason):
    assert re.search(reason, refusal(metadata))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("artist_popularity", "10%"), ("tempo", "100.25 BPM"), ("artist_followers", "1,200")),
        *(("key", "C#"), ("energy", True), ("energy", [0.5, 0.6]), ("energy", {"value": 1})),
        *(("available_markets", "AD, AE"), ("available_markets", [1, 2])),
    ],
)
def test_a_number_that_cannot_be_read_is_missing_and_told_and_takes_nothing_along(name, value):
    track = Track("a", metadata={"valence": 0.5, "date": "1999", name: value})
    row, obs = MetadataExtractor().extract_with_obs(track)
    assert (row[3], row[15]) == (1999, 0.5) and np.isnan(row).sum() == 14
    assert name in obs["missing"].split(", ")
    assert re.fullmatch(
        rf"{name} = .* (is no|holds 2) .*; {name} takes .*numbers from .*", obs["note"]
    )
    # What is out of range is an error all the same.
    track.metadata["danceability"] = 2
    with pytest.raises(ExtractionError, match="danceability = 2 is out of range"):
        MetadataExtractor().extract(track)


def test_a_second_name_is_asked_where_one_cannot_be_read():
    assert read({"spotify_tempo": "90 BPM", "tempo": 90}) == {"spotify_tempo": 90}


def test_an_error_shows_no_more_than_the_start_of_a_long_value():
    assert len(refusal({"tempo": "x" * 10**6})) < 200


@pytest.mark.parametrize(
    ("date", "reason"),
    [
        ("2019-13", "date = '2019-13' is no date"),
        (2019.5, "date = 2019.5 is no date"),
        (20199, "is no date"),
        ("0123", "date = '0123' is no date from 1000 to 2100"),
        ("平成3年", "is no date"),
        (["1999", "2001"], r"date = \['1999', '2001'\] holds 2 values, not one date"),
        ({"year": 1999}, "is no date"),
        (b"1999", "is no date"),
        (True, "date = True is no date"),
        ("x" * 10**6, "date = 'x+...x+' is no date"),
    ],
)
def test_a_date_that_cannot_be_read_is_missing_and_told_and_takes_nothing_along(date, reason):
    track = Track("a", metadata={"artist_followers": 7, "date": date})
    row, obs = MetadataExtractor().extract_with_obs(track)
    assert row[0] == 7 and np.isnan(row[1:]).all()
    assert re.fullmatch(f"(date = .*)?{reason}", obs["note"]) and len(obs["note"]) < 200
    assert "release_year" in obs["missing"]
    # Another fact that can be read comes in its place, with the same remark.
    track.metadata["year"] = 1984
    assert MetadataExtractor().extract_with_obs(track)[0][3] == 1984
    # Alone it is nothing that is known.
    assert MetadataExtractor().is_absent(Track("a", metadata={"date": date}))


def test_the_date_of_a_table_comes_before_the_year_of_a_tag():
    tags = {"date": "2005", "release_year": 2005}
    assert read({**tags, "release_date": "1999-05"}) == {"release_year": 1999}
    assert read({**tags, "release_year": 1999}) == {"release_year": 1999}


# Parameters


def test_aliases_go_before_our_own_names():
    metadata = {"followers": 7, "artist_followers": 8, "born": "1980", "energy": 1}
    aliases = {"followers": "artist_followers", "born": "release_year"}
    expected = {"artist_followers": 7, "release_year": 1980, "spotify_energy": 1}
    assert read(metadata, aliases=aliases) == expected
    del metadata["followers"]
    assert read(metadata, aliases=aliases)["artist_followers"] == 8
    track = Track("a", metadata={"born": "long ago", "energy": 1})
    obs = MetadataExtractor(aliases=aliases).extract_with_obs(track)[1]
    assert obs["note"] == "born = 'long ago' is no date"


def test_an_alias_of_nothing_is_refused():
    with pytest.raises(ValueError, match=r"aliases must lead to our fields .*got \['fans'\]"):
        MetadataExtractor(aliases={"followers": "fans"}).extract(Track("a"))


def test_the_logarithm_of_followers():
    # ln(1 + 0) = 0, and e - 1 followers would give 1.
    names = "artist_followers_log1p"
    assert read({"artist_followers": 0}, log1p_followers=True) == {names: 0}
    many = read({"artist_followers": 999_999}, log1p_followers=True)[names]
    assert many == pytest.approx(6 * math.log(10), rel=1e-7)


def test_the_key_on_its_circle():
    # Three steps of twelve are a quarter turn; a missing key has neither coordinate.
    columns = {"spotify_key_sin": 1.0, "spotify_key_cos": 0.0}
    assert read({"key": 3}, cyclic_key=True) == pytest.approx(columns, abs=1e-7)
    assert read({"key": -1, "mode": 0}, cyclic_key=True) == {"spotify_mode": 0}
    points = [list(read({"key": k}, cyclic_key=True).values()) for k in range(12)]
    steps = np.linalg.norm(np.roll(points, -1, axis=0) - points, axis=1)
    np.testing.assert_allclose(steps, 2 * math.sin(math.pi / 12), rtol=1e-6)


# Any mapping

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=12)
    | st.sampled_from(["2019", "2019-02-30", "[]", "['AD'", "-1", "1e999", "٣", "0x1"])
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=4,
)
KEYS = st.sampled_from([*FIELDS, "date", "year", "num_available_markets", "title"])


@settings(deadline=None, max_examples=300)
@given(st.dictionaries(KEYS, VALUES, max_size=6))
def test_any_mapping_is_a_row_or_an_error(metadata):
    extractor, track = MetadataExtractor(), Track("a", metadata=metadata)
    try:
        row, obs = extractor.extract_with_obs(track)
    except ExtractionError as error:
        assert any(error.reason.startswith(f"{key} = ") for key in metadata)
        assert not extractor.is_absent(track)
        return
    assert extractor.is_absent(track) == bool(np.isnan(row).all())
    for spec, value in zip(extractor.feature_specs, row, strict=True):
        assert np.isnan(value) or spec.low <= value <= spec.high
    missing = obs.get("missing", ", ".join(FIELDS)).split(", ")
    assert [name in missing for name in FIELDS] == np.isnan(row).tolist()


numbers = {
    "artist_followers": st.floats(0, 1e9),
    "artist_popularity": st.floats(0, 100),
    "available_markets": st.integers(0, 250),
    "release_year": st.integers(1000, 2100),
    **{name: st.floats(0, 1) for name in SPOTIFY},
    "duration_ms": st.integers(0, 10**7),
    "key": st.integers(0, 11),
    "loudness": st.floats(-90, 20),
    "mode": st.integers(0, 1),
    "tempo": st.floats(0, 300),
}


@settings(deadline=None, max_examples=100)
@given(st.fixed_dictionaries({}, optional=numbers), st.booleans())
def test_nan_exactly_where_there_is_nothing(metadata, as_text):
    given_ = {key: str(value) if as_text else value for key, value in metadata.items()}
    row = MetadataExtractor().extract(Track("a", metadata=given_))
    expected = [metadata.get(name, np.nan) for name in FIELDS]
    np.testing.assert_array_equal(row, np.array(expected, dtype=np.float32))
