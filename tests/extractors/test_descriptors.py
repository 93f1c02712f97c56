"""DescriptorExtractor: key, loudness and rhythm by hand, on songs of known truth, on odd sound."""

from __future__ import annotations

import math
import subprocess
import sys

import numpy as np
import pytest
import scipy.signal
from audio_files import melody, save, truncate
from hypothesis import given, settings, strategies as st
from signals import SR, chords, drums, noise, seconds, tone, write

from spdkit.extractors import ExtractionError, check_extractor
from spdkit.extractors.descriptors import DescriptorExtractor
from spdkit.extractors.descriptors.loudness import loudness
from spdkit.extractors.descriptors.rhythm import rhythm, tempo
from spdkit.extractors.descriptors.tonality import (
    KEY_PROFILES,
    PITCH_CLASSES,
    find_key,
    mean_chroma,
    tonality,
)
from spdkit.synthetic.sound import compose_song
from spdkit.tracks.track import Track

TEMPO = ["tempo_bpm", "beat_strength"]
KEY = ["key_sin", "key_cos", "key_major", "key_strength", "key_margin"]
LEVEL = ["integrated_loudness", "dynamic_range"]


def describe(tmp_path, y, sr=SR, **parameters):
    """Columns by name, and the facts, of samples."""
    extractor = DescriptorExtractor(**parameters)
    row, obs = extractor.extract_with_obs(write(tmp_path / "y.wav", y, sr))
    for spec, value in zip(extractor.feature_specs, row, strict=True):
        assert np.isnan(value) or (spec.low <= value <= spec.high and np.isfinite(value)), spec.name
    return dict(zip(extractor.get_feature_names_out(), row.tolist(), strict=True)), obs


def missing(columns):
    return [name for name, value in columns.items() if math.isnan(value)]


def clicks(times, duration):
    """Short bursts of noise at `times`, peaking at 1."""
    y = np.zeros(round(duration * SR), dtype=np.float32)
    burst = noise(0.01) * np.exp(-np.arange(441) / 60)
    for time in times:
        y[round(time * SR) :][:441] += burst
    return y / np.abs(y).max()


# Key


def test_the_correlation_with_a_profile_by_hand():
    # C major's scale has ones in 7 of 12 places: mean 7/12, squares about it 7 - 49/12 = 2.91667.
    # Krumhansl's profile: sum 41.79, of the scale's places 30.03, squares 164.6799, about the mean
    # 164.6799 - 41.79²/12 = 19.14623. Covariance 30.03 - 41.79 * 7/12 = 5.6525.
    # r = 5.6525 / sqrt(2.91667 * 19.14623) = 0.75641.
    scale = np.array([1, 0, 1, 0, 1, 1, 0, 1, 0, 1, 0, 1])
    key = find_key(scale)
    assert (key.tonic, key.major, str(key)) == (0, True, "C major")
    assert key.strength == pytest.approx(0.75641, abs=1e-5)


def test_krumhansls_ratings_fall_in_his_order():
    major, minor = KEY_PROFILES["krumhansl"]
    falling = [
        "".join(f"{PITCH_CLASSES[k]} " for k in np.argsort(each)[::-1]) for each in (major, minor)
    ]
    assert falling[0] == "C G E F A D B F# G# D# A# C# "
    assert falling[1] == "C D# G G# F D A# B A C# E F# "


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.floats(0, 1), min_size=12, max_size=12),
    st.integers(1, 11),
    st.floats(0.01, 100),
    st.sampled_from(sorted(KEY_PROFILES)),
)
def test_a_key_follows_transposition_and_no_level(chroma, steps, gain, profile):
    if np.ptp(chroma) < 1e-3:
        return
    key = find_key(np.array(chroma), profile)
    rows = [np.roll(mode, k) for mode in KEY_PROFILES[profile] for k in range(12)]
    r = np.array([np.corrcoef(chroma, row)[0, 1] for row in rows])
    assert key.strength == pytest.approx(r.max(), abs=1e-9)
    assert r[key.tonic + 12 * (not key.major)] == pytest.approx(r.max(), abs=1e-9)
    assert key.margin == pytest.approx(np.diff(np.sort(r)[-2:])[0], abs=1e-9)
    higher = find_key(gain * np.roll(chroma, steps), profile)
    assert higher.strength == pytest.approx(key.strength, abs=1e-9)
    if key.margin > 1e-6:
        assert (higher.tonic, higher.major) == ((key.tonic + steps) % 12, key.major)


