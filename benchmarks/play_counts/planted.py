"""Planted tastes: listeners whose plays depend on the sound by a rule, and how much is learned.

Every number is a mean squared error over that of the mean of the plays that trained, on the same
songs: the mean has 1, who knows the rule 0.4. Folds hold out whole tracks ("song"), or segments of
excerpts at random ("segment"), which puts segments of one excerpt on both sides.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from benchmarks.common.script import Progress, known
from benchmarks.play_counts.contenders import (
    LSTM,
    NAMES,
    NETS,
    ON_DESCRIPTORS,
    PAPER,
    RIVALS,
    contender,
)
from benchmarks.play_counts.excerpts import Excerpts
from spdkit import __version__
from spdkit.audio_models import PlayEvaluation, SampleSplit, evaluate, sample_split
from spdkit.synthetic import listeners

BEHAVIOUR = 1  # raised when the same parameters give other numbers in the same version
FOLDS = 5
AUDIO_RIVALS = tuple(name for name in RIVALS if name != ON_DESCRIPTORS)
SEGMENT_STEPS = 1  # clips a sample where segments are split: excerpts have several of them
Entry = dict[str, Any]


def record(
    excerpts: Excerpts, seed: int, progress: Progress, names: Iterable[str] = NAMES
) -> Entry:
    """Everything of one seed, as plain values."""
    taste = listeners.draw_taste(excerpts.quantities, seed)
    plays = {"planted": taste.plays, "random": listeners.random_plays(len(excerpts.ids), seed)}
    scores = {
        (what, kind): _scores(excerpts, of, kind, seed, list(names), progress, f"{what}, {kind}")
        for what, of in plays.items()
        for kind in ("song", "segment")
    }
    return {
        "seed": seed,
        "quantities": list(taste.quantities),
        "explainable": listeners.EXPLAINABLE,
        "n_excerpts": len(excerpts.ids),
        "n_tracks": len(set(excerpts.groups)),
        "song": scores["planted", "song"],
        "segment": scores["planted", "segment"],
        "random_tastes": {**scores["random", "song"], "segment": scores["random", "segment"]},
    }


def key(excerpts: Excerpts, seed: int, names: Iterable[str]) -> str:
    """A name for what is kept of a seed, by all that it depends on."""
    models = [repr(contender(name, seed).get_params()) for name in names]
    sounds = hashlib.sha256(excerpts.quantities.to_csv().encode()).hexdigest()
    text = json.dumps([seed, *models, sounds, __version__, BEHAVIOUR])
    return hashlib.sha256(text.encode()).hexdigest()[:20]


def _scores(
    excerpts: Excerpts,
    plays: ArrayLike,
    kind: Any,
    seed: int,
    names: list[str],
    progress: Progress,
    what: str,
) -> Entry:
    """Error of each contender over the mean's, and its gain with an interval over tracks."""
    errors, gains = {"mean": 1.0}, {}
    for name in names:
        songs = excerpts.rows if name in (PAPER, *AUDIO_RIVALS) else excerpts.songs
        steps = {} if kind == "song" or name not in NETS else {"time_steps": SEGMENT_STEPS}
        model = contender(name, seed, **steps)
        split = sample_split(
            songs,
            SEGMENT_STEPS if kind == "segment" else getattr(model, "time_steps", 1),
            kind=kind,
            groups=excerpts.groups,
            k=FOLDS,
            seed=seed,
        )
        result = evaluate(model, split, plays, _inputs(name, excerpts, split), seed=seed)
        errors[name] = 1 - result.reduction.value
        gains[name] = _interval(result)
        progress(f"seed {seed}, {what}: {name} {errors[name]:.3f} of the mean's error")
    return {**errors, "gain": gains}


def _interval(result: PlayEvaluation) -> Entry:
    gain = result.reduction
    return {"value": gain.value, "low": known(gain.low), "high": known(gain.high)}


def _inputs(name: str, excerpts: Excerpts, split: SampleSplit) -> pd.DataFrame | None:
    """Rows for a rival: of whole excerpts, or the mean row of a segment's clips."""
    if name in NETS:
        return None
    if split.kind == "song" and name in AUDIO_RIVALS:
        return excerpts.audio.iloc[split.song].reset_index(drop=True)
    rows = np.stack([row.read(0, len(row)).mean(axis=0) for row in split.rows])
    return pd.DataFrame(rows.astype(np.float64), columns=[f"x{i}" for i in range(rows.shape[1])])


def summary(records: list[Entry]) -> Entry:
    """Means over seeds, and whether the bars are met.

    Parameters
    ----------
    records : list of dict
        Of `record`, one a seed.
    """
    names = [name for name in NAMES if name in records[0]["song"]]
    parts = {
        "song": [r["song"] for r in records],
        "segment": [r["segment"] for r in records],
        "random_song": [r["random_tastes"] for r in records],
        "random_segment": [r["random_tastes"]["segment"] for r in records],
    }
    means = {
        part: {name: float(np.mean([each[name] for each in of])) for name in ("mean", *names)}
        for part, of in parts.items()
    }
    gains = [each["gain"][LSTM] for each in parts["random_song"]]
    return {
        "means": means,
        "quarter_below": sum(each[LSTM] <= 0.75 for each in parts["song"]),
        "gain_above_0": sum((each["gain"][LSTM]["low"] or 0) > 0 for each in parts["song"]),
        "random_holds_0": sum(_holds_0(gain) for gain in gains),
        "random_learned": sum((gain["low"] or -math.inf) > 0 for gain in gains),
        "n_seeds": len(records),
    }


def _holds_0(gain: Entry) -> bool:
    return gain["low"] is None or gain["low"] <= 0 <= gain["high"]
