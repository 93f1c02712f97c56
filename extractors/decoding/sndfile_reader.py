"""Reader through libsndfile, with the lies that files tell found out.

libsndfile mends a wrong header without a word, guesses the length of an mp3 that has no index,
takes an Ogg stream for whole at whatever page it stops, and of sounds that follow one another in
one file reads one. Each is looked for here, by a pass over frames or pages where nothing less
tells (`mpeg_frames`, `ogg_pages`); what libsndfile cannot read rightly is left to ffmpeg.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from typing import IO, Literal, NamedTuple, cast

import numpy as np
import soundfile
from numpy.typing import NDArray

from spdkit.extractors.decoding.file_bytes import FileBytes, JoinedRanges
from spdkit.extractors.decoding.flac_frames import FlacLayout, end_of_sound, read_flac_layout
from spdkit.extractors.decoding.mpeg_frames import MpegSound, find_mpeg_sound, index_frames
from spdkit.extractors.decoding.ogg_pages import OggLayout, read_ogg_layout
from spdkit.extractors.decoding.reader import (
    NotDecodableError,
    UnsuitableSoundError,
    block_frames,
)
from spdkit.tracks.addresses import is_url
from spdkit.tracks.track import open_binary

# Sizes that programs write when they stream and cannot know: 0, or about what 31 or 32 bits hold.
_LIMITS = (1 << 31, 1 << 32)
_HEADER_ROOM = 1 << 16
_LONGEST_EMPTY_FILE = 1 << 12
_MOST_CHUNKS = 10_000  # before the sound


class _Chunks(NamedTuple):
    """How a container states its chunks."""

    sound: bytes = b"data"  # name of the one with the sound
    start: int = 12
    width: int = 4  # bytes of a size
    order: Literal["little", "big"] = "little"
    alignment: int = 2


_CHUNKED = {
    **dict.fromkeys((b"RIFF", b"RF64"), _Chunks()),
    b"RIFX": _Chunks(order="big"),
    b"FORM": _Chunks(b"SSND", order="big"),
    b"caff": _Chunks(start=8, width=8, order="big", alignment=1),
}
# What libsndfile's log says of the size of the sound, or of the file, that the header states.
_SOUND_SIZES = re.compile(
    r"^[ \t]*(?:data|SSND|BODY|Data Size)[ \t]*: (\d+) \(should be (\d+)\)", re.MULTILINE
)
_FILE_SIZES = re.compile(r"^(?:riff|[ \t]*Riff size) : (\d+) \(should be (\d+)\)", re.MULTILINE)
_SOUND_SIZE = re.compile(r"^[ \t]*(?:data|Data [sS]ize)[ \t]*: (-?\d+)$", re.MULTILINE)
_FILE_SIZE = re.compile(r"^Length : (\d+)$", re.MULTILINE)
_W64_CHUNK_HEADER = 24
_LONGEST_TRIM = 2 * 4095 + 1152  # samples that an mp3's index may take off its ends
_NOT_UNIFORM = "the parts of the file differ in sample rate, channels or codec: split it"
_ALL_TAKEN = "the header does not state a length: all that is there was taken"


class _Forward(soundfile.SoundFile):
    """A sound file that is read onwards.

    `SoundFile.read` seeks to where it stands after each read of a file that it can seek in. That
    costs time, and the samples after a seek need not be those of reading on.
    """

    def seekable(self) -> bool:
        return False


class SndfileReader:
    """An audio file open in libsndfile; see `reader.Reader`."""

    decoder = "soundfile"

    def __init__(self, audio: str) -> None:
        self.remarks: list[str] = []
        self.slack = 0
        self._audio = audio
        self._handle: IO[bytes] | None = open_binary(audio)
        try:
            sound = find_mpeg_sound(self._handle, audio)
            source = None if sound is None else _mpeg_source(self._handle, sound)
            self._ogg = _look_through(self._handle) if sound is None else None
            if source is not None:
                self._handle = source
            elif not is_url(audio):  # a path lets libsndfile read by itself
                self._handle.close()
                self._handle = None
            self._file = self._open()
        except BaseException:
            self._close_handle()
            raise
        try:
            self.sr: int = self._file.samplerate
            self.channels: int = self._file.channels
            self.n_frames = self.n_held = self._file.frames
            self._check_length(sound)
        except BaseException:
            self.close()
            raise

    def blocks(self, start: int, count: int) -> Iterator[NDArray[np.float32]]:
        """Yield the frames from `start`; see `reader.Reader.blocks`."""
        if start >= self._file.frames:
            return
        size = block_frames(self.channels)
        for _ in self._read_on(self._seek(start), size):
            pass
        yield from self._read_on(count, size)

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()
        self._close_handle()

    def _close_handle(self) -> None:
        if self._handle is not None:
            self._handle.close()

    def _open(self) -> _Forward:
        if self._handle is not None:
            self._handle.seek(0)
        try:
            # Bytes keep names that are not UTF-8.
            return _Forward(self._handle or os.fsencode(self._audio))
        except soundfile.LibsndfileError as error:
            # A text named .mp3 is a "File does not exist" to libsndfile (7).
            unknown = error.code in (1, 7)
            reason = "Format not recognised" if unknown else error.error_string.rstrip(".")
            is_damage = "malformed" in reason
            raise NotDecodableError(f"libsndfile: {reason}", is_of_file=is_damage) from None
        except TypeError:  # soundfile's own, at the name alone
            reason = "libsndfile: .raw is sound without a header"
            raise NotDecodableError(reason, is_of_file=True) from None

    def _seek(self, start: int) -> int:
        """Go to a frame; how many frames are left to read over to be there."""
        if start == 0:
            return 0
        try:
            self._file.seek(start)
        except soundfile.LibsndfileError:  # GSM 6.10, G.721, G.723, NMS and DWVW
            self._file.close()
            self._file = self._open()
            return start
        return 0

    def _read_on(self, count: int, size: int) -> Iterator[NDArray[np.float32]]:
        while count > 0:
            frames = self._file.read(min(size, count), dtype="float32", always_2d=True)
            if len(frames) == 0:
                return
            yield frames
            count -= len(frames)

    @contextmanager
    def _bytes(self) -> Iterator[IO[bytes]]:
        """The file's own bytes; a URL is not opened twice, and libsndfile finds its place again."""
        if self._handle is None:
            with open_binary(self._audio) as file:
                yield file
        else:
            place = self._handle.tell()
            yield self._handle
            self._handle.seek(place)

    def _check_length(self, sound: MpegSound | None) -> None:
        if sound is not None:
            self._check_mpeg_length(sound)
        elif self._file.subtype.startswith("MPEG"):
            raise NotDecodableError("libsndfile guesses the length of MPEG sound in this container")
        elif self._file.format == "VOC":
            raise NotDecodableError("libsndfile takes heads of blocks in a VOC for sound")
        elif self._file.format == "OGG":
            self._check_ogg()
        elif self._file.format == "FLAC":
            self._check_flac()
        else:
            self._check_header()

    def _check_mpeg_length(self, sound: MpegSound) -> None:
        if sound.stated_frames is None:
            self.n_frames = self.n_held = sound.n_frames * sound.frame_length
            too_short = self._file.frames < self.n_frames
        else:
            trim = sound.stated_frames * sound.frame_length - self._file.frames
            too_short = not 0 <= trim <= _LONGEST_TRIM
            missing = sound.stated_frames - sound.n_frames
            self.n_held = max(0, self.n_frames - missing * sound.frame_length)
        if too_short:
            raise NotDecodableError("libsndfile misjudges the length of this mp3")

    def _check_ogg(self) -> None:
        layout = self._ogg
        if layout is None:  # behind a tag
            with self._bytes() as file:
                layout = read_ogg_layout(file)
        if not layout.is_uniform:
            raise UnsuitableSoundError(_NOT_UNIFORM)
        if layout.faults:
            raise NotDecodableError("; ".join(layout.faults), is_of_file=True)
        self.remarks += layout.remarks

    def _check_flac(self) -> None:
        if self.n_frames >= 1 << 60:  # from a pipe
            raise NotDecodableError("the header of the FLAC states no length", is_of_file=True)
        with self._bytes() as file:
            source = FileBytes(file)
            # Under a URL all of it would have to travel: only its end is looked at.
            if is_url(self._audio):
                end = end_of_sound(source) or self.n_frames
            else:
                layout = read_flac_layout(source)
                end = layout.end or self.n_frames
                self._require_one_flac(layout)
        if end > self.n_frames:
            reason = f"the header of the FLAC states {self.n_frames} samples, and there are {end}"
            raise NotDecodableError(reason, is_of_file=True)
        self.n_held = end

    def _require_one_flac(self, layout: FlacLayout) -> None:
        if layout.n_streams > 1:
            reason = f"{layout.n_streams} FLAC streams follow one another in the file"
            raise NotDecodableError(reason, is_of_file=True)
        if layout.hole is not None:
            reason = f"frames of the FLAC are missing at {layout.hole / self.sr:.2f} s"
            raise NotDecodableError(reason, is_of_file=True)

    def _check_header(self) -> None:
        log = self._file.extra_info
        whole_file = int(match[1]) if (match := _FILE_SIZE.search(log)) else 0
        if self._misses_sound(log, whole_file):
            self._read_without_header()
            return
        sizes = _sound_sizes(log, is_w64=self._file.format == "W64")
        if sizes is not None:
            stated, held = sizes
            if stated <= 0 or held <= 0 or any(0 <= n - stated <= _HEADER_ROOM for n in _LIMITS):
                self.remarks.append(_ALL_TAKEN)
            elif stated > whole_file:
                self.n_frames = round(self.n_held * stated / held)
            elif stated > held + 1:  # the header was counted too
                self.remarks.append(
                    f"the header states {stated} bytes of sound, {held} are there: all were taken"
                )
        elif "Unknown chunk marker" in log:
            self.remarks.append("the header leaves bytes after the sound unexplained")

    def _misses_sound(self, log: str, whole_file: int) -> bool:
        """Whether the header states a size of 0, or libsndfile takes a note for the sound.

        Such is an item of a list of notes that is called "data".
        """
        if self.n_frames == 0:
            return whole_file > _LONGEST_EMPTY_FILE
        size = _SOUND_SIZE.search(log) if self._file.format == "WAV" else None
        if size is None or int(size[1]) > whole_file // 2:
            return False
        with self._bytes() as file:
            sound = _sound_chunk(FileBytes(file), "WAV")
        return sound is not None and int(size[1]) < sound[1] - sound[0] <= whole_file

    def _read_without_header(self) -> None:
        """Open again the bytes of the sound alone."""
        form, subtype = self._file.format, self._file.subtype
        with self._bytes() as file:
            sound = _sound_chunk(FileBytes(file), form)
        if sound is None or subtype not in soundfile.available_subtypes("RAW"):
            reason = "the header states that there is no sound"
            raise NotDecodableError(reason, is_of_file=True)
        self._file.close()
        if self._handle is None:
            self._handle = open_binary(self._audio)
        self._handle = cast(IO[bytes], JoinedRanges(self._handle, (sound,)))
        endian = "BIG" if form == "AU" else "LITTLE"
        self._file = _Forward(
            self._handle, "r", self.sr, self.channels, subtype, endian, format="RAW"
        )
        if self.n_frames == 0:
            self.remarks.append(_ALL_TAKEN)
        self.n_frames = self.n_held = self._file.frames


