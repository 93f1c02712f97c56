from . import (
    cross_validation as cross_validation,
    feature_groups as feature_groups,
    fit as fit,
    labels as labels,
    models as models,
    novelty as novelty,
    permutation_importance as permutation_importance,
    predict as predict,
    predictions as predictions,
    record as record,
    shapley as shapley,
)
from .cross_validation import Songs as Songs, evaluate as evaluate
from .fit import FitSettings as FitSettings
from .labels import PopularityClasses as PopularityClasses, classify as classify, is_hit as is_hit
from .models import baselines as baselines
from .models.hitmusicnet import (
    HitMusicNetClassifier as HitMusicNetClassifier,
    HitMusicNetRegressor as HitMusicNetRegressor,
)
from .models.presets import PRESETS as PRESETS
from .predictions import Predictions as Predictions
from .record import ModelRecord as ModelRecord
