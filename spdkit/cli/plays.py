"""``spdkit plays``: how often listeners play songs, from logs and from sound."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from spdkit import catalogs
from spdkit.cli.printing import print_table
from spdkit.cli.terminal import AsJson, Jobs, Quiet, echo_json, errors_as_lines, print_line
from spdkit.common.progress import PATIENCE, progress_bar

if TYPE_CHECKING:
    from spdkit.catalogs.taste_profile import TasteProfile

app = typer.Typer(
    help="Plays of songs by their listeners.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


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
        content = {**_content(log, top), "resumed_after": summary.resumed_after}
    if as_json:
        echo_json(content)
    else:
        _print(content)


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


def _content(log: TasteProfile, top: int) -> dict[str, Any]:
    """What is there, as plain values."""
    n_users, n_songs = log.count()
    k = min(top, n_users)
    users = log.top_users(k).to_dict("records") if k else []
    return {
        "file": str(log.path),
        **asdict(log.summary),
        "n_bad": log.summary.n_bad,
        "n_users": n_users,
        "n_songs": n_songs,
        "top_users": users,
    }


def _print(content: dict[str, Any]) -> None:
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
