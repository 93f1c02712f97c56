"""``spdkit doctor``: whether this machine has what the other commands need."""

from __future__ import annotations

import dataclasses
from itertools import groupby
from pathlib import Path
from typing import Annotated

import typer

from spdkit import extraction
from spdkit.cli.printing import plain, print_table
from spdkit.cli.terminal import AsJson, echo_json, errors_as_lines

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
        echo_json([dataclasses.asdict(finding) for finding in findings])
    else:
        for topic, group in groupby(findings, key=lambda finding: finding.topic):
            rows = [[plain(f.name), _OK[f.ok], plain(f.detail)] for f in group]
            print_table(topic, ["", "", ""], rows, header=False, markup=True)
    if not all(finding.ok for finding in findings if finding.topic not in ("extra", "format")):
        raise typer.Exit(1)
