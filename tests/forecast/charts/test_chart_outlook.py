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
    return outlook(table, H, n_windows=2, metadata=METADATA)


def test_every_song_of_the_last_chart_has_a_row_a_date_in_the_order_of_its_streams(week, table):
    assert forecast.outlook is outlook
    frame = week.forecasts
    last = table.frame[table.frame["ds"] == table.frame["ds"].max()]
    assert len(frame) == H * len(last) == H * 2 * 12
    assert [*frame] == [
        *("region", "ds", "track_id", "title", "artist"),
        *("position", "position-lo-90", "position-hi-90", "streams", "lo-90", "hi-90"),
        *("p_in_chart", "last_position", "change"),
    ]
    for (region, ds), chart in frame.groupby(["region", "ds"]):
        known = last[last["region"] == region].set_index("track_id")
        assert ds in pd.to_datetime(["2025-07-01", "2025-07-02"])
        assert set(chart["track_id"]) == set(known.index)
        assert chart["position"].is_monotonic_increasing and chart["position"].min() >= 1
        assert chart["position-lo-90"].le(chart["position"]).all()
        assert chart["position"].le(chart["position-hi-90"]).all()
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
    again = outlook(replace(table, frame=absurd), H, n_windows=2)
    first = rows["cutoff"] == "2025-06-26"
    assert np.allclose(rows["streams"][first], again.scores.forecasts["streams"][first])


def test_scores_worked_by_hand():
    frame = pd.DataFrame(
        {
            "region": "PH",
            "track_id": ["a", "b", "c"],
            "cutoff": pd.Timestamp("2025-01-01"),
            "ds": pd.to_datetime(["2025-01-02", "2025-01-02", "2025-01-03"]),
            "step": [1, 1, 2],
            "y": [100.0, 200.0, 300.0],
            "last_value": [100.0, 250.0, 200.0],
            "seasonal_naive": [math.nan, 100.0, 300.0],
            "streams": [110.0, 200.0, 330.0],
            "lo-90": [105.0, 150.0, 300.0],
            "hi-90": [120.0, 250.0, 360.0],
            "y place": [5, 3, 1],
            "last_value place": [4, 1, 3],
            "seasonal_naive place": [math.nan, 3, 1],
            "streams place": [4.5, 3.5, 1.5],
            "lo-90 place": [3.0, 3.4, 1.0],
            "hi-90 place": [4.6, 4.0, 1.6],
        }
    )
    presence = pd.DataFrame({"stayed": [1.0, 0.0], "probability": [0.8, 0.4], "by_place": 0.5})
    scores = PastScores(frame, presence, 90.0)
    assert (scores.n_windows, scores.first, scores.last) == (1, *frame["ds"][1:])
    own = {"n": 3, "mae": 40 / 3, "wape": 40 / 600, "places": 0.5, "places_bias": 0.5 / 3}
    assert scores.errors("streams") == pytest.approx(own)
    last = scores.errors("last_value")
    assert (last["places"], last["places_bias"]) == pytest.approx((5 / 3, -1 / 3))
    naive = {"n": 2, "mae": 50, "wape": 0.2, "places": 0, "places_bias": 0}
    assert scores.errors("seasonal_naive") == naive
    ahead = scores.errors_ahead()
    assert ahead[["step", "n"]].to_numpy().tolist() == [[1, 2], [2, 1]]
    assert ahead["streams"].tolist() == pytest.approx([10 / 300, 30 / 300])
    # Ends of places are whole ones: 4.6 is 5, 3.4 is 3.
    assert scores.place_coverage == 1
    assert scores.difference("seasonal_naive").value == pytest.approx(15 - 50)
    assert math.isnan(scores.difference("last_value").low)  # three songs give no interval
    assert scores.coverage == pytest.approx(2 / 3)
    assert scores.brier() == pytest.approx(0.1) and scores.brier("by_place") == 0.25
    assert scores.rivals == ("last_value", "seasonal_naive")


def judged(n=200, error=10.0, rival=20.0, inside=True, probability=0.9):
    """Scores of `n` forecasts that miss 100 streams by so many."""
    frame = pd.DataFrame(
        {
            **{"region": "PH", "track_id": "a", "cutoff": pd.Timestamp("2025-01-01")},
            **{"ds": pd.Timestamp("2025-01-02"), "step": 1, "y": np.full(n, 100.0)},
            **{"streams": 100.0 + error, "last_value": 100.0 + rival, "seasonal_naive": math.nan},
            **{"lo-90": 0.0, "hi-90": np.where(inside & (np.arange(n) < 0.9 * n), 200.0, 1.0)},
            **dict.fromkeys(["y place", "streams place", "last_value place"], 1.0),
            **{"lo-90 place": 1.0, "hi-90 place": np.where(np.arange(n) < 0.9 * n, 1.0, 0.0)},
        }
    )
    presence = pd.DataFrame({"stayed": np.ones(n), "probability": probability, "by_place": 0.8})
    return PastScores(frame, presence, 90.0)


