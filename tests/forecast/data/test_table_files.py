"""Long tables in files: what is read, what is refused, and where it was."""

from __future__ import annotations

import gzip

import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st

from spdkit.forecast.data.checks import ForecastError
from spdkit.forecast.data.long_table import check_frame
from spdkit.forecast.data.panel import Columns
from spdkit.forecast.data.table_files import read_long, read_panel

TWO = "unique_id,ds,y\n007,20150830,3\n007,20150831,4\n"


def written(folder, text, name="plays.csv"):
    path = folder / name
    path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    return path


@pytest.mark.parametrize("name", ["plays.csv", "PLAYS.CSV", "plays.csv.gz"])
def test_ids_stay_text_and_eight_digits_are_dates(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(gzip.compress(TWO.encode()) if name.endswith(".gz") else TWO.encode())
    panel = check_frame(read_long(path))
    assert list(panel.ids) == ["007"]
    assert list(panel.ds) == [pd.Timestamp("2015-08-30"), pd.Timestamp("2015-08-31")]
    assert list(panel.y) == [3.0, 4.0]


@pytest.mark.parametrize(
    ("dates", "freq", "expected"),
    [
        (["1", "2"], None, [1, 2]),
        (["9", "10"], None, [9, 10]),
        (["1.0", "2.0"], None, [1, 2]),
        (["20150830.0", "20150831.0"], None, ["20150830", "20150831"]),
        (["20150830", "20150831"], 1, [20150830, 20150831]),
        (["2015-08-30", "2015-08-31"], None, ["2015-08-30", "2015-08-31"]),
    ],
)
def test_whole_numbers_are_steps_unless_they_are_dates(tmp_path, dates, freq, expected):
    text = "unique_id,ds,y\n" + "".join(f"a,{date},1\n" for date in dates)
    assert list(read_long(written(tmp_path, text), freq=freq)["ds"]) == expected


def test_other_columns_are_left_out_and_names_can_be_others(tmp_path):
    path = written(tmp_path, "\ufeffartist,city,day,plays\nNA,x,2020-01-01,1\nNA,,2020-01-02,2\n")
    frame = read_long(path, Columns("artist", "day", "plays"))
    assert list(frame.columns) == ["artist", "day", "plays"]
    assert list(frame["artist"]) == ["NA", "NA"], "a name, and not a missing one"


def test_parquet_keeps_its_types_and_numbers_that_are_dates_become_dates(tmp_path):
    frame = pd.DataFrame({"unique_id": [7, 7], "ds": [20150830, 20150831], "y": [1, 2], "z": "x"})
    frame.to_parquet(tmp_path / "a.parquet")
    panel = check_frame(read_long(tmp_path / "a.parquet"))
    assert list(panel.ids) == ["7"] and panel.ds[1] == pd.Timestamp("2015-08-31")
    dated = frame.assign(ds=pd.to_datetime(frame["ds"].astype(str)))
    dated.to_parquet(tmp_path / "b.parquet")
    assert list(check_frame(read_long(tmp_path / "b.parquet")).ds) == list(panel.ds)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the file is empty"),
        ("unique_id,ds,y\n", "the table has no rows"),
        ("unique_id;ds;y\na;1;2\n", r"no column 'unique_id', 'ds', 'y'; the columns are uniq"),
        ("unique_id,day,y\na,1,2\n", r"no column 'ds'; the columns are unique_id, day, y\. Say "),
        ("unique_id,ds,y\na,1,2\na,2,many\n", r"line 3: y is 'many', no number \(1 such rows\)"),
        ("unique_id,ds,y\na,1,2\n\na,2,x\n", r"line 4: y is 'x', no number"),
        ("unique_id,ds,y\na,1,2\n,2,3\n", r"line 3: no unique_id \(1 such rows\)"),
        ("unique_id,ds,y\na,1,2\na,,3\n", r"line 3: no ds \(1 such rows\)"),
        ("unique_id,ds,y\na,1,True\na,2,False\n", "column 'y' holds true and false"),
        ('unique_id,ds,y\na,1,2\na,"1\n', "cannot be read as a table: .*begins on line 3"),
        ("unique_id,ds,y\na,1,2\na,1,3,4\n", "line 3 has 4 cells and the header 3"),
        ('unique_id,ds,y\n"a\nb",1,2\na,2,x\n', "line 4: y is 'x'"),
        ("unique_id,ds,y,y\na,1,2,3\n", "more than one column 'y'"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(tmp_path, text, message):
    with pytest.raises(ForecastError, match=rf"plays\.csv.*{message}"):
        read_long(written(tmp_path, text))


def test_an_empty_value_is_left_for_the_check_that_knows_its_date(tmp_path):
    frame = read_long(written(tmp_path, "unique_id,ds,y\na,2020-01-01,1\na,2020-01-02,\n"))
    with pytest.raises(ForecastError, match="series 'a', 2020-01-02: y is nan"):
        check_frame(frame)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("none.csv", "no such file"),
        ("plays.xlsx", r"tables are \.csv or \.tsv .*or \.parquet"),
        ("folder.csv", "it is a folder"),
        ("bytes.csv", "cannot be read as a table"),
        ("bytes.parquet", "cannot be read as a table"),
    ],
)
def test_files_that_are_no_tables_are_refused(tmp_path, name, message):
    (tmp_path / "folder.csv").mkdir()
    for suffix in ("csv", "parquet"):
        (tmp_path / f"bytes.{suffix}").write_bytes(b"unique_id,ds,y\n\xff\xfe,1,2\n")
    with pytest.raises(ForecastError, match=message):
        read_long(tmp_path / name)


def test_three_columns_are_three(tmp_path):
    with pytest.raises(ForecastError, match="3 different columns are needed, got a, b, a"):
        read_long(written(tmp_path, TWO), Columns("a", "b", "a"))


@settings(deadline=None, max_examples=60)
@given(st.text(alphabet='a1,"\n\r;.- \x00é', max_size=60))
def test_any_text_is_read_or_refused_by_name(tmp_path_factory, text):
    path = tmp_path_factory.mktemp("any") / "plays.csv"
    path.write_bytes(f"unique_id,ds,y\n{text}".encode())
    try:
        frame = read_long(path)
    except ForecastError as error:
        assert "plays.csv" in str(error)
    else:
        assert list(frame.columns) == ["unique_id", "ds", "y"] and len(frame)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("unique_id,day,y,{}\na,1,2,3\n", "no column 'ds'; the columns are"),
        ("unique_id,ds,y\na,1,{}\n", "y is 'xxx"),
        ("unique_id,ds,y\na,{},1\n", "series 'a': 'xxx.* is no date"),
        ("unique_id,ds,y\n{},1,2\n{},1,2\n", "series 'xxx"),
    ],
)
def test_an_error_is_no_longer_for_a_long_name_or_cell(content, message, tmp_path):
    path = tmp_path / "t.csv"
    path.write_text(content.replace("{}", "x" * 10**6))
    with pytest.raises(ForecastError, match=message) as raised:
        read_panel(path, freq=1 if "{},1,2" in content else None)
    assert len(str(raised.value)) < 1_000
