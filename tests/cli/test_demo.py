"""The demonstration: its steps, the commands that it runs, and when it refuses to start."""

import shlex
import sys

import numpy as np
import pandas as pd
import pytest
from few_trees import few_trees  # noqa: F401 (a fixture)
from store_tables import table
from typer.testing import CliRunner

from spdkit.cli import demo
from spdkit.cli.app import app
from spdkit.store.feature_store import write_store
from spdkit.synthetic import corpus, daily_plays, listeners
from spdkit.synthetic.metadata import song_facts
from spdkit.synthetic.popularity import planted_table
from spdkit.tracks import metadata_tables, scan


def refused(*words):
    """The last line of stderr."""
    done = CliRunner().invoke(app, ["demo", *map(str, words)])
    assert done.exit_code == 1
    return done.stderr.splitlines()[-1]


def test_it_goes_through_its_steps_and_prints_their_commands(tmp_path, monkeypatch, capsys):
    lines = []

    def frames(self, track):
        assert track.audio == str(folder / "music" / "song-000.wav")
        rows = {"mel": self.settings.n_mels, "chroma": 12, "tonnetz": 6}
        return {name: np.ones((dims, 20), dtype=np.float32) for name, dims in rows.items()}

    # `make demo` goes through them.
    monkeypatch.setattr(demo, "_run_as_typed", lambda command, line: lines.append(line))
    monkeypatch.setattr("spdkit.extractors.AudioExtractor.frames", frames)
    monkeypatch.setattr(demo, "_show_listeners", lambda *_: None)
    folder = tmp_path / "my demo"
    demo.demo(folder, songs=2, seed=3, jobs=1)

    new, model = folder / "new", folder / "model"
    facts, features = folder / "metadata.csv", folder / "features.h5"
    files = ("-o", folder / "forecasts.csv", "--plot", folder / "forecast.png")
    page = ("--report", folder / "forecast.html")
    steps = [
        ("extract", folder / "music", "--metadata", facts, "-o", features, "--jobs", "1"),
        ("inspect", features),
        ("fit", features, "--labels", folder / "labels.csv", "--jobs", "1", "-o", model),
        ("report", model, "-o", folder / "report.html", "--jobs", "1"),
        (
            *("predict", model, new / "music", "--metadata", new / "metadata.csv"),
            *("-o", folder / "predictions.csv", "--jobs", "1"),
        ),
        (
            *("forecast", folder / "plays.csv", "--horizon", "30", "--model", "seasonal-naive"),
            *(*files, *page, "--jobs", "1"),
        ),
        (
            *("charts", "forecast", folder / "chart.csv", "--horizon", "7"),
            *("-o", folder / "next_chart.csv", "--report", folder / "next_chart.html"),
            *("--jobs", "1"),
        ),
    ]
    assert lines == [list(map(str, step)) for step in steps]
    printed = capsys.readouterr().out
    for line in lines:
        assert f"$ spdkit {shlex.join(line)}\n" in printed
    assert printed.endswith(f"Open {folder / 'next_chart.html'} in a browser.\n")
    assert "more than 84% of its variance" in printed
    assert len(list((new / "music").glob("song-*.[wf]*"))) == 6
    # They are others than those of the model.
    assert (new / "music" / "song-000.wav").read_bytes() != (
        folder / "music" / "song-000.wav"
    ).read_bytes()
    assert (folder / "song.png").read_bytes().startswith(b"\x89PNG")

    # What is extracted has words, tags and facts: with seed 3 the second song is instrumental.
    tracks = metadata_tables.join(scan.from_folder(folder / "music"), facts).tracks
    assert [track.track_id for track in tracks] == ["song-000.wav", "song-001.flac"]
    assert tracks[0].lyrics.strip() == corpus.song_lyrics(0, seed=3).as_text()
    assert tracks[1].lyrics is None
    for i, track in enumerate(tracks):
        artist = song_facts(i, seed=3).artist
        assert track.metadata["artist"] == artist.name
        assert track.metadata["artist_followers"] == artist.followers
    labels = pd.read_csv(folder / "labels.csv")
    assert labels.equals(planted_table(2, seed=3)[["track_id", "popularity"]])


