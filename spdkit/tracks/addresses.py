r"""Addresses: where audio may lie, what of that is opened, and how an address is shown.

Conventions
-----------
Audio is a local path or a URL. A table may be a stranger's, so that of URLs only those of
`PROTOCOLS` are opened: files, the web, and the object stores of which the address names a bucket
and no server. What else fsspec opens is opened where `allowing` names it: protocols that log in to
a server of the table's choice (``ftp``, ``sftp``, ``smb``, ``github`` …), that reach this program's
own memory, and chains of several (``simplecache::https://…``, ``zip://a.wav::https://…``), of which
each has to be named that is not in `PROTOCOLS` or stands before another.

Passwords and tokens of URLs are shown as ``***``, everywhere. A secret in a path is not known as
one.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from urllib.parse import unquote

from spdkit.common.errors import ParameterError
from spdkit.common.text import printable, storable

WEB = ("http", "https")
PROTOCOLS = ("file", *WEB, "s3", "s3a", "gs", "gcs", "az", "abfs", "abfss")
_FILE = re.compile(r"^file://(localhost(?=/))?", re.IGNORECASE)
_MASK = "***"
# Whatever stands before an @, although a password should have no slash in it; but not a path behind
# a port.
_USER = re.compile(r"(?<=://)(?:[^/?#]*|[^/?#:]*:(?!\d*(?:[/?#]|$)).*)@", re.DOTALL)
_PARAMETER = re.compile(
    r"""(?P<name>(?<=[?&;#])(?:[^=&;#]*(?:token|secret|passw|pwd|signature|credential|session|policy
        |ticket|jwt|hdn|auth(?!or)|api[-_]?key|access[-_]?key|key-?pair)[^=&;#]*
        |sig|sign|key|code|hash|hmac|pass|pw|user|username)=)
    (?P<value>[^&#]+)""",
    re.IGNORECASE | re.VERBOSE,
)
_IN_TEXT = re.compile(r"""[A-Za-z][A-Za-z0-9+.-]*://[^\s'"<>]+""")
_SHORTEST_SECRET = 4  # of those that are masked wherever they stand in a text
# None: no table is worked on, and who calls knows the address.
_allowed: ContextVar[frozenset[str] | None] = ContextVar("allowed", default=None)


class RefusedError(OSError):
    """An address that must not be opened; the message is the reason."""


@contextmanager
def allowing(protocols: Iterable[str]) -> Iterator[None]:
    """While it lasts, open URLs of `PROTOCOLS`, of these and of those already allowed alone.

    It is for work on tracks, whose addresses may be a stranger's. Where none is in force, as when a
    program of yours opens a URL itself, any is opened.

    Parameters
    ----------
    protocols : iterable of str
        Names of fsspec's, such as ``"sftp"`` or ``"simplecache"``, without ``://``.

    Raises
    ------
    ParameterError
        When fsspec knows none of that name.
    """
    token = _allowed.set((_allowed.get() or frozenset()) | known_protocols(protocols))
    try:
        yield
    finally:
        _allowed.reset(token)


def known_protocols(protocols: Iterable[str]) -> frozenset[str]:
    """Names of protocols, checked.

    Raises
    ------
    ParameterError
        When fsspec knows none of that name.
    """
    names = frozenset([protocols] if isinstance(protocols, str) else protocols)
    if names and (unknown := sorted(names - _of_fsspec())):
        raise ParameterError(f"{unknown[0]!r} is no protocol that fsspec knows, such as 'sftp'")
    return names


def is_url(audio: str) -> bool:
    """Whether `audio` is a URL for fsspec rather than a local path."""
    return "://" in audio and _FILE.match(audio) is None


def local_path(audio: str) -> str:
    """Path of a local file, which may be written as a ``file://`` URL.

    Raises
    ------
    OSError
        When no file can have that name.
    """
    path = audio[match.end() :] if (match := _FILE.match(audio)) else audio
    if "\0" in path:
        raise OSError(errno.EINVAL, "a zero byte in its name", path)
    try:
        os.fsencode(path)
    except UnicodeEncodeError:
        raise OSError(errno.EINVAL, "its name is no valid Unicode", path) from None
    return path


def require_allowed(url: str) -> bool:
    """Refuse a URL that must not be opened; whether it is a chain of several.

    Raises
    ------
    RefusedError
        Naming the protocol, and the option that allows it.
    """
    protocols, allowed = _protocols(url), _allowed.get()
    chained = len(protocols) > 1
    if allowed is None:
        return chained
    # In a chain, what stands before another may lead anywhere.
    refused = [name for name in protocols[:-1] if name not in allowed]
    refused += [name for name in protocols[-1:] if name not in {*PROTOCOLS, *allowed}]
    if not refused:
        return chained
    name = printable(refused[0])
    what = f"{name}:: before another address" if chained else f"{name}://"
    if refused[0] not in _of_fsspec():
        raise RefusedError(f"unknown protocol {name!r}")
    raise RefusedError(
        f"{what} is not opened unasked: if you trust the table, use allow_protocols "
        f"(--allow-protocol {name})"
    )


def shown(audio: str | None) -> str:
    """An address as it is shown and stored: valid text, with passwords and tokens masked."""
    return storable(printable(masked(audio or "")))


def masked(address: str) -> str:
    """Mask passwords and tokens of a URL."""
    if "://" not in address:
        return address
    return _PARAMETER.sub(rf"\g<name>{_MASK}", _USER.sub(f"{_MASK}@", address))


def masked_in(text: str, address: str = "") -> str:
    """Mask passwords and tokens of URLs in a text, above all those of `address`."""
    for secret in sorted(_secrets(address), key=len, reverse=True):
        text = text.replace(secret, _MASK)
    return _IN_TEXT.sub(lambda match: masked(match[0]), text)


def _secrets(address: str) -> set[str]:
    if "://" not in address:
        return set()
    users = [match[0][:-1] for match in _USER.finditer(address)]
    parts = [*users, *(user.partition(":")[2] for user in users)]
    parts += [match["value"] for match in _PARAMETER.finditer(address)]
    both = {*parts, *map(unquote, parts)}
    return {part for part in both if len(part) >= _SHORTEST_SECRET and part != _MASK}


def _protocols(url: str) -> list[str]:
    """Protocols of a URL, and of all in a chain of them, outermost first."""
    first = url.partition("://")[0].lower()
    if first in WEB:  # which stand before no other; [::1] is a host
        return [first]
    bits = url.split("::")
    # A bit without :// is a path, or the name of a protocol alone.
    return [
        bit.partition("://")[0] if "://" in bit else bit if bit in _of_fsspec() else "file"
        for bit in bits
    ]


def _of_fsspec() -> frozenset[str]:
    from fsspec import available_protocols

    return frozenset(available_protocols())
