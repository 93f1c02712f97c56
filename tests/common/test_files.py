"""Files are written whole or not at all, and what is not ours stays."""

from __future__ import annotations

import errno
import fcntl
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from spdkit.common.errors import ParameterError, SpdkitError
from spdkit.common.files import (
    append,
    beside,
    make_folder,
    replacing,
    scratch_folder,
    user_path,
    write_bytes,
    write_text,
)

TEMPORARY = re.compile(r"\.spdkit-[0-9a-f]{8}-[0-9a-f]{16}")


@pytest.fixture
def umask():
    old = os.umask(0o022)
    yield
    os.umask(old)


def mode(path):
    return path.stat().st_mode & 0o7777


def killed_while_writing(path):
    """What a process that is killed within `replacing` leaves behind."""
    code = f"""
import os, signal
from pathlib import Path
from spdkit.common.files import replacing
with replacing(Path({str(path)!r})) as temporary:
    temporary.write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""
    ended = subprocess.run([sys.executable, "-c", code], env=os.environ)
    assert ended.returncode == -signal.SIGKILL


def test_a_file_is_replaced_and_readable(tmp_path, umask):
    path = tmp_path / "page.html"
    write_text(path, "old")
    assert mode(path) == 0o644
    write_text(path, "nëw\r\n")
    assert path.read_bytes() == "nëw\r\n".encode()
    assert mode(path) == 0o644
    assert list(tmp_path.iterdir()) == [path]


def test_the_umask_says_who_may_read_a_new_file(tmp_path, umask):
    os.umask(0o077)
    write_text(tmp_path / "page.html", "new")
    assert mode(tmp_path / "page.html") == 0o600


def test_what_replaces_a_private_file_is_never_readable(tmp_path, umask):
    path = tmp_path / "page.html"
    path.write_text("old")
    path.chmod(0o640)
    with replacing(path) as temporary:
        assert mode(temporary) == 0o600
    assert mode(path) == 0o640


def test_a_new_file_can_have_the_mode_of_another(tmp_path, umask):
    (tmp_path / "old").touch(0o600)
    with replacing(tmp_path / "new", like=tmp_path / "old"):
        pass
    assert mode(tmp_path / "new") == 0o600


def test_what_cannot_be_written_leaves_the_old_file(tmp_path):
    path = tmp_path / "page.html"
    path.write_text("old")
    with pytest.raises(UnicodeEncodeError):
        write_text(path, "\udc80")
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]
    with pytest.raises(SpdkitError, match="cannot be written"):
        write_text(path / "below a file" / "page.html", "new")
    write_text(tmp_path / "new" / "page.html", "new")
    assert (tmp_path / "new" / "page.html").read_text() == "new"


def test_what_is_not_finished_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "plays.csv.gz"
    path.write_text("old")
    with pytest.raises(KeyboardInterrupt), replacing(path) as temporary:
        temporary.write_text("ne")
        assert temporary.name.endswith(".csv.gz")
        raise KeyboardInterrupt
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


def test_temporary_names_differ_and_are_short(tmp_path):
    target = tmp_path / f"{'ü' * 121}.1.csv.gz"
    assert len(os.fsencode(target.name)) > 248
    with replacing(target) as one, replacing(target) as two:
        assert one != two
        assert one.name.endswith(".csv.gz") and TEMPORARY.match(one.name)
    assert list(tmp_path.iterdir()) == [target]


def test_a_name_beside_is_one_for_each_file_and_no_longer_than_names_can_be():
    assert beside(Path("a/f.h5"), ".journal") == Path("a/f.h5.journal")
    long = [Path("a", name) for name in ("f" * 255, "f" * 254 + "g", "é" * 127, "é" * 126 + "è")]
    names = [beside(file, ".journal") for file in long]
    assert names == [beside(file, ".journal") for file in long]
    assert len(set(names)) == len(long) and {name.parent for name in names} == {Path("a")}
    assert all(240 < len(os.fsencode(name.name)) <= 255 for name in names)
    assert all(
        name.name.startswith(file.name[:100]) for name, file in zip(names, long, strict=True)
    )


@pytest.mark.parametrize("name", ["f" * 255, f".{'f' * 254}", "f" * 251 + ".csv", f"f.{'g' * 253}"])
def test_any_name_that_a_file_may_have_can_be_written(tmp_path, name):
    write_text(tmp_path / name, "new")
    assert (tmp_path / name).read_text() == "new"


@pytest.mark.parametrize("name", ["f" * 256, "a\0b", "\ud800"])
def test_a_name_that_none_may_have_is_refused_at_once(tmp_path, name):
    with pytest.raises(SpdkitError, match="cannot be written"), replacing(tmp_path / name):
        pytest.fail("nothing is to be written")
    assert not list(tmp_path.iterdir())


def test_a_pipe_is_written_to_and_stays_one(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        write_text(path, "plays")
        assert path.is_fifo() and list(tmp_path.iterdir()) == [path]
        assert os.read(reader, 9) == b"plays"
    finally:
        os.close(reader)


def test_the_mode_of_an_old_file_is_kept_and_a_link_stays_one(tmp_path):
    path, link = tmp_path / "new" / "plays.csv", tmp_path / "link.csv"
    write_text(path, "old")
    path.chmod(0o600)
    path.parent.chmod(0o700)
    link.symlink_to(path)
    write_text(link, "new")
    assert path.read_text() == "new" and mode(path) == 0o600
    assert mode(path.parent) == 0o700
    assert link.is_symlink() and list(path.parent.iterdir()) == [path]


def test_writers_see_the_ending_that_was_asked_for_behind_a_link(tmp_path):
    (tmp_path / "link.png").symlink_to(tmp_path / "blob")
    with replacing(tmp_path / "link.png") as temporary:
        assert temporary.suffix == ".png"
    assert (tmp_path / "blob").is_file()


def test_a_link_to_nothing_is_written_through(tmp_path):
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "below" / "file")
    write_text(link, "new")
    assert link.is_symlink() and (tmp_path / "below" / "file").read_text() == "new"


def test_links_in_a_circle_are_refused(tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    one.symlink_to(two)
    two.symlink_to(one)
    with pytest.raises(SpdkitError, match="one: cannot be written: Too many levels"):
        write_text(one, "new")
    assert one.is_symlink() and two.is_symlink()


@pytest.mark.parametrize("path", ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"])
def test_what_is_sent_to_a_file_by_the_shell_is_added_where_the_shell_is(tmp_path, path):
    """``spdkit … -o /dev/stdout >> log`` must not replace the log."""
    log = tmp_path / "log"
    log.write_text("yesterday\n")
    code = f"""
