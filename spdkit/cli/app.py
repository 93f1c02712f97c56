"""The command line. Heavy imports stay inside commands, so that ``--help`` answers at once.

Progress goes to stderr, results to stdout; an error that the user can act on is one line and exit
status 1.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spdkit.cli import forecast
from spdkit.cli import popularity as model_commands
from spdkit.cli.collect import app as collect_app
from spdkit.cli.terminal import SHOWN_PROBLEMS, AsJson, tell, to_json, told_errors, with_metadata
from spdkit.common.errors import SpdkitError

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from spdkit.extractors.base import Extractor
    from spdkit.tracks.track import TrackSet

app = typer.Typer(
    help="The toolkit for hit-song science: features from music, popularity, forecasts.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

app.add_typer(collect_app, name="collect")
for _command in (
    model_commands.fit,
    model_commands.evaluate,
    model_commands.predict,
    model_commands.report,
    forecast.forecast,
):
    app.command()(_command)


def _print_version(wanted: bool) -> None:
    if wanted:
        import spdkit

        typer.echo(f"spdkit {spdkit.__version__}")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Print the version and exit.", is_eager=True, callback=_print_version
        ),
    ] = False,
) -> None:
    pass


@app.command()
def extract(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="FOLDER|TABLE",
            help="A folder of music, searched with all its sub-folders for sound, tags and lyrics "
            "(song.txt or song.lrc beside song.flac, or embedded); or a CSV or Parquet table with "
            "the columns track_id and audio (a path, relative to the table, or a URL), and "
            "optionally lyrics (words) or lyrics_file (a path); its other columns are kept as "
            "metadata.",
        ),
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE.h5", help="The HDF5 file to write.")
    ],
    extractor: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME", help="Which features; may be repeated. Default: all that apply."
        ),
    ] = None,
    metadata: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="TABLE",
            help="A CSV or Parquet table with the column track_id (in a folder of music the path "
            "below it, with the suffix): its other columns are joined as metadata, lyrics as "
            "lyrics. It wins over tags. May be repeated; later ones win. Without it a later run "
            "goes back to what the tags say.",
        ),
    ] = None,
    profile: Annotated[
        str | None,
        typer.Option(help="Feature definitions: paper (default) or spotgentrack.", metavar="NAME"),
    ] = None,
    duration: Annotated[
        str | None,
        typer.Option(metavar="SECONDS|full", help="Length of the window of sound. Default: 30."),
    ] = None,
    offset: Annotated[
        str | None,
        typer.Option(metavar="middle|head|SECONDS", help="Where the window lies. Default: middle."),
    ] = None,
    jobs: Annotated[
        int | None,
        typer.Option("--jobs", "-j", min=1, help="Worker processes. Default: all usable cores."),
    ] = None,
    timeout: Annotated[
        float | None,
        typer.Option(metavar="SECONDS", help="Give a track up after this long. Default: never."),
    ] = None,
    dask: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="Run on a Dask cluster instead of this machine's workers: the address of its "
            "scheduler (tcp://host:8786) or the path of its scheduler file. Its workers need the "
            "same spdkit and must see the same paths, or URLs.",
        ),
    ] = None,
    overwrite: Annotated[
        bool,
        typer.Option(
            "--overwrite/--resume",
            help="Start afresh and replace FILE.h5 at the end, whatever it is; or do only what is "
            "new, has changed or had failed.",
        ),
    ] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit with status 1 if any track failed.")
    ] = False,
    shard_size: Annotated[
        int,
        typer.Option(min=1, metavar="N", help="Tracks kept in hand before they are made safe."),
    ] = 32,
    as_json: AsJson = False,
) -> None:
    """Extract a folder of music into one HDF5 file of features.

    The words of lyrics are never written into FILE.h5; tags and --metadata are.

    One bad file never stops a batch: it is recorded in FILE.h5 with its reason. Kill it at any time
    and run the same command again: finished tracks are safe in FILE.h5.journal.

    Example: spdkit extract ~/music -o features.h5 --jobs 4
    """
    with told_errors(output):
        if dask is not None:
            _require_no_local_options(jobs=jobs, timeout=timeout)
            source = source.expanduser().absolute()  # workers have working folders of their own
        from spdkit.extraction import batch
        from spdkit.tracks import scan

        found = scan.from_path(source, progress=True)
        tell(source, found.remarks)
        tell(source, found.problems, most=SHOWN_PROBLEMS)
        found = with_metadata(found, metadata or [])
        chosen = _extractors(extractor, found, _window_options(profile, duration, offset))
        with _engine(dask, chosen) as executor:
            report = batch.extract(
                found,
                output,
                chosen,
                jobs=jobs,
                timeout=timeout,
                overwrite=overwrite,
                executor=executor,
                shard_size=shard_size,
                progress=True,
            )
    if as_json:
        told = {"remarks": found.remarks, "problems": found.problems}
        typer.echo(to_json({**dataclasses.asdict(report), **told}))
    else:
        from spdkit.cli.printing import print_report

        print_report(report)
    if strict and (report.failures or report.unreachable or found.problems):
        raise typer.Exit(1)


@app.command()
def inspect(
    file: Annotated[Path, typer.Argument(metavar="FILE.h5", help="A file that spdkit wrote.")],
    failures: Annotated[
        bool, typer.Option("--failures", help="List every failure with its reason.")
    ] = False,
    remarks: Annotated[
        bool, typer.Option("--remarks", help="List what is worth knowing of tracks that went well.")
    ] = False,
    stats: Annotated[
        bool, typer.Option("--stats", help="Mean, deviation and range of every feature.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show what a feature file holds: tracks, features, failures and provenance."""
    with told_errors(file):
        from spdkit.store.feature_store import FeatureStore
        from spdkit.store.summary import feature_statistics, summarise

        store = FeatureStore.open(file)
        summary = summarise(store)
        statistics = feature_statistics(store) if stats else None
    if as_json:
        content = dataclasses.asdict(summary)
        if statistics is not None:
            content["statistics"] = statistics.to_dict("index")
        typer.echo(to_json(content))
        return
    from spdkit.cli.printing import print_statistics, print_summary

    print_summary(summary, every_failure=failures, remarks=remarks)
    if statistics is not None:
        print_statistics(statistics)