def test_no_key_in_what_has_no_pitch_classes():
    assert find_key(np.zeros(12)) is None
    assert find_key(np.full(12, 0.3)) is None


def cadence(tonic, mode, cents=0.0):
    """Tonic, subdominant, dominant and tonic as chords."""
    third = {"major": 4, "minor": 3}[mode]
    pitches = [(0, third, 7), (5, 5 + third, 12), (7, 11, 14), (0, third, 12)]
    t = seconds(0.75)
    played = []
    for chord in pitches:
        hertz = [440 * 2 ** ((60 + tonic + note - 69 + cents / 100) / 12) for note in chord]
        played.append(sum(tone(each, t) for each in hertz) * np.exp(-2 * t))
    y = np.concatenate(played)
    return (y / np.abs(y).max()).astype(np.float32)


@pytest.mark.parametrize("mode", ["major", "minor"])
@pytest.mark.parametrize(("tonic", "cents"), [(0, 0), (1, 30), (6, -35), (10, 0), (11, 20)])
def test_the_key_of_a_cadence_in_any_tuning(tonic, mode, cents):
    assert str(tonality(cadence(tonic, mode, cents), sr=SR)) == f"{PITCH_CLASSES[tonic]} {mode}"


def test_the_chroma_is_at_the_sounds_own_tuning():
    t = seconds(2)
    y = tone(440 * 2 ** (0.45 / 12), t).astype(np.float32)
    chroma = mean_chroma(y / np.abs(y).max(), sr=SR, n_fft=8192)
    assert chroma[9] == pytest.approx(1, abs=0.01)
    # At A440, nearly half of it would be A#.
    assert chroma[10] < 0.25


# Loudness

# The filters of ITU-R BS.1770-4 at 48 kHz, tables 1 and 2.
SHELF = (
    [1.53512485958697, -2.69169618940638, 1.19839281085285],
    [1.0, -1.69065929318241, 0.73248077421585],
)
HIGH_PASS = ([1.0, -2.0, 1.0], [1.0, -1.99004745483398, 0.99007225036621])


def sine(hertz, amplitude, duration=5.0, sr=48000):
    t = np.arange(round(duration * sr)) / sr
    return (amplitude * np.sin(2 * np.pi * hertz * t)).astype(np.float32)


def test_the_reference_tone():
    # BS.1770-4: 997 Hz at 0 dB full scale in one channel reads -3.01 LKFS. So -23 LUFS takes a
    # peak of -23 + 3.01 = -19.99 dB.
    assert loudness(sine(997, 10 ** (-19.99 / 20)), sr=48000).integrated == pytest.approx(
        -23, abs=0.01
    )


@pytest.mark.parametrize("sr", [48000, 44100])
@pytest.mark.parametrize("hertz", [60, 300, 2000, 8000])
def test_the_weighting_is_that_of_the_standard(hertz, sr):
    # A sine has the mean square A²/2, here 0.005.
    gains = [abs(scipy.signal.freqz(b, a, [hertz], fs=48000)[1][0]) for b, a in (SHELF, HIGH_PASS)]
    expected = -0.691 + 10 * math.log10(0.005 * np.prod(gains) ** 2)
    assert loudness(sine(hertz, 0.1, sr=sr), sr=sr).integrated == pytest.approx(expected, abs=0.03)


@settings(deadline=None, max_examples=15)
@given(st.floats(-40, 40))
def test_loudness_follows_the_gain(decibels):
    before = loudness(drums(), sr=SR)
    after = loudness(drums() * np.float32(10 ** (decibels / 20)), sr=SR)
    assert after.integrated - before.integrated == pytest.approx(decibels, abs=1e-4)
    assert after.dynamic_range == pytest.approx(before.dynamic_range, abs=1e-4)


