"""Timed lyrics: stamps and marks go, lines come in order of time, each once."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given, settings, strategies as st

from spdkit.tracks.timed_lyrics import MAX_CHARACTERS, sung_words


def words(text, **options):
    return sung_words(text, **options).words


def test_stamps_and_tags_are_stripped():
    text = (
        "[ti:Harbour]\n[ar: Nobody]\n[offset:+500]\n[length: 02:10]\n[#:a remark]\n\n"
        "[00:01.00]Boats are sleeping\n"
        "[00:05.5] <00:05.50> By <00:06.00> the <00:06.40> quay\n"
        "[00:09]Lan<00:09.50>terns\n"
        "[00:12:34]drawn by [00:13.00] tides\n"
        "[00:15.00]\n"
        "[01:00.000]\tthe end\n"
    )
    assert words(text, timed=True) == (
        "Boats are sleeping\nBy the quay\nLanterns\ndrawn by tides\nthe end"
    )


def test_a_line_with_several_stamps_is_sung_at_each():
    # Sorted by time: 1 s A, 5 s chorus, 9 s B, 65.5 s chorus, 120 s chorus.
    text = "[01:05.50][00:05.00] [02:00]chorus\n[00:01.00]A\n[00:09.00]B\n"
    assert words(text, timed=True) == "A\nchorus\nB\nchorus\nchorus"


def test_fractions_are_decimal_whatever_their_length():
    # .9 s comes after .85 s and .123 s, however many digits there are.
    text = "[00:00.9]third\n[00:00.85]second\n[00:00.123]first\n"
    assert words(text, timed=True) == "first\nsecond\nthird"


def test_lines_of_one_time_keep_their_order():
    text = "[00:02]b\n[00:01]one voice\n[00:01]another\n[00:01]third\n"
    assert words(text, timed=True) == "one voice\nanother\nthird\nb"


def test_a_line_without_a_stamp_belongs_to_the_one_above():
    text = "before\n[00:09]late\n[00:05][00:01]early\nits second line\n"
    assert words(text, timed=True) == (
        "before\nearly\nits second line\nearly\nits second line\nlate"
    )


def test_minutes_may_exceed_an_hour_and_headers_stay():
    assert words("[99:59]b\n[100:00]c\n[9:05]a\n", timed=True) == "a\nb\nc"
    # Headers are the lyrics extractor's to judge.
    assert words("[00:01][Chorus]\n[00:02]la\n[Verse 2: Me]\n", timed=True) == (
        "[Chorus]\nla\n[Verse 2: Me]"
    )


def test_plain_text_stays_and_timed_text_under_a_plain_name_does_not():
    text = "[Chorus]\n  meet me at 10:30\n\n[ar:x] stays\n"
    assert words(text) == "[Chorus]\n  meet me at 10:30\n\n[ar:x] stays"
    assert words("intro\n [00:01.00]words\n") == "intro\nwords"
    assert words("a\r\nb\rc\u2028d\x85e\n\n") == "a\nb\nc\nd\ne"


def test_lines_repeated_without_end_are_refused():
    # 20,000 stamps of a line of 100 characters are 2 MB from 140 kB.
    text = "[00:01]" * 20_000 + "x" * 100
    with pytest.raises(ValueError, match=f"repeated lines that come to more than {MAX_CHARACTERS}"):
        words(text, timed=True)
    stamps = "".join(f"[{second // 60}:{second % 60:02d}]" for second in range(20_000))
    assert words(stamps + "la", timed=True).count("la") == 20_000


stamp = st.builds("[{:02d}:{:02d}.{:d}]".format, *[st.integers(0, 59)] * 2, st.sampled_from([0, 5]))
plain = st.text(alphabet="abc déя星", min_size=1, max_size=8).map(str.split).map(" ".join)


@settings(deadline=None, max_examples=100)
@given(
    st.lists(
        st.tuples(stamp, plain.filter(bool)), min_size=1, max_size=20, unique_by=lambda x: x[0]
    )
)
def test_words_come_out_in_order_of_time(lines):
    text = "\n".join(f"{mark}{line}" for mark, line in lines)
    expected = [line for mark, line in sorted(lines, key=lambda line: line[0])]
    assert words(text, timed=True).split("\n") == expected


@settings(deadline=None, max_examples=200)
@given(st.text(alphabet="[]<>:.0159#ar\n\r \t長", max_size=80), st.booleans())
@example("[00:01", True)
@example("[00:01]<00:02", True)
@example("[9999:99:999]x", True)
def test_no_text_raises_and_no_stamp_is_left_at_a_head(text, timed):
    lines = words(text, timed=timed)
    assert lines == lines.strip()
    if timed:
        assert not re.search(r"^\[\d+:\d{1,2}(\.\d{1,3})?\]", lines, re.MULTILINE | re.ASCII)
        assert "\n\n" not in lines
