"""Tables are read as they are or refused by line, and written whole or not at all."""

from __future__ import annotations

import ast
import csv
import gzip
import io
import os
import sys

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

import spdkit
from spdkit.collect.errors import CollectError
from spdkit.common import table_io
from spdkit.common.errors import SpdkitError
from spdkit.common.table_io import (
    ENDINGS,
    TableError,
    column_names,
    place_of_row,
    read_table,
    table_writer,
    write_table,
)

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
FRAME = pd.DataFrame({"id": ["007", "NA", "A$AP"], "n": [1, 2, 3], "x": [0.5, None, 2.0]})


def written(folder, content, name="t.csv"):
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


# Reading


@pytest.mark.parametrize("ending", ENDINGS)
def test_every_format_gives_the_same_table(ending, tmp_path):
    path = tmp_path / f"SONGS{ending.upper()}"
    write_table(FRAME, path)
    frame = spdkit.read_table(path, text=["id"])
    pd.testing.assert_frame_equal(frame, FRAME)
    assert column_names(path) == ["id", "n", "x"]
    assert list(read_table(path, ["x", "id"], text=["id"]).columns) == ["x", "id"]
    assert place_of_row(path, 1) == ("row 2" if ending in (".parquet", ".pq") else "line 3")
    assert [one.name for one in tmp_path.iterdir()] == [path.name]


def test_text_stays_text_and_numbers_are_numbers(tmp_path):
    path = written(tmp_path, "id,n,note\n007,1,NA\n1e3,,null\n")
    frame = read_table(path, text=["id"])
    assert frame["id"].tolist() == ["007", "1e3"] and frame["note"].tolist() == ["NA", "null"]
    assert frame["n"].tolist()[0] == 1 and frame["n"].isna().tolist() == [False, True]
    assert read_table(path, text=True)["n"].tolist()[0] == "1"
    assert read_table(path)["id"].tolist() == [7, 1000]


def test_bytes_of_excel_and_of_windows_change_nothing(tmp_path):
    plain = read_table(written(tmp_path, 'a,b\n1,"x\ny"\n\n2,é\n'))
    assert plain["b"].tolist() == ["x\ny", "é"]
    other = b"\xef\xbb\xbf" + 'a,b\r\n1,"x\ny"\r\n\r\n2,é'.encode()
    pd.testing.assert_frame_equal(read_table(written(tmp_path, other)), plain)
    assert place_of_row(tmp_path / "t.csv", 1) == "line 5"


