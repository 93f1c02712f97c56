"""Matrix of a chart's songs: gaps, shares and windows, worked by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st
from hypothesis.extra import numpy as arrays

from spdkit.forecast.charts.chart_table import check_chart
from spdkit.forecast.charts.song_matrix import SongMatrix, read_matrix
from spdkit.forecast.data.checks import ForecastError

N = np.nan
# Enters on the 2nd day, one day missing, two missing, leaves; and a song that is always there.
SONGS = np.array(
    [[N, 1.0], [2.0, 1.0], [N, 1.0], [6.0, 1.0], [N, 1.0], [N, 1.0], [9.0, 1.0], [N, 1.0]]
)


def matrix(streams=SONGS, max_gap=1, first="2020-02-26"):
    dates = pd.date_range(first, periods=len(streams))
    songs = pd.Index([f"s{i}" for i in range(np.shape(streams)[1])])
    return SongMatrix.of(dates, songs, streams, max_gap)


@pytest.mark.parametrize(
    ("max_gap", "filled"),
    [
        (0, [N, 2, N, 6, N, N, 9, N]),
        (1, [N, 2, 4, 6, N, N, 9, N]),  # halfway from 2 to 6
        (2, [N, 2, 4, 6, 7, 8, 9, N]),  # thirds of the way from 6 to 9
    ],
)
def test_gaps_are_interpolated_up_to_a_length_and_marked(max_gap, filled):
    of = matrix(max_gap=max_gap)
    np.testing.assert_allclose(of.streams[:, 0], filled)
    np.testing.assert_array_equal(
        of.interpolated[:, 0], np.isfinite(filled) & np.isnan(SONGS[:, 0])
    )
    assert not of.interpolated[:, 1].any()
    np.testing.assert_array_equal(of.observed, np.isfinite(SONGS))


def test_songs_are_counted_by_the_share_of_days_on_which_they_are_missing():
    of = matrix()
    np.testing.assert_allclose(of.missing_shares(), [4 / 8, 0])
    assert of.counts((0.0, 0.49, 0.5)) == {0.0: 1, 0.49: 1, 0.5: 2}
    np.testing.assert_allclose(of.missing_shares(1, 4), [0, 0])
    assert of.counts((0.0,), 1, 4) == {0.0: 2}
    # Over the rows before the 4th, whose gap of one day nothing closes yet.
    np.testing.assert_allclose(of.until(3).missing_shares(), [2 / 3, 0])


@settings(max_examples=60, deadline=None)
@given(
    streams=arrays.arrays(
        np.float64,
        st.tuples(st.integers(2, 12), st.integers(1, 3)),
        elements=st.one_of(st.just(N), st.floats(1, 9)),
    ),
    max_gap=st.integers(0, 3),
    data=st.data(),
)
def test_until_is_the_matrix_of_the_rows_before(streams, max_gap, data):
    row = data.draw(st.integers(2, len(streams)))
    before, whole = matrix(streams[:row], max_gap), matrix(streams, max_gap).until(row)
    np.testing.assert_array_equal(whole.streams, before.streams)
    np.testing.assert_array_equal(whole.interpolated, before.interpolated)
    # And pandas has the same numbers where the gap is not too long.
    line = pd.DataFrame(streams).interpolate(limit_area="inside").to_numpy()
    there = np.isfinite(matrix(streams, max_gap).streams)
    np.testing.assert_allclose(matrix(streams, max_gap).streams[there], line[there])


def test_windows_are_views_of_every_window_that_has_a_date_behind_it():
    of = matrix()
    windows = of.windows(3)
    assert windows.X.shape == (5, 3, 2) and windows.Y.shape == (5, 1, 2)
    assert np.shares_memory(windows.X, of.streams) and np.shares_memory(windows.Y, of.streams)
    np.testing.assert_array_equal(windows.X[0, :, 0], [N, 2, 4])
    np.testing.assert_array_equal(windows.Y[0, 0], [6, 1])
    np.testing.assert_array_equal(windows.X[-1, :, 0], [N, N, 9])
    assert windows.dates[0] == of.dates[3] and windows.dates[-1] == of.dates[-1]
    np.testing.assert_array_equal(windows.observed[:, 0], [True, False, False, True, False])


def test_a_window_of_all_dates_but_one_is_the_longest():
    of = matrix()
    assert len(of.windows(7)) == 1
    with pytest.raises(ForecastError, match="8 dates, at least 9 are needed for a lookback of 8"):
        of.windows(8)
    with pytest.raises(ForecastError, match="lookback must be a whole number"):
        of.windows(0)


def test_what_the_target_tells_is_not_known_to_its_window():
    """The 3rd day is between the 2nd and the 4th: before the 4th nobody knows it."""
    windows = matrix().windows(3)
    # Targets are the 4th, 5th, … day; the window of the 4th has days 1 to 3.
    np.testing.assert_array_equal(windows.known[0, :, 0], [False, True, False])
    np.testing.assert_array_equal(windows.known[1, :, 0], [True, True, True])


@pytest.mark.parametrize("split", [3, 4, 6, 8])
def test_no_window_lies_across_a_split(split):
    of = matrix()
    windows = of.windows(3)
    before, after = windows.between(0, split), windows.between(split, len(of))
    assert len(before) + len(after) == len(windows)
    assert all(row < split for row in before.rows) and all(row >= split for row in after.rows)
    # Whatever comes after the split: what lies before it stays.
    changed = np.where(np.arange(8)[:, None] < split, SONGS, 1e9)
    other = matrix(changed).windows(3).between(0, split)
    np.testing.assert_array_equal(
        np.where(before.known, before.X, 0), np.where(other.known, other.X, 0)
    )
    np.testing.assert_array_equal(
        before.Y[before.observed[:, None]], other.Y[other.observed[:, None]]
    )


def long(streams=SONGS, first="2020-02-26"):
    of = matrix(streams, 0, first)
    rows, songs = np.nonzero(of.observed)
    frame = {"song": of.songs[songs], "day": of.dates[rows], "streams": streams[rows, songs]}
    return pd.DataFrame(frame)


NAMES = {"id_col": "song", "time_col": "day", "target_col": "streams"}


def test_a_long_table_in_any_order_becomes_the_matrix_over_a_leap_day():
    of = read_matrix(long().sample(frac=1, random_state=0), **NAMES)
    assert pd.Timestamp("2020-02-29") in of.dates and len(of) == 8
    expected = matrix()
    own = of.songs.get_indexer(expected.songs)
    np.testing.assert_array_equal(of.streams[:, own], expected.streams)
    np.testing.assert_array_equal(of.interpolated[:, own], expected.interpolated)


def test_weeks_without_a_chart_are_rows_of_nothing():
    weeks = pd.to_datetime(["2021-01-07", "2021-01-14", "2021-02-04"])
    frame = pd.DataFrame({"song": "a", "day": weeks, "streams": [1.0, 2.0, 3.0]})
    of = read_matrix(frame, **NAMES)
    assert of.freq == pd.tseries.frequencies.to_offset("W-THU")
    np.testing.assert_array_equal(of.streams[:, 0], [1, 2, N, N, 3])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda df: pd.concat([df, df.iloc[[2]]]), "'s1', 2020-02-27: stands more than once"),
        (lambda df: df.assign(streams=df["streams"] - 1), "no positive number.*no row"),
        (lambda df: df.assign(streams=df["streams"].where(df.index != 3)), "no positive number"),
        (lambda df: df.assign(song=df["song"].where(df.index != 3)), "row 3 .* has no song"),
        (lambda df: df.drop(columns="day"), "no column 'day'"),
        (lambda df: df[:0], "has no rows"),
        (lambda df: df.assign(streams="x"), "not numbers"),
    ],
)
def test_what_cannot_be_a_chart_is_refused_by_name(change, message):
    with pytest.raises(ForecastError, match=message):
        read_matrix(change(long()), **NAMES)


def test_shapes_that_do_not_fit_are_refused():
    with pytest.raises(ForecastError, match=r"shape \(8, 1\), dates and songs, got \(8, 2\)"):
        SongMatrix.of(pd.date_range("2020", periods=8), pd.Index(["a"]), SONGS)


def test_the_chart_of_a_region_gives_the_same_matrix():
    chart = long().rename(columns={"song": "track_id", "day": "ds"})
    chart["position"] = chart.groupby("ds")["streams"].rank(method="first", ascending=False)
    chart = chart.assign(region="PH", title="t", artist="a", position=chart["position"].astype(int))
    region = check_chart(chart, freq="D").region("PH")
    of = SongMatrix.of(region.dates, region.songs, region.streams)
    expected = matrix()
    own = of.songs.get_indexer(expected.songs)
    np.testing.assert_array_equal(of.streams[:, own], expected.streams)
    assert list(of.dates) == list(expected.dates)
