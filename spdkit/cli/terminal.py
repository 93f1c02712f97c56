"""Errors, remarks and JSON: what all commands tell in one way."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import logging
import math
import shlex
import sys
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from spdkit import tracks
from spdkit.cli.stores import unfinished_journal
from spdkit.common.errors import SpdkitError, SpdkitWarning
from spdkit.common.escapes import escaped, escaped_json, escaped_lines
from spdkit.common.interrupts import Terminated, first_interrupt

if TYPE_CHECKING:
    from spdkit.tracks.track import TrackSet

SHOWN_PROBLEMS = 20
_PRINTED: set[str] = set()  # remarks of this command
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]
Jobs = Annotated[
    int | None,
    typer.Option(
        "--jobs",
        "-j",
        min=1,
        metavar="N",
        help="Cores to use at most; small tables take one. Default: all usable cores.",
    ),
]
Quiet = Annotated[bool, typer.Option("--quiet", help="No progress and no remarks on stderr.")]
SpreadsheetSafe = Annotated[
    bool,
    typer.Option(
        "--spreadsheet-safe",
        help="Write ' before text that a spreadsheet would take for a formula (= + - @). Off by "
        "default: tables join by the names as they are; a line says when it is of use.",
    ),
]
AllowProtocol = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME",
        help="Open URLs of this protocol too, of all that fsspec knows (sftp, zip, simplecache …); "
        "may be repeated. Otherwise a table opens paths, file, http, https, s3, gs and az.",
    ),
]


def command_line() -> str:
    """The command as it was typed, for records and pages."""
    return shlex.join(["spdkit", *sys.argv[1:]])


@contextlib.contextmanager
def errors_as_lines(journalled: Path | None = None) -> Iterator[None]:
    """Print errors that the user can act on as one line; say what an interrupt leaves.

    Parameters
    ----------
    journalled : path, optional
        The output of a batch, whose finished tracks an interrupt does not lose.
    """
    _PRINTED.clear()
    try:
        with _warnings_as_lines(), _log_as_lines(), first_interrupt():
            yield
    except SpdkitError as error:
        echo_error(error)
        raise typer.Exit(1) from error
    except KeyboardInterrupt as stop:
        safe = f": finished tracks are safe beside {journalled}; run again to resume"
        has_shards = journalled is not None and unfinished_journal(journalled) is not None
        how = "terminated" if isinstance(stop, Terminated) else "interrupted"
        echo(f"spdkit: {how}{safe if has_shards else ''}", err=True)
        raise typer.Exit(143 if isinstance(stop, Terminated) else 130) from None


@contextlib.contextmanager
def _warnings_as_lines() -> Iterator[None]:
    """Print our own warnings as a line each; leave those of libraries as they are. All of it once.

    What is told of every fold, or by every net, is one fact.
    """
    usual, shown = warnings.showwarning, set[tuple[type[Warning], str]]()

    def show(message: Warning | str, category: type[Warning], *rest: Any, **named: Any) -> None:
        if issubclass(category, SpdkitWarning):
            print_line(f"spdkit: {message}")
        elif (category, str(message)) not in shown:
            shown.add((category, str(message)))
            usual(escaped_lines(str(message)), category, *rest, **named)

    with warnings.catch_warnings():
        # Not "once": Python forgets what it has told whenever a filter changes.
        warnings.simplefilter("always", SpdkitWarning)
        warnings.showwarning = show
        yield


class _LineHandler(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        print_line(f"spdkit: {record.getMessage()}")


@contextlib.contextmanager
def _log_as_lines() -> Iterator[None]:
    """Print what is logged as warnings are printed; logging's last resort would, in its own way."""
    logger, handler = logging.getLogger("spdkit"), _LineHandler(logging.WARNING)
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)


def echo(text: object, *, err: bool = False) -> None:
    """Print a line in which nothing steers the terminal: all that commands print comes by here.

    Tables do by `spdkit.cli.printing`, and JSON by `echo_json`.
    """
    typer.echo(escaped(text), err=err)


def echo_error(error: SpdkitError) -> None:
    """Print an error to stderr; one that lists problems has a line for each."""
    for number, line in enumerate(str(error).split("\n")):
        echo(line if number else f"spdkit: {line}", err=True)


def echo_json(content: Any) -> None:
    """Print JSON to stdout."""
    typer.echo(to_json(content))


def print_line(text: str) -> None:
    """Print a line to stderr, unless this command has printed the same before."""
    if text not in _PRINTED:
        _PRINTED.add(text)
        echo(text, err=True)


def print_remarks(source: Path, texts: Sequence[str], most: int | None = None) -> None:
    """Print remarks on `source` to stderr, `most` of them at most."""
    for text in texts[:most]:
        print_line(f"{source}: {text}")
    if most is not None and len(texts) > most:
        echo(f"{source}: … and {len(texts) - most} more (--json lists all)", err=True)


def with_metadata(corpus: TrackSet, tables: Sequence[Path]) -> TrackSet:
    """Join tables to tracks, and print what did not match."""
    for table in tables:
        joined = tracks.metadata_tables.join(corpus, table)
        print_remarks(table, joined.remarks)
        remarks = [*corpus.remarks, *(f"{table}: {remark}" for remark in joined.remarks)]
        corpus = dataclasses.replace(joined.tracks, remarks=tuple(remarks))
    return corpus


def to_json(content: Any) -> str:
    """JSON text; a number that is not there, or that JSON cannot hold, is null."""

    def clean(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: clean(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [clean(item) for item in value]
        return None if isinstance(value, float) and not math.isfinite(value) else value

    return escaped_json(json.dumps(clean(content), indent=1, default=str, ensure_ascii=False))
