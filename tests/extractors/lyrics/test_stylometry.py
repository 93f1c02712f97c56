"""The six features, worked by hand in both profiles."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from spdkit.extractors.lyrics import LyricsExtractor
from spdkit.extractors.lyrics.stylometry import NAMES, index_over_vocabulary, share_of_words
from spdkit.tracks.track import Track

RIVER = "The river runs\nthe river runs\n\nThe moon don't sleep"
FALLING = st.lists(st.integers(1, 9), min_size=1, max_size=30).map(lambda n: sorted(n)[::-1])


def values(lyrics, profile="paper", **parameters):
    extractor = LyricsExtractor(profile, **({"language": "en"} | parameters))
    row = extractor.extract(Track("a song", lyrics=lyrics))
    return dict(zip(NAMES, row.tolist(), strict=True))


def test_the_paper_by_hand():
    found = values(RIVER)
    # the river runs | the river runs | the moon don't sleep
    assert found["n_sentences"] == 3
    assert found["n_words"] == 3 + 3 + 4
    assert found["mean_words_sentence"] == pytest.approx(10 / 3)
    # CMU: the 1, river 2, runs 1, twice: 8; the 1, moon 1, don't 1, sleep 1: 4.
    assert found["mean_syllables_word"] == pytest.approx(12 / 10)
    # The first two are equal. idf: the ln(4/4)+1 = 1; river, runs ln(4/3)+1 = 1.2877; the others
    # ln(4/2)+1 = 1.6931. First and third: 1 / (√(1 + 2·1.6581) · √(1 + 3·2.8667)) = 0.155 < 0.75.
    assert found["sentence_similarity"] == pytest.approx(1 / 3)
    # Stop words: the, don't. river 2, runs 2, moon 1, sleep 1 are 6 words; 85 % are 5.1;
    # 2, 4, 5, 6: four of them reach it. 4 / 6.
    assert found["vocabulary_wealth"] == pytest.approx(4 / 6)


def test_spotgentrack_by_hand():
    found = values(RIVER, "spotgentrack")
    # The river runs | the river runs | The moon don t sleep
    assert found["n_sentences"] == 3
    assert found["n_words"] == 3 + 3 + 5
    # Stop words: the, don, t, but not The, whose case is kept. 3, 2, 3 are left: 8 / 3 = 2.67.
    assert found["mean_words_sentence"] == pytest.approx(2.67)
    # pyphen finds no hyphen in The, river, runs, moon, sleep: 1 each.
    assert found["mean_syllables_word"] == 1.0
    # df: The 2, river 2, runs 2, the others 1; idf ln(4/3)+1 = 1.2877 and ln(4/2)+1 = 1.6931.
    # First and second: 2·1.6581 / (√(3·1.6581) · √(2·1.6581 + 2.8667)) = 0.598 ≥ 0.40.
    # First and third: 1.6581 / (2.2303 · √(1.6581 + 4·2.8667)) = 0.205. Second and third: 0.
    assert found["sentence_similarity"] == pytest.approx(1 / 3)
    # The 2, river 2, runs 2, moon 1, sleep 1 are 8 words; int(0.8·8) = 6; 2, 4, 6 reaches it at
    # index 2, of 5 distinct words: 0.4.
    assert found["vocabulary_wealth"] == pytest.approx(0.4)


def test_syllables_of_spotgentrack_are_hyphens_of_words_that_are_no_stop_words():
    # wa-ter, even-ing, sum-mer, idea (1): 7 / 4 = 1.75; "the" and "and" are left out.
    lyrics = "water and the evening\nthe summer idea"
    assert values(lyrics, "spotgentrack")["mean_syllables_word"] == 1.75
    # CMU: water 2, and 1, the 1, evening 2, the 1, summer 2, idea 3: 12 / 7.
    assert values(lyrics)["mean_syllables_word"] == pytest.approx(12 / 7)


def test_thresholds_of_similarity_differ():
    # idf: sun ln(3/3)+1 = 1, rain the same, moon and star ln(3/2)+1 = 1.4055.
    # cosine 2 / (2 + 1.9754) = 0.503: alike at 0.40, not at 0.75.
    lyrics = "rain sun moon\nrain sun star"
    assert values(lyrics, "spotgentrack")["sentence_similarity"] == 1.0
    assert values(lyrics)["sentence_similarity"] == 0.0
    assert values(lyrics, similarity_threshold=0.5)["sentence_similarity"] == 1.0


def test_means_of_spotgentrack_are_rounded_as_numpy_does():
    # 39 sentences of one word and one of 4: 43 / 40 = 1.075; numpy 1.08, Python's round 1.07.
    lyrics = "\n".join(["rain"] * 39 + ["rain sun moon star"])
    assert round(43 / 40, 2) == 1.07
    assert values(lyrics, "spotgentrack")["mean_words_sentence"] == pytest.approx(1.08)
    assert values(lyrics)["mean_words_sentence"] == pytest.approx(1.075)


@pytest.mark.parametrize(
    ("falling", "paper", "spotgentrack"),
    [
        # 10 words once each: 8.5 are reached by 9, 9/10; 8 is reached at index 7, 7/10.
        ([1] * 10, 9 / 10, 0.7),
        # One word: 3.4 of 4, 1/4; int(3.2) = 3 at index 0, 0/1.
        ([4], 1 / 4, 0.0),
        # 17 of 20 is exactly 85 %: one word, 1/20; int(16) at index 0.
        ([17, 1, 1, 1], 1 / 20, 0.0),
        # 5 words: 4.25 by 5, 5/5; int(4) at index 3, 3/5.
        ([1] * 5, 1.0, 0.6),
        # 6, 9, 10 of 12: 10.2 needs the fourth, 4/12; int(9.6) = 9 at index 1, 1/5.
        ([6, 3, 1, 1, 1], 4 / 12, 0.2),
        # 3 words of 7 at index: int(5.6) = 5: 3, 5: index 1, 1/4 ; 5.95: 3, 5, 6: 3/7.
        ([3, 2, 1, 1], 3 / 7, 0.25),
        # index 2 of 3, 2/3, to two places: int(0.8·3) = 2 at index 1, 1/3 = 0.33.
        ([1, 1, 1], 1.0, 0.33),
    ],
)
def test_wealth_by_hand(falling, paper, spotgentrack):
    assert share_of_words(falling, 0.85) == pytest.approx(paper, abs=1e-15)
    assert index_over_vocabulary(falling, 0.80, 2) == spotgentrack


@settings(deadline=None, max_examples=200)
@given(FALLING, st.floats(0.01, 1.0))
def test_wealth_is_a_share(falling, coverage):
    head = share_of_words(falling, coverage)
    assert 0.0 < head <= len(falling) / sum(falling)
    assert 0.0 <= index_over_vocabulary(falling, coverage) < 1.0
    # The head covers, and one word less does not.
    n = round(head * sum(falling))
    assert sum(falling[:n]) >= coverage * sum(falling) - 1e-6 > sum(falling[: n - 1]) - 2e-6


def test_a_share_that_is_met_exactly_is_met():
    # 55 of 100 are 55 %, though 0.55 · 100 is 55.00000000000001.
    assert 0.55 * 100 > 55
    assert share_of_words([55, 45], 0.55) == 0.01


def test_wealth_of_everything_is_the_share_of_distinct_words():
    assert share_of_words([3, 2, 1], 1.0) == 0.5


@pytest.mark.parametrize("profile", ["paper", "spotgentrack"])
def test_stop_words_alone_have_no_wealth(profile):
    found = values("you and me\nand all that", profile)
    assert (found["n_sentences"], found["n_words"]) == (2, 6)
    assert math.isnan(found["vocabulary_wealth"])
    if profile == "paper":
        assert (found["mean_words_sentence"], found["mean_syllables_word"]) == (3.0, 1.0)
    else:
        assert found["mean_words_sentence"] == 0.0
        assert math.isnan(found["mean_syllables_word"])


@pytest.mark.parametrize("profile", ["paper", "spotgentrack"])
@pytest.mark.parametrize("lyrics", ["[Instrumental]", "♪ ♪\n...", "[Chorus]\n\n7Embed"])
def test_lyrics_without_a_word_have_none_and_nothing_else(profile, lyrics):
    found = values(lyrics, profile)
    assert (found.pop("n_sentences"), found.pop("n_words")) == (0.0, 0.0)
    assert all(math.isnan(value) for value in found.values())


def test_one_sentence_is_similar_to_none():
    assert values("rain and sun and moon")["sentence_similarity"] == 0.0


LINES = st.lists(
    st.sampled_from(
        ["rain and sun", "the rain, rain", "moon don't sleep", "Sun", "la la", "눈 눈"]
    ),
    min_size=2,
    max_size=20,
)


@settings(deadline=None, max_examples=100)
@given(LINES, st.randoms(use_true_random=False), st.sampled_from(["paper", "spotgentrack"]))
def test_the_order_of_lines_changes_nothing(lines, rng, profile):
    shuffled = list(lines)
    rng.shuffle(shuffled)
    a, b = (values("\n".join(each), profile, language=None) for each in (lines, shuffled))
    np.testing.assert_array_equal(list(a.values()), list(b.values()))


@settings(deadline=None, max_examples=50)
@given(st.integers(2, 40), st.sampled_from(["paper", "spotgentrack"]))
def test_the_same_line_again_and_again(n, profile):
    found = values("\n".join(["rain on the river"] * n), profile)
    assert (found["sentence_similarity"], found["n_sentences"]) == (1.0, n)
    assert found["mean_words_sentence"] == (4.0 if profile == "paper" else 2.0)
