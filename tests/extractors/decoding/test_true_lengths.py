"""Lengths that files do not state, or state wrongly: what is there counts, or it is refused."""

from __future__ import annotations

import io
import os
import re
import struct
import sys
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
from audio_files import (
    claim_wav_size,
    encode,
    melody,
    mpeg_sound,
    save,
    straight,
    strip_mp3_index,
    truncate,
)
from av.audio.resampler import AudioResampler
from mutagen.apev2 import BINARY, APEv2, APEValue
from mutagen.id3 import APIC, ID3
from signals import SR

from spdkit.extractors.base import ExtractionError
from spdkit.extractors.decoding.window import read_clip

Y = melody(4.0)
COVER = np.random.default_rng(1).bytes(150_000)


def read(path, duration=None, **options):
    return read_clip(os.fspath(path), duration=duration, **options)


def remarks(clip):
    return "; ".join(clip.remarks)


def require_sound(path, y=Y, tolerance=1e-4):
    """All of the sound is read, and its middle lies in the middle."""
    whole = read(path)
    assert len(whole.y) == len(y)
    np.testing.assert_allclose(whole.y, y, atol=tolerance)
    part = read(path, 1.5)
    assert part.offset == (len(y) - round(1.5 * SR)) // 2 / SR
    np.testing.assert_array_equal(part.y, whole.y[round(part.offset * SR) :][: len(part.y)])
    return whole


def patch(path, place, value):
    content = bytearray(path.read_bytes())
    content[place : place + len(value)] = value
    path.write_bytes(content)


# Where each format states the bytes of its sound, and how.
SIZES = {
    "WAV": (b"data", 4, "<I"),
    "RF64": (b"ds64", 16, "<Q"),
    "W64": (b"data\xf3\xac", 16, "<Q"),
    "AU": (b".snd", 8, ">I"),
    "AIFF": (b"SSND", 4, ">I"),
    "CAF": (b"data", 4, ">Q"),
}
PLACEHOLDERS = {
    "WAV": (0, 2**31 - 1, 2**31, 2**32 - 1, 2**32 - 37, 0x7FFFF000),
    "RF64": (0,),
    "W64": (0, 24, 2**64 - 1),
    "AU": (0, 2**32 - 1),
    "AIFF": (0, 2**31, 2**32 - 1),
    "CAF": (2**64 - 1,),
}


@pytest.mark.parametrize(
    ("form", "size"), [(form, size) for form, sizes in PLACEHOLDERS.items() for size in sizes]
)
def test_sound_behind_a_size_that_means_nothing_is_taken_whole(form, size, tmp_path):
    path = save(tmp_path / f"a.{form.lower()}", Y, format=form)
    marker, offset, code = SIZES[form]
    patch(path, path.read_bytes().rindex(marker) + offset, struct.pack(code, size))
    clip = require_sound(path)
    told = "malformed" if form == "CAF" else "does not state a length: all that is there was taken"
    assert told in remarks(clip)


@pytest.mark.parametrize("form", SIZES)
def test_a_file_that_was_cut_is_refused_or_says_so(form, tmp_path):
    path = truncate(save(tmp_path / f"a.{form.lower()}", Y, format=form), 0.6)
    if form == "CAF":  # libsndfile does not read it, and ffmpeg knows no length then
        assert "truncated" in remarks(read(path))
        return
    reason = r"the file states 4\.00 s but ends at 2\.40 s: truncated or damaged"
    with pytest.raises(ExtractionError, match=reason):
        read(path)
    head = read(path, 1.0, offset="head")
    np.testing.assert_allclose(head.y, Y[:SR], atol=1e-4)
    assert "the file states 4.00 s but ends at 2.40 s" in remarks(head)


def test_a_size_that_counts_the_header_too_is_noted(tmp_path):
    path = save(tmp_path / "a.wav", Y)
    claim_wav_size(path, path.stat().st_size)
    assert "all were taken" in remarks(require_sound(path))


