"""What a batch promises: one row a track, failures with reasons, resume, same bytes anywhere."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import unicodedata
from concurrent.futures import Future, ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path

import children
import h5py
import numpy as np
import pytest

from spdkit.common import files as files_module
from spdkit.extraction import batch, track_results, work_plan
from spdkit.extraction.executors import ExecutorError
from spdkit.extraction.journal import Journal, JournalError
from spdkit.extraction.track_results import Task
from spdkit.extractors import ExtractionError, Extractor, FeatureSpec, LyricsExtractor
from spdkit.store.errors import StoreError, StoreInUseError
from spdkit.store.feature_store import FeatureStore
from spdkit.tracks import scan
from spdkit.tracks.track import Track


class Sizes(Extractor):
    """Two numbers a file, without any library; runs in threads here."""

    name, modality, version = "sizes", "audio", "1"
    obs_fields = {"seen": float}  # noqa: RUF012

    def __init__(self, factor=1.0):
        self.factor = factor

    @property
    def feature_specs(self):
        return tuple(FeatureSpec(f"size_{i}", "1", 0, np.inf, "size", "test") for i in range(2))

    def extract(self, track):
        return self.extract_with_obs(track)[0]

    def extract_with_obs(self, track):
        if track.audio is None:
            return self.absent_row(), {}
        calls.append(track.track_id)
        if "bad" in track.track_id:
            raise ExtractionError(track.audio, "it is bad")
        data = Path(track.audio).read_bytes()
        row = self.factor * np.array([len(data), sum(data)], dtype=np.float32)
        return row.astype(np.float32), {"seen": float(len(data))}


class Letters(Extractor):
    name, modality, version = "letters", "lyrics", "1"
    feature_specs = (FeatureSpec("n_letters", "1", 0, np.inf, "letters", "test"),)

    def extract(self, track):
        if not track.lyrics:
            return self.absent_row()
        calls.append("letters " + track.track_id)
        return np.array([len(track.lyrics)], dtype=np.float32)


class SameColumns(Letters):
    name = "same_columns"


calls: list[str] = []


@pytest.fixture(autouse=True)
def _no_calls():
    calls.clear()


@pytest.fixture
def music(tmp_path):
    folder = tmp_path / "music"
    folder.mkdir()
    for number in range(8):
        (folder / f"{number}.wav").write_bytes(bytes([number]) * (10 + number))
    return folder


def run(found, target, extractors=None, **options):
    with ThreadPoolExecutor(2) as executor:
        return batch.extract(found, target, extractors or [Sizes()], executor=executor, **options)


def files(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*")}


# --- the store that comes out


def test_rows_are_what_the_extractor_returned(music, tmp_path):
    report = run(scan.from_folder(music), tmp_path / "out.h5")
    store = FeatureStore.open(tmp_path / "out.h5")
    expected = [[10 + n, n * (10 + n)] for n in range(8)]
    assert np.array_equal(store.X, np.array(expected, dtype=np.float32))
    assert list(store.obs.index) == [f"{n}.wav" for n in range(8)]
    assert list(store.obs["sizes_status"]) == ["ok"] * 8
    assert list(store.obs["sizes_seen"]) == [10.0 + n for n in range(8)]
    assert list(store.obs["size"]) == [10 + n for n in range(8)]
    assert (report.n_tracks, report.n_extracted, report.n_unchanged) == (8, 8, 0)
    assert report.failures == ()
    assert files(tmp_path) == {"music", "out.h5", *(f"music/{n}.wav" for n in range(8))}


def test_a_failure_is_recorded_with_its_reason_and_spares_the_rest(music, tmp_path):
    (music / "bad.wav").write_bytes(b"x")
    report = run(scan.from_folder(music), tmp_path / "out.h5")
    assert [(f.track_id, f.extractor, f.reason) for f in report.failures] == [
        ("bad.wav", "sizes", "it is bad")
    ]
    store = FeatureStore.open(tmp_path / "out.h5")
    assert store.obs.loc["bad.wav", "sizes_status"] == "failed"
    assert store.obs.loc["bad.wav", "sizes_error"] == "it is bad"
    assert np.isnan(store.to_pandas().loc["bad.wav"]).all()
    assert np.isfinite(store.to_pandas().drop("bad.wav")).all(axis=None)


class Reporting(Letters):
    """Reports what the test says, or raises it."""

    name = "reporting"
    feature_specs = (FeatureSpec("reporting", "1", 0, np.inf, "letters", "test"),)
    obs_fields = {"seen": float, "note": str}  # noqa: RUF012
    reports: dict[str, object] = {}  # noqa: RUF012

    def extract_with_obs(self, track):
        report = self.reports[track.track_id]
        if isinstance(report, BaseException):
            raise report
        return self.extract(track), report

    def absent_obs(self, track):
        return self.reports[track.track_id]


class Textless:
    def __str__(self):
        raise RuntimeError("no text")


def test_what_an_extractor_reports_amiss_is_its_failure(tmp_path, monkeypatch):
    amiss = {
        "text": ({"seen": "many"}, "reported str as 'seen', expected a number: could not convert"),
        "list": ({"seen": [1, 2]}, "reported list as 'seen', expected a number"),
        "huge": ({"seen": 10**400}, "reported int as 'seen', expected a number: int too large"),
        "textless": ({"note": Textless()}, "reported Textless as 'note', expected text: no text"),
        "no mapping": ([("seen", 1)], "reported list, no mapping"),
        "nothing": (None, "reported NoneType, no mapping"),
        "exit": (SystemExit(0), "SystemExit: 0"),
        "no reason": (ExtractionError("a", ""), "failed without a reason"),
    }
    sound = {
        "number": ({"seen": np.float32(2), "note": "a\0"}, (2.0, "a\\x00")),
        "whole": ({"seen": 3, "note": 4, "more": 5}, (3.0, "4")),
        "blank": ({"seen": None}, (np.nan, "")),
        "silent": ({}, (np.nan, "")),
    }
    reports = {name: report for name, (report, _) in {**amiss, **sound}.items()}
    monkeypatch.setattr(Reporting, "reports", {**reports, "absent": {"seen": "many"}})
    tracks = [*(Track(name, lyrics="la") for name in reports), Track("absent")]
    report = run(tracks, tmp_path / "out.h5", [Reporting(), Letters()])
    reasons = {failure.track_id: failure.reason for failure in report.failures}
    assert set(reasons) == {*amiss, "absent"}
    for name, (_, reason) in amiss.items():
        assert reason in reasons[name]
    assert {failure.extractor for failure in report.failures} == {"reporting"}
    obs = FeatureStore.open(tmp_path / "out.h5").obs
    kept = obs.loc[list(sound), ["reporting_seen", "reporting_note"]].itertuples(index=False)
    np.testing.assert_equal([tuple(row) for row in kept], [cells for _, cells in sound.values()])


def test_a_track_without_the_modality_is_absent_not_failed(tmp_path):
    report = run([Track("mute", lyrics="la la")], tmp_path / "out.h5", [Sizes(), Letters()])
    store = FeatureStore.open(tmp_path / "out.h5")
    assert store.obs.loc["mute", "sizes_status"] == "absent"
    assert np.isnan(store.to_pandas().loc["mute", ["size_0", "size_1"]]).all()
    assert store.to_pandas().loc["mute", "n_letters"] == 5
    assert report.failures == ()


def test_provenance_says_what_made_the_numbers(music, tmp_path):
    import soundfile

    run(scan.from_folder(music), tmp_path / "out.h5", [Sizes(factor=2.0)])
    made = FeatureStore.open(tmp_path / "out.h5").provenance
    assert made["packages"]["libsndfile"] == [soundfile.__libsndfile_version__]
    assert made["packages"]["librosa"] == [version("librosa")]
    assert made["extractors"] == {
        "sizes": {
            "version": "1",
            "modality": "audio",
            "parameters": {"factor": 2.0},
            "obs_fields": {"seen": "float"},
        }
    }


def test_home_is_expanded(music, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert run(scan.from_folder("~/music"), "~/out.h5").target == tmp_path / "out.h5"
    assert len(FeatureStore.open("~/out.h5").obs) == 8


def test_metadata_is_kept(tmp_path):
    track = Track("a", lyrics="x", metadata={"year": 1999, "artist": "Ünïcode ♥"})
    run([track], tmp_path / "out.h5", [Letters()])
    text = FeatureStore.open(tmp_path / "out.h5").obs.loc["a", "metadata"]
    assert json.loads(text) == {"year": 1999, "artist": "Ünïcode ♥"}


def test_the_report_says_what_took_longest_and_what_was_remarked(tmp_path, monkeypatch):
    class Remarking(Letters):
        name = "remarking"
        obs_fields = {"note": str}  # noqa: RUF012

        def extract_with_obs(self, track):
            clock.append(clock[-1] + int(track.lyrics))
            return np.ones(1, dtype=np.float32), {"note": "odd" if track.track_id == "b" else ""}

    clock = [0.0]
    monkeypatch.setattr(track_results.time, "perf_counter", lambda: clock[-1])
    seconds = {"a": 3, "b": 7, "c": 1, "d": 9, "e": 5, "f": 2}
    tracks = [Track(name, lyrics=str(count)) for name, count in seconds.items()]
    with ThreadPoolExecutor(1) as executor:
        report = batch.extract(tracks, tmp_path / "out.h5", [Remarking()], executor=executor)
    assert report.slowest == (("d", 9.0), ("b", 7.0), ("e", 5.0), ("a", 3.0), ("f", 2.0))
    assert (report.n_remarks, report.n_failed, report.seconds) == (1, 0, 27.0)


def test_failures_are_sorted_and_counted_by_track(music, tmp_path):
    class Worse(Sizes):
        name = "another"
        feature_specs = (FeatureSpec("worse", "1", 0, 1, "nothing", "test"),)

        def extract(self, track):
            raise ExtractionError(track.audio, "worse")

        def extract_with_obs(self, track):
            return self.extract(track), {}

    for name in ("z bad.wav", "a bad.wav"):
        (music / name).write_bytes(b"x")
    report = run(scan.from_folder(music)[-2:], tmp_path / "out.h5", [Sizes(), Worse()])
    report = run(scan.from_folder(music), tmp_path / "out.h5", [Sizes(), Worse()])
    names = [(failure.track_id, failure.extractor) for failure in report.failures]
    assert names == sorted(names) and len(names) == 12
    assert report.n_failed == 10


def test_a_bar_is_shown_where_it_is_asked_for(music, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(work_plan, "PATIENCE", -1.0)
    run(scan.from_folder(music), tmp_path / "out.h5")
    run(scan.from_folder(music), tmp_path / "out.h5")
    assert capsys.readouterr().err == ""
    (music / "3.wav").write_bytes(b"changed")
    run(scan.from_folder(music), tmp_path / "out.h5", progress=True)
    bars = capsys.readouterr().err
    assert "checking" in bars and "8/8" in bars
    assert "extracting" in bars and "1/1" in bars


def shards(monkeypatch, music, target, **options):
    """How many results each shard had."""
    sizes = []
    append = Journal.append

    def note(self, table):
        sizes.append(len(table.obs))
        append(self, table)

    monkeypatch.setattr(Journal, "append", note)
    run(scan.from_folder(music), target, **options)
    monkeypatch.undo()
    return sizes


def test_shards_are_as_large_as_asked_for_or_take_some_seconds(music, tmp_path, monkeypatch):
    assert shards(monkeypatch, music, tmp_path / "a.h5", shard_size=3) == [3, 3, 2]
    assert shards(monkeypatch, music, tmp_path / "b.h5") == [8], "next to no time"
    monkeypatch.setattr(batch, "_SHARD_SIZE", 5)
    monkeypatch.setattr(batch, "_SHORTEST_SHARD_SECONDS", -1.0)
    assert shards(monkeypatch, music, tmp_path / "c.h5") == [5, 3]
    monkeypatch.setattr(batch, "_LARGEST_SHARD", 6)
    assert shards(monkeypatch, music, tmp_path / "d.h5") == [6, 2]
    for options in ({}, {"shard_size": 5}):
        monkeypatch.setattr(batch, "_SHARD_SECONDS", -1.0)
        assert shards(monkeypatch, music, tmp_path / f"e{len(options)}.h5", **options) == [1] * 8
    assert (batch._SHARD_SIZE, batch._SHARD_SECONDS) == (32, 30.0)


def test_a_foreign_executor_gets_batches_that_all_its_workers_share(tmp_path):
    sizes = []

    class Counting(ThreadPoolExecutor):
        def submit(self, function, *args):
            sizes.append(len(args[1]))
            return super().submit(function, *args)

    for count, largest in ((8, 1), (64, 4), (600, 32)):
        sizes.clear()
        tracks = [Track(f"{n:03d}", lyrics="la") for n in range(count)]
        with Counting(1) as executor:
            batch.extract(tracks, tmp_path / f"{count}.h5", [Letters()], executor=executor)
        assert (max(sizes), sum(sizes)) == (largest, count)


def test_tracks_without_a_file_travel_together(tmp_path):
    (tmp_path / "a.wav").write_bytes(b"x")
    (tmp_path / "link").symlink_to("nowhere")
    none = ["none.wav", "link", "a\0b", "\ud800"]
    there = [str(tmp_path / "a.wav"), f"file://{tmp_path}/a.wav", "http://127.0.0.1:1/a", None]
    for audio in [str(tmp_path / name) for name in none] + ["file:///none"]:
        assert batch._has_no_sound(Task(Track("a", audio), ()))
    assert not any(batch._has_no_sound(Task(Track("a", audio), ())) for audio in there)


# --- resuming


def test_a_second_run_does_nothing(music, tmp_path):
    found = scan.from_folder(music)
    run(found, tmp_path / "out.h5")
    before = (tmp_path / "out.h5").stat()
    calls.clear()
    report = run(found, tmp_path / "out.h5")
    assert (calls, report.n_extracted, report.n_unchanged) == ([], 0, 8)
    assert (tmp_path / "out.h5").stat().st_mtime_ns == before.st_mtime_ns


def test_only_new_changed_and_failed_tracks_are_done_again(music, tmp_path):
    (music / "bad.wav").write_bytes(b"x")
    run(scan.from_folder(music), tmp_path / "out.h5")
    calls.clear()
    (music / "3.wav").write_bytes(b"changed")
    (music / "new.wav").write_bytes(b"new")
    run(scan.from_folder(music), tmp_path / "out.h5")
    assert sorted(calls) == ["3.wav", "bad.wav", "new.wav"]
    table = FeatureStore.open(tmp_path / "out.h5").to_pandas()
    assert table.loc["3.wav", "size_0"] == 7
    assert table.loc["new.wav", "size_0"] == 3
    assert table.loc["5.wav", "size_0"] == 15


def test_a_touched_file_is_hashed_not_extracted(music, tmp_path):
    run(scan.from_folder(music), tmp_path / "out.h5")
    calls.clear()
    os.utime(music / "2.wav", (1, 1))
    run(scan.from_folder(music), tmp_path / "out.h5")
    assert calls == []
    obs = FeatureStore.open(tmp_path / "out.h5").obs
    assert obs.loc["2.wav", "modified"] == "1970-01-01T00:00:01.000000000Z"


def test_same_size_and_date_with_other_bytes_is_seen_when_the_date_moves(music, tmp_path):
    run(scan.from_folder(music), tmp_path / "out.h5")
    calls.clear()
    (music / "2.wav").write_bytes(b"z" * 12)
    run(scan.from_folder(music), tmp_path / "out.h5")
    assert calls == ["2.wav"]


def test_adding_an_extractor_computes_only_what_is_new(music, tmp_path):
    found = [Track(t.track_id, t.audio, lyrics="la" * n) for n, t in enumerate(
        scan.from_folder(music), 1
    )]  # fmt: skip
    run(found, tmp_path / "out.h5", [Sizes()])
    sizes = FeatureStore.open(tmp_path / "out.h5").to_pandas()
    calls.clear()
    run(found, tmp_path / "out.h5", [Sizes(), Letters()])
    assert sorted(calls) == [f"letters {n}.wav" for n in range(8)]
    store = FeatureStore.open(tmp_path / "out.h5")
    assert list(store.var.index) == ["n_letters", "size_0", "size_1"]
    assert store.select("sizes").to_pandas().equals(sizes)
    assert list(store.to_pandas()["n_letters"]) == [2 * n for n in range(1, 9)]
    run(found, tmp_path / "once.h5", [Letters(), Sizes()])
    once = FeatureStore.open(tmp_path / "once.h5").read()
    assert once.X.tobytes() == store.X.tobytes()
    assert once.obs.equals(store.obs)


def test_changed_lyrics_redo_only_what_reads_them(tmp_path):
    audio = tmp_path / "a.wav"
    audio.write_bytes(b"sound")
    run([Track("a", str(audio), "old")], tmp_path / "out.h5", [Sizes(), Letters()])
    calls.clear()
    run([Track("a", str(audio), "newer")], tmp_path / "out.h5", [Sizes(), Letters()])
    assert calls == ["letters a"]
    assert FeatureStore.open(tmp_path / "out.h5").to_pandas().loc["a", "n_letters"] == 5


def test_a_change_seen_by_another_extractor_is_not_forgotten(tmp_path):
    audio = tmp_path / "a.wav"
    audio.write_bytes(b"sound")
    target = tmp_path / "out.h5"
    run([Track("a", str(audio), "old")], target, [Sizes()])
    audio.write_bytes(b"other sound")
    run([Track("a", str(audio), "old")], target, [Letters()])
    calls.clear()
    run([Track("a", str(audio), "old")], target, [Sizes()])
    assert calls == ["a"]
    assert FeatureStore.open(target).to_pandas().loc["a", "size_0"] == 11


def test_tracks_that_are_gone_are_kept(music, tmp_path):
    run(scan.from_folder(music), tmp_path / "out.h5")
    (music / "4.wav").unlink()
    run(scan.from_folder(music), tmp_path / "out.h5")
    assert "4.wav" in FeatureStore.open(tmp_path / "out.h5").obs.index


def test_features_survive_a_file_that_cannot_be_read_now(music, tmp_path):
    found = scan.from_folder(music)
    run(found, tmp_path / "out.h5")
    (music / "4.wav").unlink()
    report = run(found, tmp_path / "out.h5")
    assert report.unreachable == ("4.wav",)
    assert FeatureStore.open(tmp_path / "out.h5").to_pandas().loc["4.wav", "size_0"] == 14


def test_changed_parameters_are_refused_by_name(music, tmp_path):
    found = scan.from_folder(music)
    run(found, tmp_path / "out.h5")
    before = (tmp_path / "out.h5").read_bytes()
    with pytest.raises(batch.BatchError, match=r"sizes\.factor was 1\.0, is now 2\.0.*--overwrite"):
        run(found, tmp_path / "out.h5", [Sizes(factor=2.0)])
    assert (tmp_path / "out.h5").read_bytes() == before
    assert not (tmp_path / "out.h5.journal").exists()


def test_a_changed_version_is_refused(music, tmp_path, monkeypatch):
    run(scan.from_folder(music), tmp_path / "out.h5")
    monkeypatch.setattr(Sizes, "version", "2")
    with pytest.raises(batch.BatchError, match=r"sizes\.version was '1', is now '2'"):
        run(scan.from_folder(music), tmp_path / "out.h5")


def test_overwrite_starts_afresh(music, tmp_path):
    found = scan.from_folder(music)
    run(found, tmp_path / "out.h5")
    run(found[:2], tmp_path / "out.h5", [Sizes(factor=2.0)], overwrite=True)
    store = FeatureStore.open(tmp_path / "out.h5")
    assert list(store.obs.index) == ["0.wav", "1.wav"]
    assert store.X[1, 0] == 22


def test_the_old_file_stays_until_an_overwrite_is_whole(music, tmp_path):
    found = scan.from_folder(music)
    run(found, tmp_path / "out.h5")
    before = (tmp_path / "out.h5").read_bytes()

    class Stopped(Exception):
        pass

    class Stopping(ThreadPoolExecutor):
        def submit(self, *args):
            if len(calls) >= 4:
                raise KeyboardInterrupt
            future = super().submit(*args)
            future.result()
            return future

    calls.clear()
    with Stopping(1) as executor, pytest.raises(KeyboardInterrupt):
        batch.extract(
            *(found, tmp_path / "out.h5", [Sizes(factor=3.0)]), overwrite=True, executor=executor
        )
    assert (tmp_path / "out.h5").read_bytes() == before


# --- what another program does meanwhile


@pytest.fixture
def meanwhile(monkeypatch):
    """Let something happen when the tracks of a batch are done and its store is not written."""

    def at_that_moment(happen):
        keep = batch._keep
        monkeypatch.setattr(batch, "_keep", lambda *given: (keep(*given), happen()))

    return at_that_moment


@pytest.mark.parametrize("there", [True, False])
@pytest.mark.parametrize("way", ["replaced", "written into"])
def test_a_store_that_another_program_wrote_meanwhile_stays(
    music, tmp_path, meanwhile, there, way, monkeypatch
):
    target, found = tmp_path / "out.h5", scan.from_folder(music)
    if there:
        run(found[:2], target)
    run(found[2:4], tmp_path / "theirs.h5")
    theirs = (tmp_path / "theirs.h5").read_bytes()

    def write():
        if way == "replaced":
            (tmp_path / "theirs.h5").replace(target)
        else:
            target.write_bytes(theirs)

    meanwhile(write)
    with pytest.raises(StoreError, match=r"another program has written it.*out\.h5\.journal"):
        run(found[4:], target)
    assert target.read_bytes() == theirs
    monkeypatch.undo()
    calls.clear()
    run(found[4:], target)
    assert calls == []  # what was finished was safe
    assert set(FeatureStore.open(target).obs.index) == {t.track_id for t in found[2:]}
    assert not (tmp_path / "out.h5.journal").exists()


def test_a_change_of_mode_or_a_second_name_is_no_other_file(music, tmp_path, meanwhile):
    target, found = tmp_path / "out.h5", scan.from_folder(music)
    run(found[:2], target)
    meanwhile(lambda: (target.chmod(0o600), os.link(target, tmp_path / "backup.h5")))
    run(found, target)
    assert len(FeatureStore.open(target).obs) == 8


def test_what_is_to_be_replaced_is_whatever_it_became(music, tmp_path, meanwhile):
    target, found = tmp_path / "out.h5", scan.from_folder(music)
    meanwhile(lambda: target.write_bytes(b"of another program"))
    run(found, target, overwrite=True)
    assert len(FeatureStore.open(target).obs) == 8


def test_a_damaged_store_that_was_mended_meanwhile_stays(music, tmp_path, meanwhile):
    target, found = tmp_path / "out.h5", scan.from_folder(music)
    run(found[:2], target)
    sound = target.read_bytes()
    target.write_bytes(sound[: len(sound) // 2])
    meanwhile(lambda: target.write_bytes(sound))
    with pytest.raises(StoreError, match="another program has written it"):
        run(found, target)
    assert target.read_bytes() == sound
    assert not (tmp_path / "out.h5.damaged").exists()


def test_a_target_that_is_mounted_by_itself_is_refused_before_any_work(
    music, tmp_path, monkeypatch
):
    (tmp_path / "out.h5").touch()
    monkeypatch.setattr(files_module, "_mount", lambda path: path.name)
    with pytest.raises(batch.BatchError, match="mounted by itself"):
        run(scan.from_folder(music), tmp_path / "out.h5", overwrite=True)
    assert calls == []


# --- what is refused


def test_a_foreign_hdf5_file_is_never_overwritten_unasked(music, tmp_path):
    target = tmp_path / "other.h5"
    with h5py.File(target, "w") as file:
        file["measurements"] = np.arange(5)
    before = target.read_bytes()
    with pytest.raises(StoreError, match=r"another program.*--overwrite"):
        run(scan.from_folder(music), target)
    assert target.read_bytes() == before
    assert calls == []
    run(scan.from_folder(music), target, overwrite=True)
    assert len(FeatureStore.open(target).obs) == 8


@pytest.mark.parametrize("content", [b"text", b"\x89HDF\r\n\x1a\n"])
def test_what_is_no_store_is_refused_with_one_advice(content, music, tmp_path):
    (tmp_path / "o.h5").write_bytes(content)
    with pytest.raises(StoreError) as refusal:
        run(scan.from_folder(music), tmp_path / "o.h5")
    assert str(refusal.value).count("--overwrite") == 1


def test_nothing_to_do_is_an_error(tmp_path):
    with pytest.raises(batch.BatchError, match="no tracks"):
        run([], tmp_path / "out.h5")


def test_repeated_ids_are_named(tmp_path):
    with pytest.raises(batch.BatchError, match="more than once: 'a'"):
        run([Track("a"), Track("b"), Track("a")], tmp_path / "out.h5")


def test_two_extractors_with_one_column_are_refused(tmp_path):
    with pytest.raises(batch.BatchError, match=r"'letters' and 'same_columns'.*'n_letters'"):
        run([Track("a", lyrics="x")], tmp_path / "out.h5", [Letters(), SameColumns()])
    run([Track("a", lyrics="x")], tmp_path / "out.h5", [Letters()])
    with pytest.raises(batch.BatchError, match="n_letters"):
        run([Track("a", lyrics="x")], tmp_path / "out.h5", [SameColumns()])


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(batch.BatchError, match="there is no folder"):
        run([Track("a", lyrics="x")], tmp_path / "no" / "out.h5", [Letters()])
    with pytest.raises(batch.BatchError, match="is a folder"):
        run([Track("a", lyrics="x")], tmp_path, [Letters()])


def test_a_second_writer_is_kept_out(music, tmp_path):
    with (
        Journal(tmp_path / "out.h5"),
        pytest.raises(JournalError, match="another spdkit is writing"),
    ):
        run(scan.from_folder(music), tmp_path / "out.h5")


def test_timeout_needs_local_workers(music, tmp_path):
    with pytest.raises(batch.BatchError, match="timeout needs local workers"):
        run(scan.from_folder(music), tmp_path / "out.h5", timeout=1.0)


# --- executors that fail


class Losing(ThreadPoolExecutor):
    """Loses every batch with the bad track in it, as a cluster loses a task with its worker."""

    def submit(self, function, *args):
        self.sizes = [*getattr(self, "sizes", []), len(args[1])]
        if any(task.track.track_id == "5.wav" for task in args[1]):
            future = Future()
            future.set_exception(OSError("worker lost"))
            return future
        return super().submit(function, *args)


def test_a_lost_batch_is_tried_again_track_by_track(music, tmp_path, monkeypatch):
    monkeypatch.setattr(batch, "_BATCHES", 1)
    with Losing(2) as executor:
        report = batch.extract(
            scan.from_folder(music), tmp_path / "out.h5", [Sizes()], executor=executor
        )
    assert executor.sizes == [8] + [1] * 8
    assert [(f.track_id, f.reason) for f in report.failures] == [("5.wav", "OSError: worker lost")]
    assert (FeatureStore.open(tmp_path / "out.h5").obs["sizes_status"] == "ok").sum() == 7


def test_a_broken_executor_stops_the_batch_and_keeps_what_is_done(music, tmp_path):
    class Closing(ThreadPoolExecutor):
        def submit(self, *args):
            if len(calls) >= 4:
                self.shutdown()
            future = super().submit(*args)
            future.result()
            return future

    executor = Closing(1)
    with pytest.raises(ExecutorError, match="takes no more work"):
        batch.extract(scan.from_folder(music), tmp_path / "out.h5", [Sizes()], executor=executor)
    assert not (tmp_path / "out.h5").exists()


# --- disks


@pytest.mark.parametrize("where", ["out.h5", "out.h5.journal/00000001.h5"])
def test_disk_full_leaves_the_old_file_whole_and_the_rows_safe(where, tmp_path):
    """A limit on file size makes a write fail half-way, as a full disk does."""
    folder, target = tmp_path / "music", tmp_path / "out.h5"
    folder.mkdir()
    for number in range(60):
        (folder / f"{number:02d}.wav").write_bytes(bytes([number]) * 100)
    run(scan.from_folder(folder), tmp_path / "whole.h5")
    run(scan.from_folder(folder)[:3], target)
    before = target.read_bytes()
    room = (tmp_path / "whole.h5").stat().st_size - 1 if where == "out.h5" else 2000

    def fill():
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))
        run(scan.from_folder(folder), target, shard_size=5)

    _, answer = children.in_child(fill)
    assert f"{where}: cannot be written: File too large" in answer and "Traceback" not in answer
    assert target.read_bytes() == before
    assert not list(tmp_path.rglob(".*"))
    calls.clear()
    run(scan.from_folder(folder), target, shard_size=5)
    assert len(calls) == (0 if where == "out.h5" else 57)
    assert (
        FeatureStore.open(target).X.tobytes()
        == FeatureStore.open(tmp_path / "whole.h5").X.tobytes()
    )


def test_a_read_only_folder_is_refused_before_any_work():
    """As an unprivileged user, for whom modes count."""

    def extract():
        if os.geteuid() == 0:
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
        batch.extract([Track("a", "a.wav")], folder / "out.h5", [Sizes()])

    # Not under pytest's own folder, which only its owner may enter.
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "closed"
        folder.mkdir()
        (folder / "out.h5").write_bytes(b"old")
        Path(place).chmod(0o755)
        folder.chmod(0o555)
        _, answer = children.in_child(extract)
        folder.chmod(0o755)
        assert answer.startswith("BatchError") and "out.h5: no permission to write into" in answer
        assert [(f.name, f.read_bytes()) for f in folder.iterdir()] == [("out.h5", b"old")]


# --- names, and what is no file


@pytest.mark.parametrize("forms", [("NFC", "NFD"), ("NFD", "NFC")])
def test_a_second_run_knows_names_in_another_unicode_form(forms, tmp_path):
    """As a folder has them that macOS copied, or that was copied from there."""
    before, now = (unicodedata.normalize(form, "Détour.bin") for form in forms)
    (tmp_path / before).write_bytes(b"sound")
    (tmp_path / "b.bin").write_bytes(b"other")
    run(
        [Track(before, str(tmp_path / before)), Track("b", str(tmp_path / "b.bin"))],
        tmp_path / "names.h5",
    )
    calls.clear()
    (tmp_path / before).rename(tmp_path / now)
    report = run(
        [Track(now, str(tmp_path / now)), Track("b", str(tmp_path / "b.bin"))],
        tmp_path / "names.h5",
    )
    assert (calls, report.n_unchanged) == ([], 2)
    assert list(FeatureStore.open(tmp_path / "names.h5").obs.index) == sorted([before, "b"])


def test_a_pipe_fails_with_a_reason_and_is_never_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    report = run([Track("a", str(tmp_path / "pipe"))], tmp_path / "names.h5")
    assert [failure.reason for failure in report.failures] == ["is a named pipe, no file"]
    assert run([Track("a", str(tmp_path / "pipe"))], tmp_path / "names.h5").n_failed == 1


def test_what_is_absent_with_a_note_is_not_asked_again(tmp_path):
    tracks = [Track("a", lyrics="-99"), Track("b", lyrics="la la"), Track("c", lyrics=" ")]
    with ThreadPoolExecutor(1) as executor:
        for n_extracted in (3, 0):
            report = batch.extract(
                tracks, tmp_path / "f.h5", [LyricsExtractor()], executor=executor
            )
            assert report.n_extracted == n_extracted
    obs = FeatureStore.open(tmp_path / "f.h5").obs
    assert list(obs["lyrics_status"]) == ["absent", "ok", "absent"]
    assert obs["lyrics_note"].iloc[0] == "no lyrics but a placeholder, such as -99"


def test_a_store_in_use_is_neither_resumed_nor_said_to_be_replaced(tmp_path):
    (tmp_path / "a").write_bytes(b"sound")
    run([Track("a", str(tmp_path / "a"))], tmp_path / "names.h5")
    code = "import h5py, sys; f = h5py.File(sys.argv[1], 'a'); print(1, flush=True); input()"
    words, pipe = [sys.executable, "-c", code, tmp_path / "names.h5"], subprocess.PIPE
    with subprocess.Popen(words, stdin=pipe, stdout=pipe) as holder:
        holder.stdout.readline()
        with pytest.raises(StoreInUseError, match="in use by another program") as refusal:
            run([Track("a", str(tmp_path / "a"))], tmp_path / "names.h5")
        assert "overwrite" not in str(refusal.value)
        holder.communicate(b"\n")