from spdkit.common.files import write_text
print("first", flush=True)
write_text({path!r}, "table\\n")
print("last", flush=True)
"""
    with log.open("a") as file:
        subprocess.run([sys.executable, "-c", code], env=os.environ, stdout=file, check=True)
    assert log.read_text() == "yesterday\nfirst\ntable\nlast\n"
    assert list(tmp_path.iterdir()) == [log]
    with log.open("w") as file:
        subprocess.run([sys.executable, "-c", code], env=os.environ, stdout=file, check=True)
    assert log.read_text() == "first\ntable\nlast\n"


def test_an_open_file_without_room_for_scratch_is_an_error_of_the_callers(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.gettempdir", lambda: tmp_path / "none")
    with (
        (tmp_path / "log").open("w") as file,
        pytest.raises(ParameterError, match="none: no temporary folder"),
        replacing(Path(f"/dev/fd/{file.fileno()}"), ParameterError),
    ):
        pass


def test_what_is_written_can_wait_in_a_folder_that_is_cleared(tmp_path):
    waiting = tmp_path / "journal"
    waiting.mkdir()
    with replacing(tmp_path / "f.h5", folder=waiting) as temporary:
        assert temporary.parent == waiting
        temporary.write_text("whole")
    assert (tmp_path / "f.h5").read_text() == "whole" and not list(waiting.iterdir())


def test_the_error_is_the_callers(tmp_path):
    (tmp_path / "file").touch()
    with (
        pytest.raises(ParameterError, match=r"file/f: cannot be written: "),
        replacing(tmp_path / "file" / "f", ParameterError),
    ):
        pass


def test_a_folder_is_not_written_over(tmp_path):
    with pytest.raises(SpdkitError, match="cannot be written: Is a directory"):
        write_text(tmp_path, "plays")


def test_what_a_kill_left_goes_with_the_next_write_of_that_file(tmp_path):
    path = tmp_path / "plays.csv"
    path.write_text("old")
    killed_while_writing(path)
    (leftover,) = set(tmp_path.iterdir()) - {path}
    assert path.read_text() == "old" and TEMPORARY.match(leftover.name)
    write_text(tmp_path / "other.csv", "new")
    assert leftover.exists(), "it is not known to be of another file"
    write_text(path, "new")
    assert {each.name for each in tmp_path.iterdir()} == {"plays.csv", "other.csv"}


def test_a_name_that_somebody_took_is_not_opened(tmp_path, monkeypatch):
    """Nobody can guess it; who could would still see nothing written to it."""
    path, victim = tmp_path / "plays.csv", tmp_path / "victim"
    victim.write_text("mine")
    monkeypatch.setattr("secrets.token_hex", lambda n: "0" * 2 * n)
    with replacing(path) as temporary:
        guessed = temporary
    for plant in (guessed.symlink_to, guessed.hardlink_to):
        plant(victim)
        if plant == guessed.hardlink_to:
            monkeypatch.setattr("spdkit.common.files._clear", lambda *_: None)
        with pytest.raises(SpdkitError, match="cannot be written: File exists"):
            write_text(path, "new")
        assert victim.read_text() == "mine"
        guessed.unlink()


def test_a_file_that_is_cleared_before_it_is_locked_is_made_again(tmp_path, monkeypatch):
    path, cleared = tmp_path / "plays.csv", []

    def late(handle):
        if not cleared:
            cleared.append(Path(f"/proc/self/fd/{handle}").readlink())
            cleared[0].unlink()
        return True

    monkeypatch.setattr("spdkit.common.files.lock", late)
    write_text(path, "new")
    assert cleared and path.read_text() == "new" and list(tmp_path.iterdir()) == [path]


def test_what_is_being_written_and_what_is_not_ours_stays(tmp_path):
    path, victim = tmp_path / "plays.csv", tmp_path / "victim"
    victim.write_text("mine")
    with replacing(path) as first:
        mark = first.name[: len(".spdkit-12345678-")] + "0" * 15
        (tmp_path / f"{mark}1").symlink_to(victim)
        (tmp_path / f"{mark}2").mkdir()
        (tmp_path / f"{mark}2" / "note").write_text("mine")
        os.mkfifo(tmp_path / f"{mark}3")
        (tmp_path / f"{mark[:-8]}.csv").write_text("not our kind of name")
        others = set(tmp_path.iterdir())
        write_text(path, "second")
        assert set(tmp_path.iterdir()) == others | {path}
        first.write_text("first")
    assert path.read_text() == "first" and victim.read_text() == "mine"
    assert (tmp_path / f"{mark}2" / "note").read_text() == "mine"


def test_without_locks_files_are_written_and_nothing_is_cleared(tmp_path, monkeypatch):
    path = tmp_path / "plays.csv"
    killed_while_writing(path)

    def missing(handle, how):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", missing)
    write_text(path, "new")
    assert path.read_text() == "new" and len(list(tmp_path.iterdir())) == 2


def test_a_file_that_was_exchanged_is_not_renamed(tmp_path):
    path, victim = tmp_path / "plays.csv", tmp_path / "victim"
    victim.write_text("theirs")
    with pytest.raises(SpdkitError, match="exchanged"), replacing(path) as temporary:
        temporary.unlink()
        temporary.symlink_to(victim)
    assert list(tmp_path.iterdir()) == [victim]


def recorded_calls(monkeypatch):
    """What is synced and renamed, in order, by the names of the files."""
    calls = []
    fsync, replace = os.fsync, os.replace

    def path_of(handle):
        return Path(f"/proc/self/fd/{handle}").readlink()

    def recorded_fsync(handle):
        calls.append(("sync", path_of(handle)))
        fsync(handle)

    def recorded_replace(source, target, **named):
        calls.append(("rename", Path(source), Path(target), Path(source).read_text()))
        replace(source, target, **named)

    monkeypatch.setattr(os, "fsync", recorded_fsync)
    monkeypatch.setattr(os, "replace", recorded_replace)
    monkeypatch.setattr(os, "rename", recorded_replace)
    return calls


def test_file_and_folder_are_synced_around_the_rename(tmp_path, monkeypatch):
    path = tmp_path / "plays.csv"
    calls = recorded_calls(monkeypatch)
    write_text(path, "new")
    (_, temporary), _, _ = calls
    assert calls == [
        ("sync", temporary),
        ("rename", temporary, path, "new"),
        ("sync", tmp_path),
    ]
    calls.clear()
    waiting = tmp_path / "waiting"
    waiting.mkdir()
    with replacing(path, folder=waiting):
        pass
    assert {call[1] for call in calls[2:]} == {tmp_path, waiting}


def test_new_folders_are_synced(tmp_path, monkeypatch):
    calls = recorded_calls(monkeypatch)
    make_folder(tmp_path / "a" / "b")
    assert {call[1] for call in calls} == {tmp_path, tmp_path / "a"}


def test_a_full_disk_has_no_old_file_to_tell_of_where_none_was(tmp_path, monkeypatch):
    def full(*arguments, **named):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "open", full)
    with pytest.raises(SpdkitError, match=r"device: make room, and run this again$"):
        write_text(tmp_path / "new", "new")


FULL = ": what was there before is whole; make room, and run this again"


@pytest.mark.parametrize(
    ("call", "code", "advice"),
    [
        ("fsync", errno.EIO, ""),
        ("replace", errno.EBUSY, ""),
        ("open", errno.ENOSPC, FULL),
        ("fsync", errno.EDQUOT, FULL),
        ("fchmod", errno.EPERM, ""),
    ],
)
def test_whatever_fails_the_old_file_is_there_and_named(tmp_path, monkeypatch, call, code, advice):
    path = tmp_path / "plays.csv"
    path.write_text("old")

    def failing(*arguments, **named):
        raise OSError(code, os.strerror(code))

    with monkeypatch.context() as patch, pytest.raises(SpdkitError) as caught:
        patch.setattr(os, call, failing)
        write_text(path, "new")
    assert str(caught.value) == f"{path}: cannot be written: {os.strerror(code)}{advice}"
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


def test_a_folder_that_cannot_be_synced_or_read_is_written_to(tmp_path, monkeypatch):
    fsync, opened = os.fsync, os.open

    def no_folders(handle):
        if Path(f"/proc/self/fd/{handle}").is_dir():
            raise OSError(errno.EINVAL, "Invalid argument")
        fsync(handle)

    def unreadable(path, flags, *more, **named):
        if Path(path).is_dir():
            raise PermissionError(errno.EACCES, "Permission denied")
        return opened(path, flags, *more, **named)

    monkeypatch.setattr(os, "fsync", no_folders)
    write_text(tmp_path / "a", "new")
    monkeypatch.setattr(os, "open", unreadable)
    write_text(tmp_path / "b", "new")
    assert {path.name for path in tmp_path.iterdir()} == {"a", "b"}


def test_what_is_appended_is_whole_or_not_there(tmp_path, monkeypatch):
    path = tmp_path / "lines"
    path.write_bytes(b"one\n")
    write = os.write

    def full(handle, content):
        if len(content) < 4:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(handle, content[:2])

    with path.open("ab") as file:
        with monkeypatch.context() as patch, pytest.raises(OSError, match="No space"):
            patch.setattr(os, "write", full)
            append(file.fileno(), b"second\n")
        assert path.read_bytes() == b"one\n"
        append(file.fileno(), b"two\n")
    assert path.read_bytes() == b"one\ntwo\n"


def test_scratch_goes_and_so_does_that_of_the_dead(tmp_path):
    code = f"""