@pytest.mark.parametrize(
    ("scores", "caution"),
    [
        (judged(), None),
        (judged(error=21.0), "missed the streams by 21.0 % in the past windows, the last value by"),
        (judged(inside=False), "90 % intervals of streams held 0.0 % in the past windows: they "),
        (judged(probability=0.7), "(Brier score 0.0900) than those by the place alone (0.0400)"),
        (judged(n=199, error=21.0, inside=False, probability=0.7), None),
    ],
)
def test_what_was_bad_is_told_in_words(scores, caution):
    if caution is None:
        assert scores.cautions == ()
    else:
        (text,) = scores.cautions
        assert caution in text


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
        above = chart["streams"] > row.streams
        # As many as are above it and stay, and who came in above such a rank.
        assert row.position >= round(chart["p_in_chart"][above].sum()) + 1
        assert row.basis.startswith("if it gets into the chart; ")
    assert week.remarks == (
        f"metadata: 1 of the {week.table.frame['track_id'].nunique()} songs of the charts are in "
        "it, and 5 songs that are in no chart",
        "metadata: of their release dates 1 are no date",
        "metadata: of their release dates 1 are not known to the day",
        "metadata: 1 of them come out on dates that are forecast",
        "metadata: 1 come out after the dates that are forecast: 'C'",
        "metadata: 1 of the 17 songs that are learned from have numbers (energy), 1 all of them: "
        "what is missing stays missing",
        "metadata: nothing learns from label: no numbers of such songs",
        "metadata: 1 songs that come out lack some of these numbers",
        "releases are forecast if they get into the chart: how probable that is cannot be learned, "
        "for charts hold only those that got in",
    )
    rows = week.rows
    assert rows["kind"].value_counts().to_dict() == {"song": len(week.forecasts), "release": 2}
    assert set(rows["basis"][rows["kind"] == "song"]) == {"if it stays"}
    assert rows[rows["kind"] == "release"]["p_in_chart"].isna().all()
    songs = rows[rows["kind"] == "song"][[*week.forecasts]].reset_index(drop=True)
    pd.testing.assert_frame_equal(songs, week.forecasts, check_dtype=False)


def test_without_a_release_nothing_learns_from_metadata(table, few_trees):  # noqa: F811
    remarks = outlook(table, 1, n_windows=0, metadata=METADATA).remarks
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


def test_what_cannot_be_had_is_refused(table, few_trees):  # noqa: F811 (the fixture)
    with pytest.raises(ForecastError, match="no region 'PH'"):
        outlook(table, H, regions=["PH"])
    with pytest.raises(ForecastError, match="60 windows of 2 dates are asked for"):
        outlook(table, H, n_windows=60)
    with pytest.raises(ForecastError, match="56 steps ahead at most"):
        outlook(table, 57, n_windows=0)
    with pytest.raises(ForecastError, match="in the chart on two dates so far apart"):
        outlook(table.until("2025-03-30"), 7, n_windows=0)
    begun = table.frame[(table.frame["region"] == "XA") | (table.frame["ds"] > "2025-06-28")]
    with pytest.raises(ForecastError, match=r"XB has a chart of 2 dates.* leave the region out"):
        outlook(check_chart(begun), H)
    twice = pd.concat([METADATA, METADATA])
    with pytest.raises(ForecastError, match="occur more than once"):
        outlook(table, H, metadata=twice)


def test_a_short_chart_has_no_intervals_and_no_scores_and_says_so(table, few_trees):  # noqa: F811
    short = table.until(table.frame["ds"].min() + pd.Timedelta(days=10))
    week = outlook(short, 7)
    assert week.level is None and week.scores is None
    assert "lo-90" not in week.forecasts
    assert "no intervals: the chart is too short to learn them" in week.remarks
    assert any(text.startswith("how good it was is not scored") for text in week.remarks)


def test_what_is_not_scored_is_not_counted_and_told(table, few_trees):  # noqa: F811
    one, ended = (table.frame[table.frame["region"] == name] for name in ("XA", "XB"))
    parts = [
        one[one["ds"] != "2025-06-26"],  # no chart on the date before the first window
        ended[ended["ds"] < "2025-06-20"],
        one[one["ds"] > "2025-06-25"].assign(region="XC"),
    ]
    week = outlook(pd.concat(parts), H, n_windows=2)
    scores, firsts = week.scores, week.forecasts.groupby("region")["ds"].min()
    assert (scores.n_windows, str(scores.first.date())) == (1, "2025-06-29")
    assert set(scores.forecasts["region"]) == {"XA"} == set(scores.presence["region"])
    assert firsts.dt.strftime("%m-%d").to_dict() == {"XA": "07-01", "XB": "06-20", "XC": "07-01"}
    assert week.remarks == (
        "1 of 2 windows have no forecast, for want of a chart on the date before them or in them: "
        "those after 2025-06-26",
        "XB ends on 2025-06-19, others on 2025-06-30: it is forecast from its own end, and not "
        "scored",
        "XC begins on 2025-06-26, too late to be scored on what comes after 2025-06-26: it is "
        "forecast, and not scored",
    )


def test_releases_have_rows_from_the_first_to_the_last_date(table, few_trees):  # noqa: F811
    songs = pd.DataFrame(
        {"title": ["New", "Old"], "artist": ["Nobody", "Ilse Inkwood"]}
        | {"release_date": ["2025-07-01", "2025-07-09"]}
    )
    rows = outlook(table, 9, n_windows=0, metadata=songs, regions=["XA"]).releases
    new = rows[rows["title"] == "New"]
    assert new["ds"].dt.day.tolist() == [*range(1, 8)]
    assert rows["ds"][rows["title"] == "Old"].dt.day.tolist() == [9]
    assert set(new["basis"]) == {
        "if it gets into the chart; unknown artist: as other debuts in this chart"
    }
    (basis,) = rows["basis"][rows["title"] == "Old"]
    assert basis.startswith("if it gets into the chart; artist with ")
