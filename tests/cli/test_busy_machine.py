"""Commands beside a process that takes one of the cores: no more work than on one thread."""

from __future__ import annotations

import os
import resource
import subprocess
import sys

import play_tables
import pytest
import song_store

SPIN = "while True: pass"


def cpu_seconds(words, folder, **environment):
    """CPU time of a command of the installed program, in seconds."""
    env = {k: v for k, v in os.environ.items() if not k.endswith("_NUM_THREADS")} | environment
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    line = [sys.executable, "-c", "from spdkit.cli.app import app; app()", *map(str, words)]
    done = subprocess.run(line, cwd=folder, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return sum(getattr(after, part) - getattr(before, part) for part in ("ru_utime", "ru_stime"))


def beside_a_busy_core(words, folder):
    # Killed, and not waited for before the measure is taken: its time must not count.
    spinning = subprocess.Popen([sys.executable, "-c", SPIN])
    try:
        return cpu_seconds(words, folder)
    finally:
        spinning.kill()
        spinning.wait()


@pytest.mark.slow
def test_a_forecast_is_no_more_work_beside_a_busy_core(tmp_path):
    play_tables.weekly(12, 60).to_csv(tmp_path / "plays.csv", index=False)
    once = ("--validate", 0, "--no-intervals")
    words = ("forecast", "plays.csv", "-H", 3, "--model", "global", *once)
    alone = cpu_seconds(words, tmp_path, OMP_NUM_THREADS="1")
    assert beside_a_busy_core(words, tmp_path) < 1.5 * alone


@pytest.mark.slow
def test_learning_is_no_more_work_beside_a_busy_core(tmp_path):
    pytest.importorskip("torch")
    song_store.make(tmp_path, 80)
    store = ("features.h5", "--labels", "labels.csv")
    for words in (
        ("fit", *store, "-o", "model"),
        ("evaluate", *store, "--k", 2, "--preset", "1-B"),
        ("report", "model"),
    ):
        alone = cpu_seconds(words, tmp_path, OMP_NUM_THREADS="1")
        if words[0] == "fit":
            (tmp_path / "model").rename(tmp_path / "first")
        assert beside_a_busy_core(words, tmp_path) < 1.5 * alone, words[0]
