"""Play counts: what is learned from songs, what is told, and the model in another process."""

from __future__ import annotations

import pickle
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import torch
from clip_tables import write_songs
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

import spdkit
from spdkit.audio_models import PlayCountRegressor, load_audio_model, samples
from spdkit.audio_models.serialization import AudioModelError
from spdkit.common.errors import ParameterError, SpdkitWarning
from spdkit.nets.training import DivergedError
from spdkit.store.clip_store import ClipStore


def planted(n_songs=40, seed=0, n_values=3):
    """Songs of 4 to 9 clips, whose plays follow from the mean of their clips."""
    rng = np.random.default_rng(seed)
    levels = rng.standard_normal((n_songs, n_values))
    songs = [level + 0.2 * rng.standard_normal((rng.integers(4, 10), n_values)) for level in levels]
    return songs, 50 + 10 * levels[:, 0]


def model(**parameters):
    settings = {"time_steps": 2, "units": (8,), "max_epochs": 2, "random_state": 0, "device": "cpu"}
    return PlayCountRegressor(**{**settings, **parameters})


@pytest.fixture(scope="module")
def data():
    return planted()


@pytest.fixture(scope="module")
def fitted(data):
    return model().fit(*data)


def test_plays_are_learned_from_the_sound(data):
    learned = model(max_epochs=30, learning_rate=0.01).fit(*data)
    assert learned.score(*planted(seed=1)) > 0.7
    losses = learned.history_
    assert list(losses.columns) == ["member", "epoch", "loss"]
    assert list(losses["epoch"]) == list(range(1, 31))
    assert losses["loss"].iloc[0] > 0.6 > 5 * losses["loss"].iloc[-1]


def test_it_is_an_estimator_of_scikit_learn(tmp_path):
    unfitted = model(units=(8, 4), hidden=(5,), members=2)
    again = clone(unfitted)
    assert again is not unfitted
    assert again.get_params() == unfitted.get_params()
    assert again.set_params(time_steps=3).time_steps == 3
    assert spdkit.PlayCountRegressor is PlayCountRegressor
    with pytest.raises(NotFittedError):
        unfitted.predict([np.ones((4, 3))])
    with pytest.raises(NotFittedError):
        unfitted.save(tmp_path / "model")


def test_seeds_say_what_is_learned_and_nothing_else_does(data):
    torch.manual_seed(5)
    before = torch.get_rng_state()
    one = model(dropout=0.2, members=2).fit(*data)
    assert torch.equal(before, torch.get_rng_state())
    torch.manual_seed(6)
    same = model(dropout=0.2, members=2).fit(*data)
    other = model(dropout=0.2, members=2, random_state=1).fit(*data)
    np.testing.assert_array_equal(one.predict(data[0]), same.predict(data[0]))
    pd.testing.assert_frame_equal(one.history_, same.history_)
    assert (one.predict(data[0]) != other.predict(data[0])).all()


def test_a_song_is_the_mean_of_its_samples_whatever_is_beside_it(fitted, data):
    songs = data[0]
    long = next(song for song in songs if len(song) >= 8)
    parts = fitted.predict([long[i : i + 2] for i in range(0, len(long) - 1, 2)])
    assert fitted.predict([long])[0] == pytest.approx(parts.mean(), rel=1e-6)
    together = fitted.predict(songs)
    alone = [fitted.predict([song])[0] for song in songs]
    np.testing.assert_array_equal(together, alone)


def test_the_clips_that_remain_do_not_count(fitted, data):
    song = data[0][0][:4]
    more = np.vstack([song, 100 * np.ones((1, 3))])
    np.testing.assert_array_equal(fitted.predict([song]), fitted.predict([more]))


