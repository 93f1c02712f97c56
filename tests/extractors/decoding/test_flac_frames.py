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
