"""Windows of files: which samples, by which decoder, and what is said about them."""

from __future__ import annotations

import os
import sys
import tracemalloc

import fsspec
import numpy as np
import pytest
import soundfile
import soxr
from audio_files import encode, forget_flac_length, melody, save, strip_mp3_index
from signals import SR, seconds

from spdkit.extractors import AudioExtractor, ExtractionError
from spdkit.extractors.decoding.reader import BLOCK
from spdkit.extractors.decoding.window import open_clip, read_clip
from spdkit.tracks.track import Track

SHORT = "shorter than the window"
CONTAINERS = {
    "m4a": ("aac", "ipod"),
    "aac": ("aac", "adts"),
    "wma": ("wmav2", "asf"),
    "mka": ("aac", "matroska"),
}
# How exactly 16 bits keep the samples.
LOSSLESS = {"wav": 1e-4, "aiff": 1e-4, "caf": 1e-4, "flac": 1e-4}


def make_file(folder, suffix, y):
    path = folder / f"song.{suffix}"
    if suffix in CONTAINERS:
        return encode(path, y, *CONTAINERS[suffix])
    return save(path, y, 48000 if suffix == "opus" else SR)


def read(path, **options):
    return read_clip(os.fspath(path), **options)


@pytest.mark.parametrize(
    "suffix", ["wav", "aiff", "caf", "flac", "ogg", "opus", "mp3", "m4a", "aac", "wma", "mka"]
)
def test_a_window_is_that_slice_of_the_whole(suffix, tmp_path):
    y = melody(4.2)
    path = make_file(tmp_path, suffix, y)
    rate = 48000 if suffix == "opus" else SR
    whole = read(path, sr=rate, duration=None)
    assert whole.decoder == ("av" if suffix in CONTAINERS else "soundfile")
    assert whole.native_sr == rate and whole.channels == 1
    assert len(whole.y) == pytest.approx(len(y), abs=0.1 * rate)
    for offset in (0.0, 1.0, 1.77, 2.4):
        start = round(offset * rate)
        part = read(path, sr=rate, duration=1.2, offset=offset)
        assert len(part.y) == round(1.2 * rate)
        assert part.offset == pytest.approx(offset, abs=1 / rate)
        expected = whole.y[start : start + len(part.y)]
        # Time stamps in Matroska and ASF are milliseconds: the window may be off by one.
        slips = range(-45, 46) if suffix in ("wma", "mka") else [0]
        errors = [np.abs(part.y[45:-45] - np.roll(expected, slip)[45:-45]).max() for slip in slips]
        assert min(errors) < 1e-5, f"{suffix} at {offset} s"


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg", "mp3", "m4a", "mka"])
def test_the_sound_is_where_it_was_put(suffix, tmp_path):
    y = melody(3.0)
    clip = read(make_file(tmp_path, suffix, y), duration=None)
    part = slice(SR // 2, 2 * SR)
    assert np.corrcoef(clip.y[part], y[part])[0, 1] > 0.99
    if suffix in LOSSLESS:
        np.testing.assert_allclose(clip.y, y, atol=LOSSLESS[suffix])


def test_the_middle_the_head_and_seconds(tmp_path):
    y = melody(4.0)
    path = save(tmp_path / "a.wav", y, subtype="FLOAT")
    for offset, start in (("middle", 1.5), ("head", 0.0), (0.25, 0.25), (2, 2.0)):
        clip = read(path, duration=1.0, offset=offset)
        assert (clip.offset, clip.duration) == (start, 1.0)
        np.testing.assert_array_equal(clip.y, y[round(start * SR) :][:SR])
        assert clip.remarks == ()
    whole = read(path, duration=None, offset=1.0)
    np.testing.assert_array_equal(whole.y, y[SR:])
    assert whole.remarks == ()
    short = read(path, duration=2.0, offset=2.5)
    np.testing.assert_array_equal(short.y, y[round(2.5 * SR) :])
    assert short.remarks == (f"{SHORT}: 1.50 s of 2 s",)


@pytest.mark.parametrize("suffix", ["wav", "m4a"])
def test_an_offset_beyond_the_end_is_refused(suffix, tmp_path):
    path = make_file(tmp_path, suffix, melody(2.0))
    with pytest.raises(ExtractionError, match=r"offset 5\.0 s lies beyond the end .* \(2\.0\d s\)"):
        read(path, offset=5.0)
    with pytest.raises(ExtractionError, match=r"too short: 0\.5\d* s of sound, at least 1 s"):
        read(path, offset=1.5)


def test_obs_say_how_the_row_was_made(tmp_path):
    stereo = np.stack([melody(2.0), 0.5 * melody(2.0)], axis=1)
    path = save(tmp_path / "a.wav", stereo, 32000)
    _, obs = AudioExtractor("spotgentrack", duration=1.0).extract_with_obs(Track("a", str(path)))
    assert set(obs) == set(AudioExtractor.obs_fields)
    tonal = {"tuning", "harmonic_tuning", "tuning_ties"}  # see test_tuning.py
    assert {key: value for key, value in obs.items() if key not in tonal} == {
        "offset": pytest.approx((len(stereo) / 32000 - 1) / 2, abs=1e-4),
        "duration": 1.0,
        "sr": 32000.0,
        "channels": 2.0,
        "decoder": "soundfile",
        "note": "resampled from 32000 Hz",
    }


@pytest.mark.parametrize("rate", [8000, 11025, 48000, 192000])
def test_other_rates_are_resampled_by_soxr_and_said(rate, tmp_path):
    pitch = np.sin(2 * np.pi * 1000 * np.arange(2 * rate) / rate).astype(np.float32)
    clip = read(save(tmp_path / "a.wav", pitch, rate, subtype="FLOAT"))
    assert (clip.sr, clip.native_sr, len(clip.y)) == (SR, rate, 2 * SR)
    assert f"resampled from {rate} Hz" in clip.remarks
    np.testing.assert_array_equal(clip.y, soxr.resample(pitch, rate, SR, quality="HQ"))
    inner = slice(SR // 2, 3 * SR // 2)
    expected = np.sin(2 * np.pi * 1000 * seconds(2.0))
    np.testing.assert_allclose(clip.y[inner], expected[inner], atol=1e-3)


def test_six_channels_are_averaged_and_said(tmp_path):
    gains = np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.6], dtype=np.float32)
    y = melody(2.0)
    clip = read(save(tmp_path / "a.wav", y[:, None] * gains, subtype="FLOAT"))
    assert clip.channels == 6 and "mean of 6 channels" in clip.remarks
    np.testing.assert_allclose(clip.y, 0.35 * y, atol=1e-6)


