"""Fast engine: all frame features of a sound that streams by, in two passes of bounded memory.

The first pass transforms each frame once and gives what a frame tells by itself. What must wait for
the whole clip - decibels below its maximum, chroma at its tuning - waits in a `SpillBuffer` and
comes in the second.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from spdkit.extractors.audio import harmonic, spectral as spectra, waveform
from spdkit.extractors.audio.chroma import chroma_cqt, tonnetz
from spdkit.extractors.audio.filterbanks import FilterBanks, filter_banks
from spdkit.extractors.audio.framing import BLOCK, CHUNK, Chunk, chunks
from spdkit.extractors.audio.low_rate import END, LowRateSound
from spdkit.extractors.audio.settings import WINDOWS, AudioSettings
from spdkit.extractors.audio.spill_buffer import SpillBuffer
from spdkit.extractors.audio.tuning import Tuning, fullest, spectral_peaks

Frames = NDArray[np.float32]
Spectra = NDArray[np.complex64]

_TOP_DB = np.float32(80.0)  # librosa's: what lies further below the clip's maximum is raised to it


class Sink(Protocol):
    """What takes the frames of each feature, in their order."""

    def add(self, key: str, frames: Frames) -> None:
        """Take more frames of feature `key`, shape (dims, n_frames)."""


@dataclass
class Peaks:
    """Peaks of the spectrum, gathered for the tuning."""

    votes: list[NDArray[np.uint8]] = field(default_factory=list)
    magnitude: list[Frames] = field(default_factory=list)

    def add(self, S: Frames, banks: FilterBanks, s: AudioSettings) -> None:
        """Take the peaks of magnitudes, shape (n_bins, n_frames)."""
        first, stop = banks.peaks
        votes = np.empty((stop - first) * S.shape[1], dtype=np.uint8)
        magnitude = np.empty(len(votes), dtype=np.float32)
        n = spectral_peaks(
            S, S.view(np.int32), first, stop, banks.freqs[1], s.bins_per_octave, votes, magnitude
        )
        self.votes.append(votes[:n].copy())
        self.magnitude.append(magnitude[:n].copy())

    def tuning(self) -> Tuning:
        """The tuning that they show."""
        return fullest(np.concatenate(self.votes), np.concatenate(self.magnitude))


class Deferred:
    """Numbers of the first pass that the second needs."""

    def __init__(self, s: AudioSettings, banks: FilterBanks) -> None:
        n_bands = 1 + s.contrast_n_bands
        self.mel_db = SpillBuffer(s.mfcc_n_mels)
        self.valley_db, self.peak_db = SpillBuffer(n_bands), SpillBuffer(n_bands)
        self.loudest = np.full(3, -np.inf, dtype=np.float32)  # of each of these
        self.sound = LowRateSound(s, banks.decimation)
        self.harmonic = LowRateSound(s, banks.decimation)
        self.silent: list[NDArray[np.bool_]] = []
        self.peaks = Peaks()
        self.n_samples = 0
        self.head = self.tail = np.zeros(0, dtype=np.float32)

    def counted(self, blocks: Iterable[Frames]) -> Iterator[Frames]:
        """Samples as they are; counted as they pass, and both ends remembered."""
        for block in blocks:
            self.n_samples += len(block)
            if len(self.head) < END:
                self.head = np.concatenate([self.head, block[: END - len(self.head)]])
            self.tail = np.concatenate([self.tail, block])[-END:]
            yield block

    def add_powers(self, *power: Frames) -> None:
        """Take powers of mel bands, valleys and peaks, shape (dims, n_frames)."""
        for i, (rows, buffer) in enumerate(
            zip(power, (self.mel_db, self.valley_db, self.peak_db), strict=True)
        ):
            db = decibels(rows)
            self.loudest[i] = max(self.loudest[i], db.max())
            buffer.append(db.T)


def decibels(power: Frames) -> Frames:
    """10·log10 of power, no less than -100 dB."""
    db: Frames = np.log10(np.maximum(power, np.float32(1e-10)))
    db *= np.float32(10)
    return db


def analyse(blocks: Iterable[Frames], s: AudioSettings, sink: Sink) -> dict[str, Tuning]:
    """Give every frame feature of a sound to `sink`.

    Parameters
    ----------
    blocks : iterable of ndarray of float32
        Mono samples at ``s.sr``, in pieces of any length.
    s : AudioSettings
    sink : Sink
        Takes mfcc, mel, chroma, tonnetz, contrast, centroid, bandwidth, zcr, rolloff_low,
        rolloff_high and rms.

    Returns
    -------
    dict of str to Tuning
        Of the "signal" and, where tonnetz is computed of it, of its "harmonic" part.
    """
    banks = filter_banks(s)
    deferred = Deferred(s, banks)
    pieces = chunks(deferred.counted(blocks), s.n_fft, s.hop_length)
    low = _first_pass(pieces, banks, s, sink, deferred)
    _low_rate_sounds(low, banks, s, deferred)
    _in_decibels(deferred, s, sink)
    return _tonal(deferred, banks, s, sink)


def _first_pass(
    pieces: Iterable[Chunk], banks: FilterBanks, s: AudioSettings, sink: Sink, deferred: Deferred
) -> Iterator[Spectra]:
    """Features of each frame by itself; yields the low bins of the spectra, frames first."""
    for chunk in pieces:
        sink.add("zcr", waveform.zero_crossing_rate(chunk, s.n_fft, s.hop_length)[None])
        sink.add("rms", waveform.rms(chunk, s.n_fft, s.hop_length)[None])
        deferred.silent.append(waveform.silent(chunk, s.n_fft, s.hop_length))
        yield _spectral(chunk, banks, s, sink, deferred)


def _spectral(
    chunk: Chunk, banks: FilterBanks, s: AudioSettings, sink: Sink, deferred: Deferred
) -> Spectra:
    n = chunk.n_frames
    out = {key: np.empty(n, dtype=np.float32) for key in _ONE_DIMENSION}
    mel = np.empty((s.n_mels, n), dtype=np.float32)
    mfcc_mel = np.empty((s.mfcc_n_mels, n), dtype=np.float32)
    valley = np.empty((1 + s.contrast_n_bands, n), dtype=np.float32)
    peak = np.empty_like(valley)
    low = np.empty((n, banks.n_low), dtype=np.complex64)
    frames = chunk.frames(s.n_fft, s.hop_length)
    for start in range(0, n, BLOCK):
        here = slice(start, min(start + BLOCK, n))
        spectrum = scipy.fft.rfft(frames[here].T, axis=0)
        bins, S, power, mel_power = _windowed(spectrum, s, banks.n_low)
        low[here] = bins.T
        mfcc_mel[:, here] = banks.mfcc_mel @ power
        mel[:, here] = banks.mel @ mel_power
        valley[:, here], peak[:, here] = _extremes(S, banks)
        deferred.peaks.add(S, banks, s)
        _shape(S, banks, s, {key: values[here] for key, values in out.items()})
    sink.add("mel", mel)
    for key, values in out.items():
        sink.add(key, values[None])
    deferred.add_powers(mfcc_mel, valley, peak)
    return low


_ONE_DIMENSION = ("centroid", "bandwidth", "rolloff_low", "rolloff_high")


def _windowed(
    spectrum: NDArray[np.complexfloating], s: AudioSettings, n_low: int
) -> tuple[Spectra, Frames, Frames, Frames]:
    """Low bins, magnitudes, power and power under the mel window of a block of frames."""
    same = s.mel_window == s.window
    low = np.empty((n_low, spectrum.shape[1]), dtype=np.complex64)
    S, power = np.empty((2, *spectrum.shape), dtype=np.float32)
    mel_power = power[:0] if same else np.empty(spectrum.shape, dtype=np.float32)
    parts = spectrum.view(spectrum.real.dtype)
    terms = WINDOWS[s.window], WINDOWS[s.mel_window]
    spectra.windowed(parts, *terms, low.view(np.float32), S, power, mel_power)
    return low, S, power, power if same else mel_power


def _extremes(S: Frames, banks: FilterBanks) -> tuple[Frames, Frames]:
    valley = np.empty((len(banks.contrast), S.shape[1]), dtype=np.float32)
    peak = np.empty_like(valley)
    spectra.extremes(S.view(np.int32), banks.contrast, valley, peak)
    return valley, peak


def _shape(S: Frames, banks: FilterBanks, s: AudioSettings, out: dict[str, Frames]) -> None:
    spectra.centroid_and_bandwidth(
        S, banks.freqs, float(s.bandwidth_p), s.bandwidth_norm, out["centroid"], out["bandwidth"]
    )
    rolloffs = out["rolloff_low"], out["rolloff_high"]
    spectra.rolloffs(S, s.roll_percents, banks.freqs[1], rolloffs)


def _low_rate_sounds(
    low: Iterable[Spectra], banks: FilterBanks, s: AudioSettings, deferred: Deferred
) -> None:
    """Keep the sound for chroma, and its harmonic part, at the low rate."""
    if s.tonnetz_of == "signal":
        for frames in low:
            deferred.sound.add(frames[:, : banks.n_tonal])
    else:
        for frames, before, n in harmonic.with_neighbours(low, s.hpss_kernel_size // 2):
            deferred.sound.add(frames[before : before + n, : banks.n_tonal])
            deferred.harmonic.add(harmonic.harmonic_spectra(frames, before, n, banks.n_tonal, s))
        deferred.harmonic.finish(deferred.n_samples)
    deferred.sound.finish(deferred.n_samples, (deferred.head, deferred.tail))


def _in_decibels(deferred: Deferred, s: AudioSettings, sink: Sink) -> None:
    """MFCC and contrast, now that the loudest of the clip is known."""
    floor = deferred.loudest - _TOP_DB
    for rows in deferred.mel_db.blocks(CHUNK):
        cepstra = scipy.fft.dct(np.maximum(rows, floor[0]), axis=1, norm="ortho")
        sink.add("mfcc", cepstra[:, : s.n_mfcc].T)
    pairs = zip(deferred.valley_db.blocks(CHUNK), deferred.peak_db.blocks(CHUNK), strict=True)
    for valley, peak in pairs:
        sink.add("contrast", (np.maximum(peak, floor[2]) - np.maximum(valley, floor[1])).T)


def _tonal(
    deferred: Deferred, banks: FilterBanks, s: AudioSettings, sink: Sink
) -> dict[str, Tuning]:
    """Chroma and tonnetz, now that the tuning is known."""
    silent = np.concatenate(deferred.silent)
    tunings = {"signal": _tuning(deferred.peaks, s)}

    def chroma(sound: LowRateSound, tuning: Tuning) -> Iterator[Frames]:
        start = 0
        for frames in chroma_cqt(sound, len(silent), tuning.bins, banks, s):
            stop = start + frames.shape[1]
            yield np.where(silent[start:stop], np.float32(0), frames)
            start = stop

    for frames in chroma(deferred.sound, tunings["signal"]):
        sink.add("chroma", frames)
        if s.tonnetz_of == "signal":
            sink.add("tonnetz", tonnetz(frames))
    if s.tonnetz_of == "harmonic":
        tunings["harmonic"] = _low_rate_tuning(deferred.harmonic, banks, s)
        for frames in chroma(deferred.harmonic, tunings["harmonic"]):
            sink.add("tonnetz", tonnetz(frames))
    return tunings


def _low_rate_tuning(sound: LowRateSound, banks: FilterBanks, s: AudioSettings) -> Tuning:
    """Tuning of a sound at the low rate, from spectra with the same bins."""
    if s.tuning is not None:
        return Tuning(s.tuning)
    peaks = Peaks()
    plain = dataclasses.replace(s, mel_window=s.window)
    n_fft, hop = s.n_fft // banks.decimation, s.hop_length // banks.decimation
    starts = range(0, sound.n_samples, CHUNK * hop)
    blocks = (sound.read(at, min(at + CHUNK * hop, sound.n_samples)) for at in starts)
    for chunk in chunks(blocks, n_fft, hop):
        frames = chunk.frames(n_fft, hop, np.float32)
        for start in range(0, len(frames), BLOCK):
            spectrum = scipy.fft.rfft(frames[start : start + BLOCK].T, axis=0)
            S = _windowed(spectrum, plain, 0)[1]
            peaks.add(S, banks, s)
    return _tuning(peaks, s)


def _tuning(peaks: Peaks, s: AudioSettings) -> Tuning:
    return peaks.tuning() if s.tuning is None else Tuning(s.tuning)
