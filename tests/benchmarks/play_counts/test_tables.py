"""Tables of play counts: excerpts, planted tastes, the sweep, and what their pages say."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
import soundfile
from clip_tables import clips_of_songs, write_songs

from benchmarks.play_counts import markdown, planted, sweep, sweep_figures, tables
from benchmarks.play_counts.contenders import LSTM, NAMES, ON_DESCRIPTORS, RIVALS, TITLES, contender
from benchmarks.play_counts.excerpts import RATE, Excerpts, cut, track_of
from spdkit.common.errors import SpdkitError
from spdkit.store.clip_store import ClipStore
from spdkit.synthetic import listeners

HEAD = {"command": "c", "machine": {"cpu": "a cpu"}, "versions": {"python": "3.11"}}


def test_tracks_are_cut_from_their_start_and_the_rest_is_left_out(tmp_path):
    music = tmp_path / "music" / "album"
    music.mkdir(parents=True)
    rng = np.random.default_rng(0)
    y = rng.uniform(-0.5, 0.5, 5 * RATE // 2)
    soundfile.write(music / "a.wav", np.stack([y, y], axis=1), RATE)
    soundfile.write(music / "short.wav", y[: RATE // 2], RATE)
    assert cut(tmp_path / "music", tmp_path / "out", seconds=1.0) == 2
    second, rate = soundfile.read(tmp_path / "out" / "album" / "a_wav" / "01.flac")
    assert rate == RATE and np.abs(second - y[RATE : 2 * RATE]).max() < 1e-3
    assert cut(tmp_path / "music", tmp_path / "out", seconds=1.0) == 2  # it is all there
    assert track_of("album/a_wav/01.flac") == "album/a_wav"
    assert track_of("song.wav") == "song.wav"
    (music / "a.wav").unlink()
    with pytest.raises(SpdkitError, match="no track of 1 s or more"):
        cut(tmp_path / "music", tmp_path / "new", seconds=1.0)


@pytest.fixture(scope="module")
def excerpts(tmp_path_factory):
    """Songs of 20 tracks, whose clips are what tastes depend on, and noise."""
    n, rng = 60, np.random.default_rng(5)
    values = pd.DataFrame(rng.standard_normal((n, 5)), columns=list(listeners.QUANTITIES))
    ids = [f"track {i // 3}/{i % 3}.flac" for i in range(n)]
    values.index = ids
    folder, stores = tmp_path_factory.mktemp("excerpts"), []
    for name, count in (("songs", 2), ("rows", 3)):
        songs = clips_of_songs([count] * n, n_values=6, seed=1)
        for clips, row in zip(songs.values(), values.to_numpy(), strict=True):
            clips[:, :5] = row + 0.2 * clips[:, :5]
        named = dict(zip(ids, songs.values(), strict=True))
        write_songs(folder / f"{name}.h5", named)
        stores.append(ClipStore.open(folder / f"{name}.h5").songs())
    groups = np.array([track_of(name) for name in ids])
    return Excerpts(ids, groups, *stores, values.assign(other=1.0), values)


def test_a_planted_taste_is_learned_and_a_random_one_is_not(excerpts):
    lines = []
    record = planted.record(excerpts, 4, lines.append, (LSTM, "ridge", ON_DESCRIPTORS))
    assert record["explainable"] == 0.6 and record["n_tracks"] == 20
    assert record["song"]["mean"] == record["segment"]["mean"] == 1.0
    assert record["random_tastes"]["mean"] == 1.0
    for name in ("ridge", ON_DESCRIPTORS):
        assert record["song"][name] < 0.75 < record["random_tastes"][name]
    assert 0.3 < record["song"][LSTM] < 1.0
    gain = record["random_tastes"]["gain"][LSTM]
    assert gain["low"] <= 0 <= gain["high"]
    assert gain["value"] == pytest.approx(1 - record["random_tastes"][LSTM])
    assert len(lines) == 12 and json.dumps(record, allow_nan=False)
    summary = planted.summary([record])
    assert summary["means"]["song"]["ridge"] == record["song"]["ridge"]
    assert summary["random_holds_0"] == 1 and summary["random_learned"] == 0
    page = markdown.planted_page({**HEAD, "seeds": [record], "summary": summary})
    assert f"{record['song']['ridge']:.3f}" in page and TITLES[LSTM] in page
    assert "60 excerpts of 30 s of 20 tracks" in page
    again = planted.key(excerpts, 4, NAMES)
    assert again == planted.key(excerpts, 4, NAMES) != planted.key(excerpts, 5, NAMES)


def test_contenders_are_what_they_are_called():
    assert set(TITLES) == {"mean", *NAMES}
    x, y = np.random.default_rng(0).standard_normal((40, 3)), np.arange(40.0)
    for name in RIVALS:
        if name != "spdkit":
            assert contender(name, 0).fit(x, y).predict(x).shape == (40,)
    assert contender(LSTM, 0, time_steps=1).time_steps == 1


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    path = tmp_path_factory.mktemp("sweep") / "clips.h5"
    songs = clips_of_songs([6] * 24, n_values=3)
    write_songs(path, songs, kind="features", names=["a", "b", "c"])
    store, rng = ClipStore.open(path), np.random.default_rng(0)
    plays = [pd.Series(rng.integers(1, 90, 20), store.track_ids[:20]) for _ in range(2)]
    return sweep.Log(store, tuple(plays), "made-up listeners")


def test_the_sweep_says_the_best_and_keeps_its_runs(log, tmp_path):
    journal = sweep.journal_of(tmp_path, log, "features")
    fits = [
        sweep.Fit(user, layers, steps, split, 3, 0)
        for user in (1, 2)
        for layers, steps in ((1, 1), (2, 3), (1, 7))
        for split in sweep.SPLITS
    ]
    journal.complete(fits, sweep.compute, (log,), 1, lambda text: None)
    found = {fit: journal.read(fit) for fit in fits}
    one = found[sweep.Fit(1, 2, 3, "segment", 3, 0)]
    assert one.facts["n_rows"] == 4 and one.curves.shape == (3, 2)  # a tenth of 20 × 2 samples
    assert found[sweep.Fit(1, 1, 7, "song", 3, 0)].facts["mse"] is None  # too short
    runs = [{**vars(fit), **result.facts} for fit, result in found.items()]
    best = sweep.best_settings(runs)
    assert [(e["split"], e["user"]) for e in best] == [
        (split, user) for split in sweep.SPLITS for user in (1, 2, 0)
    ]
    own = [r["mse"] for r in runs if r["split"] == "song" and r["user"] == 2 and r["mse"]]
    assert best[4]["mse"] == pytest.approx(min(own))
    record = {
        **HEAD,
        **{"log": log.origin, "kind": "features", "n_missing": 0, "runs": runs, "best": best},
        "users": [{"user": 1, "n_songs": 20, "plays": 1.0}, {"user": 2, "n_songs": 20, "plays": 1}],
        "curves": list(sweep._curves(found, best)),
    }
    names = sweep_figures.draw(record, tmp_path / "play_counts_tables.json")
    assert set(names) == set(sweep.SPLITS)
    for name in names.values():
        assert "user 1" in (tmp_path / name).read_text()
    page = markdown.sweep_page({**record, "figures": names})
    assert "12 runs" in page and "all users, one setting" in page and "4 have no score" in page


def test_options():
    args = tables.parse(["--planted", "--seed", "3", "--json"])
    assert args.kind == "features" and args.output.name == "play_counts_planted.json"
    assert "--seed 3" in tables.command(args) and "--planted" in tables.command(args)
    args = tables.parse(["--triplets", "t.txt", "--audio", "m", "--steps", "1,24"])
    assert args.kind == "audio" and args.steps == (1, 24)
    assert "t.txt" not in tables.command(args)
    with pytest.raises(SystemExit):
        tables.parse(["--triplets", "t.txt"])
