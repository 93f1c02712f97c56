"""Debuts: streams of a song's first date in a chart, by two baselines and ours.

    python benchmarks/charts/debuts.py --file weekly_top200.csv.gz --test-dates 52 --json

The debuts of the last dates of each region are forecast by models that are fitted once, on what
lies before these dates; what is known of a song is what all charts of earlier dates tell. Scored is
the mean absolute error of the natural logarithm of streams:

median            median of the region's debuts of the eight weeks before
artist_offset     the same with the mean of what the artist's n earlier debuts in the region were
                  above it, times n / (n + 2)
ours              `spdkit.forecast.charts.debuts.DebutModel`
ours_announced    the same, when all songs that come in on a date are known before it: how many the
                  artist has among them
ours_new_artists  ours, learned without any debut of the artists that are scored (five parts of the
                  artists; their past is among the features as before)

With an artist's earlier debuts in the region, without, and by region; paired differences to
"artist_offset" with intervals over artists. For files see `benchmarks/charts/next_day.py`.
"""

from __future__ import annotations

import sys
from pathlib import Path

if not __package__:  # run as a script, whose own folder alone is on the path
    sys.path.append(str(Path(__file__).resolve().parents[2]))

import argparse
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from sklearn.model_selection import GroupKFold

from benchmarks.charts.past_forecasts import add_options, read, run
from benchmarks.charts.spans import Span, spans, without_last
from benchmarks.common.script import at_least, in_one_thread, known, new_parser
from spdkit.common.errors import SpdkitError
from spdkit.evaluation.bootstrap import paired_bootstrap
from spdkit.forecast.charts.chart_table import ChartTable
from spdkit.forecast.charts.debuts import RECENT, DebutModel, debuts
from spdkit.forecast.charts.song_features import first_artist

OURS = ("ours", "ours_announced", "ours_new_artists")
FORECASTS = ("median", "artist_offset", *OURS)
PARTS = 5
SHRINKAGE = 2.0  # debuts


def main(args: list[str] | None = None) -> int:
    """Run the benchmark."""
    parser = new_parser(__doc__)
    add_options(parser)
    parser.add_argument("--test-dates", type=at_least(1), default=52, help="default: 52")
    parser.add_argument(
        "--held-out", type=at_least(0), default=0, help="last dates that are not looked at"
    )
    return run(parser, args, first_dates)


def first_dates(args: argparse.Namespace) -> dict[str, Any]:
    """Forecast and score."""
    table = without_last(read(args), args.held_out)
    songs = pd.concat([forecasts(span, args.seed) for span in spans(table, args.test_dates)])
    if songs.empty:
        raise SpdkitError("no song comes into a chart on the dates that are scored")
    groups = {
        "all": songs,
        "with_earlier_debuts": songs[songs["earlier"] > 0],
        "without": songs[songs["earlier"] == 0],
        **dict(iter(songs.groupby("region"))),
    }
    parts = {name: scores(rows) for name, rows in groups.items() if len(rows)}
    return {measure: {name: parts[name][measure] for name in parts} for measure in parts["all"]}


def forecasts(span: Span, seed: int) -> pd.DataFrame:
    """Debuts of a span with their forecasts, in logarithms, and ends of intervals."""
    songs = with_baselines(span.until)
    scored = songs[songs["region"].isin(span.regions) & (songs["ds"] >= span.since)].copy()
    answers = DebutModel(seed=seed).fit(span.past).predict(span.until, scored)
    low, ours, high = (answers[f"DebutModel{end}"].to_numpy() for end in ("-lo-90", "", "-hi-90"))
    scored["ours"] = np.log(ours)
    scored["inside"] = scored["streams"].between(low, high)
    model = DebutModel(announced=True, level=(), seed=seed).fit(span.past)
    answers = model.predict(span.until, scored)
    scored["ours_announced"] = np.log(answers["DebutModel"].to_numpy())
    for some, others in parts_of(songs[songs["ds"] < span.since], scored):
        model = DebutModel(level=(), seed=seed).fit(span.past, others)
        answers = model.predict(span.until, some)
        scored.loc[some.index, "ours_new_artists"] = np.log(answers["DebutModel"].to_numpy())
    return scored


def parts_of(
    past: pd.DataFrame, scored: pd.DataFrame
) -> Iterator[tuple[pd.DataFrame, pd.DataFrame]]:
    """Songs of a part of the artists that are scored, and debuts of all others before."""
    artists = scored["artist_key"]
    for _, part in GroupKFold(min(PARTS, artists.nunique())).split(artists, groups=artists):
        some = scored.iloc[part]
        yield some, past[~past["artist_key"].isin(some["artist_key"])]


def with_baselines(table: ChartTable) -> pd.DataFrame:
    """All debuts with ``log``, both baselines and how many ``earlier`` ones the artist has."""
    songs = debuts(table)
    songs["log"] = np.log(songs["streams"])
    songs["artist_key"] = songs["artist"].fillna("").map(first_artist)
    unnamed = songs["artist_key"] == ""
    songs.loc[unnamed, "artist_key"] = songs["track_id"]  # nobody else's
    for _, rows in songs.groupby("region"):
        dates = rows["ds"].to_numpy()
        for date in np.unique(dates):
            recent = rows["log"][(dates < date) & (dates >= date - RECENT)]
            songs.loc[rows.index[dates == date], "median"] = recent.median()
    offset = songs["log"] - songs["median"]
    for _, rows in songs.groupby(["region", "artist_key"]):
        dates = rows["ds"].to_numpy()
        for date in np.unique(dates):
            own = offset[rows.index[dates < date]].dropna()
            songs.loc[rows.index[dates == date], "earlier"] = (dates < date).sum()
            songs.loc[rows.index[dates == date], "offset"] = own.sum() / (len(own) + SHRINKAGE)
    return songs.assign(artist_offset=songs["median"] + songs["offset"])


def scores(songs: pd.DataFrame) -> dict[str, Any]:
    """Number of debuts and their artists, errors, differences to the artist's offset, coverage."""
    rows = songs.dropna(subset=list(FORECASTS))
    errors = {name: (rows[name] - rows["log"]).abs() for name in FORECASTS}
    differences = {
        name: paired_bootstrap(
            rows["log"], rows[name], rows["artist_offset"], "mae", rows["artist_key"]
        )
        for name in OURS
    }
    return {
        "n": len(rows),
        "artists": int(rows["artist_key"].nunique()),
        "mae": {name: known(float(error.mean())) for name, error in errors.items()},
        "difference": {
            name: [known(number) for number in (one.value, one.low, one.high)]
            for name, one in differences.items()
        },
        "coverage_90": known(float(rows["inside"].mean())),
    }


if __name__ == "__main__":
    in_one_thread(main)
