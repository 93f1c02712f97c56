"""Presence of songs in a chart later: a logistic regression on position and region, and ours.

    python benchmarks/charts/presence.py --file weekly.csv.gz --steps 1 --test-dates 52 --json
    python benchmarks/charts/presence.py --file ph.csv --region PH --steps 7 --test-dates 90 --json

Asked of every song in the chart is whether it is in it `--steps` dates later; with --places 50 and
--within, of those below the first 50 places, whether they reach them on any date until then. The
answers of the last dates of each region are scored, by models that are fitted once, on what lies
before these dates; nothing is calibrated afterwards. Scored by region and over all are the Brier
score and the calibration error (ECE) over 10 bins of equally many origins, ordered by probability;
the paired difference of the Brier scores has an interval over songs. For files see
`benchmarks/charts/next_day.py`.
"""

from __future__ import annotations

import sys
from pathlib import Path

if not __package__:  # run as a script, whose own folder alone is on the path
    sys.path.append(str(Path(__file__).resolve().parents[2]))

import argparse
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from benchmarks.charts.past_forecasts import add_options, read, run
from benchmarks.charts.spans import spans, without_last
from benchmarks.common.script import at_least, in_one_thread, known, new_parser
from spdkit.evaluation.bootstrap import paired_bootstrap
from spdkit.forecast.charts.chart_table import ChartTable
from spdkit.forecast.charts.presence import PresenceModel, outcomes
from spdkit.forecast.charts.song_features import ChartHistory

FORECASTS = ("logistic", "ours")
BINS = 10


def main(args: list[str] | None = None) -> int:
    """Run the benchmark."""
    parser = new_parser(__doc__)
    add_options(parser)
    parser.add_argument("--steps", type=at_least(1), required=True, help="days or weeks ahead")
    parser.add_argument("--places", type=at_least(1), help="first places; the chart if not given")
    parser.add_argument("--within", action="store_true", help="on any date until then")
    parser.add_argument("--test-dates", type=at_least(1), default=52, help="default: 52")
    parser.add_argument(
        "--held-out", type=at_least(0), default=0, help="last dates that are not looked at"
    )
    return run(parser, args, presence)


def presence(args: argparse.Namespace) -> dict[str, Any]:
    """Forecast and score."""
    table = without_last(read(args), args.held_out)
    model = PresenceModel(args.steps, places=args.places, within=args.within, seed=args.seed)
    rows = answers(table, model, args.test_dates)
    groups = {"all": rows, **dict(iter(rows.groupby("region")))}
    parts = {name: scores(part) for name, part in groups.items()}
    return {measure: {name: parts[name][measure] for name in parts} for measure in parts["all"]}


def answers(table: ChartTable, model: PresenceModel, dates: int) -> pd.DataFrame:
    """Origins whose later date is among the last of their region, what came, and both answers."""
    ahead = model.horizon * table.step
    parts = []
    for span in spans(table, dates):
        forecast = model.fit(span.past).predict(span.until, since=span.since - ahead)
        known_past, known_until = (truths(part, model) for part in (span.past, span.until))
        rows = forecast.rename(columns={"probability": "ours"}).merge(known_until)
        rows = rows[rows["region"].isin(span.regions) & (rows["ds"] >= span.since)]
        parts.append(rows.assign(logistic=_logistic(known_past, rows)))
    return pd.concat(parts, ignore_index=True)


def truths(table: ChartTable, model: PresenceModel) -> pd.DataFrame:
    """Origins that the model is asked of, and what came: ``region, cutoff, track_id, position, y``.

    Those of which it is not known are not among them.
    """
    history = ChartHistory.of(table)
    parts = []
    for name, region in history.regions.items():
        at = region.rows
        y = outcomes(region, model.horizon, model.places, within=model.within)
        parts.append(
            pd.DataFrame(
                {
                    "region": name,
                    "cutoff": history.dates[at.date],
                    "track_id": region.ids[at.song],
                    "position": region.positions[at.date, at.song].astype(np.int64),
                    "y": y,
                }
            )
        )
    rows = pd.concat(parts, ignore_index=True).dropna(subset="y")
    return rows[rows["position"] > model.places] if model.within and model.places else rows


def scores(rows: pd.DataFrame) -> dict[str, Any]:
    """Number of origins, share that is there, Brier scores and calibration errors."""
    y = rows["y"].to_numpy()
    shares = {name: rows[name].to_numpy() for name in FORECASTS}
    brier = {name: float(((p - y) ** 2).mean()) for name, p in shares.items()}
    # The mean squared error of a probability is its Brier score; songs are drawn whole.
    apart = paired_bootstrap(y, shares["ours"], shares["logistic"], "mse", rows["track_id"])
    return {
        "n": len(rows),
        "share": known(float(y.mean())),
        "brier": {**brier, "ratio": known(brier["ours"] / brier["logistic"])},
        "brier_difference": [known(number) for number in (apart.value, apart.low, apart.high)],
        "ece": {name: calibration_error(y, p) for name, p in shares.items()},
    }


def calibration_error(y: NDArray[np.float64], probabilities: NDArray[np.float64]) -> float:
    """Mean distance of what came from what was said, over bins of equally many rows."""
    order = np.argsort(probabilities, kind="stable")
    bins = [rows for rows in np.array_split(order, BINS) if len(rows)]
    gaps = [abs(y[rows].mean() - probabilities[rows].mean()) * len(rows) for rows in bins]
    return float(sum(gaps) / len(y))


def _logistic(past: pd.DataFrame, rows: pd.DataFrame) -> NDArray[np.float64]:
    """Probabilities by position and region, learned from all origins before."""
    inputs = make_column_transformer(
        (OneHotEncoder(), ["region"]), (StandardScaler(), ["position"])
    )
    model = make_pipeline(inputs, LogisticRegression(max_iter=1000)).fit(past, past["y"])
    share: NDArray[np.float64] = model.predict_proba(rows)[:, 1]
    return share


if __name__ == "__main__":
    in_one_thread(main)
