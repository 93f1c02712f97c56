"""What a track may be made of."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

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


def test_what_cannot_be_read_has_its_reason_in_plain_words(tmp_path, monkeypatch):
    (tmp_path / "whole").write_bytes(b"x")
    (tmp_path / "empty").touch()
    (tmp_path / "link").symlink_to("nowhere")
    os.mkfifo(tmp_path / "pipe")
    reasons = {
        "whole": "",
        "empty": "empty file (0 bytes)",
        "link": "broken link to nowhere",
        "none": "no such file",
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
