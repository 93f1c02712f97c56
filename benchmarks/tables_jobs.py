"""Units of work of hitmusicnet_tables.py, done once and kept: the journal, and the workers.

A result goes to the journal, whole or not at all, under a key that is made of everything that it
depends on: rows, features, split, and how the model behaves (`tables_models.behaviour`). Nothing
that has its result is computed again, and a result of other rows or another model is never found.
"""

from __future__ import annotations

import io
import json
import multiprocessing
import zipfile
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, astuple
from pathlib import Path
from typing import Any

import numpy as np
from tables_models import behaviour
from tables_rows import Rows, digest, fingerprint, splits
from tables_units import ARRAYS, NetFacts, Result, Said, Unit, compute
from threadpoolctl import threadpool_limits

from spdkit.errors import SpdkitError
from spdkit.predictions import Predictions
from spdkit.store import sync_folder, write_bytes

_FORMAT = "1"  # of results in the journal, and of what they mean
Say = Callable[[str], None]


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
        path = self.path(unit, rows)
        if not path.exists():
            return None
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
                return _unpacked(dict(arrays))
        except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
            raise SpdkitError(f"{path}: cannot be read: {error}. Delete it and run again") from None

    def write(self, unit: Unit, rows: Rows, result: Result) -> None:
        """Keep a result."""
        buffer = io.BytesIO()
        np.savez_compressed(buffer, **_packed(unit, result))
        path = self.path(unit, rows)
        temporary = path.with_suffix(".tmp")
        write_bytes(temporary, buffer.getvalue())
        temporary.replace(path)
        sync_folder(self.folder)


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
    units = list(units)
    pending = [unit for unit in units if not journal.path(unit, rows).exists()]
    say(f"{len(units) - len(pending)} of {len(units)} units are done")
    for i, (unit, result) in enumerate(_results(pending, rows, jobs), 1):
        journal.write(unit, rows, result)
        say(f"{i}/{len(pending)}  {unit}: {result.seconds:.1f} CPU s")


def _results(pending: list[Unit], rows: Rows, jobs: int) -> Iterator[tuple[Unit, Result]]:
    if jobs == 1:
        with threadpool_limits(1):
            for unit in pending:
                yield unit, compute(unit, rows)
        return
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, spawn, _begin, (rows,)) as pool:
        futures = {pool.submit(_compute_here, unit): unit for unit in pending}
        try:
            for future in as_completed(futures):
                yield futures[future], future.result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


_here: dict[str, Rows] = {}


def _begin(rows: Rows) -> None:
    threadpool_limits(1)
    _here["rows"] = rows


def _compute_here(unit: Unit) -> Result:
    return compute(unit, _here["rows"])