def test_the_dynamic_range_by_hand():
    # Half at full, half at half amplitude: 20 log10 2 = 6.02 dB from the 10th to the 95th
    # percentile. A part 40 dB down lies below the relative gate and changes nothing.
    loud, soft, faint = (sine(997, amplitude) for amplitude in (0.4, 0.2, 0.004))
    for parts in ([loud, soft], [loud, faint, soft]):
        found = loudness(np.concatenate(parts), sr=48000)
        assert found.dynamic_range == pytest.approx(6.02, abs=0.05)
    # Of 20 s, 1.2 s softer still and 0.4 s louder lie beyond the 10th and the 95th percentile.
    seldom = [sine(997, 0.05, 1.2), sine(997, 0.2, 8), sine(997, 0.4, 10.4), sine(997, 0.8, 0.4)]
    assert loudness(np.concatenate(seldom), sr=48000).dynamic_range == pytest.approx(6.02, abs=0.05)
    assert loudness(loud, sr=48000).dynamic_range == pytest.approx(0, abs=0.01)


# Rhythm


@pytest.mark.parametrize("bpm", [50, 72, 96, 120, 133.3, 160])
def test_the_tempo_of_clicks(bpm):
    y = clicks(np.arange(0.25, 19.9, 60 / bpm), 20)
    found = rhythm(y, sr=SR)
    assert found.tempo == pytest.approx(bpm, rel=1e-3)
    assert found.onsets == len(np.arange(0.25, 19.9, 60 / bpm))
    # Nearly all strength lies on the beats.
    assert found.beat_strength > 10


def test_a_tempo_far_from_the_prior_is_taken_an_octave_nearer():
    y = clicks(np.arange(0.25, 19.9, 60 / 240), 20)
    assert rhythm(y, sr=SR).tempo == pytest.approx(120, rel=1e-3)
    assert rhythm(y, sr=SR, start_bpm=240, std_bpm=0.3).tempo == pytest.approx(240, rel=1e-3)


def test_a_tempo_between_two_frames_is_found_between_them():
    # At 86.13 frames a second 128 BPM is a period of 40.37 frames; whole ones are 129.2 and 126.0.
    frame_rate = SR / 512
    frames = np.arange(round(30 * frame_rate))
    envelope = np.exp(-0.5 * ((frames + 20) % (frame_rate * 60 / 128) - 20) ** 2)
    assert tempo(envelope, frame_rate=frame_rate) == pytest.approx(128, rel=5e-4)


@pytest.mark.parametrize("bpm", [14.9, 321.0])
def test_a_tempo_is_never_beyond_its_ends(bpm, monkeypatch):
    """The refined period may lie a little outside of what is searched."""
    monkeypatch.setattr("spdkit.extractors.descriptors.rhythm._refined", lambda *_: 60 * 100 / bpm)
    envelope = np.tile(np.eye(50, dtype=np.float32)[0], 20)
    assert tempo(envelope, frame_rate=100.0) == (15 if bpm < 15 else 320)


def test_bright_offbeats_do_not_double_the_tempo():
    # Thuds below 4 kHz at 90 a minute, hats above 8 kHz three times between them.
    beats = np.arange(0.3, 14.5, 60 / 90)
    thud = np.sin(2 * np.pi * 80 * seconds(0.1)) * np.exp(-40 * seconds(0.1))
    y = np.zeros(15 * SR)
    for time in beats:
        y[round(time * SR) :][: len(thud)] += thud
    high = scipy.signal.butter(8, 8000, "highpass", fs=SR, output="sos")
    hats = [time + k / 4 * 60 / 90 for time in beats for k in (1, 2, 3)]
    y += 2 * scipy.signal.sosfilt(high, clicks(hats, 15.5)[: len(y)])
    y = (y / np.abs(y).max()).astype(np.float32)
    assert rhythm(y, sr=SR).tempo == pytest.approx(90, rel=2e-3)
    assert rhythm(y, sr=SR).onsets >= 3 * len(beats)


