"""Descriptors of clips: numbers of the descriptors and of librosa, and none that is missing."""

from __future__ import annotations

import librosa
import numpy as np
import pytest

from spdkit.extractors.descriptors import ClipDescriptors, DescriptorExtractor
from spdkit.synthetic.sound import compose_song


def test_rows_are_those_of_descriptors_and_of_librosa():
    song, sound = compose_song(0, 0)
    y = np.asarray(sound, dtype=np.float32).reshape(len(sound), -1).mean(axis=1)[: 6 * 44100]
    clips = ClipDescriptors()
    names = list(clips.get_feature_names_out())
    row = dict(zip(names, clips.extract_samples(y, "it"), strict=True))
    assert len(names) == len(set(names)) == len(clips.feature_specs) == 16
    descriptors = DescriptorExtractor(duration=None).row_of(y)
    for name in ("tempo_bpm", "onset_rate", "key_major", "integrated_loudness"):
        assert row[name] == pytest.approx(descriptors[name], rel=1e-5)
    centroid = librosa.feature.spectral_centroid(y=y, sr=44100, n_fft=2048)
    assert row["centroid_mean"] == pytest.approx(centroid.mean(), rel=1e-5)
    assert row["centroid_std"] == pytest.approx(centroid.std(), rel=1e-4)
    assert "file_duration" not in names
    assert song.mode in ("major", "minor")


def test_silence_has_a_number_in_every_cell():
    clips = ClipDescriptors(sr=22050)
    row = dict(
        zip(
            clips.get_feature_names_out(),
            clips.extract_samples(np.zeros(6 * 22050, dtype=np.float32), "silence"),
            strict=True,
        )
    )
    assert np.isfinite(list(row.values())).all()
    assert (row["tempo_bpm"], row["key_major"], row["integrated_loudness"]) == (120, 0.5, -70)
    assert clips.effective_parameters["sr"] == 22050
