from . import forecast_report as forecast_report
from . import popularity_report as popularity_report
from . import song_figures as song_figures
