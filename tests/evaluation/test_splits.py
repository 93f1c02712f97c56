"""Splits: disjoint, complete, near their shares, the same for one seed; artists and dates kept."""

from __future__ import annotations

import datetime
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st

from spdkit.common.errors import SpdkitWarning
from spdkit.evaluation.splits import (
    PROTOCOLS,
    ProtocolError,
    artist_split,
    paper_split,
    reference_split,
    split,
    time_split,
)

quick = settings(deadline=None, max_examples=40)
seeds = st.integers(0, 2**32 - 1)
folds = st.sampled_from([2, 5, 10])
shares = st.sampled_from([0.0, 0.1, 0.2, 0.35])


def catalog(seed, n_rows=300):
    """Classes as on MusicOSet, artists of one to some 30 songs, dates by the month."""
    rng = np.random.default_rng(seed)
    return {
        "classes": rng.choice(3, size=n_rows, p=[0.36, 0.5, 0.14]),
        "groups": np.array([f"artist {int(i)}" for i in 80 * rng.random(n_rows) ** 2]),
        "dates": np.datetime64("1990-01") + rng.integers(0, 240, n_rows),
    }


def all_of(splits):
    """Every set of rows there is."""
    return [splits.development, splits.test] + [
        rows for fold in splits.folds for rows in (fold.training, fold.validation)
    ]


def check_partition(splits, n_rows, k):
    assert len(splits.folds) == k
    assert np.array_equal(np.sort(np.concatenate([splits.development, splits.test])), range(n_rows))
    for fold in splits.folds:
        assert len(fold.training) and len(fold.validation)
        assert not set(fold.training) & set(fold.validation)
    for rows in all_of(splits):
        assert (np.diff(rows) > 0).all()


@quick
@given(seeds, folds, shares)
def test_random_splits(seed, k, test_share):
    data = catalog(seed)
    made = paper_split(300, data["classes"], k=k, test_share=test_share, seed=seed)
    check_partition(made, 300, k)
    assert abs(len(made.test) - 300 * test_share) <= 1
    validated = np.concatenate([fold.validation for fold in made.folds])
    assert np.array_equal(np.sort(validated), made.development)
    for fold in made.folds:
        both = np.sort(np.concatenate([fold.training, fold.validation]))
        assert np.array_equal(both, made.development)
        # Stratified: every class is in every fold, one row more or less.
        counts = np.bincount(data["classes"][fold.validation], minlength=3)
        wanted = np.bincount(data["classes"][made.development], minlength=3) / k
        assert (np.abs(counts - wanted) < 1).all()
    if test_share:
        counts = np.bincount(data["classes"][made.test], minlength=3)
        assert (np.abs(counts - np.bincount(data["classes"]) * test_share) <= 1.01).all()


@quick
@given(seeds, st.sampled_from([2, 5]), shares)
def test_no_artist_is_on_two_sides(seed, k, test_share):
    data = catalog(seed)
    made = artist_split(data["groups"], data["classes"], k=k, test_share=test_share, seed=seed)
    check_partition(made, 300, k)
    artists = data["groups"]
    assert not set(artists[made.test]) & set(artists[made.development])
    for fold in made.folds:
        assert not set(artists[fold.training]) & set(artists[fold.validation])
        both = np.sort(np.concatenate([fold.training, fold.validation]))
        assert np.array_equal(both, made.development)
    validated = np.concatenate([fold.validation for fold in made.folds])
    assert np.array_equal(np.sort(validated), made.development)


@settings(deadline=None, max_examples=10)
@given(seeds, shares)
def test_artist_splits_are_near_their_shares_and_strata(seed, test_share):
    rng = np.random.default_rng(seed)
    artists, classes = rng.integers(400, size=1000), rng.choice(3, size=1000, p=[0.3, 0.5, 0.2])
    made = artist_split(artists, classes, k=5, test_share=test_share, seed=seed)
    assert abs(len(made.test) - 1000 * test_share) < 30
    wanted = np.bincount(classes, minlength=3) / 1000
    for rows in [fold.validation for fold in made.folds] + [made.test] * bool(test_share):
        assert np.abs(np.bincount(classes[rows], minlength=3) / len(rows) - wanted).max() < 0.06
    for fold in made.folds:
        assert abs(len(fold.validation) - len(made.development) / 5) < 30


@quick
@given(seeds, folds, shares)
def test_time_never_runs_back(seed, k, test_share):
    dates = catalog(seed)["dates"]
    made = time_split(dates, k=k, test_share=test_share)
    check_partition(made, 300, k)
    # Strictly before: releases of one date are on one side.
    if test_share:
        assert dates[made.development].max() < dates[made.test].min()
        assert abs(len(made.test) - 300 * test_share) <= 6
    else:
        assert not len(made.test)
    for fold in made.folds:
        assert dates[fold.training].max() < dates[fold.validation].min()
    for before, after in zip(made.folds[:-1], made.folds[1:], strict=True):
        grown = np.sort(np.concatenate([before.training, before.validation]))
        assert np.array_equal(grown, after.training)
    last = made.folds[-1]
    whole = np.sort(np.concatenate([last.training, last.validation]))
    assert np.array_equal(whole, made.development)
    sizes = [len(fold.validation) for fold in made.folds]
    assert abs(np.array(sizes) - len(made.development) / (k + 1)).max() <= 8


