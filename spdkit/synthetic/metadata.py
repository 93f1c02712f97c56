"""Facts of the songs that we compose: who sings, how famous they are, where the words lie.

Conventions
-----------
Songs come in blocks of 40: in every whole block ten artists have two to six songs each and
`LYRICS_SOURCES` holds exactly. Song ``i`` depends on `seed` and its own block alone.
Generators: ``default_rng([seed, block, 4])`` draws a block and its artists,
``default_rng([seed, i, 3])`` draws what is a song's own. Artists, albums and numbers are made up.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np

LyricsSource = Literal["txt", "lrc", "tags", "none"]

BLOCK = 40  # songs
SONGS_OF_ARTISTS = (2, 2, 3, 3, 4, 4, 5, 5, 6, 6)  # in a block
# Where the words of a song are, their language, and how many songs of a block that is. "none" is
# an instrumental.
_SOURCE_COUNTS: tuple[tuple[LyricsSource, str, int], ...] = (
    ("txt", "en", 12),
    ("txt", "es", 1),
    ("txt", "ru", 1),
    ("lrc", "en", 8),
    ("lrc", "de", 1),
    ("lrc", "ja", 1),
    ("tags", "en", 10),
    ("tags", "es", 1),
    ("tags", "de", 1),
    ("none", "", 4),
)
LYRICS_SOURCES = [
    (lyrics_source, language)
    for lyrics_source, language, count in _SOURCE_COUNTS
    for _ in range(count)
]
LOG_FOLLOWERS = (2.0, 7.0)  # decimal logarithm, uniform
MARKETS = (1, 184)
NO_POPULARITY = 0.1  # share of artists whose popularity is not known
FIRST_NAMES = (
    "Amélie Bram Cosima Dario Elif Fenna Goran Hélène Ilse Jorun Kaito Lúcia Mirek Nadia Olwen "
    "Priya Ronan Søren Tamsin Yara"
)
LAST_NAMES = (
    "Ashgrove Bellweather Coppermoon Driftwood Emberly Fallowfield Glasshouse Hollowell Inkwood "
    "Junipert Kestrelton Lanternly Marshlight Nightjar Oakenshaw Pennywhistle Quillfeather "
    "Riverstone Saltmarsh Thornbury"
)
ALBUMS = "Atlas Beacons Cinders Detours Echoes Frontiers Gravity Homeward Ivory Junctions"


@dataclass(frozen=True)
class Artist:
    """A made-up artist, with one album.

    Attributes
    ----------
    artist_id : str
    name : str
        Distinct among the first 400 artists, which is 1,600 songs.
    followers : int
        10² to 10⁷; popularity depends on it.
    popularity : int or None
        0 to 100; goes with followers and has no influence of its own. None where not known.
    album, release_date : str
        The date as YYYY-MM-DD. No influence.
    """

    artist_id: str
    name: str
    followers: int
    popularity: int | None
    album: str
    release_date: str


@dataclass(frozen=True)
class SongFacts:
    """What is known of one song beside its sound and words.

    Attributes
    ----------
    artist : Artist
    available_markets : int
        Their number. No influence.
    lyrics_source : {"txt", "lrc", "tags", "none"}
        What keeps the words: a file beside the sound, the tags, or nothing (an instrumental).
    language : str
        ISO 639-1; empty for an instrumental.
    """

    artist: Artist
    available_markets: int
    lyrics_source: LyricsSource
    language: str


def song_facts(i: int, seed: int = 0) -> SongFacts:
    """Return the facts of song `i`."""
    artists, singers, sources = _block(i // BLOCK, seed)
    rng = np.random.default_rng([seed, i, 3])
    lyrics_source, language = LYRICS_SOURCES[sources[i % BLOCK]]
    return SongFacts(
        artist=artists[singers[i % BLOCK]],
        available_markets=int(rng.integers(MARKETS[0], MARKETS[1] + 1)),
        lyrics_source=lyrics_source,
        language=language,
    )


@lru_cache(maxsize=256)
def _block(block: int, seed: int) -> tuple[tuple[Artist, ...], tuple[int, ...], tuple[int, ...]]:
    """Artists of a block; for each song of it, its artist and its place in `LYRICS_SOURCES`."""
    rng = np.random.default_rng([seed, block, 4])
    n_artists = len(SONGS_OF_ARTISTS)
    singers = rng.permutation(np.repeat(np.arange(n_artists), SONGS_OF_ARTISTS))
    sources = rng.permutation(BLOCK)
    # One artist in each tenth of the range: any ten have both famous and unknown ones.
    fame = (rng.permutation(n_artists) + rng.random(n_artists)) / n_artists
    artists = [_artist(block * n_artists + k, float(fame[k]), rng) for k in range(n_artists)]
    return tuple(artists), tuple(singers.tolist()), tuple(sources.tolist())


def _artist(number: int, fame: float, rng: np.random.Generator) -> Artist:
    low, high = LOG_FOLLOWERS
    popularity = int(np.clip(rng.normal(15 + 65 * fame, 8), 0, 100))
    days = int(rng.integers(30 * 365))
    return Artist(
        artist_id=f"artist-{number:03d}",
        name=_name(number),
        followers=round(10 ** (low + (high - low) * fame)),
        popularity=None if rng.random() < NO_POPULARITY else popularity,
        album=f"{rng.choice(ALBUMS.split())} {rng.integers(1, 10)}",
        release_date=str(np.datetime64("1995-01-01") + days),
    )


def _name(number: int) -> str:
    """Every pair of a first and a last name once, neighbours different in both."""
    first_names, last_names = FIRST_NAMES.split(), LAST_NAMES.split()
    rounds, first = divmod(number, len(first_names))
    return f"{first_names[first]} {last_names[(first + rounds) % len(last_names)]}"
