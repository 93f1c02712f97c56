"""Tags in audio files: who, what, when, and lyrics, whatever the format calls them.

Conventions
-----------
Every kind of tag (ID3, Vorbis comments, MP4, ASF, APEv2) gives the same fields, named in lower-case
words: ``title``, ``artist``, ``album``, ``album_artist``, ``date``, ``genre``, ``isrc``,
``musicbrainz_recording_id``, ``musicbrainz_artist_id``, ``musicbrainz_album_id``. A field that has
several values keeps the first, and all of them as a list under its plural (``artists``).
``release_year`` is the year of ``date``, where that can be read. What a file does not say is not
there. Of WAV and AIFF the ID3 chunk is read and not the older text chunks (INFO, NAME, AUTH);
Matroska is not read.

References
----------
Names of tags: MusicBrainz Picard, "Tag Mapping", https://picard-docs.musicbrainz.org; frames: ID3
v2.4, section 4.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from typing import Any

import regex

from spdkit.common.release_dates import ReleaseDateError, read_release_date
from spdkit.tracks.encodings import repair
from spdkit.tracks.languages import is_language
from spdkit.tracks.raw_tags import (
    MAX_ENTRIES,
    RawTags,
    ape_items,
    failed_atoms,
    is_crowded,
    salvaged,
    text_of,
    timed_asf,
    vorbis_comments,
)
from spdkit.tracks.sidecars import PartError
from spdkit.tracks.tag_source import TagSource, TooMuchError
from spdkit.tracks.timed_lyrics import MAX_CHARACTERS, sung_words

_ITUNES = "----:com.apple.iTunes:"
# Where each field is in Vorbis comments and APEv2 (whose names have no case either), ID3, MP4 and
# ASF; of several places the best first: Picard's names, then what ffmpeg writes. The "track id" of
# Picard's files is MusicBrainz's recording.
_PLACES: dict[str, tuple[str | tuple[str, ...], ...]] = {
    "title": ("title", "TIT2", "\xa9nam", "Title"),
    "artist": ("artist", "TPE1", "\xa9ART", "Author"),
    "artists": ("artists", "TXXX:Artists", f"{_ITUNES}ARTISTS", "WM/ARTISTS"),
    "album": ("album", "TALB", "\xa9alb", "WM/AlbumTitle"),
    "album_artist": (
        ("albumartist", "album artist", "album_artist"),
        *("TPE2", "aART", "WM/AlbumArtist"),
    ),
    "date": (("date", "year"), ("TDRC", "TDRL"), "\xa9day", ("WM/Year", "date")),
    "genre": ("genre", "TCON", "\xa9gen", "WM/Genre"),
    "isrc": ("isrc", "TSRC", f"{_ITUNES}ISRC", "WM/ISRC"),
    "musicbrainz_recording_id": (
        *("musicbrainz_trackid", "UFID:http://musicbrainz.org"),
        *(f"{_ITUNES}MusicBrainz Track Id", "MusicBrainz/Track Id"),
    ),
    "musicbrainz_artist_id": (
        *("musicbrainz_artistid", "TXXX:MusicBrainz Artist Id"),
        *(f"{_ITUNES}MusicBrainz Artist Id", "MusicBrainz/Artist Id"),
    ),
    "musicbrainz_album_id": (
        *("musicbrainz_albumid", "TXXX:MusicBrainz Album Id"),
        *(f"{_ITUNES}MusicBrainz Album Id", "MusicBrainz/Album Id"),
    ),
}
# Lyrics in any kind of tag, and what may stand behind their name: a language, as ffmpeg writes it.
_LYRICS = regex.compile(
    r"(?:wm/|txxx:|----:[^:]*:)?(?P<times>(?:un)?sync(?:hroni[sz])?ed[ _-]?)?lyrics?"
    r"(?P<timed>[ _]synchroni[sz]ed)?(?:[-_:/. ](?P<language>.+))?"
    r"|\xa9lyr|uslt(?::.*)?|txxx:uslt|(?P<timed>sylt)(?::.*)?",
    regex.DOTALL,
)
_ID3 = 1  # place of its names in `_PLACES`
_ASF_TIMED = "wm/lyrics_synchronised"
# Wave64 and files over 4 GiB: sound that mutagen takes for a damaged WAV.
_UNREAD_HEADS = (b"RF64", b"BW64", b"riff")
_FEW = 3  # lyrics under one name; more of one line each are lines of one text
_SUNG_TEXT = (1, 2)  # SYLT holds chords, events and links too
MAX_FIELD = 10_000  # characters of a field, all its values together


@dataclass(frozen=True)
class Tags:
    """What the tags of a file say.

    Attributes
    ----------
    metadata : dict of str to str, int or list of str
    lyrics : tuple of str
        All that there are, as they are written, best first: plain ones before timed ones, those
        without a language in their name before those with one, else in the tag's order.
    encoding : str
        What their text was in, where the tag names another encoding; else empty.
    doubtful : bool
        Whether text is in an encoding that the tag does not name and that cannot be told.
    problems : tuple of str
        What cannot be read, with the reason.
    """

    metadata: dict[str, object] = field(default_factory=dict)
    lyrics: tuple[str, ...] = ()
    encoding: str = ""
    doubtful: bool = False
    problems: tuple[str, ...] = ()

    def before(self, other: Tags) -> Tags:
        """Both, where `other` adds what is not here."""
        added = {  # a list belongs to the field of which it is the plural
            name: value
            for name, value in other.metadata.items()
            if name.removesuffix("s") not in self.metadata
        }
        return Tags(
            {**added, **self.metadata},
            tuple(dict.fromkeys((*self.lyrics, *other.lyrics))),
            self.encoding or other.encoding,
            self.doubtful or other.doubtful,
            (*self.problems, *other.problems),
        )


def read_tags(path: str) -> Tags | None:
    """Read the tags of an audio file.

    Parameters
    ----------
    path : str
        A local file.

    Returns
    -------
    Tags or None
        None for a kind of file that mutagen does not read.

    Raises
    ------
    PartError
        When the file cannot be read, or what should be tags is none.
    """
    try:
        # Opening a pipe would wait for a writer.
        status = os.stat(path)  # noqa: PTH116 (many files)
        if not stat.S_ISREG(status.st_mode):
            raise PartError(path, "its tags cannot be read: is no regular file")
        if not status.st_size:  # reading some of /proc never ends
            raise PartError(path, "its tags cannot be read: empty file (0 bytes)")
        with open(path, "rb") as file:  # noqa: PTH123 (the name may hold undecodable bytes)
            loaded = _load(TagSource(file, path))
    except OSError as error:
        reason = error.strerror or str(error)
        raise PartError(path, f"its tags cannot be read: {reason}") from error
    if loaded is None:
        return None
    contents, problems = loaded
    tags = Tags(problems=tuple(problems))
    for content in contents:
        tags = tags.before(_collect(content))
    return tags


def _load(source: TagSource) -> tuple[list[Any], list[str]] | None:
    """Tags, those that win first, and why they may not be whole; None for an unknown kind."""
    import mutagen

    path = source.name
    try:
        if is_crowded(path):
            raise TooMuchError(f"there are more than {MAX_ENTRIES} entries")
        content = mutagen.File(source)
        if content is None:
            return None
        own = vorbis_comments(content, path)
        is_id3 = own is None or _kind(own) == _ID3
        return (_around(source, own) if is_id3 else [own]), source.remarks
    except Exception as error:  # parsers of damaged files raise anything
        if source.afresh().read(4) in _UNREAD_HEADS:
            return None
        # What fails here is worth no more words than what has failed already.
        with contextlib.suppress(Exception):
            if around := _around(source, None):
                return around, source.remarks
        with contextlib.suppress(Exception):
            if raw := salvaged(path):
                reason = f"read as far as they are whole: {_reason(error)}"
                return [raw], [*source.remarks, reason]
        raise PartError(path, f"its tags cannot be read: {_reason(error)}") from error


def _around(source: TagSource, own: Any) -> list[Any]:
    """Tags before and behind sound: ID3, and APEv2, which mutagen looks for in few files."""
    from mutagen.id3 import ID3, ID3NoHeaderError

    if own is None:
        with contextlib.suppress(ID3NoHeaderError):
            own = ID3(source.afresh())  # type: ignore[no-untyped-call]
    ape = ape_items(source.name)
    # ID3v1 cuts its texts off.
    both = (ape, own) if own is not None and own.version[0] == 1 else (own, ape)
    return [tags for tags in both if tags is not None]


def _reason(error: Exception) -> str:
    from mutagen import MutagenError

    text = str(error) or type(error).__name__
    return (
        text
        if isinstance(error, MutagenError | TooMuchError)
        else f"{type(error).__name__}: {text}"
    )


def _collect(content: Any) -> Tags:
    kind = _kind(content)
    places = {name: _names(of_kinds[kind]) for name, of_kinds in _PLACES.items()}
    read_places = {place for names in places.values() for place in names}
    entries: dict[str, list[str]] = {}
    problems = [f"entries behind the first {MAX_ENTRIES} are left out"] * getattr(
        content, "is_cut", False
    )
    for name, read in _entries(content):
        plain = name.lower()
        if plain in read_places or _lyrics_rank(plain) is not None:
            try:
                entries.setdefault(plain, []).extend(filter(_holds_text, read()))
            except Exception as error:  # noqa: BLE001 (mutagen has parsed nonsense into a frame)
                problems.append(f"{name}: {_reason(error)}")
    fields = {
        field: next((entries[name] for name in names if entries.get(name)), [])
        for field, names in places.items()
    }
    for name, texts in fields.items():
        if (length := sum(map(len, texts))) > MAX_FIELD:
            problems.append(f"{name}: {length} characters, more than {MAX_FIELD}: left out")
            fields[name] = []
    for name, texts in entries.items():
        # Some writers have an entry for each line.
        if len(texts) > _FEW and not any("\n" in text.strip() for text in texts):
            entries[name] = ["\n".join(texts)] if _lyrics_rank(name) is not None else texts
    ranks = {name: rank for name in entries if (rank := _lyrics_rank(name)) is not None}
    fields["lyrics"] = [t for name in sorted(ranks, key=ranks.__getitem__) for t in entries[name]]
    # What is too long is refused where lyrics are read.
    long = [text for text in fields["lyrics"] if len(text) > MAX_CHARACTERS]
    fields["lyrics"] = [text for text in fields["lyrics"] if len(text) <= MAX_CHARACTERS]
    repaired = repair([text for texts in fields.values() for text in texts])
    decoded = iter(repaired.texts)
    values = {name: _distinct(islice(decoded, len(texts))) for name, texts in fields.items()}
    lyrics = (*values.pop("lyrics"), *long)
    return Tags(_metadata(values), lyrics, repaired.encoding, repaired.doubtful, tuple(problems))


def _metadata(fields: Mapping[str, list[str]]) -> dict[str, object]:
    metadata: dict[str, object] = {}
    for name, values in fields.items():
        if name == "artists":  # how `artist` is credited may join several
            metadata |= {"artists": values} if len(values) > 1 else {}
        elif values:
            metadata[name] = values[0]
            if len(values) > 1:
                metadata[f"{name}s"] = values
    # What is no date is told by those who count the files.
    with contextlib.suppress(ReleaseDateError):
        if release := read_release_date(metadata.get("date")):
            metadata["release_year"] = release.year
    return metadata


def _names(places: str | tuple[str, ...]) -> list[str]:
    return [place.lower() for place in ((places,) if isinstance(places, str) else places)]


def _lyrics_rank(name: str) -> tuple[bool, bool, bool] | None:
    """Order among lyrics of what has this lower-case name; None when it is none of them."""
    match = _LYRICS.fullmatch(name)
    if match is None or (match["language"] and not is_language(match["language"])):
        return None
    times = match["times"] or ""
    timed = bool(match["timed"]) or times.startswith("s")
    return timed, bool(match["language"]), bool(times)


def _entries(content: Any) -> Iterator[tuple[str, Callable[[], Iterable[str]]]]:
    """Names in tags of any kind, and what reads the values of each."""
    if hasattr(content, "getall"):
        for name, frame in content.items():
            yield name, partial(_frame_texts, frame)
        return
    for name in dict.fromkeys(content.keys()):
        yield name, partial(_values, content, name)
    for name in getattr(content, "_failed_atoms", {}):
        yield name, partial(failed_atoms, content, name)


def _values(content: Any, name: str) -> list[str]:
    entry = content[name]
    if name.lower() == _ASF_TIMED:
        return [_sung(timed_asf(v.value)) if isinstance(v.value, bytes) else str(v) for v in entry]
    # A piece of data in APEv2 is one object without parts.
    return [_text(value) for value in entry] if isinstance(entry, Iterable) else []


def _holds_text(text: str) -> bool:
    return bool(text.replace("\0", " ").strip())


def _distinct(texts: Iterable[str]) -> list[str]:
    # Some writers say the same twice.
    return list(dict.fromkeys(text.replace("\0", " ").strip() for text in texts))


def _kind(content: Any) -> int:
    """Which of the places in `_PLACES` these tags have."""
    from mutagen.asf import ASFTags
    from mutagen.id3 import ID3Tags
    from mutagen.mp4 import MP4Tags

    if isinstance(content, RawTags):
        return content.kind
    kinds = enumerate((ID3Tags, MP4Tags, ASFTags), _ID3)
    return next((number for number, kind in kinds if isinstance(content, kind)), 0)


def _frame_texts(frame: Any) -> list[str]:
    if frame.FrameID == "UFID":
        return [text_of(frame.data)]
    if frame.FrameID == "USLT":
        return [str(frame.text)]
    if frame.FrameID == "SYLT":
        return [_sung(frame.text)] if frame.type in _SUNG_TEXT else []
    # mutagen has turned numbers of genres into their names.
    return [str(value) for value in frame.text]


def _sung(pieces: Iterable[tuple[str, int]]) -> str:
    """Words of pieces with their times, as timed lyrics have them."""
    # Pieces are lines, or syllables of which a newline begins or ends each line.
    parted = list(pieces)
    syllables = any("\n" in text for text, _ in parted)
    lines: list[tuple[int, list[str]]] = []
    fresh = True
    for text, time in parted:
        for number, part in enumerate(text.split("\n") if syllables else [text]):
            if fresh or number or not syllables:
                lines.append((time, [part]))
            else:
                lines[-1][1].append(part)
            fresh = False
    stamps = (f"[{time // 60_000}:{time / 1000 % 60:06.3f}]" for time, _ in lines)
    stamped = (stamp + "".join(parts) for stamp, (_, parts) in zip(stamps, lines, strict=True))
    return sung_words("\n".join(stamped), timed=True).words


def _text(value: Any) -> str:
    plain = getattr(value, "value", value)
    return text_of(plain) if isinstance(plain, bytes) else str(plain)
