"""Sound that claims more than there is, and holes: refused in words after little has been read."""

from __future__ import annotations

import io
import os
import struct

import numpy as np
import pytest
from audio_files import encode, melody, save

from spdkit.extractors import ExtractionError
from spdkit.extractors.decoding import file_bytes, mp4_tables
from spdkit.extractors.decoding.file_bytes import FileBytes, JoinedRanges
from spdkit.extractors.decoding.mp4_tables import require_possible_packets
from spdkit.extractors.decoding.mpeg_frames import find_mpeg_sound
from spdkit.extractors.decoding.reader import UnsuitableSoundError
from spdkit.extractors.decoding.window import read_clip

TERABYTE = 1 << 40


def with_hole(path, data, monkeypatch):
    monkeypatch.setattr(file_bytes, "MAX_GAP", 1 << 22)
    path.write_bytes(data)
    os.truncate(path, TERABYTE)
    return os.fspath(path)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("suffix", ["mp3", "flac", "ogg"])
def test_a_hole_behind_the_sound(suffix, tmp_path, monkeypatch):
    path = tmp_path / f"a.{suffix}"
    data = save(path, melody()).read_bytes()
    with pytest.raises(ExtractionError, match=r"no sound in \d+ bytes from byte \d+ on, and more"):
        read_clip(with_hole(path, data, monkeypatch))


@pytest.mark.timeout(60)
def test_a_hole_in_place_of_an_mp3(tmp_path, monkeypatch):
    with pytest.raises(ExtractionError, match="no sound in 4194304 bytes from byte 0 on"):
        read_clip(with_hole(tmp_path / "a.mp3", b"", monkeypatch))


@pytest.mark.timeout(60)
@pytest.mark.parametrize("kind", ["wav data", "aiff SSND", "caf data"])
def test_a_hole_before_the_sound(kind, tmp_path, monkeypatch):
    suffix, mark = kind.split()
    path = tmp_path / f"a.{suffix}"
    data = save(path, melody()).read_bytes()
    with pytest.raises(ExtractionError, match=r"no sound in 4194304 bytes"):
        read_clip(with_hole(path, data[: data.index(mark.encode())], monkeypatch))


@pytest.mark.timeout(60)
def test_a_hole_behind_the_sound_of_matroska(tmp_path, monkeypatch):
    path = encode(tmp_path / "a.mka", melody(), "aac", "matroska")
    with pytest.raises(ExtractionError, match=r"no sound in 4194304 bytes"):
        read_clip(with_hole(path, path.read_bytes(), monkeypatch))


@pytest.mark.parametrize("suffix", ["wav", "aiff", "au", "caf"])
def test_a_hole_behind_a_sound_whose_end_is_stated(suffix, tmp_path, monkeypatch):
    path = tmp_path / f"a.{suffix}"
    data = save(path, melody()).read_bytes()
    n_samples = len(read_clip(os.fspath(path)).y)
    assert len(read_clip(with_hole(path, data, monkeypatch)).y) == n_samples


def test_a_pattern_is_found_just_before_the_limit(monkeypatch):
    monkeypatch.setattr(file_bytes, "MAX_GAP", 1 << 20)
    source = FileBytes(io.BytesIO(bytes(1 << 20) + b"here" + bytes(1 << 21)))
    assert source.find(b"here", 0) == 1 << 20
    with pytest.raises(UnsuitableSoundError, match=r"from byte 1048580 on"):
        source.find(b"here", (1 << 20) + 4)


def test_zeros_that_are_no_hole_are_read_on(monkeypatch):
    monkeypatch.setattr(file_bytes, "MAX_GAP", 1000)
    data = bytes(900) + b"x" + bytes(900) + b"x"
    joined = JoinedRanges(io.BytesIO(data), ((0, len(data)),))
    assert b"".join(iter(lambda: joined.read(100), b"")) == data
    assert joined.hole is None
    joined = JoinedRanges(io.BytesIO(bytes(5000)), ((0, 5000),))
    assert len(b"".join(iter(lambda: joined.read(100), b""))) == 1100
    assert joined.hole == 0