def test_two_channels_are_averaged_without_a_word(tmp_path):
    y = melody(2.0)
    clip = read(save(tmp_path / "a.wav", np.stack([y, -y], axis=1), subtype="FLOAT"), duration=2.0)
    assert clip.channels == 2 and not clip.y.any()
    assert clip.remarks == ("digital silence",)


@pytest.mark.parametrize("channels", [1, 2, 3, 6])
def test_the_mean_of_channels_is_numpys(channels, tmp_path):
    y = np.stack([np.roll(melody(4.0), 7 * i) * 0.3**i for i in range(channels)], axis=1)
    y[:1000] *= 1e-40  # numbers below the normal ones of single precision
    path = save(tmp_path / "a.wav", y, subtype="FLOAT")
    with open_clip(str(path)) as stream:
        blocks = list(stream.blocks())
    assert max(map(len, blocks)) * channels <= BLOCK
    np.testing.assert_array_equal(np.concatenate(blocks), y.mean(axis=1))


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg", "opus", "mp3", "m4a", "mka"])
@pytest.mark.parametrize("sr", [SR, 48000, 8000])
def test_the_blocks_make_the_clip(suffix, sr, tmp_path):
    path = make_file(tmp_path, suffix, melody(15.0))
    with open_clip(str(path), sr=sr, duration=13.0) as stream:
        blocks = list(stream.blocks())
    assert 3 <= len(blocks) <= 8
    for block in blocks:
        assert block.dtype == np.float32 and block.ndim == 1 and block.flags.c_contiguous
        assert 0 < len(block) <= 1.01 * BLOCK
    clip = read(path, sr=sr, duration=13.0)
    assert (stream.sr, len(clip.y)) == (sr, 13 * sr)
    np.testing.assert_array_equal(np.concatenate(blocks), clip.y)
    assert vars(stream.facts).items() <= vars(clip).items()


@pytest.mark.parametrize(
    ("native", "sr"),
    [(8000, 44100), (48000, 44100), (44100, 8000), (192000, 22050), (12345, 44100), (44100, 44101)],
)
@pytest.mark.parametrize("length", [1.0, 1.37, 35.003])
def test_resampling_in_blocks_is_resampling_at_once(native, sr, length, tmp_path):
    y = np.random.default_rng(1).uniform(-1, 1, round(length * native)).astype(np.float32)
    path = save(tmp_path / "a.wav", y, native, subtype="FLOAT")
    with open_clip(str(path), sr=sr, duration=None) as stream:
        blocks = list(stream.blocks())
    assert max(map(len, blocks)) <= 1.01 * BLOCK
    expected = soxr.resample(y, native, sr, quality="HQ")
    np.testing.assert_array_equal(np.concatenate(blocks), expected)


