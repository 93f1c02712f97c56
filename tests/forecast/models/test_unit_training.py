"""Losses in relative error, of scaled answers."""

import numpy as np
import pytest
import torch

from spdkit.forecast.models.unit_training import f_loss, relative_loss, with_weights


@pytest.mark.parametrize("loss", [relative_loss, f_loss])
def test_days_without_plays_count_in_neither_sum_nor_number(loss):
    plays = np.array([[[4.0, 0.0], [5.0, 10.0]]])
    Y = with_weights(np.zeros((1, 2, 2, 1)), np.array([2.0]), plays)
    found = loss(torch.full((1, 2, 2, 1), 0.5, dtype=torch.float64), torch.from_numpy(Y))
    # 0.5 of a span of 2 is 1 play: of 4, 5 and 10.
    errors = np.array([1 / 4, 1 / 5, 1 / 10])
    expected = errors.mean() if loss is relative_loss else np.sqrt(np.mean(errors**2))
    assert found.tolist() == pytest.approx([expected])
