"""Sealed folder: old or new at every instant, and nothing of others is touched."""

import errno
import json
import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from spdkit.common import sealed_folder
from spdkit.common.errors import SpdkitError, SpdkitWarning
from spdkit.common.sealed_folder import SealedFolder, digest, pack

OLD = {"arrays": b"old arrays", "test.csv": b"old rows", "only.csv": b"of old alone"}
NEW = {"arrays": b"new arrays", "test.csv": b"new rows", "more.csv": b"of new alone"}
MINE = {"thesis.txt": b"years of work", ".spdkit-note": b"mine", ".spdkit-a." + "0" * 64: b"mine"}


class FolderError(SpdkitError):
    """What these tests raise."""


def sealed(path):
    return SealedFolder(path, "thing", FolderError, ("arrays",))


def write(path, files):
    described = {
        "format": "spdkit-thing",
        "version": "1.0",
        "files": {name: digest(content) for name, content in files.items()},
    }
    sealed(path).write(pack(described), files)


def read(path):
    described, _ = sealed(path).read((), "1.0")
    return sealed(path).read(list(described["files"]), "1.0")[1]


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def folder(tmp_path):
    write(tmp_path / "f", OLD)
    for name, content in MINE.items():
        (tmp_path / "f" / name).write_bytes(content)
    return tmp_path / "f"


def require_one_of_both(folder, then):
    """Old or new is there, what is mine is, and the next save leaves nothing else."""
    loaded = read(folder)
    assert loaded in (OLD, NEW)
    assert MINE.items() <= contents(folder).items()
    write(folder, then)
    assert set(contents(folder)) == {"thing.json", *then, *MINE}
    assert read(folder) == then
    return loaded


def test_one_replaces_the_other_and_what_is_mine_stays(folder):
    write(folder, NEW)
    assert contents(folder) == {
        **NEW,
        **MINE,
        "thing.json": (folder / "thing.json").read_bytes(),
    }
    assert read(folder) == NEW


def test_a_folder_is_never_renamed_and_keeps_its_mode_and_number(folder):
    folder.chmod(0o700)
    (folder / "test.csv").chmod(0o640)
    (folder / "thing.json").chmod(0o600)
    before = folder.stat().st_ino
    write(folder, NEW)
    assert folder.stat().st_ino == before and folder.stat().st_mode & 0o777 == 0o700
    assert (folder / "test.csv").stat().st_mode & 0o777 == 0o640
    assert (folder / "thing.json").stat().st_mode & 0o777 == 0o600


def test_links_stay_links(folder, tmp_path):
    link, elsewhere = tmp_path / "link", tmp_path / "arrays on another disk"
    link.symlink_to(folder)
    (folder / "arrays").rename(elsewhere)
    (folder / "arrays").symlink_to(elsewhere)
    assert read(link) == OLD
    write(link, NEW)
    assert link.is_symlink() and (folder / "arrays").is_symlink()
    assert elsewhere.read_bytes() == NEW["arrays"] and read(folder) == NEW
    assert set(contents(folder)) == {"thing.json", *NEW, *MINE}


@pytest.mark.parametrize("name", ["more.csv", "arrays"])
def test_a_file_of_mine_with_a_name_of_ours_is_refused_before_anything_is_written(tmp_path, name):
    folder = tmp_path / "f"
    write(folder, {"test.csv": b"rows"} if name == "arrays" else OLD)
    (folder / name).write_bytes(b"mine")
    before = contents(folder)
    with pytest.raises(FolderError, match=rf"f: {name} would be replaced, which thing.json does n"):
        sealed(folder).require_room(NEW)
    with pytest.raises(FolderError, match="move it, or give another folder"):
        write(folder, NEW)
    assert contents(folder) == before


@pytest.mark.parametrize("name", ["test.csv", "arrays"])
def test_a_file_of_ours_that_somebody_changed_is_not_replaced(folder, name):
    (folder / name).write_bytes(b"my notes")
    before = contents(folder)
    for save in (lambda: sealed(folder).require_room(NEW), lambda: write(folder, NEW)):
        with pytest.raises(FolderError, match=f"f: {name} would be .* changed after .* move it"):
            save()
    assert contents(folder) == before
    (folder / name).rename(folder / "mine")
    write(folder, NEW)
    assert read(folder) == NEW and (folder / "mine").read_bytes() == b"my notes"


