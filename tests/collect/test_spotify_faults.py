"""A service with bad days: every fault, through the real spotipy."""

from __future__ import annotations

import os
import re

import pytest
import spotipy
from service_server import ident

from spdkit.collect.errors import CollectError, CredentialsError, RateLimited, Unanswered
from spdkit.collect.retry import RetryPolicy
from spdkit.collect.sources import Sources
from spdkit.collect.spotify import SpotifyCollector

LIST = ident("P", 1)
N_TRACKS = 120  # three pages


class Run:
    """A collection whose pauses are noted instead of slept."""

    def __init__(self, folder, world, **options):
        self.slept, self.told, self.world = [], [], world
        world.playlists[LIST] = list(range(N_TRACKS))
        options.setdefault("timeout", 5.0)
        retry = RetryPolicy(attempts=3, sleep=self.slept.append, report=self.told.append)
        self.collector = SpotifyCollector(folder, retry=retry, **options)

    def __call__(self):
        return self.collector.collect(Sources(playlists=(LIST,)))


def once(trouble, part="offset=50"):
    """The second page has trouble at the first request."""
    return lambda path, before: trouble if part in path and before == 0 else None


def always(trouble, part="offset=50"):
    return lambda path, before: trouble if part in path else None


@pytest.mark.parametrize(
    ("trouble", "reason"),
    [
        ((500, {}), "HTTP 500"),
        ((502, {}), "HTTP 502 a bad day"),
        ((503, {"Retry-After": "1"}), "HTTP 503 a bad day"),
        ((520, {}), "HTTP 520"),
        ((429, {"Retry-After": "1"}), "HTTP 429 a bad day"),
        ((429, {}), "HTTP 429 a bad day"),
        ("drop", "no connection, or it was dropped"),
        ("half", "only part of the answer arrived"),
        ("garbage", "an answer that is not JSON"),
        ("sleep", "nothing within 0.3 s"),
    ],
)
def test_a_fault_that_passes_is_tried_again(world, tmp_path, trouble, reason):
    world.trouble = once(trouble)
    run = Run(tmp_path, world, timeout=0.3 if trouble == "sleep" else 5.0)
    report = run()
    assert (report.n_tracks, report.unanswered) == (N_TRACKS, ())
    assert run.slept == [1.0]
    expected = reason if reason != "HTTP 500" else "HTTP 500 a bad day"
    assert run.told == [f"Spotify: {expected}; waiting 1 s (attempt 1 of 3)"]


def test_a_long_pause_is_raised_and_taken_up_later(world, tmp_path):
    world.trouble = always((429, {"Retry-After": "7200"}))
    run = Run(tmp_path, world)
    with pytest.raises(RateLimited, match="Spotify asks to wait for 2 h") as caught:
        run()
    assert (caught.value.retry_after, run.slept) == (7200.0, [])
    assert not list(tmp_path.glob("*.csv")), "tables of half of the tracks"
    world.trouble = lambda path, before: None
    assert run().n_tracks == N_TRACKS
    twice = {path: count for path, count in world.asked.items() if count > 1}
    assert set(twice.values()) == {2}
    assert all("offset=50" in path or path == "/token" for path in twice), twice


def test_a_date_says_how_long_to_wait_too(world, tmp_path):
    world.trouble = always((429, {"Retry-After": "Fri, 31 Dec 2199 23:59:59 GMT"}))
    with pytest.raises(RateLimited) as caught:
        Run(tmp_path, world)()
    assert caught.value.retry_after > 1e9


def test_one_page_without_an_answer_is_left_out_and_said(world, tmp_path):
    world.trouble = always((500, {}))
    run = Run(tmp_path, world)
    report = run()
    # The first page is there; what comes after the broken one cannot be known.
    assert (report.n_tracks, run.slept) == (50, [1.0, 2.0])
    [unanswered] = report.unanswered
    assert "gives no answer to /api/v1/playlists/P" in unanswered
    assert unanswered.endswith("HTTP 500 a bad day")
    world.trouble = lambda path, before: None
    report = run()
    assert (report.n_tracks, report.unanswered) == (N_TRACKS, ())


