"""Metadata tables: facts joined to tracks on ``track_id``.

A table was written for these tracks, so it wins over tags and files, column by column; an empty
cell says nothing and changes nothing. What did not match is named on both sides.
"""

from __future__ import annotations

import dataclasses
import difflib
import os
import posixpath
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from spdkit.common.errors import SpdkitError
from spdkit.common.files import user_path
from spdkit.common.messages import listing
from spdkit.common.release_dates import unreadable_dates
from spdkit.common.text import same_names, whole_names, whole_names_remark
from spdkit.tracks.placeholders import missing
from spdkit.tracks.scan import read_rows
from spdkit.tracks.track import Track, TrackSet

if TYPE_CHECKING:
    import pandas as pd

_LOOKED_AT = 1000  # tracks and rows to compare letter by letter, which takes about 0.1 s a row
# How the name of a track may differ from that of a row, likeliest mistake first.
_ALMOST: tuple[tuple[str, Callable[[str], str]], ...] = (
    ("other capitals", str.casefold),
    ("another suffix", lambda name: posixpath.splitext(name)[0]),
    ("another folder", posixpath.basename),
    ("another folder and suffix", lambda name: posixpath.splitext(posixpath.basename(name))[0]),
)


class JoinError(SpdkitError):
    """A table of which nothing can be joined."""


@dataclass(frozen=True)
class Joined:
    """Tracks with what a table says of them, and what matched.

    Attributes
    ----------
    tracks : TrackSet
        All tracks, with the remarks and problems that they came with.
    n_matched : int
        Tracks that have a row.
    unmatched : tuple of str
        Rows that have no track, in the table's order.
    without_row : tuple of str
        Tracks that have no row.
    replaced : dict of str to int
        Values that were there and differ from the table's, by column.
    unused : tuple of str
        Columns that were left out.
    notes : tuple of str
        Remarks on ids that are taken for others, and on dates that cannot be read.
    """

    tracks: TrackSet
    n_matched: int
    unmatched: tuple[str, ...]
    without_row: tuple[str, ...]
    replaced: dict[str, int]
    unused: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def remarks(self) -> list[str]:
        """What matched and what did not, in words."""
        total = len(self.tracks)
        remarks = [
            f"{self.n_matched} of {total} tracks have a row, {len(self.without_row)} have none"
        ]
        if self.without_row and self.n_matched:
            remarks[0] += f": {listing(self.without_row)}"
        if self.unmatched:
            remarks.append(f"{len(self.unmatched)} rows match no track: {listing(self.unmatched)}")
        if self.replaced:
            columns = ", ".join(f"{name} {count}" for name, count in sorted(self.replaced.items()))
            remarks.append(f"{sum(self.replaced.values())} values replace other ones ({columns})")
        if self.unused:
            remarks.append(
                f"the column {', '.join(self.unused)} is left out: tracks have their own"
            )
        return [*remarks, *self.notes]


def join(tracks: TrackSet, table: str | os.PathLike[str] | pd.DataFrame) -> Joined:
    """Join a table to tracks on ``track_id``.

    Parameters
    ----------
    tracks : TrackSet
    table : path or DataFrame
        As `spdkit.read_table` reads it, with the column ``track_id``, in any Unicode form.
        ``lyrics`` becomes the track's lyrics, every other column metadata; a placeholder such as
        -99 replaces no words. ``audio`` is left out.

    Raises
    ------
    TrackError
        When the table cannot be read, or a ``track_id`` is empty or repeated.
    JoinError
        When the table has no rows, or none of them matches a track.
    """
    where = (
        str(user_path(table, JoinError)) if isinstance(table, str | os.PathLike) else "the table"
    )
    rows = read_rows(table)
    if not rows:
        raise JoinError(f"{where}: has no rows")
    there = {track.track_id for track in tracks}
    wholes = whole_names(rows, there)
    spellings = same_names(rows, there) | wholes
    rows = {spellings.get(name, name): cells for name, cells in rows.items()}
    if there and not there & rows.keys():
        raise JoinError(_nothing_matched(where, list(rows), sorted(there)))
    replaced: Counter[str] = Counter()
    joined = [_with_row(track, rows.get(track.track_id, {}), replaced) for track in tracks]
    return Joined(
        tracks=dataclasses.replace(tracks, tracks=tuple(joined)),
        n_matched=len(there & rows.keys()),
        unmatched=tuple(name for name in rows if name not in there),
        without_row=tuple(track.track_id for track in tracks if track.track_id not in rows),
        replaced=dict(replaced),
        unused=("audio",) if any("audio" in cells for cells in rows.values()) else (),
        notes=(
            *([whole_names_remark(wholes)] if wholes else []),
            *unreadable_dates((name, rows[name]) for name in rows if name in there),
        ),
    )


def _with_row(track: Track, cells: Mapping[str, object], replaced: Counter[str]) -> Track:
    facts = {key: value for key, value in cells.items() if key not in ("audio", "lyrics")}
    if not cells:
        return track
    lyrics, note = track.lyrics, track.lyrics_note
    if "lyrics" in cells:
        words = str(cells["lyrics"])
        reason = missing(words)  # says no more than an empty cell where there are words
        lyrics, note = (lyrics, note or reason) if reason and lyrics else (words, "")
    # A year is 1999 in tags and may be 1999.0 in a table with gaps.
    replaced.update(
        key for key in facts.keys() & track.metadata.keys() if facts[key] != track.metadata[key]
    )
    if track.lyrics is not None and lyrics != track.lyrics:
        replaced["lyrics"] += 1
    metadata = {**track.metadata, **facts}
    return dataclasses.replace(track, lyrics=lyrics, metadata=metadata, lyrics_note=note)


def _nothing_matched(where: str, rows: list[str], tracks: list[str]) -> str:
    row, track, how = _nearest(rows[:_LOOKED_AT], tracks)
    return (
        f"{where}: none of its {len(rows)} track_id is one of the {len(tracks)} tracks. Of {row!r} "
        f"the nearest track is {track!r} ({how})"
    )


def _nearest(rows: Sequence[str], tracks: Sequence[str]) -> tuple[str, str, str]:
    """Return a row, the track most like it, and what tells them apart."""
    for how, same in _ALMOST:
        names = {same(track): track for track in reversed(tracks)}
        for row in rows:
            if same(row) in names:
                return row, names[same(row)], how
    close = difflib.get_close_matches(rows[0], tracks[:_LOOKED_AT], n=1, cutoff=0.0)
    return rows[0], close[0], "another name"
