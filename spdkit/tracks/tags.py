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
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from spdkit.common.release_dates import ReleaseDateError, read_release_date
from spdkit.tracks.sidecars import PartError

_TXXX_LYRICS = tuple(f"TXXX:{name}" for name in ("LYRICS", "lyrics", "UNSYNCEDLYRICS", "USLT"))
_ITUNES = "----:com.apple.iTunes:"
# Where each field is in Vorbis comments and APEv2 (whose names have no case either), ID3, MP4 and
# ASF; of several places the best first: Picard's names, then what ffmpeg writes. The "track id" of
# Picard's files is MusicBrainz's recording.
_PLACES: dict[str, tuple[str | tuple[str, ...], ...]] = {
    "title": ("title", "TIT2", "\xa9nam", "Title"),
    "artist": ("artist", "TPE1", "\xa9ART", "Author"),
    "artists": ("artists", ("TXXX:ARTISTS", "TXXX:Artists"), f"{_ITUNES}ARTISTS", "WM/ARTISTS"),
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
    "lyrics": (
        ("lyrics", "unsyncedlyrics", "unsynced lyrics", "syncedlyrics"),
        ("USLT", *_TXXX_LYRICS, "SYLT"),
        *(("\xa9lyr", f"{_ITUNES}LYRICS"), ("WM/Lyrics", "lyrics")),
    ),
}
# Wave64 and files over 4 GiB: sound that mutagen takes for a damaged WAV.
_UNREAD_HEADS = (b"RF64", b"BW64", b"riff")
_SUNG_TEXT = (1, 2)  # SYLT holds chords, events and links too


@dataclass(frozen=True)
class Tags:
    """What the tags of a file say.

    Attributes
    ----------
    metadata : dict of str to str, int or list of str
    lyrics : str
        The first that there are, as they are written; empty when there are none.
    """

    metadata: dict[str, object] = field(default_factory=dict)
    lyrics: str = ""


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
        if not stat.S_ISREG(os.stat(path).st_mode):  # noqa: PTH116 (many files)
            raise PartError(path, "its tags cannot be read: is no regular file")
        readable, tags = _load(path)
    except OSError as error:
        reason = error.strerror or str(error)
        raise PartError(path, f"its tags cannot be read: {reason}") from error
    if tags is None:
        return Tags() if readable else None
    try:
        return _collect(tags)
    except Exception as error:  # a frame that mutagen parsed into nonsense
        raise PartError(path, f"its tags cannot be read: {_reason(error)}") from error


def _load(path: str) -> tuple[bool, Any]:
    """Whether the kind of file is known, and its tags or None."""
    import mutagen

    try:
        content = mutagen.File(path)
        if content is None:
            return False, None
        return True, _bare(path) if content.tags is None else content.tags
    except Exception as error:  # parsers of damaged files raise anything
        with open(path, "rb") as file:  # noqa: PTH123 (the name may hold undecodable bytes)
            if file.read(4) in _UNREAD_HEADS:
                return False, None
        # What fails here is worth no more words than what has failed already.
        with contextlib.suppress(Exception):
            tags = _bare(path)
            if tags is not None:
                return True, tags
        raise PartError(path, f"its tags cannot be read: {_reason(error)}") from error


def _bare(path: str) -> Any:
    """Tags before or behind sound in which mutagen looks for none (ID3 on AAC, APEv2 on mp3)."""
    from mutagen.apev2 import APENoHeaderError, APEv2
    from mutagen.id3 import ID3, ID3NoHeaderError

    for kind, has_none in ((ID3, ID3NoHeaderError), (APEv2, APENoHeaderError)):
        try:
            return kind(path)
        except has_none:
            continue
    return None


def _reason(error: Exception) -> str:
    from mutagen import MutagenError

    text = str(error) or type(error).__name__
    return text if isinstance(error, MutagenError) else f"{type(error).__name__}: {text}"


def _collect(content: Any) -> Tags:
    metadata: dict[str, object] = {}
    lyrics = ""
    kind = _kind(content)
    for name, places in _PLACES.items():
        own = places[kind]
        candidates = (_texts(content, place) for place in ((own,) if isinstance(own, str) else own))
        values = next((texts for texts in candidates if texts), [])
        if not values:
            continue
        if name == "lyrics":
            lyrics = values[0]
        elif name == "artists":  # how `artist` is credited may join several
            metadata |= {"artists": values} if len(values) > 1 else {}
        else:
            metadata[name] = values[0]
            if len(values) > 1:
                metadata[f"{name}s"] = values
    # What is no date is told by those who count the files.
    with contextlib.suppress(ReleaseDateError):
        if release := read_release_date(metadata.get("date")):
            metadata["release_year"] = release.year
    return Tags(metadata, lyrics)


def _kind(content: Any) -> int:
    """Which of the places in `_PLACES` these tags have."""
    from mutagen.asf import ASFTags
    from mutagen.id3 import ID3Tags
    from mutagen.mp4 import MP4Tags

    kinds = enumerate((ID3Tags, MP4Tags, ASFTags), 1)
    return next((number for number, kind in kinds if isinstance(content, kind)), 0)


def _texts(content: Any, place: str) -> list[str]:
    """Values under one name, without those that are blank."""
    if hasattr(content, "getall"):
        values = [value for frame in content.getall(place) for value in _frame_texts(frame)]
    else:
        entry = content.get(place)
        # A piece of data in APEv2 is one object without parts.
        values = [_text(value) for value in entry] if isinstance(entry, Iterable) else []
    cleaned = (value.replace("\0", " ").strip() for value in values)
    # Some writers say the same twice.
    return [value for value in dict.fromkeys(cleaned) if value]


def _frame_texts(frame: Any) -> list[str]:
    if frame.FrameID == "UFID":
        return [_text(frame.data)]
    if frame.FrameID == "USLT":
        return [str(frame.text)]
    if frame.FrameID == "SYLT":
        return [_sung(text for text, _ in frame.text)] if frame.type in _SUNG_TEXT else []
    # mutagen has turned numbers of genres into their names.
    return [str(value) for value in frame.text]


def _sung(pieces: Iterable[str]) -> str:
    # Pieces are lines, or syllables of which a newline begins each line.
    texts = list(pieces)
    return ("" if any("\n" in text for text in texts) else "\n").join(texts)


def _text(value: Any) -> str:
    plain = getattr(value, "value", value)
    return plain.decode("utf-8", "backslashreplace") if isinstance(plain, bytes) else str(plain)
