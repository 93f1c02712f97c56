"""The page of a chart to come: what it says is what the outlook holds, and names are only text."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from browser import Screen, chromium, problems
from few_trees import few_trees  # noqa: F401 (a fixture)
from pages import Reader

from spdkit.forecast.charts.chart_outlook import OutlookRequest, outlook
from spdkit.forecast.charts.chart_table import check_chart
from spdkit.report import chart_report
from spdkit.report.chart_report import render
from spdkit.report.forecast_report import Provenance
from spdkit.report.svg import TEXT
from spdkit.synthetic.charts import chart_rows

PROVENANCE = Provenance("chart.csv", "spdkit charts forecast", "2025-07-01 10:00 UTC")
EVIL = '<script>alert("1")</script> & $x^2$'


@pytest.fixture(scope="module")
def week(few_trees):  # noqa: F811 (the fixture)
    rows = chart_rows(30, days=80, places=12)
    rows["title"] = rows["title"].mask(rows["track_id"] == rows["track_id"].iloc[-1], EVIL)
    return outlook(check_chart(rows), OutlookRequest(3, n_windows=2))


@pytest.fixture(scope="module")
def page(week):
    return render(week, PROVENANCE)


def test_a_page_is_whole_and_stands_alone(page):
    read = Reader(page)
    assert "script" not in read.tags and "link" not in read.tags
    assert len(read.ids) == len(set(read.ids))
    for address in read.addresses:
        assert address[1:] in read.ids, address
    assert not re.search(r"url\((?!#)|@import", page) and "default-src 'none'" in page
    assert page.count("<figure ") == page.count("<figcaption>") == page.count('role="img"') == 12
    assert TEXT not in page[page.index("<main>") :]
    assert EVIL in read.text


def test_the_same_outlook_gives_the_same_page(week, page):
    assert render(week, PROVENANCE) == page
    assert render(replace(week, remarks=("another",)), PROVENANCE) != page


def test_what_it_says(week, page):
    text, scores = Reader(page).text, week.scores
    own, rival = (scores.errors(name)["wape"] for name in ("streams", "last_value"))
    assert "On 2 windows of 3 days, 25 June 2025 to 30 June 2025, which the forecasts did" in text
    assert f"actual streams by {100 * own:.1f}" in text and f"{100 * rival:.1f}" in text
    assert f"{scores.brier():.4f}" in text and f"{scores.brier('by_place'):.4f}" in text
    for name in week.regions:
        chart = week.chart(name)
        table = chart_report.chart_table(week, name)
        assert [row[1].text for row in table.rows] == [str(i) for i in range(1, 13)]
        for row, song in zip(table.rows, chart.itertuples(), strict=True):
            change = song.last_position - song.position
            move = "same" if not change else f"{'up' if change > 0 else 'down'} {abs(change)}"
            assert (row[2].text, row[2].detail) == (move, f"now {song.last_position}")
            assert row[3].text == f"{song.streams:,.0f}"
        gone = 12 - chart["p_in_chart"].sum()
        assert f"Of the 12 songs of the last chart about {gone:.0f} are expected" in text


def test_without_scores_and_intervals_the_page_says_so(week):
    frame = week.forecasts.drop(columns=["lo-90", "hi-90"])
    bare = replace(week, scores=None, level=None, forecasts=frame)
    text = Reader(render(bare, PROVENANCE)).text
    assert "How good such forecasts are was not measured." in text
    assert "nothing is known of how good these forecasts are" in text
    assert "There are no intervals." in text and "past forecast" not in text


@pytest.mark.slow
@pytest.mark.parametrize("screen", [Screen(1280, 900, "light"), Screen(360, 740, "dark")], ids=str)
def test_nothing_is_wrong_in_a_browser(page, tmp_path, screen):
    (tmp_path / "p.html").write_text(page, encoding="utf-8")
    with chromium() as browser:
        assert problems(browser, tmp_path / "p.html", screen) == []
