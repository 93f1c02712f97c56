"""The demonstration: its steps, what it says of them, and when it refuses to start."""

import sys

import numpy as np
import pandas as pd
import pytest

from spdkit.cli import demo
from spdkit.common.errors import SpdkitError
from spdkit.synthetic import (
    corpus,
)
from spdkit.synthetic import (
    daily_plays as corpus_plays,
)
from spdkit.synthetic import (
    popularity as corpus_popularity,
)
from spdkit.synthetic import (
    sound as corpus_sound,
)


def test_names_of_the_corpus_can_be_had_here():
    assert demo.compose_song is corpus_sound.compose_song
    assert demo.synthesise_corpus is corpus.synthesise_corpus
    assert demo.planted_table is corpus_popularity.planted_table
    assert demo.Song is corpus_sound.Song
    assert (demo.SR, demo.TONICS) == (corpus_sound.SR, corpus_sound.TONICS)


def test_run_goes_through_its_steps_and_says_them(tmp_path, monkeypatch, capsys):
    seen = []

    def extract(tracks, target, extractors=None, **options):
        seen.append((list(tracks), target, options))

    def frames(self, track):
        seen.append(track.track_id)
        rows = {"mel": self.settings.n_mels, "chroma": 12, "tonnetz": 6}
        return {name: np.ones((dims, 20), dtype=np.float32) for name, dims in rows.items()}

    monkeypatch.setattr("spdkit.extraction.batch.extract", extract)
    monkeypatch.setattr("spdkit.extractors.AudioExtractor.frames", frames)
    monkeypatch.setattr(demo, "_inspect", lambda path: seen.append(path))
    for step in ("_fit", "_report", "_predict", "_forecast"):  # `make demo` goes through them
        monkeypatch.setattr(demo, step, lambda *given, step=step: seen.append((step, given)))
    folder = tmp_path / "my demo"
    demo.run(folder, n_songs=2, seed=3, jobs=1, overwrite=True)

    features, new = folder / "features.h5", folder / "new"
    options = {"jobs": 1, "overwrite": True, "progress": True}
    (tracks, *rest), *others = seen
    paths = demo.DemoPaths(folder)
    files = "-o '{0}/forecasts.csv' --plot '{0}/forecast.png' --report '{0}/forecast.html'"
    plays, files = f"'{folder}/plays.csv'", files.format(folder)
    forecast = f"spdkit forecast {plays} --horizon 30 --model seasonal-naive {files}"
    assert (rest, others) == (
        [features, options],
        [
            features,
            "song-000.wav",
            ("_fit", (paths, folder / "labels.csv")),
            ("_report", (paths,)),
            ("_predict", (paths, new / "metadata.csv", 1)),
            ("_forecast", (paths, forecast)),
        ],
    )
    assert len(list((new / "music").glob("song-*.[wf]*"))) == 6
    # They are others than those of the model.
    assert (new / "music" / "song-000.wav").read_bytes() != (
        folder / "music" / "song-000.wav"
    ).read_bytes()
    assert (folder / "song.png").read_bytes().startswith(b"\x89PNG")
    printed = capsys.readouterr().out
    table = f"'{folder}/metadata.csv'"
    assert f"$ spdkit extract '{folder}/music' --metadata {table} -o '{features}'\n" in printed
    assert f"$ spdkit inspect '{features}'\n" in printed
    labels, model = f"'{folder}/labels.csv'", f"'{folder}/model'"
    assert f"$ spdkit fit '{features}' --labels {labels} -o {model}\n" in printed
    assert f"$ spdkit report {model} -o '{folder}/report.html'\n" in printed
    facts, out = f"'{new}/metadata.csv'", f"'{folder}/predictions.csv'"
    command = f"spdkit predict {model} '{new}/music' --metadata {facts} -o {out}"
    assert f"$ {command}\n" in printed
    assert f"$ {forecast}\n" in printed
    assert "2 of 2 tracks have a row" in printed
    assert "more than 84% of its variance" in printed

    # What is extracted has words, tags and facts: with seed 3 the second song is instrumental.
    assert [track.track_id for track in tracks] == ["song-000.wav", "song-001.flac"]
    assert tracks[0].lyrics.strip() == corpus.words_of(0, seed=3).as_text()
    assert tracks[1].lyrics is None
    for i, track in enumerate(tracks):
        artist = corpus.facts_of(i, seed=3).artist
        assert track.metadata["artist"] == artist.name
        assert track.metadata["artist_followers"] == artist.followers
    labels = pd.read_csv(folder / "labels.csv")
    assert labels.equals(demo.planted_table(2, seed=3)[["track_id", "popularity"]])


def test_plays_are_made_up_and_forecast(tmp_path, capsys):
    paths = demo.DemoPaths(tmp_path)
    corpus_plays.write_plays(tmp_path, 3, seed=1)
    demo._forecast(paths, "spdkit forecast of the demo")
    printed = capsys.readouterr().out
    assert "scored on 2 windows of 30 days, 2 May 2025 to 30 June 2025, of 3 series" in printed
    assert len(pd.read_csv(paths.forecasts)) == 3 * 30
    assert paths.forecast_figure.read_bytes().startswith(b"\x89PNG")
    page = paths.forecast.read_text(encoding="utf-8")
    assert "spdkit forecast of the demo" in page and "The next 30 days of 3 series" in page


def test_run_refuses_a_folder_with_other_music(tmp_path):
    demo.synthesise_corpus(tmp_path / "music", 2)
    with pytest.raises(SpdkitError, match=r"1 files, such as song-001.flac, .* give another"):
        demo.run(tmp_path, n_songs=1)
    assert not (tmp_path / "features.h5").exists()


def test_run_refuses_to_replace_what_is_no_model(tmp_path):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "thesis.tex").touch()
    with pytest.raises(SpdkitError, match="no model of ours to replace"):
        demo.run(tmp_path, n_songs=1)
    assert not (tmp_path / "music").exists()


def test_run_without_what_learns_stops_before_any_work(tmp_path, monkeypatch):
    monkeypatch.setattr(demo, "find_spec", lambda name: None if name == "safetensors" else name)
    with pytest.raises(SpdkitError, match=r"needs safetensors: pip install 'spdkit\[learn,report"):
        demo.run(tmp_path / "demo", n_songs=1)
    assert not (tmp_path / "demo").exists()


def test_run_without_matplotlib_stops_before_any_work(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(
        SpdkitError, match=r"figures need matplotlib: pip install 'spdkit\[plots\]'"
    ):
        demo.run(tmp_path / "demo", n_songs=1)
    assert not (tmp_path / "demo").exists()
