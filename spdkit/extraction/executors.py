"""Executors: work in local processes of our own, or on any `concurrent.futures.Executor`.

Both ways take a picklable function and an iterable of items, keep a bounded number of items
under way, and yield ``(item, result)`` as they finish; a result may be an exception, which then
belongs to that item alone.

Local workers are Pebble's: a worker that dies or outlives its time limit costs one item. They start
by spawn (fork is unsafe once threads run), and have one thread each: a batch has enough items to
keep every core busy, and one thread gives the same bytes whatever the machine.
"""

from __future__ import annotations

import os
import pickle  # nosec B403 # see below
import platform
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, wait
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from itertools import islice
from multiprocessing import get_context, parent_process
from multiprocessing.reduction import ForkingPickler
from typing import TypeVar

from pebble import ProcessExpired, ProcessPool
from threadpoolctl import threadpool_limits

from spdkit.common.errors import SpdkitError
from spdkit.common.interrupts import deferred_interrupt, uninterrupted_children
from spdkit.common.threads import THREAD_VARIABLES, usable_cores

Item = TypeVar("Item")
Value = TypeVar("Value")

_TASKS_BEFORE_RECYCLING = 1000
_UNDER_WAY_PER_WORKER = 4
_LIGHT_ITEMS = 64  # in a batch
_POOL_RESTARTS = 3
_limiting = threading.Lock()


class ExecutorError(SpdkitError):
    """The workers as a whole failed; what was done before is safe."""


class WorkerDiedError(Exception):
    """A worker process ended in the middle of an item."""


class TimedOutError(Exception):
    """An item took longer than its time limit, and its worker was stopped."""


def run_local(
    function: Callable[[Item], Value],
    items: Iterable[Item],
    *,
    jobs: int | None = None,
    timeout: float | None = None,
    warm_up: Callable[[], None] | None = None,
    is_light: Callable[[Item], bool] = lambda item: False,
) -> Generator[tuple[Item, Value | Exception]]:
    """Run `function` over `items` in local worker processes.

    Parameters
    ----------
    function : callable
        Picklable, of one item.
    items : iterable
    jobs : int, optional
        Number of workers; default: all usable cores.
    timeout : float, optional
        Seconds an item may take. The clock starts when a worker takes it up.
    warm_up : callable, optional
        Called once in every worker before its first item, outside of any time limit.
    is_light : callable, optional
        Whether an item takes less time than its way to a worker: such travel together. Those of a
        batch that is lost are tried again one by one.

    Yields
    ------
    (item, result)
        In order of completion; the result is `WorkerDiedError`, `TimedOutError` or whatever
        `function` raised when it gave none.

    Raises
    ------
    ExecutorError
        When workers cannot be started at all.
    """
    returned = deque[tuple[Item, ...]]()
    source = _batches(items, is_light)
    restarts = 0
    while True:
        try:
            for batch, result in _run_pool(function, returned, source, jobs, timeout, warm_up):
                restarts = 0
                if not isinstance(result, Exception):
                    yield from zip(batch, result, strict=True)
                elif len(batch) == 1:
                    yield batch[0], result
                else:
                    returned.extend((item,) for item in batch)
            return
        except BrokenProcessPool as error:
            # An idle worker died (out of memory, say) and Pebble gives the pool up. Items that
            # were under way are back in `returned`.
            restarts += 1
            if restarts > _POOL_RESTARTS:
                raise ExecutorError(
                    f"workers die before they do any work ({error}). A script that calls spdkit "
                    "must do so under `if __name__ == '__main__':`; see also `spdkit doctor`"
                ) from error


def _batches(items: Iterable[Item], is_light: Callable[[Item], bool]) -> Iterator[tuple[Item, ...]]:
    batch: list[Item] = []
    for item in items:
        if not is_light(item):
            yield (item,)
            continue
        batch.append(item)
        if len(batch) == _LIGHT_ITEMS:
            yield tuple(batch)
            batch = []
    if batch:
        yield tuple(batch)


def _run_pool(
    function: Callable[[Item], Value],
    returned: deque[tuple[Item, ...]],
    source: Iterator[tuple[Item, ...]],
    jobs: int | None,
    timeout: float | None,
    warm_up: Callable[[], None] | None,
) -> Iterator[tuple[tuple[Item, ...], list[Value] | Exception]]:
    workers = jobs or usable_cores()
    pool = ProcessPool(
        max_workers=workers,
        max_tasks=_TASKS_BEFORE_RECYCLING,
        initializer=_prepare_worker,
        initargs=(warm_up,),
        context=get_context("spawn"),
    )
    pending: dict[Future[list[Value]], tuple[Item, ...]] = {}
    work = partial(_unpacked, function)
    try:
        with deferred_interrupt(), uninterrupted_children():
            pool.active  # noqa: B018 (starts it)
        while True:
            for batch in _take(returned, source, workers * _UNDER_WAY_PER_WORKER - len(pending)):
                try:
                    pending[_scheduled(pool, work, batch, timeout)] = batch
                except RuntimeError as error:  # the pool broke since the last result
                    returned.append(batch)
                    raise BrokenProcessPool(str(error)) from error
            if not pending:
                return
            for future in _finished(pending):
                result: list[Value] | Exception
                try:
                    result = future.result()
                except BrokenProcessPool:
                    raise
                except ProcessExpired as error:
                    result = WorkerDiedError(_death(error.exitcode))
                except Exception as error:  # noqa: BLE001 (it belongs to the item)
                    late = isinstance(error, TimeoutError) and timeout is not None
                    result = TimedOutError(f"took longer than {timeout:g} s") if late else error
                yield pending.pop(future), result
    finally:
        returned.extend(pending.values())
        with deferred_interrupt():  # a pool half stopped has the interpreter wait for ever
            pool.stop()  # type: ignore[no-untyped-call]
            pool.join()


