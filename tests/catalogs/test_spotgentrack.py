"""SpotGenTrack: what means missing and where, joins by mean, its names, and its tables written."""

from __future__ import annotations

import json
import logging
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
from catalog_tables import AUDIO, spotgentrack, write
from hypothesis import given, settings, strategies as st

from spdkit import catalogs
from spdkit.catalogs import CatalogError
from spdkit.catalogs.spotgentrack import ARTISTS, AUDIO_COLUMNS, LYRICS_COLUMNS, write_tables
from spdkit.common.errors import SpdkitWarning
from spdkit.extraction.batch import extract
from spdkit.extractors.audio import AudioExtractor
from spdkit.extractors.lyrics import LyricsExtractor
from spdkit.extractors.metadata import MetadataExtractor
from spdkit.store import dataset
from spdkit.store.feature_store import FeatureStore, FeatureTable, write_store
from spdkit.tracks.track import Track

SPD = catalogs.get("spotgentrack")


@pytest.fixture
def folder(tmp_path):
    return write(tmp_path, "spotgentrack")


def edited(tmp_path, file, row, column, value):
    frames = spotgentrack()
    frames[file] = frames[file].astype(object)
    frames[file].at[row, column] = value
    return write(tmp_path, "spotgentrack", frames)


def test_the_names_are_those_of_the_extractors(folder):
    audio = list(AudioExtractor(profile="spotgentrack").get_feature_names_out())
    lyrics = list(LyricsExtractor(profile="spotgentrack").get_feature_names_out())
    assert list(AUDIO_COLUMNS) == AUDIO == audio
    assert set(LYRICS_COLUMNS) == set(lyrics)
    var = SPD.to_store(folder, folder / "spd.h5").var
    assert list(var.index[var["extractor"] == "audio"]) == audio
    assert list(var.index[var["extractor"] == "lyrics"]) == lyrics
    metadata = list(MetadataExtractor().get_feature_names_out())
    assert list(var.index[var["extractor"] == "metadata"]) == [*metadata, "spotify_time_signature"]
    specs = {spec.name: spec for spec in AudioExtractor(profile="spotgentrack").feature_specs}
    assert var.loc["MFCC_3", "unit"] == specs["MFCC_3"].unit
    assert var.loc["ZCR", "high"] == specs["ZCR"].high


def test_every_cell_of_the_feature_tables_reaches_its_place(folder):
    features = SPD.to_store(folder, folder / "spd.h5").to_pandas()
    frames = spotgentrack()
    audio = frames["low_level_audio_features.csv"].set_index("track_id")
    for column in AUDIO:
        assert list(features[column]) == list(audio[column]), column
    lyrics = frames["lyrics_features.csv"].set_index("track_id")
    for column in LYRICS_COLUMNS:
        assert (
            features.loc[["t1", "t3"], column].tolist() == lyrics.loc[["t1", "t3"], column].tolist()
        )


def test_what_means_missing_is_missing_there_and_nowhere_else(folder):
    store = SPD.to_store(folder, folder / "spd.h5")
    features, tracks = store.to_pandas(), SPD.load(folder)["tracks"].set_index("id")
    assert features.loc["t2", list(LYRICS_COLUMNS)].isna().all()
    assert list(store.obs["lyrics_status"]) == ["ok", "absent", "ok"]
    assert tracks.loc["t2", "lyrics"] == ""
    assert tracks.loc["t1", "lyrics"] == 'Down by the quay,\nwe "sang", all day'
    assert features.loc["t1", "spotify_loudness"] == -1.0
    assert features.loc["t1", "entropy_energy"] == -1.0
    assert features.loc["t3", "spotify_tempo"] == 0.0
    assert features.loc["t2", "spotify_key"] == 0.0


def test_a_key_that_was_not_found_is_missing(tmp_path):
    edited(tmp_path, "spotify_tracks.csv", 1, "key", -1)
    assert SPD.load(tmp_path)["tracks"]["key"].isna().tolist() == [False, True, False]
    edited(tmp_path, "spotify_tracks.csv", 1, "key", -2)
    with pytest.raises(CatalogError, match=r"column 'key': outside \[0, 11\]: '-2.*' in row 2"):
        SPD.validate(tmp_path)


def test_artists_join_by_their_mean_and_markets_are_counted(folder):
    features = SPD.to_store(folder, folder / "spd.h5").to_pandas()
    # t1 has a1 and a2: (1000 + 3000) / 2 and (40 + 61) / 2. t3 has a1 and a stranger: a1 alone.
    assert features["artist_followers"].tolist() == [2000.0, 3000.0, 1000.0]
    assert features["artist_popularity"].tolist() == [50.5, 61.0, 40.0]
    assert features["available_markets"].tolist() == [3.0, 0.0, 1.0]
    years = features["release_year"]
    assert years["t1"] == 2019.0
    assert years[["t2", "t3"]].isna().all()  # year 0000, and an album that is not there


