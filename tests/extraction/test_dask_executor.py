"""A real Dask cluster: a scheduler and workers in processes of their own, some of them killed."""

from __future__ import annotations

import gc
import importlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import BrokenExecutor, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import http_server
import numpy as np
import plugin_site
import pytest
from audio_files import save
from distributed.comm import CommClosedError
from http_server import wait_for
from signals import seconds
from typer.testing import CliRunner
from work import blas_threads, count_tasks, fail_on_three, reset_line, square

from spdkit.cli.app import app
from spdkit.extraction import batch, dask_executor, executors
from spdkit.extractors.base import Extractor
from spdkit.store.feature_store import FeatureStore
from spdkit.tracks import scan

N_TRACKS = 60
LEVEL = '''
"""Test plugin: the level of a second of sound, from wherever it comes."""
import numpy as np
from spdkit.extractors.decoding.window import read_clip
from spdkit.extractors.base import Extractor, FeatureSpec

class Level(Extractor):
    name, modality, version = "level", "audio", "1"
    feature_specs = tuple(FeatureSpec(n, "1", 0, 1, n, "test") for n in ("mean", "rms"))
    def extract(self, track):
        y = read_clip(track.audio, duration=1.0).y
        return np.array([np.abs(y).mean(), np.sqrt((y * y).mean())], dtype=np.float32)
'''


