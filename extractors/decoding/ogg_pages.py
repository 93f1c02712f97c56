"""Ogg pages: how many streams follow one another in a file, and whether the last one ends.

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
    ends : bool
        Whether the last page is whole and says that it is the last.
    """

    n_links: int
    ends: bool


def read_ogg_layout(file: IO[bytes]) -> OggLayout:
    """Walk through all pages of a file."""
    source = FileBytes(file)
    n_links, begins_before, ends = 0, False, False
    place = 0
    while (place := source.find(b"OggS", place)) >= 0:
        head = source.get(place, 27 + 255)
        size = 27 + head[26] + sum(head[27 : 27 + head[26]]) if len(head) >= 27 else 27
        if head[4:5] != b"\0" or place + size > source.size:  # no page, or cut
            ends = False
            place += 4
            continue
        begins = bool(head[5] & _BEGINS)
        n_links += begins and not begins_before
        begins_before, ends = begins, bool(head[5] & _ENDS)
        place += size
    return OggLayout(n_links, ends)
