"""The benchmark of lyrics runs, compares equals, and never depends on how fast they are."""

from __future__ import annotations

import json

import numpy as np
import pytest
from benchmark_scripts import script, scripts

__all__ = ["scripts"]  # a fixture
_lyrics = script("lyrics", "benchmarks.extraction.lyrics")


@pytest.fixture(scope="module")
def run(lyrics, tmp_path_factory):
    """Exit status and JSON of a run on two short songs."""
    output = tmp_path_factory.mktemp("results") / "new" / "lyrics.json"
    options = ["--songs", "2", "--repeats", "1", "--lines", "20"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lyrics.measuring, "_SHORTEST_MS", 1.0)
        status = lyrics.main([*options, "-o", str(output)])
    return status, json.loads(output.read_text(encoding="utf-8"))


def test_the_result_holds_command_versions_ratios_and_stages(run):
    status, result = run
    assert status == 0 and result["largest_difference"] < 1e-6
    assert result["command"].endswith("--songs 2 --repeats 1 --seed 0 --lines 20")
    assert {"python", "scikit-learn", "py3langid", "spdkit"} <= result["versions"].keys()
    assert result["whole_songs"].keys() == {"20 lines, paper", "20 lines, spotgentrack"}
    for each in result["whole_songs"].values():
        assert each["ratio"] == pytest.approx(each["peer_ms"] / each["ours_ms"])
    assert list(result["stages"]["20 lines"]) == [
        *("cleaning", "language", "stop words", "sentences, words"),
        *("syllables", "similarity", "wealth"),
    ]
    assert result["songs"]["20 lines"]["sentences"] == 20


def test_songs_are_those_of_the_seed(lyrics):
    song = lyrics.song(50, 3)
    assert song == lyrics.song(50, 3) != lyrics.song(50, 4)
    size = lyrics.describe([song])
    # Verses and the chorus in turn, of 8 lines each: 3 verses, 2 lines of a fourth, and the chorus.
    assert (size["sentences"], size["distinct"]) == (50, 3 * 8 + 2 + 8)


def test_a_difference_fails_the_run(lyrics, monkeypatch, tmp_path):
    monkeypatch.setattr(lyrics, "row", lambda text, profile: [1.0] * 6)
    options = ["--songs", "1", "--repeats", "1", "--lines", "20", "-o", str(tmp_path / "a.json")]
    monkeypatch.setattr(lyrics.measuring, "_SHORTEST_MS", 1.0)
    assert lyrics.main(options) == 1


def test_stages_make_the_numbers_of_the_row(lyrics):
    text = lyrics.song(40, 1)
    parts = {name: call() for name, call in lyrics.stages(text).items()}
    row = lyrics.row(text, "paper")
    for name, feature in (("similarity", 4), ("wealth", 5)):
        np.testing.assert_allclose(
            [parts[f"{name}: plain"], parts[f"{name}: ours"]], row[feature], rtol=1e-12
        )
    every, _ = parts["sentences, words: ours"]
    assert parts["syllables: ours"] / every.N() == pytest.approx(parts["syllables: plain"])
    assert parts["language: ours"].code == parts["language: plain"] == "en"


def test_impossible_options_are_refused(lyrics, capsys):
    with pytest.raises(SystemExit):
        lyrics.main(["--lines", "1"])
    assert "--lines: must be at least 2" in capsys.readouterr().err
