"""Files that are damaged, mislabelled or strange: each has one defined result."""

from __future__ import annotations

import os
import pickle
import re
import tempfile
from pathlib import Path
from types import SimpleNamespace

import av
import numpy as np
import pytest
from audio_files import (
    as_nobody,
    claim_wav_size,
    encode,
    forget_flac_length,
    melody,
    save,
    truncate,
)
from signals import SR, row_of, seconds, write

from spdkit.extractors import AudioExtractor, ExtractionError
from spdkit.extractors.decoding import window
from spdkit.extractors.decoding.window import open_clip, read_clip
from spdkit.tracks.track import Track

QUICK = AudioExtractor("spotgentrack")


def refused(path, reason):
    """The file is refused for `reason`, and the error names it."""
    with pytest.raises(ExtractionError) as caught:
        QUICK.extract(Track("x", os.fspath(path)))
    assert caught.value.source == os.fspath(path)
    assert re.search(reason, caught.value.reason), caught.value.reason
    assert str(caught.value) == f"{caught.value.source}: {caught.value.reason}"


def noted(path):
    """The file is read; what was noted about it."""
    clip = read_clip(os.fspath(path))
    assert np.isfinite(clip.y).all() and len(clip.y) >= SR
    return "; ".join(clip.remarks)


@pytest.mark.parametrize("suffix", ["wav", "mp3", "m4a", "au", "raw"])
def test_an_empty_file(suffix, tmp_path):
    path = tmp_path / f"a.{suffix}"
    path.touch()
    refused(path, r"^empty file \(0 bytes\)$")


@pytest.mark.parametrize(
    ("n_samples", "shown"), [(0, "0"), (1, "2.26757e-05"), (100, "0.00226757")]
)
def test_too_few_samples(n_samples, shown, tmp_path):
    path = save(tmp_path / "a.wav", melody()[:n_samples])
    refused(path, rf"^too short: {re.escape(shown)} s of sound, at least 1 s are needed$")


