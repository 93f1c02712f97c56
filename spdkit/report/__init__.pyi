from . import (
    code_map as code_map,
    forecast_figures as forecast_figures,
    forecast_report as forecast_report,
    forecast_tables as forecast_tables,
    page as page,
    popularity_figures as popularity_figures,
    popularity_pictures as popularity_pictures,
    popularity_report as popularity_report,
    popularity_tables as popularity_tables,
    song_figures as song_figures,
    svg as svg,
)
