"""Features with labels and groups: X, y, groups, one row a track, and a report of the losses.

Conventions
-----------
A row is a track that is in the store and has a label. Labels come from the store itself (a column
of ``obs``, or the JSON of its ``metadata``), a table on disk, a DataFrame, or a loaded catalog; a
table has a column ``track_id``, or that as its index. NaN in X stays: filling it in is for the
estimator to learn from training rows. Where cells name several artists, the first of each is the
group (`spdkit.common.artist_credits`). Whatever is left out is counted in `Dataset.report` and told
by a warning; what cannot be right is refused: one track with two labels, a label beyond its range.
"""

from __future__ import annotations

import json
import math
import os
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any, Literal, Protocol

import numpy as np
import pandas as pd

from spdkit.common.artist_credits import cell_text, read_credits
from spdkit.common.errors import SpdkitError, SpdkitWarning, UnitWarning
from spdkit.common.label_units import POPULARITY, other_range, unit_question
from spdkit.common.messages import COLUMNS_SHOWN, listing
from spdkit.common.table_io import read_table
from spdkit.common.text import same_names, storable, whole_names, whole_names_remark
from spdkit.store.feature_store import FeatureStore


class CatalogLabels(Protocol):
    """What is needed of a loaded catalog, such as `spdkit.catalogs.CatalogData`."""

    @property
    def name(self) -> str:
        """What the catalog is called."""

    @property
    def labels(self) -> pd.DataFrame:
        """Labels and groups, indexed by ``track_id``."""


Labels = str | os.PathLike[str] | pd.DataFrame | CatalogLabels


class DatasetError(SpdkitError, ValueError):
    """Labels that do not fit the store, or that contradict themselves."""


@dataclass(frozen=True)
class LoadReport:
    """What `load` took and what it left out.

    Attributes
    ----------
    n_rows, n_tracks, n_labels : int
        Rows of the data set, tracks in the store, tracks that have a label.
    without_label, without_track : tuple of str
        Tracks of the store without a label, and labels whose track is not in the store.
    n_duplicates : int
        Rows of the labels dropped because they repeat another one, label and group alike.
    out_of_range : tuple of str
        Tracks left out because of their label.
    group : str or None
        The column that was asked for as groups.
    without_group : tuple of str or None
        Tracks that share the group ``""`` because theirs is unknown; None when there are no groups.
    several : tuple of str
        Tracks of several groups, of which the first is taken.
    without_features : tuple of str
        Tracks in X of which every feature is NaN.
    statuses : dict
        For each extractor how many rows are ok, absent, failed, pending.
    """

    n_rows: int
    n_tracks: int
    n_labels: int
    without_label: tuple[str, ...]
    without_track: tuple[str, ...]
    n_duplicates: int
    out_of_range: tuple[str, ...]
    group: str | None
    without_group: tuple[str, ...] | None
    several: tuple[str, ...]
    without_features: tuple[str, ...]
    statuses: dict[str, dict[str, int]]

    @property
    def complete(self) -> bool:
        """Whether nothing was left out and every row has features and the group asked for."""
        return not self.losses

    def __str__(self) -> str:
        first, *counts = self.counts
        return "\n".join([first, *self.losses, *counts])

    @property
    def counts(self) -> list[str]:
        """How many rows there are, and of what status, a line each."""
        first = f"{self.n_rows} rows of {self.n_tracks} tracks and {self.n_labels} labels"
        return [first] + [
            f"{name}: {', '.join(f'{n} {status}' for status, n in numbers.items())}"
            for name, numbers in self.statuses.items()
        ]

    @property
    def losses(self) -> list[str]:
        """What was left out, or is not as it should be, a line each."""
        tracks = {
            "tracks without a label, left out": self.without_label,
            "labels without a track, left out": self.without_track,
            "labels out of range, left out": self.out_of_range,
            "tracks without a group, kept together in one": self.without_group or (),
            f"tracks of several in {self.group!r}, of which the first is the group": self.several,
            "tracks without any feature, kept as NaN": self.without_features,
        }
        losses = [
            f"{what}: {len(ids)} ({listing(ids, quote=True)})"
            for what, ids in tracks.items()
            if ids
        ]
        if self.n_duplicates:
            losses.append(f"rows of the labels that repeat another, dropped: {self.n_duplicates}")
        if self.group is not None and self.without_group is None:
            losses.append(f"no groups: no column {self.group!r} in the labels nor in the store")
        return losses


