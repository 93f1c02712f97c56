"""Fit: which rows a protocol takes from a data set, what it tells of them, and what is refused."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest

from spdkit.common.artist_credits import read_credits
from spdkit.common.errors import SpdkitError, SpdkitWarning
from spdkit.popularity.fit import FitSettings, _strata, in_points, release_dates, split_rows
from spdkit.store.dataset import Dataset, LoadReport

N = 60
IDS = pd.Index([f"t{i:02d}" for i in range(N)], name="track_id")
REPORT = LoadReport(N, N, N, (), (), 0, (), "artist_id", (), (), (), {})


def data(artists=None, X=None, **facts):
    """Songs of twenty artists, about which only `facts` are known."""
    cells = [f"artist {i % 20}" for i in range(N)] if artists is None else artists
    credits = pd.Series(read_credits(cells), IDS)
    features = pd.DataFrame({"energy": np.arange(N) / N} if X is None else X, index=IDS)
    return Dataset(
        X=features,
        y=pd.Series(np.arange(N) % 50 * 2.0, IDS, name="popularity"),
        groups=credits.map(lambda names: names[0]).rename("artist_id"),
        credits=credits,
        modality=pd.Series("metadata", features.columns),
        about=pd.DataFrame(facts, index=IDS),
        report=REPORT,
    )


YEARS = 1940 + np.arange(N)
FORMS = {
    "days": lambda year: f"{year}-05-17",
    "years": int,
    "years with gaps beside them": float,
    "texts of years": str,
    "compact days": lambda year: f"{year}0517",
    "compact numbers": lambda year: int(f"{year}0517"),
    "months": lambda year: f"{year}-05",
    "moments": lambda year: f"{year}-05-17T00:00:00Z",
    "words": lambda year: f"17 May {year}",
    "lists": lambda year: [f"{year}-05-17"],
}


@pytest.mark.parametrize("other", FORMS)
def test_the_latest_test_in_whatever_forms_dates_are(other):
    cells = [FORMS[other if i % 2 else "days"](int(year)) for i, year in enumerate(YEARS)]
    order = np.random.default_rng(0).permutation(N)
    songs = data(release_date=pd.Series(cells, dtype=object).iloc[order].to_numpy())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SpdkitWarning)
        splits = split_rows(songs, "time", k=2)
    assert sorted(YEARS[order][splits.test]) == list(range(1988, 2000))
    for fold in splits.folds:
        assert YEARS[order][fold.training].max() < YEARS[order][fold.validation].min()


@pytest.mark.parametrize(
    ("smallest", "options", "stratified"),
    [
        (12, {}, True),  # twice the five folds and the test
        (11, {}, False),
        (12, {"k": 5}, True),
        (8, {"k": 3}, True),
        (7, {"k": 3}, False),
        (6, {"k": None}, True),
        (5, {"k": None}, False),
    ],
)
def test_classes_are_in_each_part_where_each_has_twice_as_many_rows(smallest, options, stratified):
    classes = [0] * 40 + [2] * smallest  # of class 1 there is none
    assert _strata(classes, options) is (classes if stratified else None)


def test_two_precisions_are_told():
    songs = data(release_date=[f"{year}-05-17" if year % 3 else str(year) for year in YEARS])
    with pytest.warns(SpdkitWarning, match="40 to the day, 20 to the year: each counts as its"):
        splits = split_rows(songs, "time", k=2)
    assert len(splits.remarks) == 1


def test_songs_without_a_date_are_on_no_side_and_counted():
    dates = [("unknown", "", None)[i % 3] if i < 6 else str(year) for i, year in enumerate(YEARS)]
    with pytest.warns(SpdkitWarning, match=r"when they came out, left out: 6 \('t00', 't01'"):
        splits = split_rows(data(release_date=dates), "time", k=2)
    rows = np.concatenate([splits.development, splits.test])
    assert sorted(rows) == list(range(6, N))
    assert set(splits.test) == set(range(49, N))
    folds = [row for fold in splits.folds for row in (*fold.training, *fold.validation)]
    assert set(folds) <= set(splits.development)


def test_dates_of_nobody_are_refused_with_what_to_do():
    with pytest.raises(SpdkitError, match=r"none has a release_date or release_year.*--metadata"):
        split_rows(data(title="1999", release_date="unknown"), "time", k=2)


def test_dates_come_from_every_fact_and_from_the_feature():
    songs = data(
        release_date=["1975-03-21"] + [None] * (N - 1),
        date=["2005"] * 2 + [""] * (N - 2),
        release_year=[2005.0, np.nan, 1980.0] + [np.nan] * (N - 3),
        X={"release_year": np.full(N, 1999.0)},
    )
    years = [each.year for each in release_dates(songs)]
    assert years == [1975, 2005, 1980] + [1999] * (N - 3)


def test_co_artists_on_both_sides_are_counted_and_named():
    artists = [f"artist {i % 20}{'; guest' if i % 7 == 0 else ''}" for i in range(N)]
    songs = data(artists=artists)
    with pytest.warns(SpdkitWarning, match=r"not as the first of their song: 1 \('guest'\)"):
        splits = split_rows(songs, "artist", k=None)
    first = songs.groups.to_numpy()
    assert not set(first[splits.development]) & set(first[splits.test])
    with pytest.warns(SpdkitWarning, match="up to 1 "):
        split_rows(songs, "artist", k=2)
    # An artist alone is on one side, and nothing is to be told.
    assert not split_rows(data(), "artist", k=2).remarks


def test_shares_become_points():
    songs = data()
    shares = Dataset(**{**vars(songs), "y": songs.y / 100})
    pd.testing.assert_series_equal(in_points(shares, (0, 1)).y, songs.y)
    for wrong in ((1, 0), (0, np.inf), (np.nan, 1), (0, 0)):
        with pytest.raises(ValueError, match="target_range must be"):
            in_points(shares, wrong)


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"task": "ranking"}, "task must be one of 'regression'"),
        ({"preset": "1-Z"}, "preset must be one of"),
        ({"protocol": "honest"}, "protocol must be one of"),
        ({"test_share": 1.0}, r"test_share must be a number in \[0, 1\)"),
        ({"test_share": "0.2"}, "test_share must be a number"),
        ({"test_share": np.nan}, "test_share must be a number"),
        ({"thresholds": (65, 25)}, "thresholds must rise"),
        ({"thresholds": (25,)}, "thresholds must be two numbers"),
        ({"thresholds": "terciles"}, "thresholds='terciles'"),
        ({"seed": -1}, "seed must be a whole number of at least 0"),
        ({"explained": "no"}, "explained must be True or False"),
    ],
)
def test_settings_out_of_range_are_named(settings, reason):
    with pytest.raises(ValueError, match=reason):
        FitSettings(**settings)
