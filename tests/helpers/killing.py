"""Jobs that are killed at any call that changes a file, and what is there afterwards.

    LD_PRELOAD=kill_points.so python killing.py JOB FOLDER N SEED

makes N children of itself, each of which does the job in FOLDER until it is killed, or a call
fails, at a point of its own; `kill_points.c` counts the calls. After each, what the job wrote must
be as before it or as after it, files of others untouched, and a second run must end as one that
nothing happened to, with no file more. Prints one line of JSON: the counts, and what went wrong.
"""

from __future__ import annotations

import ctypes
import gc
import hashlib
import json
import logging
import os
import random
import shutil
import signal
import sys
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import children

MANNERS = {"before": 1, "after": 2, "torn": 3, "error": 4}
MINE = {"thesis.txt": b"years of work", ".spdkit-note": b"mine", "sub/notes.csv": b"a,b\n1,2\n"}


@dataclass(frozen=True)
class Job:
    """What is killed.

    Attributes
    ----------
    run : callable
        Does it in a folder.
    state : callable
        From a folder to what there is, by name; each may be old or new, or None for nothing.
    before : callable, optional
        What was done there earlier.
    """

    run: Callable[[Path], object]
    state: Callable[[Path], dict[str, object]]
    before: Callable[[Path], object] = lambda folder: None


def digest_of(path: Path) -> str | None:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else None


def files_of(folder: Path) -> dict[str, bytes]:
    contents = {}
    for base, _, names in os.walk(folder):
        for name in names:
            path = Path(base, name)
            contents[str(path.relative_to(folder))] = path.read_bytes()
    return contents


def extraction(*, resumed: bool = False, extended: bool = False) -> Job:
    import pandas as pd

    import spdkit
    from spdkit import FeatureStore, MetadataExtractor
    from spdkit.extractors.lyrics import LyricsExtractor
    from spdkit.tracks.track import Track

    names = [f"t{i}" for i in range(6)]
    tracks = [
        Track(name, lyrics=f"one two {name}\nthree", metadata={"energy": 0.5, "title": name})
        for name in names
    ]

    def extract(folder: Path, *extractors: object) -> None:
        with ThreadPoolExecutor(1) as one:
            spdkit.extract(tracks, folder / "f.h5", extractors, executor=one, shard_size=2)

    def store(folder: Path) -> dict[str, object]:
        path = folder / "f.h5"
        if not path.exists():
            return {"f.h5": None}
        table = FeatureStore.open(path).read()
        content = pd.util.hash_pandas_object(table.obs.astype(str)).to_numpy().tobytes()
        return {"f.h5": hashlib.sha256(content + table.X.tobytes()).hexdigest()}

    def killed(folder: Path) -> None:
        """An earlier run that ended with shards in its journal."""

        def renames(count: int = 0) -> None:
            real = os.replace

            def counted(source: str, target: str) -> None:
                nonlocal count
                real(source, target)
                count += 1
                if count == 3:  # the manifest and two shards
                    os.kill(os.getpid(), signal.SIGKILL)

            os.replace = counted  # type: ignore[assignment]

        in_child(lambda: (renames(), extract(folder, MetadataExtractor())))
        assert list((folder / "f.h5.journal").glob("*.h5"))

    if extended:
        return Job(
            lambda folder: extract(folder, MetadataExtractor(), LyricsExtractor()),
            store,
            lambda folder: extract(folder, MetadataExtractor()),
        )
    run = lambda folder: extract(folder, MetadataExtractor())  # noqa: E731
    return Job(run, store, killed) if resumed else Job(run, store)


def clips() -> Job:
    import numpy as np
    import soundfile

    from spdkit.extraction import extract_clips
    from spdkit.tracks.track import Track

    def cut(folder: Path, count: int) -> None:
        tracks = [Track(f"{n}", audio=str(folder / f"{n}.wav")) for n in range(count)]
        how = {"clip_seconds": 0.2, "sample_rate": 8000, "min_duration": 0.1, "shard_size": 2}
        with ThreadPoolExecutor(1) as one:
            extract_clips(tracks, folder / "c.h5", executor=one, **how)

    def before(folder: Path) -> None:
        rng = np.random.default_rng(0)
        for n in range(5):
            soundfile.write(folder / f"{n}.wav", rng.uniform(-1, 1, 4000 + 500 * n), 8000)
        cut(folder, 2)

    return Job(
        lambda folder: cut(folder, 5), lambda folder: {"c.h5": digest_of(folder / "c.h5")}, before
    )


