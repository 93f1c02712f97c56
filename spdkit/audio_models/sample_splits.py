"""Splits of songs, or of their samples, and models of plays that are scored on them.

Conventions
-----------
A row is what is predicted and scored: a song (``"song"``), or one of its samples (``"segment"``).

=============  ====================================================================================
``song``       No song, and no group of songs such as the excerpts of a track, is on both sides.
``segment``    Rows are samples, drawn at random, as in the paper: a song stands on both sides, so
               that a net can know it again. It shows what that is worth, and nothing else.
=============  ====================================================================================

Errors are in standardised units: plays less the mean of the rows that trained, over their
deviation. The mean itself has a squared error of 1 on these, by construction; on test rows it is
computed, and stands beside every model's. Intervals are of resamples of whole groups, or songs.

Reference: Salitrik and Takasawa (2018), whose MSE is over 10 % of the samples.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.base import clone

from spdkit.audio_models.play_counts import PlayCountRegressor, numeric_plays
from spdkit.audio_models.samples import Excerpt, Index, Song, as_songs, n_samples, name_of
from spdkit.common.errors import ParameterError
from spdkit.common.parameters import OneOf, Whole, check_parameters
from spdkit.evaluation.bootstrap import Score, error_reduction, evaluate_regression
from spdkit.evaluation.splits import Fold, ProtocolError, artist_split, paper_split

Kind = Literal["song", "segment"]


@dataclass(frozen=True)
class SampleSplit:
    """Rows, and which of them train and test.

    Attributes
    ----------
    kind : {"song", "segment"}
    rows : tuple of Song
        Songs, or samples as songs of their own.
    song : ndarray of int, shape (n_rows,)
        Number of the song that a row is, or is of, among those that were split.
    groups : ndarray, shape (n_rows,)
        Of each row's song; its number where there are none.
    folds : tuple of Fold
        Rows that train, and rows that test (``validation``).
    n_songs : int
        That were split.
    left_out : tuple of str
        Songs that are shorter than a sample, by id or number.
    """

    kind: Kind
    rows: tuple[Song, ...] = field(repr=False)
    song: Index = field(repr=False)
    groups: NDArray[Any] = field(repr=False)
    folds: tuple[Fold, ...] = field(repr=False)
    n_songs: int
    left_out: tuple[str, ...] = ()


def sample_split(
    songs: Any,
    time_steps: int,
    *,
    kind: Kind = "song",
    groups: ArrayLike | None = None,
    k: int | None = None,
    test_share: float = 0.1,
    seed: int = 0,
) -> SampleSplit:
    """Split songs, or their samples.

    Parameters
    ----------
    songs : sequence of songs
        As `PlayCountRegressor` takes them.
    time_steps : int
        Clips a sample.
    kind : {"song", "segment"}
    groups : array-like, shape (n_songs,), optional
        Such as the track of each excerpt; they stay together when songs are split.
    k : int, optional
        Folds, at least 2: each row tests once. If not given, one fold with `test_share` to test.
    test_share : float
        In (0, 1); the paper's is 0.1.
    seed : int

    Raises
    ------
    ProtocolError
        When there are too few songs, samples or groups.
    ParameterError
        When these are no songs, or a parameter is not what it may be.
    """
    settings = {"kind": kind, "time_steps": time_steps}
    check_parameters(settings, {"kind": OneOf(*get_args(Kind)), "time_steps": Whole()})
    whole = as_songs(songs)
    names = np.arange(len(whole)) if groups is None else np.asarray(groups)
    if names.shape != (len(whole),):
        raise ParameterError(f"groups has shape {names.shape}, there are {len(whole)} songs")
    counts = n_samples(whole, time_steps)
    usable = np.flatnonzero(counts)
    if kind == "song":
        song, rows = usable, [whole[i] for i in usable]
    else:
        song = np.repeat(np.arange(len(whole)), counts)
        rows = [
            Excerpt(whole[i], start * time_steps, time_steps, name_of(whole[i], int(i)))
            for i in usable
            for start in range(counts[i])
        ]
    share = 0.0 if k is not None else test_share
    if kind == "song" and groups is not None:
        splits = artist_split(names[song], k=k, test_share=share, seed=seed)
    else:
        splits = paper_split(len(rows), k=k, test_share=share, seed=seed)
    folds = splits.folds if k is not None else (Fold(splits.development, splits.test),)
    if not len(folds[0].validation):
        raise ProtocolError(f"test_share={test_share:g} leaves no rows to test")
    short = tuple(name_of(whole[i], int(i)) for i in np.flatnonzero(counts == 0))
    return SampleSplit(kind, tuple(rows), song, names[song], folds, len(whole), short)


@dataclass(frozen=True)
class PlayEvaluation:
    """A model of plays, scored.

    Attributes
    ----------
    mse, mean_mse : Score
        Mean squared errors of the model, and of the mean of the rows that trained, over all test
        rows, in standardised units.
    reduction : Score
        The share by which the model's lies below the mean's.
    rows : DataFrame
        A test row each: number of the fold, the row and its song, its group, and ``plays`` and
        ``predicted``, standardised; the mean is 0.
    history : DataFrame
        Of `PlayCountRegressor`: its learning curves, with the fold; otherwise empty.
    """

    mse: Score
    mean_mse: Score
    reduction: Score
    rows: pd.DataFrame = field(repr=False)
    history: pd.DataFrame = field(repr=False)

    @property
    def songs(self) -> pd.DataFrame:
        """Squared errors by song: ``group``, ``n_rows``, ``mse`` and ``mean_mse``."""
        squares = self.rows.assign(
            mse=(self.rows["plays"] - self.rows["predicted"]) ** 2, mean_mse=self.rows["plays"] ** 2
        )
        by_song = squares.groupby("song")
        return by_song.agg(
            group=("group", "first"),
            n_rows=("row", "size"),
            mse=("mse", "mean"),
            mean_mse=("mean_mse", "mean"),
        )


def evaluate(
    model: Any,
    split: SampleSplit,
    plays: ArrayLike,
    X: Any = None,
    *,
    curves: bool = False,
    n_resamples: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> PlayEvaluation:
    """Fit a model on the rows of each fold that train, and score it on those that test.

    Parameters
    ----------
    model : estimator
        A copy of it is fitted a fold.
    split : SampleSplit
    plays : array-like, shape (n_songs,)
        Of all songs that were split.
    X : array-like or DataFrame, shape (n_rows, n_features), optional
        Inputs of another estimator, one for each of the split's rows.
    curves : bool
        Whether the loss on test rows is computed after each epoch of a `PlayCountRegressor`, as
        ``watched_loss`` of `PlayEvaluation.history`. It changes nothing else.
    n_resamples, level, seed
        Of the bootstrap.

    Raises
    ------
    ParameterError
        When plays are no numbers, one a song, are equal in all rows that train, or X has another
        number of rows.
    DivergedError
        When training diverges.
    """
    everything = numeric_plays(plays, split.n_songs)
    if X is not None and len(X) != len(split.rows):
        raise ParameterError(f"X has {len(X)} rows, the split has {len(split.rows)}")
    y = everything[split.song]
    tables, histories = [], [pd.DataFrame()]
    for number, fold in enumerate(split.folds):
        mean, deviation = y[fold.training].mean(), y[fold.training].std()
        if y[fold.training].min() == y[fold.training].max():
            raise ParameterError(
                f"all {len(fold.training)} rows to learn from have {y[fold.training][0]:g} plays, "
                "which have no deviation to standardise by: give songs that differ"
            )
        fitted = clone(model)
        test = _rows(split.rows if X is None else X, fold.validation)
        extra: dict[str, Any] = {}
        if isinstance(fitted, PlayCountRegressor):
            if split.kind == "song":
                extra["groups"] = split.groups[fold.training]
            if curves:
                extra["watched"] = test, y[fold.validation]
        fitted.fit(_rows(split.rows if X is None else X, fold.training), y[fold.training], **extra)
        table = {
            "fold": number,
            "row": fold.validation,
            "song": split.song[fold.validation],
            "group": split.groups[fold.validation],
            "plays": (y[fold.validation] - mean) / deviation,
            "predicted": (np.asarray(fitted.predict(test)) - mean) / deviation,
        }
        tables.append(pd.DataFrame(table))
        if isinstance(fitted, PlayCountRegressor):
            histories.append(fitted.history_.assign(fold=number))
    rows = pd.concat(tables, ignore_index=True)
    of_mean = np.zeros(len(rows))
    settings: dict[str, Any] = {"n_resamples": n_resamples, "level": level, "seed": seed}
    settings["groups"] = rows["group"]
    mse, mean_mse = (
        evaluate_regression(rows["plays"], predicted, **settings)["mse"]
        for predicted in (rows["predicted"], of_mean)
    )
    reduction = error_reduction(rows["plays"], rows["predicted"], of_mean, **settings)
    history = pd.concat(histories, ignore_index=True)
    return PlayEvaluation(mse, mean_mse, reduction, rows, history)


def _rows(X: Any, index: Index) -> Any:
    if hasattr(X, "iloc"):
        return X.iloc[index]
    return X[index] if isinstance(X, np.ndarray) else [X[i] for i in index]
