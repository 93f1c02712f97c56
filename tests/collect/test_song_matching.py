"""Whether two songs are the same."""

from __future__ import annotations

import pytest
from hypothesis import given, settings, strategies as st

from spdkit.collect.song_matching import match_score, normalised, plain_title


@pytest.mark.parametrize(
    ("title", "plain"),
    [
        ("Blue Hour - Remastered 2011", "Blue Hour"),
        ("Blue Hour - 2011 Remaster", "Blue Hour"),
        ("Blue Hour (2011 Remastered Version)", "Blue Hour"),
        ("Blue Hour (feat. Nobody & Anybody)", "Blue Hour"),
        ("Blue Hour [Ft. Nobody]", "Blue Hour"),
        ("Blue Hour ft. Nobody", "Blue Hour"),
        ("Blue Hour - Radio Edit", "Blue Hour"),
        ("Blue Hour - Live at the Town Hall", "Blue Hour"),
        ("Blue Hour (feat. Nobody) - Single Version", "Blue Hour"),
        # Another song, or a part of the title.
        ("Blue Hour (Part 2)", "Blue Hour (Part 2)"),
        ("Blue Hour - Somebody's Remix", "Blue Hour - Somebody's Remix"),
        ("Live and Let Live", "Live and Let Live"),
        ("Left with Nothing", "Left with Nothing"),
        ("Swift-Footed", "Swift-Footed"),
        ("(Live)", "(Live)"),
    ],
)
def test_what_catalogues_add_to_titles_is_taken_off(title, plain):
    assert plain_title(title) == plain


def test_the_same_song_in_other_letters():
    assert match_score("Où es-tu?", "ZOË & The Bees", "ou es tu", ["Zoe and the Bees"]) == 1.0
    assert match_score("Don’t Go", "X", "DONT GO", ["x"]) == 1.0
    assert match_score("夜に駆ける", "夜", "夜に駆ける", ["夜"]) == 1.0


def test_a_remaster_and_a_guest_are_the_same_song():
    title, hit = "Blue Hour (feat. Nobody) - Remastered 2011", "Blue Hour"
    assert match_score(title, "The Bees", hit, ["The Bees (Ft. Nobody)"]) == 1.0


def test_one_artist_of_several_is_enough():
    assert match_score("Blue Hour", "The Bees", "Blue Hour", ["Nobody & The Bees"]) == 1.0
    assert match_score("Blue Hour", "The Bees", "Blue Hour", ["Quartet", "The Bees"]) == 1.0


def test_a_cover_scores_low():
    assert match_score("Blue Hour", "The Bees", "Blue Hour", ["Quartet No. 7"]) < 0.5


def test_another_song_of_the_artist_scores_low():
    assert match_score("Blue Hour", "The Bees", "Seventeen Sailors", ["The Bees"]) < 0.5


def test_the_score_is_the_smaller_of_the_two():
    # Titles: "blue hour" and "blue hours", 1 insertion on 9 + 10 letters: 18/19 (rapidfuzz's ratio,
    # 2 * matches / length).
    assert match_score("Blue Hour", "X", "Blue Hours", ["X"]) == pytest.approx(18 / 19)


def test_an_unknown_artist_is_not_compared():
    assert match_score("Blue Hour", " ", "Blue Hour", ["Anybody"]) == 1.0
    assert match_score("Blue Hour", "The Bees", "Blue Hour", []) == 0.0


def test_titles_of_punctuation_stay_apart():
    assert normalised("!!!") == "!!!"
    assert match_score("!!!", "X", "???", ["X"]) == 0.0


@settings(deadline=None, max_examples=200)
@given(title=st.text(max_size=40), artist=st.text(max_size=40), other=st.text(max_size=40))
def test_scores_are_between_0_and_1_and_1_for_the_same(title, artist, other):
    assert 0.0 <= match_score(title, artist, other, [other, artist]) <= 1.0
    if normalised(title) and normalised(artist):
        assert match_score(title, artist, title, [artist]) == 1.0
