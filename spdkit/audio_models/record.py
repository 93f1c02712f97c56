"""Record of a model of plays besides its weights: whose plays, which clips, scores, curves.

Conventions: the record lies in the model's folder, beside the weights, in files that are guarded by
the same check sums (`spdkit.audio_models.serialization`). ``spdkit plays fit`` writes it;
``predict`` and the report read it.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from spdkit.common.messages import listing
from spdkit.common.parameters import SEED, Allowed, OneOf, Whole, check_parameters
from spdkit.common.record_files import declared_facts, reading
from spdkit.evaluation.bootstrap import Score

FILES = ("record.json", "songs.csv", "curves.csv")
Files = dict[str, bytes]


@dataclass(frozen=True)
class PlaySplit:
    """Which rows trained and which tested.

    Attributes
    ----------
    kind : {"song", "segment"}
    folds : int
        Each row tested in one of them.
    seed : int
    groups : str or None
        Column whose values no fold parted; None where there is none.
    n_groups : int
        Songs, where there are no groups.
    """

    kind: str
    folds: int
    seed: int
    groups: str | None
    n_groups: int


@dataclass(frozen=True)
class PlayRecord:
    """What ``spdkit plays fit`` knows of a model.

    Attributes
    ----------
    created : str
        Day and time.
    command : str
        That made it.
    listener : str
        Whose plays; empty where the table names nobody.
    source, plays : str
        Names of the music or the clips, and of the table of plays.
    clips : dict
        How the clips were made, as in the store: ``{"clips": {"version": …, "parameters": …}}``.
    packages : dict of str to str
    split : PlaySplit
    remarks : tuple of str
        What was left out and why, a line each.
    mse, mean_mse, reduction : Score
        As of `spdkit.audio_models.PlayEvaluation`, of all folds.
    songs : DataFrame
        A row that tested each, a song, or of kind "segment" a sample: ``track_id``, ``fold``,
        ``plays``, ``predicted`` (in plays).
    curves : DataFrame
        ``fold, member, epoch, loss, watched_loss``: after each epoch, of rows that trained and of
        those that tested, in standardised units.
    """

    created: str
    command: str
    listener: str
    source: str
    plays: str
    clips: dict[str, dict[str, Any]]
    packages: dict[str, str]
    split: PlaySplit
    remarks: tuple[str, ...]
    mse: Score
    mean_mse: Score
    reduction: Score
    songs: pd.DataFrame
    curves: pd.DataFrame

    @property
    def known(self) -> pd.Series[float]:
        """Plays of the songs that the model has learned from, by ``track_id``."""
        return self.songs.groupby("track_id", sort=False)["plays"].first()


_TABLES = {
    "songs": {"track_id": "str", "fold": "int64", "plays": "float64", "predicted": "float64"},
    "curves": {
        **{"fold": "int64", "member": "int64", "epoch": "int64"},
        **{"loss": "float64", "watched_loss": "float64"},
    },
}
_ALLOWED: dict[str, Allowed] = {
    "kind": OneOf("song", "segment"),
    "folds": Whole(2),
    "seed": SEED,
    "n_groups": Whole(1),
}


def to_files(record: PlayRecord) -> Files:
    """The record as files, by their names."""
    facts = {name: value for name, value in vars(record).items() if name not in _TABLES}
    text = json.dumps(facts, indent=1, ensure_ascii=False, default=asdict)
    tables = {f"{name}.csv": getattr(record, name)[list(of)] for name, of in _TABLES.items()}
    return {
        "record.json": f"{text}\n".encode(),
        **{name: table.to_csv(index=False).encode() for name, table in tables.items()},
    }


def from_files(files: Mapping[str, bytes]) -> PlayRecord:
    """Undo `to_files`.

    Raises
    ------
    RecordError
        Naming the file that is not as written.
    """
    with reading("record.json"):
        facts = _facts(json.loads(files["record.json"]))
    tables: dict[str, Any] = {}
    for name, columns in _TABLES.items():
        with reading(f"{name}.csv"):
            tables[name] = _table(files[f"{name}.csv"], columns)
    return PlayRecord(**facts, **tables)


def _facts(content: Any) -> dict[str, Any]:
    """Everything in ``record.json``, as `PlayRecord` declares it."""
    facts = declared_facts(PlayRecord, content, _TABLES)
    split = facts["split"]
    check_parameters({name: getattr(split, name) for name in _ALLOWED}, _ALLOWED)
    clips = facts["clips"]
    if clips.keys() != {"clips"} or not {"version", "parameters"} <= clips["clips"].keys():
        raise ValueError("it does not say how the clips were made")
    return facts


def _table(content: bytes, columns: Mapping[str, str]) -> pd.DataFrame:
    texts = {name: kind for name, kind in columns.items() if kind == "str"}
    table = pd.read_csv(io.BytesIO(content), dtype=texts, keep_default_na=False, na_values=[""])
    if missing := [name for name in columns if name not in table]:
        raise ValueError(f"there is no column {listing(missing, quote=True)}")
    table = table[list(columns)].fillna(dict.fromkeys(texts, "")).astype(dict(columns))
    numbers: Sequence[str] = [name for name, kind in columns.items() if kind == "float64"]
    if not np.isfinite(table[numbers].to_numpy()).all():
        raise ValueError("there are numbers that are not finite")
    return table.astype(dict.fromkeys(texts, object))
