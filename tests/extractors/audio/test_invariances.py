"""What must stay the same when the sound changes in a way that should not matter."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import Phase, given, settings as hypothesis_settings, strategies as st
from signals import SR, chords, frames_of, noise, row_of, seconds, speech, tone

from spdkit.extractors import AudioExtractor
from spdkit.extractors.audio.statistics import STATISTICS

HOP = 512


def examples(number):
    """So many, and none to make a failing one simpler: each costs a tenth of a second."""
    phases = (Phase.explicit, Phase.reuse, Phase.generate)
    return hypothesis_settings(max_examples=number, deadline=None, phases=phases)


QUICK = AudioExtractor("spotgentrack")  # without the harmonic part, four times as fast
SOUND = chords()[SR // 2 : 3 * SR // 2]
BEFORE = frames_of(SOUND, QUICK)


@examples(5)
@given(gain=st.floats(0.01, 3.0))
def test_gain_scales_energy_and_nothing_else(gain):
    after = frames_of((gain * SOUND).astype(np.float32), QUICK)
    np.testing.assert_allclose(after["rms"], gain * BEFORE["rms"], rtol=1e-5)
    np.testing.assert_allclose(after["mel"], gain**2 * BEFORE["mel"], rtol=1e-4, atol=1e-9)
    for key in ("centroid", "bandwidth"):
        np.testing.assert_allclose(after[key], BEFORE[key], rtol=1e-4)
    np.testing.assert_array_equal(after["zcr"], BEFORE["zcr"])
    np.testing.assert_allclose(after["chroma"], BEFORE["chroma"], atol=2e-3)
    np.testing.assert_allclose(after["tonnetz"], BEFORE["tonnetz"], atol=3e-3)


@examples(4)
@given(y=st.integers(0, 2**20).map(lambda seed: noise(1.0, seed)))
def test_the_sign_of_the_samples_does_not_matter(y):
    before, after = frames_of(y, QUICK), frames_of(-y, QUICK)
    for key, frames in before.items():
        np.testing.assert_allclose(after[key], frames, rtol=1e-4, atol=1e-3, err_msg=key)


@examples(5)
@given(semitones=st.integers(1, 11), root=st.integers(55, 60))
def test_transposing_rolls_chroma(semitones, root):
    extractor = AudioExtractor("spotgentrack", tuning=0.0)

    def chroma(shift):
        t = seconds(1.5)
        pitches = (440 * 2 ** ((root + shift + note - 69) / 12) for note in (0, 4, 7))
        y = 0.1 * sum(tone(pitch, t) for pitch in pitches)
        return frames_of(y.astype(np.float32), extractor)["chroma"][:, 30:-30].mean(axis=1)

    before, after = chroma(0), chroma(semitones)
    assert before.max() > 0.9 and before.min() < 0.3
    # The top partials leave the seven octaves, so the roll is not exact.
    np.testing.assert_allclose(after, np.roll(before, semitones), atol=0.05)


def test_an_octave_leaves_chroma_where_it_is_and_doubles_the_centroid():
    t = seconds(1.0)
    low, high = (0.3 * np.sin(2 * np.pi * pitch * t).astype(np.float32) for pitch in (440, 880))
    below, above = frames_of(low, QUICK), frames_of(high, QUICK)
    inner = slice(10, -10)
    assert set(below["chroma"][:, inner].argmax(axis=0)) == {9}  # A
    assert set(above["chroma"][:, inner].argmax(axis=0)) == {9}
    np.testing.assert_allclose(
        above["centroid"][:, inner] / below["centroid"][:, inner], 2, rtol=0.01
    )


@examples(4)
@given(extra=st.integers(1, SR))
def test_silence_after_the_end_leaves_the_sound_before_it(extra):
    extractor = AudioExtractor("spotgentrack", tuning=0.0)
    y = speech(1.2)
    y[-4096:] *= np.linspace(1, 0.001, 4096, dtype=np.float32)  # librosa's decimation rings at cuts
    before = frames_of(y, extractor)
    after = frames_of(np.concatenate([y, np.zeros(extra, np.float32)]), extractor)
    n_frames = before["rms"].shape[1]
    for key, frames in before.items():
        # Zero crossings pad with the last sample, so frames that reach over the end may differ.
        kept = n_frames - 3 if key == "zcr" else n_frames
        tolerance = {"chroma": 2e-3, "tonnetz": 3e-3}.get(key, 1e-5)
        np.testing.assert_allclose(
            after[key][:, :kept], frames[:, :kept], rtol=1e-4, atol=tolerance, err_msg=key
        )
    past = -(-(len(y) + 1024) // HOP)
    for key in ("chroma", "tonnetz", "rms", "centroid", "bandwidth", "zcr", "mel"):
        assert not after[key][:, past:].any(), f"{key} after the end"


def sounds():
    """Random samples of many kinds, a second each."""

    def sound(seed, kind, level):
        generator = np.random.default_rng(seed)
        y = generator.standard_normal(SR)
        if kind == "clipped":
            y = np.clip(20 * y, -1, 1)
        elif kind == "impulses":
            y = np.where(generator.random(SR) < 1e-4, y, 0)
        elif kind == "tone":
            y = np.sin(2 * np.pi * generator.uniform(1, SR / 2) * seconds(1.0))
        elif kind == "constant":
            y = np.full(SR, generator.uniform(-1, 1))
        elif kind == "half silent":
            y[generator.integers(0, SR) :] = 0
        return (level * y).astype(np.float32)

    kinds = ["noise", "clipped", "impulses", "tone", "constant", "half silent"]
    levels = st.sampled_from([1e-20, 1e-6, 0.1, 1.0, 1e4])
    return st.builds(sound, st.integers(0, 2**31), st.sampled_from(kinds), levels)


@pytest.mark.parametrize(("profile", "n_examples"), [("spotgentrack", 15), ("paper", 5)])
def test_every_column_stays_in_its_stated_range(profile, n_examples):
    extractor = AudioExtractor(profile, statistics=tuple(STATISTICS), extra=True)

    @examples(n_examples)
    @given(y=sounds())
    def check(y):
        row = row_of(y, extractor)
        for spec, value in zip(extractor.feature_specs, row, strict=True):
            assert np.isfinite(value), spec.name
            assert spec.low <= value <= spec.high, (spec.name, value, spec.low, spec.high)

    check()
