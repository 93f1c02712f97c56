from . import tianchi as tianchi
from .base import Catalog as Catalog
from .base import CatalogData as CatalogData
from .errors import CatalogError as CatalogError
from .genres import GenreEncoder as GenreEncoder
from .registry import available as available
from .registry import get as get
