"""Tables for stores, by the specification: what a test does not care about is filled in."""

from __future__ import annotations

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
