"""Files: written whole or not at all, and on the disk when the call returns.

Conventions
-----------
What is written lies beside its target until it is whole, as ``.spdkit-TARGET-RANDOM.ENDING``, where
TARGET is a digest of the target's name. The name cannot be guessed, and the file is made by one
call that follows no link and opens nothing that is there. It is locked as long as its writer lives:
one whose lock is free was left by a process that was killed, and the next write to the same target
clears it. Where there are no such locks (some network disks), it stays.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import re
import secrets
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from spdkit.common.errors import SpdkitError

MARK = ".spdkit-"
TEMPORARY = re.compile(re.escape(MARK) + r"([0-9a-f]{8}|scratch)-[0-9a-f]{16}(\..*)?", re.DOTALL)
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/")
_LONGEST_NAME = 255  # bytes, of a file on the usual disks
_LONGEST_ENDING = 32  # bytes: with the rest far below the 255 that a name may have


@contextmanager
def replacing(
    target: Path,
    error: type[SpdkitError] = SpdkitError,
    *,
    folder: Path | None = None,
    like: Path | None = None,
    check: Callable[[], None] | None = None,
) -> Iterator[Path]:
    """Write under a temporary name, and rename: an old file is replaced at the end.

    Parameters
    ----------
    target : Path
        What is there and no file, such as a pipe, is written to itself, and what stands for an
        open file, such as ``/dev/stdout``, to that file where it is. Where a link points is
        written, and the link stays one. The mode of an old file is kept.
    error : type of SpdkitError
        What to raise.
    folder : Path, optional
        Where the temporary file lies, if it can: a folder that its owner clears. By default beside
        the target.
    like : Path, optional
        The file whose mode to take; the target if not given. Where there is none, the umask says
        who may read it.
    check : callable, optional
        Called before the rename; it raises where the file is not to be replaced after all.

    Yields
    ------
    Path
        Of an empty file whose name ends like the target's. It is to be written to, not replaced.
        Nothing is left of it when the writing fails.

    Raises
    ------
    SpdkitError
        When the file or its folder, which is made if needed, cannot be written.
    """
    stays = False
    try:
        if target.exists() and not target.is_file():
            yield target
            return
        stays = target.exists()
        if (stream := _open_handle(target)) is not None:
            with scratch_folder(error=error) as place:
                yield (whole := place / f"output{_ending(target.name)}")
                _copy(whole, stream)
            return
        file = end_of_links(target)
        require_replaceable(file)
        old = _status(file if like is None else like)
        make_folder(file.parent)
        # A rename leads to no other mount.
        near = folder is not None and _mount(folder) == _mount(file.parent)
        place = folder if folder is not None and near else file.parent
        temporary, handle = _new_file(place, file.name, _ending(target.name), old)
        try:
            yield temporary
            if not _is_open_at(temporary, handle):
                raise OSError(errno.ESTALE, f"{temporary.name} was exchanged while it was written")
            if old is not None:
                _take_over(handle, old)
            os.fsync(handle)
            if check is not None:
                check()
            temporary.replace(file)
            stays = False
            for touched in {place, file.parent}:
                sync_folder(touched)
        finally:
            try:
                temporary.unlink(missing_ok=True)
            finally:
                os.close(handle)
    except OSError as cause:
        reason = f"{cause.strerror or cause}{room_advice(cause, stays=stays)}"
        raise error(f"{target}: cannot be written: {reason}") from cause


def room_advice(cause: BaseException | None, *, stays: bool) -> str:
    """What to add to an error about what cannot be written: nothing, or of a full disk what to do.

    Parameters
    ----------
    cause : Exception or None
    stays : bool
        Whether what would have been replaced is there as it was.
    """
    if getattr(cause, "errno", None) not in (errno.ENOSPC, errno.EDQUOT):
        return ""
    rest = "what was there before is whole; " if stays else ""
    return f": {rest}make room, and run this again"


def write_bytes(
    path: str | os.PathLike[str],
    content: bytes,
    error: type[SpdkitError] = SpdkitError,
    *,
    folder: Path | None = None,
    like: Path | None = None,
    check: Callable[[], None] | None = None,
) -> None:
    """Write a file as `replacing` does."""
    target = user_path(path, error)
    with replacing(target, error, folder=folder, like=like, check=check) as temporary:
        temporary.write_bytes(content)


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write UTF-8 as `replacing` does."""
    write_bytes(path, text.encode())


