"""Tables of the model report: numbers as texts, ready for the page.

Conventions: a score is printed with its unit's sensible places and its interval beside it; what
does not exist on these rows is printed as "–". Texts are plain: the page escapes them.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from typing import Any

import pandas as pd

from spdkit.evaluation.bootstrap import Difference, Score
from spdkit.evaluation.metrics import (
    CLASS_NAMES,
    CLASSIFICATION,
    INTERVALS,
    METRICS,
    PROBABILITIES,
    REGRESSION,
    Metric,
)
from spdkit.popularity.labels import classify
from spdkit.popularity.models.baselines import TITLES
from spdkit.popularity.predictions import COVERAGE
from spdkit.popularity.record import ModelRecord
from spdkit.report.page import NOTHING as NOTHING
from spdkit.report.page import Cell as Cell
from spdkit.report.page import Table as Table
from spdkit.report.page import plain as plain

MODEL = "model"  # its key among the scores
MOST_MISTAKES = 10
NUMBER_METRICS = (*REGRESSION, *INTERVALS)
# Without the micro F1, which equals accuracy.
CLASS_METRICS = tuple(m for m in (*CLASSIFICATION, *PROBABILITIES) if m.name != "f1_micro")
# Points of popularity need fewer places than shares.
_PLACES = {"mae": 2, "mse": 1, "width": 1}
_UNITS = {"mae": "points", "mse": "points²", "width": "points", "cross_entropy": "nats"}
_BETTER = {
    "lower": "lower is better",
    "higher": "higher is better",
    "nominal": "as asked for is best",
}


def model_title(key: str, preset: str) -> str:
    """Name of a model for tables and figures."""
    return f"HitMusicNet {preset}" if key == MODEL else TITLES.get(key, key)


def metric_title(metric: str) -> str:
    """Name of a metric with its unit, such as "MAE (points)"."""
    title = METRICS[metric].title if metric in METRICS else metric
    return f"{title} ({_UNITS[metric]})" if metric in _UNITS else title


def loss_name(record: ModelRecord) -> str:
    """What importance is measured in."""
    return metric_title("mae" if record.task == "regression" else "cross_entropy")


def number(metric: str, value: float, *, signed: bool = False) -> str:
    """A value of a metric with its places, and a true minus."""
    places = _PLACES.get(metric, 3)
    return plain(value, places, signed=signed)


def span(metric: str, score: Score, *, signed: bool = False) -> str:
    """The interval of a score, such as "[0.104, 0.110]"; empty when there is none."""
    if not (math.isfinite(score.low) and math.isfinite(score.high)):
        return ""
    ends = (number(metric, end, signed=signed) for end in (score.low, score.high))
    return f"[{', '.join(ends)}]"


def score_table(record: ModelRecord, name: str, caption: str, among: Iterable[Metric]) -> Table:
    """Models by metrics; only metrics that some model has, and models that have one of them."""
    metrics = [m for m in among if any(m.name in found for found in record.scores.values())]
    models = {
        key: found for key, found in record.scores.items() if any(m.name in found for m in metrics)
    }
    columns = [Cell("Model"), *(Cell(_column(m.name), _BETTER[m.better]) for m in metrics)]
    rows = [
        (Cell(model_title(key, record.preset)), *(_score(m.name, found) for m in metrics))
        for key, found in models.items()
    ]
    return Table(name, caption, tuple(columns), tuple(rows))


def _column(metric: str) -> str:
    title = metric_title(metric)
    return title[0].upper() + title[1:]


def _score(metric: str, found: dict[str, Score]) -> Cell:
    if metric not in found:
        return Cell(NOTHING)
    return Cell(number(metric, found[metric].value), span(metric, found[metric]))


def difference_table(record: ModelRecord) -> Table:
    """The model less each baseline, by the headline metric, with a verdict."""
    metric = record.headline
    columns = (
        "Baseline",
        f"{_column(metric)}, model less baseline",
        "p",
        "On these songs",
        "CPU time of its fit",
    )
    rows = []
    for key, found in record.differences.items():
        seconds = record.seconds.get(key, math.nan)
        rows.append(
            (
                Cell(model_title(key, record.preset)),
                Cell(difference_text(metric, found), span_of_difference(metric, found)),
                Cell(plain(found.p, 3)),
                Cell(verdict(metric, found)),
                Cell(_seconds(seconds)),
            )
        )
    caption = "The model against each baseline, on the same songs (paired bootstrap)"
    return Table("differences", caption, tuple(map(Cell, columns)), tuple(rows))


def _seconds(seconds: float) -> str:
    if not math.isfinite(seconds):
        return NOTHING
    return f"{plain(seconds, 1)} s" if seconds >= 0.1 else "under 0.1 s"


def difference_text(metric: str, found: Difference) -> str:
    """Signed value of a difference."""
    return number(metric, found.value, signed=True)


def span_of_difference(metric: str, found: Difference) -> str:
    """Signed interval of a difference."""
    return span(metric, found, signed=True)


def verdict(metric: str, found: Difference) -> str:
    """Whether the interval of a difference lies on one side of zero, and on which."""
    if not (math.isfinite(found.low) and math.isfinite(found.high)):
        return "cannot be compared"
    if found.low <= 0 <= found.high:
        return "not told apart"
    below = found.high < 0
    better = below if METRICS[metric].better == "lower" else not below
    return "the model is better" if better else "the baseline is better"


def missed_hits(record: ModelRecord) -> Table:
    """Songs of class high that were not called high, the lowest prediction first."""
    truth, called = _classes(record)
    missed = record.test[(truth == 2) & (called != 2)]
    caption = f"The hits it missed: {_counted(len(missed), int((truth == 2).sum()))} hits"
    return _mistakes(record, missed, "missed", caption, lowest_first=True)


def believed_flops(record: ModelRecord) -> Table:
    """Songs of class low that were called more, the highest prediction first."""
    truth, called = _classes(record)
    believed = record.test[(truth == 0) & (called != 0)]
    counted = _counted(len(believed), int((truth == 0).sum()))
    caption = f"The flops it believed in: {counted} songs of class low"
    return _mistakes(record, believed, "believed", caption, lowest_first=False)


def _classes(record: ModelRecord) -> tuple[Any, Any]:
    truth = classify(record.test["y"], record.thresholds)
    return truth, record.test["class"].to_numpy()


def _counted(n: int, of: int) -> str:
    return (
        f"the {MOST_MISTAKES} worst of {n:,}, among {of:,}"
        if n > MOST_MISTAKES
        else f"{n:,} of {of:,}"
    )


def _mistakes(
    record: ModelRecord, rows: pd.DataFrame, name: str, caption: str, *, lowest_first: bool
) -> Table:
    by = next(column for column in ("predicted", "p_high", "class") if column in rows)
    worst = rows.sort_values(by, ascending=lowest_first, kind="stable").head(MOST_MISTAKES)
    columns = ["Song", "True popularity"]
    columns += ["Predicted popularity"] if "predicted" in rows else []
    columns += [f"{100 * COVERAGE:.0f}\u00a0% interval"] if {"low", "high"} <= set(rows) else []
    columns += ["Predicted class"]
    columns += ["Probability of high"] if "p_high" in rows else []
    cells = tuple(_mistake(track_id, row) for track_id, row in worst.iterrows())
    return Table(name, caption, tuple(map(Cell, columns)), cells)


def _mistake(track_id: Any, row: pd.Series) -> tuple[Cell, ...]:
    cells = [_song(str(track_id), row), Cell(plain(row["y"], 1))]
    if "predicted" in row:
        cells.append(Cell(plain(row["predicted"], 1)))
    if {"low", "high"} <= set(row.index):
        cells.append(Cell(f"{plain(row['low'], 1)} to {plain(row['high'], 1)}"))
    cells.append(Cell(CLASS_NAMES[int(row["class"])]))
    if "p_high" in row:
        cells.append(Cell(plain(row["p_high"], 3)))
    return tuple(cells)


def _song(track_id: str, row: pd.Series) -> Cell:
    known = [str(row[n]) for n in ("title", "artist") if n in row and not pd.isna(row[n])]
    return Cell(", by ".join(known), track_id) if known else Cell(track_id)


def importance_table(record: ModelRecord) -> Table:
    """All of the importance as numbers, level by level."""
    columns = (
        Cell("Name"),
        Cell("Level"),
        Cell(f"Increase of {loss_name(record)}"),
        Cell("95 % interval"),
    )
    rows = []
    for level in dict.fromkeys(record.importance["level"]):
        of_level = record.importance[record.importance["level"] == level]
        for _, row in of_level.sort_values("increase", ascending=False, kind="stable").iterrows():
            ends = f"{plain(row['low'], 4, signed=True)} to {plain(row['high'], 4, signed=True)}"
            increase = Cell(plain(row["increase"], 4, signed=True))
            rows.append((Cell(str(row["name"])), Cell(str(level)), increase, Cell(ends)))
    return Table("importance", "Permutation importance, as numbers", columns, tuple(rows))


def feature_table(record: ModelRecord) -> Table:
    """How many features there are of each modality and family."""
    origins = record.features[["family", "modality"]].astype(str)
    counts = Counter(zip(origins["family"], origins["modality"], strict=True))
    rows = tuple((Cell(f), Cell(m), Cell(f"{n:,}")) for (f, m), n in counts.items())
    columns = (Cell("Family"), Cell("Modality"), Cell("Features"))
    return Table("features", f"The {len(record.features):,} features", columns, rows)
