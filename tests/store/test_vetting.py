"""Vetting: how a child that reads a file ended, and what is made of it."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from spdkit.store import vetting


@pytest.mark.parametrize(
    ("status", "said", "end"),
    [
        (0, b"", 0),
        (0, b"a warning of a library\n", 0),  # it has done its work all the same
        (1, b"Traceback\nImportError: no h5py\n", "ImportError: no h5py"),
        (1, b"", 1),
        (-9, b"", -9),
        (-11, b"HDF5: a last word\n", -11),
    ],
)
def test_how_a_child_ended(status, said, end, monkeypatch, tmp_path):
    done = subprocess.CompletedProcess([], status, b'{"a": 1}\n{"b": ', said)
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: done)
    # A line that is not whole is none.
    assert vetting._run_child([tmp_path / "a.h5"]) == (['{"a": 1}\n'], end)


def test_a_child_that_finds_no_end_is_ended(monkeypatch, tmp_path):
    def late(command, *, timeout, **_):
        assert 60 < timeout < 70
        raise subprocess.TimeoutExpired(command, timeout, b'{"a": 1}\n')

    monkeypatch.setattr(subprocess, "run", late)
    assert vetting._run_child([tmp_path / "a.h5"]) == (['{"a": 1}\n'], -signal.SIGPROF)


def test_without_a_process_nothing_can_be_checked(monkeypatch, tmp_path):
    def refuses(*_, **__):
        raise OSError(12, "Cannot allocate memory")

    monkeypatch.setattr(subprocess, "run", refuses)
    lines, end = vetting._run_child([tmp_path / "a.h5"])
    assert (lines, end) == ([], f"{sys.executable}: Cannot allocate memory")


@pytest.mark.parametrize(
    ("end", "message"),
    [
        (0, "cannot be checked, because no process can be started: 0"),
        ("no memory", "cannot be checked, because no process can be started: no memory"),
        (-signal.SIGPROF, "HDF5 finds no end over it"),
        (-signal.SIGSEGV, "HDF5 dies .signal 11. over it"),
    ],
)
def test_what_is_made_of_it(end, message, tmp_path):
    error = vetting._death(tmp_path / "a.h5", end)
    assert str(error).startswith(f"{tmp_path / 'a.h5'}: ")
    with pytest.raises(type(error), match=message):
        raise error


def test_a_child_has_no_more_memory_than_a_file_may_take():
    code = "from spdkit.store import survey; survey._limit(0, 1.0); bytearray(2 * survey._MEMORY)"
    child = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert child.returncode == 1 and child.stderr.endswith("MemoryError\n")
