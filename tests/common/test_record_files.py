"""Files of a record: what cannot be read is named, and facts are those that are declared."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from spdkit.common.record_files import RecordError, declared_facts, reading


@dataclass(frozen=True)
class Record:
    seed: int
    share: float
    table: list[int]


@pytest.mark.parametrize("error", [ValueError("odd"), KeyError("odd"), RecursionError("odd")])
def test_whatever_fails_names_the_file(error):
    words = str(error) if type(error) is ValueError else repr(error)
    with pytest.raises(RecordError) as caught, reading("a.csv"):
        raise error
    assert str(caught.value) == f"a.csv: {words}"


def test_facts_are_those_declared_but_for_other_files():
    facts = {"seed": 3, "share": 0.5}
    assert declared_facts(Record, facts, ("table",)) == facts
    for content in ({"seed": 3}, {**facts, "table": []}, [facts]):
        with pytest.raises(ValueError, match="holds other facts"):
            declared_facts(Record, content, ("table",))
    with pytest.raises(ValueError, match="seed"):
        declared_facts(Record, {"seed": "3", "share": 0.5}, ("table",))
