"""Sound at a low rate from the lowest bins of its short-time Fourier transform.

An inverse transform of the few bins that chroma needs, a quarter as long, gives the sound at a
quarter of the rate: what decimation would give, and for any change made to the bins.

At the ends of the clip the order matters. librosa cuts the sound at full rate and then decimates,
so the cut rings; here the sound is already at the low rate. So the ends alone go up to the full
rate, are cut there, and come down again (`cut_ends`).

Reference: Griffin and Lim (1984), signal estimation from modified short-time Fourier transform.
"""

from __future__ import annotations

from functools import lru_cache

import numba
import numpy as np
import scipy.fft
import soxr
from numpy.typing import NDArray

from spdkit.extractors.audio.settings import WINDOWS, AudioSettings
from spdkit.extractors.audio.spill_buffer import SpillBuffer

Frames = NDArray[np.float32]
Spectra = NDArray[np.complex64]

END = 8192  # samples at each end of a clip of which to keep the original
_RINGING = 128  # samples at the low rate that a cut changes much
_FADE = np.cos(np.pi / 2 * np.clip(np.arange(1024) / 896 - 1 / 7, 0, 1)).astype(np.float32) ** 2


@numba.njit(cache=True)
def overlap_add(frames: Frames, window: Frames, hop: int, out: Frames) -> None:
    """Add frames times a window, each `hop` after the one before."""
    for i in range(frames.shape[0]):
        frame, there = frames[i], out[i * hop : i * hop + len(window)]
        for j in range(len(window)):
            there[j] += frame[j] * window[j]


@lru_cache(maxsize=8)
def _weight(before: int, n: int, n_fft: int, hop: int, terms: tuple[float, float]) -> Frames:
    """Sum of the squares of the windows of `n` frames and of some before them, from the `n` on."""
    window = _window(n_fft, terms)
    weight = np.zeros((before + n) * hop + n_fft - hop, dtype=np.float32)
    overlap_add(np.tile(window, (before + n, 1)), window, hop, weight)
    return weight[before * hop :]


def _window(n_fft: int, terms: tuple[float, float]) -> Frames:
    phase = 2 * np.pi / n_fft * np.arange(n_fft)
    return (terms[0] - terms[1] * np.cos(phase)).astype(np.float32)


class LowRateSound:
    """Sound of frames that come in chunks.

    Parameters
    ----------
    s : AudioSettings
    decimation : int
        By which the rate is divided.

    Attributes
    ----------
    lead : int
        Samples that frames have before the first one of the clip: half a frame.
    ringing : int
        Samples before and after the clip in which the cut rings.
    n_samples : int
        Of the clip, once it is finished.
    """

    def __init__(self, s: AudioSettings, decimation: int) -> None:
        self._decimation = decimation
        self._n_fft, self._hop = s.n_fft // decimation, s.hop_length // decimation
        self._terms = WINDOWS[s.window]
        self._window = _window(self._n_fft, self._terms) * np.float32(1 / decimation)
        self._sum = np.zeros(self._n_fft - self._hop, dtype=np.float32)  # of frames not yet whole
        self._weight = np.zeros_like(self._sum)
        self._before = 0  # frames that reach into the next
        self._samples = SpillBuffer()
        self.n_samples = 0
        self.lead = self._n_fft // 2
        self.ringing = min(_RINGING, self.lead) if decimation > 1 else 0

    def add(self, spectra: Spectra) -> None:
        """Take more frames, shape (n_frames, n_bins)."""
        frames = scipy.fft.irfft(spectra, n=self._n_fft, axis=1)
        done, open_ = len(frames) * self._hop, len(self._sum)
        out = np.zeros(done + open_, dtype=np.float32)
        out[:open_] = self._sum
        overlap_add(frames, self._window, self._hop, out)
        weight = _weight(self._before, len(frames), self._n_fft, self._hop, self._terms)
        self._before = min(self._before + len(frames), -(-open_ // self._hop))
        self._sum, self._weight = out[done:], weight[done:]
        self._keep(out[:done], weight[:done])

    def _keep(self, out: Frames, weight: Frames) -> None:
        tiny = np.finfo(np.float32).tiny
        self._samples.append(np.divide(out, weight, out=out, where=weight > tiny))

    def finish(self, n_samples: int, ends: tuple[Frames, Frames] | None = None) -> None:
        """Say that there are no more frames.

        Parameters
        ----------
        n_samples : int
            Of the clip at full rate.
        ends : (ndarray, ndarray), optional
            Its first and last `END` samples at full rate (all, if there are fewer), where they are
            known; otherwise they are made from the frames.
        """
        self._keep(self._sum, self._weight)
        self.n_samples = -(-n_samples // self._decimation)
        if self._decimation > 1:
            self._cut_ends(n_samples, ends)

    def read(self, start: int, stop: int) -> Frames:
        """Samples from `start` to `stop`; zero outside of the clip and of what the cut rings."""
        y = np.zeros(stop - start, dtype=np.float32)
        first, last = max(-self.ringing, start), min(stop, self.n_samples + self.ringing)
        if first < last:
            y[first - start : last - start] = self._samples.read(
                first + self.lead, last + self.lead
            )
        return y

    def _cut_ends(self, n_samples: int, ends: tuple[Frames, Frames] | None) -> None:
        near = min(self.n_samples, END // self._decimation - 1)
        start = self.n_samples - near
        inside = n_samples - start * self._decimation
        if ends is None:
            # Frames also say what was before the clip and after it: that is cut off.
            head = self._full_rate(0, self.lead + near)[self.lead * self._decimation :]
            tail = self._full_rate(self.lead + start, 2 * self.lead + self.n_samples)[:inside]
        else:
            head, tail = ends[0], ends[1][-inside:]
        ringing, changed = self.ringing, min(len(_FADE), near)
        silence = np.zeros(ringing * self._decimation, dtype=np.float32)
        y = np.concatenate([silence, head])
        y = self._decimated(y, slice(len(silence), len(y)))[: ringing + changed]
        share = np.concatenate([np.ones(ringing, dtype=np.float32), _FADE[:changed]])
        self._blend(-ringing, y, share)
        y = self._decimated(np.concatenate([tail, silence]), slice(0, len(tail)))
        y = y[near - changed : near + ringing]
        self._blend(self.n_samples - changed, y, share[::-1])

    def _blend(self, start: int, y: Frames, share: Frames) -> None:
        # The two differ in the highest frequencies: where one took over at once, it would click.
        at = self.lead + start
        old = self._samples.read(at, at + len(y))
        self._samples.replace(at, share * y + (1 - share) * old)

    def _full_rate(self, start: int, stop: int) -> Frames:
        return soxr.resample(self._samples.read(start, stop), 1, self._decimation, quality="VHQ")

    def _decimated(self, y: Frames, inside: slice) -> Frames:
        for _ in range(self._decimation.bit_length() - 1):
            # By halves, each cut to the clip, as librosa does.
            cut = np.zeros_like(y)
            cut[inside] = y[inside]
            y = soxr.resample(cut, 2, 1, quality="HQ")
            inside = slice(-(-inside.start // 2), -(-inside.stop // 2))
        return y
