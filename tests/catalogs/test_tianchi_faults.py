"""Tianchi's raw logs: rows and files that are refused by name, or left out and told."""

from __future__ import annotations

import logging
import re
import sys

import pytest
from tianchi_log import (
    ACTION_ROWS,
    BY_ARTIST,
    MARCH_1,
    SMALL,
    SONG_ROWS,
    action,
    as_dict,
    refused,
    write,
)

from spdkit.catalogs import CatalogError, tianchi
from spdkit.catalogs.tianchi import Limits, aggregate_logs

# Each fault: a row that has it, and how it is told.
FAULTY = {
    "columns": ("u1,s1,1425168000", "not 5 columns: 'u1,s1,1425168000' in row 2"),
    "user": (f",s1,{MARCH_1},1,20150301", "column 'user_id': empty: row 2"),
    "song": (f"u1,,{MARCH_1},1,20150301", "column 'song_id': empty: row 2"),
    "time": ("u1,s1,1425168000.0,1,20150301", "column 'gmt_create': no .*'1425168000.0' in row 2"),
    "action": (f"u1,s1,{MARCH_1},4,20150301", "column 'action_type': neither .*: '4' in row 2"),
    "date": (f"u1,s1,{MARCH_1},1,20150229", "column 'Ds': no date as YYYYMMDD: '20150229' in row"),
    "day": (action("u1", "s1", 1)[:-2] + "03", "column 'Ds': not the day .*'20150303 for 14251680"),
    "unknown_song": (
        f"u1,s9,{MARCH_1},1,20150301",
        "'song_id': not in the table .*: 's9' in row 2",
    ),
}


@pytest.mark.parametrize("name", FAULTY)
def test_a_faulty_row_is_refused_by_name_or_left_out_and_told(tmp_path, name, caplog):
    row, message = FAULTY[name]
    write(tmp_path, [ACTION_ROWS[0], row, *ACTION_ROWS[1:]])
    error = refused(tmp_path)
    (problem,) = error.problems
    assert re.search(message, problem), problem
    assert problem.startswith(f"{tianchi.ACTIONS}: ")
    assert "rows that cannot be counted: 1;" in str(error) and str(tmp_path) in str(error)
    with caplog.at_level(logging.WARNING):
        found = aggregate_logs(tmp_path, faulty_rows="leave_out", limits=SMALL)
    assert as_dict(found.frame) == BY_ARTIST
    assert found.facts.left_out == {name: 1}
    assert found.facts.remarks[0] == f"{problem}; left out"
    assert caplog.records[0].getMessage() == f"tianchi: {problem}; left out"


@pytest.mark.parametrize(
    ("cells", "fault"),
    [
        ("u1,s1,1425168000,1,20150301,", "columns"),
        ("", "columns"),
        ("u1,s1,,1,20150301", "time"),
        ("u1,s1,-1,1,20150301", "time"),
        ("u1,s1, 1425168000,1,20150301", "time"),
        ("u1,s1,1425168000000000000000,1,20150301", "time"),
        ("u1,s1,1425168000,,20150301", "action"),
        ("u1,s1,1425168000,01,20150301", "action"),
        ("u1,s1,1425168000,1,2015031", "date"),
        ("u1,s1,1425168000,1,2015-03-01", "date"),
        ("u1,s1,1425168000,1,", "date"),
        ("u1,s1,1425168000000,1,20150301", "day"),
        ("u1,s1,1425168000,1,20150227", "day"),
        ('"u1","s1","1425168000","1","20150301"', "time"),
        ("user_id,song_id,gmt_create,action_type,Ds", "time"),
    ],
)
def test_what_is_a_fault(tmp_path, cells, fault):
    write(tmp_path, [*ACTION_ROWS, cells, ACTION_ROWS[0]])
    found = aggregate_logs(tmp_path, faulty_rows="leave_out", limits=SMALL)
    assert found.facts.left_out == {fault: 1}


def test_a_day_next_to_that_of_utc_may_be_that_of_some_time_zone(tmp_path):
    rows = [f"u1,s1,{MARCH_1},1,201503{day:02d}" for day in (1, 2)] + [
        f"u1,s1,{MARCH_1 - 1},1,20150301"
    ]
    found = as_dict(aggregate_logs(write(tmp_path, rows), limits=SMALL).frame)
    assert {key: row[0] for key, row in found.items()} == {("a1", 1): 2, ("a1", 2): 1}
    write(tmp_path, [*rows, f"u1,s1,{MARCH_1},1,20150303"])
    assert "in row 4" in str(refused(tmp_path))
    found = as_dict(aggregate_logs(tmp_path, same_day=False, limits=SMALL).frame)
    assert found["a1", 3][0] == 1


def test_all_faults_are_told_at_once_the_first_rows_of_each(tmp_path):
    rows = [row for row, _ in FAULTY.values()] * 5
    error = refused(write(tmp_path, rows))
    assert len(error.problems) == len(FAULTY)
    assert "rows that cannot be counted: 40;" in str(error)
    told = "'4' in row 5, '4' in row 13, '4' in row 21 and 2 more"
    assert any(problem.endswith(told) for problem in error.problems)
    error = refused(tmp_path, faulty_rows="leave_out")
    assert str(error).endswith("no actions but faulty ones")