def _scheduled(
    pool: ProcessPool,
    work: Callable[[bytes], list[Value]],
    batch: Sequence[Item],
    timeout: float | None,
) -> Future[list[Value]]:
    # Pebble's thread would die of some items that cannot be pickled (nested too deep …), and its
    # workers of some that cannot be unpickled; here both belong to the item.
    try:
        parcel = bytes(ForkingPickler.dumps(batch))
    except Exception as error:  # noqa: BLE001 (an item's own pickling may raise anything)
        lost = Future[list[Value]]()
        lost.set_exception(error)
        return lost
    return pool.schedule(work, args=[parcel], timeout=timeout)


def _unpacked(function: Callable[[Item], Value], parcel: bytes) -> list[Value]:
    return _each(function, pickle.loads(parcel))  # nosec B301 # what run_local pickled


def _each(function: Callable[[Item], Value], items: Sequence[Item]) -> list[Value]:
    return [function(item) for item in items]


def _finished(pending: Iterable[Future[Value]]) -> list[Future[Value]]:
    # Those that end together come in the order of their submission, not in that of a set.
    done = wait(pending, return_when=FIRST_COMPLETED).done
    return [future for future in pending if future in done]


def _take(returned: deque[Item], source: Iterator[Item], count: int) -> Iterator[Item]:
    for _ in range(count):
        yield from [returned.popleft()] if returned else islice(source, 1)


def _death(exitcode: int | None) -> str:
    if exitcode is None or exitcode >= 0:
        return f"its worker process died with exit code {exitcode}"
    hint = " (the system may be out of memory)" if exitcode == -9 else ""
    return f"its worker process was ended by signal {-exitcode}{hint}"


def _prepare_worker(warm_up: Callable[[], None] | None) -> None:
    os.environ.update(dict.fromkeys((*THREAD_VARIABLES, "NUMBA_NUM_THREADS"), "1"))
    threading.Thread(target=_follow_parent, daemon=True).start()
    if warm_up is not None:
        warm_up()
    threadpool_limits(limits=1)


def _follow_parent() -> None:
    # Workers whose batch was killed would wait for work for ever.
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _this_process() -> tuple[str, int]:
    return platform.node(), os.getpid()


def _run_batch(
    function: Callable[[Item], Value], items: Sequence[Item], caller: tuple[str, int]
) -> list[Value]:
    # BLAS has one limit a process, which batches that run side by side in threads would undo for
    # each other: in the caller's own `run_on` holds it, in a worker's it stays. OpenMP has one a
    # thread.
    if caller != _this_process():
        with _limiting:
            threadpool_limits(limits=1)
    with threadpool_limits(limits=1, user_api="openmp"):
        return _each(function, items)


def run_on(
    executor: Executor,
    function: Callable[[Item], Value],
    items: Iterable[Item],
    *,
    batch_size: int = 32,
    under_way: int = 64,
) -> Generator[tuple[Item, Value | Exception]]:
    """Run `function` over `items` on an executor that somebody else owns.

    Items travel in batches. The items of a batch that is lost are tried again one by one; one whose
    worker dies even so is tried once more at the end, alone on the executor, so that what dies then
    died of it and not of a neighbour.

    Parameters
    ----------
    executor : concurrent.futures.Executor
        Left open. An attribute ``under_way`` of its own goes before the argument.
    function : callable
        Picklable, of one item.
    items : iterable
    batch_size : int
        Items a task.
    under_way : int
        Tasks submitted at a time.

    Yields
    ------
    (item, result)
        In order of completion; the result is an exception when the item was lost every time.

    Raises
    ------
    ExecutorError
        When the executor is broken or shut down.
    """
    source = iter(items)
    singles, alone = deque[Item](), deque[Item]()
    pending: dict[Future[list[Value]], list[Item]] = {}
    limits = threadpool_limits(limits=1)
    try:
        while True:
            while len(pending) < getattr(executor, "under_way", under_way):
                batch = [singles.popleft()] if singles else list(islice(source, batch_size))
                if not batch:
                    break
                pending[_submit(executor, function, batch)] = batch
            last_try = not pending and bool(alone)
            if last_try:
                batch = [alone.popleft()]
                pending[_submit(executor, function, batch)] = batch
            if not pending:
                return
            for future in _finished(pending):
                batch = pending.pop(future)
                try:
                    yield from zip(batch, future.result(), strict=True)
                except BrokenExecutor as error:
                    raise ExecutorError(
                        f"the executor broke: {error}. Finished work is safe: run again to resume"
                    ) from error
                except Exception as error:  # noqa: BLE001 (work may be lost in any way)
                    if len(batch) > 1:
                        singles.extend(batch)
                    elif isinstance(error, WorkerDiedError) and not last_try:
                        alone.extend(batch)
                    else:
                        yield batch[0], error
    finally:
        for future in pending:
            future.cancel()
        limits.restore_original_limits()


def _submit(
    executor: Executor, function: Callable[[Item], Value], batch: list[Item]
) -> Future[list[Value]]:
    try:
        return executor.submit(_run_batch, function, batch, _this_process())
    except RuntimeError as error:  # broken, or shut down
        raise ExecutorError(f"the executor takes no more work: {error}") from error
