"""Splits: which rows train, validate and test, by four protocols, as numbers of rows.

Conventions
-----------
A protocol sets `test_share` of the rows apart and makes k folds of the rest, the development rows.
Row numbers ascend. `Splits.leaky` says that the rows are not kept apart: an estimator or benchmark
that is given leaky splits must do as ``reference`` says.

=============  ====================================================================================
``paper``      Test rows drawn at random, folds too, both stratified by class (section VI: 80/20,
               k of 5 or 10 inside the 80).
``artist``     The same, and no artist is on two sides, of the test or of any fold.
``time``       The latest releases test. Fold i trains on the first i of k + 1 spans of the rest and
               validates on the next. Releases of one date are never parted.
``reference``  The rows of ``paper``, used as the published code uses them: scaler and autoencoder
               are fitted on all rows, test rows included, and the weights of one fold are where the
               next begins. It shows what that is worth, and nothing else.
=============  ====================================================================================

The published code differs in three ways more, which ``reference`` leaves out so that it and
``paper`` differ by the leaks alone: it tests on 10 %, does not stratify regression, and rounds
features for training to three decimals.

``test_share=0`` leaves no test rows: the folds are then of all rows, for cross-validation.
``k=None`` makes no folds, where the test alone is of interest.
Reference: Martín-Gutiérrez et al. (2020), section VI.
"""

from __future__ import annotations

import reprlib
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold, train_test_split

from spdkit.common.artist_credits import names_several
from spdkit.common.errors import SpdkitError, SpdkitWarning
from spdkit.common.messages import listing, refuse_rows
from spdkit.common.parameters import SEED, Allowed, Number, Whole, check_parameters
from spdkit.common.release_dates import (
    FIRST_YEAR,
    LAST_YEAR,
    ReleaseDate,
    read_release_dates,
)

Index = NDArray[np.intp]
PROTOCOLS = ("paper", "artist", "time", "reference")


class ProtocolError(SpdkitError, ValueError):
    """Rows that cannot be split as asked."""


@dataclass(frozen=True)
class Fold:
    """Rows to train on and rows to validate on.

    Attributes
    ----------
    training, validation : ndarray of int
    """

    training: Index
    validation: Index


@dataclass(frozen=True)
class Splits:
    """What a protocol makes of the rows.

    Attributes
    ----------
    protocol : str
        One of `PROTOCOLS`.
    about : str
        What tests, in a sentence, for reports.
    development, test : ndarray of int
        They share no row, and together are all rows.
    folds : tuple of Fold
        Of the development rows.
    leaky : bool
        Whether scaler and autoencoder are to see all rows, and weights are to be carried from
        fold to fold.
    remarks : tuple of str
        What a reader of scores should know of the sides.
    """

    protocol: str
    about: str
    development: Index
    test: Index
    folds: tuple[Fold, ...]
    leaky: bool = False
    remarks: tuple[str, ...] = ()

    def __str__(self) -> str:
        n_rows = len(self.development) + len(self.test)
        return (
            f"{self.protocol}: {len(self.development)} rows in {len(self.folds)} folds, "
            f"{len(self.test)} to test ({100 * len(self.test) / n_rows:.1f} %)"
        )


def split(
    protocol: str,
    n_rows: int,
    *,
    classes: ArrayLike | None = None,
    groups: ArrayLike | None = None,
    dates: ArrayLike | None = None,
    k: int | None = 5,
    test_share: float = 0.2,
    seed: int = 0,
) -> Splits:
    """Split by the name of a protocol.

    Parameters
    ----------
    protocol : {"paper", "artist", "time", "reference"}
    n_rows : int
    classes, groups, dates : array-like, shape (n_rows,), optional
        What the protocol goes by; ``artist`` needs groups, ``time`` needs dates.
    k, test_share, seed
        As in the function of the protocol.

    Raises
    ------
    ProtocolError
        When there is no such protocol, it lacks what it goes by, or the rows do not suffice.
    """
    if protocol not in PROTOCOLS:
        raise ProtocolError(f"no protocol {protocol!r}; there are {', '.join(PROTOCOLS)}")
    if protocol in ("paper", "reference"):
        make = paper_split if protocol == "paper" else reference_split
        return make(n_rows, classes, k=k, test_share=test_share, seed=seed)
    name, values = ("groups", groups) if protocol == "artist" else ("dates", dates)
    if values is None:
        raise ProtocolError(f"the protocol {protocol!r} needs {name}, one a row; there are none")
    _require_length(_complete(values, name) if name == "groups" else values, name, n_rows)
    if protocol == "artist":
        return artist_split(values, classes, k=k, test_share=test_share, seed=seed)
    return time_split(values, k=k, test_share=test_share)


