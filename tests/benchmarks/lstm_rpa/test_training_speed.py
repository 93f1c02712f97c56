"""The benchmark of the temporal grid runs, counts what it should, and never asserts on time."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
import torch
from benchmark_scripts import script, scripts

__all__ = ["scripts"]  # a fixture
_speed = script("speed", "benchmarks.lstm_rpa.training_speed")
ROWS = ["p = 2", "p = 5"]


@pytest.fixture(scope="module")
def run(speed, tmp_path_factory):
    """Exit status and JSON of a run on few series and small units."""
    before = torch.get_num_threads()
    output = tmp_path_factory.mktemp("results") / "new" / "forecast_speed.json"
    options = ["--series", "2", "--epochs", "3", "--peer-epochs", "2", "--rounds", "2"]
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (("TIME_STEPS", (2, 5)), ("UNITS", (6, 5)), ("PRODUCT", 64)):
            patch.setattr(speed, name, value)
        patch.setattr(speed.measuring, "_SHORTEST_MS", 1.0)
        status = speed.main([*options, "-o", str(output)])
    assert torch.get_num_threads() == before
    return status, json.loads(output.read_text(encoding="utf-8"))


def test_the_result_holds_command_machine_and_versions(run):
    status, result = run
    assert status == 0
    assert result["command"] == (
        "python benchmarks/lstm_rpa/training_speed.py"
        " --series 2 --epochs 3 --peer-epochs 2 --rounds 2"
    )
    assert (result["series"], result["source"]) == (2, "random walks")
    assert result["machine"].keys() == {"cpu", "cpus", "system"}
    assert {"python", "torch", "numba", "spdkit"} <= result["versions"].keys()


def test_rounds_are_compared_and_the_peer_is_scaled(run):
    _, result = run
    assert list(result["epochs"]) == list(result["grid"]) == [*ROWS, "all"]
    for name in ROWS:
        rounds, row = result["rounds_s"][name], result["epochs"][name]
        assert len(rounds["peer"]) == len(rounds["ours"]) == 2
        assert row["peer_ms"] == pytest.approx(1e3 * np.median(rounds["peer"]))
        assert row["ratio"] == pytest.approx(row["peer_ms"] / row["ours_ms"])
        # Three epochs of the grid over two that were run.
        scaled = result["grid"][name]["peer_scaled_s"]
        assert scaled == pytest.approx(1.5 * np.median(rounds["peer"]))
    sums = np.sum([result["rounds_s"][name]["peer"] for name in ROWS], axis=0)
    assert result["epochs"]["all"]["peer_ms"] == pytest.approx(1e3 * np.median(sums))


def test_the_grid_is_counted_by_hand(run):
    _, result = run
    grid, rate = result["grid"], max(result["gflop_per_s"].values())
    # 153 days: of 76 blocks of 2, 75 pairs, 60 train: 2 batches; of 30 of 5, 29, 23: one batch.
    assert [(grid[name]["pairs"], grid[name]["steps"]) for name in ROWS] == [(60, 6), (23, 3)]
    # Units 6 and 5, p = 2, each row: states 6·24·1 and 5·20·1, inputs of the second 6·20·2, dense
    # 5·2, three times; inputs of the first 1·24·2, twice; a product and a sum each.
    row = 3 * (144 + 100 + 240 + 10) + 2 * 48
    assert grid["p = 2"]["gflop"] == pytest.approx(2e-9 * row * 60 * 2 * 3)
    for name in [*ROWS, "all"]:
        assert grid[name]["floor_s"] == pytest.approx(grid[name]["gflop"] / rate)
        ours = grid[name]["ours_s"] / grid[name]["floor_s"]
        assert grid[name]["ours_over_floor"] == pytest.approx(ours)
    for part in ("gflop", "ours_s", "forecasts_s", "peer_scaled_s"):
        assert grid["all"][part] == pytest.approx(sum(grid[name][part] for name in ROWS))


def test_weights_are_the_same_and_bars_say_so(run):
    _, result = run
    assert list(result["gaps"]) == ROWS
    gaps = [each["keras_eps"] for each in result["gaps"].values()]
    assert all(0 < each <= 1e-4 for each in gaps)
    speed, gap = result["bars"].values()
    ratio = result["epochs"]["all"]["ratio"]
    assert (speed["measured"], speed["met"]) == (ratio, ratio >= 8)
    assert (gap["measured"], gap["met"]) == (max(gaps), True)


def test_a_gap_is_seen(speed, monkeypatch):
    """Another learning rate of the peer's would not pass for the same weights."""
    monkeypatch.setattr(speed, "UNITS", (6, 5))
    plain = torch.optim.Adam

    def faster(parameters, lr, eps):
        return plain(parameters, lr=1.5 * lr, eps=eps)

    monkeypatch.setattr(torch.optim, "Adam", faster)
    # Five epochs, two steps each, half as far again: up to 10 · 0.0005.
    assert 1e-3 < speed.gap(speed.random_walks(1), 2, keras_eps=True) < 6e-3


def plays(n_artists, days):
    """A table of artists by day."""
    dates = pd.date_range("2015-03-01", periods=days).strftime("%Y%m%d")
    rows = [
        {"artist_id": f"artist {a}", "ds": ds, "plays": 10 * a + d % 7}
        for a in range(n_artists)
        for d, ds in enumerate(dates)
    ]
    return pd.DataFrame(rows)


def test_artists_are_those_of_the_paper_to_the_end_of_july(speed, tmp_path):
    table = plays(3, 183)
    dropped = plays(1, 183).assign(artist_id=speed.DROPPED)
    path = tmp_path / "artists.csv.gz"
    pd.concat([table, dropped]).to_csv(path, index=False)
    found = speed.artists(path, 3)
    assert found.shape == (3, 153)
    np.testing.assert_allclose(found[1], np.arange(153) % 7 / 6)
    with pytest.raises(ValueError, match=r"artists.csv.gz must have 4 series.*found 3 of 153"):
        speed.artists(path, 4)
    table.drop(index=5).to_csv(path, index=False)
    with pytest.raises(ValueError, match="with 1 gaps"):
        speed.artists(path, 3)


@pytest.mark.parametrize("option", ["--series", "--epochs", "--peer-epochs", "--rounds"])
def test_impossible_options_are_refused(speed, capsys, option):
    with pytest.raises(SystemExit):
        speed.main([option, "0"])
    assert "must be at least 1" in capsys.readouterr().err
