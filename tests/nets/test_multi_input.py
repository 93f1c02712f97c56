"""Net of streams and metadata: what goes in where, losses, and two stages."""

from __future__ import annotations

import copy

import pytest
import torch

from spdkit.nets.multi_input import (
    MultiInputNet,
    RecurrentBranch,
    absolute_error,
    squared_error,
    train_in_stages,
)
from spdkit.nets.training import Data, Schedule, train

LOOKBACK, CHANNELS, SONGS, METADATA = 4, 3, 2, 5
SCHEDULE = Schedule(max_epochs=4, batch_size=16, learning_rate=0.02, patience=9, seed=3)


def branch(cell="gru", seed=0):
    torch.manual_seed(seed)
    return RecurrentBranch(cell, lookback=LOOKBACK, n_channels=CHANNELS, n_songs=SONGS, width=6)


def rows(n=40, n_metadata=METADATA, zeros=False):
    generator = torch.Generator().manual_seed(1)
    windows = torch.randn(n, LOOKBACK * CHANNELS, generator=generator)
    metadata = torch.randn(n, SONGS * n_metadata, generator=generator) * (not zeros)
    y = torch.randn(n, SONGS, generator=generator)
    return Data(torch.cat([windows, metadata], dim=1), y)


@pytest.mark.parametrize(("cell", "layer"), [("gru", torch.nn.GRU), ("lstm", torch.nn.LSTM)])
def test_the_branch_is_torch_s_layer_over_the_dates_in_their_order(cell, layer):
    net, data = branch(cell), rows()
    alone = layer(CHANNELS, 6, batch_first=True)
    alone.load_state_dict(net.recurrent.state_dict())
    steps = data.x[:, : LOOKBACK * CHANNELS].reshape(-1, LOOKBACK, CHANNELS)
    torch.testing.assert_close(net(data.x), net.output(alone(steps)[0][:, -1]))


@pytest.mark.parametrize("residual", [False, True])
def test_each_song_has_its_number_and_its_own_metadata_through_one_head(residual):
    data = rows()
    net = MultiInputNet(branch(), n_metadata=METADATA, residual=residual)
    for weight in net.head.parameters():
        torch.nn.init.normal_(weight)
    assert net.head[0].in_features == METADATA + 1
    numbers = net.branch(data.x)
    for song in range(SONGS):
        r = numbers[:, [song]]
        own = data.x[:, LOOKBACK * CHANNELS + song * METADATA :][:, :METADATA]
        expected = net.head(torch.cat([r, own], dim=1))
        if residual:
            expected = r + expected - net.head(torch.cat([r, torch.zeros_like(own)], dim=1))
        torch.testing.assert_close(net(data.x)[:, [song]], expected)


def test_songs_that_were_not_there_count_for_nothing():
    outputs = torch.tensor([[1.0, 5.0], [2.0, 2.0]], requires_grad=True)
    y = torch.tensor([[3.0, torch.nan], [3.0, 6.0]])
    torch.testing.assert_close(absolute_error(outputs, y), torch.tensor([2.0, 2.5]))
    torch.testing.assert_close(squared_error(outputs, y), torch.tensor([4.0, 8.5]))
    (gradient,) = torch.autograd.grad(squared_error(outputs, y).sum(), outputs)
    torch.testing.assert_close(gradient, torch.tensor([[-4.0, 0.0], [-1.0, -4.0]]))


@pytest.mark.parametrize("n_metadata", [0, METADATA])
def test_two_stages_with_zero_metadata_are_the_recurrent_model(n_metadata):
    """No metadata at all, or zeros of every song: frozen, the branch is all there is."""
    data = rows(n_metadata=n_metadata, zeros=True)
    alone = branch()
    train(alone, absolute_error, data, None, SCHEDULE)
    net = MultiInputNet(branch(), n_metadata=n_metadata, residual=True)
    history = train_in_stages(net, absolute_error, data, None, SCHEDULE)
    torch.testing.assert_close(net(data.x), alone(data.x), rtol=0, atol=0)
    assert [epoch["stage"] for epoch in history] == [1.0] * 4 + [2.0] * 4 * (n_metadata > 0)


@pytest.mark.parametrize("slow", [0.0, 0.1])
def test_in_the_second_stage_the_branch_is_frozen_or_slow(slow):
    data = rows()
    alone = branch()
    train(alone, absolute_error, data, None, SCHEDULE)
    net = MultiInputNet(branch(), n_metadata=METADATA, residual=True)
    train_in_stages(net, absolute_error, data, None, SCHEDULE, slow)
    before, after = (
        torch.cat([part.flatten() for part in one.parameters()]) for one in (alone, net.branch)
    )
    assert torch.equal(before, after) == (slow == 0)
    assert (net(data.x) != net.branch(data.x)).any()
    assert all(part.requires_grad for part in net.parameters())


def test_two_stages_learn_what_the_metadata_say():
    data = rows(100, n_metadata=1)
    data = Data(data.x, data.x[:, -SONGS:])  # y is the metadata, of which streams say nothing
    net = MultiInputNet(branch(), n_metadata=1, residual=True)
    schedule = Schedule(max_epochs=15, batch_size=10, learning_rate=0.03, patience=15)
    history = train_in_stages(net, squared_error, data, None, schedule)
    assert history[14]["loss"] > 0.5 and history[-1]["loss"] < 0.5 * history[14]["loss"]


def test_a_share_of_the_rate_moves_a_part_so_much_less():
    """The first step of SGD is the gradient times the rate."""
    data, nets = rows(16), []
    for rates in (None, {"head": 0.25}):
        net = MultiInputNet(branch(), n_metadata=METADATA)
        with torch.no_grad():
            for weight in net.head.parameters():
                weight.fill_(0.1)
        start = copy.deepcopy(net.state_dict())
        schedule = Schedule(optimizer="sgd", learning_rate=0.1, max_epochs=1, batch_size=16)
        train(net, squared_error, data, None, schedule, rates=rates)
        nets.append({name: value - start[name] for name, value in net.state_dict().items()})
    whole, part = nets
    for name, step in whole.items():
        share = 0.25 if name.startswith("head") else 1.0
        torch.testing.assert_close(part[name], share * step, rtol=1e-3, atol=1e-7)
        assert step.abs().max() > 0


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: branch("rnn"), "cell must be one of"),
        (
            lambda: RecurrentBranch("gru", lookback=0, n_channels=1),
            r"at least 1, got \(0, 1, 1, 32\)",
        ),
        (lambda: MultiInputNet(branch(), n_metadata=-1), "n_metadata must be at least 0"),
        (
            lambda: train_in_stages(
                MultiInputNet(branch(), n_metadata=1), absolute_error, rows(), None, SCHEDULE
            ),
            "residual=True",
        ),
        (
            lambda: train_in_stages(
                MultiInputNet(branch(), residual=True), absolute_error, rows(), None, SCHEDULE, 2
            ),
            r"slow must be in \[0, 1\]",
        ),
    ],
)
def test_what_makes_no_net_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
