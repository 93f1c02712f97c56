"""The journal: damage is set aside and done again; what is not ours stays."""

from __future__ import annotations

import errno
import os
import re
import shutil
import signal
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import h5py
import numpy as np
import pytest
from damage import damaged

from spdkit.common.errors import SpdkitWarning
from spdkit.common.interrupts import deferred_interrupt
from spdkit.extraction import batch, journal as journals
from spdkit.extraction.feature_table import tabulate
from spdkit.extraction.journal import Journal, JournalError
from spdkit.extraction.track_results import Task, run_task
from spdkit.extractors import Extractor, FeatureSpec
from spdkit.store.errors import StoreError
from spdkit.store.feature_store import FeatureStore, write_store
from spdkit.tracks.track import Track


class Letters(Extractor):
    name, modality, version = "letters", "lyrics", "1"
    feature_specs = (FeatureSpec("n_letters", "1", 0, np.inf, "letters", "test"),)

    def __init__(self, factor=1):
        self.factor = factor

    def extract(self, track):
        calls.append(track.track_id)
        return np.array([self.factor * len(track.lyrics)], dtype=np.float32)


calls: list[str] = []
TRACKS = [Track(f"{n:02d}", lyrics="la " * (n + 1)) for n in range(20)]


@pytest.fixture(autouse=True)
def _no_calls():
    calls.clear()


def run(target, tracks=TRACKS, **options):
    with ThreadPoolExecutor(1) as executor:
        return batch.extract(tracks, target, [Letters()], executor=executor, **options)


def rows(tracks, factor=1):
    tasks = [Task(track, ("letters",)) for track in tracks]
    extractors = {"letters": Letters(factor)}
    return tabulate([run_task(task, extractors) for task in tasks], [Letters(factor)])


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    target = tmp_path_factory.mktemp("whole") / "f.h5"
    run(target)
    return FeatureStore.open(target).read()


@pytest.fixture
def stopped(tmp_path):
    """A batch that was stopped behind its third shard, of four tracks each."""
    target = tmp_path / "f.h5"
    with Journal(target) as journal:
        journal.begin(fresh=True, replace=False)
        for at in (0, 4, 8):
            journal.append(rows(TRACKS[at : at + 4]))
    calls.clear()
    return target


@contextmanager
def remark(pattern):
    """Expect a warning of ours, among others."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    texts = [str(warning.message) for warning in caught if warning.category is SpdkitWarning]
    assert any(re.search(pattern, text) for text in texts), texts


def content(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def assert_whole(target, whole):
    found = FeatureStore.open(target).read()
    assert found.X.tobytes() == whole.X.tobytes()
    assert found.obs.equals(whole.obs)


def shard(target, number):
    return target.with_name("f.h5.journal") / f"{number:08d}.h5"


# --- damage


@pytest.mark.parametrize(
    ("how", "number"), [("flip", 1), ("flip", 3), ("cut", 2), ("empty", 3), ("no seal", 1)]
)
def test_a_damaged_shard_is_set_aside_and_its_tracks_done_again(how, number, stopped, whole):
    path = shard(stopped, number)
    data = bytearray(path.read_bytes())
    if how == "flip":
        data[len(data) // 2] ^= 1
    elif how == "cut":
        del data[len(data) // 2 :]
    elif how == "empty":
        data.clear()
    else:
        data[-400:] = bytes(400)  # and the end of the image
    path.write_bytes(data)
    with pytest.warns(SpdkitWarning) as told:
        run(stopped)
    (text,) = {str(warning.message) for warning in told}  # of all, and not once more at the end
    assert f"{path.name}: damaged, and kept as {path.name}.damaged" in text
    again = {track.track_id for track in TRACKS[4 * number - 4 : 4 * number]}
    assert set(calls) == again | {track.track_id for track in TRACKS[12:]}
    assert_whole(stopped, whole)
    assert content(stopped.with_name("f.h5.journal")) == {f"{path.name}.damaged": bytes(data)}
    calls.clear()
    with remark(rf"stays for .*'{path.name}\.damaged'"):
        run(stopped)
    assert calls == []


def test_a_store_has_one_journal_whatever_it_is_called(stopped, whole, tmp_path_factory):
    """Two batches that know one store by two names are kept apart, and resume each other's."""
    link = tmp_path_factory.mktemp("links") / "l.h5"
    link.symlink_to(stopped)
    chain = stopped.with_name("chain.h5")
    chain.symlink_to(link)
    with Journal(stopped):
        for name in (link, chain):
            with pytest.raises(JournalError, match=f"{name}: another spdkit is writing it"):
                run(name)
    run(chain)
    assert set(calls) == {track.track_id for track in TRACKS[12:]}
    assert_whole(stopped, whole)
    assert link.is_symlink() and list(link.parent.iterdir()) == [link]
    assert {path.name for path in stopped.parent.iterdir()} == {"f.h5", "chain.h5"}


