"""Markdown: pages of blocks, tables, and how numbers and differences stand in them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from benchmarks.common.measuring import Bar

UNKNOWN, PENDING = "–", "…"
Entry = Mapping[str, Any]  # of the JSON of a run


def join_blocks(blocks: Iterable[str]) -> str:
    """Headings, paragraphs and tables with an empty line between them."""
    return "\n\n".join(blocks) + "\n"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; the first column is text, the others are numbers."""
    rule = "| --- |" + " ---: |" * (len(header) - 1)
    return "\n".join([table_row(header), rule, *map(table_row, rows)])


def table_row(cells: Sequence[str]) -> str:
    """A line of a table."""
    return f"| {' | '.join(cells)} |"


def contestant_rows(contestants: Mapping[str, Any]) -> list[str]:
    """Lines of what each contestant measured, a dataclass; peaks of memory without places."""
    return [
        table_row([name, *(number(value, 0 if key == "peak_mb" else 2) for key, value in row)])
        for name, each in contestants.items()
        for row in [asdict(each).items()]
    ]


def bar_rows(bars: Mapping[str, Bar], digits: int) -> list[str]:
    """Lines of numbers that were held against bars."""
    return [
        table_row([name, number(each.measured, digits), each.bar, "yes" if each.met else "NO"])
        for name, each in bars.items()
    ]


def package_versions(results: Entry) -> str:
    """Versions in a results' head, in a sentence."""
    return ", ".join(f"{package} {version}" for package, version in results["versions"].items())


def first(entries: Iterable[Entry], **fields: Any) -> Any:
    """The first entry that has all these fields, or None."""
    return next((entry for entry in entries if fields.items() <= entry.items()), None)


def number(value: float | None, digits: int = 4) -> str:
    """A number, or a dash when there is none."""
    return UNKNOWN if _is_none(value) else f"{value:.{digits}f}"


def _is_none(value: float | None) -> bool:
    """Whether a number is not there: of few artists, or rows, there is no interval."""
    return value is None or math.isnan(value)


def field(entry: Entry | None, name: str, digits: int = 4) -> str:
    """A number of an entry, which may not be there yet."""
    return PENDING if entry is None else number(entry.get(name), digits)


def ends(difference: Entry, digits: int) -> str:
    """The interval of a difference; a dash where there is none."""
    if _is_none(difference["low"]):
        return UNKNOWN
    return f"[{difference['low']:+.{digits}f}, {difference['high']:+.{digits}f}]"


def signed(difference: Entry | None, digits: int = 4) -> str:
    """A paired difference with its interval."""
    if difference is None:
        return PENDING
    text = f"{difference['value']:+.{digits}f}"
    return text if _is_none(difference["low"]) else f"{text} {ends(difference, digits)}"


def verdict(difference: Entry | None, *, lower_is_better: bool = True) -> str:
    """Whether the first of two is better, by the interval of the difference."""
    if difference is None:
        return PENDING
    low, high = difference["low"], difference["high"]
    if _is_none(low):
        return "cannot be told"
    if low == high == 0:
        return "the same"
    if low <= 0 <= high:
        return "cannot be told"
    return "better" if (high < 0) == lower_is_better else "worse"
