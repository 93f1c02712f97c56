"""Interrupts: SIGTERM ends what Ctrl-C ends, and both wait while something must become whole."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from spdkit.common.interrupts import Terminated, deferred_interrupt, termination_as_interrupt

ERRORS = {signal.SIGINT: KeyboardInterrupt, signal.SIGTERM: Terminated}


@pytest.fixture(autouse=True)
def _usual_handlers():
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    yield
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def send(number):
    os.kill(os.getpid(), number)
    for _ in range(1000):  # where Python runs the handler
        pass


@pytest.mark.parametrize("number", ERRORS)
def test_a_signal_ends_the_block_and_waits_for_what_must_be_whole(number):
    steps = []
    with pytest.raises(KeyboardInterrupt) as caught, termination_as_interrupt():
        with deferred_interrupt():
            send(number)
            steps.append("whole")
        steps.append("never")
    assert steps == ["whole"] and caught.type is ERRORS[number]
    with pytest.raises(ERRORS[number]), termination_as_interrupt():
        send(number)
        steps.append("never")
    assert steps == ["whole"]


def test_of_several_signals_the_first_counts():
    with (
        pytest.raises(Terminated),
        termination_as_interrupt(),
        deferred_interrupt(),
    ):
        send(signal.SIGTERM)
        send(signal.SIGINT)


def test_a_handler_of_the_program_stays(monkeypatch):
    received = []
    signal.signal(signal.SIGTERM, lambda *_: received.append("own"))
    try:
        with termination_as_interrupt(), deferred_interrupt():
            send(signal.SIGTERM)
            assert not received
        assert received == ["own"]
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def test_other_threads_change_no_handler():
    handlers = []

    def look():
        with termination_as_interrupt(), deferred_interrupt():
            handlers.append((signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)))

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert handlers == [(signal.default_int_handler, signal.SIG_DFL)]
