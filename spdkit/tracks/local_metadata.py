"""What comes with an audio file: tags in it and lyrics beside it, joined to its track.

A file of lyrics comes before lyrics in tags; one that cannot be read, or holds no words, gives way
to the next. Nothing here stops a scan: what cannot be read is told, and the track goes without.
"""

from __future__ import annotations

import dataclasses
import os
import posixpath
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

from spdkit.common.progress import progress_bar
from spdkit.common.text import printable
from spdkit.tracks.sidecars import MAX_BYTES, PartError, plain_words, read_lyrics
from spdkit.tracks.tags import Tags, read_tags
from spdkit.tracks.track import Track

_PATIENCE = 2.0  # seconds without a bar
_NAMED = 5


@dataclass
class Gathered:
    """Tracks with what came with them, and what is worth telling of the search.

    Attributes
    ----------
    tracks : list of Track
        In the order in which they were given.
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

    @property
    def remarks(self) -> list[str]:
        """What was found, and what was decided about it."""
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
                f"words is taken, .txt before .lrc: {named(self.several)}"
            )
        if self.wordless:
            count = len(self.wordless)
            remarks.append(f"{count} files of lyrics hold no words: {named(self.wordless)}")
        for encoding, names in sorted(self.guessed.items()):
            remarks.append(
                f"{len(names)} files of lyrics are not Unicode and taken for {encoding}: "
                f"{named(names)}"
            )
        if self.unknown:
            kinds = ", ".join(f"{count} {suffix}" for suffix, count in self.unknown.most_common(5))
            remarks.append(
                f"the tags of {self.unknown.total()} files are not read: mutagen does not know "
                f"their kind ({kinds})"
            )
        return remarks


def gather(
    tracks: Sequence[Track],
    sidecars: Mapping[str, Sequence[str]],
    *,
    tags: bool,
    lyrics: bool,
    progress: bool = False,
) -> Gathered:
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

    Returns
    -------
    Gathered
    """
    gathered = Gathered()
    read: dict[str, str] = {}  # of each file, which several tracks may share
    for track in _with_bar("reading tags and lyrics", tracks, shown=progress):
        own = _tags_of(track, gathered) if tags else Tags()
        words = ""
        if lyrics:
            words = _words_of(track, sidecars.get(track.track_id, ()), read, gathered)
            gathered.beside += bool(words)
            if own.lyrics and not words:
                words = _embedded(track, own.lyrics, gathered)
        gathered.tagged += bool(own.metadata)
        metadata = {**track.metadata, **own.metadata}
        full = dataclasses.replace(track, lyrics=words or track.lyrics, metadata=metadata)
        gathered.tracks.append(full)
    return gathered


def named(names: Sequence[str]) -> str:
    """Return the first five names for a message, and how many more there are."""
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def _tags_of(track: Track, gathered: Gathered) -> Tags:
    path = track.audio or ""
    try:
        found = read_tags(path)
    except PartError as error:
        gathered.problems.append(printable(str(error)))
        return Tags()
    if found is None:
        gathered.unknown[os.path.splitext(path)[1].lower()] += 1  # noqa: PTH122
    return found or Tags()


def _words_of(track: Track, paths: Sequence[str], read: dict[str, str], gathered: Gathered) -> str:
    if len(paths) > 1:
        gathered.several.append(track.track_id)
    for path in paths:
        if path not in read:
            folder = posixpath.dirname(track.track_id)
            name = posixpath.join(folder, printable(posixpath.basename(path)))
            read[path] = _read(path, name, gathered)
        if read[path]:
            return read[path]
    return ""


def _read(path: str, name: str, gathered: Gathered) -> str:
    try:
        found = read_lyrics(path)
    except PartError as error:
        gathered.problems.append(printable(str(error)))
        return ""
    if not found.words:
        gathered.wordless.append(name)
    elif found.guessed:
        gathered.guessed.setdefault(found.guessed, []).append(name)
    return found.words


def _embedded(track: Track, lyrics: str, gathered: Gathered) -> str:
    try:
        if len(lyrics) > MAX_BYTES:
            raise ValueError(f"{len(lyrics)} characters, more than the {MAX_BYTES} they may have")
        words = plain_words(lyrics)
    except ValueError as error:
        gathered.problems.append(f"{printable(track.audio or '')}: the lyrics in its tags: {error}")
        return ""
    gathered.embedded += bool(words)
    return words


def _with_bar(label: str, tracks: Iterable[Track], *, shown: bool) -> Iterator[Track]:
    """Pass tracks on; show how far it is once it has taken a while."""
    waiting = list(tracks)
    start = time.monotonic()
    with ExitStack() as stack:
        tick = None
        for number, track in enumerate(waiting, 1):
            yield track
            if tick is not None:
                tick(False)
            elif shown and time.monotonic() - start > _PATIENCE:
                tick = stack.enter_context(progress_bar(label, len(waiting) - number))
