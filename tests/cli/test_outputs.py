"""Outputs that are inputs: refused by name before any work, by every command that writes."""

from __future__ import annotations

import json
import os

import pytest
from command_line import invoke

from spdkit.cli.outputs import require_no_music
from spdkit.common.errors import SpdkitError
from spdkit.common.sealed_folder import digest, pack
from spdkit.tracks.track import Track, TrackSet


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Inputs that nothing has to read: a command that refuses at once has not opened them."""
    monkeypatch.chdir(tmp_path)
    for name in ("f.h5", "labels.csv", "songs.csv", "facts.csv", "plays.csv", "tracks.csv"):
        (tmp_path / name).write_text(f"this is {name}")
    (tmp_path / "link.csv").symlink_to("songs.csv")
    os.link("f.h5", "hard.h5")
    for kind in ("model", "forecaster"):
        folder = tmp_path / kind
        folder.mkdir()
        (folder / "test.csv").write_text("rows")
        files = {"test.csv": digest(b"rows")}
        described = {"format": f"spdkit-{kind}", "version": "9", "files": files}
        (folder / f"{kind}.json").write_bytes(pack(described))
        (folder / "mine.csv").write_text("mine")
    (tmp_path / "twin").symlink_to("model")
    return tmp_path


def _contents(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    "words",
    [
        "extract songs.csv --overwrite -o songs.csv",
        "extract songs.csv --overwrite -o ./model/../songs.csv",
        "extract songs.csv --overwrite -o link.csv",
        "extract songs.csv --metadata facts.csv --overwrite -o facts.csv",
        "extract songs.csv --overwrite -o model/test.csv",
        "fit f.h5 --labels model/test.csv -o model",
        "fit f.h5 --labels twin/test.csv -o model",
        "evaluate f.h5 -o f.h5",
        "evaluate f.h5 --labels labels.csv -o labels.csv",
        "predict model f.h5 -o f.h5",
        "predict model f.h5 -o hard.h5",
        "predict model songs.csv -o songs.csv",
        "predict model songs.csv -o p.h5",
        "predict model songs.csv --features p.csv -o p.csv",
        "predict model songs.csv --features songs.csv -o p.csv",
        "predict model songs.csv --metadata facts.csv -o facts.csv",
        "predict model f.h5 -o model/test.csv",
        "predict model f.h5 -o twin/test.csv",
        "predict model f.h5 -o forecaster/forecaster.json",
        "report model -o model/model.json",
        "report model -o model/test.csv",
        "forecast plays.csv -H 3 -o plays.csv",
        "forecast plays.csv -H 3 --plot plays.csv",
        "forecast plays.csv -H 3 -o new.csv --report new.csv",
        "collect genius songs.csv -o songs.csv",
        "collect genius songs.csv -o link.csv",
        "collect spotify --ids tracks.csv -o .",
    ],
)
def test_an_output_that_is_needed_is_refused_by_name(place, words):
    before = _contents(place)
    result = invoke(*words.split())
    assert result.exit_code == 1, result.output
    line = result.stderr.splitlines()[-1]
    assert "would be overwritten" in line or "would go with the model" in line
    assert line.split(": ")[1] in words
    assert _contents(place) == before


@pytest.mark.parametrize(
    "words",
    [
        "report model -o model/report.html",  # beside the files that the model lists
        "predict model f.h5 -o model/mine.csv",
        "forecast plays.csv -H 3 -o /dev/null --report /dev/null",
        "fit f.h5 --labels model/mine.csv -o model",
    ],
)
def test_other_files_are_free(place, words):
    assert "would " not in invoke(*words.split()).stderr


@pytest.mark.parametrize("name", ["song.wav", "song.txt", "song.en.lrc", "link.csv"])
def test_the_music_itself_is_no_output(tmp_path, name):
    music = tmp_path / "music"
    music.mkdir()
    for part in ("song.wav", "song.txt", "song.en.lrc"):
        (music / part).write_text(f"this is {part}")
    (music / "link.csv").symlink_to("song.wav")
    before = _contents(music)
    result = invoke("extract", music, "--overwrite", "--extractor", "lyrics", "-o", music / name)
    assert result.exit_code == 1
    assert f"{name}: is of the track song.wav, and would be overwritten" in result.stderr
    assert _contents(music) == before


def test_an_audio_that_no_file_can_be_is_no_output(tmp_path):
    (tmp_path / "f.csv").write_text("one of the user's")
    nowhere = str(tmp_path / "nowhere.wav")
    corpus = TrackSet(
        (Track("a", "a\0.wav"), Track("n", nowhere), Track("b", str(tmp_path / "f.csv")))
    )
    with pytest.raises(SpdkitError, match="is of the track b"):
        require_no_music(tmp_path / "f.csv", corpus)


@pytest.mark.parametrize(
    "words",
    [
        "inspect {}.h5",
        "inspect --verify {}.h5",
        "extract songs.csv -o {}.h5",
        "extract {}.csv -o x.h5",
        "extract songs.csv --metadata {}.csv -o x.h5",
        "report model -o {}.html",
        "report {} -o x.html",
        "predict model f.h5 -o {}.csv",
        "predict model {}.csv -o x.csv",
        "predict {} f.h5 -o x.csv",
        "fit f.h5 --labels labels.csv -o {}",
        "fit f.h5 --labels {}.csv -o m",
        "fit {}.h5 -o m",
        "evaluate f.h5 -o {}.json",
        "forecast {}.csv -H 3",
        "forecast plays.csv -H 3 --plot {}.png",
        "collect spotify --playlist x -o {}",
        "collect genius {}.csv -o x.csv",
        "demo {}",
    ],
)
@pytest.mark.parametrize("name", ["~nosuchuser/x", "x" * 300])
def test_a_path_that_leads_nowhere_is_one_line(place, words, name):
    result = invoke(*words.format(name).split())
    assert result.exit_code == 1 and isinstance(result.exception, SystemExit), result.exception
    line = result.stderr.splitlines()[-1]
    assert line.startswith("spdkit: ") and ("no such user" in line or "too long" in line)


def test_a_damaged_json_is_nobodys(tmp_path):
    (tmp_path / "model.json").write_text('{\n "format": "spdkit-model", "files": [')
    (tmp_path / "other.json").write_text(json.dumps({"files": {"f.csv": "0" * 64}}))
    (tmp_path / "f.csv").touch()
    result = invoke("report", tmp_path, "-o", tmp_path / "f.csv")
    assert "would be" not in result.stderr and "cut off" in result.stderr
