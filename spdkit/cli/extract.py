"""``spdkit extract``: features of a folder of music, or of a table, into one HDF5 file."""

from __future__ import annotations

import dataclasses
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spdkit import extraction, extractors, tracks
from spdkit.cli.outputs import require_apart, require_no_music
from spdkit.cli.printing import print_failures, print_table
from spdkit.cli.terminal import (
    SHOWN_PROBLEMS,
    AllowProtocol,
    AsJson,
    echo,
    echo_json,
    errors_as_lines,
    print_remarks,
    with_metadata,
)
from spdkit.common.errors import SpdkitError
from spdkit.common.files import user_path
from spdkit.common.progress import announced

if TYPE_CHECKING:
    from spdkit.extraction.batch import BatchReport
    from spdkit.extractors.base import Extractor
    from spdkit.tracks.track import TrackSet


def extract(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="FOLDER|TABLE",
            help="A folder of music, searched with all its sub-folders for sound, tags and lyrics "
            "(song.txt, song.lrc or the like beside song.flac, or embedded); or a CSV or Parquet "
            "table with the columns track_id and audio (a path, relative to the table, or a URL), "
            "and optionally lyrics (words) or lyrics_file (a path); its other columns are kept as "
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
        int | None,
        typer.Option(
            min=1,
            metavar="N",
            help="Tracks kept in hand before they are made safe. Default: 32, and more where they "
            "take next to no time.",
        ),
    ] = None,
    allow_protocol: AllowProtocol = None,
    as_json: AsJson = False,
) -> None:
    """Extract a folder of music into one HDF5 file of features.

    The words of lyrics are never written into FILE.h5; tags and --metadata are.

    One bad file never stops a batch: it is recorded in FILE.h5 with its reason. Kill it at any time
    and run the same command again: finished tracks are safe in FILE.h5.journal.

    Example: spdkit extract ~/music -o features.h5 --jobs 4
    """
    with errors_as_lines(output):
        require_apart([output], [source, *(metadata or [])])
        if dask is not None:
            _require_no_local_options(jobs=jobs, timeout=timeout)
            source = user_path(source).absolute()  # workers have working folders of their own
        readers = partial(extraction.executors.run_local, jobs=jobs)
        with announced(f"spdkit: looking at {source}"):
            corpus = tracks.scan.from_path(source, run=readers, progress=True)
        print_remarks(source, corpus.remarks)
        print_remarks(source, corpus.problems, most=SHOWN_PROBLEMS)
        corpus = with_metadata(corpus, metadata or [])
        if overwrite:  # otherwise what is no store is not replaced
            require_no_music(output, corpus)
        built = _extractors(extractor, corpus, _window_options(profile, duration, offset))
        cluster = (
            nullcontext()
            if dask is None
            else extraction.dask_executor.connect(dask, built, partial(echo, err=True))
        )
        with cluster as executor:
            report = extraction.batch.extract(
                corpus,
                output,
                built,
                jobs=jobs,
                timeout=timeout,
                overwrite=overwrite,
                executor=executor,
                shard_size=shard_size,
                allow_protocols=allow_protocol or (),
                progress=True,
            )
    if as_json:
        search = {"remarks": corpus.remarks, "problems": corpus.problems}
        echo_json({**dataclasses.asdict(report), **search})
    else:
        _print_report(report)
    if strict and (report.failures or report.unreachable or corpus.problems):
        raise typer.Exit(1)


def _require_no_local_options(**options: float | None) -> None:
    for name, value in options.items():
        if value is not None:
            raise SpdkitError(
                f"--{name} is for workers of this machine and means nothing with --dask: "
                "the cluster decides how many workers it has, and its tasks cannot be stopped"
            )


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
    names: list[str] | None, corpus: TrackSet, options: dict[str, object]
) -> list[Extractor]:
    """Build extractors with those options that each has."""
    registry = extractors.registry
    classes = registry.available()
    if names is None:
        names = list(registry.applicable(corpus))
    built, used = [], set[str]()
    for name in dict.fromkeys(names):
        parameters = classes[name]().get_params().keys() if name in classes else set()
        own = {key: options[key] for key in parameters & options.keys()}
        used |= own.keys()
        extractor = registry.make(name, **own)
        try:
            extractor.feature_specs  # noqa: B018 (checks the parameters)
        except ValueError as error:
            raise SpdkitError(f"{name}: {error}") from error
        built.append(extractor)
    unused = sorted(options.keys() - used)
    if built and unused:
        raise SpdkitError(f"--{unused[0]} means nothing to {', '.join(e.name for e in built)}")
    return built


def _print_report(report: BatchReport) -> None:
    """What a batch did, what failed and what was slow."""
    rate = report.n_extracted / report.seconds if report.seconds else 0.0
    rows = [
        ["tracks", f"{report.n_tracks}"],
        ["extracted now", f"{report.n_extracted} in {report.seconds:.1f} s ({rate:.2f}/s)"],
        ["unchanged", f"{report.n_unchanged}"],
        ["failed", f"{report.n_failed}"],
    ]
    if report.n_remarks:
        remarks = f"{report.n_remarks}: spdkit inspect {report.target} --remarks"
        rows.append(["remarks", remarks])
    if report.unreachable:
        rows.append(["cannot be read now, features kept", f"{len(report.unreachable)}"])
    if report.slowest:
        rows.append(["slowest", ", ".join(f"{n} ({s:.1f} s)" for n, s in report.slowest[:3])])
    print_table(str(report.target), ["", ""], rows, header=False)
    failures = [[f.track_id, f.extractor, f.reason] for f in report.failures]
    print_failures(failures, f"spdkit inspect {report.target}")
