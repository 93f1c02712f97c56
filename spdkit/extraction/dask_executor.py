"""Dask executor: a `concurrent.futures.Executor` over a Dask cluster that somebody else started.

Whatever the cluster does to a batch ends in an error that says so: the scheduler cannot be reached,
other versions run there, no workers are left. A worker that dies is the cluster's own business
(Dask tries its tasks elsewhere) until a task has been lost too often; see `executors.run_on`.
"""

from __future__ import annotations

import asyncio
import json
import logging
import threading
import weakref
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, Executor, Future
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from spdkit.common.errors import SpdkitError
from spdkit.common.messages import listing, needs_extra
from spdkit.extraction.executors import WorkerDiedError
from spdkit.extractors.base import Extractor
from spdkit.store.provenance import RECORDED_PACKAGES

if TYPE_CHECKING:
    from distributed import Client, Future as DaskFuture

Value = TypeVar("Value")

_CONNECT_SECONDS = 15.0
_WORKERS_SECONDS = 30.0  # for the first worker to come
_LOOK_SECONDS = 5.0
_FORSAKEN_SECONDS = 600.0  # without any worker, half-way: a queue may be slow to give new ones


class ClusterError(SpdkitError):
    """A cluster on which a batch cannot run."""


@contextmanager
def connect(
    address: str, extractors: Sequence[Extractor], notify: Callable[[str], None]
) -> Iterator[Executor]:
    """Use a running Dask cluster while the context lasts; the cluster itself stays.

    Parameters
    ----------
    address : str
        Of the scheduler, such as ``tcp://host:8786``; or the path of its scheduler file.
    extractors : sequence of Extractor
        What the workers must be able to load.
    notify : callable
        Told when the cluster has no workers left, and when it has some again.

    Yields
    ------
    Executor
        Its tasks run on any worker, in threads. It is broken once the scheduler is lost.

    Raises
    ------
    ClusterError
        When distributed is not installed here, the scheduler does not answer, there are no
        workers, or the cluster has other versions or cannot load the extractors.
    """
    with needs_extra("a Dask cluster", "dask", ClusterError):
        import distributed  # noqa: F401
    with (
        _quiet("distributed.client"),
        _quiet("distributed.batched"),
        closing(_client(address)) as client,
    ):
        _require_workers(client, address)
        if problem := _differences(client):
            raise ClusterError(problem)
        _require_extractors(client, extractors)
        executor = _ClusterExecutor(client)
        over = threading.Event()
        # Not waited for: it may be asking a scheduler that is gone.
        threading.Thread(target=_watch, args=(client, executor, over, notify), daemon=True).start()
        try:
            yield executor
        finally:
            over.set()


@contextmanager
def _quiet(name: str) -> Iterator[None]:
    # The client and its connections print tracebacks of what is then raised, and we tell in a line.
    # (Its own import sets the level.)
    logger = logging.getLogger(name)
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)


