"""Blocks of columns to explain a model by: modalities, families, single features.

Conventions: a block is some columns under one name. Tables of features have a row for each column
of X, with its modality and its family (columns of a store's ``var``).
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from spdkit.common.errors import SpdkitError

Numbers = NDArray[np.float64]
Index = NDArray[np.intp]
Blocks = Mapping[str, Sequence[str]]
LEVELS = ("modality", "family", "feature")
_SHOWN = 5


class ExplanationError(SpdkitError):
    """Rows, columns or blocks that cannot be explained."""


def blocks_of(features: pd.DataFrame, level: str) -> dict[str, list[str]]:
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
    found: dict[str, list[str]] = {}
    for column, name in names.items():
        found.setdefault(name, []).append(str(column))
    return found


def columns_of(blocks: Blocks, columns: pd.Index) -> dict[str, Index]:
    """Numbers of each block's columns, ascending; ExplanationError when there are none such."""
    if not columns.is_unique:
        twice = columns[columns.duplicated()].unique()
        raise ExplanationError(f"X has columns of the same name: {some(list(twice))}")
    if not blocks:
        raise ExplanationError("there are no blocks to explain by")
    found = {}
    for name, names in blocks.items():
        if isinstance(names, str) or not len(names):
            raise ExplanationError(f"block {name!r} must be a list of columns, got {names!r}")
        place = columns.get_indexer(pd.Index(names))
        unknown = [column for column, i in zip(names, place, strict=True) if i < 0]
        if unknown:
            raise ExplanationError(f"block {name!r}: X has no columns {some(unknown)}")
        found[name] = np.unique(place)
    return found


def numbers(X: pd.DataFrame) -> Numbers:
    """The table as floats; ExplanationError when it holds anything else."""
    try:
        return X.to_numpy(dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ExplanationError(f"columns must hold numbers: {error}") from error


def one_a_row(found: ArrayLike, n_rows: int, what: str) -> Numbers:
    """What a caller's function gave for rows; ExplanationError unless it is a number for each."""
    given = np.asarray(found, dtype=np.float64)
    if given.shape != (n_rows,):
        raise ExplanationError(f"{what} of {n_rows} rows have shape {given.shape}")
    finite = np.isfinite(given)
    if not finite.all():
        row = int(np.argmin(finite))
        raise ExplanationError(
            f"{int((~finite).sum())} {what} are not finite, the first in row {row}: {given[row]}"
        )
    return given


def some(names: Sequence[Hashable]) -> str:
    """The first of the names, for a message."""
    shown = ", ".join(map(repr, names[:_SHOWN]))
    return shown + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")
