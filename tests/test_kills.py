"""Jobs that write, killed at any call that changes a file: old or new, and nothing else lost.

A quarter as many points again fail with an error of the disk instead. More of the kind: a real
``spdkit extract`` in `tests/extraction/test_batch_kill.py`, every call of a save in
`tests/common/test_sealed_folder.py`.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from collect_world import world  # noqa: F401 (a fixture)
from service_server import ident

HELPERS = Path(__file__).parent / "helpers"
# How many points of each job, together 270 kills and more.
POINTS = {
    "extract": 36,
    "resume": 30,
    "extend": 36,
    "clips": 40,
    "fit": 45,
    "forecast": 36,
    "first save": 30,
    "collect": 36,
    "tianchi": 30,
    "triplets": 40,
    "triplets resumed": 30,
    "table": 24,
}


@pytest.fixture(scope="session")
def library(tmp_path_factory):
    """What counts the calls, and ends the process at one of them."""
    if shutil.which("gcc") is None:
        pytest.skip("no gcc to build kill_points.c")
    built = tmp_path_factory.mktemp("kill_points") / "kill_points.so"
    source = HELPERS / "kill_points.c"
    subprocess.run(
        ["gcc", "-shared", "-fPIC", "-O1", "-o", str(built), str(source), "-ldl"], check=True
    )
    return built


def interrupted(library, job, folder, n, seed=14):
    path = os.pathsep.join([str(HELPERS), *filter(None, sys.path)])
    ended = subprocess.run(
        [sys.executable, HELPERS / "killing.py", job, folder, str(n), str(seed)],
        env={**os.environ, "LD_PRELOAD": str(library), "PYTHONPATH": path, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 0, ended.stderr[-3000:]
    return json.loads(ended.stdout.splitlines()[-1])


def require_whole(report, n):
    assert not report["faults"], "\n".join(report["faults"])
    assert report["tried"] == n and report["killed"] + report["errors"] == n
    assert 0 < report["new"] < n, "before the instant and after it"


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("job", POINTS)
def test_a_job_that_is_interrupted_leaves_old_or_new(job, library, world, tmp_path):  # noqa: F811
    world.playlists = {ident("P", 1): [1, 2], ident("P", 2): [3, 4, 9]}
    report = interrupted(library, job, tmp_path / "sandbox", POINTS[job])
    require_whole(report, POINTS[job])


def test_kills_of_a_save_leave_old_or_new(library, tmp_path):
    report = interrupted(library, "forecast", tmp_path / "sandbox", 8, seed=1)
    require_whole(report, 8)