def test_a_folder_that_is_none_is_told_as_such(folder):
    with pytest.raises(FolderError, match="no thing of spdkit: there is no such folder"):
        read(folder / "nowhere")
    with pytest.raises(FolderError, match="no thing of spdkit: it is a file, no folder"):
        read(folder / "arrays")


def test_damage_is_told_with_what_to_do(folder):
    (folder / "arrays").write_bytes(b"")
    with pytest.raises(FolderError, match=r"Restore it from a copy, or save .* arrays is moved"):
        read(folder)
    (folder / "arrays").unlink()
    with pytest.raises(FolderError, match=r"No such file or directory\. Restore it from a copy"):
        read(folder)
    (folder / "thing.json").write_bytes(b"{")
    with pytest.raises(FolderError, match=r"damaged or cut off.* Restore it from a copy"):
        read(folder)


def test_a_damaged_json_and_what_it_may_list_are_written_anew(folder):
    (folder / "thing.json").write_bytes((folder / "thing.json").read_bytes()[:50])
    for name in OLD.keys() - {"arrays"}:
        (folder / name).unlink()
    write(folder, NEW)
    assert read(folder) == NEW


def test_a_file_that_somebody_changed_is_not_removed(folder):
    (folder / "only.csv").write_bytes(b"my notes")
    write(folder, NEW)
    assert (folder / "only.csv").read_bytes() == b"my notes"


@pytest.mark.parametrize("name", ["../outside", "/etc/hosts", "..", ".hidden", "a/b", "", "a\0b"])
def test_a_json_that_lists_paths_moves_and_opens_nothing(tmp_path, name):
    folder, outside = tmp_path / "f", tmp_path / "outside"
    outside.write_bytes(b"theirs")
    write(folder, OLD)
    described = json.loads((folder / "thing.json").read_text())
    described.pop("sha256")
    described["files"][name] = digest(b"theirs")
    (folder / "thing.json").write_bytes(pack(described))
    with pytest.raises(FolderError, match="does not list files"):
        sealed(folder).read([name], "1.0")
    with pytest.raises(FolderError, match="does not list as ours"):
        write(folder, NEW)
    assert outside.read_bytes() == b"theirs"


@pytest.mark.parametrize("kind", ["pipe", "folder", "device", "socket"])
def test_what_is_no_file_is_never_opened(folder, kind):
    for name in ("arrays", "thing.json"):
        place = folder / name
        kept = place.read_bytes()
        place.unlink()
        if kind == "pipe":
            os.mkfifo(place)
        elif kind == "folder":
            place.mkdir()
        elif kind == "device":
            place.symlink_to("/dev/zero")
        else:
            place.symlink_to("/dev/stdin")
        with pytest.raises(FolderError, match=rf"{name} cannot be read: it is no regular file"):
            read(folder)
        place.rmdir() if kind == "folder" else place.unlink()
        place.write_bytes(kept)
    assert read(folder) == OLD


def test_what_is_too_large_is_not_read(folder, monkeypatch):
    with (folder / "arrays").open("r+b") as file:
        file.truncate(1 << 40)
    with pytest.raises(FolderError, match="arrays cannot be read: it has more than 4294967296 byt"):
        read(folder)
    monkeypatch.setattr(sealed_folder, "LARGEST_FILE", 9)
    with pytest.raises(FolderError, match="f: arrays would have 10 bytes of 9"):
        write(folder, NEW)


def test_a_writer_keeps_a_second_one_out(folder, monkeypatch):
    monkeypatch.setattr(sealed_folder, "PATIENCE", 0.1)
    handle = os.open(folder, os.O_RDONLY)
    other = os.open(folder, os.O_RDONLY)
    try:
        assert sealed_folder.lock(handle) and not sealed_folder.lock(other)
        with pytest.raises(FolderError, match="another spdkit is saving there"):
            write(folder, NEW)
    finally:
        os.close(handle)
        os.close(other)
    write(folder, NEW)
    assert read(folder) == NEW


def test_a_file_that_cannot_be_replaced_is_read_from_beside(folder, monkeypatch):
    """As where one file of the folder is a mount of its own."""
    replace = os.replace

    def busy(source, target, **named):
        if Path(target).name == "arrays":
            raise OSError(errno.EBUSY, "Device or resource busy")
        replace(source, target, **named)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", busy)
        with pytest.warns(SpdkitWarning, match=r"arrays is still the old one \(Device or resource"):
            write(folder, NEW)
        assert (folder / "arrays").read_bytes() == OLD["arrays"] and read(folder) == NEW
        with pytest.warns(SpdkitWarning):
            write(folder, OLD)
        assert read(folder) == OLD
        with pytest.warns(SpdkitWarning):
            write(folder, NEW)
        assert len([name for name in contents(folder) if name.startswith(".spdkit-arrays.")]) == 1
    require_one_of_both(folder, OLD)