def test_a_comma_at_the_end_of_rows_makes_no_index(tmp_path):
    with pytest.raises(TableError, match=r"t\.csv: line 2 has 3 cells and the header 2 \(2 such"):
        read_table(written(tmp_path, "a,b\n1,2,\n3,4,\n"))
    frame = read_table(written(tmp_path, ",a,b\n0,1,2\n1,3,4\n"))
    assert frame.index.tolist() == [0, 1] and frame["a"].tolist() == [1, 3]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "cannot be read as a table: the file is empty"),
        ("\n\n", "cannot be read as a table: the file is empty"),
        ("a,b\n1\n", "line 2 has 1 cells and the header 2 .*needs quotes"),
        ("a,b\n1,2\n1,009,3\n", "line 3 has 3 cells and the header 2"),
        ('a,b\n"x\ny",2\n1,2,3\n', "line 4 has 3 cells and the header 2"),
        ('a,b\n"x","y\n', r"cannot be read as a table: unexpected end.* begins on line 2"),
        ('a,b\n1,2\n"x"y,"2,3"\n', r"cannot be read as a table: .* begins on line 3"),
        ("a,b,a,b\n1,2,3,4\n", "more than one column 'a', 'b': rename"),
        ("b\rb,c\rd\n", "line 2 has 2 cells and the header 1"),
        ("a,c\n1,2\n", "no column 'b'; the columns are a, c"),
        ("a;b\n1;2\n", "no column 'b'; the columns are a;b: all in one, as .* by ';'. A .csv has"),
        ("a\tb\n1\t2\n", r"no column 'b'; .* separated by tabs\. .* a \.tsv tabs: save it as one"),
        ("a;c,d\n1,2\n", "no column 'b'; the columns are a;c, d$"),
        (
            "a,b\n1,2\né,ü\n".encode("latin-1"),
            "cannot be read as a table: line 3 is not UTF-8: save",
        ),
        ("a,b\n1,2\n".encode("utf-16"), "cannot be read as a table: line 1 is not UTF-8"),
    ],
)
def test_what_is_no_table_is_refused_by_line(text, message, tmp_path):
    with pytest.raises(CollectError, match=rf"t\.csv: {message}"):
        read_table(written(tmp_path, text), required=["b"], error=CollectError)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("none.csv", "no such file$"),
        ("folder.csv", "it is a folder"),
        (
            "t.xlsx",
            r"tables are \.csv or \.tsv \(also with \.gz, \.bz2, \.xz, \.zst behind it\) or",
        ),
        ("t.gz", r"by the ending of their name"),
        ("cut.csv.gz", "cannot be read as a table"),
        ("plain.csv.gz", "cannot be read as a table: Not a gzipped file"),
        ("plain.csv.bz2", "cannot be read as a table"),
        ("plain.csv.xz", "cannot be read as a table"),
        ("plain.csv.zst", "cannot be read as a table"),
        ("plain.parquet", "cannot be read as a table"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(name, message, tmp_path):
    (tmp_path / "folder.csv").mkdir()
    for ending in ("csv.gz", "csv.bz2", "csv.xz", "csv.zst", "parquet"):
        written(tmp_path, "a,b\n1,2\n", f"plain.{ending}")
    written(tmp_path, gzip.compress(b"a,b\n1,2\n")[:-9], "cut.csv.gz")
    for read in (read_table, column_names) if name != "cut.csv.gz" else (read_table,):
        with pytest.raises(TableError, match=rf"{name}: .*{message}"):
            read(tmp_path / name)


@pytest.mark.parametrize("address", ["https://x.org/a.csv", "s3://x/a.csv.gz", "HTTP:/x/a.tsv"])
def test_an_address_is_no_file(address):
    with pytest.raises(TableError, match="no such file: this is an address, and files are read"):
        read_table(address)


@pytest.mark.parametrize(("name", "what"), [("t.pq", "Parquet"), ("t.csv.zst", "zst")])
def test_what_needs_pyarrow_says_how_to_get_it(name, what, tmp_path, monkeypatch):
    write_table(FRAME, tmp_path / name)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(TableError, match=rf"{what} needs pyarrow: pip install 'spdkit\[parquet\]'"):
        read_table(tmp_path / name)
    with pytest.raises(TableError, match=rf"{what} needs pyarrow"):
        write_table(FRAME, tmp_path / name)


def test_the_index_of_parquet_is_a_column(tmp_path):
    path = tmp_path / "t.parquet"
    FRAME.set_index(["id", "n"]).to_parquet(path)
    assert set(column_names(path)) == {"id", "n", "x"}
    pd.testing.assert_frame_equal(read_table(path, ["id", "n", "x"]), FRAME)
    FRAME.set_index(np.array([3, 1, 2])).to_parquet(path)
    pd.testing.assert_frame_equal(read_table(path), FRAME)
    assert column_names(path) == ["id", "n", "x"]


CELLS = st.lists(
    st.lists(st.text("ab,\t \"\r\né'", max_size=4), min_size=1, max_size=4), max_size=5
)


@settings(deadline=None, max_examples=300)
@given(rows=CELLS, quoting=st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]))
def test_rows_are_counted_as_a_parser_counts_them(rows, quoting):
    file = io.StringIO(newline="")
    csv.writer(file, lineterminator="\n", quoting=quoting).writerows([["x", "y"], *rows])
    even = all(len(row) == 2 for row in rows)
    if table_io._plainly_even(io.BytesIO(file.getvalue().encode()), ",", 2):
        assert even, "seen as even without parsing"
    elif even:
        plain = not any(set(',\n\r"') & set(cell) for row in rows for cell in row)
        assert not plain, "not seen as even, although nothing needs quotes"


@settings(deadline=None, max_examples=300)
@given(text=st.text('a,"\n\r', max_size=20))
def test_any_text_seen_as_even_is_even_to_a_parser(text):
    content = f"x,y\n{text}"
    if table_io._plainly_even(io.BytesIO(content.encode()), ",", 2):
        rows = list(csv.reader(io.StringIO(content, newline="")))
        assert {len(row) for row in rows} == {2}


