"""Selection of a forecaster or its hyper-parameters, by validation inside the training period.

Conventions
-----------
Every candidate is fitted on what lies before each cutoff and scored on the ``h`` rows after it; the
best mean over the cutoffs wins, the earlier candidate of two that are equal. A recurrent unit's
training does not depend on how it is rolled: candidates that differ in ``rolling`` alone share one.
A window in which the metric does not exist, since all that came is 0, chooses nothing; where that
is so in all of them, MAE chooses (`spdkit.forecast.scoring.metrics.existing_metric`).
Nothing after the frame's end is ever looked at, and `Selection.rows` says which rows chose.

``select_on="test"`` is what the LSTM-RPA paper does: every candidate is fitted on the whole frame
and the rows that it is then judged by choose it. It is here to show what that is worth. Its result
says so in `Selection.rows`, and its score is no estimate of anything.

With a journal (a text file, one line of JSON a score) a selection that was stopped goes on where it
was; scores are found again by candidate, rows, metric and spdkit's version, so that one journal
serves many. Who changes the code of a forecaster deletes it.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd
from sklearn.base import clone

from spdkit.common.files import append, make_folder, sync_folder, user_path
from spdkit.common.parameters import OneOf, check_parameters
from spdkit.common.progress import progress_bar
from spdkit.common.versions import installed_versions
from spdkit.forecast.data.calendar import shown
from spdkit.forecast.data.checks import ForecastError
from spdkit.forecast.data.long_table import check_frame, check_horizon
from spdkit.forecast.data.panel import Panel, cutoffs
from spdkit.forecast.models.average import columns_of
from spdkit.forecast.models.base import Forecaster
from spdkit.forecast.models.recurrent import RecurrentForecaster
from spdkit.forecast.models.rolling import Rolling
from spdkit.forecast.models.serialization import to_record
from spdkit.forecast.scoring.metrics import (
    AUTO,
    HIGHER_IS_BETTER,
    METRIC_OR_AUTO,
    Zero,
    existing_metric,
    exists,
    score,
)

_HEAD = b'{"key": '  # of every line of a journal
SelectOn = Literal["validation", "test"]


class NothingScoredError(ForecastError):
    """None of the candidates can be fitted and scored at every cutoff."""


@dataclass(frozen=True, eq=False)
class Selection:
    """Scores of all candidates, and which was chosen by which rows.

    Attributes
    ----------
    scores : DataFrame, one row a candidate
        ``candidate`` (its label), one column a window named after its cutoff, ``mean``, and
        ``reason`` where a candidate could not be fitted or scored (its scores are NaN).
    best : Forecaster
        The winner, not fitted.
    best_row : int
        Its row in `scores`.
    metric : str
        Which one chose: never ``auto``.
    select_on : {"validation", "test"}
    rows : str
        Which rows chose, in words.
    """

    scores: pd.DataFrame
    best: Forecaster
    best_row: int
    metric: str
    select_on: SelectOn
    rows: str


def candidates(
    forecaster: Forecaster,
    grid: Mapping[str, Sequence[Any]],
    *,
    shifts: str | Sequence[int] | None = None,
    **rolling: Any,
) -> list[Forecaster]:
    """Every combination of a grid, as forecasters that are not fitted.

    Parameters
    ----------
    forecaster : Forecaster
        Gives the parameters that the grid does not.
    grid : mapping of str to sequence
        Values by parameter, as in scikit-learn's ``ParameterGrid``.
    shifts : "all" or sequence of int, optional
        For a recurrent forecaster: roll each unit by these shifts, those left out that it does not
        allow; "all" are 1 to min(p, q).
    **rolling
        ``mode`` and ``start`` of `Rolling`.

    Raises
    ------
    ForecastError
        When a parameter does not exist, the grid is empty, or no shift is allowed.
    """
    parameters = forecaster.get_params(deep=False)
    if strange := [name for name in grid if name not in parameters]:
        raise ForecastError(
            f"{type(forecaster).__name__} has no parameter {', '.join(strange)}, only "
            f"{', '.join(parameters)}"
        )
    forecasters: list[Forecaster] = []
    for values in itertools.product(*grid.values()):
        one = clone(forecaster).set_params(**dict(zip(grid, values, strict=True)))
        if shifts is None:
            forecasters.append(one)
            continue
        if not isinstance(one, RecurrentForecaster):
            raise ForecastError(f"shifts are of recurrent units, {one.label} has none")
        p = one.input_size
        q = p if one.output_size is None else one.output_size
        allowed = range(1, min(p, q) + 1)
        forecasters += [
            clone(one).set_params(rolling=Rolling(int(s), **rolling))
            for s in (allowed if shifts == "all" else shifts)
            if s in allowed
        ]
    if not forecasters:
        raise ForecastError("the grid has no candidates")
    return forecasters


def select(
    candidates: Iterable[Forecaster],
    df: pd.DataFrame,
    h: int,
    *,
    n_windows: int = 1,
    step_size: int | None = None,
    metric: str = AUTO,
    zero: Zero = "refuse",
    select_on: SelectOn = "validation",
    test: pd.DataFrame | None = None,
    journal: str | os.PathLike[str] | None = None,
    verbose: bool = False,
    freq: str | int | pd.DateOffset | None = None,
    id_col: str = "unique_id",
    time_col: str = "ds",
    target_col: str = "y",
) -> Selection:
    """Score candidates at cutoffs of the past, and choose.

    Parameters
    ----------
    candidates : iterable of Forecaster
    df : DataFrame
        Training period, long format.
    h : int
        Rows to forecast after each cutoff.
    n_windows, step_size
        Cutoffs, as in `Forecaster.cross_validation`.
    metric : {"auto", "f", "mae", "rmse", "wape", "mean_wape"}
        By default F where every day that is scored has plays (or ``zero="skip"``), else ``wape``;
        and ``mae`` in the place of either WAPE where nothing but zeros came.
    zero : {"refuse", "skip"}
        Of F.
    select_on : {"validation", "test"}
    test : DataFrame, optional
        The ``h`` rows after `df`, only with ``select_on="test"``.
    journal : path, optional
        Where scores are kept, and found again.
    verbose : bool
        Whether to show a progress bar on stderr.
    freq, id_col, time_col, target_col
        As in `Forecaster.fit`.

    Raises
    ------
    ForecastError
        When the frame cannot be used, there is no such metric, no candidate can be scored, or
        `test` is given or missing against `select_on`.
    """
    candidates = list(candidates)
    if not candidates:
        raise ForecastError("there are no candidates to select from")
    check_parameters(
        {"metric": metric, "select_on": select_on},
        {"metric": METRIC_OR_AUTO, "select_on": OneOf(*get_args(SelectOn))},
        ForecastError,
    )
    exog = columns_of(candidates, "hist_exog", "futr_exog")
    names = {"id_col": id_col, "time_col": time_col, "target_col": target_col}
    panel = check_frame(df, freq=freq, exog=exog, **names)
    splits = _splits(panel, check_horizon(h), n_windows, step_size, select_on, test)
    return select_panel(
        candidates, splits, metric=metric, zero=zero, select_on=select_on, journal=journal,
        verbose=verbose,
    )  # fmt: skip


def select_panel(
    candidates: Sequence[Forecaster],
    splits: Sequence[tuple[Panel, Panel]],
    *,
    metric: str = AUTO,
    zero: Zero = "refuse",
    select_on: SelectOn = "validation",
    journal: str | os.PathLike[str] | None = None,
    verbose: bool = False,
) -> Selection:
    """Score candidates on pairs of past and future, as `select` does with those of a frame."""
    metric = existing_metric(metric, [future.y for _, future in splits], zero)
    if metric != "f":  # which says itself where it does not exist
        splits = [split for split in splits if exists(metric, split[1].y)]
    scores = _Journal(None if journal is None else user_path(journal, ForecastError))
    values: dict[tuple[int, int], float] = {}
    reasons: dict[int, str] = {}
    groups = list(_sharing(candidates))
    with progress_bar("selecting", len(groups) * len(splits), shown=verbose) as advance:
        for column, (past, future) in enumerate(splits):
            rows = _digest(past, future, metric, zero)
            for group in groups:
                keys = {i: _key(candidates[i], rows) for i in group}
                missing = [i for i in group if keys[i] not in scores.by_key]
                try:
                    forecasts = _forecasts([candidates[i] for i in missing], past, future)
                except ForecastError as reason:
                    reasons.update(dict.fromkeys(missing, str(reason)))
                    advance(True)
                    continue
                for i, forecast in zip(missing, forecasts, strict=True):
                    y = future.y.reshape(forecast.shape)
                    scores.add(keys[i], score(y, forecast, metric, zero=zero, ids=future.ids))
                values.update({(i, column): scores.by_key[keys[i]] for i in group})
                advance(False)
    return _chosen(candidates, splits, values, reasons, metric, select_on)


def _splits(
    panel: Panel,
    h: int,
    n_windows: int,
    step_size: int | None,
    select_on: SelectOn,
    test: pd.DataFrame | None,
) -> list[tuple[Panel, Panel]]:
    if (test is not None) != (select_on == "test"):
        raise ForecastError("test rows go with select_on='test', and with nothing else")
    if test is None:
        return list(cutoffs(panel, h, n_windows, step_size))
    columns = panel.columns
    names = {"id_col": columns.unique_id, "time_col": columns.ds, "target_col": columns.y}
    future = check_frame(test, freq=panel.freq, exog=list(panel.exog.columns), **names)
    expected = panel.future(h)
    rows = future.frame()[[columns.unique_id, columns.ds]]
    if not rows.astype(object).equals(expected.astype(object)):
        raise ForecastError(
            f"test must hold the {h} rows that follow each series of the frame, series in the same "
            f"order; it has {len(rows)} rows, {len(expected)} are expected"
        )
    return [(panel, future)]


def _sharing(candidates: Sequence[Forecaster]) -> Iterator[list[int]]:
    """Places of candidates that one training serves: recurrent ones that are rolled differently."""
    groups: dict[str, list[int]] = {}
    for i, one in enumerate(candidates):
        rolled = isinstance(one, RecurrentForecaster) and one.rolling is not None
        trained = clone(one).set_params(rolling=None) if rolled else one
        key = f"{rolled} {json.dumps(to_record(trained), sort_keys=True)}"
        groups.setdefault(key, []).append(i)
    yield from groups.values()


def _forecasts(
    group: Sequence[Forecaster], past: Panel, future: Panel
) -> list[np.ndarray[Any, Any]]:
    """Forecasts of candidates that one training serves, each of shape (n_series, h)."""
    if not group:
        return []
    h = len(future.y) // len(future)
    first = group[0]
    fitted = clone(first).fit_panel(past)
    if isinstance(fitted, RecurrentForecaster) and fitted.rolling is not None:
        rollings = [one.get_params(deep=False)["rolling"] for one in group]
        rolled = fitted.predict_shifts(h, rollings)
        return [rolled[rolling] for rolling in rollings]
    # Candidates that are equal in everything share one forecast.
    return [fitted.forecast_rows(future)] * len(group)


def _chosen(
    candidates: Sequence[Forecaster],
    splits: Sequence[tuple[Panel, Panel]],
    values: Mapping[tuple[int, int], float],
    reasons: Mapping[int, str],
    metric: str,
    select_on: SelectOn,
) -> Selection:
    columns = {f"cutoff {_span(past)[1]}": column for column, (past, _) in enumerate(splits)}
    table = pd.DataFrame({"candidate": [one.label for one in candidates]})
    for name, column in columns.items():
        table[name] = [values.get((i, column), np.nan) for i in range(len(candidates))]
    # A candidate that fails at one cutoff has no mean: it is not compared on fewer windows.
    means = table[list(columns)].mean(axis=1, skipna=False)
    table["mean"] = means
    table["reason"] = [reasons.get(i, "") for i in range(len(candidates))]
    if not means.notna().any():
        first = next(iter(reasons.values()), "no score exists")
        raise NothingScoredError(
            f"none of {len(candidates)} candidates can be scored; the first: {first}"
        )
    best = int(means.argmax() if metric in HIGHER_IS_BETTER else means.argmin())
    spans = [_span(future) for _, future in splits]
    kind = (
        "test rows (chosen on the answers)"
        if select_on == "test"
        else "validation rows of training"
    )
    rows = f"{kind}: " + ", ".join(f"{first} to {last}" for first, last in spans)
    return Selection(table, clone(candidates[best]), best, metric, select_on, rows)


def _span(panel: Panel) -> tuple[str, str]:
    return shown(panel.ds.min()), shown(panel.ds.max())


def _digest(past: Panel, future: Panel, metric: str, zero: str) -> str:
    """What a score depends on besides its candidate."""
    version = installed_versions(["spdkit"]).get("spdkit")
    digest = hashlib.sha256(f"{version} {metric} {zero}".encode())
    for panel in (past, future):
        frame = panel.frame()
        digest.update(" ".join(map(str, frame.columns)).encode())
        digest.update(pd.util.hash_pandas_object(frame, index=False).to_numpy().tobytes())
    return digest.hexdigest()


def _key(one: Forecaster, rows: str) -> str:
    record = json.dumps(to_record(one), sort_keys=True)
    return hashlib.sha256(f"{rows} {record}".encode()).hexdigest()


class _Journal:
    """Scores by key, in memory and, given a path, one JSON line each in a file."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.by_key: dict[str, float] = {}
        if path is None or not path.exists():
            return
        *whole, torn = path.read_bytes().split(b"\n")
        for number, line in enumerate(whole, 1):
            try:
                entry = json.loads(line)
                self.by_key[entry["key"]] = float(entry["score"])
            except (ValueError, TypeError, KeyError) as reason:
                raise ForecastError(
                    f"{path}, line {number}: not a line of a selection's journal. Give another "
                    f"file, or delete this one to begin again."
                ) from reason
        if torn:  # killed in the middle of a line: that score is made again
            if not whole and torn[: len(_HEAD)] != _HEAD[: len(torn)]:
                raise ForecastError(f"{path}: no journal of a selection. Give another file.")
            os.truncate(path, sum(len(line) + 1 for line in whole))

    def add(self, key: str, value: float) -> None:
        self.by_key[key] = value
        if self.path is None:
            return
        try:
            make_folder(self.path.parent)
            with self.path.open("ab") as file:
                append(file.fileno(), json.dumps({"key": key, "score": value}).encode() + b"\n")
                os.fsync(file.fileno())
            sync_folder(self.path.parent)
        except OSError as reason:
            raise ForecastError(f"{self.path}: cannot be written: {reason.strerror}") from reason
