"""Raw tags: texts byte by byte, where mutagen replaces them, refuses them, or reads none of a tag.

mutagen puts U+FFFD for what is no UTF-8 in Vorbis comments, sets such atoms of MP4 aside, and
refuses all of an APEv2 tag, an MP4 or a WMA for one item that it cannot parse. Here bytes stay, as
surrogates (``errors="surrogateescape"``), for `encodings.repair`, and what is whole is read up to
what is not.
"""

from __future__ import annotations

import contextlib
import os
import struct
from collections.abc import Iterable, Iterator
from io import BytesIO
from typing import IO, Any

Items = Iterator[tuple[str, str]]
VORBIS, MP4, ASF = 0, 2, 3  # which names the texts have; APEv2 has those of Vorbis

_MAX = 1 << 24  # bytes of a tag; pictures are the most of it
_APE_FOOTER = struct.Struct("<8sIIII8x")
_APE_TEXT = 0
_PAGES = 64
_MP4_TEXT = (0, 1)
_ASF_ITEMS = bytes.fromhex("40a4d0d207e3d21197f000a0c95ea850")
_ASF_FIELDS = bytes.fromhex("3326b2758e66cf11a6d900aa0062ce6c")
_ASF_TEXT = 0


class RawTags(dict[str, list[str]]):
    """Texts by lower-case name.

    Parameters
    ----------
    items : iterable of (str, str)
    kind : int
        `VORBIS`, `MP4` or `ASF`.
    """

    def __init__(self, items: Iterable[tuple[str, str]], kind: int = VORBIS) -> None:
        super().__init__()
        self.kind = kind
        # What is whole before damage is worth having.
        with contextlib.suppress(Exception):
            for name, text in items:
                self.setdefault(name.lower(), []).append(text)


def text_of(data: bytes) -> str:
    """UTF-8, and what is none as surrogates."""
    return data.decode("utf-8", "surrogateescape")


def salvaged(path: str) -> RawTags | None:
    """Texts of a FLAC, Ogg, MP4 or ASF file that mutagen cannot read; None when there are none."""
    with open(path, "rb") as file:  # noqa: PTH123 (the name may hold undecodable bytes)
        head = file.read(12)
        file.seek(0)
        if head[:4] == b"fLaC":
            tags = RawTags(_flac(file))
        elif head[:4] == b"OggS":
            tags = RawTags(_ogg(file))
        elif head[4:8] == b"ftyp":
            tags = RawTags(_mp4(file), MP4)
        else:
            tags = RawTags(_asf(file.read(_MAX)), ASF)
    return tags or None


def vorbis_comments(content: Any) -> Any:
    """Comments of a file that mutagen has opened: its own, or raw where it has replaced bytes.

    Parameters
    ----------
    content : mutagen.FileType
        Ogg or FLAC; of others the tags are returned as they are.
    """
    from mutagen._vorbis import VComment

    tags = content.tags
    if isinstance(tags, VComment) and any("\ufffd" in value for _, value in tags):
        return salvaged(content.filename) or tags
    return tags


def failed_atoms(tags: Any, key: str) -> list[str]:
    """Texts of MP4 under one name that are no UTF-8."""
    return [text for data in tags._failed_atoms[key] for text in _mp4_texts(data)]


def ape_items(path: str) -> RawTags | None:
    """Texts of an APEv2 tag at the end of a file; None when there is none."""
    with open(path, "rb") as file:  # noqa: PTH123 (the name may hold undecodable bytes)
        size = file.seek(0, os.SEEK_END)
        for behind in (0, 128):  # an ID3v1 tag
            place = size - behind - _APE_FOOTER.size
            if place < 0:
                break
            file.seek(place)
            mark, _, length, count, _ = _APE_FOOTER.unpack(file.read(_APE_FOOTER.size))
            if mark == b"APETAGEX" and _APE_FOOTER.size <= length <= min(_MAX, size):
                file.seek(max(0, place + _APE_FOOTER.size - length))
                return RawTags(_ape(file.read(length - _APE_FOOTER.size), count))
    return None


def timed_asf(data: bytes) -> Iterator[tuple[str, int]]:
    """Pieces of ``WM/Lyrics_Synchronised`` and their times in milliseconds."""
    _, at = _wide_text(data, 2)  # behind two bytes of formats, a description
    at += 4  # length of what follows
    while at < len(data):
        piece, at = _wide_text(data, at)
        yield piece, int.from_bytes(data[at : at + 4], "little")
        at += 4


