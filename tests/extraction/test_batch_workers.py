"""Real worker processes: what dies, hangs or is interrupted costs as little as it can."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import plugin_site
import pytest

from spdkit.extraction import batch
from spdkit.extractors import AudioExtractor
from spdkit.store.feature_store import FeatureStore
from spdkit.tracks import scan


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    return plugin_site.install(tmp_path_factory.mktemp("site"))


@pytest.mark.slow
def test_workers_that_die_hang_or_lie_cost_only_their_track(site, tmp_path):
    folder = tmp_path / "music"
    folder.mkdir()
    names = ["a", "b die", "c", "d hang", "e nan", "f short", "g list", "h boom", "i segv", "j"]
    for name in names:
        (folder / f"{name}.wav").write_bytes(name.encode())
    done = plugin_site.spdkit(
        site,
        *("extract", folder, "-o", tmp_path / "out.h5", "--extractor", "tally"),
        *("--jobs", 2, "--timeout", 3, "--json"),
    )
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    reasons = {f["track_id"]: f["reason"] for f in report["failures"]}
    assert set(reasons) == {f"{n}.wav" for n in names if " " in n}
    assert reasons["b die.wav"] == "its worker process died with exit code 3"
    assert reasons["d hang.wav"] == "took longer than 3 s"
    assert "NaN or infinity in 1 of 3 features, first 'tally_1'" in reasons["e nan.wav"]
    assert "float32 of shape (2,), expected float32 of shape (3,)" in reasons["f short.wav"]
    assert "returned list" in reasons["g list.wav"]
    assert reasons["h boom.wav"].startswith("KeyError: 'no such thing' (in misbehaving.py, line")
    assert "ended by signal 11" in reasons["i segv.wav"]
    obs = FeatureStore.open(tmp_path / "out.h5").obs
    assert list(obs.index[obs["tally_status"] == "ok"]) == ["a.wav", "c.wav", "j.wav"]
    assert obs.loc["b die.wav", "tally_error"] == reasons["b die.wav"]


def test_workers_end_with_a_batch_that_is_killed(site, tmp_path):
    folder = tmp_path / "music"
    folder.mkdir()
    for name in ("a hang", "b hang"):
        (folder / f"{name}.wav").write_bytes(b"x")
    log = tmp_path / "log"
    main = subprocess.Popen(
        plugin_site.command(
            "extract", folder, "-o", tmp_path / "o.h5", "--extractor", "tally", "--jobs", 2
        ),
        env=plugin_site.environment(site, SPDKIT_TEST_LOG=log),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    wait_until(lambda: log.exists() and len(log.read_text().splitlines()) == 2)
    workers = children(main.pid)
    assert len(workers) >= 2
    main.kill()
    main.wait()
    wait_until(lambda: not any(Path(f"/proc/{pid}/cmdline").exists() for pid in workers))


@pytest.fixture
def interruptible():
    """Let children be interrupted: a shell has what it starts in the background ignore that."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_an_interrupt_keeps_what_is_in_hand(site, tmp_path):
    folder, log = tmp_path / "music", tmp_path / "log"
    folder.mkdir()
    for name in ("a", "b", "c", "d hang"):
        (folder / f"{name}.wav").write_bytes(name.encode())
    main = subprocess.Popen(
        plugin_site.command(
            "extract", folder, "-o", tmp_path / "o.h5", "--extractor", "tally", "--jobs", 1
        ),
        env=plugin_site.environment(site, SPDKIT_TEST_LOG=log),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    wait_until(lambda: log.exists() and "d hang" in log.read_text())
    time.sleep(1.0)  # the three rows before it are on their way
    for _ in range(40):  # all who hang on the terminal receive it; impatience changes nothing
        os.killpg(main.pid, signal.SIGINT)
        time.sleep(0.02)
        if main.poll() is not None:
            break
    _, told = main.communicate(timeout=60)
    assert main.returncode == 130
    assert f"interrupted: finished tracks are safe beside {tmp_path / 'o.h5'}; run again" in told
    assert "Traceback" not in told
    (shard,) = (tmp_path / "o.h5.journal").glob("*.h5")
    assert list(FeatureStore.open(shard).obs.index) == ["a.wav", "b.wav", "c.wav"]


def wait_until(condition, seconds=30.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.05)


def children(pid):
    return [
        int(stat.parent.name)
        for stat in Path("/proc").glob("[0-9]*/stat")
        if stat.read_text().rpartition(")")[2].split()[1] == str(pid)
    ]


@pytest.fixture(scope="module")
def songs(tmp_path_factory):
    """Four short sounds in two formats."""
    import soundfile

    folder = tmp_path_factory.mktemp("songs")
    time_axis = np.arange(50000) / 44100
    for n in range(4):
        y = 0.3 * np.sin(2 * np.pi * 110 * 2 ** (n / 5) * time_axis)
        y += 0.05 * np.random.default_rng(n).standard_normal(len(y))
        soundfile.write(folder / f"{n}.{'wav' if n % 2 else 'flac'}", y, 44100)
    return folder


@pytest.mark.slow
def test_same_bytes_with_any_number_of_workers_executor_and_order(songs, tmp_path):
    found = list(scan.from_folder(songs))
    extractors = [AudioExtractor()]
    images = {}

    def kept(name, tracks_, **options):
        batch.extract(tracks_, tmp_path / name, extractors, **options)
        images[name] = FeatureStore.open(tmp_path / name).X.tobytes()

    kept("one", found, jobs=1)
    kept("two", found[::-1], jobs=2)
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as executor:
        kept("processes", found[2:] + found[:2], executor=executor)
    with ThreadPoolExecutor(2) as executor:
        kept("threads", found, executor=executor)
    assert len(set(images.values())) == 1
    assert np.isfinite(FeatureStore.open(tmp_path / "one").X).all()
