"""Record of a model besides its weights: data, split, scores, and predictions for test rows.

Conventions: the record lies in the model's folder, beside the weights
(`spdkit.popularity.models.serialization`), in files that are guarded by the same check sums.
``spdkit fit`` writes it; ``report`` and ``predict`` read it. Popularity is in [0, 100]. Of names
and titles only what the store has is kept.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from safetensors.numpy import load, save

from spdkit.common.messages import listing
from spdkit.common.parameters import SEED, TEXT, Allowed, Instance, OneOf, check_parameters
from spdkit.common.record_files import declared_facts, reading
from spdkit.evaluation.bootstrap import Difference, Score
from spdkit.evaluation.metrics import CLASS_NAMES

FILES = ("record.json", "test.csv", "importance.csv", "features.csv", "rows.safetensors")
Files = dict[str, bytes]


@dataclass(frozen=True)
class Split:
    """Which rows trained and which tested.

    Attributes
    ----------
    protocol, about : str
        Name of the protocol, and a sentence on it.
    seed : int
    n_training, n_test : int
    n_groups_training, n_groups_test : int or None
        Such as artists; None when there are no groups.
    """

    protocol: str
    about: str
    seed: int
    n_training: int
    n_test: int
    n_groups_training: int | None = None
    n_groups_test: int | None = None


@dataclass(frozen=True)
class ModelRecord:
    """What ``spdkit fit`` knows of a model.

    Attributes
    ----------
    created : str
        UTC, ISO 8601.
    command : str
        That made it.
    task : {"regression", "classification"}
    preset : str
        One of `spdkit.popularity.models.presets.PRESETS`.
    target : str
        Column of the labels.
    thresholds : (float, float)
        Where the classes medium and high begin.
    store, labels : str
        Names of the files; `labels` is empty when the store has them itself.
    groups : str or None
        Column whose values no split parted, such as ``artist_id``.
    extractors : dict
        Name -> ``{"version": …, "modality": …, "parameters": {…}}`` as in the store.
    losses : tuple of str
        What was left out of the data and why, a line each.
    packages : dict
    split : Split
    seconds : dict of str to float
        CPU time of each model's fit; the model itself is ``model``.
    scores : dict of str to dict of str to Score
        On test rows: model -> metric -> score. First ``model``, then the baselines by their keys
        in `spdkit.popularity.models.baselines.TITLES`.
    differences : dict of str to Difference
        Baseline -> `headline` metric of the model less that of the baseline, on the same rows.
    headline : str
        ``mae`` or ``f1_macro``.
    test : DataFrame, indexed by track_id
        Of every test row: ``y``; ``group``, ``title`` and ``artist`` where the store has them;
        ``predicted``, ``low``, ``high`` (regression); ``class`` (0, 1, 2), ``p_low``, ``p_medium``,
        ``p_high`` (where known).
    importance : DataFrame
        Columns level ("modality", "family", "feature"), name, increase, low, high: by how much the
        loss (MAE in points, or cross-entropy) on test rows rises when these columns are shuffled.
    features : DataFrame, indexed by the feature's name
        modality, family, low and high (the range in training rows), in the order of the model.
    training_X : DataFrame, training_y : Series
        A sample of training rows: what novelty and explanations are relative to.
    test_code : ndarray of float32, shape (n_test, n_code)
        The model's code of every test row, in the order of `test`.
    """

    created: str
    command: str
    task: str
    preset: str
    target: str
    thresholds: tuple[float, float]
    store: str
    labels: str
    groups: str | None
    extractors: dict[str, dict[str, Any]]
    losses: tuple[str, ...]
    packages: dict[str, str]
    split: Split
    seconds: dict[str, float]
    scores: dict[str, dict[str, Score]]
    differences: dict[str, Difference]
    headline: str
    test: pd.DataFrame
    importance: pd.DataFrame
    features: pd.DataFrame
    training_X: pd.DataFrame
    training_y: pd.Series
    test_code: NDArray[np.float32]


_ROWS = ("training_X", "training_y", "test_code")
_TEST_NUMBERS = ("y", "predicted", "low", "high", "p_low", "p_medium", "p_high")
_ALLOWED: dict[str, Allowed] = {
    "task": OneOf("regression", "classification"),
    "headline": OneOf("mae", "f1_macro"),
    "seed": SEED,
}
_EXTRACTOR: dict[str, Allowed] = {
    "version": TEXT,
    "modality": TEXT,
    "parameters": Instance(dict),
}
_TABLES = ("test", "importance", "features", "training_X", "training_y", "test_code")


def to_files(record: ModelRecord) -> Files:
    """The record as files, by their names."""
    facts = {name: value for name, value in vars(record).items() if name not in _TABLES}
    text = json.dumps(facts, indent=1, ensure_ascii=False, default=asdict)
    rows: dict[str, NDArray[Any]] = {
        "training_X": np.ascontiguousarray(record.training_X, dtype=np.float64),
        "training_y": np.ascontiguousarray(record.training_y, dtype=np.float64),
        "test_code": np.ascontiguousarray(record.test_code, dtype=np.float32),
    }
    return {
        "record.json": f"{text}\n".encode(),
        "test.csv": record.test.to_csv(index_label="track_id").encode(),
        "importance.csv": record.importance.to_csv(index=False).encode(),
        "features.csv": record.features.to_csv(index_label="name").encode(),
        "rows.safetensors": save(rows),
    }


def from_files(files: Files) -> ModelRecord:
    """Undo `to_files`.

    Raises
    ------
    RecordError
        Naming the file that is not as written.
    """
    with reading("record.json"):
        facts = _facts(json.loads(files["record.json"]))
    with reading("test.csv"):
        test = _table(files["test.csv"], ["track_id"], optional=_TEST_NUMBERS)
        if "class" in test:
            if not test["class"].isin(range(len(CLASS_NAMES))).all():
                raise ValueError("there are other classes than 0, 1, 2")
            test["class"] = test["class"].astype(np.int64)
    with reading("importance.csv"):
        importance = _table(files["importance.csv"], ["level", "name"], ["increase", "low", "high"])
    with reading("features.csv"):
        features = _table(files["features.csv"], ["name", "modality", "family"], ["low", "high"])
        if features["name"].duplicated().any():
            raise ValueError("a feature stands twice")
    with reading("rows.safetensors"):
        rows = _rows(load(files["rows.safetensors"]), len(features))
    return ModelRecord(
        **facts,
        test=test.set_index("track_id"),
        importance=importance,
        features=features.set_index("name"),
        training_X=pd.DataFrame(rows["training_X"], columns=features["name"]),
        training_y=pd.Series(rows["training_y"], name=facts["target"]),
        test_code=rows["test_code"],
    )


def _facts(content: Any) -> dict[str, Any]:
    """Everything in ``record.json``, as `ModelRecord` declares it."""
    facts = declared_facts(ModelRecord, content, _TABLES)
    check_parameters(facts | {"seed": facts["split"].seed}, _ALLOWED)
    for name, described in facts["extractors"].items():
        if lacking := sorted(_EXTRACTOR.keys() - described.keys()):
            raise ValueError(f"extractors.{name} lacks {listing(lacking, quote=True)}")
        check_parameters(described, _EXTRACTOR)
    return facts


def _table(
    content: bytes, texts: list[str], numbers: Sequence[str] = (), optional: Sequence[str] = ()
) -> pd.DataFrame:
    """Columns of a CSV: texts and numbers that it must have, and numbers that it may have."""
    kinds = dict.fromkeys((*texts, "group", "title", "artist"), str)
    table = pd.read_csv(io.BytesIO(content), dtype=kinds, keep_default_na=False, na_values=[""])
    missing = [name for name in (*texts, *numbers) if name not in table]
    if missing:
        raise ValueError(f"there is no column {listing(missing, quote=True)}")
    there = [name for name in (*numbers, *optional) if name in table]
    # Names may be empty; what songs are called may be unknown.
    return table.fillna(dict.fromkeys(texts, "")).astype(dict.fromkeys(there, np.float64))


def _rows(rows: Mapping[str, NDArray[Any]], n_features: int) -> dict[str, NDArray[Any]]:
    with np.errstate(over="ignore"):
        # Stores hold float32, and larger numbers would be infinite in the middle of a prediction.
        X, y, code = (rows[name].astype(np.float32) for name in _ROWS)
    if X.ndim != 2 or X.shape[1] != n_features or y.shape != (len(X),) or code.ndim != 2:
        raise ValueError(
            f"the shapes are {X.shape}, {y.shape}, {code.shape}, of {n_features} features"
        )
    if np.isinf(X).any() or not (np.isfinite(y).all() and np.isfinite(code).all()):
        raise ValueError("there are infinite or missing numbers")
    return dict(rows)
