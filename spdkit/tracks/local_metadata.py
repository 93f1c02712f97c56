"""Local metadata: tags in an audio file and lyrics beside it, joined to its track.

A file of lyrics comes before lyrics in tags; one that cannot be read, or holds no words, gives way
to the next. Nothing here stops a scan: what cannot be read is a problem, and the track has none.
"""

from __future__ import annotations

import dataclasses
import os
import posixpath
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from spdkit.common.messages import listing
from spdkit.common.progress import PATIENCE, progress_bar
from spdkit.common.release_dates import unreadable_dates
from spdkit.common.text import printable
from spdkit.tracks.sidecars import (
    INSTRUMENTAL,
    MAX_BYTES,
    Lyrics,
    PartError,
    lyrics_of,
    read_lyrics,
)
from spdkit.tracks.tags import Tags, read_tags
from spdkit.tracks.track import Track


@dataclass
class LocalMetadata:
    """Tracks with what came with them, and remarks on the search.

    Attributes
    ----------
    tracks : list of Track
        In their order.
    problems : list of str
        Files of lyrics and tags that could not be read, each with its reason.
    beside, embedded, tagged : int
        Tracks with lyrics from a file beside them, with lyrics from tags, and with tags.
    several, several_embedded : list of str
        Tracks with more than one file of lyrics, and with unlike lyrics in their tags.
    wordless, wordless_tags : list of str
        Files of lyrics, and tracks with lyrics in tags, that hold no words or a placeholder.
    translated : list of str
        Those of which timed lines were a choice: translations, or two voices.
    guessed, guessed_tags : dict of str to list of str
        Files of lyrics, and tracks with tags, by the encoding that they were taken for.
    doubtful : list of str
        Tracks with tags in an encoding that cannot be told.
    unknown : Counter of str
        Suffixes of files whose tags mutagen does not read.
    undated : list of (str, mapping)
        Tracks with a date in their tags that cannot be read, and that date.
    """

    tracks: list[Track] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    beside: int = 0
    embedded: int = 0
    tagged: int = 0
    several: list[str] = field(default_factory=list)
    several_embedded: list[str] = field(default_factory=list)
    wordless: list[str] = field(default_factory=list)
    wordless_tags: list[str] = field(default_factory=list)
    translated: list[str] = field(default_factory=list)
    guessed: dict[str, list[str]] = field(default_factory=dict)
    guessed_tags: dict[str, list[str]] = field(default_factory=dict)
    doubtful: list[str] = field(default_factory=list)
    unknown: Counter[str] = field(default_factory=Counter)
    undated: list[tuple[str, Mapping[str, object]]] = field(default_factory=list)

    @property
    def remarks(self) -> list[str]:
        """How many lyrics and tags there were, and what was decided about them."""
        remarks = []
        with_lyrics = self.beside + self.embedded
        if with_lyrics or self.tagged:
            remarks.append(
                f"picked up lyrics of {with_lyrics} tracks ({self.beside} from files, "
                f"{self.embedded} from tags) and tags of {self.tagged}"
            )
        for names, what in (
            (
                self.several,
                "tracks have several files of lyrics, and the first with words is taken, .txt "
                "before .lrc",
            ),
            (
                self.several_embedded,
                "tracks have several lyrics in their tags, and the first with words is taken",
            ),
            (self.wordless, "files of lyrics hold no words"),
            (self.wordless_tags, "tracks have lyrics in their tags that hold no words"),
            (
                self.translated,
                "lyrics have lines that were a choice (translations …), told in lyrics_note",
            ),
            *(
                (names, f"files of lyrics are not Unicode and taken for {encoding}")
                for encoding, names in sorted(self.guessed.items())
            ),
            *(
                (names, f"tracks have tags that name another encoding, taken for {encoding}")
                for encoding, names in sorted(self.guessed_tags.items())
            ),
            (
                self.doubtful,
                "tracks have tags in an encoding that cannot be told, left as they are",
            ),
        ):
            if names:
                remarks.append(f"{len(names)} {what}: {listing(names)}")
        if self.unknown:
            kinds = ", ".join(f"{count} {suffix}" for suffix, count in self.unknown.most_common(5))
            remarks.append(
                f"the tags of {self.unknown.total()} files are not read: mutagen does not know "
                f"their kind ({kinds})"
            )
        return [*remarks, *unreadable_dates(self.undated)]