@dataclass(frozen=True)
class Dataset:
    """Rows to learn from. Unpacks as ``X, y, groups = load(...)``.

    Attributes
    ----------
    X : DataFrame of float64, shape (n_rows, n_features)
        Indexed by ``track_id``; columns named and ordered as in the store.
    y : Series of float64
        The labels, in their own unit.
    groups : Series of str, or None
        What a split must not part, such as the artist: the first of `credits`.
    credits : Series of tuple of str, or None
        All that the cell of each group names.
    modality : Series
        Column of X -> "audio", "lyrics" or "metadata".
    about : DataFrame
        What the store knows of each track, from the JSON of its metadata; cells of any type.
    report : LoadReport
    """

    X: pd.DataFrame
    y: pd.Series
    groups: pd.Series | None
    credits: pd.Series | None
    modality: pd.Series
    about: pd.DataFrame
    report: LoadReport

    def __iter__(self) -> Iterator[Any]:
        return iter((self.X, self.y, self.groups))


def load(
    store: str | os.PathLike[str] | FeatureStore,
    labels: Labels | None = None,
    target: str = "popularity",
    groups: str | None = "artist_id",
    extractors: Sequence[str] | None = None,
    *,
    target_range: tuple[float, float] | Literal["popularity"] | None = "popularity",
    out_of_range: Literal["raise", "drop"] = "raise",
) -> Dataset:
    """Join a store with labels and groups.

    Parameters
    ----------
    store : path or FeatureStore
    labels : path, DataFrame or CatalogData, optional
        Where the target is; by default the store itself. A path is of a table that
        `spdkit.read_table` reads.
    target : str
        Column of the labels.
    groups : str or None
        Column of the labels or, failing that, of the store. When neither has it, the data set has
        no groups, and the report says so.
    extractors : sequence of str, optional
        Whose columns to take; all by default.
    target_range : (float, float), "popularity" or None
        What the target can be, ends included; None for any finite number. "popularity" is from 0
        to 100, and labels that all lie in [0, 1] are refused, since they look like shares or
        flags: say which they are, (0, 1) or (0, 100).
    out_of_range : {"raise", "drop"}
        Whether a label beyond `target_range` is refused, or its track left out and counted.

    Returns
    -------
    Dataset
        One row a track that has a label, in the order of the store: by ``track_id``.

    Raises
    ------
    DatasetError
        When the labels lack a column, hold text, contradict themselves, lie out of range, look
        like shares, or share no track with the store.
    StoreError
        When the store cannot be read or has no such extractor.

    Warns
    -----
    SpdkitWarning
        Of each kind of what was left out; of labels that look like marks out of 10; of ids such as
        "1.0", as pandas writes whole ones of which some are missing, that are taken for "1".

    Examples
    --------
    >>> X, y, groups = load("features.h5", "popularity.csv")  # doctest: +SKIP
    >>> print(load("musicoset.h5", extractors=["metadata"]).report)  # doctest: +SKIP
    """
    if out_of_range not in ("raise", "drop"):
        raise DatasetError(f"out_of_range must be 'raise' or 'drop', got {out_of_range!r}")
    whole = store if isinstance(store, FeatureStore) else FeatureStore.open(store)
    selection = whole if extractors is None else whole.select(list(extractors))
    about = _about(whole)
    # A column of obs comes before a fact of the same name.
    facts = whole.obs.join(about[about.columns.difference(whole.obs.columns)])
    table, where = _label_table(labels, facts, str(whole.path), groups)
    table = table.rename(index=same_names(table.index, whole.obs.index))
    wholes = whole_names(table.index, whole.obs.index)
    if wholes:
        warnings.warn(whole_names_remark(wholes), SpdkitWarning, stacklevel=2)
        table = table.rename(index=wholes)
    labelled, n_duplicates = _one_a_track(_labels_of(table, where, target, groups), where, target)
    allowed = POPULARITY if target_range == "popularity" else target_range
    if target_range == "popularity":
        _ask_for_unit(labelled["label"], where, target)
    beyond = _beyond(labelled["label"], _range(allowed), out_of_range, where, target)
    ids = whole.obs.index
    rows = ids[ids.isin(labelled.index.difference(beyond))]
    if rows.empty:
        raise DatasetError(
            f"no track of {whole.path} has a usable {target!r} in {where}: the store has "
            f"{listing(list(ids), quote=True)}; the labels are of "
            f"{listing(list(labelled.index), quote=True)}"
        )
    used = labelled.loc[rows]
    if groups is not None and "group" not in used and groups in facts:
        used = used.assign(group=facts.loc[rows, groups].map(cell_text))
    credits = pd.Series(read_credits(used["group"]), rows) if "group" in used else None
    if credits is not None:
        used = used.assign(group=credits.map(lambda names: names[0] if names else ""))
    X = selection.to_pandas().loc[rows].astype(np.float64)
    require_finite(X, whole.path)
    report = LoadReport(
        n_rows=len(rows),
        n_tracks=len(ids),
        n_labels=len(labelled),
        without_label=tuple(ids.difference(labelled.index)),
        without_track=tuple(labelled.index.difference(ids)),
        n_duplicates=n_duplicates,
        out_of_range=tuple(ids.intersection(beyond)),
        group=groups,
        without_group=tuple(rows[used["group"] == ""]) if "group" in used else None,
        several=() if credits is None else tuple(rows[credits.map(len) > 1]),
        without_features=tuple(rows[X.isna().all(axis=1)]),
        statuses=_statuses(selection, rows),
    )
    for loss in report.losses:
        warnings.warn(loss, SpdkitWarning, stacklevel=2)
    described = selection.provenance["extractors"]
    modality = selection.var["extractor"].map(lambda name: described[name]["modality"])
    return Dataset(
        X=X,
        y=used["label"].rename(target),
        groups=used["group"].rename(groups) if "group" in used else None,
        credits=credits,
        modality=modality.rename("modality"),
        about=about.loc[rows],
        report=report,
    )


