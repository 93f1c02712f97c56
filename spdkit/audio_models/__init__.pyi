from . import fit as fit, predict as predict, record as record, serialization as serialization
from .play_counts import PlayCountRegressor as PlayCountRegressor
from .sample_splits import (
    PlayEvaluation as PlayEvaluation,
    SampleSplit as SampleSplit,
    evaluate as evaluate,
    sample_split as sample_split,
)
from .serialization import (
    load_audio_model as load_audio_model,
    save_audio_model as save_audio_model,
)
