"""Dates: read, their step found, counted on; clocks that jump, months of any length."""

from __future__ import annotations

import datetime

import numpy as np
import pandas as pd
import pytest

from spdkit.forecast.data.calendar import future_times, parse_times, shown
from spdkit.forecast.data.checks import ForecastError
from spdkit.forecast.data.long_table import check_frame, fill_gaps

BERLIN = pd.date_range(
    "2015-03-25", periods=8, freq="D", tz="Europe/Berlin"
)  # 23 hours on the 29th


def frame(ds, name="a"):
    return pd.DataFrame({"unique_id": name, "ds": ds, "y": np.arange(len(ds), dtype=float)})


def parsed(values, **series):
    column = pd.Series(values, name="ds", **series)
    return parse_times(column, pd.Series(["a"] * len(column)))


@pytest.mark.parametrize(
    "values",
    [
        ["2015-03-01", "2015-03-02"],
        ["20150301", "20150302"],
        [datetime.date(2015, 3, 1), datetime.date(2015, 3, 2)],
        [pd.Timestamp(2015, 3, 1), pd.Timestamp(2015, 3, 2)],
    ],
)
def test_dates_are_read_however_they_are_written(values):
    assert list(parsed(values)) == [pd.Timestamp(2015, 3, 1), pd.Timestamp(2015, 3, 2)]


@pytest.mark.parametrize("values", [[3, 4], [3.0, 4.0]])
def test_whole_numbers_are_whole_with_a_point_too(values):
    assert parsed(values).dtype == np.int64 and list(parsed(values)) == [3, 4]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (["2015-03-01", None], r"series 'a' has a row without ds \(1 such rows\)"),
        ([3.0, None], r"series 'a' has a row without ds \(1 such rows\)"),
        (["2015-03-01", ""], r"series 'a' has a row without ds \(1 such rows\)"),
        (["2015-03-01", "31.3.2015"], "series 'a': '31.3.2015' is no date. Dates are ISO 8601"),
        (["2015-02-29"], "series 'a': '2015-02-29' is no date"),
        ([1.5, 2.0], r"series 'a': ds is 1.5, neither a date nor a whole number \(1 such rows\)"),
        ([1e300, 2.0], "series 'a': ds is 1e[+]300, neither a date"),
        ([True, False], "column 'ds' holds bool"),
        (pd.period_range("2015-03", periods=2, freq="M"), "holds periods: convert it by"),
        (["2015-03-01T00:00+01:00", "2015-03-30T00:00+02:00"], "all of one time zone"),
    ],
)
def test_what_is_no_date_is_refused(values, message):
    with pytest.raises(ForecastError, match=message):
        parsed(values)


@pytest.mark.parametrize(
    ("ds", "freq", "following"),
    [
        (["2015-03-01", "2015-03-02", "2015-03-03"], "D", ["2015-03-04", "2015-03-05"]),
        (["2015-03-02", "2015-03-09"], "W-MON", ["2015-03-16", "2015-03-23"]),
        (["2015-01-01", "2015-02-01"], "MS", ["2015-03-01", "2015-04-01"]),
        (["2015-01-31", "2015-02-28"], "ME", ["2015-03-31", "2015-04-30"]),
        (["2015-01-01", "2015-04-01"], "QS-APR", ["2015-07-01", "2015-10-01"]),
        (["2013-01-01", "2014-01-01"], "YS-JAN", ["2015-01-01", "2016-01-01"]),
        (["2015-03-01 22:00", "2015-03-01 23:00"], "h", ["2015-03-02 00:00", "2015-03-02 01:00"]),
        (
            [f"2015-03-0{d}" for d in (2, 3, 4, 5, 6, 9)],  # no weekend between the 6th and the 9th
            "B",
            ["2015-03-10", "2015-03-11"],
        ),
    ],
)
def test_the_step_is_found_and_counted_on(ds, freq, following):
    panel = check_frame(frame(ds))
    assert panel.freq.freqstr == freq
    assert list(panel.future(2).ds) == [pd.Timestamp(day) for day in following]


