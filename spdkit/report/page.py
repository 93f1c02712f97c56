"""Page: tables, pictures and numbers of all reports, and how a page is made and written.

Conventions: a page needs no network, no script and no other file; a policy in its head forbids all
three (``templates/page.html.j2``). Texts are plain, and the page escapes them; an ``svg`` is HTML.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from spdkit.common.errors import SpdkitError
from spdkit.common.escapes import escaped_lines
from spdkit.common.files import write_text
from spdkit.common.messages import needs_extra

NOTHING = "–"


class ReportError(SpdkitError):
    """A report that cannot be made or written."""


@dataclass(frozen=True)
class Cell:
    """What stands in a cell, and what in small letters below."""

    text: str
    detail: str = ""


Rows = list[Sequence[Cell | str]]


@dataclass(frozen=True)
class Table:
    """A table of the page; the first cell of a row names it.

    Attributes
    ----------
    name : str
        An id, one in the page.
    caption : str
    columns : tuple of Cell
    rows : tuple of tuple of Cell
    """

    name: str
    caption: str
    columns: tuple[Cell, ...]
    rows: tuple[tuple[Cell, ...], ...]

    @classmethod
    def of(
        cls,
        name: str,
        caption: str,
        columns: Iterable[Cell | str],
        rows: Iterable[Sequence[Cell | str]],
    ) -> Table:
        """Make a table of texts, and of cells where there is something in small letters."""
        return cls(name, caption, _cells(columns), tuple(map(_cells, rows)))


def _cells(contents: Iterable[Cell | str]) -> tuple[Cell, ...]:
    return tuple(Cell(each) if isinstance(each, str) else each for each in contents)


@dataclass(frozen=True)
class Picture:
    """A figure of the page.

    Attributes
    ----------
    name : str
        An id, one in the page.
    title, caption : str
    svg : str
        HTML.
    """

    name: str
    title: str
    caption: str
    svg: str


@dataclass(frozen=True)
class Card:
    """One number of the summary.

    Attributes
    ----------
    label, value : str
        What it is, and the number with its unit.
    note : str
        What to hold it against.
    span : str
        Its interval.
    """

    label: str
    value: str
    note: str
    span: str = ""


def plain(value: float, places: int, *, signed: bool = False) -> str:
    """A number with so many places; "–" for what is none."""
    if not math.isfinite(value):
        return NOTHING
    text = f"{value:+,.{places}f}" if signed else f"{value:,.{places}f}"
    # Nothing is below zero that is printed as zero.
    if not any(digit in text for digit in "123456789"):
        text = text.lstrip("+-")
    return text.replace("-", "−")


def percent(value: float, *, signed: bool = False) -> str:
    """A number of hundredths with one place and its unit; "–" for what is none."""
    unit = "\u00a0%" if math.isfinite(value) else ""
    return plain(value, 1, signed=signed) + unit


def interval(low: float, high: float, places: int, *, signed: bool = False) -> str:
    """The ends of an interval, such as "[0.104, 0.110]"; empty when one does not exist."""
    if not (math.isfinite(low) and math.isfinite(high)):
        return ""
    return f"[{plain(low, places, signed=signed)}, {plain(high, places, signed=signed)}]"


def load_template(name: str) -> Any:
    """Load a template of ours, which refuses names that it is not given.

    Raises
    ------
    ReportError
        When Jinja2 is not installed.
    """
    with needs_extra("the report", "report", ReportError):
        import jinja2
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("spdkit.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["count"] = lambda n: f"{n:,}"
    environment.filters["figure"] = plain
    return environment.get_template(name)


def write_page(page: str, path: str | os.PathLike[str]) -> None:
    """Write a page whole or not at all.

    Raises
    ------
    SpdkitError
        When the file cannot be written.
    """
    # What steers a terminal does nothing in a browser; but pages are also shown by cat and less.
    write_text(path, escaped_lines(page))
