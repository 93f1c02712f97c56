"""Evaluation: metrics, their intervals, and splits of songs into training and test."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
