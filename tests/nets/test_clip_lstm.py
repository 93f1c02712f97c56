"""ClipLSTM: torch's own LSTM at any width, Keras's first weights, and every wish of the paper."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn

from spdkit.nets.clip_lstm import (
    WIDE,
    ClipLSTM,
    LSTMLayer,
    absolute_error,
    huber_error,
    squared_error,
)


@pytest.fixture(autouse=True)
def seeded():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


@pytest.mark.parametrize("n_in", [3, WIDE])
def test_a_layer_is_torchs_lstm_with_its_gradients(n_in):
    layer = LSTMLayer(n_in, 5).double()
    peer = nn.LSTM(n_in, 5, batch_first=True).double()
    peer.load_state_dict(layer.lstm.state_dict())
    x = torch.randn(4, 6, n_in, dtype=torch.double)
    ours, (theirs, _) = layer(x), peer(x)
    torch.testing.assert_close(ours, theirs)
    for states in (ours, theirs):
        (states * torch.linspace(-1, 1, 5)).square().sum().backward()
    for (name, weight), expected in zip(
        layer.lstm.named_parameters(), peer.parameters(), strict=True
    ):
        torch.testing.assert_close(weight.grad, expected.grad, msg=name)


def test_first_weights_are_those_of_keras():
    lstm = LSTMLayer(1000, 8).lstm
    kernel = lstm.weight_ih_l0
    limit = math.sqrt(6 / (1000 + 4 * 8))
    assert limit * 0.99 < kernel.abs().max() <= limit
    recurrent = lstm.weight_hh_l0
    torch.testing.assert_close(recurrent.T @ recurrent, torch.eye(8), atol=1e-5, rtol=0)
    expected = torch.zeros(4, 8)
    expected[1] = 1.0  # the forget gate, as torch orders them
    torch.testing.assert_close((lstm.bias_ih_l0 + lstm.bias_hh_l0).view(4, 8), expected)


def test_layers_of_other_sizes_follow_each_other():
    net = ClipLSTM(7, units=(6, 4), hidden=(3, 2), activation="tanh").eval()
    x = torch.randn(5, 4, 7)
    first, second = (layer.lstm for layer in net.layers)
    state = second(first(x)[0])[0][:, -1]
    for layer in net.hidden:
        state = layer(state).tanh()
    torch.testing.assert_close(net(x), net.node(state)[:, 0])
    assert [layer.out_features for layer in net.hidden] == [3, 2]
    assert net(x).shape == (5,)


def test_a_sigmoid_gives_what_lies_between_0_and_1():
    net = ClipLSTM(3, units=(4,)).eval()
    x = torch.randn(50, 2, 3)
    linear = net(x)
    net.output = "sigmoid"
    torch.testing.assert_close(net(x), 1 / (1 + torch.exp(-linear)))
    assert linear.min() < 0


def test_the_order_of_clips_counts_and_so_does_the_first():
    net = ClipLSTM(3, units=(4,)).eval()
    x = torch.randn(1, 5, 3)
    other = x.clone()
    other[:, 0] += 1
    assert net(x) != net(x.flip(1))
    assert net(x) != net(other)


def test_units_are_left_out_in_training_alone():
    net = ClipLSTM(3, units=(40,), hidden=(40,), dropout=0.5)
    x = torch.randn(1, 2, 3)
    assert net(x) != net(x)
    net.eval()
    assert net(x) == net(x)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"activation": "gelu"}, "'gelu'"),
        ({"output": "tanh"}, "'tanh'"),
        ({"units": ()}, r"\(\)"),
        ({"units": (4, 0)}, r"\(4, 0\)"),
        ({"hidden": (0,)}, r"\(0,\)"),
    ],
)
def test_what_is_no_net_is_refused(parameters, message):
    with pytest.raises(ValueError, match=message):
        ClipLSTM(3, **parameters)


def test_losses_by_hand():
    output, y = torch.tensor([1.0, -2.0, 0.5]), torch.tensor([0.0, 1.0, 0.5])
    np.testing.assert_allclose(squared_error(output, y), [1, 9, 0])
    np.testing.assert_allclose(absolute_error(output, y), [1, 3, 0])
    np.testing.assert_allclose(huber_error(output, y), [0.5, 2.5, 0])
