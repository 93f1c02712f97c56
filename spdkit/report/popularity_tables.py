"""Tables of the model report: numbers as texts, ready for the page.

Conventions: a score is printed with its unit's sensible places and its interval beside it; what
does not exist on these rows is printed as "–". Texts are plain: the page escapes them.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Iterable

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
from spdkit.report.page import NOTHING, Cell, Rows, Table, interval, plain

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


def has_interval(table: pd.DataFrame) -> bool:
    """Whether predictions have the ends of an interval."""
    return {"low", "high"} <= set(table)


def number(metric: str, value: float, *, signed: bool = False) -> str:
    """A value of a metric with its places, and a true minus."""
    return plain(value, _places(metric), signed=signed)


def _places(metric: str) -> int:
    return _PLACES.get(metric, 3)


def score_table(record: ModelRecord, name: str, caption: str, among: Iterable[Metric]) -> Table:
    """Models by metrics; only metrics that some model has, and models that have one of them."""
    models = record.scores.items()
    metrics = [m for m in among if any(m.name in scores for _, scores in models)]
    columns = [Cell("Model"), *(Cell(_column(m.name), _BETTER[m.better]) for m in metrics)]
    rows: Rows = [
        [model_title(key, record.preset), *(_score(m.name, scores.get(m.name)) for m in metrics)]
        for key, scores in models
        if any(m.name in scores for m in metrics)
    ]
    return Table.of(name, caption, columns, rows)


def _column(metric: str) -> str:
    title = metric_title(metric)
    return title[0].upper() + title[1:]


def _score(metric: str, score: Score | Difference | None, *, signed: bool = False) -> Cell:
    if score is None:
        return Cell(NOTHING)
    ends = interval(score.low, score.high, _places(metric), signed=signed)
    return Cell(number(metric, score.value, signed=signed), ends)


def difference_table(record: ModelRecord) -> Table:
    """The model less each baseline, by the headline metric, with a verdict."""
    metric = record.headline
    less = f"{_column(metric)}, model less baseline"
    rows: Rows = [
        [
            model_title(key, record.preset),
            _score(metric, difference, signed=True),
            plain(difference.p, 3),
            verdict(metric, difference),
            _seconds(record.seconds.get(key, math.nan)),
        ]
        for key, difference in record.differences.items()
    ]
    return Table.of(
        "differences",
        "The model against each baseline, on the same songs (paired bootstrap)",
        ("Baseline", less, "p", "On these songs", "CPU time of its fit"),
        rows,
    )


def _seconds(seconds: float) -> str:
    if not math.isfinite(seconds):
        return NOTHING
    return f"{plain(seconds, 1)} s" if seconds >= 0.1 else "under 0.1 s"


def verdict(metric: str, difference: Difference) -> str:
    """Whether the interval of a difference lies on one side of zero, and on which.

    Without an interval there are too few songs, or groups, to tell.
    """
    if not (math.isfinite(difference.low) and math.isfinite(difference.high)):
        return "too few" if difference.reason else "cannot be compared"
    if difference.low <= 0 <= difference.high:
        return "not told apart"
    better = (difference.high < 0) == (METRICS[metric].better == "lower")
    return "the model is better" if better else "the baseline is better"


def missed_hits(record: ModelRecord) -> Table:
    """Songs of class high that were not called high, the lowest prediction first."""
    hits = record.test[classify(record.test["y"], record.thresholds) == 2]
    missed = hits[hits["class"] != 2]
    caption = f"The hits it missed: {_counted(len(missed), len(hits))} hits"
    return _mistakes(missed, "missed", caption, lowest_first=True)


def believed_flops(record: ModelRecord) -> Table:
    """Songs of class low that were called more, the highest prediction first."""
    flops = record.test[classify(record.test["y"], record.thresholds) == 0]
    believed = flops[flops["class"] != 0]
    counted = _counted(len(believed), len(flops))
    caption = f"The flops it believed in: {counted} songs of class low"
    return _mistakes(believed, "believed", caption, lowest_first=False)


def _counted(n: int, of: int) -> str:
    worst = f"the {MOST_MISTAKES} worst of {n:,}, among" if n > MOST_MISTAKES else f"{n:,} of"
    return f"{worst} {of:,}"


def _mistakes(songs: pd.DataFrame, name: str, caption: str, *, lowest_first: bool) -> Table:
    by = next(column for column in ("predicted", "p_high", "class") if column in songs)
    worst = songs.sort_values(by, ascending=lowest_first, kind="stable").head(MOST_MISTAKES)
    columns: dict[str, list[Cell]] = {"Song": list(map(_song, worst.iterrows()))}
    columns["True popularity"] = [Cell(plain(y, 1)) for y in worst["y"]]
    if "predicted" in worst:
        columns["Predicted popularity"] = [Cell(plain(value, 1)) for value in worst["predicted"]]
    if has_interval(worst):
        columns[f"{100 * COVERAGE:.0f}\u00a0% interval"] = [
            Cell(f"{plain(low, 1)} to {plain(high, 1)}")
            for low, high in zip(worst["low"], worst["high"], strict=True)
        ]
    columns["Predicted class"] = [Cell(CLASS_NAMES[int(value)]) for value in worst["class"]]
    if "p_high" in worst:
        columns["Probability of high"] = [Cell(plain(value, 3)) for value in worst["p_high"]]
    return Table.of(name, caption, columns, zip(*columns.values(), strict=True))


def _song(item: tuple[Hashable, pd.Series]) -> Cell:
    track_id, row = item
    facts = [str(row[n]) for n in ("title", "artist") if n in row and not pd.isna(row[n])]
    return Cell(", by ".join(facts), str(track_id)) if facts else Cell(str(track_id))


def importance_table(record: ModelRecord) -> Table:
    """All of the importance as numbers, level by level."""
    columns = ("Name", "Level", f"Increase of {loss_name(record)}", "95 % interval")
    rows: Rows = []
    for level in dict.fromkeys(record.importance["level"]):
        of_level = record.importance[record.importance["level"] == level]
        for _, row in of_level.sort_values("increase", ascending=False, kind="stable").iterrows():
            increase, low, high = (
                plain(row[column], 4, signed=True) for column in ("increase", "low", "high")
            )
            ends = NOTHING if low == high == NOTHING else f"{low} to {high}"
            rows.append([str(row["name"]), str(level), increase, ends])
    return Table.of("importance", "Permutation importance, as numbers", columns, rows)


def feature_table(record: ModelRecord) -> Table:
    """How many features there are of each modality and family."""
    origins = record.features[["family", "modality"]].astype(str)
    counts = Counter(zip(origins["family"], origins["modality"], strict=True))
    rows: Rows = [(family, modality, f"{n:,}") for (family, modality), n in counts.items()]
    caption = f"The {len(record.features):,} features"
    return Table.of("features", caption, ("Family", "Modality", "Features"), rows)
