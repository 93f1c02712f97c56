"""Loudness of a sound and how far it varies, by the standards of broadcasting.

References
----------
.. [1] ITU-R BS.1770-4, Algorithms to measure audio programme loudness and true-peak audio level.
.. [2] EBU Tech 3342, Loudness range.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]

GATE = -70.0  # LUFS
_RANGE_GATE = -20.0  # LU below the mean of what passes the first gate


@dataclass(frozen=True)
class Loudness:
    """Integrated loudness in LUFS and dynamic range in LU; NaN below the gate."""

    integrated: float
    dynamic_range: float


def loudness(y: Samples, *, sr: int) -> Loudness:
    """Integrated loudness, and the range of momentary loudness.

    The range is the distance of the 95th from the 10th percentile of the blocks of 0.4 s that pass
    both gates of EBU Tech 3342: -70 LUFS, and 20 LU below the mean power of those that pass the
    first. (EBU's own range takes blocks of 3 s, too few in half a minute.)

    Parameters
    ----------
    y : ndarray of float32, shape (n_samples,)
        At least 0.4 s, taken as one channel.
    sr : int
        In Hz.
    """
    import pyloudnorm

    # pyloudnorm's default filters are near those of the standard; these are the standard's.
    meter = pyloudnorm.Meter(sr, filter_class="DeMan")
    integrated = float(meter.integrated_loudness(y.astype(np.float64)))
    blocks = np.array(meter.blockwise_loudness)
    heard = blocks[blocks >= GATE]
    if not (math.isfinite(integrated) and len(heard)):
        return Loudness(math.nan, math.nan)
    mean = 10 * math.log10(float(np.mean(10 ** (heard / 10))))
    low, high = np.percentile(heard[heard >= mean + _RANGE_GATE], [10, 95])
    return Loudness(integrated, float(high - low))
