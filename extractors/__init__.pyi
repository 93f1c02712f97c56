from . import registry as registry
from .audio import AudioExtractor as AudioExtractor
from .base import (
    ExtractionError as ExtractionError,
    Extractor as Extractor,
    FeatureSpec as FeatureSpec,
)
from .checks import check_extractor as check_extractor
from .descriptors import DescriptorExtractor as DescriptorExtractor
from .lyrics import LyricsExtractor as LyricsExtractor
from .metadata import MetadataExtractor as MetadataExtractor
from .registry import available as available, make as make
