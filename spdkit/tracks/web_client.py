"""Web client: aiohttp's sessions as fsspec uses them, with redirects under our own rules.

A redirect keeps to http and https, a few are followed, and what was given to one server (passwords
of the address, headers and cookies of the configuration) is not shown to another. It does not lead
from the internet into a private network, whose servers may trust whoever asks. The name of the
server is looked up for that, and again as it is asked: who controls names can still lead there.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from spdkit.tracks.addresses import WEB, RefusedError, masked

if TYPE_CHECKING:
    from aiohttp import BaseConnector, ClientResponse, ClientSession
    from yarl import URL

_MOST_REDIRECTS = 5
_REDIRECTED = frozenset({301, 302, 303, 307, 308})
# What a session has for one server, or that is not to be had twice.
_OF_ONE_SERVER = ("auth", "headers", "cookies", "cookie_jar", "base_url", "connector")
_HEADERS = ("accept", "accept-encoding", "range", "user-agent")  # that tell nothing


async def web_client(**options: Any) -> WebClient:
    """Make a client from options of `aiohttp.ClientSession`; for fsspec's ``get_client``."""
    import aiohttp

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
                return answer
            answer.release()
            url = await _target(url, place, first)
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


async def _target(url: URL, place: str, first: URL) -> URL:
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
        target.origin() != first.origin()
        and await _is_private(target.host)
        and not await _is_private(first.host)
    ):
        raise RefusedError(f"redirected into a private network, to {target.host}")
    return target


async def _is_private(host: str | None) -> bool:
    """Whether a host, or any of its addresses, is not on the internet."""
    try:
        places = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError:  # there is nothing to ask either
        return False
    return any(
        not ipaddress.ip_address(str(place[4][0]).split("%")[0]).is_global for place in places
    )
