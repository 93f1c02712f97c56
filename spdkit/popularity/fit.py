"""Fit: from a data set to a model with its record, as ``spdkit fit`` does.

Conventions: the model and the baselines learn from the same development rows and are scored on the
same test rows, which nothing was fitted on and nothing chosen by. The model that is returned is the
one that was scored.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from importlib.util import find_spec
from typing import Any, ClassVar, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sklearn.base import clone

from spdkit.common.errors import SpdkitError, SpdkitWarning
from spdkit.common.label_units import POPULARITY
from spdkit.common.messages import listing
from spdkit.common.parameters import FLAG, SEED, Allowed, Number, OneOf, check_parameters
from spdkit.common.progress import progress_bar
from spdkit.common.release_dates import RELEASE_FACTS, ReleaseDate, release_date_of
from spdkit.common.versions import installed_versions
from spdkit.evaluation.splits import PROTOCOLS, Fold, Index, Splits, split
from spdkit.popularity.cross_validation import FitError, Songs, compare, fit_model, left_out
from spdkit.popularity.labels import (
    PAPER_THRESHOLDS,
    PopularityClasses,
    classify,
    points,
    threshold_points,
)
from spdkit.popularity.models import baselines
from spdkit.popularity.models.base import CodeEstimator
from spdkit.popularity.models.hitmusicnet import HitMusicNetClassifier, HitMusicNetRegressor
from spdkit.popularity.models.presets import PRESETS, RECOMMENDED
from spdkit.popularity.permutation_importance import importance_table
from spdkit.popularity.predictions import Predictions, headline, predict, prediction_columns
from spdkit.popularity.record import ModelRecord, Split
from spdkit.store.dataset import Dataset
from spdkit.store.feature_store import FeatureStore

TASKS = ("regression", "classification")
_FEWEST_SHUFFLED = 2  # rows
_SAMPLE = 2000  # training rows that the record holds, for novelty and explanations
_PACKAGES = ("spdkit", "numpy", "scikit-learn", "torch")


@dataclass(frozen=True)
class FitSettings:
    """What to fit, and on which rows.

    Attributes
    ----------
    task : {"regression", "classification"}
    preset : str
        One of `spdkit.popularity.models.presets.PRESETS`.
    protocol : {"paper", "artist", "time"}
    test_share : float
        Of the rows, at least as many as it takes for two artists.
    target_range : (float, float)
        What labels can be. They are learned, and predicted, as `in_points` has them.
    thresholds : (float, float), "quartiles" or None
        Where the classes medium and high begin, in the unit of the labels; None for 25 and 65
        hundredths of `target_range`; "quartiles" are those of the development rows.
    balanced : bool
        Whether classes count alike, however rare: more hits are found, and more false alarms.
    compared : bool
        Whether to fit the baselines, too.
    explained : bool
        Whether to measure the importance of features.
    seed : int
    """

    task: str = "regression"
    preset: str = RECOMMENDED
    protocol: str = "artist"
    test_share: float = 0.2
    target_range: tuple[float, float] = POPULARITY
    thresholds: tuple[float, float] | str | None = None
    balanced: bool = False
    compared: bool = True
    explained: bool = True
    seed: int = 0

    _parameter_constraints: ClassVar[dict[str, Allowed]] = {
        "task": OneOf(*TASKS),
        "preset": OneOf(*PRESETS),
        "protocol": OneOf(*PROTOCOLS),
        "test_share": Number(0, 1, closed="low"),
        "balanced": FLAG,
        "compared": FLAG,
        "explained": FLAG,
        "seed": SEED,
    }

    def __post_init__(self) -> None:
        check_parameters(vars(self), self._parameter_constraints)
        threshold_points(self.thresholds, self.target_range)
        if self.balanced and self.task == "regression":
            raise SpdkitError("classes can be balanced in classification only")

    @property
    def cuts(self) -> tuple[float, float] | str:
        """The thresholds in points of 0 to 100, or "quartiles"."""
        return threshold_points(self.thresholds, self.target_range)


def model_maker(settings: FitSettings, *, verbose: bool = False) -> Callable[[], CodeEstimator]:
    """What makes the model, not fitted."""
    parameters: dict[str, Any] = {"random_state": settings.seed, "verbose": verbose}
    if settings.task == "regression":
        return partial(HitMusicNetRegressor.from_preset, settings.preset, **parameters)
    parameters["class_weight"] = "balanced" if settings.balanced else None
    return partial(HitMusicNetClassifier.from_preset, settings.preset, **parameters)


def baseline_makers(settings: FitSettings) -> Mapping[str, Callable[[], Any]]:
    """What makes each baseline, by its key; LightGBM where it is installed."""
    lightgbm = find_spec("lightgbm") is not None
    if settings.task == "regression":
        models = baselines.regressors(settings.seed, lightgbm=lightgbm)
    else:
        weight: Literal["balanced"] | None = "balanced" if settings.balanced else None
        models = baselines.classifiers(settings.seed, lightgbm=lightgbm, class_weight=weight)
    return {key: partial(clone, model) for key, model in models.items()}


def songs_of(data: Dataset, thresholds: tuple[float, float] = PAPER_THRESHOLDS) -> Songs:
    """The rows of a data set, for `spdkit.popularity.cross_validation`."""
    groups = None if data.groups is None else data.groups.to_numpy()
    return Songs(data.X, data.y.to_numpy(), groups, thresholds)


def in_points(data: Dataset, target_range: tuple[float, float]) -> Dataset:
    """Labels of another range as popularity from 0 to 100, its lowest and highest.

    Raises
    ------
    ParameterError
        When the range does not rise, or has no end.
    PopularityError
        When a label is outside the range.
    """
    return replace(data, y=pd.Series(points(data.y, target_range), data.y.index, name=data.y.name))


def split_rows(data: Dataset, protocol: str, **options: Any) -> Splits:
    """Split by what a protocol goes by: artists are `data.groups`, dates those of the releases.

    Songs of which it is not known when they came out are on no side of a split by time. `options`
    are those of `spdkit.evaluation.splits.split`, and thresholds.

    Raises
    ------
    ProtocolError
        When the data have no such thing, or too few of it.

    Warns
    -----
    SpdkitWarning
        Each of the split's remarks.
    """
    thresholds = options.pop("thresholds", PAPER_THRESHOLDS)
    if protocol == "artist" and data.groups is None:
        raise SpdkitError(
            f"the protocol 'artist' needs to know whose songs these are, and neither labels nor "
            f"store have a column {data.report.group!r}: name one (--groups), or split at random "
            "(--protocol paper)"
        )
    if protocol == "time":
        splits = _split_by_time(data, options)
    else:
        classes = _strata(classify(data.y, thresholds), options)
        splits = split(protocol, len(data.y), classes=classes, groups=data.groups, **options)
    if protocol == "artist" and data.credits is not None:
        sides = [(splits.development, splits.test)]
        sides += [(fold.training, fold.validation) for fold in splits.folds]
        splits = replace(splits, remarks=_shared_credits(data.credits, sides))
    for remark in splits.remarks:
        warnings.warn(remark, SpdkitWarning, stacklevel=2)
    return splits


def _shared_credits(credits: pd.Series, sides: Sequence[tuple[Index, Index]]) -> tuple[str, ...]:
    """A remark on artists who are on both sides, as another than the first on one at least."""

    def named(rows: Index) -> set[str]:
        return set(credits.iloc[rows].explode().dropna())

    shared = [named(rows) & named(others) for rows, others in sides]
    most = max(shared, key=len)
    if not most:
        return ()
    up_to = "up to " if len(sides) > 1 else ""
    return (
        "artists who are on both sides, on one of them at least not as the first of their song: "
        f"{up_to}{len(most)} ({listing(sorted(most), quote=True)})",
    )


def _split_by_time(data: Dataset, options: Mapping[str, Any]) -> Splits:
    dates = release_dates(data)
    known = np.array([each is not None for each in dates])
    if not known.any():
        raise SpdkitError(
            "the protocol 'time' needs to know when these songs came out, and none has a "
            f"{' or '.join(RELEASE_FACTS[:2])} in the store that can be read: join a table that "
            "says so (spdkit extract --metadata), or split by artists (--protocol artist)"
        )
    rows = np.flatnonzero(known)
    days = np.array([each.first_day for each in dates if each], dtype="datetime64[D]")
    splits = split("time", len(rows), dates=days, **options)
    precisions = Counter(each.precision for each in dates if each)
    remarks = []
    if len(precisions) > 1:
        counts = ", ".join(f"{n} to the {name}" for name, n in sorted(precisions.items()))
        remarks.append(
            f"release dates are known as precisely as they are said, {counts}: each "
            "counts as its first day"
        )
    if len(rows) < len(dates):
        lacking = list(data.X.index[~known])
        remarks.append(
            f"songs of which it is not known when they came out, left out: {len(lacking)} "
            f"({listing(lacking, quote=True)})"
        )
    return replace(
        splits,
        development=rows[splits.development],
        test=rows[splits.test],
        folds=tuple(Fold(rows[f.training], rows[f.validation]) for f in splits.folds),
        remarks=tuple(remarks),
    )


def _strata(classes: ArrayLike, options: Mapping[str, Any]) -> ArrayLike | None:
    # A class of fewer rows than folds cannot be in each of them: its songs fall as they may.
    counts = np.bincount(np.asarray(classes))
    fewest = (options.get("k", 5) or 2) + 1
    return classes if (counts[counts > 0] >= 2 * fewest).all() else None


def release_dates(data: Dataset) -> list[ReleaseDate | None]:
    """When each song came out: by what the store knows, or its feature ``release_year``."""
    facts = data.about[[name for name in RELEASE_FACTS if name in data.about]]
    years = [name for name in data.X if str(name).endswith("release_year")]
    features = data.X[years[0]] if years else pd.Series(np.nan, data.X.index)
    return [
        release_date_of({str(name): fact for name, fact in known.items()})
        or release_date_of({"release_year": year})
        for known, year in zip(facts.to_dict("records"), features, strict=True)
    ]


def fit(
    data: Dataset,
    store: FeatureStore,
    settings: FitSettings,
    *,
    labels: str = "",
    command: str = "",
    progress: bool = False,
) -> tuple[CodeEstimator, ModelRecord]:
    """Fit a model, compare it on test rows, and record what is known of it.

    Parameters
    ----------
    data : Dataset
        From `store`, with labels in the range that `settings` names.
    store : FeatureStore
    settings : FitSettings
    labels, command : str
        For the record.
    progress : bool
        Whether to show bars on stderr.

    Raises
    ------
    SpdkitError
        When the rows cannot be split as asked, or the model cannot be fitted on them.

    Warns
    -----
    SpdkitWarning
        Of the split's remarks, and each baseline that is left out, since it cannot be fitted.
    """
    if settings.protocol == "reference":
        raise SpdkitError(
            "the protocol 'reference' shows what leaks are worth; a model for use is fitted by "
            "'paper', 'artist' or 'time' (`spdkit evaluate --protocol reference` compares)"
        )
    unscaled = data.y
    data = in_points(data, settings.target_range)
    splits = split_rows(
        data,
        settings.protocol,
        k=None,
        test_share=settings.test_share,
        seed=settings.seed,
    )
    if not len(splits.test):
        raise SpdkitError("a model is scored on test rows: test_share must be above 0")
    remarks = list(splits.remarks)
    if settings.explained and len(splits.test) < _FEWEST_SHUFFLED:
        settings = replace(settings, explained=False)
        remarks.append(_not_explained())
    classes = PopularityClasses(settings.thresholds, settings.target_range)
    classes.fit(unscaled.iloc[splits.development])
    songs = songs_of(data, classes.thresholds_)
    training, test = songs.rows(splits.development), songs.rows(splits.test)
    model = model_maker(settings, verbose=progress)()
    together = settings.protocol == "artist"
    seconds = {"model": fit_model(model, training, together=together)}
    predictions = {"model": predict(model, test.X, test.thresholds)}
    makers = baseline_makers(settings) if settings.compared else {}
    with progress_bar("baselines", len(makers), shown=progress) as advance:
        for key, make in makers.items():
            baseline = make()
            try:
                seconds[key] = fit_model(baseline, training, together=together)
                predictions[key] = predict(baseline, test.X, test.thresholds)
            except FitError as error:
                remarks.append(left_out(key, error))
            advance(False)
    features = _features(data, store, training.X)
    scored, differences = compare(test, predictions)
    sample = np.sort(np.random.default_rng(settings.seed).permutation(len(training.y))[:_SAMPLE])
    record = ModelRecord(
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        command=command,
        task=settings.task,
        preset=settings.preset,
        target=str(data.y.name),
        thresholds=songs.thresholds,
        store=store.path.name,
        labels=labels,
        groups=None if data.groups is None else str(data.groups.name),
        extractors=_extractors(store, data),
        losses=(*str(data.report).splitlines(), *remarks),
        packages=installed_versions(_PACKAGES),
        split=Split(
            protocol=splits.protocol,
            about=splits.about,
            seed=settings.seed,
            n_training=len(training.y),
            n_test=len(test.y),
            n_groups_training=training.n_groups,
            n_groups_test=test.n_groups,
        ),
        seconds=seconds,
        scores=scored,
        differences=differences,
        headline=headline(scored["model"]),
        test=_test_table(data, splits, predictions["model"]),
        importance=_importance(model, test, features, settings, progress),
        features=features,
        training_X=training.X.iloc[sample],
        training_y=pd.Series(training.y[sample]),
        test_code=model.transform(test.X).astype(np.float32),
    )
    return model, record


def _extractors(store: FeatureStore, data: Dataset) -> dict[str, Any]:
    used = set(store.var.loc[data.X.columns, "extractor"])
    described = store.provenance["extractors"].items()
    return {name: facts for name, facts in described if name in used}


def _features(data: Dataset, store: FeatureStore, training_X: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "modality": data.modality[data.X.columns],
            "family": store.var.loc[data.X.columns, "family"],
            "low": training_X.min(),
            "high": training_X.max(),
        },
        index=data.X.columns,
    )


def _test_table(data: Dataset, splits: Splits, predictions: Predictions) -> pd.DataFrame:
    rows = splits.test
    table = pd.DataFrame({"y": data.y.iloc[rows]}, index=data.X.index[rows])
    if data.groups is not None:
        table["group"] = data.groups.iloc[rows]
    for name in ("title", "artist"):
        if name in data.about:
            table[name] = data.about[name].iloc[rows]
    return table.assign(**prediction_columns(predictions))


def _not_explained() -> str:
    """Warn that there is nothing to shuffle, and return what was said."""
    remark = (
        "what the model relies on is left out: it shows on test songs that are shuffled, and there "
        "is one (more labels, or a larger --test-share, make more)"
    )
    warnings.warn(remark, SpdkitWarning, stacklevel=3)
    return remark


def _importance(
    model: CodeEstimator, test: Songs, features: pd.DataFrame, settings: FitSettings, shown: bool
) -> pd.DataFrame:
    if not settings.explained:
        return pd.DataFrame(columns=["level", "name", "increase", "low", "high"])
    songs = (test.X, test.y, features, test.groups, test.thresholds)
    return importance_table(model, *songs, seed=settings.seed, progress=shown)
