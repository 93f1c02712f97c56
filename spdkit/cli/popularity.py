"""``spdkit fit``, ``evaluate``, ``predict`` and ``report``: a model of popularity and its use."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict, is_dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from spdkit import evaluation, extraction, popularity, report, store as stores, tracks
from spdkit.cli.outputs import require_apart, require_no_music, require_outside
from spdkit.cli.printing import SHOWN_ROWS, console, plain, print_table
from spdkit.cli.stores import open_store, stored_tracks
from spdkit.cli.terminal import (
    AllowProtocol,
    AsJson,
    Jobs,
    SpreadsheetSafe,
    command_line,
    echo,
    echo_json,
    errors_as_lines,
    print_remarks,
    to_json,
    with_metadata,
)
from spdkit.common.errors import SpdkitError, UnitWarning
from spdkit.common.files import write_text
from spdkit.common.messages import listing
from spdkit.common.progress import announced
from spdkit.common.text import same_names
from spdkit.common.threads import limited_threads
from spdkit.popularity.models.presets import PAPER_PRESETS, RECOMMENDED
from spdkit.store.errors import StoreError

if TYPE_CHECKING:
    import pandas as pd

    from spdkit.evaluation.bootstrap import Difference, Score
    from spdkit.popularity.cross_validation import Evaluation
    from spdkit.popularity.record import ModelRecord
    from spdkit.store.dataset import Dataset
    from spdkit.store.feature_store import FeatureStore
    from spdkit.tracks.track import TrackSet

# What fits a terminal; --json and the report have all.
_COLUMNS = ("mae", "r2", "coverage", "f1_macro", "hit_recall")
_CLASS_COLUMNS = ("f1_macro", "hit_recall", "accuracy", "cross_entropy", "calibration_error")


class Task(StrEnum):
    """What to learn."""

    regression = "regression"
    classification = "classification"


class Protocol(StrEnum):
    """How to split."""

    paper = "paper"
    artist = "artist"
    time = "time"
    reference = "reference"


_PRESETS = f"{RECOMMENDED} (recommended), or the paper's {PAPER_PRESETS[0]} … {PAPER_PRESETS[-1]}"

StoreFile = Annotated[
    Path, typer.Argument(metavar="FILE.h5", help="Features, from spdkit extract or a catalog.")
]
Labels = Annotated[
    Path | None,
    typer.Option(
        metavar="TABLE",
        help="A CSV or Parquet table with the columns track_id and the target, and optionally that "
        "of --groups. Default: FILE.h5 itself, where it has them.",
    ),
]
Target = Annotated[
    str, typer.Option(metavar="COLUMN", help="What to predict: popularity in [0, 100].")
]
TargetRange = Annotated[
    str | None,
    typer.Option(
        metavar="LOW,HIGH",
        help="What the target can be, where it is no popularity: 0,1 of shares and flags, 0,10 of "
        "marks. It is learned, and predicted, as 0 to 100; --thresholds are in its own unit.",
    ),
]
Groups = Annotated[
    str, typer.Option(metavar="COLUMN", help="Whose songs the protocol artist keeps on one side.")
]
TaskOption = Annotated[
    Task, typer.Option(help="A number, or one of the classes low, medium, high (--thresholds).")
]
Preset = Annotated[str, typer.Option(metavar="NAME", help=f"Which model: {_PRESETS}.")]
Thresholds = Annotated[
    str | None,
    typer.Option(
        metavar="LOW,HIGH|quartiles",
        help="Where the classes medium and high begin, in the unit of the target; quartiles are "
        "those of training rows. Default: 25,65 of 0 to 100, and as far along --target-range.",
    ),
]
Balanced = Annotated[
    bool,
    typer.Option(
        "--balanced/--as-they-are",
        help="Count classes alike, however rare: more hits are found, with more false alarms.",
    ),
]
Extractors = Annotated[
    list[str] | None,
    typer.Option("--extractor", metavar="NAME", help="Whose features to use; may be repeated."),
]
Baselines = Annotated[
    bool,
    typer.Option(
        "--baselines/--no-baselines",
        help="Compare with the median, linear models, a plain net, and LightGBM if it is there.",
    ),
]
Seed = Annotated[
    int, typer.Option(min=0, max=2**32 - 1, help="The same seed gives the same model.")
]


def fit(
    file: StoreFile,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="MODEL", help="The folder to write.")
    ],
    labels: Labels = None,
    target: Target = "popularity",
    target_range: TargetRange = None,
    groups: Groups = "artist_id",
    task: TaskOption = Task.regression,
    preset: Preset = RECOMMENDED,
    protocol: Annotated[
        Protocol,
        typer.Option(help="Which rows test: random ones (paper), other artists, later releases."),
    ] = Protocol.artist,
    test_share: Annotated[
        float, typer.Option(min=0.01, max=0.9, help="Share of the rows that test.")
    ] = 0.2,
    thresholds: Thresholds = None,
    balanced: Balanced = False,
    extractor: Extractors = None,
    with_baselines: Baselines = True,
    explain: Annotated[
        bool,
        typer.Option("--explain/--no-explain", help="Measure which features the model relies on."),
    ] = True,
    seed: Seed = 0,
    jobs: Jobs = None,
    as_json: AsJson = False,
) -> None:
    """Fit a model of popularity, score it on rows it never saw, and save both.

    Everything is learned from training rows; the scores are of test rows, with bootstrap intervals,
    beside baselines on the same rows. See `spdkit report` for the whole picture.

    Example: spdkit fit features.h5 --labels labels.csv -o model
    """
    with errors_as_lines():
        with _announced(file):
            popularity.models.serialization.require_room(output, popularity.record.FILES)
        require_outside(output, [file, labels])
        settings = popularity.fit.FitSettings(
            task=task.value,
            preset=preset,
            protocol=protocol.value,
            test_share=test_share,
            target_range=_limits(target_range),
            thresholds=_thresholds(thresholds),
            balanced=balanced,
            compared=with_baselines,
            explained=explain,
            seed=seed,
        )
        with _announced(file):
            data, store = _data(file, labels, target, target_range, groups, extractor)
        with limited_threads(jobs, data.X.size):
            model, record = popularity.fit.fit(
                data,
                store,
                settings,
                labels="" if labels is None else labels.name,
                command=command_line(),
                progress=True,
            )
        files = popularity.record.to_files(record)
        popularity.models.serialization.save_model(model, output, files)
    if as_json:
        echo_json(_facts(record))
    else:
        _print_record(record, output)


def evaluate(
    file: StoreFile,
    labels: Labels = None,
    target: Target = "popularity",
    target_range: TargetRange = None,
    groups: Groups = "artist_id",
    task: TaskOption = Task.regression,
    preset: Preset = RECOMMENDED,
    protocol: Annotated[
        Protocol,
        typer.Option(
            help="Which rows train: random ones (paper), other artists, earlier releases; "
            "reference leaks as the published code does, to show what that is worth."
        ),
    ] = Protocol.artist,
    k: Annotated[int, typer.Option("--k", min=2, help="Folds; the paper has 5 and 10.")] = 5,
    test_share: Annotated[
        float,
        typer.Option(min=0.0, max=0.9, help="Rows kept apart as a test; 0 makes folds of all."),
    ] = 0.2,
    thresholds: Thresholds = None,
    balanced: Balanced = False,
    extractor: Extractors = None,
    with_baselines: Baselines = True,
    seed: Seed = 0,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE.json", help="Write the JSON there, too."),
    ] = None,
    jobs: Jobs = None,
    as_json: AsJson = False,
) -> None:
    """Cross-validate a model beside baselines: one table, with intervals and paired differences.

    Example: spdkit evaluate features.h5 --labels labels.csv --protocol artist --k 5
    """
    with errors_as_lines():
        require_apart([output], [file, labels])
        settings = popularity.fit.FitSettings(
            task=task.value,
            preset=preset,
            protocol=protocol.value,
            target_range=_limits(target_range),
            thresholds=_thresholds(thresholds),
            balanced=balanced,
            seed=seed,
        )
        cuts = settings.cuts
        if isinstance(cuts, str):
            raise SpdkitError("quartiles differ from fold to fold: give --thresholds two numbers")
        with _announced(file):
            data, _ = _data(file, labels, target, target_range, groups, extractor)
        data = popularity.fit.in_points(data, settings.target_range)
        splits = popularity.fit.split_rows(
            data, protocol.value, k=k, test_share=test_share, seed=seed, thresholds=cuts
        )
        makers = {preset: popularity.fit.model_maker(settings)}
        if with_baselines:
            makers |= popularity.fit.baseline_makers(settings)
        songs = popularity.fit.songs_of(data, cuts)
        with limited_threads(jobs, data.X.size):
            result = popularity.cross_validation.evaluate(makers, songs, splits, progress=True)
        content = {"command": command_line(), **_facts(result)}
        if output is not None:
            write_text(output, to_json(content) + "\n")
    if as_json:
        echo_json(content)
    else:
        _print_evaluation(result)


def predict(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="A folder that fit wrote.")],
    source: Annotated[
        Path,
        typer.Argument(
            metavar="FILE.h5|FOLDER|TABLE",
            help="Features; or music, or a table of tracks, to extract first, with the parameters "
            "of the model's features.",
        ),
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE.csv", help="The table to write.")
    ],
    metadata: Annotated[
        list[Path] | None,
        typer.Option(metavar="TABLE", help="Of music: facts by track_id, as for extract."),
    ] = None,
    features: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.h5",
            help="Of music: where its features go. Default: beside FILE.csv, with the suffix .h5. "
            "A store that is there is extended; by default none that holds only other tracks.",
        ),
    ] = None,
    explain: Annotated[
        bool,
        typer.Option(
            "--explain", help="Add what pushed each song up or down, in points, by modality."
        ),
    ] = False,
    spreadsheet_safe: SpreadsheetSafe = False,
    allow_protocol: AllowProtocol = None,
    jobs: Annotated[
        int | None,
        typer.Option("--jobs", "-j", min=1, help="Cores to use; worker processes, of music."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Predict the popularity of songs: a row a song, the likeliest hits first.

    Columns: track_id; predicted with its 90 % interval low to high (regression); class, p_low,
    p_medium, p_high; distance to the training songs (1 is usual among them, 3 is far) and
    outside_range, how many features lie beyond them: there the model guesses. A song without
    features has a note instead.

    Example: spdkit predict model ~/demos -o predictions.csv
    """
    with errors_as_lines():
        predicting = popularity.predict
        of_music = None if _is_store(source) else features or output.with_suffix(".h5")
        require_apart([of_music, output], [source, *(metadata or [])])
        with _announced(model):
            loaded, record = predicting.load(model)
        if of_music is None:
            store, songs = _store_of(source, metadata, allow_protocol), None
        else:
            corpus = _music_of(source, metadata or [], jobs)
            for each in (of_music, output):
                require_no_music(each, corpus)
            if features is None:
                _require_own(of_music, corpus)
            echo(f"spdkit: features of {source} go to {of_music}", err=True)
            store = _extracted(corpus, of_music, record, jobs, allow_protocol)
            songs = [track.track_id for track in corpus]
        with limited_threads(jobs, store.X.size):
            table = predicting.predict_store(loaded, record, store, songs, explained=explain)
        predicting.write(table, output, spreadsheet_safe=spreadsheet_safe)
    if as_json:
        echo_json(table.reset_index().to_dict("records"))
    else:
        _print_predictions(table, output)


