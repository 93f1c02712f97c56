"""Text of triplets in parts: whole lines with their numbers, and which of them are malformed.

A line is a user, a song and how often, with tabs between; line ends may be Windows' own. The text
is plain, or packed (.gz, or .zip with one file), and read as a stream.
"""

from __future__ import annotations

import gzip
import re
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from spdkit.catalogs.errors import CatalogError, read_to_its_end

MAX_LINE = 1 << 16  # bytes that the last line of a part may have beyond it
_END = b"\n"
_PLAYS = re.compile(rb"[1-9][0-9]{0,8}")
_MARK = b"\xef\xbb\xbf"  # of the order of bytes, which Windows writes first


@dataclass(frozen=True)
class Part:
    """Some lines of the text, each with its end.

    Attributes
    ----------
    text : bytes
    first_line : int
        Counted from 1.
    n_lines : int
    end : int
        Bytes of the (unpacked) text up to the end of the part.
    n_read : int
        Bytes of the file that have been read.
    """

    text: bytes
    first_line: int
    n_lines: int
    end: int
    n_read: int


@dataclass(frozen=True)
class BadLine:
    """A line that is no triplet: its number, why (`FAULTS`), and what to show of it."""

    number: int
    fault: str
    value: str | None


# What is told of each.
FAULTS = {
    "columns": "not 3 columns",
    "user": "no user",
    "song": "no song",
    "plays": "no whole number of plays from 1",
    "text": "no UTF-8 text",
}


def read_parts(path: Path, n_bytes: int, *, start: int = 0, n_lines: int = 0) -> Iterator[Part]:
    """Read a text from some place on, in parts of about so many bytes.

    Parameters
    ----------
    path : Path
    n_bytes : int
    start, n_lines : int
        How much of the text was read before, in bytes and lines.

    Raises
    ------
    CatalogError
        When the file cannot be read or unpacked, or more than `MAX_LINE` bytes have no line end.
    """
    with read_to_its_end(path), _text(path) as (text, file):
        if start == 0:
            start = len(_MARK) if text.read(len(_MARK)) == _MARK else 0
        text.seek(start)
        while block := text.read(n_bytes):
            if not block.endswith(_END):
                block += text.readline(MAX_LINE)
            if not block.endswith(_END):
                if len(text.read(1)):
                    raise CatalogError(
                        f"{path}: more than {MAX_LINE} bytes without a line end, after line "
                        f"{n_lines + block.count(_END)}: this is no text of triplets"
                    )
                block += _END  # of the last line
            count = block.count(_END)
            start += len(block)
            yield Part(block, n_lines + 1, count, start, file.tell())
            n_lines += count


@contextmanager
def _text(path: Path) -> Iterator[tuple[IO[bytes], IO[bytes]]]:
    """The unpacked text, and the file that it lies in."""
    with ExitStack() as stack:
        file = stack.enter_context(path.open("rb"))
        text: IO[bytes] = file
        if path.suffix.lower() == ".gz":
            text = stack.enter_context(gzip.GzipFile(fileobj=file))  # type: ignore[arg-type]
        elif path.suffix.lower() == ".zip":
            archive = stack.enter_context(zipfile.ZipFile(file))
            members = [member for member in archive.infolist() if not member.is_dir()]
            if len(members) != 1:
                raise CatalogError(f"{path}: holds {len(members)} files, not one: unpack it")
            text = stack.enter_context(archive.open(members[0]))
        yield text, file


def sift(part: Part) -> tuple[bytes, list[BadLine]]:
    """Part the triplets, with plain line ends, from the lines that are none."""
    triplets, bad = [], []
    for number, ended in enumerate(part.text.split(b"\n")[:-1], part.first_line):
        line = ended.removesuffix(b"\r")
        fault = _fault(line)
        if fault is None:
            triplets.append(line)
        else:
            value = line[:100].decode("utf-8", "backslashreplace") or None
            bad.append(BadLine(number, fault, value))
    return b"".join(line + b"\n" for line in triplets), bad


def _fault(line: bytes) -> str | None:
    """Why a line is no triplet, a key of `FAULTS`; None of one."""
    try:
        line.decode()
    except UnicodeDecodeError:
        return "text"
    if b"\0" in line or b"\r" in line:
        return "text"
    cells = line.split(b"\t")
    if len(cells) != 3:
        return "columns"
    if not cells[0]:
        return "user"
    if not cells[1]:
        return "song"
    return None if _PLAYS.fullmatch(cells[2]) else "plays"
