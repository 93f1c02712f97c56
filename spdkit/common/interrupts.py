"""Interrupts: Ctrl-C and SIGTERM, held back while something must not be left half done."""

from __future__ import annotations

import math
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker
from types import FrameType

_SECONDS_TO_END = 10.0  # in which a command has put its things in order
_SECONDS_TO_RAISE_AGAIN = 0.05


class Terminated(KeyboardInterrupt):
    """SIGTERM, such as a batch system sends: it ends what Ctrl-C ends, in the same way."""


@contextmanager
def first_interrupt() -> Iterator[None]:
    """Raise on Ctrl-C or SIGTERM (`Terminated`), and let those of the next seconds do nothing.

    For a program that ends then: what it puts in order on its way out, to the end of the process,
    is not cut short by who presses Ctrl-C once more; and any other error on that way, such as that
    of a module in the middle of its import, comes of the interrupt. One that comes where Python
    lets no error out, such as in a finalizer, comes again; one that a library swallows can be sent
    again. A handler of the program's own stays.
    """
    errors = {signal.SIGINT: KeyboardInterrupt, signal.SIGTERM: Terminated}
    usual: dict[signal.Signals, Callable[..., object] | signal.Handlers] = {
        signal.SIGINT: signal.default_int_handler,
        signal.SIGTERM: signal.SIG_DFL,
    }
    if not _in_main_thread():
        yield
        return
    own = [number for number in usual if signal.getsignal(number) is usual[number]]
    kind, since = KeyboardInterrupt, -math.inf

    def is_ending() -> bool:
        return time.monotonic() - since < _SECONDS_TO_END

    def end(number: int, _: FrameType | None) -> None:
        nonlocal kind, since
        if not is_ending():
            kind, since = errors[signal.Signals(number)], time.monotonic()
            raise kind

    def come_again(unraisable: sys.UnraisableHookArgs) -> None:
        nonlocal since
        if not isinstance(unraisable.exc_value, KeyboardInterrupt):
            usual_hook(unraisable)
            return
        since = -math.inf
        (number,) = (number for number, error in errors.items() if error is unraisable.exc_type)
        again = threading.Timer(_SECONDS_TO_RAISE_AGAIN, os.kill, (os.getpid(), number))
        again.daemon = True
        again.start()

    usual_hook = sys.unraisablehook
    sys.unraisablehook = come_again
    for number in own:
        signal.signal(number, end)
    try:
        yield
    except Exception as error:
        if is_ending():
            raise kind from error
        raise
    finally:
        sys.unraisablehook = usual_hook
        for number in own:
            signal.signal(number, signal.SIG_IGN if is_ending() else usual[number])


@contextmanager
def uninterrupted_children() -> Iterator[None]:
    """Start processes and threads that no Ctrl-C reaches: a terminal sends it to all of them."""
    resource_tracker.ensure_running()  # which takes the mask away as it starts
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


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
