"""What the pages of all reports share: tables, pictures, and how a page is made and written.

Conventions: a page needs no network, no script and no other file; a policy in its head forbids all
three (``templates/page.html.j2``). Texts are plain, and the page escapes them; an ``svg`` is HTML.
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from typing import Any

from spdkit.common.errors import SpdkitError
from spdkit.common.files import write_text

NOTHING = "–"


class ReportError(SpdkitError):
    """A report that cannot be made or written."""


@dataclass(frozen=True)
class Cell:
    """What stands in a cell, and what in small letters below."""

    text: str
    detail: str = ""


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
    label, value, span : str
        What it is, the number with its unit, its interval.
    note : str
        What to hold it against.
    """

    label: str
    value: str
    span: str
    note: str


def plain(value: float, places: int, *, signed: bool = False) -> str:
    """A number with so many places; "–" for what is none."""
    if not math.isfinite(value):
        return NOTHING
    text = f"{value:+,.{places}f}" if signed else f"{value:,.{places}f}"
    # Nothing is below zero that is printed as zero.
    if not any(digit in text for digit in "123456789"):
        text = text.lstrip("+-")
    return text.replace("-", "−")


def load_template(name: str) -> Any:
    """Load a template of ours, which refuses names that it is not given.

    Raises
    ------
    ReportError
        When Jinja2 is not installed.
    """
    try:
        import jinja2
    except ImportError as error:
        raise ReportError("the report needs jinja2: pip install 'spdkit[report]'") from error
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
    # A name that is no text, such as one of an odd file, becomes a reference.
    write_text(path, page.encode("utf-8", "xmlcharrefreplace").decode())
