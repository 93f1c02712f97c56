"""Retry: which requests are made again, how long is waited, and when to stop.

A request without a usable answer is made again after 1, 2, 4 … seconds, or after the pause that
the service asks for. A pause of more than a minute is never slept through: `RateLimited` says how
long it is, and the caller resumes later from its cache. (spotipy itself sleeps as long as it is
told to, which can be a day.)
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn, TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt

from spdkit.collect.errors import RateLimited, Unanswered, duration

Answer = TypeVar("Answer")
TOO_MANY_REQUESTS = 429


@dataclass(frozen=True)
class RetryPolicy:
    """How often and how long to try.

    Attributes
    ----------
    attempts : int
        How often a request is made at most, at least 1.
    first_wait, longest_wait : float
        Seconds before the second attempt, doubled each time; and the longest pause of all.
    sleep : callable
        What waits.
    report : callable
        Takes a line of text on every pause.
    """

    attempts: int = 5
    first_wait: float = 1.0
    longest_wait: float = 60.0
    sleep: Callable[[float], None] = time.sleep
    report: Callable[[str], object] = lambda text: None

    def __post_init__(self) -> None:
        if self.attempts < 1:
            raise ValueError(f"attempts must be at least 1, got {self.attempts}")

    def call(self, request: Callable[[], Answer]) -> Answer:
        """Make a request until it is answered.

        Parameters
        ----------
        request : callable
            Raises `Unanswered` when it is worth another attempt.

        Raises
        ------
        RateLimited
            When the pause asked for is longer than `longest_wait`, or when the service still
            answers 429 at the last attempt.
        Unanswered
            What the last attempt raised.
        """
        retrying = Retrying(
            retry=retry_if_exception_type(Unanswered),
            wait=self._wait,
            stop=stop_after_attempt(self.attempts),
            before_sleep=self._report_pause,
            sleep=self.sleep,
            retry_error_callback=_give_up,
        )
        return retrying(request)

    def _wait(self, state: RetryCallState) -> float:
        error = _failure(state)
        wait = min(self.first_wait * 2.0 ** (state.attempt_number - 1), self.longest_wait)
        # "Retry-After: 0" from a service that still says no must not become a tight loop.
        wait = max(wait, error.retry_after or 0.0)
        if wait > self.longest_wait:
            raise RateLimited(error.service, wait) from error
        return wait

    def _report_pause(self, state: RetryCallState) -> None:
        error = _failure(state)
        self.report(
            f"{error.service}: {error.reason}; waiting {duration(state.upcoming_sleep)} "
            f"(attempt {state.attempt_number} of {self.attempts})"
        )


def _give_up(state: RetryCallState) -> NoReturn:
    error = _failure(state)
    if error.status == TOO_MANY_REQUESTS:
        raise RateLimited(error.service, state.upcoming_sleep) from error
    raise error


def _failure(state: RetryCallState) -> Unanswered:
    error = None if state.outcome is None else state.outcome.exception()
    assert isinstance(error, Unanswered)  # nothing else is tried again
    return error
