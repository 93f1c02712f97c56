from . import (
    audio_models as audio_models,
    catalogs as catalogs,
    collect as collect,
    evaluation as evaluation,
    extraction as extraction,
    extractors as extractors,
    forecast as forecast,
    popularity as popularity,
    report as report,
    store as store,
    synthetic as synthetic,
    tracks as tracks,
)
from .audio_models.play_counts import PlayCountRegressor as PlayCountRegressor
from .common.errors import SpdkitError as SpdkitError, SpdkitWarning as SpdkitWarning
from .common.table_io import TableError as TableError, read_table as read_table
from .extraction.batch import BatchReport as BatchReport, extract as extract
from .extractors import (
    AudioExtractor as AudioExtractor,
    DescriptorExtractor as DescriptorExtractor,
    LyricsExtractor as LyricsExtractor,
    MetadataExtractor as MetadataExtractor,
)
from .popularity.models.hitmusicnet import (
    HitMusicNetClassifier as HitMusicNetClassifier,
    HitMusicNetRegressor as HitMusicNetRegressor,
)
from .store import dataset as dataset
from .store.feature_store import FeatureStore as FeatureStore
from .tracks.scan import from_folder as from_folder, from_table as from_table
from .tracks.track import Track as Track

__version__: str
