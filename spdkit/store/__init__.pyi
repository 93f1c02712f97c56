from . import dataset as dataset
from . import feature_store as feature_store
from . import provenance as provenance
from . import summary as summary
from .feature_store import FeatureStore as FeatureStore
from .feature_store import StoreError as StoreError
