"""Words of the composed songs: amounts as drawn, well-formed text and times, no word of their own
in choruses, and amounts that a reader of the text finds again."""

import re

import numpy as np
import pytest
import stopwordsiso
from hypothesis import given, settings, strategies as st

from spdkit.synthetic.lyrics import GRAMMARS, SongLyrics, lyrics_amounts, write_lyrics

ENGLISH_STOP_WORDS = stopwordsiso.stopwords("en")


def content_words(text: str) -> list[str]:
    """Words of an English text without headers and stop words, counted by nothing of ours."""
    words = re.findall(r"[a-z]+", re.sub(r"\[.*?\]", "", text).lower())
    return [word for word in words if word not in ENGLISH_STOP_WORDS]


@settings(deadline=None, max_examples=100)
@given(i=st.integers(0, 2000), seed=st.integers(0, 2**40), language=st.sampled_from(list(GRAMMARS)))
def test_every_song_has_its_verses_and_choruses(i, seed, language):
    words = write_lyrics(i, seed, language)
    assert (words.choruses, words.vocabulary) == lyrics_amounts(i, seed)
    names = [name for name, _ in words.sections]
    assert [name for name in names if name != "Chorus"] == ["Verse 1", "Verse 2", "Verse 3"]
    assert names[0] == "Verse 1"
    assert names[-1] == "Chorus"
    assert names.count("Chorus") == words.choruses
    assert all(len(lines) == 4 for _, lines in words.sections)
    assert len(words.lines) == 12 + 4 * words.choruses
    assert not any(re.search(r"[{}\[\]\n]|  ", line) for line in words.lines)


@pytest.mark.parametrize("i", range(0, 60, 3))
def test_the_vocabulary_is_what_an_english_text_holds(i):
    words = write_lyrics(i)
    assert len(set(content_words(words.as_text()))) == words.vocabulary
    verses = "\n".join(line for name, lines in words.sections if name != "Chorus" for line in lines)
    assert len(set(content_words(verses))) == words.vocabulary, "a chorus adds a word"


@pytest.mark.parametrize("language", GRAMMARS)
def test_every_word_that_a_song_has_is_sung(language):
    grammar = GRAMMARS[language]
    vocabulary = [*grammar.a.split(), *grammar.b.split(), *grammar.c.split()]
    assert len(set(vocabulary)) == len(vocabulary) >= 36, "a word is of two kinds"
    for i in range(10):
        words = write_lyrics(i, 0, language)
        text = words.as_text().lower()
        # At least: one word can be within another, as "still" is in "Stille".
        assert sum(word.lower() in text for word in vocabulary) >= words.vocabulary


def test_amounts_are_drawn_evenly():
    drawn = np.array([lyrics_amounts(i, seed=5) for i in range(3000)])
    choruses, n_choruses = np.unique(drawn[:, 0], return_counts=True)
    vocabulary, n_vocabulary = np.unique(drawn[:, 1], return_counts=True)
    assert choruses.tolist() == [1, 2, 3, 4, 5, 6]
    assert vocabulary.tolist() == list(range(6, 37, 3))
    # Counts are binomial: 500 ± 20 and 273 ± 16.
    assert np.abs(n_choruses - 500).max() < 5 * 20
    assert np.abs(n_vocabulary - 273).max() < 5 * 16
    assert abs(np.corrcoef(drawn.T)[0, 1]) < 5 / np.sqrt(3000)


def test_amounts_show_in_what_a_reader_counts():
    songs = [write_lyrics(i) for i in range(200)]
    repeated = [1 - len(set(song.lines)) / len(song.lines) for song in songs]
    wealth = [len(set(w)) / len(w) for w in (content_words(s.as_text()) for s in songs)]
    assert np.corrcoef(repeated, [s.choruses for s in songs])[0, 1] > 0.9
    assert np.corrcoef(wealth, [s.vocabulary for s in songs])[0, 1] > 0.8


def test_text_has_headers_and_blank_lines():
    words = SongLyrics(1, 6, (("Verse 1", ("One", "Two")), ("Chorus", ("Three",))))
    assert words.as_text() == "[Verse 1]\nOne\nTwo\n\n[Chorus]\nThree"


def test_times_are_spread_over_the_song():
    # Three lines in 70 s: at 5 %, 50 % and 95 %, which is 3.5, 35 and 66.5 s.
    words = SongLyrics(1, 6, (("Verse 1", ("One", "Two")), ("Chorus", ("Three",))))
    assert words.as_lrc(70.0, ti="Title", ar="Artist") == (
        "[ti:Title]\n[ar:Artist]\n[00:03.50]One\n[00:35.00]Two\n[01:06.50]Three"
    )


@pytest.mark.parametrize(("seconds", "stamp"), [(59.996, "01:00.00"), (0.004, "00:00.00")])
def test_a_time_is_rounded_as_a_whole(seconds, stamp):
    words = SongLyrics(1, 6, (("Verse 1", ("One",)),))
    assert words.as_lrc(seconds / 0.05) == f"[{stamp}]One"


def test_languages_are_in_their_scripts():
    scripts = {"ru": "[а-яё]", "ja": "[\u3040-\u30ff\u4e00-\u9fff]", "en": "[a-z]"}
    for language, letters in scripts.items():
        text = "".join(write_lyrics(0, 0, language).lines).lower()
        assert not re.sub(rf"{letters}|[ ,、?\-]", "", text)


def test_songs_and_seeds_have_words_of_their_own():
    assert write_lyrics(1, 0) == write_lyrics(1, 0)
    assert len({write_lyrics(i, seed).as_text() for i in range(20) for seed in range(2)}) == 40
