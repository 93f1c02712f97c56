"""``spdkit doctor`` as a user types it."""

from __future__ import annotations

import json
import sys

from command_line import invoke


def test_doctor_finds_every_format(tmp_path):
    done = invoke("doctor", tmp_path, "--json")
    assert done.exit_code == 0, done.output
    findings = {(f["topic"], f["name"]): f for f in json.loads(done.stdout)}
    for suffix in ("wav", "flac", "ogg", "opus", "mp3", "m4a", "aac", "wma"):
        assert findings["format", suffix]["ok"], findings["format", suffix]
    assert findings["version", "librosa"]["detail"].startswith("0.11")
    assert findings["extractor", "audio"]["detail"] == "audio, version 2"
    assert findings["machine", "disk here"]["detail"].endswith(str(tmp_path))
    assert "numba" in invoke("doctor", tmp_path).stdout


def test_doctor_says_what_is_missing(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    findings = {f["name"]: f for f in json.loads(invoke("doctor", tmp_path, "--json").stdout)}
    assert findings["m4a"] == {
        "topic": "format",
        "name": "m4a",
        "ok": False,
        "detail": "pip install 'spdkit[av]'",
    }
