"""Text: what is written is valid Unicode, and says the same whatever its order."""

from __future__ import annotations

import datetime
import os

from hypothesis import given, strategies as st

from spdkit.common.text import composed, metadata_json, printable, same_names, storable


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


NFC, NFD = "Caf\xe9", "Cafe\u0301"


def test_names_in_another_unicode_form_are_found_once():
    assert composed(NFD) == composed(NFC) == NFC
    assert same_names([NFD, "tea"], [NFC, "tea"]) == {NFD: NFC}
    assert same_names([NFC], [NFD]) == {NFC: NFD}
    assert same_names([NFD, NFD], [NFC]) == {NFD: NFC}


def test_names_that_stand_in_both_forms_are_themselves():
    assert same_names([NFC, NFD], [NFC]) == {}
    assert same_names([NFD], [NFC, NFD]) == {}
    assert same_names(["tea"], [NFC]) == same_names([NFD], []) == {}
    # Three forms of one name: which of two is meant cannot be known.
    three = ["\u1e69", "s\u0323\u0307", "s\u0307\u0323"]
    assert same_names(three[:1], three[1:]) == same_names(three[1:], three[:1]) == {}
