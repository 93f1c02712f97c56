"""The report in a real browser, wide and narrow, light and dark; and that each check bites."""

from __future__ import annotations

import re
from itertools import product

import numpy as np
import pytest
import records
from browser import Screen, chromium, contrast, problems

from spdkit.report import popularity_figures, popularity_report as report, svg

SCREENS = [Screen(*s, c) for s, c in product([(1280, 900), (360, 740)], ["light", "dark"])]
WIDE, WIDE_DARK, NARROW, NARROW_DARK = SCREENS
POLICY = re.compile(r'<meta http-equiv="Content-Security-Policy"[^>]*>')


@pytest.fixture(scope="module")
def browser():
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    folder = tmp_path_factory.mktemp("reports")
    made = {
        "regression": records.fitted("regression", "1-B"),
        "classification": records.fitted("classification", "spdkit"),
        "many": records.small(3000),
        "few": records.small(3),
    }
    for name, of in made.items():
        report.write(of.record, of.history, folder / f"{name}.html")
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("screen", SCREENS, ids=str)
def test_nothing_is_wrong_with_a_report_of_a_regressor(browser, pages, screen):
    assert problems(browser, pages / "regression.html", screen) == []


@pytest.mark.slow
@pytest.mark.parametrize("screen", [WIDE_DARK, NARROW], ids=str)
def test_nothing_is_wrong_with_a_report_of_a_classifier(browser, pages, screen):
    assert problems(browser, pages / "classification.html", screen) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", ["many", "few"])
def test_nothing_is_wrong_with_many_songs_or_few(browser, pages, name):
    assert problems(browser, pages / f"{name}.html", NARROW_DARK) == []


def swap(page, old, new):
    assert old in page
    return page.replace(old, new, 1)


def add(page, html):
    return swap(page, "<main>", f"<main>{html}")


def without_policy(page):
    return POLICY.sub("", page)


def with_figure(page, how):
    """Its confusion matrix replaced by another drawing."""
    drawn = svg.draw("confusion", "a test", 3.0, how)
    start = page.index("<svg", page.index('id="figure-confusion"'))
    end = page.index("</svg>", start) + len("</svg>")
    return page[:start] + drawn + page[end:]


def labelled(ax, **labels):
    ax.set(**{"xlabel": "time (s)", "ylabel": "level (dB)", **labels})
    return ax


def coloured(ax, **labels):
    ax.plot([0, 1], [0, 1], color=svg.MODEL)
    return labelled(ax, **labels)


def crowded(ax):
    ax.set_xticks([0.5, 0.51], ["a long name of a tick", "another one beside"])
    return coloured(ax)


def outside(ax):
    ax.text(0.5, 0.5, "x" * 90, in_layout=False, clip_on=False)
    return coloured(ax)


BROKEN = {
    "wide page": (NARROW, "px wide on a screen", lambda p: add(p, "<p style='width:30rem'>x</p>")),
    "wide table": (
        WIDE,
        "table-differences: the table is",
        lambda p: swap(p, '<span class="main">not ', f'<span class="main">{"x" * 400} not '),
    ),
    "script error": (
        WIDE,
        "script error: nowhere is not defined",
        lambda p: add(without_policy(p), "<script>nowhere()</script>"),
    ),
    "script": (WIDE, "console: ", lambda p: add(p, "<script>var harmless</script>")),
    "request": (
        WIDE,
        "asks for https://example.org/a.png",
        lambda p: add(without_policy(p), "<img alt='' src='https://example.org/a.png'>"),
    ),
    "image that the policy stops": (
        WIDE,
        "console: ",
        lambda p: add(p, "<img alt='' src='https://example.org/a.png'>"),
    ),
    "dark text in the dark": (
        NARROW_DARK,
        "'faint' has a contrast of",
        lambda p: add(p, "<p style='color:#333'>faint</p>"),
    ),
    "dark axes in the dark": (
        NARROW_DARK,
        "'True class (songs, % of the class)' has a contrast of",
        lambda p: swap(p, "figure svg {", "figure svg text { fill: #1b1d21 !important; } svg {"),
    ),
    "axes without data": (WIDE, "figure-confusion: nothing is drawn", labelled),
    "no picture": (
        WIDE,
        "figure-confusion: no picture",
        lambda p: swap(p, '<figure id="figure-confusion">', "").replace(
            "</main>", '<figure id="figure-confusion"></figure></main>'
        ),
    ),
    "no label": (
        WIDE,
        "figure-confusion: no label of the y axis",
        lambda ax: coloured(ax, ylabel=""),
    ),
    "no caption": (
        WIDE,
        "no caption",
        lambda p: re.sub(r"<figcaption>.*?</figcaption>", "", p, count=1),
    ),
    "no accessible name": (WIDE, "no accessible name", lambda p: swap(p, 'role="img"', "")),
    "crowded ticks": (WIDE, "lie on each other", crowded),
    "text cut off": (WIDE, "px out of the figure", outside),
}
DRAWN = {labelled, crowded, outside, BROKEN["no label"][2]}


@pytest.fixture(scope="module")
def whole():
    of = records.small(
        4,
        differences={"mlr": records.difference(-0.05)},
        scores={"model": {"mae": records.score(5.0)}, "mlr": {"mae": records.score(5.05)}},
    )
    return report.render(of.record, of.history)


@pytest.mark.slow
@pytest.mark.parametrize("screen", [WIDE, NARROW, NARROW_DARK], ids=str)
def test_what_is_broken_below_is_whole(browser, whole, tmp_path, screen):
    page = tmp_path / "page.html"
    page.write_text(whole, encoding="utf-8")
    assert problems(browser, page, screen) == []


@pytest.mark.slow
@pytest.mark.parametrize("what", BROKEN)
def test_a_broken_page_is_found(browser, whole, tmp_path, what):
    screen, expected, damage = BROKEN[what]
    page = tmp_path / "page.html"
    broken = with_figure(whole, damage) if damage in DRAWN else damage(whole)
    page.write_text(broken, encoding="utf-8")
    found = problems(browser, page, screen)
    assert any(expected in each for each in found), found


def test_contrast_is_that_of_the_standard():
    assert contrast((0, 0, 0), (255, 255, 255)) == pytest.approx(21)
    # #767676 is the lightest grey that may stand on white.
    assert contrast((0x76,) * 3, (255,) * 3) > 4.5 > contrast((0x77,) * 3, (255,) * 3)


def test_no_browser_skips_at_home_and_fails_in_ci(monkeypatch):
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="no browser"), chromium():
        pass
    monkeypatch.setenv("CI", "1")
    with pytest.raises(pytest.fail.Exception, match="no browser"), chromium():
        pass


@pytest.mark.parametrize("colour", [*popularity_figures.CLASS_COLOURS, svg.MODEL])
@pytest.mark.parametrize("paper", ["#fdfdfc", "#14161a"])
def test_data_can_be_seen_on_both_papers(colour, paper):
    # 3 is what WCAG 2.2 asks for of graphics.
    a, b = (np.array([int(each[i : i + 2], 16) for i in (1, 3, 5)]) for each in (colour, paper))
    assert contrast(a, b) >= 3