def write_report(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="A folder that fit wrote.")],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE.html", help="The page to write.")
    ] = Path("report.html"),
    jobs: Jobs = None,
) -> None:
    """Write all that is known of a model into one HTML page, with figures, for any browser.

    Example: spdkit report model -o report.html
    """
    with errors_as_lines():
        require_apart([output], [])
        with _announced(model):
            loaded, record = popularity.predict.load(model)
        # The map of songs goes through them a thousand times.
        with limited_threads(jobs, 1000 * record.split.n_training):
            report.popularity_report.write(record, loaded.history_, output)
    echo(output)


def _announced(file: Path) -> AbstractContextManager[None]:
    """Say that it is slow to load what a model needs, where it is."""
    return announced(f"spdkit: loading {file} and what models need")


def _data(
    file: Path,
    labels: Path | None,
    target: str,
    target_range: str | None,
    groups: str,
    extractors: list[str] | None,
) -> tuple[Dataset, FeatureStore]:
    store = open_store(file)
    load = partial(stores.dataset.load, store, labels, target, groups, extractors)
    if target_range is None:
        data = load()
    else:
        warnings.simplefilter("ignore", UnitWarning)  # the user has said what they are
        data = load(target_range=_limits(target_range))
    # What was left out is a warning each.
    print_remarks(file, data.report.counts)
    return data, store


