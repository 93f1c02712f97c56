"""Folders of files that one JSON describes: written whole or not at all, and sealed by SHA-256.

A check sum finds damage and mistakes, not somebody who writes a new one.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any


def digest(content: bytes) -> str:
    """SHA-256 of a file, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def seal(described: Mapping[str, Any]) -> str:
    """SHA-256 of everything that the JSON says but this (its ``sha256``)."""
    rest = {key: value for key, value in described.items() if key != "sha256"}
    return digest(json.dumps(rest, sort_keys=True).encode())


def replace_folder(target: Path, contents: Mapping[str, bytes], ours: Collection[str] = ()) -> None:
    """Write a folder whole or not at all; files of others in the old one move to the new one.

    Parameters
    ----------
    target : path
    contents : mapping of str to bytes
        Files by name.
    ours : collection of str
        Names in the old folder that go with it.

    Raises
    ------
    OSError
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}-") as new:
        made = Path(new) / target.name
        made.mkdir()
        for name, content in contents.items():
            (made / name).write_bytes(content)
        # A folder cannot be replaced in one step, so the old one goes first.
        if target.exists():
            for path in [path for path in target.iterdir() if path.name not in ours]:
                shutil.move(path, made / path.name)
            shutil.move(target, Path(new) / "old")
        made.rename(target)
