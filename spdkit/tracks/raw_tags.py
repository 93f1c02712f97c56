"""Raw tags: texts byte by byte, where mutagen replaces them, refuses them, or reads none of a tag.

mutagen puts U+FFFD for what is no UTF-8 in Vorbis comments, sets such atoms of MP4 aside, and
refuses all of an APEv2 tag, an MP4 or a WMA for one item that it cannot parse. Here bytes stay, as
surrogates (``errors="surrogateescape"``), for `encodings.repair`, and what is whole is read up to
what is not. Pictures are passed over, which mutagen takes into memory, and entries are limited in
number: a tag that has more is read here in place of there.
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

MAX_BLOCK = 1 << 24  # bytes of one comment, of a tag of APEv2, and of the head of a WMA
MAX_ENTRIES = 10_000  # of a tag; those of music have some dozens
_APE_FOOTER = struct.Struct("<8sIIII8x")
_APE_TEXT = 0
_PAGES = 64
_OGG_HEADS, _OGG_MARKS = 1 << 16, (b"\x03vorbis", b"OpusTags", b"\x81theora")
_MP4_TEXT = (0, 1)
# To the texts, with bytes of content before the atoms in each.
_MP4_PATH = ((b"moov", 0), (b"udta", 0), (b"meta", 4), (b"ilst", 0))
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

    Attributes
    ----------
    is_cut : bool
        Whether there are more than `MAX_ENTRIES`, and those behind are left out.
    """

    def __init__(self, items: Iterable[tuple[str, str]], kind: int = VORBIS) -> None:
        super().__init__()
        self.kind = kind
        self.is_cut = False
        # What is whole before damage is worth having.
        with contextlib.suppress(Exception):
            for number, (name, text) in enumerate(items):
                if number == MAX_ENTRIES:
                    self.is_cut = True
                    break
                self.setdefault(name.lower(), []).append(text)


def text_of(data: bytes) -> str:
    """UTF-8, and what is none as surrogates."""
    return data.decode("utf-8", "surrogateescape")


def salvaged(path: str) -> RawTags | None:
    """Texts of a FLAC, Ogg, MP4 or ASF file that mutagen cannot read; None when there are none."""
    with open(path, "rb") as file:  # noqa: PTH123 (the name may hold undecodable bytes)
        head = file.read(12)
        file.seek(0)
        if _find_flac_comments(file):
            tags = RawTags(_comments(file))
        elif head[:4] == b"OggS":
            tags = RawTags(_ogg(file))
        elif head[4:8] == b"ftyp":
            tags = RawTags(_mp4(file), MP4)
        else:
            tags = RawTags(_asf(file.read(MAX_BLOCK)), ASF)
    return tags or None


def is_crowded(path: str) -> bool:
    """Whether comments of Vorbis or items of APEv2 state more than `MAX_ENTRIES`."""
    with open(path, "rb") as file:  # noqa: PTH123 (the name may hold undecodable bytes)
        stated = 0
        with contextlib.suppress(struct.error, ValueError):  # too short, or no comments
            if _find_flac_comments(file):
                file.seek(struct.unpack("<I", file.read(4))[0], os.SEEK_CUR)
                (stated,) = struct.unpack("<I", file.read(4))
            elif (head := file.read(_OGG_HEADS))[:4] == b"OggS":
                # The vendor stands on the first page of the comments.
                at = max(head.find(mark) + len(mark) for mark in _OGG_MARKS if mark in head)
                (vendor,) = struct.unpack_from("<I", head, at)
                (stated,) = struct.unpack_from("<I", head, at + 4 + vendor)
        return max(stated, _ape_footer(file)[1]) > MAX_ENTRIES


def vorbis_comments(content: Any, path: str) -> Any:
    """Comments of a file that mutagen has opened: its own, or raw where it has replaced bytes.

    Parameters
    ----------
    content : mutagen.FileType
        Ogg or FLAC; of others the tags are returned as they are.
    path : str
        The file.
    """
    from mutagen._vorbis import VComment

    tags = content.tags
    if isinstance(tags, VComment) and any("\ufffd" in value for _, value in tags):
        return salvaged(path) or tags
    return tags


def failed_atoms(tags: Any, key: str) -> list[str]:
    """Texts of MP4 under one name that are no UTF-8."""
    return [text for data in tags._failed_atoms[key] for text in _mp4_texts(data)]


