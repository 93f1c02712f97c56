"""Damage to bytes, as disks, crashes and copies that stop do it: seeded, and of several kinds."""

from __future__ import annotations

import numpy as np


def damaged(content: bytes, seed: int) -> bytes:
    """Return other bytes: some flipped, zeroed, noisy, cut off, moved or added."""
    rng = np.random.default_rng(seed)
    data = bytearray(content)
    at = int(rng.integers(len(data)))
    length = int(min(2 ** rng.integers(0, 13), len(data) - at))
    kind = rng.choice(["flip", "flips", "zeros", "noise", "cut", "moved", "longer"])
    if kind == "flip":
        data[at] ^= 1 << int(rng.integers(8))
    elif kind == "flips":
        for place in rng.integers(len(data), size=20):
            data[place] ^= int(rng.integers(1, 256))
    elif kind == "zeros":
        data[at : at + length] = bytes(length)
    elif kind == "noise":
        data[at : at + length] = rng.bytes(length)
    elif kind == "cut":
        del data[at:]
    elif kind == "moved":
        there = int(rng.integers(len(data) - length + 1))
        data[there : there + length] = content[at : at + length]
    else:
        data += rng.bytes(length)
    return bytes(data)
