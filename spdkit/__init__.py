"""spdkit: the toolkit for hit-song science.

Extract multimodal features from music into one HDF5 file, learn popularity from them, and
forecast plays. The public names load on first use, so ``import spdkit`` costs nothing.
"""

from importlib.metadata import version

import lazy_loader

__version__ = version("spdkit")

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
