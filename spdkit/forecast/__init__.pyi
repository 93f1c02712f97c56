from . import charts as charts, models as models, pipeline as pipeline, registry as registry
from .charts.chart_forecaster import ChartForecaster as ChartForecaster
from .charts.chart_model import ChartModel as ChartModel
from .charts.chart_outlook import (
    ChartOutlook as ChartOutlook,
    OutlookRequest as OutlookRequest,
    outlook as outlook,
)
from .charts.chart_table import ChartTable as ChartTable, check_chart as check_chart
from .charts.debuts import DebutModel as DebutModel
from .charts.presence import PresenceModel as PresenceModel
from .data.checks import ForecastError as ForecastError
from .data.long_table import check_frame as check_frame, fill_gaps as fill_gaps
from .data.panel import Columns as Columns
from .data.table_files import read_long as read_long, read_panel as read_panel
from .models.average import Average as Average
from .models.base import Forecaster as Forecaster
from .models.classical import (
    ARIMA as ARIMA,
    SMA as SMA,
    Level as Level,
    RelativeMean as RelativeMean,
    SeasonalNaive as SeasonalNaive,
)
from .models.global_recurrent import GlobalRecurrentForecaster as GlobalRecurrentForecaster
from .models.gradient_boosting import GlobalForecaster as GlobalForecaster
from .models.recurrent import RecurrentForecaster as RecurrentForecaster
from .models.rolling import Rolling as Rolling
from .models.serialization import (
    load_forecaster as load_forecaster,
    save_forecaster as save_forecaster,
)
from .scoring.intervals import ConformalIntervals as ConformalIntervals
from .scoring.metrics import f_score as f_score, score as score
from .selection.best_of import BestForecaster as BestForecaster
from .selection.grid_search import candidates as candidates, select as select