def test_members_are_averaged_and_differ(data):
    both = model(members=2, time_steps=1).fit(*data)
    np.testing.assert_array_equal(both.history_["member"], [0, 0, 1, 1])
    nets, alone = both.nets_, []
    for net in nets:
        both.nets_ = [net]
        alone.append(both.predict(data[0]))
    both.nets_ = nets
    assert (alone[0] != alone[1]).all()
    np.testing.assert_allclose(both.predict(data[0]), np.mean(alone, axis=0), rtol=1e-12)


def test_a_sigmoid_reaches_no_plays_below_the_mean(data):
    squashed = model(output="sigmoid", max_epochs=5).fit(*data)
    predicted = squashed.predict(data[0])
    mean, deviation = np.mean(data[1]), np.std(data[1])
    assert (predicted > mean).all()
    assert (predicted < mean + deviation).all()


def test_only_songs_that_train_standardise(data):
    songs, plays = [*data[0]], data[1].copy()
    rng = np.random.default_rng(0)
    groups = rng.permutation(np.repeat(np.arange(20), 2))
    stops = model(early_stopping_fraction=0.2)
    training, stopping = stops._parts(pd.factorize(groups)[0], int(rng_seed(0)))[0]
    assert not set(groups[training]) & set(groups[stopping])
    assert len(set(groups[stopping])) == 4
    first = stops.fit(songs, plays, groups=groups)
    assert first.plays_mean_ == plays[training].mean()
    assert first.plays_deviation_ == plays[training].std()
    mean, deviation = first.scale_.mean, first.scale_.deviation
    extreme = int(stopping[0])
    songs[extreme], plays[extreme] = songs[extreme] + 1e6, 1e9
    second = clone(stops).fit(songs, plays, groups=groups)
    assert (second.plays_mean_, second.plays_deviation_) == (
        first.plays_mean_,
        first.plays_deviation_,
    )
    np.testing.assert_array_equal(second.scale_.mean, mean)
    np.testing.assert_array_equal(second.scale_.deviation, deviation)
    assert second.history_["val_loss"].min() > 1e6 > first.history_["val_loss"].max()


def rng_seed(random_state):
    return np.random.RandomState(random_state).randint(2**31 - 1)


def test_songs_held_out_say_when_to_stop(data):
    rng = np.random.default_rng(0)
    noise = rng.permutation(data[1])
    stopped = model(early_stopping_fraction=0.3, patience=3, max_epochs=60, learning_rate=0.05).fit(
        data[0], noise
    )
    losses = stopped.history_["val_loss"]
    assert len(losses) == losses.argmin() + 1 + 3 < 60


def test_equal_plays_are_predicted_for_every_song(data):
    with pytest.warns(SpdkitWarning, match="all 40 songs to learn from have 0.1 plays"):
        equal = model().fit(data[0], np.full(40, 0.1))
    assert equal.plays_deviation_ == 0
    np.testing.assert_array_equal(equal.predict(data[0]), np.full(40, 0.1))
    with pytest.warns(SpdkitWarning, match="all 1 songs to learn from have 7 plays"):
        one = model(early_stopping_fraction=0.5).fit(data[0][:1], [7])
    np.testing.assert_array_equal(one.predict(data[0][:3]), [7, 7, 7])


def test_songs_shorter_than_a_sample_are_left_out_and_named(data):
    songs, plays = data
    songs = [songs[0][:1], *songs[1:], np.zeros((0, 3))]
    plays = [*plays, 1e6]
    with pytest.warns(
        SpdkitWarning, match="2 of 41 songs are shorter .* 2 clips.*: song 0, song 40"
    ):
        short = model().fit(songs, plays)
    assert short.left_out_ == ["song 0", "song 40"]
    whole = model().fit(songs[1:-1], plays[1:-1])
    assert short.plays_mean_ == whole.plays_mean_
    np.testing.assert_array_equal(short.predict(songs[1:-1]), whole.predict(songs[1:-1]))
    with pytest.warns(SpdkitWarning, match="have no prediction: song 0, song 40"):
        predicted = whole.predict(songs)
    np.testing.assert_array_equal(np.isnan(predicted), [True] + [False] * 39 + [True])
    with pytest.warns(SpdkitWarning, match="no prediction"):
        assert whole.score(songs, plays) == whole.score(songs[1:-1], plays[1:-1])
    with pytest.raises(ParameterError, match=r"all 41 songs are shorter .* the longest has 9"):
        model(time_steps=10).fit(songs, plays)


