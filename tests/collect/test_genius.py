"""Lyrics through the real lyricsgenius to a local service. Every word of theirs is ours."""

from __future__ import annotations

import csv
from contextlib import contextmanager

import pandas as pd
import pytest
from service_server import hit, song_page

from spdkit.collect.errors import Blocked, CollectError, CredentialsError, RateLimited, Unanswered
from spdkit.collect.genius import COLUMNS, GeniusCollector, read_songs
from spdkit.collect.retry import RetryPolicy
from spdkit.tracks import scan

WORDS = "[Verse 1]\nThe kettle sings at half past nine\nand so do I\n\n[Chorus]\nAnd so do I & I"
FIREWALL = "<html><title>Just a moment...</title></html>"


class Desk:
    """Songs to look up at the local service."""

    def __init__(self, folder, world):
        self.folder, self.world, self.rows = folder, world, []
        self.output, self.slept = folder / "lyrics.csv", []

    def song(self, name, title=None, artist="The Bees", page=None, **more):
        """One row; found, when `page` is given, at its own path."""
        title = title or f"Song {name}"
        self.rows.append((name, title, artist))
        if page is not None:
            path = f"/The-bees-{name}-lyrics"
            self.world.hits[f"{title} {artist}"] = [hit(title, artist, path, **more)]
            self.world.pages[path] = page

    def table(self):
        path = self.folder / "songs.csv"
        with path.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([("track_id", "title", "artist"), *self.rows])
        return path

    def collector(self, **options):
        retry = RetryPolicy(attempts=2, sleep=self.slept.append)
        return GeniusCollector(self.output, pause=0, retry=retry, **options)

    def __call__(self, **options):
        return self.collector(**options).collect(self.table())

    def result(self):
        frame = pd.read_csv(self.output, dtype=str, keep_default_na=False)
        assert tuple(frame.columns) == COLUMNS
        return {row["track_id"]: row for row in frame.to_dict("records")}


@pytest.fixture
def desk(world, tmp_path):
    return Desk(tmp_path, world)


def test_each_song_has_one_of_four_statuses(desk):
    desk.song("there", "Half Past Nine", page=song_page(WORDS))
    desk.song("without", page=song_page(None, instrumental=True))
    desk.song("flagged", page=song_page(None), instrumental=True)
    desk.song("headed", page=song_page("[Instrumental]"))
    desk.song("empty", page=song_page(None))
    desk.song("unreleased", page=song_page(None), lyrics_state="unreleased")
    desk.song("unknown")
    desk.song("walled", page=FIREWALL)
    report = desk()
    assert report.counts == {"ok": 1, "instrumental": 3, "not_found": 3, "blocked": 1}
    rows = desk.result()
    assert rows["there"] == {
        "track_id": "there",
        "status": "ok",
        "score": "1.0",
        "matched_title": "Half Past Nine",
        "matched_artist": "The Bees",
        "url": "https://genius.com/The-bees-there-lyrics",
        "lyrics": WORDS,
        "reason": "",
    }
    reasons = {name: (row["status"], row["reason"]) for name, row in rows.items()}
    assert reasons["without"] == reasons["flagged"] == ("instrumental", "Genius says so")
    assert reasons["headed"] == ("instrumental", "Genius says so")
    assert reasons["empty"] == ("not_found", "the page has no lyrics")
    unreleased = "Genius has no complete lyrics (unreleased)"
    assert reasons["unreleased"] == ("not_found", unreleased)
    assert reasons["unknown"] == ("not_found", "no hits")
    assert reasons["walled"][0] == "blocked"
    assert "another page in place of /web/The-bees-walled-lyrics" in reasons["walled"][1]
    assert [name for name, row in rows.items() if row["lyrics"]] == ["there"]


def test_the_best_hit_counts_not_the_first(desk):
    desk.song("a", "Blue Hour - Remastered 2011", page=None)
    desk.world.hits["Blue Hour The Bees"] = [
        hit("Blue Hour", "Quartet No. 7", "/wrong"),
        hit("Blue Hour", "The Bees", "/right"),
        {"type": "album", "result": {"name": "Blue Hour"}},
    ]
    desk.world.pages["/right"] = song_page(WORDS)
    desk()
    assert desk.result()["a"]["status"] == "ok"
    assert desk.world.asked["/web/wrong"] == 0


def test_below_the_floor_is_not_found_with_the_score_kept(desk):
    desk.song("a", "Blue Hour", page=None)
    desk.world.hits["Blue Hour The Bees"] = [hit("Blue Hours", "The Bees", "/a")]
    desk.world.pages["/a"] = song_page(WORDS)
    desk(floor=0.95)
    row = desk.result()["a"]
    # 18/19, as test_matching.py works it out.
    assert (row["status"], row["score"], row["lyrics"]) == ("not_found", "0.9474", "")
    assert (row["matched_title"], row["reason"]) == ("Blue Hours", "score below 0.95")
    desk(floor=0.94)
    assert desk.result()["a"]["status"] == "ok"
    desk.world.hits["Blue Hour The Bees"] = [hit("blue hour", "The Bees", "/a")]
    desk.output = desk.folder / "others.csv"
    desk(floor=1.0)
    assert desk.result()["a"]["status"] == "ok"


