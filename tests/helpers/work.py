"""Functions that tests send to worker processes; those must be importable there."""

from __future__ import annotations

import os
import signal
import time

import numpy as np
from threadpoolctl import threadpool_info


def square(n):
    return n * n


def fail_on_three(n):
    if n == 3:
        raise ValueError("three")
    return n


def die_on_three(n):
    if n == 3:
        os._exit(3)
    return n


def process_of(n):
    return os.getpid()


def reset_line():
    raise ConnectionResetError("by the server")


def blas_threads(_):
    np.ones((200, 200)) @ np.ones((200, 200))
    return max(library["num_threads"] for library in threadpool_info())


def sleep_or_raise(seconds):
    if not seconds:
        raise TimeoutError("the server said nothing")
    time.sleep(seconds)


def never_starts():
    raise SystemExit(7)


def masked_signals(_):
    return signal.pthread_sigmask(signal.SIG_BLOCK, [])


def count_tasks(dask_scheduler):
    return len(dask_scheduler.tasks)
