"""Engines on plain functions: bounded, in any order, one loss an item."""

from __future__ import annotations

import importlib
from concurrent.futures import ThreadPoolExecutor

import pytest
from threadpoolctl import threadpool_info
from work import blas_threads, fail_on_three, never_starts, sleep_or_raise, square

from spdkit.extraction import executors


def test_local_gives_every_item_once():
    results = dict(executors.run_local(square, range(50), jobs=2))
    assert results == {n: n * n for n in range(50)}


def test_local_exceptions_belong_to_their_item():
    results = dict(executors.run_local(fail_on_three, range(5), jobs=1))
    assert isinstance(results.pop(3), ValueError)
    assert results == {0: 0, 1: 1, 2: 2, 4: 4}


def test_local_takes_items_only_as_it_can_work_on_them():
    taken = []

    def source():
        for n in range(1000):
            taken.append(n)
            yield n

    outcomes = executors.run_local(square, source(), jobs=1)
    next(outcomes)
    assert len(taken) <= 8
    outcomes.close()


def test_local_workers_have_one_thread():
    assert dict(executors.run_local(blas_threads, [0], jobs=1)) == {0: 1}


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_workers_that_never_start_are_an_error():
    with pytest.raises(executors.ExecutorError, match="workers die before they do any work"):
        list(executors.run_local(square, range(3), jobs=1, warm_up=never_starts))


def test_a_pool_that_breaks_loses_nothing(monkeypatch):
    class Breaking(executors.ProcessPool):
        calls = 0

        def schedule(self, *args, **kwargs):
            Breaking.calls += 1
            if Breaking.calls in (3, 7):
                raise RuntimeError("Unexpected error within the Pool")
            return super().schedule(*args, **kwargs)

    monkeypatch.setattr(executors, "ProcessPool", Breaking)
    results = list(executors.run_local(square, range(10), jobs=1))
    assert sorted(results) == [(n, n * n) for n in range(10)]


def test_a_time_limit_is_told_and_an_items_own_time_out_is_kept():
    late = dict(executors.run_local(sleep_or_raise, [60], jobs=1, timeout=1.0))[60]
    assert isinstance(late, executors.TimedOutError)
    assert str(late) == "took longer than 1 s"
    own = dict(executors.run_local(sleep_or_raise, [0], jobs=1))[0]
    assert isinstance(own, TimeoutError)
    assert str(own) == "the server said nothing"


def test_an_executor_keeps_one_thread_and_gives_it_back():
    importlib.import_module(
        "sklearn.utils._openmp_helpers"
    )  # brings OpenMP, whose limit is one a thread
    before = [library["num_threads"] for library in threadpool_info()]
    with ThreadPoolExecutor(2) as executor:
        results = dict(executors.run_on(executor, blas_threads, range(8), batch_size=1))
    assert set(results.values()) == {1}
    assert [library["num_threads"] for library in threadpool_info()] == before


def test_an_executor_is_fed_in_batches_within_bounds():
    sizes = []

    class Counting(ThreadPoolExecutor):
        def submit(self, function, *args):
            sizes.append(len(args[1]))
            return super().submit(function, *args)

    with Counting(1) as executor:
        outcomes = executors.run_on(executor, square, range(100), batch_size=8, under_way=2)
        next(outcomes)
        assert len(sizes) <= 3
        assert len(list(outcomes)) == 99
    assert sizes == [8] * 12 + [4]


def test_an_executor_that_is_shut_down_is_an_error():
    executor = ThreadPoolExecutor(1)
    executor.shutdown()
    with pytest.raises(executors.ExecutorError, match="takes no more work"):
        list(executors.run_on(executor, square, range(3)))
