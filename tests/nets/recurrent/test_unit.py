"""Recurrent units: initial weights, and forecasts against plain loops and torch's own layers."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import plain_recurrent as plain
import pytest
import torch
from plain_recurrent import GATES, UNITS, perturbed, rows, torch_forward, torch_layer

from spdkit.nets.recurrent.steps import RELU, SIGMOID, TANH, activate
from spdkit.nets.recurrent.unit import RecurrentUnit


@pytest.mark.parametrize("unit", UNITS, ids=repr)
def test_forecasts_are_those_of_a_plain_loop(unit):
    weights, x = perturbed(unit, 10), rows(unit, 10, 7)
    forecasts = unit.forward(weights, x)
    assert forecasts.shape == (10, 7, unit.output_size, unit.n_outputs)
    for m in range(10):
        expected = plain.forward(unit, plain.model(weights, m), x[m])
        torch.testing.assert_close(forecasts[m], expected.detach(), rtol=1e-10, atol=1e-12)


def test_single_precision_of_the_published_size():
    unit = RecurrentUnit("lstm", 8, 8)
    weights, x = perturbed(unit, 2, torch.float32), rows(unit, 2, 300, torch.float32)
    forecasts = unit.forward(weights, x)
    assert forecasts.dtype == torch.float32
    for m in range(2):
        expected = plain.forward(unit, plain.model(weights, m), x[m])
        torch.testing.assert_close(forecasts[m], expected.detach(), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
def test_with_tanh_layers_are_those_of_torch(cell, bidirectional):
    unit = RecurrentUnit(
        cell, 6, 2, 3, bidirectional=bidirectional, units=(7, 5), activation="tanh"
    )
    weights, x = perturbed(unit, 3), rows(unit, 3, 4)
    forecasts = unit.forward(weights, x)
    for m in range(3):
        own = {name: each[m] for name, each in weights.items()}
        widths = (3, 14 if bidirectional else 7)
        layers = [torch_layer(unit, own, f"layer{k + 1}", n) for k, n in enumerate(widths)]
        expected = torch_forward(unit, layers, own, x[m]).detach()
        torch.testing.assert_close(forecasts[m], expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
def test_a_row_does_not_depend_on_the_others(cell):
    unit = RecurrentUnit(cell, 4, 3, units=(18, 6))
    weights, x = perturbed(unit, 9), rows(unit, 9, 300)
    forecasts = unit.forward(weights, x)
    for some in (slice(0, 1), slice(255, 258), slice(3, 3)):
        torch.testing.assert_close(
            unit.forward(weights, x[:, some]), forecasts[:, some], rtol=0, atol=1e-13
        )
    one = {name: each[8:] for name, each in weights.items()}
    assert torch.equal(unit.forward(one, x[8:]), forecasts[8:])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_nan_stays_in_its_row(dtype):
    unit = RecurrentUnit("lstm", 3, 2, units=(17, 5))
    weights, x = perturbed(unit, 2, dtype), rows(unit, 2, 4, dtype)
    x[1, 2, 0, 0] = math.nan
    forecasts = unit.forward(weights, x)
    assert forecasts[1, 2].isnan().all()
    forecasts[1, 2] = 0
    assert forecasts.isfinite().all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(
    ("code", "theirs"), [(RELU, torch.relu), (TANH, torch.tanh), (SIGMOID, torch.sigmoid)]
)
def test_activations_are_those_of_torch(code, theirs, dtype):
    x = torch.cat([torch.linspace(-200, 200, 4001), torch.linspace(-1, 1, 2001)]).to(dtype)
    x = torch.cat([x, torch.tensor([0.0, -math.inf, math.inf, math.nan], dtype=dtype)])
    activated = x.clone()
    activate(activated.numpy(), code)
    rtol = 1e-6 if dtype == torch.float32 else 1e-14
    torch.testing.assert_close(activated, theirs(x), rtol=rtol, atol=1e-37, equal_nan=True)


# Initial weights


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
def test_initial_weights_are_kerass(cell):
    unit = RecurrentUnit(cell, 4, 3, bidirectional=True)
    gates = GATES[cell]
    shapes = {
        "layer1": (1, 64),
        "layer1.backward": (1, 64),
        "layer2": (128, 32),
        "layer2.backward": (128, 32),
    }
    weights = unit.initial([3, 4], torch.float64)
    for name, (n_in, n_units) in shapes.items():
        # In Keras a kernel is one matrix, (inputs, gates * units): its fans are the limit's.
        limit = math.sqrt(6 / (n_in + gates * n_units))
        kernel = weights.pop(f"{name}.kernel")
        assert kernel.shape == (2, gates, n_in, n_units)
        assert 0.9 * limit < kernel.abs().amax() <= limit
        assert kernel.std() == pytest.approx(limit / math.sqrt(3), rel=0.15)
        recurrent = weights.pop(f"{name}.recurrent")
        assert recurrent.shape == (2, gates, n_units, n_units)
        for m in range(2):
            whole = recurrent[m].transpose(0, 1).flatten(1)
            torch.testing.assert_close(whole @ whole.T, torch.eye(n_units, dtype=torch.float64))
        bias = weights.pop(f"{name}.bias")
        assert bias.shape == (2, 6 if cell == "gru" else gates, n_units)
        expected = torch.zeros_like(bias)
        if cell == "lstm":
            expected[:, 1] = 1  # of i, f, g, o
        assert torch.equal(bias, expected)
    kernel, bias = weights.pop("output.kernel"), weights.pop("output.bias")
    assert kernel.shape == (2, 64, 3)
    assert 0.9 * math.sqrt(6 / 67) < kernel.abs().amax() <= math.sqrt(6 / 67)
    assert torch.equal(bias, torch.zeros(2, 3, dtype=torch.float64))
    assert not weights


def test_parameters_by_hand():
    # An LSTM of 64: 4 * (1 + 64 + 1) * 64 = 16896; of 32: 4 * (64 + 32 + 1) * 32 = 12416; dense:
    # 33 * 2. Of 3 on 32: 4 * (32 + 3 + 1) * 3 = 432, on 3 features 4 * (3 + 64 + 1) * 64 = 17408.
    single, several = RecurrentUnit("lstm", 2, 2), RecurrentUnit("lstm", 2, 2, 3, "multiple")
    counts = [sum(map(math.prod, unit.shapes().values())) for unit in (single, several)]
    assert counts == [16896 + 12416 + 66, 17408 + 12416 + 432]


def test_a_model_draws_from_its_own_seed():
    unit = RecurrentUnit("lstm", 2, 2, units=(6, 5))
    together, alone = unit.initial([1, 2, 1]), unit.initial([2])
    for name, each in together.items():
        assert torch.equal(each[1], alone[name][0]), name
        assert torch.equal(each[0], each[2]), name
        if not name.endswith("bias"):
            assert not torch.equal(each[0], each[1]), name
        assert each.dtype == torch.float32
    double = unit.initial([1, 2, 1], torch.float64)
    assert all(torch.equal(double[name].float(), each) for name, each in together.items())


def test_the_global_generator_is_left_alone():
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    RecurrentUnit("gru", 2, 2).initial([1])
    assert torch.equal(torch.rand(3), expected)


def test_weights_survive_as_named_arrays():
    unit = RecurrentUnit("gru", 3, 2, units=(6, 5))
    weights, x = perturbed(unit, 2), rows(unit, 2, 3)
    arrays = {name: each.numpy() for name, each in weights.items()}
    back = {name: torch.from_numpy(np.array(each)) for name, each in arrays.items()}
    assert torch.equal(unit.forward(back, x), unit.forward(weights, x))


# Refusals


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"cell": "LSTM"}, "cell must be one of .*'LSTM'"),
        ({"features": "many"}, "features must be one of .*'many'"),
        ({"activation": "elu"}, "activation must be one of .*'elu'"),
        ({"input_size": 0}, "input_size must be whole and at least 1, got 0"),
        ({"output_size": 2.0}, "output_size must be whole and at least 1, got 2.0"),
        ({"n_features": True}, "n_features must be whole and at least 1, got True"),
        ({"units": (64,)}, r"units must be those of two layers, got \(64,\)"),
        ({"units": (64, -1)}, "units must be whole and at least 1, got -1"),
        ({"features": "multiple", "output_size": 3}, "output_size must be input_size = 2, got 3"),
    ],
)
def test_impossible_units_are_refused(change, message):
    unit = RecurrentUnit("lstm", 2, 2)
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(unit, **change)


def test_what_does_not_fit_is_refused():
    unit = RecurrentUnit("rnn", 3, 2, units=(6, 5))
    weights, x = unit.initial([0, 1]), torch.rand(2, 4, 3, 1)
    for bad, message in (
        (x[:1], r"inputs must have shape \(2, 'n_rows', 3, 1\) .*got \(1, 4, 3, 1\)"),
        (x[..., 0], r"got \(2, 4, 3\)"),
        (x[:, :, :2], r"got \(2, 4, 2, 1\)"),
        (x.double(), "torch.float32 on the CPU, got .*torch.float64"),
    ):
        with pytest.raises(ValueError, match=message):
            unit.forward(weights, bad)
    with pytest.raises(ValueError, match=r"weights must be .*'output.bias'.*, got"):
        unit.forward({"layer1.kernel": weights["layer1.kernel"]}, x)
    with pytest.raises(ValueError, match=r"output.bias must have shape \(2, 2\).*got \(1, 2\)"):
        unit.forward(weights | {"output.bias": weights["output.bias"][:1]}, x)
    with pytest.raises(ValueError, match=r"weights must be torch.float32 or torch.float64, got"):
        unit.forward({name: each.half() for name, each in weights.items()}, x)
    with pytest.raises(ValueError, match="got none"):
        unit.initial([])
    with pytest.raises(ValueError, match=r"torch.float16"):
        unit.initial([0], torch.float16)
