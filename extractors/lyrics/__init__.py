"""Lyrics as numbers: cleaning, words, language, syllables, similarity, and the extractor."""

from spdkit.extractors.lyrics.extractor import LyricsExtractor

__all__ = ["LyricsExtractor"]
