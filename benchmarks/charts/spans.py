"""Spans of charts that score: each region's last dates, and what a model may know before them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace

import pandas as pd

from spdkit.forecast.charts.chart_table import ChartTable


@dataclass(frozen=True)
class Span:
    """The last dates of the regions that end on one date.

    Attributes
    ----------
    past : ChartTable
        All charts before them: what is learned from.
    until : ChartTable
        Those of the regions in `past` up to the last date.
    regions : tuple of str
        Which are scored.
    since : Timestamp
        The first date that is.
    """

    past: ChartTable
    until: ChartTable
    regions: tuple[str, ...]
    since: pd.Timestamp


def without_last(table: ChartTable, dates: int) -> ChartTable:
    """A chart without the last dates of each region, and without those that have no more."""
    ends = table.frame.groupby("region")["ds"].transform("max")
    rows = table.frame[table.frame["ds"] <= ends - dates * table.step]
    return replace(table, frame=rows.reset_index(drop=True))


def spans(table: ChartTable, dates: int) -> Iterator[Span]:
    """The last dates of each region; a model of a span knows nothing of any region after it begins.

    Regions without anything before it are named on stderr.
    """
    step = table.step
    ends = table.frame.groupby("region")["ds"].max()
    for end in sorted(ends.unique()):
        past = table.until(end - dates * step)
        for name in set(ends.index[ends == end]) - set(past.regions):
            print(f"{name} has nothing before the dates that are scored", file=sys.stderr)
        rows = table.frame[table.frame["region"].isin(past.regions) & (table.frame["ds"] <= end)]
        regions = tuple(name for name in ends.index[ends == end] if name in past.regions)
        until = replace(table, frame=rows.reset_index(drop=True))
        yield Span(past, until, regions, end - (dates - 1) * step)