def ape_items(path: str) -> RawTags | None:
    """Texts of an APEv2 tag at the end of a file; None when there is none."""
    with open(path, "rb") as file:  # noqa: PTH123 (the name may hold undecodable bytes)
        length, count = _ape_footer(file)
        if not _APE_FOOTER.size <= length <= MAX_BLOCK:
            return None
        file.seek(max(0, file.tell() - length))
        return RawTags(_ape(file.read(length - _APE_FOOTER.size), count))


def _ape_footer(file: IO[bytes]) -> tuple[int, int]:
    """Bytes and items of an APEv2 tag by its footer, behind which the file is left; 0 if none."""
    size = file.seek(0, os.SEEK_END)
    for behind in (0, 128):  # an ID3v1 tag
        place = size - behind - _APE_FOOTER.size
        if place < 0:
            break
        file.seek(place)
        mark, _, length, count, _ = _APE_FOOTER.unpack(file.read(_APE_FOOTER.size))
        if mark == b"APETAGEX" and length <= size:
            return length, count
    return 0, 0


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


def _find_flac_comments(file: IO[bytes]) -> bool:
    """Go to where the comments of a FLAC begin; whether the file is one."""
    head = file.read(10)
    tag = 0
    if head[:3] == b"ID3" and len(head) == 10:
        tag = 10 + sum((head[9 - n] & 0x7F) << 7 * n for n in range(4))
    file.seek(tag)
    if file.read(4) != b"fLaC":
        file.seek(0)
        return False
    is_last = False
    while not is_last and len(head := file.read(4)) == 4:
        is_last = bool(head[0] & 0x80)
        if head[0] & 0x7F == 4:
            break
        file.seek(int.from_bytes(head[1:], "big"), os.SEEK_CUR)
    return True


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
        data = file.read(min(size, MAX_BLOCK))
        if len(data) < size:
            raise EOFError
        return data

    block()  # the vendor
    for _ in range(number()):
        name, separator, value = block().partition(b"=")
        if separator and name.isascii():
            yield name.decode("ascii"), text_of(value)


def _ape(data: bytes, count: int) -> Items:
    at = 0
    for _ in range(count):
        length, flags = struct.unpack_from("<II", data, at)
        start = data.index(b"\0", at + 8) + 1
        name = data[at + 8 : start - 1]
        at = start + length
        if (flags >> 1) & 3 == _APE_TEXT and name.isascii():
            for text in data[start:at].split(b"\0"):
                yield name.decode("ascii"), text_of(text)


def _mp4(file: IO[bytes]) -> Items:
    start, end = 0, file.seek(0, os.SEEK_END)
    for box, head in _MP4_PATH:
        atoms = _mp4_atoms(file, start, end)
        start, end = next((begin + head, stop) for atom, begin, stop in atoms if atom == box)
    for atom, begin, stop in _mp4_atoms(file, start, end):
        if stop - begin > MAX_BLOCK or atom == b"covr":
            continue
        file.seek(begin)
        data = file.read(stop - begin)
        name = atom.decode("latin-1")
        if name == "----":
            mean, freeform = _mp4_parts(data)[:2]
            name = f"----:{text_of(mean[1][4:])}:{text_of(freeform[1][4:])}"
        for text in _mp4_texts(data):
            yield name, text


def _mp4_atoms(file: IO[bytes], start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Atoms between two places: name, and where their content begins and ends."""
    for _ in range(MAX_ENTRIES):
        file.seek(start)
        size, name = struct.unpack(">I4s", file.read(8))
        begin = start + 8
        if size == 1:
            size, begin = int.from_bytes(file.read(8), "big"), start + 16
        stop = start + size if size else end
        if stop < begin:
            return
        yield name, begin, min(stop, end)
        if stop >= end:
            return
        start = stop


def _mp4_texts(data: bytes) -> list[str]:
    parts = [part for name, part in _mp4_parts(data) if name == b"data"]
    return [text_of(part[8:]) for part in parts if int.from_bytes(part[1:4], "big") in _MP4_TEXT]


def _mp4_parts(data: bytes) -> list[tuple[bytes, bytes]]:
    parts, at = [], 0
    while len(data) >= at + 8:
        size = max(8, int.from_bytes(data[at : at + 4], "big"))
        parts.append((data[at + 4 : at + 8], data[at + 8 : at + size]))
        at += size
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
