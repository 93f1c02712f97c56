"""Web client: aiohttp's sessions as fsspec uses them, with redirects under our own rules.

Of a part of a file no more is read than was asked for, and nothing is unpacked: a part of what is
packed is no part of the file, and may unpack to any size.

A redirect keeps to http and https, a few are followed, and what was given to one server (passwords
of the address, headers and cookies of the configuration) is not shown to another. It does not lead
from the internet into a private network, whose servers may trust whoever asks. The name of the
server is looked up for that, and again as it is asked: who controls names can still lead there.
"""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Mapping
from functools import cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import TYPE_CHECKING, Any

from spdkit.tracks.addresses import WEB, RefusedError, masked

if TYPE_CHECKING:
    from aiohttp import BaseConnector, ClientResponse, ClientSession
    from yarl import URL

_MOST_REDIRECTS = 5
_REDIRECTED = frozenset({301, 302, 303, 307, 308})
# What a session has for one server, or that is not to be had twice.
_OF_ONE_SERVER = ("auth", "headers", "cookies", "cookie_jar", "base_url", "connector")
_RANGE = re.compile(r"bytes=(\d+)-(\d+)")
_CONTENT_RANGE = re.compile(r"bytes +(?:(?P<start>\d+)-\d+|\*)/(?:\d+|(?P<unknown>\*))", re.ASCII)
_IPV6_INTERNET = ip_network("2000::/3")
_IPV4_PROTOCOLS = ip_network("192.0.0.0/24")  # for such as routers, of which newer Pythons know
_IPV4_WITHIN = (ip_network("64:ff9b::/96"), ip_network("::/96"))  # in the last four bytes
_HEADERS = ("accept", "accept-encoding", "range", "user-agent")  # that tell nothing


async def web_client(**options: Any) -> WebClient:
    """Make a client from options of `aiohttp.ClientSession`; for fsspec's ``get_client``."""
    import aiohttp

    options = {**options, "auto_decompress": False, "response_class": _response_class()}
    own = aiohttp.ClientSession(**options)
    plain = {name: value for name, value in options.items() if name not in _OF_ONE_SERVER}
    others = aiohttp.ClientSession(
        **{**plain, "connector_owner": False},
        connector=own.connector,
        cookie_jar=aiohttp.DummyCookieJar(loop=options.get("loop")),
    )
    return WebClient(own, others)


class WebClient:
    """What fsspec needs of a session: two of them, for the server asked and for all others."""

    def __init__(self, own: ClientSession, others: ClientSession) -> None:
        self._own, self._others = own, others

    @property
    def _connector(self) -> BaseConnector | None:  # fsspec closes it where no loop runs any more
        return self._own.connector

    async def get(self, url: URL, **options: Any) -> ClientResponse:
        """Ask for a file."""
        return await self._answer("GET", url, **options)

    async def head(self, url: URL, **options: Any) -> ClientResponse:
        """Ask what there is to know of a file."""
        return await self._answer("HEAD", url, **options)

    async def close(self) -> None:
        """Close both sessions."""
        await self._others.close()
        await self._own.close()

    async def _answer(
        self, method: str, url: URL, *, allow_redirects: bool = True, **options: Any
    ) -> ClientResponse:
        session, first = self._own, url
        for _ in range(_MOST_REDIRECTS + 1):
            answer = await session.request(method, url, allow_redirects=False, **options)
            place = answer.headers.get("Location")
            if not allow_redirects or answer.status not in _REDIRECTED or not place:
                _require_plain(answer)
                return answer
            answer.release()
            url = await _target(url, place)
            if url.origin() != first.origin():
                session, options = self._others, _harmless(options)
            elif session is self._own:
                url = url.with_user(first.user).with_password(first.password)
        raise RefusedError(f"more than {_MOST_REDIRECTS} redirects")


def _harmless(options: Mapping[str, Any]) -> dict[str, Any]:
    """Options of a request without what is for one server."""
    headers = options.get("headers") or {}
    plain = {name: value for name, value in options.items() if name not in _OF_ONE_SERVER}
    return {**plain, "headers": {k: v for k, v in headers.items() if k.lower() in _HEADERS}}


@cache
def _response_class() -> type[ClientResponse]:
    import aiohttp

    class RangeResponse(aiohttp.ClientResponse):
        async def read(self) -> bytes:
            asked = _RANGE.fullmatch(self.request_info.headers.get("Range", ""))
            if asked and self._body is None:
                body, most = bytearray(), int(asked[2]) - int(asked[1]) + 1
                while part := await self.content.read(most + 1 - len(body)):
                    body += part
                    if len(body) > most:
                        self.close()
                        raise RefusedError("the server sends more than it is asked for")
                self._body = bytes(body)
            return await super().read()

    return RangeResponse


def _require_plain(answer: ClientResponse) -> None:
    """Refuse what fsspec would misread."""
    packed = answer.headers.get("Content-Encoding", "")
    part = _RANGE.fullmatch(answer.request_info.headers.get("Range", ""))
    place = answer.headers.get("Content-Range", "")
    match, reason = _CONTENT_RANGE.fullmatch(place), ""
    if part and packed not in ("", "identity"):
        reason = f"the server sends it packed ({packed[:40]}), although it is asked not to"
    elif place and match is None:
        reason = f"the server says a Content-Range that is none: {place[:40]!r}"
    elif match and part and answer.status == 206 and match["start"] != part[1]:
        reason = f"the server sends another part than it is asked for: {place[:40]!r}"
    elif match and match["unknown"] and not part and "Content-Length" not in answer.headers:
        reason = "the server does not say how long the file is"
    if reason:
        answer.close()
        raise RefusedError(reason)


async def _target(url: URL, place: str) -> URL:
    """Where a redirect leads."""
    from yarl import URL

    try:
        target = url.join(URL(place))
        if target.scheme not in WEB:
            what = masked(str(target))
            raise RefusedError(f"redirected to {what}, which is not http nor https")
        target = target.with_user(None)
        target.origin()
    except ValueError as error:
        raise RefusedError(f"redirected to no address of the web ({error})") from error
    if (
        target.origin() != url.origin()
        and await _is_private(target.host)
        and not await _is_private(url.host)
    ):
        raise RefusedError(f"redirected into a private network, to {target.host}")
    return target


async def _is_private(host: str | None) -> bool:
    """Whether a host, or any of its addresses, is not on the internet."""
    try:
        places = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError:  # there is nothing to ask either
        return False
    return not all(_is_of_internet(ip_address(str(place[4][0]).split("%")[0])) for place in places)


def _is_of_internet(address: IPv4Address | IPv6Address) -> bool:
    if isinstance(address, IPv4Address):
        known = address.is_global and not address.is_multicast
        return known and address not in _IPV4_PROTOCOLS
    within = address.ipv4_mapped or address.sixtofour
    if any(address in network for network in _IPV4_WITHIN):
        within = IPv4Address(int(address) & 0xFFFFFFFF)
    if within is not None:
        return _is_of_internet(within)
    return address.is_global and address in _IPV6_INTERNET