def test_a_stream_is_read_once_and_knows_its_facts_at_the_end(tmp_path):
    path = save(tmp_path / "a.wav", melody(15.0))
    with open_clip(str(path), duration=20.0) as stream:
        blocks = stream.blocks()
        next(blocks)
        with pytest.raises(RuntimeError, match="only after the last"):
            _ = stream.facts
        with pytest.raises(RuntimeError, match="once: open the clip again"):
            stream.blocks()
        assert len(list(blocks)) == 2
    assert stream.facts.remarks == (f"{SHORT}: 15.00 s of 20 s",)


@pytest.mark.parametrize("suffix", ["wav", "m4a"])
def test_a_closed_stream_yields_nothing_more(suffix, tmp_path):
    path = make_file(tmp_path, suffix, melody(15.0))
    with open_clip(str(path)) as stream:
        blocks = stream.blocks()
        next(blocks)
    with pytest.raises(RuntimeError, match="closed before the last"):
        next(blocks)


def test_twenty_minutes_are_streamed_in_little_memory(tmp_path):
    rate, minutes = 8000, 20
    minute = np.random.default_rng(2).uniform(-0.3, 0.3, 60 * rate)
    path = save(tmp_path / "a.wav", np.tile(minute, minutes), rate)
    length = 0
    with open_clip(str(path), duration=None) as stream:
        tracemalloc.start()
        try:
            for block in stream.blocks():
                assert len(block) <= 1.01 * BLOCK  # soxr's own memory is not traced
                length += len(block)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert length == minutes * 60 * SR  # 212 MB
    assert peak < 16e6


def test_content_wins_over_the_name(tmp_path):
    y = melody(2.0)
    wav = save(tmp_path / "a.wav", y)
    named = wav.rename(tmp_path / "a.mp3")
    assert len(read(named).y) == 2 * SR
    m4a = encode(tmp_path / "b.m4a", y, "aac", "ipod").rename(tmp_path / "b.wav")
    assert read(m4a).decoder == "av"
    raw = save(tmp_path / "c.wav", y).rename(tmp_path / "c.raw")
    assert read(raw).remarks[0] == "libsndfile: .raw is sound without a header"


def test_m4a_without_av_says_how_to_get_it(tmp_path, monkeypatch):
    path = encode(tmp_path / "a.m4a", melody(2.0), "aac", "ipod")
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(ExtractionError) as caught:
        read(path)
    assert caught.value.source == str(path)
    assert caught.value.reason == (
        "libsndfile: Format not recognised; for m4a, aac, wma and more: pip install 'spdkit[av]'"
    )


def test_a_flac_without_a_length_is_counted(tmp_path, monkeypatch):
    y = melody(3.0)
    path = forget_flac_length(save(tmp_path / "a.flac", y))
    clip = read(path, duration=1.0, offset=1.5)
    assert (clip.decoder, clip.offset) == ("av", 1.5)
    assert any("states no length" in remark for remark in clip.remarks)
    np.testing.assert_allclose(clip.y, y[round(1.5 * SR) :][:SR], atol=1e-4)
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(ExtractionError, match=r"states no length; .*pip install 'spdkit\[av\]'"):
        read(path)


def changing_loudness():
    """Silence, noise, a melody, silence: a variable bit rate really varies."""
    parts = [np.zeros(3 * SR), np.random.default_rng(3).uniform(-0.8, 0.8, 5 * SR), melody(2.0)]
    return np.concatenate([*parts, np.zeros(2 * SR)]).astype(np.float32)


@pytest.mark.parametrize("mode", ["CONSTANT", "VARIABLE"])
def test_an_mp3_with_its_index_has_its_length(mode, tmp_path):
    y = changing_loudness()
    path = save(tmp_path / "a.mp3", y, bitrate_mode=mode, compression_level=0.5)
    clip = read(path, duration=None)
    assert (clip.decoder, clip.remarks, len(clip.y)) == ("soundfile", (), len(y))


def test_an_mp3_without_an_index_at_constant_rate(tmp_path):
    y = changing_loudness()
    path = strip_mp3_index(
        save(tmp_path / "a.mp3", y, bitrate_mode="CONSTANT", compression_level=0.5)
    )
    clip = read(path, duration=None)
    assert clip.decoder == "soundfile"
    assert len(clip.y) == pytest.approx(len(y), abs=3000)