class Cluster:
    """A scheduler and its workers, as processes that can be killed."""

    def __init__(self, folder: Path, environment: dict[str, str], stack: ExitStack) -> None:
        self.file = folder / "scheduler.json"
        self._environment = environment
        self._stack = stack
        self.scheduler = self._start("scheduler", "--host", "127.0.0.1", "--port", "0", "--no-show")
        wait_for(self.file.is_file)
        self.address = json.loads(self.file.read_text())["address"]
        self.workers: list[subprocess.Popen[bytes]] = []

    def add_worker(self, *arguments: str) -> None:
        defaults = ("--nthreads", "2", "--host", "127.0.0.1", "--local-directory")
        place = str(self.file.parent / "workers")
        self.workers.append(self._start("worker", *defaults, place, *arguments))

    def _start(self, what: str, *arguments: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", f"distributed.cli.dask_{what}", *arguments]
        options = ["--scheduler-file", str(self.file), "--no-dashboard"]
        log = self._stack.enter_context((self.file.parent / "log").open("ab"))
        process = subprocess.Popen(
            command + options, env=self._environment, stdout=log, stderr=log, cwd=self.file.parent
        )
        self._stack.callback(_end, process)
        return process


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()  # a nanny takes its worker along
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextmanager
def cluster(folder: Path, site: Path, **configuration: object) -> Iterator[Cluster]:
    settings = {f"DASK_DISTRIBUTED__{key}": value for key, value in configuration.items()}
    # The plugins, and the functions of tests/work.py.
    settings["PYTHONPATH"] = os.pathsep.join(
        [str(site), str(Path(__file__).parents[1] / "helpers")]
    )
    with ExitStack() as stack:
        yield Cluster(folder, plugin_site.environment(site, **settings), stack)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    site = plugin_site.install(tmp_path_factory.mktemp("site"))
    return plugin_site.install(site, "loudness", LEVEL, {"level": "Level"})


@pytest.fixture(scope="module")
def music(tmp_path_factory):
    folder = tmp_path_factory.mktemp("music")
    for number in range(N_TRACKS):
        tone = 0.005 * number * np.sin(2 * np.pi * (200 + number) * seconds(1.5))
        save(folder / f"{number:03d}.wav", tone)
    return folder


def table(path: Path, places: dict[str, str]) -> Path:
    lines = [f"{name},{place}" for name, place in places.items()]
    path.write_text("\n".join(["track_id,audio", *lines]))
    return path


@pytest.fixture(scope="module")
def calm(site, tmp_path_factory):
    """One worker of two threads that nothing happens to."""
    with cluster(tmp_path_factory.mktemp("calm"), site) as calm:
        calm.add_worker("--no-nanny")
        yield calm


def run(site: Path, *arguments: object, **variables: object) -> subprocess.CompletedProcess[str]:
    return plugin_site.spdkit(site, "extract", *arguments, "--json", **variables)


@pytest.fixture
def level(site, monkeypatch):
    monkeypatch.syspath_prepend(site)
    return importlib.import_module("loudness").Level()


def run_here(source: Path, target: Path, level: Extractor) -> batch.BatchReport:
    with ThreadPoolExecutor(1) as executor:
        return batch.extract(scan.from_table(source), target, [level], executor=executor)


@pytest.mark.slow
def test_a_worker_killed_and_lines_that_drop_lose_nothing(site, music, tmp_path, level):
    with cluster(tmp_path, site) as workers, http_server.serve(music) as (url, days):
        workers.add_worker("--no-nanny")
        workers.add_worker("--no-nanny")
        songs = {path.stem: f"{url}/{path.name}" for path in sorted(music.iterdir())}
        source = table(tmp_path / "songs.csv", songs)
        assert run_here(source, tmp_path / "here.h5", level).n_extracted == N_TRACKS

        first = workers.workers[0]
        half = len(days.asked) // 2
        days.asked.clear()

        def trouble(method, path, part, before):
            if len(days.asked) > half and first.poll() is None:
                first.kill()
                first.wait()
            return "drop" if part and not before and int(path[1:4]) % 10 == 0 else ""

        days.trouble = trouble
        there = run(
            *(site, source, "-o", tmp_path / "there.h5", "--extractor", "level"),
            *("--dask", workers.address),
        )
    assert there.returncode == 0, there.stderr
    assert first.returncode == -signal.SIGKILL, "nobody was killed"
    assert json.loads(there.stdout)["failures"] == []
    expected, found = (FeatureStore.open(tmp_path / f"{n}.h5").read() for n in ("here", "there"))
    assert found.X.tobytes() == expected.X.tobytes()
    assert not np.isnan(found.X).any()
    assert found.obs.equals(expected.obs)
    assert found.var.equals(expected.var)
    assert found.provenance == expected.provenance


@pytest.mark.slow
def test_a_track_that_kills_its_workers_is_lost_alone(site, music, tmp_path):
    """Nannies start workers again. A task is lost with its first worker: neighbours fall too."""
    folder = tmp_path / "songs"
    folder.mkdir()
    for path in sorted(music.iterdir())[:32]:
        (folder / path.name).symlink_to(path)
    (folder / "020 die.wav").write_bytes(b"kills")
    with cluster(tmp_path, site, SCHEDULER__ALLOWED_FAILURES=0) as workers:
        workers.add_worker("--nworkers", "2")
        done = run(
            *(site, folder, "-o", tmp_path / "out.h5", "--extractor", "tally"),
            *("--dask", workers.file),
        )
    assert done.returncode == 0, done.stderr
    assert [failure["track_id"] for failure in json.loads(done.stdout)["failures"]] == [
        "020 die.wav"
    ]
    assert json.loads(done.stdout)["failures"][0]["reason"] == (
        "every worker that it was sent to died (1 of 1)"
    )
    assert len(FeatureStore.open(tmp_path / "out.h5").X) == 33


@pytest.mark.slow
def test_a_cluster_that_dies_half_way_keeps_what_was_done(site, music, tmp_path, level):
    with cluster(tmp_path, site) as workers, http_server.serve(music) as (url, days):
        workers.add_worker("--no-nanny")
        songs = {path.stem: f"{url}/{path.name}" for path in sorted(music.iterdir())}
        source = table(tmp_path / "songs.csv", songs)

        def trouble(method, path, part, before):
            if len({asked[1] for asked in days.asked}) > N_TRACKS // 2:
                workers.scheduler.kill()
            return ""

        days.trouble = trouble
        lost = run(
            *(site, source, "-o", tmp_path / "out.h5", "--extractor", "level"),
            *("--shard-size", 1, "--dask", workers.address),
        )
        assert lost.returncode == 1
        assert "the scheduler was lost" in lost.stderr
        assert "Traceback" not in lost.stderr
        resumed = run_here(source, tmp_path / "out.h5", level)
    assert resumed.n_unchanged > 0
    assert (resumed.n_tracks, resumed.failures) == (N_TRACKS, ())


@pytest.fixture
def no_collector():
    gc.disable()
    yield
    gc.enable()


def test_one_thread_each_and_nothing_is_kept_there(calm, level, no_collector):
    said = []
    with dask_executor.connect(calm.address, [level], said.append) as executor:
        client = executor._client
        calls = executors.run_on(executor, blas_threads, range(40), batch_size=2)
        assert [threads for _, threads in calls] == [1] * 40
        # Results are let go a moment later; the last few are in somebody's hand.
        wait_for(lambda: client.run_on_scheduler(count_tasks) <= 2, seconds=10)
    assert said == []


def test_what_a_task_raises_belongs_to_its_item(calm, level):
    with dask_executor.connect(calm.address, [level], print) as executor:
        results = dict(executors.run_on(executor, fail_on_three, range(8), batch_size=4))
    assert isinstance(results.pop(3), ValueError)
    assert results == {n: n for n in range(8) if n != 3}


def test_a_task_whose_line_broke_is_not_a_cluster_that_is_lost(calm, level):
    with dask_executor.connect(calm.address, [level], print) as executor:
        with pytest.raises(ConnectionResetError, match="by the server"):
            executor.submit(reset_line).result(30)
        assert executor.submit(square, 3).result(30) == 9


def test_a_result_lost_on_its_way_breaks_the_executor(calm, level, monkeypatch):
    """Not a future that nobody ends: the batch would wait for it for ever."""

    async def break_line(*arguments):
        raise CommClosedError("Stream is closed")

    with dask_executor.connect(calm.address, [level], print) as executor:
        monkeypatch.setattr(executor._client, "_gather_remote", break_line)
        with pytest.raises(BrokenExecutor, match="the scheduler was lost"):
            executor.submit(square, 3).result(30)


def test_closing_half_way_takes_the_tasks_back(calm, level):
    with dask_executor.connect(calm.address, [level], print) as executor:
        outcomes = executors.run_on(executor, square, range(400), batch_size=1)
        next(outcomes)
        outcomes.close()
        assert executor.submit(square, 3).result(30) == 9


def test_other_versions_are_refused(calm, music, site, tmp_path):
    """A client whose spdkit calls itself 9.9: the cluster was not brought up to date."""
    other = tmp_path / "other" / "spdkit-9.9.dist-info"
    other.mkdir(parents=True)
    (other / "METADATA").write_text("Metadata-Version: 2.1\nName: spdkit\nVersion: 9.9\n")
    path = os.pathsep.join([str(other.parent), str(site)])
    done = run(site, music, "-o", tmp_path / "f.h5", "--dask", calm.address, PYTHONPATH=path)
    assert done.returncode == 1
    assert "spdkit 0.1.0 there, 9.9 here (the scheduler and 1 more)" in done.stderr
    assert not (tmp_path / "f.h5").exists()


@pytest.fixture
def briefly(music, tmp_path, monkeypatch):
    """Output of an ``spdkit extract --dask`` that fails, and does not wait long for that."""
    monkeypatch.setattr(dask_executor, "_CONNECT_SECONDS", 1.0)
    monkeypatch.setattr(dask_executor, "_WORKERS_SECONDS", 1.0)

    def briefly(address, *options):
        arguments = ["extract", music, "-o", tmp_path / "f.h5", "--dask", address, *options]
        done = CliRunner().invoke(app, [str(argument) for argument in arguments])
        assert done.exit_code == 1, done.output
        assert "Traceback" not in done.output
        return done.output

    return briefly


def test_extractors_that_the_cluster_has_not_are_refused(calm, briefly, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(
        plugin_site.install(tmp_path / "here", "newer", LEVEL, {"newer": "Level"})
    )
    for limit in ("_CONNECT_SECONDS", "_WORKERS_SECONDS"):  # this cluster comes
        monkeypatch.setattr(dask_executor, limit, 30.0)
    said = briefly(calm.address, "--extractor", "level")
    assert "the scheduler cannot load the extractors level" in said
    assert "No module named 'newer'" in said


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("tcp://127.0.0.1:1", "tcp://127.0.0.1:1: no Dask scheduler answers there"),
        ("nowhere.json", "nowhere.json: neither the address of a scheduler"),
        ("what://is:1", "what://is:1: no Dask scheduler answers there: unknown address scheme"),
    ],
)
def test_no_scheduler_there(address, reason, briefly):
    assert f"spdkit: {reason}" in briefly(address)


