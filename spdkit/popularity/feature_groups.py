"""Feature groups to explain a model by: modalities, families, single features.

Conventions: a group is some columns under one name. Tables of features have a row for each column
of X, with its modality and its family (columns of a store's ``var``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from spdkit.common.errors import SpdkitError
from spdkit.common.messages import listing, refuse_rows

Numbers = NDArray[np.float64]
Index = NDArray[np.intp]
FeatureGroups = Mapping[str, Sequence[str]]
LEVELS = ("modality", "family", "feature")


class ExplanationError(SpdkitError, ValueError):
    """Rows, columns or feature groups that cannot be explained."""


def groups_of(features: pd.DataFrame, level: str) -> dict[str, list[str]]:
    """Columns of each modality, family or feature, in the order of `features`.

    Parameters
    ----------
    features : DataFrame, indexed by the feature's name
        Columns modality and family.
    level : {"modality", "family", "feature"}

    Raises
    ------
    ExplanationError
        When there is no such level.
    """
    if level not in LEVELS:
        raise ExplanationError(f"level must be one of {', '.join(LEVELS)}, got {level!r}")
    if level == "feature":
        return {str(name): [name] for name in features.index}
    names = features[level].astype(str)
    if level == "family":
        shared = features.groupby("family")["modality"].transform("nunique") > 1
        names = names.where(~shared, names + " (" + features["modality"].astype(str) + ")")
    groups: dict[str, list[str]] = {}
    for column, name in names.items():
        groups.setdefault(name, []).append(str(column))
    return groups


def columns_of(feature_groups: FeatureGroups, columns: pd.Index) -> dict[str, Index]:
    """Numbers of each group's columns, ascending; ExplanationError when there are none such."""
    if not columns.is_unique:
        twice = columns[columns.duplicated()].unique()
        raise ExplanationError(
            f"X has columns of the same name: {listing(list(twice), quote=True)}"
        )
    if not feature_groups:
        raise ExplanationError("there are no feature groups to explain by")
    indices = {}
    for name, names in feature_groups.items():
        if isinstance(names, str) or not len(names):
            raise ExplanationError(
                f"feature group {name!r} must be a list of columns, got {names!r}"
            )
        place = columns.get_indexer(pd.Index(names))
        unknown = [column for column, i in zip(names, place, strict=True) if i < 0]
        if unknown:
            raise ExplanationError(
                f"feature group {name!r}: X has no columns {listing(unknown, quote=True)}"
            )
        indices[name] = np.unique(place)
    return indices


def numbers(X: pd.DataFrame) -> Numbers:
    """The table as floats; ExplanationError when it holds anything else."""
    try:
        return X.to_numpy(dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ExplanationError(f"columns must hold numbers: {error}") from error


def one_a_row(values: ArrayLike, n_rows: int, what: str) -> Numbers:
    """Results of a caller's function; ExplanationError unless they are a number for each row."""
    results = np.asarray(values, dtype=np.float64)
    if results.shape != (n_rows,):
        raise ExplanationError(f"{what} of {n_rows} rows have shape {results.shape}")
    refuse_rows(~np.isfinite(results), f"{what} are not finite", ExplanationError, results)
    return results
