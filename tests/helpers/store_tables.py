"""Tables for stores, by the specification: what a test does not care about is filled in."""

from __future__ import annotations

import numpy as np
import pandas as pd

from spdkit.store.feature_store import FeatureTable


def complete(X, obs, var, provenance):
    """Return a table with every column and fact that a store must have."""
    described = {}
    obs = obs.copy()
    for column in ("audio", "modified", "content", "metadata"):
        obs[column] = obs.get(column, "")
    obs["size"] = obs.get("size", -1)
    for name, facts in provenance["extractors"].items():
        blank = {"version": "1", "modality": "audio", "parameters": {}, "obs_fields": {}}
        described[name] = {**blank, **facts}
        for field, text in {"status": "ok", "error": "", "content": ""}.items():
            obs[f"{name}_{field}"] = obs.get(f"{name}_{field}", text)
    var = var.copy()
    for column in ("unit", "description", "reference"):
        var[column] = var.get(column, "")
    for column in ("low", "high"):
        var[column] = var.get(column, 0.0)
    return FeatureTable(X, obs, var, {**provenance, "extractors": described})


def table(n_tracks=3, names=("a_1", "a_2", "b_1"), owners=("a", "a", "b")):
    """Return a table of numbers, of any number of tracks."""
    rng = np.random.default_rng(n_tracks)
    X = rng.standard_normal((n_tracks, len(names))).astype(np.float32)
    ids = pd.Index([f"track {n}" for n in range(n_tracks)], name="track_id", dtype=object)
    obs = pd.DataFrame(
        {
            "audio": [f"/music/{n} ♥ naïve.wav" for n in range(n_tracks)],
            "size": np.arange(n_tracks, dtype=np.int64),
            "a_duration": np.linspace(1, 2, n_tracks),
        },
        index=ids,
    )
    var = pd.DataFrame(
        {"extractor": list(owners), "low": 0.0, "high": np.inf, "family": "numbers"},
        index=pd.Index(list(names), name="name", dtype=object),
    )
    fields = {"a": {"duration": "float"}, "b": {}}
    described = {owner: {"obs_fields": fields[owner]} for owner in sorted(set(owners))}
    return complete(X, obs, var, {"packages": {"spdkit": ["0.1.0"]}, "extractors": described})
