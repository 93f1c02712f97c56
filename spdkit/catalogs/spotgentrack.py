"""SpotGenTrack (SPD): tracks of Spotify with audio features, lyrics from Genius and popularity.

Conventions
-----------
A track is a row of ``spotify_tracks.csv``; the other tables join it on its id, its album's and its
artists'. Its group is its primary artist, the first of ``artists_id``. The columns of the two
feature tables have the set's own spelling, which is that of the extractors' profile
"spotgentrack": rows of the set stand beside rows that spdkit extracted.

What means missing, and where: ``-99`` as ``lyrics``; ``-1`` in the six columns of
``lyrics_features.csv``, which is how the set says that a track has no lyrics; ``-1`` as ``key``,
by which Spotify says that it found none. Nowhere else: a loudness or an energy entropy of -1 is a
number. The year 0000 of an album is no year.

Artists join by their mean: ``artist_followers`` and ``artist_popularity`` of a track are means
over those of its artists that are in ``spotify_artists.csv``, as in the HitMusicNet paper.
``available_markets`` is their number; an empty list counts as 0.

Where an id occurs more than once in a table, its first row is kept (see `spdkit.catalogs.base`):
the same track may have been met in the playlists of two countries.

References
----------
Martín-Gutiérrez et al. (2020), section III; data: doi 10.17632/4m2x4zngny.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import pandas as pd

from spdkit import extractors
from spdkit.catalogs import spotify_columns
from spdkit.catalogs.base import Catalog
from spdkit.catalogs.contents import Contents, FeatureGroup
from spdkit.catalogs.errors import CatalogError
from spdkit.catalogs.published_table import Column, TableSpec, columns_named
from spdkit.common.files import replacing, user_path

if TYPE_CHECKING:
    from spdkit.store.feature_store import FeatureStore

NO_LYRICS_TEXT = "-99"
NO_LYRICS = -1.0

_AUDIO_FAMILIES = {"Chroma": 12, "MEL": 128, "MFCC": 48, "Spectral_contrast": 7, "Tonnetz": 6}
AUDIO_COLUMNS = (
    *(f"{name}_{i + 1}" for name, dims in _AUDIO_FAMILIES.items() for i in range(dims)),
    *("ZCR", "entropy_energy", "spectral_bandwith", "spectral_centroid"),
    *("spectral_rollOff_max", "spectral_rollOff_min"),
)
LYRICS_COLUMNS = (
    *("mean_syllables_word", "mean_words_sentence", "n_sentences", "n_words"),
    *("sentence_similarity", "vocabulary_wealth"),
)


# What is not needed is read where the file has it.
TRACKS = TableSpec(
    *("tracks", "spotify_tracks.csv", "id"),
    columns=(
        *columns_named("id", "name"),
        Column("artists_id", "texts"),
        Column("album_id"),
        Column("available_markets", "texts"),
        spotify_columns.POPULARITY,
        *spotify_columns.DESCRIPTORS,
        Column("lyrics", missing=NO_LYRICS_TEXT),
        Column("country"),
        *columns_named("disc_number", "track_number", kind="integer", needed=False),
        *columns_named("playlist", "analysis_url", "href", "preview_url", needed=False),
        *columns_named("track_href", "track_name_prev", "type", "uri", needed=False),
    ),
)
ARTISTS = TableSpec(
    *("artists", "spotify_artists.csv", "id"),
    columns=(
        *columns_named("id", "name"),
        Column("artist_popularity", "integer", low=0, high=100),
        Column("followers", "integer", low=0),
        Column("genres", "texts"),
        *columns_named("track_id", "track_name_prev", "type", needed=False),
    ),
)
ALBUMS = TableSpec(
    *("albums", "spotify_albums.csv", "id"),
    columns=(
        *columns_named("id", "name"),
        Column("release_date", "date"),
        Column("total_tracks", "integer", needed=False),
        *columns_named("album_type", "artist_id", "available_markets", needed=False),
        *columns_named("external_urls", "href", "images", "release_date_precision", needed=False),
        *columns_named("track_id", "track_name_prev", "type", "uri", needed=False),
    ),
)
AUDIO = TableSpec(
    *("audio", "low_level_audio_features.csv", "track_id"),
    columns=(*columns_named(*AUDIO_COLUMNS, kind="number"), Column("track_id")),
)
LYRICS = TableSpec(
    *("lyrics", "lyrics_features.csv", "track_id"),
    columns=(
        *columns_named(*LYRICS_COLUMNS, kind="number", missing=NO_LYRICS),
        Column("track_id"),
    ),
)


def write_tables(store: FeatureStore, folder: str | os.PathLike[str]) -> dict[str, int]:
    """Write the features of a store as the set's own tables, to mix with its rows.

    ``low_level_audio_features.csv`` has the tracks with audio features, ``lyrics_features.csv``
    those with lyrics and, with -1 in all columns, those without. Tracks on which an extractor
    failed, or which it was never asked for, are in neither: they may well have what it looks for.
    The other tables hold texts and links that a store does not have.

    Parameters
    ----------
    store : FeatureStore
        With the columns of the extractors' profile "spotgentrack": audio, lyrics, or both.
    folder : path
        Where to write; tables of those names are replaced.

    Returns
    -------
    dict of str to int
        For each file its number of rows.

    Raises
    ------
    CatalogError
        When the store has the columns of neither table, has them by other definitions than the
        set's, or the folder cannot be written.
    """
    features, place = store.to_pandas(), user_path(folder, CatalogError)
    written = {}
    for spec, columns in ((AUDIO, AUDIO_COLUMNS), (LYRICS, LYRICS_COLUMNS)):
        if not set(columns) <= set(features.columns):
            continue
        status = store.obs[f"{_owner(store, columns)}_status"]
        rows = features[status == "ok"]
        if spec is LYRICS:
            rows = features[status.isin(["ok", "absent"])].fillna(NO_LYRICS)
        rows = rows[list(columns)].assign(track_id=rows.index).reset_index(drop=True)
        if not place.is_dir():
            raise CatalogError(f"{folder}: cannot write {spec.file}: no such folder")
        with replacing(place / spec.file, CatalogError) as temporary:
            rows.to_csv(temporary)
        written[spec.file] = len(rows)
    if not written:
        raise CatalogError(
            f"{store.path}: has neither the audio nor the lyrics columns of SpotGenTrack; extract "
            'with profile="spotgentrack"'
        )
    return written


def _owner(store: FeatureStore, columns: Sequence[str]) -> str:
    """The extractor of these columns, which must have made them as the set defines them."""
    owner = str(store.var.loc[columns[0], "extractor"])
    # The lyrics columns have the same names in every profile.
    parameters = store.provenance["extractors"][owner]["parameters"]
    profile = parameters.get("profile", parameters.get("catalog"))
    if profile != "spotgentrack":
        raise CatalogError(
            f"{store.path}: {columns[0]!r} and others were extracted with profile={profile!r}, by "
            'other definitions than the set\'s; extract with profile="spotgentrack", or leave '
            f"{owner!r} out with select()"
        )
    return owner


def _labels(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    tracks = _by_id(tables["tracks"])
    primary = _credits(tracks).groupby(level=0, sort=False).first()
    return spotify_columns.floats(tracks[["popularity"]]).assign(
        artist_id=primary.reindex(tracks.index).fillna("")
    )


def _contents(tables: Mapping[str, pd.DataFrame]) -> Contents:
    tracks = _by_id(tables["tracks"])
    albums, artists = tables["albums"].set_index("id"), tables["artists"].set_index("id")
    credits = _credits(tracks)
    described = credits[credits.isin(artists.index)]
    names = described.map(artists["name"]).groupby(level=0, sort=False).agg(", ".join)
    about = pd.DataFrame(
        {
            "title": tracks["name"],
            "artist": names.reindex(tracks.index),
            "album": tracks["album_id"].map(albums["name"]),
            "release_date": tracks["album_id"].map(albums["release_date"]).fillna(""),
            "country": tracks["country"],
            "genres": _genres(described, artists).reindex(tracks.index),
        }
    )
    facts = _facts(tracks, described, artists).assign(
        release_year=spotify_columns.year(about["release_date"])
    )
    return Contents(
        about=about,
        feature_groups=(
            _audio_features(tables["audio"], tracks.index),
            _lyrics_features(tables["lyrics"], tracks.index),
            spotify_columns.metadata_features(facts, ("tracks", "artists", "albums")),
        ),
        remarks=_remarks(tables, tracks, credits, described),
    )


def _by_id(tracks: pd.DataFrame) -> pd.DataFrame:
    return tracks.set_index("id").rename_axis("track_id")


def _credits(tracks: pd.DataFrame) -> pd.Series:
    """Ids of the artists of each track, one row each, the primary one first."""
    return tracks["artists_id"].dropna().explode().dropna()


def _audio_features(table: pd.DataFrame, tracks: pd.Index) -> FeatureGroup:
    values = table.set_index("track_id")
    specs = extractors.AudioExtractor(profile="spotgentrack").feature_specs
    return FeatureGroup("audio", "audio", specs, values[values.index.isin(tracks)], ("audio",))


def _lyrics_features(table: pd.DataFrame, tracks: pd.Index) -> FeatureGroup:
    values = table.set_index("track_id")
    specs = extractors.LyricsExtractor(profile="spotgentrack").feature_specs
    return FeatureGroup("lyrics", "lyrics", specs, values[values.index.isin(tracks)], ("lyrics",))


def _facts(tracks: pd.DataFrame, credits: pd.Series, artists: pd.DataFrame) -> pd.DataFrame:
    of_artist = spotify_columns.floats(artists[["followers", "artist_popularity"]])
    joined = of_artist.loc[credits].set_index(credits.index)
    means = joined.groupby(level=0).mean().reindex(tracks.index)
    return spotify_columns.descriptors(tracks).assign(
        artist_followers=means["followers"],
        artist_popularity=means["artist_popularity"],
        available_markets=tracks["available_markets"].map(len, na_action="ignore").astype(float),
    )


def _genres(credits: pd.Series, artists: pd.DataFrame) -> pd.Series:
    """Genres of all artists of a track, each once, in the artists' order."""
    lists = credits.map(artists["genres"]).dropna()
    return lists.groupby(level=0, sort=False).agg(
        lambda of_artists: tuple(dict.fromkeys(genre for each in of_artists for genre in each))
    )


