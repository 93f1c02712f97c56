"""What is not sung goes, what is sung stays."""

from __future__ import annotations

import pytest
from hypothesis import given, settings, strategies as st

from spdkit.extractors.lyrics.cleaning import clean

GENIUS = """\
12 ContributorsA Song of Mine Lyrics[Verse 1: Anna & Ben]
I left my coat beside the door
See Anna LiveGet tickets as low as $42You might also like[Chorus]
Rain, rain, you might also like the rain

[Outro]
so long, so long34Embed"""

LRC = """\
[ar:Anna]
[ti:A Song [Live]]
[offset:+250]
[00:12.00]I left my coat
[00:15.30][01:15.30]beside <00:15.90>the <00:16.20>door
"""


def sung(text):
    return [line for line in clean(text).split("\n") if line.strip()]


def test_a_genius_page_is_its_sung_lines():
    assert sung(GENIUS) == [
        "I left my coat beside the door",
        "Rain, rain, you might also like the rain",
        "so long, so long",
    ]


def test_an_lrc_file_is_its_sung_lines():
    assert sung(LRC) == ["I left my coat", "beside the door"]


@pytest.mark.parametrize(
    "header",
    [
        *("[Chorus]", "[Verse 1: Anna & Ben]", "[?]", "[Instrumental]", "[x2]"),
        *("Chorus", "CHORUS x2", "Verse 2", "verse #2", "Pre-Chorus", "postchorus", "Intro"),
        *("(Chorus)", "(Verse 2: Anna)", "(Bridge)", "(guitar solo)", "  (spoken)  "),
        *("Chorus:", "Hook:", "Bridge 2:", "Guitar solo:", "Verse II:", "Hook x2", "Drop 2"),
        *("You might also like", "Embed", "7Embed", "1.2KEmbed", "EmbedShare URLCopyEmbedCopy"),
        *("See Anna LiveGet tickets as low as €1,042", "\ufeff", "\u200b \u2060"),
        *(
            "Strophe 1:",
            "Coro:",
            "Verse One",
            "{Verse 1}",
            "{Chorus: Anna}",
            "Refrain:",
            "Estrofa 2",
        ),
        *(
            "(Coro)",
            "**Chorus**",
            "~ Bridge ~",
            "【サビ】",
            "Припев:",
            "1. Strophe",
            "副歌：",
            "Vers 2",
        ),
        *(
            "Final chorus:",
            "Repeat Chorus",
            "(repeat chorus x2)",
            "--- Verse 2 ---",
            "Last Chorus:",
        ),
        *("Girl:", "Both:", "女：", "合:", "(男)", "Alle:"),
    ],
)
def test_lines_that_are_not_sung(header):
    assert sung(f"one\n{header}") == ["one"]


@pytest.mark.parametrize(
    "line",
    [
        *("the chorus", "chorus of birds", "bridge", "hook", "break", "solo", "drop", "my verse 2"),
        *("you might also like", "You might also like the sea", "embed", "I Embed you"),
        *("(come back)", "a < b", "see Anna live", "3 contributors", "12 Contributors to the fund"),
        *(
            "9 lives",
            "in 1999",
            "the lyrics of it",
            "Verse one of my life",
            "coro",
            "puente",
            "Vers",
        ),
        *("Both: you and me", "last chorus", "{my heart}", "*sigh*", "all: or nothing", "女人：我"),
        *(
            "男人",
            "合不来",
            "he: so",
            "final verse of the sea",
            "(all)",
            "repeat after me",
            "er: ja",
        ),
    ],
)
def test_lines_that_are_sung(line):
    assert sung(f"one\n{line}\ntwo") == ["one", line, "two"]


@pytest.mark.parametrize(
    ("first", "left"),
    [
        ("3 ContributorsRain Lyrics", []),
        ("1 ContributorRain Lyrics[Verse]", []),
        ("3 ContributorsTranslationsEspañolRain (Live) Lyricsso it rains", ["so it rains"]),
        ("3 ContributorsLyrics of Rain Lyrics", []),
        ("Rain Lyrics[Verse 1]", []),
        ("3 Contributors", []),
    ],
)
def test_titles_of_genius_go_from_the_start_alone(first, left):
    assert sung(f"{first}\ntwo") == [*left, "two"]
    assert sung(f"zero\n{first}\ntwo")[0] == "zero"
    assert len(sung(f"zero\n{first}\ntwo")) == 3


def test_a_first_line_of_lyrics_is_a_title_where_more_says_so():
    assert sung("These are the Lyrics\nI sing") == ["These are the Lyrics", "I sing"]
    assert sung("Rain Lyrics\ntwo") == ["Rain Lyrics", "two"]
    assert sung("Rain Lyrics\ntwo\nYou might also like\nthree") == ["two", "three"]
    assert sung("Rain Lyrics\ntwo12Embed") == sung("Rain Lyrics\ntwo12Embed \n\n") == ["two"]
    assert clean("Rain Lyrics\ntwo", title="rain").split() == ["two"]
    assert clean("More Rain Lyrics\ntwo", title="rain").startswith("More")


