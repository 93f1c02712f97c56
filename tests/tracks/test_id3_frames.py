"""Frames of ID3 that are read: as mutagen reads them, and what is left out of tags that swell."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO

import pytest
from hypothesis import given, settings, strategies as st
from mutagen import id3

from spdkit.tracks import id3_frames
from spdkit.tracks.id3_frames import MAX_FRAME, MAX_FRAMES, MAX_KEPT, read_id3_tag

SOUND = b"\xff\xfb\x90\xc4" + bytes(200)
COMPRESSED, WITH_LENGTH, UNSYNCHRONISED = 8, 1, 2


def syncsafe(number):
    return bytes(number >> shift & 0x7F for shift in (21, 14, 7, 0))


def frame(name, data, flags=0, version=4):
    size = syncsafe(len(data)) if version == 4 else struct.pack(">L", len(data))
    return name + size + struct.pack(">H", flags) + data


def tag(*frames, version=4, flags=0):
    body = b"".join(frames)
    return b"ID3" + bytes((version, 0, flags)) + syncsafe(len(body)) + body


def texts(data):
    """What mutagen reads: names and texts of frames of text."""
    tags = id3.ID3(BytesIO(data))
    return {name: frame.text for name, frame in tags.items() if name[0] == "T"}


def shortened(data, start=0):
    return read_id3_tag(BytesIO(data), start)


TITLE = frame(b"TIT2", b"\3A title")


def packed(text, *, version=4, with_length=True):
    data = zlib.compress(b"\3" + text, 9)
    if version == 3:
        return frame(b"TPE1", struct.pack(">L", len(text) + 1) + data, 0x80, 3)
    flags = COMPRESSED | (WITH_LENGTH if with_length else 0)
    return frame(b"TPE1", (syncsafe(5) if with_length else b"") + data, flags)


def unsynchronised(text):
    data = zlib.compress(b"\3" + text, 9).replace(b"\xff", b"\xff\0")
    return frame(b"TPE1", syncsafe(5) + data, COMPRESSED | WITH_LENGTH | UNSYNCHRONISED)


@pytest.mark.parametrize(
    "swelling",
    [
        packed(b"A" * (20 << 20)),
        packed(b"A" * (20 << 20), with_length=False),
        unsynchronised(b"A" * (20 << 20)),
        frame(b"TPE1", b"\3" + b"A" * MAX_FRAME),
    ],
)
def test_a_frame_that_swells_is_left_out_and_the_others_are_there(swelling):
    for data in (tag(swelling, TITLE), tag(TITLE, swelling)):
        short = shortened(data + SOUND)
        assert short.length == len(data)
        assert len(short.data) < 100
        assert texts(short.data) == {"TIT2": ["A title"]}
        (remark,) = short.remarks
        assert remark.startswith("TPE1 ")
        assert remark.endswith(f"more than {MAX_FRAME} bytes and is left out")


def test_a_frame_of_version_3_that_swells():
    title = frame(b"TIT2", b"\0A title", version=3)
    short = shortened(tag(packed(b"A" * (20 << 20), version=3), title, version=3))
    assert texts(short.data) == {"TIT2": ["A title"]}
    assert short.remarks == [f"TPE1 unpacks to more than {MAX_FRAME} bytes and is left out"]


@pytest.mark.parametrize("artist", [packed(b"An artist"), packed(b"An artist", with_length=False)])
def test_a_frame_that_unpacks_to_little_is_read(artist):
    short = shortened(tag(artist, TITLE))
    assert texts(short.data) == {"TIT2": ["A title"], "TPE1": ["An artist"]}
    assert not short.remarks


def test_pictures_are_not_read():
    class Counting(BytesIO):
        n_bytes = 0

        def read(self, size=-1):
            data = super().read(size)
            self.n_bytes += len(data)
            return data

    file = Counting(tag(frame(b"APIC", b"P" * 1_000_000), TITLE, frame(b"GEOB", bytes(500_000))))
    short = read_id3_tag(file)
    assert texts(short.data) == {"TIT2": ["A title"]}
    assert not short.remarks
    assert file.n_bytes < 500


def test_frames_are_limited_in_number_and_in_bytes(monkeypatch):
    many = [frame(b"TXXX", b"\3%d\0x" % number) for number in range(MAX_FRAMES + 5)]
    short = shortened(tag(TITLE, *many))
    assert len(texts(short.data)) == MAX_FRAMES
    assert short.remarks == [f"frames of text behind the first {MAX_FRAMES} are left out"]

    large = [frame(b"TXXX", b"\3%d\0" % number + b"x" * (MAX_FRAME - 10)) for number in range(5)]
    short = shortened(tag(*large, TITLE))
    assert len(short.data) < MAX_KEPT + 1000
    assert short.remarks == [f"TXXX is left out: there are more than {MAX_KEPT} bytes of text"]
    assert texts(short.data)["TIT2"] == ["A title"]

    monkeypatch.setattr(id3_frames, "MAX_HEADS", 10)
    short = shortened(tag(TITLE, *many))
    assert short.remarks == ["frames behind the first 10 of an ID3 tag are left out"]


def test_a_tag_that_states_more_than_there_is():
    data = tag(TITLE)
    short = shortened(data[:6] + syncsafe(1_000_000) + data[10:])
    assert texts(short.data) == {"TIT2": ["A title"]}
    assert short.remarks == [f"the ID3 tag states 1000010 bytes, {len(data)} are there"]


def test_a_large_unsynchronised_tag_is_left_out(monkeypatch):
    data = tag(frame(b"TIT2", b"\0A title", version=3), version=3, flags=0x80)
    assert texts(shortened(data).data) == {"TIT2": ["A title"]}
    monkeypatch.setattr(id3_frames, "MAX_UNSYNCHRONISED", 5)
    short = shortened(data)
    assert not texts(short.data)
    assert short.remarks == [f"an unsynchronised ID3 tag of {len(data) - 10} bytes is left out"]


def test_what_is_no_id3_tag_is_left_to_mutagen():
    assert shortened(b"RIFF" + bytes(100)) is None
    assert shortened(b"ID3\4\0\0\xff\xff\xff\xff") is None
    assert shortened(b"ID3\5\0\0\0\0\0\0") is None
    assert shortened(b"ID3") is None


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)
NAMES = st.sampled_from([b"TIT2", b"TPE1", b"TALB", b"TXXX", b"APIC", b"XXXX", b"T\xff\xff\xff"])
SIZES = st.sampled_from(["syncsafe", "plain"])


@settings(deadline=None, max_examples=200)
@given(
    st.lists(st.tuples(NAMES, TEXT | st.text("a", min_size=100, max_size=300)), max_size=6),
    st.sampled_from([3, 4]),
    SIZES,
    st.integers(0, 30),
)
def test_texts_are_those_that_mutagen_reads_of_the_whole_tag(frames, version, sizes, padding):
    body = b""
    for name, text in frames:
        data = b"\1" + b"\xff\xfe" + text.encode("utf-16-le")
        if name == b"TXXX":
            data = b"\1\xff\xfed\0\0\0\xff\xfe" + text.encode("utf-16-le")
        wide = version == 4 and sizes == "syncsafe"
        size = syncsafe(len(data)) if wide else struct.pack(">L", len(data))
        body += name + size + b"\0\0" + data
    data = b"ID3" + bytes((version, 0, 0)) + syncsafe(len(body) + padding) + body + bytes(padding)
    short = shortened(data + SOUND)
    assert texts(short.data) == texts(data + SOUND)
    assert short.length == len(data)


@settings(deadline=None, max_examples=200)
@given(st.binary(max_size=300), st.sampled_from([2, 3, 4]), st.sampled_from([0, 0x80, 0x40, 0xC0]))
def test_any_bytes_are_a_tag_that_mutagen_reads_or_none(body, version, flags):
    data = b"ID3" + bytes((version, 0, flags)) + syncsafe(len(body)) + body
    short = shortened(data)
    assert short is None or id3.ID3(BytesIO(short.data)).size <= len(short.data)
