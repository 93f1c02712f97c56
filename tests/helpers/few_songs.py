"""A few hundred songs that are made up, as the tables of MusicOSet have them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

N_SONGS, N_ARTISTS = 260, 90
GENRES = ("tea rock", "moss pop", "slow ska", "kelp folk", "brass hop")


def write_songs(place: Path) -> Path:
    """Tables of songs whose popularity follows fame, energy and a genre."""
    rng = np.random.default_rng(7)
    fame = rng.integers(0, 100, N_ARTISTS)
    genres = [list(rng.choice(GENRES, rng.integers(0, 3), replace=False)) for _ in fame]
    artist = rng.integers(0, N_ARTISTS, N_SONGS)
    energy = rng.random(N_SONGS)
    loved = np.array(["moss pop" in genres[a] for a in artist])
    noise = rng.normal(0, 8, N_SONGS)
    popularity = (0.5 * fame[artist] + 30 * energy + 15 * loved + noise).clip(0, 100).round()
    shares = ("acousticness", "danceability", "instrumentalness", "liveness", "speechiness")
    songs = pd.DataFrame(
        {
            "song_id": [f"s{i:03d}" for i in range(N_SONGS)],
            "song_name": [f"Song {i}" for i in range(N_SONGS)],
            "artists": [f"{{'a{a}': 'Artist {a}'}}" for a in artist],
            "popularity": popularity.astype(int),
            "explicit": rng.random(N_SONGS) < 0.2,
            **{name: rng.random(N_SONGS) for name in shares},
            "energy": energy,
            "valence": rng.random(N_SONGS),
            "duration_ms": rng.integers(120_000, 300_000, N_SONGS),
            "key": rng.integers(0, 12, N_SONGS),
            "loudness": -10 * rng.random(N_SONGS),
            "mode": rng.integers(0, 2, N_SONGS),
            "tempo": rng.uniform(60, 180, N_SONGS),
            "time_signature": 4,
            "track_number": rng.integers(1, 12, N_SONGS),
            "release_date": [f"{year}-01-01" for year in rng.integers(1960, 2020, N_SONGS)],
            "num_available_markets": rng.integers(0, 80, N_SONGS),
            "artist_id": [f"a{a}" for a in artist],
            "artist_followers": 1000 * fame[artist],
            "artist_popularity": fame[artist],
        }
    )
    artists = pd.DataFrame(
        {
            "artist_id": [f"a{i}" for i in range(N_ARTISTS)],
            "name": [f"Artist {i}" for i in range(N_ARTISTS)],
            "genres": [str([str(each) for each in some]) for some in genres],
        }
    )
    songs.to_csv(place / "songs.csv", index=False)
    artists.to_csv(place / "artists.csv", index=False)
    return place
