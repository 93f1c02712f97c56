"""Redirects of real servers: where they may lead, and what is taken along."""

from __future__ import annotations

import aiohttp
import fsspec
import http_server
import numpy as np
import pytest

from spdkit.tracks import remote_audio, web_client
from spdkit.tracks.remote_audio import RemoteError
from spdkit.tracks.track import open_binary

CONTENT = np.random.default_rng(0).bytes(200_000)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "song.wav").write_bytes(CONTENT)
    return tmp_path


@pytest.fixture
def servers(folder, monkeypatch):
    """Two servers, which are two origins for all their one address."""
    monkeypatch.setattr(remote_audio, "_PAUSES", (0.0,))
    with http_server.serve(folder) as first, http_server.serve(folder) as second:
        yield *first, *second


@pytest.fixture
def configured(monkeypatch):
    """What a user has configured for his own server, in every way that there is."""
    options = {
        "headers": {
            "Authorization": "Bearer 1",
            "X-Api-Key": "2",
            "Cookie": "a=3",
            "User-Agent": "u",
        },
        "client_kwargs": {"headers": {"X-Session": "4"}, "cookies": {"b": "5"}},
    }
    monkeypatch.setitem(fsspec.config.conf, "http", options)
    fsspec.filesystem("http").clear_instance_cache()
    yield options
    fsspec.filesystem("http").clear_instance_cache()


def read(url):
    with remote_audio.remote_session(), open_binary(url) as file:
        return file.read()


def redirecting(place):
    return lambda method, path, part, before: place if path.startswith("/from") else ""


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_followed(status, servers):
    url, days, other, _ = servers
    days.redirect_status = status
    days.trouble = redirecting(f"{other}/song.wav")
    assert read(f"{url}/from") == CONTENT
    days.trouble = redirecting("/song.wav")
    assert read(f"{url}/from/here") == CONTENT


def test_five_redirects_are_followed_and_six_are_not(servers):
    url, days, *_ = servers

    def trouble(method, path, part, before):
        steps = int(path.removeprefix("/step")) if path.startswith("/step") else 0
        return "" if not steps else f"/step{steps - 1}" if steps > 1 else "/song.wav"

    days.trouble = trouble
    assert read(f"{url}/step5") == CONTENT
    asked = days.asked.total()
    with pytest.raises(RemoteError, match="more than 5 redirects"):
        read(f"{url}/step6")
    assert days.asked.total() - asked == 2 * 6  # by HEAD, and as fsspec does then by GET; not again


@pytest.mark.parametrize(
    ("place", "reason"),
    [
        ("file:///etc/passwd", "redirected to file:///etc/passwd, which is not http nor https"),
        (
            "ftp://u:secret@host/a",
            r"redirected to ftp://\*\*\*@host/a, which is not http nor https",
        ),
        ("memory://a", "which is not http nor https"),
        ("data://text", "which is not http nor https"),
        ("http://[::1", "redirected to no address of the web"),
        ("http://:80/a", "redirected to no address of the web"),
    ],
)
def test_redirects_keep_to_the_web(place, reason, servers):
    url, days, *_ = servers
    days.trouble = redirecting(place)
    with pytest.raises(RemoteError, match=reason) as refusal:
        read(f"{url}/from")
    assert "secret" not in str(refusal.value)


def test_nothing_that_one_server_was_given_goes_to_another(servers, configured):
    url, days, other, other_days = servers
    days.trouble = redirecting(f"{other}/song.wav?token=of-the-link")
    assert read(f"{url}/from") == CONTENT
    for headers in days.headers:
        assert headers["authorization"] == "Bearer 1"
        assert headers["x-api-key"] == "2"
        assert headers["x-session"] == "4"
        assert "cookie" in headers
    assert other_days.headers
    for headers in other_days.headers:
        assert not headers.keys() & {"authorization", "x-api-key", "x-session", "cookie"}
        assert headers.keys() <= {"host", "accept", "accept-encoding", "range", "user-agent"}
        assert headers["user-agent"] == "u"


