"""AudioExtractor: one track's sound as the row of numbers that a profile defines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from spdkit.extractors.audio import layout
from spdkit.extractors.audio.decode import Clip, Offset, read_clip
from spdkit.extractors.audio.frames import frame_features
from spdkit.extractors.audio.kernels import compile_kernels
from spdkit.extractors.audio.settings import AudioSettings, as_parameters, resolve
from spdkit.extractors.base import ExtractionError, Extractor, FeatureSpec, Modality
from spdkit.tracks import Track, printable


class AudioExtractor(Extractor):
    """Audio features of the HitMusicNet paper, or of the SpotGenTrack data set.

    A window of the file is decoded, mixed to mono by the mean of its channels, resampled if its
    rate differs, cut into centred frames, and each feature is summarised over frames. Parameters
    that default to None take the profile's value, given as paper / spotgentrack.

    Parameters
    ----------
    profile : {"paper", "spotgentrack"}
        Feature definitions and column names. "spotgentrack" gives the 207 columns of the published
        ``low_level_audio_features.csv``, including its centroid of the first frame alone.
    duration : float or None
        Window in seconds; None for the whole file. A shorter file gives what there is.
    offset : {"middle", "head"} or float
        Where the window lies; a number is its start in seconds.
    min_duration : float
        Seconds below which a file is refused.
    sr : int
        Sampling rate in Hz.
    n_fft, hop_length : int
        Samples a frame and from frame to frame.
    window : str
        Window of every spectrum but the mel bands'.
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
    Numbers are those of librosa 0.11 on the same samples. Frames of exact digital silence have
    chroma and tonnetz 0, where librosa scales round-off up to 1. A file of nothing but silence is
    extracted, and ``audio_note`` in the store says so.

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
    version: ClassVar[str] = "1"
    obs_fields: ClassVar[Mapping[str, type]] = {
        "offset": float,
        "duration": float,
        "sr": float,
        "channels": float,
        "decoder": str,
        "note": str,
    }

    def __init__(
        self,
        profile: str = "paper",
        *,
        duration: float | None = 30.0,
        offset: Offset = "middle",
        min_duration: float = 1.0,
        sr: int = 44100,
        n_fft: int = 2048,
        hop_length: int = 512,
        window: str = "hann",
        n_mfcc: int | None = None,
        mfcc_n_mels: int = 128,
        n_mels: int | None = None,
        mel_fmin: float | None = None,
        mel_fmax: float | None = None,
        mel_window: str | None = None,
        n_chroma: int = 12,
        chroma_fmin: float | None = None,
        n_octaves: int = 7,
        bins_per_octave: int = 36,
        tuning: float | None = None,
        tonnetz_of: str | None = None,
        hpss_kernel_size: int = 31,
        hpss_power: float = 2.0,
        hpss_margin: float = 1.0,
        contrast_fmin: float = 200.0,
        contrast_n_bands: int = 6,
        contrast_quantile: float = 0.02,
        bandwidth_p: float = 2.0,
        bandwidth_norm: bool = True,
        roll_percents: tuple[float, float] = (0.1, 0.85),
        centroid_of: str | None = None,
        statistics: Sequence[str] | None = None,
        extra: bool = False,
    ) -> None:
        self.profile = profile
        self.duration = duration
        self.offset = offset
        self.min_duration = min_duration
        self.sr = sr
        self.n_fft = n_fft
        self.hop_length = hop_length
        self.window = window
        self.n_mfcc = n_mfcc
        self.mfcc_n_mels = mfcc_n_mels
        self.n_mels = n_mels
        self.mel_fmin = mel_fmin
        self.mel_fmax = mel_fmax
        self.mel_window = mel_window
        self.n_chroma = n_chroma
        self.chroma_fmin = chroma_fmin
        self.n_octaves = n_octaves
        self.bins_per_octave = bins_per_octave
        self.tuning = tuning
        self.tonnetz_of = tonnetz_of
        self.hpss_kernel_size = hpss_kernel_size
        self.hpss_power = hpss_power
        self.hpss_margin = hpss_margin
        self.contrast_fmin = contrast_fmin
        self.contrast_n_bands = contrast_n_bands
        self.contrast_quantile = contrast_quantile
        self.bandwidth_p = bandwidth_p
        self.bandwidth_norm = bandwidth_norm
        self.roll_percents = roll_percents
        self.centroid_of = centroid_of
        self.statistics = statistics
        self.extra = extra

    @property
    def settings(self) -> AudioSettings:
        """Every constant in force.

        Raises
        ------
        ValueError
            Naming the parameter that is out of range, its value and what is allowed.
        """
        return resolve(self.get_params(deep=False))

    @property
    def effective_parameters(self) -> dict[str, Any]:
        """Every constant in force, the profile's own included."""
        return as_parameters(self.settings)

    @property
    def feature_specs(self) -> tuple[FeatureSpec, ...]:
        """The columns, in order: 390 for "paper", 207 for "spotgentrack"."""
        return layout.feature_specs(self.settings)

    def extract(self, track: Track) -> NDArray[np.float32]:
        """Turn the sound of one track into one row; see `Extractor.extract`."""
        return self.extract_with_obs(track)[0]

    def extract_with_obs(self, track: Track) -> tuple[NDArray[np.float32], dict[str, float | str]]:
        """Like `extract`, with the window, rate, channels, decoder and remarks on the file."""
        if self.is_absent(track):
            return self.absent_row(), {}
        clip = self.read(track)
        features = self._frame_features(clip.y, track)
        return layout.row(features, self.settings), {
            "offset": clip.offset,
            "duration": clip.duration,
            "sr": float(clip.native_sr),
            "channels": float(clip.channels),
            "decoder": clip.decoder,
            "note": "; ".join(clip.remarks),
        }

    def read(self, track: Track) -> Clip:
        """Decode the window of a track that the features see.

        Raises
        ------
        ExtractionError
            When the track has no audio or it cannot be decoded.
        """
        if not track.audio:
            raise ExtractionError(track.track_id, "the track has no audio")
        settings = self.settings
        return read_clip(
            track.audio,
            sr=settings.sr,
            duration=settings.duration,
            offset=settings.offset,
            min_duration=settings.min_duration,
        )

    def frames(self, track: Track) -> dict[str, NDArray[np.float32]]:
        """Features of a track before their statistics, for plots.

        Returns
        -------
        dict of str to ndarray, shape (dims, n_frames)
            Keys: mfcc, mel, chroma, tonnetz, contrast, centroid, bandwidth, zcr, rolloff_low,
            rolloff_high, rms.
        """
        return self._frame_features(self.read(track).y, track)

    def warm_up(self) -> None:
        """Load librosa, and compile its numba kernels or load them from numba's cache."""
        compile_kernels()

    def _frame_features(
        self, y: NDArray[np.float32], track: Track
    ) -> dict[str, NDArray[np.float32]]:
        compile_kernels()
        settings = self.settings
        with np.errstate(over="ignore", invalid="ignore"):
            features = frame_features(y, settings)
        bad = [key for key, frames in features.items() if not np.isfinite(frames).all()]
        if bad:
            raise ExtractionError(
                printable(track.audio or track.track_id),
                f"samples up to {np.abs(y).max():.3g} overflow {', '.join(bad)}; "
                "sound is expected in [-1, 1]",
            )
        return features
