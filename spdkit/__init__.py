"""spdkit: the toolkit for hit-song science.

Extract multimodal features from music into one HDF5 file, learn popularity from them, and
forecast plays. The public names load on first use, so ``import spdkit`` costs nothing.
"""

from importlib.metadata import version
from typing import TYPE_CHECKING

import lazy_loader

__version__ = version("spdkit")

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submodules=[
        "batch",
        "catalogs",
        "collect",
        "dataset",
        "engines",
        "extractors",
        "forecast",
        "plots",
        "popularity",
        "store",
        "tracks",
    ],
    submod_attrs={
        "batch": ["BatchReport", "extract"],
        "errors": ["SpdkitError"],
        "extractors": [
            "AudioExtractor",
            "DescriptorExtractor",
            "LyricsExtractor",
            "MetadataExtractor",
        ],
        "store": ["FeatureStore"],
        "tracks": ["Track", "from_folder", "from_table"],
    },
)

if TYPE_CHECKING:
    from spdkit.batch import BatchReport as BatchReport
    from spdkit.batch import extract as extract
    from spdkit.errors import SpdkitError as SpdkitError
    from spdkit.extractors import AudioExtractor as AudioExtractor
    from spdkit.extractors import DescriptorExtractor as DescriptorExtractor
    from spdkit.extractors import LyricsExtractor as LyricsExtractor
    from spdkit.extractors import MetadataExtractor as MetadataExtractor
    from spdkit.store import FeatureStore as FeatureStore
    from spdkit.tracks import Track as Track
    from spdkit.tracks import from_folder as from_folder
    from spdkit.tracks import from_table as from_table
