"""Peer in plain torch of LSTM-RPA's unit, for one series."""

from __future__ import annotations

import torch
from torch import nn

BATCH = 32


class PlainLayer(nn.Module):
    """An LSTM layer with ReLU, all gates in one product, those of inputs for all steps at once."""

    def __init__(self, kernel: torch.Tensor, recurrent: torch.Tensor, bias: torch.Tensor) -> None:
        super().__init__()
        self.n_units = bias.shape[-1]
        self.kernel, self.recurrent, self.bias = (
            nn.Parameter(each.movedim(0, -2).flatten(-2).clone())
            for each in (kernel, recurrent, bias)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """States (n_rows, n_steps, n_units)."""
        h = c = x.new_zeros(len(x), self.n_units)
        states = []
        for from_inputs in (x @ self.kernel + self.bias).unbind(1):
            i, f, g, o = (from_inputs + h @ self.recurrent).chunk(4, 1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.relu(g)
            h = torch.sigmoid(o) * torch.relu(c)
            states.append(h)
        return torch.stack(states, 1)


class PlainUnit(nn.Module):
    """An SF-LSTM with the weights of one of our models."""

    def __init__(self, weights: dict[str, torch.Tensor], model: int) -> None:
        super().__init__()
        own = {name: each[model] for name, each in weights.items()}
        parts = ("kernel", "recurrent", "bias")
        self.first, self.second = (
            PlainLayer(*(own[f"layer{k}.{part}"] for part in parts)) for k in (1, 2)
        )
        n_units, n_outputs = own["output.kernel"].shape
        self.dense = nn.Linear(n_units, n_outputs)
        self.dense.weight.data = own["output.kernel"].t().clone()
        self.dense.bias.data = own["output.bias"].clone()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Outputs (n_rows, q, 1)."""
        outputs: torch.Tensor = self.dense(self.second(self.first(x))[:, -1])
        return outputs[:, :, None]

    def weights(self) -> dict[str, torch.Tensor]:
        """By our names, in our shapes."""
        weights = {}
        for name, layer in (("layer1", self.first), ("layer2", self.second)):
            for part, value in layer.named_parameters():
                gates = value.detach().unflatten(-1, (4, -1))
                weights[f"{name}.{part}"] = gates.movedim(-2, 0)
        weights["output.kernel"] = self.dense.weight.detach().t()
        weights["output.bias"] = self.dense.bias.detach()
        return weights


def train_plainly(
    net: PlainUnit, x: torch.Tensor, y: torch.Tensor, epochs: int, keras_eps: bool
) -> None:
    """Train one model on rows (n_rows, p, 1), in batches that are not shuffled.

    With `keras_eps` Adam's eps counts beside the root of the second moment as it is.
    """
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3, eps=1e-7)
    step = 0
    for _ in range(epochs):
        for some_x, some_y in zip(x.split(BATCH), y.split(BATCH), strict=True):
            step += 1
            if keras_eps:
                optimizer.param_groups[0]["eps"] = 1e-7 / (1 - 0.999**step) ** 0.5
            optimizer.zero_grad()
            (net(some_x) - some_y).abs().mean().backward()
            optimizer.step()
