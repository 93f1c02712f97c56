"""Lyrics from Genius for a table of songs, each with how it was found and how sure that is.

A song has one of four statuses. ``ok``: its lyrics are there. ``instrumental``: Genius says that it
has none. ``not_found``: no hit scores high enough, or the page has no lyrics. ``blocked``: Genius
did not let this machine read, or did not answer; that is never taken for an answer, and asked again
next time. The last column gives the reason where the status is not ``ok``.

Access and terms are described in `spdkit.collect`.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY, asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from spdkit.collect.errors import Blocked, CollectError, RateLimited, Refused, Unanswered
from spdkit.collect.genius_client import GeniusClient
from spdkit.collect.response_cache import ResponseCache
from spdkit.collect.retry import RetryPolicy
from spdkit.collect.song_matching import match_score, plain_title
from spdkit.common.files import beside, user_path
from spdkit.common.progress import progress_bar
from spdkit.common.table_io import read_table, require_ids, table_writer

Status = Literal["ok", "not_found", "blocked", "instrumental"]
_HEADERS = re.compile(r"\[[^\]\n]*+(\]?)")
_INSTRUMENTAL = re.compile(r"^\W*instrumental\W*$", re.IGNORECASE)


@dataclass(frozen=True)
class Song:
    """One row of the table: what to look for."""

    track_id: str
    title: str
    artist: str


@dataclass(frozen=True)
class Lyrics:
    """One row of the result."""

    track_id: str
    status: Status
    score: float | None = None
    matched_title: str | None = None
    matched_artist: str | None = None
    url: str | None = None
    lyrics: str | None = None
    reason: str | None = None


COLUMNS = tuple(each.name for each in fields(Lyrics))


@dataclass(frozen=True)
class LyricsReport:
    """What a collection of lyrics has come to.

    Attributes
    ----------
    output : Path
        The table.
    counts : mapping of str to int
        Songs by status.
    n_songs, n_left, n_requests : int
        Songs asked for; those of them not reached; requests sent now.
    remarks : tuple of str
        What else is worth knowing.
    """

    output: Path
    counts: Mapping[str, int]
    n_songs: int
    n_left: int
    n_requests: int
    remarks: tuple[str, ...] = ()


@dataclass(eq=False, repr=False)
class GeniusCollector:
    """Collect lyrics into a table for ``spdkit extract --metadata``.

    Parameters
    ----------
    output : path
        The CSV table to write; the cache lies beside it (``….raw.jsonl``).
    access_token, api_url, web_url, timeout, pause
        See `GeniusClient`.
    floor : float
        The least score, 0 to 1, of a hit that is taken for the song.
    blocks : int
        How many blocks in a row end the run.
    retry : RetryPolicy
        How often to try, and what waits.
    ask_again : bool
        Ask once more for pages that Genius refused before.
    progress : bool
        Show a bar on stderr.

    Attributes
    ----------
    report : LyricsReport or None
        Of the last run, also of one that ended with an error and has written its table.
    """

    output: str | os.PathLike[str]
    _: KW_ONLY
    access_token: str | None = None
    api_url: str | None = None
    web_url: str | None = None
    timeout: float = 30.0
    pause: float = 0.2
    floor: float = 0.8
    blocks: int = 5
    retry: RetryPolicy | None = None
    ask_again: bool = False
    progress: bool = False
    report: LyricsReport | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        if not 0 <= self.floor <= 1:
            raise CollectError(f"floor must be 0 to 1, got {self.floor:g}")
        if self.blocks < 1:
            raise CollectError(f"blocks must be at least 1, got {self.blocks}")
        names = ("access_token", "api_url", "web_url", "timeout", "pause")
        connection = {each: getattr(self, each) for each in names}
        self._client = GeniusClient(self.retry or RetryPolicy(), **connection)

    def collect(self, table: str | os.PathLike[str]) -> LyricsReport:
        """Look up every song and write the table.

        When Genius asks for a long pause or blocks this machine, the table is written all the same,
        without the songs that were not reached; call again later to go on.

        Parameters
        ----------
        table : path
            With the columns ``track_id, title, artist``.

        Returns
        -------
        LyricsReport

        Raises
        ------
        RateLimited
            When Genius asks for a pause of more than a minute.
        Blocked
            When it has blocked, or not answered, several requests in a row.
        CredentialsError
            When it does not accept the token.
        CollectError
            When the table cannot be read, or the result not be written.
        """
        songs = read_songs(user_path(table, CollectError))
        output = user_path(self.output, CollectError)
        path = beside(output, ".raw.jsonl")
        before = self._client.n_requests
        with ResponseCache(path, forget_refusals=self.ask_again) as cache:
            lookup = _Lookup(cache, self._client, self.floor, self.blocks)
            counts: Counter[str] = Counter()
            with (
                table_writer(output, COLUMNS, error=CollectError) as write,
                progress_bar("lyrics", len(songs), shown=self.progress) as tick,
            ):
                for song in songs:
                    row = lookup.find(song)
                    if row is not None:
                        write(asdict(row))
                        counts[row.status] += 1
                    tick(row is None or row.status == "blocked")
        self.report = LyricsReport(
            *(output, dict(counts), len(songs), len(songs) - counts.total()),
            self._client.n_requests - before,
            tuple(cache.remarks),
        )
        if lookup.stopped is not None:
            raise lookup.stopped
        return self.report


@dataclass
class _Lookup:
    """One run: asks until Genius blocks, then answers from the cache alone."""

    cache: ResponseCache
    client: GeniusClient
    floor: float
    blocks: int
    # Searches and pages are different hosts; often only the pages are blocked.
    in_a_row: Counter[str] = field(default_factory=Counter)
    stopped: CollectError | None = None

    def find(self, song: Song) -> Lyrics | None:
        """One row of the result; None for a song that was not reached."""
        try:
            return self._find(song)
        except _NotReached:
            return None
        except RateLimited as error:
            self.stopped = error
            return None
        except (Blocked, Unanswered) as error:
            worst = max(self.in_a_row.values())  # counted when asked, cleared when answered
            if worst >= self.blocks:
                self.stopped = Blocked(
                    f"{worst} requests in a row were blocked or not answered, the last: {error}. "
                    "Genius turns away many cloud addresses: try another network"
                )
            return Lyrics(song.track_id, "blocked", reason=str(error))

    def _find(self, song: Song) -> Lyrics:
        if not song.title.strip():
            return Lyrics(song.track_id, "not_found", reason="the table has no title")
        query = f"{plain_title(song.title)} {song.artist}".strip()
        hits = self._get("search", f"search?q={query}", lambda: self.client.search(query))
        if not hits:
            reason = "no hits" if hits == [] else "Genius refuses the search"
            return Lyrics(song.track_id, "not_found", reason=reason)
        scores = [match_score(song.title, song.artist, h["title"], h["artists"]) for h in hits]
        best = max(range(len(hits)), key=scores.__getitem__)  # the first of equals
        return self._read(song, hits[best], scores[best])

    def _read(self, song: Song, hit: Mapping[str, Any], score: float) -> Lyrics:
        def row(status: Status, reason: str | None = None, lyrics: str | None = None) -> Lyrics:
            artist = next(iter(hit["artists"]), None)
            facts = (round(score, 4), hit["title"], artist, hit["url"])
            return Lyrics(song.track_id, status, *facts, lyrics, reason)

        if score < self.floor:
            return row("not_found", f"score below {self.floor:g}")
        if hit["instrumental"]:
            return row("instrumental", "Genius says so")
        if hit["lyrics_state"] != "complete":
            return row("not_found", f"Genius has no complete lyrics ({hit['lyrics_state']})")
        path = hit["path"]
        page = self._get("page", path, lambda: self.client.lyrics(path)) if path else None
        if page is None:
            return row("not_found", "Genius has no page for it")
        lyrics = page["lyrics"] or ""
        words = _HEADERS.sub(lambda match: "" if match[1] else match[0], lyrics).strip()
        if words and not _INSTRUMENTAL.match(words):
            return row("ok", lyrics=lyrics)
        # Nothing to sing is no proof: only Genius's word is.
        if page["instrumental"] or "instrumental" in lyrics.lower():
            return row("instrumental", "Genius says so")
        return row("not_found", "the page has no lyrics")

    def _get(self, kind: str, key: str, ask: Callable[[], Any]) -> Any:
        """Answer from the cache, or from Genius; None when refused."""
        if key not in self.cache:
            if self.stopped is not None:
                raise _NotReached
            self.in_a_row[kind] += 1
            try:
                self.cache.put(key, ask())
            except Refused as error:
                self.cache.put_refusal(key, error)
            self.in_a_row[kind] = 0
        return self.cache[key].response


class _NotReached(Exception):
    """The cache has no answer, and Genius is not to be asked any more."""


def read_songs(path: Path) -> Sequence[Song]:
    """Read the songs to look for.

    Parameters
    ----------
    path : Path
        A table that `spdkit.read_table` reads, with ``track_id, title, artist``; other columns are
        passed over.

    Returns
    -------
    sequence of Song
        In the table's order.

    Raises
    ------
    CollectError
        When it cannot be read, lacks a column, or a ``track_id`` is empty or repeated.
    """
    names = [each.name for each in fields(Song)]
    frame = read_table(path, names, text=True, error=CollectError)
    songs = [Song(*row) for row in frame.fillna("").itertuples(index=False)]
    require_ids([song.track_id for song in songs], path, CollectError)
    return songs