def test_a_save_that_fails_leaves_every_file_as_it_was(folder, monkeypatch):
    """Also where a file of the old one lies beside its plain name, which was busy."""
    replace = os.replace

    def failing(*names):
        def call(source, target, **named):
            if Path(target).name in names:
                raise OSError(errno.EBUSY, "Device or resource busy")
            replace(source, target, **named)

        return call

    with monkeypatch.context() as patch, pytest.warns(SpdkitWarning):
        patch.setattr(os, "replace", failing("arrays"))
        write(folder, NEW)
    before = contents(folder)
    with monkeypatch.context() as patch, pytest.raises(FolderError, match=r"busy \(thing.json\)"):
        patch.setattr(os, "replace", failing("thing.json"))
        write(folder, OLD)
    assert contents(folder) == before and read(folder) == NEW


def test_a_file_that_comes_while_another_saves_is_seen(folder, monkeypatch):
    def waited(handle):
        (folder / "more.csv").write_bytes(b"mine")
        return True

    monkeypatch.setattr(sealed_folder, "lock", waited)
    with pytest.raises(FolderError, match=r"more\.csv would be replaced"):
        write(folder, NEW)
    assert (folder / "more.csv").read_bytes() == b"mine" and read(folder) == OLD


CALLS = ("open", "write", "fsync", "replace", "unlink", "fchmod")


class Interruption:
    """The k-th call that changes files does not happen; from then on none does, or all do."""

    def __init__(self, patch, k, reason, *, dead):
        self.k, self.reason, self.dead, self.count = k, reason, dead, 0
        for name in CALLS:
            patch.setattr(os, name, self.wrapped(getattr(os, name), name))

    def wrapped(self, call, name):
        def counted(*arguments, **named):
            if name == "open" and not arguments[1] & os.O_CREAT:
                return call(*arguments, **named)
            self.count += 1
            if self.count == self.k or (self.dead and self.count > self.k):
                raise self.reason
            return call(*arguments, **named)

        return counted


@pytest.mark.parametrize(
    ("reason", "dead"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), False),
        (OSError(errno.EIO, "Input/output error"), True),
        (KeyboardInterrupt(), False),
        (KeyboardInterrupt(), True),  # as a kill: nothing is tidied up
    ],
)
def test_whatever_call_fails_old_or_new_is_there(tmp_path, monkeypatch, reason, dead):
    loaded, k = [], 0
    while True:
        k += 1
        folder = tmp_path / f"{k}"
        write(folder, OLD)
        for name, content in MINE.items():
            (folder / name).write_bytes(content)
        with monkeypatch.context() as patch:
            interruption = Interruption(patch, k, reason, dead=dead)
            try:
                write(folder, NEW)
            except (SpdkitError, KeyboardInterrupt) as error:
                if isinstance(error, SpdkitError):
                    assert str(folder) in str(error)
            except SpdkitWarning:
                pass  # the suite raises warnings
        if interruption.count < k:
            break
        loaded.append(require_one_of_both(folder, OLD if k % 2 else NEW))
    assert k > 20 and loaded[0] == OLD and loaded[-1] == NEW


def full(*arguments, **named):
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_is_told_with_what_is_whole_and_what_to_do(folder, monkeypatch):
    whole = r"device \(arrays\): what was there before is whole; make room, and run this again$"
    with monkeypatch.context() as patch, pytest.raises(FolderError, match=whole):
        patch.setattr(os, "replace", full)
        write(folder, NEW)
    assert read(folder) == OLD


def test_a_first_save_that_fails_leaves_no_folder(tmp_path, monkeypatch):
    with (
        monkeypatch.context() as patch,
        pytest.raises(FolderError, match=r"No space .*\(arrays\): make room"),
    ):
        patch.setattr(os, "replace", full)
        write(tmp_path / "f", NEW)
    assert not list(tmp_path.iterdir())