@pytest.mark.parametrize(
    ("form", "subtype"),
    [
        *(("WAV", "GSM610"), ("AIFF", "GSM610"), ("W64", "GSM610"), ("WAV", "G721_32")),
        *(("AU", "G723_40"), ("WAV", "NMS_ADPCM_24"), ("AIFF", "DWVW_16")),
    ],
)
def test_codecs_in_which_libsndfile_cannot_seek(form, subtype, tmp_path):
    path = save(tmp_path / "a", Y, 8000, format=form, subtype=subtype)
    expected = read(path, sr=8000).y  # read on from the start
    assert np.corrcoef(expected[: len(Y)], Y)[0, 1] > 0.8
    for offset in (0.0, 1.5, 11.0):
        clip = read(path, 3.0, offset=offset, sr=8000)
        np.testing.assert_array_equal(clip.y, expected[round(offset * 8000) :][:24000])


def tagged(content, tag, folder):
    path = folder / "tagged.mp3"
    path.write_bytes(content)
    tag.save(path)
    return path.read_bytes()


def id3(content, folder):
    tag = ID3()
    tag.add(APIC(mime="image/jpeg", data=COVER))
    return tagged(content, tag, folder)


def ape(content, folder):
    tag = APEv2()
    tag["Cover Art (Front)"] = APEValue(b"c.jpg\0" + COVER, BINARY)
    return tagged(content, tag, folder)


AROUND = {
    "ID3": id3,
    "two ID3": lambda content, folder: id3(content, folder)[: -len(content)] + id3(content, folder),
    "APE": ape,
    "ID3 and APE": lambda content, folder: ape(id3(content, folder), folder),
    "ID3v1": lambda content, _: content + b"TAG" + bytes(125),
    "zeros": lambda content, _: bytes(300_000) + content,
    "junk": lambda content, _: b"\x55" * 70_000 + content,
    "noise": lambda content, _: COVER + content + COVER,
    "zeros before ID3": lambda content, folder: bytes(300_000) + id3(content, folder),
    "a tag that is longer than it states": (
        lambda content, folder: id3(b"", folder)[:-45] + id3(content, folder)
    ),
    "a tag that states more than there is": (
        lambda content, _: b"ID3\3\0\0\x7f\x7f\x7f\x7f" + bytes(50) + content
    ),
}


@pytest.mark.parametrize("has_index", [True, False], ids=["index", "no index"])
@pytest.mark.parametrize("around", AROUND)
def test_an_mp3_is_its_frames_whatever_lies_around_them(around, has_index, tmp_path):
    path = save(tmp_path / "a.mp3", Y)
    if not has_index:
        strip_mp3_index(path)
    expected = straight(path)
    path.write_bytes(AROUND[around](path.read_bytes(), tmp_path))
    clip = require_sound(path, expected, 3e-6)
    assert (clip.decoder, clip.remarks) == ("soundfile", ())


def test_tags_between_the_parts_of_an_mp3_are_no_sound(tmp_path):
    path = save(tmp_path / "a.mp3", Y)
    content = path.read_bytes()
    path.write_bytes(content + content)
    n_samples = len(straight(path))
    path.write_bytes(id3(content, tmp_path) + id3(content, tmp_path))
    clip = read(path)
    assert len(clip.y) == n_samples
    n_frames = len(Y) // 1152 + 2
    assert remarks(clip).startswith(f"the index of the mp3 states {n_frames} frames, ")


@pytest.mark.parametrize("av_is_there", [True, False])
@pytest.mark.parametrize("rate", [44100, 24000, 8000], ids=["MPEG 1", "MPEG 2", "MPEG 2.5"])
@pytest.mark.parametrize("channels", [1, 2])
def test_every_mpeg_version_without_an_index(av_is_there, rate, channels, tmp_path, monkeypatch):
    y = np.stack([Y, np.roll(Y, 100)][:channels], axis=1)
    options = {"bitrate_mode": "VARIABLE", "compression_level": 0.4}
    path = strip_mp3_index(save(tmp_path / "a.mp3", y, rate, **options))
    expected = straight(path)
    if not av_is_there:
        monkeypatch.setitem(sys.modules, "av", None)
    clip = read(path, sr=rate)
    assert (len(clip.y), clip.decoder) == (len(expected), "soundfile")
    np.testing.assert_allclose(clip.y, expected, atol=3e-6)


