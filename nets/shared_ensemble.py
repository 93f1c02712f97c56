"""SharedEnsemble: many small networks that share their weights, and predict better together.

The net that we recommend. Each member has the weight matrices of all, times scales of its own on
every input and output of a layer, so that members cost little more memory than one net and learn
from the same songs without agreeing on everything. Numbers also come as how far they have
come through each of a few equal steps of their distribution, so that a step in the data costs one
weight instead of a layer; in training they are shaken a little, against learning songs by heart.
Code and prediction are learned together: what the last hidden layer holds is the code, and a
decoder gives the inputs back from it.

References: Wen et al. (2020), BatchEnsemble; Gorishniy et al. (2025), TabM; Gorishniy et al.
(2022), on embeddings for numerical features in tabular deep learning.
"""

from __future__ import annotations

import math

import torch
from torch import nn
from torch.nn import functional

_TAIL = 1e-3  # share of a distribution beyond which numbers count as equally extreme


class SharedLinear(nn.Module):
    """Affine layer of every member: ``s_k * W (r_k * x) + b_k`` with one W for all.

    Parameters
    ----------
    n_in, n_out, members : int
    random_signs : bool
        Whether the scales of the inputs start as -1 or 1 by chance, which makes members differ from
        the beginning; otherwise they start as 1.
    """

    def __init__(self, n_in: int, n_out: int, members: int, random_signs: bool = False) -> None:
        super().__init__()
        limit = 1 / math.sqrt(n_in)
        signs = torch.randint(0, 2, (members, n_in)) * 2.0 - 1
        self.weight = nn.Parameter(torch.empty(n_out, n_in).uniform_(-limit, limit))
        self.scale_in = nn.Parameter(signs if random_signs else torch.ones(members, n_in))
        self.scale_out = nn.Parameter(torch.ones(members, n_out))
        self.bias = nn.Parameter(torch.empty(members, n_out).uniform_(-limit, limit))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Outputs of the members, shape (n_rows, members, n_out).

        `x` has shape (n_rows, members, n_in), or (n_rows, n_in) where all members see the same: the
        weights are then scaled instead of the rows, which are never repeated in memory.
        """
        if x.ndim == 3:
            y = functional.linear(x * self.scale_in, self.weight) * self.scale_out
        else:
            weights = self.scale_out[:, :, None] * self.weight * self.scale_in[:, None, :]
            y = functional.linear(x, weights.flatten(0, 1)).unflatten(1, self.bias.shape)
        result: torch.Tensor = y + self.bias
        return result


class StepEmbedding(nn.Module):
    """Numbers in [0, 1] as rectified sums of ramps, with weights of their own for every column.

    Ramp t of T rises from 0 to 1 while the number goes from t/T to (t + 1)/T. Of quantiles, as
    `SharedEnsemble` has them, these are the bins of equal weight of the paper's encoding.

    Parameters
    ----------
    n_numbers, n_steps, n_out : int
        Columns, ramps a column, outputs a column.
    """

    steps: torch.Tensor

    def __init__(self, n_numbers: int, n_steps: int, n_out: int) -> None:
        super().__init__()
        self.register_buffer("steps", torch.arange(n_steps, dtype=torch.float32))
        self.weight = nn.Parameter(torch.randn(n_numbers, n_steps, n_out) / math.sqrt(n_steps))
        self.bias = nn.Parameter(torch.zeros(n_numbers, n_out))

    def forward(self, u: torch.Tensor) -> torch.Tensor:
        """Embedding of `u`, (n_rows, n_numbers), of shape (n_rows, n_numbers * n_out)."""
        ramps = (u[:, :, None] * len(self.steps) - self.steps).clamp(0, 1)
        embedded = torch.einsum("nct,cto->nco", ramps, self.weight) + self.bias
        return embedded.relu().flatten(1)


class SharedEnsemble(nn.Module):
    """Ensemble of dense nets that share their weights up to scales.

    Its input has the numbers first, as quantiles in [0, 1] (which the training rows fill evenly),
    and then the flags, in [0, 1] too.

    Parameters
    ----------
    n_numbers, n_flags : int
        Columns of either kind.
    n_outputs : int
        1 for regression, otherwise the number of classes.
    members : int
    n_hidden : int
        Width of both hidden layers, the second of which holds the code.
    dropout : float
        Share of each hidden layer that is left out in training.
    noise : float
        Standard deviation of what is added to numbers in training, when they are normal scores.
    n_steps, n_embedding : int
        Of the numbers' `StepEmbedding`.
    reconstruction : float
        Weight of the reconstruction in learning the code, at least 0. With 0 the decoder learns
        from the code and the code does not learn from it.
    """

    def __init__(
        self,
        n_numbers: int,
        n_flags: int,
        n_outputs: int = 1,
        *,
        members: int = 4,
        n_hidden: int = 128,
        dropout: float = 0.3,
        noise: float = 0.2,
        n_steps: int = 16,
        n_embedding: int = 16,
        reconstruction: float = 0.0,
    ) -> None:
        super().__init__()
        if reconstruction < 0 or noise < 0:
            raise ValueError("reconstruction and noise must be at least 0")
        self.n_numbers, self.n_outputs, self.members = n_numbers, n_outputs, members
        self.n_code, self.noise, self.reconstruction = n_hidden, noise, reconstruction
        n_inputs = n_numbers + n_flags
        self.embedding = StepEmbedding(n_numbers, n_steps, n_embedding)
        self.first = SharedLinear(
            n_inputs + n_numbers * n_embedding, n_hidden, members, random_signs=True
        )
        self.second = SharedLinear(n_hidden, n_hidden, members)
        self.dropout = nn.Dropout(dropout)
        limit = 1 / math.sqrt(n_hidden)
        # Members share nothing here, where sharing would save nothing.
        self.head = nn.Parameter(torch.empty(members, n_hidden, n_outputs).uniform_(-limit, limit))
        self.head_bias = nn.Parameter(torch.zeros(members, n_outputs))
        self.decoder = nn.Sequential(nn.Linear(n_hidden, n_inputs), nn.Sigmoid())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits of rows, of shape (n_rows, n_inputs).

        Returns
        -------
        tensor
            In use, what the ensemble says, shape (n_rows, n_outputs): the logit of the members'
            mean probability. In training, what `EnsembleLoss` takes: logits of the members
            one after another, and the reconstruction, shape
            (n_rows, members * n_outputs + n_inputs).
        """
        hidden = self._hidden(x)
        logits = torch.einsum("nkh,kho->nko", hidden, self.head) + self.head_bias
        if not self.training:
            return _combined(logits)
        code = hidden.mean(dim=1)
        # The same code; only a share of the decoder's gradient passes.
        code = code.detach() + self.reconstruction * (code - code.detach())
        return torch.cat([logits.flatten(1), self.decoder(code)], dim=1)

    def code(self, x: torch.Tensor) -> torch.Tensor:
        """Mean of the members' last hidden layer, shape (n_rows, n_code), all at least 0.

        ``decoder`` takes it back to inputs.
        """
        return self._hidden(x).mean(dim=1)

    def _hidden(self, x: torch.Tensor) -> torch.Tensor:
        u, flags = x[:, : self.n_numbers], x[:, self.n_numbers :]
        score = torch.special.ndtri(u.clamp(_TAIL, 1 - _TAIL))
        if self.training and self.noise:
            score = score + self.noise * torch.randn_like(score)
            u = torch.special.ndtr(score)
        inputs = torch.cat([score, flags, self.embedding(u)], dim=1)
        hidden = self.dropout(self.first(inputs).relu())
        result: torch.Tensor = self.dropout(self.second(hidden).relu())
        return result


