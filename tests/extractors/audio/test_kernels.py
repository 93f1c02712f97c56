"""The first call on a machine, when librosa's kernels are not compiled yet."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from audio_files import melody, save

EXTRACT = """
import sys
from spdkit import AudioExtractor, Track
print(AudioExtractor().extract(Track("a", sys.argv[1])).tobytes().hex())
"""


@pytest.mark.slow
def test_processes_that_start_at_once_on_a_cold_cache_agree(tmp_path):
    """Each kernel is compiled once: those who compile at once may crash in half-written code."""
    path = save(tmp_path / "a.wav", melody(1.5))
    environment = {
        **os.environ,
        "NUMBA_CACHE_DIR": str(tmp_path / "cache"),
        "NUMBA_DEBUG_CACHE": "1",  # tells on stdout what is saved and loaded
    }
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", EXTRACT, str(path)],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=tmp_path,
        )
        for _ in range(3)
    ]
    answers = [process.communicate(timeout=250) for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0], answers
    lines = [printed.splitlines() for printed, _ in answers]
    assert len({told[-1] for told in lines}) == 1, "the rows differ"
    saved = [line for told in lines for line in told if "data saved to" in line]
    assert saved
    assert len(saved) == len(set(saved)), "a kernel was compiled by two processes"
