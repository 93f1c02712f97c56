"""The report of a model: one HTML page with everything in it, for whoever decides by the model.

Conventions: the page needs no network, no script and no other file; a policy in its head forbids
all three. Everything that comes from data is escaped. The same record gives the same page, byte for
byte. Numbers are of test rows unless a sentence says otherwise. What a record lacks is said in
words where it would stand. Figures are made in `spdkit.report.popularity_figures`, tables in
`spdkit.report.popularity_tables`; the words are in ``templates/report.html.j2``.

Reference: Mitchell et al. (2019), model cards for model reporting.
"""

from __future__ import annotations

import json
import math
import os
from typing import Any

import pandas as pd

from spdkit.evaluation.bootstrap import Score
from spdkit.evaluation.conformal import fewest_residuals
from spdkit.evaluation.metrics import CLASS_NAMES, METRICS
from spdkit.popularity.predictions import COVERAGE
from spdkit.popularity.record import ModelRecord
from spdkit.report import popularity_tables
from spdkit.report.page import Card, ReportError, load_template, write_page
from spdkit.report.popularity_gallery import gallery
from spdkit.report.song_figures import require_matplotlib

_HEADLINES = {"mae": "average error", "f1_macro": "macro F1"}


def write(record: ModelRecord, history: pd.DataFrame, path: str | os.PathLike[str]) -> None:
    """Write the report whole or not at all; parameters are those of `render`.

    Raises
    ------
    SpdkitError
        When the file cannot be written.
    """
    write_page(render(record, history), path)


def render(record: ModelRecord, history: pd.DataFrame) -> str:
    """The report as HTML.

    Parameters
    ----------
    record : ModelRecord
        Of the model; see `spdkit.popularity.record`.
    history : DataFrame
        The model's ``history_``: columns net, epoch, loss and, where there is one, val_loss.

    Returns
    -------
    str
        A page of about a megabyte at most, most of it figures.

    Raises
    ------
    ReportError
        When Jinja2 is not installed, or the record's parts do not belong together.
    SpdkitError
        When matplotlib is not installed, or test rows hold no popularity or no classes.
    """
    require_matplotlib()
    template = load_template("report.html.j2")
    _check(record)
    page: str = template.render(
        record=record,
        title=popularity_tables.model_title(popularity_tables.MODEL, record.preset),
        verdict=_verdict(record),
        cards=_cards(record),
        pictures={picture.name: picture for picture in gallery(record, history)},
        numbers=popularity_tables.score_table(
            record, "numbers", "Popularity as a number", popularity_tables.NUMBER_METRICS
        ),
        classes=popularity_tables.score_table(
            record, "classes", "Popularity as a class", popularity_tables.CLASS_METRICS
        ),
        differences=popularity_tables.difference_table(record),
        missed=popularity_tables.missed_hits(record),
        believed=popularity_tables.believed_flops(record),
        importance=popularity_tables.importance_table(record),
        features=popularity_tables.feature_table(record),
        extractors=_extractors(record),
        class_names=CLASS_NAMES,
        coverage=COVERAGE,
        fewest=fewest_residuals(COVERAGE),
        has_interval={"low", "high"} <= set(record.test),
        has_probabilities="p_high" in record.test,
        refitted=bool(history["net"].astype(str).str.startswith("refit").any()),
        by_groups=record.groups is not None and "group" in record.test,
        leaky=record.split.protocol == "reference",
    )
    return page


def _check(record: ModelRecord) -> None:
    if popularity_tables.MODEL not in record.scores:
        raise ReportError(
            f"there is no {popularity_tables.MODEL!r} among the scores: {list(record.scores)}"
        )
    missing = {"y", "class"} - set(record.test)
    if record.task == "regression":
        missing |= {"predicted"} - set(record.test)
    if missing:
        raise ReportError(f"the test rows have no column {', '.join(sorted(missing))}")
    if len(record.test_code) != len(record.test):
        raise ReportError(f"{len(record.test_code)} codes for {len(record.test)} test rows")


def _best_baseline(record: ModelRecord) -> str | None:
    """Of those that have the headline metric, the best on these rows."""
    metric = record.headline
    found = {
        key: scores[metric].value
        for key, scores in record.scores.items()
        if key != popularity_tables.MODEL
        and metric in scores
        and math.isfinite(scores[metric].value)
    }
    if not found:
        return None
    return (min if METRICS[metric].better == "lower" else max)(found, key=lambda key: found[key])