def test_a_hit_with_little_in_it(desk):
    """Without names of artists, path, state or type: what stands elsewhere, or nothing."""
    little = {"title": "A", "primary_artist": {"name": "Bees"}, "url": "https://genius.com/a-b"}
    desk.world.hits["A"] = [{"result": little}, {"type": "song", "result": {}}, {"result": None}]
    full, empty = desk.collector()._client.search("A")
    assert full == {
        **{"title": "A", "artists": ["Bees"], "url": "https://genius.com/a-b", "path": "/a-b"},
        **{"instrumental": False, "lyrics_state": "complete"},
    }
    assert empty == full | {"title": "", "artists": [], "url": "", "path": ""}
    desk.world.hits["A"] = None
    with pytest.raises(CollectError, match="Genius: a search gives no list of hits"):
        desk.collector()._client.search("A")


def test_a_service_that_says_nothing_is_given_up(desk):
    desk.song("a")
    desk.world.trouble = lambda path, before: "sleep"
    desk(timeout=0.2)
    assert desk.result()["a"]["reason"].endswith("nothing within 0.2 s")


def test_the_bar_counts_what_was_blocked(desk, monkeypatch):
    failures = []

    @contextmanager
    def bar(label, total, *, shown):
        failures.append((label, total, shown))
        yield failures.append

    monkeypatch.setattr("spdkit.collect.genius.progress_bar", bar)
    desk.song("a", page=song_page(WORDS))
    desk.song("b", page=FIREWALL)
    desk.song("c", page=FIREWALL)
    desk.song("d")
    with pytest.raises(Blocked):
        desk(blocks=2, progress=True)
    assert failures == [("lyrics", 4, True), False, True, True, True]


def test_a_wall_ends_the_run_and_is_tried_again(desk):
    for number in range(9):
        desk.song(f"s{number}", page=song_page(WORDS))
    walled = [f"/The-bees-s{number}-lyrics" for number in (1, *range(3, 9))]
    whole = {path: desk.world.pages[path] for path in walled}
    desk.world.pages |= dict.fromkeys(walled, FIREWALL)
    collector = desk.collector(blocks=3)
    with pytest.raises(Blocked, match="3 requests in a row were blocked or not answered"):
        collector.collect(desk.table())
    # One block alone did not end it; three in a row did; the rest was not reached.
    assert collector.report.counts == {"ok": 2, "blocked": 4}
    assert collector.report.n_left == 3
    assert list(desk.result()) == [f"s{number}" for number in range(6)]
    desk.world.pages |= whole
    assert desk(blocks=3).counts == {"ok": 9}
    again = {path for path, count in desk.world.asked.items() if count > 1}
    assert again == {f"/web/The-bees-s{number}-lyrics" for number in (1, 3, 4, 5)}


@pytest.mark.parametrize("status", [403, 406, 418, 451])
def test_a_refused_page_is_a_block(desk, status):
    desk.song("a", page=song_page(WORDS))
    desk.world.trouble = lambda path, before: (status, {}) if path.startswith("/web") else None
    desk()
    row = desk.result()["a"]
    assert (row["status"], f"(HTTP {status})" in row["reason"]) == ("blocked", True)


def test_a_page_that_is_gone_is_not_found(desk):
    desk.song("a", page=song_page(WORDS))
    desk.world.pages.clear()
    desk()
    assert desk.result()["a"]["reason"] == "Genius has no page for it"
    desk.world.pages["/The-bees-a-lyrics"] = song_page("[a bracket that is no header")
    assert (desk().n_requests, desk(ask_again=True).n_requests) == (0, 1)
    assert desk.result()["a"]["status"] == "ok"


@pytest.mark.parametrize("part", ["/genius/search", "/web/"])
@pytest.mark.parametrize("trouble", [(500, {}), (429, {"Retry-After": "1"}), "drop", "garbage"])
def test_a_fault_that_passes_is_tried_again(desk, part, trouble):
    desk.song("a", page=song_page(WORDS))
    desk.world.trouble = lambda path, before: trouble if part in path and not before else None
    desk()
    # A page that is no song's is a block, not a fault.
    expected = "blocked" if (part, trouble) == ("/web/", "garbage") else "ok"
    assert desk.result()["a"]["status"] == expected
    assert desk.slept == ([1.0] if expected == "ok" else [])