@pytest.mark.parametrize(("n", "told"), [(3, "in row 3"), (4, "in row 3 and 1 more")])
def test_three_rows_of_a_fault_are_shown_and_the_rest_counted(tmp_path, n, told):
    (problem,) = refused(write(tmp_path, [FAULTY["action"][0]] * n)).problems
    assert problem.endswith(told)


def test_row_numbers_are_those_of_the_file(tmp_path):
    """Of 400,000 rows, which DuckDB reads in many pieces."""
    rows = [action("u1", "s1", 1)] * 400_000
    for row in (3, 123_457, 399_999):
        rows[row - 1] = f"u1,x{row},{MARCH_1},1,20150301"
    with pytest.raises(CatalogError) as caught:
        aggregate_logs(write(tmp_path, rows), limits=Limits(threads=4))
    assert "'x3' in row 3, 'x123457' in row 123457, 'x399999' in row 399999" in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no actions$"),
        (b"\xffu1,s1,1425168000,1,20150301\n", "lines of text: .*Line: 1 Invalid unicode"),
        (
            b"u1,s1,1425168000,1,20150301\r\nu1,s1,1425168000,1,20150301\n",
            "cannot be read as lines",
        ),
        (b"x" * 3_000_000, "lines of text: .*Maximum line size"),
    ],
    ids=["empty", "bytes", "ends", "long"],
)
def test_what_is_no_log_is_named(tmp_path, content, message):
    error = refused(write(tmp_path, content))
    assert re.search(message, str(error)) and tianchi.ACTIONS in str(error)
    assert len(str(error)) < 500


def test_a_truncated_gzip_file_is_named(tmp_path):
    write(tmp_path, gz=[tianchi.ACTIONS])
    path = tmp_path / f"{tianchi.ACTIONS}.gz"
    path.write_bytes(path.read_bytes()[:-12])
    assert str(refused(tmp_path)).startswith(f"{path}: cannot be read as lines of text")


def test_windows_lines_and_a_byte_order_mark_change_nothing(tmp_path):
    marked = ["\r\n".join([*rows, ""]) for rows in (ACTION_ROWS, SONG_ROWS)]
    write(tmp_path, *(b"\xef\xbb\xbf" + text.encode() for text in marked))
    assert as_dict(aggregate_logs(tmp_path, limits=SMALL).frame) == BY_ARTIST


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("s1,a2,20140101,0,1,1", "'artist_id': another artist .*: 'a2 for s1' in row 4"),
        ("s4,a2,20140101,0,1", "not 6 columns: 's4,a2,20140101,0,1' in row 4"),
        (",a2,20140101,0,1,1", "column 'song_id': empty: row 4"),
        ("s4,,20140101,0,1,1", "column 'artist_id': empty: row 4"),
    ],
)
def test_a_faulty_table_of_songs_is_always_refused(tmp_path, row, message):
    write(tmp_path, songs=[*SONG_ROWS, row])
    for faulty_rows in ("refuse", "leave_out"):
        (problem,) = refused(tmp_path, faulty_rows=faulty_rows).problems
        assert re.search(message, problem) and problem.startswith(tianchi.SONGS)


def test_missing_files_say_where_the_set_is(tmp_path):
    error = refused(tmp_path / "nowhere")
    assert "no such folder" in str(error) and tianchi.SOURCE in str(error)
    assert refused(tmp_path).problems == tuple(
        f"{name}: no such file, nor {name}.gz" for name in (tianchi.ACTIONS, tianchi.SONGS)
    )
    write(tmp_path)
    write(tmp_path, gz=[tianchi.SONGS])
    assert refused(tmp_path).problems == (
        f"{tianchi.SONGS}: there twice, also as {tianchi.SONGS}.gz",
    )
    pair = (tmp_path / tianchi.ACTIONS, tmp_path / "songs.csv")
    assert refused(pair).problems == (f"{tmp_path / 'songs.csv'}: no such file",)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"by": "album"}, "by='album': can be artist, song"),
        ({"fill": "all"}, "fill='all': can be log, series, none"),
        ({"listening": "download"}, "listening='download'"),
        ({"faulty_rows": "skip"}, "faulty_rows='skip'"),
        ({"limits": Limits(memory="lots")}, "memory='lots'"),
        ({"limits": Limits(memory="8MB", threads=1)}, "memory='8MB' with threads=1 does not suff"),
        ({"limits": Limits(threads=0)}, "threads=0: at least 1"),
        ({"limits": Limits(folder="nowhere/at/all")}, "nowhere/at/all: no temporary folder"),
    ],
)
def test_impossible_options_are_named(tmp_path, options, message):
    write(tmp_path)
    with pytest.raises(CatalogError, match=re.escape(message)):
        aggregate_logs(tmp_path, **options)


def test_without_duckdb_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "duckdb", None)
    assert "pip install 'spdkit[forecast]'" in str(refused(write(tmp_path)))