def test_links_in_a_circle_have_no_journal(tmp_path):
    (tmp_path / "a.h5").symlink_to("b.h5")
    (tmp_path / "b.h5").symlink_to("a.h5")
    with pytest.raises(JournalError, match=r"a\.h5: cannot be written"):
        Journal(tmp_path / "a.h5")


def test_a_missing_shard_is_told(stopped, whole):
    shard(stopped, 2).unlink()
    with remark(r"00000002\.h5 missing; their tracks are done again"):
        run(stopped)
    assert len(calls) == 12
    assert_whole(stopped, whole)
    assert [path.name for path in stopped.parent.iterdir()] == ["f.h5"]


def test_a_shard_of_an_older_spdkit_is_read(stopped, whole):
    """Version 1.1 had neither seals nor checksums."""
    for number in (1, 2, 3):
        with h5py.File(shard(stopped, number), "r+") as file:
            del file["checksums"]
            file.attrs["encoding-version"] = "1.1"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run(stopped)
    assert len(calls) == 8
    assert_whole(stopped, whole)


def test_rows_of_other_parameters_are_refused_in_words(stopped):
    write_store(shard(stopped, 2), rows(TRACKS[4:8], factor=2))
    before = content(stopped.with_name("f.h5.journal"))
    with pytest.raises(JournalError, match=r"do not fit .*letters\.factor is 2 in one part and 1"):
        run(stopped)
    assert content(stopped.with_name("f.h5.journal")) == before


def test_what_the_batch_itself_wrote_is_read_back(stopped, monkeypatch, whole):
    """A disk that loses what it has just taken: nothing is written, and the next run mends it."""
    append = Journal.append

    def lose(self, table):
        append(self, table)
        path = self.shards()[-1]
        path.write_bytes(path.read_bytes()[:-200] + bytes(200))

    monkeypatch.setattr(Journal, "append", lose)
    with remark(""), pytest.raises(JournalError, match=r"is damaged\. Look at the"):
        run(stopped)
    assert not stopped.exists()
    monkeypatch.undo()
    with remark("stays for"):
        run(stopped)
    assert_whole(stopped, whole)


def check_random_damage(folder, seeds, whole):
    """Many damaged shards in one journal: each is read as it was, or set aside."""
    target = folder / "r.h5"
    with Journal(target) as journal:
        journal.begin(fresh=True, replace=False)
        journal.append(rows(TRACKS))
        (path,) = journal.shards()
        good = path.read_bytes()
        expected = FeatureStore.open(path).read()
        for number, seed in enumerate(seeds, 1):
            path.with_name(f"{number:08d}.h5").write_bytes(damaged(good, seed))
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            tables = journal.read()
        assert len(tables) + len(caught) == len(seeds)
        kept = [p for p in journal.folder.iterdir() if p.name.endswith(".damaged")]
        assert len(kept) == len(caught)
        for table in tables:
            assert table.X.tobytes() == expected.X.tobytes()
            assert table.obs.equals(expected.obs)
        for p in kept:
            p.unlink()
        journal.finish()
    return len(tables), len(caught)


def test_random_damage_changes_no_number(tmp_path, whole):
    check_random_damage(tmp_path, range(40), whole)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_much_random_damage_changes_no_number(tmp_path, whole):
    n_read, n_damaged = check_random_damage(tmp_path, range(5000, 6000), whole)
    assert n_read > 50 and n_damaged > 500


# --- the manifest


@pytest.mark.parametrize("text", ["", "{", "[]", "3", '{"replace": "no"}', '{"a": 1}', "[" * 9999])
def test_a_damaged_manifest_costs_no_finished_track(text, stopped, whole):
    manifest = stopped.with_name("f.h5.journal") / "manifest.json"
    manifest.write_text(text)
    with remark(r"damaged, and kept as manifest\.json\.damaged"):
        run(stopped)
    assert len(calls) == 8
    assert_whole(stopped, whole)
    assert content(manifest.parent) == {"manifest.json.damaged": text.encode()}


