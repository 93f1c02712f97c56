"""Predict: a saved model on songs that it never saw, a row a song, as ``spdkit predict`` does."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.base import is_classifier

from spdkit.common.files import write_text
from spdkit.common.messages import listing
from spdkit.common.record_files import RecordError
from spdkit.common.spreadsheet import for_spreadsheet
from spdkit.evaluation.metrics import CLASS_NAMES
from spdkit.popularity.models.base import CodeEstimator
from spdkit.popularity.models.hitmusicnet import HitMusicNetRegressor
from spdkit.popularity.models.serialization import ModelError, load_with_files
from spdkit.popularity.novelty import novelty, outside_range
from spdkit.popularity.predictions import predict, prediction_columns
from spdkit.popularity.record import FILES, ModelRecord, from_files
from spdkit.popularity.shapley import contributions
from spdkit.store.dataset import require_finite
from spdkit.store.feature_store import FeatureStore
from spdkit.store.provenance import MatchError, require_same

_BACKGROUND = 100  # training songs that stand for "any song" in explanations


def load(folder: str | os.PathLike[str]) -> tuple[CodeEstimator, ModelRecord]:
    """A model that ``spdkit fit`` saved, and its record.

    Raises
    ------
    ModelError
        When the folder holds no such model, or one that was changed.
    """
    model, files = load_with_files(folder, FILES)
    try:
        record = from_files(files)
        _require_fit(model, record)
    except RecordError as error:
        raise ModelError(f"{Path(folder)}: the record is not what was written: {error}") from error
    return model, record


def _require_fit(model: CodeEstimator, record: ModelRecord) -> None:
    names = getattr(model, "feature_names_in_", None)
    if names is None or list(names) != list(record.features.index):
        raise RecordError("features.csv: these are not the model's features")
    if is_classifier(model) != (record.task == "classification"):
        raise RecordError(f"record.json: {record.task} is not the model's task")


def predict_store(
    model: CodeEstimator,
    record: ModelRecord,
    store: FeatureStore,
    track_ids: Sequence[str] | None = None,
    *,
    explained: bool = False,
) -> pd.DataFrame:
    """Predictions for the songs of a store, the likeliest hits first.

    Parameters
    ----------
    model, record
        From `load`.
    store : FeatureStore
        With the model's features.
    track_ids : sequence of str, optional
        Which of its songs; all by default.
    explained : bool
        Whether to add ``push_`` columns: by how many points of popularity (of a classifier: by how
        much probability of class high) each modality moves a song from the mean of training songs.

    Returns
    -------
    DataFrame, indexed by track_id
        predicted, low, high (regression); class (a name), p_low, p_medium, p_high where they are
        known; distance, outside_range (`spdkit.popularity.novelty`); the pushes; note: why there is
        no prediction, or what it is made without that no training song was without, otherwise
        empty. Songs without features come last.

    Raises
    ------
    MatchError
        When the store's features are not the model's, or it lacks one of the tracks.
    DatasetError
        When features are infinite.
    """
    features = _matched(store, record, track_ids)
    reasons = _reasons(store, record, features)
    X = features[reasons == ""]
    table = pd.DataFrame(index=X.index)
    if len(X):
        predictions = predict(model, X, record.thresholds)
        table = table.assign(**prediction_columns(predictions))
        table["class"] = np.array(CLASS_NAMES, dtype=object)[predictions.classes]
        table["distance"] = novelty(X, record.training_X)
        table["outside_range"] = outside_range(X, record.features["low"], record.features["high"])
        if explained:
            table = table.join(_contributions(model, record, X))
        order = "predicted" if "predicted" in table else "p_high"
        table = table.sort_values(order, ascending=False, kind="stable")
    table["note"] = _unseen_gaps(store, record, X)
    table = pd.concat([table, reasons[reasons != ""].rename("note").to_frame()])
    return table.rename_axis("track_id")


def _matched(
    store: FeatureStore, record: ModelRecord, track_ids: Sequence[str] | None
) -> pd.DataFrame:
    """Songs with columns as in training."""
    described, current = record.extractors, store.provenance["extractors"]
    absent = [name for name in described if name not in current]
    if absent:
        raise MatchError(
            f"{store.path}: has no features of {', '.join(map(repr, absent))}, which the model "
            f"needs; it has {', '.join(map(repr, current))}"
        )
    require_same(described, current, str(store.path))
    columns = record.features.index
    missing = list(columns.difference(store.var.index, sort=False))
    if missing:
        raise MatchError(
            f"{store.path}: lacks {len(missing)} features of the model: {listing(missing)}"
        )
    X = store.to_pandas()[list(columns)].astype("float64")
    if track_ids is not None:
        strangers = [track for track in track_ids if track not in X.index]
        if strangers:
            raise MatchError(f"{store.path}: has no track {listing(strangers, quote=True)}")
        X = X.loc[list(track_ids)]
    require_finite(X, store.path)
    return X


def _reasons(store: FeatureStore, record: ModelRecord, X: pd.DataFrame) -> pd.Series:
    """Why songs without any of the features have none; empty of others."""
    reasons = pd.Series("", index=X.index, dtype=object)
    for track_id in X.index[X.isna().all(axis=1)]:
        errors = {name: _error(store, track_id, name) for name in record.extractors}
        failures = [f"{name}: {error}" for name, error in errors.items() if error]
        reasons[track_id] = (
            "; ".join(failures) or "has nothing that the model's features are made from"
        )
    return reasons


def _unseen_gaps(store: FeatureStore, record: ModelRecord, X: pd.DataFrame) -> pd.Series:
    """What songs lack all of that every training song had some of; empty of others."""
    notes = pd.Series("", index=X.index, dtype=object)
    for name, columns in store.var.loc[X.columns].groupby("extractor").groups.items():
        if record.training_X[columns].isna().all(axis=1).any():
            continue
        for track_id in X.index[X[columns].isna().all(axis=1)]:
            error = _error(store, track_id, str(name)) or "the song has none"
            gap = f"guessed without {name}, which every training song had: {error}"
            notes[track_id] = "; ".join(filter(None, [notes[track_id], gap]))
    return notes


def _error(store: FeatureStore, track_id: str, extractor: str) -> str:
    return str(store.obs.loc[track_id, f"{extractor}_error"])


def _contributions(model: CodeEstimator, record: ModelRecord, X: pd.DataFrame) -> pd.DataFrame:
    modality = record.features["modality"]
    groups = {str(name): list(rows.index) for name, rows in modality.groupby(modality)}
    background = record.training_X.sample(
        min(_BACKGROUND, len(record.training_X)), random_state=record.split.seed
    )

    def popularity(songs: pd.DataFrame) -> np.ndarray:
        """Points of popularity, or of a classifier the probability of class high."""
        if isinstance(model, HitMusicNetRegressor):
            return model.predict(songs)
        return np.asarray(model.predict_proba(songs)[:, -1])

    table = contributions(popularity, X, background, groups)
    return table.drop(columns="base").add_prefix("push_")


def write(
    table: pd.DataFrame, path: str | os.PathLike[str], *, spreadsheet_safe: bool = False
) -> None:
    """Write predictions as CSV, whole or not at all; see `spdkit.common.spreadsheet`."""
    cells = for_spreadsheet(table.reset_index(), safe=spreadsheet_safe)
    write_text(path, cells.to_csv(index=False, float_format="%.6g"))
