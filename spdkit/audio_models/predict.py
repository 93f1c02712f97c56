"""Predict plays: a saved model on songs that it may never have heard, a row a song."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from spdkit.audio_models.play_counts import PlayCountRegressor
from spdkit.audio_models.record import FILES, PlayRecord, from_files, to_files
from spdkit.audio_models.serialization import FORM, AudioModelError
from spdkit.common.errors import SpdkitWarning
from spdkit.common.record_files import RecordError
from spdkit.store.clip_store import ClipStore
from spdkit.store.provenance import MatchError, require_same


def save(model: PlayCountRegressor, record: PlayRecord, folder: str | os.PathLike[str]) -> None:
    """Write a model and its record.

    Raises
    ------
    AudioModelError
        When the folder holds something else, or cannot be written.
    """
    FORM.save(model, folder, to_files(record))


def load(folder: str | os.PathLike[str]) -> tuple[PlayCountRegressor, PlayRecord]:
    """A model that ``spdkit plays fit`` saved, and its record.

    Raises
    ------
    AudioModelError
        When the folder holds no such model, or one that was changed.
    """
    model, files = FORM.load_with_files(folder, FILES, PlayCountRegressor)
    try:
        return model, from_files(files)
    except RecordError as error:
        raise AudioModelError(
            f"{Path(folder)}: the record is not what was written: {error}"
        ) from error


def predict_store(
    model: PlayCountRegressor,
    record: PlayRecord,
    store: ClipStore,
    track_ids: Iterable[str] | None = None,
) -> pd.DataFrame:
    """Plays of the songs of a store, the most first.

    Parameters
    ----------
    model, record
        From `load`.
    store : ClipStore
        Whose clips were made as the model's.
    track_ids : iterable of str, optional
        Which of its songs; all by default.

    Returns
    -------
    DataFrame
        ``track_id``, ``plays`` (predicted), ``played`` (what is known of a song that the model has
        learned from), ``note``: why there is no prediction, otherwise empty; such songs come last.

    Raises
    ------
    MatchError
        When the clips are not the model's, or the store lacks one of the tracks.
    """
    require_same(record.clips, store.provenance["extractors"], str(store.path))
    asked = list(store.obs.index) if track_ids is None else list(track_ids)
    if strangers := [name for name in asked if name not in store.obs.index]:
        raise MatchError(f"{store.path}: has no track {strangers[0]!r}")
    failures = store.failures
    there = [name for name in asked if name not in failures]
    plays = pd.Series(np.nan, index=pd.Index(asked, dtype=object))
    notes = pd.Series([failures.get(name, "") for name in asked], index=plays.index, dtype=object)
    if there:
        with warnings.catch_warnings():  # each short song has a note of its own
            warnings.simplefilter("ignore", SpdkitWarning)
            plays[there] = model.predict(store.songs(there))
    short = plays[there].isna() if there else plays.isna()
    notes[short.index[short]] = f"shorter than a sample of {model.time_steps} clips"
    table = pd.DataFrame({"plays": plays, "played": record.known.reindex(asked), "note": notes})
    table = table.sort_values("plays", ascending=False, kind="stable")
    return table.rename_axis("track_id").reset_index()


def unheard(predictions: pd.DataFrame) -> pd.DataFrame:
    """The songs that the listener has not played, with a prediction, the most plays first."""
    return predictions[predictions["played"].isna() & predictions["plays"].notna()]
