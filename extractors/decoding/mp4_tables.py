"""MP4 tables: whether an MP4 lists as many packets as there can be, before ffmpeg reads it.

A table that says that all packets are of one size needs no bytes for any of them, and ffmpeg takes
24 bytes of memory for each. Reference: ISO/IEC 14496-12, sections 8.6.6, 8.7.3.2 and 8.8.8.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from spdkit.extractors.decoding.file_bytes import FileBytes
from spdkit.extractors.decoding.reader import UnsuitableSoundError

MAX_PACKETS = 1 << 24  # of all streams: a hundred hours of AAC
MAX_BOXES = 1_000_000  # of the file
_FIRST = (b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot", b"udta", b"uuid", b"styp")
_CONTAINERS = (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"edts", b"moof", b"traf")


class _Box(NamedTuple):
    name: bytes
    start: int  # of its content
    end: int


def require_possible_packets(source: FileBytes) -> None:
    """Refuse an MP4 that lists more than `MAX_PACKETS`; other files pass.

    Raises
    ------
    UnsuitableSoundError
    """
    if source.get(4, 4) not in _FIRST:
        return
    n_packets = n_alike = n_edits = 0
    is_pcm = False
    for box in _boxes(source):
        head = source.get(box.start, 20)
        if box.name == b"trak":
            n_alike, is_pcm = 0, False
        elif box.name == b"stts":  # one entry, each packet one sample long: read in chunks
            is_pcm = head[4:8] == head[12:16] == b"\0\0\0\1"
        elif box.name == b"stsz":
            n_alike = int.from_bytes(head[8:12], "big") if any(head[4:8]) else 0
            n_packets += int.from_bytes(head[8:12], "big")
        elif box.name == b"trun":
            n_packets += int.from_bytes(head[4:8], "big")
        elif box.name == b"elst":
            n_edits = max(n_edits, int.from_bytes(head[4:8], "big"))
        if is_pcm and n_alike:
            n_packets, n_alike = n_packets - n_alike, 0
    if n_packets * max(1, n_edits // 8) > MAX_PACKETS:  # each edit may repeat all of them
        raise UnsuitableSoundError(
            f"its tables list {n_packets} packets in {max(1, n_edits)} edits: more than "
            f"{MAX_PACKETS} are no song"
        )


def _boxes(source: FileBytes) -> Iterator[_Box]:
    """All boxes in containers, in their order."""
    spans = [(0, source.size)]
    for _ in range(MAX_BOXES):
        while spans and spans[-1][0] + 8 > spans[-1][1]:
            spans.pop()
        if not spans:
            return
        place, end = spans.pop()
        head = source.get(place, 16)
        size, start = int.from_bytes(head[:4], "big"), place + 8
        if size == 1:
            size, start = int.from_bytes(head[8:16], "big"), place + 16
        stop = place + size if size else end
        if stop < start:
            continue  # no box: what follows in this container cannot be told
        box = _Box(head[4:8], start, min(stop, end))
        spans.append((box.end, end))
        if box.name in _CONTAINERS:
            spans.append((start, box.end))
        yield box
    raise UnsuitableSoundError(f"it has more than {MAX_BOXES} boxes: that is no song")
