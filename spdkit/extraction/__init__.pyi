from . import (
    batch as batch,
    dask_executor as dask_executor,
    doctor as doctor,
    executors as executors,
    journal as journal,
    rebuild as rebuild,
)
from .batch import BatchReport as BatchReport, extract as extract