def user_path(path: str | os.PathLike[str], error: type[SpdkitError] = SpdkitError) -> Path:
    """Path that somebody gave, with the ``~`` of a home replaced; nothing need be there.

    Raises
    ------
    SpdkitError
        When there is no such home, no file can have that name, or nobody may look whether there is
        one.
    """
    try:
        place = Path(path).expanduser()
        place.stat()
    except RuntimeError as cause:
        raise error(f"{path}: there is no such user here, whose home it would be in") from cause
    except ValueError as cause:  # NUL, or what no file system can hold
        raise error(f"{str(path)!r}: no name of a file ({cause})") from cause
    except OSError as cause:
        if cause.errno in (errno.ENAMETOOLONG, errno.EACCES):
            raise error(f"{path}: cannot be reached: {cause.strerror}") from cause
    return place


def absence(path: Path) -> str:
    """Say that there is no file, and of an address that it is none (a path has no ``//``)."""
    if not _ADDRESS.match(str(path)):
        return "no such file"
    return "no such file: this is an address, and files are read. Save it as one first"


def read_file(path: Path, largest: int) -> tuple[bytes, tuple[int, ...]]:
    """Read a regular file of at most `largest` bytes; nothing else is opened.

    Returns
    -------
    bytes
    tuple of int
        What differs between two files that had the same name one after the other.

    Raises
    ------
    OSError
    """
    _require_regular(path.stat())
    with open(path, "rb", opener=_without_waiting) as file:
        status = os.fstat(file.fileno())
        _require_regular(status)
        if status.st_size > largest:
            raise OSError(errno.EFBIG, f"it has more than {largest} bytes")
        content = file.read(status.st_size)
    return content, _stamp(status)


def stamp(path: Path) -> tuple[int, ...] | None:
    """What differs between two files that had the same name, as of `read_file`; None of no file.

    Raises
    ------
    OSError
    """
    status = _status(path)
    return None if status is None else _stamp(status)


def _stamp(status: os.stat_result) -> tuple[int, ...]:
    # Not the time of a change of mode, owner or number of names.
    return status.st_dev, status.st_ino, status.st_mtime_ns, status.st_size


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)


def _require_regular(status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "it is no regular file")


def append(handle: int, content: bytes) -> None:
    """Append to an open file all of `content` or nothing.

    Raises
    ------
    OSError
    """
    end = os.fstat(handle).st_size
    try:
        while content:
            content = content[os.write(handle, content) :]
    except BaseException:
        with suppress(OSError):
            os.ftruncate(handle, end)
        raise


def lock(handle: int) -> bool:
    """Lock an open file or folder until it is closed, without waiting.

    Returns
    -------
    bool
        Whether nobody else has locked it; true where the file system has no locks.
    """
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as cause:
        return cause.errno not in (errno.EWOULDBLOCK, errno.EACCES)
    return True


def clear_leftovers(folder: Path) -> None:
    """Remove the temporary files that killed writers left in a folder, whatever their targets."""
    _clear(folder, None, stat.S_ISREG)


