"""Interrupts: SIGTERM ends what Ctrl-C ends, and both wait while something must become whole."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from spdkit.common.interrupts import (
    Terminated,
    deferred_interrupt,
    first_interrupt,
    uninterrupted_children,
)

ERRORS = {signal.SIGINT: KeyboardInterrupt, signal.SIGTERM: Terminated}


@pytest.fixture(autouse=True)
def _usual_handlers():
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def send(number):
    os.kill(os.getpid(), number)
    for _ in range(1000):  # where Python runs the handler
        pass


@pytest.mark.parametrize("number", ERRORS)
def test_a_signal_ends_the_block_and_waits_for_what_must_be_whole(number):
    steps = []
    with pytest.raises(KeyboardInterrupt) as caught, first_interrupt():
        with deferred_interrupt():
            send(number)
            steps.append("whole")
        steps.append("never")
    assert steps == ["whole"] and caught.type is ERRORS[number]


@pytest.mark.parametrize("number", ERRORS)
def test_what_a_finalizer_swallows_comes_again(number):
    class Interrupted:
        def __del__(self):
            send(number)

    usual = sys.unraisablehook
    with pytest.raises(ERRORS[number]), first_interrupt():
        Interrupted()
        time.sleep(5)
    assert sys.unraisablehook is usual


def test_other_errors_of_a_finalizer_go_where_they_went(monkeypatch):
    class Broken:
        def __del__(self):
            raise ValueError("broken")

    seen = []
    monkeypatch.setattr(sys, "unraisablehook", lambda error: seen.append(error.exc_type))
    with first_interrupt():
        Broken()
    assert seen == [ValueError]


@pytest.mark.parametrize("number", ERRORS)
def test_on_the_way_out_and_to_the_end_no_further_signal_counts(number):
    steps = []
    with pytest.raises(ERRORS[number]), first_interrupt():
        try:
            send(number)
            steps.append("never")
        finally:
            for further in (*ERRORS, *ERRORS):
                send(further)
                with deferred_interrupt():
                    send(further)
            steps.append("cleared")
    for further in ERRORS:
        send(further)
    assert steps == ["cleared"]


def test_one_that_was_swallowed_can_be_sent_again(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    with first_interrupt():
        with contextlib.suppress(KeyboardInterrupt):
            send(signal.SIGINT)
        send(signal.SIGTERM)
        now[0] = 60.0
        with pytest.raises(Terminated):
            send(signal.SIGTERM)
        now[0] = 120.0
        with pytest.raises(KeyboardInterrupt):
            send(signal.SIGINT)
        now[0] = 180.0
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.parametrize("number", ERRORS)
def test_an_error_on_the_way_out_comes_of_the_interrupt(number):
    with pytest.raises(ERRORS[number]) as caught, first_interrupt():
        try:
            send(number)
        except KeyboardInterrupt:
            raise ImportError("initialization failed") from None
    assert caught.type is ERRORS[number]
    assert isinstance(caught.value.__cause__, ImportError)


def test_an_error_without_a_signal_is_itself():
    with pytest.raises(ImportError), first_interrupt():
        raise ImportError("no such module")


def test_without_a_signal_the_handlers_are_as_before():
    with deferred_interrupt():
        pass
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    with first_interrupt(), deferred_interrupt():
        pass
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_no_ctrl_c_reaches_children_that_start():
    ask = "import signal; print(signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, []))"
    masked = []
    for block in (uninterrupted_children(), contextlib.nullcontext()):
        with block:
            child = subprocess.run([sys.executable, "-c", ask], capture_output=True, check=True)
        masked.append(child.stdout)
    assert masked == [b"True\n", b"False\n"]


def test_of_several_signals_the_first_counts():
    with (
        pytest.raises(Terminated),
        first_interrupt(),
        deferred_interrupt(),
    ):
        send(signal.SIGTERM)
        send(signal.SIGINT)


def test_a_handler_of_the_program_stays(monkeypatch):
    received = []
    signal.signal(signal.SIGTERM, lambda *_: received.append("own"))
    try:
        with first_interrupt(), deferred_interrupt():
            send(signal.SIGTERM)
            assert not received
        assert received == ["own"]
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def test_other_threads_change_no_handler():
    handlers = []

    def look():
        with first_interrupt(), deferred_interrupt():
            handlers.append((signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)))

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert handlers == [(signal.default_int_handler, signal.SIG_DFL)]
