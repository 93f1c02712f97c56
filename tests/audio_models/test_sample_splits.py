"""Splits of songs or samples: who stands on which side, and what the errors are."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.dummy import DummyRegressor
from sklearn.neighbors import KNeighborsRegressor

from spdkit.audio_models import PlayCountRegressor, evaluate, sample_split
from spdkit.common.errors import ParameterError
from spdkit.evaluation.splits import ProtocolError


def made_up(n_songs=30, seed=0):
    """Songs of 3 to 8 clips that resemble themselves alone, and plays that no sound explains."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(3, 9, n_songs)
    levels = rng.standard_normal((n_songs, 4))
    songs = [
        level + 0.01 * rng.standard_normal((n, 4)) for level, n in zip(levels, lengths, strict=True)
    ]
    return songs, rng.poisson(30, n_songs).astype(float)


def means(split):
    """The mean clip of each row."""
    return np.array([row.read(0, len(row)).mean(axis=0) for row in split.rows])


def sides(split):
    for fold in split.folds:
        yield split.song[fold.training], split.song[fold.validation], fold


def test_a_song_and_its_group_stand_on_one_side():
    songs, plays = made_up()
    groups = np.repeat(np.arange(15), 2)
    split = sample_split(songs, 3, groups=groups, k=5)
    tested = np.concatenate([fold.validation for fold in split.folds])
    np.testing.assert_array_equal(np.sort(tested), np.arange(30))
    assert [len(row) for row in split.rows] == [len(song) for song in songs]
    for training, test, fold in sides(split):
        assert not set(training) & set(test)
        assert not set(split.groups[fold.training]) & set(split.groups[fold.validation])
    table = evaluate(DummyRegressor(), split, plays, means(split)).rows
    np.testing.assert_array_equal(table["group"], groups[table["song"]])


