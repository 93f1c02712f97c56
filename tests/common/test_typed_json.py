"""What JSON holds becomes what fields declare, or is refused by the name of the part."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import pytest

from spdkit.common.typed_json import as_declared


@dataclass(frozen=True)
class Part:
    size: float
    name: str | None
    marks: tuple[str, ...] = ()
    ends: tuple[float, int] = (0.0, 0)
    rest: Any = None


def test_values_are_of_the_declared_types():
    content = {"a": {"size": 1, "name": None, "marks": ["x", "y"], "ends": [math.inf, 2]}}
    parts = as_declared(dict[str, Part], content, "parts")
    assert parts == {"a": Part(1.0, None, ("x", "y"), (math.inf, 2))}
    assert type(parts["a"].size) is float
    whole = {"size": 0.5, "name": "n", "rest": {"any": [1]}}
    assert as_declared(Part, whole, "part") == Part(0.5, "n", rest={"any": [1]})
    assert as_declared(bool, True, "flag") is True


@pytest.mark.parametrize(
    ("part", "message"),
    [
        ({"size": "1"}, r"part\.size must be a number, got '1'"),
        ({"size": True}, r"part\.size must be a number, got True"),
        ({"size": None}, r"part\.size must be a number, got None"),
        ({"size": 10**400}, r"part\.size must be a number, got 1000.*…0+$"),
        ({"name": 1}, r"part\.name must be text, got 1"),
        ({"marks": "xy"}, r"part\.marks must be a list, got 'xy'"),
        ({"marks": ["x", 1]}, r"part\.marks\[1\] must be text, got 1"),
        ({"ends": [1]}, r"part\.ends must be 2 values, got 1"),
        ({"ends": [1, 2.5]}, r"part\.ends\[1\] must be a whole number, got 2\.5"),
        ({"more": 1}, "part lacks, or must not have, 'more'"),
    ],
)
def test_a_part_of_another_type_is_named(part, message):
    with pytest.raises(ValueError, match=message):
        as_declared(Part, {"size": 1, "name": "n", **part}, "part")


def test_what_is_missing_is_named():
    with pytest.raises(ValueError, match="part lacks, or must not have, 'name', 'size'"):
        as_declared(Part, {}, "part")
    for odd in (None, [], "a", 1):
        with pytest.raises(ValueError, match="parts must be an object, got"):
            as_declared(dict[str, Part], odd, "parts")
