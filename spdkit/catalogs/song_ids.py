"""Song ids: which rows of a chart are one song where a table has no ids, by artist and title.

Conventions
-----------
Two rows are one song when its artist and its title are alike: in Unicode's composed form (NFC),
without regard to case, to the kind of apostrophe, to how many spaces there are and to how a guest
is written, "(feat. …)", "ft. …", "(with …)", "(w/ …)"; and by the first artist alone, up to a
comma, a semicolon or "feat.", since some charts name one and others all. A guest who is named in
one row and not in the other makes no difference either, unless both stand in one chart, be it with
ids or without: then they are two songs. What else stands in a title counts: a remix, a live version
and a remaster are other songs, also where that is said beside the guest, "(feat. … Remix)".

The id that a song gets is made of these two, such as "drake – fake love". It depends on nothing but
the row itself, so that it is the same in every table, today and tomorrow; but for titles with a
guest that stand in one chart with the same title without, which keep the guest in it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import pandas as pd

from spdkit.common.messages import listing
from spdkit.common.text import composed

_LONGEST = 1000  # characters that patterns are sought in
UNTITLED = "untitled"  # the one song of all rows without an id and a title
# In what is folded: lower case, one space between two words.
_MARK = r"(?:feat|ft|featuring)\b\.?"
_INNER = r"[(\[][^()\[\]]*[)\]]"
_GUESTS = re.compile(
    rf" ?[(\[](?:{_MARK}|with\b|w/) ?((?:[^()\[\]]|{_INNER})*)[)\]]"
    rf"| {_MARK} (.*?)(?= [-–—] | ?[()\[\]]|$)"
)
# Little Mix are guests, and no version.
_VERSION = re.compile(
    r"\b(?:re-?mix(?:e[ds])?|(?<!little )mix|edit|live|en vivo|ao vivo|versi(?:on|ón)|versão|"
    r"re-?master(?:ed|izado)?|rework|bootleg|mash-?up|acoustic|ac[uú]stic[ao]|unplugged|demo|"
    r"instrumental|karaoke|reprise|extended|sped up|slowed|dub)\b"
)
_NEXT_ARTIST = re.compile(rf" ?[,;] | {_MARK} ")
_APOSTROPHES = str.maketrans("’‘`´", "''''")


def song_id(title: str, artist: str, *, guests: bool = False) -> str:
    """Return the id of a song that has none of its own; with its guests only where these tell.

    Examples
    --------
    >>> song_id("Closer (feat. Halsey)", "The Chainsmokers, Halsey")
    'the chainsmokers – closer'
    >>> song_id("Roses - Imanbek Remix", "SAINt JHN")
    'saint jhn – roses - imanbek remix'
    """
    title, artist = _folded(title), _folded(artist)
    if len(title) + len(artist) > _LONGEST:
        return f"{artist} – {title}"

    def part(match: re.Match[str]) -> str:
        named = match[1] or match[2] or ""
        return f" (feat. {named})" if guests or _VERSION.search(named) else ""

    first = _NEXT_ARTIST.split(artist, maxsplit=1)[0]
    return f"{first} – {_GUESTS.sub(part, title).strip() or title}"


def _folded(text: str) -> str:
    return " ".join(composed(text).casefold().translate(_APOSTROPHES).split())


def fill_ids(rows: pd.DataFrame) -> tuple[pd.Series[str], list[str]]:
    """Give an id to every row that has none.

    Parameters
    ----------
    rows : DataFrame
        With ``region``, ``ds``, and ``track_id``, ``title`` and ``artist``, text or missing.

    Returns
    -------
    Series
        The ids: the row's own; else that of the rows with an id which are of the same song, where
        they have one alone; else `song_id`, or `UNTITLED` where there is no title either.
    list of str
        How they came about.
    """
    lacking, titled = rows["track_id"].isna(), rows["title"].notna()
    if not lacking.any():
        return rows["track_id"], []
    pairs = rows[["title", "artist"]].fillna("")
    spellings = pairs[titled].drop_duplicates()
    for name, guests in (("song", False), ("version", True)):
        spellings[name] = [song_id(*pair, guests=guests) for pair in _pairs(spellings)]
    keys = pairs.merge(spellings, how="left").set_axis(rows.index)
    keys = keys.assign(own=rows["track_id"], region=rows["region"], ds=rows["ds"])
    sought = titled & keys["song"].isin(set(keys["song"][lacking & titled]))
    together = keys[sought].drop_duplicates(["region", "ds", "version"])
    together = together[together.duplicated(["region", "ds", "song"], keep=False)]
    apart = keys["song"].isin(set(together["song"]))
    keys["song"] = keys["song"].mask(apart, keys["version"])
    searched = keys[lacking & titled]
    own = keys[~lacking & titled].drop_duplicates(["song", "own"])
    several = own["song"].duplicated(keep=False)
    unsure = sorted(set(own["song"][several]) & set(searched["song"]))
    known = dict(zip(own["song"][~several], own["own"][~several], strict=True))
    remarks = [
        f"{len(searched)} rows have no id: songs are matched by artist and title, without regard "
        f"to case and guests ({searched['song'].nunique()} songs; "
        f"{int(searched['song'].isin(known).sum())} rows take the id of the same song in "
        "other rows)"
    ]
    if len(together):
        names = sorted(set(together["version"]))
        remarks.append(
            f"{len(names)} songs differ by a guest alone, stand in one chart and are kept apart: "
            f"{listing(names, quote=True)}"
        )
    if unsure:
        remarks.append(
            f"{len(unsure)} songs without an id have several in other rows, and take none of "
            f"these: {listing(unsure, quote=True)}"
        )
    spelt = searched.drop_duplicates(["title", "artist"]).groupby("song", sort=False)
    variants = [
        " = ".join(f"{title!r} by {artist}" for title, artist in _pairs(of))
        for _, of in spelt
        if len(of) > 1
    ]
    if variants:
        remarks.append(f"{len(variants)} songs are spelt in several ways: {listing(variants)}")
    songs = keys["song"].astype(object).where(titled, UNTITLED)
    ids = pd.Series([known.get(song, song) for song in songs], rows.index, dtype="str")
    return rows["track_id"].where(~lacking, ids), remarks


def _pairs(rows: pd.DataFrame) -> Iterator[tuple[str, str]]:
    """Title and artist of each row."""
    return zip(rows["title"], rows["artist"], strict=True)