def test_a_service_that_is_down_ends_the_run(world, tmp_path):
    world.closed = {"batches"}
    first = f"/artists/{ident('R', 0)}"

    def down(path, before):
        return (503, {}) if "/artists/" in path and not path.endswith(first) else None

    world.trouble = down
    with pytest.raises(Unanswered, match="HTTP 503"):
        Run(tmp_path, world)()
    assert sum(count for path, count in world.asked.items() if "/artists/" in path) == 1 + 5 * 3


@pytest.mark.parametrize("capability", ["audio-features", "tracks/[?]ids", "artists"])
def test_a_capability_is_not_denied_because_the_service_is_down(world, tmp_path, capability):
    world.trouble = lambda path, before: (500, {}) if re.search(capability, path) else None
    with pytest.raises(Unanswered, match=capability):
        Run(tmp_path, world)()
    world.trouble = lambda path, before: None
    report = Run(tmp_path, world)()
    assert report.remarks == ()


def test_a_batch_that_is_refused_is_asked_for_one_by_one(world, tmp_path):
    ids = [ident("T", number) for number in range(3)]
    world.trouble = lambda path, before: (400, {}) if "," in path or "%2C" in path else None
    report = SpotifyCollector(tmp_path).collect(Sources(tracks=tuple(ids)))
    assert (report.n_tracks, report.remarks) == (3, ())


def test_a_token_that_expires_during_the_run_is_refreshed_once(world, tmp_path):
    def expire(path, before):
        if "offset=100" in path and before == 0:
            world.valid.clear()

    world.trouble = expire
    assert Run(tmp_path, world)().n_tracks == N_TRACKS
    assert world.tokens == 2
    assert world.asked[next(path for path in world.asked if "offset=100" in path)] == 2


def test_a_token_that_is_refused_for_good_is_a_clear_error(world, tmp_path):
    world.trouble = lambda path, before: world.valid.clear()
    with pytest.raises(CredentialsError, match=r"refuses a fresh token .The access token expired"):
        Run(tmp_path, world)()
    assert world.tokens == 2


def test_wrong_credentials_are_said_at_once(world, tmp_path):
    world.accept = ("somebody", "else")
    run = Run(tmp_path, world)
    with pytest.raises(CredentialsError, match="does not accept SPOTIPY_CLIENT_ID and"):
        run()
    assert (world.asked["/token"], run.slept) == (1, [])


def test_an_auth_manager_of_the_caller_is_used(world, tmp_path):
    manager = spotipy.SpotifyClientCredentials(cache_handler=spotipy.MemoryCacheHandler())
    manager.OAUTH_TOKEN_URL = os.environ["SPDKIT_SPOTIFY_TOKEN_URL"]
    assert Run(tmp_path / "one", world, auth_manager=manager)().n_tracks == N_TRACKS
    manager.cache_handler.save_token_to_cache(None)
    world.accept = ("somebody", "else")
    with pytest.raises(CredentialsError, match=r"Spotify gives no token \(invalid_client\)$"):
        Run(tmp_path / "two", world, auth_manager=manager)()


def test_a_token_service_with_a_bad_day_is_tried_again(world, tmp_path):
    world.trouble = lambda path, before: (503, {}) if path == "/token" and before == 0 else None
    assert Run(tmp_path, world)().n_tracks == N_TRACKS


def test_an_answer_of_another_shape_is_an_error_of_ours(world, tmp_path):
    world.playlists = {}
    run = Run(tmp_path, world)
    world.playlists[LIST] = [{"track": {"id": ident("T", 1), "type": "track", "artists": 5}}]
    world.trouble = lambda path, before: (200, {}) if "offset=0" in path else None
    with pytest.raises(CollectError, match="is not as documented"):
        run()


def test_links_to_other_hosts_are_not_followed(world, tmp_path):
    # Every page but the last names http://192.0.2.1/elsewhere as the next one: reserved by RFC
    # 5737, where nobody answers. A run that followed it would end without these tracks.
    run = Run(tmp_path, world)
    assert run().n_tracks == N_TRACKS
    assert run.slept == []


def test_the_line_is_down(tmp_path, monkeypatch, world):
    monkeypatch.setenv("SPDKIT_SPOTIFY_TOKEN_URL", "http://127.0.0.1:9/token")
    run = Run(tmp_path, world)
    with pytest.raises(CollectError, match=r"no track could be read.*no connection"):
        run()
