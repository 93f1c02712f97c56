"""Tianchi's raw logs: counts by hand and by pandas, days that are filled, files of the result."""

from __future__ import annotations

import logging

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st
from tianchi_log import (
    ACTION_ROWS,
    BY_ARTIST,
    BY_SONG,
    MARCH_1,
    SMALL,
    SONG_ROWS,
    action,
    as_dict,
    date,
    write,
)

from spdkit import catalogs
from spdkit.catalogs import CatalogError, tianchi
from spdkit.catalogs.tianchi import Limits, aggregate_logs, write_daily


@pytest.mark.parametrize("gz", [(), (tianchi.ACTIONS,), (tianchi.ACTIONS, tianchi.SONGS)])
def test_counts_by_artist_by_hand(tmp_path, gz):
    found = aggregate_logs(write(tmp_path, gz=gz), limits=SMALL)
    assert as_dict(found.frame) == BY_ARTIST
    assert (found.facts.n_series, found.facts.n_rows, found.facts.n_filled) == (2, 8, 4)
    assert (found.facts.first, found.facts.last) == (date(1), date(4))
    assert found.facts.left_out == {}
    assert found.facts.remarks == ("days without an action, filled with zeros: 4 of 8",)


def test_counts_by_song_by_hand(tmp_path):
    found = aggregate_logs(write(tmp_path), by="song", limits=SMALL)
    assert as_dict(found.frame) == BY_SONG
    assert found.facts.n_filled == 0 and found.facts.remarks == ()


def test_any_action_can_make_a_listener(tmp_path):
    found = as_dict(aggregate_logs(write(tmp_path), listening="any", limits=SMALL).frame)
    assert {key: row[3] for key, row in found.items() if row[3]} == {
        ("a1", 1): 3,
        ("a1", 3): 1,
        ("a2", 2): 1,
        ("a2", 4): 2,
    }
    assert {key: row[:3] for key, row in found.items()} == {k: r[:3] for k, r in BY_ARTIST.items()}


def test_days_are_filled_within_the_series_the_log_or_not_at_all(tmp_path):
    write(tmp_path)
    days = {"log": (1, 2, 3, 4), "series": (2, 3, 4), "none": (2, 4)}
    for fill, expected in days.items():
        found = aggregate_logs(tmp_path, fill=fill, limits=SMALL)
        rows = as_dict(found.frame)
        assert tuple(day for key, day in rows if key == "a2") == expected
        assert rows == {key: BY_ARTIST[key] for key in rows}
        assert found.facts.n_filled == sum(not any(row) for row in rows.values())
    assert len(aggregate_logs(tmp_path, by="song", fill="log", limits=SMALL).frame) == 12


def test_a_pair_of_files_is_taken_and_names_with_wildcards_are_names(tmp_path):
    """DuckDB would read [1] as a pattern, and the log of another folder."""
    for name, rows in (("log[1]", ACTION_ROWS), ("log1", ACTION_ROWS[:1])):
        (tmp_path / name).mkdir()
        write(tmp_path / name, rows)
    pair = (tmp_path / "log[1]" / tianchi.ACTIONS, tmp_path / "log[1]" / tianchi.SONGS)
    assert as_dict(aggregate_logs(pair, limits=SMALL).frame) == BY_ARTIST


def test_series_without_actions_are_told(tmp_path, caplog):
    write(tmp_path, songs=[*SONG_ROWS, "s4,a3,20140101,0,1,1", SONG_ROWS[0]])
    with caplog.at_level(logging.WARNING):
        found = aggregate_logs(tmp_path, by="song", limits=SMALL)
    assert as_dict(found.frame) == BY_SONG
    remarks = (
        f"{tianchi.SONGS}: rows that repeat an earlier song and its artist, passed over: 1",
        "songs without any action, not in the result: 1 of 4",
    )
    assert found.facts.remarks == remarks
    assert [record.getMessage() for record in caplog.records] == [f"tianchi: {r}" for r in remarks]


USERS, SONGS = st.sampled_from(["u1", "u2", "u3"]), st.sampled_from(["s1", "s2", "s3"])
LOGS = st.lists(
    st.tuples(USERS, SONGS, st.integers(1, 5), st.integers(1, 3)), min_size=1, max_size=40
)


@given(log=LOGS, by=st.sampled_from(["artist", "song"]))
@settings(deadline=None, max_examples=25)
def test_counts_are_those_of_pandas(tmp_path_factory, log, by):
    folder = write(tmp_path_factory.mktemp("log"), [action(*row) for row in log])
    found = as_dict(aggregate_logs(folder, by=by, fill="none", limits=SMALL).frame)
    frame = pd.DataFrame(log, columns=["user", "song", "day", "kind"])
    artist = {"s1": "a1", "s2": "a1", "s3": "a2"}
    frame["key"] = frame["song"].map(artist) if by == "artist" else frame["song"]
    expected = {}
    for key, rows in frame.groupby(["key", "day"]):
        kinds = [int((rows["kind"] == kind).sum()) for kind in (1, 2, 3)]
        expected[key] = (*kinds, rows[rows["kind"] == 1]["user"].nunique())
    assert found == expected


