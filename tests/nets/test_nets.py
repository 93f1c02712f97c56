"""The networks: shapes and counts by hand, Keras's constants, one training loop."""

from __future__ import annotations

import copy
import weakref

import numpy as np
import pytest
import torch
from scipy import stats

from spdkit.nets.dense import INITIALISERS, dense, width
from spdkit.nets.music_ae import MusicAENet
from spdkit.nets.music_pop import MusicPopNet
from spdkit.nets.training import (
    OPTIMIZERS,
    Data,
    DivergedError,
    Schedule,
    cross_entropy,
    make_optimizer,
    outputs,
    reconstruction_error,
    squared_error,
    train,
)


def n_parameters(net):
    return sum(p.numel() for p in net.parameters())


@pytest.mark.parametrize(
    ("x", "expected"), [(0.2, 1), (0.5, 1), (1.49, 1), (1.5, 2), (2.5, 3), (80.4, 80)]
)
def test_widths_round_half_up_and_are_at_least_1(x, expected):
    assert width(x) == expected


def test_autoencoder_by_hand():
    # d = 10: 10 → 5 → 3 (3.33) → 2 → 3 → 5 → 10. Weights and biases:
    # 55 + 18 + 8 + 9 + 20 + 60 = 170.
    net = MusicAENet(10, 1 / 5)
    assert net.n_code == 2
    assert n_parameters(net) == 170
    x = torch.rand(7, 10)
    assert net(x).shape == (7, 10)
    assert net.encoder(x).shape == (7, 2)
    assert (net.encoder(x) >= 0).all()
    assert ((net(x) > 0) & (net(x) < 1)).all()


@pytest.mark.parametrize(("delta", "code"), [(1 / 5, 80), (1 / 4, 100), (1 / 7, 57), (1, 400)])
def test_code_of_each_preset(delta, code):
    # 400 features: 400 / 7 = 57.14.
    assert MusicAENet(400, delta).n_code == code


def test_without_compression_no_layer_is_narrower():
    net = MusicAENet(12, 1.0)
    assert {m.out_features for m in net.modules() if isinstance(m, torch.nn.Linear)} == {12}


@pytest.mark.parametrize("delta", [0, -0.1, 1.1])
def test_impossible_compression_is_refused(delta):
    with pytest.raises(ValueError, match="delta"):
        MusicAENet(10, delta)


def test_popularity_net_by_hand():
    # c = 9: 9 → 9 → 5 (4.5) → 3 → 1: 90 + 50 + 18 + 4 = 162; three classes: 90 + 50 + 18 + 12.
    assert n_parameters(MusicPopNet(9)) == 162
    net = MusicPopNet(9, 3)
    assert n_parameters(net) == 170
    assert net(torch.rand(4, 9)).shape == (4, 3)
    assert sum(isinstance(m, torch.nn.Dropout) for m in net.modules()) == 3


@pytest.mark.parametrize("initialiser", INITIALISERS)
def test_initial_weights_have_the_distribution_of_keras(initialiser):
    """Against scipy's distributions; a normal one that is not cut or not widened would fail."""
    torch.manual_seed(0)
    layer = dense(300, 200, initialiser)
    variance = 2 / 500 if initialiser.startswith("glorot") else 2 / 300
    if initialiser.endswith("uniform"):
        limit = np.sqrt(3 * variance)
        expected = stats.uniform(-limit, 2 * limit)
    else:
        cut = stats.truncnorm(-2, 2)
        expected = stats.truncnorm(-2, 2, scale=np.sqrt(variance) / cut.std())
    assert expected.var() == pytest.approx(variance)
    weights = layer.weight.detach().numpy().ravel()
    assert stats.kstest(weights, expected.cdf).pvalue > 0.01
    assert not layer.bias.any()


def test_an_unknown_initialiser_is_named():
    with pytest.raises(ValueError, match="'orthogonal'"):
        dense(2, 2, "orthogonal")


def rows(n=50, d=6, seed=0):
    rng = np.random.default_rng(seed)
    x = torch.tensor(rng.random((n, d)), dtype=torch.float32)
    return x, torch.tensor(rng.random(n), dtype=torch.float32)


@pytest.mark.parametrize("loss", ["regression", "classes", "reconstruction"])
def test_without_dropout_fifty_rows_are_learned_by_heart(loss):
    x, y = rows(d=40)
    torch.manual_seed(1)
    if loss == "reconstruction":
        net, function, target = MusicAENet(40, 1.0), reconstruction_error, x
    else:
        classes = loss == "classes"
        net = MusicPopNet(40, 3 if classes else 1, dropout=0.0)
        function = cross_entropy if classes else squared_error
        target = (y * 3).long() if classes else y
    schedule = Schedule(max_epochs=800, patience=800, learning_rate=3e-3)
    history = train(net, function, Data(x, target), None, schedule)
    assert history[-1]["loss"] < history[0]["loss"] / 15


def test_the_same_seed_gives_the_same_weights_and_leaves_the_users_generator_alone():
    x, y = rows()
    start = MusicPopNet(6, dropout=0.5)
    weights = []
    for seed in (3, 3, 4):
        torch.manual_seed(99)
        net = copy.deepcopy(start)
        train(
            net, squared_error, Data(x, y), None, Schedule(max_epochs=5, batch_size=16, seed=seed)
        )
        weights.append(torch.cat([p.detach().ravel() for p in net.parameters()]))
        state = torch.random.get_rng_state()
        torch.manual_seed(99)
        assert torch.equal(state, torch.random.get_rng_state())
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


