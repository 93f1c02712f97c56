"""``spdkit fit``, ``evaluate``, ``predict`` and ``report``. Heavy imports stay inside."""

from __future__ import annotations

import shlex
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from spdkit.cli.terminal import AsJson, tell, to_json, told_errors, with_metadata
from spdkit.common.errors import SpdkitError
from spdkit.popularity.models.presets import PAPER_PRESETS, RECOMMENDED

if TYPE_CHECKING:
    from spdkit.popularity.record import ModelRecord
    from spdkit.store.dataset import Dataset
    from spdkit.store.feature_store import FeatureStore


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
Groups = Annotated[
    str,
    typer.Option(metavar="COLUMN", help="Whose songs the protocol artist keeps on one side."),
]
TaskOption = Annotated[
    Task, typer.Option(help="A number, or low, medium, high (below 25, below 65, the rest).")
]
Preset = Annotated[str, typer.Option(metavar="NAME", help=f"Which model: {_PRESETS}.")]
Thresholds = Annotated[
    str,
    typer.Option(
        metavar="LOW,HIGH|quartiles",
        help="Where the classes medium and high begin; quartiles are those of training rows.",
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
Seed = Annotated[int, typer.Option(help="The same seed gives the same model.")]


def fit(
    file: StoreFile,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="MODEL", help="The folder to write.")
    ],
    labels: Labels = None,
    target: Target = "popularity",
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
    thresholds: Thresholds = "25,65",
    balanced: Balanced = False,
    extractor: Extractors = None,
    with_baselines: Baselines = True,
    explain: Annotated[
        bool,
        typer.Option("--explain/--no-explain", help="Measure which features the model relies on."),
    ] = True,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Fit a model of popularity, score it on rows it never saw, and save both.

    Everything is learned from training rows; the scores are of test rows, with bootstrap intervals,
    beside baselines on the same rows. See `spdkit report` for the whole picture.

    Example: spdkit fit features.h5 --labels labels.csv -o model
    """
    with told_errors():
        from spdkit.popularity import fit as fitting
        from spdkit.popularity.models import serialization
        from spdkit.popularity.record import to_files

        serialization.require_room(output)
        settings = fitting.FitSettings(
            task=task.value,
            preset=preset,
            protocol=protocol.value,
            test_share=test_share,
            thresholds=_thresholds(thresholds),
            balanced=balanced,
            compared=with_baselines,
            explained=explain,
            seed=seed,
        )
        data, store = _data(file, labels, target, groups, extractor)
        model, record = fitting.fit(
            data,
            store,
            settings,
            labels="" if labels is None else labels.name,
            command=_command(),
            progress=True,
        )
        serialization.save_model(model, output, to_files(record))
    if as_json:
        typer.echo(to_json(_told(record)))
        return
    from spdkit.cli.popularity_printing import print_record

    print_record(record, str(output))


def evaluate(
    file: StoreFile,
    labels: Labels = None,
    target: Target = "popularity",
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
    thresholds: Thresholds = "25,65",
    balanced: Balanced = False,
    extractor: Extractors = None,
    with_baselines: Baselines = True,
    seed: Seed = 0,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE.json", help="Write the JSON there, too."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Cross-validate a model beside baselines: one table, with intervals and paired differences.

    Example: spdkit evaluate features.h5 --labels labels.csv --protocol artist --k 5
    """
    with told_errors():
        from spdkit.popularity import cross_validation
        from spdkit.popularity import fit as fitting

        settings = fitting.FitSettings(
            task=task.value,
            preset=preset,
            protocol=protocol.value,
            balanced=balanced,
            seed=seed,
        )
        cuts = _thresholds(thresholds)
        if isinstance(cuts, str):
            raise SpdkitError("quartiles differ from fold to fold: give --thresholds two numbers")
        data, _ = _data(file, labels, target, groups, extractor)
        splits = fitting.split_rows(
            data, protocol.value, k=k, test_share=test_share, seed=seed, thresholds=cuts
        )
        makers = {preset: fitting.model_maker(settings)}
        if with_baselines:
            makers |= fitting.baseline_makers(settings)
        songs = fitting.songs_of(data, cuts)
        found = cross_validation.evaluate(makers, songs, splits, progress=True)
        content = {"command": _command(), **_told(found)}
        if output is not None:
            from spdkit.common.files import write_text

            write_text(output, to_json(content) + "\n")
    if as_json:
        typer.echo(to_json(content))
        return
    from spdkit.cli.popularity_printing import print_evaluation

    print_evaluation(found)


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
            help="Of music: where its features go. Default: beside FILE.csv, with the suffix .h5.",
        ),
    ] = None,
    explain: Annotated[
        bool,
        typer.Option(
            "--explain", help="Add what pushed each song up or down, in points, by modality."
        ),
    ] = False,
    jobs: Annotated[
        int | None, typer.Option("--jobs", "-j", min=1, help="Worker processes, of music.")
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
    with told_errors():
        from spdkit.popularity import predict as predicting

        loaded, record = predicting.load(model)
        store, songs = _store_of(
            source, record, metadata or [], features or output.with_suffix(".h5"), jobs
        )
        table = predicting.predict_store(loaded, record, store, songs, explained=explain)
        predicting.write(table, output)
    if as_json:
        typer.echo(to_json(table.reset_index().to_dict("records")))
        return
    from spdkit.cli.popularity_printing import print_predictions

    print_predictions(table, record, str(output))


def report(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="A folder that fit wrote.")],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE.html", help="The page to write.")
    ] = Path("report.html"),
) -> None:
    """Write all that is known of a model into one HTML page, with figures, for any browser.

    Example: spdkit report model -o report.html
    """
    with told_errors():
        from spdkit.popularity import predict as predicting
        from spdkit.report import popularity_report

        loaded, record = predicting.load(model)
        popularity_report.write(record, loaded.history_, output)
    typer.echo(str(output))