def paper_split(
    n_rows: int,
    classes: ArrayLike | None = None,
    *,
    k: int | None = 5,
    test_share: float = 0.2,
    seed: int = 0,
) -> Splits:
    """Random test rows, and k random folds of the others.

    Parameters
    ----------
    n_rows : int
    classes : array-like, shape (n_rows,), optional
        Strata, such as `spdkit.popularity.labels.classify` of the labels; none by default.
    k : int or None
        Folds, at least 2; the paper has 5 and 10. None for none.
    test_share : float
        In [0, 1).
    seed : int

    Raises
    ------
    ProtocolError
        When a parameter is out of range, or a class (without classes: the rows) has not one row
        for the test and each fold.
    """
    _check(n_rows, k, test_share, seed)
    strata = _strata(classes, n_rows)
    development, test = np.arange(n_rows), np.arange(0)
    if test_share:
        _require_sizes(strata, 2, "a test set and folds", "rows")
        try:
            development, test = train_test_split(
                development, test_size=test_share, stratify=strata, random_state=seed
            )
        except ValueError as error:
            raise ProtocolError(
                f"{n_rows} rows cannot be split: a test of {test_share:g} of them leaves a side "
                f"with fewer rows than the {len(np.unique(strata))} classes. Choose another "
                "test_share (--test-share)"
            ) from error
    development, test = np.sort(development), np.sort(test)
    folds = () if k is None else _random_folds(development, strata, k, seed)
    about = "test rows drawn at random: artists may be on both sides"
    return Splits("paper", about, development, test, folds)


def _random_folds(development: Index, strata: Index, k: int, seed: int) -> tuple[Fold, ...]:
    _require_sizes(strata[development], k, f"{k} folds", "rows to develop on")
    dealt = StratifiedKFold(k, shuffle=True, random_state=seed).split(
        development, strata[development]
    )
    return tuple(Fold(development[training], development[held]) for training, held in dealt)


def reference_split(
    n_rows: int,
    classes: ArrayLike | None = None,
    *,
    k: int | None = 5,
    test_share: float = 0.2,
    seed: int = 0,
) -> Splits:
    """The rows of `paper_split`, marked as leaky; parameters and errors are the same."""
    return replace(
        paper_split(n_rows, classes, k=k, test_share=test_share, seed=seed),
        protocol="reference",
        about="the rows of paper, but scaler and autoencoder are fitted on all rows, test rows "
        "included, and weights are carried from fold to fold, as in the published code",
        leaky=True,
    )


def artist_split(
    groups: ArrayLike,
    classes: ArrayLike | None = None,
    *,
    k: int | None = 5,
    test_share: float = 0.2,
    seed: int = 0,
) -> Splits:
    """As `paper_split`, with every group wholly on one side, of the test and of every fold.

    Groups are dealt out whole, so shares and strata are met as nearly as their sizes allow.

    Parameters
    ----------
    groups : array-like, shape (n_rows,)
        Such as the artist of each row.
    classes, k, test_share, seed
        As in `paper_split`; `test_share` is met by a fraction of at most 20 parts.

    Raises
    ------
    ProtocolError
        When a group is missing, or the groups are too few or too uneven for a row in each part and
        for every class in each training set.

    Warns
    -----
    SpdkitWarning
        When groups are cells that name several artists ("A; B").
    """
    names = _complete(groups, "groups")
    several = [name for name in names.tolist() if isinstance(name, str) and names_several(name)]
    if several:
        warnings.warn(
            f"{len(several)} of {len(names)} groups name several artists, and are taken for one "
            f"each ({listing(several, quote=True)}): the first of each cell is what "
            "spdkit.common.artist_credits.read_credits gives first",
            SpdkitWarning,
            stacklevel=2,
        )
    n_rows = len(names)
    _check(n_rows, k, test_share, seed)
    strata = _strata(classes, n_rows)
    member = pd.factorize(names)[0]
    everything = np.arange(n_rows)
    test = everything[:0]
    if test_share:
        share = Fraction(min(max(test_share, 1 / 20), 19 / 20)).limit_denominator(20)
        parts = _deal(everything, strata, member, share.denominator, seed, _TEST_PARTS)
        # A group too large for its part makes a bad test: it goes with the rest.
        parts.sort(key=lambda part: abs(len(part) * share.denominator - n_rows))
        test = np.sort(np.concatenate(parts[: share.numerator]))
    development = np.setdiff1d(everything, test)
    held_out = [] if k is None else _deal(development, strata, member, k, seed, "folds")
    folds = tuple(Fold(np.setdiff1d(development, rows), rows) for rows in held_out)
    for i, fold in enumerate(folds, 1):
        lost = np.setdiff1d(strata, strata[fold.training])
        if len(lost):
            of_class = strata == lost[0]
            raise ProtocolError(
                f"the {of_class.sum()} rows of class {np.asarray(classes)[of_class][0]} are of "
                f"{len(np.unique(member[of_class]))} groups, and none is left to train on in fold "
                f"{i}: ask for fewer folds (k, --k), choose other classes (--thresholds), or split "
                "without them"
            )
    return Splits(
        "artist",
        "test rows drawn at random, and no artist is on both sides",
        development,
        test,
        folds,
    )


