"""Made-up triplets of the Taste Profile's size and shape, which may not be passed round itself.

As in the real set, a user's lines stand together, users are 40 hexadecimal digits and songs 18
letters and digits. Tails are heavy: songs a user are 10 and a log-normal number, songs are drawn by
1 / (rank + 30)^0.9, none twice for a user, and plays are a log-normal number rounded up, so that
59 % of records have one play and 1 of 15,500 has more than 200, as published (3,120 of 48,373,586).
Fewer rows have users and songs in proportion. The seed is fixed: the same number of rows is the
same file.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spdkit.common.files import replacing

ROWS, USERS, SONGS = 48_373_586, 1_019_318, 384_546
LEAST, SPREAD = 10, 1.1  # songs of a user
USERS_AT_ONCE = 20_000
Integers = NDArray[np.int64]
Bytes = NDArray[np.uint8]


@dataclass(frozen=True)
class Log:
    """What was written: rows, those of more than 200 plays, users, songs, and MB of the file."""

    rows: int
    over_200: int
    users: int
    songs: int
    mb: float


def write_triplets(path: Path, rows: int) -> Log:
    """Write so many triplets, at least 1,000, to a file, whole or not at all."""
    users, songs = (max(100, round(n * rows / ROWS)) for n in (USERS, SONGS))
    users = min(users, rows // LEAST)
    rng = np.random.default_rng(0)
    sizes = songs_a_user(rng, rows, users, songs)
    popularity = np.cumsum((np.arange(songs) + 30.0) ** -0.9)
    names = _letters([_song_id(song) for song in rng.permutation(songs).tolist()])
    over_200, heard = 0, np.zeros(songs, bool)
    with replacing(path) as temporary, temporary.open("wb") as file:
        for start in range(0, users, USERS_AT_ONCE):
            user, song = draw_songs(rng, sizes[start : start + USERS_AT_ONCE], popularity)
            plays = np.ceil(rng.lognormal(-0.335, 1.472, len(user))).astype(np.int64)
            ids = _letters([_user_id(start + i) for i in range(int(user[-1]) + 1)])
            file.write(lines(ids[user], names[song], plays))
            over_200 += int((plays > 200).sum())
            heard[song] = True
    return Log(rows, over_200, users, int(heard.sum()), path.stat().st_size / 1e6)


def songs_a_user(rng: np.random.Generator, rows: int, users: int, songs: int) -> Integers:
    """How many songs each user has; half of all at most."""
    shares = rng.lognormal(0, SPREAD, users)
    most = max(LEAST, songs // 2)
    sizes = LEAST + (shares / shares.sum() * (rows - LEAST * users)).astype(np.int64)
    sizes = np.minimum(sizes, most)
    while (lacking := rows - int(sizes.sum())) > 0:
        sizes[np.flatnonzero(sizes < most)[:lacking]] += 1
    return sizes


def draw_songs(
    rng: np.random.Generator, sizes: Integers, popularity: NDArray[np.float64]
) -> tuple[Integers, Integers]:
    """User and song of each row, none twice; `popularity` is summed up over songs."""
    songs = len(popularity)
    user = np.repeat(np.arange(len(sizes)), sizes)
    song = np.searchsorted(popularity, popularity[-1] * rng.random(len(user)), side="right")
    while True:
        keys = user * songs + song
        order = np.argsort(keys, kind="stable")
        repeated = order[1:][np.diff(keys[order]) == 0]
        if not len(repeated):
            return user, song
        song[repeated] = rng.integers(songs, size=len(repeated))


def lines(users: Bytes, songs: Bytes, plays: Integers) -> bytes:
    """The text of rows, whose ids are rows of letters."""
    digits = np.minimum(plays, 99_999)[:, None] // 10 ** np.arange(4, -1, -1)
    parts = [users, songs, (digits % 10 + ord("0")).astype(np.uint8)]
    ends = [np.full((len(plays), 1), ord(end), np.uint8) for end in "\t\t\n"]
    text = np.hstack([column for pair in zip(parts, ends, strict=True) for column in pair])
    shown = np.ones_like(text, dtype=bool)
    shown[:, -6:-1] = digits > 0
    return text[shown].tobytes()


def _letters(ids: list[str]) -> Bytes:
    return np.frombuffer("".join(ids).encode("ascii"), np.uint8).reshape(len(ids), -1)


def _user_id(number: int) -> str:
    return hashlib.sha1(str(number).encode(), usedforsecurity=False).hexdigest()


def _song_id(number: int) -> str:
    digest = hashlib.md5(str(number).encode(), usedforsecurity=False)
    letters = "".join(chr(ord("A") + byte % 26) for byte in digest.digest()[:5])
    return f"SO{letters}{digest.hexdigest()[:11].upper()}"
