"""Ogg pages: how many streams follow one another in a file, and whether all of them is there.

Streams may be chained: whole Ogg files one after another are one Ogg file. Decoders that look at
the first and the last page alone misjudge its length. Reference: RFC 3533, sections 4 and 6.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import IO

from spdkit.extractors.decoding.file_bytes import FileBytes

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
    ends : bool
        Whether the last page is whole and says that it is the last.
    """

    n_links: int
    is_uniform: bool
    n_missing: int
    ends: bool


def read_ogg_layout(file: IO[bytes]) -> OggLayout:
    """Walk through all pages of a file."""
    source = FileBytes(file)
    heads: list[bytes] = []
    numbers: dict[bytes, int] = {}  # of the last page with sound, by stream
    place, n_missing, begins_before, ends = 0, 0, False, False
    while (place := source.find(b"OggS", place)) >= 0:
        head = source.get(place, 27 + 255)
        size = 27 + head[26] + sum(head[27 : 27 + head[26]]) if len(head) >= 27 else 27
        if head[4:5] != b"\0" or place + size > source.size:  # no page, or cut
            ends = False
            place += 4
            continue
        begins, ends = bool(head[5] & _BEGINS), bool(head[5] & _ENDS)
        serial, number = head[14:18], int.from_bytes(head[18:22], "little")
        if begins:
            if not begins_before:
                heads.append(_description(source.get(place + 27 + head[26], 16)))
            numbers.pop(serial, None)
        else:
            n_missing += max(0, number - numbers.get(serial, number) - 1)
        if any(
            head[6:14]
        ):  # some sound ends here; who joins a broadcast has its heads alone before
            numbers[serial] = number
        begins_before = begins
        place += size
    return OggLayout(len(heads), len(set(heads)) <= 1, n_missing, ends)


def _description(packet: bytes) -> bytes:
    """Codec, channels and rate, as the first packet of a stream of Opus or Vorbis has them."""
    return packet[:10] if packet.startswith(b"OpusHead") else packet