def _is_store(source: Path) -> bool:
    return source.suffix.lower() in (".h5", ".hdf5")


def _store_of(
    source: Path, metadata: list[Path] | None, protocols: list[str] | None
) -> FeatureStore:
    if metadata:
        raise SpdkitError("--metadata is for music to extract: a store has its facts")
    if protocols:
        raise SpdkitError("--allow-protocol is for music to extract: a store has its features")
    return open_store(source)


def _music_of(source: Path, metadata: list[Path], jobs: int | None) -> TrackSet:
    readers = partial(extraction.executors.run_local, jobs=jobs)
    corpus = tracks.scan.from_path(source, run=readers, progress=True)
    print_remarks(source, [*corpus.remarks, *corpus.problems])
    return with_metadata(corpus, metadata)


def _require_own(features: Path, corpus: TrackSet) -> None:
    """Check that a store that nobody named is none of other tracks alone, finished or not."""
    try:
        there = stored_tracks(features)
    except StoreError as error:
        raise SpdkitError(
            f"{error}. Features of this music would go there: say --features {features} if they "
            "are to, or --features with another file"
        ) from error
    names = [track.track_id for track in corpus]
    if there and not {*names, *same_names(names, there).values()} & {*there}:
        raise SpdkitError(
            f"{features}: holds other tracks ({listing(there, quote=True)}), to which the features "
            f"of this music would be added. Say --features {features} if they are to be, or "
            "--features with another file"
        )


