"""Charts in the one layout: matrices by hand, and what cannot be right is refused by name."""

from __future__ import annotations

import datetime
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st

from spdkit.forecast.charts.chart_table import COLUMNS, check_chart
from spdkit.forecast.data.checks import ForecastError


def chart(*rows, region="PH"):
    """Rows of (ds, position, song, streams)."""
    return pd.DataFrame(
        [(region, ds, place, song, song.upper(), "artist", n) for ds, place, song, n in rows],
        columns=list(COLUMNS),
    )


# b leaves on the 29th, and returns on 2 March; there is no chart on 1 March.
DAYS = chart(
    ("2020-02-28", 1, "a", 50),
    ("2020-02-28", 2, "b", 40),
    ("2020-02-29", 1, "a", 60),
    ("2020-02-29", 2, "c", 30),
    ("2020-03-02", 1, "b", 70),
    ("2020-03-02", 2, "a", 20),
)
WEEKS = chart(
    ("2021-05-20", 1, "a", 9), ("2021-05-27", 1, "a", 8), ("2021-06-10", 1, "b", 7), region="IN"
)


def changed(row, **values):
    df = DAYS.astype({"position": object, "streams": object})
    for name, value in values.items():
        df.loc[row, name] = value
    return df.infer_objects()


def test_matrices_by_hand():
    table = check_chart(DAYS)
    region = table.region("PH")
    x = math.nan
    assert table.freq == "D"
    assert region.name == "PH"
    # 2020 has a 29 February.
    assert [f"{d:%m-%d}" for d in region.dates] == ["02-28", "02-29", "03-01", "03-02"]
    assert list(region.songs) == ["a", "b", "c"]
    expected = [[50, 40, x], [60, x, 30], [x, x, x], [20, 70, x]]
    np.testing.assert_array_equal(region.streams, expected)
    np.testing.assert_array_equal(region.positions, [[1, 2, x], [1, x, 2], [x, x, x], [2, 1, x]])
    assert region.missing.tolist() == [False, False, True, False]
    np.testing.assert_array_equal(region.last_place, [40, 30, x, 20])
    assert table.remarks == ("PH: 1 of 4 dates have no chart: 2020-03-01",)


def test_the_frame_is_typed_and_has_the_columns_of_the_layout_alone():
    table = check_chart(DAYS.assign(url="x")[["url", *reversed(COLUMNS)]])
    frame = table.frame
    assert list(frame) == list(COLUMNS)
    types = ["str", "datetime64[ns]", "int64", "str", "str", "str", "float64"]
    assert frame.dtypes.astype(str).tolist() == types
    assert frame["streams"].tolist() == [50, 40, 60, 30, 70, 20]


def test_dates_may_be_text_and_ids_numbers():
    df = DAYS.assign(ds=pd.to_datetime(DAYS["ds"]), track_id=[7, 8, 7, 9, 8, 7])
    frame = check_chart(df).frame
    assert frame["track_id"].tolist() == ["7", "8", "7", "9", "8", "7"]
    assert frame["ds"].equals(check_chart(DAYS).frame["ds"])


def test_weeks_are_known_by_their_last_day_and_a_missing_one_is_told():
    table = check_chart(WEEKS)
    assert table.freq == "W-THU"
    assert table.remarks == ("IN: 1 of 4 dates have no chart: 2021-06-03",)
    assert table.region("IN").missing.tolist() == [False, False, True, False]


def test_a_daily_chart_of_mondays_alone_needs_to_be_told():
    mondays = chart(("2021-05-03", 1, "a", 9), ("2021-05-10", 1, "a", 8))
    assert check_chart(mondays).freq == "W-MON"
    table = check_chart(mondays, freq="D")
    assert table.freq == "D"
    assert table.region("PH").missing.tolist() == [False, *[True] * 6, False]


def test_regions_are_apart_and_may_begin_and_end_where_they_like():
    other = chart(("2019-01-02", 1, "z", 5), ("2019-01-01", 1, "a", 6), region="AE")
    table = check_chart(pd.concat([DAYS, other]))
    assert table.regions == ("AE", "PH")
    assert len(table.region("AE").dates) == 2
    assert list(table.region("AE").songs) == ["a", "z"]
    assert len(table.region("PH").dates) == 4
    with pytest.raises(ForecastError, match="no region 'US' in the chart; there are 'AE', 'PH'"):
        table.region("US")


