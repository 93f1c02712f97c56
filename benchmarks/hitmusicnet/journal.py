"""Units of work of hitmusicnet_tables.py, done once and kept: their journal.

A result goes to the journal, whole or not at all, under a key that is made of everything that it
depends on: rows, features, split, and how the model behaves (`tables_models.behaviour`). Nothing
that has its result is computed again, and a result of other rows or another model is never found.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, astuple
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.common.script import Say
from benchmarks.common.unit_jobs import keep, kept, pending, spread
from benchmarks.hitmusicnet.models import behaviour
from benchmarks.hitmusicnet.songs import Rows, digest, fingerprint, splits
from benchmarks.hitmusicnet.units import ARRAYS, NetFacts, Result, Said, Unit, compute
from spdkit.popularity.predictions import Predictions

_FORMAT = "1"  # of results in the journal, and of what they mean


class Journal:
    """Results in a folder, one file a unit.

    Parameters
    ----------
    folder : Path
        Made when it is not there.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder

    def path(self, unit: Unit, rows: Rows) -> Path:
        """The file of a unit, by everything that its result depends on."""
        return self.folder / f"{key(unit, rows)}.npz"

    def read(self, unit: Unit, rows: Rows) -> Result | None:
        """A result, or None when there is none.

        Raises
        ------
        SpdkitError
            When its file cannot be read.
        """
        return kept(self.path(unit, rows), _unpacked)

    def write(self, unit: Unit, rows: Rows, result: Result) -> None:
        """Keep a result."""
        keep(self.path(unit, rows), _packed(unit, result))


def key(unit: Unit, rows: Rows) -> str:
    """What tells a unit's result from every other."""
    run = unit.run
    made = splits(rows, run.protocol, run.k, run.test_share)
    folds = made.folds if unit.fold is None else made.folds[unit.fold : unit.fold + 1]
    parts = [part for fold in folds for part in (fold.training, fold.validation)]
    texts = (
        _FORMAT,
        json.dumps([*astuple(run), unit.fold]),
        fingerprint(rows, run.features),
        behaviour(run.task, run.model, run.protocol == "reference"),
    )
    whole = digest(*texts, made.development, made.test, *parts)
    return whole[:32]


def _packed(unit: Unit, result: Result) -> dict[str, Any]:
    arrays: dict[str, Any] = {}
    for part in ("validation", "test"):
        said: Said | None = getattr(result, part)
        if said is not None:
            arrays[f"{part}_rows"] = said.rows
            for name in ARRAYS:
                if (array := getattr(said.predictions, name)) is not None:
                    arrays[f"{part}_{name}"] = array
    facts = {
        "unit": str(unit),
        "seconds": result.seconds,
        "n_features": result.n_features,
        "training": result.training,
        "nets": [asdict(net) for net in result.nets],
    }
    return {**arrays, "facts": np.array(json.dumps(facts))}


def _unpacked(file: dict[str, Any]) -> Result:
    facts = json.loads(str(file["facts"]))

    def said(part: str) -> Said | None:
        if f"{part}_rows" not in file:
            return None
        arrays = [file.get(f"{part}_{name}") for name in ARRAYS]
        return Said(file[f"{part}_rows"], Predictions(*arrays))

    return Result(
        facts["seconds"],
        facts["n_features"],
        facts["training"],
        said("validation"),
        said("test"),
        [NetFacts(**net) for net in facts["nets"]],
    )


def work(units: Iterable[Unit], rows: Rows, journal: Journal, jobs: int, say: Say) -> None:
    """Compute what has no result yet, each in one thread, `jobs` at a time."""
    left = pending(units, lambda unit: journal.path(unit, rows), "units", say)
    for i, (unit, result) in enumerate(spread(compute, rows, left, jobs), 1):
        journal.write(unit, rows, result)
        say(f"{i}/{len(left)}  {unit}: {result.seconds:.1f} CPU s")
