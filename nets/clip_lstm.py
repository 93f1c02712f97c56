"""ClipLSTM: a recurrent net that reads consecutive clips of a song and gives one number.

Initial weights are Keras's, with which 110,250 samples of sound do not saturate the gates at once
(torch's do): Glorot-uniform kernels, orthogonal recurrents, biases of 0 and a forget bias of 1.

Where a clip is raw sound, nearly all work is the product of inputs and weights in the first layer.
`torch.nn.LSTM` on a CPU makes one product more, for a gradient of the inputs that nobody asks for,
and copies them; so wide inputs go through a product of our own, and its weights.

References: Salitrik and Takasawa (2018), content-based LSTM of play counts, whose further wishes
(several and cascading layers, dropout, several dense layers, other activations) are parameters;
Glorot and Bengio (2010); Saxe et al. (2014), for orthogonal weights; `keras.layers.LSTM`.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Literal, get_args

import torch
from torch import nn
from torch.nn import functional

from spdkit.nets.dense import dense, initialise

Activation = Literal["relu", "elu", "tanh", "sigmoid"]
Output = Literal["linear", "sigmoid"]
_ACTIVATIONS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "relu": torch.relu,
    "elu": functional.elu,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
}
WIDE = 4096  # numbers a clip from which on the product of inputs is made apart


class LSTMLayer(nn.Module):
    """One layer of `torch.nn.LSTM`, from the same weights, that is quick with wide inputs.

    Parameters
    ----------
    n_in, n_out : int
        Numbers of a time step, and units.
    """

    def __init__(self, n_in: int, n_out: int) -> None:
        super().__init__()
        self.lstm = nn.LSTM(n_in, n_out, batch_first=True)
        kernel, recurrent, *biases = self.lstm.all_weights[0]
        initialise(kernel, "glorot_uniform")
        nn.init.orthogonal_(recurrent)
        with torch.no_grad():
            for bias in biases:
                bias.zero_()
            biases[0][n_out : 2 * n_out] = 1.0  # of the forget gate

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """States after each step, (n_rows, n_steps, n_out), of (n_rows, n_steps, n_in)."""
        if x.is_cuda or self.lstm.input_size < WIDE:
            states: torch.Tensor = self.lstm(x)[0]
            return states
        kernel, recurrent, *biases = self.lstm.all_weights[0]
        inputs = functional.linear(x, kernel, biases[0] + biases[1])
        h = c = x.new_zeros(len(x), self.lstm.hidden_size)
        steps = []
        for step in inputs.unbind(1):
            i, f, g, o = torch.addmm(step, h, recurrent.T).chunk(4, dim=1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            steps.append(h)
        return torch.stack(steps, dim=1)


class ClipLSTM(nn.Module):
    """Samples of consecutive clips to one number each.

    Parameters
    ----------
    n_values : int
        Numbers of a clip.
    units : sequence of int
        Of each recurrent layer; the paper has one or two, and does not say how many units.
    hidden : sequence of int
        Of dense layers between the last state and the node that gives the number.
    activation : {"relu", "elu", "tanh", "sigmoid"}
        Of those dense layers.
    output : {"linear", "sigmoid"}
        Of the node. A sigmoid reaches no number below 0 or above 1.
    dropout : float
        Share of the units left out in training, after each layer.

    Raises
    ------
    ValueError
        When there is no such activation or output, or a number is below 1.
    """

    def __init__(
        self,
        n_values: int,
        *,
        units: Sequence[int] = (64,),
        hidden: Sequence[int] = (),
        activation: Activation = "relu",
        output: Output = "linear",
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if activation not in get_args(Activation):
            raise ValueError(
                f"activation must be one of {get_args(Activation)}, got {activation!r}"
            )
        if output not in get_args(Output):
            raise ValueError(f"output must be one of {get_args(Output)}, got {output!r}")
        if not units or min(n_values, *units, *hidden) < 1:
            raise ValueError(
                f"n_values, units and hidden must be at least 1, and there must be a layer, got "
                f"{n_values}, {units}, {hidden}"
            )
        self.activation, self.output = _ACTIVATIONS[activation], output
        self.layers = nn.ModuleList(LSTMLayer(*n) for n in itertools.pairwise((n_values, *units)))
        self.hidden = nn.ModuleList(dense(*n) for n in itertools.pairwise((units[-1], *hidden)))
        self.node = dense((*units, *hidden)[-1], 1)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Numbers, shape (n_rows,), of samples, shape (n_rows, time_steps, n_values)."""
        for layer in self.layers:
            x = self.dropout(layer(x))
        x = x[:, -1]
        for layer in self.hidden:
            x = self.dropout(self.activation(layer(x)))
        number: torch.Tensor = self.node(x).squeeze(1)
        return number.sigmoid() if self.output == "sigmoid" else number


def squared_error(output: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """(output - y)² of each row, shape (n_rows,)."""
    return functional.mse_loss(output, y, reduction="none")


def absolute_error(output: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """|output - y| of each row, shape (n_rows,)."""
    return functional.l1_loss(output, y, reduction="none")


def huber_error(output: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Half the square of an error up to 1, then as much steeper as its size, shape (n_rows,)."""
    return functional.huber_loss(output, y, reduction="none")
