"""Baselines of HitMusicNet: linear models, a plain net, the median, and LightGBM.

Conventions
-----------
Each is a scikit-learn Pipeline with the step ``model`` last; everything in it is learned from the
rows given to `fit`. Features may hold NaN. All but the medians and LightGBM begin with the same two
steps: missing values become training medians with a mask for each pattern of missingness
(`spdkit.popularity.models.scaling`, as for the nets), and every column gets mean 0 and deviation 1.
LightGBM splits on missing values itself, and on order alone. Predictions are in the unit of the
labels; changing that unit changes nothing else. Keys are stable: results are stored under them, and
`TITLES` has what tables print.

==============  ====================================================================================
``median``      The median of the training labels.
``mlr``         Ordinary least squares.
``mlr_lasso``   Least squares with an L1 penalty: the Lasso, its α chosen by 5 shuffled folds of the
                training rows. One step that selects and fits; where nothing predicts, it is the
                mean, for which least squares on what the Lasso selects has no columns left.
``mlp``         One hidden layer of 100, ReLU, Adam: scikit-learn's own settings, stopped early when
                a tenth of the training rows see no gain in 20 epochs (10 are too few for some 100
                songs). Regression fits standardised labels.
``majority``    The commonest class, with the shares of the classes as probabilities.
``lda``         Linear discriminant analysis.
``logistic``    Multinomial logistic regression.
``lightgbm``    Gradient-boosted trees; ``lightgbm_l1`` minimises the absolute error.
==============  ====================================================================================

The paper names its baselines and says little of their settings: what it leaves open is
scikit-learn's.

References: Martín-Gutiérrez et al. (2020), Tables 5 and 6; Ke et al. (2017), LightGBM.
"""

from __future__ import annotations

import re
from typing import Any, Literal

import numpy as np
from sklearn.compose import TransformedTargetRegressor
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.linear_model import LassoCV, LinearRegression, LogisticRegression
from sklearn.model_selection import KFold
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from spdkit.common.errors import SpdkitError
from spdkit.common.messages import needs_extra
from spdkit.common.parameters import FLAG, SEED, Allowed, OneOf, check_parameters
from spdkit.popularity.models.scaling import MaskedMinMaxScaler

TITLES = {
    "median": "median",
    "mlr": "MLR",
    "mlr_lasso": "MLR + Lasso",
    "mlp": "MLP",
    "majority": "majority",
    "lda": "LDA",
    "logistic": "logistic regression",
    "lightgbm": "LightGBM",
    "lightgbm_l1": "LightGBM, L1",
}
# What each needs of the rows to learn from; any others do with one.
_NEEDS = {
    "mlr_lasso": "5 songs to train on, for as many folds",
    "mlp": "11 songs to train on, a tenth of which decides when it stops, and 2 of each class",
    "lda": "more songs to train on than classes",
    "lightgbm": "2 songs to train on",
    "lightgbm_l1": "2 songs to train on",
}
# How scikit-learn says that there are too few, in words that name options of its own.
_TOO_FEW = re.compile(
    r"validation set is too small|least populated class|(?:test|train)_size|n_splits|"
    r"number of samples must be more|minimum of \d+ is required"
)
# Trees enough to converge at this rate on 10,000 to 100,000 songs.
_TREES = {"n_estimators": 500, "learning_rate": 0.03}
_PARAMETERS: dict[str, Allowed] = {"random_state": (SEED, None), "lightgbm": FLAG}
_EPOCHS = {"early_stopping": True, "n_iter_no_change": 20, "max_iter": 1000}


class BaselineError(SpdkitError):
    """A baseline that this installation does not have."""


def regressors(random_state: int = 0, *, lightgbm: bool = False) -> dict[str, Pipeline]:
    """Baselines of popularity as a number (Table 5), not fitted.

    Parameters
    ----------
    random_state : int
    lightgbm : bool
        Whether to add ``lightgbm`` and ``lightgbm_l1``.

    Raises
    ------
    BaselineError
        When LightGBM is asked for and is not installed.
    ParameterError
        When a parameter is not what it may be.
    """
    check_parameters({"random_state": random_state, "lightgbm": lightgbm}, _PARAMETERS)
    folds = KFold(5, shuffle=True, random_state=random_state)
    mlp = MLPRegressor(random_state=random_state, **_EPOCHS)
    baselines = {
        "median": Pipeline([("model", DummyRegressor(strategy="median"))]),
        "mlr": _prepared(LinearRegression()),
        "mlr_lasso": _prepared(LassoCV(cv=folds, max_iter=10_000)),
        "mlp": _prepared(TransformedTargetRegressor(mlp, transformer=StandardScaler())),
    }
    if lightgbm:
        library = _lightgbm()
        for key, objective in (("lightgbm", "regression"), ("lightgbm_l1", "regression_l1")):
            model = library.LGBMRegressor(objective=objective, **_settings(random_state))
            baselines[key] = _unscaled(model)
    return baselines


def classifiers(
    random_state: int = 0,
    *,
    lightgbm: bool = False,
    class_weight: Literal["balanced"] | None = None,
) -> dict[str, Pipeline]:
    """Baselines of the classes of popularity, or of hit and no hit (Table 6), not fitted.

    Parameters and errors are those of `regressors`, and `class_weight` is for logistic regression
    and LightGBM; the others know no weights.
    """
    parameters = {"random_state": random_state, "lightgbm": lightgbm, "class_weight": class_weight}
    check_parameters(parameters, {**_PARAMETERS, "class_weight": (OneOf("balanced"), None)})
    baselines = {
        "majority": Pipeline([("model", DummyClassifier(strategy="prior"))]),
        "lda": _prepared(LinearDiscriminantAnalysis()),
        "logistic": _prepared(LogisticRegression(max_iter=1000, class_weight=class_weight)),
        "mlp": _prepared(MLPClassifier(random_state=random_state, **_EPOCHS)),
    }
    if lightgbm:
        settings = _settings(random_state)
        model = _lightgbm().LGBMClassifier(class_weight=class_weight, **settings)
        baselines["lightgbm"] = _unscaled(model)
    return baselines


def shortage(key: str, error: Exception) -> str:
    """What a baseline needs, if `error` says that there were too few songs; empty if not."""
    return _NEEDS.get(key, "") if _TOO_FEW.search(str(error)) else ""


def _prepared(model: Any) -> Pipeline:
    steps = [("prepare", MaskedMinMaxScaler()), ("scale", StandardScaler()), ("model", model)]
    return Pipeline(steps)


def _unscaled(model: Any) -> Pipeline:
    # Of names of columns, LightGBM refuses some (commas, brackets).
    values = FunctionTransformer(np.asarray, kw_args={"dtype": np.float64})
    return Pipeline([("values", values), ("model", model)])


def _settings(random_state: int) -> dict[str, Any]:
    # By default it times two ways of building trees, which differ in round-off.
    same_twice = {"deterministic": True, "force_col_wise": True, "n_jobs": 1}
    return {"random_state": random_state, "verbosity": -1, **same_twice, **_TREES}


def _lightgbm() -> Any:
    with needs_extra("the baseline", "lightgbm", BaselineError):
        import lightgbm
    return lightgbm
