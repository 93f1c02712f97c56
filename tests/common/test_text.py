"""Text: what is written is valid Unicode, and says the same whatever its order."""

from __future__ import annotations

import datetime
import os

from hypothesis import given, strategies as st

from spdkit.common.text import metadata_json, printable, storable


def test_printable_keeps_text_and_escapes_bytes():
    assert printable("café 🎵\n.wav") == "café 🎵\n.wav"
    assert printable(os.fsdecode(b"caf\xe9.wav")) == "caf\\xe9.wav"


def test_what_hdf5_cannot_hold_is_escaped():
    assert storable("a\0b\udce9é") == "a\\x00b\\udce9é"


@given(st.dictionaries(st.text(), st.one_of(st.integers(), st.text(), st.booleans(), st.none())))
def test_metadata_is_one_text_whatever_its_order(metadata):
    assert metadata_json(metadata) == metadata_json(dict(reversed(metadata.items())))


def test_metadata_of_other_types_becomes_text():
    assert metadata_json({"day": datetime.date(2020, 1, 2)}) == '{"day": "2020-01-02"}'
