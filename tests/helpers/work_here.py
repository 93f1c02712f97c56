"""Work of batches in this process: the start of a worker takes longer than what few songs need.

What goes to the work and what comes back is pickled, as on the way to a worker.
"""

from __future__ import annotations

import pickle
from multiprocessing.reduction import ForkingPickler

import pytest

from spdkit.extraction import executors


def _copy(value):
    return pickle.loads(ForkingPickler.dumps(value))


def run_local(function, items, **_):
    """Do as `executors.run_local` does, by no worker."""
    function = _copy(function)
    for item in items:
        yield item, _copy(function(_copy(item)))


@pytest.fixture
def work_here(monkeypatch):
    """Have no workers, for the time of a test."""
    monkeypatch.setattr(executors, "run_local", run_local)
