"""Pictures of the model report: its figures in their order, with titles and captions.

Conventions: a picture has a caption that names what is seen, of which rows, in which unit. A part
that a record lacks gives no picture; the page says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from spdkit.evaluation.metrics import CLASS_NAMES, confusion_matrix, reliability
from spdkit.popularity.labels import classify
from spdkit.popularity.predictions import COVERAGE
from spdkit.popularity.record import ModelRecord
from spdkit.report import popularity_figures as figures
from spdkit.report.code_map import place
from spdkit.report.page import Picture
from spdkit.report.popularity_tables import (
    MODEL,
    has_interval,
    loss_name,
    metric_title,
    model_title,
)
from spdkit.report.svg import draw

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LEVELS = {"modality": "Modality", "family": "Family of features", "feature": "Feature"}
_SHARE = f"{100 * COVERAGE:.0f}\u00a0%"
_SQUARE, _FLAT = 3.8, 3.1  # inches


def pictures(record: ModelRecord, history: pd.DataFrame) -> Iterator[Picture]:
    """All the pictures of a report, in its order."""
    yield _popularity(record)
    yield from _scores(record)
    truth = classify(record.test["y"], record.thresholds)
    yield from _predictions(record, truth)
    yield from _certainty(record, truth)
    yield from _losses(record, history)
    yield from _code(record, truth)
    yield from _importance(record)


def _picture(
    name: str, title: str, caption: str, height: float, plot: Callable[[Axes], Axes]
) -> Picture:
    return Picture(name, title, caption, draw(name, f"{title}. {caption}", height, plot))


def _popularity(record: ModelRecord) -> Picture:
    return _picture(
        "popularity",
        "How popularity is spread",
        f"Share of the songs in steps of 5 points of popularity: the {len(record.test):,} test "
        f"songs (line) and {len(record.training_y):,} songs of the training rows (area). Dotted "
        "lines are where the classes medium and high begin.",
        _FLAT,
        partial(figures.popularity_of_rows, record.training_y, record.test["y"], record.thresholds),
    )


def _scores(record: ModelRecord) -> Iterator[Picture]:
    metric = record.headline
    scores = {
        model_title(key, record.preset): of_model[metric]
        for key, of_model in record.scores.items()
        if metric in of_model and np.isfinite(of_model[metric].value)
    }
    if not scores:
        return
    label = metric_title(metric)
    without = scores[next(iter(scores))].reason
    lines = "there are no intervals" if without else "lines are 95 % bootstrap intervals"
    xlabel = label if metric == "mae" else f"{label} (0–1)"
    yield _picture(
        "scores",
        "The model beside the baselines",
        f"{label} of every model on the same {len(record.test):,} test songs; {lines}. "
        f"{'Left' if metric == 'mae' else 'Right'} is better.",
        0.9 + 0.32 * len(scores),
        partial(figures.score_intervals, scores, model_title(MODEL, record.preset), xlabel),
    )


def _predictions(record: ModelRecord, truth: np.ndarray) -> Iterator[Picture]:
    test = record.test
    if record.task == "regression":
        inside = f" Colour and marker tell whether the {_SHARE} interval holds the truth."
        yield _picture(
            "predicted",
            "Predicted against true popularity",
            f"Each of the {len(test):,} test songs is a point; on the line a prediction is right, "
            "below it too low. Dotted lines are the borders of the classes."
            + (inside if has_interval(test) else ""),
            _SQUARE,
            partial(figures.predicted_against_true, test, record.thresholds),
        )
    elif "p_high" in test:
        yield _picture(
            "predicted",
            "Probability of a hit against true popularity",
            f"Each of the {len(test):,} test songs is a point, with its true class as colour and "
            "marker. Songs right of the last dotted line are hits, and should lie high.",
            _SQUARE,
            partial(figures.hit_probability, test, truth, record.thresholds),
        )
    yield _picture(
        "confusion",
        "Confusion matrix",
        f"The {len(test):,} test songs by true class (row) and predicted class (column); % is of "
        "the row. On the diagonal the class is right.",
        _SQUARE,
        partial(figures.confusion, confusion_matrix(truth, test["class"])),
    )


def _certainty(record: ModelRecord, truth: np.ndarray) -> Iterator[Picture]:
    test = record.test
    if has_interval(test):
        inside = (test["low"] <= test["y"]) & (test["y"] <= test["high"])
        yield _picture(
            "coverage",
            f"Coverage of the {_SHARE} intervals by class",
            "Share of test songs whose interval holds their true popularity, by true class. Lines "
            "are Wilson 95 % intervals, which take songs for independent of one another.",
            _SQUARE,
            partial(figures.coverage_by_class, inside, truth, COVERAGE),
        )
    names = [f"p_{name}" for name in CLASS_NAMES]
    if set(names) <= set(test):
        yield _picture(
            "calibration",
            "Calibration of the class probabilities",
            f"The {len(test):,} test songs in 15 bins by the probability of the likeliest class; "
            "points grow with their songs. On the line, a class said to be 70 % likely is right in "
            "70 % of cases; below it, the model is too sure.",
            _SQUARE,
            partial(figures.calibration, reliability(truth, test[names])),
        )


def _losses(record: ModelRecord, history: pd.DataFrame) -> Iterator[Picture]:
    is_code = history["net"] == "autoencoder"
    if is_code.any():
        yield _picture(
            "loss-autoencoder",
            "Training of the autoencoder",
            "Reconstruction error of the scaled features by epoch: of training rows, and of the "
            "rows held out to say when to stop. The weights of the best epoch are kept.",
            _FLAT,
            partial(figures.losses, history[is_code], "Mean squared error (no unit)"),
        )
    if (~is_code).any():
        squared = "Mean squared error (of 0–1)"
        of_number = squared if is_code.any() else "Mean absolute error (of 0–1)"
        unit = of_number if record.task == "regression" else "Cross-entropy (nats)"
        yield _picture(
            "loss-popularity",
            "Training of the net that predicts",
            "Loss by epoch: of training rows, while the weights change and with dropout, and of "
            "the rows held out to say when to stop, after each epoch. No test row takes part.",
            _FLAT,
            partial(figures.losses, history[~is_code], unit),
        )


def _code(record: ModelRecord, truth: np.ndarray) -> Iterator[Picture]:
    songs = place(record.test_code)
    if songs is None:
        return
    which = f"{len(songs.rows):,} test songs"
    if len(songs.rows) < len(record.test):
        which = f"{len(songs.rows):,} of {len(record.test):,} test songs, drawn at random,"
    yield _picture(
        "code",
        "The songs as the model sees them",
        f"The {record.test_code.shape[1]} numbers of the code of {which} on a plane by t-SNE "
        f"(perplexity {songs.perplexity:.0f}), by true class. Neighbours are songs that the model "
        "takes for alike; directions and distances between groups mean nothing.",
        _SQUARE,
        partial(figures.code_map, songs.points, truth[songs.rows]),
    )


def _importance(record: ModelRecord) -> Iterator[Picture]:
    table = record.importance[np.isfinite(record.importance["increase"].astype(float))]
    loss = loss_name(record)
    for level, title in LEVELS.items():
        of_level = table[table["level"] == level]
        if not len(of_level):
            continue
        n_drawn = min(len(of_level), figures.MOST_BARS)
        lines = "; lines are 95 % intervals" if of_level["low"].notna().any() else ""
        some = f" The {n_drawn} greatest of {len(of_level):,} are drawn."
        yield _picture(
            f"importance-{level}",
            f"Importance by {title.lower()}",
            f"By how much the {loss} on test songs rises when the columns of a {title.lower()} are "
            f"shuffled{lines}. At 0 the model does without."
            + (some if n_drawn < len(of_level) else ""),
            0.9 + 0.27 * n_drawn,
            partial(figures.importance, of_level, f"Increase of {loss}", title),
        )
