from .extractor import LyricsExtractor as LyricsExtractor
