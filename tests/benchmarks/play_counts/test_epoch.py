"""The benchmark of an epoch runs, reads what it wrote, and never asserts on time."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from benchmark_scripts import script, scripts

__all__ = ["scripts"]  # a fixture
_epoch = script("epoch", "benchmarks.play_counts.epoch")


def test_what_is_read_is_what_was_written(epoch, tmp_path):
    epoch.write_songs(tmp_path / "songs", 3, 5)
    written = np.fromfile(tmp_path / "songs", np.float32).reshape(3, epoch.STEPS, 5)
    songs = epoch.songs_of(str(tmp_path / "songs"), 3, 5)
    for song, clips in zip(songs, written, strict=True):
        np.testing.assert_array_equal(song.read(2, 7), clips[2:7])


def test_the_result_holds_ratios_peaks_and_bars(epoch, tmp_path, monkeypatch):
    before = torch.get_num_threads()
    for name, value in (("SOUND", 6), ("FEATURES", 3), ("STEPS", 2), ("run_python", peak)):
        monkeypatch.setattr(epoch, name, value)
    monkeypatch.setattr(epoch.measuring, "_SHORTEST_MS", 1.0)
    options = ["--songs", "4", "--rounds", "2", "--memory-songs", "3", "5"]
    assert epoch.main([*options, "-o", str(tmp_path / "epoch.json")]) == 0
    assert torch.get_num_threads() == before
    result = json.loads((tmp_path / "epoch.json").read_text("utf-8"))
    assert result["command"] == (
        "python benchmarks/play_counts/epoch.py --songs 4 --rounds 2 --memory-songs 3 5"
    )
    assert result["peak_mb"] == {"3": 1030.0, "5": 1050.0}
    for row in result["epochs"].values():
        assert row["ratio"] == pytest.approx(row["peer_ms"] / row["ours_ms"])
    assert [each["met"] for each in result["bars"].values()][1:] == [True, True]


def peak(code, path, n_songs, n_values):
    """Stand in for a process of its own."""
    compile(code, "child", "exec")
    assert path.stat().st_size == 4 * 5 * 2 * n_values
    return 1000.0 + 10 * n_songs
