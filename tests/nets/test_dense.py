"""Dense layers: gradients in single precision, and dropout is what it should be."""

from __future__ import annotations

import copy
import pickle

import pytest
import torch
from hypothesis import given, settings, strategies as st

from spdkit.nets.dense import DenseLayers
from spdkit.nets.music_ae import MusicAENet
from spdkit.nets.music_pop import MusicPopNet
from spdkit.nets.training import Data, Schedule, outputs, reconstruction_error, squared_error, train


def gradients(net, x):
    x = x.clone().requires_grad_()
    output = net(x)
    # Some weight of its own for every output, so that no gradient is right by symmetry.
    weight = torch.linspace(-1, 2, output.numel(), dtype=x.dtype).view_as(output)
    return output, torch.autograd.grad((output * weight).sum(), [x, *net.parameters()])


@pytest.mark.parametrize("last", ["relu", "sigmoid", "none"])
@pytest.mark.parametrize("rows", [1, 300])
def test_the_gradient_is_that_of_autograd_in_double_precision(last, rows):
    torch.manual_seed(1)
    net = DenseLayers([90, 80, 30, 64], "he_normal", last)
    x = torch.randn(rows, 90)
    output, single = gradients(net, x)
    expected_output, double = gradients(copy.deepcopy(net).double(), x.double())
    assert output.dtype == torch.float32 and expected_output.dtype == torch.float64
    torch.testing.assert_close(output.double(), expected_output, rtol=1e-4, atol=1e-5)
    for ours, theirs in zip(single, double, strict=True):
        assert theirs.abs().max() > 0
        scale = theirs.abs().max().item()
        torch.testing.assert_close(ours.double(), theirs, rtol=1e-4, atol=1e-5 * scale)


def identity(width, dropout):
    """Layers that give back what they get: whatever differs is dropout."""
    net = DenseLayers([width, width, width], "he_normal", "none", dropout)
    for layer in (net[0], net[3]):
        torch.nn.init.eye_(layer.weight)
    return net


@pytest.mark.parametrize("share", [0.25, 0.3, 0.75, 0.999])
def test_dropout_leaves_out_its_share_and_keeps_the_mean(share):
    torch.manual_seed(0)
    net, x = identity(200, share), torch.ones(2000, 200, requires_grad=True)
    output = net(x)
    left_out = (output == 0).float().mean().item()
    # 400,000 draws: a deviation of sqrt(p (1 - p) / 400,000), of which five are allowed.
    assert left_out == pytest.approx(share, abs=5 * (share * (1 - share) / 4e5) ** 0.5)
    # Rounded to a 65536th of all, which 0.999 feels: (1 - 0.999) * 65536 = 65.5 are 66.
    assert output.max().item() == pytest.approx(1 / (1 - share), rel=1e-2)
    # Rows and units are drawn one by one: no two are alike.
    assert len(torch.unique(output > 0, dim=0)) == 2000 or share > 0.99
    (gradient,) = torch.autograd.grad(output.sum(), x)
    torch.testing.assert_close(gradient, output.detach())  # scaled alike, and shut alike


def test_masks_of_layers_and_batches_differ():
    torch.manual_seed(0)
    net = DenseLayers([50, 50, 50, 50], "he_normal", "none", 0.5)
    for layer in (net[0], net[3], net[6]):
        torch.nn.init.eye_(layer.weight)
    x = torch.ones(400, 50)
    # Both masks must let a unit through: a quarter, were they the same a half.
    first, second = net(x) > 0, net(x) > 0
    assert first.float().mean().item() == pytest.approx(0.25, abs=0.02)
    assert (first & second).float().mean().item() == pytest.approx(0.0625, abs=0.01)


def test_everything_and_nothing_can_be_left_out():
    x = torch.rand(5, 8) + 1
    assert not identity(8, 1.0)(x).any()
    torch.testing.assert_close(identity(8, 0.0)(x), x)