@pytest.mark.parametrize(
    ("y", "onsets"),
    [
        (clicks([1, 2], 6), 2),
        (clicks([1, 10, 25], 27), 3),  # no period of up to 4 s
        (0.5 * np.sin(2 * np.pi * 440 * seconds(5)).astype(np.float32), 0),
    ],
    ids=["two", "far apart", "a sustained tone"],
)
def test_no_tempo_where_nothing_recurs(tmp_path, y, onsets):
    columns, obs = describe(tmp_path, y, duration=None)
    assert missing(columns) == TEMPO
    assert columns["onset_rate"] == pytest.approx(onsets / (len(y) / SR))
    assert "no tempo: " + ("no period" if onsets == 3 else f"{onsets} onsets, 3") in obs["note"]


@pytest.mark.parametrize("gain", [2.0**-6, 4.0, 0.3])
def test_rhythm_and_key_do_not_depend_on_the_level(tmp_path, gain):
    before, _ = describe(tmp_path, chords(4.0))
    after, _ = describe(tmp_path, chords(4.0) * np.float32(gain))
    for name in [*TEMPO, "onset_rate", *KEY, "dynamic_range"]:
        assert after[name] == pytest.approx(before[name], rel=1e-3, abs=1e-3), name


# Songs of known key and tempo


@pytest.mark.parametrize("i", range(8))
def test_songs_of_known_key_and_tempo(tmp_path, i):
    song, sound = compose_song(i)
    columns, obs = describe(tmp_path, sound)
    angle = 2 * math.pi * PITCH_CLASSES.index(song.tonic) / 12
    assert obs["key"] == f"{song.tonic} {song.mode}"
    assert [columns["key_sin"], columns["key_cos"]] == pytest.approx(
        [math.sin(angle), math.cos(angle)], abs=1e-6
    )
    assert columns["key_major"] == (song.mode == "major")
    # The fastest of these is heard at half its tempo.
    truth = 85 if song.tempo == 170 else song.tempo
    assert columns["tempo_bpm"] == pytest.approx(truth, rel=1e-3)


# The extractor


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"duration": 1.5, "offset": "head", "sr": 22050, "key_profile": "albrecht"},
        {"duration": None, "n_fft": 1024, "hop_length": 256, "n_mels": 40, "key_n_fft": 4096},
    ],
)
def test_the_contract(parameters):
    check_extractor(DescriptorExtractor(**parameters))


def test_window_and_file_are_told_apart(tmp_path):
    y = melody(9.0)
    for name in ("y.wav", "y.flac", "y.ogg"):
        track = Track(name, audio=str(save(tmp_path / name, np.stack([y, y], axis=1))))
        row, obs = DescriptorExtractor(duration=4.0).extract_with_obs(track)
        assert row[-1] == pytest.approx(9.0, abs=0.01)
        assert (obs["offset"], obs["duration"]) == (2.5, 4.0)
        assert (obs["sr"], obs["channels"], obs["note"]) == (44100, 2, "")


def test_two_alike_channels_are_as_loud_as_one(tmp_path):
    y = chords()
    mono, _ = describe(tmp_path, y)
    stereo, _ = describe(tmp_path, np.stack([y, y], axis=1))
    assert stereo == mono


@pytest.mark.parametrize("value", [0.0, 0.3])
def test_a_clip_of_one_value_has_only_a_length(tmp_path, value):
    columns, obs = describe(tmp_path, np.full(3 * SR, value, dtype=np.float32))
    assert missing(columns) == [*TEMPO, *KEY, *LEVEL]
    assert (columns["onset_rate"], columns["file_duration"], obs["key"]) == (0, 3, "")
    for word in ("no tempo", "no key", "no loudness", *(["digital silence"] * (not value))):
        assert word in obs["note"]


