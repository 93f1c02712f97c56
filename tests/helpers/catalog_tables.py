"""Small tables of the shape of each published set, to write into a folder; all values are ours."""

from __future__ import annotations

import gzip

import pandas as pd

AUDIO = [
    *(f"Chroma_{i}" for i in range(1, 13)),
    *(f"MEL_{i}" for i in range(1, 129)),
    *(f"MFCC_{i}" for i in range(1, 49)),
    *(f"Spectral_contrast_{i}" for i in range(1, 8)),
    *(f"Tonnetz_{i}" for i in range(1, 7)),
    *("ZCR", "entropy_energy", "spectral_bandwith", "spectral_centroid"),
    *("spectral_rollOff_max", "spectral_rollOff_min"),
]
DESCRIPTORS = {
    "acousticness": [0.25, 0.5, 0.75],
    "danceability": [0.5, 0.625, 0.125],
    "duration_ms": [180000, 200000.0, 240500],
    "energy": [0.75, 0.5, 0.25],
    "instrumentalness": [0.0, 0.5, 3.8e-05],
    "key": [5, 0, 11],
    "liveness": [0.125, 0.25, 0.5],
    "loudness": [-1.0, -6.5, -12.25],
    "mode": [1, 0, 1],
    "speechiness": [0.03125, 0.0625, 0.5],
    "tempo": [120.0, 90.5, 0.0],
    "time_signature": [4, 3, 4],
    "valence": [0.875, 0.5, 0.125],
}


def musicoset():
    songs = pd.DataFrame(
        {
            "song_id": ["s1", "s2", "s3"],
            "song_name": ["Down by the Quay", "NA", "Mum's Waltz"],
            "artists": [
                "{'a1': 'Ann O\"Dee', 'a2': \"Ben's\"}",
                "{'a2': \"Ben's\"}",
                "{'a9': 'X'}",
            ],
            "popularity": [70, 10, 40],
            "explicit": [True, False, False],
            "song_type": ["Collaboration", "Solo", "Solo"],
            **DESCRIPTORS,
            "track_number": [1, 2, 3],
            "release_date": ["2019-02-08", "1963", "1999-07"],
            "release_date_precision": ["day", "year", "month"],
            "num_available_markets": [79.0, None, 0.0],
            "artist_id": ["a1", "a2", "a9"],
            "artist_followers": [1000.0, 3000.0, None],
            "artist_popularity": [40.0, 60.0, None],
        }
    )
    artists = pd.DataFrame(
        {
            "artist_id": ["a1", "a2"],
            "name": ['Ann O"Dee', "Ben's"],
            "followers": [1000.0, 3000.0],
            "popularity": [40, 60],
            "artist_type": ["singer", "-"],
            "main_genre": ["-", "-"],
            "genres": ["['pop', 'sea shanty']", "[]"],
        }
    )
    return {"songs.csv": songs, "artists.csv": artists}


def spotgentrack():
    n = 3
    texts = {name: ["x"] * n for name in ("analysis_url", "href", "playlist", "preview_url")}
    tracks = pd.DataFrame(
        {
            "id": ["t1", "t2", "t3"],
            "name": ["Down by the Quay", "Nan", "Mum's Waltz"],
            "artists_id": ["['a1', 'a2']", "['a2']", "['a9', 'a1']"],
            "album_id": ["b1", "b2", "b9"],
            "available_markets": ["['ES', 'FR', 'GB']", "[]", "['ES']"],
            "popularity": [70.0, 10.0, 40.0],
            **DESCRIPTORS,
            "lyrics": ['Down by the quay,\nwe "sang", all day', "-99", "One two three"],
            "country": ["ES", "BE", "NO"],
            "disc_number": [1.0, 1.0, 2.0],
            "track_number": [1.0, 7.0, 3.0],
            **texts,
            **{name: ["x"] * n for name in ("track_href", "track_name_prev", "type", "uri")},
        }
    )
    artists = pd.DataFrame(
        {
            "artist_popularity": [40.0, 61.0],
            "followers": [1000.0, 3000.0],
            "genres": ["['pop', 'sea shanty']", "['pop']"],
            "id": ["a1", "a2"],
            "name": ["Ann", "Ben"],
            "track_id": ["t1", "t2"],
            "track_name_prev": ["track_1", "track_2"],
            "type": ["artist", "artist"],
        }
    )
    albums = pd.DataFrame(
        {
            "album_type": ["single", "album"],
            "id": ["b1", "b2"],
            "name": ["Quay", "Songs"],
            "release_date": ["2019-03-22", "0000"],
            "total_tracks": [1, 12],
            **{
                name: ["x", "x"]
                for name in (
                    *("artist_id", "available_markets", "external_urls", "href", "images"),
                    *("release_date_precision", "track_id", "track_name_prev", "type", "uri"),
                )
            },
        }
    )
    # Eighths, which float32 holds exactly; the entropy of the first is -1, a number like others.
    audio = {name: [(k + 1) / 8, (k + 2) / 8, (k + 3) / 8] for k, name in enumerate(AUDIO)}
    audio["entropy_energy"] = [-1.0, -2.5, -3.0]
    lyrics = {
        "mean_syllables_word": [1.25, -1.0, 1.5],
        "mean_words_sentence": [4.5, -1.0, 3.0],
        "n_sentences": [2.0, -1.0, 1.0],
        "n_words": [9.0, -1.0, 3.0],
        "sentence_similarity": [0.0, -1.0, 0.0],
        "track_id": ["t1", "t2", "t3"],
        "vocabulary_wealth": [0.75, -1.0, 1.0],
    }
    return {
        "spotify_tracks.csv": tracks,
        "spotify_artists.csv": artists,
        "spotify_albums.csv": albums,
        "low_level_audio_features.csv": pd.DataFrame({**audio, "track_id": ["t1", "t2", "t3"]}),
        "lyrics_features.csv": pd.DataFrame(lyrics),
    }


FACTORIES = {"musicoset": musicoset, "spotgentrack": spotgentrack}
# SpotGenTrack's tables begin with an unnamed index.
INDEXED = {"spotgentrack"}


def write(folder, name, frames=None, *, gz=()):
    """Write the tables of catalog `name`, those named in `gz` gzipped; their folder."""
    for file, frame in (FACTORIES[name]() if frames is None else frames).items():
        text = frame.to_csv(index=name in INDEXED)
        if file in gz:
            with gzip.open(folder / f"{file}.gz", "wt", encoding="utf-8") as out:
                out.write(text)
        else:
            (folder / file).write_text(text, encoding="utf-8")
    return folder
