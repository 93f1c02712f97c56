"""The benchmark of the descriptors: outcomes by hand, and a run on little."""

from __future__ import annotations

import json

import pytest
from benchmark_scripts import script, scripts

from spdkit.extractors.descriptors.tonality import KEY_PROFILES, Key
from spdkit.synthetic.sound import Song

__all__ = ["scripts"]  # a fixture
_descriptors = script("descriptors", "benchmarks.extraction.descriptors")


@pytest.fixture(scope="module")
def run(descriptors, tmp_path_factory):
    """The JSON of a run on three songs and a clip of three seconds."""
    output = tmp_path_factory.mktemp("results") / "new" / "descriptors.json"
    options = ["--songs", "3", "--seeds", "1", "--clips", "1", "--repeats", "1", "--duration", "3"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(descriptors.measuring, "_SHORTEST_MS", 1.0)
        assert descriptors.main([*options, "-o", str(output)]) == 0
    return json.loads(output.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("estimate", "outcome"),
    [
        (100, "correct"),
        (103.9, "correct"),
        (96.1, "correct"),
        (104.1, "other"),
        (207, "double"),
        (51, "half"),
        (300, "triple"),
        (33, "third"),
        (150, "other"),
        (float("nan"), "other"),
    ],
)
def test_the_outcomes_of_a_tempo_of_100(descriptors, estimate, outcome):
    assert descriptors.tempo_outcome(estimate, 100.0) == outcome


@pytest.mark.parametrize(
    ("tonic", "mode", "estimate", "outcome"),
    [
        ("D", "major", (2, True), "correct"),
        ("D", "major", (9, True), "fifth above"),  # A major
        ("D", "major", (7, True), "fifth below"),  # G major
        ("D", "major", (11, False), "relative"),  # B minor
        ("D", "major", (2, False), "parallel"),
        ("D", "major", (5, False), "other"),
        ("A", "minor", (0, True), "relative"),  # C major
        ("A", "minor", (6, True), "other"),
        ("A", "minor", (4, False), "fifth above"),  # E minor
    ],
)
def test_the_outcomes_of_a_key(descriptors, tonic, mode, estimate, outcome):
    song = Song("Quiet Ocean", "song-000.wav", tonic, mode, 100.0)
    assert descriptors.key_outcome(Key(*estimate, 0.5, 0.1), song) == outcome
    assert descriptors.key_outcome(None, song) == "other"


def test_scores_by_hand(descriptors):
    songs = [Song("Quiet Ocean", f"song-{i}.wav", "C", "major", 100.0) for i in range(4)]
    score = descriptors.score_tempi([101.0, 99.0, 200.0, 140.0], songs)
    assert (score.correct, score.double, score.other) == (2, 1, 1)
    assert (score.accuracy_1, score.accuracy_2) == (0.5, 0.75)
    assert score.median_error_percent == pytest.approx(1)
    keys = [Key(0, True, 1, 1), Key(7, True, 1, 1), Key(9, False, 1, 1), None]
    score = descriptors.score_keys(keys, songs)
    # (1 + 0.5 + 0.3 + 0) / 4; the mode is right twice.
    assert (score.accuracy, score.mode_accuracy, score.mirex) == (0.25, 0.5, pytest.approx(0.45))


def test_a_run_tells_all_it_measured(run):
    assert run["songs"] == 3 and run["seeds"] == [0]
    assert run["command"].startswith(
        "python benchmarks/extraction/descriptors.py --songs 3 --seeds 1"
    )
    assert {"librosa", "pyloudnorm", "numpy"} <= set(run["versions"])
    for scores in (run["tempo"], run["key"]):
        for score in scores.values():
            assert sum(value for value in score.values() if isinstance(value, int)) >= 3
    assert {f"ours, {name}" for name in KEY_PROFILES} <= set(run["key"])
    assert run["tempo"]["ours"]["correct"] + run["tempo"]["ours"]["half"] == 3
    times = run["times"]["cpu_ms"]
    assert all(len(each) == 1 and each[0] > 0 for each in times.values())
    whole = run["cost"]["all descriptors, over the three"]
    assert whole["ratio"] == pytest.approx(whole["peer_ms"] / times["all descriptors"][0])
