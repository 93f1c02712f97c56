"""What a track may be made of."""

from __future__ import annotations

import datetime
import os
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pytest

from spdkit.common.text import metadata_json
from spdkit.tracks.track import Track, TrackError, open_binary, special_file, unreadable


@pytest.mark.parametrize(
    ("track_id", "reason"),
    [
        ("", "non-empty string, got ''"),
        (None, "non-empty string, got None"),
        ("a\0b", "must not hold NUL"),
        ("\ud800", "valid Unicode"),
    ],
)
def test_an_id_that_no_store_could_hold_is_refused(track_id, reason):
    with pytest.raises(TrackError, match=reason):
        Track(track_id)


def test_audio_is_text_or_a_path():
    assert Track("a", Path("music/a.wav")).audio == "music/a.wav"
    assert Track("a", Path("a.wav")) == Track("a", "a.wav")
    assert Track("a").audio is None
    for audio in (float("nan"), 5, np.nan, b"a.wav", Path(os.fsdecode(b"a")).parts):
        with pytest.raises(TrackError, match="a: audio must be a path or URL, got "):
            Track("a", audio)


def nested(depth):
    return [nested(depth - 1)] if depth else 1


class Textless:
    def __str__(self):
        raise RuntimeError("no text")


circle: dict[str, object] = {}
circle["self"] = [circle]
deep: list[object] = []
for _ in range(100_000):
    deep = [deep]


@pytest.mark.parametrize(
    ("metadata", "reason"),
    [
        (["year"], "must be a mapping, got list"),
        ("", "must be a mapping, got str"),
        (np.zeros(2), "must be a mapping, got ndarray"),
        ({1: 2, "b": 3}, "'<' not supported"),
        ({"a": {1: 2, "b": 3}}, "'<' not supported"),
        ({(1, 2): 3}, "keys must be str, int"),
        ({"a": [{(1, 2): 3}]}, "keys must be str, int"),
        ({"a": 10**6000}, "Exceeds the limit"),
        ({"a": -(10**6000)}, "Exceeds the limit"),
        ({"a": Textless()}, "RuntimeError: no text"),
        (circle, "is circular or more than 100 lists and mappings deep"),
        ({"a": deep}, "is circular or more than 100 lists and mappings deep"),
        ({"a": ({"b": nested(99)},)}, "is circular or more than 100 lists"),
        ({"a": nested(100)}, "is circular or more than 100 lists"),
    ],
)
def test_metadata_that_no_store_could_hold_is_refused(metadata, reason):
    with pytest.raises(TrackError, match=f"x: metadata .*{reason}"):
        Track("x", metadata=metadata)


def test_metadata_is_whatever_json_writes_or_has_a_text():
    """What is written is what is kept: nothing is changed in it."""
    for metadata in (
        {},
        {"a": nested(99), "b": [nested(97)] * 3},
        {"a": 2**64, "b": float("nan"), "c": None, "d": True, "e": "\ud800"},
        {1: 2, 3: {4: 5}},
        {"a": datetime.date(1999, 1, 1), "b": {1}, "c": np.float32(1), "d": b"x"},
        MappingProxyType({"a": (1, [2, {"b": "c"}])}),
    ):
        track = Track("x", metadata=metadata)
        assert track.metadata is metadata
        assert bool(metadata_json(track.metadata)) == bool(metadata)


def test_what_cannot_be_read_has_its_reason_in_plain_words(tmp_path, monkeypatch):
    (tmp_path / "whole").write_bytes(b"x")
    (tmp_path / "empty").touch()
    (tmp_path / "link").symlink_to("nowhere")
    os.mkfifo(tmp_path / "pipe")
    reasons = {
        "whole": "",
        "empty": "empty file (0 bytes)",
        "link": "broken link to nowhere",
        "none": f"no such file: {tmp_path}/none",
        "pipe": "is a named pipe, no file",
        "": "is a folder, not a file",
        "whole/part": "cannot be opened: Not a directory",
        "n" * 300: "cannot be opened: File name too long",
    }
    for name, reason in reasons.items():
        assert unreadable(f"{tmp_path}/{name}") == reason
    assert special_file("/dev/null") == "a device"
    with pytest.raises(OSError, match="is a named pipe, no file"):
        open_binary(f"{tmp_path}/pipe")

    def refuse(*_):
        raise PermissionError

    monkeypatch.setattr("builtins.open", refuse)
    assert unreadable(f"{tmp_path}/whole") == "no permission to read it"
