"""Charts of the composed songs: as their rule says, and the same again."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from spdkit.common.errors import SpdkitError
from spdkit.common.table_io import read_table
from spdkit.forecast.charts.chart_table import check_chart
from spdkit.synthetic import charts
from spdkit.synthetic.daily_plays import WEEK
from spdkit.synthetic.popularity import planted_table

N, DAYS = 120, 150


@pytest.fixture(scope="module")
def truth():
    return charts.streams_table(N, seed=1, days=DAYS)


@pytest.fixture(scope="module")
def table():
    return check_chart(charts.chart_rows())


def test_the_same_seed_gives_the_same_streams_whatever_else_is_made(truth):
    few = charts.streams_table(4, seed=1, days=DAYS, regions=["XA"])
    ids = planted_table(4, 1)["track_id"]
    same = truth[(truth["region"] == "XA") & truth["track_id"].isin(ids)]
    pd.testing.assert_frame_equal(few, same.reset_index(drop=True))
    assert not charts.streams_table(4, seed=2, days=DAYS)["streams"].equals(few["streams"])


def test_a_chart_is_in_the_one_layout_and_whole(table):
    assert table.remarks == ()
    assert (table.freq, table.regions) == ("D", charts.REGIONS)
    assert (table.frame.groupby(["region", "ds"]).size() == charts.PLACES).all()
    assert table.frame["ds"].max() == pd.Timestamp("2025-06-30")


def test_songs_enter_leave_and_return(table):
    for name in table.regions:
        there = np.isfinite(table.region(name).positions)
        runs = (np.diff(there.astype(int), axis=0, prepend=0) == 1).sum(axis=0)
        assert (runs > 1).sum() >= 5, "some return"
        assert (~there[0] & there.any(axis=0)).sum() >= 5, "some enter"
        assert (there[0] & ~there[-1]).sum() >= 3, "some leave"
        assert there.all(axis=0).sum() >= 3, "some stay"


def test_some_artists_have_several_songs_in_the_chart(table):
    songs = table.frame.groupby("artist")["track_id"].nunique()
    assert (songs > 1).sum() >= 5


def test_the_chart_is_the_top_of_all_streams():
    truth = charts.streams_table(30, 2, days=60, regions=["XA"])
    rows = charts.chart_rows(30, 2, days=60, regions=["XA"], places=10)
    for (_, of_day), (_, listed) in zip(truth.groupby("ds"), rows.groupby("ds"), strict=True):
        assert listed["position"].tolist() == [*range(1, 11)]
        assert listed["streams"].tolist() == of_day["streams"].nlargest(10).tolist()


def test_weeks_end_on_a_thursday_and_are_whole():
    truth = charts.streams_table(30, 2, days=60, regions=["XA"])
    rows = charts.chart_rows(30, 2, days=60, regions=["XA"], places=5, freq="W-THU")
    weeks = pd.DatetimeIndex(rows["ds"].unique())
    # 2 May to 30 June 2025, a Friday to a Monday.
    assert [str(weeks[0].date()), str(weeks[-1].date())] == ["2025-05-08", "2025-06-26"]
    assert check_chart(rows).freq == "W-THU"
    days = truth[truth["ds"].between("2025-06-20", "2025-06-26")]
    totals = days.groupby("track_id")["streams"].sum().nlargest(5)
    last = rows[rows["ds"] == weeks[-1]]
    assert dict(zip(last["track_id"], last["streams"], strict=True)) == totals.to_dict()


def test_songs_come_out_on_fridays(truth):
    first = truth.groupby(["region", "track_id"])["ds"].min()
    new = first[first > truth["ds"].min()]
    assert set(new.dt.day_name()) == {"Friday"}
    # Seven in ten are new, half of them within the days.
    assert 0.25 < len(new) / len(first) < 0.45
    assert new["XA"].equals(new["XB"])


def test_streams_go_by_the_week(truth):
    old = truth[truth.groupby(["region", "track_id"])["ds"].transform("size") == DAYS]
    mean = np.log(old["streams"]).groupby(old["ds"].dt.day_of_week).mean()
    np.testing.assert_allclose(np.exp(mean - mean.mean()), WEEK, atol=0.04)


def test_popular_songs_have_more_streams(truth):
    last = truth[truth["ds"] == truth["ds"].max()]
    level = np.log10(last.groupby("track_id")["streams"].mean())
    popularity = planted_table(N, 1).set_index("track_id")["popularity"].loc[level.index]
    assert np.corrcoef(level, popularity)[0, 1] > 0.75


def test_old_songs_have_what_the_rule_says(truth):
    old = truth[truth.groupby(["region", "track_id"])["ds"].transform("size") == DAYS]
    last = np.log10(old[old["ds"] > "2025-06-23"].groupby("track_id")["streams"].mean())
    popularity = planted_table(N, 1).set_index("track_id")["popularity"].loc[last.index]
    # The floor of a fifth; some songs of before the first day have not yet fallen to it.
    over = last - (3 + popularity / 40 + np.log10(0.2))
    assert np.median(over) == pytest.approx(0.02, abs=0.06)


def test_new_songs_fall_towards_a_fifth():
    truth = charts.streams_table(N, seed=1, days=400, regions=["XA"])
    songs = [song["streams"].to_numpy() for _, song in truth.groupby("track_id")]
    falls = [y[-14:].mean() / y[:14].mean() for y in songs if 250 < len(y) < 400]
    # Of the first fortnight a song keeps some 90 %, and the market has grown by up to a half.
    assert len(falls) > 10
    assert 0.2 < np.median(falls) < 0.36


def test_the_market_of_a_region_moves_all_its_songs(truth):
    log = np.log(truth.set_index(["region", "ds", "track_id"])["streams"].unstack())
    for region in charts.REGIONS:
        moves = log.loc[region].diff().dropna(axis=1, thresh=DAYS - 1)
        left = moves - moves.groupby(moves.index.day_of_week).transform("mean")
        half = left.shape[1] // 2
        first, second = left.iloc[:, :half].mean(axis=1), left.iloc[:, half:].mean(axis=1)
        assert np.corrcoef(first.dropna(), second.dropna())[0, 1] > 0.5


def test_a_region_prefers_some_artists(truth):
    total = truth.groupby(["artist", "track_id", "region"])["streams"].sum().unstack()
    ratio = np.log10(total["XA"] / total["XB"])
    groups = ratio.groupby("artist")
    within = groups.var()[groups.size() > 2].mean()
    # Of the song's own taste 2·0.1², of the artist's 2·0.15² besides, and a little drift.
    assert 0.01 < within < 0.035 < ratio.var()


@pytest.mark.parametrize(
    "wrong",
    [{"days": 59}, {"regions": ["XA", "XA"]}, {"regions": []}, {"places": 0}, {"freq": "W-MON"}],
)
def test_what_is_out_of_range_is_refused(wrong):
    with pytest.raises(SpdkitError, match=f"{next(iter(wrong))} .*must|{next(iter(wrong))}"):
        charts.chart_rows(3, **wrong)


def test_the_file_reads_as_it_was_made(tmp_path):
    path = charts.write_chart(tmp_path / "new", 25, seed=4)
    assert path.name == "chart.csv"
    columns = ["region", "ds", "position", "track_id", "title", "artist", "streams"]
    assert list(read_table(path)) == columns
    again = check_chart(read_table(path)).frame
    assert again.equals(check_chart(charts.chart_rows(25, seed=4)).frame)
    small = {"regions": ["XC"], "days": 60, "places": 3}
    path = charts.write_chart(tmp_path, 5, **small)
    assert len(read_table(path)) == len(charts.chart_rows(5, **small))
