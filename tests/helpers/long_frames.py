"""Frames in the long format, from lists of values."""

from __future__ import annotations

import numpy as np
import pandas as pd


def long_frame(start="2015-03-01", freq="D", **series):
    """One series a keyword, all from the same date (or whole number) on."""
    frames = []
    for name, values in series.items():
        ds = (
            np.arange(start, start + len(values) * freq, freq)
            if isinstance(start, int)
            else pd.date_range(start, periods=len(values), freq=freq)
        )
        frames.append(
            pd.DataFrame({"unique_id": name, "ds": ds, "y": np.asarray(values, np.float64)})
        )
    return pd.concat(frames, ignore_index=True)
