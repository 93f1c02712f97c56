from . import (
    local_metadata as local_metadata,
    metadata_tables as metadata_tables,
    remote_audio as remote_audio,
    scan as scan,
    sidecars as sidecars,
    tags as tags,
    track as track,
)
from .scan import from_folder as from_folder, from_path as from_path, from_table as from_table
from .track import Track as Track, TrackError as TrackError, TrackSet as TrackSet
