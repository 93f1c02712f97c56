"""Raw tags: texts that are not in the encoding of their kind of tag, byte by byte.

mutagen puts U+FFFD for what is no UTF-8 in Vorbis comments, sets such atoms of MP4 aside, and
refuses all of an APEv2 tag for one such item. Here those bytes stay, as surrogates
(``errors="surrogateescape"``), for `encodings.repair`.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from typing import IO, Any

_APE_FOOTER = struct.Struct("<8sIIII8x")
_APE_TEXT = 0
_MAX_APE = 1 << 24  # bytes; pictures are the most of it
_ATOM_HEAD = 16  # size, "data", type and locale


def text_of(data: bytes) -> str:
    """UTF-8, and what is none as surrogates."""
    return data.decode("utf-8", "surrogateescape")


def vorbis_comments(content: Any) -> Any:
    """Comments of a file that mutagen has opened, by lower-case name, or its own if they are clean.

    Parameters
    ----------
    content : mutagen.FileType
        Ogg or FLAC; of others the tags are returned as they are.
    """
    from mutagen._vorbis import VComment

    tags = content.tags
    if not isinstance(tags, VComment) or not any("\ufffd" in value for _, value in tags):
        return tags

    class Raw(type(tags)):  # type: ignore[misc]
        def load(self, fileobj: IO[bytes], errors: str = "replace", framing: bool = True) -> None:
            start = fileobj.tell()
            super().load(fileobj, errors, framing)
            end = fileobj.tell()
            fileobj.seek(start)
            list.clear(self)
            list.extend(self, _comments(fileobj))
            fileobj.seek(end)

    kind = type(content)
    blocks = [
        Raw if block is type(tags) else block for block in getattr(kind, "METADATA_BLOCKS", [])
    ]
    raw = type(kind.__name__, (kind,), {"_Tags": Raw, "METADATA_BLOCKS": blocks})
    return raw(content.filename).tags


def _comments(file: IO[bytes]) -> Iterator[tuple[str, str]]:
    def block() -> bytes:
        return file.read(int.from_bytes(file.read(4), "little"))

    block()  # the vendor
    for _ in range(int.from_bytes(file.read(4), "little")):
        name, separator, value = block().partition(b"=")
        if separator and name.isascii():
            yield name.decode("ascii"), text_of(value)


def failed_atoms(tags: Any, key: str) -> list[str]:
    """Texts of MP4 under one name that are no UTF-8."""
    return [text_of(data[_ATOM_HEAD:]) for data in getattr(tags, "_failed_atoms", {}).get(key, ())]


def ape_items(path: str) -> dict[str, list[str]] | None:
    """Texts of an APEv2 tag at the end of a file, by lower-case name; None when there is none."""
    with open(path, "rb") as file:  # noqa: PTH123 (the name may hold undecodable bytes)
        size = file.seek(0, os.SEEK_END)
        for behind in (0, 128):  # an ID3v1 tag
            place = size - behind - _APE_FOOTER.size
            if place < 0:
                break
            file.seek(place)
            mark, _, length, count, _ = _APE_FOOTER.unpack(file.read(_APE_FOOTER.size))
            if mark == b"APETAGEX" and _APE_FOOTER.size <= length <= min(_MAX_APE, size):
                file.seek(max(0, place + _APE_FOOTER.size - length))
                return dict(_ape_texts(file.read(length - _APE_FOOTER.size), count))
    return None


def _ape_texts(data: bytes, count: int) -> Iterator[tuple[str, list[str]]]:
    for _ in range(count):
        if len(data) < 8:
            return
        length, flags = struct.unpack_from("<II", data)
        name, _, rest = data[8:].partition(b"\0")
        if (flags >> 1) & 3 == _APE_TEXT and name.isascii():
            yield name.decode("ascii").lower(), text_of(rest[:length]).split("\0")
        data = rest[length:]


def timed_asf(data: bytes) -> list[str]:
    """Pieces of ``WM/Lyrics_Synchronised``, each of which is followed by its time."""
    _, at = _wide_text(data, 2)  # behind two bytes of formats, a description
    at += 4  # length of what follows
    pieces = []
    while at < len(data):
        piece, at = _wide_text(data, at)
        pieces.append(piece)
        at += 4
    return pieces


def _wide_text(data: bytes, start: int) -> tuple[str, int]:
    """UTF-16 up to its NUL, and where what follows begins."""
    end = start
    while data[end : end + 2] not in (b"\0\0", b"") and end < len(data):
        end += 2
    return data[start:end].decode("utf-16-le", "replace"), end + 2