def _data(
    file: Path, labels: Path | None, target: str, groups: str, extractors: list[str] | None
) -> tuple[Dataset, FeatureStore]:
    from spdkit.store import dataset
    from spdkit.store.feature_store import FeatureStore

    store = FeatureStore.open(file)
    data = dataset.load(store, labels, target, groups, extractors)
    for line in str(data.report).splitlines():
        typer.echo(f"{file}: {line}", err=True)
    return data, store


def _store_of(
    source: Path, record: ModelRecord, metadata: list[Path], features: Path, jobs: int | None
) -> tuple[FeatureStore, list[str] | None]:
    """The store itself, or that of music, extracted as the model's features were, and its songs.

    The store of music may have songs of an earlier run besides.
    """
    from spdkit.store.feature_store import FeatureStore

    if source.suffix.lower() in (".h5", ".hdf5"):
        if metadata:
            raise SpdkitError("--metadata is for music to extract: a store has its facts")
        return FeatureStore.open(source), None
    from spdkit.extraction import batch
    from spdkit.extraction.rebuild import rebuild_extractors
    from spdkit.tracks import scan

    extractors = rebuild_extractors(record.extractors)
    found = scan.from_path(source, progress=True)
    tell(source, [*found.remarks, *found.problems])
    found = with_metadata(found, metadata)
    batch.extract(found, features, extractors, jobs=jobs, progress=True)
    return FeatureStore.open(features), [track.track_id for track in found]


def _thresholds(text: str) -> tuple[float, float] | str:
    if text == "quartiles":
        return text
    try:
        low, high = map(float, text.split(","))
    except ValueError:
        raise typer.BadParameter(
            f"{text!r}: expected two numbers, such as 25,65, or quartiles",
            param_hint="--thresholds",
        ) from None
    return low, high


def _command() -> str:
    return shlex.join(["spdkit", *sys.argv[1:]])


def _told(found: Any) -> dict[str, Any]:
    """A record or an evaluation for JSON: facts and scores, no tables."""
    import dataclasses

    import numpy as np
    import pandas as pd

    facts = {
        field.name: getattr(found, field.name)
        for field in dataclasses.fields(found)
        if not isinstance(getattr(found, field.name), pd.DataFrame | pd.Series | np.ndarray)
    }
    return {name: _plain(value) for name, value in facts.items()}


def _plain(value: Any) -> Any:
    import dataclasses

    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return value
