"""Model report: one HTML page with everything that is known of a model, for whoever decides by it.

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
from collections.abc import Callable

import pandas as pd

from spdkit.evaluation.bootstrap import Score
from spdkit.evaluation.conformal import fewest_residuals
from spdkit.evaluation.metrics import CLASS_NAMES, METRICS
from spdkit.popularity.predictions import COVERAGE
from spdkit.popularity.record import ModelRecord
from spdkit.report import popularity_tables as tables
from spdkit.report.page import NOTHING, Card, ReportError, load_template, percent, plain, write_page
from spdkit.report.popularity_pictures import pictures
from spdkit.report.svg import require_matplotlib

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
        title=tables.model_title(tables.MODEL, record.preset),
        verdict=_verdict(record),
        cards=_cards(record),
        pictures={picture.name: picture for picture in pictures(record, history)},
        numbers=tables.score_table(
            record, "numbers", "Popularity as a number", tables.NUMBER_METRICS
        ),
        classes=tables.score_table(
            record, "classes", "Popularity as a class", tables.CLASS_METRICS
        ),
        differences=tables.difference_table(record),
        missed=tables.missed_hits(record),
        believed=tables.believed_flops(record),
        importance=tables.importance_table(record),
        features=tables.feature_table(record),
        extractors=_extractors(record),
        class_names=CLASS_NAMES,
        coverage=COVERAGE,
        fewest=fewest_residuals(COVERAGE),
        has_interval=tables.has_interval(record.test),
        has_probabilities="p_high" in record.test,
        refitted=bool(history["net"].astype(str).str.startswith("refit").any()),
        by_groups=record.groups is not None and "group" in record.test,
        leaky=record.split.protocol == "reference",
        no_interval=_headline_score(record).reason,
    )
    return page


def _check(record: ModelRecord) -> None:
    if tables.MODEL not in record.scores:
        raise ReportError(f"there is no {tables.MODEL!r} among the scores: {list(record.scores)}")
    missing = {"y", "class"} - set(record.test)
    if record.task == "regression":
        missing |= {"predicted"} - set(record.test)
    if missing:
        raise ReportError(f"the test rows have no column {', '.join(sorted(missing))}")
    if len(record.test_code) != len(record.test):
        raise ReportError(f"{len(record.test_code)} codes for {len(record.test)} test rows")


def _headline_score(record: ModelRecord) -> Score:
    return record.scores[tables.MODEL].get(record.headline, Score(math.nan, math.nan, math.nan))


def _best_baseline(record: ModelRecord) -> str | None:
    """Of those that have the headline metric, the best on these rows."""
    metric = record.headline
    values = {
        key: scores[metric].value
        for key, scores in record.scores.items()
        if key != tables.MODEL and metric in scores and math.isfinite(scores[metric].value)
    }
    best = min if METRICS[metric].better == "lower" else max
    return best(values, key=values.__getitem__, default=None)


def _verdict(record: ModelRecord) -> str:
    """In two or three sentences: how good it is, and whether it beats the best baseline."""
    metric, name = record.headline, _HEADLINES.get(record.headline, record.headline)
    score = _headline_score(record)
    if not math.isfinite(score.value):
        return f"The {name} of this model does not exist on its {record.split.n_test:,} test songs."
    value = _with_unit(metric, score.value)
    what = (
        f"it misses the true popularity by {value} on average"
        if metric == "mae"
        else f"its {name} is {value} (1 is perfect)"
    )
    first = f"On {record.split.n_test:,} songs {_unseen(record)}, {what}."
    best = _best_baseline(record)
    if best is None:
        return f"{first} There is no baseline to hold it against."
    other = _with_unit(metric, record.scores[best][metric].value)
    title = tables.model_title(best, record.preset)
    return f"{first} The best baseline, {title}, has {other}: {_comparison(record, best)}."


def _unseen(record: ModelRecord) -> str:
    """In what way the test songs are new to the model."""
    groups = record.groups or "artist"
    others = "by artists it never heard" if "artist" in groups else f"of other groups ({groups})"
    return {
        "artist": f"it never saw, {others}",
        "time": "it never saw, released after all it learned from",
        "reference": "that took part in its training",
    }.get(record.split.protocol, "it never saw")


def _comparison(record: ModelRecord, best: str) -> str:
    difference = record.differences.get(best)
    if difference is None:
        return "the two were not compared song by song"
    return {
        "the model is better": "the model is better, by more than chance explains",
        "the baseline is better": "the baseline is better, by more than chance explains",
        "not told apart": "these songs cannot tell the two apart",
        "too few": "so few songs cannot tell the two apart",
    }.get(tables.verdict(record.headline, difference), "the two cannot be compared")


def _with_unit(metric: str, value: float) -> str:
    text = tables.number(metric, value)
    return f"{text} points" if metric in ("mae", "width") else text


def _cards(record: ModelRecord) -> list[Card]:
    scores, best = record.scores[tables.MODEL], _best_baseline(record)
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
        return Card(label, NOTHING, note)
    share = metric in ("coverage", "hit_recall", "accuracy", "r2")

    def text(value: float) -> str:
        if share:
            return percent(100 * value)
        unit = "\u00a0points" if metric == "mae" and math.isfinite(value) else ""
        return tables.number(metric, value) + unit

    span = ""
    if math.isfinite(score.low) and math.isfinite(score.high):
        low, high = (
            plain(100 * end, 1) if share else tables.number(metric, end)
            for end in (score.low, score.high)
        )
        span = f"95\u00a0% interval: {low} to {high}"
    return Card(label, text(score.value), _note(record, metric, best, text), span)


def _note(record: ModelRecord, metric: str, best: str | None, text: Callable[[float], str]) -> str:
    scores = record.scores
    if metric == "coverage":
        width = scores[tables.MODEL].get("width")
        return "" if width is None else f"{_with_unit('width', width.value)} wide on average"
    if metric == "calibration_error":
        return "0 when probabilities are exactly true"
    if metric == "hit_recall" and not math.isfinite(scores[tables.MODEL][metric].value):
        return "there is no hit among the test songs"
    if best is None or metric not in scores[best]:
        return "no baseline to hold it against"
    return f"{tables.model_title(best, record.preset)}: {text(scores[best][metric].value)}"


def _extractors(record: ModelRecord) -> list[tuple[str, str, str, str]]:
    """Name, version, modality, and parameters as JSON."""
    return [
        (
            name,
            str(facts.get("version", NOTHING)),
            str(facts.get("modality", NOTHING)),
            json.dumps(facts.get("parameters", {}), indent=1, ensure_ascii=False, sort_keys=True),
        )
        for name, facts in record.extractors.items()
    ]
