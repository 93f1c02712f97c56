"""Sources of tracks: playlists, albums, artists, ids and ISRCs, or the charts of countries."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self

from spdkit.collect.errors import CollectError
from spdkit.common.files import user_path

Kind = Literal["playlist", "album", "artist", "track"]
MOST_PLAYLISTS = 50  # the largest page of a category's playlists

_ID = re.compile(r"[0-9A-Za-z]{22}")
_ISRC = re.compile(r"[A-Z]{2}[A-Z0-9]{3}\d{7}")
_LINK = re.compile(
    r"(?:spotify:(?:user:[^:]+:)?|(?:https?://)?open\.spotify\.com/(?:intl-\w+/)?(?:user/[^/]+/)?)"
    r"(?P<kind>\w+)[:/](?P<id>[0-9A-Za-z]{22})(?:[/?#].*)?"
)


@dataclass(frozen=True)
class Sources:
    """Where the tracks of a corpus come from; each may be empty, not all.

    Attributes
    ----------
    playlists, albums, artists, tracks : tuple of str
        Spotify ids. Of an artist, the albums and singles are taken.
    isrcs : tuple of str
        International Standard Recording Codes, looked up by search.
    countries : tuple of str
        ISO 3166-1 alpha-2 codes: the way SpotGenTrack was collected, through the playlists of
        every category that Spotify shows there.
    playlists_per_category : int
        How many of a category's playlists to take, 1 to 50.
    """

    playlists: tuple[str, ...] = ()
    albums: tuple[str, ...] = ()
    artists: tuple[str, ...] = ()
    tracks: tuple[str, ...] = ()
    isrcs: tuple[str, ...] = ()
    countries: tuple[str, ...] = ()
    playlists_per_category: int = 20

    def __post_init__(self) -> None:
        if not 1 <= self.playlists_per_category <= MOST_PLAYLISTS:
            raise CollectError(
                f"playlists_per_category must be 1 to {MOST_PLAYLISTS}, "
                f"got {self.playlists_per_category}"
            )
        for country in self.countries:
            if not re.fullmatch(r"[A-Z]{2}", country):
                raise CollectError(f"{country!r} is no country code of two letters, such as DE")
        if not len(self):
            raise CollectError(
                "nothing to collect: name playlists, albums, artists, ids or countries"
            )

    def __len__(self) -> int:
        named = (self.playlists, self.albums, self.artists, self.tracks, self.isrcs, self.countries)
        return sum(map(len, named))

    @classmethod
    def parse(
        cls,
        *,
        playlists: Iterable[str] = (),
        albums: Iterable[str] = (),
        artists: Iterable[str] = (),
        ids: str | os.PathLike[str] | None = None,
        countries: Iterable[str] = (),
        playlists_per_category: int = 20,
    ) -> Self:
        """Read sources as people write them.

        Parameters
        ----------
        playlists, albums, artists : iterable of str
            Ids, ``spotify:`` URIs or open.spotify.com links.
        ids : path, optional
            A file of track ids, links or ISRCs, one a line; blank lines and lines that begin with
            ``#`` are passed over.
        countries : iterable of str
            Codes of countries, in either case.
        playlists_per_category : int
            See the class.

        Raises
        ------
        CollectError
            Naming what is no id; for a file, with the line.
        """
        tracks, isrcs = _read_ids(Path(ids)) if ids is not None else ([], [])
        return cls(
            playlists=_ids("playlist", playlists),
            albums=_ids("album", albums),
            artists=_ids("artist", artists),
            tracks=tuple(dict.fromkeys(tracks)),
            isrcs=tuple(dict.fromkeys(isrcs)),
            countries=tuple(dict.fromkeys(code.strip().upper() for code in countries)),
            playlists_per_category=playlists_per_category,
        )


def spotify_id(kind: Kind, text: str) -> str:
    """Return the id in an id, a ``spotify:`` URI or a link.

    Raises
    ------
    CollectError
        When there is none, or it is the id of something else.
    """
    text = text.strip()
    if _ID.fullmatch(text):
        return text
    link = _LINK.fullmatch(text)
    if link is None:
        raise CollectError(f"{text!r} is no Spotify {kind} id, URI or link")
    if link["kind"] != kind:
        raise CollectError(f"{text!r} leads to a Spotify {link['kind']}: {kind} is needed")
    return link["id"]


def _ids(kind: Kind, texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(spotify_id(kind, text) for text in texts))


def _read_ids(path: Path) -> tuple[list[str], list[str]]:
    try:
        lines = user_path(path, CollectError).read_text("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise CollectError(f"{path}: cannot be read as a list of ids: {error}") from error
    tracks: list[str] = []
    isrcs: list[str] = []
    bad: list[str] = []
    for number, line in enumerate(map(str.strip, lines), start=1):
        if not line or line.startswith("#"):
            continue
        code = line.upper().replace("-", "")
        try:
            if _ISRC.fullmatch(code):
                isrcs.append(code)
            else:
                tracks.append(spotify_id("track", line))
        except CollectError:
            bad.append(f"line {number}: {line!r}")
    if bad:
        shown = "; ".join(bad[:5])
        raise CollectError(f"{path}: {len(bad)} lines hold neither a track id nor an ISRC: {shown}")
    if not tracks and not isrcs:
        raise CollectError(f"{path}: holds no id")
    return tracks, isrcs
