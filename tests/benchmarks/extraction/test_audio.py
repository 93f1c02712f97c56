"""Audio extraction: its benchmark runs, and never depends on how fast it is."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import soundfile
from benchmark_scripts import script, scripts
from rich.console import Console

from spdkit.extractors.audio import AudioExtractor

__all__ = ["scripts"]  # a fixture
SR = 44100
FAMILIES = {"mfcc", "mel", "chroma", "tonnetz", "contrast", "centroid", "bandwidth", "zcr"}
FORMATS = {"wav", "flac", "ogg", "opus", "mp3"}
_extraction = script("extraction", "benchmarks.extraction.audio")
_results = script("results", "benchmarks.extraction.audio_tables")
_sounds = script("sounds", "benchmarks.extraction.sounds")
_ours = script("ours", "benchmarks.extraction.audio_steps")
_accuracy = script("accuracy", "benchmarks.extraction.audio_accuracy")
_end_to_end = script("end_to_end", "benchmarks.extraction.end_to_end")
_fresh = script("fresh", "benchmarks.extraction.fresh_process")
_measuring = script("measuring", "benchmarks.common.measuring")
_running = script("running", "benchmarks.common.script")


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
def run(extraction, running, measuring, music, tmp_path_factory):
    """Exit status, what was printed on both streams, and the JSON of a run on one clip."""
    output = tmp_path_factory.mktemp("results") / "new" / "extraction.json"
    printed = []
    with pytest.MonkeyPatch.context() as patch:
        console = running.Console

        def recording(*args, **options):
            printed.append(console(*args, **options, record=True))
            return printed[-1]

        patch.setattr(running, "Console", recording)
        patch.setattr(measuring, "_SHORTEST_MS", 1.0)
        options = ["--clips", "1", "--repeats", "1", "--duration", "3", "--quick"]
        status = extraction.main([str(music), *options, "-o", str(output)])
    errors, out = (each.export_text() for each in printed)
    return status, out, errors, json.loads(output.read_text(encoding="utf-8"))


def test_every_part_is_in_the_json(run):
    status, _, _, result = run
    assert status == 0
    assert len(result["clips"]) == 1 and result["clips"][0] in ("a.wav", "b.wav")
    assert set(result["whole_clip"]) == {
        f"{profile}: {peer}"
        for profile in ("paper", "spotgentrack")
        for peer in ("naive librosa", "shared STFT", 'engine="librosa"', "ours, new tunings")
    }
    rows = {"shared", "roll-offs, RMS", "sum of the rows", "whole clip"}
    assert {name for row in result["families"] for name in row.split(" + ")} == FAMILIES | rows
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
    rows = run[3][part]
    alone = {name for name, row in rows.items() if row["peer_ms"] is None}
    assert alone == ({"shared", "roll-offs, RMS", "whole clip"} if part == "families" else set())
    for name in rows.keys() - alone:
        row = rows[name]
        assert row["ratio"] == pytest.approx(row["peer_ms"] / row["ours_ms"])
        assert row["low"] <= row["high"]


def test_the_sum_is_that_of_the_rows(run):
    rows = run[3]["families"]
    total, _ = rows.pop("sum of the rows"), rows.pop("whole clip")
    assert total["ours_ms"] == pytest.approx(sum(row["ours_ms"] for row in rows.values()))
    assert total["peer_ms"] == pytest.approx(sum(row["peer_ms"] or 0 for row in rows.values()))


def test_printed_times_are_those_of_the_rounds(run):
    result = run[3]
    (ours,) = result["times"]["clips"]["cpu_ms"]["paper: ours"]  # one clip, one repeat
    assert result["whole_clip"]["paper: naive librosa"]["ours_ms"] == pytest.approx(ours)


def test_distances_are_over_decoding_and_over_the_sum_of_both_floors(run):
    for row in run[3]["distances"].values():
        both, read = row["extract_ms"], row["bare_read_ms"]
        assert row["over_decode"] == pytest.approx(both / row["decode_ms"])
        assert row["over_bare_read"] == pytest.approx(both / read)
        assert row["over_floor"] == pytest.approx(both / (read + row["fft_ms"]))
        assert row["over_floor_single"] == pytest.approx(both / (read + row["fft_single_ms"]))


def test_what_was_promised_is_held_against_what_was_measured(run):
    result = run[3]
    speed, decoding = result["bars"].values()
    assert speed["measured"] == result["whole_clip"]["paper: naive librosa"]["ratio"]
    assert decoding["measured"] == result["distances"]["paper: mp3"]["over_decode"]
    assert (speed["bar"], speed["goal"]) == ("≥ 40", "≥ 75")
    assert (decoding["bar"], decoding["goal"]) == ("≤ 2.5", "≤ 2")


def test_tables_show_the_numbers_and_what_was_left_out(run):
    _, out, _, result = run
    titles = ("Whole clip", "Families", "Decoding", "floor", "Deviation from librosa", "promised")
    for title in titles:
        assert title in out
    ratio = result["families"]["tonnetz"]["ratio"]
    assert f"{ratio:.3g}" in out
    (left_out,) = result["left_out"]
    assert left_out == "fresh processes, the long file, batches (--quick)"
    assert f"left out: {left_out}" in out
    assert result["fresh_process"] == {}
    assert result["long_file"] is None and result["batches"] is None


def test_files_that_cannot_be_used_are_told_with_a_reason(sounds, music):
    chosen, unused = sounds.choose(music, 3, seed=0, duration=3.0)
    assert sorted(sound.name for sound in chosen) == ["a.wav", "b.wav"]
    assert set(unused) == {"short.wav", "broken.mp3", "notes.txt"}
    assert "shorter than the window" in unused["short.wav"]
    assert "libsndfile" in unused["broken.mp3"]


def test_unused_files_are_named_while_it_runs(run):
    _, _, errors, result = run
    assert "notes.txt" in result["unused"]
    assert all(f"not used: {name}" in errors for name in result["unused"])
    assert "1 clips of 1 asked for" in errors


def test_the_draw_depends_on_the_seed_alone(sounds, music):
    first, again = (sounds.choose(music, 1, seed=5, duration=3.0)[0][0] for _ in range(2))
    assert first.name == again.name and np.array_equal(first.y, again.y)


def test_no_path_of_the_machine_is_written(run, music):
    assert str(music.parent) not in json.dumps(run[3])
    assert run[3]["command"].startswith(
        f"python benchmarks/extraction/audio.py {music.name} --clips 1"
    )


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


@pytest.mark.parametrize(
    "option",
    [
        ["--clips", "0"],
        ["--repeats", "0"],
        ["--duration", "1"],
        ["--deviation-clips", "0"],
        ["--tracks", "3"],
    ],
)
def test_impossible_options_are_refused(extraction, tmp_path, option, capsys):
    with pytest.raises(SystemExit):
        extraction.main([str(tmp_path), *option])
    assert f"{option[0]}" in capsys.readouterr().err


def test_contestants_take_turns(measuring):
    order: list[str] = []
    calls = {name: lambda name=name: order.append(name) for name in "AB"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(measuring, "cpu_ms", lambda call: (call(), 1.0)[1])
        times = measuring.interleave([calls, calls], repeats=2)
    assert "".join(order) == "AB" + "ABAB" * 2  # the first pair warms up
    assert times.cpu_ms == {"A": [1.0] * 4, "B": [1.0] * 4}


def test_comparison_is_of_medians(measuring):
    times = measuring.Times({"peer": [2.0, 8.0, 90.0], "ours": [2.0, 4.0, 3.0]}, 1.0)
    comparison = times.compare("peer", "ours")
    assert comparison == measuring.Comparison(8.0, 3.0, 8.0 / 3.0, 1.0, 30.0)


def test_a_number_is_held_against_its_bar(measuring):
    assert measuring.bar(40.0, "≥ 40", "≥ 75") == measuring.Bar(40.0, "≥ 40", "≥ 75", True)
    assert not measuring.bar(39.9, "≥ 40").met
    assert measuring.bar(2.5, "≤ 2.5").met and not measuring.bar(2.6, "≤ 2.5").met
    assert measuring.bar(1.9, "< 2").met and not measuring.bar(2.0, "< 2").met


# Ours


def test_the_stages_are_the_work_of_the_extractor(ours, music):
    y = soundfile.read(music / "a.wav", dtype="float32")[0].mean(axis=1)
    y[: SR // 2] = 0  # some silent frames
    settings = AudioExtractor().settings
    expected, _ = ours.frame_features(y, settings)
    collected = ours.FrameCollector()
    for stage in ours.Stages(y, settings, collected).by_family().values():
        stage()
    features = collected.frames()
    assert features.keys() == expected.keys()
    for key, frames in expected.items():
        np.testing.assert_array_equal(features[key], frames, err_msg=key)


def test_new_tunings_need_new_tables(ours, music):
    y = soundfile.read(music / "a.wav", dtype="float32")[0].mean(axis=1)
    settings = AudioExtractor("spotgentrack").settings
    tables = ours.constant_q_filters.response
    tables(0.123, settings)  # of some other clip
    row = ours.row(y, settings)
    np.testing.assert_array_equal(ours.row_at_new_tunings(y, settings), row)
    assert tables.cache_info().misses == 1  # counted from when the cache was emptied
    ours.row(y, settings)
    assert tables.cache_info().misses == 1


# Accuracy


@pytest.mark.parametrize("family", ["mfcc", "mel"])
def test_a_deviation_is_seen(accuracy, family):
    rng = np.random.default_rng(0)
    peer = 1 + rng.random((3, 10))
    ours = peer.copy()
    assert accuracy.deviation(family, ours, peer).passed
    ours[1, 4] *= 1.01
    found = accuracy.deviation(family, ours, peer)
    assert not found.passed and found.frames >= 0.0099
    ours[1, 4] = math.nan
    assert not accuracy.deviation(family, ours, peer).passed


def test_faint_frames_are_counted_and_left_out(accuracy):
    peer = np.ones((12, 10))
    ours, faint = peer.copy(), np.zeros(10, dtype=bool)
    ours[3, 4] = 0.5
    faint[[4, 5]] = True
    found = accuracy.deviation("chroma", ours, peer, faint)
    assert found.passed and (found.frames, found.faint_frames, found.worst_faint) == (0, 2, 0.5)
    ours[3, 6] = 0.9
    assert not accuracy.deviation("chroma", ours, peer, faint).passed
    both = accuracy.worst([found, accuracy.deviation("chroma", peer, peer, faint)])
    assert (both.faint_frames, both.worst_faint) == (4, 0.5)


def test_faint_is_what_the_documentation_says(accuracy):
    t = np.arange(6 * SR) / SR
    tone = np.sin(2 * np.pi * 440 * t).astype(np.float32)
    tone[3 * SR :] *= 3e-6  # 110 dB down
    faint = accuracy.Reference(tone, SR).faint["y"]
    per_second = SR // 512
    assert not faint[: 3 * per_second].any() and faint[5 * per_second : -per_second // 2].all()
    above = np.sin(2 * np.pi * 12000 * t).astype(np.float32)
    faint = accuracy.Reference(above, SR).faint
    assert faint["y"][10:-10].all() and faint["harmonic"][10:-10].all()
    above[: 2 * SR] = 0
    assert not accuracy.Reference(above, SR).faint["y"][:per_second].any()  # silent, not faint


@pytest.mark.parametrize("reported", [0, 1])
def test_another_tuning_is_counted(accuracy, monkeypatch, reported):
    peer, rival = np.ones((12, 10)), np.full((12, 10), 0.5)
    monkeypatch.setattr(accuracy, "naive", lambda *_: {"chroma": lambda: peer})
    monkeypatch.setattr(accuracy, "at_tied_tunings", lambda *_: iter([peer, rival]))
    reference = accuracy.Reference(np.ones(9 * 512, dtype=np.float32), SR)
    reference.faint = {"y": np.zeros(10, dtype=bool)}
    tied = ["signal"] if reported else ["harmonic"]
    (found,) = accuracy.deviations({"chroma": rival}, reference, "paper", tied).values()
    assert found.passed and (found.tied_tunings, found.ties_we_report) == (1, reported)
    (found,) = accuracy.deviations({"chroma": peer}, reference, "paper", tied).values()
    assert (found.tied_tunings, found.ties_we_report) == (0, 0)


# Processes


def test_memory_of_a_fresh_process_is_its_own(fresh, tmp_path):
    ballast = np.ones(64 << 17)  # 64 MiB here, none of it there
    result = fresh.fresh_process("import math", "len(b'x' * (32 << 20))", tmp_path)
    assert ballast.size and result.import_mb < 60
    assert 30 < result.work_mb < 40
    assert result.peak_mb == pytest.approx(result.import_mb + result.work_mb)


def test_fresh_processes_are_compared_number_by_number(fresh):
    peer = fresh.Fresh(*[6.0] * 9)
    assert fresh.over(peer, fresh.Fresh(*[2.0] * 9)) == fresh.Fresh(*[3.0] * 9)


def test_a_fresh_process_that_fails_says_why(fresh, tmp_path):
    with pytest.raises(RuntimeError, match="ZeroDivisionError"):
        fresh.fresh_process("import math", "1 / 0", tmp_path)


def test_fresh_processes_compile_once_and_take_turns(fresh, tmp_path, monkeypatch):
    caches = []

    def counted(setup, call, cache):
        caches.append(cache.name)
        return fresh.Fresh(*[float(len(caches))] * 9)

    monkeypatch.setattr(fresh, "fresh_process", counted)
    found = fresh.fresh_processes(np.ones(SR, dtype=np.float32), tmp_path, 1.0, repeats=2)
    ours, peer = "numba of ours", "numba of naive librosa"
    assert caches == [ours, peer] + [ours, ours, peer] * 2
    assert found["ours, cold"].first_ms == 1 and found["ours"].first_ms == (3 + 6) / 2
    assert found["ratio"].first_ms == found["naive librosa"].first_ms / found["ours"].first_ms


def test_a_long_file_is_a_clip_again_and_again(fresh, sounds, tmp_path, monkeypatch):
    y = (np.arange(SR) % 100 / 128).astype(np.float32)
    lengths = []

    def run_steps(steps, cache):
        samples, _ = soundfile.read(tmp_path / "long.wav", dtype="float32")
        np.testing.assert_array_equal(samples, np.resize(y, len(samples)))
        lengths.append(len(samples))
        return [(1.0, 10.0, 20.0), (2.0, 11.0, 120.0), (5.0, 15.0, 320.0)]

    monkeypatch.setattr(fresh, "run_steps", run_steps)
    found = fresh.long_file(y, 2.5 / 3600, tmp_path)
    assert lengths == [2.5 * SR]
    assert found == fresh.LongFile(2.5 / 3600, 3.0, 4.0, 120.0, 200.0, 320.0)
    assert not (tmp_path / "long.wav").exists()


def test_batches_take_turns_over_all_files(end_to_end, tmp_path, monkeypatch):
    runs = []

    def seconds(paths, folder, duration, jobs):
        runs.append((len(paths), jobs))
        assert paths == ["a", "b", "c", "a", "b", "c"][: len(paths)]
        return 2.0 + len(paths) / jobs

    monkeypatch.setattr(end_to_end, "_seconds", seconds)
    found = end_to_end.batches(["a", "b", "c"], 6, tmp_path, 3.0, repeats=2)
    assert runs == [(1, 1)] + [(1, 1), (6, 1), (2, 2), (6, 2)] * 2
    assert found.speed_up == found.low == found.high == (2 + 6) / (2 + 6 / 2)
    assert found.rates["1 process"].tracks_per_s == 6 / (2 + 6)
    assert found.rates["2 processes"].start_s == 3.0
    assert found.rates["2 processes"].tracks_per_s_after_start == (6 - 2) / (5 - 3)
    assert found.speed_up_after_start == 2.0


def test_processes_are_shown_and_held_against_their_bars(
    extraction, end_to_end, fresh, measuring, results, monkeypatch
):
    one, two = (end_to_end.Rate(n, 64, 20.0 / n, 3.2 * n, 1.0, 3.4 * n) for n in (1, 2))
    batches = end_to_end.Batches({}, {}, {"1": one, "2": two}, 1.5, 1.4, 1.7, 2.0)
    slow, quick = fresh.Fresh(*[30e3] * 9), fresh.Fresh(*[1e3] * 9)
    long = fresh.LongFile(3.0, 60.0, 61.0, 200.0, 700.0, 900.0)
    rows = {"ours, cold": slow, "ours": quick}
    monkeypatch.setattr(fresh, "fresh_processes", lambda *_: rows)
    monkeypatch.setattr(fresh, "long_file", lambda *_: long)
    monkeypatch.setattr(end_to_end, "batches", lambda *_: batches)
    comparison, distance = measuring.Comparison(50.0, 1.0, 50.0), results.Distance(*[2.0] * 9)
    result = results.Result("extraction", "python", {"cpu": "one"}, {}, [], {})
    result.whole_clip = result.families = result.decoding = {"paper: naive librosa": comparison}
    result.distances = {"paper: mp3": distance}
    result.deviations = {
        "paper: mfcc": extraction.audio_accuracy.Deviation("absolute", 0, 0, 1, True)
    }
    args = extraction.parse(["music"])
    sound = extraction.Sound("a", "a.wav", 1, np.ones(SR))
    extraction.processes(result, [sound], Path(), args, lambda text: None)
    result.bars = results.bars(result)
    met = {name: each.met for name, each in result.bars.items()}
    assert met == {
        "paper: naive librosa over ours": True,
        "paper, mp3: extraction over decoding": True,
        "first call, cold: s": False,
        "imports and first call, cold: wall s": False,
        "first call, warm: s": True,
        "imports and first call, warm: wall s": True,
        "3 hours: peak memory, GB": True,
        "2 processes over 1": False,
    }
    console = Console(record=True, width=140)
    results.report(result, console)
    out = console.export_text()
    for title in ("Fresh process", "A whole file of hours", "Batches of files"):
        assert title in out
    assert "two processes over one: 1.5 (1.4 to 1.7), after the start 2" in out


@pytest.mark.slow
def test_processes_of_their_own_do_the_work(extraction, music, tmp_path, monkeypatch):
    monkeypatch.setattr(extraction, "LONG_HOURS", 0.01)
    output = tmp_path / "out.json"
    options = ["--clips", "2", "--repeats", "1", "--duration", "3", "--tracks", "4"]
    assert extraction.main([str(music), *options, "-o", str(output)]) == 0
    result = json.loads(output.read_text(encoding="utf-8"))
    assert result["left_out"] == [] and len(result["bars"]) == 8
    assert result["fresh_process"].keys() == {
        *("ours, cold", "naive librosa, cold", "ours", "ours, as a worker", "naive librosa"),
        "ratio",
    }
    for row in result["fresh_process"].values():
        assert all(number > 0 for number in row.values())
    assert result["long_file"]["peak_mb"] > result["long_file"]["import_mb"] > 0
    assert {name: row["tracks"] for name, row in result["batches"]["rates"].items()} == {
        "1 process": 4,
        "2 processes": 4,
    }


@pytest.mark.slow
def test_a_batch_that_fails_says_so(end_to_end, music, tmp_path):
    with pytest.raises(RuntimeError, match=r"tracks failed: .*Format not recognised"):
        end_to_end._seconds([str(music / "broken.mp3")], tmp_path, 3.0, 1)
