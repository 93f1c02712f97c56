"""Window of a file: mono samples at one rate, in blocks or at once.

The window is chosen by the length that the file states, then filled by a reader: libsndfile
(`sndfile_reader`) or ffmpeg (`av_reader`). Nothing is cut short in silence: less than the file
states is an error, and what else was done is said in `ClipFacts.remarks`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, Self

import numpy as np
import soxr
from numpy.typing import NDArray

from spdkit.common.parameters import Allowed, Number, OneOf, Whole
from spdkit.extractors.base import ExtractionError
from spdkit.extractors.decoding.av_reader import AvReader
from spdkit.extractors.decoding.reader import (
    BLOCK,
    NotDecodableError,
    Reader,
    UnsuitableSoundError,
)
from spdkit.extractors.decoding.sndfile_reader import SndfileReader
from spdkit.tracks.addresses import is_url, local_path, shown
from spdkit.tracks.remote_audio import RemoteError
from spdkit.tracks.track import unreadable

Offset = Literal["middle", "head"] | float
Samples = NDArray[np.float32]
WINDOW_CONSTRAINTS: dict[str, Allowed] = {
    "duration": (Number(0, closed="neither", unit="seconds"), None),
    "offset": (OneOf("middle", "head"), Number(0, unit="seconds from the start")),
    "min_duration": Number(0, closed="neither", unit="seconds"),
    "sr": Whole(),
}
# Hz. Beyond them a header is wrong, and resampling would take for ever.
_LOWEST_RATE, _HIGHEST_RATE = 1000, 6_000_000
# What a store keeps of a clip.
CLIP_OBS: dict[str, type] = {
    **dict.fromkeys(("offset", "duration", "sr", "channels"), float),
    "decoder": str,
}


@dataclass(kw_only=True, eq=False, repr=False)
class WindowParameters:
    """Which window of a file, and at which rate; see `open_clip`."""

    duration: float | None = 30.0
    offset: Offset = "middle"
    min_duration: float = 1.0
    sr: int = 44100

    @property
    def clip_parameters(self) -> dict[str, Any]:
        """The parameters for `open_clip`."""
        return {name: getattr(self, name) for name in WINDOW_CONSTRAINTS}


@dataclass(frozen=True, kw_only=True)
class ClipFacts:
    """How a window of sound was made.

    Attributes
    ----------
    offset, duration, file_duration : float
        Where the window starts, how long it is, and what length the file states, in seconds.
    native_sr, channels : int
        As the file has them.
    decoder : str
        "soundfile" or "av".
    remarks : tuple of str
        What a user should know: a shorter window, a mix-down, a changed rate, digital silence.
    """

    offset: float
    duration: float
    file_duration: float
    native_sr: int
    channels: int
    decoder: str
    remarks: tuple[str, ...] = ()

    @property
    def obs(self) -> dict[str, float | str]:
        """The values of `CLIP_OBS`."""
        rate, channels = float(self.native_sr), float(self.channels)
        values = (self.offset, self.duration, rate, channels, self.decoder)
        return dict(zip(CLIP_OBS, values, strict=True))


@dataclass(frozen=True, kw_only=True)
class Clip(ClipFacts):
    """One window of sound, with the facts about it.

    Attributes
    ----------
    y : ndarray of float32, shape (n_samples,)
        Mean of the channels, nominally in [-1, 1].
    sr : int
        Rate of `y` in Hz.
    """

    y: Samples
    sr: int


class ClipStream:
    """One window of an open file, decoded as it is asked for; made by `open_clip`.

    A context manager that closes the file. It holds a few blocks in memory, however long the
    window is.

    Attributes
    ----------
    sr : int
        Rate of the blocks in Hz.
    """

    def __init__(
        self,
        source: str,
        reader: Reader,
        window: tuple[int, int],
        *,
        sr: int,
        duration: float | None,
        min_duration: float,
    ) -> None:
        self.sr = sr
        self._source = source
        self._reader = reader
        self._start, self._count = window  # in frames of the file
        self._duration = duration
        self._min_duration = min_duration
        self._decoded = 0
        self._facts: ClipFacts | None = None
        self._begun = self._closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        self._closed = True
        try:
            self._reader.close()
        except OSError as error:  # bytes from afar that did not come
            raise ExtractionError(self._source, str(error)) from error

    @property
    def facts(self) -> ClipFacts:
        """What was done; a RuntimeError before the last block."""
        if self._facts is None:
            raise RuntimeError("the facts are known only after the last of blocks()")
        return self._facts

    def blocks(self) -> Iterator[Samples]:
        """Decode the window, once.

        Yields
        ------
        ndarray of float32, shape (n_samples,)
            The next samples, mono at `sr`: never none, and about 2**18 at most.

        Raises
        ------
        ExtractionError
            When the file is damaged, holds less than it states, or samples that are not finite.
            Sound before the damage may have been yielded: it must not be used.
        RuntimeError
            When called a second time, or after the file was closed.
        """
        if self._begun:
            raise RuntimeError("blocks() can be read once: open the clip again")
        self._begun = True
        return self._blocks()

    def _blocks(self) -> Iterator[Samples]:
        blocks, native_sr = self._mono(), self._reader.sr
        silent = True
        for y in blocks if native_sr == self.sr else _resample(blocks, native_sr, self.sr):
            silent = silent and not y.any()
            yield y
        self._facts = self._gather(silent)

    def _mono(self) -> Iterator[Samples]:
        """Yield the window at its own rate; that it is whole and finite shows at its end."""
        nans = infinite = first = 0
        for frames in self._frames():
            y = _mix(frames)
            if not np.isfinite(y).all():
                y = _mix(frames.astype(np.float64))  # the sum alone may have been too large
                is_nan, is_infinite = np.isnan(frames), np.isinf(frames)
                if not nans + infinite:
                    row = int((is_nan | is_infinite).any(axis=1).argmax())
                    first = self._start + self._decoded + row
                nans += int(is_nan.sum())
                infinite += int(is_infinite.sum())
            self._decoded += len(frames)
            if not nans + infinite:  # what follows a bad sample is decoded only to be counted
                yield y
        self._require_whole()
        if nans + infinite:
            counts = f"{nans} samples are NaN and {infinite} infinite"
            seconds = first / self._reader.sr
            raise ExtractionError(self._source, f"{counts}, the first at {seconds:.3f} s")

    def _frames(self) -> Iterator[Samples]:
        blocks = self._reader.blocks(self._start, self._count)
        while True:
            if self._closed:
                raise RuntimeError("the file was closed before the last of blocks()")
            try:
                frames = next(blocks, None)
            except UnsuitableSoundError as error:
                raise ExtractionError(self._source, str(error)) from error
            except (OSError, RuntimeError, ValueError) as error:  # libsndfile's and ffmpeg's own
                raise ExtractionError(self._source, f"damaged: {error}") from error
            if frames is None:
                return
            yield frames

    def _require_whole(self) -> None:
        missing = self._count - self._decoded
        if missing and (self._decoded == 0 or missing > self._reader.slack):
            end = self._end(self._start + self._decoded)
            raise ExtractionError(self._source, f"{end}: truncated or damaged")
        _require_length(self._source, self._decoded / self._reader.sr, self._min_duration)

    def _end(self, end: int) -> str:
        seconds, there = self._reader.n_frames / self._reader.sr, end / self._reader.sr
        digits = 2 if f"{seconds:.2f}" != f"{there:.2f}" else 5
        return f"the file states {seconds:.{digits}f} s but ends at {there:.{digits}f} s"

    def _gather(self, silent: bool) -> ClipFacts:
        reader, duration = self._reader, self._decoded / self._reader.sr
        remarks = list(reader.remarks)
        if self._count - self._decoded > reader.sr // 100:  # less is rounding
            remarks.append(self._end(self._start + self._decoded))
        elif reader.n_held < reader.n_frames:
            remarks.append(f"{self._end(reader.n_held)}: truncated or damaged")
        if self._duration is not None and self._decoded < round(self._duration * reader.sr):
            remarks.append(f"shorter than the window: {duration:.2f} s of {self._duration:g} s")
        if reader.channels > 2:
            remarks.append(f"mean of {reader.channels} channels")
        if reader.sr != self.sr:
            remarks.append(f"resampled from {reader.sr} Hz")
        if silent:
            remarks.append("digital silence")
        return ClipFacts(
            offset=self._start / reader.sr,
            duration=duration,
            file_duration=reader.n_frames / reader.sr,
            native_sr=reader.sr,
            channels=reader.channels,
            decoder=reader.decoder,
            remarks=tuple(remarks),
        )


def open_clip(
    audio: str,
    *,
    sr: int = 44100,
    duration: float | None = 30.0,
    offset: Offset = "middle",
    min_duration: float = 1.0,
) -> ClipStream:
    """Open one window of an audio file, to be decoded in blocks.

    Parameters
    ----------
    audio : str
        Path or fsspec URL.
    sr : int
        Rate to bring the sound to, in Hz, by soxr's "HQ"; nothing is done at the same rate.
    duration : float or None
        Length of the window in seconds; None for everything after `offset`.
    offset : "middle", "head" or float
        Where the window lies; a number is its start in seconds.
    min_duration : float
        A shorter window is refused.

    Returns
    -------
    ClipStream
        To be used in a ``with`` statement.

    Raises
    ------
    ExtractionError
        When the file is missing, unreadable, no sound, or too short by the length it states. What
        shows only as it is decoded is raised by `ClipStream.blocks`.
    ValueError
        When `offset` is negative.
    """
    source = shown(audio)
    reader = _open(audio, source)
    try:
        if not _LOWEST_RATE <= reader.sr <= _HIGHEST_RATE:
            raise ExtractionError(source, f"a sample rate of {reader.sr} Hz is none of music")
        window = _window(reader, source, duration, offset)
        _require_length(source, window[1] / reader.sr, min_duration)
    except BaseException:
        reader.close()
        raise
    return ClipStream(source, reader, window, sr=sr, duration=duration, min_duration=min_duration)


def read_clip(audio: str, **window: Any) -> Clip:
    """Decode one window of an audio file at once.

    Parameters
    ----------
    audio, **window
        As in `open_clip`.

    Returns
    -------
    Clip

    Raises
    ------
    ExtractionError
        When the file is missing, unreadable, no sound, too short, shorter than it states, or
        holds samples that are not finite.
    ValueError
        When `offset` is negative.
    """
    with open_clip(audio, **window) as stream:
        blocks = list(stream.blocks())
    y = np.concatenate(blocks) if blocks else np.zeros(0, dtype=np.float32)
    return Clip(y=y, sr=stream.sr, **vars(stream.facts))


def _open(audio: str, source: str) -> Reader:
    if not is_url(audio):
        if reason := unreadable(audio):
            raise ExtractionError(source, reason)
        audio = local_path(audio)
    reasons: list[str] = []
    remarks: list[str] = []
    openers: tuple[type[SndfileReader | AvReader], ...] = (SndfileReader, AvReader)
    for opener in openers:
        try:
            reader = opener(audio)
        except NotDecodableError as error:
            reasons.append(str(error))
            remarks += [str(error)] if error.is_of_file else []
        except RemoteError as error:
            raise ExtractionError(source, str(error)) from error
        except (OSError, ImportError) as error:
            raise ExtractionError(source, f"cannot be opened: {error}") from error
        except UnsuitableSoundError as error:
            raise ExtractionError(source, str(error)) from error
        except (RuntimeError, ValueError) as error:
            raise ExtractionError(source, f"damaged: {error}") from error
        else:
            reader.remarks[:0] = [each for each in remarks if each not in reader.remarks]
            return reader
    raise ExtractionError(source, "; ".join(reasons))


def _window(reader: Reader, source: str, duration: float | None, offset: Offset) -> tuple[int, int]:
    total = reader.n_frames
    count = total if duration is None else min(round(duration * reader.sr), total)
    if offset == "middle":
        start = (total - count) // 2
    elif offset == "head":
        start = 0
    else:
        start = round(float(offset) * reader.sr)
        if start < 0:
            raise ValueError(f"offset must be 'middle', 'head' or at least 0 s, not {offset}")
        if start >= total:
            raise ExtractionError(
                source,
                f"offset {offset} s lies beyond the end of the file ({total / reader.sr:.2f} s)",
            )
    return start, min(count, total - start)


def _require_length(source: str, seconds: float, min_duration: float) -> None:
    if seconds < min_duration:
        raise ExtractionError(
            source, f"too short: {seconds:.6g} s of sound, at least {min_duration:g} s are needed"
        )


def _mix(frames: NDArray[np.floating]) -> Samples:
    """Mean of the channels, not finite where one of them is not."""
    with np.errstate(over="ignore", invalid="ignore"):  # the caller looks
        if frames.shape[1] == 1:
            mean = frames[:, 0]
        elif frames.shape[1] == 2:  # what np.mean gives, in a thirtieth of its time
            mean = (frames[:, 0] + frames[:, 1]) * frames.dtype.type(0.5)
        else:
            mean = frames.mean(axis=1)
        return np.ascontiguousarray(mean, dtype=np.float32)


def _resample(blocks: Iterator[Samples], native_sr: int, sr: int) -> Iterator[Samples]:
    """Yield what soxr.resample makes of the blocks together."""
    stream = soxr.ResampleStream(native_sr, sr, 1, dtype="float32", quality="HQ")
    step = max(1, min(BLOCK, BLOCK * native_sr // sr))
    for block in blocks:
        for start in range(0, len(block), step):
            if len(y := stream.resample_chunk(block[start : start + step])):
                yield y
    if len(y := stream.resample_chunk(np.zeros(0, dtype=np.float32), last=True)):
        yield y
