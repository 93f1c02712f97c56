"""Compilation by numba, by one process at a time.

The first call on a machine compiles for some seconds and keeps the result in numba's cache.
Processes that compile into one cache at once can crash in code that is half written, so the first
call of every process happens under a lock that the operating system lifts when its holder dies.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from filelock import BaseFileLock, FileLock


def compilation_lock() -> BaseFileLock:
    """Lock of all processes of this user on this machine, to be entered by ``with``."""
    return FileLock(Path(tempfile.gettempdir()) / f"spdkit-kernels-{os.getuid()}.lock")
