"""Steps of our features from samples: whole clips, and the work of `fast_engine` taken apart."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from spdkit.extractors.audio import (
    constant_q_filters,
    fast_engine,
    harmonic,
    librosa_engine,
    spectral,
    waveform,
)
from spdkit.extractors.audio.chroma import chroma_cqt, tonnetz
from spdkit.extractors.audio.columns import Summary
from spdkit.extractors.audio.engine import FrameCollector
from spdkit.extractors.audio.filterbanks import filter_banks
from spdkit.extractors.audio.framing import BLOCK, CHUNK, Chunk, chunks
from spdkit.extractors.audio.low_rate import LowRateSound
from spdkit.extractors.audio.settings import AudioSettings
from spdkit.extractors.audio.spill_buffer import SpillBuffer
from spdkit.extractors.audio.tuning import Tuning

Frames = NDArray[np.float32]

# What paper's columns have no need of, but the engine computes with the rest.
NOT_ASKED_FOR = "roll-offs, RMS"


# Whole clips


def row(y: Frames, s: AudioSettings) -> Frames:
    """One clip as a row of numbers, as AudioExtractor computes it from samples."""
    summary = Summary(s)
    fast_engine.analyse([y], s, summary)
    return summary.row()


def row_at_new_tunings(y: Frames, s: AudioSettings) -> Frames:
    """Like `row`, in a process that has no constant-Q tables of the clip's tunings yet."""
    constant_q_filters.response.cache_clear()
    return row(y, s)


def row_by_librosa(y: Frames, s: AudioSettings) -> Frames:
    """Like `row`, as ``engine="librosa"`` computes it."""
    summary = Summary(s)
    for key, frames in librosa_engine.frame_features(y, s)[0].items():
        summary.add(key, frames)
    return summary.row()


def frame_features(y: Frames, s: AudioSettings) -> tuple[dict[str, Frames], dict[str, Tuning]]:
    """Every feature before its statistics, and the tunings."""
    collected = FrameCollector()
    tunings = fast_engine.analyse([y], s, collected)
    return collected.frames(), tunings


# One family at a time


@dataclass(frozen=True)
class Block:
    """A few frames: magnitudes, power, and power under the window of the mel bands."""

    S: Frames
    power: Frames
    mel_power: Frames


