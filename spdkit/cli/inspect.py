"""``spdkit inspect``: what a file of features holds."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spdkit import store
from spdkit.cli.printing import console, plain, print_failures, print_table
from spdkit.cli.stores import open_store, require_finished
from spdkit.cli.terminal import AsJson, echo_json, errors_as_lines, print_line
from spdkit.common.files import user_path
from spdkit.common.messages import listing

if TYPE_CHECKING:
    from spdkit.store.summary import StoreSummary


_COMPARED = {
    "every byte": "every byte, with its seal",
    "every value": "every value, with its checksum; other bytes may not be those that were written",
    "nothing": "nothing: the file has neither seal nor checksums, as older versions wrote it. Its "
    "form was checked, its numbers could not be; the next extraction that adds to it writes both",
    "unknown": "nothing: it cannot be read",
}
_SOUND = {"nothing": "as far as its form tells"}


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
    verify: Annotated[
        bool,
        typer.Option(
            "--verify",
            help="Only read every byte and compare the checksums: are all rows what was written? "
            "Exit with status 1 if not. Says what there was to compare.",
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show what a feature file holds: tracks, features, failures and provenance."""
    if verify:
        _verify(file, as_json=as_json)
        return
    with errors_as_lines(file):
        opened = open_store(file)
        summary = store.summary.summarise(opened)
        statistics = store.summary.feature_statistics(opened) if stats else None
    if as_json:
        content = dataclasses.asdict(summary)
        if statistics is not None:
            content["statistics"] = statistics.to_dict("index")
        echo_json(content)
        return
    _print_summary(summary, every_failure=failures, remarks=remarks)
    if statistics is not None:
        rows = [
            [str(name), *(_number(value) for value in row.values())]
            for name, row in statistics.to_dict("index").items()
        ]
        print_table("features", ["feature", *map(str, statistics.columns)], rows)


def _verify(file: Path, *, as_json: bool) -> None:
    with errors_as_lines(file):
        require_finished(file)
        check = store.vetting.verify(user_path(file))
    if as_json:
        echo_json({**dataclasses.asdict(check), "sound": check.sound})
    else:
        rows = [["seal", check.seal], ["compared", _COMPARED[check.compared]]]
        rows.append(["sound", _SOUND.get(check.compared, "yes") if check.sound else "no"])
        if check.damage is not None:
            n_tracks = check.damage.n_tracks
            n_lost = "all"
            if check.damage.n_whole:
                n_lost = f"{len(check.damage.lost_rows)} of {n_tracks}"
            rows.append(["rows lost", n_lost])
            rows.append(["of these", listing(check.damage.lost, 20)])
        print_table(check.path, ["", ""], rows, header=False)
        if check.problem:
            print_line(f"spdkit: {check.problem}")
    if not check.sound:
        raise typer.Exit(1)


def _print_summary(summary: StoreSummary, *, every_failure: bool, remarks: bool) -> None:
    """What a store holds, extractor by extractor, with its provenance."""
    title = f"{summary.path}: {summary.n_tracks} tracks × {summary.n_features} features"
    head = ["extractor", "modality", "features", "ok", "absent", "failed", "pending"]
    rows = [
        [e.name, e.modality]
        + [f"{n}" for n in (e.n_features, e.n_ok, e.n_absent, e.n_failed, e.n_pending)]
        for e in summary.extractors
    ]
    print_table(title, head, rows)
    out = console()
    for extractor in summary.extractors:
        settings = ", ".join(f"{key}={value}" for key, value in extractor.parameters.items())
        made_by = f"{plain(extractor.name)}[/] version {plain(extractor.version)}"
        out.print(f"[bold]{made_by}: {plain(settings)}")
    versions = ", ".join(f"{name} {'|'.join(all_)}" for name, all_ in summary.packages.items())
    out.print(f"[bold]made with[/] {plain(versions)}")
    if summary.constant:
        out.print(
            f"[bold]constant:[/] {len(summary.constant)} of {summary.n_features} features are one "
            f"number in all tracks that have them: {plain(listing(summary.constant, 10))}",
            soft_wrap=True,
        )
    failures = [[f["track_id"], f["extractor"], f["reason"]] for f in summary.failures]
    command = f"spdkit inspect {summary.path}"
    print_failures(failures, command, every=every_failure)
    if remarks:
        rows = [[r["track_id"], r["extractor"], r["remark"]] for r in summary.remarks]
        print_table("remarks", ["track", "extractor", "remark"], rows)
    elif summary.remarks:
        out.print(
            f"remarks on tracks, {len(summary.remarks)} in all: {plain(command)} --remarks",
            soft_wrap=True,
        )


def _number(value: object) -> str:
    if isinstance(value, float):
        return "–" if math.isnan(value) else f"{value:.5g}"
    return str(value)
