"""An extraction, killed at any instant and resumed, gives the file of an unhurt run.

One is a real ``spdkit extract`` with its worker; the others are forked from this process.
"""

from __future__ import annotations

import importlib
import json
import os
import re
import signal
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import children
import numpy as np
import plugin_site
import pytest

from spdkit.extraction import batch
from spdkit.store.feature_store import FeatureStore
from spdkit.tracks import scan

N_TRACKS, SHARD_SIZE, JOBS = 24, 5, 1
# The main process feeds four tasks ahead to each worker; those may be finished and not yet told.
UNDER_WAY = 4 * JOBS
N_MOMENTS = 20
# Moments that must be among them: around the rename of a shard, around the replacement of the final
# file, in the middle of writing each, and while the journal is cleaned up.
NAMED = (
    r"before-replace \.-0+2\.h5",
    r"after-replace \.-0+2\.h5",
    r"half-written \.-0+3\.h5",
    r"half-written \.-out\.h5",
    r"written \.-out\.h5",
    r"before-replace \.-out\.h5",
    r"after-replace \.-out\.h5",
    r"before-unlink manifest\.json",
    r"after-unlink manifest\.json",
    r"after-unlink 0+1\.h5",
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return plugin_site.install(tmp_path_factory.mktemp("site"))


@pytest.fixture(scope="module")
def music(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("music")
    rng = np.random.default_rng(1)
    for number in range(N_TRACKS):
        (folder / f"{number:03d}.wav").write_bytes(rng.bytes(1000 + number))
    (folder / "900 bad.wav").write_bytes(b"fails with a reason")
    return folder


@pytest.fixture(scope="module")
def plugin(site: Path):
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(site)
        yield importlib.import_module("misbehaving")


def extract_here(plugin, music: Path, target: Path, log: Path) -> None:
    with pytest.MonkeyPatch.context() as patch, ThreadPoolExecutor(1) as executor:
        patch.setenv("SPDKIT_TEST_LOG", str(log))
        executor.under_way = UNDER_WAY  # type: ignore[attr-defined]
        found = scan.from_folder(music)
        batch.extract(found, target, [plugin.Tally()], executor=executor, shard_size=SHARD_SIZE)


def extract_forked(plugin, music: Path, target: Path, log: Path, moment: int) -> tuple[int, str]:
    """How a child ended that was killed at a moment; at 0 it is not."""

    def run() -> None:
        os.environ.update(SPDKIT_TEST_LOG=str(log), SPDKIT_TEST_MOMENT=str(moment))
        plugin.watch()
        extract_here(plugin, music, target, log)

    status, answer = children.in_child(run)
    return os.waitstatus_to_exitcode(status), answer


def extract(site: Path, music: Path, target: Path, log: Path, moment: int = 0):
    return plugin_site.spdkit(
        site,
        *("extract", music, "-o", target, "--extractor", "tally", "--json"),
        *("--jobs", JOBS, "--shard-size", SHARD_SIZE),
        SPDKIT_TEST_LOG=log,
        SPDKIT_TEST_MOMENT=moment,
    )


@pytest.fixture(scope="module")
def unhurt(plugin, music: Path, tmp_path_factory: pytest.TempPathFactory):
    """The store of an uninterrupted run, and every moment at which it could have been killed."""
    folder = tmp_path_factory.mktemp("unhurt")
    ended = extract_forked(plugin, music, folder / "out.h5", folder / "log", 0)
    assert ended == (0, "None")
    lines = (folder / "log").read_text().splitlines()
    events = [line.split(" ", 2)[2] for line in lines if line.startswith("event ")]
    return FeatureStore.open(folder / "out.h5").read(), events


def moments(events: list[str]) -> list[int]:
    named = [
        next(n for n, event in enumerate(events, 1) if re.fullmatch(pattern, event))
        for pattern in NAMED
    ]
    others = [n for n in range(1, len(events) + 1) if n not in named]
    rng = np.random.default_rng(20)
    return named + sorted(map(int, rng.choice(others, N_MOMENTS - len(named), replace=False)))


@pytest.mark.parametrize(
    "which",
    # A quarter of the moments in every run, the others with the slow tests.
    [pytest.param(i, marks=[pytest.mark.slow] if i % 4 else []) for i in range(N_MOMENTS)],
)
def test_killed_and_resumed_is_the_same_file(which, site, plugin, music, unhurt, tmp_path):
    expected, events = unhurt
    moment = moments(events)[which]
    target, log = tmp_path / "out.h5", tmp_path / "log"

    if which == 0:
        code = extract(site, music, target, log, moment).returncode
    else:
        code, _ = extract_forked(plugin, music, target, log, moment)
    assert code == -signal.SIGKILL, f"not killed at {events[moment - 1]}"
    if target.exists():
        FeatureStore.open(target)  # never half of one
    extract_here(plugin, music, target, log)

    found = FeatureStore.open(target).read()
    assert found.X.tobytes() == expected.X.tobytes()
    assert found.obs.equals(expected.obs)
    assert found.var.equals(expected.var)
    assert [path.name for path in tmp_path.glob("out*")] == ["out.h5"], "something was left behind"

    lines = log.read_text().splitlines()
    times = Counter(line for line in lines if line.startswith("extract "))
    twice = {line for line, count in times.items() if count > 1 and "bad" not in line}
    assert max(times.values()) <= 2
    assert len(twice) <= SHARD_SIZE + UNDER_WAY
    assert len(times) == N_TRACKS + 1


@pytest.mark.slow
def test_resumed_by_the_command_line(site, music, unhurt, tmp_path):
    expected, events = unhurt
    third = re.compile(r"after-replace \.-00000003\.h5")
    moment = 1 + next(n for n, event in enumerate(events) if third.fullmatch(event))
    extract(site, music, tmp_path / "out.h5", tmp_path / "log", moment)
    resumed = extract(site, music, tmp_path / "out.h5", tmp_path / "log")
    assert resumed.returncode == 0, resumed.stderr
    assert json.loads(resumed.stdout)["n_unchanged"] >= 2 * SHARD_SIZE
    assert FeatureStore.open(tmp_path / "out.h5").X.tobytes() == expected.X.tobytes()


def test_moments_cover_the_run(unhurt):
    _, events = unhurt
    chosen = moments(events)
    assert len(set(chosen)) == N_MOMENTS
    assert max(chosen) > 0.8 * len(events)
    assert min(chosen) < 0.3 * len(events)
