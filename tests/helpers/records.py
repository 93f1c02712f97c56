"""Records of models, for tests: fitted ones on planted data, and small ones that are made up."""

from __future__ import annotations

import functools
import time
import warnings
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import log_loss

from spdkit.evaluation import splits
from spdkit.evaluation.bootstrap import Difference, Score, paired_bootstrap
from spdkit.popularity import predictions
from spdkit.popularity.labels import classify
from spdkit.popularity.models import baselines
from spdkit.popularity.models.hitmusicnet import HitMusicNetClassifier, HitMusicNetRegressor
from spdkit.popularity.record import ModelRecord, Split
from spdkit.synthetic.popularity import planted_table

THRESHOLDS = (35.0, 62.0)
FAMILIES = {
    "tempo": ("audio", "beat"),
    "lead_slope": ("audio", "lead"),
    "choruses": ("lyrics", "form"),
    "vocabulary": ("lyrics", "words"),
    "log_followers": ("metadata", "fame"),
}
EXTRACTORS = {
    "audio": {"version": "1.2", "modality": "audio", "parameters": {"sr": 44100, "n_mfcc": 40}},
    "lyrics": {"version": "1.0", "modality": "lyrics", "parameters": {"mu": 0.75}},
    "metadata": {"version": "1.0", "modality": "metadata", "parameters": {"columns": ["a", "b"]}},
}


@dataclass(frozen=True)
class Fitted:
    """A record, and the losses of the model that it is of."""

    record: ModelRecord
    history: pd.DataFrame


@functools.cache
def fitted(task: str = "regression", preset: str = "1-B", n_songs: int = 800) -> Fitted:
    """Of a model that was really fitted, on causes that the demo plants and columns of noise."""
    data = _features(n_songs)
    X, y, artists = data.X, data.y, data.artists
    classes = classify(y, THRESHOLDS)
    rows = splits.split("artist", n_songs, classes=classes, groups=artists, seed=1)
    training, test = rows.development, rows.test
    target = y if task == "regression" else classes
    models: dict[str, Any] = {"model": _estimator(task, preset)}
    models |= baselines.regressors() if task == "regression" else baselines.classifiers()
    said, seconds = {}, {}
    for name, model in models.items():
        began = time.process_time()
        fit = {"groups": artists[training]} if name == "model" else {}
        model.fit(X.iloc[training], target[training], **fit)
        seconds[name] = time.process_time() - began
        said[name] = predictions.predict(model, X.iloc[test], THRESHOLDS)
    scores = {
        name: predictions.scores(y[test], p, artists[test], THRESHOLDS, n_resamples=300)
        for name, p in said.items()
    }
    headline = predictions.headline(scores["model"])
    truth = y[test] if headline == "mae" else classes[test]
    answers = {n: p.values if headline == "mae" else p.classes for n, p in said.items()}
    record = ModelRecord(
        created="2026-02-03T04:05:06+00:00",
        command=f"spdkit fit songs.h5 --labels labels.csv --task {task} --preset {preset} -o model",
        task=task,
        preset=preset,
        target="popularity",
        thresholds=THRESHOLDS,
        store="songs.h5",
        labels="labels.csv",
        groups="artist_id",
        extractors=EXTRACTORS,
        losses=(
            f"{n_songs} rows of {n_songs + 12} tracks and {n_songs} labels",
            "tracks without a label, left out: 12 (song-a.wav, song-b.wav, …)",
        ),
        packages={"spdkit": "0.1.0", "torch": "2.13.0", "scikit-learn": "1.9.1"},
        split=Split(
            "artist",
            rows.about,
            1,
            len(training),
            len(test),
            len(set(artists[training])),
            len(set(artists[test])),
        ),
        seconds=seconds,
        scores=scores,
        differences={
            name: paired_bootstrap(
                truth, answers["model"], answer, headline, artists[test], n_resamples=300
            )
            for name, answer in answers.items()
            if name != "model"
        },
        headline=headline,
        test=_said(data.names.iloc[test], y[test], said["model"]),
        importance=_importance(models["model"], data, test, task),
        features=data.features,
        training_X=X.iloc[training],
        training_y=pd.Series(y[training], name="popularity"),
        test_code=models["model"].transform(X.iloc[test]).astype(np.float32),
    )
    return Fitted(record, models["model"].history_)


@dataclass(frozen=True)
class _Data:
    X: pd.DataFrame
    y: Any
    artists: Any
    names: pd.DataFrame
    features: pd.DataFrame


def _features(n_songs: int) -> _Data:
    table = planted_table(n_songs)
    noise = np.random.default_rng(0).normal(size=(n_songs, 12))
    X = table[list(FAMILIES)].assign(
        **{f"mfcc_mean_{i}": noise[:, i] for i in range(8)},
        **{f"tag: indie <b>pop</b> & such, number {i} of four": noise[:, 8 + i] for i in range(4)},
    )
    origin = [
        FAMILIES.get(n, ("audio", "mfcc") if n[0] == "m" else ("metadata", "tags")) for n in X
    ]
    features = pd.DataFrame(origin, columns=["modality", "family"], index=X.columns)
    features = features.rename_axis("name").assign(low=X.min(), high=X.max())
    # Stretched, so that all classes have some hundred songs.
    y = np.clip(50 + 1.5 * (table["popularity"].to_numpy() - 50), 0, 100).round(1)
    names = pd.DataFrame(
        {
            "group": table["artist_id"],
            "title": [f"Song number {i} & a half" for i in range(n_songs)],
            "artist": table["artist_id"].str.replace("-", " ").str.title(),
        }
    ).set_index(table["track_id"])
    return _Data(X, y, table["artist_id"].to_numpy(), names, features)