def test_each_read_of_joined_ranges_looks_at_few_of_them():
    # Ten thousand ranges, and one seek in the file for each read.
    class Counting(io.BytesIO):
        n_seeks = 0

        def seek(self, *place):
            self.n_seeks += 1
            return super().seek(*place)

    data = bytes(range(250)) * 400
    ranges = tuple((start, start + 7) for start in range(0, 100_000, 10))
    file = Counting(data)
    joined = JoinedRanges(file, ranges, b"head")
    whole = b"".join(iter(lambda: joined.read(5), b""))
    assert whole == b"head" + b"".join(data[start:stop] for start, stop in ranges)
    assert file.n_seeks == 2 * len(ranges)


def test_bytes_that_begin_like_frames_are_passed_over_at_once(monkeypatch):
    looks = []
    search = FileBytes.search
    monkeypatch.setattr(
        FileBytes, "search", lambda self, *args: looks.append(args) or search(self, *args)
    )
    assert find_mpeg_sound(io.BytesIO(b"\xff" * 200_000), "a.mp3") is None
    assert len(looks) == 1


# MP4


def box(name, *content):
    data = b"".join(content)
    return struct.pack(">L", len(data) + 8) + name + data


def numbers(*values):
    return struct.pack(f">{len(values)}L", *values)


PACKETS, ONE_EDIT = numbers(0, 1, 100, 1024), numbers(0, 1)


def mp4(stsz, stts=PACKETS, *, elst=ONE_EDIT, trun=None):
    tables = box(b"stbl", box(b"stts", stts), box(b"stsz", stsz))
    track = box(b"trak", box(b"edts", box(b"elst", elst)), box(b"mdia", box(b"minf", tables)))
    moof = b"" if trun is None else box(b"moof", box(b"traf", box(b"trun", trun)))
    return io.BytesIO(box(b"ftyp", b"M4A ", bytes(4)) + box(b"moov", track) + moof)


MANY = mp4_tables.MAX_PACKETS + 1


@pytest.mark.parametrize(
    "file",
    [
        mp4(numbers(0, 1, MANY)),
        mp4(numbers(0, 0, MANY)),
        mp4(numbers(0, 1, 10), trun=numbers(0, MANY)),
        mp4(numbers(0, 0, 1_000_000), elst=numbers(0, 1000)),
    ],
)
def test_more_packets_than_a_song_has(file):
    with pytest.raises(UnsuitableSoundError, match=r"^its tables list \d+ packets in \d+ edits"):
        require_possible_packets(FileBytes(file))


@pytest.mark.parametrize(
    "file",
    [
        mp4(numbers(0, 0, MANY - 1)),
        mp4(numbers(0, 2, MANY), numbers(0, 1, MANY, 1)),  # samples of PCM
        mp4(numbers(0, 0, 10), elst=numbers(0, 3), trun=numbers(0, 100)),
        io.BytesIO(b"RIFF" + bytes(100)),
        io.BytesIO(b""),
        io.BytesIO(box(b"ftyp") + numbers(1) + b"free"),
        io.BytesIO(box(b"ftyp") + numbers(4) + b"moov"),
    ],
)
def test_what_a_song_may_have_passes(file):
    require_possible_packets(FileBytes(file))


def test_boxes_are_limited(monkeypatch):
    monkeypatch.setattr(mp4_tables, "MAX_BOXES", 100)
    with pytest.raises(UnsuitableSoundError, match="more than 100 boxes"):
        require_possible_packets(FileBytes(io.BytesIO(box(b"free") * 101)))
    require_possible_packets(FileBytes(io.BytesIO(box(b"free") * 99)))


def test_an_m4a_that_claims_a_thousand_million_packets(tmp_path):
    path = encode(tmp_path / "a.m4a", melody(), "aac", "mp4")
    assert np.isfinite(read_clip(os.fspath(path)).y).all()
    data = path.read_bytes()
    at = data.index(b"stsz") + 8
    path.write_bytes(data[:at] + numbers(1, 10**9) + data[at + 8 :])
    with pytest.raises(ExtractionError, match="its tables list 1000000000 packets"):
        read_clip(os.fspath(path))
