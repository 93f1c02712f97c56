"""The numbers of AudioExtractor against plain calls of librosa on the same samples."""

from __future__ import annotations

import functools
import os
from pathlib import Path

import naive_librosa
import numpy as np
import pytest
import soundfile
from naive_librosa import HOP
from signals import SIGNALS, SR, chords, row_of, silent_middle, speech, write

from spdkit.extractors import AudioExtractor

PROFILES = ("paper", "spotgentrack")
TONAL = ("chroma", "tonnetz")


@functools.cache
def naive_frames(signal, profile):
    return naive_librosa.frames(SIGNALS[signal](), profile)


def assert_frames_equal(ours, expected, y, where):
    tonal = naive_librosa.tonal(y)
    for key, reference in expected.items():
        found = ours[key]
        assert found.shape == reference.shape, f"{where} {key}"
        if key in TONAL:
            found, reference = found[:, tonal], reference[:, tonal]
        excess = np.abs(found - reference) - naive_librosa.tolerance(key, reference)
        at = np.unravel_index(excess.argmax(), excess.shape)
        assert excess[at] <= 0, (
            f"{where}: {key}{[int(i) for i in at]} is {found[at]}, librosa's {reference[at]}"
        )
        if key.startswith("rolloff"):
            assert np.mean(found == reference) > 0.99, f"{where}: {key} is mostly a bin off"


def expected_columns(frames, y, profile):
    """Columns by their definitions, and how far each may be off."""
    frames = dict(frames)
    for key in TONAL:  # the documented deviation: librosa scales round-off up to 1
        frames[key] = np.where(naive_librosa.silent(y), 0, frames[key])
    if profile == "paper":
        order = ["mfcc", "mel", "chroma", "tonnetz", "contrast", "centroid", "bandwidth", "zcr"]
        order += ["rolloff_low", "rolloff_high", "rms"]  # extra=True
        moments = ("mean", "std")
    else:
        order = ["chroma", "mel", "mfcc", "contrast", "tonnetz", "zcr", "entropy", "bandwidth"]
        order += ["centroid", "rolloff_high", "rolloff_low"]
        moments = ("mean",)
    values, allowed = [], []
    for key in order:
        if key == "entropy":
            value, error = entropy_energy(frames["rms"][0])
            values.append([value])
            allowed.append([error])
            continue
        exact = frames[key].astype(np.float64)
        if key == "centroid" and profile == "spotgentrack":
            exact = exact[:, :1]
        # Neither a mean nor a standard deviation moves further than its frames do (quadratically).
        error = np.sqrt(np.mean(naive_librosa.tolerance(key, exact) ** 2, axis=1))
        if key in TONAL:  # frames that cannot be compared can be anything
            error = error + np.mean(~naive_librosa.tonal(y) & ~naive_librosa.silent(y))
        for moment in moments:
            values.append(exact.mean(axis=1) if moment == "mean" else exact.std(axis=1))
            allowed.append(error)
    return np.concatenate(values), np.concatenate(allowed)


def entropy_energy(rms):
    """Σ q·log10 q with q = |rms − mean rms|, and its error for one of 1e-5 in rms."""
    total = error = 0.0
    mean = sum(float(r) for r in rms) / len(rms)
    for r in rms:
        q = abs(float(r) - mean)
        if q > 0:
            total += q * np.log10(q)
            error += (abs(np.log10(q)) + 0.5) * 2e-5 * float(rms.max())
    return total, error


def assert_columns_equal(extractor, track, frames, y, where):
    row = extractor.extract(track)
    expected, allowed = expected_columns(frames, y, extractor.profile)
    names = extractor.get_feature_names_out()
    assert row.shape == expected.shape
    excess = np.abs(row - expected) - allowed - np.abs(expected) * 1e-6  # the row is single
    worst = excess.argmax()
    assert excess[worst] <= 0, f"{where}: {names[worst]} is {row[worst]}, not {expected[worst]}"


def make(profile, **parameters):
    return AudioExtractor(profile, extra=profile == "paper", **parameters)


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("signal", SIGNALS)
def test_frames_and_columns_are_librosas(signal, profile, tmp_path):
    y = SIGNALS[signal]()
    track = write(tmp_path / "y.wav", y)
    extractor = make(profile)
    expected = naive_frames(signal, profile)
    assert_frames_equal(extractor.frames(track), expected, y, signal)
    assert_columns_equal(extractor, track, expected, y, signal)


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("signal", ["chords", "speech", "silent_middle"])
def test_librosa_as_engine_is_librosa(signal, profile, tmp_path):
    """The engine to check the other by gives librosa's numbers, but for its round-off."""
    y = SIGNALS[signal]()
    track = write(tmp_path / "y.wav", y)
    theirs = make(profile, engine="librosa")
    assert_frames_equal(theirs.frames(track), naive_frames(signal, profile), y, signal)
    assert_columns_equal(theirs, track, naive_frames(signal, profile), y, signal)
    assert list(theirs.get_feature_names_out()) == list(make(profile).get_feature_names_out())


@pytest.mark.parametrize("level", [1e-30, 1e-12, 1e-6, 1e6])
def test_sound_at_the_extremes_of_float32(level, tmp_path):
    """Neither lost below nor overflowing above; where librosa's power is 0, so is ours."""
    y = (chords() * level).astype(np.float32)
    ours = make("spotgentrack").frames(write(tmp_path / "y.wav", y))
    assert_frames_equal(ours, naive_librosa.frames(y, "spotgentrack"), y, level)


