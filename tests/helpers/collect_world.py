"""The services on this machine, with credentials of their own."""

import pytest
import service_server


@pytest.fixture
def world(monkeypatch):
    """The local services; the environment leads to them."""
    with service_server.serve() as (url, world):
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("SPOTIPY_CLIENT_ID", service_server.CLIENT_ID)
        monkeypatch.setenv("SPOTIPY_CLIENT_SECRET", service_server.SECRET)
        monkeypatch.setenv("GENIUS_ACCESS_TOKEN", service_server.GENIUS_TOKEN)
        monkeypatch.setenv("SPDKIT_SPOTIFY_API_URL", f"{url}/api/v1/")
        monkeypatch.setenv("SPDKIT_SPOTIFY_TOKEN_URL", f"{url}/token")
        monkeypatch.setenv("SPDKIT_GENIUS_API_URL", f"{url}/genius/")
        monkeypatch.setenv("SPDKIT_GENIUS_WEB_URL", f"{url}/web/")
        yield world
