"""Selection: by validation inside the training period, and by the test rows under that name."""

import json

import numpy as np
import pandas as pd
import pytest
from made_plays import frame, noisy

from spdkit.forecast.data.checks import ForecastError
from spdkit.forecast.models.classical import SMA, RelativeMean, SeasonalNaive
from spdkit.forecast.models.recurrent import RecurrentForecaster
from spdkit.forecast.models.rolling import Rolling
from spdkit.forecast.scoring.metrics import f_score
from spdkit.forecast.selection import grid_search
from spdkit.forecast.selection.best_of import BestForecaster
from spdkit.forecast.selection.grid_search import candidates, select

TINY = RecurrentForecaster(units=(4, 3), epochs=2)


def test_the_grid_of_the_paper_has_36_candidates():
    made = candidates(TINY, {"input_size": range(1, 9)}, shifts="all", mode="reference")
    assert len(made) == 36  # 1 + 2 + … + 8
    assert {(one.input_size, one.rolling.shift) for one in made} == {
        (p, s) for p in range(1, 9) for s in range(1, p + 1)
    }
    assert {one.rolling.mode for one in made} == {"reference"}


def test_a_grid_without_shifts_is_every_combination():
    grid = candidates(SMA(), {"k": [2, 3], "partial": [False, True]})
    labels = [(one.k, one.partial) for one in grid]
    assert labels == [(2, False), (2, True), (3, False), (3, True)]


def test_shifts_that_a_unit_does_not_allow_are_left_out():
    made = candidates(TINY, {"input_size": [1, 3]}, shifts=[1, 3])
    assert [(one.input_size, one.rolling.shift) for one in made] == [(1, 1), (3, 1), (3, 3)]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: candidates(SMA(), {"window": [1]}), "SMA has no parameter window, only k"),
        (lambda: candidates(SMA(), {"k": []}), "the grid has no candidates"),
        (lambda: candidates(SMA(), {"k": [1]}, shifts="all"), r"SMA\(1\) has none"),
        (lambda: candidates(TINY, {"input_size": [2]}, shifts=[9]), "no candidates"),
        (lambda: select([], frame({"a": [1, 2]}), 1), "no candidates to select from"),
        (
            lambda: select([SMA(1)], frame({"a": [1, 2]}), 1, metric="r2"),
            "metric must be one of .* got 'r2'",
        ),
        (
            lambda: select([SMA(1)], frame({"a": [1, 2]}), 1, select_on="test"),
            "test rows go with select_on='test'",
        ),
        (
            lambda: select([SMA(1)], frame({"a": [1, 2]}), 1, test=frame({"a": [1]})),
            "test rows go with select_on='test'",
        ),
        (
            lambda: select([SMA(1)], frame({"a": [1, 2]}), 1, select_on="train"),
            "select_on must be one of 'validation', 'test', got 'train'",
        ),
        (
            lambda: select(
                [SMA(1)], frame({"a": [1, 2]}), 1, select_on="test", test=frame({"a": [1]})
            ),
            "the 1 rows that follow each series",
        ),
    ],
)
def test_what_is_refused(call, message):
    with pytest.raises(ForecastError, match=message):
        call()


def test_validation_picks_by_the_mean_over_windows():
    # Two seasons that repeat exactly: the seasonal forecast is perfect, so F is Σ φ.
    df = frame({"a": [1, 5, 1, 5, 1, 5], "b": [9, 2, 9, 2, 9, 2]})
    found = select([SMA(2), SeasonalNaive(2)], df, 2, n_windows=2)
    perfect = np.sqrt(6) + np.sqrt(11)
    assert found.best_row == 1
    assert isinstance(found.best, SeasonalNaive)
    assert not hasattr(found.best, "panel_")
    assert found.scores["mean"][1] == pytest.approx(perfect)
    # SMA(2) says 3 and 5.5: σ² = ((3-1)/1)²/2 + ((3-5)/5)²/2, and so for b.
    by_hand = f_score([[1, 5], [9, 2]], [[3, 3], [5.5, 5.5]]).value
    assert found.scores["mean"][0] == pytest.approx(by_hand)
    assert found.scores.columns.tolist() == [
        "candidate",
        "cutoff 2015-03-02",
        "cutoff 2015-03-04",
        "mean",
        "reason",
    ]
    assert found.rows == (
        "validation rows of training: 2015-03-03 to 2015-03-04, 2015-03-05 to 2015-03-06"
    )