def make_folder(folder: Path) -> None:
    """Make a folder and those above it that are not there; their names are on the disk then.

    Raises
    ------
    OSError
    """
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for path in missing:
        sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Wait until the names in a folder are on the disk, where the file system can say so.

    Raises
    ------
    OSError
        When the disk fails.
    """
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except PermissionError:
        return  # a folder can be written to, and not read
    try:
        os.fsync(handle)
    except OSError as cause:
        if cause.errno not in (errno.EINVAL, errno.ENOTSUP, errno.ENOSYS):
            raise
    finally:
        os.close(handle)


@contextmanager
def scratch_folder(
    parent: str | os.PathLike[str] | None = None, error: type[SpdkitError] = SpdkitError
) -> Iterator[Path]:
    """Make a folder for what does not fit into memory, which goes at the end.

    Those of earlier processes that were killed go, too.

    Parameters
    ----------
    parent : path, optional
        The system's folder for temporary files if not given.
    error : type of SpdkitError
        What to raise.

    Raises
    ------
    SpdkitError
        When it cannot be made.
    """
    place = Path(tempfile.gettempdir() if parent is None else parent)
    try:
        folder, handle = _new_folder(place)
    except OSError as cause:
        raise error(f"{place}: no temporary folder: {cause.strerror or cause}") from cause
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(handle)


def _open_handle(target: Path) -> int | None:
    """Number of the open file that a path such as ``/dev/stdout`` stands for."""
    for _ in range(9):  # links, which end in one that only the system can follow
        own = re.fullmatch(r"/(?:dev|proc/(?:self|\d+|thread-self))/fd/(\d+)", str(target))
        if own:
            return int(own[1])
        if not target.is_symlink():
            return None
        target = target.parent / target.readlink()
    return None


def _copy(path: Path, handle: int) -> None:
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            while block:
                block = block[os.write(handle, block) :]


def end_of_links(target: Path) -> Path:
    """Where a path leads, whether or not something is there.

    Raises
    ------
    OSError
        When no file can have that name, or links go in a circle.
    """
    try:
        file = Path(os.path.realpath(target))
    except ValueError as cause:  # NUL, or what no file system can hold
        raise OSError(errno.EINVAL, f"no name of a file ({cause})") from cause
    if file.is_symlink():
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
    return file


def beside(file: Path, ending: str) -> Path:
    """Return the path beside a file that has its name and an ending.

    Of a name to which nothing can be added, as much as there is room for, and its digest.
    """
    name = os.fsencode(file.name)
    room = _LONGEST_NAME - len(os.fsencode(ending))
    if len(name) <= room:
        return file.with_name(f"{file.name}{ending}")
    digest = _digest(file.name)
    start = name[: room - len(digest) - 1].decode("utf-8", "ignore")
    return file.with_name(f"{start}-{digest}{ending}")


def require_replaceable(target: Path) -> None:
    """Check that no file is there, or one in whose place another can be put by a rename.

    Raises
    ------
    OSError
        When the file is mounted by itself, as a container's ``-v FILE:FILE`` does.
    """
    file = end_of_links(target)
    if file.is_file() and _mount(file) != _mount(file.parent):
        raise OSError(
            errno.EBUSY,
            "it is mounted by itself, so that it cannot be replaced at one "
            "instant: mount its folder",
        )


def _mount(path: Path) -> str:
    """What differs between two mounts, of one disk too where the system tells."""
    if not hasattr(os, "O_PATH"):
        return str(path.stat().st_dev)
    handle = os.open(path, os.O_PATH)
    try:
        lines = Path(f"/proc/self/fdinfo/{handle}").read_text().splitlines()
    except OSError:  # no /proc
        lines = []
    finally:
        os.close(handle)
    numbers = [line for line in lines if line.startswith("mnt_id:")]
    return numbers[0] if numbers else str(path.stat().st_dev)


def _status(file: Path) -> os.stat_result | None:
    try:
        return file.stat()
    except FileNotFoundError:
        return None


def _ending(name: str) -> str:
    """What writers go by: ``.csv.gz``; nothing of a name whose end is none that a format has."""
    for count in (2, 1):
        ending = "".join(Path(name).suffixes[-count:])
        if len(os.fsencode(ending)) <= _LONGEST_ENDING:
            return ending
    return ""


def _digest(name: str) -> str:
    return hashlib.sha256(os.fsencode(name)).hexdigest()[:8]


def _new_file(folder: Path, name: str, ending: str, old: os.stat_result | None) -> tuple[Path, int]:
    """Make an empty locked file beside `name`, and clear what killed writers of it left there."""
    target = _digest(name)
    _clear(folder, target, stat.S_ISREG)
    # Private until it takes over the mode of what it replaces.
    mode = 0o666 if old is None else 0o600
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    while True:
        path = folder / f"{MARK}{target}-{secrets.token_hex(8)}{ending}"
        handle = os.open(path, flags, mode)
        # Another writer may have taken it for a leftover, and cleared it.
        if lock(handle) and _is_open_at(path, handle):
            return path, handle
        os.close(handle)


def _new_folder(parent: Path) -> tuple[Path, int]:
    """As `_new_file`, of a folder."""
    _clear(parent, "scratch", stat.S_ISDIR)
    while True:
        folder = parent / f"{MARK}scratch-{secrets.token_hex(8)}"
        folder.mkdir(0o700)
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        if lock(handle) and _is_open_at(folder, handle):
            return folder, handle
        os.close(handle)


def _is_open_at(path: Path, handle: int) -> bool:
    try:
        return os.path.samestat(path.lstat(), os.fstat(handle))
    except FileNotFoundError:
        return False


def _clear(folder: Path, target: str | None, kind: Callable[[int], bool]) -> None:
    """Remove what killed processes left, and nothing whose writer lives or may live."""
    try:
        with os.scandir(folder) as entries:
            leftovers = [
                entry.path
                for entry in entries
                if (match := TEMPORARY.fullmatch(entry.name)) and target in (None, match[1])
            ]
    except PermissionError:
        return  # a folder can be written to, and not read
    for leftover in leftovers:
        with suppress(OSError):
            _remove_unlocked(leftover, kind)


def _remove_unlocked(path: str, kind: Callable[[int], bool]) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        status = os.fstat(handle)
        if not kind(status.st_mode) or status.st_uid != os.geteuid():
            return
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if stat.S_ISDIR(status.st_mode):
            shutil.rmtree(path)
        else:
            Path(path).unlink()
    finally:
        os.close(handle)


def _take_over(handle: int, old: os.stat_result) -> None:
    """Give a file the owner, where that is allowed, and the mode of the one that it replaces."""
    with suppress(OSError):
        os.fchown(handle, old.st_uid, old.st_gid)
    os.fchmod(handle, stat.S_IMODE(old.st_mode))
