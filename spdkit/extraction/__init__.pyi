from . import batch as batch
from . import dask_executor as dask_executor
from . import doctor as doctor
from . import executors as executors
from . import rebuild as rebuild
from .batch import BatchReport as BatchReport
from .batch import extract as extract
