"""Timed lyrics: stamps and marks go, lines come in order of time, each once."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given, settings, strategies as st

from spdkit.tracks import timed_lyrics
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


# --- marks


def test_marks_of_singers_go_and_voices_in_the_background_are_sung():
    text = (
        "[00:01.00]v1: <00:01.00>grey <00:01.30>boats\n[00:05.00]v2:are waiting\n[00:07]F: on\n"
        "[00:08]M:the\n[00:09]D: shore\n[bg: <00:09.50>ooh <00:09.80>ah]\n[00:12][bg:la]\n"
        "[00:13]Mr. X: v1 is here\n[00:14]Dad: come\n"
    )
    assert words(text) == (
        "grey boats\nare waiting\non\nthe\nshore\nooh ah\nla\nMr. X: v1 is here\nDad: come"
    )


def test_what_players_keep_beside_a_line_is_not_sung():
    text = (
        "[00:01.00]grey boats\n[00:01.00][tr:de]graue Boote\n[00:01.00][tt]<0,0><614,5>\n"
        "[00:01.00][fu]<x,0,1>\n[00:02.00][Chorus]\n[00:02.00][tr]zwei\n"
    )
    assert words(text) == "grey boats\n[Chorus]"


@pytest.mark.parametrize(
    "stamps",
    [
        ("[0:01]", "[0:59.9]", "[1:00]", "[61:00]"),
        ("[00:01,50]", "[00:59,00]", "[01:00,25]", "[02:00]"),
        ("[00:00:01.50]", "[00:59:00.00]", "[01:00:00.00]", "[02:00:00.00]"),
        ("[ 00:01.00 ]", "[00:02.000]", "[00:03]", "[00:04:99]"),
    ],
)
def test_every_form_of_stamp(stamps):
    text = "\n".join(f"{stamp} {word}" for stamp, word in zip(stamps, "abcd", strict=True))
    assert words("\n".join(reversed(text.split("\n")))) == "a\nb\nc\nd"


def test_marks_go_from_the_start_alone():
    assert words("[00:01]he said F: no\n[00:02]D:drive on") == "he said F: no\ndrive on"


def test_lines_without_stamps_are_sung_as_often_as_they_are_there():
    """A file without stamps, and stanzas below one stamp each, in two languages."""
    stanza = "la la\nla la\nсерые лодки\ngrey boats\nla la"
    assert sung_words(stanza, timed=True) == (stanza, "")
    assert words(f"[00:01]{stanza}\n[00:09]{stanza}") == f"{stanza}\n{stanza}"
    assert words(f"{stanza}\n[00:09]end") == f"{stanza}\nend"
    assert words("1\n00:00:01,000 --> 00:00:02,000\nla la\nla la") == "la la\nla la"


# --- subtitles

ROLLING = """\
WEBVTT
Kind: captions

NOTE not sung
at all

00:01.000 --> 00:03.000 align:start position:0%

hello<00:00:01.5><c> world</c>

00:03.000 --> 00:03.010
hello world

00:03.010 --> 00:05.000
hello world
next<00:00:04.000><c> &amp; last</c>

00:05.000 --> 00:05.010
next & last
"""


def test_subtitles_of_both_kinds():
    srt = (
        "\ufeff1\r\n00:00:05,000 --> 00:00:06,000\r\n<i>are waiting</i>\r\n{\\an8}on the shore\r\n"
        "2\r\n00:00:01,000 --> 00:00:04,000\r\n<font color='red'>grey</font> boats\r\n\r\n"
    )
    assert words(srt) == "grey boats\nare waiting\non the shore"
    vtt = (
        "WEBVTT\n\nintro\n00:01.000 --> 00:02.000 line:0\n<v Anna>la</v>\n\n"
        "01:00:00.000 --> 01:00:01.000\nla"
    )
    assert words(vtt) == "la\nla"


def test_captions_that_roll_are_each_line_once():
    assert words(ROLLING) == "hello world\nnext & last"


def test_a_chorus_in_subtitles_is_sung_each_time():
    cues = [f"00:0{n}.000 --> 00:0{n + 1}.000\nla la" for n in range(3)]
    assert words("WEBVTT\n\n" + "\n\n".join(cues)) == "la la\nla la\nla la"


def test_lines_with_their_length_in_milliseconds():
    text = (
        "[ti:x]\n[2500,900]<0,300,0>are <300,600,0>waiting\n"
        "[1000,900]grey (1000,400)boats(1400,500)\n"
    )
    assert words(text) == "grey boats\nare waiting"
    assert words("[00:01.00](1000,200,0)la(1200,100,0) la") == "la la"


def test_ttml():
    text = (
        '<?xml version="1.0"?><tt xmlns="http://www.w3.org/ns/ttml"><body><div>\n'
        '<p begin="1.0" end="2.0"><span begin="1.0">grey</span> <span begin="1.4">boats</span>'
        '<span ttm:role="x-translation" xml:lang="de">graue Boote</span></p>\n'
        '<p begin="1:02.5" end="1:03">R&amp;B<span ttm:role="x-bg"><span>(ooh)</span></span></p>'
        '<p begin="2:00"></p></div></body></tt>'
    )
    assert words(text) == "grey boats\nR&B(ooh)"
    assert words("<tt> is sung") == "<tt> is sung"


@pytest.mark.parametrize("text", ["a --> b\nla", "one --> two", "99 --> 98\nla"])
def test_arrows_alone_are_no_subtitles(text):
    assert words(text) == text


# --- lines in one


@pytest.mark.parametrize("sign", [" / ", " // ", " | ", r"\n", r"\r\n"])
def test_a_text_of_one_line_is_parted_where_it_has_many_signs(sign):
    lines = ["grey boats", "are waiting", "on", "the shore"]
    assert sung_words(sign.join(lines)) == (
        "\n".join(lines),
        f"one line, parted where it has {sign.strip()}",
    )
    assert words(sign.join(lines[:2])) == sign.join(lines[:2])
    assert words(sign.join(lines) + "\nanother") == sign.join(lines) + "\nanother"
    assert words(sign.join(lines) + "\ranother") == sign.join(lines) + "\nanother"


# --- very much text


def test_a_line_of_very_many_stamps_is_looked_at_once(monkeypatch):
    looks = []
    seconds = timed_lyrics._seconds
    monkeypatch.setattr(timed_lyrics, "_seconds", lambda *t: looks.append(t) or seconds(*t))
    assert sung_words("[00:01.00] " * 50_000 + "x", timed=True).words == "x"
    assert len(looks) == 50_000


@pytest.mark.timeout(60)
def test_very_many_lines_at_one_time_or_in_one_cue():
    # Of quadratic time each would take hours.
    lines = "".join(f"[00:01.00]б{number}\n" for number in range(60_000))
    assert sung_words("[00:01.00]a\n" + lines, timed=True).words
    cue = "".join(f"l{number}\n" for number in range(60_000))
    rolling = f"00:00:01,000 --> 00:00:01,010\n{cue}\n00:00:02,000 --> 00:00:02,010\n{cue}new\n"
    assert sung_words(rolling).words.endswith("l59999\nnew")


def test_times_that_are_absurd():
    assert sung_words("[9999:99.999]late\n[00:01.00]early", timed=True).words == "early\nlate"
    digits = "9" * 5000
    for text in (f"{digits}:00:01,000 --> 00:00:02,000\nhello", f"[{digits}:00]hello"):
        assert "hello" in sung_words(text).words