@pytest.mark.parametrize("kind", ["folder", "pipe", "link"])
@pytest.mark.parametrize("name", ["manifest.json", "lock"])
def test_what_is_no_file_of_ours_is_told_and_left_alone(name, kind, stopped):
    place = stopped.with_name("f.h5.journal") / name
    place.unlink(missing_ok=True)
    (stopped.parent / "secret").write_text("of the user")
    if kind == "folder":
        place.mkdir()
    elif kind == "pipe":
        os.mkfifo(place)
    else:
        place.symlink_to(stopped.parent / "secret")
    shards = [shard(stopped, number).read_bytes() for number in (1, 2, 3)]
    for overwrite in (False, True):
        with pytest.raises(JournalError, match=rf"{name}: is no regular file, .*: move it away"):
            run(stopped, overwrite=overwrite)
    assert os.path.lexists(place) and calls == []
    assert [shard(stopped, number).read_bytes() for number in (1, 2, 3)] == shards
    assert (stopped.parent / "secret").read_text() == "of the user"


def test_a_lock_that_holds_something_is_not_emptied(tmp_path):
    lock = tmp_path / "f.h5.journal" / "lock"
    lock.parent.mkdir()
    lock.write_text("of the user")
    with pytest.raises(JournalError, match="is no lock of spdkit: move it away"):
        run(tmp_path / "f.h5")
    assert lock.read_text() == "of the user"


# --- what is the user's


def test_things_of_the_user_stay_and_are_told(stopped, whole):
    folder = stopped.with_name("f.h5.journal")
    (folder / "notes.txt").write_text("mine")
    (folder / "2024.h5").write_text("mine")
    (folder / ".hidden").write_text("mine")
    (folder / "00000004.h5").mkdir()
    (folder / "00000004.h5" / "inside").write_text("mine")
    (folder / "00000005.h5").symlink_to(folder / "notes.txt")
    others = {".spdkit-backup.txt", ".spdkit-e", ".backup01-f.h5", ".my_notes-manifest.json"}
    for name in others:
        (folder / name).write_text("mine")
    with remark(r"stays for .*'\.hidden'"):
        run(stopped, shard_size=4)
    assert_whole(stopped, whole)
    assert len(calls) == 8
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*")}
    assert names == {"notes.txt", "2024.h5", ".hidden", "00000004.h5", "00000004.h5/inside",
                     "00000005.h5", *others}  # fmt: skip
    with remark("stays for"):
        run(stopped, overwrite=True)
    assert {path.relative_to(folder).as_posix() for path in folder.rglob("*")} == names


@pytest.mark.parametrize("overwrite", [False, True])
def test_what_has_the_name_of_a_shard_and_is_no_store_stays(overwrite, tmp_path, whole):
    folder = tmp_path / "f.h5.journal"
    folder.mkdir()
    mine = {"12345678.h5": b"mine", "00000001.h5": b"\x89HDF\r\n\x1a\n, of another program"}
    for name, text in mine.items():
        (folder / name).write_bytes(text)
    with remark(r"stays for .*'00000001\.h5', '12345678\.h5'"):
        run(tmp_path / "f.h5", shard_size=4, overwrite=overwrite)
    assert_whole(tmp_path / "f.h5", whole)
    assert content(folder) == mine


def test_what_a_killed_writer_left_goes(stopped, whole):
    folder = stopped.with_name("f.h5.journal")
    for name in (f".spdkit-0123abcd-{'0f' * 8}.h5", f".spdkit-fedcba98-{'a0' * 8}"):
        (folder / name).write_bytes(b"half")
    run(stopped)
    assert [path.name for path in stopped.parent.iterdir()] == ["f.h5"]


@pytest.mark.parametrize("kind", ["file", "link", "link to nothing"])
def test_a_journal_that_is_no_folder_is_told_and_left_alone(kind, tmp_path):
    place, other = tmp_path / "f.h5.journal", tmp_path / "other"
    if kind == "file":
        place.write_text("mine")
    else:
        place.symlink_to(other)
        if kind == "link":
            other.mkdir()
    match = "is no folder" if kind == "file" else "is a link"
    with pytest.raises(JournalError, match=rf"{match}, where the journal of f\.h5 .*move it away"):
        run(tmp_path / "f.h5")
    assert os.path.lexists(place)
    assert not other.exists() or not list(other.iterdir())


# --- a damaged store


