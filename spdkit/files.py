"""Writing a file whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from spdkit.errors import SpdkitError


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write UTF-8 under a temporary name, and rename: an old file is replaced at the end.

    Raises
    ------
    SpdkitError
        When the file or its folder, which is made if needed, cannot be written.
    """
    target = Path(path).expanduser()
    content = text.encode()
    made: Path | None = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=target.parent, prefix=".", delete=False) as file:
            made = Path(file.name)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        # NamedTemporaryFile is private to its owner; what we write is as readable as any file.
        umask = os.umask(0)
        os.umask(umask)
        made.chmod(0o666 & ~umask)
        made.replace(target)
    except OSError as error:
        if made is not None:
            made.unlink(missing_ok=True)
        raise SpdkitError(f"{target}: cannot be written: {error.strerror}") from error
