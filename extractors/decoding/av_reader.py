"""Reader through ffmpeg (PyAV, the ``av`` extra): m4a, aac, wma and the sound of video files.

Containers that hold an index (mp4, Matroska, ASF) are seeked; elsewhere a seek lands at a guess,
so they are decoded from the start, once to count and once to read.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spdkit.extractors.decoding.reader import NotDecodableError, block_frames
from spdkit.tracks.track import open_binary

_INDEXED = ("mov", "mp4", "m4a", "matroska", "webm", "asf")
_PREROLL = 1.0  # seconds decoded before the window, so that the codec has settled


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
        self.remarks: list[str] = []
        self._source = open_binary(audio)  # av itself refuses names that are not UTF-8
        try:
            self._container: Any = av.open(self._source)
        except av.FFmpegError as error:
            self._source.close()
            raise NotDecodableError(f"ffmpeg: {error.strerror}") from None
        try:
            self._stream = self._audio_stream()
            self._lead = 0.0  # seconds before the first sound
            self.sr: int = self._stream.rate
            self.channels: int = self._stream.channels
            names = self._container.format.name.split(",")
            self._indexed = bool(set(names) & set(_INDEXED)) and self._stated_length() > 0
            self._lead = self._first_stamp() if self._indexed else 0.0
            # Codec padding is counted by some writers and trimmed by the decoder.
            self.slack = self.sr // 10 if self._indexed else 0
            self.n_frames = self._stated_length() if self._indexed else self._count_frames()
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
        self._container.close()
        self._source.close()

    def _parts(self, start: int, count: int) -> Iterator[NDArray[np.float32]]:
        """What each of ffmpeg's frames, some thousand samples, adds to the window."""
        before = max(0.0, start / self.sr - _PREROLL) if self._indexed else 0.0
        next_frame = start
        for position, frames in self._decode(before):
            if position >= start + count:
                return
            part = frames[max(0, next_frame - position) : start + count - position]
            if len(part):
                yield part
                next_frame = position + len(frames)

    def _audio_stream(self) -> Any:
        if not self._container.streams.audio:
            raise NotDecodableError("ffmpeg: the file has no sound in it")
        stream = self._container.streams.audio[0]
        stream.thread_count = 1
        return stream

    def _stated_length(self) -> int:
        seconds = 0.0
        if self._stream.duration:
            seconds = float(self._stream.duration * self._stream.time_base)
        elif self._container.duration:  # in microseconds
            seconds = self._container.duration / 1_000_000
        return max(0, round((seconds - self._lead) * self.sr))

    def _first_stamp(self) -> float:
        # WMA's first packets only prime the codec: its sound begins some 0.1 s after its start.
        for frame in self._frames(None):
            if frame.pts is not None:
                return float((frame.pts - (self._stream.start_time or 0)) * frame.time_base)
        return 0.0

    def _count_frames(self) -> int:
        self.remarks.append("the file has no index: its length was counted by decoding")
        return max((position + len(frames) for position, frames in self._decode(None)), default=0)

    def _frames(self, seconds: float | None) -> Iterator[Any]:
        """Yield the frames from the packet at or before `seconds`; None: from where it stands."""
        import av

        try:
            if seconds is not None:
                stamp = round((seconds + self._lead) / self._stream.time_base)
                origin = self._stream.start_time or 0
                self._container.seek(origin + stamp, stream=self._stream)
                self._stream.codec_context.flush_buffers()
            yield from self._container.decode(self._stream)
        except av.FFmpegError as error:  # some are no OSError, nor a ValueError
            raise ValueError(f"ffmpeg: {error.strerror}") from error

    def _decode(self, seconds: float | None) -> Iterator[tuple[int, NDArray[np.float32]]]:
        """Every frame from about `seconds` with its position in the sound, shape (n, channels)."""
        from av.audio.resampler import AudioResampler

        to_float = AudioResampler(format="fltp", layout=self._stream.layout, rate=self.sr)
        origin = float((self._stream.start_time or 0) * self._stream.time_base) + self._lead
        position = None
        for frame in self._frames(seconds):
            # Stamps may be rounded to the millisecond: the first counts, the rest follow on.
            if position is None:
                stamped = self._indexed and frame.pts is not None
                stamp = float(frame.pts * frame.time_base) - origin if stamped else 0.0
                position = round(stamp * self.sr)
            for piece in to_float.resample(frame):
                samples = piece.to_ndarray().T.astype(np.float32, copy=False)
                yield position, samples
                position += len(samples)
