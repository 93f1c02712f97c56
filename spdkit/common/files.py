"""Writing a file whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from spdkit.common.errors import SpdkitError


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write UTF-8 as `replacing` does.

    Raises
    ------
    SpdkitError
        When the file or its folder, which is made if needed, cannot be written.
    """
    target = Path(path).expanduser()
    content = text.encode()
    try:
        with replacing(target) as made:
            made.write_bytes(content)
    except OSError as error:
        raise SpdkitError(f"{target}: cannot be written: {error.strerror}") from error


@contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """Write under a temporary name, and rename: an old file is replaced at the end.

    Yields
    ------
    Path
        Of an empty file beside `target`, whose name ends like that. Nothing is left of it when the
        writing fails. What is there and no file, such as ``/dev/stdout``, is written to itself.

    Raises
    ------
    OSError
        When the file or its folder, which is made if needed, cannot be written.
    """
    if target.exists() and not target.is_file():
        yield target
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(
        dir=target.parent, prefix=".", suffix=f"-{target.name}", delete=False
    ) as file:
        made = Path(file.name)
    try:
        yield made
        with made.open("rb") as written:
            os.fsync(written.fileno())
        # NamedTemporaryFile is private to its owner; what we write is as readable as any file.
        umask = os.umask(0)
        os.umask(umask)
        made.chmod(0o666 & ~umask)
        made.replace(target)
    finally:
        made.unlink(missing_ok=True)


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file and wait until it is on the disk."""
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Wait until the names in a folder are on the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
