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
from spdkit.tracks.sidecars import MAX_BYTES, PartError, plain_words, read_lyrics
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
    several : list of str
        Tracks with more than one file of lyrics.
    wordless : list of str
        Files of lyrics without words.
    guessed : dict of str to list of str
        Files of lyrics by the encoding that they were taken for.
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
    wordless: list[str] = field(default_factory=list)
    guessed: dict[str, list[str]] = field(default_factory=dict)
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
        if self.several:
            remarks.append(
                f"{len(self.several)} tracks have several files of lyrics, and the first with "
                f"words is taken, .txt before .lrc: {listing(self.several)}"
            )
        if self.wordless:
            count = len(self.wordless)
            remarks.append(f"{count} files of lyrics hold no words: {listing(self.wordless)}")
        for encoding, names in sorted(self.guessed.items()):
            remarks.append(
                f"{len(names)} files of lyrics are not Unicode and taken for {encoding}: "
                f"{listing(names)}"
            )
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
    texts: dict[str, str] = {}  # of each file, which several tracks may share
    bar = progress_bar("reading tags and lyrics", len(tracks), shown=progress, patience=PATIENCE)
    with bar as advance:
        for track in tracks:
            own = _tags_of(track, local) if tags else Tags()
            words = ""
            if lyrics:
                words = _words_of(track, sidecars.get(track.track_id, ()), texts, local)
                local.beside += bool(words)
                words = words or _embedded(track, own.lyrics, local)
            local.tagged += bool(own.metadata)
            if "date" in own.metadata and "release_year" not in own.metadata:
                local.undated.append((track.track_id, {"date": own.metadata["date"]}))
            metadata = {**track.metadata, **own.metadata}
            full = dataclasses.replace(track, lyrics=words or track.lyrics, metadata=metadata)
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
    return tags or Tags()


def _words_of(
    track: Track, paths: Sequence[str], texts: dict[str, str], local: LocalMetadata
) -> str:
    if len(paths) > 1:
        local.several.append(track.track_id)
    for path in paths:
        if path not in texts:
            folder = posixpath.dirname(track.track_id)
            name = posixpath.join(folder, printable(posixpath.basename(path)))
            texts[path] = _read(path, name, local)
        if texts[path]:
            return texts[path]
    return ""


def _read(path: str, name: str, local: LocalMetadata) -> str:
    try:
        lyrics = read_lyrics(path)
    except PartError as error:
        local.problems.append(printable(str(error)))
        return ""
    if not lyrics.words:
        local.wordless.append(name)
    elif lyrics.guessed:
        local.guessed.setdefault(lyrics.guessed, []).append(name)
    return lyrics.words


def _embedded(track: Track, lyrics: str, local: LocalMetadata) -> str:
    try:
        if len(lyrics) > MAX_BYTES:
            raise ValueError(f"{len(lyrics)} characters, more than the {MAX_BYTES} they may have")
        words = plain_words(lyrics)
    except ValueError as error:
        local.problems.append(f"{printable(track.audio or '')}: the lyrics in its tags: {error}")
        return ""
    local.embedded += bool(words)
    return words