def _verdict(record: ModelRecord) -> str:
    """In two or three sentences: how good it is, and whether it beats the best baseline."""
    metric, name = record.headline, _HEADLINES.get(record.headline, record.headline)
    score = record.scores[popularity_tables.MODEL].get(metric)
    if score is None or not math.isfinite(score.value):
        return f"The {name} of this model does not exist on its {record.split.n_test:,} test songs."
    said = _with_unit(metric, score.value)
    what = (
        f"it misses the true popularity by {said} on average"
        if metric == "mae"
        else f"its {name} is {said} (1 is perfect)"
    )
    first = f"On {record.split.n_test:,} songs {_unseen(record)}, {what}."
    best = _best_baseline(record)
    if best is None:
        return f"{first} There is no baseline to hold it against."
    other = _with_unit(metric, record.scores[best][metric].value)
    title = popularity_tables.model_title(best, record.preset)
    return f"{first} The best baseline, {title}, has {other}: {_compared(record, best)}."


def _unseen(record: ModelRecord) -> str:
    """In what way the test songs are new to the model."""
    groups = record.groups or "artist"
    others = "by artists it never heard" if "artist" in groups else f"of other groups ({groups})"
    return {
        "artist": f"it never saw, {others}",
        "time": "it never saw, released after all it learned from",
        "reference": "that took part in its training",
    }.get(record.split.protocol, "it never saw")


def _compared(record: ModelRecord, best: str) -> str:
    found = record.differences.get(best)
    if found is None:
        return "the two were not compared song by song"
    return {
        "the model is better": "the model is better, by more than chance explains",
        "the baseline is better": "the baseline is better, by more than chance explains",
        "not told apart": "these songs cannot tell the two apart",
    }.get(popularity_tables.verdict(record.headline, found), "the two cannot be compared")


def _with_unit(metric: str, value: float) -> str:
    text = popularity_tables.number(metric, value)
    return f"{text} points" if metric in ("mae", "width") else text


def _cards(record: ModelRecord) -> list[Card]:
    scores, best = record.scores[popularity_tables.MODEL], _best_baseline(record)
    names = ["mae", "coverage"] if record.task == "regression" else ["f1_macro", "accuracy"]
    names += ["hit_recall", "r2" if record.task == "regression" else "calibration_error"]
    labels = {
        "mae": "Average error (MAE)",
        "coverage": f"Inside their {100 * COVERAGE:.0f}\u00a0% interval",
        "hit_recall": "Hits it finds (hit recall)",
        "r2": "Variance explained (R²)",
        "f1_macro": "Macro F1",
        "accuracy": "Right class (accuracy)",
        "calibration_error": "Calibration error",
    }
    return [_card(record, name, labels[name], scores.get(name), best) for name in names]


def _card(
    record: ModelRecord, metric: str, label: str, score: Score | None, best: str | None
) -> Card:
    if score is None:
        note = "too few songs were held out to know" if metric == "coverage" else "not measured"
        return Card(label, popularity_tables.NOTHING, "", note)
    share = metric in ("coverage", "hit_recall", "accuracy", "r2")

    def bare(value: float) -> str:
        return (
            popularity_tables.plain(100 * value, 1)
            if share
            else popularity_tables.number(metric, value)
        )

    def text(value: float) -> str:
        unit = "\u00a0%" if share else "\u00a0points" if metric == "mae" else ""
        return bare(value) + (unit if math.isfinite(value) else "")

    known = math.isfinite(score.low) and math.isfinite(score.high)
    span = f"95\u00a0% interval: {bare(score.low)} to {bare(score.high)}" if known else ""
    return Card(label, text(score.value), span, _note(record, metric, best, text))


def _note(record: ModelRecord, metric: str, best: str | None, text: Any) -> str:
    scores = record.scores
    if metric == "coverage":
        width = scores[popularity_tables.MODEL].get("width")
        return "" if width is None else f"{_with_unit('width', width.value)} wide on average"
    if metric == "calibration_error":
        return "0 when probabilities are exactly true"
    if metric == "hit_recall" and not math.isfinite(scores[popularity_tables.MODEL][metric].value):
        return "there is no hit among the test songs"
    if best is None or metric not in scores[best]:
        return "no baseline to hold it against"
    return (
        f"{popularity_tables.model_title(best, record.preset)}: {text(scores[best][metric].value)}"
    )


def _extractors(record: ModelRecord) -> list[tuple[str, str, str, str]]:
    """Name, version, modality, and parameters as JSON."""
    return [
        (
            name,
            str(facts.get("version", popularity_tables.NOTHING)),
            str(facts.get("modality", popularity_tables.NOTHING)),
            json.dumps(facts.get("parameters", {}), indent=1, ensure_ascii=False, sort_keys=True),
        )
        for name, facts in record.extractors.items()
    ]
