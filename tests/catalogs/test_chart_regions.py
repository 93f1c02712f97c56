"""Regions of charts: one code for each, by whatever name a chart gives it."""

from __future__ import annotations

import pytest

from spdkit.catalogs.chart_regions import region_code


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
