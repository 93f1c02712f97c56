"""FLAC frames: headers as RFC 9639 prints them (appendix D.2), and with samples counted."""

from __future__ import annotations

import pytest

from spdkit.extractors.decoding.flac_frames import _frame

FIRST, SECOND = bytes.fromhex("fff86998000f99"), bytes.fromhex("fff869180102a4")


def crc8(data):
    crc = 0
    for bit in (byte >> n & 1 for byte in data for n in range(7, -1, -1)):
        crc = crc << 1 & 0xFF ^ (0x07 if (crc >> 7) ^ bit else 0)
    return crc


def counting_samples(header, number):
    """The header of a stream whose blocks differ: it counts samples, and not frames."""
    changed = bytes([header[0], header[1] | 1, *header[2:4], number, header[5]])
    return changed + bytes([crc8(changed)])


def test_the_frames_of_the_standard():
    assert crc8(FIRST[:-1]) == FIRST[-1]
    assert _frame(FIRST, 16) == (0, 16)
    assert _frame(SECOND, 16) == (16, 19)


def test_blocks_that_differ_are_placed_by_the_sample_that_they_count():
    assert _frame(counting_samples(SECOND, 77), 16) == (77, 80)
    assert _frame(counting_samples(SECOND, 77), 16, start=77) == (77, 80)
    assert _frame(counting_samples(SECOND, 77), 16, start=16) is None


@pytest.mark.parametrize("place", range(7))
def test_a_changed_byte_makes_no_frame(place):
    assert _frame(SECOND[:place] + bytes([SECOND[place] ^ 0x81]) + SECOND[place + 1 :], 16) is None


def header(size_code, rate_code, number, tail=b""):
    """Of a stream that counts samples, whose checksum fits."""
    head = bytes([0xFF, 0xF9, size_code << 4 | rate_code, 0x08]) + number + tail
    return head + bytes([crc8(head)])


# RFC 9639, table 14: 192; 144 · 2^n; 2^n; one less in 8 bits, or in 16.
SIZES = {1: 192, **{n: 144 * 2**n for n in range(2, 6)}, **{n: 2**n for n in range(8, 16)}}
NUMBERS = {
    **{n: chr(n).encode() for n in (0, 127, 128, 2047, 2048, 65535, 65536, 0x10FFFF)},
    **{2**26 - 1: b"\xfb" + b"\xbf" * 4, 2**31 - 1: b"\xfd" + b"\xbf" * 5},
    **{2**36 - 1: b"\xfe" + b"\xbf" * 6, 0x5A5A5: b"\xf1\x9a\x96\xa5"},
}


@pytest.mark.parametrize("size_code", SIZES)
def test_sizes_of_blocks(size_code):
    assert _frame(header(size_code, 9, b"\x05"), 0) == (5, 5 + SIZES[size_code])


@pytest.mark.parametrize(("rate_code", "n_bytes"), [(0, 0), (11, 0), (12, 1), (13, 2), (14, 2)])
def test_sizes_and_rates_may_be_written_out(rate_code, n_bytes):
    rate = b"\x2c" * n_bytes
    assert _frame(header(6, rate_code, b"\x05", b"\x13" + rate), 0) == (5, 5 + 20)
    assert _frame(header(7, rate_code, b"\x05", b"\x01\x13" + rate), 0) == (5, 5 + 276)


@pytest.mark.parametrize("number", NUMBERS)
def test_numbers_are_coded_as_characters_are(number):
    assert _frame(header(1, 9, NUMBERS[number]), 0) == (number, number + 192)


@pytest.mark.parametrize(
    ("size_code", "rate_code", "number"),
    [(0, 9, b"\x05"), (1, 15, b"\x05"), (1, 9, b"\x85"), (1, 9, b"\xff"), (1, 9, b"\xc5\x05")],
)
def test_what_the_standard_forbids_is_no_frame(size_code, rate_code, number):
    assert _frame(header(size_code, rate_code, number), 0) is None
