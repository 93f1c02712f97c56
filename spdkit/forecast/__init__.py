"""Forecasts of plays of songs and artists: the temporal branch.

Forecasters take the long format of Nixtla's libraries (``unique_id, ds, y``) and answer in it:
``fit(df)``, ``predict(h)``, ``cross_validation(df, h)``.

>>> from spdkit.forecast import SMA
>>> from spdkit.forecast.models.recommended import recommended
>>> SMA(16).fit(plays).predict(30)  # doctest: +SKIP
>>> recommended(30).fit(plays).predict(30)  # doctest: +SKIP
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
