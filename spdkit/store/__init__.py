"""Stores: the HDF5 file of features, and labelled data sets made of it."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
