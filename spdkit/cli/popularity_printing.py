"""Scores and predictions as tables in the terminal, on stdout."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from spdkit.cli.printing import console, print_table
from spdkit.evaluation.metrics import METRICS
from spdkit.popularity.models.baselines import TITLES

if TYPE_CHECKING:
    import pandas as pd

    from spdkit.evaluation.bootstrap import Difference, Score
    from spdkit.popularity.cross_validation import Evaluation
    from spdkit.popularity.record import ModelRecord

_SHOWN = 20
# What fits a terminal; --json and the report have all.
_COLUMNS = ("mae", "r2", "coverage", "f1_macro", "hit_recall")
_CLASS_COLUMNS = ("f1_macro", "hit_recall", "accuracy", "cross_entropy", "calibration_error")


def print_record(record: ModelRecord, folder: str) -> None:
    """Scores of a model and its baselines on test rows."""
    out = console()
    split = record.split
    artists = "" if split.n_groups_test is None else f" of {split.n_groups_test} groups"
    title = (
        f"{record.preset}, {record.task}, {split.protocol}: trained on {split.n_training} songs, "
        f"scored on {split.n_test}{artists}"
    )
    named = {record.preset if name == "model" else name: s for name, s in record.scores.items()}
    _print_scores(title, named, record.differences, record.headline)
    if len(record.importance):
        rows = [
            [str(row.name), f"{row.increase:+.3g} [{row.low:+.3g}, {row.high:+.3g}]"]
            for row in record.importance[record.importance["level"] == "modality"].itertuples()
        ]
        loss = "MAE in points" if record.task == "regression" else "cross-entropy"
        print_table(out, f"what it relies on: rise of {loss} when shuffled", ["", ""], rows)
    if record.task == "regression" and "coverage" not in record.scores["model"]:
        out.print("too few songs were held out for calibration: no intervals, no probabilities")
    out.print(f"{folder}: saved; spdkit report {folder} shows it all", highlight=False)


def print_evaluation(found: Evaluation) -> None:
    """Scores on validation rows and on test rows."""
    for part in ("validation", "test"):
        scores = {name: parts[part] for name, parts in found.scores.items() if part in parts}
        if scores:
            differences = {n: parts[part] for n, parts in found.differences.items()}
            _print_scores(f"{part} rows; {found.splits}", scores, differences, found.headline)


def print_predictions(table: pd.DataFrame, record: ModelRecord, path: str) -> None:
    """The first rows of a table of predictions."""
    shown = table.head(_SHOWN)
    rows = [
        [str(track), *(_cell(value) for value in row)]
        for track, row in zip(shown.index, shown.itertuples(index=False), strict=True)
    ]
    print_table(console(), f"{path}: {len(table)} songs", ["track_id", *shown.columns], rows)
    if len(table) > len(shown):
        console().print(f"… and {len(table) - len(shown)} more in {path}")


def _print_scores(
    title: str,
    scores: Mapping[str, Mapping[str, Score]],
    differences: Mapping[str, Difference],
    headline: str,
) -> None:
    columns = _COLUMNS if headline == "mae" else _CLASS_COLUMNS
    used = [name for name in columns if any(name in found for found in scores.values())]
    head = [
        "",
        *(METRICS[name].title for name in used),
        f"{METRICS[headline].title}, model less it",
    ]
    rows = [
        [
            TITLES.get(model, model),
            *(_score(found.get(name)) for name in used),
            _score(differences.get(model), sign="+"),
        ]
        for model, found in scores.items()
    ]
    print_table(console(), title, head, rows)


def _score(score: Score | None, sign: str = "") -> str:
    if score is None:
        return ""
    value, low, high = (f"{n:{sign}.3g}" for n in (score.value, score.low, score.high))
    return f"{value} [{low}, {high}]"


def _cell(value: object) -> str:
    if isinstance(value, float):
        return "" if value != value else f"{value:.3g}"
    return str(value)
