"""Escapes: text of others in one line that steers nothing, and errors that show it so."""

from __future__ import annotations

import json
import unicodedata

import pytest
from hypothesis import given, strategies as st

from spdkit.catalogs.errors import CatalogError
from spdkit.collect.errors import Refused, Unanswered
from spdkit.common.errors import ParameterError, SpdkitError, SpdkitWarning, UnitWarning
from spdkit.common.escapes import escaped, escaped_json
from spdkit.extractors.base import ExtractionError

EVIL = "\x1b]0;t\x07\x9b2J\x7f\nspdkit: all good\r\u2028\u202eevil\udc80\uffff"
SAFE = r"\x1b]0;t\x07\x9b2J\x7f\nspdkit: all good\r\u2028\u202eevil\udc80\uffff"


def test_what_steers_is_written_as_in_a_literal_and_the_rest_as_it_is():
    assert escaped(EVIL) == SAFE
    # Joiners belong to words and emoji.
    plain = "Beyoncé – क्‍ष 👩‍🎤 نمی‌خواهم ¡Ole! [x] \\n"
    assert escaped(plain) == plain


@given(st.text(st.characters(exclude_categories=())))
def test_no_text_keeps_a_control_a_line_break_or_a_change_of_direction(text):
    shown = escaped(text)
    assert len((shown + "x").splitlines()) == 1
    kinds = {unicodedata.category(character) for character in shown}
    assert not kinds & {"Cc", "Cs", "Zl", "Zp"}
    directions = {unicodedata.bidirectional(character) for character in shown}
    assert not directions & {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
    assert escaped(shown) == shown


@given(st.dictionaries(st.text(), st.text()))
def test_json_means_the_same_and_steers_nothing(content):
    text = escaped_json(json.dumps(content, ensure_ascii=False, indent=1))
    assert json.loads(text) == content
    assert escaped(text.replace("\n", "")) == text.replace("\n", "")


@pytest.mark.parametrize(
    "error",
    [
        SpdkitError(EVIL),
        ParameterError(EVIL),
        SpdkitWarning(EVIL),
        UnitWarning(EVIL),
        CatalogError("two problems", (EVIL,)),
        ExtractionError(EVIL, EVIL),
        Refused("Genius", "/songs", 403, EVIL),
        Unanswered("Genius", "/songs", EVIL),
    ],
    ids=lambda error: type(error).__name__,
)
def test_messages_of_errors_and_warnings_are_escaped(error):
    text = str(error)
    assert SAFE in text
    # A list of problems has line breaks of its own.
    assert escaped(text.replace("\n- ", "")) == text.replace("\n- ", "")