@pytest.mark.parametrize(
    ("ds", "asked", "name", "following"),
    [
        ("2015-01-15 2015-02-15 2015-03-15", "MS ME M 1M M-15", "M-15", "2015-04-15"),
        ("2015-01-31 2015-02-28 2015-03-31", "MS ME M 1M", "ME", "2015-04-30"),
        ("2015-12-01 2016-01-01", "MS ME M", "MS", "2016-02-01"),
        ("2014-12-30 2015-01-30 2015-02-28", "M", "M-30", "2015-03-30"),
        ("2015-01-15 2015-04-15 2015-07-15", "Q QS QE 3M", "3M-15", "2015-10-15"),
        ("2015-02-28 2015-05-31", "Q QE Q-MAY", "QE-MAY", "2015-08-31"),
        ("2015-07-04 2016-07-04", "Y A YS 12MS", "12M-4", "2017-07-04"),
    ],
)
def test_months_lie_on_any_day_of_the_month(ds, asked, name, following):
    for freq in (None, *asked.split()):
        panel = check_frame(frame(ds.split()), freq=freq)
        assert panel.freq_name == name
        assert list(panel.future(1)["ds"]) == [pd.Timestamp(following)]
    gaps = pd.concat([frame(ds.split()).iloc[[0, -1]], frame(ds.split(), "b")])
    filled = fill_gaps(gaps, freq=name)
    assert (filled["ds"].astype(str) == ds.split() * 2).all()


def test_days_that_are_no_months():
    with pytest.raises(ForecastError, match="2015-01-15 is not a date of freq='MS' counted"):
        check_frame(frame(["2015-01-15", "2015-02-17"]), freq="MS")
    with pytest.raises(ForecastError, match="2015-01-15 is not a date of freq='ME' counted"):
        check_frame(frame(["2015-01-15", "2015-02-17"]), freq="M")
    assert check_frame(frame(["2015-01-15", "2015-01-22", "2015-01-29"])).freq_name == "W-THU"


def test_the_step_of_whole_numbers():
    panel = check_frame(frame([5, 8, 11]))
    assert panel.freq == 3
    assert list(panel.future(2).ds) == [14, 17]


@pytest.mark.parametrize("rows", [slice(None), slice(4, 6)])  # alone, two dates are 23 hours apart
def test_a_day_is_a_day_when_the_clock_jumps(rows):
    panel = check_frame(frame(BERLIN[rows]))
    assert panel.freq.freqstr == "D"
    future = panel.future(2).ds
    assert future.dt.tz.key == "Europe/Berlin"
    last = BERLIN[rows][-1].tz_localize(None)
    expected = [last + pd.DateOffset(days=1), last + pd.DateOffset(days=2)]
    assert list(future.dt.tz_localize(None)) == expected


def test_days_across_the_jump_of_the_clock_are_filled():
    filled = fill_gaps(frame(BERLIN[[0, 2, 4, 5, 7]]))
    assert list(filled.ds) == list(BERLIN)


def test_hours_across_the_jump_of_the_clock():
    ds = pd.date_range("2015-03-28 22:00", periods=8, freq="h", tz="Europe/Berlin")
    panel = check_frame(frame(ds))
    assert panel.freq.freqstr == "h"
    after = panel.future(1).ds[0]
    assert (after - ds[-1]) == pd.Timedelta("1h")


def test_where_midnight_does_not_exist_the_day_begins_when_the_clock_goes_on():
    # In São Paulo, 4 November 2018 began at one o'clock.
    ds = pd.date_range("2018-11-01", periods=3, freq="D", tz="America/Sao_Paulo")
    future = check_frame(frame(ds)).future(2).ds
    assert [shown(day) for day in future] == [
        "2018-11-04 01:00:00-02:00",
        "2018-11-05 00:00:00-02:00",
    ]


def test_each_series_goes_on_from_its_own_end():
    last = pd.DatetimeIndex(["2015-03-05", "2015-03-01", "2015-03-05"])
    found = future_times(last, 2, pd.tseries.frequencies.to_offset("D"))
    assert list(found.day) == [6, 7, 2, 3, 6, 7]
    assert found.unit == last.unit


