"""Audio models: what is learned from the sound itself, clip by clip."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