def test_facts_and_groups(folder):
    store = SPD.to_store(folder, folder / "spd.h5")
    facts = [json.loads(text) for text in store.obs["metadata"]]
    assert facts[0] == {
        "title": "Down by the Quay",
        "artist": "Ann, Ben",
        "artist_id": "a1",
        "album": "Quay",
        "release_date": "2019-03-22",
        "country": "ES",
        "genres": ["pop", "sea shanty"],
        "popularity": 70.0,
    }
    assert facts[1]["title"] == "Nan"  # a name, and no missing value
    assert facts[1]["genres"] == ["pop"]
    assert list(store.obs["artist_id"]) == ["a1", "a2", "a9"]


def test_what_cannot_be_joined_is_told(tmp_path, caplog):
    frames = spotgentrack()
    for file in ("low_level_audio_features.csv", "lyrics_features.csv"):
        frames[file].loc[2, "track_id"] = "t9"
    frames["spotify_tracks.csv"].loc[2, "artists_id"] = "['a8', 'a9']"
    with caplog.at_level(logging.WARNING):
        store = SPD.to_store(write(tmp_path, "spotgentrack", frames), tmp_path / "spd.h5")
    assert [record.getMessage().removeprefix("spotgentrack: ") for record in caplog.records] == [
        "artists of tracks that are not in spotify_artists.csv: 2",
        "tracks without any artist there: 1",
        "tracks without their album in spotify_albums.csv: 1",
        "rows of low_level_audio_features.csv without a track, left out: 1",
        "rows of lyrics_features.csv without a track, left out: 1",
    ]
    assert list(store.obs["audio_status"]) == ["ok", "ok", "absent"]
    assert list(store.obs["metadata_status"]) == ["ok", "ok", "ok"]
    assert np.isnan(store.to_pandas().loc["t3", "artist_followers"])
    assert dataset.load(store).report.statuses["audio"] == {"ok": 2, "absent": 1}


def test_a_track_without_artists_has_no_group(tmp_path):
    folder = edited(tmp_path, "spotify_tracks.csv", 0, "artists_id", "[]")
    store = SPD.to_store(folder, folder / "spd.h5")
    assert list(store.obs["artist_id"]) == ["", "a2", "a9"]
    with pytest.warns(SpdkitWarning, match="tracks without a group, kept together in one: 1"):
        assert dataset.load(store).report.without_group == ("t1",)


def test_a_repeated_track_keeps_its_first_popularity(tmp_path):
    frames = spotgentrack()
    tracks = frames["spotify_tracks.csv"]
    again = tracks.iloc[[1]].assign(popularity=90.0, country="FI")
    frames["spotify_tracks.csv"] = pd.concat([tracks, again], ignore_index=True)
    data = SPD.load(write(tmp_path, "spotgentrack", frames))
    assert data.labels["popularity"].to_dict() == {"t1": 70.0, "t2": 10.0, "t3": 40.0}
    assert "an earlier id: 1, of which 1 with other values" in data.remarks[0]


@pytest.mark.parametrize(
    "literal",
    ["['a1'", "{'a1'}", "['a1', 7]", "'a1'", "__import__('os').getcwd()", "[" * 5000, "a1"],
)
def test_what_is_no_list_of_texts_is_named_by_its_row(literal, tmp_path):
    folder = edited(tmp_path, "spotify_tracks.csv", 2, "artists_id", literal)
    with pytest.raises(
        CatalogError, match=r"'artists_id': no list of texts, such as \['a', 'b'\]: .* in row 3"
    ):
        SPD.validate(folder)


LISTS = st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0")))


@settings(max_examples=10, deadline=None)
@given(lists=st.tuples(LISTS, LISTS))
def test_any_list_of_texts_survives_its_literal(lists, tmp_path_factory):
    folder, frames = tmp_path_factory.mktemp("spd"), spotgentrack()
    genres = frames["spotify_artists.csv"]["genres"].astype(object)
    genres.iloc[:2] = [str(names) for names in lists]
    frames["spotify_artists.csv"]["genres"] = genres
    write(folder, "spotgentrack", frames)
    artists = SPD.load(folder)["artists"]
    assert list(artists["genres"][:2]) == [tuple(names) for names in lists]


