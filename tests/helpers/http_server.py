"""A web server for tests: it serves parts of files, counts what it sends, and has bad days."""

from __future__ import annotations

import base64
import contextlib
import re
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class Days:
    """How the server behaves; every field may be set by a test.

    Attributes
    ----------
    trouble : callable
        Given method, path, range and how often that was asked for before, says what goes wrong
        with it: "" or one of "drop" (half of the body, then the line is cut), "hang up" (no answer
        at all), "stall" (half of the body, then nothing), "drip" (ten bytes a second), "short"
        (half of it as if that were all), or a status and its Retry-After; or where it redirects to.
    ranged, stated : bool
        Whether parts are sent; whether answers carry an ETag.
    stating : dict
        Headers of answers with a file, instead of the server's own; None leaves one out. With a
        Transfer-Encoding of chunked a body has no end.
    headers, passwords : list of dict, set
        Of all that was asked, names in lower case; ``user:password`` of basic logins.
    """

    def __init__(self) -> None:
        self.trouble: Callable[[str, str, str, int], str | tuple[int, str]] = lambda *_: ""
        self.ranged = self.stated = True
        self.redirect_status = 302
        self.stating: dict[str, str | None] = {}
        self.sent = 0
        self.asked: Counter[tuple[str, str, str]] = Counter()
        self.encodings: set[str] = set()
        self.passwords: set[str] = set()
        self.headers: list[dict[str, str]] = []
        self.over = threading.Event()
        self.lock = threading.Lock()
        self.meeting: threading.Barrier | None = None

    def meet(self, count: int) -> None:
        """Answer only once so many are asked for; fail where they do not come."""
        self.meeting = threading.Barrier(count, timeout=20)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, *args: object, days: Days, folder: Path) -> None:
        self.days, self.folder = days, folder
        super().__init__(*args)

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def _answer(self) -> None:
        days, asked = self.days, (self.command, self.path, self.headers.get("Range", ""))
        with days.lock:
            before = days.asked[asked]
            days.asked[asked] += 1
            days.encodings.add(self.headers.get("Accept-Encoding", ""))
            days.headers.append({name.lower(): value for name, value in self.headers.items()})
            if (login := self.headers.get("Authorization", "")).startswith("Basic "):
                days.passwords.add(base64.b64decode(login[6:]).decode())
        if days.meeting is not None:
            days.meeting.wait()
        trouble = days.trouble(*asked, before)
        path = self.folder / self.path.partition("?")[0].lstrip("/")
        if (isinstance(trouble, str) and "://" in trouble) or trouble[:1] == "/":
            self._redirect(trouble)
        elif isinstance(trouble, tuple):
            self._refuse(*trouble)
        elif trouble == "hang up":
            self.close_connection = True
        elif not path.is_file():
            self._refuse(404, "")
        else:
            self._send(path.read_bytes(), asked[2], trouble)

    def _refuse(self, status: int, retry_after: str) -> None:
        self.send_response(status)
        if retry_after:
            self.send_header("Retry-After", retry_after)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _redirect(self, place: str) -> None:
        self.send_response(self.days.redirect_status)
        self.send_header("Location", place)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _send(self, data: bytes, wanted: str, trouble: str) -> None:
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", wanted) if self.days.ranged else None
        first = int(asked[1]) if asked else 0
        last = min(int(asked[2]), len(data) - 1) if asked and asked[2] else len(data) - 1
        part = data[first : last + 1]
        if trouble == "short" and self.command == "GET":
            part, trouble = part[: len(part) // 2], ""
        self.send_response(206 if asked else 200)
        headers: dict[str, str | None] = {"Content-Length": str(len(part))}
        if self.days.stated:
            headers["ETag"] = f'"{len(data)}"'
        if asked:
            headers["Content-Range"] = f"bytes {first}-{last}/{len(data)}"
        headers |= self.days.stating
        for name, value in headers.items():
            if value is not None:
                self.send_header(name, value)
        self.end_headers()
        if self.command == "HEAD":
            return
        if headers.get("Transfer-Encoding") == "chunked":
            self._send_without_end()
            return
        if trouble == "drip":
            self._drip(part)
            return
        if trouble:
            part = part[: len(part) // 2]
            self.close_connection = True
        self.wfile.write(part)
        self.wfile.flush()
        with self.days.lock:
            self.days.sent += len(part)
        if trouble == "stall":
            self.days.over.wait(60)

    def _drip(self, part: bytes) -> None:
        with contextlib.suppress(OSError):
            for place in range(len(part)):
                self.wfile.write(part[place : place + 1])
                if self.days.over.wait(0.1):
                    return

    def _send_without_end(self) -> None:
        self.close_connection = True
        zeros = bytes(1 << 16)
        with contextlib.suppress(OSError):  # as soon as the client has left
            while not self.days.over.is_set() and self.days.sent < 1 << 30:
                self.wfile.write(b"%x\r\n%s\r\n" % (len(zeros), zeros))
                self.days.sent += len(zeros)

    def log_message(self, *_: object) -> None:
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Clients may leave in the middle."""


@contextmanager
def serve(folder: Path):
    """Serve a folder while the context lasts; yields the URL and the `Days`."""
    days = Days()
    server = _Server(("127.0.0.1", 0), partial(_Handler, days=days, folder=folder))
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", days
    finally:
        days.over.set()
        server.shutdown()
        thread.join()
        server.server_close()


def wait_for(what: Callable[[], object], seconds: float = 60.0) -> object:
    """Wait until something is so; what it is."""
    end = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)
    return found
