"""Weights as named arrays, and back to the bit."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from spdkit.nets.music_ae import MusicAENet
from spdkit.nets.weights import from_arrays, to_arrays


def test_a_rebuilt_net_answers_the_same():
    net = MusicAENet(12).double()
    arrays = to_arrays("code", net) | {"other": np.zeros(2)}
    assert all(array.dtype == np.float32 for array in to_arrays("code", net).values())
    again = from_arrays("code", MusicAENet(12), arrays)
    x = torch.rand(5, 12, dtype=torch.float64)
    assert not again.training
    assert torch.equal(net.eval()(x), again(x))


def test_arrays_of_another_net_are_refused():
    with pytest.raises(RuntimeError, match="size mismatch"):
        from_arrays("code", MusicAENet(9), to_arrays("code", MusicAENet(12)))
    with pytest.raises(RuntimeError, match="Missing key"):
        from_arrays("code", MusicAENet(9), to_arrays("other", MusicAENet(9)))