def _combined(logits: torch.Tensor) -> torch.Tensor:
    """Logit of the mean probability, (n_rows, n_outputs), of (n_rows, members, n_outputs)."""
    if logits.shape[2] > 1:
        return logits.log_softmax(dim=2).logsumexp(dim=1) - math.log(logits.shape[1])
    yes, no = functional.logsigmoid(logits), functional.logsigmoid(-logits)
    return yes.logsumexp(dim=1) - no.logsumexp(dim=1)


class EnsembleLoss:
    """Loss of a `SharedEnsemble`, for `spdkit.nets.training.train`: see `targets` for y.

    In training it is the mean over the members, plus the reconstruction's mean squared error; on
    validation rows it is that of the ensemble's answer alone.

    Parameters
    ----------
    net : SharedEnsemble
        One output is a probability, learned by absolute error, which asks for the median;
        more are classes, learned by cross-entropy.
    """

    def __init__(self, net: SharedEnsemble) -> None:
        self.n_outputs, self.n_logits = net.n_outputs, net.members * net.n_outputs

    def __call__(self, output: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """Loss of each row, shape (n_rows,)."""
        label, x = y[:, 0], y[:, 1:]
        if output.shape[1] == self.n_outputs:
            return self._prediction(output[:, None], label)
        logits = output[:, : self.n_logits].unflatten(1, (-1, self.n_outputs))
        reconstruction = (output[:, self.n_logits :] - x).square().mean(dim=1)
        return self._prediction(logits, label) + reconstruction

    def _prediction(self, logits: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
        if self.n_outputs == 1:
            return (logits[:, :, 0].sigmoid() - label[:, None]).abs().mean(dim=1)
        index = label.long()[:, None, None].expand(-1, logits.shape[1], 1)
        return -logits.log_softmax(dim=2).gather(2, index)[:, :, 0].mean(dim=1)


def targets(y: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """Labels and inputs side by side, as `EnsembleLoss` takes them.

    Parameters
    ----------
    y : tensor, shape (n_rows,)
        Probabilities in [0, 1], or the numbers of classes.
    x : tensor, shape (n_rows, n_inputs)
    """
    return torch.cat([y[:, None].to(x.dtype), x], dim=1)
