"""``spdkit plays``: how often a listener would play a song, from its sound."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from spdkit import audio_models, catalogs, extraction, report, store as stores, tracks
from spdkit.cli.outputs import require_apart, require_no_music, require_outside
from spdkit.cli.printing import (
    SHOWN_ROWS,
    console,
    plain,
    print_failures,
    print_page_table,
    print_table,
)
from spdkit.cli.stores import require_finished
from spdkit.cli.terminal import (
    SHOWN_PROBLEMS,
    AllowProtocol,
    AsJson,
    Jobs,
    Quiet,
    SpreadsheetSafe,
    command_line,
    echo_json,
    errors_as_lines,
    print_line,
    print_remarks,
)
from spdkit.common.errors import SpdkitError
from spdkit.common.progress import PATIENCE, announced, progress_bar
from spdkit.common.spreadsheet import for_spreadsheet
from spdkit.common.table_io import read_table, require_ending, write_table
from spdkit.common.threads import limited_threads
from spdkit.extractors import descriptors

if TYPE_CHECKING:
    import pandas as pd

    from spdkit.audio_models.record import PlayRecord
    from spdkit.catalogs.play_tables import PlayTable
    from spdkit.catalogs.taste_profile import TasteProfile
    from spdkit.extraction.batch import BatchReport
    from spdkit.store.clip_store import ClipStore
    from spdkit.tracks.track import TrackSet

app = typer.Typer(
    help="Play counts from sound: how often would this listener play a song?",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


class ClipKind(StrEnum):
    """What a clip is."""

    descriptors = "descriptors"
    features = "features"
    audio = "audio"


class SplitKind(StrEnum):
    """What a fold holds out."""

    song = "song"
    segment = "segment"


class Preset(StrEnum):
    """Which model."""

    spdkit = "spdkit"
    paper = "paper"


Source = Annotated[
    Path,
    typer.Argument(
        metavar="FOLDER|TABLE|FILE.h5",
        help="Music: a folder, or a table with the columns track_id and audio; or the clips of it, "
        "from plays clips.",
    ),
]
ClipFile = Annotated[
    Path | None,
    typer.Option(
        "--clips",
        metavar="FILE.h5",
        help="Of music: where its clips go, and are taken from when they are there already. "
        "Default: beside the output, with the suffix .clips.h5.",
    ),
]
Page = Annotated[
    Path | None,
    typer.Option("--report", metavar="FILE.html", help="A page with all of it, and players."),
]
Workers = Annotated[
    int | None,
    typer.Option(
        "--jobs", "-j", min=1, metavar="N", help="Cores to use; worker processes, of music."
    ),
]


@app.command("import")
def import_log(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="TRIPLETS",
            help="A user, a song and a number of plays a line, with tabs between and no header, as "
            "train_triplets.txt of the Taste Profile has them; also .gz, or .zip with one file.",
        ),
    ],
    output: Annotated[
        Path,
        typer.Option("--output", "-o", metavar="FILE.duckdb", help="The database to make."),
    ],
    max_bad: Annotated[
        float,
        typer.Option(
            metavar="SHARE",
            help="Share of malformed lines beyond which the file is refused; fewer are left out, "
            "counted and told.",
        ),
    ] = 0.001,
    memory: Annotated[
        str,
        typer.Option(metavar="SIZE", help="What the database's buffers may take, such as 512MB."),
    ] = "512MB",
    top: Annotated[
        int, typer.Option(min=0, metavar="N", help="How many users of the most plays to list.")
    ] = 5,
    jobs: Jobs = None,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Import a log of plays into a database (DuckDB), from which listeners are chosen.

    An import that is stopped goes on when the same command is run again: each 64 MiB of the log are
    safe as soon as they are done, in FILE.duckdb.importing until all of it is. A log that is there
    already is not imported again, and another one does not take its place.

    Records of more than 200 plays are kept, and left out of every query as in the paper; the users
    that are listed are those of the most plays without them.

    The 48 million lines of the Taste Profile take 1.2 GB on the disk.

    Example: spdkit plays import train_triplets.txt -o taste.duckdb
    """
    with errors_as_lines():
        limits = catalogs.taste_profile.Limits(memory, jobs)
        with _percent(shown=not quiet) as progress:
            summary = catalogs.taste_profile.import_triplets(
                file, output, max_bad=max_bad, limits=limits, progress=progress
            )
        if not quiet:
            for remark in summary.remarks:
                print_line(f"spdkit: {file}: left out: {remark}")
            if summary.resumed_after:
                print_line(f"spdkit: lines that were there already: {summary.resumed_after:,}")
        log = catalogs.taste_profile.TasteProfile.open(output, limits=limits)
        content = {**_log_content(log, top), "resumed_after": summary.resumed_after}
    if as_json:
        echo_json(content)
    else:
        _print_log(content)