def test_a_damaged_store_keeps_its_whole_rows(tmp_path):
    """And says what is done again, what is lost, and where the damaged file is."""
    target = tmp_path / "f.h5"
    tracks = [Track(f"{n:04d}", lyrics="la " * (n % 50 + 1)) for n in range(300)]
    run(target, tracks)
    expected = FeatureStore.open(target).read()
    with h5py.File(target) as file:
        place = file["X"].id.get_chunk_info(1).byte_offset
    data = bytearray(target.read_bytes())
    data[place] ^= 1
    target.write_bytes(data)
    calls.clear()
    match = r"44 of 300 rows are lost.*kept as f\.h5\.damaged; done again: '0256'.* and 35 more; "
    with remark(match + r"not in this run, so lost .*'0296', .*'0299'"):
        run(target, tracks[:296])
    assert sorted(calls) == [f"{n:04d}" for n in range(256, 296)]
    found = FeatureStore.open(target).read()
    assert found.X.tobytes() == expected.X[:296].tobytes()
    assert found.obs.equals(expected.obs.iloc[:296])
    assert content(tmp_path) == {"f.h5": target.read_bytes(), "f.h5.damaged": bytes(data)}


def test_a_store_with_something_behind_it_is_written_again(tmp_path, whole):
    target = tmp_path / "f.h5"
    run(target, TRACKS[:10])
    joined = target.read_bytes() + b"of another store"
    target.write_bytes(joined)
    calls.clear()
    with remark(r"16 bytes lie behind its seal.*10 rows are whole; .*kept as f\.h5\.damaged"):
        run(target)
    assert len(calls) == 10
    assert_whole(target, whole)
    assert (tmp_path / "f.h5.damaged").read_bytes() == joined


def test_a_store_of_which_nothing_is_left_is_done_again(tmp_path, whole):
    target = tmp_path / "f.h5"
    run(target)
    data = target.read_bytes()
    target.write_bytes(bytes(600) + data[600:])
    with remark(r"every row is lost; .*kept as f\.h5\.damaged"):
        run(target)
    assert_whole(target, whole)
    shutil.copy(tmp_path / "f.h5.damaged", target)
    with remark(r"kept as f\.h5\.damaged-2"):
        run(target)


def test_a_damaged_store_in_which_nothing_is_to_do_is_still_written_again(tmp_path):
    target = tmp_path / "f.h5"
    run(target)
    with h5py.File(target, "r+") as file:
        file["obs/audio"][0] = "x"
    with remark("all 20 rows are lost, since rows are whole or lost 256 at a time"):
        run(target, TRACKS[:5])
    assert list(FeatureStore.open(target).obs.index) == [track.track_id for track in TRACKS[:5]]


def test_a_damaged_store_that_cannot_be_kept_beside_stays(tmp_path, monkeypatch):
    target = tmp_path / "f.h5"
    run(target)
    target.write_bytes(damaged(target.read_bytes(), 3))
    before = target.read_bytes()

    def full(path):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(batch, "keep_beside", full)
    with pytest.raises(StoreError, match=r"f\.h5: damaged, and cannot be kept beside: No space"):
        run(target)
    assert target.read_bytes() == before


def test_a_name_as_long_as_names_can_be_has_a_journal_and_a_damaged_copy(tmp_path, monkeypatch):
    target, other = tmp_path / f"{'é' * 126}.h5", tmp_path / f"{'é' * 125}xy.h5"
    assert len(os.fsencode(target.name)) == 255

    def stop(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(batch, "write_store", stop)
        run(target)
    assert Journal(target).shards()
    calls.clear()
    run(other, TRACKS[:1])  # is not resumed from the other's
    assert calls == ["00"]
    run(target)
    assert calls == ["00"] and set(tmp_path.iterdir()) == {target, other}
    target.write_bytes(damaged(target.read_bytes(), 3))
    with remark("is kept as"):
        run(target)
    (copy,) = set(tmp_path.iterdir()) - {target, other}
    assert copy.name.endswith(".damaged") and len(FeatureStore.open(target).obs) == 20


# --- Ctrl-C


def test_an_interrupt_waits_for_the_shard_in_hand(tmp_path, monkeypatch):
    """Pressed while a shard is written: that shard is there, and what comes next is not begun."""
    whole = journals.write_store

    def slow(path, table, **options):
        signal.raise_signal(signal.SIGINT)
        whole(path, table, **options)

    monkeypatch.setattr(journals, "write_store", slow)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "f.h5", shard_size=4)
    monkeypatch.undo()
    journal = Journal(tmp_path / "f.h5")
    n_safe = sum(len(table.obs) for table in journal.read())
    assert n_safe >= 4
    n_before = len(calls)
    run(tmp_path / "f.h5")
    assert len(calls) - n_before == 20 - n_safe
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_interrupts_are_deferred_in_the_main_thread_only():
    done = []
    with pytest.raises(KeyboardInterrupt):
        with deferred_interrupt():
            signal.raise_signal(signal.SIGINT)
            done.append("the block")
        done.append("behind")
    assert done == ["the block"]

    def elsewhere():
        with deferred_interrupt():
            done.append("a thread")

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert done == ["the block", "a thread"]
