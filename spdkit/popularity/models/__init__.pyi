from . import baselines as baselines, serialization as serialization
from .hitmusicnet import (
    HitMusicNetClassifier as HitMusicNetClassifier,
    HitMusicNetRegressor as HitMusicNetRegressor,
)
from .presets import preset as preset
from .serialization import load_model as load_model, save_model as save_model