@pytest.mark.parametrize(
    ("ds", "freq", "message"),
    [
        (["2015-03-01"], None, "series 'a' has 1 date, too few to find the frequency: .* freq='D'"),
        ([4], None, "too few to find the frequency: give freq, such as freq=1"),
        ([4, 5], "D", "the dates are whole numbers, but freq='D' is not. Give freq=1"),
        ([4, 5], 0, "whole numbers a step of at least 1"),
        (["2015-03-01", "2015-03-02"], 1, "freq=1: dates and times need a frequency such as 'D'"),
        (
            ["2015-03-01", "2015-03-02"],
            "soon",
            "freq='soon' is no frequency that pandas knows: give D,",
        ),
        (["2015-03-01", "2015-03-02"], True, "freq=True is no frequency"),
        (["2015-03-01", "2015-03-02"], "-1D", "freq='-1D' does not go on in time"),
    ],
)
def test_frequencies_that_cannot_be(ds, freq, message):
    with pytest.raises(ForecastError, match=message):
        check_frame(frame(ds), freq=freq)


def test_dates_beyond_the_calendar_are_refused():
    panel = check_frame(frame(pd.DatetimeIndex(["2015-03-01", "2015-03-02"]).as_unit("ns")))
    with pytest.raises(ForecastError, match="dates from 2015-03-02 on with freq='D' leave the cal"):
        future_times(panel.ds[-1:], 10**9, panel.freq)


@pytest.mark.parametrize(
    ("tz", "around"),
    [
        ("America/Sao_Paulo", "2018-11-04"),
        ("Asia/Beirut", "2022-03-27"),
        ("America/Havana", "2020-03-08"),
        ("America/Havana", "2020-11-01"),  # midnight comes twice
        ("Africa/Cairo", "2024-04-26"),
        ("America/Asuncion", "2023-10-01"),
    ],
)
@pytest.mark.parametrize("step", ["D", "2D", "W"])
@pytest.mark.parametrize("kept", ["zone", "UTC", "no zone"])
@pytest.mark.parametrize("last", [1, 0, -3])
def test_a_day_is_a_day_where_the_clock_skips_midnight(tz, around, step, kept, last):
    # Before, on, and after the day of the jump, in the zone, in UTC, and without a zone.
    offset = pd.tseries.frequencies.to_offset(
        step if step != "W" else f"W-{pd.Timestamp(around):%a}".upper()
    )
    wall = pd.date_range(end=pd.Timestamp(around) - last * offset, periods=9, freq=offset)
    ahead = pd.date_range(wall[-1], periods=4, freq=offset)[1:]

    def local(times):
        times = times.tz_localize(tz, nonexistent="shift_forward", ambiguous=[True] * len(times))
        return times if kept == "zone" else times.tz_convert(kept if kept == "UTC" else None)

    ds = local(wall) if kept != "no zone" else local(wall).tz_localize("UTC").tz_convert(tz)
    ds = ds.tz_localize(None) if kept == "no zone" else ds
    panel = check_frame(frame(ds))
    assert panel.freq == offset or kept == "UTC"  # where a Sunday may begin on a Saturday
    future = pd.DatetimeIndex(panel.future(3).ds)
    if kept == "zone":
        assert list(future) == list(local(ahead))
    elif kept == "no zone":
        assert list(future) == list(ahead)
    else:  # days of the other zone go on at the hour that they have
        assert list(future - ds[-1]) == [i * (ahead[0] - wall[-1]) for i in (1, 2, 3)]
    without = np.delete(np.arange(9), 4)
    filled = fill_gaps(frame(ds[without]), freq=panel.freq)
    assert len(filled) == 9 and list(filled["ds"][without]) == list(ds[without])


def test_two_times_a_day_are_no_days_of_a_clock_that_is_moved():
    ds = pd.DatetimeIndex(
        [f"2015-03-0{d} {hour}" for d in (1, 2, 3) for hour in ("00:00", "01:00")]
    )
    with pytest.raises(ForecastError, match="no row for 2015-03-01 02:00"):
        check_frame(frame(ds))
    assert check_frame(frame(ds[::2])).freq.freqstr == "D"


