"""Cross-validation: models fitted on the training rows of a protocol, scored on the others.

Conventions
-----------
* **validation** is every row that a fold held out, predicted by the model of that fold; **test** is
  the protocol's test rows, predicted by a model fitted on all development rows. Rows that decide
  when to stop, and calibrate, are taken by the estimator from its training rows.
* Groups, such as artists, are kept together inside `fit` when the protocol keeps them together, and
  not otherwise: intervals are true of rows drawn as the calibration rows were. Bootstrap intervals
  go by groups whenever there are any.
* ``reference`` fits scaler and autoencoder on all rows and goes on with the weights of one fold in
  the next; the last one's model tests. Baselines have no such weights, and run as in ``paper``.
* Every difference is paired: the first model less the other, on the same rows.
* Another than the first that these songs are too few for is left out, and told once.

Reference: Martín-Gutiérrez et al. (2020), section VI.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.base import is_classifier
from sklearn.pipeline import Pipeline

from spdkit.common.errors import SpdkitError, SpdkitWarning
from spdkit.common.progress import progress_bar
from spdkit.evaluation.bootstrap import Difference, Score, paired_bootstrap
from spdkit.evaluation.metrics import CLASS_NAMES
from spdkit.evaluation.splits import ProtocolError, Splits
from spdkit.nets.training import DivergedError
from spdkit.popularity.labels import PAPER_THRESHOLDS, check_thresholds, classify
from spdkit.popularity.models.base import CodeEstimator
from spdkit.popularity.models.baselines import TITLES, shortage
from spdkit.popularity.predictions import Predictions, headline, predict, scores

Index = NDArray[np.intp]
Maker = Callable[[], Any]


class FitError(SpdkitError, ValueError):
    """Songs that a model cannot be fitted on."""


def left_out(name: str, error: FitError) -> str:
    """Warn of a model that others go on without, and return what was said."""
    needs = shortage(name, error)
    reason = f"it needs {needs}" if needs else str(error)
    remark = f"{TITLES.get(name, name)} is left out: {reason}"
    warnings.warn(remark, SpdkitWarning, stacklevel=3)
    return remark


@dataclass(frozen=True)
class Songs:
    """Rows to learn from and to score.

    Attributes
    ----------
    X : DataFrame, shape (n_rows, n_features)
    y : ndarray, shape (n_rows,)
        Popularity in [0, 100].
    groups : ndarray or None, shape (n_rows,)
    thresholds : (float, float)
        Where the classes medium and high begin.

    Raises
    ------
    FitError
        When there are not as many labels, or groups, as rows of X.
    PopularityError
        When the thresholds do not rise.
    """

    X: pd.DataFrame
    y: NDArray[np.float64]
    groups: NDArray[Any] | None = None
    thresholds: tuple[float, float] = PAPER_THRESHOLDS

    def __post_init__(self) -> None:
        check_thresholds(self.thresholds)
        for name, values in (("y", self.y), ("groups", self.groups)):
            if values is not None and np.shape(values) != (len(self.X),):
                shape = np.shape(values)
                raise FitError(f"{name} has shape {shape}, and X has {len(self.X)} rows")

    def rows(self, index: Index) -> Songs:
        """Some of the rows."""
        groups = None if self.groups is None else self.groups[index]
        return Songs(self.X.iloc[index], self.y[index], groups, self.thresholds)

    @property
    def n_groups(self) -> int | None:
        """How many groups there are; None without groups."""
        return None if self.groups is None else len(np.unique(self.groups))


@dataclass(frozen=True)
class FoldResult:
    """One model on one fold; `fold` is None for the model of all development rows.

    Attributes
    ----------
    fold : int or None
        From 0.
    seconds : float
        CPU time of `fit`.
    training, validation, test : Predictions or None
        Of these rows, in the order of the splits. None where there are no such rows,
        or where a model of all development rows does not need them.
    """

    fold: int | None
    seconds: float
    training: Predictions | None
    validation: Predictions | None
    test: Predictions | None


@dataclass(frozen=True)
class Evaluation:
    """Models compared.

    Attributes
    ----------
    splits : str
        What was trained and tested on.
    headline : str
        The metric of `differences`.
    seconds : dict of str to float
        CPU time of all fits of each model.
    scores : dict
        Model -> "validation" or "test" -> metric -> Score.
    differences : dict
        Model -> "validation" or "test" -> the first model's metric less its own.
    """

    splits: str
    headline: str
    seconds: dict[str, float]
    scores: dict[str, dict[str, dict[str, Score]]]
    differences: dict[str, dict[str, Difference]]


def fit_model(model: Any, songs: Songs, *, together: bool) -> float:
    """Fit on popularity, or on its classes, and return the CPU time in seconds.

    Parameters
    ----------
    model : estimator
        A classifier learns the classes of `songs.thresholds`.
    songs : Songs
    together : bool
        Whether rows held out inside `fit` are held out by groups.

    Raises
    ------
    FitError
        When these songs do not suffice, or training diverges.
    """
    y = classify(songs.y, songs.thresholds) if is_classifier(model) else songs.y
    if is_classifier(model) and len(y) and y.min() == y.max():
        raise FitError(
            f"all {len(y)} songs to learn from are of class {CLASS_NAMES[y[0]]}: their labels lie "
            f"in [{songs.y.min():g}, {songs.y.max():g}], medium begins at {songs.thresholds[0]:g} "
            f"and high at {songs.thresholds[1]:g}. Give other thresholds (--thresholds), or say "
            "what the labels can be (--target-range)"
        )
    start = time.process_time()
    try:
        if isinstance(model, CodeEstimator):
            model.fit(songs.X, y, groups=songs.groups if together else None)
        else:
            model.fit(songs.X, y)
    except (ValueError, DivergedError) as error:
        name = type(model[-1] if isinstance(model, Pipeline) else model).__name__
        raise FitError(f"{name} cannot be fitted on {len(y)} songs: {error}") from error
    return time.process_time() - start


def folds_of(make: Maker, songs: Songs, splits: Splits) -> Iterator[FoldResult]:
    """One model through the folds, and then on all development rows.

    Yields
    ------
    FoldResult
        Of each fold in turn; then, unless weights are carried, of all development rows.

    Raises
    ------
    ProtocolError
        When the protocol carries weights and the model is not one of the paper's.
    """
    carried = _carried(make, songs, splits)
    together = splits.protocol == "artist"
    for i, fold in enumerate(splits.folds):
        model = make() if carried is None else carried
        seconds = fit_model(model, songs.rows(fold.training), together=together)
        parts = (fold.training, fold.validation, splits.test)
        yield FoldResult(i, seconds, *(_predicted(model, songs, rows) for rows in parts))
    if carried is None and len(splits.test):
        model = make()
        seconds = fit_model(model, songs.rows(splits.development), together=together)
        yield FoldResult(None, seconds, None, None, _predicted(model, songs, splits.test))


def _carried(make: Maker, songs: Songs, splits: Splits) -> CodeEstimator | None:
    """The model whose scaler and autoencoder know all rows, if the protocol has one."""
    if not splits.leaky:
        return None
    model = make()
    if not isinstance(model, CodeEstimator):
        return None
    if model.net != "two_stage":
        raise ProtocolError(
            f"the protocol {splits.protocol!r} is about the paper's networks (1-A … 3-D): "
            f"net={model.net!r} has no autoencoder of its own to fit on all rows"
        )
    return model.set_params(warm_start=True).fit_code(songs.X)  # type: ignore[no-any-return]


def _predicted(model: Any, songs: Songs, rows: Index) -> Predictions | None:
    return predict(model, songs.X.iloc[rows], songs.thresholds) if len(rows) else None


def evaluate(
    makers: Mapping[str, Maker],
    songs: Songs,
    splits: Splits,
    *,
    n_resamples: int = 1000,
    progress: bool = False,
) -> Evaluation:
    """Run every model through a protocol and compare the first with the others.

    Parameters
    ----------
    makers : mapping of str to callable
        Each call gives an estimator that is not fitted.
    songs : Songs
    splits : Splits
    n_resamples : int
        Of the bootstrap.
    progress : bool
        Whether to show a bar on stderr.

    Raises
    ------
    FitError
        When there is no model, or the first cannot be fitted on these songs.
    ProtocolError
        When the splits are of more rows than there are songs.

    Warns
    -----
    SpdkitWarning
        Of each other model that cannot be fitted on these songs, and is left out.
    """
    if not makers:
        raise FitError("makers is empty: there is no model to evaluate")
    n_rows = 1 + max([-1, *splits.development, *splits.test])
    if n_rows > len(songs.X):
        raise ProtocolError(f"the splits are of {n_rows} rows, and there are {len(songs.X)} songs")
    rows = {
        "validation": np.concatenate([fold.validation for fold in splits.folds]),
        "test": splits.test,
    }
    seconds: dict[str, float] = {}
    predictions: dict[str, dict[str, Predictions]] = {"validation": {}, "test": {}}
    first = next(iter(makers))
    n_fits = len(makers) * (len(splits.folds) + 1)
    with progress_bar("fitting", n_fits, shown=progress) as advance:
        for name, make in makers.items():
            results = []
            try:
                for result in folds_of(make, songs, splits):
                    results.append(result)
                    advance(False)
            except FitError as error:
                if name == first:
                    raise
                left_out(name, error)
                continue
            seconds[name] = sum(result.seconds for result in results)
            predictions["validation"][name] = _pooled([r.validation for r in results])
            if results[-1].test is not None:
                predictions["test"][name] = results[-1].test
    others = [name for name in seconds if name != first]
    evaluation = Evaluation(
        str(splits), "", seconds, {name: {} for name in seconds}, {name: {} for name in others}
    )
    for part, of_models in predictions.items():
        if of_models:
            scored, differences = compare(songs.rows(rows[part]), of_models, n_resamples)
            for name in seconds:
                evaluation.scores[name][part] = scored[name]
            for name in others:
                evaluation.differences[name][part] = differences[name]
    return replace(evaluation, headline=headline(evaluation.scores[first]["validation"]))


def _pooled(parts: list[Predictions | None]) -> Predictions:
    of_folds = [vars(part) for part in parts if part is not None]
    pooled: dict[str, Any] = {}
    for name in of_folds[0]:
        arrays = [part[name] for part in of_folds]
        pooled[name] = None if any(array is None for array in arrays) else np.concatenate(arrays)
    return Predictions(**pooled)


def compare(
    songs: Songs, predictions: Mapping[str, Predictions], n_resamples: int = 1000
) -> tuple[dict[str, dict[str, Score]], dict[str, Difference]]:
    """Score models on the same rows, and the first against each other one.

    Parameters
    ----------
    songs : Songs
    predictions : mapping of str to Predictions
        Of each model, for these songs.
    n_resamples : int
        Of the bootstrap.

    Returns
    -------
    scores : dict of str to dict of str to Score
        Model -> metric -> score.
    differences : dict of str to Difference
        Every other model -> `difference` of the first and it.
    """
    scored = {
        name: scores(songs.y, each, songs.groups, songs.thresholds, n_resamples=n_resamples)
        for name, each in predictions.items()
    }
    (_, ours), *others = predictions.items()
    return scored, {
        name: difference(songs, ours, theirs, n_resamples=n_resamples) for name, theirs in others
    }


def difference(
    songs: Songs, ours: Predictions, theirs: Predictions, *, n_resamples: int = 1000
) -> Difference:
    """The headline metric of one model less that of another, on the same rows."""
    truth: ArrayLike = songs.y
    a: ArrayLike | None = ours.values
    b: ArrayLike | None = theirs.values
    metric = "mae"
    if a is None or b is None:
        truth, a, b = classify(songs.y, songs.thresholds), ours.classes, theirs.classes
        metric = "f1_macro"
    return paired_bootstrap(truth, a, b, metric, songs.groups, n_resamples=n_resamples)
