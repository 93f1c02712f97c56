"""The benchmark scripts run, tell what they measured, and never depend on how fast they are."""

from __future__ import annotations

import importlib
import json
import math
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import soundfile

SCRIPTS = Path(__file__).parent.parent / "benchmarks"
SR = 44100
FAMILIES = {"mfcc", "mel", "chroma", "tonnetz", "contrast", "centroid", "bandwidth", "zcr"}
FORMATS = {"wav", "flac", "ogg", "opus", "mp3"}


@pytest.fixture(scope="module")
def scripts():
    """The folder of scripts on the import path, as it is when a script runs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(SCRIPTS))
        yield


@pytest.fixture(scope="module")
def extraction(scripts) -> ModuleType:
    return importlib.import_module("extraction")


@pytest.fixture(scope="module")
def harness(scripts) -> ModuleType:
    return importlib.import_module("harness")


@pytest.fixture(scope="module")
def librosa_peer(scripts) -> ModuleType:
    return importlib.import_module("librosa_peer")


@pytest.fixture(scope="module")
def music(tmp_path_factory) -> Path:
    """Two songs of four seconds, one too short, one broken, and a text."""
    folder = tmp_path_factory.mktemp("music")
    t = np.arange(4 * SR) / SR
    rng = np.random.default_rng(0)
    for name, root in (("a", 220.0), ("b", 311.1)):
        chord = sum(np.sin(2 * np.pi * root * r * t) for r in (1, 5 / 4, 3 / 2, 2)) / 8
        beat = 0.2 * rng.standard_normal(t.size) * (t % 0.5 < 0.05)
        soundfile.write(folder / f"{name}.wav", np.stack([chord + beat, chord], axis=1), SR)
    soundfile.write(folder / "short.wav", np.ones(2 * SR) / 8, SR)
    (folder / "broken.mp3").write_bytes(b"not an mp3")
    (folder / "notes.txt").write_text("a text")
    return folder


@pytest.fixture(scope="module")
def run(extraction, music, tmp_path_factory):
    """Exit status, what was printed on both streams, and the JSON of a run on one clip."""
    output = tmp_path_factory.mktemp("results") / "new" / "extraction.json"
    printed = []
    with pytest.MonkeyPatch.context() as patch:
        console = extraction.Console

        def recording(*args, **options):
            made = console(*args, **options, record=True)
            printed.append(made)
            return made

        patch.setattr(extraction, "Console", recording)
        options = ["--clips", "1", "--repeats", "1", "--duration", "3", "--quick"]
        status = extraction.main([str(music), *options, "-o", str(output)])
    errors, out = (made.export_text() for made in printed)
    return status, out, errors, json.loads(output.read_text(encoding="utf-8"))


def test_every_part_is_in_the_json(run):
    status, _, _, result = run
    assert status == 0
    assert len(result["clips"]) == 1 and result["clips"][0] in ("a.wav", "b.wav")
    assert set(result["whole_clip"]) == {
        "paper: naive librosa",
        "paper: shared STFT",
        "spotgentrack: naive librosa",
    }
    assert set(result["families"]) == FAMILIES
    assert set(result["decoding"]) == FORMATS
    assert set(result["distances"]) == {
        f"{profile}: {suffix}" for profile in ("paper", "spotgentrack") for suffix in FORMATS
    }
    assert {"python", "numpy", "librosa", "numba", "soundfile", "soxr", "libsndfile"} <= set(
        result["versions"]
    )
    assert result["machine"]["cpu"]


def test_all_families_of_both_profiles_are_within_tolerance(run):
    deviations = run[3]["deviations"]
    families = {name.split(": ")[1] for name in deviations if name.startswith("spotgentrack")}
    assert families == FAMILIES | {"rolloff_low", "rolloff_high", "rms"}
    assert {name for name in deviations if name.startswith("paper")} == {
        f"paper: {family}" for family in FAMILIES
    }
    for row in deviations.values():
        assert row["passed"] and row["frames"] <= row["tolerance"]


@pytest.mark.parametrize("part", ["whole_clip", "families", "decoding"])
def test_ratios_come_from_the_times(run, part):
    for row in run[3][part].values():
        assert row["ratio"] == pytest.approx(row["peer_ms"] / row["ours_ms"])
        assert row["low"] <= row["high"]


def test_printed_times_are_those_of_the_rounds(run):
    result = run[3]
    (ours,) = result["times"]["clips"]["cpu_ms"]["paper: ours"]  # one clip, one repeat
    assert result["whole_clip"]["paper: naive librosa"]["ours_ms"] == pytest.approx(ours)


def test_distances_are_over_the_sum_of_both_floors(run):
    for row in run[3]["distances"].values():
        floor = row["read_floor_ms"] + row["fft_floor_ms"]
        assert row["ratio"] == pytest.approx((row["decode_ms"] + row["features_ms"]) / floor)


def test_tables_show_the_numbers_and_what_was_left_out(run):
    _, out, _, result = run
    for title in ("Whole clip", "Families", "Decoding", "floor", "Deviation from librosa"):
        assert title in out
    ratio = result["families"]["tonnetz"]["ratio"]
    assert f"{ratio:.3g}" in out
    assert "left out: fresh processes (--quick)" in out
    assert result["left_out"] == ["fresh processes (--quick)"]
    assert result["fresh_process"] == {}


def test_files_that_cannot_be_used_are_told_with_a_reason(extraction, music):
    sounds, unused = extraction.choose(music, 3, seed=0, duration=3.0)
    assert sorted(sound.name for sound in sounds) == ["a.wav", "b.wav"]
    assert set(unused) == {"short.wav", "broken.mp3", "notes.txt"}
    assert "shorter than the window" in unused["short.wav"]
    assert "libsndfile" in unused["broken.mp3"]


def test_unused_files_are_named_while_it_runs(run):
    _, _, errors, result = run
    assert "notes.txt" in result["unused"]
    assert all(f"not used: {name}" in errors for name in result["unused"])
    assert "1 clips of 1 asked for" in errors


def test_the_draw_depends_on_the_seed_alone(extraction, music):
    first, again = (extraction.choose(music, 1, seed=5, duration=3.0)[0][0] for _ in range(2))
    assert first.name == again.name and np.array_equal(first.y, again.y)


def test_no_path_of_the_machine_is_written(run, music):
    assert str(music.parent) not in json.dumps(run[3])
    assert run[3]["command"].startswith(f"python benchmarks/extraction.py {music.name} --clips 1")


def test_a_folder_without_audio_is_refused(extraction, tmp_path, capsys):
    (tmp_path / "notes.txt").write_text("a text")
    output = tmp_path / "out.json"
    assert extraction.main([str(tmp_path), "-o", str(output)]) == 2
    message = " ".join(capsys.readouterr().err.split())
    assert "can be used" in message and "notes.txt: not audio by its name" in message
    assert not output.exists()


def test_a_folder_that_is_not_there_is_refused(extraction, tmp_path, capsys):
    assert extraction.main([str(tmp_path / "gone"), "-o", str(tmp_path / "out.json")]) == 2
    assert "not a folder" in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize("option", [["--clips", "0"], ["--repeats", "0"], ["--duration", "1"]])
def test_impossible_options_are_refused(extraction, tmp_path, option, capsys):
    with pytest.raises(SystemExit):
        extraction.main([str(tmp_path), *option])
    assert f"{option[0]}" in capsys.readouterr().err


def test_contestants_take_turns(harness):
    order: list[str] = []
    calls = {name: lambda name=name: order.append(name) for name in "AB"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(harness, "cpu_ms", lambda call: (call(), 1.0)[1])
        times = harness.interleave([calls, calls], repeats=2)
    assert "".join(order) == "AB" + "ABAB" * 2  # the first pair warms up
    assert times.cpu_ms == {"A": [1.0] * 4, "B": [1.0] * 4}


def test_comparison_is_of_medians(harness):
    times = harness.Times({"peer": [2.0, 8.0, 90.0], "ours": [2.0, 4.0, 3.0]}, 1.0)
    comparison = times.compare("peer", "ours")
    assert comparison == harness.Comparison(8.0, 3.0, 8.0 / 3.0, 1.0, 30.0)


@pytest.mark.parametrize("family", ["mfcc", "mel"])
def test_a_deviation_is_seen(librosa_peer, family):
    rng = np.random.default_rng(0)
    peer = 1 + rng.random((3, 10))
    ours = peer.copy()
    assert librosa_peer.deviation(family, ours, peer).passed
    ours[1, 4] *= 1.01
    found = librosa_peer.deviation(family, ours, peer)
    assert not found.passed and found.frames >= 0.0099
    ours[1, 4] = math.nan
    assert not librosa_peer.deviation(family, ours, peer).passed


def test_memory_of_a_fresh_process_is_its_own(harness, tmp_path):
    ballast = np.ones(64 << 17)  # 64 MiB here, none of it there
    result = harness.fresh_process("import math", "len(b'x' * (32 << 20))", tmp_path)
    assert ballast.size and result.import_mb < 60
    assert 30 < result.work_mb < 40
    assert result.peak_mb == pytest.approx(result.import_mb + result.work_mb)


def test_fresh_processes_are_compared_number_by_number(harness):
    peer = harness.Fresh(*[6.0] * 8)
    assert harness.over(peer, harness.Fresh(*[2.0] * 8)) == harness.Fresh(*[3.0] * 8)


def test_a_fresh_process_that_fails_says_why(harness, tmp_path):
    with pytest.raises(RuntimeError, match="ZeroDivisionError"):
        harness.fresh_process("import math", "1 / 0", tmp_path)
