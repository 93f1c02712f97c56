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
from functools import lru_cache
from typing import cast
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
# Without a value too, so that no place of a text is tried twice.
_PARAMETER = re.compile(r"[?&;#](?P<name>[^=&;#]*+)=?")
_VALUE = re.compile(r"[^&#]*")
_SECRET_NAME = re.compile(
    r"""token|secret|passw|pwd|signature|credential|session|policy|ticket|jwt|hdn|bearer|cookie
        |auth(?!or)|api[-_]?key|access[-_]?key|key-?pair
        |^(?:sig|sign|key|code|hash|hmac|pass|pw|user|username|login|st|sid|otp)$""",
    re.IGNORECASE | re.VERBOSE,
)
_IN_TEXT = re.compile(r"""://[^\s'"<>]+""")
_SHORTEST_SECRET = 4  # of those that are masked wherever they stand in a text
LONGEST_URL = 8192  # which is what web servers take, and more than any signed link has
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
        Naming the protocol, and the option that allows it; or its length.
    """
    if len(url) > LONGEST_URL:
        raise RefusedError(f"an address of {len(url):,} characters, {LONGEST_URL:,} at most")
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
    address = _users(address)
    end, parts = 0, []
    for start, stop in _values(address):
        parts += [address[end:start], _MASK]
        end = stop
    return "".join([*parts, address[end:]])


def masked_in(text: str, address: str = "") -> str:
    """Mask passwords and tokens of URLs in a text, above all those of `address`.

    They are known however a library has quoted them.
    """
    if secrets := sorted(_secrets(address), key=len, reverse=True):
        text = re.sub("|".join(map(_in_any_form, secrets)), _MASK, text)
    return _IN_TEXT.sub(lambda match: masked(match[0]), text)


def _users(address: str) -> str:
    before, at, rest = address.rpartition("@")  # behind the last one there is none to look for
    return _USER.sub(f"{_MASK}@", before + at) + rest


def _values(address: str) -> Iterator[tuple[int, int]]:
    """Where the values of parameters stand that are secret by their name."""
    end = 0
    for match in _PARAMETER.finditer(address):
        start = match.end()
        if match.start() < end or address[start - 1] != "=":
            continue
        if _SECRET_NAME.search(unquote(match["name"])):
            end = cast(re.Match[str], _VALUE.match(address, start)).end()
            if end > start:
                yield start, end


def _secrets(address: str) -> set[str]:
    if "://" not in address or len(address) > LONGEST_URL:  # such a one is given to no library
        return set()
    parts = [address[start:stop] for start, stop in _values(address)]
    before, at, _ = address.rpartition("@")
    for match in _USER.finditer(before + at):
        user, password = match[0][:-1], match[0][:-1].partition(":")[2]
        # Who parses it in another way may name a piece of it.
        parts += [user, password, *re.split("[/?#@:]", password)]
    both = {*parts, *map(unquote, parts)}
    return {part for part in both if len(part) >= _SHORTEST_SECRET and part != _MASK}


def _in_any_form(secret: str) -> str:
    """Pattern of a secret as it is, quoted as in URLs or escaped as in Python, wholly or partly."""
    return f"{re.escape(secret)}|{''.join(map(_character, secret))}"


@lru_cache(1 << 12)
def _character(character: str) -> str:
    quoted = "".join(f"%{byte:02X}" for byte in character.encode("utf-8", "surrogatepass"))
    escaped = re.escape(character.encode("unicode_escape").decode())
    plus = "|[+]" if character == " " else ""
    # Atomic: what may be read in two ways is read in one, or there were 2 ** n of them.
    return f"(?>(?i:{quoted})|{escaped}|\\\\?{re.escape(character)}{plus})"


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