def test_songs_that_are_watched_change_nothing(fitted, data):
    other = planted(6, seed=1)
    watched = model().fit(*data, watched=other)
    np.testing.assert_array_equal(watched.predict(data[0]), fitted.predict(data[0]))
    pd.testing.assert_frame_equal(watched.history_.drop(columns="watched_loss"), fitted.history_)
    one_sample = [song[:2] for song in other[0]]
    last = model().fit(*data, watched=(one_sample, other[1])).history_["watched_loss"].iloc[-1]
    errors = (fitted.predict(one_sample) - other[1]) / fitted.plays_deviation_
    assert fitted.history_["loss"].idxmin() == 1  # the last epoch is what predicts
    assert last == pytest.approx(np.mean(errors**2), rel=1e-4)


def test_each_epoch_is_told(data):
    epochs = []
    told = model(members=2).fit(*data, callback=lambda *epoch: epochs.append(epoch))
    assert [epoch[:2] for epoch in epochs] == [
        ("member 1", 1),
        ("member 1", 2),
        ("member 2", 1),
        ("member 2", 2),
    ]
    assert [epoch[2]["loss"] for epoch in epochs] == list(told.history_["loss"])


def test_training_that_diverges_is_told(data):
    diverged = model(optimizer="sgd", learning_rate=1e30, max_epochs=20)
    with pytest.raises(DivergedError, match="lower learning_rate"):
        diverged.fit(*data)
    with pytest.raises(NotFittedError):
        diverged.predict(data[0])


@pytest.mark.parametrize("standardize", [True, False])
def test_values_that_are_no_numbers_are_named(fitted, data, standardize):
    songs = [*data[0]]
    songs[3] = songs[3].copy()
    songs[3][0, 0] = np.nan
    with pytest.raises(ParameterError, match=r"1 of 40 songs hold values .*: song 3"):
        model(standardize=standardize).fit(songs, data[1])
    with pytest.raises(ParameterError, match=r"1 of 40 songs hold values .*: song 3"):
        fitted.predict(songs)


def test_sound_is_taken_as_it_is(data):
    plain = model(standardize=False).fit(*data)
    assert plain.scale_ is None
    sample = data[0][0][:2]
    number = plain.nets_[0](torch.from_numpy(np.float32(sample))[None]).item()
    expected = plain.plays_mean_ + plain.plays_deviation_ * number
    assert plain.predict([sample])[0] == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(
    ("parameters", "y", "message"),
    [
        ({"units": ()}, None, "units must be"),
        ({"hidden": ()}, None, "hidden must be"),
        ({"output": "relu"}, None, "output must be one of 'linear', 'sigmoid'"),
        ({"dropout": 1.0}, None, "dropout must be"),
        ({"loss": "mape"}, None, "loss must be"),
        ({}, ["3"] * 40, "plays must be numbers"),
        ({}, np.ones((40, 2)), r"plays have shape \(40, 2\)"),
        ({}, np.ones(39), r"plays have shape \(39,\), there are 40 songs"),
        ({}, [np.inf] * 40, "40 of 40 plays are no finite numbers"),
    ],
)
def test_what_cannot_be_learned_is_refused(data, parameters, y, message):
    with pytest.raises(ParameterError, match=message):
        model(**parameters).fit(data[0], data[1] if y is None else y)


def test_groups_are_one_a_song_and_none_is_missing(data):
    for groups, message in (([1, 2], r"groups has shape \(2,\)"), ([None] * 40, "are missing")):
        with pytest.raises(ParameterError, match=message):
            model().fit(*data, groups=groups)


