"""Local metadata: tags in an audio file and lyrics beside it, joined to its track.

A file of lyrics comes before lyrics in tags; one that cannot be read, or holds no words, gives way
to the next. Nothing here stops a scan: what cannot be read is a problem, and the track has none.
"""

from __future__ import annotations

import dataclasses
import os
import posixpath
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from spdkit.common.messages import listing
from spdkit.common.progress import PATIENCE, progress_bar
from spdkit.common.release_dates import unreadable_dates
from spdkit.common.text import printable
from spdkit.tracks.sidecars import (
    INSTRUMENTAL,
    Lyrics,
    PartError,
    lyrics_of,
    read_lyrics,
)
from spdkit.tracks.tags import Tags, read_tags
from spdkit.tracks.track import Track

# Of a function over items in other processes: pairs of an item and its result or exception.
Runner = Callable[..., Iterable[tuple[Any, Any]]]
# A file takes half a millisecond where the disk is fast; processes take two seconds to start.
_SECONDS_HERE, _WORTH_SECONDS = 1.0, 2.0
_SILENT_SECONDS = 60.0  # a file that takes longer hangs


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
    run: Runner | None = None,
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
    run : callable, optional
        Runs a function over items in other processes, as
        `spdkit.extraction.executors.run_local` does; used where reading takes longer than starting
        those. A file that kills or holds up its process costs its own tags.
    progress : bool
        Show a bar on stderr when it takes longer than two seconds.
    """
    local = LocalMetadata()
    texts: dict[str, Lyrics] = {}  # of each file, which several tracks may share
    files = [
        _Files(
            (track.audio or "") if tags else None,
            tuple(sidecars.get(track.track_id, ())) if lyrics else None,
        )
        for track in tracks
    ]
    for place, (track, part) in enumerate(
        zip(tracks, _read_all(files, run, progress), strict=True)
    ):
        own = _tags_of(track, part.tags, local)
        full = dataclasses.replace(track, metadata={**track.metadata, **own.metadata})
        if lyrics:
            words = _words_of(track, files[place].sidecars or (), part.texts, texts, local)
            local.beside += bool(words.words)
            if not words.words:
                words = _embedded(track, own, part.embedded, local) or words
            text = words.words or (INSTRUMENTAL if words.is_instrumental else track.lyrics)
            full = dataclasses.replace(full, lyrics=text, lyrics_note=words.note)
        local.tagged += bool(own.metadata)
        if "date" in own.metadata and "release_year" not in own.metadata:
            local.undated.append((track.track_id, {"date": own.metadata["date"]}))
        local.tracks.append(full)
    return local


def _read_all(files: Sequence[_Files], run: Runner | None, progress: bool) -> Sequence[_Parts]:
    """Parts of all tracks, in order; in other processes once that is worth their start."""
    parts: list[_Parts] = []
    start = time.monotonic()
    bar = progress_bar("reading tags and lyrics", len(files), shown=progress, patience=PATIENCE)
    with bar as advance:
        for each in files:
            parts.append(_read_parts(each))
            advance(False)
            seconds = time.monotonic() - start
            rest = len(files) - len(parts)
            if run and seconds > _SECONDS_HERE and seconds / len(parts) * rest > _WORTH_SECONDS:
                return parts + _read_elsewhere(files[len(parts) :], run, advance)
    return parts


def _read_elsewhere(
    files: Sequence[_Files], run: Runner, advance: Callable[[bool], None]
) -> list[_Parts]:
    parts: dict[int, _Parts] = {}
    items = enumerate(files)
    for (place, each), result in run(
        _read_numbered, items, timeout=_SILENT_SECONDS, is_light=lambda item: True
    ):
        if isinstance(result, Exception):
            path = each.audio or (each.sidecars or ("",))[0]
            result = _Parts(PartError(path, f"its tags and lyrics cannot be read: {result}"))
        parts[place] = result
        advance(False)
    return [parts[place] for place in range(len(files))]


@dataclass(frozen=True)
class _Files:
    """Where the parts of a track lie: tags, and words in order of preference; None: not to read."""

    audio: str | None
    sidecars: tuple[str, ...] | None


@dataclass(frozen=True)
class _Parts:
    """What the files of a track say: tags, files of lyrics up to one with words, words in tags."""

    tags: Tags | PartError | None
    texts: dict[str, Lyrics | PartError] = field(default_factory=dict)
    embedded: tuple[Lyrics | ValueError, ...] = ()


def _read_numbered(item: tuple[int, _Files]) -> _Parts:
    return _read_parts(item[1])


def _read_parts(files: _Files) -> _Parts:
    tags: Tags | PartError | None = Tags()
    if files.audio is not None:
        try:
            tags = read_tags(files.audio)
        except PartError as error:
            tags = error
    texts: dict[str, Lyrics | PartError] = {}
    for path in files.sidecars or ():
        try:
            texts[path] = lyrics = read_lyrics(path)
        except PartError as error:
            texts[path] = error
        else:
            if lyrics.words:
                return _Parts(tags, texts)
    embedded = tags.lyrics if isinstance(tags, Tags) and files.sidecars is not None else ()
    return _Parts(tags, texts, tuple(_read_embedded(text) for text in embedded))


def _read_embedded(text: str) -> Lyrics | ValueError:
    try:
        return lyrics_of(text)
    except ValueError as error:
        return error


def _tags_of(track: Track, tags: Tags | PartError | None, local: LocalMetadata) -> Tags:
    path = track.audio or ""
    if isinstance(tags, PartError):
        local.problems.append(printable(str(tags)))
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
    track: Track,
    paths: Sequence[str],
    readings: Mapping[str, Lyrics | PartError],
    texts: dict[str, Lyrics],
    local: LocalMetadata,
) -> Lyrics:
    """Words of the first file that has some, else of the first."""
    if len(paths) > 1:
        local.several.append(track.track_id)
    first = Lyrics("")
    for path, reading in readings.items():
        if path not in texts:
            folder = posixpath.dirname(track.track_id)
            name = posixpath.join(folder, printable(posixpath.basename(path)))
            texts[path] = _lyrics_in(reading, name, local)
        if texts[path].words:
            note = f"the first of {len(paths)} files of lyrics" if len(paths) > 1 else ""
            return _with_note(texts[path], note)
        first = first if first.note else texts[path]
    return first


def _lyrics_in(lyrics: Lyrics | PartError, name: str, local: LocalMetadata) -> Lyrics:
    if isinstance(lyrics, PartError):
        local.problems.append(printable(str(lyrics)))
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


def _embedded(
    track: Track, tags: Tags, texts: Sequence[Lyrics | ValueError], local: LocalMetadata
) -> Lyrics | None:
    """Words of the first lyrics in tags that have some, else of the first."""
    readings = [lyrics for lyrics in texts if isinstance(lyrics, Lyrics)]
    for error in texts:
        if isinstance(error, ValueError):
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
