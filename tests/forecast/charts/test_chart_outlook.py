"""The outlook of a chart: places, who stays, releases and past scores, on a made-up chart."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from few_trees import few_trees  # noqa: F401 (a fixture)

from spdkit import forecast
from spdkit.forecast.charts.chart_outlook import (
    ChartOutlook,
    OutlookRequest,
    PastScores,
    _between,
    outlook,
)
from spdkit.forecast.charts.chart_table import check_chart
from spdkit.forecast.data.checks import ForecastError
from spdkit.synthetic.charts import chart_rows

H = 2
METADATA = pd.DataFrame(
    {
        "track_id": ["song-000.wav", "new", "late", "vague", "wrong", "out"],
        "title": ["A", "B", "C", "D", "E", "F"],
        "artist": ["Ilse Inkwood", "Ilse Inkwood", "X", "X", "X", "X"],
        "release_date": ["2020-01-01", "2025-07-02", "2025-07-03", "2025", "soon", "2025-06-30"],
        "energy": [0.5, None, 0.5, 0.5, 0.5, 0.5],
        "label": "Inkwell",
    }
)


@pytest.fixture(scope="module")
def table():
    return check_chart(chart_rows(40, days=100, places=12))


@pytest.fixture(scope="module")
def week(table, few_trees):  # noqa: F811 (the fixture)
    return outlook(table, OutlookRequest(H, n_windows=2), METADATA)


def test_every_song_of_the_last_chart_has_a_row_a_date_in_the_order_of_its_streams(week, table):
    assert forecast.outlook is outlook
    frame = week.forecasts
    last = table.frame[table.frame["ds"] == table.frame["ds"].max()]
    assert len(frame) == H * len(last) == H * 2 * 12
    assert [*frame] == [
        *("region", "ds", "track_id", "title", "artist", "position", "streams", "lo-90", "hi-90"),
        *("p_in_chart", "last_position", "change"),
    ]
    for (region, ds), chart in frame.groupby(["region", "ds"]):
        known = last[last["region"] == region].set_index("track_id")
        assert ds in pd.to_datetime(["2025-07-01", "2025-07-02"])
        assert set(chart["track_id"]) == set(known.index)
        assert chart["position"].tolist() == list(range(1, 13))
        assert (chart["streams"].diff().dropna() <= 0).all()
        assert (chart["lo-90"] <= chart["hi-90"]).all()
        assert chart["p_in_chart"].between(0, 1).all()
        places = known["position"].loc[chart["track_id"]].to_numpy()
        assert (chart["last_position"] == places).all()
        assert (chart["change"] == places - chart["position"]).all()
        assert (chart["title"] == known["title"].loc[chart["track_id"]].to_numpy()).all()


def test_below_the_first_places_songs_may_enter_them(week):
    entering = week.entering
    assert set(entering["first_places"]) == {3}  # a quarter of 12
    assert (entering["last_position"] > 3).all() and len(entering) == 2 * 9
    for _, rows in entering.groupby("region"):
        assert rows["probability"].is_monotonic_decreasing


def test_windows_of_the_past_know_nothing_of_what_is_scored(week, table, few_trees):  # noqa: F811
    scores = week.scores
    assert (scores.n_windows, str(scores.first.date()), str(scores.last.date())) == (
        *(2, "2025-06-27", "2025-06-30"),
    )
    rows = scores.forecasts
    assert set(rows["cutoff"].dt.strftime("%m-%d")) == {"06-26", "06-28"}
    truth = table.frame.set_index(["region", "track_id", "ds"])["streams"]
    keys = ["region", "track_id"]

    def streams(dates):
        index = pd.MultiIndex.from_frame(rows[keys].assign(ds=dates))
        return truth.reindex(index).to_numpy()

    assert np.allclose(rows["y"], streams(rows["ds"]))
    assert np.allclose(rows["last_value"], streams(rows["cutoff"]))
    week = streams(rows["ds"] - pd.Timedelta(days=7))
    assert np.array_equal(rows["seasonal_naive"], week, equal_nan=True)
    stayed = scores.presence.merge(
        table.frame.assign(cutoff=table.frame["ds"] - pd.Timedelta(days=H)),
        how="left",
        on=[*keys, "cutoff"],
    )["position"].notna()
    assert (scores.presence["stayed"] == stayed).all()
    # Absurd values in the windows change no forecast of the first one, which lies before them.
    later = table.frame["ds"] > "2025-06-26"
    absurd = table.frame.assign(streams=table.frame["streams"] * np.where(later, 1000.0, 1.0))
    again = outlook(replace(table, frame=absurd), OutlookRequest(H, n_windows=2))
    first = rows["cutoff"] == "2025-06-26"
    assert np.allclose(rows["streams"][first], again.scores.forecasts["streams"][first])


def test_scores_worked_by_hand():
    frame = pd.DataFrame(
        {
            "region": "PH",
            "track_id": ["a", "b", "c"],
            "cutoff": pd.Timestamp("2025-01-01"),
            "ds": pd.Timestamp("2025-01-02"),
            "y": [100.0, 200.0, 300.0],
            "last_value": [100.0, 250.0, 200.0],
            "seasonal_naive": [math.nan, 100.0, 300.0],
            "streams": [110.0, 200.0, 330.0],
            "lo-90": [105.0, 150.0, 300.0],
            "hi-90": [120.0, 250.0, 360.0],
        }
    )
    presence = pd.DataFrame({"stayed": [1.0, 0.0], "probability": [0.8, 0.4], "by_place": 0.5})
    day = pd.Timestamp("2025-01-02")
    scores = PastScores(frame, presence, 1, 90.0, day, day)
    assert scores.errors("streams") == {"n": 3, "mae": 40 / 3, "wape": 40 / 600, "places": 0}
    # Ranks of 100, 250, 200 and of 100, 200, 300 are 3, 1, 2 and 3, 2, 1.
    assert scores.errors("last_value")["places"] == pytest.approx(2 / 3)
    assert scores.errors("seasonal_naive") == {"n": 2, "mae": 50, "wape": 0.2, "places": 0}
    assert scores.difference("seasonal_naive").value == pytest.approx(15 - 50)
    assert math.isnan(scores.difference("last_value").low)  # three songs give no interval
    assert scores.coverage == pytest.approx(2 / 3)
    assert scores.brier() == pytest.approx(0.1) and scores.brier("by_place") == 0.25
    assert scores.rivals == ("last_value", "seasonal_naive")


def test_between_learned_steps_log_odds_lie_on_a_line():
    keys = pd.MultiIndex.from_tuples([("PH", "a")] * 3)
    by_step = {1: 0.9, 4: 0.5}
    index = pd.MultiIndex.from_tuples([("PH", "a")])
    presence = {step: pd.Series([share], index=index) for step, share in by_step.items()}
    # Step 2 lies halfway from 1 to 4: odds of 9 and of 1 have 3 between them.
    assert np.allclose(_between(keys, np.array([1, 2, 4]), presence), [0.9, 0.75, 0.5])


def test_announced_songs_are_forecast_and_the_rest_is_counted(week):
    releases = week.releases
    assert releases[["region", "track_id"]].to_numpy().tolist() == [["XA", "new"], ["XB", "new"]]
    assert set(releases["ds"]) == {pd.Timestamp("2025-07-02")}
    for row in releases.itertuples():
        chart = week.chart(row.region)
        assert row.position == (chart["streams"] > row.streams).sum() + 1
    assert week.remarks == (
        f"metadata: 1 of the {week.table.frame['track_id'].nunique()} songs of the charts are in "
        "it, and 5 songs that are in no chart",
        "metadata: of their release dates 1 are no date",
        "metadata: of their release dates 1 are not known to the day",
        "metadata: 1 of them come out on dates that are forecast",
        "metadata: 1 of the 17 songs that are learned from have numbers (energy), 1 all of them: "
        "what is missing stays missing",
        "metadata: nothing learns from label: no numbers of such songs",
        "metadata: 1 songs that come out lack some of these numbers",
    )


def test_without_a_release_nothing_learns_from_metadata(table, few_trees):  # noqa: F811
    remarks = outlook(table, OutlookRequest(1, n_windows=0), METADATA).remarks
    assert remarks[-1] == (
        "metadata: nothing learns from energy, label, which serve releases: none is forecast"
    )


def test_songs_that_came_in_lately(table):
    last = table.frame["ds"].max()
    rows = table.frame[table.frame["ds"] == last].assign(ds=last + pd.Timedelta(days=1))
    chart = pd.concat([table.frame, rows.assign(track_id=rows["track_id"] + "*")])
    forecasts = rows.assign(track_id=rows["track_id"] + "*", ds=last + pd.Timedelta(days=3))
    nothing = pd.DataFrame()
    week = ChartOutlook(
        *(OutlookRequest(2), replace(table, frame=chart), forecasts, nothing, nothing),
        *(None, None, ()),
    )
    assert len(week.newcomers("XA")) == 12
    assert week.newcomers("XA")["position"].tolist() == list(range(1, 13))


def test_a_region_that_ends_before_is_forecast_from_its_end_and_not_scored(table, few_trees):  # noqa: F811
    ended = table.frame[(table.frame["region"] == "XA") | (table.frame["ds"] < "2025-06-20")]
    week = outlook(check_chart(ended), OutlookRequest(H, n_windows=1))
    firsts = week.forecasts.groupby("region")["ds"].min().dt.strftime("%m-%d").to_dict()
    assert firsts == {"XA": "07-01", "XB": "06-20"}
    assert set(week.scores.forecasts["region"]) == {"XA"} == set(week.scores.presence["region"])
    assert week.remarks == (
        "XB ends on 2025-06-19, others on 2025-06-30: it is forecast from its own end, and not "
        "scored",
    )


def test_what_cannot_be_had_is_refused(table, few_trees):  # noqa: F811 (the fixture)
    with pytest.raises(ForecastError, match="no region 'PH'"):
        outlook(table, OutlookRequest(H), regions=["PH"])
    with pytest.raises(ForecastError, match="60 windows of 2 dates are asked for"):
        outlook(table, OutlookRequest(H, n_windows=60))
    with pytest.raises(ForecastError, match="56 steps ahead at most"):
        outlook(table, OutlookRequest(57, n_windows=0))
    with pytest.raises(ForecastError, match="in the chart on two dates so far apart"):
        outlook(table.until("2025-03-30"), OutlookRequest(7, n_windows=0))
    begun = table.frame[(table.frame["region"] == "XA") | (table.frame["ds"] > "2025-06-28")]
    with pytest.raises(ForecastError, match=r"XB has a chart of 2 dates.* leave the region out"):
        outlook(check_chart(begun), OutlookRequest(H))
    twice = pd.concat([METADATA, METADATA])
    with pytest.raises(ForecastError, match="occur more than once"):
        outlook(table, OutlookRequest(H), twice)


def test_a_short_chart_has_no_intervals_and_no_scores_and_says_so(table, few_trees):  # noqa: F811
    short = table.until(table.frame["ds"].min() + pd.Timedelta(days=10))
    week = outlook(short, OutlookRequest(7))
    assert week.level is None and week.scores is None
    assert "lo-90" not in week.forecasts
    assert "no intervals: the chart is too short to learn them" in week.remarks
    assert any(text.startswith("how good it was is not scored") for text in week.remarks)