@pytest.mark.parametrize("metric", ["mae", "rmse", "wape"])
def test_errors_are_made_small(metric):
    df = frame({"a": [1, 5, 1, 5, 1, 5]})
    found = select([SMA(2), SeasonalNaive(2)], df, 2, metric=metric)
    assert found.best_row == 1
    assert found.scores["mean"][1] == 0


def test_the_test_rows_choose_only_when_asked_and_say_so():
    df = frame({"a": [1, 5, 1, 5]})
    test = frame({"a": [3, 3]}, first="2015-03-05")
    honest = select([SMA(2), SeasonalNaive(2)], df, 2)
    peeked = select([SMA(2), SeasonalNaive(2)], df, 2, select_on="test", test=test)
    assert (honest.best_row, peeked.best_row) == (1, 0)
    assert peeked.rows == "test rows (chosen on the answers): 2015-03-05 to 2015-03-06"
    assert peeked.scores["mean"][0] == pytest.approx(np.sqrt(6))


def test_what_comes_later_changes_nothing():
    df = noisy(3, 60)
    absurd = frame({f"artist {i}": np.full(5, 1e9) for i in range(3)}, first="2015-04-30")
    later = pd.concat([df, absurd]).sort_values(["unique_id", "ds"])
    asked = [SMA(k) for k in (1, 3, 9)]
    cut = later[later["ds"] < "2015-04-30"]
    one, two = select(asked, df, 5, n_windows=2), select(asked, cut, 5, n_windows=2)
    pd.testing.assert_frame_equal(one.scores, two.scores)


def test_one_training_serves_all_shifts(monkeypatch):
    fits = []
    whole = RecurrentForecaster._fit

    def counted(self, panel):
        fits.append(self.input_size)
        whole(self, panel)

    monkeypatch.setattr(RecurrentForecaster, "_fit", counted)
    df = noisy(2, 40)
    asked = candidates(TINY, {"input_size": [2, 3]}, shifts="all")
    found = select(asked, df, 6)
    assert fits == [2, 3]
    alone = [select([one], df, 6).scores["mean"][0] for one in asked]
    assert found.scores["mean"].tolist() == alone


def test_a_journal_goes_on_where_it_was(tmp_path, monkeypatch):
    journal, df = tmp_path / "deep" / "scores.jsonl", noisy(2, 30)
    asked = [SMA(1), SMA(2), SMA(3)]
    first = select(asked[:2], df, 4, n_windows=2, journal=journal)
    assert len(journal.read_text().splitlines()) == 4
    with journal.open("a") as file:
        file.write('{"key": "torn')  # killed in the middle of a line

    fitted = []
    whole = SMA._fit

    def counted(self, panel):
        fitted.append(self.k)
        whole(self, panel)

    monkeypatch.setattr(SMA, "_fit", counted)
    found = select(asked, df, 4, n_windows=2, journal=journal)
    assert fitted == [3, 3]
    assert found.scores["mean"][:2].tolist() == first.scores["mean"].tolist()
    assert [set(json.loads(line)) for line in journal.read_text().splitlines()] == [
        {"key", "score"}
    ] * 6


def test_a_journal_of_other_rows_is_not_believed(tmp_path):
    journal = tmp_path / "scores.jsonl"
    one = select([SMA(1)], noisy(2, 30, seed=1), 4, journal=journal)
    two = select([SMA(1)], noisy(2, 30, seed=2), 4, journal=journal)
    assert one.scores["mean"][0] != two.scores["mean"][0]
    assert two.scores["mean"][0] == select([SMA(1)], noisy(2, 30, seed=2), 4).scores["mean"][0]


@pytest.mark.parametrize("content", ["years of work", 'hello\n{"key'])
def test_a_file_of_somebody_else_is_no_journal(tmp_path, content):
    journal = tmp_path / "scores.jsonl"
    journal.write_text(content)
    with pytest.raises(ForecastError, match=r"scores.jsonl.* journal"):
        select([SMA(1)], noisy(1, 9), 2, journal=journal)
    assert journal.read_text() == content


def test_a_damaged_journal_is_refused_by_line(tmp_path):
    journal = tmp_path / "scores.jsonl"
    journal.write_text('{"key": "a", "score": 1}\nhello\n')
    with pytest.raises(ForecastError, match=r"scores.jsonl, line 2: not a line"):
        select([SMA(1)], noisy(1, 9), 2, journal=journal)