def test_the_minimum_is_exact_and_a_parameter(tmp_path):
    refused(save(tmp_path / "a.wav", melody()[: SR - 1]), r"^too short: 0\.999977 s")
    assert (
        noted(save(tmp_path / "b.wav", melody()[:SR])) == "shorter than the window: 1.00 s of 30 s"
    )
    half = Track("c", str(save(tmp_path / "c.wav", melody()[: SR // 2])))
    assert np.isfinite(AudioExtractor("spotgentrack", min_duration=0.5).extract(half)).all()
    with pytest.raises(ExtractionError, match=r"too short: 0\.5 s .* at least 0\.6 s"):
        AudioExtractor(min_duration=0.6).extract(half)


@pytest.mark.parametrize("name", ["a.mp3", "a.wav", "a.m4a", "a.ogg"])
@pytest.mark.parametrize(
    "content",
    [b"this is no sound\n" * 100, bytes(5000), np.random.default_rng(0).bytes(20000)],
    ids=["text", "zeros", "noise"],
)
def test_what_is_no_sound(name, content, tmp_path):
    path = tmp_path / name
    path.write_bytes(content)
    refused(path, r"^libsndfile: .*; ffmpeg: ")


def test_a_text_is_not_said_to_be_missing(tmp_path):
    path = tmp_path / "a.mp3"
    path.write_bytes(b"this is no sound\n" * 1000)
    refused(path, r"^libsndfile: Format not recognised; ffmpeg: Invalid data")


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
def test_a_video_without_sound(name, tmp_path):
    with av.open(str(tmp_path / name), "w") as out:
        video = out.add_stream("mpeg4", rate=1)
        video.width, video.height, video.pix_fmt = 64, 64, "yuv420p"
        for k in range(3):
            image = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), format="rgb24")
            image.pts = k
            out.mux(video.encode(image))
        out.mux(video.encode(None))
    refused(tmp_path / name, r"; ffmpeg: the file has no sound in it$")


@pytest.mark.parametrize(
    ("suffix", "reason"),
    [
        ("mp3", r"^the file states 3\.00 s but ends at 2\.\d\d s: truncated or damaged$"),
        ("wav", r"^the file states 3\.00 s but ends at 2\.10 s: truncated or damaged$"),
        ("aiff", r"^the file states 3\.00 s but ends at 2\.10 s: truncated or damaged$"),
        ("flac", r"^damaged: .*flac decoder lost sync"),
    ],
)
def test_a_truncated_file_is_refused(suffix, reason, tmp_path):
    refused(truncate(save(tmp_path / f"a.{suffix}", melody()), 0.7), reason)


def test_a_truncated_file_whose_window_is_whole_is_read(tmp_path):
    path = truncate(save(tmp_path / "a.wav", melody()), 0.7)
    clip = read_clip(str(path), duration=1.0, offset="head")
    note = "the file states 3.00 s but ends at 2.10 s: truncated or damaged"
    assert clip.duration == 1.0 and clip.remarks == (note,)


@pytest.mark.parametrize("suffix", ["ogg", "opus"])
@pytest.mark.parametrize("share", [0.6, 0.8, 0.99])
def test_a_truncated_ogg_is_read_and_noted(suffix, share, tmp_path):
    y = np.tile(melody(), 3)
    whole = save(tmp_path / f"a.{suffix}", y, 48000 if suffix == "opus" else SR)
    assert not any("end-of-stream" in remark for remark in read_clip(str(whole)).remarks)
    clip = read_clip(str(truncate(whole, share)))
    assert clip.remarks[0] == "no end-of-stream page: the file may be truncated"
    assert 0 < clip.duration < 9


@pytest.mark.parametrize("options", [{}, {"movflags": "faststart"}], ids=["index last", "first"])
def test_a_truncated_m4a_is_refused(options, tmp_path):
    path = encode(tmp_path / "a.m4a", melody(), "aac", "ipod", **options)
    refused(truncate(path, 0.6), r"ffmpeg: Invalid data|states 3\.00 s but ends at")


def test_a_truncated_flac_without_a_length_is_refused(tmp_path):
    path = forget_flac_length(save(tmp_path / "a.flac", melody()))
    refused(truncate(path, 0.6), r"^damaged: ffmpeg: Invalid data")


def test_a_truncated_caf_is_noted(tmp_path):
    note = noted(truncate(save(tmp_path / "a.caf", melody()), 0.6))
    assert note.startswith("libsndfile: Supported file format but file is malformed; ")


@pytest.mark.parametrize(
    ("n_bytes", "reason"),
    [
        (6 * SR * 2, r"^the file states 6\.00 s but ends at 3\.00 s: truncated or damaged$"),
        (3 * SR * 2 + 2000, r"^the file states 3\.02 s but ends at 3\.00 s: truncated"),
        (1000, r"^too short: 0\.0113379 s of sound"),
    ],
)
def test_a_wav_that_lies_about_its_length_is_refused(n_bytes, reason, tmp_path):
    refused(claim_wav_size(save(tmp_path / "a.wav", melody()), n_bytes), reason)


@pytest.mark.parametrize("n_bytes", [0xFFFFFFFF, 0x7FFFFFFF, 0x7FFFF000])
def test_a_streamed_wav_is_read_to_its_end_and_noted(n_bytes, tmp_path):
    path = claim_wav_size(save(tmp_path / "a.wav", melody()), n_bytes)
    assert len(read_clip(str(path)).y) == 3 * SR
    assert "does not state a length: all that is there was taken" in noted(path)


def test_a_wav_that_holds_more_than_it_states_is_noted(tmp_path):
    path = claim_wav_size(save(tmp_path / "a.wav", melody()), 2 * SR * 2)
    assert len(read_clip(str(path)).y) == 2 * SR
    assert "bytes after the sound" in noted(path)


def test_healthy_files_of_every_length_carry_no_note(tmp_path):
    for suffix in ("wav", "flac", "ogg", "mp3", "aiff"):
        path = save(tmp_path / f"a.{suffix}", melody())
        assert read_clip(str(path), duration=3.0).remarks == (), suffix


@pytest.mark.parametrize(
    ("value", "counts"), [(np.nan, "3 samples are NaN and 0"), (-np.inf, "0 samples are NaN and 3")]
)
def test_samples_that_are_not_finite(value, counts, tmp_path):
    y = melody()
    y[70000:70003] = value
    write(tmp_path / "a.wav", y)
    refused(tmp_path / "a.wav", rf"^{counts} infinite, the first at 1\.587 s$")
    head = read_clip(str(tmp_path / "a.wav"), duration=1.0, offset="head")
    assert np.isfinite(head.y).all()


def streamed(path, **options):
    """How many samples a stream yields, and why it stops."""
    n_samples = 0
    with (
        open_clip(os.fspath(path), **options) as stream,
        pytest.raises(ExtractionError) as caught,
    ):
        for block in stream.blocks():
            n_samples += len(block)
    with pytest.raises(RuntimeError, match="only after the last"):
        _ = stream.facts
    return n_samples, caught.value.reason


def test_samples_that_are_not_finite_are_counted_to_the_end(tmp_path):
    y = np.stack([melody(15.0), melody(15.0)], axis=1)
    y[300000, 0], y[450000, 1], y[600000] = np.nan, np.inf, (np.inf, -np.inf)
    write(tmp_path / "a.wav", y)
    n_samples, reason = streamed(tmp_path / "a.wav")
    assert reason == "1 samples are NaN and 3 infinite, the first at 6.803 s"
    assert 0 < n_samples <= 300000  # nothing from the block of the first on
    assert streamed(tmp_path / "a.wav", sr=48000)[1] == reason
    assert streamed(tmp_path / "a.wav", duration=3.0, offset=12.0)[1] == (
        "0 samples are NaN and 2 infinite, the first at 13.605 s"
    )


def test_a_truncated_file_fails_at_the_end_of_its_stream(tmp_path):
    path = truncate(save(tmp_path / "a.wav", melody(15.0)), 0.7)
    n_samples, reason = streamed(path)
    assert reason == "the file states 15.00 s but ends at 10.50 s: truncated or damaged"
    assert n_samples == pytest.approx(10.5 * SR, abs=50)


def test_an_end_within_the_slack_is_noted_unless_too_little_is_left(monkeypatch):
    held = [np.ones((8500, 1), np.float32)]
    reader = SimpleNamespace(
        sr=8000, channels=1, n_frames=9000, slack=2000, decoder="a stub", remarks=[]
    )
    reader.blocks, reader.close = lambda start, count: iter(held), lambda: None
    monkeypatch.setattr(window, "_open", lambda audio, source: reader)
    clip = read_clip("a", sr=8000, duration=None)
    assert (len(clip.y), clip.duration) == (8500, 8500 / 8000)
    assert clip.remarks == ("the file states 1.12 s but ends at 1.06 s",)
    held[0] = held[0][:7900]
    assert streamed("a", sr=8000) == (7900, "too short: 0.9875 s of sound, at least 1 s are needed")


@pytest.mark.parametrize("suffix", ["wav", "m4a"])
def test_what_the_header_shows_is_refused_at_opening(suffix, tmp_path):
    path = tmp_path / f"a.{suffix}"
    save(path, melody()) if suffix == "wav" else encode(path, melody(), "aac", "ipod")
    with pytest.raises(ExtractionError, match=r"too short: 0\.5 s .* at least 1 s"):
        open_clip(str(path), duration=0.5)
    with pytest.raises(ExtractionError, match=r"offset 5 s lies beyond the end"):
        open_clip(str(path), offset=5)
    with pytest.raises(ExtractionError, match="no such file"):
        open_clip(str(path) + "x")


def test_a_negative_offset_is_a_mistake_of_the_caller(tmp_path):
    path = save(tmp_path / "a.wav", melody(2.0))
    with pytest.raises(ValueError, match=r"offset must be .* at least 0 s, not -0\.5"):
        open_clip(str(path), offset=-0.5)


@pytest.mark.parametrize("channels", [2, 3])
def test_channels_of_which_the_sum_is_too_large_have_their_mean(channels, tmp_path):
    y = np.full((2 * SR, channels), 3e38, dtype=np.float32)
    clip = read_clip(str(save(tmp_path / "a.wav", y, subtype="FLOAT")))
    np.testing.assert_allclose(clip.y, 3e38, rtol=1e-6)


@pytest.mark.parametrize("level", [1e30, 1e20])
def test_samples_too_large_for_single_precision(level, tmp_path):
    y = melody()
    y[70000:70100] *= level
    write(tmp_path / "a.wav", y)
    refused(tmp_path / "a.wav", r"^samples up to \d\.\d*e\+\d\d overflow .*mel.*\[-1, 1\]$")


@pytest.mark.parametrize("profile", ["paper", "spotgentrack"])
def test_digital_silence_is_extracted_and_noted(profile, tmp_path):
    track = write(tmp_path / "a.wav", np.zeros(2 * SR))
    extractor = AudioExtractor(profile, extra=True)
    row, obs = extractor.extract_with_obs(track)
    assert obs["note"].endswith("digital silence")
    values = dict(zip(extractor.get_feature_names_out(), row, strict=True))
    assert np.isfinite(row).all()
    zero = ("chroma", "tonnetz", "mel", "spectral", "zero", "zcr", "rms", "entropy")
    for name, value in values.items():
        if name.lower().startswith(zero):
            assert value == 0, name
    first = values["mfcc_1_mean" if profile == "paper" else "MFCC_1"]
    assert first == pytest.approx(-100 * np.sqrt(128), rel=1e-5)  # −100 dB in every band


@pytest.mark.parametrize("profile", ["paper", "spotgentrack"])
@pytest.mark.parametrize(
    "sound",
    [
        np.full(2 * SR, 0.5),
        np.full(2 * SR, 1e-30),
        np.sign(np.sin(2 * np.pi * 220 * seconds(2.0) + 0.1)),
        np.clip(30 * melody(2.0), -1, 1),
        np.r_[np.zeros(SR), 1.0, np.zeros(SR)],
        1e-20 * melody(2.0),
    ],
    ids=["DC", "faint DC", "square", "clipped", "impulse", "faint"],
)
def test_extreme_sounds_give_finite_rows_in_range(sound, profile):
    extractor = AudioExtractor(profile)
    for spec, value in zip(extractor.feature_specs, row_of(sound, extractor), strict=True):
        assert np.isfinite(value) and spec.low <= value <= spec.high, (spec.name, value)


def test_dc_and_a_square_are_what_they_are():
    extractor = AudioExtractor(extra=True)
    names = list(extractor.get_feature_names_out())
    flat = dict(zip(names, row_of(np.full(2 * SR, 0.5), extractor), strict=True))
    assert flat["rms_mean"] == pytest.approx(0.5, rel=0.02)
    assert flat["zero_crossing_rate_mean"] == 0
    square = np.sign(np.sin(2 * np.pi * 441 * seconds(2.0) + 0.1))
    edgy = dict(zip(names, row_of(square, extractor), strict=True))
    assert edgy["rms_mean"] == pytest.approx(1, rel=0.02)
    assert edgy["zero_crossing_rate_mean"] == pytest.approx(2 * 441 / SR, rel=0.03)


def test_a_folder_a_dangling_link_and_nothing(tmp_path):
    (tmp_path / "folder.mp3").mkdir()
    refused(tmp_path / "folder.mp3", r"^is a folder, not a file$")
    (tmp_path / "link.mp3").symlink_to(tmp_path / "gone.mp3")
    refused(tmp_path / "link.mp3", rf"^broken link to {re.escape(str(tmp_path / 'gone.mp3'))}$")
    refused(
        tmp_path / "nothing.mp3", rf"^no such file: {re.escape(str(tmp_path / 'nothing.mp3'))}$"
    )
    (tmp_path / "loop.mp3").symlink_to(tmp_path / "loop.mp3")
    refused(tmp_path / "loop.mp3", r"^cannot be opened: Too many levels of symbolic links$")
    refused(tmp_path / ("a" * 300 + ".mp3"), r"^cannot be opened: File name too long$")


def test_a_good_link_is_followed(tmp_path):
    save(tmp_path / "real.wav", melody())
    (tmp_path / "link.wav").symlink_to("real.wav")
    assert np.isfinite(QUICK.extract(Track("x", str(tmp_path / "link.wav")))).all()


def test_a_file_without_permission():
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        path = save(Path(folder) / "a.wav", melody())
        path.chmod(0)
        printed = as_nobody(
            """
import av, soundfile, soxr
from spdkit.extractors.decoding.window import read_clip
from spdkit.extractors.base import ExtractionError
drop()
try:
    read_clip(sys.argv[1])
except ExtractionError as error:
    print(error.reason)
else:
    print("read")
""",
            str(path),
        )
    assert printed == "no permission to read it\n"


@pytest.mark.parametrize(
    "name",
    [
        b"a song with spaces.wav",
        b"two\nlines.wav",
        "café 🎵 音楽.wav".encode(),
        b"caf\xe9.wav",
        b"-dash.wav",
        b"%41 'quote\" $x.wav",
    ],
)
@pytest.mark.parametrize("suffix", ["wav", "m4a"])
def test_strange_names(name, suffix, tmp_path):
    path = tmp_path / os.fsdecode(name.replace(b"wav", suffix.encode()))
    source = tmp_path / "plain"
    if suffix == "wav":
        save(source, melody(), format="WAV")
    else:
        encode(source, melody(), "aac", "ipod")
    source.rename(path)
    assert noted(path).startswith("shorter than the window")
    path.write_bytes(b"no sound")
    with pytest.raises(ExtractionError) as caught:
        QUICK.extract(Track("x", str(path)))
    str(caught.value).encode("utf-8")  # printable, whatever the bytes
    assert pickle.loads(pickle.dumps(caught.value)).reason == caught.value.reason


def test_names_that_differ_only_in_case(tmp_path):
    write(tmp_path / "Song.wav", melody())
    write(tmp_path / "song.wav", 0.1 * melody())
    if len(list(tmp_path.iterdir())) == 1:
        pytest.skip("this file system does not tell them apart")
    loud, quiet = (read_clip(str(tmp_path / name)) for name in ("Song.wav", "song.wav"))
    np.testing.assert_allclose(quiet.y, 0.1 * loud.y, atol=1e-6)


def test_a_file_that_shrinks_while_it_is_read(tmp_path, monkeypatch):
    path = save(tmp_path / "a.wav", melody())
    plain = window._window

    def shrink_then_choose(*arguments):
        truncate(path, 0.5)
        return plain(*arguments)

    monkeypatch.setattr(window, "_window", shrink_then_choose)
    refused(path, r"^the file states 3\.00 s but ends at 1\.50 s: truncated or damaged$")


LISTS = {
    "concat": "ffconcat version 1.0\nfile song.aac\n",
    "HLS": "#EXTM3U\n#EXT-X-TARGETDURATION:3\n#EXTINF:3.0,\nsong.aac\n#EXT-X-ENDLIST\n",
    # For which ffmpeg would open ports, and wait.
    "SDP": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\n"
    "m=audio 5004 RTP/AVP 0\n",
}


@pytest.mark.timeout(15)
@pytest.mark.parametrize("kind", LISTS)
def test_a_list_of_addresses_opens_none_of_them(kind, tmp_path, monkeypatch):
    encode(tmp_path / "song.aac", melody(3.0), "aac", "adts")
    (tmp_path / "list.m4a").write_text(LISTS[kind])
    monkeypatch.chdir(tmp_path)
    assert len(read_clip("song.aac").y) >= 3 * SR
    refused("list.m4a", "ffmpeg: Invalid")
