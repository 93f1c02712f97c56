"""Fit a model of one listener's plays, and score it, as ``spdkit plays fit`` does.

Scores are of folds: each song (or sample) is predicted once, by a net that did not train on it. The
model that is kept has learned from all songs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd

from spdkit.audio_models.play_counts import PlayCountRegressor
from spdkit.audio_models.record import PlayRecord, PlaySplit
from spdkit.audio_models.sample_splits import (
    Kind,
    PlayEvaluation,
    SampleSplit,
    evaluate,
    sample_split,
)
from spdkit.audio_models.serialization import PACKAGES
from spdkit.common.errors import ParameterError
from spdkit.common.messages import listing
from spdkit.common.parameters import (
    SEED,
    Allowed,
    Instance,
    OneOf,
    Whole,
    check_parameters,
)
from spdkit.common.versions import installed_versions
from spdkit.store.clip_store import ClipStore

Preset = Literal["spdkit", "paper"]
# Chosen on listeners that no table of ours is of: see benchmarks/results/play_count_looks.md.
CLIP_SECONDS = 15.0  # of descriptors, with which the preset goes
PRESETS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "spdkit": {
            **{"time_steps": 2, "units": (16,), "dropout": 0.3, "members": 5, "shrinkage": True},
            **{"limit": 3.0, "optimizer": "adamw", "learning_rate": 0.004, "weight_decay": 1.0},
            "max_epochs": 20,
        },
        "paper": {"units": (64,), "time_steps": 6, "max_epochs": 100},
    }
)


@dataclass(frozen=True)
class FitSettings:
    """How a model of plays is fitted and scored.

    Attributes
    ----------
    preset : {"spdkit", "paper"}
        What we recommend, or one layer of 64 units as the paper trains it.
    parameters : mapping
        Of `PlayCountRegressor`, over those of the preset.
    kind : {"song", "segment"}
        Of the split.
    folds : int
    seed : int
    """

    preset: Preset = "spdkit"
    parameters: Mapping[str, Any] = field(default_factory=dict)
    kind: Kind = "song"
    folds: int = 5
    seed: int = 0

    def __post_init__(self) -> None:
        allowed: dict[str, Allowed] = {
            "preset": OneOf(*get_args(Preset)),
            "parameters": Instance(Mapping),
            "kind": OneOf(*get_args(Kind)),
            "folds": Whole(2),
            "seed": SEED,
        }
        check_parameters(vars(self), allowed)

    def model(self, *, verbose: bool = False) -> PlayCountRegressor:
        """The model, not fitted."""
        parameters = {**PRESETS[self.preset], **self.parameters}
        return PlayCountRegressor(**parameters, verbose=verbose, random_state=self.seed)


def fit(
    store: ClipStore,
    plays: pd.Series[float],
    settings: FitSettings,
    *,
    groups: pd.Series[Any] | None = None,
    listener: str = "",
    source: str = "",
    table: str = "",
    command: str = "",
    remarks: tuple[str, ...] = (),
    progress: bool = False,
) -> tuple[PlayCountRegressor, PlayRecord]:
    """Score a model of plays by folds, and fit it on all songs.

    Parameters
    ----------
    store : ClipStore
    plays : Series
        By ``track_id`` of songs that have clips.
    settings : FitSettings
    groups : Series, optional
        Such as the artist, by ``track_id``; its name is kept. Folds do not part them.
    listener, source, table, command, remarks
        For the record.
    progress : bool
        Whether to show bars, on stderr.

    Raises
    ------
    ParameterError
        When plays or groups are missing or equal, or a parameter is not what it may be.
    ProtocolError
        When there are too few songs or groups for the folds.
    StoreError
        When songs have no clips.
    """
    if repeated := list(plays.index[plays.index.duplicated()].unique()):
        raise ParameterError(f"songs with two numbers of plays: {listing(repeated, quote=True)}")
    model = settings.model(verbose=progress)
    songs, y = store.songs(plays.index), plays.to_numpy(dtype=np.float64)
    if max(map(len, songs), default=0) < model.time_steps:
        raise ParameterError(
            f"all {len(songs)} songs are shorter than a sample of {model.time_steps} clips: lower "
            "time_steps (--time-steps)"
        )
    split = sample_split(
        songs,
        model.time_steps,
        kind=settings.kind,
        groups=None if groups is None else groups.reindex(plays.index).to_numpy(),
        k=settings.folds,
        seed=settings.seed,
    )
    if split.left_out:
        short = f"{len(split.left_out)} songs are shorter than a sample of {model.time_steps} clips"
        remarks = (*remarks, f"{short}, and are left out: {listing(split.left_out, quote=True)}")
    fewest = min(len(np.unique(split.song[fold.training])) for fold in split.folds)
    if model.shrinkage and fewest < model.members:
        raise ParameterError(
            f"{fewest} songs train in a fold, and the preset {settings.preset} needs "
            f"{model.members}: give more songs, or the preset paper (--preset paper)"
        )
    result = evaluate(model, split, y, curves=True, seed=settings.seed)
    kept = np.unique(split.song)
    model.fit(
        [songs[i] for i in kept],
        y[kept],
        groups=None if groups is None else groups.reindex(plays.index).to_numpy()[kept],
    )
    now = datetime.now().astimezone()
    record = PlayRecord(
        created=f"{now:%Y-%m-%d %H:%M %Z}",
        command=command,
        listener=listener,
        source=source,
        plays=table,
        clips=dict(store.provenance["extractors"]),
        packages=installed_versions(PACKAGES),
        split=PlaySplit(
            settings.kind,
            settings.folds,
            settings.seed,
            None if groups is None else str(groups.name),
            int(result.rows["group"].nunique()),
        ),
        remarks=remarks,
        mse=result.mse,
        mean_mse=result.mean_mse,
        reduction=result.reduction,
        songs=_in_plays(result, split, plays),
        curves=result.history,
    )
    return model, record


def _in_plays(result: PlayEvaluation, split: SampleSplit, plays: pd.Series[float]) -> pd.DataFrame:
    """Rows that tested, with plays as they were counted."""
    y, rows = plays.to_numpy(dtype=np.float64), result.rows.sort_values("row")
    of_rows = y[split.song]
    scales = np.array(
        [[of_rows[f.training].mean(), of_rows[f.training].std()] for f in split.folds]
    )
    mean, deviation = scales[rows["fold"]].T
    song = rows["song"].to_numpy()
    table = {
        "track_id": plays.index.to_numpy(dtype=object)[song],
        "fold": rows["fold"],
        "plays": y[song],
        "predicted": mean + deviation * rows["predicted"],
    }
    return pd.DataFrame(table).reset_index(drop=True)
