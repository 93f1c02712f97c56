"""Threads: how many cores there are, and limits that come back."""

from __future__ import annotations

import os

import numpy as np
import play_tables
import pytest
from sklearn.ensemble import HistGradientBoostingRegressor
from threadpoolctl import threadpool_info

from spdkit.common import threads
from spdkit.forecast.models.gradient_boosting import GlobalForecaster


def pools(kind):
    return {one["num_threads"] for one in threadpool_info() if one["user_api"] == kind}


@pytest.fixture
def two_cores(monkeypatch):
    """Two cores, which every pool uses."""
    torch = pytest.importorskip("torch")
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 1}, raising=False)
    before = torch.get_num_threads()
    with threads.threadpool_limits(2):
        torch.set_num_threads(2)
        yield
    torch.set_num_threads(before)


@pytest.mark.parametrize(
    ("files", "quota"),
    [
        ({"cpu.max": "150000 100000\n"}, 1.5),
        ({"cpu.max": "max 100000\n"}, np.inf),
        ({"cpu/cpu.cfs_quota_us": "50000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 0.5),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, np.inf),
        ({}, np.inf),
    ],
)
def test_cores_are_those_of_the_container(tmp_path, monkeypatch, files, quota):
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(threads, "_GROUPS", tmp_path)
    monkeypatch.setattr(os, "sched_getaffinity", {0: {0, 2, 5}}.__getitem__, raising=False)
    assert threads.usable_cores() == max(1, int(np.ceil(min(3, quota))))


@pytest.mark.parametrize(
    ("jobs", "work", "n"),
    [(None, threads.SMALL, 2), (1, threads.SMALL, 1), (3, threads.SMALL, 3), (3, 1000, 1)],
)
def test_a_command_has_its_cores_and_small_work_one(two_cores, monkeypatch, jobs, work, n):
    import torch

    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    with threads.limited_threads(jobs, work) as given:
        assert given == n
        assert pools("blas") == pools("openmp") == {n} and torch.get_num_threads() == n
        assert {os.environ[name] for name in threads.THREAD_VARIABLES} == {str(n)}
    assert pools("blas") == pools("openmp") == {2} and torch.get_num_threads() == 2
    assert os.environ["OMP_NUM_THREADS"] == "7" and "MKL_NUM_THREADS" not in os.environ


@pytest.mark.parametrize(("asked", "n"), [("1", 1), ("9", 2), ("0", 2), ("4,2", 2)])
def test_a_limit_that_the_user_has_set_is_not_raised(two_cores, monkeypatch, asked, n):
    monkeypatch.setenv("OMP_NUM_THREADS", asked)
    with threads.limited_threads() as given:
        assert given == n
    with threads.limited_threads(3) as given:
        assert given == 3


def test_limits_come_back_after_an_error(two_cores):
    with pytest.raises(ZeroDivisionError), threads.limited_threads(1):
        _ = 1 / 0
    assert pools("blas") == pools("openmp") == {2}


def test_one_thread_leaves_blas_and_what_was_there(two_cores):
    with threads.one_thread():
        assert pools("openmp") == {1} and pools("blas") == {2}
    assert pools("openmp") == {2}


def test_the_policy_of_the_user_stays(monkeypatch):
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    threads.wait_asleep()
    assert os.environ["OMP_WAIT_POLICY"] == "passive"
    monkeypatch.setenv("OMP_WAIT_POLICY", "active")
    threads.wait_asleep()
    assert os.environ["OMP_WAIT_POLICY"] == "active"


def test_boosting_of_forecasts_runs_in_one_thread(two_cores, monkeypatch):
    seen = []
    for name in ("fit", "predict"):
        usual = getattr(HistGradientBoostingRegressor, name)

        def watched(self, *rows, usual=usual, **named):
            seen.append(pools("openmp"))
            return usual(self, *rows, **named)

        monkeypatch.setattr(HistGradientBoostingRegressor, name, watched)
    model = GlobalForecaster(2, n_trees=2, n_models=1).fit(play_tables.weekly(2, 60))
    model.predict(2)
    assert seen == [{1}, {1}] and pools("openmp") == {2}
