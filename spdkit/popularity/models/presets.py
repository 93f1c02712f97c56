"""Models by name: the paper's twelve, and ``spdkit``, which we recommend.

Model 1, 2, 3 is the width of the code (δ = 1/5, 1/4, 1/7); A to D is how the popularity net is
trained. ``spdkit`` learns code and prediction together
(`spdkit.popularity.models.shared_ensemble`); its constants were chosen on training rows of
MusicOSet, without its test folds.

Reference: Martín-Gutiérrez et al. (2020), Table 2.
"""

from __future__ import annotations

from itertools import product
from typing import Any

_DELTAS = {"1": 1 / 5, "2": 1 / 4, "3": 1 / 7}
_TRAINING = {
    "A": ("adadelta", "glorot_uniform"),
    "B": ("adam", "glorot_uniform"),
    "C": ("adadelta", "he_normal"),
    "D": ("adam", "he_normal"),
}
RECOMMENDED = "spdkit"
PAPER_PRESETS = tuple(f"{model}-{letter}" for model, letter in product(_DELTAS, _TRAINING))
PRESETS = (RECOMMENDED, *PAPER_PRESETS)


def preset(name: str) -> dict[str, Any]:
    """Parameters of a preset, for `HitMusicNetRegressor` and `HitMusicNetClassifier`.

    Raises
    ------
    ValueError
        When there is no such preset.
    """
    if name not in PRESETS:
        raise ValueError(f"no preset {name!r}; there are {', '.join(PRESETS)}")
    if name == RECOMMENDED:
        return {
            "net": "shared_ensemble",
            "dropout": 0.3,
            "optimizer": "adamw",
            "learning_rate": 2e-3,
            "weight_decay": 3e-4,
        }
    model, letter = name.split("-")
    optimizer, initializer = _TRAINING[letter]
    return {"delta": _DELTAS[model], "optimizer": optimizer, "initializer": initializer}
