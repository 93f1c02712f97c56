"""Remote audio: files under a URL, what travels of them, and what is tried when it does not arrive.

A file is fetched in ranges: 64 KiB where a reader jumps to, then half as much as it has read in a
row, so that little travels that nobody reads. Within `remote_session` a URL is looked at once and
nothing travels twice. What does not arrive is asked for again, a bounded number of times; what is
refused (401, 403, 404) is not. A server that drips has not answered. What may be opened at all,
`spdkit.tracks.addresses` says.

Whatever any library under fsspec raises comes out as an `OSError` with its reason in words.
"""

from __future__ import annotations

import math
import random
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from typing import IO, TYPE_CHECKING, Any, TypeVar, cast

from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt

from spdkit.common.seekable_reader import SeekableReader
from spdkit.tracks.addresses import WEB, RefusedError, masked_in, require_allowed
from spdkit.tracks.web_client import web_client

if TYPE_CHECKING:
    import aiohttp

Value = TypeVar("Value")

BLOCK = 1 << 16
_LONGEST_FETCH = 8 * BLOCK
_LONGEST_FILE = (1 << 63) - 1  # of any file system, and of a column of a store
_KEPT_BLOCKS = (64 << 20) // BLOCK  # a whole song in most formats
_PAUSES = (0.5, 1.0, 2.0, 4.0)  # seconds before another try
_LONGEST_PAUSE = 60.0  # a server may ask for more: then its file is a failure for now
_CONNECT_SECONDS, _SILENT_SECONDS = 15.0, 30.0
_FETCH_SECONDS = 120.0  # of 512 KiB at most: a modem does it
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})


class RemoteError(OSError):
    """A file under a URL cannot be read; the message is the reason."""


@contextmanager
def remote_session(seconds: float = math.inf) -> Iterator[None]:
    """While it lasts, a URL is looked at once and keeps what has been fetched of it.

    It is for the work on one track: digest, decoder and every extractor read the same bytes.

    Parameters
    ----------
    seconds : float, optional
        After which servers are asked for nothing more, and are not waited for.
    """
    token, until = _session.set({}), _deadline.set(time.monotonic() + seconds)
    try:
        yield
    finally:
        _session.reset(token)
        _deadline.reset(until)


def file_info(url: str) -> Mapping[str, Any]:
    """What the server says of a file: ``size``, and an ETag, date or other state.

    Raises
    ------
    RemoteError
        When there is no such file, it may not be read or opened, or the URL is none.
    """
    return _find(url).facts


def open_url(url: str) -> IO[bytes]:
    """Open a file for reading, seekable.

    Raises
    ------
    RemoteError
        As `file_info`. Later, when bytes do not come: from ``read``; after ``readinto``, from
        ``close``.
    """
    return cast(IO[bytes], _Reader(_find(url)))


