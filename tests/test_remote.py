"""Audio under a URL: a real HTTP server, ranged requests, and what goes wrong there."""

from __future__ import annotations

import re
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from audio_files import encode, melody, save

from spdkit.content import digest_file, stamp
from spdkit.extractors import AudioExtractor, ExtractionError
from spdkit.extractors.audio.decode import read_clip
from spdkit.tracks import Track


class Ranged(SimpleHTTPRequestHandler):
    """Serves parts of files, as web servers do, and counts the bytes that it sends."""

    sent = 0

    def do_HEAD(self):
        self.do_GET(body=False)

    def do_GET(self, body=True):
        path = Path(self.translate_path(self.path))
        if "forbidden" in self.path:
            self.send_error(403)
            return
        if not path.is_file():
            self.send_error(404)
            return
        data = path.read_bytes()
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        first = int(asked[1]) if asked else 0
        last = min(int(asked[2]), len(data) - 1) if asked and asked[2] else len(data) - 1
        part = data[first : last + 1]
        self.send_response(206 if asked else 200)
        self.send_header("Content-Length", str(len(part)))
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("ETag", f'"{len(data)}"')
        if asked:
            self.send_header("Content-Range", f"bytes {first}-{last}/{len(data)}")
        self.end_headers()
        if body:
            self.wfile.write(part)
            Ranged.sent += len(part)

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("served")
    y = melody(3.0)
    for suffix in ("wav", "flac", "ogg", "mp3"):
        save(folder / f"song.{suffix}", y)
    encode(folder / "song.m4a", y, "aac", "ipod")
    (folder / "text.mp3").write_text("this is no sound\n" * 100)
    save(folder / "long.wav", np.tile(y, 100))
    return folder


@pytest.fixture(scope="module")
def url(folder):
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Ranged, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg", "mp3", "m4a"])
def test_a_url_gives_what_the_file_gives(suffix, folder, url):
    local = read_clip(str(folder / f"song.{suffix}"), duration=2.0)
    remote = read_clip(f"{url}/song.{suffix}", duration=2.0)
    assert np.array_equal(remote.y, local.y)
    assert remote.remarks == local.remarks


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("nothing.wav", "no such file"),
        ("forbidden.wav", "cannot be opened: 403, message='Forbidden'"),
        ("text.mp3", "Format not recognised"),
    ],
)
def test_what_cannot_be_had_has_its_reason(name, reason, url):
    with pytest.raises(ExtractionError, match=reason) as caught:
        AudioExtractor().extract(Track("a", f"{url}/{name}"))
    assert caught.value.source == f"{url}/{name}"


def test_a_server_that_is_not_there(url):
    with pytest.raises(ExtractionError, match="cannot be opened: Cannot connect"):
        read_clip("http://127.0.0.1:1/song.wav")


def test_a_protocol_that_nobody_knows():
    with pytest.raises(ExtractionError, match=r"unknown://song\.wav: .*unknown"):
        read_clip("unknown://song.wav")


def test_only_part_of_a_long_file_travels(folder, url):
    Ranged.sent = 0
    read_clip(f"{url}/long.wav", duration=3.0)
    size = (folder / "long.wav").stat().st_size
    assert 0 < Ranged.sent < size / 2


def test_a_url_has_the_state_and_the_digest_of_its_file(folder, url):
    size = (folder / "song.mp3").stat().st_size
    assert (stamp(f"{url}/song.mp3").size, stamp(f"{url}/song.mp3").modified) == (size, f'"{size}"')
    assert digest_file(f"{url}/song.mp3") == digest_file(str(folder / "song.mp3"))
