"""A server for tests that speaks as Spotify and Genius do, and has their bad days.

Tracks, artists and albums are made up from a number; nothing here is anybody's data.
"""

from __future__ import annotations

import base64
import html
import json
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

CLIENT_ID, SECRET = "client-of-the-tests", "s3cret-of-the-tests"
GENIUS_TOKEN = "genius-t0ken-of-the-tests"
FORBIDDEN = 403, {"error": {"status": 403, "message": "Forbidden"}}
MARKETS = [a + b for a in "ABCDEFGHIJ" for b in "KLMNOPQRST"]


def ident(kind: str, number: int) -> str:
    """An id as Spotify's: 22 characters."""
    return f"{kind}{number:021d}"


class World:
    """What the services know and how they behave; every field may be set by a test.

    Attributes
    ----------
    playlists : dict
        Items by playlist id: numbers of tracks, or entries as they go over the wire.
    closed : set of str
        What this application may not read: audio-features, batches, popularity, followers,
        available_markets, external_ids, genres, browse.
    trouble : callable
        Given path and query, and how often it was asked for before, says what goes wrong with it:
        None, or a status and its headers, or "drop", "half", "sleep", "garbage", "wait".
    asked : Counter
        Requests by path and query; ``tokens`` counts the tokens given.
    songs : dict
        Genius: hits by query, pages by path (text of the page).
    """

    def __init__(self) -> None:
        self.playlists: dict[str, list] = {}
        self.gone: set[str] = set()
        self.closed: set[str] = set()
        self.trouble: Callable[[str, int], object] = lambda path, before: None
        self.asked: Counter[str] = Counter()
        self.names: dict[int, str] = {}
        self.without_artist: set[int] = set()
        self.largest_page = 50
        self.item_name = "track"
        self.hits: dict[str, list] = {}
        self.pages: dict[str, str] = {}
        self.categories: dict[str, dict[str, list]] = {}
        self.valid: set[str] = set()
        self.tokens = 0
        self.accept = (CLIENT_ID, SECRET)
        self.over, self.lock = threading.Event(), threading.Lock()

    def token(self) -> str:
        self.tokens += 1
        token = f"BQ-token-number-{self.tokens}"
        self.valid.add(token)
        return token

    def track(self, number: int, *, whole: bool = True) -> dict:
        artist = {"id": ident("R", number // 5), "name": f"Artist {number // 5}"}
        track = {
            "artists": [artist],
            "available_markets": MARKETS,
            "disc_number": 1,
            "duration_ms": 180_000 + number,
            "href": f"https://api.spotify.com/v1/tracks/{ident('T', number)}",
            "id": ident("T", number),
            "name": self.names.get(number, f"Song {number}"),
            "preview_url": None,
            "track_number": number % 10 + 1,
            "type": "track",
            "uri": f"spotify:track:{ident('T', number)}",
        }
        if number in self.without_artist:
            track["artists"] = []
        if whole:
            track |= {
                "album": self.album(number // 10),
                "external_ids": {"isrc": f"QZABC{number:07d}"},
                "popularity": number % 101,
            }
        return self._without(track)

    def album(self, number: int) -> dict:
        return self._without(
            {
                "album_type": "album",
                "artists": [{"id": ident("R", number * 2), "name": f"Artist {number * 2}"}],
                "available_markets": MARKETS[:2],
                "external_urls": {"spotify": f"https://open.spotify.com/album/{number}"},
                "href": f"https://api.spotify.com/v1/albums/{ident('A', number)}",
                "id": ident("A", number),
                "images": [{"height": 64, "url": "https://i.scdn.co/image/0", "width": 64}],
                "name": f"Album {number}",
                "release_date": "1999-12-31",
                "release_date_precision": "day",
                "total_tracks": 10,
                "type": "album",
                "uri": f"spotify:album:{ident('A', number)}",
            }
        )

    def artist(self, number: int) -> dict:
        return self._without(
            {
                "followers": {"href": None, "total": 1000 + number},
                "genres": ["pop", "québécois"],
                "id": ident("R", number),
                "name": f"Artist {number}",
                "popularity": number % 101,
                "type": "artist",
            }
        )

    def features(self, number: int) -> dict:
        names = "acousticness danceability energy instrumentalness liveness loudness speechiness"
        return dict.fromkeys(f"{names} tempo valence".split(), 0.125) | {
            "analysis_url": f"https://api.spotify.com/v1/audio-analysis/{ident('T', number)}",
            "id": ident("T", number),
            "key": number % 12,
            "mode": 1,
            "time_signature": 4,
            "track_href": f"https://api.spotify.com/v1/tracks/{ident('T', number)}",
            "type": "audio_features",
        }

    def _without(self, thing: dict) -> dict:
        return {key: value for key, value in thing.items() if key not in self.closed}


def song_page(lyrics: str | None, *, instrumental: bool = False) -> str:
    """A page as Genius makes them, with lyrics of ours."""
    body = '<div id="lyrics-root">'
    if lyrics is not None:
        lines = html.escape(lyrics).replace("\n", "<br/>")
        body += f'<div data-lyrics-container="true">{lines}</div>'
    if instrumental:
        body += "<div>This song is an instrumental</div>"
    return f"<html><body>{body}</div><script>window.__PRELOADED_STATE__ = 0</script></body></html>"


def hit(title: str, artist: str, path: str, **more: object) -> dict:
    """A hit as Genius's search gives them."""
    result = {
        "title": title,
        "artist_names": artist,
        "primary_artist": {"name": artist},
        "path": path,
        "url": f"https://genius.com{path}",
        "lyrics_state": "complete",
    }
    return {"type": "song", "index": "song", "result": result | more}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    world: World

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self._answer()

    def _answer(self) -> None:
        world = self.world
        with world.lock:
            before = world.asked[self.path]
            world.asked[self.path] += 1
        trouble = world.trouble(self.path, before)
        if isinstance(trouble, tuple):
            self._send(trouble[0], {"error": {"message": "a bad day"}}, headers=trouble[1])
        elif trouble == "drop":
            self.close_connection = True
        elif trouble == "sleep":
            time.sleep(1.0)
            self.close_connection = True
        elif trouble == "wait":
            world.over.wait(60)
            self.close_connection = True
        elif trouble == "garbage":
            self._send_text(200, "<html>not json</html>")
        else:
            self._route(half=trouble == "half")

    def _route(self, half: bool) -> None:
        url = urlsplit(self.path)
        query = {key: values[0] for key, values in parse_qs(url.query).items()}
        root, _, path = url.path.strip("/").partition("/")
        if root == "token":
            self._give_token()
        elif root == "genius":
            self._genius(path, query)
        elif root == "web":
            self._send_text(*self._page(path))
        elif self.headers.get("Authorization", "").removeprefix("Bearer ") not in self.world.valid:
            self._send(401, {"error": {"status": 401, "message": "The access token expired"}})
        else:
            status, answer = _Spotify(self.world).answer(path.rstrip("/"), query)
            self._send(status, answer, half=half)

    def _give_token(self) -> None:
        given = self.headers["Authorization"].removeprefix("Basic ")
        decoded = base64.b64decode(given).decode()
        if decoded != ":".join(self.world.accept):
            # Unkind: it repeats what it was sent.
            self._send(400, {"error": f"invalid_client {given} {decoded}"})
        else:
            token = self.world.token()
            self._send(200, {"access_token": token, "token_type": "Bearer", "expires_in": 3600})

    def _genius(self, path: str, query: dict[str, str]) -> None:
        given = self.headers.get("Authorization", "")
        if given != f"Bearer {GENIUS_TOKEN}":
            self._send(401, {"meta": {"status": 401, "message": f"no such token: {given}"}})
        else:
            assert path == "search", path
            hits = self.world.hits.get(query["q"], [])
            self._send(200, {"meta": {"status": 200}, "response": {"hits": hits}})

    def _page(self, path: str) -> tuple[int, str]:
        page = self.world.pages.get(f"/{path}")
        return (404, "no such page") if page is None else (200, page)

    def _send(self, status, answer, *, half=False, headers=None) -> None:
        self._send_text(status, json.dumps(answer), "application/json", half, headers)

    def _send_text(self, status, text, kind="text/html; charset=utf-8", half=False, headers=None):
        body = text.encode()
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if half:
            body = body[: len(body) // 2]
            self.close_connection = True
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


class _Spotify:
    """The Web API, as far as spdkit uses it."""

    def __init__(self, world: World) -> None:
        self.world = world

    def answer(self, path: str, query: dict[str, str]) -> tuple[int, dict]:
        parts = path.split("/")[1:]  # v1
        kind = parts[0]
        if ",".join(parts) in self.world.gone or parts[-1] in self.world.gone:
            return 404, {"error": {"status": 404, "message": "Resource not found"}}
        if kind == "search":
            return self._search(query)
        if kind == "browse":
            return self._browse(parts, query)
        if kind == "playlists":
            return self._playlist(parts, query)
        if kind == "audio-features":
            if "audio-features" in self.world.closed:
                return FORBIDDEN
            return 200, {"audio_features": self._each(query["ids"], self.world.features)}
        if len(parts) == 1:
            if "batches" in self.world.closed:
                return FORBIDDEN
            return 200, {kind: self._each(query["ids"], self._maker(kind))}
        number = int(parts[1][1:])
        if parts[2:] == ["tracks"]:
            tracks = range(number * 10, number * 10 + 10)
            return self._list([self.world.track(n, whole=False) for n in tracks], query)
        if parts[2:] == ["albums"]:
            return self._list([self.world.album(number), self.world.album(number + 1)], query)
        return 200, self._maker(kind)(number)

    def _maker(self, kind: str) -> Callable[[int], dict]:
        return {"tracks": self.world.track, "artists": self.world.artist}[kind]

    def _each(self, ids: str, make: Callable[[int], dict]) -> list:
        gone = self.world.gone
        return [None if one in gone else make(int(one[1:])) for one in ids.split(",")]

    def _list(self, items: list, query: dict[str, str]) -> tuple[int, dict]:
        limit, offset = int(query["limit"]), int(query["offset"])
        if limit > self.world.largest_page:
            return 400, {"error": {"status": 400, "message": "Invalid limit"}}
        end = offset + limit
        # A link that must not be followed: it leads away from the address that was configured.
        after = "http://192.0.2.1/elsewhere" if end < len(items) else None
        return 200, {"items": items[offset:end], "next": after, "total": len(items)}

    def _playlist(self, parts: list[str], query: dict[str, str]) -> tuple[int, dict]:
        entries = self.world.playlists.get(parts[1])
        if entries is None:
            return 404, {"error": {"status": 404, "message": "Resource not found"}}
        if parts[2:] != ["items"]:
            assert query.get("fields") == "id,name", query
            return 200, {"id": parts[1], "name": f"List {parts[1][-2:]}"}
        status, page = self._list(entries, query)
        if status == 200:
            page["items"] = [self._entry(entry) for entry in page["items"]]
        return status, page

    def _entry(self, entry: object) -> object:
        if not isinstance(entry, int):
            return entry
        track = self.world.track(entry)
        return {"added_at": "2020-01-01T00:00:00Z", "is_local": False, self.world.item_name: track}

    def _search(self, query: dict[str, str]) -> tuple[int, dict]:
        code = query["q"].removeprefix("isrc:")
        known = code.startswith("QZABC")
        # As the real one: the code first, and what else is like it.
        near = (int(code[5:]), 999) if known else ()
        items = [self.world.track(number) for number in near][: int(query["limit"])]
        return 200, {"tracks": {"items": items, "next": None}}

    def _browse(self, parts: list[str], query: dict[str, str]) -> tuple[int, dict]:
        if "browse" in self.world.closed:
            return FORBIDDEN
        categories = self.world.categories[query["country"]]
        if parts[2:]:
            playlists = categories[parts[2]]
            items = [p and {"id": p, "name": f"Top {p[-2:]}"} for p in playlists]
            return 200, {"playlists": {"items": items[: int(query["limit"])], "next": None}}
        status, page = self._list([{"id": name} for name in categories], query)
        return status, {"categories": page} if status == 200 else page


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Clients may leave in the middle."""


@contextmanager
def serve():
    """Serve while the context lasts; yields the URL and the `World`."""
    world = World()
    server = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"world": world}))
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", world
    finally:
        world.over.set()
        server.shutdown()
        thread.join()
        server.server_close()


def demonstrate() -> None:
    """Serve a small corpus with a bad day in it, and say how to collect it."""
    with serve() as (url, world):
        playlist = ident("P", 1)
        world.playlists[playlist] = list(range(120))
        world.closed = {"audio-features", "batches"}
        world.hits["Song 1 Artist 0"] = [hit("Song 1", "Artist 0", "/song-1")]
        world.pages["/song-1"] = song_page("a line of ours\nand another")
        pauses = {"50": "3", "100": "600"}

        def busy(path: str, before: int) -> object:
            pause = pauses.get(path.partition("offset=")[2].partition("&")[0])
            return (429, {"Retry-After": pause}) if pause and not before else None

        world.trouble = busy
        for name, value in {
            "SPOTIPY_CLIENT_ID": CLIENT_ID,
            "SPOTIPY_CLIENT_SECRET": SECRET,
            "GENIUS_ACCESS_TOKEN": GENIUS_TOKEN,
            "SPDKIT_SPOTIFY_API_URL": f"{url}/api/v1/",
            "SPDKIT_SPOTIFY_TOKEN_URL": f"{url}/token",
            "SPDKIT_GENIUS_API_URL": f"{url}/genius/",
            "SPDKIT_GENIUS_WEB_URL": f"{url}/web/",
        }.items():
            print(f"export {name}={value}")
        print(f"spdkit collect spotify --playlist {playlist} -o corpus", flush=True)
        world.over.wait()


if __name__ == "__main__":
    demonstrate()
