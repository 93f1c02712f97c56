"""How a benchmark starts and ends: in one thread, its results in a file and on a console."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from filelock import FileLock, Timeout
from rich.console import Console

from spdkit.common.errors import SpdkitError

ONE_THREAD = {
    f"{library}_THREADS": "1"
    for library in ("OMP_NUM", "OPENBLAS_NUM", "MKL_NUM", "NUMBA_NUM", "VECLIB_MAXIMUM")
}
Say = Callable[[str], None]


def in_one_thread(main: Callable[[], int]) -> NoReturn:
    """Exit with the status of a script whose libraries have one thread each."""
    if ONE_THREAD.items() <= os.environ.items():
        raise SystemExit(main())
    # The libraries under numpy read these when they load, and by now they have: start again.
    os.execve(sys.executable, sys.orig_argv, os.environ | ONE_THREAD)


def resumable(
    folder: Path, find: Callable[[Say], dict[str, Any]], write: Callable[[dict[str, Any]], str]
) -> int:
    """Find results with what is kept in a folder, and print the page that is written of them.

    Parameters
    ----------
    folder : Path
        Made when it is not there. No other run is at work in it while results are found.
    find : callable
        Gives the results; what it says while it goes on is not part of the output.
    write : callable
        Makes the files of the results, and gives the page.

    Returns
    -------
    int
        The exit status; what stopped the run has been said where it is not 0.
    """
    errors = Console(stderr=True, highlight=False, soft_wrap=True)

    def say(text: str) -> None:
        errors.print(text, markup=False)

    folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder / "lock", timeout=0):
            found = find(say)
        page = write(found)
    except Timeout:
        say(f"another run is at work in {folder}")
        return 1
    except SpdkitError as error:
        say(str(error))
        return 1
    except KeyboardInterrupt:
        say("interrupted: the same command goes on from here")
        return 130
    print(page)
    return 0


def as_json(found: dict[str, Any], *, allow_nan: bool = True) -> str:
    """Results as the text of their file; ValueError for NaN and infinity that are not allowed."""
    return json.dumps(found, indent=1, ensure_ascii=False, allow_nan=allow_nan) + "\n"


def save(found: dict[str, Any], path: Path, *, allow_nan: bool = True) -> None:
    """Write results as JSON; the folder is made when it is not there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(as_json(found, allow_nan=allow_nan), encoding="utf-8")


def results_console() -> Console:
    """Where results are printed."""
    # A pipe has no width: wide enough there that no name wraps.
    return Console(width=None if sys.stdout.isatty() else 140, highlight=False)