def test_an_index_by_another_encoder(tmp_path):
    path = save(tmp_path / "a.mp3", Y)
    sound = mpeg_sound(path)
    frame = b"VBRI" + struct.pack(">HHHII", 1, 0, 75, 0, sound.n_frames)
    patch(path, sound.ranges[0][0] + 4, bytes(32) + frame + bytes(20))
    assert mpeg_sound(path).stated_frames == sound.n_frames
    assert len(read(path).y) == sound.n_frames * 1152


def ogg_pages(content):
    pages = content.split(b"OggS")[1:]
    return [b"OggS" + page for page in pages]


@pytest.mark.parametrize("suffix", ["ogg", "opus", "flac", "mp3"])
def test_the_same_file_twice_is_twice_as_long(suffix, tmp_path):
    sr = 48000 if suffix == "opus" else SR
    path = save(tmp_path / f"a.{suffix}", Y, sr)
    path.write_bytes(2 * path.read_bytes())
    clip = read(path, sr=sr)
    assert len(clip.y) == pytest.approx(2 * len(Y), abs=5000)
    middle = read(path, 1.0, sr=sr)
    assert middle.offset == pytest.approx(len(Y) / sr - 0.5, abs=0.05)


@pytest.mark.parametrize("suffix", ["ogg", "flac", "mp3"])
@pytest.mark.parametrize("other", [(22050, 1), (SR, 2)], ids=["rate", "channels"])
def test_parts_that_differ_are_refused(suffix, other, tmp_path):
    one = save(tmp_path / f"a.{suffix}", Y)
    rate, channels = other
    two = save(tmp_path / f"b.{suffix}", np.stack([Y] * channels, axis=1), rate)
    one.write_bytes(one.read_bytes() + two.read_bytes())
    for duration in (None, 1.0):
        if (suffix, duration) == ("flac", 1.0):  # of which the head alone is decoded
            continue
        with pytest.raises(ExtractionError, match=r"(parts of the file|sound changes).*split"):
            read(one, duration, offset="head")


def test_a_broadcast_joined_late_and_one_with_a_hole(tmp_path):
    whole = save(tmp_path / "a.ogg", melody(12.0))
    pages = ogg_pages(whole.read_bytes())
    late = tmp_path / "late.ogg"
    late.write_bytes(b"".join(pages[:2] + pages[6:]))
    expected = straight(late)
    assert len(expected) < 0.9 * len(melody(12.0))
    clip = read(late)
    np.testing.assert_allclose(clip.y, expected, atol=3e-7)
    assert (clip.decoder, clip.remarks) == ("soundfile", ())
    holed = tmp_path / "holed.ogg"
    holed.write_bytes(b"".join(pages[:6] + pages[8:]))
    clip = read(holed)
    np.testing.assert_array_equal(clip.y, straight(holed))
    assert remarks(clip) == "2 Ogg pages are missing between others"


def without_packets(source, target, first, last):
    """Copy a file and leave out packets, so that its pages are numbered without a gap."""
    with av.open(str(source)) as whole, av.open(str(target), "w") as out:
        stream = out.add_stream_from_template(whole.streams.audio[0])
        for number, packet in enumerate(whole.demux(whole.streams.audio[0])):
            if packet.dts is not None and not first <= number < last:
                packet.stream = stream
                out.mux(packet)
    return target


@pytest.mark.parametrize(("suffix", "first"), [("flac", 60), ("ogg", 100), ("opus", 100)])
def test_packets_that_are_missing_are_no_sound(suffix, first, tmp_path):
    sr = 48000 if suffix == "opus" else SR
    whole = save(tmp_path / f"a.{suffix}", melody(12.0), sr)
    holed = without_packets(whole, tmp_path / f"b.{suffix}", first, first + 30)
    expected = straight(holed)
    for duration in (None, 2.0):
        clip = read(holed, duration, sr=sr)
        start = round(clip.offset * sr)
        assert clip.file_duration == len(expected) / sr < 0.97 * len(straight(whole)) / sr
        np.testing.assert_array_equal(clip.y, expected[start : start + len(clip.y)])
        assert re.search(r"missing (at \d|before \d)", remarks(clip))


