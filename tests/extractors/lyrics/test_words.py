"""Words and sentences in any script, of both kinds."""

from __future__ import annotations

import pytest
import regex
from hypothesis import given, settings, strategies as st

from spdkit.extractors.lyrics.words import sentences, split, unspaced_scripts


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("Don't you rock'n'roll, 'bout 24/7?", ["Don't", "you", "rock'n'roll", "bout", "24", "7"]),
        ("L’amour et l´hiver", ["L'amour", "et", "l'hiver"]),
        ("über-cool snake_case", ["über", "cool", "snake_case"]),
        ("что-то моё", ["что", "то", "моё"]),
        ("м’ята і ніч", ["м'ята", "і", "ніч"]),
        ("θάλασσα, μου!", ["θάλασσα", "μου"]),
        ("사랑해 그리고 안녕", ["사랑해", "그리고", "안녕"]),
        ("さくら、さくら", ["さくら", "さくら"]),
        ("我爱你，你爱我", ["我爱你", "你爱我"]),
        ("حبيبي، يا نور", ["حبيبي", "يا", "نور"]),
        ("שָׁלוֹם עולם", ["שָׁלוֹם", "עולם"]),
        ("नमस्ते दुनिया।", ["नमस्ते", "दुनिया"]),
        ("ฉันรัก เธอ", ["ฉันรัก", "เธอ"]),
        ("♪ ... — 🎵", []),
        ("", []),
    ],
)
def test_words_of_every_script_keep_their_marks_and_apostrophes(line, words):
    assert split(line) == words


def test_word_characters_are_those_of_the_standard_library():
    assert split("Don't stop_it", "word_characters") == ["Don", "t", "stop_it"]
    # Vowel signs and the virama are no \w there: what the design calls broken, and SPD has.
    assert split("नमस्ते", "word_characters") == ["नमस", "त"]


@settings(deadline=None, max_examples=300)
@given(st.text(st.sampled_from("ab'_9 -.é’नि्"), max_size=30))
def test_words_are_what_one_pattern_says(line):
    pattern = r"[\p{L}\p{M}\p{N}_]+(?:'[\p{L}\p{M}\p{N}_]+)*"
    assert split(line) == regex.findall(pattern, line.replace("’", "'"))


def test_sentences_are_lines_with_words_and_equal_ones_count():
    found = sentences("Row the boat\n\n***\nrow  the boat!\nMy boat")
    assert found.counts == {("row", "the", "boat"): 2, ("my", "boat"): 1}
    assert found.total == 3
    assert found.words() == {"row": 2, "the": 2, "boat": 3, "my": 1}


def test_words_keep_their_case_on_demand():
    assert sentences("Row\nrow", lowercase=False).counts == {("Row",): 1, ("row",): 1}


def test_a_last_sigma_is_lower_cased_as_greek_has_it():
    assert list(sentences("ΟΥΡΑΝΟΣ ΣΟΥ").counts) == [("ουρανο\u03c2", "\u03c3ου")]


def test_scripts_without_spaces_are_named():
    assert unspaced_scripts("love, 사랑, любовь") == []
    assert unspaced_scripts("東京へ ไป") == ["Han", "Hiragana", "Thai"]
