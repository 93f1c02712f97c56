"""Languages: codes as names carry them, and other endings of names."""

from __future__ import annotations

import pytest

from spdkit.tracks.languages import is_language


@pytest.mark.parametrize("code", ["en", "EN", "eng", "xxx", "und", "zh-Hans", "pt_BR", "es-419"])
def test_codes(code):
    assert is_language(code)


@pytest.mark.parametrize(
    "code", ["", "by", "url", "live", "en-", "en-old", "-US", "english", "e", "1"]
)
def test_other_endings(code):
    assert not is_language(code)