def time_split(dates: ArrayLike, *, k: int | None = 5, test_share: float = 0.2) -> Splits:
    """The latest rows test; folds train on what came before what they validate on.

    Parameters
    ----------
    dates : array-like, shape (n_rows,)
        As `spdkit.common.release_dates` reads them, in any mixture: dates, texts, whole years. One
        known to the year or month alone counts as its first day. Numbers of which none is a
        date, or some have a fraction, are compared as they are.
    k : int or None
        Folds, at least 2, on windows that grow. None for none.
    test_share : float
        In [0, 1); met as nearly as rows of one date, which stay together, allow.

    Raises
    ------
    ProtocolError
        When a date is missing or cannot be read, decimal years are mixed with days, or there are
        fewer than k + 2 different dates (k + 1 without a test).
    """
    moments = _moments(dates)
    _check(len(moments), k, test_share)
    distinct, rank, counts = np.unique(moments, return_inverse=True, return_counts=True)
    n_folds = k or 0
    needed = n_folds + 1 + bool(test_share)
    if len(distinct) < needed:
        what = [f"{k} folds in time"] if k else []
        what += ["a test"] if test_share else []
        raise ProtocolError(
            f"{len(moments)} rows have {len(distinct)} different dates; {' and '.join(what)} need "
            f"{needed}: {'ask for fewer folds (k, --k), or ' if k else ''}split otherwise "
            "(protocol, --protocol)"
        )
    n_before = len(distinct)  # how many of the dates are before the test, and enough for the folds
    if test_share:
        before = np.cumsum(counts)[n_folds:-1]
        nearest = np.argmin(np.abs(before - (1 - test_share) * len(moments)))
        n_before = n_folds + 1 + int(nearest)
    ends = _even_cuts(counts[:n_before], n_folds + 1)
    folds = tuple(
        Fold(np.flatnonzero(rank < start), np.flatnonzero((rank >= start) & (rank < end)))
        for start, end in pairwise(ends)
    )
    return Splits(
        "time",
        "the latest releases test",
        np.flatnonzero(rank < n_before),
        np.flatnonzero(rank >= n_before),
        folds,
    )


def _even_cuts(counts: NDArray[np.intp], n_spans: int) -> list[int]:
    """Ends of consecutive spans of dates, with rows as even as may be and a date in each."""
    reached = np.cumsum(counts)
    ends: list[int] = []
    for span in range(1, n_spans + 1):
        even = reached[-1] * span / n_spans
        nearest = 1 + int(np.argmin(np.abs(reached - even)))
        first = ends[-1] + 1 if ends else 1
        ends.append(min(max(nearest, first), len(counts) - n_spans + span))
    return ends


def _deal(
    rows: Index, strata: Index, member: Index, n_parts: int, seed: int, what: str
) -> list[Index]:
    """Deal whole groups out into parts of like size and strata."""
    n_groups = len(np.unique(member[rows]))
    advice = _advice(min(n_groups, n_parts - 1), what)
    if n_groups < n_parts:
        raise ProtocolError(
            f"{n_groups} groups cannot make {n_parts} {what}: each needs one. {advice}"
        )
    _require_sizes(strata[rows], n_parts, f"{n_parts} {what}", "rows", advice)
    maker = StratifiedGroupKFold(n_parts, shuffle=True, random_state=seed)
    parts = [rows[held] for _, held in maker.split(rows, strata[rows], member[rows])]
    empty = sum(len(part) == 0 for part in parts)
    if empty:
        raise ProtocolError(
            f"{n_groups} groups of very uneven size leave {empty} of {n_parts} {what}, without a "
            f"row (the largest group has {int(np.bincount(member[rows]).max())} of {len(rows)}). "
            f"{advice}"
        )
    return parts


