"""Published numbers of HitMusicNet on SpotGenTrack, to stand beside ours.

The numbers are those of ``model_summary.json`` in the folders of ``saved_models`` of the public
repository github.com/dmgutierrez/hitmusicnet (commit eb3c438): ``feature_compressed_auto``,
``_small`` and ``_high`` have codes of 45, 57 and 32 units, which are 1/5, 1/4 and 1/7 of the 228
features that the saved autoencoder takes, so they are models 1, 2 and 3; in each of them
``model_1_A`` to ``model_1_D`` are the four ways to train. The tables of the paper itself could not
be read here, and what only they have is not here: MSE on test rows, and the baselines of Tables 5
and 6.

Read them with care; the repository's code says how they came about. Ten percent of the rows test.
"Average" is of one number: that of the last epoch of the last of five folds, with weights carried
from fold to fold. Training losses are with dropout. Some of the saved nets end without a sigmoid.
"cpu (ms)" is wall time in seconds.
"""

from __future__ import annotations

from dataclasses import dataclass

SOURCE = "github.com/dmgutierrez/hitmusicnet, commit eb3c438, saved_models/*/model_summary.json"
DATA_SET = "SpotGenTrack"


@dataclass(frozen=True)
class Regression:
    """A preset of Tables 2 and 3, for popularity in [0, 1]."""

    training_mse: float
    training_mae: float
    validation_mse: float
    validation_mae: float
    test_mae: float
    wall_seconds: float


@dataclass(frozen=True)
class Classification:
    """A preset of Table 4; everything with `test` from the saved report on 9,493 test rows."""

    training_accuracy: float
    validation_accuracy: float
    test_accuracy: float
    test_precision_macro: float
    test_recall_macro: float
    test_f1_macro: float
    test_hit_precision: float
    test_hit_recall: float
    test_hit_f1: float
    validation_cross_entropy: float
    wall_seconds: float


REGRESSION = {
    "1-A": Regression(0.011871, 0.086318, 0.011124, 0.083298, 0.081696, 178.5),
    "1-B": Regression(0.011396, 0.084598, 0.011776, 0.085744, 0.085909, 134.2),
    "1-C": Regression(0.011964, 0.086715, 0.012218, 0.088588, 0.086958, 112.9),
    "1-D": Regression(0.011490, 0.084843, 0.012701, 0.090634, 0.091187, 118.0),
    "2-A": Regression(0.011558, 0.085167, 0.013190, 0.092673, 0.091942, 109.1),
    "2-B": Regression(0.011362, 0.084403, 0.012091, 0.087564, 0.087525, 112.2),
    "2-C": Regression(0.011746, 0.085915, 0.013608, 0.093397, 0.094153, 125.4),
    "2-D": Regression(0.011158, 0.083552, 0.012486, 0.089763, 0.091333, 161.5),
    "3-A": Regression(0.012411, 0.088106, 0.013524, 0.093689, 0.092426, 108.3),
    "3-B": Regression(0.012012, 0.086711, 0.013176, 0.090854, 0.091176, 114.0),
    "3-C": Regression(0.012317, 0.087903, 0.012164, 0.087093, 0.088473, 110.6),
    "3-D": Regression(0.011722, 0.085581, 0.012262, 0.088528, 0.090150, 151.0),
}
CLASSIFICATION = {
    "1-A": Classification(
        *(0.834738, 0.830026, 0.834826, 0.818566, 0.489724, 0.515002),
        *(0.700000, 0.011745, 0.023102, 0.420729, 876.4),
    ),
    "2-B": Classification(
        *(0.832104, 0.834650, 0.837459, 0.795689, 0.522715, 0.558218),
        *(0.683333, 0.065916, 0.120235, 0.408626, 157.0),
    ),
    "3-C": Classification(
        *(0.828034, 0.826525, 0.821131, 0.848336, 0.479522, 0.503119),
        *(0.800000, 0.012461, 0.024540, 0.421887, 137.4),
    ),
}