def model() -> Job:
    import numpy as np

    from spdkit.popularity.models.hitmusicnet import HitMusicNetRegressor
    from spdkit.popularity.models.serialization import load_with_files, save_model

    x = np.random.default_rng(0).standard_normal((40, 4))
    net = HitMusicNetRegressor.from_preset("1-A", random_state=0).set_params(max_epochs=1)
    old = net.fit(x, 50 + 10 * x[:, 0])
    new = HitMusicNetRegressor.from_preset("1-A", random_state=1).set_params(max_epochs=1)
    new.fit(x, 50 - 10 * x[:, 0])
    records = {
        "old": {"record.json": b"{}\n", "test.csv": b"old rows\n", "old.csv": b"of the old\n"},
        "new": {"record.json": b"{1}\n", "test.csv": b"new rows\n", "new.csv": b"of the new\n"},
    }

    def state(folder: Path) -> dict[str, object]:
        loaded, files = load_with_files(folder / "model", ["record.json", "test.csv"])
        record = next(key for key, one in records.items() if files.items() <= one.items())
        return {"model": [record, loaded.predict(x).tobytes().hex()]}

    return Job(
        lambda folder: save_model(new, folder / "model", records["new"]),
        state,
        lambda folder: (
            save_model(old, folder / "model", records["old"]),
            (folder / "model" / "thesis.txt").write_bytes(b"years of work"),
        ),
    )


def forecaster() -> Job:
    import pandas as pd

    from spdkit.forecast import SMA, SeasonalNaive, load_forecaster

    days = pd.date_range("2020-01-01", periods=30)
    plays = pd.DataFrame({"unique_id": "a", "ds": days, "y": range(30)})
    old, new = SMA(3).fit(plays), SeasonalNaive(7).fit(plays)
    return Job(
        lambda folder: new.save(folder / "f"),
        lambda folder: {"f": str(load_forecaster(folder / "f").predict(3).to_csv())},
        lambda folder: old.save(folder / "f"),
    )


def first_save() -> Job:
    import pandas as pd

    from spdkit.forecast import SMA, load_forecaster

    days = pd.date_range("2020-01-01", periods=30)
    one = SMA(3).fit(pd.DataFrame({"unique_id": "a", "ds": days, "y": range(30)}))

    def state(folder: Path) -> dict[str, object]:
        there = (folder / "f" / "forecaster.json").exists()
        return {"f": str(load_forecaster(folder / "f").predict(3).to_csv()) if there else None}

    return Job(lambda folder: one.save(folder / "f"), state)


def collection() -> Job:
    from service_server import ident

    from spdkit.collect.sources import Sources
    from spdkit.collect.spotify import SpotifyCollector

    def collect(folder: Path, playlist: int) -> None:
        SpotifyCollector(folder / "out").collect(Sources(playlists=(ident("P", playlist),)))

    tables = [f"{name}.csv" for name in ("tracks", "artists", "albums", "songs")]
    return Job(
        lambda folder: collect(folder, 2),
        lambda folder: {name: digest_of(folder / "out" / name) for name in tables},
        lambda folder: collect(folder, 1),
    )


def import_of_logs() -> Job:
    import tianchi_log

    from spdkit.catalogs.tianchi import Limits, write_daily

    def write(folder: Path, by: str) -> None:
        limits = Limits(memory="64MB", threads=1, folder=folder / "scratch")
        write_daily(folder / "log", folder / "daily.csv.gz", by=by, limits=limits)

    def before(folder: Path) -> None:
        (folder / "log").mkdir()
        (folder / "scratch").mkdir()
        tianchi_log.write(folder / "log")
        write(folder, "song")

    return Job(
        lambda folder: write(folder, "artist"),
        lambda folder: {"daily": digest_of(folder / "daily.csv.gz")},
        before,
    )