def _extracted(
    corpus: TrackSet,
    features: Path,
    record: ModelRecord,
    jobs: int | None,
    protocols: list[str] | None,
) -> FeatureStore:
    """The store of music, extracted as the model's features were.

    It may have songs of an earlier run besides.
    """
    extractors = extraction.rebuild.rebuild_extractors(record.extractors)
    protocols = protocols or []
    extraction.batch.extract(
        corpus, features, extractors, jobs=jobs, allow_protocols=protocols, progress=True
    )
    return stores.FeatureStore.open(features)


def _limits(text: str | None) -> tuple[float, float]:
    if text is None:
        return popularity.fit.FitSettings.target_range
    return _two_numbers(text, "--target-range", "0,1")


def _thresholds(text: str | None) -> tuple[float, float] | str | None:
    if text is None or text == "quartiles":
        return text
    return _two_numbers(text, "--thresholds", "25,65, or quartiles")


def _two_numbers(text: str, option: str, example: str) -> tuple[float, float]:
    try:
        low, high = map(float, text.split(","))
    except ValueError:
        raise typer.BadParameter(
            f"{text!r}: expected two numbers, such as {example}", param_hint=option
        ) from None
    return low, high


def _facts(result: ModelRecord | Evaluation) -> dict[str, Any]:
    """Facts and scores of a record or an evaluation, without its tables, for JSON."""
    import numpy as np
    import pandas as pd

    tables = (pd.DataFrame, pd.Series, np.ndarray)
    return {
        name: _plain(value) for name, value in vars(result).items() if not isinstance(value, tables)
    }


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return value


