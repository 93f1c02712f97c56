"""Pages of kworb.net: songs by their links, and what is no chart is refused as what it is."""

from __future__ import annotations

import sys

import pandas as pd
import pytest
from chart_files import IDS, KWORB_PAGE, write

from spdkit.catalogs.errors import CatalogError
from spdkit.catalogs.kworb_pages import parted, read_page

_DAY, _WEEK = "Daily Chart - Philippines - 2020/05/20", "Weekly Chart - UK - 2026/04/02"
WEEK = KWORB_PAGE.replace(_DAY, _WEEK)


def page(folder, text=KWORB_PAGE):
    return read_page(write(folder, "page.html", text))


def test_a_page_of_a_day(tmp_path):
    day = page(tmp_path)
    assert (day.region, day.date, day.weekly) == ("Philippines", "2020/05/20", False)
    assert day.rows.to_dict("list") == {
        "position": ["1", "2"],
        "streams": ["158,720", "91,000"],
        "track_id": [*IDS.values()],
        "title": [*IDS],
        "artist": ["The Chainsmokers, Halsey", "SAINt JHN"],
    }


def test_a_page_of_a_week(tmp_path):
    week = page(tmp_path, WEEK)
    assert (week.region, week.date, week.weekly) == ("UK", "2026/04/02", True)
    week = page(tmp_path, WEEK.replace("2026/04/02 |", "2026/03/27 - 2026/04/02 |"))
    assert week.date == "2026/03/27 - 2026/04/02"


def test_the_title_of_the_page_where_there_is_no_heading(tmp_path):
    text = KWORB_PAGE.replace("pagetitle", "other").replace(
        "<title>Spotify Daily Chart - Philippines", "<title>Spotify Daily Chart - Peru - 2020/01/02"
    )
    assert (page(tmp_path, text).region, page(tmp_path, text).date) == ("Peru", "2020/01/02")


def test_a_page_that_does_not_say_which_chart_it_is(tmp_path):
    other = page(tmp_path, KWORB_PAGE.replace("Spotify Daily Chart", "Chart"))
    assert (other.region, other.date, other.weekly) == (None, None, None)


def test_a_song_without_links_by_its_text(tmp_path):
    text = KWORB_PAGE.replace('<a href="../track/24Yi9hE78yPEbZ4kxyoXAI.html">Roses', "<a>Roses")
    rows = page(tmp_path, text).rows
    assert pd.isna(rows["track_id"][1])
    assert rows.iloc[1, 3:].tolist() == ["Roses - Imanbek Remix", "SAINt JHN"]


@pytest.mark.parametrize(
    ("cell", "title", "artist"),
    [
        ("A - One", "One", "A"),
        ("A - One - Remix", "One - Remix", "A"),
        ("A - One (w/ B, C)", "One", "A, B, C"),
        ("A - Two (Two) (w/ B)", "Two (Two)", "A, B"),
        (".Feast - o,Tuan", "o,Tuan", ".Feast"),
        ("One", "One", ""),
    ],
)
def test_a_cell_of_artist_and_title(cell, title, artist):
    assert parted(cell) == (title, artist)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<html><p>Log in</html>", "no page of a chart: no table has a column 'Artist and Title'"),
        (
            KWORB_PAGE.replace(">Streams<", ">PkStreams<").replace(">Pos<", ">T10<"),
            "totals of all charts, without dates: no chart of a day or a week .heading: 'Spotify",
        ),
        (KWORB_PAGE.replace(">Streams<", ">Points<"), "no column 'Streams'"),
        (KWORB_PAGE.replace("<td>9</td>", ""), r"row 1 .* has 10 cells and the head 11 \(1 such"),
        (KWORB_PAGE.split("<tbody>")[0], "the chart has no rows"),
    ],
)
def test_what_is_no_chart_is_refused(text, message, tmp_path):
    with pytest.raises(CatalogError, match=message):
        page(tmp_path, text)


def test_what_cannot_be_read_is_refused(tmp_path):
    path = tmp_path / "page.html"
    with pytest.raises(CatalogError, match=r"cannot be read as a page: .*No such file"):
        read_page(path)
    path.write_bytes(b"<table>\xff</table>")
    with pytest.raises(CatalogError, match="cannot be read as a page: 'utf-8' codec"):
        read_page(path)


def test_the_parser_that_is_missing_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "bs4", None)
    with pytest.raises(CatalogError, match=r"a page of HTML needs bs4: pip .*spdkit\[charts\]"):
        page(tmp_path)
