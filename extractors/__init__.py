"""Extractors: plugins that turn one modality of a track into named numbers."""

from typing import TYPE_CHECKING

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "audio": ["AudioExtractor"],
        "base": ["ExtractionError", "Extractor", "FeatureSpec"],
        "checks": ["check_extractor"],
        "descriptors": ["DescriptorExtractor"],
        "lyrics": ["LyricsExtractor"],
        "metadata": ["MetadataExtractor"],
        "registry": ["available", "make"],
    },
)

if TYPE_CHECKING:
    from spdkit.extractors.audio import AudioExtractor as AudioExtractor
    from spdkit.extractors.base import (
        ExtractionError as ExtractionError,
    )
    from spdkit.extractors.base import (
        Extractor as Extractor,
    )
    from spdkit.extractors.base import (
        FeatureSpec as FeatureSpec,
    )
    from spdkit.extractors.checks import check_extractor as check_extractor
    from spdkit.extractors.descriptors import DescriptorExtractor as DescriptorExtractor
    from spdkit.extractors.lyrics import LyricsExtractor as LyricsExtractor
    from spdkit.extractors.metadata import MetadataExtractor as MetadataExtractor
    from spdkit.extractors.registry import available as available
    from spdkit.extractors.registry import make as make