@app.command()
def clips(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="FOLDER|TABLE", help="A folder of music, or a table with track_id and audio."
        ),
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE.h5", help="The clips to write.")
    ],
    kind: Annotated[
        ClipKind,
        typer.Option(
            help="What a clip is: sixteen descriptors (tempo, key, loudness, spectral shape), for "
            "some hundred songs; the row of the audio features; or its samples, as in the paper."
        ),
    ] = ClipKind.descriptors,
    clip_seconds: Annotated[
        float | None,
        typer.Option(
            metavar="SECONDS",
            help="Length of a clip. Default: 5 (the paper's); 15 of descriptors, as 5 seconds do "
            "not tell a tempo.",
        ),
    ] = None,
    sample_rate: Annotated[
        int | None,
        typer.Option(
            min=1, metavar="HZ", help="Default: 22050 (the paper's) of samples, 44100 of features."
        ),
    ] = None,
    duration: Annotated[
        float | None,
        typer.Option(metavar="SECONDS", help="From the middle of a song. Default: all of it."),
    ] = None,
    timeout: Annotated[
        float | None,
        typer.Option(metavar="SECONDS", help="Give a track up after this long. Default: never."),
    ] = None,
    overwrite: Annotated[
        bool,
        typer.Option(
            "--overwrite/--resume", help="Start afresh; or do only what is new, or had failed."
        ),
    ] = False,
    allow_protocol: AllowProtocol = None,
    jobs: Workers = None,
    as_json: AsJson = False,
) -> None:
    """Cut songs into clips of one length, which plays fit and plays predict take instead of music.

    The last clip of a song is filled with silence at its end. One bad file never stops it; kill it
    at any time and run it again: finished songs are safe.

    Samples take 5.3 MB a minute of music (22,050 Hz), features 19 kB, descriptors 0.3 kB.

    Example: spdkit plays clips ~/music -o clips.h5
    """
    with errors_as_lines(output):
        require_apart([output], [source])
        corpus = _music_of(source, jobs)
        if overwrite:
            require_no_music(output, corpus)
        result = extraction.extract_clips(
            corpus,
            output,
            sample_rate=sample_rate,
            duration=duration,
            jobs=jobs,
            timeout=timeout,
            overwrite=overwrite,
            allow_protocols=allow_protocol or (),
            progress=True,
            **_cuts(kind, clip_seconds, sample_rate),
        )
        store = stores.ClipStore.open(output)
    if as_json:
        echo_json({**dataclasses.asdict(result), "n_clips": sum(map(len, store.songs()))})
    else:
        _print_clips(store, result)


