"""Sweep: the paper's nets by user, layers, time steps and split, each fitted once and kept.

A tenth of the songs, or of the samples, tests, as in the paper. Errors are of standardised plays,
by mean and deviation of what trains; the mean of the plays stands beside each. A run diverges when
its loss is no number, or its error on what tests ends at twice the mean's or more.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import time
import warnings
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.common.journal import Arrays, Journal
from benchmarks.common.script import Progress, known
from benchmarks.play_counts.excerpts import opened
from spdkit import __version__, tracks
from spdkit.audio_models import PlayCountRegressor, evaluate, sample_split
from spdkit.catalogs.play_tables import PlayTable
from spdkit.catalogs.taste_profile import TasteProfile, import_triplets
from spdkit.common.errors import SpdkitError, SpdkitWarning
from spdkit.evaluation.splits import ProtocolError
from spdkit.extraction import extract, extract_clips
from spdkit.extractors.audio import AudioExtractor
from spdkit.extractors.descriptors import DescriptorExtractor
from spdkit.nets.training import DivergedError
from spdkit.store.clip_store import ClipStore
from spdkit.synthetic import corpus, listeners

LAYERS, STEPS, SPLITS = (1, 2), tuple(range(1, 25)), ("segment", "song")
USERS, MIN_USERS = 5, 2
UNITS = 64
DIVERGED = 2.0  # times the mean's error
BEHAVIOUR = 1
Entry = dict[str, Any]


@dataclass(frozen=True)
class Fit:
    """One run."""

    user: int  # from 1, by falling plays
    layers: int
    steps: int
    split: str
    epochs: int
    seed: int


@dataclass(frozen=True, eq=False)
class FitResult:
    """Its errors and curves; NaN where there are none."""

    facts: Entry
    curves: Any  # (n_epochs, 2): of what trains, of what tests
    seconds: float


@dataclass(frozen=True, eq=False)
class Log:
    """Songs with clips, and what each user played of them."""

    store: ClipStore
    plays: tuple[pd.Series, ...]  # by track_id, a user each
    origin: str


def record(args: argparse.Namespace, progress: Progress) -> Entry:
    """Everything, as plain values."""
    log = _log(args, progress)
    journal = journal_of(args.work / "journal", log, args.kind)
    fits = [
        Fit(user, layers, steps, split, args.epochs, args.seed)
        for steps in args.steps
        for layers in args.layers
        for split in args.splits
        for user in range(1, len(log.plays) + 1)
    ]
    if not args.partial:
        journal.complete(fits, compute, (log,), args.jobs, progress)
    results = {fit: result for fit in fits if (result := journal.read(fit)) is not None}
    runs = [{**asdict(fit), **result.facts} for fit, result in results.items()]
    return {
        "log": log.origin,
        "kind": args.kind,
        "users": [
            {"user": n, "n_songs": len(plays), "plays": float(plays.sum())}
            for n, plays in enumerate(log.plays, 1)
        ],
        "n_missing": len(fits) - len(results),
        "runs": runs,
        "best": best_settings(runs),
        "curves": list(_curves(results, best_settings(runs))),
    }


def best_settings(runs: list[Entry]) -> list[Entry]:
    """The best setting of each user and split, and the best one for all users (user 0)."""
    table = pd.DataFrame([run for run in runs if run["mse"] is not None])
    if table.empty:
        return []
    best = []
    for split, of_split in table.groupby("split", sort=False):
        for _, own in of_split.groupby("user"):
            best.append(own.loc[own["mse"].idxmin()].to_dict())
        settings = of_split.groupby(["layers", "steps"])["mse"].agg(["mean", "size"])
        whole = settings[settings["size"] == settings["size"].max()]["mean"]
        layers, steps = whole.idxmin()
        facts = {"split": split, "user": 0, "layers": int(layers), "steps": int(steps)}
        best.append({**facts, "mse": float(whole.min())})
    return json.loads(pd.DataFrame(best).to_json(orient="records"))


def _curves(results: dict[Fit, FitResult], best: list[Entry]) -> Iterator[Entry]:
    """Learning curves of the best run of each user, and of all users by the best setting."""
    for entry in best:
        same = ("split", "layers", "steps")
        for fit, result in results.items():
            if all(getattr(fit, name) == entry[name] for name in same) and (
                not entry["user"] or entry["user"] == fit.user
            ):
                curves = np.where(np.isfinite(result.curves), result.curves, None)
                yield {
                    **{name: entry[name] for name in same},
                    "panel": entry["user"],
                    "user": fit.user,
                    "train": curves[:, 0].tolist(),
                    "test": curves[:, 1].tolist(),
                }


def journal_of(folder: Path, log: Log, kind: str) -> Journal[Fit, FitResult]:
    """Where runs on these songs are kept."""
    plays = "".join(table.to_csv() for table in log.plays)
    contents = hashlib.sha256(f"{plays}{log.store.table.provenance}".encode()).hexdigest()

    def key(fit: Fit) -> str:
        text = json.dumps([asdict(fit), contents, kind, __version__, BEHAVIOUR])
        return hashlib.sha256(text.encode()).hexdigest()[:20]

    def pack(fit: Fit, result: FitResult) -> Arrays:
        facts = {"facts": result.facts, "seconds": result.seconds}
        return {"facts": np.array(json.dumps(facts)), "curves": result.curves}

    def unpack(arrays: Arrays) -> FitResult:
        facts = json.loads(str(arrays["facts"]))
        return FitResult(facts["facts"], arrays["curves"], facts["seconds"])

    return Journal(folder, key, pack, unpack)


def compute(fit: Fit, log: Log) -> FitResult:
    """Fit one net, and score it."""
    start, plays = time.process_time(), log.plays[fit.user - 1]
    songs = log.store.songs(plays.index)
    model = PlayCountRegressor(
        time_steps=fit.steps,
        units=(UNITS,) * fit.layers,
        max_epochs=fit.epochs,
        standardize=log.store.kind != "audio",
        random_state=fit.seed,
    )
    nothing = {"mse": None, "mean_mse": None, "low": None, "high": None, "n_rows": 0}
    curves = np.full((0, 2), np.nan)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SpdkitWarning)
        try:
            split: Any = fit.split
            rows = sample_split(songs, fit.steps, kind=split, test_share=0.1, seed=fit.seed)
            result = evaluate(model, rows, plays.to_numpy(), curves=True, seed=fit.seed)
        except DivergedError:
            return FitResult({**nothing, "diverged": True}, curves, _since(start))
        except ProtocolError as error:  # songs are too short for so many steps
            return FitResult({**nothing, "diverged": False, "note": str(error)}, curves, 0.0)
    curves = result.history[["loss", "watched_loss"]].to_numpy(dtype=np.float64)
    facts = {
        "mse": result.mse.value,
        "mean_mse": result.mean_mse.value,
        "low": known(result.reduction.low),
        "high": known(result.reduction.high),
        "n_rows": len(result.rows),
        "diverged": bool(curves[-1, 1] >= DIVERGED * result.mean_mse.value),
    }
    return FitResult(facts, curves, _since(start))


def _since(start: float) -> float:
    return time.process_time() - start


def _log(args: argparse.Namespace, progress: Progress) -> Log:
    music = args.audio
    if music is None:
        music = args.work / "songs"
        if not (music / "done").exists():
            corpus.synthesise_corpus(music)
            (music / "done").touch()
    clips = args.work / f"sweep_{args.kind}.h5"
    extract_clips(music, clips, kind=args.kind, jobs=args.jobs, progress=True)
    store = ClipStore.open(clips)
    if args.triplets is None:
        return _made_up(args, music, store)
    database = args.triplets
    if database.suffix != ".duckdb":
        database = args.work / "log.duckdb"
        progress(f"importing {args.triplets}")
        import_triplets(args.triplets, database)
    log = TasteProfile.open(database)
    users = log.top_users(USERS)["user_id"]
    shared = log.shared_songs(users, min_users=MIN_USERS)["song_id"]
    tables = []
    for user, table in log.plays(users, shared).groupby("user_id"):
        frame = table.set_index("song_id")[["plays"]]
        tables.append(PlayTable(str(user), frame).matched(store.track_ids).frame["plays"])
    order = sorted(tables, key=lambda plays: -plays.sum())
    return Log(store, tuple(order), "triplets")


def _made_up(args: argparse.Namespace, music: Path, store: ClipStore) -> Log:
    """The log of five listeners, each of a taste of its own."""
    whole = args.work / "sweep_songs.h5"
    extractors = [AudioExtractor(), DescriptorExtractor()]
    extract(tracks.from_folder(music), whole, extractors, jobs=args.jobs, progress=True)
    excerpts = opened(whole, store.path, store.path)
    if len(excerpts.ids) < listeners.FEWEST_SONGS:
        raise SpdkitError(f"{music}: {len(excerpts.ids)} songs are too few for listeners")
    log = listeners.triplets(excerpts.quantities, USERS, args.seed)
    tables = [own.set_index("song_id")["plays"] for _, own in log.groupby("user_id")]
    return Log(store, tuple(sorted(tables, key=lambda plays: -plays.sum())), "made-up listeners")
