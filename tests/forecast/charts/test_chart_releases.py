"""Metadata beside charts: songs joined by any form of their id or by name, and what comes out."""

from __future__ import annotations

import pandas as pd
import pytest

from spdkit.forecast.charts.chart_releases import join_songs, upcoming_songs
from spdkit.forecast.charts.chart_table import COLUMNS, check_chart
from spdkit.forecast.data.checks import ForecastError

ID, OTHER = "4uLU6hMCjMI75M1A2tKUQC", "7GhIk7Il098yCjg4BQjzvb"


def table(*ids):
    """Two days of Closer by The Chainsmokers and Home by Ana."""
    songs = [("Closer (feat. Halsey)", "The Chainsmokers"), ("Home", "Ana")]
    rows = [
        ("PH", f"2025-01-0{day}", place, name, *song, 100.0 - place)
        for day in (1, 2)
        for place, (name, song) in enumerate(zip(ids, songs, strict=True), 1)
    ]
    return check_chart(pd.DataFrame(rows, columns=list(COLUMNS)), freq="D")


BY_ID = table(ID, OTHER)
BY_NAME = table("the chainsmokers – closer", "ana – home")


def joined(chart, **columns):
    remarks = []
    return join_songs(chart, pd.DataFrame(columns), remarks), remarks


@pytest.mark.parametrize(
    "form", [ID, f"spotify:track:{ID}", f"https://open.spotify.com/track/{ID}?si=1", f" {ID} "]
)
def test_an_id_in_any_form_is_that_song(form):
    songs, remarks = joined(BY_ID, track_id=[form], energy=[0.5])
    assert songs["track_id"].tolist() == [ID] and songs["energy"].tolist() == [0.5]
    assert remarks == [
        "metadata: 1 of the 2 songs of the charts are in it, and 0 songs that are in no chart"
    ]


def test_songs_of_charts_without_ids_are_joined_by_name():
    songs, remarks = joined(
        BY_NAME,
        track_id=[ID, OTHER],
        track_name=["CLOSER", "New"],
        artist_name=["The Chainsmokers, Halsey", "Ana"],
    )
    assert songs["track_id"].tolist() == ["the chainsmokers – closer", OTHER]
    assert remarks == [
        "metadata: 1 of the 2 songs of the charts are in it (1 by artist and title), and 1 songs "
        "that are in no chart"
    ]


@pytest.mark.parametrize("ids", [{}, {"track_id": [None, "", "NA"]}])
def test_rows_without_an_id_are_joined_by_name(ids):
    songs, remarks = joined(BY_ID, title=["Home", "New", None], artist=["ANA", "Ana", "Ana"], **ids)
    assert songs["track_id"].tolist() == [OTHER, "ana – new"]
    assert "metadata: 1 rows have no id, or no title and artist, and are left out" in remarks


def test_a_song_with_another_id_is_another_song():
    songs, remarks = joined(BY_ID, track_id=["x"], title=["Home"], artist=["Ana"])
    assert songs["track_id"].tolist() == ["x"]
    assert remarks[-1] == f"metadata: none of its ids ('x') is one of the charts ({ID!r})"


def test_a_song_that_stands_twice():
    with pytest.raises(ForecastError, match="occur more than once"):
        joined(BY_ID, track_id=[ID, f"spotify:track:{ID}"])
    songs, remarks = joined(BY_NAME, track_id=[ID, OTHER], title=["Home"] * 2, artist=["Ana"] * 2)
    assert songs["track_id"].tolist() == ["ana – home"]
    assert remarks[0] == "metadata: 1 rows are a song by artist and title that is there already"


def test_what_are_no_metadata():
    with pytest.raises(ForecastError, match="metadata must be a pandas DataFrame, got str"):
        join_songs(BY_ID, "songs.csv", [])
    with pytest.raises(ForecastError, match="the metadata: no column 'track_id'"):
        joined(BY_ID, title=["Home"])


def test_what_comes_out_without_a_name_and_later_is_told():
    dates = ["2025-01-03", "2025-01-03", "2025-01-03", "2025-01-10", "2025-01-01"]
    songs, remarks = joined(
        BY_ID,
        track_id=["a", "b", "c", "d", "e"],
        title=["A", None, "C", "D", "E"],
        artist=["Ana", "Ana", " ", "Ana", "Ana"],
        release_date=dates,
    )
    upcoming = upcoming_songs(BY_ID, 2, songs, remarks)
    assert upcoming["track_id"].tolist() == ["a"]
    assert upcoming["ds"].tolist() == [pd.Timestamp("2025-01-03")]
    assert remarks[-3:] == [
        "metadata: 3 of them come out on dates that are forecast",
        "metadata: 2 of these have no title or no artist, and are left out",
        "metadata: 1 come out after the dates that are forecast: 'D'",
    ]