def test_an_m4a_that_is_trimmed_by_its_edit_list(tmp_path):
    path = encode(tmp_path / "a.m4a", melody(6.0), "alac", "ipod")
    patch(path, path.read_bytes().index(b"elst") + 12, struct.pack(">Ii", 3000, 2 * SR))
    expected = straight(path)
    assert len(expected) == pytest.approx(3 * SR, abs=1000)
    clip = read(path, 1.0)
    start = (len(expected) - SR) // 2
    assert (clip.offset, clip.remarks) == (start / SR, ())
    np.testing.assert_array_equal(clip.y, expected[start : start + SR])
    np.testing.assert_array_equal(read(path).y, expected)


@pytest.mark.parametrize("codec", ["adpcm_yamaha", "adpcm_swf"])
def test_codecs_that_do_not_settle_are_read_from_the_start(codec, tmp_path):
    path = encode(tmp_path / "a.wav", melody(6.0), codec, "wav")
    clip = read(path, 1.0, offset=4.0)
    np.testing.assert_allclose(clip.y, straight(path)[4 * SR :][:SR], atol=1e-6)


def test_heads_of_blocks_in_a_voc_are_no_sound(tmp_path):
    path = encode(tmp_path / "a.voc", Y, "pcm_s16le", "voc")
    np.testing.assert_array_equal(read(path).y, straight(path))


def test_a_note_that_is_called_data_is_no_sound(tmp_path):
    path = save(tmp_path / "a.wav", Y)
    content = path.read_bytes()
    note = (
        b"LIST" + struct.pack("<I", 28) + b"INFOdata" + struct.pack("<I", 16) + b"a remark in text"
    )
    at = content.index(b"data")
    path.write_bytes(content[:at] + note + content[at:])
    require_sound(path)


@pytest.mark.parametrize("n_samples", [2 * SR, 11 * 4096, 11 * 4096 + 1, 11 * 4096 + 17])
@pytest.mark.parametrize("channels", [1, 2])
def test_silent_frames_of_a_flac_are_there(n_samples, channels, tmp_path):
    path = save(tmp_path / "a.flac", np.zeros((n_samples, channels)))
    clip = read(path)
    assert (len(clip.y), clip.decoder, clip.remarks) == (
        n_samples,
        "soundfile",
        ("digital silence",),
    )


@pytest.mark.parametrize("n_bytes", [0, 1, 2, 3, 20])
def test_a_flac_that_is_cut_behind_its_head_is_refused(n_bytes, tmp_path):
    path = save(tmp_path / "a.flac", Y)
    content = path.read_bytes()
    path.write_bytes(content[: content.index(b"\xff\xf8") + n_bytes])
    with pytest.raises(ExtractionError):
        read(path)


@pytest.mark.parametrize("share", [0.5, 2.0])
def test_a_flac_that_states_another_length(share, tmp_path):
    path = save(tmp_path / "a.flac", Y)
    patch(path, 22, struct.pack(">I", int(share * len(Y))))
    if share < 1:
        assert "states 88200 samples, and there are 176400" in remarks(require_sound(path))
        return
    with pytest.raises(ExtractionError, match=r"states 8\.00 s but ends at 4\.00 s: truncated"):
        read(path)
    assert "states 8.00 s but ends at 4.00 s" in remarks(read(path, 1.0, offset="head"))


def film(path, codec, seconds, picture, second=0.0):
    """Sound of some seconds in a Matroska file, beside a picture and other sound that last on."""
    with av.open(str(path), "w", format="matroska") as out:
        video = out.add_stream("mpeg4", rate=1)
        video.width, video.height, video.pix_fmt = 64, 64, "yuv420p"
        lengths = [length for length in (seconds, second) if length]
        streams = [out.add_stream(codec, rate=48000, layout="mono") for _ in lengths]
        for stream in streams:
            stream.codec_context.open()
        for stream, length in zip(streams, lengths, strict=True):
            frame = av.AudioFrame.from_ndarray(melody(length)[None], "fltp", "mono")
            frame.sample_rate, frame.pts, frame.time_base = 48000, 0, Fraction(1, 48000)
            size = stream.codec_context.frame_size
            cut = AudioResampler(stream.codec_context.format, "mono", 48000, frame_size=size)
            for piece in [*cut.resample(frame), *cut.resample(None)]:
                out.mux(stream.encode(piece))
            out.mux(stream.encode(None))
        for k in range(picture):
            image = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), format="rgb24")
            image.pts = k
            out.mux(video.encode(image))
        out.mux(video.encode(None))
    return path


