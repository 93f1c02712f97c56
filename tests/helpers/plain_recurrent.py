"""Recurrent units as their equations say, one model and one step at a time, with autograd.

And what their tests share: units of every kind, and layers of torch's with the same weights.
"""

from __future__ import annotations

import torch
from torch import nn

from spdkit.nets.recurrent.unit import RecurrentUnit

ACTIVATIONS = {"relu": torch.relu, "tanh": torch.tanh, "sigmoid": torch.sigmoid}


def lstm(x, kernel, recurrent, bias, act):
    """States (B, T, H) of inputs (B, T, K)."""
    h = c = x.new_zeros(len(x), kernel.shape[2])
    states = []
    for t in range(x.shape[1]):
        i, f, g, o = (x[:, t] @ kernel[k] + h @ recurrent[k] + bias[k] for k in range(4))
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * act(g)
        h = torch.sigmoid(o) * act(c)
        states.append(h)
    return torch.stack(states, 1)


def gru(x, kernel, recurrent, bias, act):
    h = x.new_zeros(len(x), kernel.shape[2])
    states = []
    for t in range(x.shape[1]):
        inputs = [x[:, t] @ kernel[k] + bias[k] for k in range(3)]
        before = [h @ recurrent[k] + bias[3 + k] for k in range(3)]
        z, r = (torch.sigmoid(inputs[k] + before[k]) for k in range(2))
        h = z * h + (1 - z) * act(inputs[2] + r * before[2])
        states.append(h)
    return torch.stack(states, 1)


def rnn(x, kernel, recurrent, bias, act):
    h = x.new_zeros(len(x), kernel.shape[2])
    states = []
    for t in range(x.shape[1]):
        h = act(x[:, t] @ kernel[0] + h @ recurrent[0] + bias[0])
        states.append(h)
    return torch.stack(states, 1)


CELLS = {"lstm": lstm, "gru": gru, "rnn": rnn}


def layer(unit, weights, name, x, act, both):
    """States of one or both directions, and those that each ends with, side by side."""
    cell = CELLS[unit.cell]
    parts = ("kernel", "recurrent", "bias")
    forth = cell(x, *(weights[f"{name}.{part}"] for part in parts), act)
    if not both:
        return forth, forth[:, -1]
    back = cell(x.flip(1), *(weights[f"{name}.backward.{part}"] for part in parts), act)
    return torch.cat([forth, back.flip(1)], 2), torch.cat([forth[:, -1], back[:, -1]], 1)


def forward(unit, weights, x):
    """Outputs (B, q, n_outputs) of one model, whose weights have no axis of models."""
    act = ACTIVATIONS[unit.activation]
    states, _ = layer(unit, weights, "layer1", x, act, unit.bidirectional)
    states, last = layer(unit, weights, "layer2", states, act, unit.bidirectional)
    if unit.features == "multiple":
        return layer(unit, weights, "layer3", states, torch.sigmoid, False)[0]
    return (last @ weights["output.kernel"] + weights["output.bias"])[..., None]


def model(weights, m):
    """Leaves for autograd: the weights of model m alone."""
    return {name: each[m].clone().requires_grad_() for name, each in weights.items()}


def train(unit, weights, x, y, epochs, batch_size, loss, learning_rate=1e-3):
    """Weights and losses (epochs,) of one model; torch's Adam, its eps made Keras's."""
    parts = list(weights.values())
    optimizer = torch.optim.Adam(parts, learning_rate)
    step, losses = 0, []
    for _ in range(epochs):
        total = 0.0
        for some_x, some_y in zip(x.split(batch_size), y.split(batch_size), strict=True):
            value = loss(forward(unit, weights, some_x), some_y)
            # Recurrent weights without a second step get no gradient, and are left alone.
            gradients = torch.autograd.grad(value, parts, materialize_grads=True)
            for part, gradient in zip(parts, gradients, strict=True):
                part.grad = gradient
            step += 1
            optimizer.param_groups[0]["eps"] = 1e-7 / (1 - 0.999**step) ** 0.5
            optimizer.step()
            total += value.item() * len(some_x)
        losses.append(total / len(x))
    return {name: each.detach() for name, each in weights.items()}, losses


