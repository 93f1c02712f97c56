"""AudioExtractor: one track's sound as the row of numbers that a profile defines."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from spdkit.extractors.audio import columns
from spdkit.extractors.audio.engine import FrameCollector, compile_kernels, compute
from spdkit.extractors.audio.fast_engine import Sink
from spdkit.extractors.audio.settings import AudioParameters, AudioSettings, resolve
from spdkit.extractors.audio.tuning import Tuning
from spdkit.extractors.base import ExtractionError, Extractor, FeatureSpec, Modality
from spdkit.extractors.decoding.reader import BLOCK
from spdkit.extractors.decoding.window import CLIP_OBS, Clip, ClipStream, open_clip, read_clip
from spdkit.tracks.addresses import shown
from spdkit.tracks.track import Track


@dataclass(kw_only=True, eq=False, repr=False)
class AudioExtractor(AudioParameters, Extractor):
    """Audio features of the HitMusicNet paper, or of the SpotGenTrack data set.

    A window of the file is decoded, mixed to mono by the mean of its channels, resampled if its
    rate differs, cut into centred frames, and each feature is summarised over frames. Parameters
    that default to None take the profile's value, given as paper / spotgentrack.

    Parameters
    ----------
    profile : {"paper", "spotgentrack"}
        Feature definitions and column names. "spotgentrack" gives the 207 columns of the published
        ``low_level_audio_features.csv``, including its centroid of the first frame alone.
    engine : {"spdkit", "librosa"}
        Who computes: spdkit's own kernels, or librosa, dozens of times slower, to check them by.
    duration : float or None
        Window in seconds; None for the whole file. A shorter file gives what there is. Memory does
        not grow with it ("spdkit"), but for what a long file leaves in ``TMPDIR``.
    offset : {"middle", "head"} or float
        Where the window lies; a number is its start in seconds.
    min_duration : float
        Seconds below which a file is refused.
    sr : int
        Sampling rate in Hz.
    n_fft, hop_length : int
        Samples a frame and from frame to frame.
    window : str
        Window of every spectrum but the mel bands': "hann", "hamming" or "boxcar" ("librosa" takes
        any of `scipy.signal.get_window`).
    n_mfcc : int or None
        Number of MFCC: 40 / 48.
    mfcc_n_mels : int
        Mel bands under the MFCC.
    n_mels : int or None
        Mel bands: 127 / 128.
    mel_fmin, mel_fmax : float or None
        Range of the mel bands in Hz: 50 to 22500 / 0 to half the rate. Never above half the rate.
    mel_window : str or None
        Window under the mel bands: "hamming" / "hann".
    n_chroma, n_octaves, bins_per_octave : int
        Pitch classes, octaves from `chroma_fmin`, and constant-Q bins an octave.
    chroma_fmin : float or None
        Lowest pitch in Hz; None is C1.
    tuning : float or None
        Deviation from A440 in fractions of a bin; None estimates it.
    tonnetz_of : {"harmonic", "signal"} or None
        What tonnetz is computed of: its harmonic part / the signal itself.
    hpss_kernel_size : int
        Length of both median filters that separate the harmonic part.
    hpss_power, hpss_margin : float
        Exponent of its soft mask; how far it must exceed the percussive part.
    contrast_fmin, contrast_n_bands, contrast_quantile : float, int, float
        Octave bands from `contrast_fmin` Hz, and the share of bins that make peak and valley.
    bandwidth_p, bandwidth_norm : float, bool
        Order of the bandwidth, and whether magnitudes are normalised to a sum of 1.
    roll_percents : tuple of 2 floats
        Shares of the two roll-offs.
    centroid_of : {"frames", "first_frame"} or None
        Whether the centroid has statistics over frames or is that of the first frame alone.
    statistics : sequence of str or None
        From mean, std, var, median, min, max, skew, kurtosis: (mean, std) / (mean,).
    extra : bool
        Adds roll-offs and RMS / RMS.

    Notes
    -----
    Numbers are those of librosa 0.11 on the same samples, within 1e-5 (mel bands, centroid,
    bandwidth, RMS; relative), 1e-3 dB (MFCC, contrast), 2e-3 (chroma) and 3e-3 (tonnetz). Frames of
    exact digital silence have chroma and tonnetz 0, where librosa scales round-off up to 1, and
    those more than 80 dB below the loudest of the clip are less exact. A file of nothing but
    silence is extracted, and ``audio_note`` in the store says so.

    Chroma and tonnetz depend on an estimate of the tuning, a vote among 100 deviations.
    ``audio_tuning`` and ``audio_harmonic_tuning`` in the store are the winners, in fractions of a
    bin, and ``audio_tuning_ties`` names those that came within 1 % of them: there round-off
    decides, in librosa too.

    References
    ----------
    .. [1] Martín-Gutiérrez et al. (2020), A multimodal end-to-end deep learning architecture for
       music popularity prediction, IEEE Access 8.

    Examples
    --------
    >>> from spdkit import AudioExtractor, Track
    >>> extractor = AudioExtractor(duration=10.0)
    >>> len(extractor.get_feature_names_out())
    390
    """

    name: ClassVar[str] = "audio"
    modality: ClassVar[Modality] = "audio"
    version: ClassVar[str] = "3"
    obs_fields: ClassVar[Mapping[str, type]] = {
        **CLIP_OBS,
        "tuning": float,
        "harmonic_tuning": float,
        "tuning_ties": str,
        "note": str,
    }

    profile: str = field(default="paper", kw_only=False)
    n_mfcc: int | None = None
    n_mels: int | None = None
    mel_fmin: float | None = None
    mel_window: str | None = None
    tonnetz_of: str | None = None
    centroid_of: str | None = None
    statistics: Sequence[str] | None = None

    @property
    def settings(self) -> AudioSettings:
        """Every constant in force.

        Raises
        ------
        ParameterError
            Naming the parameter that is out of range, what it may be, and its value.
        """
        return resolve({each.name: getattr(self, each.name) for each in fields(self)})

    @property
    def effective_parameters(self) -> dict[str, Any]:
        """Every constant in force, the profile's own included."""
        return asdict(self.settings)

    @property
    def feature_specs(self) -> tuple[FeatureSpec, ...]:
        """The columns, in order: 390 for "paper", 207 for "spotgentrack"."""
        return columns.feature_specs(self.settings)

    def extract(self, track: Track) -> NDArray[np.float32]:
        """Turn the sound of one track into one row; see `Extractor.extract`."""
        return self.extract_with_obs(track)[0]

    def extract_with_obs(self, track: Track) -> tuple[NDArray[np.float32], dict[str, float | str]]:
        """Like `extract`, with the window, rate, channels, decoder and remarks on the file."""
        if self.is_absent(track):
            return self.absent_row(), {}
        summary = columns.Summary(self.settings)
        with self._open(track) as clip:
            tunings = self._compute(clip.blocks(), summary)
        self._refuse(track, summary.overflowed)
        facts = clip.facts
        harmonic = tunings.get("harmonic")
        return summary.row(), {
            **facts.obs,
            "tuning": tunings["signal"].bins,
            "harmonic_tuning": harmonic.bins if harmonic else math.nan,
            "tuning_ties": "; ".join(_ties(tunings)),
            "note": "; ".join(facts.remarks),
        }

    def extract_samples(self, y: NDArray[np.float32], source: str) -> NDArray[np.float32]:
        """Turn sound that is in memory, whole and as it is, into one row.

        Parameters
        ----------
        y : ndarray of float32, shape (n_samples,)
            Mono at the rate `sr`, at least `n_fft` samples, all finite.
        source : str
            What to call it in an error.

        Raises
        ------
        ExtractionError
            When its features overflow.
        """
        summary = columns.Summary(self.settings)
        self._compute((y[at : at + BLOCK] for at in range(0, len(y), BLOCK)), summary)
        if summary.overflowed:
            raise _overflow(source, float(np.abs(y).max()), summary.overflowed)
        return summary.row()

    def read(self, track: Track) -> Clip:
        """Decode the window of a track that the features see.

        Raises
        ------
        ExtractionError
            When the track has no audio or it cannot be decoded.
        """
        return read_clip(self._source(track), **self.settings.clip_parameters)

    def frames(self, track: Track) -> dict[str, NDArray[np.float32]]:
        """Features of a track before their statistics, for plots.

        Returns
        -------
        dict of str to ndarray, shape (dims, n_frames)
            Keys: mfcc, mel, chroma, tonnetz, contrast, centroid, bandwidth, zcr, rolloff_low,
            rolloff_high, rms.

        Raises
        ------
        ExtractionError
            When the track has no audio, it cannot be decoded, or its features overflow.
        """
        collected = FrameCollector()
        with self._open(track) as clip:
            self._compute(clip.blocks(), collected)
        frames = collected.frames()
        self._refuse(track, [key for key, each in frames.items() if not np.isfinite(each).all()])
        return frames

    def warm_up(self) -> None:
        """Compile the numba kernels, or load them from numba's cache."""
        compile_kernels(self.settings)

    def _refuse(self, track: Track, overflowed: Collection[str]) -> None:
        if not overflowed:
            return
        with self._open(track) as clip:
            peak = max(float(np.abs(block).max()) for block in clip.blocks())
        raise _overflow(shown(track.audio or track.track_id), peak, overflowed)

    def _source(self, track: Track) -> str:
        if not track.audio:
            raise ExtractionError(track.track_id, "the track has no audio")
        return track.audio

    def _open(self, track: Track) -> ClipStream:
        return open_clip(self._source(track), **self.settings.clip_parameters)

    def _compute(self, blocks: Iterable[NDArray[np.float32]], sink: Sink) -> dict[str, Tuning]:
        """Give every frame of every feature to `sink`."""
        settings = self.settings
        compile_kernels(settings)
        with np.errstate(over="ignore", invalid="ignore"):
            return compute(blocks, settings, sink)


def _overflow(source: str, peak: float, overflowed: Collection[str]) -> ExtractionError:
    return ExtractionError(
        source,
        f"samples up to {peak:.3g} overflow {', '.join(overflowed)}; sound is expected in [-1, 1]",
    )


def _ties(tunings: Mapping[str, Tuning]) -> list[str]:
    return [
        f"{name}: {', '.join(f'{rival:.2f}' for rival in tuning.rivals)}"
        for name, tuning in tunings.items()
        if tuning.rivals
    ]
