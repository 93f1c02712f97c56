"""A small store of songs with words and facts, really extracted, and their labels."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd

from spdkit.extraction import batch
from spdkit.extractors import LyricsExtractor, MetadataExtractor
from spdkit.store.feature_store import FeatureStore
from spdkit.tracks import scan

_WORDS = ("river", "stone", "light", "morning", "over", "again", "road", "walk", "sing", "heart")


def songs(n=160, seed=0):
    """A table of tracks: popularity depends on followers and, less, on how often lines repeat."""
    rng = np.random.default_rng(seed)
    artist = np.arange(n) % (n // 4)
    followers = rng.uniform(2, 6, n // 4)[artist]
    repeats = rng.integers(1, 9, n)
    line = [" ".join(rng.choice(_WORDS, 6)) for _ in range(n)]
    return pd.DataFrame(
        {
            "track_id": [f"song-{i:03d}" for i in range(n)],
            "audio": None,
            "lyrics": [
                "\n".join([each] * k + ["another one"] * 4)
                for each, k in zip(line, repeats, strict=True)
            ],
            "title": [f"Song {i}" for i in range(n)],
            "artist": [f"Artist <{a}>" for a in artist],
            "artist_followers": (10**followers).round(),
            "release_date": [f"{2000 + i % 20}-05-17" for i in range(n)],
            "artist_id": [f"artist-{a:02d}" for a in artist],
            "popularity": (10 * followers + 3 * repeats + rng.uniform(0, 8, n)).round(1),
        }
    )


def make(folder, n=160, seed=0):
    """Write ``songs.csv``, ``features.h5`` and ``labels.csv`` there."""
    table = songs(n, seed)
    facts = table.drop(columns=["popularity", "artist_id"])
    facts.to_csv(folder / "songs.csv", index=False)
    table[["track_id", "popularity", "artist_id"]].to_csv(folder / "labels.csv", index=False)
    return extract(facts, folder / "features.h5", LyricsExtractor(), MetadataExtractor())


def extract(table, path, *extractors):
    """A store of the tracks of a table."""
    with ThreadPoolExecutor(1) as executor:
        batch.extract(scan.from_table(table), path, extractors, executor=executor)
    return FeatureStore.open(path)
