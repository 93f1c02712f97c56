"""The contract: rows, absence, scikit-learn's furniture, errors."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from signals import chords, write
from sklearn.base import clone
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import StandardScaler

import spdkit.extractors
from spdkit.common.errors import ParameterError, SpdkitError
from spdkit.extractors import (
    AudioExtractor,
    ExtractionError,
    Extractor,
    FeatureSpec,
    LyricsExtractor,
    available,
    make,
)
from spdkit.extractors.audio import engine
from spdkit.extractors.lyrics import syllables
from spdkit.tracks import languages
from spdkit.tracks.track import Track


class Counter(Extractor):
    """How many letters and lines the words have."""

    name = "counter"
    modality = "lyrics"
    version = "1"

    def __init__(self, scale: float = 1.0) -> None:
        self.scale = scale

    @property
    def feature_specs(self):
        return (
            FeatureSpec("letters", "1", 0, np.inf, "Letters", "none"),
            FeatureSpec("lines", "1", 0, np.inf, "Lines", "none"),
        )

    def extract(self, track):
        if self.is_absent(track):
            return self.absent_row()
        if "?" in track.lyrics:
            raise ExtractionError(track.track_id, "a question mark")
        counts = [len(track.lyrics), track.lyrics.count("\n") + 1]
        return np.array(counts, dtype=np.float32) * np.float32(self.scale)


SONG = Track("a", lyrics="la la\nla")


def test_transform_gives_one_row_a_track():
    table = Counter(2.0).transform([SONG, Track("b"), SONG])
    assert table.shape == (3, 2) and table.dtype == np.float32
    np.testing.assert_array_equal(table, [[16, 4], [np.nan, np.nan], [16, 4]])
    np.testing.assert_array_equal(Counter().fit_transform(iter([SONG])), [[8, 2]])


def test_no_tracks_give_no_rows_of_full_width():
    table = Counter().transform([])
    assert table.shape == (0, 2) and table.dtype == np.float32


def test_transform_stops_at_the_first_unreadable_track():
    with pytest.raises(ExtractionError, match=r"^b: a question mark$"):
        Counter().transform([SONG, Track("b", lyrics="who?")])


def test_extract_with_obs_adds_nothing_by_default():
    row, obs = Counter().extract_with_obs(SONG)
    np.testing.assert_array_equal(row, [8, 2])
    assert obs == {}


@pytest.mark.parametrize(
    ("modality", "track"),
    [
        ("audio", Track("a", lyrics="la", metadata={"year": 1})),
        ("lyrics", Track("a", audio="a.wav", metadata={"year": 1})),
        ("metadata", Track("a", audio="a.wav", lyrics="la")),
    ],
)
def test_absence_is_of_the_extractors_own_modality(modality, track):
    extractor = type("Other", (Counter,), {"modality": modality})()
    assert extractor.is_absent(track)
    full = Track("a", audio="a.wav", lyrics="la", metadata={"year": 1})
    assert not extractor.is_absent(full)


def test_absent_audio_is_a_row_of_nan_and_no_error():
    row, obs = AudioExtractor().extract_with_obs(Track("a", lyrics="la"))
    assert row.shape == (390,) and row.dtype == np.float32 and np.isnan(row).all()
    assert obs == {}
    with pytest.raises(ExtractionError, match=r"^a: the track has no audio$"):
        AudioExtractor().frames(Track("a"))


def test_fit_learns_nothing_and_needs_nothing():
    extractor = Counter()
    assert extractor.fit([]) is extractor
    assert not [name for name in vars(extractor) if name.endswith("_")]
    make_pipeline(Counter(), StandardScaler()).fit([SONG, Track("b", lyrics="la")])


def test_parameters_are_scikit_learns():
    assert Counter(3.0).effective_parameters == {"scale": 3.0}
    assert clone(Counter(3.0)).get_params() == {"scale": 3.0}
    assert Counter().set_params(scale=2.0).extract(SONG)[0] == 16


def test_pandas_output_carries_the_names():
    frame = Counter().set_output(transform="pandas").fit_transform([SONG, Track("b")])
    assert list(frame.columns) == ["letters", "lines"]
    assert frame["letters"].tolist()[0] == 8 and frame["letters"].isna().tolist() == [False, True]


def test_a_feature_union_of_audio_and_lyrics(tmp_path):
    track = write(tmp_path / "a.wav", chords())
    track = Track("a", audio=track.audio, lyrics="la")
    audio = AudioExtractor("spotgentrack", duration=1.0)
    union = FeatureUnion([("sound", audio), ("words", Counter())])
    table = union.fit_transform([track, Track("b", lyrics="la la")])
    assert table.shape == (2, 209)
    np.testing.assert_array_equal(table[0, :207], audio.extract(track))
    np.testing.assert_array_equal(table[:, 207], [2, 5])
    assert np.isnan(table[1, :207]).all()
    frame = union.set_output(transform="pandas").fit_transform([track])
    assert frame.shape == (1, 209)
    assert list(frame.columns[[0, -1]]) == ["sound__Chroma_1", "words__lines"]


def test_an_extraction_error_keeps_its_parts_when_it_travels():
    error = ExtractionError("a.wav", "too short")
    assert isinstance(error, SpdkitError)
    copy = pickle.loads(pickle.dumps(error))
    assert (copy.source, copy.reason, str(copy)) == ("a.wav", "too short", "a.wav: too short")


def test_an_extractor_must_say_its_columns_and_rows():
    with pytest.raises(TypeError, match="abstract"):
        type("Nothing", (Extractor,), {})()


def test_the_packages_public_names():
    assert set(spdkit.extractors.__all__) == {
        "AudioExtractor",
        "DescriptorExtractor",
        "ExtractionError",
        "Extractor",
        "FeatureSpec",
        "LyricsExtractor",
        "MetadataExtractor",
        "available",
        "check_extractor",
        "make",
        "registry",
    }
    for name in spdkit.extractors.__all__:
        assert getattr(spdkit.extractors, name) is not None


def test_after_warming_up_no_track_waits_for_kernels(tmp_path):
    engine.compile_kernels.cache_clear()
    extractor = AudioExtractor("spotgentrack", duration=1.0)
    extractor.warm_up()
    assert engine.compile_kernels.cache_info().currsize == 1
    extractor.extract(Track("a", audio=write(tmp_path / "a.wav", chords()).audio))
    assert engine.compile_kernels.cache_info().misses == 1


@pytest.mark.parametrize("way", ["spoken", "hyphenated"])
def test_after_warming_up_no_track_waits_for_words(way):
    model, dictionary = languages._identifier, syllables._pronunciations
    for loaded in (model, dictionary):
        loaded.cache_clear()
    LyricsExtractor(syllables=way, language="en").warm_up()
    sizes = [loaded.cache_info().currsize for loaded in (model, dictionary)]
    assert sizes == [0, way == "spoken"]
    LyricsExtractor(syllables=way).warm_up()
    assert model.cache_info().currsize


def test_an_extractor_without_anything_to_load_warms_up_all_the_same():
    assert Counter().warm_up() is None


@pytest.mark.parametrize("name", ["audio", "descriptors", "lyrics", "metadata"])
def test_a_value_that_no_parameter_can_have_is_refused_by_its_name(name):
    track = Track("a", audio="a.wav", lyrics="la la", metadata={"energy": 1.0})
    parameters = available()[name]().get_params()
    for parameter in parameters:
        with pytest.raises(ParameterError, match=rf"\b{parameter}\b"):
            make(name, **{parameter: object()}).extract(track)
