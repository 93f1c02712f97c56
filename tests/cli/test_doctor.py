"""``spdkit doctor`` as a user types it."""

from __future__ import annotations

import configparser
import json
import sys
from importlib.metadata import PackageNotFoundError
from pathlib import Path

from command_line import invoke

from spdkit.extraction import doctor


def test_doctor_finds_every_format(tmp_path):
    done = invoke("doctor", tmp_path, "--json")
    assert done.exit_code == 0, done.output
    findings = {(f["topic"], f["name"]): f for f in json.loads(done.stdout)}
    for suffix in ("wav", "flac", "ogg", "opus", "mp3", "m4a", "aac", "wma"):
        assert findings["format", suffix]["ok"], findings["format", suffix]
    assert findings["version", "librosa"]["detail"].startswith("0.11")
    assert findings["extractor", "audio"]["detail"] == "audio, version 3"
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


def test_doctor_names_every_extra_in_full(tmp_path, monkeypatch):
    extras = configparser.ConfigParser()
    extras.read(Path(__file__).parents[2] / "setup.cfg")
    declared = {
        name
        for name, packages in extras["options.extras_require"].items()
        if "spdkit[" not in packages
    }
    findings = json.loads(invoke("doctor", tmp_path, "--json").stdout)
    named = {f["name"]: f["detail"] for f in findings if f["topic"] == "extra"}
    assert set(named) == declared
    assert "spotipy" in named["collect"] and "rapidfuzz" in named["collect"]

    def nothing(package):
        raise PackageNotFoundError(package)

    monkeypatch.setattr(doctor, "_versions", list)
    monkeypatch.setattr(doctor, "version", nothing)
    shown = " ".join(invoke("doctor", tmp_path).stdout.split())
    for extra in declared:
        assert f"pip install 'spdkit[{extra}]'" in shown