def _wide_text(data: bytes, start: int) -> tuple[str, int]:
    """UTF-16 up to its NUL, and where what follows begins."""
    end = start
    while data[end : end + 2] not in (b"\0\0", b"") and end < len(data):
        end += 2
    return data[start:end].decode("utf-16-le", "replace"), end + 2


def _flac(file: IO[bytes]) -> Items:
    file.seek(4)
    last = False
    while not last and len(head := file.read(4)) == 4:
        last = bool(head[0] & 0x80)
        if head[0] & 0x7F == 4:
            yield from _comments(file)
            return
        file.seek(int.from_bytes(head[1:], "big"), os.SEEK_CUR)


def _ogg(file: IO[bytes]) -> Items:
    from mutagen.ogg import OggPage

    pages: list[Any] = []
    with contextlib.suppress(Exception):  # what precedes damage
        while len(pages) < _PAGES:
            pages.append(OggPage(file))  # type: ignore[no-untyped-call]
    own = [page for page in pages if page.serial == pages[0].serial]
    for packet in OggPage.to_packets(own):  # type: ignore[no-untyped-call]
        for mark in (b"\x03vorbis", b"OpusTags"):
            if packet.startswith(mark):
                yield from _comments(BytesIO(packet[len(mark) :]))
                return


def _comments(file: IO[bytes]) -> Items:
    def number() -> int:
        return int(struct.unpack("<I", file.read(4))[0])

    def block() -> bytes:
        size = number()
        data = file.read(min(size, _MAX))
        if len(data) < size:
            raise EOFError
        return data

    block()  # the vendor
    for _ in range(number()):
        name, separator, value = block().partition(b"=")
        if separator and name.isascii():
            yield name.decode("ascii"), text_of(value)


def _ape(data: bytes, count: int) -> Items:
    for _ in range(count):
        length, flags = struct.unpack_from("<II", data)
        name, _, rest = data[8:].partition(b"\0")
        if (flags >> 1) & 3 == _APE_TEXT and name.isascii():
            for text in rest[:length].split(b"\0"):
                yield name.decode("ascii"), text_of(text)
        data = rest[length:]


def _mp4(file: IO[bytes]) -> Items:
    from mutagen.mp4._atom import Atoms

    atoms = Atoms(file).path(b"moov", b"udta", b"meta", b"ilst")[-1]
    for atom in atoms.children:
        _, data = atom.read(file)
        name = atom.name.decode("latin-1")
        if name == "----":
            mean, freeform = _mp4_parts(data)[:2]
            name = f"----:{text_of(mean[1][4:])}:{text_of(freeform[1][4:])}"
        for text in _mp4_texts(data):
            yield name, text


def _mp4_texts(data: bytes) -> list[str]:
    parts = [part for name, part in _mp4_parts(data) if name == b"data"]
    return [text_of(part[8:]) for part in parts if int.from_bytes(part[1:4], "big") in _MP4_TEXT]


def _mp4_parts(data: bytes) -> list[tuple[bytes, bytes]]:
    parts = []
    while len(data) >= 8:
        size = max(8, int.from_bytes(data[:4], "big"))
        parts.append((data[4:8], data[8:size]))
        data = data[size:]
    return parts


def _asf(data: bytes) -> Items:
    at = data.find(_ASF_FIELDS)
    if at >= 0:
        sizes = struct.unpack_from("<5H", data, at + 24)
        at += 34
        for name, size in zip(("Title", "Author", "Copyright"), sizes, strict=False):
            yield name, data[at : at + size].decode("utf-16-le", "replace")
            at += size
    at = data.find(_ASF_ITEMS)
    if at < 0:
        return
    (count,) = struct.unpack_from("<H", data, at + 24)
    at += 26
    for _ in range(count):
        (size,) = struct.unpack_from("<H", data, at)
        name = data[at + 2 : at + 2 + size].decode("utf-16-le", "replace").rstrip("\0")
        at += 2 + size
        kind, size = struct.unpack_from("<HH", data, at)
        if kind == _ASF_TEXT:
            yield name, data[at + 4 : at + 4 + size].decode("utf-16-le", "replace")
        at += 4 + size
