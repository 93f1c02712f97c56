"""How the recommended forecaster was chosen: at cutoffs inside March to July, without August.

Rows after --train-to are dropped before anything else is done. Every candidate is fitted on what
lies before each of eight cutoffs, five days apart, and scored by F on the 30 days after it; the
last window ends with the training period. Windows overlap, and one noisy month decides little:
differences of less than a hundredth of F are not told apart by 49 artists.

Scores are kept under --work: interrupted and started again, the run goes on.
"""

from __future__ import annotations

import sys
from pathlib import Path

if not __package__:  # run as a script, whose own folder alone is on the path
    sys.path.append(str(Path(__file__).resolve().parents[2]))

import argparse
from collections.abc import Sequence
from typing import Any

import pandas as pd

from benchmarks.common import measuring
from benchmarks.common.script import save
from spdkit.catalogs.tianchi import read_artist_daily
from spdkit.forecast.data.long_table import check_frame
from spdkit.forecast.data.panel import cutoffs
from spdkit.forecast.models.average import Average
from spdkit.forecast.models.base import Forecaster
from spdkit.forecast.models.classical import SMA, Level, RelativeMean, SeasonalNaive
from spdkit.forecast.models.global_recurrent import GlobalRecurrentForecaster
from spdkit.forecast.models.gradient_boosting import GlobalForecaster
from spdkit.forecast.models.recommended import recommended, units, with_units
from spdkit.forecast.scoring.metrics import f_score
from spdkit.forecast.selection.grid_search import Selection, select

H, N_WINDOWS, STEP = 30, 8, 5
OTHERS = ("downloads", "collects", "listeners")
DROPPED = "2b7fedeea967becd9408b896de8ff903"
PACKAGES = ("numpy", "pandas", "scikit-learn", "torch", "spdkit")
RESULTS = Path(__file__).parents[1] / "results"


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder of artist_daily_p1.csv.gz")
    parser.add_argument("--file", default="artist_daily_p1.csv.gz")
    parser.add_argument("--drop", default=DROPPED, help="artist to leave out, as the paper does")
    parser.add_argument("--train-to", default="2015-07-31", help="last day that is looked at")
    default = Path("build") / "forecast_selection"
    parser.add_argument("--work", type=Path, default=default, help="where scores are kept")
    parser.add_argument("-o", "--output", type=Path, default=RESULTS / "forecast_selection.json")
    return parser.parse_args(argv)


def contestants() -> dict[str, Forecaster]:
    """What was compared, by the name that the table gives it."""
    boosting = GlobalForecaster(H, hist_exog=OTHERS)
    gru = GlobalRecurrentForecaster(H)
    named: dict[str, Forecaster] = {
        **{f"SMA({k})": SMA(k) for k in (7, 16, 28)},
        "SeasonalNaive(7)": SeasonalNaive(7),
        **{f"RelativeMean({k})": RelativeMean(k) for k in (7, 14, 28, 42)},
        "Level": Level(),
        "Global": boosting,
        "Global, without other columns": GlobalForecaster(H),
        "Global, loss f": GlobalForecaster(H, hist_exog=OTHERS, loss="f"),
        "Global, season_length 1": GlobalForecaster(H, hist_exog=OTHERS, season_length=1),
        "GlobalGRU": gru,
        "GlobalGRU, with other columns": GlobalRecurrentForecaster(H, hist_exog=OTHERS),
        "Level + Global (recommended)": recommended(H, hist_exog=OTHERS),
        "Level + GlobalGRU": Average([Level(), gru], how="geometric"),
        "Global + GlobalGRU": Average([boosting, gru], how="geometric"),
        "Level + Global + GlobalGRU": Average([Level(), boosting, gru], how="geometric"),
        "Units: LSTM-RPA of p = 2, 4, 7, trained on F": units(),
        "Level + Units": Average([Level(), units()], how="geometric"),
        "Global + Units (with_units)": with_units(H, hist_exog=OTHERS),
        "Level + Global + Units": Average([Level(), boosting, units()], how="geometric"),
    }
    return named


def training(args: argparse.Namespace) -> pd.DataFrame:
    """Rows up to --train-to, the dropped artist left out."""
    frame = read_artist_daily(args.data / args.file)
    kept = (frame["unique_id"] != args.drop) & (frame["ds"] <= args.train_to)
    return frame[kept].reset_index(drop=True)


def result(args: argparse.Namespace, frame: pd.DataFrame, found: Selection) -> dict[str, Any]:
    """What goes into the JSON: F of each window as a share of a perfect forecast's."""
    windows = [name for name in found.scores if name.startswith("cutoff")]
    perfect = [
        f_score(y, y).value
        for _, future in cutoffs(check_frame(frame), H, N_WINDOWS, STEP)
        for y in [future.y.reshape(len(future), H)]
    ]
    rows = []
    for name, row in zip(contestants(), found.scores[windows].to_numpy(), strict=True):
        shares = row / perfect
        rows.append({"name": name, "shares": shares.tolist(), "mean": float(shares.mean())})
    return {
        "benchmark": "forecast_selection",
        "command": "python benchmarks/forecast_selection.py --data DATA/tianchi",
        "machine": measuring.machine(),
        "versions": measuring.versions(PACKAGES),
        "n_series": int(frame["unique_id"].nunique()),
        "rows": found.rows,
        "windows": windows,
        "perfect": perfect,
        "candidates": rows,
    }


def page(found: dict[str, Any]) -> str:
    """The result as Markdown."""
    cells = [name.removeprefix("cutoff ") for name in found["windows"]]
    lines = [
        "# Which forecaster we recommend, and why",
        "",
        f"`{found['command']}`, {found['machine']['cpu']}; "
        + ", ".join(f"{name} {version}" for name, version in found["versions"].items()),
        "",
        f"F as a share of a perfect forecast's, {found['n_series']} artists, on the {H} days after "
        "each cutoff; every row of it lies in the training period:",
        f"{found['rows']}.",
        "",
        f"| forecaster | mean | {' | '.join(cells)} |",
        f"| --- |{' ---: |' * (len(cells) + 1)}",
    ]
    ranked = sorted(found["candidates"], key=lambda row: -row["mean"])
    for row in ranked:
        shares = " | ".join(f"{share:.3f}" for share in row["shares"])
        lines.append(f"| {row['name']} | {row['mean']:.4f} | {shares} |")
    lines += [
        "",
        "The best is `spdkit.forecast.models.recommended.with_units`; `recommended` does without "
        "torch and takes days without plays. Parameters of boosting (number and depth of the "
        "trees, smallest leaf), the spans of levels, and units of 1, 2, 4, 7 and 14 days with "
        "cells LSTM and GRU and both relative losses were tried by hand on these windows before "
        "this table was made, so that the best of it flatters itself a little.",
        "",
    ]
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark."""
    args = parse(argv)
    frame = training(args)
    found = select(
        contestants().values(),
        frame,
        H,
        n_windows=N_WINDOWS,
        step_size=STEP,
        journal=args.work / "scores.jsonl",
        verbose=True,
    )
    content = result(args, frame, found)
    save(content, args.output, allow_nan=False)
    args.output.with_suffix(".md").write_text(page(content), encoding="utf-8")
    print(page(content))
    return 0


if __name__ == "__main__":
    sys.exit(main())