# What swells


@pytest.mark.parametrize("ending", [".gz", ".bz2", ".xz", ".zst"])
def test_a_packed_table_that_swells_is_refused(ending, tmp_path, monkeypatch):
    monkeypatch.setattr(table_io, "MAX_UNPACKED", 100_000)
    monkeypatch.setattr(table_io, "MAX_RATIO", 50)
    monkeypatch.setattr(table_io, "_BLOCK", 10_000)
    frame = pd.DataFrame({"a": [0] * 200_000})
    path = tmp_path / f"t.csv{ending}"
    write_table(frame, path)
    limit = max(100_000, 50 * path.stat().st_size)
    assert limit < 400_000
    with pytest.raises(TableError, match=rf"bytes unpack to more than {limit}, .* unpack it first"):
        read_table(path)
    # A table that packs less well has that size too.
    monkeypatch.setattr(table_io, "MAX_RATIO", 100_000)
    assert len(read_table(path)) == 200_000


def test_little_more_than_the_limit_is_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr(table_io, "MAX_UNPACKED", 100_000)
    monkeypatch.setattr(table_io, "MAX_RATIO", 1)
    monkeypatch.setattr(table_io, "_BLOCK", 10_000)

    class Endless(io.BytesIO):
        n_bytes = 0

        def read(self, size=-1):
            self.n_bytes += size
            return bytes(size)

    stream = Endless()
    with pytest.raises(TableError, match="unpack to more than 100000"):
        table_io._unpacked(stream, written(tmp_path, "", "t.csv.gz"), TableError)
    assert stream.n_bytes <= 120_000


def test_parquet_that_states_very_many_rows_is_refused(tmp_path, monkeypatch):
    pq = pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "t.parquet"
    pq.write_table(pq.read_table(written_parquet(tmp_path, 200_000)), path, compression="zstd")
    assert len(read_table(path)) == 200_000
    monkeypatch.setattr(table_io, "MAX_UNPACKED", 100_000)
    monkeypatch.setattr(table_io, "MAX_RATIO", 10)
    with pytest.raises(TableError, match=r"states 200000 rows of 1 columns in \d+ bytes"):
        read_table(path)


def written_parquet(folder, n_rows):
    path = folder / "rows.parquet"
    write_table(pd.DataFrame({"a": [0] * n_rows}), path)
    return path


SHARED = {"store_schema": False, "use_dictionary": True}
BEGUN = {"use_dictionary": False, "column_encoding": "DELTA_BYTE_ARRAY"}
LONG = "a" * 1_000


@pytest.mark.parametrize(
    ("cells", "kind", "options"),
    [
        ([LONG] * 1_000, "string", SHARED),
        ([LONG.encode()] * 1_000, "binary", SHARED),
        ([LONG] * 1_000, "string_view", SHARED),
        ([LONG] * 1_000, "string", BEGUN),
        ([[LONG] * 1_000], "list", SHARED),
        ([[("k", LONG)]] * 1_000, "map", SHARED),
        ([[("k", LONG)]] * 1_000, "map", BEGUN),
        ([{"x": [LONG]}] * 1_000, "struct", SHARED),
        ([LONG.encode()] * 1_000, "fixed", SHARED),
        ([[7] * 250_000], "list of numbers", SHARED),
    ],
)
def test_parquet_that_writes_once_what_stands_in_many_cells_is_refused(
    cells, kind, options, tmp_path, monkeypatch
):
    pq, pa = pytest.importorskip("pyarrow.parquet"), pytest.importorskip("pyarrow")
    text, path = pa.string(), tmp_path / "t.parquet"
    kinds = {
        "string": text,
        "string_view": pa.string_view(),
        "binary": pa.binary(),
        "fixed": pa.binary(1_000),
        "list": pa.list_(text),
        "list of numbers": pa.list_(pa.int32()),
        "map": pa.map_(text, text),
        "struct": pa.struct({"x": pa.list_(text)}),
    }
    table = pa.table({"a": pa.array(cells, kinds[kind]), "n": range(len(cells))})
    if encoding := options.get("column_encoding"):
        leaves = ("a.key_value.key", "a.key_value.value") if kind == "map" else ("a",)
        options = options | {"column_encoding": dict.fromkeys(leaves, encoding)}
    pq.write_table(table, path, compression="zstd", row_group_size=300, **options)
    assert path.stat().st_size < 30_000
    monkeypatch.setattr(table_io, "MAX_RATIO", 1)
    monkeypatch.setattr(table_io, "MAX_UNPACKED", 900_000)
    with pytest.raises(TableError, match=r"which is like no table.* write it as several files"):
        read_table(path)
    # As much as it unpacks to is no more than that: a text counts by its own length.
    monkeypatch.setattr(table_io, "MAX_UNPACKED", 1_050_000)
    assert read_table(path)["n"].tolist() == list(range(len(cells)))


