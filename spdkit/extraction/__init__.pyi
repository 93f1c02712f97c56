from . import (
    batch as batch,
    clips as clips,
    dask_executor as dask_executor,
    doctor as doctor,
    executors as executors,
    journal as journal,
    rebuild as rebuild,
)
from .batch import BatchReport as BatchReport, extract as extract
from .clips import encode_clips as encode_clips, extract_clips as extract_clips
