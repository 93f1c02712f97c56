"""The whole pipeline on music of our own: composed songs, a model, a report, predictions, plays.

`run` is what ``spdkit demo`` does. The corpus itself, and what its popularity truly depends on, are
made in `spdkit.synthetic.corpus` and its neighbours; their names that matter most can be had here
too.
"""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from spdkit.common.errors import SpdkitError
from spdkit.synthetic.corpus import synthesise_corpus as synthesise_corpus
from spdkit.synthetic.corpus import write_tables
from spdkit.synthetic.daily_plays import write_plays
from spdkit.synthetic.popularity import ceiling
from spdkit.synthetic.popularity import planted_table as planted_table
from spdkit.synthetic.sound import SR as SR
from spdkit.synthetic.sound import TONICS as TONICS
from spdkit.synthetic.sound import Song as Song
from spdkit.synthetic.sound import compose_song as compose_song
from spdkit.synthetic.sound import file_name

if TYPE_CHECKING:
    from spdkit.tracks.track import Track, TrackSet

_NEW_SONGS = 6
_HORIZON = 30  # days
_FORECASTER = "seasonal-naive"  # at once, and right for plays that go by the week


def run(
    folder: str | os.PathLike[str] = "demo",
    n_songs: int = 40,
    seed: int = 0,
    jobs: int | None = None,
    overwrite: bool = False,
) -> None:
    """Compose songs, extract, draw, fit, report, predict, forecast; print each step's command.

    Parameters
    ----------
    folder : path
        Gets ``music/``, ``metadata.csv``, ``labels.csv``, ``features.h5``, ``song.png``,
        ``model/``, ``report.html``, ``new/`` with songs that the model never saw,
        ``predictions.csv``, ``plays.csv`` with daily plays that are made up, and of them
        ``forecasts.csv``, ``forecast.png`` and ``forecast.html``.
    n_songs, seed : int
        The corpus; see `synthesise_corpus`.
    jobs : int, optional
        Worker processes; see `spdkit.extraction.batch.extract`.
    overwrite : bool
        Start ``features.h5`` anew instead of resuming.

    Raises
    ------
    SpdkitError
        When an extra is missing, ``music/`` holds other music, or ``model/`` something else, all
        before any work; and when the songs are too few to be split.
    """
    from spdkit.report import song_figures

    song_figures.require_matplotlib()
    _require_learning()
    paths = DemoPaths(Path(folder).expanduser())
    _refuse_other_music(paths.music, n_songs)
    _refuse_other_models(paths.model)

    _say(f"1. Compose {n_songs} songs with words and tags in {paths.music}")
    songs = _compose(paths.music, n_songs, seed)
    tables = write_tables(paths.base, n_songs, seed)
    print(f"   Their artists are in {tables.metadata}, their popularity is in {tables.labels}.")
    best = ceiling()
    print(
        "   It depends on the artist, the sound and the words, in this order, and on chance: no\n"
        f"   model can expect to explain more than {best.r2:.0%} of its variance "
        "(spdkit/corpus_popularity.py)."
    )
    options = ("--metadata", tables.metadata, "-o", paths.features)
    _say("2. Extract their features", "spdkit", "extract", paths.music, *options)
    corpus = _joined(paths.music, tables.metadata)
    _extract(corpus, paths.features, jobs, overwrite)

    _say("3. Look inside", "spdkit", "inspect", paths.features)
    _inspect(paths.features)

    _say(
        f"4. Draw {corpus[0].track_id} into {paths.figure} "
        "(in Python: spdkit.report.song_figures.plot_song)"
    )
    _draw(songs[0], corpus[0], paths.figure)

    fit = ("--labels", tables.labels, "-o", paths.model)
    _say("5. Learn their popularity", "spdkit", "fit", paths.features, *fit)
    _fit(paths, tables.labels)
    print(f"   {n_songs} songs show how it is done, and are far too few to learn it.")

    _say("6. See it all on one page", "spdkit", "report", paths.model, "-o", paths.report)
    _report(paths)
    print(f"   Open {paths.report} in a browser.")

    _say(f"7. Compose {_NEW_SONGS} songs more in {paths.new_music}, and predict them")
    _compose(paths.new_music, _NEW_SONGS, seed + 1)
    facts = write_tables(paths.new_music.parent, _NEW_SONGS, seed + 1).metadata
    predict = (paths.model, paths.new_music, "--metadata", facts, "-o", paths.predictions)
    _say("   as for songs of your own", "spdkit", "predict", *predict)
    _predict(paths, facts, jobs)

    _say(f"8. Make up daily plays of the {n_songs} songs in {paths.plays}, and forecast a month")
    write_plays(paths.base, n_songs, seed)
    files = ("-o", paths.forecasts, "--plot", paths.forecast_figure, "--report", paths.forecast)
    asked = ("--horizon", str(_HORIZON), "--model", _FORECASTER)
    command = ("spdkit", "forecast", paths.plays, *asked, *files)
    _say("   as for plays of your own", *command)
    _forecast(paths, shlex.join(map(str, command)))
    print(f"   Open {paths.forecast} in a browser.")