def _estimator(task: str, preset: str) -> Any:
    kind = HitMusicNetRegressor if task == "regression" else HitMusicNetClassifier
    own = {"batch_size": 64, "random_state": 0}
    if preset == "spdkit":
        return kind.from_preset(preset, **own, max_epochs=12, refits=2, n_hidden=32)
    # With noise in three columns of four, a code of a fifth keeps nothing.
    return kind.from_preset(preset, **own, max_epochs=30, delta=1.0, dropout=0.0)


def _said(names: pd.DataFrame, y: Any, said: predictions.Predictions) -> pd.DataFrame:
    found = names.assign(y=y)
    if said.values is not None:
        found["predicted"] = said.values
    if said.interval is not None:
        found["low"], found["high"] = said.interval.T
    found["class"] = said.classes
    if said.probabilities is not None:
        found["p_low"], found["p_medium"], found["p_high"] = said.probabilities.T
    return found


def _importance(model: Any, data: _Data, test: Any, task: str) -> pd.DataFrame:
    """By shuffling once; the ends of the interval are a normal's."""
    X, y = data.X.iloc[test].reset_index(drop=True), data.y[test]
    rng = np.random.default_rng(0)

    def loss(songs: pd.DataFrame) -> Any:
        if task == "regression":
            return np.abs(y - model.predict(songs))
        chosen = model.predict_proba(songs)[np.arange(len(y)), classify(y, THRESHOLDS)]
        return -np.log(chosen)

    before, found = loss(X), []
    if task == "classification":
        p = model.predict_proba(X)
        np.testing.assert_allclose(before.mean(), log_loss(classify(y, THRESHOLDS), p))
    own = data.features.assign(feature=data.features.index)
    for level in ("modality", "family", "feature"):
        for name, columns in own.groupby(level, sort=False).groups.items():
            other = X.copy()
            other[list(columns)] = X[list(columns)].iloc[rng.permutation(len(X))].to_numpy()
            with warnings.catch_warnings():
                # Shuffled, a column can miss values where its fellows have some.
                warnings.filterwarnings("ignore", message=".* in a way they did not in training")
                rise = loss(other) - before
            mean, error = rise.mean(), 2 * rise.std() / np.sqrt(len(rise))
            found.append((level, name, mean, mean - error, mean + error))
    return pd.DataFrame(found, columns=["level", "name", "increase", "low", "high"])


def small(n: int = 3, task: str = "regression", **changes: Any) -> Fitted:
    """Made up, with nothing in it that a record may lack."""
    rng = np.random.default_rng(0)
    y = rng.uniform(0, 100, n).round(1)
    ids = pd.Index([f"song-{i}.mp3" for i in range(n)], name="track_id")
    test = pd.DataFrame({"y": y, "class": np.arange(n) % 3}, index=ids)
    if task == "regression":
        test.insert(1, "predicted", rng.uniform(0, 100, n))
    nan = float("nan")
    headline = "mae" if task == "regression" else "f1_macro"
    names = {"regression": ("mae", "r2"), "classification": ("f1_macro", "accuracy")}[task]
    record = ModelRecord(
        created="2026-02-03T04:05:06+00:00",
        command="spdkit fit songs.h5 -o model",
        task=task,
        preset="1-A",
        target="popularity",
        thresholds=(25.0, 65.0),
        store="songs.h5",
        labels="",
        groups=None,
        extractors={},
        losses=(),
        packages={},
        split=Split("paper", "test rows drawn at random", 0, 10, n),
        seconds={},
        scores={"model": {name: Score(nan, nan, nan, 1000) for name in names}},
        differences={},
        headline=headline,
        test=test,
        importance=pd.DataFrame(columns=["level", "name", "increase", "low", "high"]),
        features=pd.DataFrame(columns=["modality", "family", "low", "high"]),
        training_X=pd.DataFrame(index=range(4)),
        training_y=pd.Series([1.0, 30.0, 60.0, 90.0], name="popularity"),
        test_code=np.zeros((n, 2), dtype=np.float32),
    )
    history = pd.DataFrame(
        {"net": "popularity", "epoch": [1, 2], "loss": [0.3, 0.2], "val_loss": [0.25, 0.26]}
    )
    return Fitted(replace(record, **changes), history)


def score(value: float, spread: float = 0.1) -> Score:
    """With an interval about it."""
    return Score(value, value - spread, value + spread)


def difference(value: float, spread: float = 0.1, p: float = 0.01) -> Difference:
    """With an interval about it."""
    return Difference(value, value - spread, value + spread, p=p)
