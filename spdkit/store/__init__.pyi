from . import (
    clip_store as clip_store,
    dataset as dataset,
    errors as errors,
    feature_store as feature_store,
    provenance as provenance,
    summary as summary,
    vetting as vetting,
)
from .clip_store import ClipStore as ClipStore, SongClips as SongClips
from .errors import StoreError as StoreError
from .feature_store import FeatureStore as FeatureStore
