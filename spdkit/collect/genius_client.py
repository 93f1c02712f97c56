"""Client of Genius: lyricsgenius, each of whose song pages is looked at before it is believed.

lyricsgenius gives a request five seconds and one try, and reads the lyrics from whatever page it
gets: the page of a firewall, and that of an instrumental, both have none. Here a page counts only
when it is a song's page; anything else is a block.
"""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import urlsplit

import requests

from spdkit.collect.errors import Blocked, CollectError, CredentialsError, Refused
from spdkit.collect.response_checks import checking_hook, redact_logs, service_url, translated
from spdkit.collect.retry import RetryPolicy
from spdkit.common.messages import needs_extra

SERVICE = "Genius"
API_URL = "https://api.genius.com/"
WEB_URL = "https://genius.com/"
# Genius's refusal to this machine, rather than to a request.
_BLOCKING = frozenset({403, 406, 418, 451})
_OF_A_SONG_PAGE = ("__PRELOADED_STATE__", "data-lyrics-container")
_PLACEHOLDER = "This song is an instrumental"


class GeniusClient:
    """Searches and song pages of Genius.

    Parameters
    ----------
    retry : RetryPolicy
    access_token : str, optional
        By default ``GENIUS_ACCESS_TOKEN``.
    api_url, web_url : str, optional
        Where the service is, for a proxy or a test; by default what ``SPDKIT_GENIUS_API_URL`` and
        ``SPDKIT_GENIUS_WEB_URL`` say, or else Genius itself.
    timeout : float
        Seconds without a byte after which a request is given up.
    pause : float
        Seconds between two requests.

    Attributes
    ----------
    n_requests : int
        How many requests were sent, tries again included.
    """

    def __init__(
        self,
        retry: RetryPolicy,
        *,
        access_token: str | None = None,
        api_url: str | None = None,
        web_url: str | None = None,
        timeout: float = 30.0,
        pause: float = 0.2,
    ) -> None:
        self._retry, self._timeout = retry, timeout
        self.n_requests = 0
        self._page = ""
        api = service_url(api_url, "SPDKIT_GENIUS_API_URL", API_URL).rstrip("/") + "/"
        web = service_url(web_url, "SPDKIT_GENIUS_WEB_URL", WEB_URL).rstrip("/") + "/"
        self._genius = _library().Genius(
            _token(access_token), timeout=timeout, sleep_time=pause, retries=0
        )
        self._genius.API_ROOT, self._genius.WEB_ROOT = api, web
        # lyricsgenius takes no session and hides the status of a page: its own session is the only
        # place to see it.
        hooks = self._genius._session.hooks["response"]
        hooks.append(checking_hook(SERVICE, is_json=lambda answer: _is_under(api, answer)))
        hooks.append(self._look_at_page)

    def search(self, text: str) -> list[dict[str, Any]]:
        """Return the songs that a search finds, best first, with the fields that count here.

        Returns
        -------
        list of dict
            ``title, artists, url, path, instrumental, lyrics_state``.

        Raises
        ------
        Blocked
            When Genius turns this machine away.
        RateLimited, CredentialsError, Unanswered, Refused
        """
        answer = self._ask("search", lambda: self._genius.search_songs(text))
        hits = answer.get("hits")
        if not isinstance(hits, list):
            raise CollectError(f"{SERVICE}: a search gives no list of hits")
        return [
            _slim(hit["result"])
            for hit in hits
            if hit.get("type", "song") == "song" and isinstance(hit.get("result"), dict)
        ]

    def lyrics(self, path: str) -> dict[str, Any]:
        """Return the lyrics on a song's page.

        Parameters
        ----------
        path : str
            The page's path.

        Returns
        -------
        dict
            ``lyrics``, a str or None; ``instrumental``, whether the page itself says so.
        """
        self._page = ""
        where = path.lstrip("/")
        lyrics = self._ask(path, lambda: self._genius.lyrics(song_url=where))
        return {"lyrics": lyrics or None, "instrumental": _PLACEHOLDER in self._page}

    def _ask(self, what: str, request: Any) -> Any:
        def once() -> Any:
            self.n_requests += 1
            with translated(SERVICE, what, self._timeout):
                return request()

        try:
            return self._retry.call(once)
        except Refused as error:
            if error.status == 401:
                raise CredentialsError(
                    f"{SERVICE} does not accept GENIUS_ACCESS_TOKEN ({error.message or 'HTTP 401'})"
                ) from error
            if error.status in _BLOCKING:
                raise Blocked(f"{SERVICE} blocks {what} (HTTP {error.status})") from error
            raise

    def _look_at_page(self, response: requests.Response, **_: Any) -> None:
        if response.status_code != 200 or not _is_under(self._genius.WEB_ROOT, response):
            return
        if not any(mark in response.text for mark in _OF_A_SONG_PAGE):
            raise Blocked(
                f"{SERVICE} gives another page in place of {response.request.path_url}: a block, "
                "unless it has changed how its pages are made"
            )
        self._page = response.text


def _slim(result: dict[str, Any]) -> dict[str, Any]:
    artists = [result.get("artist_names"), (result.get("primary_artist") or {}).get("name")]
    url = result.get("url") or ""
    return {
        "title": result.get("title") or "",
        "artists": [name for name in dict.fromkeys(artists) if name],
        "url": url,
        "path": result.get("path") or urlsplit(url).path,
        "instrumental": bool(result.get("instrumental")),
        "lyrics_state": result.get("lyrics_state") or "complete",
    }


def _is_under(root: str, response: requests.Response) -> bool:
    return str(response.request.url).startswith(root)


def _token(access_token: str | None) -> str:
    token = (access_token or os.environ.get("GENIUS_ACCESS_TOKEN") or "").strip()
    if not token:
        raise CredentialsError(
            f"{SERVICE}: no access token: set GENIUS_ACCESS_TOKEN (genius.com/api-clients)"
        )
    if not token.isascii() or len(token.split()) > 1:
        raise CredentialsError("GENIUS_ACCESS_TOKEN is not one word of plain ASCII")
    return token


def _library() -> Any:
    with needs_extra(SERVICE, "collect", CollectError):
        import lyricsgenius
        import rapidfuzz  # noqa: F401 (song_matching.py needs it)
    redact_logs("lyricsgenius", "lyricsgenius.genius")
    return lyricsgenius
