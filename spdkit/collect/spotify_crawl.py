"""Crawl: from sources to whole tracks, one answer at a time.

Sources give track ids. A playlist or a search brings whole tracks, each of which is kept under its
own key (``tracks/ID``), and the page with the ids in their place; an album brings parts of tracks,
a list of ids nothing, so those are read. Then come audio features, where allowed, and artists.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Any

from spdkit.collect.api_access import ApiAccess, probe
from spdkit.collect.errors import CollectError
from spdkit.collect.response_cache import ResponseCache
from spdkit.collect.sources import Sources
from spdkit.collect.spotify_client import LARGE_PAGE, SpotifyClient
from spdkit.collect.track_tables import Origin, artists_of
from spdkit.common.messages import SHOWN, listing

Bar = Callable[[str, int], AbstractContextManager[Callable[[bool], None]]]

_FEATURES_AT_ONCE = 100
_PASSED_OVER = {
    "local": "files of somebody's own in playlists, which have no id",
    "removed": "tracks that are no longer there, or not for this application",
    "episode": "podcast episodes in playlists",
    "no playlist": "playlists that a category names and does not show",
}


class Crawl:
    """One collection under way: which tracks, and what is worth saying.

    Parameters
    ----------
    cache : ResponseCache
    client : SpotifyClient
        Over the same cache.
    bar : callable
        Makes a progress bar from a label and a total.

    Attributes
    ----------
    origins : dict of str to Origin
        Tracks by their id, in the order of the sources.
    remarks : list of str
        What was passed over, refused or may not be read.
    """

    def __init__(self, cache: ResponseCache, client: SpotifyClient, bar: Bar) -> None:
        self.origins: dict[str, Origin] = {}
        self.remarks: list[str] = []
        self._cache, self._client, self._bar = cache, client, bar
        self._passed_over: Counter[str] = Counter()
        self._refused: list[str] = []

    def answer(self, key: str) -> Any:
        """Return what the cache has; None when it has nothing, or a refusal."""
        entry = self._cache.get(key)
        return entry.response if entry is not None else None

    def list_tracks(self, sources: Sources) -> None:
        """Find the ids of all tracks."""
        playlists = {playlist: Origin() for playlist in sources.playlists}
        with self._bar("countries", len(sources.countries)) as tick:
            for country in sources.countries:
                for playlist, where in self._charts(country, sources.playlists_per_category):
                    playlists.setdefault(playlist, where)
                tick(False)
        steps: list[tuple[Callable[..., bool], tuple[Any, ...]]] = [
            *((self._playlist, item) for item in playlists.items()),
            *((self._album, (album,)) for album in sources.albums),
            *((self._artist, (artist,)) for artist in sources.artists),
            *((self._isrc, (isrc,)) for isrc in sources.isrcs),
        ]
        with self._bar("listing", len(steps)) as tick:
            for step, arguments in steps:
                tick(not step(*arguments))
        self._find(sources.tracks, Origin())

    def complete(self) -> None:
        """Read what the lists did not bring.

        Raises
        ------
        CollectError
            When there is no track at all.
        """
        access = self._access()
        self._read("tracks", "tracks", "track", self.origins, LARGE_PAGE, access.batches)
        tracks, artists = [], dict[str, None]()
        for track_id in self.origins:
            track = self.answer(f"tracks/{track_id}")
            if track is not None:
                tracks.append(track_id)
                artists.update(dict.fromkeys(artists_of(track)))
            elif f"tracks/{track_id}" in self._cache:
                self._passed_over["removed"] += 1
        if access.audio_features:
            self._read("audio-features", "audio_features", "", tracks, _FEATURES_AT_ONCE, True)
        self._read("artists", "artists", "artist", artists, LARGE_PAGE, access.batches)
        self._tell_what_is_missing()

    def _access(self) -> ApiAccess:
        for track_id in self.origins:
            track = self._client.get(f"tracks/{track_id}", "track", track_id)
            if track is not None:
                access = probe(self._client, track_id, track)
                if access.remark:
                    self.remarks.append(access.remark)
                return access
        self._tell_what_is_missing()
        unanswered = [str(error) for error in self._client.unanswered[:SHOWN]]
        raise CollectError("; ".join(["no track could be read", *self.remarks, *unanswered]))

    def _charts(self, country: str, n_playlists: int) -> Iterator[tuple[str, Origin]]:
        """Yield the playlists that every category shows in a country."""
        first = f"browse/{country}/categories"
        pages = self._client.pages(
            first, "categories", country=country, keep=lambda answer: answer["categories"]
        )
        categories = [item["id"] for page in pages for item in page["items"] if item]
        self._note_refusal(f"the categories of {country}", f"{first}?offset=0")
        for category in categories:
            key = f"browse/{country}/categories/{category}/playlists?limit={n_playlists}"
            answer = self._client.get(
                key, "category_playlists", category, country=country, limit=n_playlists
            )
            self._note_refusal(f"the playlists of {category} in {country}", key)
            for playlist in (answer or {}).get("playlists", {}).get("items", []):
                if playlist is None:
                    self._passed_over["no playlist"] += 1
                else:
                    yield playlist["id"], Origin(playlist.get("name"), country)

    def _playlist(self, playlist: str, where: Origin) -> bool:
        if where == Origin():
            key = f"playlists/{playlist}"
            described = self._client.get(key, "playlist", playlist, fields="id,name")
            if described is None:
                return self._note_refusal(f"playlist {playlist}", key)
            where = Origin(described.get("name"))
        first = f"playlists/{playlist}/items"
        for page in self._client.pages(
            first, "playlist_items", playlist, keep=self._keep_playlist_page
        ):
            for item in page["items"]:
                if item["kind"] == "track":
                    self._find([item["id"]], where)
                else:
                    self._passed_over[item["kind"]] += 1
        return self._note_refusal(f"playlist {playlist}", f"{first}?offset=0")

    def _album(self, album: str) -> bool:
        first = f"albums/{album}/tracks"
        for page in self._client.pages(first, "album_tracks", album):
            ids = [item["id"] for item in page["items"] if item and item.get("id")]
            self._passed_over["removed"] += len(page["items"]) - len(ids)
            self._find(ids, Origin())
        return self._note_refusal(f"album {album}", f"{first}?offset=0")

    def _artist(self, artist: str) -> bool:
        first = f"artists/{artist}/albums"
        albums = [
            album["id"]
            for page in self._client.pages(
                first, "artist_albums", artist, include_groups="album,single"
            )
            for album in page["items"]
            if album
        ]
        read = [self._album(album) for album in albums]
        return self._note_refusal(f"artist {artist}", f"{first}?offset=0") and all(read)

    def _isrc(self, isrc: str) -> bool:
        key = f"isrc/{isrc}"
        query = f"isrc:{isrc}"
        answer = self._client.get(key, "search", query, keep=self._keep_search, limit=1)
        if answer is None:
            return self._note_refusal(f"ISRC {isrc}", key)
        tracks = [track["id"] for track in answer["tracks"] if track["isrc"] in (isrc, None)]
        self._find(tracks, Origin())
        if not tracks:
            self._refused.append(f"ISRC {isrc} (not known)")
        return bool(tracks)

    def _find(self, ids: Iterable[str], where: Origin) -> None:
        for track_id in ids:
            self.origins.setdefault(track_id, where)

    def _keep_playlist_page(self, page: Mapping[str, Any]) -> dict[str, Any]:
        items = []
        for entry in page["items"]:
            # Since February 2026 the track of an entry is called item.
            entry = entry or {}
            track: Any = entry.get("item") or entry.get("track")
            kind = _kind(entry, track)
            item: dict[str, Any] = {"kind": kind, "added_at": entry.get("added_at")}
            if kind == "track":
                self._keep_track(track)
                item["id"] = track["id"]
            items.append(item)
        return {**page, "items": items}

    def _keep_search(self, answer: Mapping[str, Any]) -> dict[str, Any]:
        tracks = []
        for track in answer["tracks"]["items"]:
            if track and track.get("id"):
                self._keep_track(track)
                isrc = (track.get("external_ids") or {}).get("isrc")
                tracks.append({"id": track["id"], "isrc": isrc and isrc.upper().replace("-", "")})
        return {"tracks": tracks}

    def _keep_track(self, track: Mapping[str, Any]) -> None:
        key = f"tracks/{track['id']}"
        if "album" in track and self.answer(key) is None:
            self._cache.put(key, track)

    def _read(
        self, kind: str, together: str, alone: str, ids: Iterable[str], at_once: int, batches: bool
    ) -> None:
        """Read by id what the cache does not have, in batches or one by one."""

        def key(one: str) -> str:
            return f"{kind}/{one}"

        missing = [one for one in ids if key(one) not in self._cache]
        size = at_once if batches else 1
        with self._bar(kind, len(missing)) as tick:
            for start in range(0, len(missing), size):
                batch = missing[start : start + size]
                if batches:
                    self._client.get_many(batch, together, together, key)
                else:
                    self._client.get(key(batch[0]), alone, batch[0])
                for one in batch:
                    tick(self.answer(key(one)) is None)

    def _note_refusal(self, what: str, key: str) -> bool:
        """Whether an answer is there; a refusal is noted."""
        entry = self._cache.get(key)
        if entry is not None and entry.refused is not None:
            status, message = entry.refused
            self._refused.append(f"{what} (HTTP {status}{': ' * bool(message)}{message})")
        return entry is not None and entry.refused is None

    def _tell_what_is_missing(self) -> None:
        for kind, words in _PASSED_OVER.items():
            if self._passed_over[kind]:
                self.remarks.append(f"passed over {self._passed_over[kind]} {words}")
        if self._refused:
            sources = listing(self._refused)
            self.remarks.append(f"{len(self._refused)} sources gave nothing: {sources}")


def _kind(entry: Mapping[str, Any], track: Any) -> str:
    if not isinstance(track, Mapping):
        return "removed"
    if entry.get("is_local") or track.get("is_local") or not track.get("id"):
        return "local"
    return "track" if track.get("type", "track") == "track" else "episode"
