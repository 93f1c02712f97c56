from .extractor import AudioExtractor as AudioExtractor
