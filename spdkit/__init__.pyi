from . import catalogs as catalogs
from . import collect as collect
from . import evaluation as evaluation
from . import extraction as extraction
from . import extractors as extractors
from . import forecast as forecast
from . import popularity as popularity
from . import report as report
from . import store as store
from . import synthetic as synthetic
from . import tracks as tracks
from .common.errors import SpdkitError as SpdkitError
from .common.errors import SpdkitWarning as SpdkitWarning
from .extraction.batch import BatchReport as BatchReport
from .extraction.batch import extract as extract
from .extractors import AudioExtractor as AudioExtractor
from .extractors import DescriptorExtractor as DescriptorExtractor
from .extractors import LyricsExtractor as LyricsExtractor
from .extractors import MetadataExtractor as MetadataExtractor
from .popularity.models.hitmusicnet import HitMusicNetClassifier as HitMusicNetClassifier
from .popularity.models.hitmusicnet import HitMusicNetRegressor as HitMusicNetRegressor
from .store import dataset as dataset
from .store.feature_store import FeatureStore as FeatureStore
from .tracks.scan import from_folder as from_folder
from .tracks.scan import from_table as from_table
from .tracks.track import Track as Track

__version__: str