def test_debris_glued_to_lines_leaves_both_lines():
    assert sung("come homeYou might also likeNow go") == ["come home", "Now go"]
    assert sung("come home!You might also like\nNow go") == ["come home!", "Now go"]
    assert sung("it rainsSee Anna LiveGet tickets as low as $4") == ["it rains"]


def test_invisible_characters_join_or_part_words():
    assert clean("\ufeffa\u00adb \u202acd\u202c e\u2060f") == "ab cd ef"
    assert clean("می\u200cخواهم") == "میخواهم"  # a joiner is within a word
    assert clean("ฝน\u200bตก") == "ฝน ตก"  # the zero-width space is between two


def test_text_is_composed():
    assert clean("cafe\u0301") == "café"
    assert clean("\u1112\u1161\u11ab") == "한"


HEADERS = """\
pre-chorus verse refrain intro outro interlude bridge strophe kehrreim coro estribillo estrofa verso
puente couplet pont ritornello strofa ponte refrão vers brücke zwrotka refren куплет припев проигрыш
бридж サビ aメロ 후렴 副歌 主歌 hook breakdown
coda drop skit spoken instrumental solo rap ad-libs part teil"""


def test_a_header_in_any_language_goes():
    for word in HEADERS.split():
        assert not sung(f"{word} 2:") and not sung(f"({word})"), word


def test_marks_before_lines_go_and_the_lines_stay():
    assert clean("女：你好\n男: 你好\n男女合：我们\n（合）走").split() == [
        "你好",
        "你好",
        "我们",
        "走",
    ]
    assert clean("Girl: row\nBoy: rain\nBoth: sail").split() == ["row", "rain", "sail"]
    assert clean("M: row\nF: rain").split() == ["row", "rain"]
    assert clean("Refrain: rain\nCoro 2: vamos").split() == ["rain", "vamos"]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\u2028", "\x0c"])
def test_every_line_end_ends_a_line(end):
    assert sung(f"one{end}[Chorus]{end}two") == ["one", "two"]


@settings(deadline=None, max_examples=200)
@given(st.lists(st.sampled_from(["rain", "come home", "don't go", "naïve", "눈"]), max_size=9))
def test_plain_lines_are_left_alone(lines):
    assert clean("\n".join(lines)) == "\n".join(lines)


@pytest.mark.parametrize(
    "text", ["[" * 50_000, "\n" * 50_000, "1" * 50_000, "See " * 20_000 + "Get tickets as low as"]
)
def test_long_nonsense_takes_no_quadratic_time(text):
    # By the suite's time-out: what is quadratic here takes minutes.
    assert clean(text).strip() == text.strip()


# --- pages

ABOUT = "“Boats” closes the second album [of two]\n\nand was written in a day… Read More\xa0"


@pytest.mark.parametrize(
    "head",
    [
        "80 ContributorsTranslationsDeutschBoats Lyrics" + ABOUT.replace("[of two]", ""),
        "80 ContributorsBoats Lyrics\n" + ABOUT.replace("[of two]", "") + "\n[Verse 1]",
        "Boats Lyrics\n“Boats” is a song... Read More",
        "TranslationsDeutschРусскийBoats Lyrics[Verse 1: Anna]",
        *(
            "Lyrics",
            "Lyrics:",
            "作词 : Anna\n作曲 : Ben\n编曲：Ben",
            "Lyrics by: Anna",
            "Written by: A / B",
        ),
    ],
)
def test_heads_of_pages(head):
    assert sung(f"{head}\ngrey boats are waiting\nwe sail") == ["grey boats are waiting", "we sail"]


@pytest.mark.parametrize(
    "tail",
    [
        *(
            "12Embed",
            "Writer(s): Anna, Ben",
            "Songwriters: Anna / Ben\nBoats lyrics © Someone Music",
        ),
        *("Source: Musixmatch", "Lyrics licensed & provided by LyricFind", "Submit Corrections"),
        "...\n\n******* This Lyrics is NOT for Commercial use *******\n(1409618123456)",
    ],
)
def test_tails_of_pages(tail):
    assert sung(f"grey boats are waiting\nwe sail\n{tail}")[:2] == [
        "grey boats are waiting",
        "we sail",
    ]
    assert all(line == "..." for line in sung(f"grey boats\n{tail}")[1:])


@pytest.mark.parametrize(
    "line",
    [
        *(
            "Read More of me",
            "written by the sea",
            "source of all my light",
            "I read: more",
            "OP of love",
        ),
        *(
            "the writers: we",
            "produced by love",
            "words by you",
            "submit to me",
            "曲がり角で",
            "词不达意",
        ),
    ],
)
def test_lines_that_sound_like_pages(line):
    assert sung(f"one\n{line}\ntwo") == ["one", line, "two"]


def test_markup_of_web_pages_goes():
    page = "<p>grey boats<br>are waiting<br />\non the shore</p><i>R&amp;B</i> &lt;3 don&#39;t"
    assert sung(page) == ["grey boats", "are waiting", "on the shore", "R&B <3 don't"]
    assert sung("a < b > c\n<3 you\nAT&T; &so on;") == ["a < b > c", "<3 you", "AT&T; &so on;"]


def test_shows_between_lines():
    text = "grey boats\nSee upcoming pop showsGet tickets for your favorite artists\nwe sail"
    assert sung(text) == ["grey boats", "we sail"]
