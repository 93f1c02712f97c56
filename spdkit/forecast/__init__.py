"""The temporal branch: daily plays of songs and artists, forecast.

Forecasters take the long format of Nixtla's libraries (``unique_id, ds, y``) and answer in it:
``fit(df)``, ``predict(h)``, ``cross_validation(df, h)``.

>>> from spdkit.forecast import SMA
>>> from spdkit.forecast.recommended import recommended
>>> SMA(16).fit(plays).predict(30)  # doctest: +SKIP
>>> recommended(30).fit(plays).predict(30)  # doctest: +SKIP
"""

from typing import TYPE_CHECKING

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "averages": ["Average"],
        "best": ["BestForecaster"],
        "classical": ["ARIMA", "SMA", "RelativeMean", "SeasonalNaive"],
        "errors": ["ForecastError"],
        "forecaster": ["Forecaster"],
        "forecaster_files": ["load_forecaster", "save_forecaster"],
        "frame": ["check_frame", "fill_gaps"],
        "global_forecaster": ["GlobalForecaster"],
        "global_recurrent": ["GlobalRecurrentForecaster"],
        "intervals": ["ConformalIntervals"],
        "level": ["Level"],
        "recurrent": ["RecurrentForecaster"],
        "rolling": ["Rolling"],
        "scores": ["f_score", "score"],
        "selection": ["candidates", "select"],
    },
)

if TYPE_CHECKING:
    from spdkit.forecast.averages import Average as Average
    from spdkit.forecast.best import BestForecaster as BestForecaster
    from spdkit.forecast.classical import ARIMA as ARIMA
    from spdkit.forecast.classical import SMA as SMA
    from spdkit.forecast.classical import RelativeMean as RelativeMean
    from spdkit.forecast.classical import SeasonalNaive as SeasonalNaive
    from spdkit.forecast.errors import ForecastError as ForecastError
    from spdkit.forecast.forecaster import Forecaster as Forecaster
    from spdkit.forecast.forecaster_files import load_forecaster as load_forecaster
    from spdkit.forecast.forecaster_files import save_forecaster as save_forecaster
    from spdkit.forecast.frame import check_frame as check_frame
    from spdkit.forecast.frame import fill_gaps as fill_gaps
    from spdkit.forecast.global_forecaster import GlobalForecaster as GlobalForecaster
    from spdkit.forecast.global_recurrent import (
        GlobalRecurrentForecaster as GlobalRecurrentForecaster,
    )
    from spdkit.forecast.intervals import ConformalIntervals as ConformalIntervals
    from spdkit.forecast.level import Level as Level
    from spdkit.forecast.recurrent import RecurrentForecaster as RecurrentForecaster
    from spdkit.forecast.rolling import Rolling as Rolling
    from spdkit.forecast.scores import f_score as f_score
    from spdkit.forecast.scores import score as score
    from spdkit.forecast.selection import candidates as candidates
    from spdkit.forecast.selection import select as select
