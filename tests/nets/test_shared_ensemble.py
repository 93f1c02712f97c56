"""SharedEnsemble: counts by hand, each member against a plain net, what learns from what."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from scipy import stats
from scipy.special import expit, softmax
from torch import nn
from torch.nn import functional

from spdkit.nets.shared_ensemble import (
    EnsembleLoss,
    SharedEnsemble,
    SharedLinear,
    StepEmbedding,
    targets,
)
from spdkit.nets.training import Data, Schedule, outputs, train


def small(n_outputs=1, **parameters):
    """3 numbers and 2 flags."""
    torch.manual_seed(0)
    settings = {"members": 4, "n_hidden": 6, "n_steps": 5, "n_embedding": 2, **parameters}
    return SharedEnsemble(3, 2, n_outputs, **settings)


def perturbed(net):
    """The same net with no scale or bias left at its start."""
    with torch.no_grad():
        for p in net.parameters():
            p += 0.3 * torch.randn_like(p)
    return net


def member_logits(net, x):
    """Members' logits in training, shape (n_rows, members, n_outputs)."""
    net = copy.deepcopy(net).train()
    output = net(x)[:, : net.members * net.n_outputs]
    return output.unflatten(1, (net.members, net.n_outputs))


def rows(n=60, seed=0):
    rng = np.random.default_rng(seed)
    x = torch.tensor(rng.random((n, 5)), dtype=torch.float32)
    return x, torch.tensor(rng.random(n), dtype=torch.float32)


def test_parameters_by_hand():
    # Embedding: 3 columns * (5 steps * 2 + 2 biases) = 36. Inputs of the first layer: 3 scores,
    # 2 flags, 3 * 2 embedded = 11; weights 6 * 11 = 66, four members' scales 4 * 11 and 4 * 6 and
    # biases 4 * 6: 158. Second: 36 + 24 + 24 + 24 = 108. Heads: 4 * (6 + 1) = 28 for one output,
    # 84 for three. Decoder: 6 * 5 + 5 = 35.
    count = {n: sum(p.numel() for p in small(n).parameters()) for n in (1, 3)}
    assert count == {1: 36 + 158 + 108 + 28 + 35, 3: 36 + 158 + 108 + 84 + 35}


@pytest.mark.parametrize("n_outputs", [1, 3])
def test_shapes(n_outputs):
    net, (x, _) = small(n_outputs), rows(7)
    assert net(x).shape == (7, 4 * n_outputs + 5)
    assert outputs(net, x).shape == (7, n_outputs)
    code = net.code(x)
    assert code.shape == (7, net.n_code) == (7, 6)
    assert (code >= 0).all()
    assert net.decoder(code).shape == (7, 5)


@pytest.mark.parametrize(("n_numbers", "n_flags"), [(0, 2), (2, 0)])
def test_inputs_of_one_kind(n_numbers, n_flags):
    net = SharedEnsemble(n_numbers, n_flags)
    x = torch.rand(5, 2)
    assert net(x).isfinite().all()
    assert outputs(net, x).shape == (5, 1)


def test_a_member_is_a_plain_net_with_scaled_weights():
    net, (x, _) = perturbed(small(3, dropout=0.0, noise=0.0)), rows(9)
    u = x[:, :3].numpy().astype(float)
    # Ramps as interpolation between the ends of each step.
    ramps = np.stack([np.interp(u, [t / 5, (t + 1) / 5], [0, 1]) for t in range(5)], axis=2)
    embedded = [
        ramps[:, c] @ net.embedding.weight[c].detach().numpy()
        + net.embedding.bias[c].detach().numpy()
        for c in range(3)
    ]
    inputs = np.hstack([stats.norm.ppf(u), x[:, 3:], np.maximum(np.hstack(embedded), 0)])
    logits = member_logits(net, x)
    for k in range(4):
        plain = nn.Sequential(nn.Linear(11, 6), nn.ReLU(), nn.Linear(6, 6), nn.ReLU())
        with torch.no_grad():
            for layer, shared in ((plain[0], net.first), (plain[2], net.second)):
                outer = torch.outer(shared.scale_out[k], shared.scale_in[k])
                layer.weight.copy_(outer * shared.weight)
                layer.bias.copy_(shared.bias[k])
        hidden = plain(torch.tensor(inputs, dtype=torch.float32))
        expected = hidden @ net.head[k] + net.head_bias[k]
        torch.testing.assert_close(logits[:, k], expected, rtol=1e-4, atol=1e-4)


