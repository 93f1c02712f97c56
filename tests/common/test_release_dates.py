"""Release dates: every form that is written gives the same day, and nothing else gives one."""

from __future__ import annotations

import datetime
import random
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, strategies as st

from spdkit.common.release_dates import (
    ReleaseDate,
    ReleaseDateError,
    read_release_date,
    read_release_dates,
    release_date_of,
    unreadable_dates,
)

DAY, MONTH, YEAR = ReleaseDate(1975, 3, 21), ReleaseDate(1975, 3), ReleaseDate(1975)


@pytest.mark.parametrize(
    "value",
    [
        *("1975-03-21", "1975/3/21", "1975.03.21", "1975:03:21", " 1975\u201003\u201021 "),
        *("19750321", 19750321, 19750321.0, "19750321.0", np.int64(19750321)),
        *("1975-03-21T10:20:30Z", "1975-03-21 00:00:00+00:00", "19750321T000000", "1975-03-21 10"),
        *("03/21/1975", "21/03/1975", "21.3.1975", "21-03-1975 10:00"),
        *("21 March 1975", "Mar 21, 1975", "21st of March, 1975", "Fri, 21 mar. 1975"),
        *("１９７５-０３-２１", "١٩٧٥-٠٣-٢١", "1975-W12-5"),
        *(datetime.date(1975, 3, 21), datetime.datetime(1975, 3, 21, 23, 59)),
        pd.Timestamp("1975-03-21", tz="Asia/Tokyo"),
        *(np.datetime64("1975-03-21", unit) for unit in ("D", "s", "ns")),
        *(["1975-03-21"], np.array(["1975-03-21"]), np.array(["1975-03-21"], "datetime64[ns]")),
    ],
)
def test_a_day(value):
    assert read_release_date(value) == DAY


@pytest.mark.parametrize(
    "value",
    [
        *("1975-03", "1975-3", "1975-03-00", "19750300", "03/1975", "March 1975", "mar 1975"),
        *(np.datetime64("1975-03"), pd.Period("1975-03", "M"), ["1975-03"]),
    ],
)
def test_a_month(value):
    assert read_release_date(value) == MONTH


@pytest.mark.parametrize(
    "value",
    [
        *(
            "1975",
            1975,
            1975.0,
            "1975.0",
            np.float32(1975),
            np.int16(1975),
            Decimal(1975),
            [1975],
            {1975},
        ),
        *("1975-00-00", "19750000", np.datetime64("1975"), pd.Period("1975", "Y")),
        *(
            "03/04/1975",
            "13/13/1975",
            "1975-02-30",
            "1975-13-45",
            "19750230",
            19750230,
        ),  # the year alone is sure
        *("spring 1975", "© 1975", "c1975", "(1975)", "1975?", "1975年3月21日", "1975.5"),
        *("1975 / 1975", "released 1975", np.str_("1975"), np.array(1975)),
    ],
)
def test_a_year(value):
    assert read_release_date(value) == YEAR


@pytest.mark.parametrize(
    "value",
    [
        *("", "  ", None, float("nan"), np.nan, pd.NaT, pd.NA, "nan", "None", "N/A", []),
        *(0, 0.0, "0", "0000", "0000-00-00", "0000-00-00 00:00:00", "00/00/0000", "00000000"),
        *(-1, -99, "-1", "-99", np.datetime64("NaT"), np.array([]), Decimal("nan")),
    ],
)
def test_nothing_is_said(value):
    assert read_release_date(value) is None


@pytest.mark.parametrize(
    "value",
    [
        *("unknown", "12", "9999", "0999", "2101", "199x", "199?", "1990s", "1970's", "平成3年"),
        *("5/311999", "19990", 20199, "20191345", "1,975", "1e3", "12/25/99", "1999-2000"),
        *("1975-76", "2019-13", "1999 (remaster 2011)", 2019.5, True, 5, -1975, float("inf")),
        *(197503, "750321", 1549584000, 1549584000000, 1549584000000000000, 10**400),
        *(b"1975", {"year": 1975}, ["1975", "1976"], 1975j, object(), datetime.date(999, 1, 1)),
    ],
)
def test_what_is_no_date(value):
    with pytest.raises(ReleaseDateError, match=r"no date|not one date"):
        read_release_date(value)


@given(st.dates(datetime.date(1000, 1, 1), datetime.date(2100, 12, 31)))
def test_every_day_comes_back_from_every_form(day):
    forms = [day, day.isoformat(), f"{day:%Y%m%d}", int(f"{day:%Y%m%d}"), np.datetime64(day)]
    forms += [
        f"{day:%d %B %Y}",
        f"{day:%B %d, %Y}",
        datetime.datetime.combine(day, datetime.time()),
    ]
    (release,) = {read_release_date(form) for form in forms}
    assert release == ReleaseDate(day.year, day.month, day.day)
    assert read_release_date(day.isoformat()).first_day == day
    assert read_release_date(f"{day:%d/%m/%Y}").year == day.year


@given(st.text() | st.integers() | st.floats() | st.binary() | st.none() | st.lists(st.text()))
def test_anything_is_a_date_none_or_a_refusal(value):
    try:
        release = read_release_date(value)
    except ReleaseDateError:
        return
    assert release is None or 1000 <= release.first_day.year <= 2100


def test_precisions_and_their_order():
    assert [each.precision for each in (YEAR, MONTH, DAY)] == ["year", "month", "day"]
    forms = ["1974-12-31", 1975, "1975-02", "1975-03", "03/21/1975", 19750322, 1976.0]
    dates, unreadable = read_release_dates(random.Random(0).sample(forms, len(forms)))
    assert not unreadable
    assert sorted(each.first_day for each in dates) == [
        read_release_date(form).first_day for form in forms
    ]
    assert YEAR.first_day == datetime.date(1975, 1, 1)  # and so with that day


def test_the_first_fact_that_can_be_read_and_the_most_precise_of_its_year():
    facts = {"release_date": "1975", "date": "1975-03-21", "year": 1999}
    assert release_date_of(facts) == DAY
    assert release_date_of({**facts, "release_date": "1976"}) == ReleaseDate(1976)
    assert release_date_of({**facts, "release_date": "long ago"}) == DAY
    assert release_date_of({"title": "1999", "date": "unknown"}) is None
    for precise in ("1975-01", "1975-01-01"):
        assert release_date_of({"release_year": 1975, "date": precise}) == read_release_date(
            precise
        )


def test_what_cannot_be_read_is_counted_and_named_once():
    rows = [("a", {"date": "unknown", "year": 1975}), ("b", {"date": "1975"}), ("c", {"year": 12})]
    assert unreadable_dates(rows) == [
        "2 dates cannot be read and are missing: date 'unknown' of 'a', year 12 of 'c'"
    ]
    assert unreadable_dates(rows[1:2]) == []
    assert len(unreadable_dates([("a", {"date": "x" * 10**6})])[0]) < 200