# Cases, and torch's own layers

TORCH = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}
GATES = {"lstm": 4, "gru": 3, "rnn": 1}


def perturbed(unit, n_models, dtype=torch.float64):
    """Initial weights with no bias left at 0."""
    generator = torch.Generator().manual_seed(5)
    weights = unit.initial(range(n_models), dtype)
    for name, each in weights.items():
        if name.endswith("bias"):
            each += 0.3 * torch.randn(each.shape, generator=generator, dtype=dtype)
    return weights


def rows(unit, n_models, n_rows, dtype=torch.float64):
    generator = torch.Generator().manual_seed(6)
    shape = (n_models, n_rows, unit.input_size, unit.n_features)
    return torch.rand(shape, generator=generator, dtype=dtype)


UNITS = [
    RecurrentUnit("lstm", 5, 3, units=(20, 17)),
    RecurrentUnit("lstm", 1, 1, units=(5, 3)),
    RecurrentUnit("lstm", 3, 3, 3, "multiple", units=(6, 5)),
    RecurrentUnit("lstm", 4, 2, 2, bidirectional=True, units=(6, 5)),
    RecurrentUnit("lstm", 3, 3, 2, "multiple", bidirectional=True, units=(6, 5)),
    RecurrentUnit("lstm", 4, 2, units=(6, 5), activation="tanh"),
    RecurrentUnit("gru", 5, 3, units=(20, 17)),
    RecurrentUnit("gru", 1, 1, units=(5, 3)),
    RecurrentUnit("gru", 3, 3, 3, "multiple", bidirectional=True, units=(6, 5)),
    RecurrentUnit("gru", 4, 2, 3, units=(6, 5), activation="sigmoid"),
    RecurrentUnit("rnn", 5, 3, units=(20, 17)),
    RecurrentUnit("rnn", 1, 1, units=(5, 3)),
    RecurrentUnit("rnn", 3, 3, 3, "multiple", units=(6, 5)),
    RecurrentUnit("rnn", 4, 2, bidirectional=True, units=(6, 5)),
]


def torch_layer(unit, weights, name, n_inputs):
    """The layer of torch's own with a model's weights; where ours go, by the names of theirs."""
    n_units = weights[f"{name}.bias"].shape[-1]
    theirs = TORCH[unit.cell](
        n_inputs, n_units, batch_first=True, bidirectional=unit.bidirectional
    ).double()
    # Theirs are r, z, n where ours are z, r, h, and all gates are rows of one matrix.
    order = [1, 0, 2] if unit.cell == "gru" else list(range(GATES[unit.cell]))
    for suffix, prefix in (("", name), ("_reverse", f"{name}.backward")):
        if suffix and not unit.bidirectional:
            continue
        for kind, ours in (("ih", "kernel"), ("hh", "recurrent")):
            value = weights[f"{prefix}.{ours}"][order].transpose(1, 2).flatten(0, 1)
            getattr(theirs, f"weight_{kind}_l0{suffix}").data = value.clone()
        bias = weights[f"{prefix}.bias"]
        second = bias[[3 + k for k in order]] if unit.cell == "gru" else torch.zeros_like(bias)
        getattr(theirs, f"bias_ih_l0{suffix}").data = bias[order].flatten().clone()
        getattr(theirs, f"bias_hh_l0{suffix}").data = second.flatten().clone()
    return theirs


def torch_forward(unit, layers, weights, x):
    """Outputs, through two layers of torch's."""
    states, _ = layers[0](x)
    _, last = layers[1](states)
    last = last[0] if unit.cell == "lstm" else last  # (directions, B, H)
    last = last.transpose(0, 1).flatten(1)
    return (last @ weights["output.kernel"] + weights["output.bias"])[..., None]
