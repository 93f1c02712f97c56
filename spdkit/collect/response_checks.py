"""Response checks: between a service's client library and ours, every answer is looked at once.

spotipy and lyricsgenius each do the asking, over a `requests.Session` whose response hook is ours.
So an error status, half a body or a block page becomes one of our errors before the library can
mistake it for something else, and no message repeats a credential.
"""

from __future__ import annotations

import base64
import logging
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import requests

from spdkit.collect.errors import CollectError, Refused, Unanswered

TRANSIENT = frozenset({408, 425, 429, 500, 502, 503, 504})
_LONGEST_MESSAGE = 200
_CREDENTIAL = re.compile(r"\b(Basic|Bearer) [\w+/=.~-]+")


class _Redaction(logging.Filter):
    """Take credentials out of log records: spotipy logs its headers at DEBUG."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = _CREDENTIAL.sub(r"\1 …", record.getMessage()), None
        return True


_REDACTION = _Redaction()


def redact_logs(*names: str) -> None:
    """Keep credentials out of what these loggers write, at any level."""
    for name in names:
        logging.getLogger(name).addFilter(_REDACTION)  # a second time changes nothing


def service_url(address: str | None, variable: str, default: str) -> str:
    """Return the address of a service: as given, else from the environment, else the usual one.

    Raises
    ------
    CollectError
        When it is no http(s) URL.
    """
    url = address or os.environ.get(variable) or default
    if not re.match(r"https?://[^/]", url):
        raise CollectError(f"{url!r} is no http(s) URL ({variable})")
    return url


def checking_hook(
    service: str, *, is_json: Callable[[requests.Response], bool] = lambda response: True
) -> Callable[..., None]:
    """Make a response hook that raises `Refused` or `Unanswered` for what is no good answer.

    Parameters
    ----------
    service : str
        Its name in messages.
    is_json : callable
        Whether a good response must be JSON.
    """

    def check(response: requests.Response, **_: Any) -> None:
        path = response.request.path_url
        status = response.status_code
        if status in TRANSIENT:
            reason = f"HTTP {status} {_message(response)}".strip()
            wait = retry_after(response.headers.get("Retry-After"))
            raise Unanswered(service, path, reason, status, wait)
        if status >= 500:
            raise Unanswered(service, path, f"HTTP {status}", status)
        if status >= 400:
            raise Refused(service, path, status, _message(response))
        if status == 200 and is_json(response):
            try:
                response.json()
            except ValueError as error:
                raise Unanswered(service, path, "an answer that is not JSON", status) from error

    return check


@contextmanager
def translated(service: str, what: str, timeout: float) -> Iterator[None]:
    """Turn what requests raises on a bad line into `Unanswered`, in words of ours."""
    try:
        yield
    except requests.Timeout as error:
        raise Unanswered(service, what, f"nothing within {timeout:g} s") from error
    except requests.exceptions.ChunkedEncodingError as error:
        raise Unanswered(service, what, "only part of the answer arrived") from error
    except requests.ConnectionError as error:
        raise Unanswered(service, what, "no connection, or it was dropped") from error
    except requests.RequestException as error:
        kind = type(error).__name__
        raise Unanswered(service, what, f"the request failed ({kind})") from error


def retry_after(header: str | None) -> float | None:
    """Seconds that a Retry-After header asks for; None when it says nothing that can be read."""
    if header is None:
        return None
    if re.fullmatch(r"\d+(\.\d+)?", header.strip()):
        return float(header)
    try:
        when = parsedate_to_datetime(header)
    except ValueError:
        return None
    when = when if when.tzinfo else when.replace(tzinfo=UTC)
    return max(0.0, (when - datetime.now(UTC)).total_seconds())


def _message(response: requests.Response) -> str:
    """Return what the service says of an error: one short line, without a credential it echoes."""
    try:
        content = response.json()
    except (requests.RequestException, ValueError):
        return ""  # a page, or half a body: the status says enough
    error = content.get("error", content.get("meta", content)) if isinstance(content, dict) else ""
    if isinstance(error, dict):
        error = error.get("message")
    text = " ".join(error.split()) if isinstance(error, str) else ""
    for secret in _credentials(response.request):
        text = text.replace(secret, "…")
    return text[:_LONGEST_MESSAGE]


def _credentials(request: requests.PreparedRequest) -> list[str]:
    """Every form in which a request held its credentials, longest first."""
    kind, _, value = str(request.headers.get("Authorization", "")).partition(" ")
    if kind == "Basic":  # an id and a secret, joined by a colon
        joined = base64.b64decode(value).decode("utf-8", "replace")
        return [secret for secret in (value, joined, *joined.split(":")) if secret]
    return [value] if value else []
