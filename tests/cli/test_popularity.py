"""``spdkit fit``, ``evaluate``, ``predict``, ``report``: from a store to a model in use."""

from __future__ import annotations

import json
import re
import shutil

import numpy as np
import pandas as pd
import pytest
import song_store
from typer.testing import CliRunner

from spdkit.cli.app import app
from spdkit.common.errors import SpdkitWarning
from spdkit.extractors import LyricsExtractor, MetadataExtractor
from spdkit.popularity import predict
from spdkit.popularity.models import base
from spdkit.popularity.models.presets import preset
from spdkit.popularity.models.serialization import load_model
from spdkit.popularity.record import to_files


def run(*words, code=0):
    result = CliRunner().invoke(app, [str(word) for word in words])
    assert result.exit_code == code, result.output
    return result


@pytest.fixture(scope="module", autouse=True)
def few_epochs():
    """Presets that train a few nets for a short time: enough to beat the median."""
    few = {"spdkit": {"refits": 1}}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(base, "preset", lambda name: preset(name) | few.get(name, {"max_epochs": 5}))
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A store, its labels, and a model of either task."""
    made = tmp_path_factory.mktemp("models")
    song_store.make(made)
    for task, name in (("regression", "spdkit"), ("classification", "1-B")):
        words = ("--task", task, "--preset", name, "--thresholds", "40,60", "--no-explain")
        fit = ("fit", made / "features.h5", "--labels", made / "labels.csv", "-o", made / task)
        (made / f"{task}.txt").write_text(run(*fit, *words).stdout)
    return made


@pytest.fixture(scope="module")
def record(folder):
    return predict.load(folder / "regression")[1]


@pytest.mark.parametrize("task", ["regression", "classification"])
def test_a_fit_says_where_the_model_is_and_how_to_read_of_it(folder, task):
    said = (folder / f"{task}.txt").read_text().splitlines()
    place = folder / task
    assert said[-1] == f"{place}: saved; spdkit report {place} shows it all"


def test_a_record_says_what_was_done(record, folder):
    assert (record.task, record.preset, record.target) == ("regression", "spdkit", "popularity")
    assert (record.store, record.labels, record.groups) == (
        "features.h5",
        "labels.csv",
        "artist_id",
    )
    assert record.split.protocol == "artist" and record.thresholds == (40.0, 60.0)
    assert record.split.n_training + record.split.n_test == 160
    assert record.split.n_groups_training + record.split.n_groups_test == 40
    assert set(record.extractors) == {"lyrics", "metadata"}
    assert {"model", "median", "mlr", "mlr_lasso", "mlp"} <= set(record.scores)
    assert set(record.differences) == set(record.scores) - {"model"}
    assert record.test["title"].str.startswith("Song ").all()
    assert len(record.test) == len(record.test_code) == record.split.n_test
    assert len(record.training_X) == record.split.n_training
    assert set(record.features["modality"]) == {"lyrics", "metadata"}
    assert record.features["family"].loc["artist_followers"] == "artist"


def test_scores_are_of_the_test_rows_and_no_artist_is_on_both_sides(record, folder):
    y, predicted = record.test["y"], record.test["predicted"]
    mae = record.scores["model"]["mae"]
    assert mae.value == pytest.approx(np.abs(y - predicted).mean())
    # Of 8 artists nothing is said about others.
    assert mae.reason.startswith("no interval and no p: 8 groups") and np.isnan(mae.low)
    difference = record.differences["median"]
    theirs = record.scores["median"]["mae"].value
    assert difference.value == pytest.approx(mae.value - theirs) and difference.value < 0
    labels = pd.read_csv(folder / "labels.csv", index_col="track_id")
    artists = set(record.test["group"])
    trained = labels.index.difference(record.test.index)
    assert not artists & set(labels.loc[trained, "artist_id"])
    assert (labels.loc[record.test.index, "popularity"] == y).all()


def test_the_record_comes_back_as_it_was(record, folder):
    again = predict.from_files(to_files(record))
    for name, value in vars(record).items():
        other = getattr(again, name)
        if isinstance(value, pd.DataFrame):
            # The rows of the sample are numbered anew: their names are not kept.
            pd.testing.assert_frame_equal(
                value.reset_index(drop=True), other.reset_index(drop=True), check_dtype=False
            )
        elif isinstance(value, pd.Series | np.ndarray):
            np.testing.assert_array_equal(value, other)
        else:
            assert value == other, name


def test_a_store_is_predicted_as_the_model_says(folder, tmp_path):
    out = tmp_path / "p.csv"
    run("predict", folder / "regression", folder / "features.h5", "-o", out, "--explain")
    table = pd.read_csv(out, index_col="track_id")
    assert len(table) == 160 and table["predicted"].is_monotonic_decreasing
    model = load_model(folder / "regression")
    X = predict.FeatureStore.open(folder / "features.h5").to_pandas().loc[table.index]
    np.testing.assert_allclose(table["predicted"], model.predict(X), rtol=1e-4)
    ends = model.predict_interval(X)
    np.testing.assert_allclose(table[["low", "high"]], ends, atol=1e-3)
    expected = np.select(
        [table["predicted"] < 40, table["predicted"] < 60], ["low", "medium"], "high"
    )
    assert (table["class"] == expected).all()
    np.testing.assert_allclose(table.filter(like="p_").sum(axis=1), 1, atol=1e-5)
    # Pushes lead from the mean prediction of training songs to that of the song.
    base = table["predicted"] - table.filter(like="push_").sum(axis=1)
    assert set(table.filter(like="push_")) == {"push_lyrics", "push_metadata"}
    np.testing.assert_allclose(base, base.iloc[0], atol=1e-3)
    trained = table.index.difference(predict.load(folder / "regression")[1].test.index)
    assert (table.loc[trained, "outside_range"] == 0).all()


def test_one_test_song_costs_the_explanation_and_not_the_model(folder, tmp_path):
    labels = pd.read_csv(folder / "labels.csv").head(7)
    labels.to_csv(tmp_path / "few.csv", index=False)
    words = ("--labels", tmp_path / "few.csv", "--protocol", "paper", "--test-share", 0.1)
    words += ("--preset", "1-A", "--no-baselines", "-o", tmp_path / "m")
    done = run("fit", folder / "features.h5", *words)
    assert "what the model relies on is left out" in done.stderr
    record = predict.load(tmp_path / "m")[1]
    assert record.split.n_test == 1 and record.importance.empty
    assert any("relies on is left out" in line for line in record.losses)


def test_names_that_are_formulas_are_guarded_on_demand(tmp_path):
    table = pd.DataFrame({"predicted": [50.0]}, index=pd.Index(["=1+1.mp3"], name="track_id"))
    predict.write(table, tmp_path / "p.csv", spreadsheet_safe=True)
    assert (tmp_path / "p.csv").read_text() == "track_id,predicted\n'=1+1.mp3,50\n"
    with pytest.warns(SpdkitWarning, match="1 cells begin"):
        predict.write(table, tmp_path / "p.csv")
    assert (tmp_path / "p.csv").read_text() == "track_id,predicted\n=1+1.mp3,50\n"


def test_a_classifier_ranks_by_the_probability_of_a_hit(folder, tmp_path):
    run("predict", folder / "classification", folder / "features.h5", "-o", tmp_path / "p.csv")
    table = pd.read_csv(tmp_path / "p.csv", index_col="track_id")
    assert table["p_high"].is_monotonic_decreasing and "predicted" not in table
    names = np.array(["low", "medium", "high"])
    likeliest = names[table[["p_low", "p_medium", "p_high"]].to_numpy().argmax(axis=1)]
    assert (table["class"] == likeliest).all()


def test_songs_without_features_are_told_and_not_guessed(folder, tmp_path):
    table = song_store.songs(4, seed=9).drop(columns=["popularity", "artist_id"])
    table.loc[1, ["lyrics", "artist_followers", "release_date"]] = None
    song_store.extract(table, tmp_path / "f.h5", LyricsExtractor(), MetadataExtractor())
    run("predict", folder / "regression", tmp_path / "f.h5", "-o", tmp_path / "p.csv")
    found = pd.read_csv(tmp_path / "p.csv", index_col="track_id")
    assert len(found) == 4
    assert np.isnan(found.loc["song-001", "predicted"])
    assert found.loc["song-001", "note"].startswith("has nothing that")
    assert found["predicted"].notna().sum() == 3


def test_what_no_training_song_was_without_is_told_where_it_is_missing(folder, tmp_path):
    table = song_store.songs(4, seed=9).drop(columns=["popularity", "artist_id"])
    table.loc[2, "lyrics"] = None
    song_store.extract(table, tmp_path / "f.h5", LyricsExtractor(), MetadataExtractor())
    run("predict", folder / "regression", tmp_path / "f.h5", "-o", tmp_path / "p.csv")
    notes = pd.read_csv(tmp_path / "p.csv", index_col="track_id")["note"].dropna()
    gap = "guessed without lyrics, which every training song had: the song has none"
    assert notes.to_dict() == {"song-002": gap}


@pytest.mark.usefixtures("work_here")
def test_a_table_of_tracks_is_extracted_as_the_model_was(folder, tmp_path):
    table = song_store.songs(5, seed=3).drop(columns=["popularity", "artist_id"])
    table.to_csv(tmp_path / "songs.csv", index=False)
    run("predict", folder / "regression", tmp_path / "songs.csv", "-o", tmp_path / "p.csv")
    assert len(pd.read_csv(tmp_path / "p.csv")) == 5
    assert (tmp_path / "p.h5").is_file()  # kept, so that a second run goes on
    # Other songs into the same files: those before are not predicted again.
    table.iloc[3:].to_csv(tmp_path / "songs.csv", index=False)
    run("predict", folder / "regression", tmp_path / "songs.csv", "-o", tmp_path / "p.csv")
    assert set(pd.read_csv(tmp_path / "p.csv")["track_id"]) == {"song-003", "song-004"}


@pytest.mark.usefixtures("work_here")
def test_a_store_of_other_tracks_is_not_extended_unasked(folder, tmp_path):
    table = song_store.songs(4, seed=3).drop(columns=["popularity", "artist_id"])
    song_store.extract(table[:2], tmp_path / "p.h5", LyricsExtractor(), MetadataExtractor())
    table[2:].to_csv(tmp_path / "songs.csv", index=False)
    before = (tmp_path / "p.h5").read_bytes()
    words = ("predict", folder / "regression", tmp_path / "songs.csv", "-o", tmp_path / "p.csv")
    stderr = run(*words, code=1).stderr
    assert "p.h5: holds other tracks ('song-000', 'song-001'), to which" in stderr
    assert (tmp_path / "p.h5").read_bytes() == before and not (tmp_path / "p.csv").exists()
    done = run(*words, "--features", tmp_path / "p.h5")
    assert f"go to {tmp_path}/p.h5" in done.stderr and len(pd.read_csv(tmp_path / "p.csv")) == 2


@pytest.mark.parametrize("state", ["unfinished", "damaged", "a text"])
def test_what_nobody_named_is_not_extended_in_any_state(folder, tmp_path, state):
    table = song_store.songs(4, seed=3).drop(columns=["popularity", "artist_id"])
    place = tmp_path / "p.h5"
    if state == "unfinished":
        (tmp_path / "p.h5.journal").mkdir()
        place = tmp_path / "p.h5.journal" / "00000001.h5"
    song_store.extract(table[:2], place, LyricsExtractor(), MetadataExtractor())
    if state == "damaged":
        content = bytearray(place.read_bytes())
        content[len(content) // 3] ^= 255
        place.write_bytes(content)
    elif state == "a text":
        place.write_text("somebody's own")
    table[2:].to_csv(tmp_path / "songs.csv", index=False)
    before = place.read_bytes()
    words = ("predict", folder / "regression", tmp_path / "songs.csv", "-o", tmp_path / "p.csv")
    assert "say --features" in run(*words, code=1).stderr.replace("Say", "say")
    assert place.read_bytes() == before and not (tmp_path / "p.csv").exists()


def test_features_that_do_not_match_are_named(folder, tmp_path):
    profile = "lyrics.profile is 'spotgentrack', was 'paper' in training"
    for i, (extractors, reason) in enumerate(
        (
            ([LyricsExtractor()], "has no features of 'metadata'"),
            ([LyricsExtractor(profile="spotgentrack"), MetadataExtractor()], profile),
        )
    ):
        song_store.extract(folder / "songs.csv", tmp_path / f"{i}.h5", *extractors)
        words = ("predict", folder / "regression", tmp_path / f"{i}.h5", "-o", tmp_path / "p.csv")
        found = run(*words, code=1)
        assert reason in found.stderr and not (tmp_path / "p.csv").exists()


def test_a_report_is_written(folder, tmp_path):
    run("report", folder / "classification", "-o", tmp_path / "r.html")
    page = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert "<html" in page and "1-B" in page


def test_evaluation_compares_on_the_same_rows(folder, tmp_path):
    words = ("evaluate", folder / "features.h5", "--labels", folder / "labels.csv", "--k", 2)
    out = tmp_path / "e.json"
    found = run(*words, "--preset", "1-B", "--protocol", "artist", "-o", out, "--json")
    content = json.loads(out.read_text())
    assert content == json.loads(found.stdout)
    assert set(content["scores"]["1-B"]) == {"validation", "test"}
    for name, parts in content["differences"].items():
        for part, difference in parts.items():
            ours, theirs = (content["scores"][m][part]["mae"]["value"] for m in ("1-B", name))
            assert difference["value"] == pytest.approx(ours - theirs)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("--preset", "4-Z"), "preset must be one of 'spdkit', '1-A', .* got '4-Z'"),
        (("--groups", "label"), "no.* column 'label'.*--protocol paper"),
        (("--protocol", "reference"), "shows what leaks are worth"),
        (("--balanced",), "in classification only"),
        (("--target", "plays"), "no column 'plays'"),
        (("--thresholds", "70,60"), "thresholds must rise"),
    ],
)
def test_impossible_fits_are_one_line(words, reason, folder, tmp_path):
    fit = ("fit", folder / "features.h5", "--labels", folder / "labels.csv", "-o", tmp_path / "m")
    found = run(*fit, *words, code=1)
    assert re.search(reason, found.stderr), found.stderr
    assert not (tmp_path / "m").exists()


def test_a_folder_of_others_is_left_alone_before_any_work(folder, tmp_path):
    (tmp_path / "thesis.tex").touch()
    fit = ("fit", folder / "features.h5", "--labels", folder / "labels.csv", "-o", tmp_path)
    assert "no model of ours to replace" in run(*fit, code=1).stderr


def test_a_changed_record_is_refused(folder, tmp_path):
    shutil.copytree(folder / "regression", tmp_path / "m")
    text = (tmp_path / "m" / "record.json").read_text()
    (tmp_path / "m" / "record.json").write_text(text.replace("artist", "random"))
    found = run("report", tmp_path / "m", "-o", tmp_path / "r.html", code=1)
    assert "record.json is not what was written" in found.stderr


def test_the_time_protocol_tests_the_latest(folder, tmp_path):
    words = ("--protocol", "time", "--preset", "1-B", "--no-baselines", "--no-explain")
    labels = ("--labels", folder / "labels.csv")
    run("fit", folder / "features.h5", *labels, "-o", tmp_path / "m", *words)
    record = predict.load(tmp_path / "m")[1]
    number = record.test.index.str[-3:].astype(int)
    assert (number % 20 >= 16).all()  # released in 2016 and later: a fifth of twenty years


QUICK = ("--preset", "1-B", "--no-baselines", "--no-explain")


def test_shares_are_asked_about_and_fitted_as_what_they_are(folder, tmp_path):
    labels = pd.read_csv(folder / "labels.csv")
    labels.assign(popularity=labels["popularity"] / 100).to_csv(tmp_path / "l.csv", index=False)
    words = (folder / "features.h5", "--labels", tmp_path / "l.csv")
    for command in (("fit", *words, "-o", tmp_path / "m"), ("evaluate", *words, "--k", 2)):
        assert "--target-range 0,1" in run(*command, *QUICK[:3], code=1).stderr
    run("fit", *words, "-o", tmp_path / "m", *QUICK, "--target-range", "0,1")
    record = predict.load(tmp_path / "m")[1]
    y = labels.set_index("track_id").loc[record.test.index, "popularity"]
    np.testing.assert_allclose(record.test["y"], y)
    assert run("fit", *words, "-o", tmp_path / "m", *QUICK, "--target-range", "1,0", code=1)
    # Thresholds are in the unit of the target.
    marks = ("--target-range", "0,1", "--thresholds")
    run("fit", *words, "-o", tmp_path / "m", *QUICK, *marks, ".4,.6")
    assert predict.load(tmp_path / "m")[1].thresholds == pytest.approx((40, 60))
    for command in (("fit", *words, "-o", tmp_path / "m"), ("evaluate", *words)):
        found = run(*command, *QUICK[:3], *marks, "25,65", code=1)
        assert "thresholds must rise within (0, 1]" in found.stderr
    result = run("evaluate", *words, *QUICK[:3], "--k", 2, "--json", *marks, ".4,.6")
    classed = json.loads(result.stdout)["scores"]["1-B"]["validation"]["f1_macro"]["value"]
    assert classed < 1


def test_each_remark_is_printed_once_and_kept(folder, tmp_path):
    labels = pd.read_csv(folder / "labels.csv")
    labels["artist_id"] += np.where(np.arange(len(labels)) % 3, "", " feat. Guest")
    labels[:150].to_csv(tmp_path / "l.csv", index=False)
    words = (folder / "features.h5", "--labels", tmp_path / "l.csv", *QUICK)
    found = run("fit", *words, "-o", tmp_path / "m")
    remarks = [line for line in found.stderr.splitlines() if line.strip()]
    for start in ("tracks without a label", "tracks of several in 'artist_id'", "artists who are"):
        assert sum(line.startswith(f"spdkit: {start}") for line in remarks) == 1, found.stderr
    assert len(set(remarks)) == len(remarks)
    assert sum("Guest" in loss for loss in predict.load(tmp_path / "m")[1].losses) == 1
    assert "nan" not in found.stdout
    # Eight artists test: too few for an interval, which is said, on the page too.
    assert found.stdout.count("no interval and no p: 8 groups") == 1
    run("report", tmp_path / "m", "-o", tmp_path / "r.html")
    page = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert "No interval and no p: 8 groups" in page and "nan" not in page.replace("&nbsp;", "")