def test_songs_of_other_clips_are_refused(fitted):
    with pytest.raises(ParameterError, match="song 0 has clips of 5 values, and 3 are expected"):
        fitted.predict([np.ones((4, 5))])


def test_clips_that_are_read_teach_what_clips_in_memory_do(fitted, data, monkeypatch):
    monkeypatch.setattr(samples, "_HELD", 0)
    read = model().fit(*data)
    np.testing.assert_array_equal(read.predict(data[0]), fitted.predict(data[0]))


# The saved form


def test_another_process_predicts_the_same(data, tmp_path):
    saved = [
        model(units=(8, 4), hidden=(5,), members=2, activation="elu", dropout=0.1).fit(*data),
        model(standardize=False, early_stopping_fraction=0.2).fit(*data),
    ]
    for i, each in enumerate(saved):
        each.save(tmp_path / f"model{i}")
    (tmp_path / "songs.pkl").write_bytes(pickle.dumps(data[0]))
    code = (
        "import pickle, sys, numpy; from spdkit.audio_models import load_audio_model; "
        "out, songs, *models = sys.argv[1:]; songs = pickle.load(open(songs, 'rb')); "
        "numpy.save(out, [load_audio_model(model).predict(songs) for model in models])"
    )
    paths = [str(tmp_path / name) for name in ("y.npy", "songs.pkl", "model0", "model1")]
    subprocess.run([sys.executable, "-P", "-W", "error", "-c", code, *paths], check=True)
    expected = [each.predict(data[0]) for each in saved]
    np.testing.assert_array_equal(np.load(tmp_path / "y.npy"), expected)


def test_a_loaded_model_is_the_same_model(fitted, data, tmp_path):
    fitted.save(tmp_path / "model")
    again = PlayCountRegressor.load(tmp_path / "model")
    assert again.get_params() == fitted.get_params()
    pd.testing.assert_frame_equal(again.history_, fitted.history_)
    np.testing.assert_array_equal(again.predict(data[0]), fitted.predict(data[0]))
    assert load_audio_model(tmp_path / "model").score(*data) == fitted.score(*data)


def test_what_was_changed_is_refused(fitted, tmp_path):
    fitted.save(tmp_path / "model")
    arrays = tmp_path / "model" / "arrays.safetensors"
    content = bytearray(arrays.read_bytes())
    content[-1] ^= 1
    arrays.write_bytes(content)
    with pytest.raises(AudioModelError, match=r"arrays\.safetensors"):
        load_audio_model(tmp_path / "model")


@pytest.mark.parametrize(
    ("facts", "arrays"),
    [
        ({"n_values_": 4}, {}),
        ({"n_values_": "3"}, {}),
        ({"plays_mean_": "many"}, {}),
        ({"history_": {"member": [0]}}, {}),
        ({}, {"mean": np.zeros(2)}),
        ({}, {"deviation": -np.ones(3)}),
        ({}, {"0.node.weight": np.zeros((1, 9), np.float32)}),
    ],
)
def test_facts_of_another_model_are_refused(fitted, facts, arrays):
    state = fitted.saved_state()
    again = clone(fitted)
    with pytest.raises((ValueError, RuntimeError, KeyError)):
        again.restore_state({**state[0], **facts}, {**state[1], **arrays})


def test_songs_of_a_clip_store_are_read_as_arrays_are(fitted, data, tmp_path, monkeypatch):
    songs = {f"{i}.ogg": np.float32(song) for i, song in enumerate(data[0])}
    write_songs(tmp_path / "clips.h5", songs)
    stored = ClipStore.open(tmp_path / "clips.h5").songs()
    monkeypatch.setattr(samples, "_HELD", 0)
    read = model().fit(stored, data[1])
    np.testing.assert_array_equal(read.predict(stored), fitted.predict(list(songs.values())))
    short = next(song for song in stored if len(song) == 4)
    with pytest.warns(SpdkitWarning, match=rf"have no prediction: {short.id}"):
        assert np.isnan(read.set_params(time_steps=5).predict([short]))


