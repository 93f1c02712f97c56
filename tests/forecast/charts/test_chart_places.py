"""Places of songs that stay, by hand: those that come in stand above them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from spdkit.forecast.charts.chart_places import ChartPlaces, ranks_among
from spdkit.forecast.charts.chart_table import COLUMNS, check_chart


def chart(*days):
    rows = [
        (
            "PH",
            pd.Timestamp("2025-01-01") + pd.Timedelta(days=i),
            place,
            song,
            song,
            "",
            1000 - place,
        )
        for i, songs in enumerate(days)
        for place, song in enumerate(songs, 1)
    ]
    return check_chart(
        pd.DataFrame(rows, columns=list(COLUMNS)).astype({"streams": float}), freq="D"
    )


def test_a_newcomer_above_takes_a_place():
    # Each day one song comes in on the second place, and the last one leaves.
    places = ChartPlaces.of(chart("abcd", "axbc", "ayxb", "azyx"), 3)
    assert places.of_ranks("PH", 1, np.array([1, 1.5, 2, 3])).tolist() == [1, 2, 3, 4]
    # Two days on two songs are new: a and b of the first day, a and x of the second.
    assert places.of_ranks("PH", 2, np.array([1.0, 2])).tolist() == [1, 4]
    # Beyond what stayed, place for place; three days on only a is there.
    assert places.of_ranks("PH", 3, np.array([1.0, 2, 3])).tolist() == [1, 2, 3]


def test_where_nothing_is_known_a_rank_is_a_place():
    assert ChartPlaces.of(chart("ab", "cd"), 1).of_ranks("PH", 1, np.array([1.0, 2])).tolist() == [
        1,
        2,
    ]


def test_a_date_without_a_chart_says_nothing():
    whole, hole = chart("abcd", "axbc", "ayxb", "azyx"), chart("abcd", "", "ayxb", "azyx")
    assert len(hole.frame) == 12
    ranks = np.array([1.0, 2, 3])
    assert (
        ChartPlaces.of(hole, 1).of_ranks("PH", 1, ranks).tolist()
        == ChartPlaces.of(whole, 1).of_ranks("PH", 1, ranks).tolist()
    )


def test_ranks_count_songs_by_the_probability_that_they_stay():
    streams, stays = np.array([10.0, 30.0, 20.0]), np.array([1.0, 0.5, 0.8])
    assert ranks_among(streams, stays, streams, own=True).tolist() == pytest.approx([2.3, 1, 1.5])
    # With 40 the third stands first, and with 5 below both others, never above itself.
    asked = np.array([40.0, 40.0, 5.0])
    assert ranks_among(streams, stays, asked, own=True).tolist() == pytest.approx([1, 1, 2.5])
    assert ranks_among(streams, stays, np.array([5.0, 25]), own=False).tolist() == pytest.approx(
        [3.3, 1.5]
    )
