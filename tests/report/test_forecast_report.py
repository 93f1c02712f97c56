"""The page of a forecast: what it says is what the result holds, whatever that lacks."""

from __future__ import annotations

import math
import re
import sys
from dataclasses import replace
from itertools import product

import numpy as np
import play_tables
import pytest
from browser import Screen, chromium, problems
from pages import Reader
from play_tables import few_trees  # noqa: F401 (a fixture)

from spdkit.common.errors import SpdkitError
from spdkit.report import forecast_report, forecast_tables
from spdkit.report.forecast_report import Provenance, render
from spdkit.report.svg import TEXT

PROVENANCE = Provenance(
    "plays.csv", "spdkit forecast plays.csv", "2025-06-01 10:00 UTC", {"spdkit": "9.9"}
)
SCREENS = [Screen(*s, c) for s, c in product([(1280, 900), (360, 740)], ["light", "dark"])]


@pytest.fixture(scope="module")
def whole():
    return play_tables.result(play_tables.weekly(14), levels=(80.0, 90.0))


@pytest.fixture(scope="module")
def page(whole):
    return render(whole, PROVENANCE)


def test_a_page_is_whole_and_stands_alone(page):
    found = Reader(page)
    assert "script" not in found.tags and "link" not in found.tags
    assert len(found.ids) == len(set(found.ids))
    for address in found.addresses:
        assert address[1:] in found.ids, address
    assert not [name for name in found.attributes if name.startswith("on")]
    assert not re.search(r"url\((?!#)|@import", page) and "default-src 'none'" in page
    assert page.count("<figure ") == page.count("<figcaption>") == page.count('role="img"') == 12
    main = page[page.index("<main>") :]
    assert TEXT not in main and "font-family" not in main and "currentColor" in main


def test_the_same_plays_forecast_anew_give_the_same_page_and_nothing_else_does(whole):
    again = play_tables.result(play_tables.weekly(14), levels=(80.0, 90.0))
    page = render(whole, PROVENANCE, [2])
    assert page == render(again, PROVENANCE, [2])
    assert page != render(whole, PROVENANCE, [3])
    assert page != render(whole, replace(PROVENANCE, source="other.csv"), [2])


def test_a_change_has_its_sign():
    rising = play_tables.constant([5, 4], days=60)
    rising.loc[(rising["unique_id"] == "a") & (rising.index < 53), "y"] = 1.0
    found = play_tables.result(rising, h=7, n_windows=0, levels=())
    details = [row[2].detail for row in forecast_tables.totals_table(found).rows]
    assert details == ["0.0\u00a0%", "0.0\u00a0%"]
    longer = play_tables.result(rising, h=14, n_windows=0, levels=())
    details = {row[0].text: row[2].detail for row in forecast_tables.totals_table(longer).rows}
    assert details["a"].startswith("+") and details["b"] == "0.0\u00a0%"


def test_what_it_says(whole, page):
    text, scores = Reader(page).text, whole.validation.scores()
    assert "The next 14 days of 14 series" in text
    assert (
        "14 series are forecast by SeasonalNaive(7) for 14 days, 1 May 2025 to 14 May 2025. On 2 "
        "windows of 14 days, 3 April 2025 to 30 April 2025, of 14 series, its forecasts score "
        f"{100 * scores['f_share'].iloc[0]:.1f} % of the F of a perfect forecast. SMA(16) has "
        f"{100 * scores['f_share'].iloc[1]:.1f} % of the F of a perfect forecast: "
    ) in text
    assert "Scored on 2 windows of 14 days, 3 April 2025 to 30 April 2025, of 14 series" in text
    for level in (80.0, 90.0):
        assert f"{level:g} % {100 * whole.coverage[level]:.1f} %" in text
    first = whole.totals().iloc[0]
    assert f"song 13 {first['before']:,.0f} {first['forecast']:,.0f} " in text
    assert f"{first['lo-90']:,.0f} to {first['hi-90']:,.0f}" in text
    assert "The 12 largest of 14 series." in text and "season_length" in text
    assert "plays.csv: 14 series, 1,680 rows, 1 January 2025 to 30 April 2025" in text
    assert "spdkit forecast plays.csv" in text and "Made by spdkit 9.9." in text


def told(result):
    """The words of its page, with a single figure."""
    return Reader(render(result, PROVENANCE, [0])).text


def verdict(a, b, n_series=12, **request):
    """Of a forecaster of constants whose truth is `a` in its last days, `b` before them."""
    frame = play_tables.constant([1] * min(n_series, 8), days=60)
    frame["y"] = np.where(frame["ds"] >= "2025-02-20", a, b) + frame["unique_id"].map(ord)
    text = told(play_tables.result(frame, 10, **request))
    return text[text.index("series are forecast") : text.index("Series Totals")]


def test_the_verdict_says_which_is_better_or_that_it_cannot_be_told():
    weekly = play_tables.weekly(12, 120)
    better = told(play_tables.result(weekly))
    worse = told(play_tables.result(weekly, model="sma"))
    # Of plays with nothing but a week in them, last week is the better guess by far.
    assert "the forecast is better, by more than chance explains" in better
    assert "the forecast is worse, by more than chance explains" in worse
    # Without a week in them, neither is the better guess.
    level = weekly.assign(y=np.random.default_rng(1).poisson(100, len(weekly)))
    assert "these series cannot tell the two apart" in told(
        play_tables.result(level, model="relative-mean")
    )


def test_the_verdict_compares_no_forecaster_with_itself_and_draws_no_few_series():
    assert "SMA(16) has 100.0 % of the F of a perfect forecast: its forecasts are the same" in (
        verdict(5, 5)
    )
    for n, words in ((1, "1 series cannot"), (9, "9 series cannot")):
        page = told(play_tables.result(play_tables.weekly(n, 200)))
        assert f"{words} tell the two apart, which takes 10" in page
        assert "no interval of fewer than 10 series" in page and "nan" not in page.lower()


