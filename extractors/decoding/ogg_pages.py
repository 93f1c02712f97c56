"""Ogg pages: how many streams follow one another in a file, and whether all of them is there.

Streams may be chained: whole Ogg files one after another are one Ogg file. Decoders that look at
the first and the last page alone misjudge its length. What is missing shows in the numbers of
pages, and in their positions, where these grow by more than the packets between hold. Reference:
RFC 3533, sections 4 and 6; RFC 7845, section 4; Vorbis I specification, sections 4.2.2 and A.2.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import IO

from spdkit.extractors.decoding.file_bytes import FileBytes
from spdkit.extractors.decoding.opus_packets import packet_samples

_BEGINS, _ENDS = 2, 4  # flags of a page


@dataclass(frozen=True)
class OggLayout:
    """What the pages of a file say.

    Attributes
    ----------
    n_links : int
        Streams, or groups of streams that run beside one another, that follow one another.
    is_uniform : bool
        Whether all links have one codec, rate and number of channels.
    n_missing : int
        Pages that are missing between others, by their numbers.
    n_jumps : int
        Pages before which something else is missing, by their positions.
    ends : bool
        Whether the last page is whole and says that it is the last.
    """

    n_links: int
    is_uniform: bool
    n_missing: int
    n_jumps: int
    ends: bool

    @property
    def faults(self) -> list[str]:
        """What a decoder that trusts positions gets wrong."""
        faults = []
        if self.n_links > 1:
            faults.append(f"{self.n_links} Ogg streams follow one another in the file")
        if self.n_missing:
            faults.append(f"{self.n_missing} Ogg pages are missing between others")
        elif self.n_jumps:
            faults.append(f"sound is missing before {self.n_jumps} Ogg pages")
        return faults

    @property
    def remarks(self) -> list[str]:
        """What a user should know of the end."""
        return [] if self.ends else ["no end-of-stream page: the file may be truncated"]


@dataclass
class _Stream:
    """A logical stream as far as it has been read."""

    samples_of: Callable[[bytes], int | None]
    number: int | None = None  # of the last page with sound
    position: int | None = None
    head: bytes = b""  # of a packet that goes on
    n_samples: int = field(default=0)  # of packets since the last position


def read_ogg_layout(file: IO[bytes]) -> OggLayout:
    """Walk through all pages of a file."""
    source = FileBytes(file)
    heads: list[bytes] = []
    streams: dict[bytes, _Stream] = {}
    n_missing, n_jumps, begins_before, ends = 0, 0, False, False
    for place, head in _pages(source):
        if place < 0:  # a page that is cut
            ends = False
            continue
        begins, ends = bool(head[5] & _BEGINS), bool(head[5] & _ENDS)
        body = place + 27 + head[26]
        if begins:
            packet = source.get(body, 30)
            if not begins_before:
                heads.append(_description(packet))
            streams[head[14:18]] = _Stream(_samples_rule(packet))
        elif (stream := streams.get(head[14:18])) is not None:
            missing, jumps = _follow(source, stream, head, body, ends=ends)
            n_missing += missing
            n_jumps += jumps
        begins_before = begins
    return OggLayout(len(heads), len(set(heads)) <= 1, n_missing, n_jumps, ends)


def _pages(source: FileBytes) -> Iterator[tuple[int, bytes]]:
    """Place and head of each page; a place of -1 for a page that is cut, or none."""
    place = 0
    while (place := source.find(b"OggS", place)) >= 0:
        head = source.get(place, 27 + 255)
        size = 27 + head[26] + sum(head[27 : 27 + head[26]]) if len(head) >= 27 else 27
        if head[4:5] != b"\0" or place + size > source.size:
            yield -1, head
            place += 4
        else:
            yield place, head
            place += size


def _follow(
    source: FileBytes, stream: _Stream, head: bytes, body: int, *, ends: bool
) -> tuple[int, bool]:
    """Take a page to its stream: how many pages are missing before it, and whether sound is."""
    number, position = int.from_bytes(head[18:22], "little"), int.from_bytes(head[6:14], "little")
    is_known = _add_packets(source, stream, head[27 : 27 + head[26]], body)
    if position in (0, (1 << 64) - 1):  # heads of the stream, or no packet ends here
        return 0, False
    missing = max(0, number - stream.number - 1) if stream.number is not None else 0
    grown = position - stream.position if stream.position is not None else 0
    jumps = is_known and not ends and grown > stream.n_samples
    stream.number, stream.position, stream.n_samples = number, position, 0
    return missing, jumps


def _add_packets(source: FileBytes, stream: _Stream, lacing: bytes, body: int) -> bool:
    """Count the samples of the packets that end on a page; whether they are known."""
    is_known, begins = True, not stream.head
    for size in lacing:
        if begins:
            stream.head = source.get(body, 2)
        begins = size < 255
        if begins:
            samples = stream.samples_of(stream.head)
            is_known = is_known and samples is not None
            stream.n_samples += samples or 0
            stream.head = b""
        body += size
    return is_known


def _samples_rule(packet: bytes) -> Callable[[bytes], int | None]:
    """How many samples a packet holds at most, by the first packet of its stream."""
    if packet.startswith(b"OpusHead"):
        return packet_samples
    if packet.startswith(b"\x01vorbis") and len(packet) >= 29:
        longest = 1 << (packet[28] >> 4)
        return lambda _: longest // 2
    return lambda _: None


def _description(packet: bytes) -> bytes:
    """Codec, channels and rate, as the first packet of a stream of Opus or Vorbis has them."""
    return packet[:10] if packet.startswith(b"OpusHead") else packet[:16]