@dataclass(frozen=True)
class DemoPaths:
    """Where everything goes, below `base`."""

    base: Path

    @property
    def music(self) -> Path:
        """The songs to learn from."""
        return self.base / "music"

    @property
    def features(self) -> Path:
        """Their features."""
        return self.base / "features.h5"

    @property
    def figure(self) -> Path:
        """One of them, drawn."""
        return self.base / "song.png"

    @property
    def model(self) -> Path:
        """What was learned."""
        return self.base / "model"

    @property
    def report(self) -> Path:
        """The page on it."""
        return self.base / "report.html"

    @property
    def new_music(self) -> Path:
        """Songs that the model never saw."""
        return self.base / "new" / "music"

    @property
    def predictions(self) -> Path:
        """What it says of them."""
        return self.base / "predictions.csv"

    @property
    def plays(self) -> Path:
        """Daily plays of the songs to learn from."""
        return self.base / "plays.csv"

    @property
    def forecasts(self) -> Path:
        """The plays of the next days."""
        return self.base / "forecasts.csv"

    @property
    def forecast_figure(self) -> Path:
        """Them, drawn."""
        return self.base / "forecast.png"

    @property
    def forecast(self) -> Path:
        """The page on them."""
        return self.base / "forecast.html"


def _compose(folder: Path, n_songs: int, seed: int) -> list[Song]:
    from spdkit.common.progress import progress_bar

    with progress_bar("composing", n_songs) as advance:
        return synthesise_corpus(folder, n_songs, seed, lambda done, total: advance(False))


def _joined(music: Path, metadata: Path) -> TrackSet:
    from spdkit.tracks import metadata_tables
    from spdkit.tracks import scan as tracks

    joined = metadata_tables.join(tracks.from_folder(music), metadata)
    print(f"   {metadata.name}:", *joined.remarks, sep="\n   ")
    return joined.tracks


def _extract(corpus: TrackSet, features: Path, jobs: int | None, overwrite: bool) -> None:
    from spdkit.extraction import batch

    batch.extract(corpus, features, jobs=jobs, overwrite=overwrite, progress=True)


def _draw(song: Song, track: Track, figure: Path) -> None:
    from spdkit.extractors import AudioExtractor
    from spdkit.report import song_figures

    extractor = AudioExtractor()
    title = f"{song.title}, {song.tonic} {song.mode}, {song.tempo:.0f} BPM"
    song_figures.plot_song(extractor.frames(track), extractor.settings, title).savefig(figure)


def _fit(paths: DemoPaths, labels: Path) -> None:
    from spdkit.cli import popularity_printing
    from spdkit.popularity import fit as fitting
    from spdkit.popularity.models import serialization
    from spdkit.popularity.record import to_files
    from spdkit.store import dataset
    from spdkit.store.feature_store import FeatureStore

    store = FeatureStore.open(paths.features)
    data = dataset.load(store, labels)
    model, record = fitting.fit(
        data, store, fitting.FitSettings(), labels=labels.name, command="spdkit demo", progress=True
    )
    serialization.save_model(model, paths.model, to_files(record))
    popularity_printing.print_record(record, str(paths.model))


def _report(paths: DemoPaths) -> None:
    from spdkit.popularity import predict as predicting
    from spdkit.report import popularity_report

    model, record = predicting.load(paths.model)
    popularity_report.write(record, model.history_, paths.report)


def _predict(paths: DemoPaths, facts: Path, jobs: int | None) -> None:
    from spdkit.cli import popularity_printing
    from spdkit.extraction import batch
    from spdkit.extraction.rebuild import rebuild_extractors
    from spdkit.popularity import predict as predicting
    from spdkit.store.feature_store import FeatureStore

    model, record = predicting.load(paths.model)
    features = paths.predictions.with_suffix(".h5")
    extractors = rebuild_extractors(record.extractors)
    corpus = _joined(paths.new_music, facts)
    batch.extract(corpus, features, extractors, jobs=jobs, progress=True)
    songs = [track.track_id for track in corpus]
    table = predicting.predict_store(model, record, FeatureStore.open(features), songs)
    predicting.write(table, paths.predictions)
    popularity_printing.print_predictions(table, record, str(paths.predictions))


def _forecast(paths: DemoPaths, command: str) -> None:
    from spdkit.cli import forecast as forecast_commands
    from spdkit.cli import forecast_printing
    from spdkit.forecast.data.table_files import read_panel
    from spdkit.forecast.pipeline import Request, forecast_panel

    panel = read_panel(paths.plays)
    result = forecast_panel(panel, Request(_HORIZON, _FORECASTER))
    made = forecast_commands.made_by(paths.plays, command)
    files = (paths.forecasts, paths.forecast_figure, paths.forecast)
    forecast_printing.print_result(result, forecast_commands.write(result, made, *files))


def _require_learning() -> None:
    for name in ("torch", "safetensors", "jinja2"):
        if find_spec(name) is None:
            raise SpdkitError(
                f"the demo learns, and needs {name}: pip install 'spdkit[learn,report,plots]'"
            )


def _refuse_other_models(folder: Path) -> None:
    from spdkit.popularity.models.serialization import require_room

    require_room(folder)


def _say(what: str, *command: str | Path) -> None:
    line = f"\n   $ {shlex.join(map(str, command))}" if command else ""
    print(f"\n{what}{line}", flush=True)


def _refuse_other_music(music: Path, n_songs: int) -> None:
    # The command that is printed extracts the whole folder: it must hold the corpus alone.
    from spdkit.tracks.scan import from_folder

    ours = {file_name(i) for i in range(n_songs)}
    found = from_folder(music) if music.exists() else ()
    others = [track.track_id for track in found if track.track_id not in ours]
    if others:
        what = f"{len(others)} files, such as {others[0]}, are none of the {n_songs} songs"
        raise SpdkitError(f"{music}: {what}; give another folder")


def _inspect(path: Path) -> None:
    from spdkit.cli.printing import print_summary
    from spdkit.store.feature_store import FeatureStore
    from spdkit.store.summary import summarise

    print_summary(summarise(FeatureStore.open(path)))