def _remarks(
    tables: Mapping[str, pd.DataFrame],
    tracks: pd.DataFrame,
    credits: pd.Series,
    described: pd.Series,
) -> tuple[str, ...]:
    def unknown(table: TableSpec) -> int:
        return int((~tables[table.name]["track_id"].isin(tracks.index)).sum())

    counts = {
        "artists of tracks that are not in spotify_artists.csv": len(credits) - len(described),
        "tracks without any artist there": int((~tracks.index.isin(described.index)).sum()),
        "tracks without their album in spotify_albums.csv": int(
            (~tracks["album_id"].isin(tables["albums"]["id"])).sum()
        ),
        f"rows of {AUDIO.file} without a track, left out": unknown(AUDIO),
        f"rows of {LYRICS.file} without a track, left out": unknown(LYRICS),
    }
    return tuple(f"{what}: {count}" for what, count in counts.items() if count)


CATALOG = Catalog(
    name="spotgentrack",
    title="SpotGenTrack Popularity Dataset",
    version="1",
    citation=(
        "Martín-Gutiérrez, D., Hernández Peñaloza, G., Belmonte-Hernández, A., Álvarez García, F. "
        "(2020). A Multimodal End-to-End Deep Learning Architecture for Music Popularity "
        "Prediction. IEEE Access 8, 39361-39374. doi 10.1109/ACCESS.2020.2976033"
    ),
    licence=(
        "As stated at the source: read it there before you publish anything made from it. What "
        "comes from Spotify stays under Spotify's terms, which forbid training models on its "
        "content, and lyrics belong to their authors; the decision is yours."
    ),
    source="https://doi.org/10.17632/4m2x4zngny",
    download_notes=(
        "Put spotify_tracks.csv, spotify_artists.csv, spotify_albums.csv, "
        "low_level_audio_features.csv and lyrics_features.csv (or .csv.gz) into one folder."
    ),
    tables=(TRACKS, ARTISTS, ALBUMS, AUDIO, LYRICS),
    labels=_labels,
    contents=_contents,
)
