"""From a file to one window of mono samples at one rate.

The window is chosen by the length that the file states, then filled by a reader: libsndfile
(`sndfile_reader`) for wav, flac, ogg, opus and mp3, and ffmpeg (`av_reader`, the ``av`` extra) for
what libsndfile does not know. Nothing is cut short in silence: a file that holds less than it
states is an error, and whatever else was done to the sound is said in `Clip.remarks`.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Literal

import numpy as np
import soxr
from numpy.typing import NDArray

from spdkit.extractors.audio.av_reader import AvReader
from spdkit.extractors.audio.reader import NotDecodableError, Reader
from spdkit.extractors.audio.sndfile_reader import UNKNOWN_FORMAT, SndfileReader
from spdkit.extractors.base import ExtractionError
from spdkit.tracks import is_url, printable

Offset = Literal["middle", "head"] | float


@dataclass(frozen=True)
class Clip:
    """One window of sound.

    Attributes
    ----------
    y : ndarray of float32, shape (n_samples,)
        Mean of the channels, nominally in [-1, 1].
    sr : int
        Rate of `y` in Hz.
    offset, duration : float
        Where the window starts in the file and how long it is, in seconds.
    native_sr, channels : int
        As the file has them.
    decoder : str
        "soundfile" or "av".
    remarks : tuple of str
        What a user should know: a shorter window, a mix-down, a changed rate, digital silence.
    """

    y: NDArray[np.float32]
    sr: int
    offset: float
    duration: float
    native_sr: int
    channels: int
    decoder: str
    remarks: tuple[str, ...] = ()


def read_clip(
    audio: str,
    *,
    sr: int = 44100,
    duration: float | None = 30.0,
    offset: Offset = "middle",
    min_duration: float = 1.0,
) -> Clip:
    """Decode one window of an audio file.

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
    Clip

    Raises
    ------
    ExtractionError
        When the file is missing, unreadable, no sound, too short, shorter than it states, or
        holds samples that are not finite.
    """
    source = printable(audio)
    reader = _open(audio, source)
    try:
        start, count = _window(reader, source, duration, offset)
        _require_length(source, count / reader.sr, min_duration)
        frames = reader.read(start, count)
    except (OSError, RuntimeError, ValueError) as error:  # libsndfile's and ffmpeg's own
        raise ExtractionError(source, f"damaged: {error}") from error
    finally:
        reader.close()
    remarks = list(reader.remarks)
    if len(frames) < count:
        found = (start + len(frames)) / reader.sr
        stated = f"the file states {reader.n_frames / reader.sr:.2f} s but ends at {found:.2f} s"
        if len(frames) == 0 or count - len(frames) > reader.slack:
            raise ExtractionError(source, f"{stated}: truncated or damaged")
        if count - len(frames) > reader.sr // 100:  # less is rounding
            remarks.append(stated)
        _require_length(source, len(frames) / reader.sr, min_duration)
    _require_finite(source, frames, start, reader.sr)
    if duration is not None and len(frames) < round(duration * reader.sr):
        remarks.append(
            f"shorter than the window: {len(frames) / reader.sr:.2f} s of {duration:g} s"
        )
    y = _mono(frames)
    if reader.channels > 2:
        remarks.append(f"mean of {reader.channels} channels")
    if reader.sr != sr:
        remarks.append(f"resampled from {reader.sr} Hz")
        y = soxr.resample(y, reader.sr, sr, quality="HQ")
    if not y.any():
        remarks.append("digital silence")
    return Clip(
        y=y,
        sr=sr,
        offset=start / reader.sr,
        duration=len(frames) / reader.sr,
        native_sr=reader.sr,
        channels=reader.channels,
        decoder=reader.decoder,
        remarks=tuple(remarks),
    )


def _open(audio: str, source: str) -> Reader:
    if not is_url(audio):
        _require_file(audio, source)
    reasons = []
    openers: tuple[type[SndfileReader | AvReader], ...] = (SndfileReader, AvReader)
    for opener in openers:
        try:
            reader = opener(audio)
        except NotDecodableError as error:
            reasons.append(str(error))
        except FileNotFoundError as error:
            raise ExtractionError(source, _why_not_found(error)) from error
        except (OSError, ImportError) as error:
            raise ExtractionError(source, f"cannot be opened: {error}") from error
        except (RuntimeError, ValueError) as error:
            raise ExtractionError(source, f"damaged: {error}") from error
        else:
            # Why libsndfile gave up may be news of damage, unless it is only another format.
            reader.remarks[:0] = [reason for reason in reasons if reason != UNKNOWN_FORMAT]
            return reader
    raise ExtractionError(source, "; ".join(reasons))


def _why_not_found(error: FileNotFoundError) -> str:
    # fsspec says so of every refusal and of a server that is down; the cause tells them apart.
    cause = error.__cause__
    if cause is None or getattr(cause, "status", None) == 404:
        return "no such file"
    return f"cannot be opened: {cause}"


def _require_file(audio: str, source: str) -> None:
    # Plain words for what libsndfile would call a "System error".
    try:
        with open(audio, "rb") as file:  # noqa: PTH123
            size = os.fstat(file.fileno()).st_size
    except IsADirectoryError:
        raise ExtractionError(source, "is a folder, not a file") from None
    except PermissionError:
        raise ExtractionError(source, "no permission to read it") from None
    except FileNotFoundError:
        broken = os.path.islink(audio)  # noqa: PTH114
        reason = f"broken link to {os.readlink(audio)}" if broken else "no such file"  # noqa: PTH115
        raise ExtractionError(source, reason) from None
    except OSError as error:
        raise ExtractionError(source, f"cannot be opened: {error.strerror}") from error
    if size == 0:
        raise ExtractionError(source, "empty file (0 bytes)")


def _window(reader: Reader, source: str, duration: float | None, offset: Offset) -> tuple[int, int]:
    total = reader.n_frames
    wanted = total if duration is None else min(round(duration * reader.sr), total)
    if offset == "middle":
        start = (total - wanted) // 2
    elif offset == "head":
        start = 0
    else:
        start = round(float(offset) * reader.sr)
        if start >= total:
            raise ExtractionError(
                source,
                f"offset {offset} s lies beyond the end of the file ({total / reader.sr:.2f} s)",
            )
    return start, min(wanted, total - start)


def _require_length(source: str, seconds: float, min_duration: float) -> None:
    if seconds < min_duration:
        raise ExtractionError(
            source, f"too short: {seconds:.6g} s of sound, at least {min_duration:g} s are needed"
        )


def _require_finite(source: str, frames: NDArray[np.float32], start: int, sr: int) -> None:
    bad = ~np.isfinite(frames)
    if bad.any():
        first = (start + int(np.flatnonzero(bad.any(axis=1))[0])) / sr
        nans, total = int(np.isnan(frames).sum()), int(bad.sum())
        raise ExtractionError(
            source,
            f"{nans} samples are NaN and {total - nans} infinite, the first at {first:.3f} s",
        )


def _mono(frames: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.ascontiguousarray(frames[:, 0]) if frames.shape[1] == 1 else frames.mean(axis=1)
