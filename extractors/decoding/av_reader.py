"""Reader through ffmpeg (PyAV, the ``av`` extra): m4a, aac, wma and the sound of video files.

The length is that of the sound's own packets: what a container states may be a guess, or that of
its pictures. Where a packet tells how many samples it holds they are added up, without decoding;
elsewhere (wma, Vorbis in Matroska) all is decoded once to count. A window is found by its packets,
from the first one on: a seek to a time lands a few samples off, and loses what primes the codec.
"""

from __future__ import annotations

import re
from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterator
from fractions import Fraction
from itertools import islice
from os import SEEK_END
from struct import unpack
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spdkit.extractors.decoding.file_bytes import FileBytes, JoinedRanges
from spdkit.extractors.decoding.mp4_tables import require_possible_packets
from spdkit.extractors.decoding.mpeg_frames import find_mpeg_sound
from spdkit.extractors.decoding.ogg_pages import read_ogg_layout
from spdkit.extractors.decoding.opus_packets import RATE, packet_samples
from spdkit.extractors.decoding.reader import (
    NotDecodableError,
    UnsuitableSoundError,
    block_frames,
)
from spdkit.tracks.track import open_binary

_PREROLL = 1.0  # seconds decoded before the window, so that the codec has settled
# Codecs of which every packet decodes to as many samples as the next.
_CONSTANT = ("aac", "mp1", "mp2", "mp3", "ac3", "eac3")
_PCM = re.compile(r"pcm_(?:[suf](8|16|24|32|64)(?:le|be)?|alaw|mulaw)")
_LOSSLESS = ("flac", "alac", "tta", "wavpack", "ape")
# Containers of which the header states a length; of others ffmpeg guesses it.
_STATING = ("mov", "matroska", "asf", "caf", "wav", "aiff", "au", "w64")
_DISCARDED = 2  # flag of a packet that is decoded and not heard
_SAMPLE_FRAMES = 4
_NEGLIGIBLE = 0.1  # seconds: rounding, and what codecs pad
# Codecs that settle within `_PREROLL`, wherever decoding begins; of others the state is kept on.
_SETTLING = (*_CONSTANT, *_LOSSLESS, "opus", "vorbis", "wmav1", "wmav2", "wmapro", "wmalossless")


