"""Files are written whole or not at all."""

from __future__ import annotations

import os

import pytest

from spdkit.common.errors import ParameterError, SpdkitError
from spdkit.common.files import replacing, write_text


def test_a_file_is_replaced_and_readable(tmp_path):
    path = tmp_path / "page.html"
    path.write_text("old")
    umask = os.umask(0o022)
    try:
        write_text(path, "nëw\r\n")
    finally:
        os.umask(umask)
    assert path.read_bytes() == "nëw\r\n".encode()
    assert path.stat().st_mode & 0o777 == 0o644
    assert list(tmp_path.iterdir()) == [path]


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
    link.symlink_to(path)
    write_text(link, "new")
    assert path.read_text() == "new" and path.stat().st_mode & 0o777 == 0o600
    assert link.is_symlink() and list(path.parent.iterdir()) == [path]


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
