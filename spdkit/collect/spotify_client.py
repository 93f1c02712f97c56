"""Client of Spotify: spotipy with bounded back-off, one token refresh, answers kept.

spotipy does the asking and holds the token, in memory alone (left to itself it writes the token to
a file ``.cache``). Its own retries are off, because they sleep for as long as Spotify says.

Reference
---------
https://developer.spotify.com/documentation/web-api, and its migration guide of February 2026.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import requests

from spdkit.collect.errors import CollectError, CredentialsError, Refused, Unanswered
from spdkit.collect.response_cache import ResponseCache
from spdkit.collect.response_checks import checking_hook, redact_logs, service_url, translated
from spdkit.collect.retry import RetryPolicy
from spdkit.common.messages import needs_extra

SERVICE = "Spotify"
API_URL = "https://api.spotify.com/v1/"
TOKEN_URL = "https://accounts.spotify.com/api/token"  # nosec B105 # no password
LARGE_PAGE, SMALL_PAGE = 50, 10  # the second is all that some endpoints give some applications
GIVE_UP_AFTER = 5


class SpotifyClient:
    """Answers of the Spotify Web API, each asked for once.

    Parameters
    ----------
    cache : ResponseCache
        Where answers and refusals are kept.
    retry : RetryPolicy
        How often and how long to try.
    auth_manager : spotipy auth manager, optional
        By default spotipy's client-credentials flow, from ``SPOTIPY_CLIENT_ID`` and
        ``SPOTIPY_CLIENT_SECRET``.
    api_url, token_url : str, optional
        Where the service is, for a proxy or a test; by default what ``SPDKIT_SPOTIFY_API_URL`` and
        ``SPDKIT_SPOTIFY_TOKEN_URL`` say, or else Spotify itself.
    timeout : float
        Seconds without a byte after which a request is given up.

    Attributes
    ----------
    n_requests : int
        How many requests were sent, tries again included.
    unanswered : list of Unanswered
        What had no answer at the last attempt; it is not kept, so a next run asks again.
    """

    def __init__(
        self,
        cache: ResponseCache,
        retry: RetryPolicy,
        *,
        auth_manager: Any = None,
        api_url: str | None = None,
        token_url: str | None = None,
        timeout: float = 30.0,
    ) -> None:
        self._cache, self._retry, self._timeout = cache, retry, timeout
        self.n_requests = 0
        self.unanswered: list[Unanswered] = []
        self._unanswered_in_a_row = 0
        self._page_sizes: dict[str, int] = {}
        self._auth_manager = auth_manager or _client_credentials(token_url, timeout)
        self._spotify = _spotify(self._auth_manager, api_url, timeout)

    def get(
        self,
        key: str,
        method: str,
        *arguments: Any,
        keep: Callable[[Any], Any] = lambda answer: answer,
        again: bool = False,
        **options: Any,
    ) -> Any:
        """Return the answer of one of spotipy's methods, from the cache where it is there.

        Parameters
        ----------
        key : str
            Under which the answer is kept.
        method, *arguments, **options
            The method of `spotipy.Spotify` and what to call it with.
        keep : callable
            Given the answer, returns what is to be kept of it.
        again : bool
            Ask, whatever the cache has.

        Returns
        -------
        object
            The answer; None where Spotify refused, or did not answer.

        Raises
        ------
        RateLimited, CredentialsError
            When nothing more can be had for now.
        Unanswered
            When several requests in a row have had no answer.
        """
        if again or key not in self._cache:
            try:
                answer = self._request(method, *arguments, **options)
            except Refused as error:
                self._cache.put_refusal(key, error)
                return None
            except Unanswered as error:
                self._pass_over(error)
                return None
            try:
                self._cache.put(key, keep(answer))
            except (AttributeError, KeyError, TypeError) as error:
                raise CollectError(f"{SERVICE}: {key} is not as documented ({error!r})") from error
        return self._cache[key].response

    def allows(self, key: str, method: str, *arguments: Any) -> bool:
        """Whether a method is answered rather than refused; kept like any answer.

        Raises
        ------
        Unanswered
            When it is neither.
        """
        if key not in self._cache:
            try:
                self._cache.put(key, self._request(method, *arguments))
            except Refused as error:
                self._cache.put_refusal(key, error)
        return self._cache[key].refused is None

    def get_many(
        self, ids: Sequence[str], method: str, field: str, key: Callable[[str], str]
    ) -> None:
        """Ask for many things by one request, and keep each under a key of its own.

        Where Spotify refuses them together, for one of them perhaps, each is asked for by itself.

        Parameters
        ----------
        ids : sequence of str
            No more than the method takes.
        method : str
            A method of spotipy that takes a list of ids.
        field : str
            Where the answer has its list, when it is not the list itself.
        key : callable
            The key of an id.
        """
        try:
            answer = self._request(method, list(ids))
        except Unanswered as error:
            self._pass_over(error)
            return
        except Refused as error:
            if len(ids) == 1:
                self._cache.put_refusal(key(ids[0]), error)
                return
            for one in ids:
                self.get_many([one], method, field, key)
            return
        items = answer.get(field) if isinstance(answer, dict) else answer
        if not isinstance(items, list) or len(items) != len(ids):
            raise CollectError(f"{SERVICE}: {method} gives no list of {len(ids)} for as many ids")
        for one, item in zip(ids, items, strict=True):
            if item is None:
                self._cache.put_refusal(key(one), Refused(SERVICE, key(one), 404, "not found"))
            else:
                self._cache.put(key(one), item)

    def pages(
        self, key: str, method: str, *arguments: Any, **options: Any
    ) -> Iterator[dict[str, Any]]:
        """Yield the pages of a list, up to one that is refused or not answered.

        Pages go by their offset, not by the ``next`` link of an answer: that may name another host,
        and the token would go there.
        """
        offset = 0
        while True:
            here = f"{key}?offset={offset}"
            page = self._page(here, method, *arguments, **options, offset=offset)
            if page is None:
                return
            if "items" not in page:
                raise CollectError(f"{SERVICE}: {here} is no page of a list")
            yield page
            offset += len(page["items"])
            if not page.get("next") or not page["items"]:
                return

    def _page(self, key: str, method: str, *arguments: Any, **options: Any) -> Any:
        size = self._page_sizes.get(method, LARGE_PAGE)
        page = self.get(key, method, *arguments, **options, limit=size)
        entry = self._cache.get(key)
        refused = entry.refused if entry is not None else None
        if refused is not None and refused[0] == 400 and size > SMALL_PAGE:
            self._page_sizes[method] = SMALL_PAGE
            page = self.get(key, method, *arguments, **options, limit=SMALL_PAGE, again=True)
        return page

    def _pass_over(self, error: Unanswered) -> None:
        self.unanswered.append(error)
        self._unanswered_in_a_row += 1
        if self._unanswered_in_a_row >= GIVE_UP_AFTER:
            raise error

    def _request(self, method: str, *arguments: Any, **options: Any) -> Any:
        try:
            answer = self._retry.call(lambda: self._once(method, arguments, options))
        except Refused:
            self._unanswered_in_a_row = 0
            raise
        self._unanswered_in_a_row = 0
        return answer

    def _once(self, method: str, arguments: Sequence[Any], options: dict[str, Any]) -> Any:
        try:
            return self._send(method, arguments, options)
        except Refused as error:
            if error.status != 401:
                raise
        self._expire_token()
        try:
            return self._send(method, arguments, options)
        except Refused as error:
            if error.status == 401:
                raise CredentialsError(
                    f"{SERVICE} refuses a fresh token ({error.message or 'HTTP 401'}): check that "
                    "the application still exists and may use the Web API"
                ) from error
            raise

    def _send(self, method: str, arguments: Sequence[Any], options: dict[str, Any]) -> Any:
        import spotipy

        self.n_requests += 1
        what = " ".join([method, *map(str, arguments[:1])])
        try:
            with translated(SERVICE, what, self._timeout), warnings.catch_warnings():
                # Spotify deprecates what new applications may not use; others still may.
                warnings.simplefilter("ignore", DeprecationWarning)
                return getattr(self._spotify, method)(*arguments, **options)
        except spotipy.SpotifyOauthError as error:
            # Its code alone: a service may repeat what it was sent in the rest.
            code = re.match(r"[a-z_]*", error.error or "")
            raise CredentialsError(f"{SERVICE} gives no token ({code and code[0]})") from None

    def _expire_token(self) -> None:
        handler = self._auth_manager.cache_handler
        token = handler.get_cached_token()
        if token:
            handler.save_token_to_cache({**token, "expires_at": 0})


def _client_credentials(token_url: str | None, timeout: float) -> Any:
    spotipy = _library()
    try:
        manager = spotipy.SpotifyClientCredentials(
            requests_session=_session(_credentials_hook),
            requests_timeout=timeout,
            cache_handler=spotipy.MemoryCacheHandler(),
        )
    except spotipy.SpotifyOauthError as error:
        raise CredentialsError(f"{SERVICE}: {error}") from None
    if not f"{manager.client_id}{manager.client_secret}".isascii():
        raise CredentialsError("SPOTIPY_CLIENT_ID or SPOTIPY_CLIENT_SECRET is not plain ASCII")
    manager.OAUTH_TOKEN_URL = service_url(token_url, "SPDKIT_SPOTIFY_TOKEN_URL", TOKEN_URL)
    return manager


def _spotify(auth_manager: Any, api_url: str | None, timeout: float) -> Any:
    spotify = _library().Spotify(
        auth_manager=auth_manager,
        requests_session=_session(checking_hook(SERVICE)),
        requests_timeout=timeout,
        retries=0,
        status_retries=0,
    )
    spotify.prefix = service_url(api_url, "SPDKIT_SPOTIFY_API_URL", API_URL).rstrip("/") + "/"
    return spotify


def _credentials_hook(response: requests.Response, **_: Any) -> None:
    try:
        checking_hook(SERVICE)(response)
    except Refused as error:
        raise CredentialsError(
            f"{SERVICE} does not accept SPOTIPY_CLIENT_ID and SPOTIPY_CLIENT_SECRET "
            f"({error.message or f'HTTP {error.status}'})"
        ) from None


def _session(hook: Callable[..., None]) -> requests.Session:
    session = requests.Session()
    session.hooks["response"].append(hook)
    return session


def _library() -> Any:
    with needs_extra(SERVICE, "collect", CollectError):
        import spotipy
    redact_logs("spotipy.client", "spotipy.oauth2")
    return spotipy
