"""The raw cache: what was received stays, what is broken is said."""

from __future__ import annotations

import json
import os

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from spdkit.collect.errors import CollectError, Refused
from spdkit.collect.response_cache import Entry, ResponseCache

ANSWERS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "raw" / "answers.jsonl"


def test_answers_outlive_the_process_that_received_them(path):
    with ResponseCache(path) as cache:
        cache.put("tracks/1", {"name": "Ünïcode ✓ 音", "half a pair": "\ud83d"})
        cache.put_refusal("tracks/2", Refused("Spotify", "tracks/2", 404, "gone"))
        # Before anything is closed: a kill now must lose nothing.
        lines = path.read_text("utf-8").splitlines()
    assert [json.loads(line)["key"] for line in lines] == ["tracks/1", "tracks/2"]
    with ResponseCache(path) as cache:
        assert cache["tracks/1"] == Entry({"name": "Ünïcode ✓ 音", "half a pair": "\ud83d"})
        assert cache["tracks/2"] == Entry(None, (404, "gone"))
        assert cache.get("tracks/3") is None
        assert (len(cache), cache.remarks) == (2, [])


@settings(
    deadline=None, max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    answers=st.lists(st.tuples(st.text(max_size=5), ANSWERS), max_size=8), cut=st.integers(1, 60)
)
def test_any_tail_may_be_torn_off_and_the_rest_stays(path, answers, cut):
    path.unlink(missing_ok=True)
    with ResponseCache(path) as cache:
        for key, answer in answers:
            cache.put(key, answer)
    whole = path.read_bytes()
    torn = whole[: max(0, len(whole) - cut)]
    path.write_bytes(torn)
    kept = torn.count(b"\n")
    with ResponseCache(path) as cache:
        expected = dict(answers[:kept])
        assert {key: cache[key].response for key in expected} == expected
        assert len(cache) == len(expected)
        assert bool(cache.remarks) == bool(torn and not torn.endswith(b"\n"))
        cache.put("new", 1)
    with ResponseCache(path) as cache:
        assert (cache["new"].response, cache.remarks) == (1, [])
        assert path.read_bytes().startswith(torn[: torn.rfind(b"\n") + 1])


def test_a_half_written_line_is_said(path):
    with ResponseCache(path) as cache:
        cache.put("a", 1)
    with path.open("ab") as file:
        file.write(b'{"key":"b","resp')
    with ResponseCache(path) as cache:
        assert cache.remarks == [f"{path}: cut off a half-written last line (2)"]
        assert "b" not in cache


def test_a_damaged_line_in_the_middle_is_passed_over_and_said(path):
    path.parent.mkdir()
    path.write_bytes(b'{"key":"a","response":1}\n\0\0\0\n{"key":"c","response":3}\n[1]\n')
    with ResponseCache(path) as cache:
        assert cache.remarks == [f"{path}: passed over 2 damaged lines (2, 4)"]
        assert (cache["a"].response, cache["c"].response, len(cache)) == (1, 3, 2)


def test_the_last_answer_counts_and_refusals_can_be_forgotten(path):
    refusal = Refused("Spotify", "b", 403)
    with ResponseCache(path) as cache:
        cache.put("a", 1)
        cache.put("a", 2)
        cache.put_refusal("b", refusal)
        cache.put_refusal("c", refusal)
        cache.put("c", 3)
        cache.put("d", 4)
        cache.put_refusal("d", refusal)
    with ResponseCache(path, forget_refusals=True) as cache:
        assert ("b" in cache, cache["a"].response, cache["c"].response) == (False, 2, 3)
        assert "d" not in cache


def test_a_second_writer_is_kept_out(path):
    with ResponseCache(path), pytest.raises(CollectError, match="another spdkit is writing"):
        ResponseCache(path).__enter__()


def test_a_file_of_somebody_else_is_left_as_it_is(path):
    path.parent.mkdir()
    for content in (b"years of work", b"years\nof\nwork\n", b"\0" * 20, b'{"key":1}\nhalf a li'):
        path.write_bytes(content)
        with pytest.raises(CollectError, match="holds no answers of ours"):
            ResponseCache(path).__enter__()
        assert path.read_bytes() == content


def test_answers_of_earlier_and_later_are_read_in_turns(path):
    with ResponseCache(path) as cache:
        cache.put("a", 1)
    with ResponseCache(path) as cache:
        for number in range(9):
            cache.put(f"{number}", number)
            assert cache["a"].response == 1 and cache[f"{number}"].response == number


def test_nothing_lies_beside_the_answers(path):
    with ResponseCache(path) as cache:
        cache.put("a", 1)
    assert list(path.parent.iterdir()) == [path]
    assert path.read_bytes() == b'{"key":"a","response":1}\n'


def test_a_cache_that_is_not_open_says_so(path):
    with ResponseCache(path) as cache:
        cache.put("a", 1)
    with pytest.raises(CollectError, match=r"answers\.jsonl: the cache is not open"):
        cache["a"]


def test_a_line_that_does_not_fit_is_no_part_of_the_file(path, monkeypatch):
    write = os.write

    def full(handle, data):
        if len(data) > 40:
            return write(handle, data[:10])
        raise OSError(28, "No space left on device")

    with ResponseCache(path) as cache:
        cache.put("a", 1)
        with monkeypatch.context() as patch:
            patch.setattr(os, "write", full)
            with pytest.raises(CollectError, match=r"jsonl: cannot be written: No space"):
                cache.put("b", "words " * 10)
        cache.put("c", 3)
        assert (cache["a"].response, cache["c"].response, "b" in cache) == (1, 3, False)


def test_a_folder_that_cannot_be_made_is_said(tmp_path):
    (tmp_path / "raw").write_text("a file")
    with pytest.raises(CollectError, match=r"raw/answers\.jsonl: cannot be written"):
        ResponseCache(tmp_path / "raw" / "answers.jsonl").__enter__()


def test_lines_go_to_the_disk_in_groups(path, monkeypatch):
    synced = []
    monkeypatch.setattr("spdkit.collect.response_cache.os.fsync", synced.append)
    with ResponseCache(path, group=3) as cache:
        synced.clear()  # its folder, whose entry is new
        counts = []
        for number in range(7):
            cache.put(str(number), number)
            counts.append(len(synced))
        assert counts == [0, 0, 1, 1, 1, 2, 2]
    assert len(synced) == 3
