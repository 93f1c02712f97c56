"""The kernels where machines differ: nothing compiled yet, several processes, old processors."""

from __future__ import annotations

import os
import platform
import resource
import subprocess
import sys

import numpy as np
import pytest
from audio_files import melody, save

from spdkit import AudioExtractor, Track

EXTRACT = """
import sys
from spdkit import AudioExtractor, Track
print(AudioExtractor().extract(Track("a", sys.argv[1])).tobytes().hex())
"""

# Page faults of a second round of six blocks of 3 MB, all of which are freed in between: as the C
# library does it, and as ours.
FAULTS = """
import resource
import numpy as np
from spdkit.extractors.audio.engine import _keep_memory
def used():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    blocks = [np.ones(3 << 20, dtype=np.uint8) for _ in range(6)]
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
used()
print(used())
_keep_memory()
used()
print(used())
"""


def extract(path, folder, **variables):
    """Row of a file in a new process."""
    done = subprocess.run(
        [sys.executable, "-P", "-c", EXTRACT, str(path)],
        env={**os.environ, **variables},
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    return np.frombuffer(bytes.fromhex(done.stdout.splitlines()[-1]), dtype=np.float32)


def test_another_process_of_more_threads_gives_the_same_bytes(tmp_path):
    path = save(tmp_path / "a.wav", melody(1.5))
    here = AudioExtractor().extract(Track("a", str(path)))
    np.testing.assert_array_equal(extract(path, tmp_path, OMP_NUM_THREADS="2"), here)


@pytest.mark.slow
def test_an_old_processor_gives_the_same_numbers(tmp_path):
    """Neither AVX-512 nor AVX: other vectors, other paths of the libraries, the same numbers."""
    path = save(tmp_path / "a.wav", melody(1.5))
    here = AudioExtractor().extract(Track("a", str(path)))
    features = np._core._multiarray_umath.__cpu_features__
    baseline = set(np._core._multiarray_umath.__cpu_baseline__)
    newer = [name for name in np._core._multiarray_umath.__cpu_dispatch__ if features.get(name)]
    old = extract(
        path,
        tmp_path,
        NUMBA_CACHE_DIR=str(tmp_path / "cache"),
        NUMBA_CPU_NAME="x86-64",
        NUMBA_CPU_FEATURES="",
        NPY_DISABLE_CPU_FEATURES=" ".join(name for name in newer if name not in baseline),
        OPENBLAS_CORETYPE="Nehalem",
    )
    np.testing.assert_allclose(old, here, rtol=1e-5, atol=1e-4)


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
            [sys.executable, "-P", "-c", EXTRACT, str(path)],
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
    warm = extract(path, tmp_path)
    assert warm.tobytes().hex() == lines[0][-1], "cold and warm caches differ"
    saved = [line for told in lines for line in told if "data saved to" in line]
    assert saved
    assert len(saved) == len(set(saved)), "a kernel was compiled by two processes"


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc gives memory back")
def test_memory_of_one_clip_serves_the_next():
    words = [sys.executable, "-P", "-c", FAULTS]
    done = subprocess.run(words, capture_output=True, check=True)
    plain, keep = map(int, done.stdout.split())
    pages = 6 * (3 << 20) // resource.getpagesize()
    assert keep < pages / 20
    assert plain > pages / 2  # else there is nothing to keep