def test_a_summary_of_each_region():
    other = WEEKS.assign(region="AE")[:1]
    summary = check_chart(pd.concat([WEEKS, other])).summary()
    assert summary.loc["IN"].tolist() == [3, 2, 3, 1, *pd.to_datetime(["2021-05-20", "2021-06-10"])]
    assert summary.loc["AE"].tolist() == [1, 1, 1, 0, *pd.to_datetime(["2021-05-20"] * 2)]
    assert check_chart(DAYS).summary()["n_missing"].tolist() == [1]


def test_titles_are_those_of_the_first_row():
    df = DAYS.assign(title=["A", "B", "A (Remix)", "C", "b", None])
    songs = check_chart(df).songs
    assert songs["title"].to_dict() == {"a": "A", "b": "B", "c": "C"}
    later = check_chart(df[::-1]).songs
    assert later["title"].to_dict() == songs["title"].to_dict()


def test_until_a_date():
    table = check_chart(DAYS)
    assert table.until("2020-02-29").frame.equals(table.frame[:4])
    assert table.until("2020-03-01").frame.equals(table.frame[:4])
    assert list(table.until("2020-02-28").region("PH").songs) == ["a", "b"]
    with pytest.raises(ForecastError, match="until 2020-02-27: the first is of 2020-02-28"):
        table.until("2020-02-27")


@pytest.mark.parametrize(
    ("df", "message"),
    [
        ([1], "a pandas DataFrame is needed, got list"),
        (DAYS.drop(columns="streams"), "the chart: no column 'streams'"),
        (DAYS[:0], "the chart has no rows"),
        (changed(1, region=None), r"row 1 \(counted from 0\) of the chart has no region \(1 such"),
        (changed(2, track_id=" "), "row 2 .* has no track_id"),
        (changed(2, ds="soon"), "'PH': 'soon' is no date"),
        (changed(2, ds=None), "'PH' has a row without ds"),
        (changed(2, ds="0001-01-01"), "PH 0001-01-01 'A': ds is no day of the years 1678 to 2261"),
        (changed(2, ds="1500-01-01"), "PH 1500-01-01 'A': ds is no day of the years"),
        (DAYS.assign(ds=datetime.date(1, 1, 1)), "PH 0001-01-01 'A': ds is no day of the years"),
        (changed(2, ds="2300-01-01"), "PH 2300-01-01 'A': ds is no day of the years"),
        (changed(2, ds="9999-12-31"), r"PH 9999-12-31 'A': ds is .* \(1 such rows\)"),
        (changed(2, ds="2020-02-29 06:00"), "PH 2020-02-29 06:00:00 'A': ds has an hour"),
        (DAYS.assign(ds=20200228), "'ds' holds whole numbers, not dates"),
        (DAYS.assign(ds=pd.Timestamp("2020-02-28", tz="UTC")), "'ds' has a time zone"),
        (changed(2, position=0), "PH 2020-02-29 'A': position is no whole number from 1: 0"),
        (changed(2, position=1.5), "position is no whole number from 1: 1.5"),
        (changed(2, position=math.nan), r"position is no whole number from 1: nan \(1 such"),
        (DAYS.assign(streams="7"), "'streams' of the chart holds str, not numbers"),
        (changed(2, streams=0), r"PH 2020-02-29 'A': streams is no positive number: 0"),
        (changed(2, streams=math.nan), "streams is no positive number: nan"),
        (changed(2, streams=math.inf), "streams is no positive number: inf"),
        (DAYS[:2], "every region has one date, too few to find the step: give freq, D"),
        (pd.concat([DAYS, WEEKS]), r"different steps: D \(PH\) and W-THU \(IN\)"),
        (
            chart(("2015-03-22", 1, "a", 3), ("2015-03-29", 1, "a", 3), ("2015-04-09", 1, "a", 3)),
            "PH: from 2015-03-29 to 2015-04-09 are 11 days, no whole weeks",
        ),
    ],
)
def test_what_cannot_be_right_is_refused_by_name(df, message):
    with pytest.raises(ForecastError, match=message):
        check_chart(df)


def test_the_step_that_is_given_holds():
    assert check_chart(DAYS[:2], freq="D").freq == "D"
    message = r"IN 2021-05-20 'A': the date is none of freq='W-SUN'; .* \(3 such rows\)"
    with pytest.raises(ForecastError, match=message):
        check_chart(WEEKS, freq="W-SUN")
    with pytest.raises(ForecastError, match=r"freq must be None or one of 'D', 'W-MON'.*got 'W'"):
        check_chart(WEEKS, freq="W")
    with pytest.raises(ForecastError, match="duplicates must be one of 'refuse', 'first', got 'l"):
        check_chart(WEEKS, duplicates="last")