def test_in_use_nothing_is_left_out_and_double_precision_stays():
    x = torch.rand(5, 8) + 1
    net = identity(8, 0.5)
    torch.testing.assert_close(net.eval()(x), x)
    doubled = net.train().double()(x.double())
    torch.manual_seed(0)
    assert set((doubled / x.double()).round(decimals=6).unique().tolist()) <= {0.0, 2.0}


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 2**32 - 1))
def test_a_seed_gives_the_same_dropout(seed):
    net, x = identity(8, 0.25), torch.ones(40, 8)
    outputs = []
    for _ in range(2):
        torch.manual_seed(seed)
        outputs.append(net(x))
    assert torch.equal(*outputs)
    assert not torch.equal(outputs[0], net(x))


def test_no_number_stays_none():
    x = torch.ones(300, 80)
    x[7, 3] = torch.nan
    for last in ("relu", "sigmoid", "none"):
        output = DenseLayers([80, 80, 90], "he_normal", last)(x)
        assert output[7].isnan().all() and not output[8].isnan().any()


def test_names_of_weights_are_those_of_models_on_disk():
    assert list(MusicAENet(10).state_dict()) == [
        f"{part}.{i}.{kind}"
        for part in ("encoder", "decoder")
        for i in (0, 2, 4)
        for kind in ("weight", "bias")
    ]
    for dropout in (0.0, 0.5):
        assert list(MusicPopNet(10, dropout=dropout).state_dict()) == [
            f"layers.{i}.{kind}" for i in (0, 3, 6, 9) for kind in ("weight", "bias")
        ]


def test_copies_have_weights_of_their_own():
    net = DenseLayers([8, 6, 4], "he_normal", "sigmoid", 0.5).eval()
    x = torch.rand(3, 8)
    expected = net(x)
    for other in (copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        assert torch.equal(other(x), expected)
        torch.nn.init.zeros_(other[0].weight)
        torch.nn.init.zeros_(other[3].weight)
        torch.testing.assert_close(other(x), torch.full((3, 4), 0.5))
    assert torch.equal(net(x), expected)


def test_what_a_small_net_says_is_no_work_for_many_threads():
    class Threads(torch.nn.Linear):
        def forward(self, x):
            return torch.full((len(x),), torch.get_num_threads())

    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        assert outputs(Threads(3, 2), torch.rand(5, 3)).tolist() == [1] * 5
        assert outputs(Threads(2000, 2000), torch.rand(5000, 2000)).tolist() == [2] * 5000
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_training_leaves_threads_memory_and_what_is_frozen_alone():
    x = torch.rand(50, 10)
    net = MusicAENet(10)
    frozen = net.encoder[0].weight.requires_grad_(False).clone()
    before, seen = torch.get_num_threads(), []
    torch.set_num_threads(2)
    try:
        train(
            net,
            reconstruction_error,
            Data(x, x),
            None,
            Schedule(max_epochs=2),
            lambda epoch, metrics: seen.append(torch.get_num_threads()),
        )
        after = torch.get_num_threads()
    finally:
        torch.set_num_threads(before)
    assert seen == [1, 1] and after == 2
    assert torch.equal(net.encoder[0].weight, frozen)
    for part in net.parameters():
        # Not a part of the vector of all of them, which each pickled weight would drag along.
        assert part.untyped_storage().nbytes() == 4 * part.numel()
        assert part.grad is None


def test_rows_that_are_their_own_targets_are_taken_once():
    x = torch.arange(12.0).view(6, 2)
    weight = torch.arange(6.0)
    for index in (torch.tensor([4, 0]), slice(1, 3)):
        some = Data(x, x, weight).rows(index)
        assert some.y is some.x
        assert torch.equal(some.x, x[index]) and torch.equal(some.weight, weight[index])
        other = Data(x, weight).rows(index)
        assert torch.equal(other.y, weight[index]) and other.weight is None


def test_losses_are_those_of_their_definitions():
    output, x, y = torch.rand(5, 3), torch.rand(5, 3), torch.rand(5)
    torch.testing.assert_close(reconstruction_error(output, x), ((output - x) ** 2).mean(dim=1))
    logits = torch.randn(5, 1)
    torch.testing.assert_close(squared_error(logits, y), (torch.sigmoid(logits[:, 0]) - y) ** 2)
