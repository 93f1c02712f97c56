"""Triplets of the Taste Profile: imported, resumed, refused, and asked the paper's queries."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
import zipfile
from collections import Counter
from pathlib import Path

import duckdb
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st

from spdkit.catalogs import CatalogError
from spdkit.catalogs.taste_profile import Limits, TasteProfile, import_triplets
from spdkit.common.errors import ParameterError

SMALL = Limits(memory="64MB", threads=1)
# u1: 5 plays (and 300 in one record), u2: 5, u3: 4. Of s1 heard u1, u2, u3; of s2 u1 and u2.
ROWS = [("u1", "s1", 2), ("u1", "s2", 3), ("u1", "s9", 300), ("u2", "s1", 1), ("u2", "s2", 4)]
ROWS += [("u3", "s1", 1), ("u3", "s3", 3)]
TEXT = "".join(f"{user}\t{song}\t{plays}\n" for user, song, plays in ROWS)


def write(path, text=TEXT):
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def imported(tmp_path, text=TEXT, **options):
    summary = import_triplets(
        write(tmp_path / "t.txt", text), tmp_path / "t.duckdb", limits=SMALL, **options
    )
    return summary, TasteProfile.open(tmp_path / "t.duckdb", limits=SMALL)


def refused(call, *arguments, **options):
    with pytest.raises(CatalogError) as caught:
        call(*arguments, **options)
    return str(caught.value)


def records(log, users=("u1", "u2", "u3")):
    return sorted(log.plays(users, max_plays=None).itertuples(index=False, name=None))


def test_the_papers_queries(tmp_path):
    summary, log = imported(tmp_path)
    assert (summary.n_lines, summary.n_records, summary.n_plays) == (7, 7, 314)
    assert (summary.n_over, summary.n_bad, summary.faults, summary.remarks) == (1, 0, {}, ())
    assert log.count() == (3, 3) and log.count(max_plays=None) == (3, 4)
    top = log.top_users(2)
    assert top.to_dict("list") == {"user_id": ["u1", "u2"], "plays": [5, 5], "n_songs": [2, 2]}
    songs = log.shared_songs(["u1", "u2", "u3"], min_users=2)
    assert [*songs.itertuples(index=False, name=None)] == [("s1", 3, 4), ("s2", 2, 7)]
    assert [*log.shared_songs(["u1", "u2", "u3"], min_users=3)["song_id"]] == ["s1"]
    plays = log.plays(top["user_id"], songs["song_id"])
    assert plays["plays"].dtype == "int64"
    tables = {
        user: dict(of[["song_id", "plays"]].to_numpy()) for user, of in plays.groupby("user_id")
    }
    assert tables == {"u1": {"s1": 2, "s2": 3}, "u2": {"s1": 1, "s2": 4}}


def test_records_of_more_plays_count_where_that_is_asked(tmp_path):
    _, log = imported(tmp_path)
    assert log.top_users(1, max_plays=None)["plays"].item() == 305
    assert log.top_users(1, max_plays=300)["plays"].item() == 305
    assert [*log.top_users(3, max_plays=3)["user_id"]] == ["u1", "u3", "u2"]
    assert [*log.plays(["u1"])["song_id"]] == ["s1", "s2"]
    assert [*log.plays(["u1"], max_plays=None)["plays"]] == [2, 3, 300]
    assert [*log.shared_songs(["u1"], min_users=1, max_plays=2)["song_id"]] == ["s1"]


def test_a_record_of_200_plays_is_within_the_limit(tmp_path):
    summary, log = imported(tmp_path, "a\tx\t200\na\ty\t201\n")
    assert summary.n_over == 1
    assert [*log.plays(["a"])["song_id"]] == ["x"]


def test_what_nobody_asked_for_is_told(tmp_path):
    _, log = imported(tmp_path, TEXT + "u1\ts1\t7\n")
    assert "users who are not there: 'u8', 'u9'" in refused(log.plays, ["u9", "u1", "u8"])
    assert "users who are not there: 'u9'" in refused(log.shared_songs, ["u9"])
    assert "3 users, not 4" in refused(log.top_users, 4)
    assert "two records of a user: s1 of u1" in refused(log.plays, ["u1"])
    assert [*log.plays(["u1"], ["s2", "s4"])["song_id"]] == ["s2"]
    assert log.plays(["u1"], []).empty and log.plays([]).empty
    for call in (lambda: log.top_users(0), lambda: log.shared_songs(["u1"], min_users=0)):
        with pytest.raises(ParameterError, match="must be a whole number of at least 1, got 0"):
            call()
    with pytest.raises(ParameterError, match="max_plays must be"):
        log.plays(["u1"], max_plays=0)


MALFORMED = {
    "columns": [b"", b"u1\ts1", b"u1\ts1\t1\t1", b"u1 s1 1", b"u1,s1,1"],
    "user": [b"\ts1\t1", b"\t\t"],
    "song": [b"u1\t\t1"],
    "plays": [
        *(b"u1\ts1\t" + plays for plays in (b"", b"0", b"-1", b"+1", b" 1", b"1 ", b"01", b"1.0")),
        *(b"u1\ts1\t" + plays for plays in (b"1e3", b"1_0", b"x", b"NULL", b"1234567890")),
        *(b'"u1"\t"s1"\t"1"', b"user\tsong\tplays"),
    ],
    "text": [b"\xff\ts1\t1", b"u1\0\ts1\t1", b"u1\rs1\t1"],
}


@pytest.mark.parametrize("part_size", [1 << 20, 1])  # all in one part, and each in its own
def test_malformed_lines_are_left_out_and_told_by_their_numbers(tmp_path, part_size):
    bad = [(fault, line) for fault, lines in MALFORMED.items() for line in lines]
    text = b"".join(b"u1\ts%d\t1\n" % i + line + b"\n" for i, (_, line) in enumerate(bad))
    summary, log = imported(tmp_path, text, max_bad=0.6, part_size=part_size)
    assert summary.faults == {fault: len(lines) for fault, lines in MALFORMED.items()}
    assert (summary.n_lines, summary.n_records) == (2 * len(bad), len(bad))
    assert records(log, ["u1"]) == sorted(("u1", f"s{i}", 1) for i in range(len(bad)))
    lines = log.bad_lines()
    assert [*lines["line"]] == [*range(2, 2 * len(bad) + 1, 2)]
    assert [*lines["fault"]] == [fault for fault, _ in bad]
    assert summary.remarks[0].startswith("not 3 columns: row 2, 'u1\\ts1' in row 4, ")
    assert summary.remarks[0].endswith(" and 2 more")


def test_more_malformed_lines_than_the_stated_share_are_refused_with_their_numbers(tmp_path):
    lines = [f"u{i}\ts\t1" for i in range(100)]
    for i in (9, 19, 29, 39, 49):
        lines[i] = "rubbish"
    text = "\n".join([*lines, ""])
    path, database = write(tmp_path / "t.txt", text), tmp_path / "t.duckdb"
    message = refused(import_triplets, path, database, max_bad=0.049, limits=SMALL)
    assert "5 of the first 100 lines are malformed, more than 0.049 of them (max_bad)" in message
    told = "'rubbish' in row 10, 'rubbish' in row 20, 'rubbish' in row 30 and 2 more"
    assert told in message
    assert {each.name for each in tmp_path.iterdir()} == {"t.txt"}
    summary = import_triplets(path, database, max_bad=0.05, limits=SMALL)
    assert summary.n_bad == 5
    assert summary.remarks == (f"not 3 columns: {told}",)
    assert [*TasteProfile.open(database).bad_lines()["line"]] == [10, 20, 30, 40, 50]


def test_a_share_may_be_allowed_later_and_the_import_goes_on(tmp_path):
    text = TEXT + "rubbish\n" * 3 + "u4\ts1\t1\n"
    path, database = write(tmp_path / "t.txt", text), tmp_path / "t.duckdb"
    options = {"limits": SMALL, "part_size": len(TEXT)}
    assert "3 of the first 11 lines" in refused(import_triplets, path, database, **options)
    summary = import_triplets(path, database, max_bad=0.5, **options)
    assert (summary.resumed_after, summary.n_records, summary.n_bad) == (7, 8, 3)


def stopped_after(n, path, database, **options):
    """An import that is stopped in the part after n parts."""
    done = []

    def progress(n_read, size):
        done.append(n_read)
        assert 0 < n_read <= size == path.stat().st_size
        if len(done) == n:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_triplets(path, database, limits=SMALL, progress=progress, **options)


@pytest.mark.parametrize(("n", "ending"), [(1, ".txt"), (3, ".txt"), (2, ".txt.gz"), (2, ".zip")])
def test_an_import_goes_on_where_it_was_stopped(tmp_path, n, ending):
    path, database = tmp_path / f"t{ending}", tmp_path / "t.duckdb"
    if ending == ".zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("train_triplets.txt", TEXT)
    else:
        write(path, gzip.compress(TEXT.encode()) if ending == ".txt.gz" else TEXT)
    stopped_after(n, path, database, part_size=14)
    assert not database.exists()
    assert "its import was stopped" in refused(TasteProfile.open, database)
    summary = import_triplets(path, database, limits=SMALL, part_size=1000)
    assert 0 < summary.resumed_after < summary.n_lines == 7
    assert records(TasteProfile.open(database)) == sorted(ROWS)
    assert {each.name for each in tmp_path.iterdir()} == {path.name, "t.duckdb"}


def test_what_is_there_already_is_not_imported_again(tmp_path):
    first, _ = imported(tmp_path)
    before = (tmp_path / "t.duckdb").stat()
    os.utime(tmp_path / "t.txt")  # touched, or copied
    again = import_triplets(tmp_path / "t.txt", tmp_path / "t.duckdb", limits=SMALL)
    assert again.resumed_after == again.n_lines == first.n_lines
    assert again.faults == first.faults and again.n_plays == first.n_plays
    assert (tmp_path / "t.duckdb").stat().st_mtime_ns == before.st_mtime_ns


def test_another_text_does_not_take_the_place_of_one(tmp_path):
    imported(tmp_path)
    other = write(tmp_path / "other.txt", TEXT.replace("300", "301"))
    message = refused(import_triplets, other, tmp_path / "t.duckdb", limits=SMALL)
    assert "holds triplets of another file, t.txt of" in message and "other.txt" in message
    stopped_after(1, other, tmp_path / "o.duckdb", part_size=14)
    message = refused(import_triplets, tmp_path / "t.txt", tmp_path / "o.duckdb", limits=SMALL)
    assert "o.duckdb.importing: holds triplets of another file, other.txt" in message


def test_a_text_that_changes_while_it_is_read_is_refused(tmp_path):
    path = write(tmp_path / "t.txt")

    def change(done, total):
        if done >= 14:
            write(path, TEXT + "u4\ts1\t1\n")

    message = refused(
        import_triplets, path, tmp_path / "t.duckdb", limits=SMALL, part_size=14, progress=change
    )
    assert "changed while it was imported" in message
    assert not (tmp_path / "t.duckdb").exists()


def test_a_file_of_another_kind_is_not_opened_or_replaced(tmp_path):
    path = write(tmp_path / "t.txt")
    thesis = write(tmp_path / "thesis.duckdb", b"years of work")
    assert "not a valid DuckDB database" in refused(import_triplets, path, thesis, limits=SMALL)
    assert thesis.read_bytes() == b"years of work"
    with duckdb.connect(str(tmp_path / "own.duckdb")) as connection:
        connection.execute("CREATE TABLE plays AS SELECT 1 AS x")
    for name in ("own.duckdb", "views.duckdb"):
        if name == "views.duckdb":
            imported(tmp_path)
            with duckdb.connect(str(tmp_path / "t.duckdb")) as connection:
                connection.execute("ALTER TABLE plays RENAME TO rows")
                connection.execute("CREATE VIEW plays AS SELECT * FROM rows")
            (tmp_path / "t.duckdb").rename(tmp_path / name)
        before = (tmp_path / name).read_bytes()
        assert "another database" in refused(import_triplets, path, tmp_path / name, limits=SMALL)
        assert "another database" in refused(TasteProfile.open, tmp_path / name)
        assert (tmp_path / name).read_bytes() == before
    assert "no such file" in refused(TasteProfile.open, tmp_path / "nowhere.duckdb")


def test_what_cannot_be_read_is_named(tmp_path):
    database = tmp_path / "t.duckdb"

    def message(path):
        return refused(import_triplets, path, database, limits=SMALL)

    assert "no such file" in message(tmp_path / "nowhere.txt")
    assert "no file" in message(tmp_path)
    assert "no triplets: it is empty" in message(write(tmp_path / "empty.txt", ""))
    long = write(tmp_path / "long.txt", "x" * 200_000)
    told = refused(import_triplets, long, database, limits=SMALL, part_size=1000)
    assert "more than 65536 bytes without a line end" in told
    packed = gzip.compress(TEXT.encode())
    assert "cannot be read to its end" in message(write(tmp_path / "cut.gz", packed[:-9]))
    assert "cannot be read to its end" in message(write(tmp_path / "no.gz", TEXT))
    assert "cannot be read to its end" in message(write(tmp_path / "no.zip", TEXT))
    with zipfile.ZipFile(tmp_path / "two.zip", "w") as archive:
        archive.writestr("a", TEXT)
        archive.writestr("b", TEXT)
    assert "holds 2 files, not one" in message(tmp_path / "two.zip")
    assert not database.exists()
    with pytest.raises(ParameterError, match=r"max_bad must be a number in \[0, 1\), got 1"):
        import_triplets(tmp_path / "t.txt", database, max_bad=1)


def test_windows_lines_a_mark_and_a_last_line_without_an_end_change_nothing(tmp_path):
    text = b"\xef\xbb\xbf" + TEXT.replace("\n", "\r\n").encode().removesuffix(b"\r\n")
    summary, log = imported(tmp_path, text, part_size=17)
    assert summary.n_lines == 7 and summary.n_bad == 0
    assert records(log) == sorted(ROWS)


def test_a_database_in_use_is_named(tmp_path):
    path = write(tmp_path / "t.txt")
    stopped_after(1, path, tmp_path / "t.duckdb", part_size=14)
    code = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print(1, flush=True); input()"
    words = [sys.executable, "-c", code, str(tmp_path / "t.duckdb.importing")]
    with subprocess.Popen(words, stdin=-1, stdout=-1) as other:
        other.stdout.readline()
        message = refused(import_triplets, path, tmp_path / "t.duckdb", limits=SMALL)
        other.communicate(b"\n")
    assert "lock" in message.lower() and "t.duckdb.importing" in message
    assert import_triplets(path, tmp_path / "t.duckdb", limits=SMALL).n_records == 7


def test_without_duckdb_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "duckdb", None)
    message = refused(import_triplets, write(tmp_path / "t.txt"), tmp_path / "t.duckdb")
    assert "pip install 'spdkit[forecast]'" in message


@settings(max_examples=6, deadline=None)
@given(
    st.dictionaries(
        st.tuples(st.sampled_from("abcdef"), st.sampled_from("rstuvwxyz")), st.integers(1, 300)
    ).filter(bool),
    st.integers(20, 200),
)
def test_queries_are_those_of_pandas(tmp_path_factory, plays, part_size):
    rows = [(user, song, n) for (user, song), n in plays.items()]
    text = "".join(f"{user}\t{song}\t{n}\n" for user, song, n in rows)
    _, log = imported(tmp_path_factory.mktemp("log"), text, part_size=part_size)
    frame = pd.DataFrame(rows, columns=["user_id", "song_id", "plays"])
    kept = frame[frame["plays"] <= 200]
    totals = kept.groupby("user_id")["plays"].sum().sort_index()
    totals = totals.sort_values(ascending=False, kind="stable")
    if not len(totals):
        return
    k = min(3, len(totals))
    top = log.top_users(k)
    assert [*top.set_index("user_id")["plays"].items()] == [*totals[:k].items()]
    users = set(top["user_id"])
    heard = Counter(kept[kept["user_id"].isin(users)]["song_id"])
    shared = sorted(song for song, n in heard.items() if n >= 2)
    songs = log.shared_songs(users, min_users=2)
    assert [*songs["song_id"]] == shared
    expected = kept[kept["user_id"].isin(users) & kept["song_id"].isin(shared)]
    found = log.plays(users, songs["song_id"])
    assert sorted(found.itertuples(index=False)) == sorted(expected.itertuples(index=False))


@pytest.mark.data
def test_the_piece_of_the_real_log(tmp_path):
    path = Path(os.environ["SPDKIT_DATA"], "taste_profile", "triplets_part.txt.gz")
    summary = import_triplets(path, tmp_path / "t.duckdb", max_bad=0, limits=SMALL)
    log = TasteProfile.open(tmp_path / "t.duckdb", limits=SMALL)
    frame = pd.read_csv(path, sep="\t", header=None, names=["user_id", "song_id", "plays"])
    assert (summary.n_records, *log.count(max_plays=None)) == (42_739, 1_630, 9_071)
    assert summary.n_over == (frame["plays"] > 200).sum()
    kept = frame[frame["plays"] <= 200]
    users = kept.groupby("user_id")["plays"].sum().nlargest(5)
    top = log.top_users(5)
    assert top.set_index("user_id")["plays"].to_dict() == users.to_dict()
    rows = kept[kept["user_id"].isin(users.index)]
    heard = rows["song_id"].value_counts()
    songs = log.shared_songs(users.index, min_users=2)
    assert set(songs["song_id"]) == set(heard[heard >= 2].index)
    plays = log.plays(users.index, songs["song_id"])
    rows = rows[rows["song_id"].isin(songs["song_id"])].sort_values(["user_id", "song_id"])
    assert plays.to_numpy().tolist() == rows.to_numpy().tolist()
