"""Play tables: how often one listener played each song, from a table, triplets or their database.

>>> from spdkit.catalogs import play_tables
>>> plays = play_tables.read_plays("taste.duckdb", listener="b80344d063b5ccb")  # doctest: +SKIP
>>> plays.matched(store.track_ids)  # doctest: +SKIP

Forms: a table (.csv, .tsv, .parquet) with the columns ``plays`` and ``track_id`` (or ``song_id``),
and, where there are several listeners, ``user_id``; triplets as the Taste Profile has them (.txt,
also .gz or .zip: a user, a song and plays, tab-separated, without a header); a database that
`spdkit.catalogs.taste_profile` has imported (.duckdb).
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any

import pandas as pd

from spdkit.catalogs.errors import CatalogError
from spdkit.catalogs.taste_profile import MAX_PLAYS, TasteProfile, import_triplets
from spdkit.common.files import scratch_folder, user_path
from spdkit.common.messages import listing
from spdkit.common.table_io import ENDINGS, read_table
from spdkit.common.text import same_names

DATABASES = (".duckdb",)
TRIPLETS = (".txt", ".txt.gz", ".zip")
_IDS = ("track_id", "song_id")


@dataclass(frozen=True)
class PlayTable:
    """Plays of one listener.

    Attributes
    ----------
    listener : str
        Empty where the table names nobody.
    frame : DataFrame
        By song id: ``plays``, and the other columns of the table, such as the artist's id.
    remarks : tuple of str
        What was left out, and which listener was taken.
    """

    listener: str
    frame: pd.DataFrame = field(repr=False)
    remarks: tuple[str, ...] = ()

    def matched(self, track_ids: Iterable[str], songs: pd.DataFrame | None = None) -> PlayTable:
        """The songs that are among tracks, by their ids there.

        A song is a track of the same id; or of `songs`, where there are some; or the one track
        whose file has the id as its name, whatever its folder and suffix.

        Parameters
        ----------
        track_ids : iterable of str
        songs : DataFrame, optional
            ``song_id``, ``track_id``, and other columns, which are joined.

        Raises
        ------
        CatalogError
            When no song is among them, or two songs are one track.
        """
        tracks, frame = list(track_ids), self.frame
        if songs is not None:
            frame = _renamed(frame, songs)
        names = {name: name for name in tracks}
        stems = [PurePosixPath(name).stem for name in tracks]
        once = {stem for stem, n in Counter(stems).items() if n == 1}
        names |= {s: t for s, t in zip(stems, tracks, strict=True) if s in once and s not in names}
        names |= {other: names[own] for other, own in same_names(frame.index, names).items()}
        there = frame.index.isin(names)
        if not there.any():
            raise CatalogError(
                f"none of the {len(frame):,} songs with plays is among the {len(tracks):,} with "
                f"sound: songs are such as {listing(list(frame.index[:2]), quote=True)}, tracks "
                f"such as {listing(tracks[:2], quote=True)}. Name the files by the songs' ids, or "
                "give a table with the columns song_id and track_id (songs)"
            )
        plays = frame[there].rename(index=names)
        twice = list(plays.index[plays.index.duplicated()].unique())
        if twice:
            raise CatalogError(f"two songs with plays are one track: {listing(twice, quote=True)}")
        order = {name: place for place, name in enumerate(tracks)}
        plays = plays.iloc[plays.index.map(order).argsort()]
        remarks = self.remarks
        if n := int((~there).sum()):
            absent = listing(list(frame.index[~there][:3]), quote=True)
            remarks += (f"{n:,} of {len(frame):,} songs with plays have no sound: {absent}",)
        return replace(self, frame=plays, remarks=remarks)


def read_plays(
    path: str | os.PathLike[str],
    *,
    listener: str | None = None,
    max_plays: int | None = None,
) -> PlayTable:
    """Read the plays of one listener.

    Parameters
    ----------
    path : path
        In any form.
    listener : str, optional
        Whose; by default of the one with the most plays.
    max_plays : int, optional
        Records of more are left out, and counted; by default `taste_profile.MAX_PLAYS` of triplets
        and databases, and none of tables.

    Raises
    ------
    CatalogError
        When the file is none of these forms, plays are no numbers of 0 or more, a song stands
        twice, or there is no such listener.
    """
    place = user_path(path, CatalogError)
    name = place.name.lower()
    if name.endswith(DATABASES):
        return _from_database(place, listener, MAX_PLAYS if max_plays is None else max_plays)
    if name.endswith(TRIPLETS):
        with scratch_folder(place.parent, CatalogError) as folder:
            database = folder / "plays.duckdb"
            remarks = import_triplets(place, database).remarks
            most = MAX_PLAYS if max_plays is None else max_plays
            table = _from_database(database, listener, most)
        return replace(table, remarks=(*remarks, *table.remarks))
    if not name.endswith(tuple(ENDINGS)):
        raise CatalogError(
            f"{place}: plays are a table ({', '.join(ENDINGS)}), triplets "
            f"({', '.join(TRIPLETS)}) or what plays import wrote ({DATABASES[0]}), by the ending"
        )
    return _from_table(place, listener, max_plays)


def _from_database(path: Path, listener: str | None, max_plays: int) -> PlayTable:
    log, remarks = TasteProfile.open(path), list[str]()
    if listener is None:
        n_users, _ = log.count()
        listener = str(log.top_users(1, max_plays=max_plays)["user_id"].iloc[0])
        if n_users > 1:
            remarks.append(_default(listener, n_users))
    whole = log.plays([listener], max_plays=None)
    frame = whole[whole["plays"] <= max_plays]
    remarks += _over(len(whole) - len(frame), max_plays)
    return PlayTable(listener, frame.set_index("song_id")[["plays"]], tuple(remarks))


def _from_table(path: Path, listener: str | None, max_plays: int | None) -> PlayTable:
    texts = [*_IDS, "user_id", "artist_id"]
    frame = read_table(path, required=["plays"], text=texts, error=CatalogError)
    key = next((name for name in _IDS if name in frame), None)
    if key is None:
        raise CatalogError(f"{path}: has no column track_id, or song_id")
    plays = pd.to_numeric(frame["plays"], errors="coerce")
    wrong = plays.isna() | ~(plays >= 0) | (plays == float("inf"))
    if wrong.any():
        row = int(wrong.to_numpy().argmax())
        raise CatalogError(
            f"{path}: plays are numbers of 0 or more, and {int(wrong.sum()):,} rows have none, the "
            f"first {frame['plays'].iloc[row]!r} of {frame[key].iloc[row]!r}"
        )
    frame, remarks = frame.assign(plays=plays.astype("float64")), list[str]()
    if "user_id" in frame:
        totals = frame.groupby("user_id")["plays"].sum()
        if listener is None:
            most = totals[totals == totals.max()].index.min()
            if len(totals) > 1:
                remarks.append(_default(str(most), len(totals)))
            listener = str(most)
        if listener not in totals.index:
            there = listing(list(totals.index[:3]), quote=True)
            raise CatalogError(f"{path}: has no plays of {listener!r}, but of {there}")
        frame = frame[frame["user_id"] == listener]
    elif listener is not None:
        raise CatalogError(f"{path}: has no column user_id: whose plays these are is not known")
    if max_plays is not None:
        over = frame["plays"] > max_plays
        remarks += _over(int(over.sum()), max_plays)
        frame = frame[~over]
    if twice := list(frame.loc[frame[key].duplicated(), key].unique()):
        raise CatalogError(f"{path}: songs with two rows: {listing(twice, quote=True)}")
    return PlayTable(listener or "", frame.set_index(key), tuple(remarks))


def _renamed(frame: pd.DataFrame, songs: pd.DataFrame) -> pd.DataFrame:
    """Songs by the track ids that a table has for them, with its other columns."""
    table: Any = songs.drop_duplicates().dropna(subset=["song_id", "track_id"])
    if twice := list(table.loc[table["song_id"].duplicated(), "song_id"].unique()):
        raise CatalogError(f"songs with two tracks: {listing(twice, quote=True)}")
    table = table.set_index("song_id")
    others = [name for name in table if name != "track_id" and name not in frame]
    named = frame.join(table[others])
    return named.rename(index=table["track_id"].to_dict())


def _default(listener: str, n_users: int) -> str:
    return f"the plays of {listener!r}, the most of {n_users:,} listeners; another by name (user)"


def _over(n: int, max_plays: int) -> list[str]:
    return [f"{n:,} songs of more than {max_plays} plays are left out"] if n else []