class _Remote:
    """One file, what is known of it, and the blocks that are here."""

    def __init__(self, url: str) -> None:
        self._url = url
        try:
            self._fs, self._path = _file_system(url)
            self.facts: Mapping[str, Any] = _checked(_retried(self._look))
        except Exception as error:  # any library may be under fsspec
            raise RemoteError(masked_in(_why_not_there(error), url)) from error
        if self.facts.get("type") == "directory":
            raise RemoteError("is a folder, not a file")
        self._blocks: OrderedDict[int, bytes] = OrderedDict()
        self._handle: Any = None  # as fsspec opens it
        self._next, self._run = 0, 0  # block after the last fetch, and how many came in a row
        self._failure: RemoteError | None = None

    @property
    def size(self) -> int:
        if self.facts.get("size") is None:
            raise RemoteError("the server does not say how long the file is")
        return int(self.facts["size"])

    def _look(self) -> Mapping[str, Any]:
        limit = {"timeout": min(_SILENT_SECONDS, _left())} if _is_http(self._fs) else {}
        return cast(Mapping[str, Any], self._fs.info(self._path, **limit))

    def read(self, start: int, stop: int) -> bytes:
        """Bytes from `start` to `stop`, fetched if they are not here."""
        stop = min(stop, self.size)
        if start >= stop:
            return b""
        first, last = start // BLOCK, (stop - 1) // BLOCK
        parts = [self._block(number, last) for number in range(first, last + 1)]
        return b"".join(parts)[start - first * BLOCK : stop - first * BLOCK]

    def _block(self, number: int, last: int) -> bytes:
        if number not in self._blocks:
            self._fetch(number, last)
        self._blocks.move_to_end(number)
        return self._blocks[number]

    def _fetch(self, first: int, last: int) -> None:
        if self._failure is not None:
            raise self._failure
        run = self._run if first == self._next else 0
        count = max(last + 1 - first, run // 2, 1)
        end = first + min(count, _LONGEST_FETCH // BLOCK)
        end = next((n for n in range(first, end) if n in self._blocks), end)
        try:
            data = _retried(partial(self._range, first * BLOCK, min(end * BLOCK, self.size)))
        except Exception as error:
            # Whoever opens the file again need not wait again.
            self._failure = RemoteError(masked_in(_reason(error), self._url))
            raise self._failure from error
        for place, number in enumerate(range(first, end)):
            self._blocks[number] = data[place * BLOCK : (place + 1) * BLOCK]
        while len(self._blocks) > _KEPT_BLOCKS:
            self._blocks.popitem(last=False)
        self._next, self._run = end, run + end - first

    def _range(self, start: int, stop: int) -> bytes:
        if self.facts.get("partial") is False:  # "Accept-Ranges: none"
            raise ValueError("no range requests")
        if self._handle is None:
            options = _http_options(self._fs, self.size) if _is_http(self._fs) else {}
            self._handle = self._fs.open(self._path, "rb", cache_type="none", **options)
        if _is_http(self._fs):
            self._handle.kwargs["timeout"] = _limits()
        self._handle.seek(start)
        data = cast(bytes, self._handle.read(stop - start))
        if len(data) != stop - start:
            raise ConnectionError(f"{len(data)} of {stop - start} bytes came")
        return data


def _checked(facts: Mapping[str, Any]) -> Mapping[str, Any]:
    size = facts.get("size")
    if size is not None and not 0 <= int(size) <= _LONGEST_FILE:
        raise RefusedError(f"the server says that it has {int(size):,} bytes, which no file has")
    return facts


class _Reader(SeekableReader):
    """A file object over a `_Remote`."""

    def __init__(self, remote: _Remote) -> None:
        super().__init__()
        self._remote = remote
        self._late_error: RemoteError | None = None

    @property
    def size(self) -> int:
        return self._remote.size

    def read(self, size: int | None = -1) -> bytes:
        stop = self._remote.size if size is None or size < 0 else self._place + size
        data = self._remote.read(self._place, stop)
        self._place += len(data)
        return data

    def readinto(self, buffer: Any) -> int:
        # libsndfile calls this from C, where an exception is printed and lost: to it the file ends
        # here, and whoever closes the file learns why.
        try:
            data = self.read(len(buffer))
        except RemoteError as error:
            self._late_error = error
            return 0
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        super().close()
        late_error, self._late_error = self._late_error, None
        if late_error is not None:
            raise late_error


_session: ContextVar[dict[str, _Remote | RemoteError] | None] = ContextVar("session", default=None)
_deadline: ContextVar[float] = ContextVar("deadline", default=math.inf)


def _find(url: str) -> _Remote:
    session = _session.get()
    if session is None:
        return _Remote(url)
    if url not in session:
        try:
            session[url] = _Remote(url)
        except RemoteError as error:  # raised below, and again at the next look
            session[url] = error
    remote = session[url]
    if isinstance(remote, RemoteError):
        raise remote
    return remote


def _left() -> float:
    """Seconds until the end of the session.

    Raises
    ------
    RefusedError
        When there are none.
    """
    left = _deadline.get() - time.monotonic()
    if left <= 0:
        raise RefusedError("the server is too slow")
    return left


def _retried(action: Callable[[], Value]) -> Value:
    """Do it, and again after a pause while what went wrong may pass."""
    usual = (*_PAUSES, 0.0)

    def wait(state: RetryCallState) -> float:
        pause = _pause(_failure(state), usual[state.attempt_number - 1]) or 0.0
        return min(pause, max(0.0, _deadline.get() - time.monotonic()))

    retrying = Retrying(
        retry=retry_if_exception(lambda error: _pause(error, 0.0) is not None),
        wait=wait,
        stop=stop_after_attempt(len(usual)),
        sleep=time.sleep,
        reraise=True,
    )
    return retrying(action)


def _failure(state: RetryCallState) -> BaseException | None:
    return None if state.outcome is None else state.outcome.exception()


def _pause(error: BaseException | None, usual: float) -> float | None:
    """Seconds to wait before another try; None when there is no use."""
    cause = _cause(error)
    status = getattr(cause, "status", None)
    if not (isinstance(cause, _network_errors()) if status is None else status in _PASSING):
        return None
    retry_after = (getattr(cause, "headers", None) or {}).get("Retry-After", "")
    if retry_after.isascii() and retry_after.isdigit():
        return float(retry_after) if float(retry_after) <= _LONGEST_PAUSE else None
    # Many workers that were turned away together do not come back together.
    return usual * random.uniform(0.5, 1.5)


def _cause(error: BaseException | None) -> BaseException | None:
    # fsspec says "not found" of whatever a look at an http file ran into.
    return (isinstance(error, FileNotFoundError) and error.__cause__) or error


def _network_errors() -> tuple[type[Exception], ...]:
    common = (ConnectionError, TimeoutError)
    try:
        import aiohttp
    except ImportError:
        return common
    return (*common, aiohttp.ClientConnectionError, aiohttp.ClientPayloadError)


def _file_system(url: str) -> tuple[Any, str]:
    import fsspec

    chained, web = require_allowed(url), {"get_client": web_client}
    protocol = url.partition("://")[0].lower()
    if protocol in WEB and not chained:
        # Not fsspec's own way, to which the :: of http://[::1] is a chain.
        return fsspec.filesystem(protocol, **web), url
    return cast(
        tuple[Any, str],
        fsspec.core.url_to_fs(url, **{name: web for name in WEB if f"{name}://" in url}),
    )


def _why_not_there(error: Exception) -> str:
    # fsspec says "not found" of every refusal and of a server that is down.
    cause = _cause(error)
    if isinstance(cause, RefusedError):
        return str(cause)
    if isinstance(cause, FileNotFoundError) or getattr(cause, "status", None) == 404:
        return "no such file"
    plain = isinstance(cause, (OSError, ImportError)) or hasattr(cause, "status")
    return f"cannot be opened: {cause}" if plain else f"cannot be opened: {_named(cause)}"


def _named(error: BaseException | None) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def _reason(error: Exception) -> str:
    if "range requests" in str(error):
        return (
            "the server sends whole files only (it knows no Range), so no window can be read: "
            "download it, or serve it by one that does, such as nginx"
        )
    if isinstance(error, RefusedError):
        return str(error)
    what = _named(_cause(error))
    tries = f" after {len(_PAUSES) + 1} tries" if _pause(error, 0.0) is not None else ""
    return f"cannot be read{tries}: {what}"


def _is_http(fs: Any) -> bool:
    return "http" in fs.protocol


def _http_options(fs: Any, size: int) -> dict[str, Any]:
    # The length spares another look; a range of compressed bytes is no range of the file.
    headers = {**fs.kwargs.get("headers", {}), "Accept-Encoding": "identity"}
    return {"size": size, "headers": headers}


def _limits() -> aiohttp.ClientTimeout:
    import aiohttp

    return aiohttp.ClientTimeout(
        total=min(_FETCH_SECONDS, _left()), sock_connect=_CONNECT_SECONDS, sock_read=_SILENT_SECONDS
    )