def read_local_metadata(
    tracks: Sequence[Track],
    sidecars: Mapping[str, Sequence[str]],
    *,
    tags: bool,
    lyrics: bool,
    progress: bool = False,
) -> LocalMetadata:
    """Give tracks their tags and lyrics.

    Parameters
    ----------
    tracks : sequence of Track
        What they have already stays.
    sidecars : mapping of str to sequence of str
        Paths of files of lyrics by ``track_id``, in order of preference.
    tags : bool
        Read tags of the audio, which is local.
    lyrics : bool
        Read lyrics, from tags only if those are read.
    progress : bool
        Show a bar on stderr when it takes longer than two seconds.
    """
    local = LocalMetadata()
    texts: dict[str, Lyrics] = {}  # of each file, which several tracks may share
    bar = progress_bar("reading tags and lyrics", len(tracks), shown=progress, patience=PATIENCE)
    with bar as advance:
        for track in tracks:
            own = _tags_of(track, local) if tags else Tags()
            full = dataclasses.replace(track, metadata={**track.metadata, **own.metadata})
            if lyrics:
                words = _words_of(track, sidecars.get(track.track_id, ()), texts, local)
                local.beside += bool(words.words)
                if not words.words:
                    words = _embedded(track, own, local) or words
                text = words.words or (INSTRUMENTAL if words.is_instrumental else track.lyrics)
                full = dataclasses.replace(full, lyrics=text, lyrics_note=words.note)
            local.tagged += bool(own.metadata)
            if "date" in own.metadata and "release_year" not in own.metadata:
                local.undated.append((track.track_id, {"date": own.metadata["date"]}))
            local.tracks.append(full)
            advance(False)
    return local


def _tags_of(track: Track, local: LocalMetadata) -> Tags:
    path = track.audio or ""
    try:
        tags = read_tags(path)
    except PartError as error:
        local.problems.append(printable(str(error)))
        return Tags()
    if tags is None:
        local.unknown[os.path.splitext(path)[1].lower()] += 1  # noqa: PTH122
        return Tags()
    if tags.encoding:
        local.guessed_tags.setdefault(tags.encoding, []).append(track.track_id)
    if tags.doubtful:
        local.doubtful.append(track.track_id)
    local.problems += [printable(f"{path}: in its tags, {problem}") for problem in tags.problems]
    return tags


def _words_of(
    track: Track, paths: Sequence[str], texts: dict[str, Lyrics], local: LocalMetadata
) -> Lyrics:
    """Words of the first file that has some, else of the first."""
    if len(paths) > 1:
        local.several.append(track.track_id)
    first = Lyrics("")
    for path in paths:
        if path not in texts:
            folder = posixpath.dirname(track.track_id)
            name = posixpath.join(folder, printable(posixpath.basename(path)))
            texts[path] = _read(path, name, local)
        if texts[path].words:
            note = f"the first of {len(paths)} files of lyrics" if len(paths) > 1 else ""
            return _with_note(texts[path], note)
        first = first if first.note else texts[path]
    return first


def _read(path: str, name: str, local: LocalMetadata) -> Lyrics:
    try:
        lyrics = read_lyrics(path)
    except PartError as error:
        local.problems.append(printable(str(error)))
        return Lyrics("")
    if not lyrics.words:
        local.wordless.append(name)
    elif lyrics.note:
        local.translated.append(name)
    if lyrics.guessed and lyrics.words:
        local.guessed.setdefault(lyrics.guessed, []).append(name)
        return _with_note(
            lyrics, f"in an encoding that it does not say: taken for {lyrics.guessed}"
        )
    return lyrics


def _with_note(lyrics: Lyrics, *notes: str) -> Lyrics:
    return lyrics._replace(note="; ".join(filter(None, (lyrics.note, *notes))))


def _embedded(track: Track, tags: Tags, local: LocalMetadata) -> Lyrics | None:
    """Words of the first lyrics in tags that have some, else of the first."""
    readings = []
    for text in tags.lyrics:
        try:
            if len(text) > MAX_BYTES:
                raise ValueError(f"{len(text)} characters, more than the {MAX_BYTES} they may have")
            readings.append(lyrics_of(text))
        except ValueError as error:
            name = printable(track.audio or "")
            local.problems.append(f"{name}: the lyrics in its tags: {error}")
    if not readings:
        return None
    with_words = [lyrics for lyrics in readings if lyrics.words]
    first = next(iter(with_words), readings[0])
    if not with_words:
        local.wordless_tags.append(track.track_id)
    elif first.note:
        local.translated.append(track.track_id)
    notes = []
    if len({"".join(filter(str.isalnum, each.words)).casefold() for each in with_words}) > 1:
        local.several_embedded.append(track.track_id)
        notes.append(f"the first of {len(with_words)} lyrics in the tags")
    if tags.encoding:
        notes.append(f"the tags are in another encoding than they name: taken for {tags.encoding}")
    if tags.doubtful:
        notes.append("some of the tags are in an encoding that cannot be told")
    local.embedded += bool(first.words)
    return _with_note(first, *notes)
