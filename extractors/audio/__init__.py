"""Audio features: decoding, spectra, constant-Q chroma, harmony, statistics, and the extractor."""

from spdkit.extractors.audio.extractor import AudioExtractor

__all__ = ["AudioExtractor"]
