"""MusicAENet: the autoencoder that compresses the features of a song into a short code.

Reference: Martín-Gutiérrez et al. (2020), a multimodal end-to-end deep learning architecture for
music popularity prediction, section V-A.
"""

from __future__ import annotations

import torch
from torch import nn

from spdkit.nets.dense import DenseLayers, Initialiser, width


class MusicAENet(nn.Module):
    """Autoencoder d → d/2 → d/3 → c → d/3 → d/2 → d, with c = delta · d.

    Inside are rectifiers, at the end a sigmoid: inputs must lie in [0, 1].

    Parameters
    ----------
    n_features : int
        d, the width of the input.
    delta : float
        Width of the code as a share of d, in (0, 1]; 1 means that nothing is compressed: the
        widths are then d throughout (the paper's ablation).
    initialiser : str
        See `dense`.

    Attributes
    ----------
    n_code : int
        c, the width of the code.
    """

    def __init__(
        self, n_features: int, delta: float = 1 / 5, initialiser: Initialiser = "glorot_uniform"
    ) -> None:
        super().__init__()
        if not 0 < delta <= 1:
            raise ValueError(f"delta must lie in (0, 1], got {delta}")
        self.n_code = width(delta * n_features)
        inner = (n_features, n_features) if delta == 1 else (n_features / 2, n_features / 3)
        widths = [n_features, *map(width, inner), self.n_code]
        self.encoder = DenseLayers(widths, initialiser, "relu")
        self.decoder = DenseLayers(widths[::-1], initialiser, "sigmoid")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Reconstruction of `x`, of the same shape (n_songs, n_features), in [0, 1]."""
        reconstruction: torch.Tensor = self.decoder(self.encoder(x))
        return reconstruction
