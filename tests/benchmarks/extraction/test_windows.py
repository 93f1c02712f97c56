"""The benchmark of windows runs on every format, and both contestants have the same samples."""

from __future__ import annotations

import json

import pytest
from benchmark_scripts import script, scripts

__all__ = ["scripts"]  # a fixture
_windows = script("windows", "benchmarks.extraction.windows")


def test_every_format_has_its_window_and_its_times(windows, tmp_path):
    options = ["--minutes", "0.1", "--duration", "2", "--repeats", "1"]
    assert windows.main([*options, "-o", str(tmp_path / "a.json")]) == 0
    result = json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))
    assert result["windows"].keys() == {*windows.SNDFILE, *windows.FFMPEG}
    for kind, each in result["windows"].items():
        assert each["ratio"] == pytest.approx(each["straight_ms"] / each["ours_ms"])
        assert each["largest_difference"] < (0.05 if kind in ("m4a", "aac") else 1e-5), kind
