"""``spdkit plays clips``, ``fit`` and ``predict``: from music and a log to a table and a page."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from clip_tables import clip_table, clips_of_songs
from command_line import invoke
from pages import Reader
from work_here import work_here  # noqa: F401 (a fixture)

from spdkit.audio_models.predict import load
from spdkit.store.clip_store import ClipStore, write_clips
from spdkit.synthetic.corpus import synthesise_corpus

N = 24
ROUND = ("--time-steps", "2", "--folds", "3")
QUICK = ("--epochs", "40", *ROUND)
BRIEF = ("--epochs", "2", *ROUND)  # where it need not learn


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Clips of songs, and plays of all but four by the first number of their clips."""
    folder = tmp_path_factory.mktemp("plays")
    songs = clips_of_songs([4] * N + [1, 0], n_values=3)
    level = np.random.default_rng(1).standard_normal(N)
    for clips, of_song in zip(songs.values(), level, strict=False):
        clips[:, 0] = of_song + 0.1 * clips[:, 0]
    table = clip_table(
        songs, kind="features", clip_seconds=5, sample_rate=44100, names=["a", "b", "c"]
    )
    write_clips(folder / "clips.h5", table, 3, lambda name: [songs[name]])
    plays = pd.DataFrame({"song_id": list(songs)[:N], "plays": (40 + 12 * level).round(1)})
    plays["artist_id"] = [f"artist {i // 2}" for i in range(N)]
    plays.iloc[4:].to_csv(folder / "plays.csv", index=False)
    return folder


@pytest.fixture(scope="module")
def fitted(place):
    files = ("--plays", place / "plays.csv", "-o", place / "model", "--report", place / "page.html")
    done = invoke("plays", "fit", place / "clips.h5", *files, *QUICK)
    assert done.exit_code == 0, done.stderr
    return done


def test_help_teaches():
    text = " ".join(invoke("plays", "fit", "--help").stdout.replace("│", " ").split())
    for word in (
        *("track_id (or song_id)", "user_id", ".duckdb", "0.75 is a quarter less", "Example:"),
        *("--user", "--groups", "segments, as in the paper", "1 to 24", "has not played"),
    ):
        assert word in text, word
    assert "Example:" in invoke("plays", "predict", "--help").stdout
    assert "Example:" in invoke("plays", "clips", "--help").stdout


def test_a_fit_scores_beside_the_mean_and_names_the_songs_to_hear(place, fitted):
    model, record = load(place / "model")
    assert record.known.index.tolist() == [f"song {i}" for i in range(4, N)]
    assert record.reduction.low > 0.3  # of songs that were not heard
    assert f"{record.mse.value:.3f}" in fitted.stdout and "the mean of the plays" in fitted.stdout
    assert "4 songs that the listener has not played" in fitted.stdout
    own = pd.read_csv(place / "plays.csv").set_index("song_id")["plays"]
    assert record.known.to_dict() == pytest.approx(own.to_dict())
    rows = record.songs
    assert rows["track_id"].is_unique and set(rows["fold"]) == {0, 1, 2}
    centred = ((rows["plays"] - rows["predicted"]) ** 2).mean() / own.var(ddof=0)
    assert centred == pytest.approx(record.mse.value, rel=0.2)  # each fold has a scale of its own
    assert model.time_steps == 2 and set(record.curves["epoch"]) == set(range(1, 41))


def test_the_page_is_whole(place, fitted):
    page = (place / "page.html").read_text()
    read = Reader(page)
    assert len(read.ids) == len(set(read.ids)) and "script" not in read.tags
    assert page.count("<figure ") == 2 and "Its sound is not there to be heard" in read.text
    assert "media-src data:" in page and "Songs to hear" in read.text


def test_predict_gives_every_song_or_says_why_not(place, fitted):
    output = place / "predicted.csv"
    done = invoke("plays", "predict", place / "model", place / "clips.h5", "-o", output)
    assert done.exit_code == 0, done.stderr
    table = pd.read_csv(output, keep_default_na=False).set_index("track_id")
    assert len(table) == N + 2 and list(table) == ["plays", "played", "note"]
    assert table.loc[f"song {N}", "note"] == "shorter than a sample of 2 clips"
    assert table.loc[f"song {N + 1}", "note"] == "it is bad"
    predicted = pd.to_numeric(table["plays"][table["note"] == ""])
    assert predicted.is_monotonic_decreasing and len(predicted) == N
    model, record = load(place / "model")
    songs = ClipStore.open(place / "clips.h5").songs(["song 0"])
    assert predicted["song 0"] == pytest.approx(model.predict(songs)[0], rel=1e-4)
    played = pd.to_numeric(table["played"]).dropna()
    assert played.to_dict() == pytest.approx(record.known.to_dict())


