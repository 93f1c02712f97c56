"""Metadata of songs: chosen, checked and standardised."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.preprocessing import StandardScaler

from spdkit.forecast.charts.song_metadata import (
    SONG_METADATA,
    MetadataScale,
    read_metadata,
    refuse_missing,
)
from spdkit.forecast.data.checks import ForecastError

SONGS = pd.Index(["b", "a", "c"])
TABLE = pd.DataFrame(
    {"id": ["a", "b", "z"], "tempo": [100.0, 120.0, 1.0], "mode": [1, 1, 0], "title": list("xyz")}
)


def test_there_are_thirteen():
    assert len(set(SONG_METADATA)) == 13


def test_rows_come_in_the_songs_order_and_what_is_missing_is_not_a_number():
    values = read_metadata(TABLE, SONGS, ["tempo", "mode"], "id")
    np.testing.assert_array_equal(values, [[120, 1], [100, 1], [np.nan, np.nan]])


@pytest.mark.parametrize(
    ("change", "names", "message"),
    [
        (lambda df: df, ["energy"], "static_df: no column 'energy'"),
        (lambda df: df, ["title"], "column 'title' of static_df holds"),
        (lambda df: pd.concat([df, df]), ["tempo"], "has song 'a' more than once"),
        (lambda df: df.assign(tempo=np.inf), ["mode", "tempo"], "tempo of song 'b' is infinite"),
        (lambda df: [df], ["tempo"], "must be a pandas DataFrame"),
    ],
)
def test_what_cannot_be_used_is_refused_by_name(change, names, message):
    with pytest.raises(ForecastError, match=message):
        read_metadata(change(TABLE), SONGS, names, "id")


def test_songs_without_metadata_are_refused_by_name():
    values = read_metadata(TABLE, SONGS, ["tempo", "mode"], "id")
    with pytest.raises(ForecastError, match=r"1 of 3 songs \('c'; tempo, mode\)"):
        refuse_missing(values, SONGS, ["tempo", "mode"])
    refuse_missing(values[:2], SONGS[:2], ["tempo", "mode"])


def test_standardised_as_scikit_learn_does_and_masked_by_flags():
    rng = np.random.default_rng(0)
    values = rng.normal(3, 9, (20, 3))
    values[:, 2] = 0.1  # the same for all
    values[4, 0] = np.nan
    scaled = MetadataScale.of(values, mask=True).transform(values)
    expected = StandardScaler().fit_transform(values)
    np.testing.assert_allclose(scaled[:, :2], np.nan_to_num(expected[:, :2]), atol=1e-12)
    np.testing.assert_array_equal(scaled[:, 2], np.zeros(20))
    flags = np.zeros((20, 3))
    flags[4, 0] = 1
    np.testing.assert_array_equal(scaled[:, 3:], flags)
    assert MetadataScale.of(values, mask=False).transform(values).shape == (20, 3)
