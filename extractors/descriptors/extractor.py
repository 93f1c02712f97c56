"""DescriptorExtractor: tempo, key, loudness and their like, computed from the sound.

These are what signal processing can honestly tell, under names of their own: none is an imitation
of Spotify's descriptors. librosa and pyloudnorm are loaded with the first clip, not with this
module.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from spdkit.common.errors import ParameterError
from spdkit.common.parameters import POSITIVE, Allowed, Number, OneOf, Whole, check_parameters
from spdkit.extractors.base import ExtractionError, Extractor, FeatureSpec, Modality
from spdkit.extractors.compile_lock import compilation_lock
from spdkit.extractors.decoding.window import (
    CLIP_OBS,
    WINDOW_CONSTRAINTS,
    Clip,
    WindowParameters,
    read_clip,
)
from spdkit.extractors.descriptors.loudness import GATE, Loudness, loudness
from spdkit.extractors.descriptors.rhythm import (
    LONGEST_BEAT,
    MAX_TEMPO,
    ONSETS_OF_A_TEMPO,
    Rhythm,
    rhythm,
)
from spdkit.extractors.descriptors.tonality import KEY_PROFILES, Key, tonality
from spdkit.tracks.track import Track

_SHORTEST = 0.5  # seconds: a block of the loudness measure, and some
_LOWEST_SR = 8000  # Hz: both filters of the loudness measure lie below half of it
# Wherever these allow the bands to lie, some are below tempo_fmax.
_FEWEST_MELS, _LOWEST_FMAX = 16, 500.0  # Hz
_ONSET_FRAME = 0.03  # seconds: what librosa's picking of onsets tells apart

_KRUMHANSL = "Krumhansl 1990"
_SPECS = tuple(
    FeatureSpec(*row)
    # In order: name, unit, low, high, description, reference, family.
    for row in (
        ("tempo_bpm", "BPM", 60 / LONGEST_BEAT, MAX_TEMPO,
         "Tempo: best period of the onset strength of low bands",
         "Ellis 2007; librosa.feature.tempo", "rhythm"),
        ("beat_strength", "1", 0.0, math.inf, "Mean onset strength on the beats over its mean",
         "Ellis 2007; librosa.beat.beat_track", "rhythm"),
        ("onset_rate", "1/s", 0.0, math.inf, "Onsets a second", "librosa.onset.onset_detect",
         "rhythm"),
        ("key_sin", "1", -1.0, 1.0, "sin(2π/12 · pitch class of the tonic)", _KRUMHANSL, "key"),
        ("key_cos", "1", -1.0, 1.0, "cos(2π/12 · pitch class of the tonic)", _KRUMHANSL, "key"),
        ("key_major", "1", 0.0, 1.0, "1 in a major key, 0 in a minor one", _KRUMHANSL, "key"),
        ("key_strength", "1", -1.0, 1.0, "Correlation of the chroma with the profile of the key",
         "Krumhansl 1990; librosa.feature.chroma_stft", "key"),
        ("key_margin", "1", 0.0, 2.0, "Key strength less that of the next best key", _KRUMHANSL,
         "key"),
        ("integrated_loudness", "LUFS", GATE, math.inf,
         "Integrated loudness of the channels' mean", "ITU-R BS.1770-4; pyloudnorm", "loudness"),
        ("dynamic_range", "LU", 0.0, math.inf,
         "95th less 10th percentile of gated momentary loudness",
         "EBU Tech 3342, in blocks of 0.4 s", "loudness"),
        ("file_duration", "s", 0.0, math.inf, "Length of the whole file",
         "its frames, pages or packets", "duration"),
    )
)  # fmt: skip


@dataclass(kw_only=True, eq=False, repr=False)
class DescriptorExtractor(WindowParameters, Extractor):
    """Tempo, beat, onsets, key, loudness, dynamic range and duration of a track's sound.

    A window of the file is decoded as `AudioExtractor` does it. Rhythm and key are found on the
    window scaled to a peak of 1, so that they do not depend on its level.

    Parameters
    ----------
    duration : float or None
        Window in seconds; None for the whole file. A shorter file gives what there is. Memory
        grows by about 100 MB a minute.
    offset : {"middle", "head"} or float
        Where the window lies; a number is its start in seconds.
    min_duration : float
        Seconds below which a file is refused; at least 0.5.
    sr : int
        Sampling rate in Hz.
    n_fft, hop_length : int
        Samples a frame and from frame to frame, of the onsets.
    n_mels : int
        Mel bands of the onsets.
    onset_db : float
        Least strength of an onset: by how much the bands grow on the average.
    tempo_fmax : float
        Hz above which sound has no say in the tempo: a hi-hat often beats twice as fast.
    start_bpm, std_bpm : float
        Centre in beats a minute and width in octaves of the log-normal prior of tempi.
    key_n_fft : int
        Samples a frame of the chroma; frames overlap by half.
    key_profile : {"krumhansl", "temperley", "albrecht"}
        Profiles of Krumhansl and Kessler (1982), Temperley (2007) or Albrecht and Shanahan (2013).

    Notes
    -----
    What cannot be told is NaN, and ``descriptors_note`` in the store says why: a window of one and
    the same value (silence, a constant) has nothing but an onset rate of 0 and a duration; what
    lies below the gate of -70 LUFS has no loudness; fewer than three onsets, or onsets without a
    period, make no tempo. Noise has a tempo and a key like everything else, with low strengths.

    The loudness is that of one channel, the mean of the file's. A meter sums channels: for a file
    with the same sound in two, it shows 3.01 LU more. An onset in the first two frames or so of
    the window cannot be told from the cut.

    The key is a point on a circle, which has no jump between B and C; ``descriptors_key`` in the
    store is its name. Octave errors of the tempo and fifth errors of the key remain: see
    ``benchmarks/extraction/descriptors.py`` for how many.

    References
    ----------
    .. [1] Ellis (2007), Beat tracking by dynamic programming, Journal of New Music Research 36(1).
    .. [2] Krumhansl (1990), Cognitive foundations of musical pitch, chapter 4.
    .. [3] ITU-R BS.1770-4; EBU Tech 3342.

    Examples
    --------
    >>> from spdkit.extractors.descriptors import DescriptorExtractor
    >>> DescriptorExtractor().get_feature_names_out()[:3]
    array(['tempo_bpm', 'beat_strength', 'onset_rate'], dtype=object)
    """

    name: ClassVar[str] = "descriptors"
    modality: ClassVar[Modality] = "audio"
    version: ClassVar[str] = "2"
    allow_nan: ClassVar[bool] = True
    obs_fields: ClassVar[Mapping[str, type]] = {**CLIP_OBS, "key": str, "note": str}

    n_fft: int = 2048
    hop_length: int = 512
    n_mels: int = 128
    onset_db: float = 0.5
    tempo_fmax: float = 4000.0
    start_bpm: float = 120.0
    std_bpm: float = 1.0
    key_n_fft: int = 8192
    key_profile: str = "krumhansl"

    _parameter_constraints: ClassVar[dict[str, Allowed]] = {
        **WINDOW_CONSTRAINTS,
        "min_duration": Number(_SHORTEST),
        "sr": Whole(_LOWEST_SR),
        "n_fft": Whole(),
        "hop_length": Whole(),
        "n_mels": Whole(_FEWEST_MELS),
        "onset_db": Number(0),
        "tempo_fmax": Number(_LOWEST_FMAX),
        "start_bpm": POSITIVE,
        "std_bpm": POSITIVE,
        "key_n_fft": Whole(),
        "key_profile": OneOf(*KEY_PROFILES),
    }

    @property
    def feature_specs(self) -> tuple[FeatureSpec, ...]:
        """The columns, in order: 11."""
        return _SPECS

    def extract(self, track: Track) -> NDArray[np.float32]:
        """Turn the sound of one track into one row; see `Extractor.extract`."""
        return self.extract_with_obs(track)[0]

    def extract_with_obs(self, track: Track) -> tuple[NDArray[np.float32], dict[str, float | str]]:
        """Like `extract`, with the window, the name of the key, and why a number is missing."""
        if self.is_absent(track):
            return self.absent_row(), {}
        clip = self.read(track)
        pulse, key, level = described = self.describe(clip.y)
        numbers = self._numbers(described, len(clip.y)) | {"file_duration": clip.file_duration}
        row = np.array(list(numbers.values()), dtype=np.float32)
        missing = _why_missing(pulse, key, level)
        return row, {
            **clip.obs,
            "key": "" if key is None else str(key),
            "note": "; ".join([*clip.remarks, *missing]),
        }

    def row_of(self, y: NDArray[np.float32]) -> dict[str, float]:
        """Numbers of samples at ``sr`` by the names of the columns; NaN is what cannot be told."""
        return self._numbers(self.describe(y), len(y))

    def _numbers(
        self, described: tuple[Rhythm, Key | None, Loudness], n_samples: int
    ) -> dict[str, float]:
        pulse, key, level = described
        numbers = {
            "tempo_bpm": pulse.tempo,
            "beat_strength": pulse.beat_strength,
            "onset_rate": pulse.onsets * self.sr / n_samples,
            **(_key_numbers(key) if key else {}),
            "integrated_loudness": level.integrated,
            "dynamic_range": level.dynamic_range,
        }
        return {spec.name: numbers.get(spec.name, math.nan) for spec in _SPECS}

    def read(self, track: Track) -> Clip:
        """Decode the window of a track that the descriptors are of.

        Raises
        ------
        ExtractionError
            When the track has no audio or it cannot be decoded.
        ParameterError
            Naming the parameter that is out of range.
        """
        self._check()
        if not track.audio:
            raise ExtractionError(track.track_id, "the track has no audio")
        return read_clip(track.audio, **self.clip_parameters)

    def describe(self, y: NDArray[np.float32]) -> tuple[Rhythm, Key | None, Loudness]:
        """Descriptors of samples at ``sr``, shape (n_samples,).

        Raises
        ------
        ParameterError
            Naming the parameter that is out of range.
        """
        self._check()
        load_and_compile()
        if not np.ptp(y):
            return Rhythm(math.nan, math.nan, 0), None, Loudness(math.nan, math.nan)
        scaled = y / np.abs(y).max()
        return (
            rhythm(
                scaled,
                sr=self.sr,
                n_fft=self.n_fft,
                hop_length=self.hop_length,
                n_mels=self.n_mels,
                onset_db=self.onset_db,
                tempo_fmax=self.tempo_fmax,
                start_bpm=self.start_bpm,
                std_bpm=self.std_bpm,
            ),
            tonality(scaled, sr=self.sr, n_fft=self.key_n_fft, profile=self.key_profile),
            loudness(y, sr=self.sr),
        )

    def warm_up(self) -> None:
        """Load librosa and pyloudnorm, and compile what librosa compiles."""
        load_and_compile()

    def _check(self) -> None:
        check_parameters(vars(self), self._parameter_constraints)
        for holds, name, rule in self._rules():
            if not holds:
                raise ParameterError(f"{name} {rule}, got {getattr(self, name)!r}")

    def _rules(self) -> Iterator[tuple[bool, str, str]]:
        """What ties parameters to each other: whether it holds, of which, and what it demands."""
        longest = max(self.n_fft, self.key_n_fft)
        spans = self.min_duration * self.sr > longest
        yield spans, "min_duration", f"must span more than {longest} samples"
        enough = self.duration is None or self.duration >= self.min_duration
        yield enough, "duration", f"must be None or at least min_duration={self.min_duration}"
        frame = min(self.n_fft, int(_ONSET_FRAME * self.sr))
        yield self.hop_length <= frame, "hop_length", f"must be at most {frame} (0.03 s, n_fft)"
        limits = f"{_LOWEST_FMAX:g} … sr/2={self.sr / 2:g} Hz"
        yield self.tempo_fmax <= self.sr / 2, "tempo_fmax", f"must be in {limits}"


def _key_numbers(key: Key) -> dict[str, float]:
    angle = 2 * math.pi * key.tonic / 12
    return {
        "key_sin": math.sin(angle),
        "key_cos": math.cos(angle),
        "key_major": float(key.major),
        "key_strength": key.strength,
        "key_margin": key.margin,
    }


def _why_missing(rhythm: Rhythm, key: Key | None, loudness: Loudness) -> Iterator[str]:
    if math.isnan(rhythm.tempo):
        few = rhythm.onsets < ONSETS_OF_A_TEMPO
        why = f"{rhythm.onsets} onsets, {ONSETS_OF_A_TEMPO} are needed" if few else "no period"
        yield f"no tempo: {why}"
    if key is None:
        yield "no key: all pitch classes are alike"
    if math.isnan(loudness.integrated):
        yield f"no loudness: nothing above {GATE:g} LUFS"


@cache
def load_and_compile() -> None:
    """Load librosa and run on some noise what compiles, once a process.

    librosa compiles as it is loaded and at first calls, into a cache that all processes share;
    see `spdkit.extractors.compile_lock` for why one at a time.
    """
    with compilation_lock():
        sr = 44100
        y = np.random.default_rng(0).uniform(-1, 1, 4 * sr).astype(np.float32)
        y *= (np.arange(len(y)) % (sr // 2) < sr // 10).astype(np.float32)  # 120 BPM
        rhythm(y, sr=sr)
        tonality(y, sr=sr)
        loudness(y, sr=sr)
