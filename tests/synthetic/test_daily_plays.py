"""Daily plays of the composed songs: as their rule says, and the same again."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from spdkit.common.errors import SpdkitError
from spdkit.forecast.data.long_table import check_frame
from spdkit.synthetic import daily_plays
from spdkit.synthetic.popularity import planted_table

N = 120


@pytest.fixture(scope="module")
def table():
    return daily_plays.plays_table(N, seed=1)


def test_the_same_seed_gives_the_same_plays_whatever_their_number(table):
    few = daily_plays.plays_table(5, seed=1)
    pd.testing.assert_frame_equal(few, table[: len(few)])
    assert not daily_plays.plays_table(5, seed=2)["y"].equals(few["y"])


def test_series_are_whole_and_named_as_the_songs(table):
    panel = check_frame(table)
    assert list(panel.ids) == list(planted_table(N, 1)["track_id"])
    assert (panel.y > 0).all()
    ends = panel.ds[panel.indptr[1:] - 1]
    assert set(ends) == {pd.Timestamp(daily_plays.LAST_DAY)}
    new = panel.lengths[panel.lengths < daily_plays.DAYS]
    # 40 of 120 are expected to be new; the standard deviation is 5.2.
    assert 20 < len(new) < 60
    assert new.min() >= 150 and new.max() <= 200


def test_plays_go_by_the_week(table):
    mean = table["y"].groupby(table["ds"].dt.day_of_week).mean()
    relative = mean / mean.mean()
    np.testing.assert_allclose(relative, daily_plays.WEEK, atol=0.03)


def test_popular_songs_are_played_more(table):
    level = np.log10(table.groupby("unique_id", sort=False)["y"].median())
    popularity = planted_table(N, 1)["popularity"]
    assert np.corrcoef(level, popularity)[0, 1] > 0.9
    slope = np.polyfit(popularity, level, 1)[0]
    assert slope == pytest.approx(1 / 40, rel=0.1)


def test_new_songs_begin_with_a_bump(table):
    songs = [song["y"] for _, song in table.groupby("unique_id")]
    new = [y for y in songs if len(y) < daily_plays.DAYS]
    # From all of it towards 35 %; a list near the end can hide it in a few.
    falls = np.array([y[:14].mean() / y[-60:].median() for y in new])
    assert np.median(falls) > 1.7 and (falls > 1.2).mean() > 0.8
    others = [y[:14].mean() / y[-60:].median() for y in songs if len(y) == daily_plays.DAYS]
    assert np.median(others) == pytest.approx(1, abs=0.15)


def test_some_songs_get_on_a_list(table):
    jumps = 0
    for _, song in table.groupby("unique_id"):
        if len(song) == daily_plays.DAYS:
            week = song["y"].rolling(7).mean().dropna().to_numpy()
            jumps += (week[7:] / week[:-7]).max() > 1.4
    # A quarter of some 80 songs, twice to three times as a rule.
    assert 8 <= jumps <= 32


@pytest.mark.parametrize(("n", "seed", "days"), [(0, 0, 240), (1, -1, 240), (1, 0, 199)])
def test_what_is_out_of_range_is_refused(n, seed, days):
    with pytest.raises(SpdkitError, match="must be"):
        daily_plays.plays_table(n, seed, days)


def test_the_file_reads_as_it_was_made(tmp_path):
    path = daily_plays.write_plays(tmp_path / "new", 3, seed=4)
    read = pd.read_csv(path, parse_dates=["ds"])
    made = daily_plays.plays_table(3, seed=4)
    assert path.name == "plays.csv" and list(read["y"]) == list(made["y"])
    assert list(read["ds"]) == list(made["ds"])