def _look_through(file: IO[bytes]) -> OggLayout | None:
    """Pages of an Ogg; refuse what libsndfile gets lost in, looking for a page or a chunk."""
    source = FileBytes(file)
    head = source.get(0, 4)
    if head == b"OggS":
        return read_ogg_layout(file)
    if head in _CHUNKED:
        form = _CHUNKED[head]
        chunks = list(islice(_chunks(source, form), _MOST_CHUNKS))
        if len(chunks) == _MOST_CHUNKS and all(name != form.sound for name, _, _ in chunks):
            source.find(form.sound, chunks[-1][1])
    return None


def _mpeg_source(file: IO[bytes], sound: MpegSound) -> IO[bytes] | None:
    """What libsndfile is to read of an mp3 so that it knows its length; None: the file as it is."""
    if not sound.is_uniform:
        raise UnsuitableSoundError(_NOT_UNIFORM)
    if sound.stated_frames is None:
        ranges = sound.ranges
        if sound.index_end is not None:
            ranges = ((sound.index_end, ranges[0][1]), *ranges[1:])
        head = index_frames(file, sound) if sound.is_layer_iii else b""
        return cast(IO[bytes], JoinedRanges(file, ranges, head))
    if sound.stated_frames < sound.n_frames:
        reason = (
            f"the index of the mp3 states {sound.stated_frames} frames, {sound.n_frames} are there"
        )
        raise NotDecodableError(reason, is_of_file=True)
    return None if sound.is_plain else cast(IO[bytes], JoinedRanges(file, sound.ranges))


