"""``spdkit demo``: every command at work, on songs of our own with a popularity that is known.

Each step prints a command line and runs it. The corpus, and what its popularity truly depends on,
are made in `spdkit.synthetic`.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

import typer

from spdkit import extractors, popularity, report, store, synthetic, tracks
from spdkit.cli import charts, extract, forecast, inspect, popularity as popularity_commands
from spdkit.cli.terminal import errors_as_lines
from spdkit.common.errors import SpdkitError
from spdkit.common.files import replacing, user_path
from spdkit.common.progress import progress_bar

_Command = Callable[..., None] | typer.Typer  # or a group of commands
_NEW_SONGS = 6
_HORIZON = 30  # days
_LISTENERS = 5
_FORECASTER = "seasonal-naive"  # at once, and right for plays that go by the week
# A chart that is forecast in some seconds.
_CHART: dict[str, Any] = {"regions": ("XA",), "days": 90, "places": 10}
_FEWEST_IN_CHARTS = 10  # songs


def demo(
    folder: Annotated[
        Path, typer.Argument(help="Where to write songs, tables, features, a model and its report.")
    ] = Path("demo"),
    songs: Annotated[int, typer.Option(min=1, max=1000, help="How many songs to synthesise.")] = 40,
    seed: Annotated[int, typer.Option(help="The same seed gives the same songs.")] = 0,
    jobs: Annotated[
        int | None, typer.Option("--jobs", "-j", min=1, help="Cores to use; worker processes.")
    ] = None,
) -> None:
    """See it all run: compose songs, extract, inspect, draw, fit, report, predict, forecast."""
    with errors_as_lines():
        folder = user_path(folder)
    music, new, model = folder / "music", folder / "new", folder / "model"
    features, figure, page = (folder / n for n in ("features.h5", "song.png", "report.html"))
    workers = () if jobs is None else ("--jobs", str(jobs))
    with errors_as_lines():
        report.svg.require_matplotlib()
        _require_learning()
        _refuse_other_music(music, songs)
        popularity.models.serialization.require_room(model, popularity.record.FILES)

        print(f"\n1. Compose {songs} songs with words and tags in {music}", flush=True)
        first = _compose(music, songs, seed)[0]
        tables = synthetic.corpus.write_tables(folder, songs, seed)
        print(f"   Their artists are in {tables.metadata}, their popularity is in {tables.labels}.")
        print(
            "   It depends on the artist, the sound and the words, in this order, and on chance: no"
            "\n   model can expect to explain more than "
            f"{synthetic.popularity.ceiling().r2:.0%} of its variance "
            "(spdkit/synthetic/popularity.py)."
        )
        print("\n2. Extract their features")
        metadata = ("--metadata", tables.metadata)
        _run(extract.extract, "extract", music, *metadata, "-o", features, *workers)

        print("\n3. Look inside")
        _run(inspect.inspect, "inspect", features)

        name = synthetic.sound.file_name(0)
        track = tracks.Track(name, str(music / name))
        print(
            f"\n4. Draw {name} into {figure} (in Python: spdkit.report.song_figures.plot_song)",
            flush=True,
        )
        title = f"{first.title}, {first.tonic} {first.mode}, {first.tempo:.0f} BPM"
        _draw(track, title, figure)

        print("\n5. Learn their popularity")
        known = ("--labels", tables.labels, *workers)
        _run(popularity_commands.fit, "fit", features, *known, "-o", model)
        print(f"   {songs} songs show how it is done, and are far too few to learn it.")

        print("\n6. See it all on one page")
        _run(popularity_commands.write_report, "report", model, "-o", page, *workers)
        print(f"   Open {page} in a browser.")

        music = new / "music"
        print(f"\n7. Compose {_NEW_SONGS} songs more in {music}, and predict them", flush=True)
        _compose(music, _NEW_SONGS, seed + 1)
        tables = synthetic.corpus.write_tables(new, _NEW_SONGS, seed + 1)
        metadata = ("--metadata", tables.metadata)
        print("\n   as for songs of your own")
        words = ("predict", model, music, *metadata, "-o", folder / "predictions.csv", *workers)
        _run(popularity_commands.predict, *words)

        _forecast_plays(folder, songs, seed, workers)
        _forecast_chart(folder, songs, seed, workers)
        _show_listeners(folder, features, seed)


def _forecast_plays(folder: Path, n_songs: int, seed: int, workers: tuple[str, ...]) -> None:
    plays, forecasts = folder / "plays.csv", folder / "forecasts.csv"
    print(f"\n8. Make up daily plays of the {n_songs} songs in {plays}, and forecast a month")
    synthetic.daily_plays.write_plays(folder, n_songs, seed)
    print("\n   as for plays of your own")
    drawing, page = folder / "forecast.png", folder / "forecast.html"
    settings = ("--horizon", str(_HORIZON), "--model", _FORECASTER)
    files = ("-o", forecasts, "--plot", drawing, "--report", page)
    _run(forecast.forecast_series, "forecast", plays, *settings, *files, *workers)
    print(f"   Open {page} in a browser.")


def _forecast_chart(folder: Path, n_songs: int, seed: int, workers: tuple[str, ...]) -> None:
    n = max(n_songs, _FEWEST_IN_CHARTS)
    chart, page = folder / "chart.csv", folder / "next_chart.html"
    print(f"\n9. Make up a daily chart of {n} songs in {chart}, and forecast the next week of it")
    synthetic.charts.write_chart(folder, n, seed, **_CHART)
    print("\n   as for charts of your own")
    files = ("-o", folder / "next_chart.csv", "--report", page)
    _run(charts.app, "charts", "forecast", chart, "--horizon", "7", *files, *workers)
    print(f"   Open {page} in a browser.")


def _show_listeners(folder: Path, features: Path, seed: int) -> None:
    """Make up listeners of the songs, and print the commands that learn what they like."""
    table = store.FeatureStore.open(features).to_pandas()
    if len(table) < synthetic.listeners.FEWEST_SONGS:
        return
    print("\n10. Make up listeners, each with a taste for two qualities of the sound")
    quantities = synthetic.listeners.quantities_of(table)
    log = synthetic.listeners.triplets(quantities, _LISTENERS, seed)
    plays = synthetic.listeners.write_triplets(log, folder / "listeners.txt")
    taste = synthetic.listeners.draw_taste(quantities, seed)
    print(f"   Who played what how often is in {plays}. The first listens to {taste.quantities[0]}")
    print(f"   and {taste.quantities[1]}; to learn it from the sound takes half a minute:")
    clips, model = folder / "clips.h5", folder / "plays_model"
    words = ("clips", folder / "music", "-o", clips, "--clip-seconds", "6")
    print(f"   $ {shlex.join(map(str, ('spdkit', 'plays', *words)))}")
    files = ("-o", model, "--report", folder / "plays.html")
    fitted = ("fit", clips, "--plays", plays, "--user", "listener-1", *files)
    print(f"   $ {shlex.join(map(str, ('spdkit', 'plays', *fitted)))}")


def _compose(folder: Path, n_songs: int, seed: int) -> list[synthetic.sound.Song]:
    with progress_bar("composing", n_songs) as advance:
        return synthetic.corpus.synthesise_corpus(
            folder, n_songs, seed, lambda done, total: advance(False)
        )


def _draw(track: tracks.Track, title: str, path: Path) -> None:
    audio = extractors.AudioExtractor()
    drawing = report.song_figures.plot_song(audio.frames(track), audio.settings, title)
    with replacing(path) as temporary:
        drawing.savefig(temporary)


def _run(command: _Command, *words: str | Path) -> None:
    """Print a command line, and run it as if it had been typed."""
    line = list(map(str, words))
    print(f"   $ {shlex.join(['spdkit', *line])}", flush=True)
    _run_as_typed(command, line)


def _run_as_typed(command: _Command, line: list[str]) -> None:
    program = command
    if not isinstance(program, typer.Typer):
        program = typer.Typer(add_completion=False)
        program.command()(command)
    typed = sys.argv  # what is typed goes into records and pages
    sys.argv = ["spdkit", *line]
    try:
        status = program(line[1:], standalone_mode=False)
    finally:
        sys.argv = typed
    if status:
        raise typer.Exit(status)


def _require_learning() -> None:
    for name in ("torch", "safetensors", "jinja2"):
        if find_spec(name) is None:
            raise SpdkitError(
                f"the demo learns, and needs {name}: pip install 'spdkit[learn,report,plots]'"
            )


def _refuse_other_music(music: Path, n_songs: int) -> None:
    # The command that is printed extracts the whole folder: it must hold the corpus alone.
    ours = {synthetic.sound.file_name(i) for i in range(n_songs)}
    corpus = tracks.from_folder(music) if music.exists() else ()
    others = [track.track_id for track in corpus if track.track_id not in ours]
    if others:
        what = f"{len(others)} files, such as {others[0]}, are none of the {n_songs} songs"
        raise SpdkitError(f"{music}: {what}; give another folder")
