"""Audio features: spectra, constant-Q chroma, the harmonic part, statistics, and the extractor."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