KILLED = """
import os, signal, sys
sys.path[:0] = {path!r}
from tests.common.test_sealed_folder import NEW, write
calls, left = ("open", "fsync", "replace", "unlink"), [{k}]
def dying(call, name):
    def counted(*arguments, **named):
        left[0] -= not (name == "open" and not arguments[1] & os.O_CREAT)
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return call(*arguments, **named)
    return counted
for name in calls:
    setattr(os, name, dying(getattr(os, name), name))
from pathlib import Path
write(Path({folder!r}), NEW)
"""


@pytest.mark.parametrize("k", [3, 13, 17])
def test_after_a_real_kill_old_or_new_is_there(folder, k):
    path = [str(Path(__file__).parents[2]), *sys.path]
    code = KILLED.format(path=path, k=k, folder=str(folder))
    ended = subprocess.run([sys.executable, "-c", code], env=os.environ)
    assert ended.returncode == -signal.SIGKILL
    require_one_of_both(folder, NEW)


def test_a_kill_of_the_first_save_leaves_a_folder_that_can_be_saved_into(tmp_path, monkeypatch):
    k, loaded = 0, 0
    while True:
        k += 1
        folder = tmp_path / f"{k}"
        with monkeypatch.context() as patch:
            interruption = Interruption(patch, k, KeyboardInterrupt(), dead=True)
            with suppress(KeyboardInterrupt):
                write(folder, NEW)
        if interruption.count < k:
            break
        if (folder / "thing.json").exists():
            assert read(folder) == NEW
            loaded += 1
        else:
            with pytest.raises(FolderError, match="no thing of spdkit"):
                read(folder)
        write(folder, OLD)
        assert read(folder) == OLD and set(contents(folder)) == {"thing.json", *OLD}
    assert 0 < loaded < k - 10


def test_a_reader_beside_a_writer_has_old_or_new(folder):
    failures, over = [], threading.Event()

    def saving():
        try:
            for _ in range(15):
                write(folder, NEW)
                write(folder, OLD)
        except SpdkitError as error:
            failures.append(error)
        finally:
            over.set()

    writer = threading.Thread(target=saving)
    writer.start()
    n_read = 0
    while not over.is_set():
        _, files = sealed(folder).read(["arrays", "test.csv"], "1.0")
        assert files in (
            {name: OLD[name] for name in files},
            {name: NEW[name] for name in files},
        )
        n_read += 1
    writer.join()
    assert not failures and n_read > 10


def test_the_json_is_renamed_after_the_files_are_on_the_disk(folder, monkeypatch):
    calls, fsync, replace = [], os.fsync, os.replace

    def recorded_fsync(handle):
        calls.append(f"sync {Path(f'/proc/self/fd/{handle}').readlink().name[:8]}")
        fsync(handle)

    def recorded_replace(source, target, **named):
        calls.append(f"rename {Path(target).name[:15]}")
        replace(source, target, **named)

    monkeypatch.setattr(os, "fsync", recorded_fsync)
    monkeypatch.setattr(os, "replace", recorded_replace)
    write(folder, {"arrays": b"new"})
    assert calls == [
        "sync .spdkit-",
        "rename .spdkit-arrays.",
        "sync f",
        "rename .spdkit-only.cs",
        "rename .spdkit-test.cs",
        "sync .spdkit-",
        "rename thing.json",
        "sync f",
        "rename arrays",
        "sync f",
    ]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"[" * 1_000_000, "damaged or cut off"),
        (b'{"format": ' * 100_000, "damaged or cut off"),
        (b'{"format": "spdkit-thing", "x": NaN}', "NaN is no JSON"),
        (b'{"format": "spdkit-thing", "version": "1.0", "x": 1e999}', "no JSON of ours"),
        (b'{"format": "spdkit-thing", "version": ["9"], "packages": 3}', r"format version \['9'\]"),
        (b"9" * 5000, "damaged or cut off"),
        (b"\xff\xfe\x00", "damaged or cut off"),
        (b"null", "not ours"),
    ],
)
def test_a_json_of_a_stranger_is_refused(folder, content, reason):
    (folder / "thing.json").write_bytes(content)
    with pytest.raises(FolderError, match=reason):
        read(folder)


@pytest.mark.parametrize(
    "files", [None, [], "arrays", {"arrays": 1}, {"arrays": "0"}, {"arrays": None}]
)
def test_a_listing_of_a_stranger_is_refused(folder, files):
    described = {"format": "spdkit-thing", "version": "1.0", "files": files}
    (folder / "thing.json").write_bytes(pack(described))
    with pytest.raises(FolderError, match="does not list files and their SHA-256"):
        sealed(folder).read(["arrays"], "1.0")