def test_a_command_runs_as_if_it_had_been_typed(tmp_path, capsys):
    daily_plays.write_plays(tmp_path, 3, seed=1)
    typed, table = sys.argv, tmp_path / "forecasts.csv"
    figure, page = tmp_path / "forecast.png", tmp_path / "forecast.html"
    words = ("forecast", tmp_path / "plays.csv", "--horizon", 30, "--model", "seasonal-naive")
    files = ("-o", table, "--plot", figure, "--report", page)
    demo._run(demo.forecast.forecast_series, *map(str, (*words, *files)))
    printed = capsys.readouterr().out
    assert "scored on 2 windows of 30 days, 2 May 2025 to 30 June 2025, of 3 series" in printed
    assert len(pd.read_csv(table)) == 3 * 30
    assert figure.read_bytes().startswith(b"\x89PNG")
    text = page.read_text(encoding="utf-8")
    command = printed.split("$ ")[1].split("\n")[0]
    assert f"<pre>{command}</pre>" in text and "The next 30 days of 3 series" in text
    assert sys.argv is typed


def test_the_chart_of_few_songs_is_forecast(tmp_path, capsys, few_trees):  # noqa: F811
    demo._forecast_chart(tmp_path, 1, 3, ("--jobs", "1"))
    printed = capsys.readouterr().out
    assert "a daily chart of 10 songs" in printed
    chart, forecasts = (pd.read_csv(tmp_path / name) for name in ("chart.csv", "next_chart.csv"))
    assert chart["ds"].nunique() == 90 and chart["position"].max() <= 10
    assert forecasts["ds"].nunique() == 7
    command = printed.split("$ ")[1].split("\n")[0]
    assert command.startswith("spdkit charts forecast ")
    assert f"<pre>{command}</pre>" in (tmp_path / "next_chart.html").read_text("utf-8")


def test_listeners_of_its_songs_are_made_up(tmp_path, capsys):
    names, owners = tuple(listeners.QUANTITIES.values()), ("a",) * 5
    write_store(tmp_path / "features.h5", table(8, names, owners))
    demo._show_listeners(tmp_path, tmp_path / "features.h5", 0)
    log = (tmp_path / "listeners.txt").read_text().splitlines()
    assert len(log) == 5 * 6 and log[0].startswith("listener-1\t")
    printed = capsys.readouterr().out
    assert f"spdkit plays fit {tmp_path / 'clips.h5'} --plays" in printed
    write_store(tmp_path / "few.h5", table(3, names, owners))
    demo._show_listeners(tmp_path, tmp_path / "few.h5", 0)
    assert capsys.readouterr().out == ""


def test_a_command_that_fails_ends_it(tmp_path, capsys):
    with pytest.raises(demo.typer.Exit) as exit_:
        demo._run(demo.inspect.inspect, "inspect", tmp_path / "none.h5")
    assert exit_.value.exit_code == 1
    assert "none.h5" in capsys.readouterr().err


def test_it_refuses_a_folder_with_other_music(tmp_path):
    corpus.synthesise_corpus(tmp_path / "music", 2)
    line = refused(tmp_path, "--songs", 1)
    assert "1 files, such as song-001.flac," in line and "give another folder" in line
    assert not (tmp_path / "features.h5").exists()


def test_it_refuses_to_replace_what_is_no_model(tmp_path):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "thesis.tex").touch()
    assert "no model of ours to replace" in refused(tmp_path, "--songs", 1)
    assert not (tmp_path / "music").exists()


def test_without_what_learns_it_stops_before_any_work(tmp_path, monkeypatch):
    monkeypatch.setattr(demo, "find_spec", lambda name: None if name == "safetensors" else name)
    line = refused(tmp_path / "demo", "--songs", 1)
    assert "needs safetensors: pip install 'spdkit[learn,report" in line
    assert not (tmp_path / "demo").exists()


def test_without_matplotlib_it_stops_before_any_work(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    line = refused(tmp_path / "demo", "--songs", 1)
    assert line == "spdkit: drawing needs matplotlib: pip install 'spdkit[plots]'"
    assert not (tmp_path / "demo").exists()