def _sound_sizes(log: str, *, is_w64: bool) -> tuple[int, int] | None:
    """Bytes of sound that the header states, and that are there, where the two differ."""
    if sizes := _SOUND_SIZES.search(log):
        return int(sizes[1]), int(sizes[2])
    size, file_sizes = _SOUND_SIZE.search(log), _FILE_SIZES.search(log)
    stated = int(size[1]) - _W64_CHUNK_HEADER * is_w64 if size else 1
    if size and file_sizes:
        return stated, stated - (int(file_sizes[1]) - int(file_sizes[2]))
    return (stated, 1) if stated <= 0 else None


def _sound_chunk(source: FileBytes, form: str) -> tuple[int, int] | None:
    """First byte of the sound of AU, WAV and RF64, and the byte after; to the end if it is of 0."""
    if form == "AU":
        return int.from_bytes(source.get(4, 4), "big"), source.size
    if form in ("WAV", "WAVEX", "RF64"):
        for name, place, size in islice(_chunks(source, _Chunks()), _MOST_CHUNKS):
            if name == b"data":
                end = place + size
                return place, end if size and end <= source.size else source.size
    return None


def _chunks(source: FileBytes, form: _Chunks) -> Iterator[tuple[bytes, int, int]]:
    """Names of chunks, where their contents begin, and their sizes."""
    place, width = form.start, 4 + form.width
    while place < source.size and len(head := source.get(place, width)) == width:
        size = int.from_bytes(head[4:], form.order)
        yield head[:4], place + width, size
        place += width + size + -size % form.alignment
