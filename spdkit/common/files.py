"""Files: written whole or not at all, and on the disk when the call returns."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from spdkit.common.errors import SpdkitError


@contextmanager
def replacing(
    target: Path, error: type[SpdkitError] = SpdkitError, *, folder: Path | None = None
) -> Iterator[Path]:
    """Write under a temporary name, and rename: an old file is replaced at the end.

    Parameters
    ----------
    target : Path
        What is there and no file, such as ``/dev/stdout``, is written to itself; where a link
        points is written, and the link stays one. The mode of an old file is kept.
    error : type of SpdkitError
        What to raise.
    folder : Path, optional
        Where the temporary file lies, if it can: a folder that its owner clears. A process that is
        killed leaves it there. By default beside the target.

    Yields
    ------
    Path
        Of an empty file whose name ends like the target's. Nothing is left of it when the writing
        fails.

    Raises
    ------
    SpdkitError
        When the file or its folder, which is made if needed, cannot be written.
    """
    try:
        if target.exists() and not target.is_file():
            yield target
            return
        file = Path(os.path.realpath(target))
        file.parent.mkdir(parents=True, exist_ok=True)
        # A rename leads to no other file system.
        near = folder is not None and folder.stat().st_dev == file.parent.stat().st_dev
        with tempfile.NamedTemporaryFile(
            dir=folder if near else file.parent, prefix=".", suffix=f"-{file.name}", delete=False
        ) as opened:
            temporary = Path(opened.name)
        try:
            yield temporary
            with temporary.open("rb") as written:
                os.fsync(written.fileno())
            temporary.chmod(_mode(file))
            temporary.replace(file)
            _sync_folder(file.parent)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as cause:
        raise error(f"{target}: cannot be written: {cause.strerror or cause}") from cause


def write_bytes(
    path: str | os.PathLike[str],
    content: bytes,
    error: type[SpdkitError] = SpdkitError,
    *,
    folder: Path | None = None,
) -> None:
    """Write a file as `replacing` does."""
    with replacing(Path(path).expanduser(), error, folder=folder) as temporary:
        temporary.write_bytes(content)


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write UTF-8 as `replacing` does."""
    write_bytes(path, text.encode())


def _mode(file: Path) -> int:
    if file.exists():
        return stat.S_IMODE(file.stat().st_mode)
    # A temporary file is private to its owner; what we write is as readable as any file.
    umask = os.umask(0)
    os.umask(umask)
    return 0o666 & ~umask


def _sync_folder(folder: Path) -> None:
    """Wait until the names in a folder are on the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