def _print_record(record: ModelRecord, folder: Path) -> None:
    """Scores of a model and its baselines on test rows, and what the model relies on."""
    split = record.split
    artists = "" if split.n_groups_test is None else f" of {split.n_groups_test} groups"
    title = (
        f"{record.preset}, {record.task}, {split.protocol}: trained on {split.n_training} songs, "
        f"scored on {split.n_test}{artists}"
    )
    named = {record.preset if name == "model" else name: s for name, s in record.scores.items()}
    _print_scores(title, named, record.differences, record.headline)
    if len(record.importance):
        modalities = record.importance[record.importance["level"] == "modality"]
        numbers = modalities[["increase", "low", "high"]].to_numpy(dtype=float).tolist()
        rows = [
            [str(name), _score(evaluation.bootstrap.Score(*of_name), sign="+")]
            for name, of_name in zip(modalities["name"], numbers, strict=True)
        ]
        loss = "MAE in points" if record.task == "regression" else "cross-entropy"
        print_table(f"what it relies on: rise of {loss} when shuffled", ["", ""], rows)
    out = console()
    if record.task == "regression" and "coverage" not in record.scores["model"]:
        out.print("too few songs were held out for calibration: no intervals, no probabilities")
    saved = f"{plain(folder)}: saved; spdkit report {plain(folder)} shows it all"
    out.print(saved, highlight=False, soft_wrap=True)


def _print_evaluation(result: Evaluation) -> None:
    """Scores on validation rows and on test rows."""
    for part in ("validation", "test"):
        scores = {name: parts[part] for name, parts in result.scores.items() if part in parts}
        if scores:
            differences = {name: parts[part] for name, parts in result.differences.items()}
            _print_scores(f"{part} rows; {result.splits}", scores, differences, result.headline)


def _print_predictions(table: pd.DataFrame, path: Path) -> None:
    """The first rows of a table of predictions."""
    shown = table.head(SHOWN_ROWS)
    rows = [
        [str(track), *map(_cell, row)]
        for track, row in zip(shown.index, shown.itertuples(index=False), strict=True)
    ]
    print_table(f"{path}: {len(table)} songs", ["track_id", *shown.columns], rows)
    if len(table) > len(shown):
        console().print(f"… and {len(table) - len(shown)} more in {plain(path)}", soft_wrap=True)


def _print_scores(
    title: str,
    scores: Mapping[str, Mapping[str, Score]],
    differences: Mapping[str, Difference],
    headline: str,
) -> None:
    metrics, titles = evaluation.metrics.METRICS, popularity.models.baselines.TITLES
    usual = _COLUMNS if headline == "mae" else _CLASS_COLUMNS
    columns = [name for name in usual if any(name in of_model for of_model in scores.values())]
    head = [metrics[name].title for name in (*columns, headline)]
    rows = [
        [
            titles.get(model, model),
            *(_score(of_model.get(name)) for name in columns),
            _score(differences.get(model), sign="+"),
        ]
        for model, of_model in scores.items()
    ]
    print_table(title, ["", *head[:-1], f"{head[-1]}, model less it"], rows)
    reasons = {of_model[headline].reason for of_model in scores.values() if headline in of_model}
    for reason in sorted(reasons - {""}):
        console().print(plain(reason), soft_wrap=True)


def _score(score: Score | Difference | None, sign: str = "") -> str:
    if score is None:
        return ""
    return score.text(f"{sign}.3g")


def _cell(value: object) -> str:
    if isinstance(value, float):
        return "" if math.isnan(value) else f"{value:.3g}"
    return str(value)
