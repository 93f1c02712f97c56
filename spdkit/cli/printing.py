"""Tables in the terminal, on stdout."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from spdkit.common.escapes import escaped

if TYPE_CHECKING:
    from spdkit.report import page

SHOWN_ROWS = 20
_PIPED_WIDTH = 160


def console() -> Console:
    """Where tables go: stdout, wide enough for scripts when it is no terminal."""
    out = Console(highlight=False, emoji=False)
    # A pipe has no width: lines that a script will read are not folded at 80.
    return out if out.is_terminal else Console(highlight=False, emoji=False, width=_PIPED_WIDTH)


def plain(text: object) -> str:
    """Text of others, for rich: neither its markup nor its control characters do anything."""
    return escape(escaped(text))


def print_table(
    title: str,
    head: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    header: bool = True,
    markup: bool = False,
) -> None:
    """Print a title, and a table under it; cells are `plain` unless `markup` is set."""
    table = Table(show_header=header)
    for name in head:
        table.add_column(plain(name), overflow="fold")
    for row in rows:
        table.add_row(*(row if markup else map(plain, row)))
    out = console()
    # Not the table's own title, which is folded to the table's width.
    out.print(f"[bold]{plain(title)}[/]", soft_wrap=True)
    out.print(table)


def print_page_table(shown: page.Table, note: str = "", most: int | None = None) -> None:
    """Print a table of a report, or its first rows, with a note before its caption."""
    head = [column.text.replace("\u00a0", " ") for column in shown.columns]
    rows = [[_cell(cell) for cell in row] for row in shown.rows[:most]]
    caption = shown.caption
    title = f"{note}: {caption[0].lower()}{caption[1:]}" if note else caption
    print_table(title, head, rows)


def _cell(cell: page.Cell) -> str:
    detail = cell.detail
    if detail:
        detail = f" {detail}" if detail.startswith("[") else f" ({detail})"
    return f"{cell.text}{detail}".replace("\u00a0", " ")


def print_failures(failures: Sequence[Sequence[str]], hint: str, *, every: bool = False) -> None:
    """Print track, extractor and reason of failures, and by which command to see all of them.

    A file that no extractor could read, for one reason, is one line.
    """
    if not failures:
        return
    extractors: dict[tuple[str, str], list[str]] = {}
    for track, extractor, reason in failures:
        extractors.setdefault((track, reason), []).append(extractor)
    lines = [[track, ", ".join(names), reason] for (track, reason), names in extractors.items()]
    shown = lines if every else lines[:SHOWN_ROWS]
    print_table("failures", ["track", "extractor", "reason"], shown)
    if len(shown) < len(lines):
        more = len(lines) - len(shown)
        console().print(f"… and {more} more: {plain(hint)} --failures", soft_wrap=True)