_TEST_PARTS = "parts, some to test"


def _advice(most: int, what: str) -> str:
    """What makes fewer parts: `most` of them, that groups suffice for."""
    if most < 2:
        return "Split at random instead (protocol 'paper', --protocol paper)"
    if what != _TEST_PARTS:
        return "Ask for fewer folds (k, --k), or a smaller test_share (--test-share)"
    share = f"{1 / min(most, 5):.2g}"
    return f"Choose a test_share of fewer parts, such as {share} (--test-share {share})"


_PARAMETERS: dict[str, Allowed] = {
    "n_rows": Whole(0),
    "k": Whole(2),
    "test_share": Number(0, 1, closed="low"),
    "seed": SEED,
}


def _check(n_rows: int, k: int | None, test_share: float, seed: int = 0) -> None:
    folds = 2 if k is None else k
    parameters = {"n_rows": n_rows, "k": folds, "test_share": test_share, "seed": seed}
    check_parameters(parameters, _PARAMETERS, ProtocolError)
    if n_rows < (k or 1) + (test_share > 0):
        what = "the test" if k is None else f"{k} folds and the test"
        raise ProtocolError(f"{n_rows} rows are too few for {what}")


def _strata(classes: ArrayLike | None, n_rows: int) -> Index:
    if classes is None:
        return np.zeros(n_rows, dtype=np.intp)
    names = _complete(classes, "classes")
    _require_length(names, "classes", n_rows)
    return pd.factorize(names)[0]


def _require_length(values: ArrayLike, name: str, n_rows: int) -> None:
    if len(np.asarray(values)) != n_rows:
        raise ProtocolError(f"{len(np.asarray(values))} {name} for {n_rows} rows")


def _require_sizes(
    strata: Index,
    needed: int,
    why: str,
    what: str,
    advice: str = "Ask for fewer folds (k, --k), or split without classes",
) -> None:
    counts = np.bincount(strata)
    scarce = counts[counts > 0].min()
    if scarce < needed:
        raise ProtocolError(
            f"the classes have {', '.join(map(str, counts))} {what}, and {why} need at least "
            f"{needed} of each. {advice}"
        )


def _complete(values: ArrayLike, what: str) -> NDArray[Any]:
    """Values, none of which is missing."""
    try:
        array = np.asarray(values)
    except ValueError as error:  # lists of different lengths
        raise ProtocolError(f"{what} must be one value a row: {error}") from error
    if array.ndim != 1:
        raise ProtocolError(f"{what} must have shape (n_rows,), got {array.shape}")
    problem = f"{what} are missing (leave these rows out or fill them in)"
    refuse_rows(np.asarray(pd.isna(array)), problem, ProtocolError)
    return array


def _moments(dates: ArrayLike) -> NDArray[Any]:
    """Days, or plain numbers, that can be compared, shape (n_rows,)."""
    cells = np.asarray(dates)
    if cells.ndim != 1:
        raise ProtocolError(f"dates must have shape (n_rows,), got {cells.shape}")
    releases, unreadable = read_release_dates(list(dates))  # type: ignore[arg-type]
    if cells.dtype.kind in "iuf" and _plain_numbers(cells, releases):
        return cells
    problem = "dates are missing (leave these rows out or fill them in)"
    odd = np.isin(np.arange(len(cells)), [row for row, _ in unreadable])
    refuse_rows(~odd & [each is None for each in releases], problem, ProtocolError)
    refuse_rows(
        odd, "dates cannot be read", ProtocolError, [reprlib.repr(c) for c in cells.tolist()]
    )
    return np.array([each.first_day for each in releases if each], dtype="datetime64[D]")


def _plain_numbers(cells: NDArray[Any], releases: Sequence[ReleaseDate | None]) -> bool:
    if not np.isfinite(cells).all():
        return False
    decimal = cells % 1 != 0
    years = decimal & (cells >= FIRST_YEAR) & (cells <= LAST_YEAR)
    days = [each is not None and each.precision == "day" for each in releases]
    # 2019.5 and 20190208 have no order as numbers.
    return not any(releases) or bool(decimal.any() and not (years.any() and any(days)))
