"""Any bytes: whatever a file holds, it is read, or refused by an ExtractionError."""

from __future__ import annotations

import re

import numpy as np
import pytest
from audio_files import encode, melody, save
from hypothesis import HealthCheck, given, settings, strategies as st

from spdkit.extractors.base import ExtractionError
from spdkit.extractors.decoding.window import read_clip

SOUND = melody(1.2)
MAKERS = {
    **dict.fromkeys(["wav", "flac", "ogg", "mp3", "aiff", "au", "caf", "w64"], save),
    "rf64": lambda path, y: save(path, y, format="RF64"),
    "opus": lambda path, y: save(path, y, 48000),
    "gsm.wav": lambda path, y: save(path, y, 8000, subtype="GSM610"),
    "m4a": lambda path, y: encode(path, y, "aac", "ipod"),
    "frag.m4a": lambda path, y: encode(path, y, "aac", "mp4", movflags="frag_keyframe+empty_moov"),
    "aac": lambda path, y: encode(path, y, "aac", "adts"),
    "wma": lambda path, y: encode(path, y, "wmav2", "asf"),
    "mka": lambda path, y: encode(path, y, "aac", "matroska"),
}
# Python's own words, which tell a user nothing.
RAW = re.compile(r"\b[A-Z]\w+(Error|Exception)\b|has no attribute|out of range|by zero|NoneType")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    for name, make in MAKERS.items():
        make(folder / f"a.{name}", SOUND)
    return folder


def edits():
    """Bytes written over, put in or taken out; most of them where headers are."""
    place = st.one_of(st.integers(0, 63), st.integers(0, 1023), st.integers(0, 2**20))
    values = st.binary(min_size=1, max_size=8) | st.sampled_from([b"\0" * 4, b"\xff" * 4])
    return st.lists(
        st.one_of(
            st.tuples(st.just("over"), place, values),
            st.tuples(st.just("in"), place, values),
            st.tuples(st.just("out"), place, st.integers(1, 5000)),
            st.tuples(st.just("cut"), place, st.none()),
        ),
        min_size=1,
        max_size=4,
    )


def edit(content, changes):
    for kind, place, value in changes:
        at = place % (len(content) + 1)
        if kind == "over":
            content = content[:at] + value + content[at + len(value) :]
        elif kind == "in":
            content = content[:at] + value + content[at:]
        else:
            content = content[:at] + (content[at + value :] if kind == "out" else b"")
    return content


def require_answer(path, content, duration, offset):
    path.write_bytes(content)
    try:
        clip = read_clip(str(path), sr=22050, min_duration=0.1, duration=duration, offset=offset)
    except ExtractionError as error:
        assert not RAW.search(error.reason.replace(str(path), "")), error.reason
    else:
        assert np.isfinite(clip.y).all()


def require_answer_to_a_damaged_file(whole, name, changes, window):
    damaged = edit((whole / f"a.{name}").read_bytes(), changes)
    require_answer(whole / f"x.{name}", damaged, *window)


WINDOWS = st.tuples(st.sampled_from([0.5, None]), st.sampled_from(["middle", "head", 0.3]))
MUTATIONS = {"name": st.sampled_from(sorted(MAKERS)), "changes": edits(), "window": WINDOWS}
SHARED = {"deadline": None, "suppress_health_check": [HealthCheck.function_scoped_fixture]}


@settings(max_examples=150, **SHARED)
@given(**MUTATIONS)
def test_a_damaged_file_is_read_or_refused(name, changes, window, whole):
    require_answer_to_a_damaged_file(whole, name, changes, window)


@pytest.mark.slow
@settings(max_examples=5000, **SHARED)
@given(**MUTATIONS)
def test_5000_damaged_files_are_read_or_refused(name, changes, window, whole):
    require_answer_to_a_damaged_file(whole, name, changes, window)


@settings(max_examples=60, **SHARED)
@given(
    head=st.sampled_from(
        [b"", b"RIFF", b"fLaC", b"OggS\0\2", b"ID3\3", b"\xff\xfb\x90\0", b"FORM"]
    ),
    content=st.binary(max_size=3000),
    suffix=st.sampled_from(["wav", "flac", "ogg", "mp3", "aiff", "m4a", "wma", "raw"]),
)
def test_bytes_by_chance_are_refused(head, content, suffix, tmp_path):
    require_answer(tmp_path / f"x.{suffix}", head + content, None, "head")
