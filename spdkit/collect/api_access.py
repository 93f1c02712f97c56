"""Access to the API: what this application may read, asked once and kept in the cache.

Spotify took things away from new applications on 2024-11-27 and from those in development mode in
February 2026; which rules hold for an application cannot be looked up, only tried.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from spdkit.collect.spotify_client import SpotifyClient

_SINCE_2024 = "closed to new applications since 2024-11-27"
_SINCE_2026 = "closed to applications in development mode since February 2026"
_TRACK_FIELDS = {
    "popularity": "the popularity of tracks",
    "available_markets": "the markets of tracks",
    "external_ids": "the ISRC of tracks",
}
_ARTIST_FIELDS = {
    "popularity": "the popularity of artists",
    "followers": "the followers of artists",
    "genres": "the genres of artists",
}


@dataclass(frozen=True)
class ApiAccess:
    """What may be read.

    Attributes
    ----------
    audio_features : bool
        Whether the columns from danceability to time_signature can be had.
    batches : bool
        Whether tracks, and artists, can be read many at a time.
    missing : tuple of str
        In words, what may not be read.
    """

    audio_features: bool
    batches: bool
    missing: tuple[str, ...]

    @property
    def remark(self) -> str:
        """One message for the user; empty when everything may be read."""
        if not self.missing:
            return ""
        parts = "; ".join(self.missing)
        return f"this application may not read {parts}. What is missing stays empty in the tables"


def probe(client: SpotifyClient, track_id: str, track: Mapping[str, Any]) -> ApiAccess:
    """Try each capability once.

    Parameters
    ----------
    client : SpotifyClient
    track_id : str
        A track that is there.
    track : mapping
        It, as Spotify describes it.

    Raises
    ------
    Unanswered
        When a capability is neither given nor refused.
    """
    in_2024, in_2026 = [], []
    features = client.allows("probe/audio-features", "audio_features", [track_id])
    if not features:
        in_2024.append("audio features")
    batches = client.allows("probe/tracks", "tracks", [track_id])
    in_2026 += [words for field, words in _TRACK_FIELDS.items() if track.get(field) is None]
    artists = [artist["id"] for artist in track.get("artists", []) if artist.get("id")]
    key = f"artists/{artists[0]}" if artists else ""
    if artists and client.allows(key, "artist", artists[0]):
        artist = client.get(key, "artist", artists[0])
        in_2026 += [words for field, words in _ARTIST_FIELDS.items() if artist.get(field) is None]
    if not batches:
        in_2026.append("many tracks by one request, so that each takes one of its own")
    missing = [
        f"{', '.join(names)} ({since})"
        for names, since in ((in_2024, _SINCE_2024), (in_2026, _SINCE_2026))
        if names
    ]
    return ApiAccess(features, batches, tuple(missing))