@pytest.mark.parametrize("codec", ["libopus", "aac", "flac", "libmp3lame"])
def test_the_length_of_a_film_is_not_that_of_its_sound(codec, tmp_path):
    path = film(tmp_path / "a.mkv", codec, 4.0, picture=9)
    expected = straight(path)
    clip = read(path, sr=48000)
    assert len(clip.y) == len(expected)
    np.testing.assert_allclose(clip.y, expected, atol=1e-6)
    assert f"{clip.duration:.2f} s of sound are there" in remarks(clip)
    middle = read(path, 1.0, sr=48000)
    assert middle.offset == (len(expected) - 48000) // 2 / 48000
    start = round(middle.offset * 48000)
    noise = 0.05 if codec == "aac" else 1e-6  # that AAC fills bands with
    np.testing.assert_allclose(middle.y, expected[start:][:48000], atol=noise)


def test_of_two_streams_the_first_is_taken_and_said(tmp_path):
    path = film(tmp_path / "a.mkv", "aac", 3.0, picture=1, second=6.0)
    clip = read(path, sr=48000)
    assert clip.duration == pytest.approx(3.0 * SR / 48000, abs=0.05)
    assert "the first of 2 streams of sound was taken" in clip.remarks


class Pipe(io.RawIOBase):
    """Takes bytes and cannot go back, so that no header is mended."""

    def __init__(self, file):
        self._file = file

    def writable(self):
        return True

    def write(self, data):
        return self._file.write(data)


@pytest.mark.parametrize(
    ("codec", "container"), [("wmav2", "asf"), ("aac", "matroska"), ("pcm_s16le", "wav")]
)
def test_a_file_from_a_pipe_has_the_sound_that_is_there(codec, container, tmp_path):
    mended = encode(tmp_path / "mended", melody(6.0), codec, container)
    piped = tmp_path / "piped"
    with (
        piped.open("wb") as file,
        av.open(str(mended)) as source,
        av.open(Pipe(file), "w", format=container) as out,
    ):
        stream = out.add_stream_from_template(source.streams.audio[0])
        for packet in source.demux(source.streams.audio[0]):
            if packet.dts is not None:
                packet.stream = stream
                out.mux(packet)
    there, expected = read(piped), read(mended)
    np.testing.assert_allclose(there.y, expected.y, atol=1e-6)
    assert there.file_duration == expected.file_duration


def test_headers_without_a_codec_a_rate_or_channels(tmp_path):
    content = save(tmp_path / "a.wav", Y).read_bytes()
    at = content.index(b"fmt ") + 8
    for place, value in ((14, b"\0\0"), (0, b"\xfe\xff"), (2, b"\0\0"), (4, b"\0\0\0\0")):
        path: Path = tmp_path / "b.wav"
        path.write_bytes(content)
        patch(path, at + place, value)
        with pytest.raises(ExtractionError) as caught:
            read(path)
        assert "Error" not in caught.value.reason.replace("Error opening", "")


def test_a_rate_that_no_sound_has(tmp_path):
    path = save(tmp_path / "a.wav", Y, 2)
    with pytest.raises(ExtractionError, match=r"sample rate of 2 Hz"):
        read(path)


@pytest.mark.parametrize("rate", [1000, 6_000_000])
def test_the_outermost_rates_are_read(rate, tmp_path):
    path = save(tmp_path / "a.wav", np.tile(Y, -(-2 * rate // len(Y))), rate)
    assert read(path, sr=8000).native_sr == rate


def test_what_one_decoder_says_of_a_file_is_kept_where_another_reads_it(tmp_path):
    soundfile.write(tmp_path / "a.wav", Y, SR, subtype="MS_ADPCM")
    content = (tmp_path / "a.wav").read_bytes()
    patch(tmp_path / "a.wav", content.index(b"data") + 4, bytes(4))
    clip = read(tmp_path / "a.wav")
    assert clip.decoder == "av"
    assert clip.remarks == ("the header states that there is no sound",)


def test_a_named_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "a.mp3")
    with pytest.raises(ExtractionError, match=r"^.*a\.mp3: is a named pipe"):
        read(tmp_path / "a.mp3")