@app.command()
def fit(
    source: Source,
    plays: Annotated[
        Path,
        typer.Option(
            "--plays",
            metavar="FILE",
            help="Who played what how often: a .csv, .tsv or .parquet table with the columns "
            "track_id (or song_id) and plays, and user_id where there are several; triplets of the "
            "Taste Profile (.txt, .txt.gz); or the .duckdb of plays import.",
        ),
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="MODEL", help="The folder to write.")
    ],
    user: Annotated[
        str | None,
        typer.Option(metavar="ID", help="Whose plays. Default: of who has the most."),
    ] = None,
    songs: Annotated[
        Path | None,
        typer.Option(
            metavar="TABLE",
            help="Which song is which track: song_id, track_id, and such as artist_id. Default: "
            "ids are the same, or song_id is the name of the file.",
        ),
    ] = None,
    max_plays: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="N",
            help="Leave records of more plays out. Default: 200 of triplets, as in the paper.",
        ),
    ] = None,
    split: Annotated[
        SplitKind,
        typer.Option(
            help="What is held out to score: whole songs; or segments, as in the paper, which puts "
            "the same song on both sides and flatters."
        ),
    ] = SplitKind.song,
    groups: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN",
            help="Of --plays or --songs, such as artist_id: whose songs are held out together.",
        ),
    ] = None,
    folds: Annotated[
        int, typer.Option(min=2, help="Each song is predicted by a net of the other folds.")
    ] = 5,
    preset: Annotated[
        Preset, typer.Option(help="What we recommend, or one layer of 64 units as in the paper.")
    ] = Preset.spdkit,
    time_steps: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Clips that the net reads together; paper: 1 to 24."),
    ] = None,
    layers: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Of 64 units; the paper has 1 or 2.")
    ] = None,
    epochs: Annotated[int | None, typer.Option(min=1, metavar="N")] = None,
    clip_file: ClipFile = None,
    page: Page = None,
    seed: Annotated[
        int, typer.Option(min=0, max=2**32 - 1, help="The same seed gives the same model.")
    ] = 0,
    jobs: Workers = None,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Fit a net on how often a listener played songs, by their sound, and score it.

    Scores are of songs that the net did not hear, in standardised plays: the mean of the plays has
    a squared error of about 1, so 0.75 is a quarter less, and 1 or more has learned nothing. The
    interval is of resamples of the songs. The saved net has learned from all songs.

    Some hundred songs with plays are needed. --report shows plays against predictions, the learning
    curves, and the songs of the folder that the listener has not played and should hear.

    Example: spdkit plays fit ~/music --plays plays.csv -o model --report plays.html
    """
    with errors_as_lines(clip_file or _beside(output)):
        require_apart([page], [source, plays, songs])
        require_outside(output, [source, plays, songs, clip_file])
        _require_page(page)
        with announced("spdkit: loading what models need"):
            audio_models.serialization.FORM.require_room(output, audio_models.record.FILES)
            parameters: dict[str, Any] = {"time_steps": time_steps, "max_epochs": epochs}
            parameters["units"] = None if layers is None else (64,) * layers
            settings = audio_models.fit.FitSettings(
                preset.value,
                {name: value for name, value in parameters.items() if value is not None},
                split.value,
                folds,
                seed,
            )
        with announced(f"spdkit: reading {plays}"):
            table = catalogs.play_tables.read_plays(plays, listener=user, max_plays=max_plays)
            named = None if songs is None else _read_songs(songs)
        store = _clips_of(source, clip_file or _beside(output), [output, page], jobs)
        table = table.matched(store.track_ids, named)
        if not quiet:
            for text in table.remarks:
                print_line(f"spdkit: {text}")
        with limited_threads(jobs, sum(song.n_clips * song.n_values for song in store.songs())):
            model, record = audio_models.fit.fit(
                store,
                table.frame["plays"],
                settings,
                groups=_groups(table, groups, plays),
                listener=table.listener,
                source=source.name or str(source),
                table=plays.name,
                command=command_line(),
                remarks=table.remarks,
                progress=not quiet,
            )
            audio_models.predict.save(model, record, output)
            predictions = audio_models.predict.predict_store(model, record, store)
        if page is not None:
            report.plays_report.write(record, predictions, report.plays_report.sounds(store), page)
    files = [str(path) for path in (output, page) if path is not None]
    if as_json:
        echo_json(_fit_content(record, predictions, files))
    else:
        _print_fit(record, predictions, output, page)


@app.command()
def predict(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="A folder that plays fit wrote.")],
    source: Source,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE.csv", help="The table to write.")
    ],
    clip_file: ClipFile = None,
    page: Page = None,
    spreadsheet_safe: SpreadsheetSafe = False,
    jobs: Workers = None,
    as_json: AsJson = False,
) -> None:
    """Predict how often the listener would play songs: a row a song, the most plays first.

    Columns: track_id; plays (predicted); played, what is known of songs that the model has learned
    from; note, why there is no prediction. Music is cut into clips first, as the model's were.

    Example: spdkit plays predict model ~/new-music -o plays.csv
    """
    with errors_as_lines(clip_file or _beside(output)):
        require_apart([output, page], [source])
        require_ending(output)
        _require_page(page)
        with announced(f"spdkit: loading {model} and what models need"):
            loaded, record = audio_models.predict.load(model)
        store, ids = _store_of(source), None
        if store is None:
            file, cuts = (
                clip_file or _beside(output),
                extraction.rebuild.clip_arguments(record.clips),
            )
            corpus = _music_of(source, jobs)
            store, ids = (
                _cut(corpus, file, [output, page], jobs, cuts),
                [t.track_id for t in corpus],
            )
        with limited_threads(jobs, sum(song.n_clips * song.n_values for song in store.songs())):
            table = audio_models.predict.predict_store(loaded, record, store, ids)
        write_table(for_spreadsheet(table, safe=spreadsheet_safe), output, float_format="%.6g")
        if page is not None:
            report.plays_report.write(record, table, report.plays_report.sounds(store), page)
    if as_json:
        echo_json(table.to_dict("records"))
    else:
        _print_predictions(table, f"{output}: {len(table)} songs")


def _beside(output: Path) -> Path:
    return output.with_name(f"{output.stem}.clips.h5")


def _require_page(page: Path | None) -> None:
    """Refuse before any work a page that could not be written after it."""
    if page is not None:
        report.svg.require_matplotlib()
        report.page.load_template(report.plays_report.TEMPLATE)


def _music_of(source: Path, jobs: int | None) -> TrackSet:
    readers = partial(extraction.executors.run_local, jobs=jobs)
    with announced(f"spdkit: looking at {source}"):
        corpus = tracks.scan.from_path(source, run=readers, progress=True)
    print_remarks(source, corpus.remarks)
    print_remarks(source, corpus.problems, most=SHOWN_PROBLEMS)
    return corpus


def _store_of(source: Path) -> ClipStore | None:
    """The clips that a source is; None where it is music."""
    if source.suffix.lower() not in (".h5", ".hdf5"):
        return None
    require_finished(source)
    return stores.ClipStore.open(source)


def _clips_of(
    source: Path, file: Path, outputs: Sequence[Path | None], jobs: int | None
) -> ClipStore:
    """The clips of a source, cut first where it is music."""
    if (store := _store_of(source)) is not None:
        return store
    return _cut(_music_of(source, jobs), file, outputs, jobs, _cuts(ClipKind.descriptors))


def _cuts(kind: ClipKind, seconds: float | None = None, rate: int | None = None) -> dict[str, Any]:
    """Arguments of a kind of clips."""
    if kind is not ClipKind.descriptors:
        return {"kind": kind.value, "clip_seconds": 5.0 if seconds is None else seconds}
    features = descriptors.ClipDescriptors(sr=rate) if rate else descriptors.ClipDescriptors()
    seconds = audio_models.fit.CLIP_SECONDS if seconds is None else seconds
    return {"kind": "features", "clip_seconds": seconds, "features": features}


def _cut(
    corpus: TrackSet,
    file: Path,
    outputs: Sequence[Path | None],
    jobs: int | None,
    cuts: dict[str, Any],
) -> ClipStore:
    for each in (file, *outputs):
        if each is not None:
            require_no_music(each, corpus)
    print_line(f"spdkit: clips go to {file}")
    result = extraction.extract_clips(corpus, file, jobs=jobs, progress=True, **cuts)
    failures = [f"{f.track_id}: {f.reason}" for f in result.failures]
    print_remarks(file, failures, most=SHOWN_PROBLEMS)
    return stores.ClipStore.open(file)


def _read_songs(path: Path) -> pd.DataFrame:
    names = ["song_id", "track_id"]
    return read_table(path, required=names, text=[*names, "artist_id"])


def _groups(table: PlayTable, column: str | None, plays: Path) -> pd.Series[Any] | None:
    if column is None:
        return None
    if column not in table.frame:
        raise SpdkitError(f"--groups {column}: no such column in {plays}, nor in --songs")
    groups = table.frame[column]
    if n := int(groups.isna().sum()):
        raise SpdkitError(f"--groups {column}: {n} songs have none: fill them in")
    return groups


def _fit_content(record: PlayRecord, predictions: pd.DataFrame, files: list[str]) -> dict[str, Any]:
    """A record as plain values, without its tables."""
    scores = ("mse", "mean_mse", "reduction")
    return {
        "listener": record.listener,
        "n_songs": int(record.songs["track_id"].nunique()),
        "split": dataclasses.asdict(record.split),
        **{name: dataclasses.asdict(getattr(record, name)) for name in scores},
        "to_hear": audio_models.predict.unheard(predictions)[["track_id", "plays"]].to_dict(
            "records"
        ),
        "remarks": list(record.remarks),
        "files": files,
    }


def _print_fit(
    record: PlayRecord, predictions: pd.DataFrame, folder: Path, page: Path | None
) -> None:
    """Scores beside the mean, the songs to hear, and what was written."""
    print_page_table(report.plays_report.score_table(record))
    print(report.plays_report.verdict(record))
    to_hear = audio_models.predict.unheard(predictions)
    if len(to_hear):
        _print_predictions(to_hear, f"{len(to_hear):,} songs that the listener has not played")
    out = console()
    out.print(f"{plain(folder)}: saved; spdkit plays predict takes it", soft_wrap=True)
    out.print(
        "--report draws it all" if page is None else f"{plain(page)}: written", soft_wrap=True
    )


def _print_predictions(table: pd.DataFrame, title: str) -> None:
    rows = [
        [str(name), *("" if math.isnan(value) else f"{value:.3g}" for value in numbers), note]
        for name, *numbers, note in table.head(SHOWN_ROWS).itertuples(index=False)
    ]
    print_table(title, list(table.columns), rows)
    if (more := len(table) - SHOWN_ROWS) > 0:
        console().print(f"… and {more:,} more")


def _print_clips(store: ClipStore, result: BatchReport) -> None:
    songs = store.songs()
    rate = result.n_extracted / result.seconds if result.seconds else 0.0
    rows = [
        ["songs", f"{len(songs):,} with clips, of {result.n_tracks:,} tracks"],
        ["clips", f"{sum(map(len, songs)):,} of {store.clip_seconds:g} s, {store.kind}"],
        ["cut now", f"{result.n_extracted:,} in {result.seconds:.1f} s ({rate:.2f}/s)"],
        ["unchanged", f"{result.n_unchanged:,}"],
        ["failed", f"{result.n_failed:,}"],
    ]
    print_table(str(store.path), ["", ""], rows, header=False)
    failures = [[f.track_id, f.extractor, f.reason] for f in result.failures]
    print_failures(failures, "", every=True)


@contextmanager
def _percent(*, shown: bool) -> Iterator[Callable[[int, int], None]]:
    """A bar of hundredths of a file."""
    with progress_bar("importing, %", 100, shown=shown, patience=PATIENCE) as advance:
        n_shown = 0

        def progress(done: int, total: int) -> None:
            nonlocal n_shown
            for _ in range(100 * done // total - n_shown):
                advance(False)
                n_shown += 1

        yield progress


def _log_content(log: TasteProfile, top: int) -> dict[str, Any]:
    """What is there, as plain values."""
    n_users, n_songs = log.count()
    k = min(top, n_users)
    users = log.top_users(k).to_dict("records") if k else []
    return {
        "file": str(log.path),
        **dataclasses.asdict(log.summary),
        "n_bad": log.summary.n_bad,
        "n_users": n_users,
        "n_songs": n_songs,
        "top_users": users,
    }


def _print_log(content: dict[str, Any]) -> None:
    names = {
        "n_lines": "lines",
        "n_bad": "malformed, left out",
        "n_records": "records",
        "n_over": f"of more than {catalogs.taste_profile.MAX_PLAYS} plays, left out of queries",
        "n_users": "users of the others",
        "n_songs": "songs of the others",
    }
    rows = [[text, f"{content[name]:,}"] for name, text in names.items()]
    print_table(f"{content['file']}: from {content['source']}", ["", ""], rows, header=False)
    if content["top_users"]:
        rows = [
            [user["user_id"], f"{user['plays']:,}", f"{user['n_songs']:,}"]
            for user in content["top_users"]
        ]
        print_table("users of the most plays", ["user", "plays", "songs"], rows)
