"""Gradients and training of recurrent units against autograd, torch's layers and arithmetic."""

from __future__ import annotations

import math

import numpy as np
import plain_recurrent as plain
import pytest
import torch
from plain_recurrent import GATES, UNITS, perturbed, rows, torch_forward, torch_layer

from spdkit.nets.recurrent.passes import TOGETHER
from spdkit.nets.recurrent.steps import absolute_error, adam
from spdkit.nets.recurrent.training import gradient, train
from spdkit.nets.recurrent.unit import RecurrentUnit
from spdkit.nets.training import DivergedError


def targets(unit, n_models, n_rows, dtype=torch.float64):
    generator = torch.Generator().manual_seed(7)
    shape = (n_models, n_rows, unit.output_size, unit.n_outputs)
    return torch.rand(shape, generator=generator, dtype=dtype)


def mae(output, y):
    return (output - y).abs().mean()


def grouped_square(output, y):
    return (output - y).square().mean((1, 2, 3))


# Gradients


@pytest.mark.parametrize("unit", UNITS, ids=repr)
def test_gradients_are_autograds(unit):
    weights, x, y = perturbed(unit, 3), rows(unit, 3, 7), targets(unit, 3, 7)
    values, gradients = gradient(unit, weights, x, y)
    assert gradients.keys() == weights.keys()
    for m in range(3):
        parts = plain.model(weights, m)
        value = mae(plain.forward(unit, parts, x[m]), y[m])
        expected = torch.autograd.grad(value, list(parts.values()), materialize_grads=True)
        torch.testing.assert_close(values[m], value.detach())
        for name, each in zip(parts, expected, strict=True):
            torch.testing.assert_close(gradients[name][m], each, rtol=1e-9, atol=1e-13, msg=name)


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
def test_with_tanh_gradients_are_those_of_torchs_layers(cell, bidirectional):
    unit = RecurrentUnit(
        cell, 6, 2, 3, bidirectional=bidirectional, units=(7, 5), activation="tanh"
    )
    weights, x, y = perturbed(unit, 1), rows(unit, 1, 4), targets(unit, 1, 4)
    own = {name: each[0] for name, each in weights.items()}
    layers = [
        torch_layer(unit, own, f"layer{k + 1}", n)
        for k, n in enumerate((3, 14 if bidirectional else 7))
    ]
    mae(torch_forward(unit, layers, own, x[0]), y[0]).backward()
    _, gradients = gradient(unit, weights, x, y)
    order = [1, 0, 2] if cell == "gru" else list(range(GATES[cell]))
    for layer, name in zip(layers, ("layer1", "layer2"), strict=True):
        for suffix, prefix in (("", name), ("_reverse", f"{name}.backward"))[: 1 + bidirectional]:
            for kind, ours in (("ih", "kernel"), ("hh", "recurrent")):
                expected = getattr(layer, f"weight_{kind}_l0{suffix}").grad
                value = gradients[f"{prefix}.{ours}"][0, order].transpose(1, 2).flatten(0, 1)
                torch.testing.assert_close(value, expected, rtol=0, atol=1e-12)
            bias = gradients[f"{prefix}.bias"][0]
            expected = getattr(layer, f"bias_ih_l0{suffix}").grad
            torch.testing.assert_close(bias[order].flatten(), expected, rtol=0, atol=1e-12)
            if cell == "gru":
                expected = getattr(layer, f"bias_hh_l0{suffix}").grad
                value = bias[[3 + k for k in order]].flatten()
                torch.testing.assert_close(value, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("features", ["single", "multiple"])
@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
def test_gradients_are_finite_differences(cell, features):
    unit = RecurrentUnit(cell, 3, 3, 2, features, bidirectional=True, units=(6, 5))
    weights, x, y = perturbed(unit, 2), rows(unit, 2, 5), targets(unit, 2, 5)
    _, slopes = gradient(unit, weights, x, y, grouped_square)
    generator, step = torch.Generator().manual_seed(8), 1e-6
    for name, each in weights.items():
        way = torch.randn(each.shape, generator=generator, dtype=each.dtype)
        there, back = (
            grouped_square(unit.forward(weights | {name: each + sign * step * way}, x), y)
            for sign in (1, -1)
        )
        expected = (there - back) / (2 * step)
        torch.testing.assert_close(
            (slopes[name] * way).flatten(1).sum(1), expected, rtol=1e-5, atol=1e-9, msg=name
        )


def test_absolute_error_by_hand():
    output = torch.tensor([[1.0, 2.0], [5.0, 0.0]]).view(2, 2, 1, 1)
    y = torch.tensor([[3.0, 2.0], [1.0, 1.0]]).view(2, 2, 1, 1)
    value, slope = torch.empty(2), torch.empty_like(output)
    absolute_error(*(each.numpy() for each in (output, y, value, slope)))
    assert value.tolist() == [1.0, 2.5]  # (2 + 0) / 2, (4 + 1) / 2
    assert slope.flatten().tolist() == [-0.5, 0.0, 0.5, -0.5]


def test_adam_is_as_keras_writes_it():
    rng = np.random.default_rng(0)
    weights = expected = rng.random(5)
    weights = weights.copy()
    moments = [np.zeros(5), np.zeros(5)]
    mean, square, rate = np.zeros(5), np.zeros(5), 0.01
    for t in range(1, 6):
        g = rng.standard_normal(5) * 10.0 ** np.arange(-9, 1, 2)  # next to eps, and far from it
        mean, square = 0.9 * mean + 0.1 * g, 0.999 * square + 0.001 * g**2
        alpha = rate * math.sqrt(1 - 0.999**t) / (1 - 0.9**t)
        expected = expected - alpha * mean / (np.sqrt(square) + 1e-7)
        adam(weights, g, *moments, alpha, np.array([1e-7, 0.9, 0.1, 0.999, 0.001]))
        np.testing.assert_allclose(weights, expected, rtol=1e-14)


def test_adam_loses_no_digits_in_single_precision():
    """Where 1 - 0.999 is taken in single precision, it is off by 1e-5 of itself."""
    single = np.float32
    weights, mean, square = np.zeros(3, single), np.zeros(3, single), np.zeros(3, single)
    g = np.array([0.5, 2.0, 1e-5], single)
    numbers = np.array([1e-7, 0.9, 0.1, 0.999, 0.001], single)
    adam(weights, g, mean, square, single(1e-3), numbers)
    np.testing.assert_allclose(square, 0.001 * g.astype(float) ** 2, rtol=3e-7)
    np.testing.assert_allclose(mean, 0.1 * g.astype(float), rtol=3e-7)


# Training


@pytest.mark.parametrize("unit", UNITS, ids=repr)
def test_training_is_that_of_a_plain_loop(unit):
    x, y = rows(unit, 2, 10), targets(unit, 2, 10)
    calls = []
    trained = train(
        unit, x, y, seeds=[3, 4], epochs=3, batch_size=4, on_epoch=lambda *args: calls.append(args)
    )
    assert calls == [(1, 3), (2, 3), (3, 3)]
    assert trained.losses.shape == (3, 2)
    for m in range(2):
        model = plain.model(unit.initial([3, 4], torch.float64), m)
        expected, losses = plain.train(unit, model, x[m], y[m], 3, 4, mae)
        assert trained.losses[:, m].tolist() == pytest.approx(losses, rel=1e-9)
        for name, each in expected.items():
            torch.testing.assert_close(trained.weights[name][m], each, rtol=0, atol=1e-9, msg=name)


@pytest.mark.parametrize("p", [1, 4])
def test_training_of_the_published_size_in_single_precision(p):
    unit = RecurrentUnit("lstm", p, p)
    x, y = rows(unit, 2, 45, torch.float32), targets(unit, 2, 45, torch.float32)
    trained = train(unit, x, y, seeds=[3, 4], epochs=5)
    for m in range(2):
        model = plain.model(unit.initial([3, 4]), m)
        expected, _ = plain.train(unit, model, x[m], y[m], 5, 32, mae)
        for name, each in expected.items():
            torch.testing.assert_close(trained.weights[name][m], each, rtol=0, atol=2e-6, msg=name)


def test_a_model_does_not_depend_on_its_group():
    unit = RecurrentUnit("lstm", 3, 2, units=(18, 6))
    n = TOGETHER + 3
    x, y = rows(unit, n, 7, torch.float32), targets(unit, n, 7, torch.float32)
    calls = []
    trained = train(unit, x, y, seeds=range(n), epochs=4, on_epoch=lambda *args: calls.append(args))
    assert calls == [(k + 1, 8) for k in range(8)]
    for some in ([0], [TOGETHER, 2]):
        alone = train(unit, x[some], y[some], seeds=some, epochs=4)
        assert torch.equal(alone.losses, trained.losses[:, some])
        for name, each in alone.weights.items():
            assert torch.equal(each, trained.weights[name][some]), name


def test_a_loss_of_ones_own_sees_what_targets_bring():
    """Relative errors, of which each row has a weight beside its targets."""
    unit = RecurrentUnit("gru", 3, 2, units=(6, 5))
    n = TOGETHER + 1
    x, y = rows(unit, n, 10), targets(unit, n, 10)
    weight = rows(unit, n, 10)[:, :, :1]
    seen = []

    def relative(output, packed):
        seen.append((tuple(output.shape), tuple(packed.shape)))
        actual, share = packed[:, :, :-1], packed[:, :, -1]
        errors = ((output - actual) / (actual + 0.5)).square().mean((2, 3))
        return (errors * share[..., 0]).sum(1)

    trained = train(
        unit, x, torch.cat([y, weight], 2), seeds=range(n), epochs=2, batch_size=6, loss=relative
    )
    first = [((TOGETHER, b, 2, 1), (TOGETHER, b, 3, 1)) for b in (6, 4)]
    assert seen == first * 2 + [((1, *a[1:]), (1, *b[1:])) for a, b in first] * 2
    for m in (0, TOGETHER):
        model = plain.model(unit.initial(range(n), torch.float64), m)
        packed = torch.cat([y, weight], 2)[m]
        expected, losses = plain.train(
            unit, model, x[m], packed, 2, 6, lambda o, p: relative(o[None], p[None])[0]
        )
        assert trained.losses[:, m].tolist() == pytest.approx(losses)
        for name, each in expected.items():
            torch.testing.assert_close(trained.weights[name][m], each, rtol=0, atol=1e-9, msg=name)


def test_training_goes_on_from_weights_and_leaves_them():
    unit = RecurrentUnit("rnn", 2, 2, units=(6, 5))
    x, y = rows(unit, 2, 5), targets(unit, 2, 5)
    initial = unit.initial([1, 2], torch.float64)
    copies = {name: each.clone() for name, each in initial.items()}
    trained = train(unit, x, y, initial=initial, epochs=2)
    same = train(unit, x, y, seeds=[1, 2], epochs=2)
    for name, each in trained.weights.items():
        assert torch.equal(each, same.weights[name]), name
        assert torch.equal(initial[name], copies[name]), name


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
def test_a_straight_line_is_learned(cell):
    """Ever the same step: the next two values follow from the last three."""
    unit = RecurrentUnit(cell, 3, 2, units=(16, 8))
    walk = torch.linspace(0, 1, 40, dtype=torch.float64).unfold(0, 5, 1)[None, :, :, None]
    trained = train(unit, walk[:, :, :3], walk[:, :, 3:], seeds=[1], epochs=150, learning_rate=0.01)
    assert trained.losses[0] > 0.2
    assert trained.losses[-1] < 0.03


# Refusals


def test_what_does_not_fit_is_refused():
    unit = RecurrentUnit("rnn", 3, 2, units=(6, 5))
    x, y = torch.rand(2, 4, 3, 1), torch.rand(2, 4, 2, 1)
    good = {"seeds": [0, 1], "epochs": 1}
    broken = x.clone()
    broken[1, 0, 0, 0] = math.inf
    for some_x, some_y, change, message in (
        (x, y[:, :3], {}, r"targets must have shape \(2, 4, 2, 1\) .*got \(2, 3, 2, 1\)"),
        (x, y[..., 0], {}, r"got \(2, 4, 2\)"),
        (x, y.double(), {}, "torch.float32, got .* and torch.float64"),
        (x, y[:1], {"loss": grouped_square}, r"a row for each of \(2, 4\), got \(1, 4, 2, 1\)"),
        (x[:, :0], y[:, :0], {}, r"there must be rows to learn from, got .*\(2, 0, 3, 1\)"),
        (x[:, :, :2], y, {}, r"inputs must have shape \(2, 'n_rows', 3, 1\)"),
        (x, y, {"seeds": [0]}, r"inputs must have shape \(1, 'n_rows', 3, 1\)"),
        (x, y, {"seeds": []}, "seeds must be those of the models, got none"),
        (broken, y, {}, r"inputs of models \[1\] are not all finite"),
        (x, y * math.nan, {}, r"targets of models \[0, 1\] are not all finite"),
        (x, y, {"loss": "mse"}, "loss must be \"mae\" or a function, got 'mse'"),
        (x, y, {"loss": lambda o, t: (o - t).mean()}, r"one number a model, shape \(2,\), got"),
        (x, y, {"epochs": 0}, "at least 1 .*got 0, 32 and 0.001"),
        (x, y, {"batch_size": 0}, "at least 1 .*got 1, 0 and 0.001"),
        (x, y, {"learning_rate": math.nan}, "learning_rate positive, got 1, 32 and nan"),
        (x, y, {"seeds": None}, "give either seeds or initial weights"),
        (x, y, {"initial": unit.initial([0, 1])}, "give either seeds or initial weights"),
    ):
        with pytest.raises(ValueError, match=message):
            train(unit, some_x, some_y, **(good | change))


def test_a_model_that_diverges_is_named():
    unit = RecurrentUnit("lstm", 3, 2, units=(6, 5))
    n = TOGETHER + 2
    x, y = rows(unit, n, 8), targets(unit, n, 8)
    before = torch.get_num_threads()
    bad = [2, TOGETHER + 1]

    def broken(output, y):
        return grouped_square(output, y) * torch.where(y[:, 0, 0, 0] > 1, math.inf, 1.0)

    y[bad, 0] = 2.0
    with pytest.raises(DivergedError, match=r"models \[2\] is no finite number in epoch 1: lower"):
        train(unit, x, y, seeds=range(n), epochs=3, loss=broken)
    y[2, 0] = 0.5
    with pytest.raises(DivergedError, match=rf"models \[{TOGETHER + 1}\]"):
        train(unit, x, y, seeds=range(n), epochs=3, loss=broken)
    with pytest.raises(DivergedError, match=r"no finite number in epoch [2-9]"):
        train(unit, x, y, seeds=range(n), epochs=9, learning_rate=1e200)
    assert torch.get_num_threads() == before