@pytest.mark.slow
def test_more_users_than_fit_into_memory_are_counted_all_the_same(tmp_path):
    """3 million names of 32 bytes, with a day and three counts each, are more than 256 MB."""
    n = 3_000_000
    day = np.arange(n) * 3 // n + 1
    with (write(tmp_path) / tianchi.ACTIONS).open("w") as file:
        file.writelines(action(f"{i:032x}", "s1", d) + "\n" for i, d in enumerate(day.tolist()))
    limits = Limits(memory="256MB", threads=1, folder=tmp_path)
    found = as_dict(aggregate_logs(tmp_path, limits=limits).frame)
    assert found == {("a1", d): (n // 3, 0, 0, n // 3) for d in (1, 2, 3)}
    assert {path.name for path in tmp_path.iterdir()} == {tianchi.ACTIONS, tianchi.SONGS}


# Files of the result


@pytest.mark.parametrize("ending", [".parquet", ".csv", ".csv.gz"])
def test_a_file_holds_what_the_frame_does(tmp_path, ending):
    output = tmp_path / f"it's{ending}"
    output.write_text("old")
    facts = write_daily(write(tmp_path), output, fill="series", limits=SMALL)
    series = aggregate_logs(tmp_path, fill="series", limits=SMALL)
    assert facts == series.facts
    found = pd.read_parquet(output) if ending == ".parquet" else pd.read_csv(output)
    pd.testing.assert_frame_equal(
        found.assign(ds=found["ds"].astype("datetime64[ns]")), series.frame
    )
    if ending == ".csv":
        assert output.read_text().splitlines()[1] == "a1,2015-03-01,5,1,1,2"
    assert len(list(tmp_path.iterdir())) == 3


def test_a_file_that_cannot_be_written_is_named(tmp_path):
    write(tmp_path)
    (tmp_path / "no").touch()
    for output, message in (("daily.txt", "can be .csv,"), ("no/where.csv", "cannot be written")):
        with pytest.raises(CatalogError, match=message) as caught:
            write_daily(tmp_path, tmp_path / output, limits=SMALL)
        assert str(tmp_path / output) in str(caught.value)


MISDATED = f"u1,s1,{MARCH_1},1,20150303"


@pytest.mark.parametrize(
    "options",
    [
        {"by": "song"},
        {"by": "song", "fill": "log"},
        {"fill": "none"},
        {"listening": "any"},
        {"faulty_rows": "leave_out"},
        {"same_day": False},
    ],
)
def test_each_option_reaches_a_file_as_it_does_the_frame(tmp_path, options):
    faulty = {"faulty_rows", "same_day"} & set(options)
    write(tmp_path, [*ACTION_ROWS, *([MISDATED] if faulty else [])])
    facts = write_daily(tmp_path, tmp_path / "daily.parquet", limits=SMALL, **options)
    series = aggregate_logs(tmp_path, limits=SMALL, **options)
    assert facts == series.facts
    found = as_dict(pd.read_parquet(tmp_path / "daily.parquet").astype({"ds": "datetime64[ns]"}))
    assert found == as_dict(series.frame)
    assert found != as_dict(aggregate_logs(write(tmp_path), limits=SMALL).frame) or (
        facts.left_out == {"day": 1}
    )


@pytest.mark.parametrize("call", [write_daily, aggregate_logs])
def test_a_misdated_row_is_refused_unless_it_is_allowed(tmp_path, call):
    write(tmp_path, [*ACTION_ROWS, MISDATED])
    output = [tmp_path / "daily.csv"] if call is write_daily else []
    with pytest.raises(CatalogError, match="'20150303 for 1425168000' in row 13"):
        call(tmp_path, *output, limits=SMALL)
    assert not (tmp_path / "daily.csv").exists()


def test_a_refused_log_leaves_the_old_file(tmp_path):
    (tmp_path / "daily.csv").write_text("old")
    with pytest.raises(CatalogError):
        write_daily(write(tmp_path, ["what"]), tmp_path / "daily.csv", limits=SMALL)
    assert (tmp_path / "daily.csv").read_text() == "old"


def test_it_says_what_it_is_and_is_no_catalog_of_labels():
    texts = (tianchi.TITLE, tianchi.CITATION, tianchi.LICENCE, tianchi.DOWNLOAD_NOTES)
    assert all(text.strip() for text in texts)
    assert tianchi.SOURCE.startswith("https://") and "231531" in tianchi.CITATION
    assert tianchi.ACTIONS in tianchi.DOWNLOAD_NOTES and tianchi.SONGS in tianchi.DOWNLOAD_NOTES
    assert "tianchi" not in catalogs.available()
