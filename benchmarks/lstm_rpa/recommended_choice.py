"""Recommended forecaster: how it was chosen, at cutoffs inside March to July, without August.

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

from benchmarks.common import script
from benchmarks.common.markdown import join_blocks, package_versions, table
from benchmarks.common.measuring import head
from benchmarks.lstm_rpa.series import DROPPED, EXOG, FILE, HORIZON, TRAIN_TO
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

N_WINDOWS, STEP = 8, 5
PACKAGES = ("numpy", "pandas", "scikit-learn", "torch", "spdkit")


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = script.new_parser(__doc__)
    parser.add_argument("--data", type=Path, required=True, help=f"folder of {FILE}")
    parser.add_argument("--file", default=FILE)
    parser.add_argument("--drop", default=DROPPED, help="artist to leave out, as the paper does")
    parser.add_argument("--train-to", default=TRAIN_TO, help="last day that is looked at")
    default = Path("build") / "forecast_selection"
    parser.add_argument("--work", type=Path, default=default, help="where scores are kept")
    script.add_output(parser, "forecast_selection", ", with .md beside it")
    return parser.parse_args(argv)


def contestants() -> dict[str, Forecaster]:
    """The forecasters that are compared, by their names in the table."""
    boosting = GlobalForecaster(HORIZON, hist_exog=EXOG)
    gru = GlobalRecurrentForecaster(HORIZON)
    return {
        **{f"SMA({k})": SMA(k) for k in (7, 16, 28)},
        "SeasonalNaive(7)": SeasonalNaive(7),
        **{f"RelativeMean({k})": RelativeMean(k) for k in (7, 14, 28, 42)},
        "Level": Level(),
        "Global": boosting,
        "Global, without other columns": GlobalForecaster(HORIZON),
        "Global, loss f": GlobalForecaster(HORIZON, hist_exog=EXOG, loss="f"),
        "Global, season_length 1": GlobalForecaster(HORIZON, hist_exog=EXOG, season_length=1),
        "GlobalGRU": gru,
        "GlobalGRU, with other columns": GlobalRecurrentForecaster(HORIZON, hist_exog=EXOG),
        "Level + Global (recommended)": recommended(HORIZON, hist_exog=EXOG),
        "Level + GlobalGRU": Average([Level(), gru], how="geometric"),
        "Global + GlobalGRU": Average([boosting, gru], how="geometric"),
        "Level + Global + GlobalGRU": Average([Level(), boosting, gru], how="geometric"),
        "Units: LSTM-RPA of p = 2, 4, 7, trained on F": units(),
        "Level + Units": Average([Level(), units()], how="geometric"),
        "Global + Units (with_units)": with_units(HORIZON, hist_exog=EXOG),
        "Level + Global + Units": Average([Level(), boosting, units()], how="geometric"),
    }


def training(args: argparse.Namespace) -> pd.DataFrame:
    """Rows up to --train-to, the dropped artist left out."""
    frame = read_artist_daily(args.data / args.file)
    rows = (frame["unique_id"] != args.drop) & (frame["ds"] <= args.train_to)
    return frame[rows].reset_index(drop=True)


def record(frame: pd.DataFrame, selection: Selection) -> dict[str, Any]:
    """The JSON: F of each window as a share of a perfect forecast's."""
    windows = [name for name in selection.scores if name.startswith("cutoff")]
    perfect = [
        f_score(y, y).value
        for _, future in cutoffs(check_frame(frame), HORIZON, N_WINDOWS, STEP)
        for y in [future.y.reshape(len(future), HORIZON)]
    ]
    candidates = []
    for name, scores in zip(contestants(), selection.scores[windows].to_numpy(), strict=True):
        shares = scores / perfect
        candidates.append({"name": name, "shares": shares.tolist(), "mean": float(shares.mean())})
    command = "python benchmarks/lstm_rpa/recommended_choice.py --data DATA/tianchi"
    return {
        **head("forecast_selection", command, PACKAGES),
        "n_series": int(frame["unique_id"].nunique()),
        "rows": selection.rows,
        "windows": windows,
        "perfect": perfect,
        "candidates": candidates,
    }


def page(record: dict[str, Any]) -> str:
    """The result as Markdown."""
    days = [name.removeprefix("cutoff ") for name in record["windows"]]
    rows = [
        [each["name"], f"{each['mean']:.4f}", *(f"{share:.3f}" for share in each["shares"])]
        for each in sorted(record["candidates"], key=lambda each: -each["mean"])
    ]
    return join_blocks(
        [
            "# Which forecaster we recommend, and why",
            f"`{record['command']}`, {record['machine']['cpu']}; {package_versions(record)}",
            f"F as a share of a perfect forecast's, {record['n_series']} artists, on the "
            f"{HORIZON} days after each cutoff; every row of it lies in the training period:\n"
            f"{record['rows']}.",
            table(["forecaster", "mean", *days], rows),
            "The best is `spdkit.forecast.models.recommended.with_units`; `recommended` does "
            "without torch and takes days without plays. Parameters of boosting (number and depth "
            "of the trees, smallest leaf), the spans of levels, and units of 1, 2, 4, 7 and 14 "
            "days with cells LSTM and GRU and both relative losses were tried by hand on these "
            "windows before this table was made, so that the best of it flatters itself a little.",
        ]
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark."""
    args = parse(argv)
    frame = training(args)
    selection = select(
        contestants().values(),
        frame,
        HORIZON,
        n_windows=N_WINDOWS,
        step_size=STEP,
        journal=args.work / "scores.jsonl",
        verbose=True,
    )
    results = record(frame, selection)
    script.save(results, args.output, allow_nan=False)
    print(script.save_page(page(results), args.output))
    return 0


if __name__ == "__main__":
    sys.exit(main())
