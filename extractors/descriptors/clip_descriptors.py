"""Clip descriptors: a few numbers of a clip of some seconds, for nets that see few songs.

The rows of `AudioExtractor` have hundreds of numbers, among which what a taste goes by (tempo, key,
loudness) is not, or drowns. These are sixteen.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spdkit.extractors.base import FeatureSpec
from spdkit.extractors.descriptors.extractor import DescriptorExtractor
from spdkit.extractors.descriptors.loudness import GATE

_REFERENCE = "librosa.feature"
_SHAPE = (
    FeatureSpec("centroid_mean", "Hz", 0, math.inf, "Mean spectral centroid", _REFERENCE, "shape"),
    FeatureSpec("centroid_std", "Hz", 0, math.inf, "Its deviation", _REFERENCE, "shape"),
    FeatureSpec(
        "bandwidth_mean", "Hz", 0, math.inf, "Mean spectral bandwidth", _REFERENCE, "shape"
    ),
    FeatureSpec("bandwidth_std", "Hz", 0, math.inf, "Its deviation", _REFERENCE, "shape"),
    FeatureSpec("zero_crossing_mean", "1", 0, 1, "Mean zero-crossing rate", _REFERENCE, "shape"),
    FeatureSpec("zero_crossing_std", "1", 0, 1, "Its deviation", _REFERENCE, "shape"),
)
_LEFT_OUT = "file_duration"  # of a file, and not of a clip


@dataclass(kw_only=True)
class ClipDescriptors:
    """Spectral shape, rhythm, key and loudness of a clip.

    What cannot be told of a clip is what a net can take for it: the centre of the prior of tempi,
    no key (0), the gate of the loudness.

    Parameters
    ----------
    sr : int
        Sampling rate in Hz.
    """

    sr: int = 44100
    name: str = field(default="clip_descriptors", init=False)
    version: str = field(default="1", init=False)

    @property
    def settings(self) -> DescriptorExtractor:
        """Constants in force, such as ``sr`` and ``n_fft``."""
        return DescriptorExtractor(duration=None, sr=self.sr)

    @property
    def feature_specs(self) -> tuple[FeatureSpec, ...]:
        """The columns, in order: 16."""
        own = (spec for spec in self.settings.feature_specs if spec.name != _LEFT_OUT)
        return (*_SHAPE, *own)

    @property
    def effective_parameters(self) -> dict[str, Any]:
        """All that the numbers depend on."""
        return {"name": self.name, **self.settings.effective_parameters}

    def get_feature_names_out(self) -> NDArray[Any]:
        """Names of the columns."""
        return np.array([spec.name for spec in self.feature_specs], dtype=object)

    def extract_samples(self, y: NDArray[np.float32], source: str) -> NDArray[np.float32]:
        """Turn sound that is in memory into one row.

        Parameters
        ----------
        y : ndarray of float32, shape (n_samples,)
            Mono at the rate `sr`.
        source : str
            Not used: nothing of it can fail.
        """
        from librosa import feature

        descriptors = self.settings
        row = descriptors.row_of(y)
        known = {
            **dict.fromkeys(("key_major",), 0.5),
            "tempo_bpm": descriptors.start_bpm,
            "integrated_loudness": GATE,
        }
        numbers = [
            known.get(name, 0.0) if math.isnan(value) else value
            for name, value in row.items()
            if name != _LEFT_OUT
        ]
        constants = {"sr": self.sr, "n_fft": descriptors.n_fft}
        shapes = (
            feature.spectral_centroid(y=y, **constants),
            feature.spectral_bandwidth(y=y, **constants),
            feature.zero_crossing_rate(y, frame_length=descriptors.n_fft),
        )
        shape = [float(number) for each in shapes for number in (each.mean(), each.std())]
        return np.array([*shape, *numbers], dtype=np.float32)

    def warm_up(self) -> None:
        """Load librosa and pyloudnorm, and compile what librosa compiles."""
        self.settings.warm_up()