class AvReader:
    """An audio file open in ffmpeg; see `reader.Reader`."""

    decoder = "av"

    def __init__(self, audio: str) -> None:
        try:
            import av
        except ImportError:
            raise NotDecodableError(
                "for m4a, aac, wma and more: pip install 'spdkit[av]'"
            ) from None
        self._errors = av.FFmpegError
        self.remarks: list[str] = []
        self._source: Any = open_binary(audio)  # av itself refuses names that are not UTF-8
        self._container: Any = None
        # Where the container lists its packets: their stamps, ends, and whether they are not heard.
        self._table = (array("q"), array("q"), bytearray())
        self._stamps: array[int] | None = None
        self._is_cut = False
        self._is_read_on = False  # whether every window is decoded from the start on
        try:
            sound = find_mpeg_sound(self._source, audio)
            if sound is None:
                require_possible_packets(FileBytes(self._source))
            self._size = self._source.seek(0, SEEK_END)
            # Also of other files: av prints what a file object raises when a header leads astray.
            ranges = ((0, self._size),) if sound is None else sound.ranges
            self._source = JoinedRanges(self._source, ranges)
            self._open()
            self._check_stream()
            self._check_file()
            self.sr: int = self._stream.rate
            self.channels: int = self._stream.channels
            # Samples that are decoded before each packet; the last entry is their number in all.
            starts = self._read_table() or self._add_up()
            # The codec's own padding is added up, and may be trimmed by the decoder.
            self.slack = self.sr // 10 if starts else 0
            self._starts = starts or self._count()
            self.n_frames = self.n_held = self._starts[-1]
            self._compare_with_header()
        except BaseException:
            self.close()
            raise

    def blocks(self, start: int, count: int) -> Iterator[NDArray[np.float32]]:
        """Yield the frames from `start`; see `reader.Reader.blocks`."""
        parts: list[NDArray[np.float32]] = []
        held, size = 0, block_frames(self.channels)
        for part in self._parts(start, count):
            parts.append(part)
            held += len(part)
            if held >= size:
                yield np.concatenate(parts)
                parts, held = [], 0
        if parts:
            yield np.concatenate(parts)

    def close(self) -> None:
        """Let go of the file."""
        if self._container is not None:
            self._container.close()
        self._source.close()

    def _open(self) -> None:
        """Open the file at its first packet, in place of what is open."""
        import av

        if self._container is not None:
            self._container.close()
        self._source.seek(0)
        try:
            # What is no sound but a list of addresses (HLS, SDP, concat) opens none of them.
            self._container = av.open(self._source, options={"protocol_whitelist": "none"})
        except self._errors as error:
            self._source.require_no_hole()
            raise NotDecodableError(_words(error)) from None
        streams = self._container.streams.audio
        if not streams:
            raise NotDecodableError("ffmpeg: the file has no sound in it")
        self._is_read = False
        self._stream = streams[0]
        self._stream.thread_count = 1

    def _check_stream(self) -> None:
        codec = self._stream.codec_context
        if codec is None:
            raise NotDecodableError("ffmpeg: no decoder knows the sound in the file")
        if not codec.sample_rate or not codec.channels:
            raise NotDecodableError("ffmpeg: the file states no sample rate, or no channels")
        n_streams = len(self._container.streams.audio)
        if n_streams > 1:
            self.remarks.append(f"the first of {n_streams} streams of sound was taken")

    def _check_file(self) -> None:
        """Look for pages that are missing, and for packets behind the end of the file."""
        is_pcm = self._codec.startswith("pcm_")
        self._is_read_on = not is_pcm and self._codec not in _SETTLING
        if "ogg" in self._formats:
            layout = read_ogg_layout(self._source)
            self.remarks += layout.faults + layout.remarks
            self._is_read = True
        if "mov" in self._formats and not is_pcm:
            stamps, ends, discarded = self._table
            for entry in self._stream.index_entries:
                stamps.append(entry.timestamp)
                ends.append(entry.pos + entry.size)
                discarded.append(bool(entry.flags & _DISCARDED))
            self._is_cut = max(ends, default=0) > self._size

    @property
    def _formats(self) -> set[str]:
        return set(self._container.format.name.split(","))

    @property
    def _codec(self) -> str:
        return str(self._stream.codec_context.codec.canonical_name)

    def _compare_with_header(self) -> None:
        """Say where the header states another length; it counts where the file was cut off."""
        seconds, held = 0.0, self.n_held / self.sr
        if not self._formats & set(_STATING):
            pass
        elif self._stream.duration:
            seconds = float(self._stream.duration * self._stream.time_base)
        elif self._container.duration:  # in microseconds
            seconds = self._container.duration / 1_000_000
        if self._is_cut and seconds > held + _NEGLIGIBLE:
            self.n_frames = round(seconds * self.sr)
        elif self._is_cut:
            self.remarks.append("the last packet of the sound is cut off: truncated or damaged")
        elif seconds and abs(seconds - held) > _NEGLIGIBLE:
            self.remarks.append(
                f"the header states {seconds:.2f} s, {held:.2f} s of sound are there"
            )

    def _packets(self, first: int) -> Iterator[tuple[int, Any]]:
        """Yield the packets from one of them on, with their numbers; the last is empty."""
        if self._is_read:
            self._open()
        self._is_read = True
        try:
            packets = self._container.demux(self._stream)
            if self._stamps is None or first == 0:
                yield from islice(enumerate(packets), first, None)
                self._source.require_no_hole()
                return
            self._container.seek(self._stamps[first], stream=self._stream)
            packet = next(packets)
            number = bisect_left(self._stamps, packet.dts)
            if self._stamps[number : number + 1].tolist() != [packet.dts]:
                raise ValueError("ffmpeg: the packets are not where the container lists them")
            yield number, packet
            yield from enumerate(packets, number + 1)
        except self._errors as error:  # some are no OSError, nor a ValueError
            raise ValueError(_words(error)) from error

    def _decode(self, packet: Any) -> list[Any]:
        try:
            frames = packet.decode()
        except self._errors as error:
            raise ValueError(_words(error)) from error
        for frame in frames:
            if (frame.sample_rate, frame.layout.nb_channels) != (self.sr, self.channels):
                raise UnsuitableSoundError(
                    f"the sound changes from {self.sr} Hz and {self.channels} channels to "
                    f"{frame.sample_rate} Hz and {frame.layout.nb_channels}: split the file"
                )
        return list(frames)

    def _add_up(self) -> array[int] | None:
        """Samples before each packet by what the packets say; None where they do not."""
        samples_of = self._samples_rule()
        if samples_of is None:
            return None
        starts, n_discarded = _Starts(), 0
        for _, packet in self._packets(0):
            samples = samples_of(packet) if packet.size else 0
            n_discarded += packet.is_discard
            # Beyond one packet that primes, an edit list cuts packets in two.
            if samples is None or n_discarded > 1 or packet.has_sidedata("new_extradata"):
                return None
            starts.add(samples, *_trims(packet), is_heard=not packet.is_discard)
            self._note_end(packet)
        return starts.numbers

    def _read_table(self) -> array[int] | None:
        """The same from the table of packets at the head of an m4a, without reading them."""
        is_whole = 0 < len(self._table[0]) == self._stream.frames
        n_discarded = sum(self._table[2])
        n_samples = self._frame_size() if is_whole and n_discarded <= 1 else None
        if n_samples is None:
            return None
        first, last = _trims(next(self._packets(0))[1])
        starts, stamps = _Starts(), array("q")
        for stamp, end, is_discarded in zip(*self._table, strict=True):
            if end > self._size:
                break
            stamps.append(stamp)
            starts.add(n_samples, first, last, is_heard=not is_discarded)
            first = last = 0
        self._stamps = stamps
        return starts.numbers

    def _count(self) -> array[int]:
        """Samples before each packet by decoding all of them."""
        starts = _Starts()
        for _, packet in self._packets(0):
            self._is_read_on |= packet.has_sidedata("new_extradata")
            self._note_end(packet)
            starts.add(sum(frame.samples for frame in self._decode(packet)))
        return starts.numbers

    def _note_end(self, packet: Any) -> None:
        self._is_cut |= packet.is_corrupt and bool(self._formats & set(_STATING))

    def _samples_rule(self) -> Callable[[Any], int | None] | None:
        """How many samples a packet decodes to; None for codecs that do not tell."""
        if self._codec == "opus":
            is_plain = self.sr == RATE
            return (lambda packet: packet_samples(bytes(packet)[:2])) if is_plain else None
        if self._codec in _LOSSLESS:
            ticks = 1 / (self._stream.time_base * self.sr)
            return lambda packet: _whole(packet.duration / ticks)
        if pcm := _PCM.fullmatch(self._codec):
            n_bytes = int(pcm[1] or 8) // 8 * self.channels
            return lambda packet: packet.size // n_bytes
        n_samples = self._frame_size()
        return None if n_samples is None else lambda _: n_samples

    def _frame_size(self) -> int | None:
        """Samples that every packet decodes to; None where that varies with the codec."""
        if self._codec not in _CONSTANT:
            return None
        sizes: list[int] = []
        for _, packet in self._packets(0):
            sizes += [frame.samples for frame in self._decode(packet)]
            if len(sizes) > _SAMPLE_FRAMES:
                break
        alike = set(sizes[1:_SAMPLE_FRAMES])  # the first may be trimmed
        return alike.pop() if len(alike) == 1 else None

    def _parts(self, start: int, count: int) -> Iterator[NDArray[np.float32]]:
        """What each of ffmpeg's frames, some thousand samples, adds to the window."""
        next_frame = start
        for position, frames in self._frames(start):
            if position >= start + count:
                return
            if position > next_frame:
                lost, found = next_frame / self.sr, position / self.sr
                raise ValueError(f"ffmpeg: no sound from {lost:.3f} to {found:.3f} s")
            part = frames[next_frame - position : start + count - position]
            if len(part):
                yield part
                next_frame = position + len(frames)

    def _frames(self, start: int) -> Iterator[tuple[int, NDArray[np.float32]]]:
        """Yield decoded frames from before `start` on, with their places, shape (n, channels)."""
        from av.audio.resampler import AudioResampler

        to_float = AudioResampler(format="fltp", layout=self._stream.layout, rate=self.sr)
        before = max(0, start - round(_PREROLL * self.sr))
        first = 0 if self._is_read_on else max(0, bisect_left(self._starts, before) - 1)
        for number, packet in self._packets(first):
            if number >= len(self._starts):
                return
            position = self._starts[number]
            for frame in self._decode(packet):
                for piece in to_float.resample(frame):
                    samples = piece.to_ndarray().T.astype(np.float32, copy=False)
                    if position + len(samples) > start:
                        yield position, samples
                    position += len(samples)


class _Starts:
    """Samples before each packet, and at last all of them."""

    def __init__(self) -> None:
        self.numbers = array("q", [0])
        self._skip = 0

    def add(self, samples: int, first: int = 0, last: int = 0, *, is_heard: bool = True) -> None:
        """Add a packet, of which the decoder trims samples at its ends."""
        self._skip += first
        trim = min(self._skip, samples)
        self._skip -= trim
        heard = max(0, samples - trim - last) if is_heard else 0
        self.numbers.append(self.numbers[-1] + heard)


def _trims(packet: Any) -> tuple[int, int]:
    """Samples that the decoder takes off, from this packet on and at its end."""
    if not packet.has_sidedata("skip_samples"):
        return 0, 0
    first, last = unpack("<II", bytes(packet.get_sidedata("skip_samples"))[:8])
    return first, last


def _whole(samples: Fraction) -> int | None:
    return int(samples) if samples > 0 and samples.denominator == 1 else None


def _words(error: Any) -> str:
    is_number = str(error.strerror).startswith("Error number")
    return "ffmpeg cannot decode it" if is_number else f"ffmpeg: {error.strerror}"
