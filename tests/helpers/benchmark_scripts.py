"""The scripts of benchmarks/, as fixtures."""

from __future__ import annotations

import importlib
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def scripts_on_path():
    """The folder of scripts on the import path, as it is when a script runs.

    Gives the patch that puts it there, for whatever else is to be undone with it.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT))
        yield patch


@pytest.fixture(scope="module")
def scripts():
    with scripts_on_path():
        yield


def script(fixture, name):
    """A fixture that is the module; the tests that use it have a fixture `scripts`."""
    return pytest.fixture(scope="module", name=fixture)(
        lambda scripts: importlib.import_module(name)
    )
