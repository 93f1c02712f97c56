"""FLAC frames: whether all of a FLAC is there, where it ends, and how many FLACs a file joins.

The head of a FLAC states a number of samples. Whether they are there, its frames say, each of which
counts the frames or samples before it. Reference: RFC 9639, sections 8.2 and 9.1.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from spdkit.extractors.decoding.file_bytes import FileBytes

_MARKER, _FIRST_BLOCK = b"fLaC", b"\0\0\x22"  # a byte of flags lies between
_TAIL = 1 << 17  # longer than the longest frame in use, and than most tags behind the sound
_LONGEST_HEADER = 16
_BLOCK_SIZES = {1: 192, **{n: 576 << (n - 2) for n in range(2, 6)}}
_BLOCK_SIZES |= {n: 256 << (n - 8) for n in range(8, 16)}


@dataclass(frozen=True)
class FlacLayout:
    """What the frames of a file say.

    Attributes
    ----------
    n_streams : int
        FLAC streams that follow one another.
    end : int
        Samples up to the end of the last frame.
    hole : int or None
        The first sample that no frame holds, before the last one; None where all are there.
    """

    n_streams: int
    end: int
    hole: int | None


def read_flac_layout(source: FileBytes) -> FlacLayout:
    """Walk through all frames of a file."""
    end = end_of_sound(source) or 0
    reached, place = _follow(source)
    n_streams = 1
    while (place := source.find(_MARKER, place)) >= 0:
        n_streams += source.get(place, 8)[5:] == _FIRST_BLOCK
        place += len(_MARKER)
    return FlacLayout(n_streams, end, reached if reached < end else None)


def _follow(source: FileBytes) -> tuple[int, int]:
    """Samples up to the end of the last frame that follows on the others, and where it begins."""
    place = _first_frame(source)
    least = int.from_bytes(source.get(source.find(_MARKER, 0) + 12, 3), "big")  # bytes of a frame
    block_size = _block_size(source)
    # Frames begin alike; the last may be shorter, and says so in its third byte.
    alike, reached, last = source.get(place, 3), 0, place
    if alike[:1] != b"\xff":  # no frame follows the head
        return reached, last
    for sync in (alike, alike[:2]):
        while (place := source.find(sync, place)) >= 0:
            frame = _frame(source.get(place, _LONGEST_HEADER), block_size, reached)
            if frame is None:
                place += len(sync)
            else:
                reached, last = frame[1], place
                place += max(least, len(sync))
        place = last + len(sync)
    return reached, last


def _first_frame(source: FileBytes) -> int:
    place = source.find(_MARKER, 0) + len(_MARKER)
    while len(head := source.get(place, 4)) == 4:
        place += 4 + int.from_bytes(head[1:], "big")
        if head[0] & 0x80:
            break
    return place


def end_of_sound(source: FileBytes) -> int | None:
    """Samples up to the end of the last frame in the last 128 KiB; None where there is none."""
    block_size = _block_size(source)
    tail = source.get(max(0, source.size - _TAIL), _TAIL)
    place = len(tail)
    while (place := tail.rfind(b"\xff", 0, place)) >= 0:
        if (frame := _frame(tail[place : place + _LONGEST_HEADER], block_size)) is not None:
            return frame[1]
    return None


def _block_size(source: FileBytes) -> int:
    """Samples of all frames but the last, where they are alike."""
    return int.from_bytes(source.get(source.find(_MARKER, 0) + 10, 2), "big")


def _frame(head: bytes, block_size: int, start: int | None = None) -> tuple[int, int] | None:
    """Samples before a frame (`start`, if given) and up to its end; None of what is no frame."""
    head = head.ljust(_LONGEST_HEADER, b"\0")  # a frame of silence may be shorter
    if head[1] & 0xFE != 0xF8 or head[3] & 1:
        return None
    size_code, rate_code = head[2] >> 4, head[2] & 15
    number, n_bytes = _coded_number(head[4:])
    if size_code == 0 or rate_code == 15 or n_bytes == 0:
        return None
    at = 4 + n_bytes
    first = number if head[1] & 1 else number * block_size
    if start is not None and first != start:
        return None
    if size_code in (6, 7):
        n_samples = int.from_bytes(head[at : at + size_code - 5], "big") + 1
        at += size_code - 5
    else:
        n_samples = _BLOCK_SIZES[size_code]
    at += {12: 1, 13: 2, 14: 2}.get(rate_code, 0)
    if _crc8(head[:at]) != head[at]:
        return None
    return first, first + n_samples


def _coded_number(data: bytes) -> tuple[int, int]:
    """A number coded like a character of UTF-8, and in how many bytes; none of them: no number."""
    first = data[0]
    n_bytes = next((n for n in range(8) if not first & (0x80 >> n)), 8)
    if n_bytes == 0:
        return first, 1
    if n_bytes in (1, 8) or any(byte & 0xC0 != 0x80 for byte in data[1:n_bytes]):
        return 0, 0
    number = first & (0x7F >> n_bytes)
    for byte in data[1:n_bytes]:
        number = number << 6 | byte & 0x3F
    return number, n_bytes


@cache
def _crc8_table() -> tuple[int, ...]:
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = (byte << 1) ^ (0x107 if byte & 0x80 else 0)
        table.append(byte)
    return tuple(table)


def _crc8(data: bytes) -> int:
    crc = 0
    for byte in data:
        crc = _crc8_table()[crc ^ byte]
    return crc
