"""Catalogs: published data sets of hit-song science, loaded in one line.

>>> from spdkit import catalogs
>>> catalogs.available()
('musicoset', 'spotgentrack')
>>> print(catalogs.get("spotgentrack").source)
https://doi.org/10.17632/4m2x4zngny

Series, not tracks, with no labels to learn: `spdkit.catalogs.tianchi` and
`spdkit.catalogs.spotify_charts`, modules of functions. So is `spdkit.catalogs.taste_profile`: who
played what how often.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