def test_rows_seen_by_all_members_need_no_copies():
    layer = perturbed(SharedLinear(5, 3, 4, random_signs=True))
    x = torch.randn(8, 5)
    torch.testing.assert_close(layer(x), layer(x[:, None].expand(-1, 4, -1)))


def test_members_differ_from_the_beginning_because_of_signs():
    torch.manual_seed(0)
    signs = SharedLinear(200, 3, 8, random_signs=True).scale_in
    assert set(signs.unique().tolist()) == {-1.0, 1.0}
    assert 0.4 < (signs == 1).float().mean() < 0.6
    assert (SharedLinear(200, 3, 8).scale_in == 1).all()
    logits = member_logits(small(dropout=0.0, noise=0.0), rows()[0])[:, :, 0]
    assert torch.corrcoef(logits.T).fill_diagonal_(0).max() < 0.99


@pytest.mark.parametrize("n_outputs", [1, 3])
def test_the_ensemble_says_the_mean_probability_of_its_members(n_outputs):
    net, (x, _) = perturbed(small(n_outputs, dropout=0.0, noise=0.0)), rows(20)
    members = member_logits(net, x).detach().numpy().astype(float)
    prediction = outputs(net.double(), x.double()).numpy()
    if n_outputs == 1:
        np.testing.assert_allclose(expit(prediction), expit(members).mean(axis=1), rtol=1e-4)
    else:
        expected = softmax(members, axis=2).mean(axis=1)
        np.testing.assert_allclose(np.exp(prediction), expected, rtol=1e-4)


def test_steps_are_linear_between_and_flat_beyond():
    embedding = StepEmbedding(1, 4, 1)
    with torch.no_grad():
        embedding.weight[0, :, 0] = torch.tensor([1.0, 2.0, 3.0, 4.0])
    u = torch.tensor([[-1.0], [0.0], [0.125], [0.25], [0.5], [0.875], [1.0], [2.0]])
    # At 7/8 three steps are climbed (1 + 2 + 3) and half of the fourth.
    expected = [0, 0, 0.5, 1, 3, 8, 10, 10]
    assert embedding(u)[:, 0].tolist() == pytest.approx(expected)


def test_quantiles_at_and_beyond_the_ends_are_finite_and_alike():
    net, (x, _) = small(dropout=0.0), rows(3)
    ends = x.clone()
    ends[:, 0] = torch.tensor([0.0, -0.5, 0.0005])
    ends[:, 1:] = x[0, 1:]
    prediction = outputs(net, ends)
    assert prediction.isfinite().all()
    torch.testing.assert_close(prediction[0], prediction[1])


def test_noise_and_dropout_are_of_training_alone():
    x, _ = rows(400)
    for net in (small(noise=0.5, dropout=0.0), small(noise=0.0, dropout=0.5)):
        assert not torch.equal(net.train()(x), net(x))
        assert torch.equal(outputs(net, x), outputs(net, x))
    still = small(noise=0.0, dropout=0.0).train()
    assert torch.equal(still(x), still(x))


def test_noise_shakes_numbers_and_leaves_flags():
    net, (x, _) = small(dropout=0.0, noise=5.0).train(), rows(20)
    with torch.no_grad():  # deaf to scores and embedding
        net.first.weight[:, :3] = 0
        net.first.weight[:, 5:] = 0
    assert torch.equal(net(x), net(x))


@pytest.mark.parametrize("deaf", [slice(0, 3), slice(5, None)])
def test_noise_reaches_scores_and_embedding_of_each_row_anew(deaf):
    net = small(dropout=0.0, noise=1.0).train()
    with torch.no_grad():
        net.first.weight[:, deaf] = 0
    same = torch.full((50, 5), 0.5)
    logits = net(same)[:, :4]
    assert len(logits.unique(dim=0)) > 40


def gradient_of_code(net, x, y):
    """Gradient of the loss at the second layer's weights."""
    net.train().zero_grad()
    EnsembleLoss(net)(net(x), targets(y, x)).mean().backward()
    return net.second.weight.grad.clone()