@app.command()
def doctor(
    folder: Annotated[
        Path, typer.Argument(help="Where you mean to write; its disk is looked at.")
    ] = Path(),
    as_json: AsJson = False,
) -> None:
    """Check this machine: versions, which formats decode, threads, disk, caches, extras."""
    with told_errors():
        from spdkit.extraction.doctor import examine

        findings = examine(folder)
    if as_json:
        typer.echo(to_json([dataclasses.asdict(finding) for finding in findings]))
    else:
        from spdkit.cli.printing import print_findings

        print_findings(findings)
    if not all(finding.ok for finding in findings if finding.topic not in ("extra", "format")):
        raise typer.Exit(1)


@app.command()
def demo(
    folder: Annotated[
        Path, typer.Argument(help="Where to write songs, tables, features, a model and its report.")
    ] = Path("demo"),
    songs: Annotated[int, typer.Option(min=1, max=1000, help="How many songs to synthesise.")] = 40,
    seed: Annotated[int, typer.Option(help="The same seed gives the same songs.")] = 0,
    jobs: Annotated[
        int | None, typer.Option("--jobs", "-j", min=1, help="Worker processes.")
    ] = None,
) -> None:
    """See it all run: compose songs, extract, inspect, draw, fit, report, predict, forecast."""
    with told_errors():
        from spdkit.cli import demo as demonstration

        demonstration.run(folder, n_songs=songs, seed=seed, jobs=jobs)


def _require_no_local_options(**options: float | None) -> None:
    given = [name for name, value in options.items() if value is not None]
    if given:
        raise SpdkitError(
            f"--{given[0]} is for workers of this machine and means nothing with --dask: "
            "the cluster decides how many workers it has, and its tasks cannot be stopped"
        )


@contextlib.contextmanager
def _engine(dask: str | None, chosen: list[Extractor]) -> Iterator[Executor | None]:
    """Where to run; None is this machine."""
    if dask is None:
        yield None
        return
    from spdkit.extraction import dask_executor

    with dask_executor.connect(dask, chosen, lambda text: typer.echo(text, err=True)) as executor:
        yield executor


def _window_options(
    profile: str | None, duration: str | None, offset: str | None
) -> dict[str, object]:
    options: dict[str, object] = {}
    if profile is not None:
        options["profile"] = profile
    if duration is not None:
        options["duration"] = None if duration == "full" else _seconds("--duration", duration)
    if offset is not None:
        named = offset in ("middle", "head")
        options["offset"] = offset if named else _seconds("--offset", offset)
    return options


def _seconds(option: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no number of seconds", param_hint=option) from None


def _extractors(
    names: list[str] | None, found: TrackSet, options: dict[str, object]
) -> list[Extractor]:
    """Build extractors with those options that each has."""
    from spdkit.extractors import registry

    classes = registry.available()
    if names is None:
        names = list(registry.applicable(found))
    chosen, used = [], set[str]()
    for name in dict.fromkeys(names):
        known = classes[name]().get_params().keys() if name in classes else set()
        used |= known & options.keys()
        built = registry.make(name, **{key: options[key] for key in known & options.keys()})
        try:
            built.feature_specs  # noqa: B018 (checks the parameters)
        except ValueError as error:
            raise SpdkitError(f"{name}: {error}") from error
        chosen.append(built)
    unused = sorted(options.keys() - used)
    if chosen and unused:
        raise SpdkitError(f"--{unused[0]} means nothing to {', '.join(e.name for e in chosen)}")
    return chosen
