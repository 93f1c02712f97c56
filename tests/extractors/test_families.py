"""Families of columns: every column that we make is of one, known by hand."""

from __future__ import annotations

from collections import Counter

import pytest
from catalog_tables import write

from spdkit import catalogs
from spdkit.extractors import AudioExtractor, DescriptorExtractor, LyricsExtractor
from spdkit.extractors.metadata import MetadataExtractor

PROFILES = ("paper", "spotgentrack")
LYRICS = {
    "lyrics length": 2,
    "word and sentence length": 2,
    "repetition": 1,
    "vocabulary": 1,
}
SPOTIFY = {
    "Spotify rhythm": 1,
    "Spotify key": 2,
    "Spotify intensity": 2,
    "Spotify mood": 2,
    "Spotify sound": 4,
    "Spotify duration": 1,
}


def counted(extractor):
    return dict(Counter(spec.family for spec in extractor.feature_specs))


# Columns of each family, counted in docs/FEATURES.md.
@pytest.mark.parametrize(
    ("extractor", "expected"),
    [
        (
            AudioExtractor(profile="paper", extra=True),
            {
                "MFCC": 2 * 40,
                "mel spectrogram": 2 * 127,
                "chroma": 2 * 12,
                "tonnetz": 2 * 6,
                "spectral contrast": 2 * 7,
                "spectral shape": 2 * 4,
                "zero-crossing rate": 2,
                "energy": 2,
            },
        ),
        (
            AudioExtractor(profile="spotgentrack", extra=True),
            {
                "MFCC": 48,
                "mel spectrogram": 128,
                "chroma": 12,
                "tonnetz": 6,
                "spectral contrast": 7,
                "spectral shape": 4,
                "zero-crossing rate": 1,
                "energy": 2,
            },
        ),
        (LyricsExtractor(profile="paper"), LYRICS),
        (LyricsExtractor(profile="spotgentrack"), LYRICS),
        (DescriptorExtractor(), {"rhythm": 3, "key": 5, "loudness": 2, "duration": 1}),
        (
            MetadataExtractor(log1p_followers=True, cyclic_key=True),
            {"artist": 2, "markets": 1, "release": 1, **SPOTIFY, "Spotify key": 3},
        ),
    ],
    ids=["audio paper", "audio spd", "lyrics paper", "lyrics spd", "descriptors", "metadata"],
)
def test_families_of_our_extractors(extractor, expected):
    assert counted(extractor) == expected


def test_other_statistics_and_roll_offs_change_nothing():
    extractor = AudioExtractor(
        statistics=("median", "skew", "min"), extra=True, roll_percents=(0.125, 0.5)
    )
    found = counted(extractor)
    assert (found["spectral shape"], found["MFCC"]) == (3 * 4, 3 * 40)
    assert set(found) == set(counted(AudioExtractor(extra=True)))


def test_families_of_the_catalogs(tmp_path):
    folder = write(tmp_path, "musicoset")
    store = catalogs.get("musicoset").to_store(folder, tmp_path / "set.h5")
    assert Counter(store.var["family"]) == {
        "artist": 2,
        "markets": 1,
        "release": 2,
        "explicit lyrics": 1,
        **SPOTIFY,
        "Spotify rhythm": 2,
    }


def test_no_family_of_ours_is_of_two_modalities():
    extractors = [
        *(kind(profile=p) for kind in (AudioExtractor, LyricsExtractor) for p in PROFILES),
        *(DescriptorExtractor(), MetadataExtractor()),
    ]
    modalities = {(name, e.modality) for e in extractors for name in counted(e)}
    assert len(modalities) == len({name for name, _ in modalities})