def test_a_candidate_that_cannot_be_fitted_is_recorded():
    df = frame({"a": [1, 2, 3, 4, 5, 6]})
    found = select([SMA(50), SMA(1)], df, 2)
    assert found.best_row == 1
    assert np.isnan(found.scores["mean"][0])
    assert "at least 50" in found.scores["reason"][0]
    assert found.scores["reason"][1] == ""
    with pytest.raises(ForecastError, match=r"none of 1 candidates can be scored.*at least 50"):
        select([SMA(50)], df, 2)


def test_days_without_plays_are_refused_by_name_or_skipped():
    df = frame({"a": [1, 2, 3, 0, 5]})
    with pytest.raises(ForecastError, match="series 'a'"):
        select([SMA(1)], df, 2, metric="f")
    assert select([SMA(1)], df, 2, metric="f", zero="skip").best_row == 0


def test_where_f_does_not_exist_wape_chooses_and_mae_where_nothing_came():
    quiet = [1, 2, 3, 0, 5]
    models = [SMA(1), SMA(2)]
    assert select(models, frame({"a": [1, 2, 3, 4, 5]}), 2).metric == "f"
    assert select(models, frame({"a": quiet}), 2, zero="skip").metric == "f"
    for way in ({}, {"metric": "wape"}, {"metric": "mean_wape"}):
        chosen = select(models, frame({"a": quiet}), 2, **way)
        assert chosen.metric == way.get("metric", "wape")
        over = select(models, frame({"a": [4, 4, 0, 0, 0, 0]}), 2, n_windows=2, **way)
        assert over.metric == "mae" and over.best_row == 0


def test_a_window_of_zeros_does_not_choose():
    # SMA(1) is right in the last window, which is of zeros, SMA(3) in the one before the zeros.
    df = frame({"a": [3, 2, 4, 3, 3, 0, 0, 0, 0]})
    chosen = select([SMA(1), SMA(3)], df, 2, n_windows=3, metric="wape")
    assert list(chosen.scores.columns) == ["candidate", "cutoff 2015-03-03", "mean", "reason"]
    assert chosen.rows == "validation rows of training: 2015-03-04 to 2015-03-05"
    assert chosen.best.label == "SMA(3)"


def test_best_falls_back_where_no_candidate_can_be_scored():
    df = frame({"a": [-1, 2, 3, 4, 5, 6], "b": [7]})  # below 0, for which it has no relative error
    df = pd.concat([df, df[df["unique_id"] == "b"].assign(ds=df["ds"].iloc[1])])
    only = [RelativeMean()]
    with pytest.raises(ForecastError, match="none of 1 candidates can be scored; the first: "):
        BestForecaster(only, 1, n_windows=1).fit(df)
    best = BestForecaster(only, 1, n_windows=1, fallback=SMA(4, partial=True)).fit(df)
    assert best.selection_ is None and best.best_.label == "SMA(4, partial)"
    assert best.predict(1)["best"].tolist() == [4.5, 7.0]


def test_the_least_demanding_candidate_says_how_many_rows_are_enough():
    # Two windows of 2 rows, and the 3 of the least demanding before them.
    assert BestForecaster([SMA(9), SMA(3)], 2, n_windows=2).least_rows() == 7


def test_best_is_the_winner_fitted_on_everything():
    df = frame({"a": [1, 5, 1, 5, 1, 5]})
    best = BestForecaster([SMA(2), SeasonalNaive(2)], 2, n_windows=2).fit(df)
    assert isinstance(best.best_, SeasonalNaive)
    assert best.predict(3)["best"].tolist() == [1.0, 5.0, 1.0]
    assert best.selection_.rows.startswith("validation rows of training")


def test_best_of_none_is_refused():
    with pytest.raises(ForecastError, match=r"candidates must be a sequence .* got \[\]"):
        BestForecaster([], 2).fit(frame({"a": [1, 2]}))


def test_rollings_in_other_modes_share_the_training_too():
    ways = [Rolling(1), Rolling(1, mode="reference", start="penultimate")]
    asked = [RecurrentForecaster(units=(4, 3), epochs=2, rolling=way) for way in ways]
    assert list(grid_search._sharing(asked)) == [[0, 1]]
    direct = RecurrentForecaster(units=(4, 3), epochs=2)
    assert list(grid_search._sharing([*asked, direct])) == [[0, 1], [2]]