def test_segments_of_a_song_stand_on_both_sides():
    songs, _ = made_up()
    split = sample_split(songs, 3, kind="segment", seed=1)
    counts = [len(song) // 3 for song in songs]
    np.testing.assert_array_equal(split.song, np.repeat(np.arange(30), counts))
    assert {len(row) for row in split.rows} == {3}
    second = int(np.flatnonzero(np.array(counts) == 2)[0])
    row = int(np.flatnonzero(split.song == second)[1])
    np.testing.assert_array_equal(split.rows[row].read(0, 3), np.float32(songs[second][3:6]))
    ((training, test, _),) = sides(split)
    assert len(test) == np.ceil(0.1 * sum(counts))
    assert set(training) & set(test)


def test_seeds_draw_other_songs():
    songs, _ = made_up()
    one, same, other = (sample_split(songs, 3, seed=seed).folds[0] for seed in (0, 0, 1))
    assert len(one.validation) == 3
    np.testing.assert_array_equal(one.validation, same.validation)
    assert list(one.validation) != list(other.validation)


def test_songs_shorter_than_a_sample_are_in_no_row():
    songs, plays = made_up()
    songs[4], songs[7] = songs[4][:2], songs[7][:0]
    for kind in ("song", "segment"):
        split = sample_split(songs, 3, kind=kind, groups=np.arange(30) // 2, k=3)
        assert split.left_out == ("song 4", "song 7")
        assert set(split.song) == set(range(30)) - {4, 7}
        result = evaluate(DummyRegressor(), split, plays, means(split))
        assert set(result.songs.index) == set(split.song)


def test_errors_are_in_deviations_of_the_rows_that_trained():
    songs, plays = made_up()
    plays[5] = 1e4  # an extreme, on whichever side
    split = sample_split(songs, 3, k=5)
    neighbour = KNeighborsRegressor(1)
    result = evaluate(neighbour, split, plays, means(split))
    errors, of_mean = np.empty(30), np.empty(30)
    for fold in split.folds:
        known, test = plays[fold.training], fold.validation
        fitted = neighbour.fit(means(split)[fold.training], known)
        errors[test] = (fitted.predict(means(split)[test]) - plays[test]) / known.std()
        of_mean[test] = (known.mean() - plays[test]) / known.std()
    assert result.mse.value == pytest.approx(np.mean(errors**2))
    assert result.mean_mse.value == pytest.approx(np.mean(of_mean**2))
    assert result.reduction.value == pytest.approx(1 - np.sum(errors**2) / np.sum(of_mean**2))
    assert result.reduction.low < result.reduction.value < result.reduction.high
    np.testing.assert_allclose(result.songs["mse"], errors**2)
    np.testing.assert_allclose(result.songs["mean_mse"], of_mean**2)


def test_the_mean_of_the_training_rows_has_an_error_of_1_there():
    songs, plays = made_up()
    split = sample_split(songs, 3, k=2)
    fold = split.folds[0]
    known = plays[fold.training]
    again = ((known - known.mean()) / known.std()) ** 2
    assert again.mean() == pytest.approx(1)
    mean = evaluate(DummyRegressor(), split, plays, means(split))
    assert mean.mse.value == pytest.approx(mean.mean_mse.value)
    assert mean.reduction.value == pytest.approx(0, abs=1e-12)


def test_segments_flatter_whoever_knows_a_song_again():
    songs, plays = made_up()
    neighbour = KNeighborsRegressor(1)
    by_song = sample_split(songs, 1, groups=np.arange(30), k=5)
    by_segment = sample_split(songs, 1, kind="segment", k=5)
    honest = evaluate(neighbour, by_song, plays, means(by_song))
    flattered = evaluate(neighbour, by_segment, plays, means(by_segment))
    assert honest.reduction.value < 0.2
    assert flattered.reduction.low > 0.99
    assert (flattered.songs["n_rows"] == [len(song) for song in songs]).all()


def test_a_table_is_taken_by_rows():
    songs, plays = made_up()
    split = sample_split(songs, 3, k=3)
    numbers = means(split)
    results = [
        evaluate(KNeighborsRegressor(2), split, plays, X)
        for X in (numbers, pd.DataFrame(numbers), numbers.tolist())
    ]
    for result in results[1:]:
        pd.testing.assert_frame_equal(result.rows, results[0].rows)


def test_the_net_reads_rows_and_its_curves_change_nothing():
    songs, plays = made_up(12)
    groups = np.arange(12) // 2
    split = sample_split(songs, 3, groups=groups, k=2)
    net = PlayCountRegressor(time_steps=3, units=(4,), max_epochs=2, random_state=0, device="cpu")
    plain = evaluate(net, split, plays)
    curves = evaluate(net, split, plays, curves=True)
    pd.testing.assert_frame_equal(plain.rows, curves.rows)
    np.testing.assert_array_equal(curves.history["fold"], [0, 0, 1, 1])
    pd.testing.assert_frame_equal(plain.history, curves.history.drop(columns="watched_loss"))
    assert not hasattr(net, "nets_")
    fold = split.folds[1]
    fitted = net.fit([songs[i] for i in fold.training], plays[fold.training])
    predicted = fitted.predict([songs[i] for i in fold.validation])
    expected = (predicted - plays[fold.training].mean()) / plays[fold.training].std()
    rows = plain.rows[plain.rows["fold"] == 1]
    np.testing.assert_allclose(rows["predicted"], expected)
    assert "no interval" in evaluate(DummyRegressor(), split, plays, means(split)).mse.reason


def test_groups_stay_together_where_songs_are_held_out(monkeypatch):
    songs, plays = made_up(12)
    seen = []
    fit = PlayCountRegressor.fit
    monkeypatch.setattr(
        PlayCountRegressor,
        "fit",
        lambda self, X, y, **more: seen.append(more) or fit(self, X, y, **more),
    )
    net = PlayCountRegressor(time_steps=3, units=(2,), max_epochs=1, random_state=0, device="cpu")
    groups = np.array(["a", "b", "c", "d", "e", "f"]).repeat(2)
    split = sample_split(songs, 3, groups=groups, k=2)
    evaluate(net, split, plays)
    np.testing.assert_array_equal(seen[0]["groups"], groups[split.folds[0].training])
    evaluate(net, sample_split(songs, 3, kind="segment", k=2), plays)
    assert "groups" not in seen[2]


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ({"kind": "track"}, ParameterError, "kind must be one of 'song', 'segment'"),
        ({"time_steps": 0}, ParameterError, "time_steps must be"),
        ({"groups": [1, 2]}, ParameterError, r"groups has shape \(2,\), there are 12 songs"),
        ({"test_share": 0}, ProtocolError, "leaves no rows to test"),
        ({"k": 13}, ProtocolError, "12"),
        ({"k": 4, "groups": [0, 1, 2] * 4}, ProtocolError, "3 groups"),
        ({"time_steps": 9}, ProtocolError, "0 rows"),
    ],
)
def test_what_cannot_be_split_is_refused(parameters, error, message):
    with pytest.raises(error, match=message):
        sample_split(made_up(12)[0], **{"time_steps": 3, **parameters})


def test_plays_that_cannot_be_scored_are_refused():
    songs, plays = made_up(12)
    split = sample_split(songs, 3, k=2)
    with pytest.raises(ParameterError, match="rows to learn from have 4 plays, which have no dev"):
        evaluate(DummyRegressor(), split, np.full(12, 4.0), means(split))
    with pytest.raises(ParameterError, match=r"shape \(5,\), there are 12 songs"):
        evaluate(DummyRegressor(), split, plays[:5], means(split))
    with pytest.raises(ParameterError, match="X has 5 rows, the split has 12"):
        evaluate(DummyRegressor(), split, plays, means(split)[:5])
