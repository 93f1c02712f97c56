"""``spdkit collect``: tables of tracks from Spotify, lyrics from Genius.

Exit status 75 (EX_TEMPFAIL of sysexits.h) means: not finished, everything so far is safe, run the
same command again later.
"""

from __future__ import annotations

import contextlib
import dataclasses
import shlex
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spdkit import collect
from spdkit.cli.outputs import require_apart
from spdkit.cli.terminal import echo, echo_error, echo_json
from spdkit.collect.errors import Blocked, RateLimited, Unanswered, duration
from spdkit.common.errors import SpdkitError
from spdkit.common.files import beside

if TYPE_CHECKING:
    from spdkit.collect.genius import LyricsReport
    from spdkit.collect.retry import RetryPolicy
    from spdkit.collect.spotify import CollectReport

UNFINISHED = 75

_HELP = """Collect a corpus from Spotify and Genius, with your own credentials.

**Access.** Spotify closed audio features to new applications on 2024-11-27, and popularity,
followers, markets and more to those in development mode in February 2026. Genius turns away many
cloud addresses.

**Terms.** Spotify's developer terms forbid using its content to train machine learning models;
lyrics are protected by copyright. Whether and how you use either is your decision, and spdkit needs
neither: labels, metadata and lyrics load from any table.
"""

app = typer.Typer(
    help=_HELP,
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
AskAgain = Annotated[
    bool, typer.Option("--ask-again", help="Ask once more for what the service refused before.")
]


@app.command()
def spotify(
    output: Annotated[
        Path,
        typer.Option("--output", "-o", metavar="DIR", help="Where the tables and the cache go."),
    ],
    playlist: Annotated[
        list[str] | None,
        typer.Option(metavar="ID|URL", help="The tracks of a playlist; may be repeated."),
    ] = None,
    album: Annotated[
        list[str] | None,
        typer.Option(metavar="ID|URL", help="The tracks of an album; may be repeated."),
    ] = None,
    artist: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ID|URL", help="An artist's albums and singles, all tracks; may be repeated."
        ),
    ] = None,
    ids: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A file of track ids, links or ISRCs, one a line."),
    ] = None,
    countries: Annotated[
        str | None,
        typer.Option(
            metavar="DE,US,…",
            help="The way SpotGenTrack was made: the playlists of every category, by country.",
        ),
    ] = None,
    playlists_per_category: Annotated[
        int, typer.Option(min=1, max=50, help="With --countries: how many of a category's.")
    ] = 20,
    ask_again: AskAgain = False,
    as_json: AsJson = False,
) -> None:
    """Collect tracks from Spotify into tracks.csv, artists.csv and albums.csv.

    The tables have the columns of SpotGenTrack; songs.csv is for spdkit collect genius. Set
    SPOTIPY_CLIENT_ID and SPOTIPY_CLIENT_SECRET to those of your application
    (developer.spotify.com). Killed or told to wait, run the same command again: what is in DIR/raw
    is not asked for twice.

    **Access.** Spotify closed audio features, audio analysis and previews to new applications on
    2024-11-27. Applications in development mode lost popularity, followers, markets, reads in
    batches, browse categories, and playlists of others in February 2026. What yours may not read is
    found out once and said; its columns stay empty.

    **Terms.** Spotify's developer terms forbid using its content to train machine learning models.
    Whether and how you use it is your decision; labels and metadata load from any table, too.

    Example: spdkit collect spotify --playlist 37i9dQZF1DXcBWIGoYBM5M -o corpus
    """
    options = [
        *_repeated("--playlist", playlist),
        *_repeated("--album", album),
        *_repeated("--artist", artist),
        *(["--ids", str(ids)] if ids else []),
        *(["--countries", countries] if countries else []),
        *(["--playlists-per-category", str(playlists_per_category)] if countries else []),
    ]
    command = ["spdkit", "collect", "spotify", *options, "-o", str(output)]
    with _errors_as_lines(command, f"in {output / 'raw'}"):
        tables = (output / f"{name}.csv" for name in ("tracks", "artists", "albums", "songs"))
        require_apart(tables, [ids])
        sources = collect.Sources.parse(
            playlists=playlist or (),
            albums=album or (),
            artists=artist or (),
            ids=ids,
            countries=countries.split(",") if countries else (),
            playlists_per_category=playlists_per_category,
        )
        collector = collect.SpotifyCollector(
            output, retry=_retry_policy(), ask_again=ask_again, progress=True
        )
        report = collector.collect(sources)
    counts = f"{report.n_tracks} tracks, {report.n_artists} artists, {report.n_albums} albums"
    _print_report(report, f"{output}: {counts}", as_json=as_json)
    if report.unanswered:
        first = report.unanswered[0]
        echo(f"spdkit: {len(report.unanswered)} requests had no answer: {first}", err=True)
        echo(f"spdkit: to ask for them again: {shlex.join(command)}", err=True)
        raise typer.Exit(UNFINISHED)


