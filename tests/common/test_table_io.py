"""Tables are whole or not there."""

from __future__ import annotations

import ast

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spdkit.collect.errors import CollectError
from spdkit.common.table_io import table_writer

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)


def test_a_table_that_fails_leaves_the_old_one(tmp_path):
    path = tmp_path / "table.csv"
    with table_writer(path, ["a"]) as write:
        write({"a": 1})
    before = path.read_bytes()
    assert before == b"a\n1\n"
    with pytest.raises(ZeroDivisionError), table_writer(path, ["a"]) as write:
        write({"a": 2})
        write({"a": 1 // 0})
    assert path.read_bytes() == before
    assert [one.name for one in tmp_path.iterdir()] == ["table.csv"]


def test_a_column_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(KeyError, match="has no columns"), table_writer(tmp_path / "t", []) as write:
        write({"b": 1})


def test_a_place_that_cannot_be_written_is_said(tmp_path):
    with (
        pytest.raises(CollectError, match=r"none/table\.csv: cannot be written"),
        table_writer(tmp_path / "none" / "table.csv", ["a"]),
    ):
        pass


def test_half_of_a_surrogate_pair_is_written_visibly(tmp_path):
    with table_writer(tmp_path / "t.csv", ["a"]) as write:
        write({"a": "x\ud83d"})
    assert (tmp_path / "t.csv").read_text("utf-8") == "a\nx\\ud83d\n"


@settings(
    deadline=None, max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(rows=st.lists(st.tuples(TEXT, st.lists(TEXT, max_size=3)), max_size=5))
def test_what_is_written_is_read_again(tmp_path, rows):
    with table_writer(tmp_path / "t.csv", ["text", "list"], numbered=True) as write:
        for text, words in rows:
            write({"text": text, "list": words})
    frame = pd.read_csv(tmp_path / "t.csv", index_col=0, dtype=str, keep_default_na=False)
    assert list(frame.index.astype(int)) == list(range(len(rows)))
    # Line breaks become newlines: nothing else may change.
    expected = [text.replace("\r\n", "\n").replace("\r", "\n") for text, _ in rows]
    assert list(frame["text"]) == expected
    assert [ast.literal_eval(cell) for cell in frame["list"]] == [words for _, words in rows]