@given(seeds, st.sampled_from(PROTOCOLS))
@settings(deadline=None, max_examples=20)
def test_one_seed_one_split(seed, protocol):
    data = catalog(0)
    first, again = (split(protocol, 300, seed=seed, k=2, **data) for _ in range(2))
    assert all(np.array_equal(a, b) for a, b in zip(all_of(first), all_of(again), strict=True))
    other = split(protocol, 300, seed=seed // 2 + 1, k=2, **data)
    pairs = zip(all_of(first), all_of(other), strict=True)
    differs = not all(np.array_equal(a, b) for a, b in pairs)
    assert differs == (protocol != "time" and seed != seed // 2 + 1)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_fifth_tests_and_five_folds_are_made_unless_told_otherwise(protocol):
    def rows(call, *columns, **options):
        made = call(*columns, **options)
        return [list(part) for part in (made.test, *(fold.validation for fold in made.folds))]

    table = {"groups": np.arange(90) // 3, "dates": np.arange(90), "classes": np.arange(90) % 2}
    told = {"k": 5, "test_share": 0.2} | ({} if protocol == "time" else {"seed": 0})
    alone = {"time": ("dates",), "artist": ("groups", "classes")}.get(protocol, ("classes",))
    columns = [] if protocol in ("time", "artist") else [90]
    columns += [table[name] for name in alone]
    call = {
        **{"paper": paper_split, "reference": reference_split},
        **{"artist": artist_split, "time": time_split},
    }[protocol]
    explicit = rows(call, *columns, **told)
    assert rows(call, *columns) == rows(split, protocol, 90, **table) == explicit
    assert (len(explicit), len(explicit[0])) == (6, 18)


def test_reference_has_the_rows_of_paper_and_says_that_it_leaks():
    classes = catalog(1)["classes"]
    honest, leaky = paper_split(300, classes, seed=4), reference_split(300, classes, seed=4)
    for a, b in zip(all_of(honest), all_of(leaky), strict=True):
        assert np.array_equal(a, b)
    assert leaky.leaky and "autoencoder" in leaky.about
    assert str(leaky) == "reference: 240 rows in 5 folds, 60 to test (20.0 %)"
    made = {name: split(name, 300, **catalog(1)) for name in PROTOCOLS}
    assert {name for name, splits in made.items() if splits.leaky} == {"reference"}
    assert all(splits.protocol == name for name, splits in made.items())


def test_time_by_hand():
    # 12 releases in 6 years, two a year; the last 1/6 tests, and 2 folds need 3 spans of 5 years.
    years = np.repeat([2015, 2010, 2011, 2012, 2013, 2014], 2)
    made = time_split(years, k=2, test_share=1 / 6)
    assert made.test.tolist() == [0, 1]
    first, second = made.folds
    # 10 rows in 3 spans end at 3.3, 6.7, 10: the nearest ends of years are 4, 6 and 10.
    assert first.training.tolist() == [2, 3, 4, 5]
    assert first.validation.tolist() == [6, 7]
    assert second.training.tolist() == [2, 3, 4, 5, 6, 7]
    assert second.validation.tolist() == [8, 9, 10, 11]


def test_every_fold_has_a_date_where_one_date_has_most_rows():
    years = np.repeat(np.arange(2001, 2009), [1, 1, 1, 1, 100, 1, 1, 20])
    folds = time_split(years, k=3, test_share=0.1).folds
    assert [len(np.unique(years[fold.validation])) for fold in folds] == [1, 1, 1]
    assert years[folds[-1].validation[-1]] == 2007


@pytest.mark.parametrize(
    "dates",
    [
        ["2001", "2001-06", "2001-06-02", "2003", "2001-06-01"],
        pd.Series(["2001", "2001-06", "2001-06-02", "2003", "2001-06-01"]),
        pd.to_datetime(["2001-01-01", "2001-06-01", "2001-06-02", "2003-01-01", "2001-06-01"]),
        [datetime.date(*day) for day in [(2001, 1, 1), (2001, 6, 1), (2001, 6, 2), (2003, 1, 1)]]
        + [datetime.datetime(2001, 6, 1)],
        [2001.0, 2001.5, 2001.6, 2003.0, 2001.5],
    ],
)
def test_dates_of_every_kind(dates):
    made = time_split(dates, k=2, test_share=0.2)
    assert made.test.tolist() == [3]
    assert [fold.training.tolist() for fold in made.folds] == [[0], [0, 1, 4]]
    assert [fold.validation.tolist() for fold in made.folds] == [[1, 4], [2]]


def test_an_artist_too_large_for_the_test_is_developed_on():
    groups = np.concatenate([np.zeros(120), np.arange(1, 81)])
    classes = np.arange(200) % 3
    for seed in range(5):
        made = artist_split(groups, classes, k=2, test_share=0.2, seed=seed)
        assert 0 not in groups[made.test]
        assert len(made.test) == 16  # a fifth of the others


def test_without_classes_nothing_is_stratified_and_few_rows_do():
    made = paper_split(7, k=5)
    check_partition(made, 7, 5)
    check_partition(artist_split(list("abcdefg"), k=5), 7, 5)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: paper_split(5, k=5), "5 rows are too few for 5 folds and the test"),
        (lambda: paper_split(0, k=2, test_share=0), "0 rows are too few"),
        (lambda: paper_split(9, k=1), "k must be a whole number of at least 2, got 1"),
        (
            lambda: paper_split(9, test_share=1.0),
            r"test_share must be a number in \[0, 1\), got 1.0",
        ),
        (lambda: paper_split(9, test_share=math.nan), "test_share must be a number"),
        (lambda: paper_split(9, [0] * 8, k=2), "8 classes for 9 rows"),
        (lambda: paper_split(9, [0.0] * 8 + [math.nan], k=2), "1 of 9 classes are missing.* row 8"),
        (
            lambda: paper_split(60, [0] * 55 + [1] * 5, k=5),
            "the classes have 44, 4 rows to develop on, and 5 folds need at least 5 of each",
        ),
        (lambda: paper_split(30, [0] * 29 + [1], k=2), "the classes have 29, 1 rows, and a test"),
        (
            lambda: paper_split(20, [0] * 10 + [1] * 10, test_share=0.01),
            "20 rows cannot be split.*--test",
        ),
        (lambda: artist_split(["a"] * 9 + ["b"], k=2), r"2 groups cannot make 5 parts.*share 0\.5"),
        (
            lambda: artist_split(list("abcd") * 3, test_share=0.3),
            r"make 10 parts.*--test-share 0\.25\)$",
        ),
        (lambda: artist_split(["a"] * 9), "1 groups cannot make 5 parts.*--protocol paper"),
        (
            lambda: artist_split(list("aabbccdd"), k=5, test_share=0),
            "make 5 folds.*--k.*smaller test",
        ),
        (
            lambda: time_split([2019.5, 20190208.0, 2018.0, 2017.0], k=2),
            "dates cannot be read.*2019.5",
        ),
        (
            lambda: artist_split(["a", None, "b"], k=2),
            "1 of 3 groups are missing .leave.* row 1",
        ),
        (
            lambda: artist_split(
                [i % 30 for i in range(60)], [i % 30 == 3 for i in range(60)], k=2
            ),
            "the classes have 58, 2 rows, and 5 parts",
        ),
        (
            # All hits are one artist's: wherever they are validated, none is left to train on.
            lambda: artist_split(np.repeat(range(30), 6), np.repeat([1] + [0] * 29, 6), k=2),
            "the 6 rows of class 1 are of 1 groups, and none is left to train on in fold",
        ),
        (lambda: time_split([2001, math.nan, 2003], k=2), "1 of 3 dates are missing.* row 1"),
        (lambda: time_split(pd.Series(["2001", None]), k=2), "1 of 2 dates are missing"),
        (lambda: time_split(["2001", "spring", "2003"], k=2), "dates cannot be read.*spring"),
        (
            lambda: time_split([2001] * 50 + [2002] * 50, k=5),
            "100 rows have 2 different dates; 5 folds in time and a test need 7",
        ),
        (lambda: time_split([[1, 2], [3, 4]]), r"dates must have shape \(n_rows,\), got \(2, 2\)"),
        (lambda: split("honest", 9), "no protocol 'honest'; there are paper, artist, time"),
        (lambda: split("artist", 9), "'artist' needs groups, one a row; there are none"),
        (lambda: split("time", 9, dates=[2001] * 8), "8 dates for 9 rows"),
    ],
)
def test_what_cannot_be_split_is_refused(call, message):
    with pytest.raises(ProtocolError, match=message):
        call()


def test_groups_that_are_lists_of_artists_are_told():
    groups = [f"artist {i % 30}{'; guest' if i % 3 == 0 else ''}" for i in range(90)]
    with pytest.warns(SpdkitWarning, match="30 of 90 groups name several artists.*read_credits"):
        artist_split(groups, k=2)
    artist_split([f"Earth, Wind & Fire {i % 30}" for i in range(90)], k=2)


@pytest.mark.parametrize("protocol", ["paper", "artist", "time"])
def test_without_folds_the_test_is_the_same_and_needs_less(protocol):
    by = {"groups": [i % 30 for i in range(90)], "dates": [1950 + i % 45 for i in range(90)]}
    with_folds, without = (split(protocol, 90, **by, k=k) for k in (2, None))
    np.testing.assert_array_equal(without.test, with_folds.test)
    assert without.folds == () and len(with_folds.folds) == 2
    few = split(protocol, 2, groups=[1, 2], dates=[2001, 2002], k=None, test_share=0.5)
    assert len(few.test) == len(few.development) == 1
