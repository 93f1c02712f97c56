"""The net that bends levels."""

import pytest
import torch

from spdkit.nets.window_net import WindowNet


def test_it_begins_at_the_level_whatever_it_reads():
    net = WindowNet("gru", n_features=2, width=4, horizon=6)
    assert torch.equal(net(torch.randn(3, 5, 2)), torch.zeros(3, 6))


@pytest.mark.parametrize(
    ("degree", "expected"), [(0, [2.0, 2.0, 2.0]), (1, [-1.0, 2.0, 5.0]), (2, [4.0, 2.0, 10.0])]
)
def test_coefficients_are_of_powers_over_the_horizon(degree, expected):
    # 2 + 3·t + 5·t² at t = -1, 0, 1
    net = WindowNet("lstm", n_features=1, width=3, horizon=3, degree=degree)
    with torch.no_grad():
        net.coefficients.bias.copy_(torch.tensor([2.0, 3.0, 5.0][: degree + 1]))
    assert net(torch.randn(1, 4, 1))[0].tolist() == pytest.approx(expected)


def test_one_step_ahead_has_no_slope():
    net = WindowNet("rnn", n_features=1, width=3, horizon=1)
    with torch.no_grad():
        net.coefficients.bias.copy_(torch.tensor([2.0, 3.0]))
    assert net(torch.randn(1, 4, 1)).tolist() == [[2.0]]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"cell": "cnn"}, "cell must be one of"),
        ({"width": 0}, "at least 1"),
        ({"degree": -1}, "degree at least 0"),
    ],
)
def test_what_is_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        WindowNet(**({"cell": "gru", "n_features": 1, "width": 2, "horizon": 3} | settings))