@pytest.mark.parametrize(
    ("column", "value", "what"),
    [
        ("popularity", 101, r"outside \[0, 100\]: '101.*' in row 1"),
        ("popularity", -1, r"outside \[0, 100\]: '-1.*' in row 1"),
        ("popularity", 50.5, r"no whole number: '50.5' in row 1"),
        ("energy", "inf", "no number: 'inf' in row 1"),
        ("energy", "nan", "no number: 'nan' in row 1"),
        ("energy", True, "no number: 'True' in row 1"),
    ],
)
def test_numbers_that_cannot_be(column, value, what, tmp_path):
    folder = edited(tmp_path, "spotify_tracks.csv", 0, column, value)
    with pytest.raises(CatalogError, match=f"'{column}': {what}"):
        SPD.validate(folder)


def test_a_song_of_any_length_can_be_read(tmp_path):
    long = "la " * 100_000  # csv's own limit is 131072 characters
    folder = edited(tmp_path, "spotify_tracks.csv", 0, "lyrics", long)
    assert SPD.load(folder)["tracks"].loc[0, "lyrics"] == long


def test_a_number_beyond_float32_is_refused(tmp_path):
    folder = edited(tmp_path, "low_level_audio_features.csv", 1, "MEL_2", 1e39)
    with pytest.raises(CatalogError, match=r"track 't2': MEL_2 is 1e\+39, beyond float32"):
        SPD.to_store(folder, folder / "spd.h5")


def test_the_tables_that_it_writes_are_those_it_read(folder, tmp_path):
    store = SPD.to_store(folder, folder / "spd.h5")
    written = write_tables(store, folder)
    assert written == {"low_level_audio_features.csv": 3, "lyrics_features.csv": 3}
    for file in written:
        found = pd.read_csv(folder / file, index_col=0)
        expected = spotgentrack()[file]
        pd.testing.assert_frame_equal(found, expected[list(found.columns)], check_dtype=False)
        assert set(found.columns) == set(expected.columns)
    # and the set reads them again, to the same store
    before = (folder / "spd.h5").read_bytes()
    again = SPD.to_store(folder, folder / "again.h5")
    assert np.array_equal(again.X, store.X, equal_nan=True)
    assert again.obs.equals(store.obs)
    assert (folder / "spd.h5").read_bytes() == before


def test_a_failure_is_not_written_as_no_lyrics(folder):
    table = SPD.to_store(folder, folder / "spd.h5").read()
    obs = table.obs.assign(lyrics_status=["failed", "absent", "ok"], audio_status=["absent"] * 3)
    write_store(folder / "spd.h5", FeatureTable(table.X, obs, table.var, table.provenance))
    store = FeatureStore.open(folder / "spd.h5")
    assert write_tables(store, folder) == {
        "low_level_audio_features.csv": 0,
        "lyrics_features.csv": 2,
    }
    written = pd.read_csv(folder / "lyrics_features.csv", index_col=0).set_index("track_id")
    assert (written.loc["t2"] == -1).all()
    assert "t1" not in written.index


def test_columns_that_the_artists_must_have():
    needed = [column.name for column in ARTISTS.columns if column.needed]
    assert needed == ["id", "name", "artist_popularity", "followers", "genres"]


def test_a_store_of_other_features_cannot_be_written_as_tables(folder):
    store = SPD.to_store(folder, folder / "spd.h5").select("metadata")
    with pytest.raises(CatalogError, match=r'neither the audio nor the lyrics.*profile="spotgent'):
        write_tables(store, folder)
    with pytest.raises(CatalogError, match=r"cannot write low_level_audio_features\.csv"):
        write_tables(SPD.to_store(folder, folder / "spd.h5"), folder / "nowhere")


def test_lyrics_by_the_papers_definitions_are_not_written_as_the_sets(tmp_path):
    """The names of the six columns are the same in both profiles; the numbers are not."""
    tracks = [Track("a", lyrics="One two three\nfour five"), Track("b", metadata={"x": 1})]
    with ThreadPoolExecutor(1) as executor:
        for profile in ("paper", "spotgentrack"):
            extractors = [LyricsExtractor(profile=profile)]
            extract(tracks, tmp_path / f"{profile}.h5", extractors, executor=executor)
    with pytest.raises(CatalogError, match="were extracted with profile='paper', by other defin"):
        write_tables(FeatureStore.open(tmp_path / "paper.h5"), tmp_path)
    assert not (tmp_path / "lyrics_features.csv").exists()
    store = FeatureStore.open(tmp_path / "spotgentrack.h5")
    assert write_tables(store, tmp_path) == {"lyrics_features.csv": 2}
    written = pd.read_csv(tmp_path / "lyrics_features.csv", index_col=0).set_index("track_id")
    assert written.loc["a", "n_words"] == 5
    assert (written.loc["b"] == -1).all()
