"""``spdkit doctor``: whether this machine has what the other commands need."""

from __future__ import annotations

import dataclasses
from itertools import groupby
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from spdkit import extraction
from spdkit.cli.printing import print_table
from spdkit.cli.terminal import AsJson, errors_as_lines, to_json

_OK = {True: "[green]ok[/]", False: "[red]no[/]"}


def doctor(
    folder: Annotated[
        Path, typer.Argument(help="Where you mean to write; its disk is looked at.")
    ] = Path(),
    as_json: AsJson = False,
) -> None:
    """Check this machine: versions, which formats decode, threads, disk, caches, extras."""
    with errors_as_lines():
        findings = extraction.doctor.examine(folder)
    if as_json:
        typer.echo(to_json([dataclasses.asdict(finding) for finding in findings]))
    else:
        for topic, group in groupby(findings, key=lambda finding: finding.topic):
            rows = [[escape(f.name), _OK[f.ok], escape(f.detail)] for f in group]
            print_table(topic, ["", "", ""], rows, header=False, markup=True)
    if not all(finding.ok for finding in findings if finding.topic not in ("extra", "format")):
        raise typer.Exit(1)