def import_of_triplets(*, resumed: bool = False) -> Job:
    import pandas as pd

    from spdkit.catalogs.taste_profile import Limits, TasteProfile, import_triplets

    lines = [f"u{i // 9}\ts{i % 9}\t{1 + i % 5}\n" for i in range(400)]
    lines[250] = "malformed\n"

    def do(folder: Path, progress: Callable[[int, int], None] = lambda done, total: None) -> None:
        limits = Limits(memory="64MB", threads=1, folder=folder / "scratch")
        options = {"max_bad": 0.01, "part_size": 1000, "limits": limits}
        import_triplets(folder / "t.txt", folder / "t.duckdb", progress=progress, **options)

    def state(folder: Path) -> dict[str, object]:
        if not (folder / "t.duckdb").exists():
            return {"t.duckdb": None}
        log = TasteProfile.open(folder / "t.duckdb")
        users = [f"u{i}" for i in range(400 // 9)]
        tables = pd.concat([log.plays(users), log.bad_lines()])
        return {"t.duckdb": [tables.to_csv(), str(log.summary)]}

    def killed(folder: Path) -> None:
        """An earlier run that ended with two parts."""

        def kill(done: int, total: int, count: list[int] = [0]) -> None:  # noqa: B006
            count[0] += 1
            if count[0] == 2:
                os.kill(os.getpid(), signal.SIGKILL)

        in_child(lambda: do(folder, kill))
        assert (folder / "t.duckdb.importing").exists()

    def before(folder: Path) -> None:
        (folder / "t.txt").write_text("".join(lines))
        (folder / "scratch").mkdir()
        if resumed:
            killed(folder)

    return Job(do, state, before)


def table() -> Job:
    import pandas as pd

    from spdkit.common.table_io import write_table

    old, new = pd.DataFrame({"a": range(9)}), pd.DataFrame({"a": range(20_000)})
    return Job(
        lambda folder: write_table(new, folder / "t.csv"),
        lambda folder: {"t.csv": digest_of(folder / "t.csv")},
        lambda folder: write_table(old, folder / "t.csv"),
    )


JOBS: dict[str, Callable[[], Job]] = {
    "extract": extraction,
    "resume": lambda: extraction(resumed=True),
    "extend": lambda: extraction(extended=True),
    "clips": clips,
    "fit": model,
    "forecast": forecaster,
    "first save": first_save,
    "collect": collection,
    "tianchi": import_of_logs,
    "triplets": import_of_triplets,
    "triplets resumed": lambda: import_of_triplets(resumed=True),
    "table": table,
}


def in_child(run: Callable[[], object]) -> tuple[int, str]:
    return children.in_child(run, lambda: points.arm(b"", 0, 0))


def counted(job: Job, folder: Path) -> int:
    points.arm(os.fsencode(folder), 0, 0)
    job.run(folder)
    return int(points.count())


def armed(job: Job, folder: Path, at: int, manner: str) -> str:
    points.arm(os.fsencode(folder), at, MANNERS[manner])
    job.run(folder)
    return "done"


def faults_after(
    job: Job, folder: Path, ended: tuple[int, str], states: tuple[dict, dict], after: set[str]
) -> list[str]:
    """What is wrong in a folder where the job was interrupted."""
    status, answer = ended
    faults = []
    if not os.WIFSIGNALED(status) and not (answer == "done" or "Traceback" not in answer):
        faults.append(f"ended with {answer}")
    now = job.state(folder)
    faults += [
        f"{name} is neither old nor new"
        for name, one in now.items()
        if one not in [state[name] for state in states]
    ]
    there = files_of(folder)
    faults += [f"{name} is not as it was" for name in MINE if there.get(name) != MINE[name]]
    _, again = in_child(lambda: (job.run(folder), "done")[1])
    if again != "done":
        return [*faults, f"the next run said {again}"]
    if job.state(folder) != states[1]:
        faults.append("the next run ended otherwise")
    left = set(files_of(folder))
    if left != after:
        faults.append(f"files that are left over: {sorted(left - after)}, gone {after - left}")
    return faults


def main(name: str, sandbox: Path, n: int, seed: int) -> dict[str, object]:
    """Interrupt a job at `n` points."""
    job, base, work = JOBS[name](), sandbox / "base", sandbox / "work"
    base.mkdir(parents=True)
    for path, content in MINE.items():
        (base / path).parent.mkdir(exist_ok=True)
        (base / path).write_bytes(content)
    # Files are opened and written under the same name in all of them.
    base.rename(work)
    job.before(work)
    old = job.state(work)
    shutil.copytree(work, base)
    gc.collect()
    # What is imported or compiled at first use is so here, and not in each of the children.
    job.run(Path(shutil.copytree(base, sandbox / "warm")))
    n_calls = int(in_child(lambda: counted(job, work))[1])
    new, after = job.state(work), set(files_of(work))
    assert new != old, "the job changes nothing"
    places = [(at, manner) for at in range(1, n_calls + 1) for manner in MANNERS]
    # The last call always: of a long job, few others come after the instant.
    last, earlier = places[-len(MANNERS) :], places[: -len(MANNERS)]
    places = random.Random(seed).sample(earlier, min(n - len(last), len(earlier))) + last
    faults, n_killed, n_new = [], 0, 0
    for at, manner in places:
        shutil.rmtree(work)
        shutil.copytree(base, work)
        ended = in_child(lambda: armed(job, work, at, manner))  # noqa: B023
        n_killed += os.WIFSIGNALED(ended[0])
        n_new += job.state(work) == new
        new_faults = faults_after(job, work, ended, (old, new), after)
        faults += [f"{manner} call {at} of {n_calls}: {fault}" for fault in new_faults]
    return {
        "job": name,
        "calls": n_calls,
        "tried": len(places),
        "killed": n_killed,
        "errors": sum(manner == "error" for _, manner in places),
        "new": n_new,
        "faults": faults,
    }


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    points = ctypes.CDLL(os.environ["LD_PRELOAD"])
    print(json.dumps(main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))))
