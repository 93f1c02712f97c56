"""Label units: whether labels look like another unit than the one that they are taken for.

Shares, flags, stars and marks out of ten are numbers too, and pass for popularity from 0 to 100 of
songs that nobody plays: what is learned from them is next to nothing. So whoever takes labels asks.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

POPULARITY = (0.0, 100.0)
FEWEST_LABELS = 10  # of fewer nothing is told by
_SCALES = (
    (0.01, "If they are shares or flags, say"),
    (0.1, "If they are stars, marks or ranks, say what range they have, such as"),
)


def other_range(
    labels: ArrayLike, target_range: tuple[float, float] = POPULARITY
) -> tuple[float, float] | None:
    """The range that labels look like; None when they look like what they are taken for.

    Parameters
    ----------
    labels : array-like, shape (n_rows,)
        Numbers, or True and False.
    target_range : (float, float)
        What they are taken for.

    Returns
    -------
    (float, float) or None
        The lowest hundredth of `target_range` or, failing that, the lowest tenth, where all of the
        labels lie in it. Ten labels at least, and not all the lowest.
    """
    values = np.asarray(labels, dtype=np.float64)
    low, high = target_range
    if len(values) < FEWEST_LABELS or not low < np.max(values) or np.min(values) < low:
        return None
    for share, _ in _SCALES:
        end = low + share * (high - low)
        if np.max(values) <= end:
            return low, end
    return None


def unit_question(
    looks_like: tuple[float, float], target_range: tuple[float, float] = POPULARITY
) -> str:
    """Ask what labels are, and say how to answer."""
    (low, high), (first, last) = looks_like, target_range
    share = (high - low) / (last - first)
    if_so = next(words for scale, words in _SCALES if math.isclose(share, scale))
    return (
        f"all labels lie in [{low:g}, {high:g}], and are taken for numbers from {first:g} to "
        f"{last:g}. {if_so} target_range=({low:g}, {high:g}) (--target-range {low:g},{high:g}); if "
        f"not, target_range=({first:g}, {last:g})"
    )