def by_hand(told, true, groups):
    """The slope, less what its standard error over groups takes from it."""
    slope = min(np.linalg.lstsq(told[:, None], true)[0][0], 1.0)
    left = true - slope * told
    variance = sum((told[groups == g] @ left[groups == g]) ** 2 for g in set(groups))
    variance /= (told @ told) ** 2
    return max(0.0, slope * (1 - 4 * variance / slope**2)) if slope > 0 else 0.0


def test_predictions_are_drawn_toward_the_mean_by_what_is_true_of_other_songs(tmp_path):
    rng = np.random.default_rng(3)
    songs = rng.standard_normal((60, 4, 3)).astype(np.float32)
    chance = rng.standard_normal(60)
    groups = np.arange(60) // 2
    shrunk = {"members": 3, "shrinkage": True, "max_epochs": 60, "time_steps": 2}
    own = model(**shrunk).fit(songs, chance, groups=groups)
    plain = model(**shrunk | {"shrinkage": False}).fit(songs, chance)
    assert own.shrinkage_ < 0.3 and plain.shrinkage_ == 1.0
    assert np.std(own.predict(songs)) < 0.3 * np.std(plain.predict(songs))
    # By hand: each net's predictions of the part that it did not see, and least squares.
    parts = own._parts(groups, int(rng_seed(0)))
    assert sorted(i for _, held in parts for i in held) == list(range(60))
    told, true = np.zeros(60), (chance - chance.mean()) / chance.std()
    for net, (training, held) in zip(own.nets_, parts, strict=True):
        assert not set(groups[training]) & set(groups[held])
        for i in held:
            samples = (songs[i] - own.scale_.mean) / own.scale_.deviation
            rows = torch.from_numpy(samples.reshape(2, 2, 3).astype(np.float32))
            told[i] = float(net.eval()(rows).detach().mean())
    assert own.shrinkage_ == pytest.approx(by_hand(told, true, groups), abs=1e-5)
    assert (own.predict(songs) == chance.mean()).all()  # nothing is learned of chance
    easy = model(**shrunk).fit(songs + chance[:, None, None].astype(np.float32), chance)
    assert easy.shrinkage_ > 0.7
    told = true + np.random.default_rng(4).standard_normal(60)
    assert 0.2 < by_hand(told, true, groups) < np.linalg.lstsq(told[:, None], true)[0][0]
    own.save(tmp_path / "model")
    again = spdkit.audio_models.load_audio_model(tmp_path / "model")
    assert (again.predict(songs) == own.predict(songs)).all()


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"members": 1}, "members of 2 or more"),
        ({"members": 2, "early_stopping_fraction": 0.2}, "early_stopping_fraction=0"),
        ({"members": 9}, "members=9, and there are 6"),
    ],
)
def test_what_shrinkage_needs(parameters, words):
    songs = np.zeros((6, 6, 2), dtype=np.float32)
    with pytest.raises(ParameterError, match=words):
        model(shrinkage=True, **parameters).fit(songs, np.arange(6.0))


def test_values_far_from_all_others_are_limited():
    rng = np.random.default_rng(0)
    songs = rng.standard_normal((40, 6, 2)).astype(np.float32)
    fitted = model(limit=2.0, max_epochs=2).fit(songs, np.arange(40.0))
    far, further = songs[:1] * 0 + 50, songs[:1] * 0 + 1e6
    assert fitted.predict(far) == fitted.predict(further)
    plain = model(max_epochs=2).fit(songs, np.arange(40.0))
    assert plain.predict(songs[:1] * 0 + 3) != plain.predict(songs[:1] * 0 + 4)
