"""A small log of Tianchi's shape, counted by hand; and what reads its series back."""

from __future__ import annotations

import datetime
import gzip

import numpy as np
import pytest

from spdkit.catalogs import CatalogError, tianchi
from spdkit.catalogs.tianchi import Limits, aggregate_logs

MARCH_1 = 1425168000  # 2015-03-01 00:00 UTC
DAY = 86400
COLUMNS = ["unique_id", "ds", "y", "downloads", "collects", "listeners"]
SONG_ROWS = ["s1,a1,20140101,10,1,1", "s2,a1,20140101,0,1,1", "s3,a2,20150305,0,100,3"]
SMALL = Limits(memory="64MB", threads=1)


def action(user, song, day, kind=1, hour=0):
    time = MARCH_1 + DAY * (day - 1) + 3600 * hour
    return f"{user},{song},{time},{kind},{date(day):%Y%m%d}"


def date(day):
    return datetime.date(2015, 3, 1) + datetime.timedelta(days=day - 1)


# Artist a1: on 1 March u1 plays s1 thrice and s2 once, u2 plays s2 and downloads it, u3 only
# collects s1: 5 plays, 1 download, 1 collect, listeners u1 and u2. On 3 March u1 downloads s1.
# Artist a2: on 2 March u1 plays s3. On 4 March u1 plays s3, u2 plays s3 twice.
ACTION_ROWS = [
    *(action("u1", "s1", 1, hour=h) for h in (0, 1, 23)),
    *(action("u1", "s2", 1), action("u2", "s2", 1), action("u2", "s2", 1, 2)),
    *(action("u3", "s1", 1, 3), action("u1", "s1", 3, 2), action("u1", "s3", 2)),
    *(action("u2", "s3", 4), action("u1", "s3", 4), action("u2", "s3", 4)),
]
# By (series, day of March): plays, downloads, collects, listeners.
BY_ARTIST = {
    ("a1", 1): (5, 1, 1, 2),
    ("a1", 2): (0, 0, 0, 0),
    ("a1", 3): (0, 1, 0, 0),
    ("a1", 4): (0, 0, 0, 0),
    ("a2", 1): (0, 0, 0, 0),
    ("a2", 2): (1, 0, 0, 1),
    ("a2", 3): (0, 0, 0, 0),
    ("a2", 4): (3, 0, 0, 2),
}
BY_SONG = {
    ("s1", 1): (3, 0, 1, 1),
    ("s1", 3): (0, 1, 0, 0),
    ("s2", 1): (2, 1, 0, 2),
    ("s3", 2): (1, 0, 0, 1),
    ("s3", 4): (3, 0, 0, 2),
}


def write(folder, actions=ACTION_ROWS, songs=SONG_ROWS, *, gz=()):
    """Write both files, those named in `gz` gzipped; their folder."""
    for name, rows in ((tianchi.ACTIONS, actions), (tianchi.SONGS, songs)):
        content = rows if isinstance(rows, bytes) else "".join(f"{row}\n" for row in rows).encode()
        if name in gz:
            (folder / f"{name}.gz").write_bytes(gzip.compress(content))
        else:
            (folder / name).write_bytes(content)
    return folder


def as_dict(frame):
    assert list(frame.columns) == COLUMNS
    assert frame["ds"].dtype == "datetime64[ns]"
    assert all(frame[name].dtype == np.int64 for name in COLUMNS[2:])
    rows = frame.itertuples(index=False)
    found = {(key, (ds.date() - date(1)).days + 1): tuple(rest) for key, ds, *rest in rows}
    assert len(found) == len(frame)
    assert list(found) == sorted(found)
    return found


def refused(folder, **options):
    with pytest.raises(CatalogError) as caught:
        aggregate_logs(folder, limits=SMALL, **options)
    return caught.value
