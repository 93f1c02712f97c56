"""Audio under a URL: a real HTTP server, ranged requests, and what goes wrong there."""

from __future__ import annotations

import re
import sys

import fsspec
import http_server
import numpy as np
import pytest
import soundfile
from audio_files import encode, melody, save

from spdkit.extraction.track_results import Task, run_task
from spdkit.extractors import ExtractionError
from spdkit.extractors.base import Extractor, FeatureSpec
from spdkit.extractors.decoding.window import read_clip
from spdkit.tracks import remote_audio
from spdkit.tracks.fingerprint import digest_file, look_at, stamp
from spdkit.tracks.remote_audio import RemoteError
from spdkit.tracks.track import Track, open_binary

KIB = 1024


class Level(Extractor):
    """Needs the sound of a window, and nothing else."""

    name, modality, version = "level", "audio", "1"
    feature_specs = (FeatureSpec("level", "1", 0, 1, "mean of the magnitudes", "test"),)

    def __init__(self, duration=30.0):
        self.duration = duration

    def extract(self, track):
        y = read_clip(track.audio, duration=self.duration).y
        return np.array([np.abs(y).mean()], dtype=np.float32)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("served")
    y = melody(3.0)
    for suffix in ("wav", "flac", "ogg", "mp3"):
        save(folder / f"song.{suffix}", y)
    encode(folder / "song.m4a", y, "aac", "ipod")
    (folder / "text.mp3").write_text("this is no sound\n" * 100)
    (folder / "empty.wav").write_bytes(b"")
    (folder / "bytes").write_bytes(np.random.default_rng(0).bytes(3 << 20))
    return folder


@pytest.fixture(scope="module")
def long(tmp_path_factory):
    """Two minutes and a half in each format, in pieces: libsndfile's encoders need that."""
    folder = tmp_path_factory.mktemp("long")
    y = np.tile(melody(10.0), 15)
    for suffix, subtype in (("wav", None), ("flac", None), ("ogg", "VORBIS"), ("mp3", None)):
        with soundfile.SoundFile(folder / f"long.{suffix}", "w", 44100, 1, subtype) as file:
            for start in range(0, len(y), 44100):
                file.write(y[start : start + 44100])
    encode(folder / "long.m4a", y, "aac", "ipod")
    return folder


@pytest.fixture
def served(folder):
    with http_server.serve(folder) as (url, days):
        yield url, days


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(remote_audio, "_PAUSES", (0.0, 0.0, 0.0))


def row(url, duration=30.0):
    level = Level(duration)
    return run_task(Task(Track("a", url), ("level",)), {"level": level})


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg", "mp3", "m4a"])
def test_a_url_gives_what_the_file_gives(suffix, folder, served):
    local = read_clip(str(folder / f"song.{suffix}"), duration=2.0)
    there = read_clip(f"{served[0]}/song.{suffix}", duration=2.0)
    assert np.array_equal(there.y, local.y)
    assert there.remarks == local.remarks


@pytest.mark.parametrize(
    ("name", "reason"),
    [("nothing.wav", "no such file"), ("text.mp3", "Format not recognised")],
)
def test_what_cannot_be_had_has_its_reason(name, reason, served):
    url = f"{served[0]}/{name}"
    with pytest.raises(ExtractionError, match=reason) as caught:
        read_clip(url)
    assert caught.value.source == url


def test_a_server_that_is_not_there(quick):
    with pytest.raises(ExtractionError, match="cannot be opened: Cannot connect"):
        read_clip("http://127.0.0.1:1/song.wav")


def test_a_protocol_that_nobody_knows():
    with pytest.raises(ExtractionError, match=r"unknown://song\.wav: .*unknown"):
        read_clip("unknown://song.wav")


