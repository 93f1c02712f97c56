"""``spdkit collect``: what it says, what it exits with, what it leaves, and what it never tells."""

from __future__ import annotations

import base64
import json
import logging
import signal
import subprocess
import sys
import traceback

import pandas as pd
import pytest
from http_server import wait_for
from service_server import CLIENT_ID, GENIUS_TOKEN, SECRET, hit, ident, song_page
from typer.testing import CliRunner

from spdkit.cli.collect import app
from spdkit.collect import SpotifyCollector
from spdkit.collect.errors import CollectError
from spdkit.collect.retry import RetryPolicy
from spdkit.collect.sources import Sources

LIST = ident("P", 1)
PROGRAM = "from spdkit.cli.collect import app; app()"


def run(*words):
    return CliRunner().invoke(app, list(map(str, words)))


@pytest.mark.parametrize("words", [(), ("spotify",), ("genius",)])
def test_help_says_what_the_terms_are(words):
    text = " ".join(run(*words, "--help").stdout.replace("│", " ").split())
    assert "is your decision" in text
    if "genius" not in words:
        assert "forbid" in text
        assert "2024-11-27" in text
        assert "February 2026" in text
    if "spotify" not in words:
        assert "copyright" in text


def test_the_commands_are_light():
    code = (
        "import sys, spdkit.cli.collect\n"
        "heavy = {'requests', 'spotipy', 'lyricsgenius', 'pandas', 'rapidfuzz'}\n"
        "heavy &= set(sys.modules)\n"
        "sys.exit(', '.join(heavy) if heavy else 0)"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_a_library_that_is_missing_is_one_line(world, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "spotipy", None)
    monkeypatch.setitem(sys.modules, "lyricsgenius", None)
    (tmp_path / "songs.csv").write_text("track_id,title,artist\n1,a,b\n")
    for words, library in (
        (("spotify", "--playlist", LIST, "-o", tmp_path / "out"), "spotipy"),
        (("genius", tmp_path / "songs.csv", "-o", tmp_path / "lyrics.csv"), "lyricsgenius"),
    ):
        result = run(*words)
        assert (
            result.stderr
            == f"spdkit: {words[0].title()} needs {library}: pip install 'spdkit[collect]'\n"
        )
        assert result.exit_code == 1


def test_spotify_then_genius(world, tmp_path):
    world.playlists[LIST] = [1, 2]
    world.closed = {"followers"}
    # Told to wait for a second in the middle, and does.
    world.trouble = lambda path, before: (
        (429, {"Retry-After": "1"}) if "/items" in path and before == 0 else None
    )
    out = tmp_path / "out"
    done = run("spotify", "--playlist", f"spotify:playlist:{LIST}", "-o", out)
    assert done.exit_code == 0, done.stderr
    assert done.stdout.startswith(f"{out}: 2 tracks, 1 artists, 1 albums (")
    assert "Spotify: HTTP 429 a bad day; waiting 1 s (attempt 1 of 5)" in done.stderr
    assert "this application may not read the followers of artists (closed" in done.stderr
    world.hits["Song 1 Artist 0"] = [hit("Song 1", "Artist 0", "/song-1")]
    world.pages["/song-1"] = song_page("a line of ours")
    lyrics = tmp_path / "lyrics.csv"
    done = run("genius", out / "songs.csv", "-o", lyrics, "--json")
    assert done.exit_code == 0, done.stderr
    assert json.loads(done.stdout)["counts"] == {"ok": 1, "not_found": 1}
    assert list(pd.read_csv(lyrics)["track_id"]) == [ident("T", 1), ident("T", 2)]


def test_a_long_pause_says_how_long_and_how_to_go_on(world, tmp_path):
    world.playlists[LIST] = [1]
    world.trouble = lambda path, before: (
        (429, {"Retry-After": "12000"}) if "/items" in path else None
    )
    out = tmp_path / "a folder"
    done = run("spotify", "--playlist", LIST, "--ids", ids_file(tmp_path), "-o", out)
    assert done.exit_code == 75
    assert done.stderr.endswith(
        f"spdkit: Spotify asks to wait for 3 h 20 min. Everything so far is safe in {out}/raw; to "
        "go on, run in 3 h 20 min:\n"
        f"  spdkit collect spotify --playlist {LIST} --ids {tmp_path}/ids.txt -o '{out}'\n"
    )


def test_what_was_not_answered_is_said_with_how_to_go_on(world, tmp_path, monkeypatch):
    retry = RetryPolicy(attempts=2, sleep=lambda seconds: None)
    monkeypatch.setattr("spdkit.cli.collect._retry_policy", lambda: retry)
    world.playlists |= {LIST: [1], ident("P", 2): [2]}
    world.trouble = lambda path, before: (500, {}) if LIST in path else None
    out = tmp_path / "out"
    done = run("spotify", "--playlist", LIST, "--playlist", ident("P", 2), "-o", out)
    assert done.exit_code == 75
    assert done.stdout.startswith(f"{out}: 1 tracks")
    assert "1 requests had no answer: Spotify gives no answer to /api/v1/playlists/" in done.stderr
    world.trouble = lambda path, before: None
    assert run("spotify", "--playlist", LIST, "-o", out, "--json").exit_code == 0


def test_a_wall_says_how_to_go_on(world, tmp_path):
    world.trouble = lambda path, before: (403, {}) if "/search" in path else None
    rows = "".join(f"{n},Song {n},X\n" for n in range(7))
    (tmp_path / "songs.csv").write_text(f"track_id,title,artist\n{rows}")
    done = run("genius", tmp_path / "songs.csv", "-o", tmp_path / "lyrics.csv")
    assert done.exit_code == 75
    assert "lyrics.csv: 5 blocked, 2 not reached (5 requests)" in done.stdout
    assert "try another network. Everything so far is safe in" in done.stderr
    assert "lyrics.csv --floor 0.8\n" in done.stderr


def test_errors_of_use_are_one_line(tmp_path):
    done = run("spotify", "-o", tmp_path)
    assert (done.exit_code, done.stderr.startswith("spdkit: nothing to collect")) == (1, True)
    done = run("genius", tmp_path / "none.csv", "-o", tmp_path / "x.csv")
    assert (done.exit_code, done.stderr.count("\n")) == (1, 1)


def ids_file(folder):
    path = folder / "ids.txt"
    path.write_text(ident("T", 5))
    return path


@pytest.mark.parametrize("moment", ["offset=100", f"features/?ids={ident('T', 0)},"])
def test_a_kill_loses_nothing_that_was_received(world, tmp_path, moment):
    world.playlists[LIST] = list(range(120))
    words = ["spotify", "--playlist", LIST, "-o", str(tmp_path / "out")]
    world.trouble = lambda path, before: "wait" if moment in path and before == 0 else None
    command = [sys.executable, "-P", "-c", PROGRAM, *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        try:
            wait_for(lambda: any(moment in path for path in list(world.asked)))
        finally:
            process.kill()
    assert process.returncode == -signal.SIGKILL
    assert not list((tmp_path / "out").glob("*.csv"))
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert len(pd.read_csv(tmp_path / "out" / "tracks.csv")) == 120
    # Only what had no answer yet, and the token, which is kept nowhere.
    twice = {path for path, count in world.asked.items() if count > 1}
    assert len(twice - {"/token"}) == 1
    assert all(moment in path for path in twice - {"/token"})


class Everything(logging.Handler):
    """Every record of every logger, at every level."""

    def __init__(self):
        super().__init__(level=0)
        self.lines = []

    def emit(self, record):
        self.lines.append(self.format(record))


@pytest.fixture
def logged():
    handler, root = Everything(), logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield handler.lines
    root.removeHandler(handler)
    root.setLevel(level)


def secrets(world):
    pair = base64.b64encode(f"{CLIENT_ID}:{SECRET}".encode()).decode()
    tokens = [f"BQ-token-number-{number + 1}" for number in range(world.tokens)]
    return [SECRET, pair, GENIUS_TOKEN, *tokens]


@pytest.mark.parametrize("day", ["good", "expired", "wrong secret", "down", "limited", "walled"])
def test_no_credential_is_ever_written(world, tmp_path, monkeypatch, logged, day):
    monkeypatch.chdir(tmp_path)  # where spotipy would leave its .cache
    retry = RetryPolicy(attempts=2, sleep=lambda seconds: None)
    monkeypatch.setattr("spdkit.cli.collect._retry_policy", lambda: retry)
    world.playlists[LIST] = [1, 2]
    world.hits["Song 1 Artist 0"] = [hit("Song 1", "Artist 0", "/song-1")]
    world.pages["/song-1"] = song_page("a line of ours")
    (tmp_path / "songs.csv").write_text("track_id,title,artist\n1,Song 1,Artist 0\n")
    days = {
        "expired": lambda path, before: world.valid.clear(),
        "down": lambda path, before: "drop" if "/token" not in path else None,
        "limited": lambda path, before: (429, {"Retry-After": "900"}),
        "walled": lambda path, before: (403, {}) if "/token" not in path else None,
    }
    world.trouble = days.get(day, lambda path, before: None)
    if day == "wrong secret":
        world.accept = ("somebody", "else")
        monkeypatch.setattr("service_server.GENIUS_TOKEN", "another")
    results = [
        run("spotify", "--playlist", LIST, "-o", tmp_path / "out"),
        run("genius", tmp_path / "songs.csv", "-o", tmp_path / "lyrics.csv"),
    ]
    said = [result.output + result.stderr for result in results]
    try:
        collector = SpotifyCollector(tmp_path / "api", retry=retry)
        said.append(repr(vars(collector)))
        said.append(repr(collector.collect(Sources(playlists=(LIST,)))))
    except CollectError:
        said.append(traceback.format_exc())
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    written = [path.read_bytes().decode("utf-8", "replace") for path in files]
    assert world.asked["/token"] >= 1
    assert any("Sending" in line for line in logged), "spotipy no longer logs: what is tested?"
    if day == "good":
        assert [result.exit_code for result in results] == [0, 0]
    for secret in secrets(world):
        for text in (*said, *written, *logged):
            assert secret not in text, (day, secret)
    assert not list(tmp_path.rglob(".cache*"))
