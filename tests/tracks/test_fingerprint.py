"""How a second run knows what has changed."""

from __future__ import annotations

import hashlib
import io
import os
from types import SimpleNamespace

import fsspec
import pytest

from spdkit.tracks import fingerprint
from spdkit.tracks.fingerprint import BLOCK, Look, Stamp, digest_file, digest_text, look_at, stamp


def by_hand(data: bytes) -> str:
    middle = len(data) // 2 - BLOCK // 2
    blocks = data[:BLOCK] + data[middle : middle + BLOCK] + data[-BLOCK:]
    return hashlib.blake2b(str(len(data)).encode() + blocks, digest_size=16).hexdigest()


@pytest.fixture
def large(tmp_path):
    path = tmp_path / "large"
    path.write_bytes(bytes(range(256)) * (20 * BLOCK // 256))
    return path


def test_a_large_file_is_its_size_and_three_blocks(large):
    assert digest_file(str(large)) == by_hand(large.read_bytes())


@pytest.mark.parametrize("place", [0, BLOCK - 1, 10 * BLOCK, 20 * BLOCK - 1])
def test_a_change_in_a_block_is_seen(place, large):
    before = digest_file(str(large))
    data = bytearray(large.read_bytes())
    data[place] ^= 1
    large.write_bytes(data)
    assert digest_file(str(large)) != before


def test_a_change_of_length_is_seen_and_one_between_blocks_is_not(large):
    """The price of reading 3 MiB instead of a whole file, as docs/FORMAT.md says."""
    before, data = digest_file(str(large)), bytearray(large.read_bytes())
    data[5 * BLOCK] ^= 1
    large.write_bytes(data)
    assert digest_file(str(large)) == before
    del data[5 * BLOCK]
    large.write_bytes(data)
    assert digest_file(str(large)) != before


@pytest.mark.parametrize("size", [0, 1, 1000, BLOCK, 2 * BLOCK + 1])
def test_every_byte_of_a_small_file_counts(size, tmp_path):
    path = tmp_path / "small"
    data = bytearray(os.urandom(size))
    path.write_bytes(data)
    seen = {digest_file(str(path))}
    for place in {0, size // 2, size - 1} if size else ():
        data[place] ^= 1
        path.write_bytes(data)
        seen.add(digest_file(str(path)))
    assert len(seen) == 1 + (len({0, size // 2, size - 1}) if size else 0)


def test_a_text_has_the_digest_of_its_bytes():
    expected = hashlib.blake2b(b"\xc3\xa9\xed\xa0\x80", digest_size=16).hexdigest()
    assert digest_text("é\ud800") == expected


def test_what_cannot_be_looked_at_has_a_reason_and_no_size(tmp_path):
    path = str(tmp_path / "none.wav")
    assert look_at(path) == Look(Stamp(-1, ""), "", f"no such file: {path}")


def test_a_url_has_the_digest_of_its_bytes(large):
    with fsspec.open("memory://large", "wb") as file:
        file.write(large.read_bytes())
    assert digest_file("memory://large") == digest_file(str(large))
    assert stamp("memory://large").size == large.stat().st_size


def test_a_stamp_is_size_and_date_to_the_nanosecond(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"abc")
    os.utime(path, ns=(0, 1_700_000_000_123_456_789))
    assert stamp(str(path)) == Stamp(3, "2023-11-14T22:13:20.123456789Z")
    os.utime(path, ns=(0, -1))
    assert stamp(str(path)).modified == "1969-12-31T23:59:59.999999999Z"


def test_a_date_that_no_calendar_has_leaves_the_digest_to_decide(tmp_path, monkeypatch):
    path = tmp_path / "a"
    path.write_bytes(b"abc")
    real = os.stat

    def stat(place, **options):
        status = real(place, **options)
        late = SimpleNamespace(st_size=status.st_size, st_mode=status.st_mode, st_mtime_ns=10**21)
        return late if place == str(path) else status

    monkeypatch.setattr(os, "stat", stat)
    first = look_at(str(path))
    assert first == Look(Stamp(3), digest_file(str(path)))
    path.write_bytes(b"xyz")
    second = look_at(str(path), first)
    assert (second.stamp, second.problem) == (first.stamp, "")
    assert second.fingerprint not in (first.fingerprint, "")


def test_what_has_no_size_is_not_read(tmp_path, monkeypatch):
    """Of some files in /proc reading never ends."""
    (tmp_path / "empty").touch()
    empty = digest_file(str(tmp_path / "empty"))

    class Endless(io.BytesIO):
        def read(self, *_):
            raise AssertionError("waits for ever")

    monkeypatch.setattr(fingerprint, "open_binary", lambda _: Endless())
    assert digest_file("/proc/kmsg") == empty == hashlib.blake2b(b"0", digest_size=16).hexdigest()


def test_what_is_unknown_is_never_the_same():
    assert not Stamp().same_as(Stamp())
    assert not Stamp(3, "").same_as(Stamp(3, ""))
    assert Stamp(3, "x").same_as(Stamp(3, "x"))


@pytest.mark.parametrize("missing", ["nowhere/a.wav", "memory://nowhere"])
def test_a_missing_file_is_an_os_error(missing, tmp_path):
    with pytest.raises(OSError):
        stamp(str(tmp_path / missing) if "://" not in missing else missing)
