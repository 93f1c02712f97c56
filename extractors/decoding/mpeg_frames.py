"""MPEG frames: where the sound of an mp3 lies in its file, and how long it is.

An mp3 is a row of frames, each of which states its own length in bytes; tags, pictures and odd
bytes may stand before, between and behind them. An encoder may write an index (Xing, Info or VBRI)
into the first frame. Where it is missing, decoders guess the length from the size of the file, and
count as sound whatever lies in it; where files were joined, it is that of the first. So the frames
are walked through and counted. Reference: ISO/IEC 11172-3, 2.4.1.3.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from functools import cache
from itertools import count
from typing import IO, NamedTuple

from spdkit.extractors.decoding.file_bytes import FileBytes

_BIT_RATES = {
    # (MPEG 1?, layer): kbit/s by index
    (True, 3): (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (True, 2): (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 1): (0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (False, 3): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 2): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 1): (0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
}
_RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}
_SUFFIXES = (".mp3", ".mp2", ".mp1", ".mpa", ".mpga")
_MONO = 0xC0  # and above: the mode in a header's fourth byte
_DECODER_DELAY = 529  # samples of the filters of layer III
_ENCODER_FIELDS = 21  # bytes of an index between the number of frames and what to leave out
_SYNC = re.compile(rb"\xff[\xe2-\xe7\xf2-\xf7\xfa-\xff][\x10-\xef]")  # of all that are valid
_MOST_TAGS = 16  # at the head of a file that libsndfile is to see
_IN_A_ROW = 3  # headers that agree: one alone occurs by chance in a picture


class _Header(NamedTuple):
    n_bytes: int
    n_samples: int
    kind: tuple[int, int, int]  # version, layer, rate: alike in all frames of a sound


@dataclass(frozen=True)
class MpegSound:
    """The frames of a file.

    Attributes
    ----------
    ranges : tuple of (int, int)
        Rows of frames: first byte, and the byte after the last one.
    frame_length : int
        Samples a frame.
    n_frames : int
        Frames that hold sound: all but an index.
    stated_frames : int or None
        Frames by the index; None without one that says.
    index_end : int or None
        The byte after the index; None without one.
    is_layer_iii : bool
    is_uniform : bool
        Whether all frames have one rate, layer and number of channels.
    is_plain : bool
        Whether they are one row, right behind the tags at the head of the file.
    """

    ranges: tuple[tuple[int, int], ...]
    frame_length: int
    n_frames: int
    stated_frames: int | None
    index_end: int | None
    is_layer_iii: bool
    is_uniform: bool
    is_plain: bool


def find_mpeg_sound(file: IO[bytes], name: str) -> MpegSound | None:
    """Walk through the frames of an mp3 (layer I, II or III).

    Parameters
    ----------
    file : binary file, seekable
        It is read to its end where it begins like MPEG sound or is named so.
    name : str
        Path or URL.

    Returns
    -------
    MpegSound or None
        None for a file of another kind, and for fewer than three frames.
    """
    source = FileBytes(file)
    place = _behind_tags(source, 0)
    if _header(source, place) is None and not name.lower().endswith(_SUFFIXES):
        return None
    ranges: list[tuple[int, int]] = []
    kinds: set[tuple[int, ...]] = set()
    n_frames = 0
    while (first := _find_row(source, place)) is not None:
        n_more, end, kind = _walk_row(source, first)
        n_frames += n_more
        kinds.add(kind)
        ranges.append((first, end))
        place = _behind_tags(source, end)
    if n_frames < _IN_A_ROW:
        return None
    first = ranges[0][0]
    header = _header(source, first)
    assert header is not None
    has_index, stated = _read_index(source, first, header)
    return MpegSound(
        ranges=tuple(ranges),
        frame_length=header.n_samples,
        n_frames=n_frames - has_index,
        stated_frames=stated,
        index_end=first + header.n_bytes if has_index else None,
        is_layer_iii=header.kind[1] == 3,
        is_uniform=len(kinds) == 1,
        is_plain=len(ranges) == 1 and first == _behind_tags(source, 0, _MOST_TAGS),
    )


def index_frames(file: IO[bytes], sound: MpegSound) -> bytes:
    """Two frames to put before a sound of layer III, so that libsndfile knows its length.

    The first is an index. Behind an index libsndfile leaves out as many samples as that says, and
    `_DECODER_DELAY` more; so the second is silence, and it is just what is left out.
    """
    head = FileBytes(file).get(sound.ranges[0][0], 4)
    # Of 128 or 80 kbit/s, which leaves room; and without a checksum.
    head = bytes((0xFF, head[1] | 1, 0x90 | (head[2] & 0x0C), head[3]))
    trims = (sound.frame_length - _DECODER_DELAY) << 12 | _DECODER_DELAY
    index = b"Info" + struct.pack(">II", 1, sound.n_frames + 1)
    encoder = b"LAME".ljust(_ENCODER_FIELDS, b"\0") + trims.to_bytes(3, "big")
    frame = head + bytes(_side_information(head)) + index + encoder
    n_bytes = _headers()[head[1] << 8 | head[2]].n_bytes
    return frame.ljust(n_bytes, b"\0") + head.ljust(n_bytes, b"\0")


@cache
def _headers() -> dict[int, _Header]:
    """What the second and third byte of a frame mean, for all that are valid."""
    headers = {}
    for first in range(0xE0, 0x100):
        version, layer = (first >> 3) & 3, 4 - ((first >> 1) & 3)
        if version == 1 or layer == 4:
            continue
        for second in range(0x100):
            index, rate = second >> 4, (second >> 2) & 3
            if index not in (0, 15) and rate != 3:
                headers[first << 8 | second] = _meaning(version, layer, rate, second)
    return headers


def _meaning(version: int, layer: int, rate: int, second: int) -> _Header:
    bit_rate, sr = _BIT_RATES[version == 3, layer][second >> 4], _RATES[version][rate]
    padding, kind = (second >> 1) & 1, (version, layer, rate)
    if layer == 1:
        return _Header((12000 * bit_rate // sr + padding) * 4, 384, kind)
    n_samples = 576 if layer == 3 and version != 3 else 1152
    return _Header(n_samples * 125 * bit_rate // sr + padding, n_samples, kind)


def _header(source: FileBytes, place: int) -> _Header | None:
    head = source.get(place, 3)
    if len(head) < 3 or head[0] != 0xFF:
        return None
    return _headers().get(head[1] << 8 | head[2])


def _behind_tags(source: FileBytes, place: int, most: int | None = None) -> int:
    """The place behind ID3v2 and APEv2 tags that begin at `place`."""
    for _ in count() if most is None else range(most):
        head = source.get(place, 32)
        if head[:3] == b"ID3" and len(head) >= 10:  # its size is four bytes of seven bits
            size = sum((head[9 - i] & 0x7F) << 7 * i for i in range(4))
            size += 20 if head[5] & 0x10 else 10
        elif head[:8] == b"APETAGEX" and len(head) == 32:
            size = 32 + int.from_bytes(head[12:16], "little")
        else:
            return place
        if place + size > source.size:  # it states more than there is: sound may lie in that
            return place
        place += size
    return place


def _find_row(source: FileBytes, place: int) -> int | None:
    """Where the next row of frames begins; None when there is none."""
    while (place := source.search(_SYNC, 3, place)) >= 0:
        if _begins_row(source, place):
            return place
        place += 1
    return None


def _begins_row(source: FileBytes, place: int) -> bool:
    kinds = set()
    for _ in range(_IN_A_ROW):
        header = _header(source, place)
        if header is None:
            return False
        kinds.add(header.kind)
        place += header.n_bytes
        if place == source.size:
            break
    return len(kinds) == 1 and place <= source.size


def _walk_row(source: FileBytes, place: int) -> tuple[int, int, tuple[int, ...]]:
    """How many whole frames of one kind follow one another, where they end, and their kind."""
    headers, n_frames = _headers(), 0
    header = _header(source, place)
    assert header is not None
    kind, is_mono = header.kind, source.get(place + 3, 1) >= bytes((_MONO,))
    while place < source.size:
        data, begin = source.chunk(place, 4)
        at, last = begin, len(data) - 4
        while at <= last and data[at] == 0xFF:
            following = headers.get(data[at + 1] << 8 | data[at + 2])
            if following is None or following.kind != kind or (data[at + 3] >= _MONO) != is_mono:
                break
            header = following
            at += header.n_bytes
            n_frames += 1
        place += at - begin
        if at <= last or at == begin:
            break
    if place > source.size:  # the last frame is cut
        return n_frames - 1, place - header.n_bytes, (*kind, is_mono)
    return n_frames, place, (*kind, is_mono)


def _side_information(head: bytes) -> int:
    """Bytes between the header of a frame of layer III and its index."""
    is_mono = head[3] >= _MONO
    if (head[1] >> 3) & 3 == 3:
        return 17 if is_mono else 32
    return 9 if is_mono else 17


def _read_index(source: FileBytes, place: int, header: _Header) -> tuple[bool, int | None]:
    """Whether the frame at `place` is an index, and how many frames it states."""
    frame = source.get(place, header.n_bytes)
    xing = frame[4 + _side_information(frame) :]
    if header.kind[1] == 3 and xing[:4] in (b"Xing", b"Info") and len(xing) >= 12:
        flags, n_frames = struct.unpack(">II", xing[4:12])
        return True, n_frames if flags & 1 and n_frames else None
    vbri = frame[36:]
    if vbri[:4] == b"VBRI" and len(vbri) >= 18:
        return True, struct.unpack(">I", vbri[14:18])[0] or None
    return False, None
