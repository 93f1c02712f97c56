"""Collecting a corpus: tables of tracks from Spotify, lyrics from Genius.

Every answer is kept in a cache beside the result, so that a run that was rate-limited or killed
goes on where it stopped. Credentials come from the environment and are written nowhere.

Access and terms
----------------
Spotify closed audio features, audio analysis and 30 s previews to new applications on 2024-11-27;
in February 2026 applications in development mode lost popularity, followers, markets and reads in
batches as well. What an application may not read is found out once and said; its columns stay
empty. Spotify's terms forbid training models on its content, and Genius's terms restrict what may
be done with lyrics: whether and how you use either is your decision, and your responsibility.
Neither service is needed: labels, metadata and lyrics load from any table.
"""

from typing import TYPE_CHECKING

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "errors": [
            "Blocked",
            "CollectError",
            "CredentialsError",
            "RateLimited",
            "Refused",
            "Unanswered",
        ],
        "genius": ["GeniusCollector", "LyricsReport"],
        "retry": ["Patience"],
        "sources": ["Sources"],
        "spotify": ["CollectReport", "SpotifyCollector"],
    },
)

if TYPE_CHECKING:
    from spdkit.collect.errors import Blocked as Blocked
    from spdkit.collect.errors import CollectError as CollectError
    from spdkit.collect.errors import CredentialsError as CredentialsError
    from spdkit.collect.errors import RateLimited as RateLimited
    from spdkit.collect.errors import Refused as Refused
    from spdkit.collect.errors import Unanswered as Unanswered
    from spdkit.collect.genius import GeniusCollector as GeniusCollector
    from spdkit.collect.genius import LyricsReport as LyricsReport
    from spdkit.collect.retry import Patience as Patience
    from spdkit.collect.sources import Sources as Sources
    from spdkit.collect.spotify import CollectReport as CollectReport
    from spdkit.collect.spotify import SpotifyCollector as SpotifyCollector