@pytest.mark.parametrize(
    ("numbers", "words"),
    [
        ([202011, 202012, 202101], r"months or weeks \(YYYYMM"),
        ([202052, 202053], r"months or weeks \(YYYYMM"),
        ([20150131, 20150201], r"days \(YYYYMMDD\)"),
        ([20150131, 20150132], r"days \(YYYYMMDD\)"),
        ([150131, 150201], r"days \(YYMMDD\)"),
        ([2015365, 2016001], r"days of a year \(YYYYDDD\)"),
        ([20153, 20154, 20161], r"quarters \(YYYYQ\)"),
        ([2015010123, 2015010200], "dates and times"),
        ([201501012359, 201501020000], "dates and times"),
        ([20150101235959, 20150102000000], "dates and times"),
        ([1420070400, 1420156800], r"times since 1970 \(in s\)"),
        ([1420070400000, 1420156800000], r"times since 1970 \(in ms\)"),
        ([1420070400000000, 1420156800000000], r"times since 1970 \(in us\)"),
        ([1420070400000000000, 1420156800000000000], r"times since 1970 \(in ns\)"),
    ],
)
def test_numbers_that_look_like_dates_are_no_steps_unless_freq_says_so(numbers, words):
    whole = frame(np.array(numbers))
    for use in (check_frame, fill_gaps):
        with pytest.raises(ForecastError, match=f"look like {words}.* pandas.* freq=1"):
            use(whole)
    step = int(np.diff(numbers).min())
    if len(set(np.diff(numbers))) == 1:
        assert list(check_frame(whole, freq=step).future(1).ds) == [numbers[-1] + step]


@pytest.mark.parametrize(
    "numbers",
    [
        [1, 2, 3],
        [2019, 2020, 2021],  # years count on as steps do
        [1990, 2000, 2010],
        range(201480, 201620),  # not all of them are months
        range(150095, 150140),
        range(20150, 20170),
        range(2015300, 2015400),
        [10**8, 10**8 + 1],
        [18262, 18263],  # days since 1970 count on as steps do
        [-3, -2],
    ],
)
def test_numbers_that_count_on_as_steps_do_are_steps(numbers):
    assert check_frame(frame(np.array(numbers))).freq == np.diff(numbers)[0]


def test_how_numbers_are_converted_is_told_rightly():
    for numbers, dates in (
        ([202012, 202101], ["2020-12-01", "2021-01-01"]),
        ([20150131, 20150201], ["2015-01-31", "2015-02-01"]),
        ([150131, 150201], ["2015-01-31", "2015-02-01"]),
        ([2015365, 2016001], ["2015-12-31", "2016-01-01"]),
        ([20154, 20161], ["2015-10-01", "2016-01-01"]),
        ([2015010123, 2015010200], ["2015-01-01 23:00", "2015-01-02"]),
        ([1420070400, 1420156800], ["2015-01-01", "2015-01-02"]),
        ([1420070400000, 1420156800000], ["2015-01-01", "2015-01-02"]),
    ):
        ds = pd.Series(numbers)
        with pytest.raises(ForecastError) as told:
            check_frame(frame(ds))
        call = str(told.value).split("convert them by ")[1].split("; if")[0].split(", weeks by ")
        converted = [eval(one, {"pandas": pd, "ds": ds}) for one in call]  # as a user types it
        assert list(converted[0]) == [pd.Timestamp(date) for date in dates]
    weeks = pd.Series([202052, 202053])
    assert list(pd.to_datetime(weeks.astype(str) + "1", format="%G%V%u").dt.day) == [21, 28]


@pytest.mark.parametrize("freq", [None, "s", "ns", pd.DateOffset(seconds=1)])
@pytest.mark.parametrize("unit", ["s", "ns"])
def test_dates_with_very_many_steps_between_them_are_refused(freq, unit):
    ds = pd.DatetimeIndex(["1700-01-01 00:00:00", "1700-01-01 00:00:01", "2200-01-01"]).as_unit(
        unit
    )
    for function in (check_frame, fill_gaps):
        with pytest.raises(
            ForecastError, match=r"from 1700-01-01 to 2200-01-01 are [\d,]+ dates of"
        ):
            function(frame(ds), freq=freq)
    # Days of as many years are few.
    assert len(fill_gaps(frame(ds[[0, 2]]), freq="D")) == 182_622
