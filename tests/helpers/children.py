"""Children of a warm process: what may be killed, or refused a resource, without a new start."""

from __future__ import annotations

import gc
import os
import traceback
import warnings
from collections.abc import Callable

from spdkit.common.errors import SpdkitError


def in_child(
    run: Callable[[], object], disarm: Callable[[], object] = lambda: None
) -> tuple[int, str]:
    """Do it in a process of its own: how that ended, and what it said.

    An error that is none of ours is told with its traceback. `disarm` is called before the child
    tells anything.
    """
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        # Of threads, which the child has not; it does its job and is gone.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        gc.disable()  # what the parent has left to close is not the child's
        os.close(reading)
        answer = b""
        try:
            answer = str(run()).encode()
        except BaseException as error:  # noqa: BLE001 (whatever comes is looked at)
            answer = f"{type(error).__name__}: {error}".encode()
            if not isinstance(error, SpdkitError):
                answer += traceback.format_exc().encode()
        finally:
            disarm()
            os.write(writing, answer[:4000])
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        answer = pipe.read().decode()
    return os.waitpid(child, 0)[1], answer