@pytest.mark.parametrize("content", ["{}", "no json", "[]"])
def test_a_file_that_is_no_scheduler_file(content, briefly, tmp_path):
    (tmp_path / "s.json").write_text(content)
    assert f"{tmp_path}/s.json: is no scheduler file" in briefly(tmp_path / "s.json")


@pytest.fixture(scope="module")
def bare(site, tmp_path_factory):
    """A scheduler alone, as each test leaves it."""
    with cluster(tmp_path_factory.mktemp("bare"), site) as bare:
        yield bare


def test_a_scheduler_without_workers_says_so(bare, briefly):
    said = briefly(bare.file)
    assert "the scheduler has no workers, and none came within 1 s" in said
    assert f"dask worker {bare.address}" in said


def test_distributed_is_not_installed(briefly, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    assert "pip install 'spdkit[dask]'" in briefly("tcp://127.0.0.1:1")


@pytest.mark.parametrize("option", [("--jobs", "2"), ("--timeout", "5")])
def test_options_of_local_workers_are_refused(option, briefly):
    assert f"{option[0]} is for workers of this machine" in briefly("x:1", *option)


def test_no_workers_left_half_way_is_said_and_ends(bare, level, monkeypatch):
    monkeypatch.setattr(dask_executor, "_LOOK_SECONDS", 0.1)
    monkeypatch.setattr(dask_executor, "_FORSAKEN_SECONDS", 0.5)
    said = []
    bare.add_worker("--no-nanny")
    with dask_executor.connect(bare.address, [level], said.append) as executor:
        bare.workers[-1].kill()
        with pytest.raises(executors.ExecutorError, match="no workers for"):
            list(executors.run_on(executor, square, range(10)))
    assert said[0].startswith("the cluster has no workers left: waiting")
