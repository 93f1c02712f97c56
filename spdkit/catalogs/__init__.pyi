from . import (
    musicoset as musicoset,
    play_tables as play_tables,
    spotgentrack as spotgentrack,
    spotify_charts as spotify_charts,
    taste_profile as taste_profile,
    tianchi as tianchi,
)
from .base import Catalog as Catalog, CatalogData as CatalogData
from .errors import CatalogError as CatalogError
from .genres import GenreEncoder as GenreEncoder
from .registry import available as available, get as get