@pytest.mark.parametrize("n_outputs", [1, 3])
def test_everything_learns(n_outputs):
    net, (x, y) = small(n_outputs), rows()
    label = y if n_outputs == 1 else (3 * y).long()
    EnsembleLoss(net)(net(x), targets(label, x)).mean().backward()
    for name, p in net.named_parameters():
        assert p.grad is not None, name
        assert p.grad.abs().sum() > 0, name


def test_the_code_learns_from_reconstruction_as_much_as_its_weight_says():
    x, y = rows()
    quiet = {"dropout": 0.0, "noise": 0.0}
    alone, half, whole = (
        gradient_of_code(small(reconstruction=r, **quiet), x, y) for r in (0.0, 0.5, 1.0)
    )
    net = small(**quiet).train()
    (net(x)[:, :4].sigmoid() - y[:, None]).abs().mean().backward()
    torch.testing.assert_close(alone, net.second.weight.grad)
    net.zero_grad()
    (net.decoder(net.code(x)) - x).square().mean().backward()
    torch.testing.assert_close(whole - alone, net.second.weight.grad, rtol=1e-3, atol=1e-7)
    torch.testing.assert_close(2 * (half - alone), whole - alone, rtol=1e-3, atol=1e-7)


def test_with_weight_0_the_decoder_learns_all_the_same():
    x, y = rows()
    net = small(n_hidden=32, reconstruction=0.0)
    net.noise = 0.0
    before = (net.decoder(net.code(x)) - x).square().mean().item()
    schedule = Schedule("adamw", 1e-2, max_epochs=200, patience=200)
    train(net, EnsembleLoss(net), Data(x, targets(y, x)), None, schedule)
    after = (net.decoder(net.code(x)) - x).square().mean().item()
    assert after < before / 2


def test_losses_against_those_of_torch():
    net, (x, y) = small(3, noise=0.0, dropout=0.0), rows()
    label = (3 * y).long()
    members = member_logits(net, x)
    expected = torch.stack(
        [functional.cross_entropy(members[:, k], label, reduction="none") for k in range(4)]
    ).mean(dim=0)
    output = net.train()(x)
    squared = functional.mse_loss(output[:, 12:], x, reduction="none").mean(dim=1)
    loss = EnsembleLoss(net)
    torch.testing.assert_close(loss(output, targets(label, x)), expected + squared)
    prediction = outputs(net, x)
    alone = functional.cross_entropy(prediction, label, reduction="none")
    torch.testing.assert_close(loss(prediction, targets(label, x)), alone)


@pytest.mark.parametrize("n_outputs", [1, 3])
def test_without_dropout_fifty_rows_are_learned_by_heart(n_outputs):
    x, y = rows(50)
    torch.manual_seed(0)
    net = SharedEnsemble(3, 2, n_outputs, n_hidden=64, dropout=0.0, noise=0.0)
    y = y if n_outputs == 1 else (3 * y).long()
    data = Data(x, targets(y, x))
    before = EnsembleLoss(net)(outputs(net, x), data.y).mean().item()
    schedule = Schedule("adamw", 3e-3, batch_size=50, max_epochs=400, patience=400)
    train(net, EnsembleLoss(net), data, None, schedule)
    after = EnsembleLoss(net)(outputs(net, x), data.y).mean().item()
    assert after < before / 15


def test_an_absolute_error_finds_the_median_and_not_the_mean():
    """Half of the labels and one at 0.2, the others at 0.9: the median is 0.2, the mean 0.54."""
    y = torch.tensor([0.2] * 26 + [0.9] * 24)
    x = torch.full((50, 5), 0.5)
    net = small(dropout=0.0, noise=0.0)
    schedule = Schedule("adamw", 1e-2, batch_size=50, max_epochs=400, patience=400)
    train(net, EnsembleLoss(net), Data(x, targets(y, x)), None, schedule)
    assert outputs(net, x[:1]).sigmoid().item() == pytest.approx(0.2, abs=0.03)


@pytest.mark.parametrize("parameters", [{"reconstruction": -1.0}, {"noise": -0.1}])
def test_negative_weights_are_refused(parameters):
    with pytest.raises(ValueError, match="at least 0"):
        SharedEnsemble(1, 1, **parameters)