LENGTHS = (SR, 66150, 90 * HOP - 1, 90 * HOP, 90 * HOP + 1)


@pytest.mark.parametrize(
    ("profile", "n_samples"),
    [("spotgentrack", length) for length in LENGTHS] + [("paper", SR), ("paper", 90 * HOP - 1)],
)
def test_lengths_around_a_frame(n_samples, profile, tmp_path):
    y = chords()[SR // 2 :][:n_samples]
    track = write(tmp_path / "y.wav", y)
    extractor = make(profile)
    ours = extractor.frames(track)
    assert {frames.shape[1] for frames in ours.values()} == {1 + n_samples // HOP}
    expected = naive_librosa.frames(y, profile)
    assert_frames_equal(ours, expected, y, n_samples)


def test_a_preview_of_thirty_seconds(tmp_path):
    y = np.concatenate([SIGNALS[name]() for name in ("chords", "drums", "speech", "noise")] * 3)
    y = y[: 30 * SR]
    track = write(tmp_path / "y.wav", y)
    extractor = make("spotgentrack")
    expected = naive_librosa.frames(y, "spotgentrack")
    assert expected["rms"].shape[1] == 2584
    assert_frames_equal(extractor.frames(track), expected, y, "30 s")
    assert_columns_equal(extractor, track, expected, y, "30 s")


@pytest.mark.slow
@pytest.mark.parametrize("profile", PROFILES)
def test_thirty_seconds_of_the_harmonic_part_and_ten_minutes(profile, tmp_path):
    length = 30 if profile == "paper" else 600
    part = np.concatenate([chords(), speech()])
    y = np.tile(part, 1 + length * SR // len(part))[: length * SR]
    track = write(tmp_path / "y.wav", y)
    extractor = make(profile, duration=None)
    expected = naive_librosa.frames(y, profile)
    assert_frames_equal(extractor.frames(track), expected, y, profile)
    assert_columns_equal(extractor, track, expected, y, profile)


def music_files():
    folder = os.environ.get("SPDKIT_MUSIC")
    if not folder:
        return []
    suffixes = {".ogg", ".mp3", ".flac", ".wav"}
    files = sorted(path for path in Path(folder).rglob("*") if path.suffix.lower() in suffixes)
    return files[:: max(1, len(files) // 6)][:6]


@pytest.mark.data
@pytest.mark.skipif(not music_files(), reason="SPDKIT_MUSIC names no folder of music")
@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("path", music_files(), ids=lambda path: path.name)
def test_real_music(path, profile, tmp_path):
    total = soundfile.info(path).frames
    rate = soundfile.info(path).samplerate
    sound, _ = soundfile.read(
        path, start=max(0, total // 2 - 5 * rate), frames=10 * rate, dtype="float32"
    )
    y = sound if sound.ndim == 1 else sound.mean(axis=1)
    track = write(tmp_path / "y.wav", y)  # its samples, whatever their rate was
    extractor = make(profile)
    expected = naive_librosa.frames(y, profile)
    assert_frames_equal(extractor.frames(track), expected, y, path.name)
    assert_columns_equal(extractor, track, expected, y, path.name)


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("signal", ["silent_middle", "silent_ends"])
def test_silent_frames_have_no_harmony(signal, profile, tmp_path):
    y = SIGNALS[signal]()
    silent = naive_librosa.silent(y)
    assert 50 < silent.sum() < len(silent) - 50
    frames = make(profile).frames(write(tmp_path / "y.wav", y))
    for key in TONAL:
        assert not frames[key][:, silent].any(), f"{key} of silence is not 0"
        assert frames[key][:, ~silent].any(axis=0).all(), f"{key} of sound is 0"
    assert (naive_frames(signal, profile)["chroma"][:, silent].max(axis=0) == 1).any(), (
        "librosa no longer scales round-off up: the deviation can go"
    )


def test_one_sounding_sample_makes_a_frame_sound(tmp_path):
    y = silent_middle()
    centre = 3 * SR // 2 // HOP * HOP
    y[centre] = 0.5
    frames = AudioExtractor("spotgentrack").frames(write(tmp_path / "y.wav", y))
    # Frames hold 2048 samples about their centre, the one after the centre being the first out.
    sounding = [frames["chroma"][:, centre // HOP + k].any() for k in (-3, -2, -1, 0, 1, 2, 3)]
    assert sounding == [False, False, True, True, True, True, False]


def test_the_published_centroid_is_the_first_frames():
    quiet_start = np.concatenate([np.full(4096, 1e-3, np.float32), chords()])
    names = list(AudioExtractor("spotgentrack").get_feature_names_out())
    at = names.index("spectral_centroid")
    first = row_of(quiet_start, AudioExtractor("spotgentrack"))[at]
    whole = row_of(quiet_start, AudioExtractor("spotgentrack", centroid_of="frames"))[at]
    expected = naive_librosa.frames(quiet_start, "spotgentrack")["centroid"][0]
    assert first == pytest.approx(expected[0], rel=1e-5)
    assert whole == pytest.approx(expected.mean(), rel=1e-5)
    assert abs(first - whole) > 100