@app.command()
def genius(
    table: Annotated[
        Path,
        typer.Argument(metavar="TABLE.csv", help="The songs: columns track_id, title, artist."),
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="LYRICS.csv", help="The table to write.")
    ],
    floor: Annotated[
        float,
        typer.Option(min=0.0, max=1.0, help="The least match of title and artist to be taken."),
    ] = 0.8,
    ask_again: AskAgain = False,
    as_json: AsJson = False,
) -> None:
    """Collect lyrics from Genius for a table of songs.

    Writes track_id, status (ok, not_found, blocked, instrumental), score, matched title and artist,
    url, lyrics and the reason of a status; for spdkit extract --metadata LYRICS.csv. Set
    GENIUS_ACCESS_TOKEN (genius.com/api-clients). Killed or blocked, run the same command again:
    what is in LYRICS.csv.raw.jsonl is not asked for twice.

    **Access and terms.** Genius turns away many cloud addresses: those songs are blocked, never
    taken for instrumentals. Lyrics are protected by copyright, and Genius's terms restrict what may
    be done with them: whether and how you use them is your decision. Lyrics of your own, beside the
    music or in its tags, need no service.

    Example: spdkit collect genius corpus/songs.csv -o corpus/lyrics.csv
    """
    options = ["-o", str(output), "--floor", f"{floor:g}"]
    command = ["spdkit", "collect", "genius", str(table), *options]
    with _errors_as_lines(command, f"in {output} and {output.name}.raw.jsonl"):
        require_apart([output, beside(output, ".raw.jsonl")], [table])
        collector = collect.GeniusCollector(
            output, floor=floor, retry=_retry_policy(), ask_again=ask_again, progress=True
        )
        try:
            report = collector.collect(table)
        finally:
            if collector.report is not None:  # also of a run that did not reach every song
                _print_lyrics(collector.report, as_json=as_json)
    if report.counts.get("blocked"):
        echo(f"spdkit: to ask for what was blocked: {shlex.join(command)}", err=True)
        raise typer.Exit(UNFINISHED)


def _print_lyrics(report: LyricsReport, *, as_json: bool) -> None:
    counts = [f"{n} {status}" for status, n in sorted(report.counts.items())]
    left = [f"{report.n_left} not reached"] if report.n_left else []
    _print_report(report, f"{report.output}: {', '.join([*counts, *left])}", as_json=as_json)


def _print_report(report: CollectReport | LyricsReport, counts: str, *, as_json: bool) -> None:
    for remark in report.remarks:
        echo(f"spdkit: {remark}", err=True)
    if as_json:
        echo_json(dataclasses.asdict(report))
    else:
        echo(f"{counts} ({report.n_requests} requests)")


def _repeated(option: str, values: Sequence[str] | None) -> list[str]:
    return [word for value in values or () for word in (option, value)]


def _retry_policy() -> RetryPolicy:
    return collect.RetryPolicy(report=partial(echo, err=True))


@contextlib.contextmanager
def _errors_as_lines(command: Sequence[str], safe: str) -> Iterator[None]:
    """Print errors as a line each; after one that may pass, say what is safe and how to go on."""

    def print_way_on(what: object, later: str = "") -> None:
        advice = f"Everything so far is safe {safe}; to go on, run{later}:"
        echo(f"spdkit: {what}. {advice}", err=True)
        echo(f"  {shlex.join(command)}", err=True)

    try:
        yield
    except KeyboardInterrupt:
        print_way_on("interrupted")
        raise typer.Exit(130) from None
    except RateLimited as error:
        print_way_on(error, f" in {duration(error.retry_after)}")
        raise typer.Exit(UNFINISHED) from error
    except (Blocked, Unanswered) as error:
        print_way_on(error, " later")
        raise typer.Exit(UNFINISHED) from error
    except SpdkitError as error:
        echo_error(error)
        raise typer.Exit(1) from error
