"""Placeholders: what is no lyrics as a whole, and songs that only sound like it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings, strategies as st

from spdkit.tracks.placeholders import is_instrumental, missing

MISSING = """\
-99|-1|-99.0|-999|NaN|none|N/A|null|Lyrics not available|Lyrics Not Found|No lyrics available
No lyrics found|Lyrics coming soon|Lyrics unavailable
Lyrics are currently not available for this song
You must log in|You must be logged in|Please log in to view lyrics|You must log in to see the lyrics
Lyrics for this song have yet to be released. Please check back once the song has been released.
Sorry, we don't have the lyrics for this song yet.|You'll have to guess the lyrics for this one.
Looks like we don't have the lyrics for this song.|Hmm. We don't know the lyrics for this one.
We are not in a position to display these lyrics due to licensing restrictions.
Unfortunately, we are not licensed to display the full lyrics for this song at the moment.
-|""|[]|404 Not Found|Coming soon|Lyrics TBA|Enable JavaScript and cookies to continue
We don't have the lyrics to this song yet, check back later!|There are no lyrics for this song yet
Sorry! We do not have the lyrics for this song yet.|Could not load lyrics
Lyrics for Grey Boats are not yet available.|Unable to find lyrics|歌詞が見つかりません
抱歉，暂无歌词|未找到歌词|Letra no encontrada|暂无歌词|該歌曲暫無歌詞
Paroles non disponibles|Letra no disponible|Restricted lyrics"""
INSTRUMENTAL = """\
Instrumental|[Instrumental]|(Instrumental)|♪|♪♪ ♫|...|INSTRUMENTAL
**Instrumental**|~ Instrumental ~
This song is an instrumental|This song is an instrumental.|It's instrumental|Instrumental ♪
(This is an instrumental song)|Instrumental track|[Instrumental Intro]|No vocals|No lyrics
纯音乐，请欣赏|此歌曲为没有填词的纯音乐，请您欣赏|純音樂，請欣賞|インストゥルメンタル|歌詞なし|(Strumentale)
Инструментал|Instrumentale|Musica instrumental|Música instrumental|该歌曲为纯音乐
This song has no lyrics"""
SONGS = """\
My instrumental heart|none of us|I don't know the words|99 luftballons|1999|Na na na|la la la
no words can say how much I love you|unknown pleasures|nil by mouth|Tonight|-99 degrees|Nothing
the lyrics of my soul are not for sale|An instrumental part of me|log in, drop out|null and void"""

# What the phrases of an excuse make with other words.
SUNG = """\
Log in to my heart/sign in to continue our love|You must log in to my heart|Sign in, sign in to me
You don't have the lyrics to my song/I can't find the words|I do not know the lyrics of your love
Access denied/access denied to your heart tonight|Access denied/you say
my lyrics are not found in any book/I sing|Missing lyrics of my life|no lyrics found me in the dark
We couldn't find the lyrics/so we hummed|We can't get the lyrics out of our heads
The lyrics will be released like doves|Enable cookies in my jar|Check back later/check back soon
没有歌词的歌/我唱给你听|你是我的纯音乐/我爱你|가사가 없는 노래|歌詞がありませんように願う夜"""


def texts(block):
    return [text for line in block.split("\n") for text in line.split("|")]


@pytest.mark.parametrize("text", texts(MISSING))
def test_what_says_nothing_of_the_song(text):
    assert missing(text).startswith("no lyrics but ")
    assert missing(f"\n {text} \n") and not is_instrumental(text)


def test_a_web_page_is_none_of_any_length():
    page = "<!DOCTYPE html>\n<html><body>" + "grey boats\n" * 200
    assert missing(page) == "no lyrics but a web page"


@pytest.mark.parametrize("text", [*texts(INSTRUMENTAL), "[Instrumental]\n\n[Instrumental]"])
def test_what_says_that_nothing_is_sung(text):
    assert is_instrumental(text) and not missing(text)


@pytest.mark.parametrize(
    "text",
    [*texts(SONGS), "", " \n", "instrumental love\nis all I know", "hi\n[Instrumental]\nbye"],
)
def test_songs_are_songs(text):
    assert not missing(text) and not is_instrumental(text)


@pytest.mark.parametrize("text", texts(SUNG))
def test_songs_of_few_lines_that_hold_the_words_of_an_excuse(text):
    song = text.replace("/", "\n")
    assert not missing(song) and not is_instrumental(song)


@pytest.mark.parametrize("text", texts(MISSING))
def test_one_line_of_another_kind_makes_it_a_song(text):
    assert not missing(f"{text}\nwe sail")


def test_an_excuse_of_several_lines():
    assert missing("Sorry,\nwe don't have the lyrics\nfor this song yet.")
    assert missing("Lyrics not available\n\nPlease check back later.")
    six, seven = "the lyrics\nfor this song yet.", "the\nlyrics\nfor this song yet."
    assert missing(f"Sorry,\nwe\ndon't\nhave\n{six}")
    assert not missing(f"Sorry,\nwe\ndon't\nhave\n{seven}")
    assert is_instrumental("This\nis\nan\ninstrumental\nmusic\ntrack")


def test_more_than_300_characters_are_a_song():
    assert missing("-99".ljust(300)) and not missing("-99".ljust(301))
    assert is_instrumental("(Instrumental)".ljust(300))
    assert not is_instrumental("(Instrumental)".ljust(301))


@pytest.mark.parametrize("text", [*texts(MISSING), *texts(INSTRUMENTAL)])
def test_within_a_song_it_is_a_line(text):
    song = "\n".join(["grey boats are waiting", "we never sail", text, *["the rope is old"] * 5])
    assert not missing(song) and not is_instrumental(song)


@settings(deadline=None, max_examples=200)
@given(st.text(max_size=400))
def test_any_text_is_one_thing(text):
    assert not (missing(text) and is_instrumental(text))
    if not text.strip():
        assert not missing(text) and not is_instrumental(text)