@pytest.mark.filterwarnings("ignore:(BasicAuth|The 'auth' param):DeprecationWarning")
def test_a_login_is_kept_on_its_own_server_and_not_given_to_another(servers, configured):
    """aiohttp gives the login of a session to whatever server a redirect leads to."""
    url, days, other, other_days = servers
    configured["client_kwargs"] = {"auth": aiohttp.BasicAuth("user", "password")}
    del configured["headers"]
    days.trouble = redirecting("/song.wav")
    assert read(f"{url}/from") == CONTENT
    assert all("authorization" in headers for headers in days.headers)
    days.trouble = redirecting(f"{other}/song.wav")
    assert read(f"{url}/from/there") == CONTENT
    assert other_days.passwords == set()


def test_a_password_of_the_address_is_kept_on_its_server_and_not_brought_back(servers):
    url, days, other, other_days = servers
    days.trouble = redirecting(f"{url}/song.wav")
    assert read(url.replace("://", "://user:password@") + "/from") == CONTENT
    assert all("authorization" in headers for headers in days.headers)
    days.headers.clear()
    days.trouble = redirecting(f"{other}/back")
    other_days.trouble = lambda method, path, *_: f"{url}/song.wav" if path == "/back" else ""
    assert read(url.replace("://", "://user:password@") + "/from") == CONTENT
    back = [headers for headers in days.headers if "authorization" not in headers]
    assert len(back) == len(days.headers) // 2
    assert other_days.passwords == set()


def test_a_redirect_leads_from_the_internet_into_no_private_network(servers, monkeypatch):
    url, days, other, other_days = servers
    days.trouble = redirecting(f"{other}/song.wav".replace("127.0.0.1", "127.0.0.2"))
    is_private = web_client._is_private

    async def all_but_one(host):
        return host != "127.0.0.1" and await is_private(host)

    monkeypatch.setattr(web_client, "_is_private", all_but_one)
    with pytest.raises(RemoteError, match=r"redirected into a private network, to 127\.0\.0\.2"):
        read(f"{url}/from")
    assert not other_days.asked


def test_a_way_over_the_internet_leads_back_into_no_private_network(servers, monkeypatch):
    """Each step counts, not only where the first one was."""
    url, days, other, other_days = servers
    is_private = web_client._is_private

    async def all_but_one(host):
        return host != "127.0.0.1" and await is_private(host)

    monkeypatch.setattr(web_client, "_is_private", all_but_one)
    private = url.replace("127.0.0.1", "localhost")
    days.trouble = redirecting(f"{other}/out")
    other_days.trouble = lambda *_: f"{private}/song.wav"
    with pytest.raises(RemoteError, match="redirected into a private network, to localhost"):
        read(f"{private}/from")
    assert {path for _, path, _ in days.asked} == {"/from"}


@pytest.mark.parametrize(
    ("host", "private"),
    [
        *((each, True) for each in ("127.0.0.1", "localhost", "10.1.2.3", "192.168.0.1")),
        *((each, True) for each in ("169.254.169.254", "::1", "fe80::1", "fd00::1", "0.0.0.0")),
        *(
            (each, True)
            for each in ("192.0.0.192", "224.0.0.1", "240.0.0.1", "100.64.0.1", "127.1")
        ),
        *((each, True) for each in ("fec0::1", "ff02::1", "64:ff9b:1::1", "2001:db8::1", "::")),
        # IPv4 in IPv6: mapped, of NAT64, of 6to4, of old.
        *((f"{before}7f00:1", True) for before in ("::ffff:", "64:ff9b::", "::")),
        ("2002:7f00:1::", True),
        *((f"{before}808:808", False) for before in ("::ffff:", "64:ff9b::", "::")),
        *((each, False) for each in ("1.1.1.1", "2606:4700::1111", "2002:808:808::")),
        ("nobody.invalid", False),
    ],
)
def test_private_networks(host, private):
    import asyncio

    assert asyncio.run(web_client._is_private(host)) == private


def test_sessions_are_closed_with_their_file_system(servers):
    import asyncio

    async def both():
        client = await web_client.web_client()
        own, others = client._own, client._others
        await client.close()
        return own.closed, others.closed, client._connector is None

    assert asyncio.run(both()) == (True, True, True)