import os, signal
from spdkit.common.files import scratch_folder
with scratch_folder({str(tmp_path)!r}) as folder:
    (folder / "spilled").write_text("much")
    os.kill(os.getpid(), signal.SIGKILL)
"""
    ended = subprocess.run([sys.executable, "-c", code], env=os.environ)
    assert ended.returncode == -signal.SIGKILL
    (leftover,) = tmp_path.iterdir()
    with scratch_folder(tmp_path) as one, scratch_folder(tmp_path) as two:
        assert set(tmp_path.iterdir()) == {one, two} and leftover not in (one, two)
        assert mode(one) == 0o700
        (one / "spilled").write_text("much")
        two.rmdir()
    assert not list(tmp_path.iterdir())
    with (
        pytest.raises(ParameterError, match="none: no temporary folder: No such file"),
        scratch_folder(tmp_path / "none", ParameterError),
    ):
        pass


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("~nosuchuser/x", "no such user here"),
        ("x" * 256, "cannot be reached: File name too long"),
        ("a\0b", "no name of a file"),
        ("\ud800", "no name of a file"),
    ],
)
def test_a_path_that_can_lead_nowhere_is_an_error_of_the_callers(path, reason):
    with pytest.raises(ParameterError, match=reason):
        user_path(path, ParameterError)


def test_what_nobody_may_look_at_is_told(tmp_path, monkeypatch):
    (tmp_path / "circle").symlink_to("circle")
    for free in (tmp_path / "new", tmp_path / "circle", "~", "~/new", ""):
        assert user_path(free) == Path(free).expanduser()

    def refuse(*_, **__):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "stat", refuse)
    with pytest.raises(SpdkitError, match=r"f\.txt: cannot be reached: Permission denied"):
        user_path("f.txt")


def test_a_file_is_replaced_unless_a_check_refuses_at_the_end(tmp_path):
    target = tmp_path / "f.txt"
    target.write_text("old")

    def refuse():
        assert len(list(tmp_path.iterdir())) == 2  # the new one is whole
        raise SpdkitError("not now")

    with pytest.raises(SpdkitError, match="not now"):
        write_bytes(target, b"new", check=refuse)
    assert [path.read_text() for path in tmp_path.iterdir()] == ["old"]


def _can_mount():
    bind = ["unshare", "-m", "mount", "--bind", "/", "/mnt"]
    try:
        return subprocess.run(bind, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


def test_a_file_on_another_mount_of_the_disk_is_written_beside_itself(tmp_path, monkeypatch):
    monkeypatch.setattr("spdkit.common.files._mount", lambda path: path.name)
    for name in ("near", "far"):
        (tmp_path / name).mkdir()
    with replacing(tmp_path / "far" / "f.txt", folder=tmp_path / "near") as temporary:
        assert temporary.parent == tmp_path / "far"
    monkeypatch.setattr("spdkit.common.files._mount", lambda path: "the same")
    with replacing(tmp_path / "far" / "f.txt", folder=tmp_path / "near") as temporary:
        assert temporary.parent == tmp_path / "near"


def mounts_of_one_disk_are_told_apart(tmp_path):
    """In a name space of its own, as in a container: ``-v FILE:FILE``, ``-v FOLDER:FOLDER``."""
    script = """
import os, subprocess, sys
from pathlib import Path
from spdkit.common.errors import SpdkitError
from spdkit.common.files import write_bytes
place = Path(sys.argv[1])
for name in ("a", "b", "real"):
    (place / name).mkdir()
for name in ("one", "other"):
    (place / name).write_text(name)
for source, mount in (("real", "b"), ("one", "other")):
    subprocess.run(["mount", "--bind", place / source, place / mount], check=True)
(place / "a" / "link").symlink_to("../b/file")
write_bytes(place / "a" / "link", b"new", folder=place / "a")
print((place / "real" / "file").read_text())
try:
    write_bytes(place / "other", b"new")
except SpdkitError as error:
    print(error)
print((place / "one").read_text())
"""
    command = ["unshare", "-m", sys.executable, "-P", "-c", script, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    new, refusal, old = done.stdout.splitlines()
    assert (new, old) == ("new", "one"), done.stderr
    assert "mounted by itself" in refusal


# Where nothing can be mounted, as in some containers, the test before it is all there is.
if _can_mount():
    test_mounts_of_one_disk_are_told_apart = mounts_of_one_disk_are_told_apart
