"""Descriptors from audio: rhythm, tonality, loudness, and the extractor."""

from spdkit.extractors.descriptors.extractor import DescriptorExtractor

__all__ = ["DescriptorExtractor"]
