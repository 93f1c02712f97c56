"""Errors of services; no message ever holds a credential."""

from __future__ import annotations

from dataclasses import dataclass

from spdkit.common.errors import SpdkitError
from spdkit.common.escapes import escaped

_LONGEST_PATH = 90


class CollectError(SpdkitError):
    """A collection that cannot start or go on."""


class CredentialsError(CollectError):
    """Credentials that are missing, or that the service does not accept."""


@dataclass(eq=False)
class RateLimited(CollectError):
    """The service asks for a longer pause than a program should sleep through.

    Attributes
    ----------
    service : str
    retry_after : float
        Seconds to wait before the next request. Everything received so far is in the cache.
    """

    service: str
    retry_after: float

    def __str__(self) -> str:
        return f"{self.service} asks to wait for {duration(self.retry_after)}"


@dataclass(eq=False)
class Refused(CollectError):
    """The service answered that this cannot be had; asking again would not help.

    Attributes
    ----------
    service, path, message : str
    status : int
        The HTTP status, 400 to 499.
    """

    service: str
    path: str
    status: int
    message: str = ""

    def __str__(self) -> str:
        reason = f": {self.message}" if self.message else ""
        return escaped(
            f"{self.service} refuses {shortened(self.path)} with HTTP {self.status}{reason}"
        )


@dataclass(eq=False)
class Unanswered(CollectError):
    """No usable answer: a server error, a dropped line, a time-out, half of a body.

    Attributes
    ----------
    service, path, reason : str
    status : int or None
        The HTTP status where there was one.
    retry_after : float or None
        Seconds the service asks to wait, where it does.
    """

    service: str
    path: str
    reason: str
    status: int | None = None
    retry_after: float | None = None

    def __str__(self) -> str:
        return escaped(f"{self.service} gives no answer to {shortened(self.path)}: {self.reason}")


class Blocked(CollectError):
    """The service turns this machine away; nothing that was blocked is taken for an answer."""


def shortened(path: str) -> str:
    """Return `path` without its tail: a request for fifty ids fills a screen."""
    return path if len(path) <= _LONGEST_PATH else f"{path[: _LONGEST_PATH - 1]}…"


def duration(seconds: float) -> str:
    """Seconds in words, rounded up: "45 s", "5 min", "3 h 20 min"."""
    whole = int(-(-seconds // 1))
    if whole < 120:
        return f"{whole} s"
    minutes = -(-whole // 60)
    hours, rest = divmod(minutes, 60)
    if not hours:
        return f"{minutes} min"
    return f"{hours} h {rest} min" if rest else f"{hours} h"
