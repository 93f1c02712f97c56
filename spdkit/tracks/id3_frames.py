"""ID3 frames: of a tag those that are read, within limits, before mutagen unpacks them.

mutagen takes a whole tag into memory, unpacks what is compressed without bound, and copies what is
left of the tag for each of its frames. So the heads of frames are walked through first, pictures
are passed over where they lie, and what is kept is written as a tag of its own. Reference: ID3
v2.2, v2.3 and v2.4, sections on the header and on frames.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from io import BytesIO
from typing import IO, NamedTuple

MAX_FRAME = 1 << 21  # bytes of a frame, unpacked: lyrics of a million characters in UTF-16
MAX_KEPT, MAX_FRAMES = 1 << 23, 1000  # bytes and number of the frames that are read of a tag
MAX_HEADS = 100_000  # frames that are looked at
MAX_UNSYNCHRONISED = 1 << 24  # bytes of a tag that has to be read as a whole

_HEAD = 10
_UNSYNCHRONISED, _EXTENDED, _FOOTER = 0x80, 0x40, 0x10
# Frames that hold text, besides those called T…
_NAMES = (b"UFID", b"USLT", b"SYLT", b"UFI", b"ULT", b"SLT")
_V24, _V23 = 4, 3
_COMPRESSED = {_V24: 0x08, _V23: 0x80}
_WITH_LENGTH_24, _UNSYNCHRONISED_24 = 0x01, 0x02


class _Frame(NamedTuple):
    name: bytes
    place: int
    size: int
    flags: int


@dataclass
class Id3Tag:
    """A tag with the frames that are read alone.

    Attributes
    ----------
    data : bytes
        The tag.
    length : int
        Bytes of the tag that it stands for.
    remarks : list of str
        What was left out, and why.
    """

    data: bytes
    length: int
    remarks: list[str] = field(default_factory=list)


def read_id3_tag(file: IO[bytes], start: int = 0) -> Id3Tag | None:
    """Read the ID3v2 tag that begins at a place of a file.

    Returns
    -------
    Id3Tag or None
        None where there is none, or one whose head is wrong: mutagen says how.
    """
    file.seek(start)
    head = file.read(_HEAD)
    if len(head) < _HEAD or head[:3] != b"ID3" or head[3] not in (2, _V23, _V24):
        return None
    version, flags, size = head[3], head[5], _plain(int.from_bytes(head[6:], "big"))
    if any(byte & 0x80 for byte in head[6:]) or flags & (0x0F if version == _V24 else 0x1F):
        return None
    tag = Id3Tag(b"", _HEAD + size)
    held = file.seek(0, os.SEEK_END) - start
    if tag.length > held:
        tag.remarks.append(f"the ID3 tag states {tag.length} bytes, {held} are there")
    place, end, source = start + _HEAD, start + _HEAD + size, file
    if flags & _EXTENDED and version != 2:
        place = _behind_extended_head(file, place, version)
    if flags & _UNSYNCHRONISED and version < _V24:
        if size > MAX_UNSYNCHRONISED:
            tag.remarks.append(f"an unsynchronised ID3 tag of {size} bytes is left out")
            end = place
        file.seek(place)
        source = BytesIO(_synchronised(file.read(end - place)))
        place, end = 0, len(source.getvalue())
        flags &= ~_UNSYNCHRONISED
    frames = list(_frames(source, place, end, version, tag))
    body = b"".join(frames)
    tag.data = b"ID3" + bytes((version, 0, flags & _UNSYNCHRONISED)) + _syncsafe(len(body)) + body
    return tag


def _frames(file: IO[bytes], place: int, end: int, version: int, tag: Id3Tag) -> Iterator[bytes]:
    heads, is_whole = _heads(file, place, end, version)
    if not is_whole:
        tag.remarks.append(f"frames behind the first {MAX_HEADS} of an ID3 tag are left out")
    n_bytes = n_frames = 0
    for frame in heads:
        if not frame.size or (frame.name[:1] != b"T" and frame.name not in _NAMES):
            continue
        name = frame.name.decode("ascii", "replace")
        if n_frames == MAX_FRAMES:
            tag.remarks.append(f"frames of text behind the first {MAX_FRAMES} are left out")
            return
        file.seek(frame.place)
        data = file.read(min(frame.size, MAX_FRAME + 1))
        size = _unpacked_size(data, version, frame.flags)
        if max(size, len(data)) > MAX_FRAME:
            how = "unpacks to more than" if size > len(data) else "has more than"
            tag.remarks.append(f"{name} {how} {MAX_FRAME} bytes and is left out")
        elif n_bytes + size > MAX_KEPT:
            tag.remarks.append(f"{name} is left out: there are more than {MAX_KEPT} bytes of text")
        else:
            n_frames, n_bytes = n_frames + 1, n_bytes + size
            yield _head(frame, len(data), version) + data


def _heads(file: IO[bytes], place: int, end: int, version: int) -> tuple[list[_Frame], bool]:
    """Frames of a tag, and whether these are all."""
    if version < _V24:
        return _walk(file, place, end, version, int)[:2]
    # iTunes has written plain numbers where they are of seven bits a byte.
    syncsafe, plain = (_walk(file, place, end, version, size_of) for size_of in (_plain, int))
    known = [sum(_is_known(frame.name) for frame in heads) for heads, _, _ in (syncsafe, plain)]
    overshoots = known[0] == known[1] and syncsafe[2] >= 1 >= plain[2]
    return (plain if known[1] > known[0] or overshoots else syncsafe)[:2]


def _walk(
    file: IO[bytes], place: int, end: int, version: int, size_of: Callable[[int], int]
) -> tuple[list[_Frame], bool, int]:
    """Frames, whether they are all, and by how many bytes the last goes beyond the end."""
    length = 6 if version == 2 else _HEAD
    frames: list[_Frame] = []
    while place + length <= end:
        if len(frames) == MAX_HEADS:
            return frames, False, 0
        file.seek(place)
        head = file.read(length)
        if len(head) < length:
            break
        if version == 2:
            name, size, flags = head[:3], int.from_bytes(head[3:], "big"), 0
        else:
            name, size, flags = struct.unpack(">4sLH", head)
        if not name.strip(b"\0"):
            return frames, True, -((end - place) % _HEAD)
        size = size_of(size)
        frames.append(_Frame(name, place + length, min(size, max(0, end - place - length)), flags))
        place += length + size
    return frames, True, place - end


def _is_known(name: bytes) -> bool:
    from mutagen.id3 import Frames

    return name.decode("latin-1") in Frames


def _unpacked_size(data: bytes, version: int, flags: int) -> int:
    """Bytes of a frame when unpacked, or so many more than `MAX_FRAME` as tell it."""
    if not flags & _COMPRESSED.get(version, 0):
        return len(data)
    packed = data[4:]
    if version == _V24 and flags & _UNSYNCHRONISED_24:
        packed = _synchronised(packed)
    sizes = []
    for each in (packed, data):  # some have written no length before it
        try:
            sizes.append(len(zlib.decompressobj().decompress(each, MAX_FRAME + 1)))
        except zlib.error:
            sizes.append(0)
    return max(sizes)


def _head(frame: _Frame, size: int, version: int) -> bytes:
    if version == 2:
        return frame.name + size.to_bytes(3, "big")
    written = _syncsafe(size) if version == _V24 else size.to_bytes(4, "big")
    return frame.name + written + frame.flags.to_bytes(2, "big")


def _behind_extended_head(file: IO[bytes], place: int, version: int) -> int:
    file.seek(place)
    head = file.read(4)
    if _is_known(head):  # the flag is set, and no head is there
        return place
    number = int.from_bytes(head, "big")
    return place + (_plain(number) if version == _V24 else 4 + number)


def _synchronised(data: bytes) -> bytes:
    return data.replace(b"\xff\0", b"\xff")


def _plain(number: int) -> int:
    """A number of which each byte holds seven bits."""
    return sum((number >> 8 * n & 0x7F) << 7 * n for n in range(4))


def _syncsafe(number: int) -> bytes:
    return bytes(number >> 7 * n & 0x7F for n in (3, 2, 1, 0))
