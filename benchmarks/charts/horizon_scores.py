"""Horizons' scores: errors of every model on the same rows, and differences with intervals.

Conventions: of charts of days errors are of raw streams, of weeks of natural logarithms. Rows are
songs in the chart on the origin and on the date that is forecast; those that were there a season
before, too, are scored once more, with the seasonal naive.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.charts.horizon_fits import KEYS, Fit, FitResult, ScoredChart, fits
from benchmarks.charts.past_forecasts import LEVEL
from benchmarks.common.journal import Journal
from benchmarks.common.script import known
from spdkit.evaluation.bootstrap import paired_bootstrap

RESAMPLES = 10_000
OURS = "ChartModel"
NAIVE = ("last_value", "seasonal_naive", "sma")
MODELS = (*NAIVE, "with_units", "boosting", "lstm", "gru", "lstm_matrix", "gru_matrix", OURS)


def record(
    charts: Mapping[str, ScoredChart], journal: Journal[Fit, FitResult], resamples: int = RESAMPLES
) -> dict[str, Any]:
    """Everything for the JSON."""
    every = {fit: journal.read(fit) for fit in fits(charts)}
    results = {fit: result for fit, result in every.items() if result is not None}
    horizons, report = [], []
    for name, chart in charts.items():
        for step in chart.steps:
            rows = _rows(results, name, step)
            if rows is None:
                continue
            horizons += _horizons(name, chart, step, rows)
            if step == 1 and chart.daily and len(chart.table.regions) == 1:
                report.append(_every_date(name, chart, rows, resamples))
    return {
        "charts": [_facts(name, chart) for name, chart in charts.items()],
        "missing": [str(fit) for fit in every if fit not in results],
        "cpu_seconds": {str(fit): round(result.seconds, 1) for fit, result in results.items()},
        "horizons": horizons,
        "every_date": report,
    }


def _facts(name: str, chart: ScoredChart) -> dict[str, Any]:
    ends = chart.table.frame.groupby("region")["ds"].max()
    return {
        "chart": name,
        "daily": chart.daily,
        "dates": chart.dates,
        "steps": list(chart.steps),
        "last": {region: str(end.date()) for region, end in ends.items()},
    }


def _rows(results: Mapping[Fit, FitResult], name: str, step: int) -> pd.DataFrame | None:
    """Forecasts of a step by all models; None without ours."""
    ours = results.get(Fit(name, "ours", (step,)))
    if ours is None:
        return None
    rows = ours.frame
    for fit, result in results.items():
        if fit.chart == name and fit.model != "ours" and step in fit.steps:
            rows = rows.merge(result.frame, how="left", on=KEYS, validate="one_to_one")
    if {"boosting", "units"} <= {*rows}:
        rows["has_unit"] = rows["units"].notna()
        together = np.sqrt(rows["boosting"] * rows["units"])
        rows["with_units"] = together.fillna(rows["boosting"])
    return rows


def _horizons(
    name: str, chart: ScoredChart, step: int, rows: pd.DataFrame
) -> Iterator[dict[str, Any]]:
    """Errors on all rows, by region where there are several, and on those of a season before."""
    before = rows[rows["seasonal_naive"].notna()]
    groups = {"all": rows}
    if len(before) < len(rows):
        groups["a season before"] = before
    if not chart.daily:
        groups["first date"] = rows[rows["first"]]
    if len(chart.table.regions) > 1:
        groups |= {str(region): part for region, part in rows.groupby("region")}
    for group, part in groups.items():
        if part.empty:
            continue
        errors = {model: _errors(part, model, chart) for model in MODELS if model in part}
        # Of a model that does not forecast all of these rows there is no error on them.
        whole = {m: known(float(e.mean())) for m, e in errors.items() if e.notna().all()}
        inside = part["y"].between(part[f"{OURS}-lo-{LEVEL}"], part[f"{OURS}-hi-{LEVEL}"])
        yield {
            **{"chart": name, "step": step, "rows": group, "n": len(part)},
            **{"songs": int(part.groupby("region")["track_id"].nunique().sum()), "mae": whole},
            "coverage": float(inside.mean()),
            "has_unit": float(part["has_unit"].mean()) if "has_unit" in part else None,
        }


def _errors(rows: pd.DataFrame, model: str, chart: ScoredChart) -> pd.Series[float]:
    if chart.daily:
        return (rows[model] - rows["y"]).abs()
    return pd.Series(np.log(rows[model] / rows["y"])).abs()


def _every_date(
    name: str, chart: ScoredChart, rows: pd.DataFrame, resamples: int
) -> dict[str, Any]:
    """The next day of songs that are there on every date that is scored, as the report has it."""
    (region,) = chart.table.regions
    rows = rows[rows["track_id"].isin(chart.every_date(region))]
    there = [model for model in MODELS if model in rows]
    rows = rows.dropna(subset=there)  # the same rows for all
    errors = {model: (rows[model] - rows["y"]).to_numpy() for model in there}
    apart = {
        model: paired_bootstrap(
            *(rows[column] for column in ("y", model, OURS)),
            metric="mae",
            groups=rows["track_id"],
            n_resamples=resamples,
        )
        for model in there
        if model != OURS
    }
    return {
        **{"chart": name, "songs": int(rows["track_id"].nunique()), "n": len(rows)},
        "has_unit": float(rows["has_unit"].mean()) if "has_unit" in rows else None,
        "errors": {
            model: {"mae": float(np.abs(error).mean()), "mse": float((error**2).mean())}
            for model, error in errors.items()
        },
        "less_ours": {
            model: {"value": one.value, "low": known(one.low), "high": known(one.high), "p": one.p}
            for model, one in apart.items()
        },
    }