def _about(store: FeatureStore) -> pd.DataFrame:
    """Facts of each track, from the JSON in ``obs``."""
    facts = []
    for track_id, text in store.obs["metadata"].items():
        try:
            fact = _unicode(json.loads(text)) if text else {}
        except (ValueError, RecursionError) as error:
            raise DatasetError(f"{store.path}: track {track_id!r}: metadata: {error}") from error
        if not isinstance(fact, dict):
            raise DatasetError(f"{store.path}: track {track_id!r}: metadata is no JSON object")
        facts.append(fact)
    return pd.DataFrame(facts, index=store.obs.index)


def _unicode(value: Any) -> Any:
    """JSON with lone surrogates as their escapes: as one it has them in a store, too."""
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, list):
        return [_unicode(item) for item in value]
    if isinstance(value, dict):
        return {storable(key): _unicode(item) for key, item in value.items()}
    return value


def require_finite(X: pd.DataFrame, where: object) -> None:
    """Refuse features that are infinite, which no extractor gives and no model takes.

    Parameters
    ----------
    X : DataFrame of float, indexed by track_id
    where : object
        Whose they are, for the message.

    Raises
    ------
    DatasetError
        Naming tracks and features.
    """
    infinite = np.isinf(X.to_numpy())
    if infinite.any():
        cells = [f"{X.columns[j]!r} of track {X.index[i]!r}" for i, j in np.argwhere(infinite)]
        raise DatasetError(
            f"{where}: {len(cells)} features are infinite: {listing(cells)}. Extract these tracks "
            "again, or set the values to NaN where they are not known"
        )


def _label_table(
    labels: Labels | None, facts: pd.DataFrame, store: str, groups: str | None
) -> tuple[pd.DataFrame, str]:
    """The labels as a table indexed by ``track_id``, and what to call it."""
    if labels is None:
        return facts, store
    if isinstance(labels, pd.DataFrame):
        table, where = labels, "the labels"
    elif not isinstance(labels, str | os.PathLike):
        table, where = labels.labels, f"catalog {labels.name}"
    else:
        where = str(labels)
        text = ["track_id", *([groups] if groups else [])]  # an artist may be called 007, or NA
        table = read_table(labels, text=text, error=DatasetError)
    twice = list(dict.fromkeys(map(str, table.columns[table.columns.duplicated()])))
    if twice:
        raise DatasetError(
            f"{where}: more than one column {listing(twice, quote=True)}: rename or drop one"
        )
    if "track_id" in table:
        table = table.set_index("track_id")
    elif table.index.name != "track_id":
        raise DatasetError(
            f"{where}: no column 'track_id'; the columns are "
            f"{listing([*table.columns], COLUMNS_SHOWN)}"
        )
    nameless = np.flatnonzero(_texts(table.index.to_series()) == "")
    if len(nameless):
        raise DatasetError(f"{where}: no track_id in row {listing(list(nameless + 1))}")
    return table.set_axis(table.index.map(str), axis=0), where


