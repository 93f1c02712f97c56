"""Kworb's pages: the chart of one day or week from a page of kworb.net that was saved.

A page's heading names the region and the date, such as "Spotify Daily Chart - Philippines -
2021/05/20"; its table has the columns Pos, P+, Artist and Title, Days (or Wks), Pk, (x?), Streams,
Streams+ and others. A song is linked by its Spotify id, which is read from the link. Tables made of
such pages have the artist and the title in one cell, "Fourtwnty - Mangu (w/ Charita Utami)":
`parted` takes it apart.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from spdkit.catalogs.errors import CatalogError
from spdkit.common.files import read_file
from spdkit.common.messages import listing, needs_extra

if TYPE_CHECKING:
    from bs4 import Tag

TITLES = "Artist and Title"
LARGEST_PAGE = 1 << 26  # bytes
TOTALS = "totals of all charts, without dates: no chart of a day or a week"
_HEADING = re.compile(r"Spotify (Daily|Weekly) Chart - (.+?) - (\d{4}/\d{2}/\d{2}(?: - \S+)?)")
_TRACK, _ARTIST = re.compile(r"track/([0-9A-Za-z]+)"), re.compile(r"artist/")


@dataclass(frozen=True, eq=False)
class ChartPage:
    """What a page holds.

    Attributes
    ----------
    region, date : str or None
        As the heading has them; None where it has none.
    weekly : bool or None
    rows : DataFrame
        ``position, streams, track_id, title, artist``, all as text.
    """

    region: str | None
    date: str | None
    weekly: bool | None
    rows: pd.DataFrame


def read_page(path: Path) -> ChartPage:
    """Read a saved page.

    Raises
    ------
    CatalogError
        When it cannot be read, or is not the chart of a day or a week: saying what it is.
    """
    with needs_extra(f"{path}: a page of HTML", "charts", CatalogError):
        import bs4
    try:
        text = read_file(path, LARGEST_PAGE)[0].decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as reason:
        raise CatalogError(f"{path}: cannot be read as a page: {reason}") from reason
    soup = bs4.BeautifulSoup(text, "html.parser")
    place = soup.select_one(".pagetitle") or soup.title
    heading = _text(place) if place else ""
    for table in soup.find_all("table"):
        rows = [row.find_all(["th", "td"]) for row in table.find_all("tr")]
        names = [_text(cell) for cell in rows.pop(0)] if rows else []
        if TITLES in names:
            break
    else:
        raise CatalogError(f"{path}: no page of a chart: no table has a column {TITLES!r}")
    if lacking := [name for name in ("Pos", "Streams") if name not in names]:
        what = TOTALS if "PkStreams" in names else f"no column {listing(lacking, quote=True)}"
        raise CatalogError(f"{path}: {what} (heading: {heading!r})")
    if wrong := [number for number, row in enumerate(rows, 1) if len(row) != len(names)]:
        raise CatalogError(
            f"{path}: row {wrong[0]} of the chart has {len(rows[wrong[0] - 1])} cells and the head "
            f"{len(names)} ({len(wrong)} such rows)"
        )
    if not rows:
        raise CatalogError(f"{path}: the chart has no rows (heading: {heading!r})")
    match = _HEADING.search(heading)
    frame = pd.DataFrame(
        {
            "position": [_text(row[names.index("Pos")]) for row in rows],
            "streams": [_text(row[names.index("Streams")]) for row in rows],
        }
    )
    songs = [_song(row[names.index(TITLES)]) for row in rows]
    frame[["track_id", "title", "artist"]] = songs
    return ChartPage(
        region=match[2] if match else None,
        date=match[3] if match else None,
        weekly=match[1] == "Weekly" if match else None,
        rows=frame,
    )


def parted(text: str) -> tuple[str, str]:
    """Return title and artists of a cell "Artist - Title (w/ Guest)"; the artists as one text.

    Examples
    --------
    >>> parted("Fourtwnty - Mangu (w/ Charita Utami)")
    ('Mangu', 'Fourtwnty, Charita Utami')
    """
    artist, _, title = text.partition(" - ")
    if not title:
        return text, ""
    song, _, guests = title.rpartition(" (w/ ")
    if not song or not guests.endswith(")"):
        return title, artist
    return song, f"{artist}, {guests.removesuffix(')')}"


def _song(cell: Tag) -> tuple[str | None, str, str]:
    """Id, title and artists of a cell."""
    track = cell.find("a", href=_TRACK)
    artists = [_text(link) for link in cell.find_all("a", href=_ARTIST)]
    if track is None or not artists:
        return (None, *parted(_text(cell)))
    link = _TRACK.search(str(track["href"]))
    return link[1] if link else None, _text(track), ", ".join(artists)


def _text(place: Tag) -> str:
    return " ".join(place.get_text().split())