def test_a_service_that_does_not_answer_is_no_instrumental(desk):
    desk.song("a", page=song_page(WORDS))
    desk.song("b", page=song_page(WORDS))
    desk.world.trouble = lambda path, before: (500, {}) if "bees-a" in path else None
    assert desk().counts == {"blocked": 1, "ok": 1}
    assert desk.result()["a"]["reason"].endswith("HTTP 500 a bad day")
    desk.world.trouble = lambda path, before: None
    assert desk().counts == {"ok": 2}


def test_a_long_pause_is_raised_and_what_the_cache_has_is_written(desk):
    for number in range(4):
        desk.song(f"s{number}", page=song_page(WORDS))
    assert desk().counts == {"ok": 4}
    desk.rows.insert(0, ("new", "Song new", "The Bees"))
    desk.world.trouble = lambda path, before: (429, {"Retry-After": "3600"})
    collector = desk.collector()
    with pytest.raises(RateLimited, match="Genius asks to wait for 1 h"):
        collector.collect(desk.table())
    assert (collector.report.counts, collector.report.n_left) == ({"ok": 4}, 1)
    assert desk.slept == []
    assert list(desk.result()) == [f"s{number}" for number in range(4)]


def test_a_second_run_asks_nothing(desk):
    desk.song("a", page=song_page(WORDS))
    desk.song("b", "Song a", page=None)
    assert desk().n_requests == 2, "the same song is asked for once"
    before = desk.output.read_bytes()
    assert desk().n_requests == 0
    assert desk.output.read_bytes() == before


def test_the_table_of_lyrics_reads_as_it_was_written(desk):
    nasty = 'Line, with "quotes"\nNA\n\n-99;\tß 音楽 🎵\nlast'
    desk.song("007", page=song_page(nasty))
    desk.song("NA", title="None", page=song_page("nan"))
    desk()
    rows = desk.result()
    assert (rows["007"]["lyrics"], rows["NA"]["lyrics"]) == (nasty, "nan")
    frame = pd.read_csv(desk.output, dtype=str, keep_default_na=False).assign(audio="")
    found = {track.track_id: track.lyrics for track in scan.from_table(frame)}
    assert found == {"007": nasty, "NA": "nan"}


def test_a_wrong_token_is_said_at_once(desk, monkeypatch):
    monkeypatch.setenv("GENIUS_ACCESS_TOKEN", "wrong-token")
    desk.song("a")
    with pytest.raises(CredentialsError, match="does not accept GENIUS_ACCESS_TOKEN") as caught:
        desk()
    assert "wrong-token" not in str(caught.value)
    assert not desk.output.exists()


@pytest.mark.parametrize("token", [None, "", "  ", "two words", "tökén"])
def test_no_usable_token_is_said(desk, monkeypatch, token):
    if token is None:
        monkeypatch.delenv("GENIUS_ACCESS_TOKEN")
    else:
        monkeypatch.setenv("GENIUS_ACCESS_TOKEN", token)
    with pytest.raises(CredentialsError, match="GENIUS_ACCESS_TOKEN") as caught:
        desk()
    assert not (token and token.strip()) or token not in str(caught.value)


def test_a_token_with_a_line_break_works(desk, monkeypatch):
    monkeypatch.setenv("GENIUS_ACCESS_TOKEN", "genius-t0ken-of-the-tests\n")
    desk.song("a", page=song_page(WORDS))
    assert desk().counts == {"ok": 1}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("track_id,title\n1,a\n", "no column 'artist'; the columns are track_id, title"),
        ("track_id,title,artist\n,a,b\n", "no track_id in row 1"),
        ("track_id,title,artist\n1,a,b\n1,c,d\n", "1 track_id occur more than once: '1'"),
        ("", "cannot be read as a table"),
    ],
)
def test_a_table_that_is_wrong_is_refused(tmp_path, text, message):
    (tmp_path / "songs.csv").write_text(text)
    with pytest.raises(CollectError, match=message):
        read_songs(tmp_path / "songs.csv")


def test_a_table_that_is_not_there_is_said(tmp_path):
    with pytest.raises(CollectError, match=r"none\.csv: cannot be read as a table"):
        read_songs(tmp_path / "none.csv")


def test_a_song_without_a_title_is_not_looked_for(desk):
    desk.rows.append(("a", " ", "The Bees"))
    report = desk()
    assert (report.n_requests, desk.result()["a"]["reason"]) == (0, "the table has no title")


@pytest.mark.parametrize("options", [{"floor": 1.5}, {"floor": -0.1}, {"blocks": 0}])
def test_settings_have_limits(desk, options):
    with pytest.raises(CollectError, match="must be"):
        desk(**options)


def test_an_endless_fault_is_named(desk):
    desk.song("a")
    desk.world.trouble = lambda path, before: "drop"
    with pytest.raises(Unanswered, match="no connection"):
        desk.collector()._client.search("a")
