"""Corpus from Spotify: from playlists, albums, artists, ids or countries to tables.

The work is a queue that the cache drains: what it has is not asked for again, so a run that was
killed or rate-limited goes on where it stopped, and the tables are written at the end from the
cache alone, one track at a time. Reading order: the sources give track ids; tracks that came
without all their fields are read; then audio features (where allowed) and artists.

Access and terms are described in `spdkit.collect`.

Reference
---------
Martín-Gutiérrez et al., "A multimodal end-to-end deep learning architecture for music popularity
prediction", IEEE Access 8, 2020, section III: how SpotGenTrack was collected.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import KW_ONLY, dataclass
from pathlib import Path
from typing import Any

from spdkit.collect.errors import CollectError
from spdkit.collect.response_cache import ResponseCache
from spdkit.collect.retry import RetryPolicy
from spdkit.collect.sources import Sources
from spdkit.collect.spotify_client import SpotifyClient
from spdkit.collect.spotify_crawl import Crawl
from spdkit.collect.track_tables import write_tables
from spdkit.common.files import user_path
from spdkit.common.progress import progress_bar


@dataclass(frozen=True)
class CollectReport:
    """What a collection has come to.

    Attributes
    ----------
    folder : Path
        Where the tables are: tracks.csv, artists.csv, albums.csv, songs.csv.
    n_tracks, n_artists, n_albums : int
        Their rows.
    n_requests : int
        How many requests this run sent; the rest came from the cache.
    remarks : tuple of str
        What was passed over, refused or may not be read.
    unanswered : tuple of str
        What had no answer this time; run again to ask for it.
    """

    folder: Path
    n_tracks: int
    n_artists: int
    n_albums: int
    n_requests: int
    remarks: tuple[str, ...] = ()
    unanswered: tuple[str, ...] = ()


@dataclass(eq=False, repr=False)
class SpotifyCollector:
    """Collect tracks from Spotify into a folder.

    Parameters
    ----------
    folder : path
        Where the tables go, and the cache (``raw/spotify.jsonl``).
    auth_manager : spotipy auth manager, optional
        By default the application alone, from ``SPOTIPY_CLIENT_ID`` and ``SPOTIPY_CLIENT_SECRET``.
        An application in development mode reads only the playlists of a user who has logged in:
        pass a `spotipy.SpotifyOAuth`, with a cache handler of your choice.
    api_url, token_url : str, optional
        Another address of the service, such as a proxy's; also by the environment variables
        ``SPDKIT_SPOTIFY_API_URL`` and ``SPDKIT_SPOTIFY_TOKEN_URL``. It is sent the credentials.
    timeout : float
        Seconds without a byte after which a request is given up.
    retry : RetryPolicy
        How often to try, and what waits.
    ask_again : bool
        Ask once more for what Spotify refused before.
    progress : bool
        Show bars on stderr.

    Examples
    --------
    >>> sources = Sources.parse(playlists=["spotify:playlist:37i9dQZF1DXcBWIGoYBM5M"])
    >>> SpotifyCollector("corpus").collect(sources)          # doctest: +SKIP
    """

    folder: str | os.PathLike[str]
    _: KW_ONLY
    auth_manager: Any = None
    api_url: str | None = None
    token_url: str | None = None
    timeout: float = 30.0
    retry: RetryPolicy | None = None
    ask_again: bool = False
    progress: bool = False

    def collect(self, sources: Sources) -> CollectReport:
        """Collect what the sources name and write the tables.

        The tables hold what these sources name, and no more; the cache keeps all that the folder
        ever asked for.

        Parameters
        ----------
        sources : Sources

        Returns
        -------
        CollectReport

        Raises
        ------
        RateLimited
            When Spotify asks for a pause of more than a minute. Call again later.
        CredentialsError
            When there are no credentials or Spotify does not accept them.
        CollectError
            When nothing can be read, or the folder cannot be written.
        """
        folder, retry = user_path(self.folder, CollectError), self.retry or RetryPolicy()
        path = folder / "raw" / "spotify.jsonl"
        with ResponseCache(path, forget_refusals=self.ask_again) as cache:
            names = ("auth_manager", "api_url", "token_url", "timeout")
            client = SpotifyClient(cache, retry, **{each: getattr(self, each) for each in names})
            crawl = Crawl(cache, client, self._bar)
            crawl.remarks += cache.remarks
            crawl.list_tracks(sources)
            crawl.complete()
            with self._bar("writing tables", len(crawl.origins)) as tick:
                counts = write_tables(folder, crawl.origins, crawl.answer, tick)
            if counts.without_artist:
                crawl.remarks.append(f"{counts.without_artist} tracks have no artist")
            return CollectReport(
                folder,
                *(counts.tracks, counts.artists, counts.albums, client.n_requests),
                tuple(crawl.remarks),
                tuple(map(str, client.unanswered)),
            )

    def _bar(self, label: str, total: int) -> AbstractContextManager[Callable[[bool], None]]:
        return progress_bar(label, total, shown=self.progress)