# The window is a tenth of the file. How long an mp3 or an Ogg file is, all its frames or pages say.
@pytest.mark.parametrize(
    ("suffix", "needed"), [("wav", 0.1), ("flac", 0.1), ("ogg", 0.99), ("m4a", 0.1), ("mp3", 0.99)]
)
def test_only_what_the_window_needs_travels(suffix, needed, long):
    with http_server.serve(long) as (url, days):
        result = row(f"{url}/long.{suffix}", 15.0).results["level"]
    assert result.status == "ok", result.error
    window = needed * (long / f"long.{suffix}").stat().st_size
    head_tail_and_seeking = 5 * 64 * KIB
    assert window < days.sent < 1.5 * window + head_tail_and_seeking
    assert days.encodings == {"identity"}, "a part of what is compressed is no part of the file"
    assert sum(method == "HEAD" for method, _, _ in days.asked) == 1
    assert max(days.asked.values()) == 1, "something travelled twice"


def test_a_second_extractor_needs_nothing_more(served):
    url, days = served
    extractors = {"level": Level(), "again": Level(1.0)}
    done = run_task(Task(Track("a", f"{url}/song.flac"), ("level", "again")), extractors)
    assert [result.status for result in done.results.values()] == ["ok", "ok"]
    assert max(days.asked.values()) == 1


def test_what_was_fetched_is_kept_for_one_visit_only(served):
    url, days = served
    for _ in range(2):
        with remote_audio.remote_session(), open_binary(f"{url}/bytes") as file:
            assert len(file.read(10)) == 10
    assert set(days.asked.values()) == {2}


def test_any_way_of_reading_gives_the_bytes(folder, served):
    whole = (folder / "bytes").read_bytes()
    rng = np.random.default_rng(1)
    with open_binary(f"{served[0]}/bytes") as file:
        for _ in range(200):
            start, count = int(rng.integers(len(whole) + 9)), int(rng.integers(300 * KIB))
            assert file.seek(start) == file.tell() == start
            assert file.read(count) == whole[start : start + count]
        assert file.seek(-5, 2) == len(whole) - 5
        assert file.read() == whole[-5:]
        file.seek(0)
        assert file.read() == whole


def test_no_more_is_kept_than_is_meant(served, monkeypatch):
    monkeypatch.setattr(remote_audio, "_KEPT_BLOCKS", 8)
    with open_binary(f"{served[0]}/bytes") as file:
        file.read()
        assert len(file._remote._blocks) == 8


def test_a_file_without_a_byte(served):
    with open_binary(f"{served[0]}/empty.wav") as file:
        assert file.read() == b""
    assert stamp(f"{served[0]}/empty.wav").size == 0


def test_a_stated_file_is_known_by_its_state(folder, served):
    url, days = served
    size = (folder / "bytes").stat().st_size
    assert stamp(f"{url}/bytes") == stamp(f"{url}/bytes")
    assert (stamp(f"{url}/bytes").size, stamp(f"{url}/bytes").modified) == (size, f'"{size}"')
    assert digest_file(f"{url}/bytes") == digest_file(f"{url}/bytes")
    assert digest_file(f"{url}/bytes") != digest_file(f"{url}/song.wav")
    assert days.sent == 0


def test_a_file_without_a_state_is_known_by_its_bytes(folder, served):
    url, days = served
    days.stated = False
    assert not stamp(f"{url}/bytes").modified
    assert digest_file(f"{url}/bytes") == digest_file(str(folder / "bytes"))
    fsspec.filesystem("memory").pipe("/bytes", (folder / "bytes").read_bytes())
    for other in ("memory://bytes", f"file://{folder}/bytes"):  # the latter has a date: by touch
        assert digest_file(other) == digest_file(str(folder / "bytes"))


@pytest.mark.parametrize("trouble", ["drop", "short", "hang up", (503, "0"), (429, "0"), (500, "")])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_what_passes_is_waited_for(trouble, method, folder, served, quick):
    url, days = served
    days.trouble = lambda asked, path, part, before: (
        trouble if asked == method and not before else ""
    )
    done = row(f"{url}/song.flac", 2.0).results["level"]
    assert (done.status, done.error) == ("ok", "")
    assert done.values == Level(2.0).extract(Track("a", str(folder / "song.flac")))


