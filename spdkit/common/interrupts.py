"""Interrupts: Ctrl-C and SIGTERM, held back while something must not be left half done."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Terminated(KeyboardInterrupt):
    """SIGTERM, such as a batch system sends: it ends what Ctrl-C ends, in the same way."""


@contextmanager
def termination_as_interrupt() -> Iterator[None]:
    """Raise `Terminated` on SIGTERM, unless the program has a handler of its own."""
    if not _in_main_thread() or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return
    signal.signal(signal.SIGTERM, _terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


@contextmanager
def deferred_interrupt() -> Iterator[None]:
    """Let Ctrl-C and SIGTERM wait until the block has ended, where either would raise.

    Python runs handlers of signals in its main thread only; in any other there is nothing to do.
    """
    if not _in_main_thread():
        yield
        return
    both = (signal.SIGINT, signal.SIGTERM)
    usual = {number: handler for number in both if callable(handler := signal.getsignal(number))}
    received: list[tuple[int, FrameType | None]] = []
    for number in usual:
        signal.signal(number, lambda *of_signal: received.append(of_signal))
    try:
        yield
    finally:
        for number, handler in usual.items():
            signal.signal(number, handler)
        if received:
            first, frame = received[0]
            usual[signal.Signals(first)](first, frame)


def _in_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()


def _terminate(number: int, frame: FrameType | None) -> None:
    raise Terminated
