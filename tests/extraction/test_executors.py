"""Engines on plain functions: bounded, in any order, one loss an item."""

from __future__ import annotations

import importlib
import pickle
import re
import signal
import threading
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from multiprocessing import resource_tracker

import pytest
from threadpoolctl import threadpool_info
from work import (
    blas_threads,
    die_on_three,
    fail_on_three,
    masked_signals,
    never_starts,
    sleep_or_raise,
    square,
)

from spdkit.extraction import executors


def test_local_gives_every_item_once():
    results = dict(executors.run_local(square, range(50), jobs=2))
    assert results == {n: n * n for n in range(50)}


def test_local_exceptions_belong_to_their_item():
    deep: list[object] = []
    for _ in range(5000):
        deep = [deep]
    # Nor does pebble outlive a failed pickling of every kind, nor its workers an unpickling.
    items = [0, deep, Unpicklable(), Unloadable(), 3, 4]
    results = {
        items.index(item): x for item, x in executors.run_local(fail_on_three, items, jobs=1)
    }
    errors = {n: type(result) for n, result in results.items() if isinstance(result, Exception)}
    assert errors == {1: RecursionError, 2: KeyError, 3: ValueError, 4: ValueError}
    assert (results[0], results[5]) == (0, 4)


class Unpicklable:
    def __reduce__(self):
        raise KeyError("not that one")


class Unloadable:
    def __reduce__(self):
        return fail_on_three, (3,)


def test_local_workers_are_not_interrupted_while_they_start():
    resource_tracker._resource_tracker._stop()  # as in a program that has not had workers yet
    ((_, masked),) = executors.run_local(masked_signals, range(1), jobs=1)
    assert signal.SIGINT in masked
    assert signal.SIGINT not in masked_signals(0)


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


def test_light_items_travel_together_and_a_lost_batch_costs_one(monkeypatch):
    batches = []

    class Noting(executors.ProcessPool):
        def schedule(self, function, args, timeout):
            batches.append(pickle.loads(args[0]))
            return super().schedule(function, args=args, timeout=timeout)

    monkeypatch.setattr(executors, "ProcessPool", Noting)
    monkeypatch.setattr(executors, "_LIGHT_ITEMS", 4)
    outcomes = list(
        executors.run_local(die_on_three, range(10), jobs=1, is_light=lambda n: n not in (2, 9))
    )
    results = dict(outcomes)
    assert len(outcomes) == 10
    assert isinstance(results.pop(3), executors.WorkerDiedError)
    assert results == {n: n for n in range(10) if n != 3}
    assert sorted(batches) == sorted(
        [(0, 1, 3, 4), (2,), (5, 6, 7, 8), (9,), (0,), (1,), (3,), (4,)]
    )
    batches.clear()
    results = dict(executors.run_local(fail_on_three, range(5), jobs=1, is_light=lambda n: True))
    assert isinstance(results[3], ValueError)
    assert batches == [(0, 1, 2, 3), (4,), (0,), (1,), (2,), (3,)]


def test_a_foreign_executor_gives_what_ends_together_in_the_order_of_its_submission():
    """Not in that of a set of futures: a store would have its tracks' shards in any order."""

    class AtOnce(Executor):
        def submit(self, function, *args):
            future = Future()
            future.set_result(function(*args))
            return future

    outcomes = executors.run_on(AtOnce(), square, range(100), batch_size=1, under_way=100)
    assert [item for item, _ in outcomes] == list(range(100))


def test_an_executors_own_number_of_tasks_goes_before_the_argument():
    submitted = []

    class Narrow(ThreadPoolExecutor):
        under_way = 3

        def submit(self, function, *args):
            submitted.append(args[1])
            return super().submit(function, *args)

    with Narrow(1) as executor:
        outcomes = executors.run_on(executor, square, range(50), batch_size=1)
        next(outcomes)
        assert len(submitted) <= 3
        outcomes.close()


def test_what_is_not_waited_for_is_cancelled():
    gate, taken = threading.Event(), []

    def wait_for_gate(n):
        taken.append(n)
        gate.wait(20)
        return n

    with ThreadPoolExecutor(1) as executor:
        first = executors.run_on(executor, square, [], batch_size=1)
        assert list(first) == []
        outcomes = executors.run_on(executor, wait_for_gate, range(9), batch_size=1)
        gate.set()
        next(outcomes)
        gate.clear()
        outcomes.close()
        gate.set()
    assert len(taken) < 9


def test_a_lost_item_is_tried_again_alone_and_a_failed_one_is_not():
    """What dies beside others may have died of them."""
    sizes = []

    class Dying(Executor):
        def submit(self, function, *args):
            sizes.append(args[1])
            future = Future()
            if 3 in args[1]:
                future.set_exception(executors.WorkerDiedError("died"))
            elif 5 in args[1]:
                future.set_exception(ValueError("five"))
            else:
                future.set_result(function(*args))
            return future

    outcomes = list(executors.run_on(Dying(), square, range(8), batch_size=4, under_way=64))
    results = dict(outcomes)
    assert len(outcomes) == 8
    assert isinstance(results[3], executors.WorkerDiedError) and isinstance(results[5], ValueError)
    assert sizes.count([3]) == 2 and sizes[-1] == [3], "alone, when nothing else runs"
    assert sizes.count([5]) == 1


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (3, "died with exit code 3"),
        (None, "died with exit code None"),
        (-11, "was ended by signal 11"),
        (-9, r"was ended by signal 9 \(the system may be out of memory\)"),
    ],
)
def test_deaths_are_told_apart(code, words):
    assert re.fullmatch(f"its worker process {words}", executors._death(code))


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