def test_the_same_seed_gives_the_same_model_and_json_says_all(place, tmp_path):
    outputs = []
    for name in ("one", "two"):
        words = ("--plays", place / "plays.csv", "-o", tmp_path / name, *BRIEF, "--seed", "3")
        done = invoke("plays", "fit", place / "clips.h5", *words, "--quiet", "--json")
        assert done.exit_code == 0 and done.stderr == ""
        outputs.append(json.loads(done.stdout))
    assert outputs[0]["mse"] == outputs[1]["mse"]
    assert outputs[0]["n_songs"] == N - 4 and len(outputs[0]["to_hear"]) == 4
    assert outputs[0]["split"] == {
        **{"kind": "song", "folds": 3, "seed": 3, "groups": None, "n_groups": N - 4}
    }


def test_groups_and_segments(place, tmp_path):
    words = ("--plays", place / "plays.csv", "-o", tmp_path / "model", *BRIEF)
    done = invoke("plays", "fit", place / "clips.h5", *words, "--groups", "artist_id")
    assert done.exit_code == 0, done.stderr
    _, record = load(tmp_path / "model")
    assert (record.split.groups, record.split.n_groups) == ("artist_id", (N - 4) // 2)
    fold = record.songs.set_index("track_id")["fold"]
    artists = pd.read_csv(place / "plays.csv").set_index("song_id")["artist_id"]
    assert (fold.groupby(artists[fold.index]).nunique() == 1).all()
    assert "artist_id together" in done.stdout
    done = invoke("plays", "fit", place / "clips.h5", *words, "--split", "segment")
    assert "says nothing of songs to come" in done.stdout
    _, record = load(tmp_path / "model")
    assert len(record.songs) == 2 * (N - 4)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--groups", "label"), "--groups label: no such column"),
        (("--user", "x"), "no column user_id"),
        (("--time-steps", "9"), "shorter than a sample of 9 clips"),
        (("--folds", "30", "--time-steps", "2"), "20 rows are too few"),
    ],
)
def test_what_cannot_be_fitted(words, message, place, tmp_path):
    plays = ("--plays", place / "plays.csv", "-o", tmp_path / "model", "--epochs", "1")
    done = invoke("plays", "fit", place / "clips.h5", *plays, *words)
    assert done.exit_code == 1
    assert message in done.stderr and "Traceback" not in done.stderr
    assert not (tmp_path / "model").exists()


def test_inputs_are_not_written_over(place, fitted, tmp_path):
    words = ("plays", "predict", place / "model", place / "clips.h5", "-o")
    done = invoke(*words, place / "clips.h5")
    assert done.exit_code == 1 and "is read by this command" in done.stderr
    done = invoke("plays", "predict", tmp_path, place / "clips.h5", "-o", tmp_path / "a.csv")
    assert done.exit_code == 1 and "no audio_model" in done.stderr.lower()


def test_music_is_cut_first_in_two_commands(tmp_path, work_here):  # noqa: F811 (the fixture)
    music = tmp_path / "music"
    songs = synthesise_corpus(music, 6)
    plays = tmp_path / "log.txt"
    plays.write_text("".join(f"me\t{song.file}\t{5 + i}\n" for i, song in enumerate(songs[:5])))
    model, table = tmp_path / "model", tmp_path / "out.csv"
    words = ("--plays", plays, "--epochs", "1", "--time-steps", "1", "--folds", "2")
    page = ("--report", tmp_path / "page.html")
    done = invoke("plays", "fit", music, *words, "-o", model, *page)
    assert done.exit_code == 1 and "2 songs train in a fold" in done.stderr
    words += ("--preset", "paper")
    done = invoke("plays", "fit", music, *words, "-o", model, *page)
    assert done.exit_code == 0, done.stderr
    assert (tmp_path / "model.clips.h5").exists()
    text = page[1].read_text()
    assert text.count("data:audio/mpeg;base64,") == 1  # the one that was not played
    done = invoke("plays", "predict", model, music, "-o", table, "--json")
    assert done.exit_code == 0, done.stderr
    assert {row["track_id"] for row in json.loads(done.stdout)} == {song.file for song in songs}
    assert len(pd.read_csv(table)) == 6


def test_clips_of_music(tmp_path, work_here):  # noqa: F811 (the fixture)
    synthesise_corpus(tmp_path / "music", 2)
    output = tmp_path / "clips.h5"
    words = ("plays", "clips", tmp_path / "music", "-o", output, "--kind", "audio")
    done = invoke(*words, "--sample-rate", "8000")
    assert done.exit_code == 0, done.stderr
    assert "6 of 5 s, audio" in done.stdout
    store = ClipStore.open(output)
    assert (store.kind, store.sample_rate, store.n_values) == ("audio", 8000, 40000)
    done = invoke(*words, "--sample-rate", "8000", "--json")
    assert json.loads(done.stdout)["n_unchanged"] == 2 and json.loads(done.stdout)["n_clips"] == 6