def test_what_lies_below_the_gate_has_no_loudness(tmp_path):
    columns, obs = describe(tmp_path, chords() * np.float32(1e-4))
    assert missing(columns) == LEVEL
    assert obs["note"].endswith("no loudness: nothing above -70 LUFS")


@pytest.mark.parametrize(
    ("y", "absent"),
    [
        (np.clip(10 * noise(3.0), -1, 1), []),
        (np.float32(1e37) * noise(3.0), []),
        (np.float32(1e-42) * np.round(10 * noise(3.0)), LEVEL),
        (np.float32(0.5) + np.float32(1e-6) * noise(3.0), TEMPO),
        (np.eye(1, SR, SR // 2, dtype=np.float32)[0], TEMPO),
        (drums(1.0), []),
    ],
    ids=["clipped", "huge", "subnormal", "offset", "impulse", "shortest"],
)
def test_odd_sound_has_finite_numbers_or_says_why_not(tmp_path, y, absent):
    columns, obs = describe(tmp_path, y)
    assert missing(columns) == absent
    assert ("no tempo" in obs["note"]) == (absent == TEMPO)


def test_bad_files_are_named(tmp_path):
    extractor = DescriptorExtractor()
    with pytest.raises(ExtractionError, match=r"y\.wav: too short: 0\.9 s .* at least 1 s"):
        extractor.extract(write(tmp_path / "y.wav", noise(0.9)))
    bad = truncate(save(tmp_path / "cut.flac", melody(5.0)), 0.5)
    with pytest.raises(ExtractionError, match=r"cut\.flac"):
        extractor.extract(Track("cut", audio=str(bad)))
    with pytest.raises(ExtractionError, match=r"^a: the track has no audio$"):
        extractor.read(Track("a"))


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"sr": 4000}, "sr must be a whole number of at least 8000, got 4000"),
        ({"min_duration": 0.3}, "min_duration must be a number of at least 0.5, got 0.3"),
        ({"min_duration": 0.5, "key_n_fft": 32768}, "must span more than 32768 samples"),
        ({"duration": 0.6}, "duration must be None or at least min_duration=1.0, got 0.6"),
        ({"offset": "tail"}, "offset must be one of 'middle', 'head' or a number of at least 0"),
        ({"offset": -1.0}, "offset must be .* got -1.0"),
        ({"hop_length": 1400}, r"hop_length must be at most 1323 \(0.03 s, n_fft\), got 1400"),
        ({"n_mels": 8}, "n_mels must be a whole number of at least 16, got 8"),
        ({"tempo_fmax": 30000.0}, "tempo_fmax must be in 500 … sr/2=22050 Hz, got 30000.0"),
        ({"onset_db": -1.0}, "onset_db must be a number of at least 0, got -1.0"),
        ({"std_bpm": 0.0}, "std_bpm must be a positive number, got 0.0"),
        (
            {"key_profile": "mine"},
            "key_profile must be one of 'krumhansl', 'temperley', 'al",
        ),
    ],
)
def test_parameters_out_of_range_are_refused(parameters, message):
    with pytest.raises(ValueError, match=message):
        DescriptorExtractor(**parameters).extract(Track("a", audio="y.wav"))


@pytest.mark.parametrize(
    "parameters", [{"hop_length": 1323}, {"n_mels": 16}, {"tempo_fmax": 22050.0}]
)
def test_parameters_at_the_ends_of_their_ranges_are_taken(parameters):
    with pytest.raises(ExtractionError, match=r"y\.wav"):
        DescriptorExtractor(**parameters).extract(Track("a", audio="y.wav"))


def test_librosa_is_not_loaded_before_the_first_clip():
    code = """
import sys
import spdkit.extractors.descriptors as module
module.DescriptorExtractor().feature_specs
print([name for name in ("librosa", "pyloudnorm") if name in sys.modules])
module.DescriptorExtractor().warm_up()
print([name for name in ("librosa", "pyloudnorm") if name in sys.modules])
"""
    done = subprocess.run(
        [sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True, timeout=200
    )
    assert done.stdout.splitlines() == ["[]", "['librosa', 'pyloudnorm']"]