def test_a_song_that_stands_twice_on_a_day():
    twice = changed(3, track_id="a")
    text = r"a song stands more than once on a date \(1 rows too many\): "
    text += "PH song 'a' on 1 dates from 2020-02-29.*"
    with pytest.raises(ForecastError, match=text + 'duplicates="first"'):
        check_chart(twice)
    table = check_chart(twice, duplicates="first")
    assert table.frame["streams"].tolist() == [50, 40, 60, 70, 20]
    assert table.remarks[0].endswith("; the first row of each is kept")
    assert "1 rows too many" in table.remarks[0]
    # The first of the table, not the better place.
    first = check_chart(twice[::-1], duplicates="first")
    assert first.frame["streams"].tolist() == [50, 40, 30, 70, 20]


def test_a_place_that_stands_twice_on_a_day():
    twice = changed(3, position=1)
    message = r"a place stands more than once on a date \(1 rows too many\): PH place 1 on 1 dat"
    with pytest.raises(ForecastError, match=message):
        check_chart(twice)
    assert check_chart(twice, duplicates="first").frame["track_id"].tolist() == [*"ababa"]


def test_a_date_that_stands_twice_as_it_is_or_with_other_values():
    with pytest.raises(ForecastError, match="2 rows too many, 2 of them repeat a whole row"):
        check_chart(pd.concat([DAYS, DAYS[:2]]))
    other = DAYS[:2].assign(streams=1)
    with pytest.raises(ForecastError, match=r"2 rows too many\): PH song 'a' on 1 dates from 20"):
        check_chart(pd.concat([DAYS, other]))
    first_rows = check_chart(pd.concat([DAYS, other]), duplicates="first")
    assert first_rows.frame.equals(check_chart(DAYS).frame)
    # What was left out is not out of order.
    assert not any("comes late" in text for text in first_rows.remarks)


def test_the_same_song_and_place_in_two_regions_are_no_doubles():
    assert len(check_chart(pd.concat([DAYS, DAYS.assign(region="US")])).frame) == 12


@pytest.mark.parametrize(
    ("order", "late"),
    [
        ([2, 3, 0, 1, 4, 5], r"PH 2020-02-28 place 1 comes late \(1 such rows\)"),
        ([0, 1, 3, 2, 4, 5], r"PH 2020-02-29 place 1 comes late \(1 such rows\)"),
    ],
)
def test_rows_out_of_order_are_sorted_and_told(order, late):
    table = check_chart(DAYS.iloc[order])
    assert table.frame.equals(check_chart(DAYS).frame)
    assert pd.Series(table.remarks).str.contains(late).any()


def test_regions_may_take_turns():
    both = pd.concat([DAYS, DAYS.assign(region="US")]).sort_values("ds", kind="stable")
    assert not any("comes late" in text for text in check_chart(both).remarks)


def test_what_may_be_right_is_told():
    df = DAYS.drop(index=2)  # the top of the 29th
    df.loc[5, "streams"] = 80
    df.loc[4, "title"] = None
    remarks = check_chart(df).remarks
    assert remarks[1:] == (
        "places are missing on 1 dates: PH 2020-02-29",
        "streams rise from a place to the next on 1 dates: PH 2020-03-02",
        "1 rows have no title",
    )
    shorter = check_chart(DAYS.drop(index=3)).remarks
    assert shorter[1:] == ("the chart is shorter than it mostly is on 1 dates: PH 2020-02-29",)


@settings(max_examples=15, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(["AE", "PH"]), st.integers(0, 20), st.permutations("abcd")),
        min_size=2,
        unique_by=lambda each: each[:2],
    ),
    st.randoms(),
)
def test_matrices_hold_the_rows_and_nothing_else(days, random):
    rows = [
        (region, pd.Timestamp("2020-02-20") + pd.Timedelta(days=day), place, song, song, "x", n)
        for region, day, songs in days
        for place, (song, n) in enumerate(zip(songs[:3], (30, 20, 10), strict=False), 1)
    ]
    random.shuffle(rows)
    df = pd.DataFrame(rows, columns=list(COLUMNS))
    table = check_chart(df, freq="D")
    n_cells = 0
    for name in table.regions:
        region = table.region(name)
        n_cells += int(np.isfinite(region.streams).sum())
        for row in df[df["region"] == name].itertuples():
            at = region.dates.get_loc(row.ds), region.songs.get_loc(row.track_id)
            assert region.streams[at] == row.streams
            assert region.positions[at] == row.position
        there = region.streams[~region.missing]
        assert (np.isfinite(there).sum(axis=1) == 3).all()
        assert (region.last_place[~region.missing] == 10).all()
        assert np.isnan(region.streams[region.missing]).all()
    assert n_cells == len(df)
