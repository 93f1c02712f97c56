"""Tracks: what a song is, where its parts lie, and what is known of it."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