def test_a_server_that_falls_silent_is_asked_again(folder, served, quick, monkeypatch):
    monkeypatch.setattr(remote_audio, "_SILENT_SECONDS", 0.3)
    url, days = served
    days.trouble = lambda asked, path, part, before: (
        "stall" if asked == "GET" and not before else ""
    )
    assert row(f"{url}/song.flac", 2.0).results["level"].status == "ok"


@pytest.mark.parametrize(
    ("trouble", "reason"),
    [
        ("drop", "cannot be read after 4 tries: ClientPayloadError"),
        ("hang up", "cannot be read after 4 tries: ServerDisconnectedError"),
        ((503, "0"), "cannot be read after 4 tries: ClientResponseError: 503"),
    ],
)
@pytest.mark.parametrize("from_byte", [0, 100_000])
def test_what_never_comes_is_a_failure_with_its_reason(trouble, reason, from_byte, served, quick):
    """Whether the head does not come, or only what lies behind it."""
    url, days = served

    def fails(asked, path, part, before):
        return trouble if asked == "GET" and int(part[6:].split("-")[0]) >= from_byte else ""

    days.trouble = fails
    done = row(f"{url}/song.wav", 2.0).results["level"]
    assert done.status == "failed"
    assert reason in done.error
    # aiohttp itself asks twice when the line is closed. Nobody else asks for what has failed.
    assert max(days.asked.values()) == (8 if trouble == "hang up" else 4)


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_refusal_is_not_argued_with(status, served, monkeypatch):
    monkeypatch.setattr(remote_audio, "_PAUSES", (3600.0,))
    url, days = served
    days.trouble = lambda *_: (status, "")
    done = row(f"{url}/song.wav").results["level"]
    assert done.status == "failed"
    assert ("no such file" if status == 404 else str(status)) in done.error
    assert sorted(days.asked.elements()) == [("GET", "/song.wav", ""), ("HEAD", "/song.wav", "")]
    days.trouble = lambda asked, *_: (status, "") if asked == "GET" else ""
    assert str(status) in row(f"{url}/song.flac").results["level"].error or status == 404


def test_a_pause_is_as_long_as_the_server_says(served, monkeypatch):
    pauses = []
    monkeypatch.setattr(remote_audio.time, "sleep", pauses.append)
    url, days = served
    answers = [(503, "7"), (429, "60"), (503, "61")]
    days.trouble = lambda asked, path, part, before: answers[before] if asked == "GET" else ""
    done = row(f"{url}/song.wav").results["level"]
    assert pauses == [7.0, 60.0]
    assert "503" in done.error, "an hour is not waited for"


def test_pauses_grow_and_differ_from_worker_to_worker(served, monkeypatch):
    pauses = []
    monkeypatch.setattr(remote_audio.time, "sleep", pauses.append)
    url, days = served
    days.trouble = lambda asked, *_: "hang up" if asked == "GET" else ""
    for _ in range(2):
        row(f"{url}/song.wav")
    usual = np.array(remote_audio._PAUSES)
    ratio = np.array(pauses).reshape(2, -1) / usual
    assert ((ratio >= 0.5) & (ratio <= 1.5)).all()
    assert len(set(ratio.ravel())) > 1


def test_a_server_that_sends_whole_files_only(served):
    url, days = served
    days.ranged = False
    assert row(f"{url}/text.mp3").results["level"].error != ""
    done = row(f"{url}/song.wav", 2.0).results["level"]
    assert done.status == "failed"
    assert "the server sends whole files only" in done.error


NO_LENGTH = {"Content-Length": None, "Connection": "close"}


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ({"Content-Length": str((1 << 64) - 1)}, "18,446,744,073,709,551,615 bytes, which no file"),
        ({"Content-Length": str(1 << 63)}, "the server says that it has 9,223,372,036,854,775,808"),
        *(
            ({**NO_LENGTH, "Content-Range": value}, f"Content-Range that is none: {value!r}")
            for value in ("bytes 0-1/-5", "bytes", "bytes 0-1", "0-1/5", "bytes 0-1/")
        ),
        ({**NO_LENGTH, "Content-Range": f"bytes 0-1/{1 << 80}"}, "bytes, which no file has"),
        ({**NO_LENGTH, "Content-Range": "bytes 0-1/*"}, "does not say how long the file is"),
        (NO_LENGTH, "does not say how long the file is"),
    ],
)
def test_a_size_that_no_file_has_is_a_failure_of_that_track(headers, reason, served, quick):
    url, days = served
    days.stating = headers
    done = row(f"{url}/song.flac")
    assert reason in done.results["level"].error
    assert -1 <= done.stamp.size < 1 << 63