def _labels_of(table: pd.DataFrame, where: str, target: str, groups: str | None) -> pd.DataFrame:
    """``label`` (float) and, where the table has it, ``group`` (text) of every labelled row."""
    if target not in table:
        raise DatasetError(
            f"{where}: no column {target!r} to take as label; there are "
            f"{listing([*table.columns], COLUMNS_SHOWN)}"
        )
    cells = table[target]
    objects = cells.astype(object)
    odd = cells.notna() & objects.map(_is_no_number).astype(bool)
    numbers = pd.to_numeric(objects.mask(odd) if odd.any() else cells, errors="coerce")
    numbers = numbers.astype(np.float64).where(cells.notna())
    wrong = (cells.notna() & numbers.isna()) | np.isinf(numbers)
    if wrong.any():
        texts = [f"{_shown(cell)} of track {track!r}" for track, cell in cells[wrong].items()]
        raise DatasetError(f"{where}: {target!r} is no finite number: {listing(texts)}")
    labels = pd.DataFrame({"label": numbers})
    if groups is not None and groups in table:
        labels["group"] = table[groups].map(cell_text).astype(object)
    return labels[labels["label"].notna()]


def _is_no_number(cell: object) -> bool:
    """Whether a cell is what pandas takes for a number (nanoseconds, a real part), or dies of."""
    if isinstance(cell, int | Decimal | Fraction):
        try:
            float(cell)
        except (OverflowError, ValueError):
            return True
    kinds = (date, timedelta, np.datetime64, np.timedelta64, complex, np.complexfloating)
    return isinstance(cell, (*kinds, pd.Period, pd.Interval))


def _shown(cell: object) -> str:
    try:
        return repr(cell)
    except ValueError:  # Python writes no number of thousands of digits
        return "a number of very many digits"


def _one_a_track(labels: pd.DataFrame, where: str, target: str) -> tuple[pd.DataFrame, int]:
    """Drop rows that say the same again; refuse tracks of which two rows disagree."""
    distinct = labels.reset_index().drop_duplicates().set_index("track_id")
    repeated = distinct[distinct.index.duplicated(keep=False)]
    if len(repeated):
        disagreements = [
            f"{track!r} ({'; '.join(', '.join(map(repr, row)) for row in rows)})"
            for track, group in repeated.groupby(level=0, sort=False)
            for rows in [group.to_numpy().tolist()]
        ]
        raise DatasetError(
            f"{where}: {len(disagreements)} tracks have rows that disagree on {target!r} or on the "
            f"group: {listing(disagreements)}"
        )
    return distinct, len(labels) - len(distinct)


def _ask_for_unit(label: pd.Series, where: str, target: str) -> None:
    """Refuse labels that look like shares, and warn of such as look like marks out of 10."""
    looks_like = other_range(label)
    if looks_like is None:
        return
    question = unit_question(looks_like)
    if looks_like[1] <= 1:
        raise DatasetError(f"{where}: {target!r}: {question}")
    warnings.warn(question, UnitWarning, stacklevel=3)


def _range(allowed: tuple[float, float] | None) -> tuple[float, float] | None:
    if allowed is None:
        return None
    try:
        low, high = map(float, allowed)
    except (TypeError, ValueError):
        low = high = math.nan
    if not low < high:
        raise DatasetError(
            f"target_range must be (low, high), 'popularity' or None, got {allowed!r}"
        )
    return low, high


def _beyond(
    label: pd.Series,
    allowed: tuple[float, float] | None,
    out_of_range: str,
    where: str,
    target: str,
) -> pd.Index:
    """Tracks whose label is out of range, unless that is to be refused."""
    if allowed is None:
        return label.index[:0]
    outside = label[~label.between(*allowed)]
    if len(outside) and out_of_range == "raise":
        values = [f"{value:g} of track {track!r}" for track, value in outside.items()]
        raise DatasetError(
            f"{where}: {len(outside)} values of {target!r} are not in [{allowed[0]:g}, "
            f"{allowed[1]:g}]: {listing(values)}. Correct them, leave them out with "
            "out_of_range='drop', or give their target_range (--target-range LOW,HIGH)"
        )
    return outside.index


def _texts(cells: pd.Series) -> pd.Series:
    return cells.astype(object).where(cells.notna(), "").map(str).str.strip().astype(object)


def _statuses(store: FeatureStore, rows: pd.Index) -> dict[str, dict[str, int]]:
    return {
        name: {
            str(status): int(n)
            for status, n in store.obs.loc[rows, f"{name}_status"].value_counts().items()
        }
        for name in store.var["extractor"].unique()
    }
