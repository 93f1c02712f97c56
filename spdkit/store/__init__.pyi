from . import (
    dataset as dataset,
    feature_store as feature_store,
    provenance as provenance,
    summary as summary,
)
from .feature_store import FeatureStore as FeatureStore, StoreError as StoreError