def test_a_size_of_a_store_is_checked_too(monkeypatch):
    fs = fsspec.filesystem("memory")
    for size in (-5, 1 << 63):
        monkeypatch.setattr(type(fs), "info", lambda *_, size=size: {"size": size, "type": "file"})
        with pytest.raises(RemoteError, match="which no file has"):
            stamp("memory://song.wav")


ENDLESS = {"Content-Length": None, "Transfer-Encoding": "chunked"}


@pytest.mark.parametrize("stated", [True, False])
@pytest.mark.parametrize("ranged", [True, False])
def test_no_more_is_read_of_an_answer_without_end_than_is_asked_for(stated, ranged, served, quick):
    url, days = served
    days.stated, days.ranged = stated, ranged
    with remote_audio.remote_session(), open_binary(f"{url}/bytes") as file:
        assert file.seek(-1, 2) > 0
        days.stating = ENDLESS
        file.seek(0)
        if ranged:
            with pytest.raises(RemoteError, match="the server sends more than it is asked for"):
                file.read(10)
            assert max(days.asked.values()) == 1, "it is not asked again"
        else:  # the head of a whole file is as good as a part
            assert file.read(10) == bytes(10)
    assert days.sent < 64 << 20, "what fits into buffers of both machines"


@pytest.mark.parametrize("packing", ["gzip", "deflate", "br", "x"])
def test_a_part_that_is_packed_is_not_unpacked(packing, served, quick):
    url, days = served
    with remote_audio.remote_session(), open_binary(f"{url}/bytes") as file:
        file.seek(-1, 2)
        days.stating = {"Content-Encoding": packing}
        with pytest.raises(RemoteError, match=rf"the server sends it packed \({packing}\)"):
            file.read(1)


@pytest.mark.parametrize("part", ["bytes 1-1/9", "bytes */9", "bytes -1", "words 0-1/9"])
def test_another_part_than_was_asked_for_is_no_sound(part, served, quick):
    url, days = served
    with remote_audio.remote_session(), open_binary(f"{url}/bytes") as file:
        file.seek(-1, 2)
        days.stating = {"Content-Range": part}
        with pytest.raises(RemoteError, match=f"the server (sends|says) .*: '{re.escape(part)}'"):
            file.read(1)


def test_a_server_that_drips_has_not_answered(served, quick, monkeypatch):
    """Each byte comes in time, and the last one in three days."""
    monkeypatch.setattr(remote_audio, "_FETCH_SECONDS", 0.3)
    url, days = served
    days.trouble = lambda asked, path, part, before: "drip" if asked == "GET" and not before else ""
    assert row(f"{url}/song.flac", 2.0).results["level"].status == "ok"


@pytest.mark.parametrize("trouble", ["drip", "stall", (503, ""), (503, "60")])
def test_a_look_ends_in_time(trouble, served, monkeypatch):
    monkeypatch.setattr(remote_audio, "_PAUSES", (0.2,) * 1000)
    url, days = served
    days.stated = False
    days.trouble = lambda asked, *_: trouble if asked == "GET" else ""
    with remote_audio.remote_session(0.5):
        look = look_at(f"{url}/bytes")
    assert look.problem
    assert days.asked.total() < 9
    days.trouble = lambda *_: ""
    with remote_audio.remote_session(60):
        assert look_at(f"{url}/bytes").fingerprint


def test_without_the_http_library_a_broken_line_is_passing_all_the_same(monkeypatch):
    monkeypatch.setitem(sys.modules, "aiohttp", None)
    assert remote_audio._network_errors() == (ConnectionError, TimeoutError)
