"""Regions of charts: one code for each, by whatever name a chart gives it."""

from __future__ import annotations

import pytest

from spdkit.catalogs.chart_regions import is_market, region_code


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("ph", "PH"),
        (" PH ", "PH"),
        ("Philippines", "PH"),
        ("UNITED STATES", "US"),
        ("uk", "GB"),
        ("United Kingdom", "GB"),
        ("Viet Nam", "VN"),
        ("Vietnam", "VN"),
        ("Türkiye", "TR"),
        ("global", "GLOBAL"),
        ("Worldwide", "GLOBAL"),
        ("na", "NA"),
        ("zz", "ZZ"),
        (" Atlantis", "Atlantis"),
        ("BRA", "BRA"),
    ],
)
def test_names_and_codes(name, code):
    assert region_code(name) == code
    assert region_code(code) == code


@pytest.mark.parametrize(
    ("name", "known"),
    [("ph", True), ("UK", True), ("Viet Nam", True), ("global", True), ("my", True), ("df", False),
     ("zz", False), ("Atlantis", False)],
)  # fmt: skip
def test_markets_that_have_a_chart(name, known):
    assert is_market(name) == known