def test_very_many_columns_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(table_io, "MAX_COLUMNS", 3)
    assert read_table(written(tmp_path, "a,b,c\n1,2,3\n")).shape == (1, 3)
    for name in ("t.csv", "t.parquet"):
        path = tmp_path / name
        write_table(pd.DataFrame([[1, 2, 3, 4]], columns=list("abcd")), path)
        with pytest.raises(TableError, match=r"4 columns, and a table may have 3"):
            read_table(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a,b" + "x" * 200 + "\n1,2\n", "more than 100 characters without a line break .* line 1"),
        ("a,b\n1,2\n3," + "x" * 200, "more than 100 characters without a line break .* line 3"),
        ("a,b\n1,2\n3," + "\0" * 5000, "more than 100 characters without a line break .* line 3"),
        ('a,b\n1,2\n"3,4\n' + "5,6\n" * 50, r"is a quote not closed\? .* line 3"),
        ('a,b\n1,2\n"3,4\n' + "5,6\n" * 5, r"unexpected end of data .* line 3"),
    ],
)
def test_a_line_without_end_is_refused_by_its_number(content, message, tmp_path, monkeypatch):
    monkeypatch.setattr(table_io, "MAX_LINE", 100)
    with pytest.raises(TableError, match=message):
        read_table(written(tmp_path, content))


@pytest.mark.parametrize("head", [b"", b"a,b\n1,2\n"])
def test_of_a_hole_of_a_terabyte_little_is_read(head, tmp_path):
    path = written(tmp_path, head)
    os.truncate(path, 1 << 40)
    with pytest.raises(TableError, match="without a line break"):
        read_table(path)


def test_a_cell_of_ten_megabytes_is_read(tmp_path):
    cell = "line\n" * (2 << 20)
    frame = read_table(written(tmp_path, f'a,b\n"{cell}",2\n'))
    assert frame["a"][0] == cell


# Writing


def test_a_file_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").touch()
    for name in ("f.csv", "f.csv.gz", "f.parquet"):
        with pytest.raises(CollectError, match=rf"{name}: cannot be written"):
            write_table(FRAME, tmp_path / "file" / name, error=CollectError)
    with pytest.raises(CollectError, match=r"f\.txt: tables are"):
        write_table(FRAME, tmp_path / "f.txt", error=CollectError)


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
    (tmp_path / "file").touch()
    with (
        pytest.raises(CollectError, match=r"file/table\.csv: cannot be written"),
        table_writer(tmp_path / "file" / "table.csv", ["a"], error=CollectError),
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


@pytest.mark.parametrize("text", ["", "a,a\n1,2\n", "a,b\n1,2,3\n"])
def test_an_error_of_the_callers_kind_is_not_wrapped_again(text, tmp_path):
    class OwnError(SpdkitError, ValueError):
        pass

    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(OwnError) as caught:
        read_table(tmp_path / "t.csv", error=OwnError)
    assert str(caught.value).count("t.csv") == 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a,{}\n1,2\n", "no column 'b'; the columns are a, xxx"),
        ("b,{},{}\n1,2,3\n", "more than one column 'xxx"),
        ("{many}", "the columns are c0, .*, c19 and 4980 more"),
    ],
)
def test_an_error_is_no_longer_for_long_names_or_very_many(content, message, tmp_path):
    many = ",".join(f"c{i}" for i in range(5_000))
    text = content.replace("{}", "x" * 10**6).replace("{many}", many)
    with pytest.raises(TableError, match=message) as raised:
        read_table(written(tmp_path, text), required=["b"])
    assert len(str(raised.value)) < 1_000
