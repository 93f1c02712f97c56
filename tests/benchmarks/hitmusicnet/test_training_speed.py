"""The benchmark of training runs, counts what it should, and never depends on how fast it is."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import torch
from benchmark_scripts import script, scripts

__all__ = ["scripts"]  # a fixture
_training = script("training", "benchmarks.hitmusicnet.training_speed")
TASKS = ["autoencoder, X to X", "popularity net, code to y"]


@pytest.fixture(scope="module")
def run(training, tmp_path_factory):
    """Exit status and JSON of a run on few rows, and the threads that it leaves."""
    before = torch.get_num_threads()
    output = tmp_path_factory.mktemp("results") / "new" / "training.json"
    options = ["--rows", "600", "--columns", "20", "--rounds", "2", "--threads", "1", "2"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "PRODUCT", 64)
        patch.setattr(training.measuring, "_SHORTEST_MS", 1.0)
        status = training.main([*options, "-o", str(output)])
    assert torch.get_num_threads() == before
    return status, json.loads(output.read_text(encoding="utf-8"))


def test_the_result_holds_command_machine_and_versions(run):
    status, result = run
    assert status == 0
    assert result["command"] == (
        "python benchmarks/hitmusicnet/training_speed.py"
        " --rows 600 --columns 20 --rounds 2 --threads 1 2"
    )
    assert result["machine"].keys() == {"cpu", "cpus", "system"}
    assert {"python", "torch", "scikit-learn", "spdkit"} <= result["versions"].keys()
    assert (result["preset"], result["batch"]) == ("1-A", 256)


def test_every_net_is_held_against_both_precisions(run):
    _, result = run
    # 20 columns: 20 / 2, 20 / 3 = 6.67, 20 / 5; then code 4: 4, 2, 4 / 3 = 1.33.
    assert result["widths"] == dict(
        zip(TASKS, ([20, 10, 7, 4, 7, 10, 20], [4, 4, 2, 1, 1]), strict=True)
    )
    assert list(result["epochs"]) == [
        f"{task}, {n}" for n in ("1 thread", "2 threads") for task in TASKS
    ]
    for name, rows in result["epochs"].items():
        ours = ["ours", "ours, stopping rows"]
        ours += ["ours, no dropout, Adam"] if name.startswith("popularity") else []
        assert list(rows) == [f"{o}, against {d}" for d in ("float32", "float64") for o in ours]
        for each in rows.values():
            assert each["ratio"] == pytest.approx(each["peer_ms"] / each["ours_ms"])
        assert {len(times) for times in result["times"][name]["cpu_ms"].values()} == {2}


def test_floors_follow_from_the_fastest_product(run):
    _, result = run
    for name, floor in result["floors"].items():
        n = name.rpartition(", ")[2]
        rates = [v for k, v in result["gflop_per_s"].items() if k.endswith(n)]
        assert len(rates) == 3
        assert floor["floor_ms"] == pytest.approx(1e3 * floor["gflop"] / max(rates))
        assert floor["ours_over_floor"] == pytest.approx(floor["ours_ms"] / floor["floor_ms"])


def test_memory_and_bars_are_told(run):
    _, result = run
    assert list(result["memory"]) == ["X as float32", "X as float64"]
    for each, size in zip(result["memory"].values(), (4, 8), strict=True):
        assert each["data_mb"] == pytest.approx(600 * 20 * size / 2**20)
        assert each["peak_over_data"] == pytest.approx(each["peak_mb"] / each["data_mb"])
        assert each["fit_cpu_s"] > 0
    ratios = [result["epochs"][f"{t}, 1 thread"]["ours, against float32"]["ratio"] for t in TASKS]
    memory = [each["peak_over_data"] for each in result["memory"].values()]
    bars = list(result["bars"].values())
    assert [each["measured"] for each in bars] == [*ratios, *memory]
    assert [each["met"] for each in bars] == [*(r >= 1 for r in ratios), *(m < 2.5 for m in memory)]


def test_operations_by_hand(training):
    # Net 4-3-2 on 10 rows: 18 weights, 2 operations each, for the output and for the gradient of
    # weights; for that of inputs, but for the first layer's: 6. 2 * 10 * (18 + 18 + 6) = 840.
    net = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.Linear(3, 2))
    rows = np.zeros((10, 4), dtype=np.float32)
    task = training.Task({"ours": (net, "adam")}, None, rows, rows)
    assert task.widths == [4, 3, 2]
    assert task.gflop() == pytest.approx(840e-9)


def test_contestants_learn_the_same_rows(training):
    for task in training.tasks(300, 20).values():
        calls = task.contestants()
        peer = calls["scikit-learn, float64"].func.__self__
        for call in calls.values():
            call()
        shapes = [list(weight.shape) for weight in peer.coefs_]
        assert shapes == [list(pair) for pair in zip(task.widths, task.widths[1:], strict=False)]
        assert peer.coefs_[0].dtype == np.float64
        assert calls["scikit-learn, float32"].func.__self__.coefs_[0].dtype == np.float32
        # Two batches an epoch: 256 rows, and 44.
        assert peer.t_ == 300 and peer.n_iter_ == 1
        assert math.isfinite(peer.loss_)


def test_a_fit_that_fails_says_why(training):
    with pytest.raises(RuntimeError, match="float16"):
        training.memory(100, 5, "float16")


@pytest.mark.parametrize("options", [["--rows", "255"], ["--threads", "0"], ["--rounds", "0"]])
def test_impossible_options_are_refused(training, capsys, options):
    with pytest.raises(SystemExit):
        training.main(options)
    assert f"{options[0]}: must be at least" in capsys.readouterr().err