def test_an_mp3_without_an_index_at_variable_rate_is_not_cut(tmp_path):
    y = changing_loudness()
    path = strip_mp3_index(
        save(tmp_path / "a.mp3", y, bitrate_mode="VARIABLE", compression_level=0.5)
    )
    with soundfile.SoundFile(path) as file:
        assert abs(file.frames - len(y)) > SR, "libsndfile knows better now: simplify the reader"
    clip = read(path, duration=None)
    assert len(clip.y) == pytest.approx(len(y), abs=3000)
    assert (clip.decoder, clip.remarks) == ("soundfile", ())
    loud = np.abs(clip.y[: 12 * SR].reshape(12, SR)).max(axis=1) > 0.1
    assert loud[:3].sum() <= 1 and loud[4:10].all() and not loud[11]


def spy(monkeypatch, name):
    """First arguments of every call of a method of SoundFile, as they come."""
    calls, plain = [], getattr(soundfile.SoundFile, name)

    def spying(self, first, *arguments, **options):
        calls.append(first)
        return plain(self, first, *arguments, **options)

    monkeypatch.setattr(soundfile.SoundFile, name, spying)
    return calls


def three_hours_wav(path):
    """A sparse file: a header, a hole, and a second of sound in the middle."""
    n_bytes = 3 * 3600 * SR * 2
    save(path, np.zeros(1, np.float32))
    header = path.read_bytes()[:44]
    middle = (melody(1.0) * 32767).astype("<i2").tobytes()
    with path.open("r+b") as file:
        file.write(header[:4] + (n_bytes + 36).to_bytes(4, "little") + header[8:40])
        file.write(n_bytes.to_bytes(4, "little"))
        file.truncate(44 + n_bytes)
        file.seek(44 + n_bytes // 2 - SR)
        file.write(middle)
    return SR


def three_hours_flac(path):
    rate = 8000
    silence = np.zeros(60 * rate, dtype=np.int16)
    middle = (melody(1.0)[:rate] * 32767).astype(np.int16)
    with soundfile.SoundFile(path, "w", rate, 1, "PCM_16", compression_level=0) as file:
        for minute in range(180):
            file.write(silence)
            if minute == 89:
                file.write(middle)
    return rate


@pytest.mark.parametrize("make", [three_hours_wav, three_hours_flac])
def test_of_three_hours_only_the_window_is_read(make, tmp_path, monkeypatch):
    path = tmp_path / f"long.{make.__name__[-4:].strip('s_')}"
    rate = make(path)
    asked, sought = spy(monkeypatch, "read"), spy(monkeypatch, "seek")
    tracemalloc.start()
    try:
        clip = read(path, sr=rate)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert clip.offset == pytest.approx(3 * 1800 - 15, abs=1)
    assert clip.duration == 30
    assert 0.05 < np.abs(clip.y).max() < 0.5
    assert sum(asked) == 30 * rate
    assert len(sought) == 1
    assert peak < 5 * 30 * SR * 4


def test_of_an_m4a_only_the_window_is_decoded(tmp_path, monkeypatch):
    from spdkit.extractors.decoding.av_reader import AvReader

    path = encode(tmp_path / "a.m4a", np.tile(melody(2.0), 30), "aac", "ipod")
    decoded = []
    plain = AvReader._decode

    def counting(self, packet):
        frames = plain(self, packet)
        decoded.extend(frame.samples for frame in frames)
        return frames

    monkeypatch.setattr(AvReader, "_decode", counting)
    clip = read(path, duration=2.0)
    assert clip.duration == 2.0
    assert sum(decoded) < 5 * SR


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg", "mp3", "m4a"])
def test_urls_are_read_through_fsspec(suffix, tmp_path):
    path = make_file(tmp_path, suffix, melody(2.0))
    url = f"memory://test_decode/a.{suffix}"
    with fsspec.open(url, "wb") as file:
        file.write(path.read_bytes())
    there, here = read(url, duration=1.0), read(path, duration=1.0)
    np.testing.assert_array_equal(there.y, here.y)
    assert (there.decoder, there.remarks) == (here.decoder, here.remarks)


def test_urls_that_lead_nowhere():
    with pytest.raises(ExtractionError, match="no such file"):
        read("memory://test_decode/nothing.wav")
    with pytest.raises(ExtractionError, match=r"cannot be opened|damaged.*nosuchprotocol"):
        read("nosuchprotocol://x/a.wav")
