from . import baselines as baselines
from . import serialization as serialization
from .hitmusicnet import HitMusicNetClassifier as HitMusicNetClassifier
from .hitmusicnet import HitMusicNetRegressor as HitMusicNetRegressor
from .presets import preset as preset
from .serialization import load_model as load_model
from .serialization import save_model as save_model