class Stages:
    """The work for each family of features, from spectra that are there.

    Parameters
    ----------
    y : ndarray of float32, shape (n_samples,)
    s : AudioSettings
    sink : fast_engine.Sink
        Takes the features of each stage.
    """

    def __init__(self, y: Frames, s: AudioSettings, sink: fast_engine.Sink) -> None:
        self.y, self.s, self.t, self.sink = y, s, filter_banks(s), sink
        self.chunks = list(chunks([y], s.n_fft, s.hop_length))
        self.blocks: list[list[Block]] = []
        self.low = []
        for chunk in self.chunks:
            blocks, low = zip(*self._transforms(chunk), strict=True)
            self.blocks.append(list(blocks))
            self.low.append(np.concatenate([bins.T for bins in low]))
        self.silent = np.concatenate(
            [waveform.silent(chunk, s.n_fft, s.hop_length) for chunk in self.chunks]
        )

    def by_family(self) -> dict[str, Callable[[], None]]:
        """The stages; their names are those of the features, joined where one kernel has two."""
        return {
            "shared": self.shared,
            "mfcc": self.mfcc,
            "mel": self.mel,
            "chroma": self.chroma,
            "tonnetz": self.tonnetz,
            "contrast": self.contrast,
            "centroid + bandwidth": self.centroid_and_bandwidth,
            "zcr": self.zcr,
            NOT_ASKED_FOR: self.rolloffs_and_rms,
        }

    def shared(self) -> None:
        """Frames, their spectra, both windows, and which frames are silent."""
        for chunk in chunks([self.y], self.s.n_fft, self.s.hop_length):
            waveform.silent(chunk, self.s.n_fft, self.s.hop_length)
            for _ in self._transforms(chunk):
                pass

    def _transforms(self, chunk: Chunk) -> Iterator[tuple[Block, NDArray[np.complex64]]]:
        frames = chunk.frames(self.s.n_fft, self.s.hop_length)
        for start in range(0, chunk.n_frames, BLOCK):
            bare = scipy.fft.rfft(frames[start : start + BLOCK].T, axis=0)
            low, *block = fast_engine._windowed(bare, self.s, self.t.n_low)
            yield Block(*block), low

    def mfcc(self) -> None:
        """Mel bands of the power, decibels, cosine transform."""
        for db in self._decibels(lambda block: self.t.mfcc_mel @ block.power):
            cepstra = scipy.fft.dct(db, axis=1, norm="ortho")
            self.sink.add("mfcc", cepstra[:, : self.s.n_mfcc].T)

    def _decibels(self, compute: Callable[[Block], Frames]) -> Iterator[Frames]:
        """Frames first, no less than 80 dB below the loudest."""
        buffer, loudest = None, np.float32(-np.inf)
        for blocks in self.blocks:
            db = fast_engine.decibels(_joined([compute(block) for block in blocks]))
            loudest = max(loudest, db.max())
            buffer = buffer or SpillBuffer(len(db))
            buffer.append(db.T)
        for rows in buffer.blocks(CHUNK) if buffer else ():
            yield np.maximum(rows, loudest - fast_engine._TOP_DB)

    def mel(self) -> None:
        """Mel bands of the power under their own window."""
        for blocks in self.blocks:
            self.sink.add("mel", _joined([self.t.mel @ block.mel_power for block in blocks]))

    def contrast(self) -> None:
        """Extremes of each band in decibels."""
        pairs = [fast_engine._extremes(b.S, self.t) for blocks in self.blocks for b in blocks]
        valleys, peaks = (iter(extremes) for extremes in zip(*pairs, strict=True))
        # Valleys and peaks have floors of their own.
        low, high = self._decibels(lambda _: next(valleys)), self._decibels(lambda _: next(peaks))
        for valley, peak in zip(low, high, strict=True):
            self.sink.add("contrast", (peak - valley).T)

    def centroid_and_bandwidth(self) -> None:
        """Both from one kernel."""
        kernel, freqs = spectral.centroid_and_bandwidth, self.t.freqs
        p, norm = float(self.s.bandwidth_p), self.s.bandwidth_norm
        for blocks in self.blocks:
            centroid, width = np.empty((2, sum(b.S.shape[1] for b in blocks)), dtype=np.float32)
            start = 0
            for block in blocks:
                here = slice(start, start := start + block.S.shape[1])
                kernel(block.S, freqs, p, norm, centroid[here], width[here])
            self.sink.add("centroid", centroid[None])
            self.sink.add("bandwidth", width[None])

    def zcr(self) -> None:
        """Zero crossings of the samples."""
        for chunk in self.chunks:
            rate = waveform.zero_crossing_rate(chunk, self.s.n_fft, self.s.hop_length)
            self.sink.add("zcr", rate[None])

    def rolloffs_and_rms(self) -> None:
        """What only `extra` and the other profile ask for."""
        for chunk, blocks in zip(self.chunks, self.blocks, strict=True):
            out = np.empty((2, chunk.n_frames), dtype=np.float32)
            start = 0
            for block in blocks:
                low, high = out[:, start : start + block.S.shape[1]]
                spectral.rolloffs(block.S, self.s.roll_percents, self.t.freqs[1], (low, high))
                start += block.S.shape[1]
            self.sink.add("rolloff_low", out[:1])
            self.sink.add("rolloff_high", out[1:])
            rms = waveform.rms(chunk, self.s.n_fft, self.s.hop_length)
            self.sink.add("rms", rms[None])

    def chroma(self) -> None:
        """Peaks and tuning, the sound at a low rate, its constant-Q transform."""
        deferred = fast_engine.Deferred(self.s, self.t)
        for _ in deferred.counted([self.y]):
            pass
        for low, blocks in zip(self.low, self.blocks, strict=True):
            for block in blocks:
                deferred.peaks.add(block.S, self.t, self.s)
            deferred.sound.add(low[:, : self.t.n_tonal])
        deferred.sound.finish(deferred.n_samples, (deferred.head, deferred.tail))
        for frames in self._chroma(deferred.sound, deferred.peaks.tuning()):
            self.sink.add("chroma", frames)

    def tonnetz(self) -> None:
        """Medians, mask, the harmonic sound at a low rate, its tuning, its constant-Q transform."""
        low_rate = LowRateSound(self.s, self.t.decimation)
        reach = self.s.hpss_kernel_size // 2
        for low, before, n in harmonic.with_neighbours(self.low, reach):
            low_rate.add(harmonic.harmonic_spectra(low, before, n, self.t.n_tonal, self.s))
        low_rate.finish(len(self.y))
        tuning = fast_engine._low_rate_tuning(low_rate, self.t, self.s)
        for frames in self._chroma(low_rate, tuning):
            self.sink.add("tonnetz", tonnetz(frames))

    def _chroma(self, sound: LowRateSound, tuning: Tuning) -> Iterator[Frames]:
        start = 0
        for frames in chroma_cqt(sound, len(self.silent), tuning.bins, self.t, self.s):
            stop = start + frames.shape[1]
            yield np.where(self.silent[start:stop], np.float32(0), frames)
            start = stop


def _joined(parts: Sequence[Frames]) -> Frames:
    return np.concatenate(parts, axis=1)
