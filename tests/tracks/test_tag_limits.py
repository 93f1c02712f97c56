"""Tags that swell, in every kind of file: what is left is read, little of the rest, and told."""

from __future__ import annotations

import os
import struct
import zlib

import mutagen
import pytest
from audio_files import melody, save

from spdkit.tracks import raw_tags, tag_source
from spdkit.tracks.raw_tags import MAX_ENTRIES
from spdkit.tracks.tags import MAX_FIELD, read_tags


def vorbis(*comments, count=None):
    stated = len(comments) if count is None else count
    sized = b"".join(struct.pack("<L", len(each)) + each for each in comments)
    return struct.pack("<L", 1) + b"v" + struct.pack("<L", stated) + sized


STREAM_INFO = bytes.fromhex("100010000000000000000ac442f000000000") + bytes(16)


PICTURE = bytes(28) + struct.pack(">L", 70_000) + bytes(70_000)


def flac(*blocks):
    heads = [bytes((kind,)) + len(data).to_bytes(3, "big") + data for kind, data in blocks]
    return b"fLaC" + bytes((0, 0, 0, 34)) + STREAM_INFO + b"".join(heads) + b"\x81\0\0\0"


def ogg(*packets):
    """Pages of a stream of Vorbis, without checksums: nobody looks at them."""
    pages = []
    for packet in packets:
        lacing = [255] * (len(packet) // 255) + [len(packet) % 255]
        for start in range(0, len(lacing), 255):
            part = lacing[start : start + 255]
            at = start * 255
            flags = 2 if not pages else 1 if start else 0
            number = struct.pack("<L", len(pages))
            head = b"OggS\0" + bytes((flags,)) + bytes(8) + b"song" + number + bytes(4)
            pages.append(head + bytes((len(part),)) + bytes(part) + packet[at : at + sum(part)])
    return b"".join(pages)


IDENTIFICATION = b"\1vorbis" + struct.pack("<LBLLLLBB", 0, 2, 44100, 0, 0, 0, 0xB8, 1)


def atom(name, data=b""):
    return struct.pack(">L", len(data) + 8) + name + data


def mp4(*atoms):
    meta = atom(b"meta", bytes(4) + atom(b"ilst", b"".join(atoms)))
    return atom(b"ftyp", b"M4A " + bytes(4)) + atom(b"moov", atom(b"udta", meta))


def mp4_text(name, text):
    return atom(name, atom(b"data", struct.pack(">LL", 1, 0) + text))


def ape(*items, count=None):
    body = b"".join(struct.pack("<LL", len(v), 0) + k + b"\0" + v for k, v in items)
    stated = len(items) if count is None else count
    return body + struct.pack("<8sLLLL8x", b"APETAGEX", 2000, len(body) + 32, stated, 0)


MANY = [b"key%d=x" % number for number in range(MAX_ENTRIES + 10)]
LEFT_OUT = f"entries behind the first {MAX_ENTRIES} are left out"
CROWDED = f"read as far as they are whole: there are more than {MAX_ENTRIES} entries"


def tags_of(tmp_path, suffix, data):
    path = tmp_path / f"a.{suffix}"
    path.write_bytes(data)
    return read_tags(os.fspath(path))


@pytest.mark.parametrize(
    ("suffix", "data", "problems"),
    [
        ("flac", flac((4, vorbis(b"title=Song", *MANY))), (CROWDED, LEFT_OUT)),
        ("flac", flac((4, vorbis(b"title=Song", count=2**32 - 1))), (CROWDED,)),
        (
            "ogg",
            ogg(IDENTIFICATION, b"\3vorbis" + vorbis(b"title=Song", *MANY)),
            (CROWDED, LEFT_OUT),
        ),
        ("mp3", b"x" * 100 + ape((b"Title", b"Song"), count=10**9), ()),
        (
            *("mp3", b"x" * 100 + ape((b"Title", b"Song"), *((m[:8], b"x") for m in MANY))),
            (LEFT_OUT,),
        ),
    ],
)
def test_of_very_many_entries_the_first_are_read(suffix, data, problems, tmp_path):
    tags = tags_of(tmp_path, suffix, data)
    assert tags.metadata == {"title": "Song"}
    assert tags.problems == problems


def test_mutagen_does_not_see_a_crowded_tag(tmp_path, monkeypatch):
    monkeypatch.setattr(mutagen, "File", None)
    tags = tags_of(tmp_path, "flac", flac((4, vorbis(b"title=Song", *MANY))))
    assert tags.metadata == {"title": "Song"}


@pytest.mark.parametrize(
    ("suffix", "data"),
    [
        ("flac", flac((6, PICTURE), (6, PICTURE), (4, vorbis(b"title=Song")))),
        ("m4a", mp4(mp4_text(b"covr", bytes(140_000)), mp4_text(b"\xa9nam", b"Song"))),
    ],
)
def test_beyond_a_number_of_bytes_texts_alone_are_read(suffix, data, tmp_path, monkeypatch):
    monkeypatch.setattr(tag_source, "MAX_READ", 100_000)
    tags = tags_of(tmp_path, suffix, data)
    assert tags.metadata == {"title": "Song"}
    assert tags.problems == ("read as far as they are whole: they take more than 100000 bytes",)


def test_a_file_of_nothing_but_heads(tmp_path, monkeypatch):
    monkeypatch.setattr(tag_source, "MAX_READS", 1000)
    data = mp4(mp4_text(b"\xa9nam", b"Song")) + atom(b"free") * 2000
    tags = tags_of(tmp_path, "m4a", data)
    assert tags.metadata == {"title": "Song"}
    assert tags.problems == ("read as far as they are whole: they are in more than 1000 pieces",)


@pytest.mark.parametrize(
    ("suffix", "data"),
    [
        ("flac", flac((4, vorbis(b"title=" + b"A" * (MAX_FIELD + 1), b"artist=Someone")))),
        (
            "m4a",
            mp4(mp4_text(b"\xa9nam", b"A" * (MAX_FIELD + 1)), mp4_text(b"\xa9ART", b"Someone")),
        ),
        ("mp3", b"x" * 99 + ape((b"Title", b"A" * (MAX_FIELD + 1)), (b"Artist", b"Someone"))),
    ],
)
def test_a_field_that_is_too_long_is_left_out_and_the_others_are_there(suffix, data, tmp_path):
    tags = tags_of(tmp_path, suffix, data)
    assert tags.metadata == {"artist": "Someone"}
    (problem,) = tags.problems
    assert problem.endswith(f"title: {MAX_FIELD + 1} characters, more than {MAX_FIELD}: left out")


def test_a_field_of_just_as_many_characters_is_kept(tmp_path):
    tags = tags_of(tmp_path, "flac", flac((4, vorbis(b"title=" + b"A" * MAX_FIELD))))
    assert tags.metadata == {"title": "A" * MAX_FIELD}


def swelling_id3():
    packed = zlib.compress(b"\3" + b"A" * (10 << 20), 9)

    def frame(name, data, flags):
        size = bytes(len(data) >> shift & 0x7F for shift in (21, 14, 7, 0))
        return name + size + bytes((0, flags)) + data

    body = frame(b"TIT2", bytes(4) + packed, 9) + frame(b"TPE1", b"\3Someone", 0)
    size = bytes(len(body) >> shift & 0x7F for shift in (21, 14, 7, 0))
    return b"ID3\4\0\0" + size + body


@pytest.mark.parametrize("suffix", ["mp3", "wav", "aiff"])
def test_compressed_frames_in_every_file_that_holds_id3(suffix, tmp_path):
    data = bytearray(save(tmp_path / f"a.{suffix}", melody()).read_bytes())
    tag = swelling_id3()
    if suffix == "mp3":
        data[:0] = tag
    else:
        order = "little" if suffix == "wav" else "big"
        name = b"id3 " if suffix == "wav" else b"ID3 "
        data += name + len(tag).to_bytes(4, order) + tag + bytes(len(tag) % 2)
        data[4:8] = (len(data) - 8).to_bytes(4, order)
    tags = tags_of(tmp_path, suffix, bytes(data))
    assert tags.metadata == {"artist": "Someone"}
    (problem,) = tags.problems
    assert problem == f"TIT2 unpacks to more than {2 << 20} bytes and is left out"


def test_atoms_and_items_are_walked_once(monkeypatch):
    # Each look at a head is one call: their number grows with that of the items.
    looks = []
    unpack = struct.unpack_from
    monkeypatch.setattr(
        raw_tags.struct, "unpack_from", lambda *args: looks.append(args[2]) or unpack(*args)
    )
    data = ape(*((b"k%d" % number, b"x") for number in range(500)))[:-32]
    assert len(list(raw_tags._ape(data, 500))) == 500
    assert looks == sorted(looks)
    assert len(looks) == 500