class _ClusterExecutor(Executor):
    """A client as an executor, with what becomes of its tasks told in our terms.

    Dask's own (`Client.get_executor`) leaves a future unfinished for ever when the scheduler is
    lost while its result is on the way.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._futures: weakref.WeakSet[DaskFuture[Any]] = weakref.WeakSet()
        self.threads: int = sum(client.nthreads().values())  # that the cluster has now
        self._broken = ""

    @property
    def under_way(self) -> int:
        """Tasks to submit at a time.

        One that runs and one that waits for each thread: whatever a dying worker has is suspect.
        """
        return 2 * max(1, self.threads)

    def submit(self, fn: Callable[..., Value], /, *args: Any, **kwargs: Any) -> Future[Value]:
        if self._broken:
            raise BrokenExecutor(self._broken)
        try:
            # Impure: a key of its own for each task, and its result is let go once it is here.
            inner = self._client.submit(partial(fn, *args, **kwargs), pure=False)
        except Exception as error:  # a client that has given its scheduler up
            raise BrokenExecutor(f"the Dask client: {error}") from error
        self._futures.add(inner)
        outer: Future[Value] = Future()
        # The cluster keeps a result as long as `inner` lives, which must not wait for the garbage
        # collector: no circle.
        outer.add_done_callback(partial(_cancel_too, weakref.ref(inner)))
        self._client.loop.add_callback(self._hand_on, outer, inner)
        return outer

    def give_up(self, reason: str) -> None:
        """Break: what is under way is lost for this reason."""
        self._broken = reason
        self._client.cancel(list(self._futures))

    async def _hand_on(self, outer: Future[Value], inner: DaskFuture[Value]) -> None:
        value: Any = None
        error: BaseException | None = None
        try:
            value = await inner.result()
        except (Exception, asyncio.CancelledError) as raised:  # noqa: BLE001 (told by `outer`)
            error = self._in_our_terms(raised, inner.status)
        if not outer.set_running_or_notify_cancel():
            return
        if error is None:
            outer.set_result(value)
        else:
            outer.set_exception(error)

    def _in_our_terms(self, error: BaseException, status: str | None) -> BaseException:
        from distributed import KilledWorker

        if isinstance(error, KilledWorker):
            times = error.allowed_failures + 1
            return WorkerDiedError(f"every worker that it was sent to died ({times} of {times})")
        if status == "cancelled" or (status != "error" and isinstance(error, OSError)):
            # Its task was taken back, or the line broke while its result was on the way.
            return BrokenExecutor(self._broken or "the scheduler was lost, or gave its tasks up")
        return error  # the task's own


def _cancel_too(inner: weakref.ref[DaskFuture[Value]], outer: Future[Value]) -> None:
    future = inner()
    if future is not None and outer.cancelled():
        future.cancel()


def _client(address: str) -> Client:
    from distributed import Client
    from distributed.comm import parse_address
    from distributed.comm.registry import get_backend

    place = _read_scheduler_file(address) if Path(address).is_file() else address
    if ":" not in place:
        raise ClusterError(
            f"{address}: neither the address of a scheduler, such as tcp://host:8786, nor a "
            "scheduler file that is there"
        )
    try:
        get_backend(parse_address(place)[0])  # a client that fails on it waits for its own end
        return Client(place, timeout=_CONNECT_SECONDS, set_as_default=False, name="spdkit")
    except (OSError, ValueError) as error:
        raise ClusterError(f"{address}: no Dask scheduler answers there: {error}") from error


def _read_scheduler_file(path: str) -> str:
    try:
        return str(json.loads(Path(path).read_text(encoding="utf-8"))["address"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ClusterError(f"{path}: is no scheduler file ({error!r})") from error


def _require_workers(client: Client, address: str) -> None:
    try:
        client.wait_for_workers(1, timeout=_WORKERS_SECONDS)
    except TimeoutError as error:
        raise ClusterError(
            f"{address}: the scheduler has no workers, and none came within "
            f"{_WORKERS_SECONDS:g} s. Start some: dask worker {client.scheduler.address}"
        ) from error


def _differences(client: Client) -> str:
    """How the versions there differ from those here, which the file will name; "" when they do not.

    The scheduler computes nothing, but it unpickles what it passes on.
    """
    versions = client.get_versions(packages=list(RECORDED_PACKAGES))
    here = versions["client"]["packages"]
    places = [("the scheduler", versions["scheduler"], ["spdkit"])]
    for worker, facts in versions["workers"].items():
        places.append((f"worker {worker}", facts, list(RECORDED_PACKAGES)))
    differing: dict[str, list[str]] = {}
    for place, facts, packages in places:
        for package in packages:
            ours, theirs = here.get(package), facts["packages"].get(package)
            if ours != theirs:
                what = f"{package} {theirs or 'is not installed'} there, {ours or 'none'} here"
                differing.setdefault(what, []).append(place)
    if not differing:
        return ""
    shown = "; ".join(f"{what} ({listing(where, shown=1)})" for what, where in differing.items())
    return f"the cluster has other versions: {shown}. Install the same on all its machines"


def _require_extractors(client: Client, extractors: Sequence[Extractor]) -> None:
    # They travel there, and are loaded, as the argument of any function.
    for where, run in (("the scheduler", client.run_on_scheduler), ("a worker", client.run)):
        try:
            run(len, list(extractors))
        except Exception as error:
            names = ", ".join(extractor.name for extractor in extractors)
            raise ClusterError(
                f"{where} cannot load the extractors {names} ({type(error).__name__}: {error}). "
                "Install the packages that they come from on all machines of the cluster"
            ) from error


def _watch(
    client: Client, executor: _ClusterExecutor, over: threading.Event, notify: Callable[[str], None]
) -> None:
    """Follow the workers: break the executor when none are left, or one has other versions."""
    missing, checked = 0.0, set(client.nthreads())
    while not over.wait(_LOOK_SECONDS):
        try:
            threads = client.nthreads()
            problem = "" if threads.keys() <= checked else _differences(client)
        except Exception:  # noqa: BLE001 # nosec B112 # the scheduler is lost: tasks are told so
            continue
        checked |= threads.keys()
        executor.threads = sum(threads.values())
        if threads and missing:
            notify("the cluster has workers again")
        elif not threads and not missing:
            notify(
                "the cluster has no workers left: waiting for new ones for "
                f"{_FORSAKEN_SECONDS / 60:g} min (finished tracks are safe)"
            )
        missing = 0.0 if threads else missing + _LOOK_SECONDS
        if missing > _FORSAKEN_SECONDS:
            problem = f"no workers for {_FORSAKEN_SECONDS / 60:g} min"
        if problem:
            executor.give_up(problem)
            return
