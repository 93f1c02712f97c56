"""Forecasts of the last dates of charts, with everything fitted once on what lies before them.

A model is fitted for the regions that end on one date, on the charts of all regions up to the last
date before those that are scored; it knows nothing later, of any region. Forecast are songs that
are in the chart on both dates.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.charts.spans import spans
from benchmarks.common.script import at_least, error_console, known
from spdkit.catalogs.spotify_charts import read_charts
from spdkit.common.errors import SpdkitError
from spdkit.forecast.charts.chart_model import ChartModel
from spdkit.forecast.charts.chart_table import ChartTable

LEVEL = 90
QUANTILES = tuple(round(share, 1) for share in np.arange(0.1, 1.0, 0.1))
COLUMNS = {
    "last_value": "last_value",
    "seasonal_naive": "seasonal_naive",
    "sma": "sma",
    "ours": "ChartModel",
}
SMA_DATES = 7  # days or weeks


def add_options(parser: argparse.ArgumentParser) -> None:
    """Options of both scripts."""
    parser.add_argument("--file", type=Path, required=True, help="chart in any form that is read")
    parser.add_argument("--region", help="of a chart that says none, such as PH")
    parser.add_argument("--seed", type=at_least(0), default=0, help="of the model (default: 0)")
    parser.add_argument("--json", action="store_true", help="print JSON, in one line")


def read(args: argparse.Namespace) -> ChartTable:
    """Read the chart; of what stands twice the first counts, and stderr says how much that is."""
    table = read_charts([args.file], region=args.region, duplicates="first")
    for remark in table.remarks:
        print(remark, file=sys.stderr)
    print(table.summary().to_string(), file=sys.stderr)
    return table


def forecasts(
    table: ChartTable, model: ChartModel, test: int, steps: Sequence[int], season: int
) -> pd.DataFrame:
    """Forecast the last `test` dates of each region, each from so many steps before.

    Returns
    -------
    DataFrame
        ``region, track_id, cutoff, ds, y, last_value, ChartModel``, ends of the interval of
        `LEVEL`, `QUANTILES`, ``seasonal_naive`` (NaN where the song was not in the chart then),
        ``sma`` (the mean of what it had in the last `SMA_DATES`), ``steps``, and whether the origin
        is the song's ``first`` date in the chart.
    """
    parts = []
    for span in spans(table, test):
        frame = model.fit(span.past).forecast_past(
            span.until, steps, since=span.since, level=[LEVEL], quantiles=QUANTILES
        )
        parts.append(frame[frame["region"].isin(span.regions)])
    frame = pd.concat(parts, ignore_index=True)
    frame["steps"] = (frame["ds"] - frame["cutoff"]) // table.step
    streams = table.frame.set_index(["region", "track_id", "ds"])["streams"]
    back = -(-frame["steps"] // season) * season
    seasonal = [frame["region"], frame["track_id"], frame["ds"] - back * table.step]
    frame["seasonal_naive"] = streams.reindex(pd.MultiIndex.from_arrays(seasonal)).to_numpy()
    at_origin = pd.MultiIndex.from_frame(frame[["region", "track_id", "cutoff"]])
    frame["sma"] = _means(table).reindex(at_origin).to_numpy()
    songs = table.frame.groupby(["region", "track_id"])["ds"].min()
    entry = songs.reindex(pd.MultiIndex.from_frame(frame[["region", "track_id"]])).to_numpy()
    starts = frame["region"].map(table.frame.groupby("region")["ds"].min())
    frame["first"] = (frame["cutoff"] == entry) & (frame["cutoff"] > starts)
    return frame


def _means(table: ChartTable) -> pd.Series[float]:
    """Mean streams of each song over the last dates on which it was in the chart."""
    parts = {}
    for name in table.regions:
        chart = table.region(name)
        streams = pd.DataFrame(chart.streams, pd.Index(chart.dates), pd.Index(chart.songs))
        parts[name] = streams.rolling(SMA_DATES, min_periods=1).mean().T.stack()
    return pd.concat(parts)


def scores(frame: pd.DataFrame, *, logarithm: bool) -> dict[str, Any]:
    """Number of forecasts and mean absolute errors, coverage by region, and WQL.

    WQL is the mean over `QUANTILES` of twice the pinball losses over the sum of what came, in
    streams.
    """
    y = frame["y"].to_numpy()
    errors = {
        name: (np.log(frame[column] / y) if logarithm else frame[column] - y).abs()
        for name, column in COLUMNS.items()
    }
    inside = (frame[f"ChartModel-lo-{LEVEL}"] <= y) & (y <= frame[f"ChartModel-hi-{LEVEL}"])
    off = {share: y - frame[f"ChartModel-q{share:g}"] for share in QUANTILES}
    pinball = [np.maximum(share * by, (share - 1) * by).sum() for share, by in off.items()]
    return {
        "n": {name: int(error.notna().sum()) for name, error in errors.items()},
        "mae": {name: known(float(error.mean())) for name, error in errors.items()},
        f"coverage_{LEVEL}": inside.groupby(frame["region"]).mean().to_dict(),
        "wql": known(float(2 * np.mean(pinball) / y.sum())) if len(frame) else None,
    }


def run(
    parser: argparse.ArgumentParser,
    args: list[str] | None,
    results_of: Callable[[argparse.Namespace], dict[str, Any]],
) -> int:
    """Print the results of a script as JSON, or what stopped it; its exit status."""
    options = parser.parse_args(args)
    try:
        results = results_of(options)
    except SpdkitError as error:
        error_console().print(str(error))
        return 1
    print(json.dumps(results, allow_nan=False, indent=None if options.json else 1))
    return 0
