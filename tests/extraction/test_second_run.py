"""A second run does what the first did, whatever stands in a cell of `audio`."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import fsspec
import http_server
import numpy as np
import pandas as pd
import pytest
from audio_files import melody, save

from spdkit.extraction import batch
from spdkit.extraction.track_results import Task, failed_result, run_task
from spdkit.extraction.work_plan import plan_work
from spdkit.extractors import ExtractionError, LyricsExtractor
from spdkit.extractors.base import Extractor, FeatureSpec
from spdkit.extractors.decoding.window import read_clip
from spdkit.store.feature_store import FeatureStore
from spdkit.tracks import remote_audio
from spdkit.tracks.addresses import allowing
from spdkit.tracks.fingerprint import look_at
from spdkit.tracks.scan import from_table
from spdkit.tracks.track import Track, open_binary

ODD = {
    "missing": "{d}/none.wav",
    "blank": " x ",
    "folder": "{d}",
    "below a file": "{d}/a.wav/b.wav",
    "long path": "/" + "a" * 5000 + ".wav",
    "long name": "b" * 300 + ".wav",
    "home of nobody": "~nobody-of-that-name/a.wav",
    "NUL": "a\0b.wav",
    "NUL in a URL": "http://127.0.0.1:1/a\0b.wav",
    "half a character": "\ud800.wav",
    "half a character in a URL": "http://127.0.0.1:1/\ud800.wav",
    "half a byte": "\udcff.wav",
    "line break": "a\nb.wav",
    "steering": "\x1b[2Ja.wav",
    "empty file": "{d}/empty.wav",
    "broken link": "{d}/link.wav",
    "no sound": "{d}/text.wav",
    "mistyped": "htp://example.invalid/a.wav",
    "unknown": "gopher://example.invalid/a",
    "no protocol": "://a.wav",
    "protocol alone": "https://",
    "a letter": "c://a.wav",
    "capitals": "HTTP://127.0.0.1:1/a.wav",
    "broken address": "http://[::1",
    "IPv6": "http://[::1]:1/a.wav",
    "no IPv6": "http://[zz]/a.wav",
    "port": "http://host:99999/",
    "port of letters": "http://host:port/a.wav",
    "no host": "http:///a.wav",
    "blank host": "http:// /a.wav",
    "dots": "http://../a.wav",
    "long host": "http://" + "a" * 300 + ".invalid/a.wav",
    "nobody listens": "http://127.0.0.1:1/a.wav",
    "password in place of a protocol": "mistake://user:mistake@127.0.0.1:1/a.wav",
    "password": "http://user:pa55word@127.0.0.1:1/a.wav",
    "chain": "simplecache::http://127.0.0.1:1/a.wav",
    "tar": "tar://x::file://{d}/a.wav",
    "zip": "zip://a.wav::{d}/a.wav",
    "reference": "reference://a",
    "memory": "memory://a",
    "data": "data:///x",
    "data without slashes": "data:audio/wav;base64,AAAA",
    "local": "local://{d}/a.wav",
    "package missing": "s3://bucket/a.wav",
    "file, missing": "file://{d}/none.wav",
    "file, folder": "file:///",
    "file, NUL": "file:///a\0b.wav",
    "file of a host": "file://host/a.wav",
    "file without a name": "file://",
    "file, one slash": "file:/{d}/a.wav",
    "a number": "42",
    "colons": "a::b::c",
    "colons of a URL": "http://127.0.0.1:1/a::b.wav",
}


class Level(Extractor):
    """Needs the sound of a window, and nothing else."""

    name, modality, version = "level", "audio", "1"
    feature_specs = (FeatureSpec("level", "1", 0, 1, "mean of the magnitudes", "test"),)

    def extract(self, track):
        return np.array([np.abs(read_clip(track.audio).y).mean()], dtype=np.float32)


class Words(Extractor):
    name, modality, version = "words", "lyrics", "1"
    feature_specs = (FeatureSpec("words", "1", 0, 1, "characters", "test"),)

    def extract(self, track):
        return np.array([len(track.lyrics)], dtype=np.float32)


class Facts(Extractor):
    name, modality, version = "facts", "metadata", "1"
    feature_specs = (FeatureSpec("facts", "1", 0, 1, "year", "test"),)

    def extract(self, track):
        return np.array([track.metadata["year"]], dtype=np.float32)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(remote_audio, "_PAUSES", (0.0,))
    save(tmp_path / "a.wav", melody(1.5))
    (tmp_path / "empty.wav").touch()
    (tmp_path / "text.wav").write_text("this is no sound\n" * 100)
    (tmp_path / "link.wav").symlink_to("nowhere.wav")
    return tmp_path


def run(tracks, target, extractors=None, **options):
    with ThreadPoolExecutor(2) as executor:
        return batch.extract(tracks, target, extractors or [Level()], executor=executor, **options)


def statuses(target):
    obs = FeatureStore.open(target).obs
    return obs[["audio", "level_status", "level_error"]].T.to_dict("list")


def table(folder):
    cells = {name: cell.replace("{d}", str(folder)) for name, cell in ODD.items()}
    rows = {"good": f"{folder}/a.wav", "good file": f"file://{folder}/a.wav", **cells}
    return pd.DataFrame({"track_id": list(rows), "audio": list(rows.values())}, dtype=object)


def test_odd_cells_are_the_same_failures_in_every_run(folder):
    target = folder / "out.h5"
    tracks = from_table(table(folder))
    seen = []
    for _ in range(3):
        report = run(tracks, target)
        seen.append((statuses(target), [(f.track_id, f.reason) for f in report.failures]))
    assert seen[0] == seen[1] == seen[2]
    rows, failures = seen[0]
    assert {name for name, row in rows.items() if row[1] == "ok"} == {"good", "good file"}
    assert {name for name, _ in failures} == set(ODD)
    reasons = dict(failures)
    assert all(reasons.values())
    assert not [reason for reason in reasons.values() if ".py, line" in reason]
    assert reasons["password in place of a protocol"] == "unknown protocol '***'"
    assert reasons["mistyped"] == "unknown protocol 'htp'"
    assert "--allow-protocol simplecache" in reasons["chain"]
    missing = f"no such file: {folder}/none.wav"
    assert reasons["file, missing"] == reasons["missing"] == missing
    assert reasons["folder"] == reasons["file, folder"] == "is a folder, not a file"
    assert reasons["NUL"] == reasons["file, NUL"] == "cannot be opened: a zero byte in its name"
    assert "pa55word" not in repr(seen)


def test_a_look_says_of_a_file_what_the_extractor_says(folder):
    """Planning, fingerprints and the worker have the same words."""
    for name, cell in ODD.items():
        audio = cell.replace("{d}", str(folder))
        with allowing(()):
            problem = look_at(audio).problem
        done = run_task(Task(Track("a", audio), ("level",)), {"level": Level()})
        error = done.results["level"].error
        assert error == problem or (not problem and name in ("no sound", "empty file")), name


def test_an_odd_cell_beside_words_costs_the_words_nothing(folder):
    tracks = [Track(name, cell, lyrics="la la la\nla la") for name, cell in ODD.items()]
    for n_extracted in (len(tracks), len(tracks)):
        report = run(tracks, folder / "out.h5", [Level(), LyricsExtractor()])
        assert report.n_extracted == n_extracted
        assert {failure.extractor for failure in report.failures} == {"level"}
    obs = FeatureStore.open(folder / "out.h5").obs
    assert set(obs["lyrics_status"]) == {"ok"}


def test_what_is_still_missing_is_no_work_where_the_workers_are_here(folder):
    names = ("missing", "folder", "NUL", "broken link")
    tracks = [Track(name, ODD[name].replace("{d}", str(folder))) for name in names]
    run(tracks, folder / "out.h5")
    store = FeatureStore.open(folder / "out.h5")
    plan = plan_work(tracks, [Level()], store.read())
    assert (plan.tasks, plan.renewed, plan.unreachable) == ((), (), ())
    kept = {each.track.track_id: each.results["level"].error for each in plan.missing}
    assert kept == store.obs["level_error"].to_dict()
    assert len(plan_work(tracks, [Level()], store.read(), elsewhere=True).tasks) == len(names)
    # Anything else than before is work: another reason, another path, another extractor.
    (folder / "none.wav").mkdir()
    moved = [Track("folder", f"{folder}/none.wav"), *tracks[::2]]
    assert [task.track.track_id for task in plan_work(moved, [Level()], store.read()).tasks] == [
        "folder",
        "missing",
    ]
    both = plan_work(tracks[2:], [Level(), LyricsExtractor()], store.read())
    assert [task.extractors for task in both.tasks] == [("level", "lyrics")] * 2


def test_failures_that_are_no_work_are_in_the_report(folder):
    tracks = [Track("a", f"{folder}/none.wav"), Track("b", f"{folder}/a.wav")]
    run(tracks, folder / "out.h5")
    report = batch.extract(tracks, folder / "out.h5", [Level()], jobs=1)
    assert [(f.track_id, f.reason) for f in report.failures] == [
        ("a", f"no such file: {folder}/none.wav")
    ]
    assert (report.n_extracted, report.n_unchanged, report.unreachable) == (0, 2, ())
    save(folder / "none.wav", melody(1.5))
    assert run(tracks, folder / "out.h5").failures == ()


def test_an_unreachable_file_keeps_its_features_whatever_else_there_is(folder):
    """Also where other extractors have nothing of it, and have to run."""
    audio = folder / "song.wav"
    save(audio, melody(1.5))
    track = Track("song", str(audio), lyrics="la la la\nla la")
    run([track], folder / "out.h5", [Level(), Louder()])
    before = FeatureStore.open(folder / "out.h5").to_pandas()
    assert before.notna().all().to_dict() == {"level": True, "louder": False}
    audio.unlink()
    report = run([track], folder / "out.h5", [Level(), Louder(), LyricsExtractor()])
    assert report.unreachable == ("song",)
    assert FeatureStore.open(folder / "out.h5").to_pandas()["level"].equals(before["level"])


@pytest.mark.parametrize("extractors", [(Words(), Facts()), (Level(), Words(), Facts())])
def test_new_words_and_facts_need_no_file(folder, extractors):
    """All that is of the sound stays as it was, its stamp too; after that there is no work."""
    audio, target = folder / "song.wav", folder / "out.h5"
    audio.write_bytes((folder / "a.wav").read_bytes())
    run([Track("song", str(audio))], target)
    of_sound = ["audio", "size", "modified", "content", "level_status", "level_content"]
    before = FeatureStore.open(target).obs[of_sound]
    audio.unlink()
    for words, year in (("la la", 1999), ("la la la", 1999), ("la la la", 2001)):
        track = Track("song", f"{folder}/elsewhere.wav", words, {"year": year})
        report = run([track], target, extractors)
        assert (report.unreachable, report.n_extracted) == (("song",), 1)
        store = FeatureStore.open(target)
        row = store.to_pandas().loc["song"]
        assert (row["words"], row["facts"], row["level"] > 0) == (len(words), year, True)
        assert store.obs["metadata"].item() == f'{{"year": {year}}}'
        assert store.obs[of_sound].equals(before)
        assert run([track], target, extractors).n_extracted == 0
    # Facts that no extractor of this run reads are in the store all the same.
    run([Track("song", str(audio), metadata={"year": 2002})], target)
    assert FeatureStore.open(target).obs["metadata"].item() == '{"year": 2002}'
    # A new extractor of sound waits for it.
    report = run([Track("song", str(audio))], target, [Level(), Louder()])
    assert (report.unreachable, report.n_extracted, report.failures) == (("song",), 0, ())


def test_words_that_kill_their_worker_cost_the_sound_nothing(folder):
    recorded = look_at(f"{folder}/a.wav")
    result = failed_result(Task(Track("a", "away.wav"), ("words",), recorded), "died")
    assert (result.stamp, result.fingerprint) == (recorded.stamp, recorded.fingerprint)


class Louder(Level):
    """Fails on all there is."""

    name = "louder"
    feature_specs = (FeatureSpec("louder", "1", 0, 1, "nothing", "test"),)

    def extract(self, track):
        raise ValueError(f"not of {track.audio}")


def test_servers_are_looked_at_side_by_side_and_once(folder, monkeypatch):
    with http_server.serve(folder) as (url, days):
        tracks = [Track(f"{n:02d}", f"{url}/a.wav?n={n}") for n in range(12)]
        run(tracks, folder / "out.h5")
        table_ = FeatureStore.open(folder / "out.h5").read()
        days.asked.clear()
        days.meet(12)  # each answer waits until all have asked
        plan = plan_work(tracks, [Level()], table_)
    assert (plan.tasks, plan.renewed, plan.unreachable) == ((), (), ())
    assert sorted(days.asked.values()) == [1] * 12


def test_a_server_that_drips_holds_up_no_plan(folder):
    """The time-out of a run reaches the looks that come before it."""
    with http_server.serve(folder) as (url, days):
        days.stated = False
        tracks = [Track("a", f"{url}/a.wav")]
        run(tracks, folder / "out.h5")
        days.trouble = lambda method, *_: "drip" if method == "GET" else ""
        report = batch.extract(tracks, folder / "out.h5", [Level()], jobs=1, timeout=0.5)
    assert (report.unreachable, report.n_extracted) == (("a",), 0)
    assert statuses(folder / "out.h5")["a"][1:] == ["ok", ""]


def test_a_server_is_not_looked_at_where_all_is_done_again_anyway(folder, monkeypatch):
    track = Track("a", "http://127.0.0.1:1/a.wav")
    run([track], folder / "out.h5")
    table_ = FeatureStore.open(folder / "out.h5").read()
    monkeypatch.setattr(remote_audio, "_file_system", None)
    assert [task.track for task in plan_work([track], [Level()], table_).tasks] == [track]


def test_a_link_signed_anew_is_the_same_track(folder):
    with http_server.serve(folder) as (url, days):
        at = url.removeprefix("http://")
        first = Track("a", f"http://user:secret1@{at}/a.wav?X-Amz-Signature=abcdef&token=one")
        again = Track("a", f"http://user:secret2@{at}/a.wav?X-Amz-Signature=fedcba&token=two")
        assert run([first], folder / "out.h5").failures == ()
        before = (folder / "out.h5").read_bytes()
        report = run([again], folder / "out.h5")
    assert (report.n_extracted, report.n_unchanged) == (0, 1)
    assert (folder / "out.h5").read_bytes() == before
    shown = f"http://***@{at}/a.wav?X-Amz-Signature=***&token=***"
    assert statuses(folder / "out.h5")["a"] == [shown, "ok", ""]
    assert days.passwords == {"user:secret1", "user:secret2"}


def test_protocols_that_are_allowed_are_opened(folder):
    fsspec.filesystem("memory").pipe("/second_run/a.wav", (folder / "a.wav").read_bytes())
    track = Track("a", "memory://second_run/a.wav")
    assert "--allow-protocol memory" in run([track], folder / "out.h5").failures[0].reason
    assert run([track], folder / "out.h5", allow_protocols=["memory"]).failures == ()
    assert run([track], folder / "out.h5", allow_protocols=["memory"]).n_extracted == 0
    # Without it the features stay, as of any file that cannot be read now.
    assert run([track], folder / "out.h5").unreachable == ("a",)
    with pytest.raises(ValueError, match="'memroy' is no protocol that fsspec knows"):
        run([track], folder / "out.h5", allow_protocols=["memroy"])


def test_a_transformer_opens_what_a_batch_opens(folder):
    track = Track("a", "memory://second_run/nothing.wav")
    with pytest.raises(ExtractionError, match="--allow-protocol memory"):
        Level().transform([track])
    with allowing(["memory"]), pytest.raises(ExtractionError, match="no such file"):
        Level().transform([track])


def test_whatever_raises_shows_no_secret(folder):
    track = Track("a", "http://u:pa55word@127.0.0.1:1/a?token=t0ken1234")
    error = run([track], folder / "out.h5", [Louder()]).failures[0].reason
    assert "not of http://***@127.0.0.1:1/a?token=***" in error
    with http_server.serve(folder) as (url, days):
        address = f"{url}/a.wav?token=t0ken1234"
        days.trouble = lambda *_: (403, "")
        problem = look_at(address).problem
        days.trouble = lambda method, *_: (403, "") if method == "GET" else ""
        with pytest.raises(remote_audio.RemoteError) as refusal, open_binary(address) as file:
            file.read()
    for text in (problem, str(refusal.value)):
        assert "403" in text and "t0ken1234" not in text


def test_a_folder_under_a_url_is_a_folder():
    fsspec.filesystem("memory").pipe("/second_folder/a.wav", b"x")
    assert look_at("memory://second_folder").problem == "is a folder, not a file"


def test_a_server_is_looked_at_where_only_words_are_asked_for(folder):
    """Or the state of its file would be forgotten."""
    with http_server.serve(folder) as (url, _):
        track = Track("a", f"{url}/text.wav", lyrics="la la la\nla la")
        run([track], folder / "out.h5", [Level(), LyricsExtractor()])
        store = FeatureStore.open(folder / "out.h5").read()
        assert store.obs.loc["a", "level_status"] == "failed" and store.obs.loc["a", "size"] > 0
        plan = plan_work([track], [LyricsExtractor()], store)
    assert (plan.tasks, plan.renewed) == ((), ())