def test_the_weights_of_the_best_epoch_come_back():
    """Validation targets that contradict the training rows: the first epochs are the best."""
    x, y = rows()
    net = MusicPopNet(6, alphas=(20, 20, 20), dropout=0.0)
    validation = Data(x, 1 - y)
    seen = []
    schedule = Schedule(max_epochs=200, patience=15, learning_rate=1e-2)
    history = train(
        net,
        squared_error,
        Data(x, y),
        validation,
        schedule,
        lambda epoch, metrics: seen.append((epoch, dict(metrics))),
    )
    losses = [metrics["val_loss"] for metrics in history]
    best = int(np.argmin(losses))
    assert len(history) == best + 1 + 15 < 200
    assert [epoch for epoch, _ in seen] == list(range(1, len(history) + 1))
    assert [metrics for _, metrics in seen] == history
    final = squared_error(outputs(net, x), validation.y).mean().item()
    assert final == pytest.approx(losses[best], rel=1e-5)


def test_a_row_of_weight_two_is_a_row_that_is_there_twice():
    x, y = rows(8)
    weight = torch.tensor([2.0, 1, 1, 1, 1, 1, 1, 1])
    results = []
    for data in (Data(x, y, weight), Data(torch.cat([x[:1], x]), torch.cat([y[:1], y]))):
        torch.manual_seed(0)
        net = MusicPopNet(6, dropout=0.0)
        schedule = Schedule(optimizer="sgd", max_epochs=20, batch_size=100, learning_rate=0.5)
        train(net, squared_error, data, None, schedule)
        results.append(outputs(net, x))
    torch.testing.assert_close(*results, rtol=1e-4, atol=1e-5)


def keras_steps(name, gradients, lr):
    """Sum of the steps on one weight, by the formulas of Keras 2.3."""
    w = m = v = 0.0
    schedule = 1.0
    for t, g in enumerate(gradients, start=1):
        if name == "sgd":
            w -= lr * g
        elif name == "adadelta":  # m: mean of squared gradients, v: of squared steps
            m = 0.95 * m + 0.05 * g * g
            step = g * np.sqrt(v + 1e-7) / np.sqrt(m + 1e-7)
            v = 0.95 * v + 0.05 * step * step
            w -= lr * step
        else:
            m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
            v_hat = v / (1 - 0.999**t)
            if name == "nadam":
                now, then = (0.9 * (1 - 0.5 * 0.96 ** (i * 0.004)) for i in (t, t + 1))
                schedule *= now
                m_bar = (1 - now) * g / (1 - schedule) + then * m / (1 - schedule * then)
                w -= lr * m_bar / (np.sqrt(v_hat) + 1e-7)
            else:
                w -= lr * m / (1 - 0.9**t) / (np.sqrt(v_hat) + 1e-7)
    return w


@pytest.mark.parametrize("name", ["adadelta", "adam", "nadam", "sgd"])
def test_optimisers_step_as_those_of_keras(name):
    gradients = np.random.default_rng(5).standard_normal(12)
    net = torch.nn.Linear(1, 1, bias=False).double()
    torch.nn.init.zeros_(net.weight)
    optimizer = make_optimizer(net, Schedule(optimizer=name))
    for g in gradients:
        net.weight.grad = torch.full_like(net.weight, g)
        optimizer.step()
    lr = {"adadelta": 1.0, "sgd": 0.01}.get(name, 0.001)
    assert net.weight.item() == pytest.approx(keras_steps(name, gradients, lr), rel=1e-6)


def test_weight_decay_and_unknown_optimisers():
    net = torch.nn.Linear(1, 1)
    for name in OPTIMIZERS:
        group = make_optimizer(net, Schedule(optimizer=name, weight_decay=0.3)).param_groups[0]
        assert group["weight_decay"] == 0.3
    with pytest.raises(ValueError, match="'lamb'"):
        make_optimizer(net, Schedule(optimizer="lamb"))


def test_a_loss_that_is_no_number_ends_the_training():
    x, y = rows()
    x[0, 0] = np.nan
    with pytest.raises(DivergedError, match="epoch 1"):
        train(MusicPopNet(6), squared_error, Data(x, y), None, Schedule(max_epochs=3))


class ReadRows:
    """Rows of a tensor, given when they are asked for; how many, and whether any are left over."""

    def __init__(self, x):
        self.x, self.asked, self.last = x, [], None

    def __len__(self):
        return len(self.x)

    def __getitem__(self, index):
        assert self.last is None or self.last() is None, "the batch before is still in memory"
        batch = self.x[index].clone()
        self.asked.append(len(batch))
        self.last = weakref.ref(batch)
        return batch


def test_rows_that_are_read_teach_the_same_a_batch_at_a_time():
    x, y = rows(50)
    schedule = Schedule(max_epochs=3, batch_size=8, rows_at_a_time=7)
    results, read = [], ReadRows(x)
    for given in (x, read):
        torch.manual_seed(0)
        net = MusicPopNet(6)
        data = Data(given, y)
        history = train(net, squared_error, data, data, schedule)
        results.append((history, outputs(net, given, 9)))
    assert results[0][0] == results[1][0]
    assert torch.equal(results[0][1], results[1][1])
    epoch = [8] * 6 + [2] + [7] * 7 + [1]
    assert read.asked == epoch * 3 + [9] * 5 + [5]
