"""MusicPopNet: popularity from the code of a song.

Reference: Martín-Gutiérrez et al. (2020), a multimodal end-to-end deep learning architecture for
music popularity prediction, section V-B and Table 2.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from spdkit.nets.dense import DenseLayers, Initialiser, width


class MusicPopNet(nn.Module):
    """Three rectified layers of falling width with dropout between them, and an affine output.

    The output is a logit for each class or, for regression, one: the sigmoid or softmax of the
    paper is applied by the loss in training, where it is exact, and by `predict` of the estimator.

    Parameters
    ----------
    n_code : int
        c, the width of the input.
    n_outputs : int
        1 for regression, otherwise the number of classes.
    alphas : sequence of float
        Widths of the hidden layers as shares of c.
    dropout : float
        Share of each hidden layer that is left out in training.
    initialiser : str
        See `dense`.
    """

    def __init__(
        self,
        n_code: int,
        n_outputs: int = 1,
        alphas: Sequence[float] = (1, 1 / 2, 1 / 3),
        dropout: float = 0.25,
        initialiser: Initialiser = "glorot_uniform",
    ) -> None:
        super().__init__()
        widths = [n_code, *(width(alpha * n_code) for alpha in alphas)]
        self.layers = DenseLayers([*widths, n_outputs], initialiser, "none", dropout)

    def forward(self, code: torch.Tensor) -> torch.Tensor:
        """Logits, shape (n_songs, n_outputs), of codes in [0, 1], shape (n_songs, n_code)."""
        logits: torch.Tensor = self.layers(code)
        return logits