def test_days_without_plays_are_scored_by_wape_and_it_is_told():
    frame = play_tables.weekly(12)
    frame.loc[frame.index[-1], "y"] = 0
    result = play_tables.result(frame)
    text = told(result)
    wape = result.validation.scores()["wape"].iloc[0]
    assert f"its forecasts miss the actual values by {100 * wape:.1f} % of them on average" in text
    assert "Decided on the way F needs plays in every row that models are compared" in text
    assert "LSTM-RPA" not in text


def test_what_is_not_there_is_said():
    result = play_tables.result(n_windows=0, levels=())
    found = Reader(render(result, Provenance("plays.csv"), [0]))
    assert "How good such forecasts are was not measured." in found.text
    assert "There was no validation" in found.text and "There are no intervals." in found.text
    assert "Packages" not in found.text and "table-scores" not in found.ids
    assert "table-coverage" not in found.ids and "Inside their" not in found.text


@pytest.mark.usefixtures("few_trees")
def test_best_shows_what_it_picked_from():
    result = play_tables.result(play_tables.weekly(12, 140), model="best")
    found = Reader(render(result, PROVENANCE, [0]))
    assert "table-candidates" in found.ids
    assert found.text.count("RelativeMean(16)") >= 1
    assert "best (SeasonalNaive(7))" in found.text


def test_names_are_escaped_and_chosen_series_are_drawn():
    frame = play_tables.weekly(12)
    nasty = "<script>alert('&')</script>"
    frame["unique_id"] = frame["unique_id"].replace({"song 3": nasty})
    page = render(play_tables.result(frame), Provenance("<b>.csv"), [3, 0])
    found = Reader(page)
    assert "script" not in found.tags and nasty in found.text and "<b>.csv" in found.text
    assert page.count("<figure ") == 2 and "2 chosen ones of 12 series." in found.text


def test_a_long_list_is_cut_and_says_so():
    result = play_tables.result(play_tables.weekly(101, 50), 5)
    text = Reader(render(result, PROVENANCE, [1])).text
    assert "Totals of the 100 largest of 101 series" in text and "song 1 " in text
    assert not re.search(r"\bsong 0\b", text)


@pytest.mark.parametrize(
    ("value", "size", "places", "text"),
    [
        (12.3, 12.3, 0, "12"),
        (0.0, 0.0, 0, "0"),
        (0.0, 34.0, 0, "0"),
        (-0.00123, 0.02, 0, "−0.0012"),
        (8.13e-9, 8.13e-9, 0, "8.13e−09"),
        (0.0, 8e-12, 0, "0"),
        (4.25, 4.25, 1, "4.2"),
        (0.0425, 0.0425, 1, "0.0425"),
        (math.nan, 1.0, 0, "–"),
    ],
)
def test_small_numbers_have_three_digits(value, size, places, text):
    assert forecast_tables.amount(value, size, places) == text


def test_totals_of_small_values_are_not_zero():
    frame = play_tables.weekly(12).assign(y=lambda df: df.y * 1e-7)
    text = Reader(render(play_tables.result(frame), PROVENANCE, [0])).text
    assert "0 to 0" not in text


def test_the_page_is_written(whole, tmp_path):
    forecast_report.write(whole, PROVENANCE, tmp_path / "new" / "p.html", [1])
    written = (tmp_path / "new" / "p.html").read_text(encoding="utf-8")
    assert written == render(whole, PROVENANCE, [1])


@pytest.mark.parametrize(("module", "extra"), [("jinja2", "report"), ("matplotlib", "plots")])
def test_what_is_not_installed_is_named(whole, monkeypatch, module, extra):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(SpdkitError, match=rf"pip install 'spdkit\[{extra}\]'"):
        render(whole, PROVENANCE)


@pytest.fixture(scope="module")
def browser():
    with chromium() as found:
        yield found


@pytest.mark.slow
@pytest.mark.parametrize("screen", SCREENS, ids=str)
def test_nothing_is_wrong_with_a_page(browser, page, tmp_path, screen):
    (tmp_path / "p.html").write_text(page, encoding="utf-8")
    assert problems(browser, tmp_path / "p.html", screen) == []


@pytest.mark.slow
@pytest.mark.parametrize("screen", [SCREENS[0], SCREENS[3]], ids=str)
@pytest.mark.parametrize("lack", ["scores", "few", "long names", "steps"])
def test_nothing_is_wrong_with_odd_pages(browser, tmp_path, screen, lack):
    frame = play_tables.weekly(12, 70)
    request = {"n_windows": 0, "levels": ()} if lack == "scores" else {}
    if lack == "few":
        frame = play_tables.constant([7], days=40)
    if lack == "long names":
        frame["unique_id"] = "a long name of a song, " * 4 + frame["unique_id"] + "x" * 60
    if lack == "steps":
        frame["ds"] = np.tile(np.arange(70) + 1, 12)
    made = render(play_tables.result(frame, 5, **request), PROVENANCE)
    (tmp_path / "p.html").write_text(made, encoding="utf-8")
    assert problems(browser, tmp_path / "p.html", screen) == []


@pytest.mark.slow
def test_a_broken_page_is_found(browser, page, tmp_path):
    broken = page.replace("<main>", "<main><p style='width:90rem'>x</p>")
    broken = re.sub(r"<figcaption>.*?</figcaption>", "", broken, count=1)
    (tmp_path / "p.html").write_text(broken, encoding="utf-8")
    found = problems(browser, tmp_path / "p.html", SCREENS[2])
    assert "figure-series-1: no caption" in found and any("px wide" in each for each in found)
