"""Clip stores, small and of any numbers, by the specification."""

from __future__ import annotations

import numpy as np
import pandas as pd
from store_tables import complete

from spdkit.store.checksums import Checksum
from spdkit.store.clip_store import write_clips

COUNTS = (3, 0, 1, 40)


def clips_of_songs(counts=COUNTS, n_values=4, seed=0):
    """Clips by song; one without has none."""
    rng = np.random.default_rng(seed)
    return {
        f"song {n}": rng.standard_normal((count, n_values)).astype(np.float32)
        for n, count in enumerate(counts)
    }


def clip_table(songs, **parameters):
    """What a store says of songs, those without clips as failures."""
    names = list(songs)
    counts = np.array([[len(clips) or np.nan] for clips in songs.values()], dtype=np.float32)
    sums = []
    for clips in songs.values():
        whole = Checksum()
        whole.add(clips)
        sums.append(whole.text if len(clips) else "")
    obs = pd.DataFrame(
        {
            "clips_status": ["ok" if text else "failed" for text in sums],
            "clips_error": ["" if text else "it is bad" for text in sums],
            "clips_checksum": sums,
        },
        index=pd.Index(names, name="track_id", dtype=object),
    )
    var = pd.DataFrame(
        {"extractor": ["clips"], "family": ["clips"]},
        index=pd.Index(["n_clips"], name="name", dtype=object),
    )
    n_values = next(iter(songs.values())).shape[1]
    facts = {"kind": "audio", "clip_seconds": n_values / 8, "sample_rate": 8, "names": []}
    described = {
        "clips": {"parameters": facts | parameters, "obs_fields": {"checksum": "str"}},
    }
    return complete(counts, obs, var, {"packages": {}, "extractors": described})


def write_songs(path, songs, **parameters):
    """Write a store of songs."""
    n_values = next(iter(songs.values())).shape[1]
    write_clips(path, clip_table(songs, **parameters), n_values, lambda name: [songs[name]])
