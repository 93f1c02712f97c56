"""Text: what is written is valid Unicode, and says the same whatever its order."""

from __future__ import annotations

import datetime
import os
import unicodedata

import pytest
from hypothesis import given, settings, strategies as st

import spdkit.common.text
from spdkit.common.text import (
    composed,
    metadata_json,
    normalized,
    printable,
    same_names,
    storable,
    unescaped,
)


def test_printable_keeps_text_and_escapes_bytes():
    assert printable("café 🎵\n.wav") == "café 🎵\n.wav"
    assert printable(os.fsdecode(b"caf\xe9.wav")) == "caf\\xe9.wav"


def test_what_hdf5_cannot_hold_is_escaped():
    assert storable("a\0b\udce9é") == "a\\x00b\\udce9é"


@given(st.dictionaries(st.text(), st.one_of(st.integers(), st.text(), st.booleans(), st.none())))
def test_metadata_is_one_text_whatever_its_order(metadata):
    assert metadata_json(metadata) == metadata_json(dict(reversed(metadata.items())))


def test_metadata_of_other_types_becomes_text():
    assert metadata_json({"title": "é\ud800"}) == '{"title": "é\\ud800"}'
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


# --- Unicode forms and escapes


@settings(deadline=None, max_examples=100)
@given(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=60),
    st.text("a\u0301\u0323\u0315\u0f73\u1100\u1161\uac00\ufb2c", max_size=60),
    st.sampled_from(["NFC", "NFD", "NFKC", "NFKD"]),
)
def test_a_long_text_has_the_form_that_python_gives_it(text, marks, form):
    long = (text + marks) * 50
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(spdkit.common.text, "_LONG", 10)
        assert normalized(form, long) == unicodedata.normalize(form, long)


@pytest.mark.timeout(60)  # Python's own sorting would take hours
@pytest.mark.parametrize("marks", ["\u0315\u0300", "\u0301\u0323", "\u0f73", "\u0345\u0315\u0300"])
def test_a_letter_with_half_a_million_marks(marks):
    many = "a" + marks * (500_000 // len(marks))
    decomposed = normalized("NFD", many)
    classes = list(map(unicodedata.combining, decomposed[1:]))
    assert classes == sorted(classes)
    assert normalized("NFD", decomposed) == decomposed


def test_escapes_of_html():
    assert unescaped("a &amp; b &#65;&#x42;") == "a & b AB"
    # Python refuses to read a number of so many digits.
    assert unescaped("&amp;&#" + "1" * 5000 + ";") == "&\ufffd"
    assert unescaped("&#99999999;") == "\ufffd"
