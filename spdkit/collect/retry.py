"""Patience with a limit: what to try again, how long to wait, and when to stop.

A request without a usable answer is asked again after 1, 2, 4 … seconds, or after the pause that
the service asks for. A pause of more than a minute is never slept through: `RateLimited` says how
long it is, and the caller resumes later from its cache. (spotipy itself sleeps as long as it is
told to, which can be a day.)
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from spdkit.collect.errors import RateLimited, Unanswered, duration

Answer = TypeVar("Answer")
TOO_MANY_REQUESTS = 429


def _tell_nobody(text: str) -> None:
    pass


@dataclass(frozen=True)
class Patience:
    """How often and how long to try.

    Attributes
    ----------
    attempts : int
        How often a request is made at most, at least 1.
    first_wait, longest_wait : float
        Seconds before the second attempt, doubled each time; and the longest pause of all.
    sleep : callable
        What waits.
    tell : callable
        Told, in a line of text, of every pause.
    """

    attempts: int = 5
    first_wait: float = 1.0
    longest_wait: float = 60.0
    sleep: Callable[[float], None] = time.sleep
    tell: Callable[[str], object] = _tell_nobody

    def __post_init__(self) -> None:
        if self.attempts < 1:
            raise ValueError(f"attempts must be at least 1, got {self.attempts}")

    def call(self, request: Callable[[], Answer]) -> Answer:
        """Make a request until it is answered.

        Parameters
        ----------
        request : callable
            Raises `Unanswered` when it is worth asking again.

        Raises
        ------
        RateLimited
            When the pause asked for is longer than `longest_wait`, or when the service still
            answers 429 at the last attempt.
        Unanswered
            What the last attempt raised.
        """
        attempt = 1
        while True:
            try:
                return request()
            except Unanswered as error:
                wait = self._wait(error, attempt)
                if wait > self.longest_wait:
                    raise RateLimited(error.service, wait) from error
                if attempt >= self.attempts:
                    if error.status == TOO_MANY_REQUESTS:
                        raise RateLimited(error.service, wait) from error
                    raise
                self.tell(
                    f"{error.service}: {error.reason}; waiting {duration(wait)} "
                    f"(attempt {attempt} of {self.attempts})"
                )
            self.sleep(wait)
            attempt += 1

    def _wait(self, error: Unanswered, attempt: int) -> float:
        growing = min(self.first_wait * 2.0 ** (attempt - 1), self.longest_wait)
        # "Retry-After: 0" from a service that still says no must not become a tight loop.
        return max(growing, error.retry_after) if error.retry_after is not None else growing
