"""Facts of the composed songs: artists with several songs each, words where they are said to be."""

from collections import Counter
from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from spdkit.synthetic.metadata import song_facts

SEEDS = st.integers(0, 2**40)


@settings(deadline=None, max_examples=30)
@given(block=st.integers(0, 50), seed=SEEDS)
def test_a_block_of_forty_is_dealt_as_stated(block, seed):
    facts = [song_facts(i, seed) for i in range(40 * block, 40 * block + 40)]
    songs = Counter(each.artist.artist_id for each in facts)
    assert sorted(songs.values()) == [2, 2, 3, 3, 4, 4, 5, 5, 6, 6]
    assert Counter(each.lyrics_source for each in facts) == {
        "txt": 14,
        "lrc": 10,
        "tags": 12,
        "none": 4,
    }
    languages = Counter(each.language for each in facts)
    assert languages == {"en": 30, "es": 2, "de": 2, "ru": 1, "ja": 1, "": 4}
    assert all((each.lyrics_source == "none") == (each.language == "") for each in facts)
    # One artist in every tenth of the five decades of followers.
    fame = sorted({np.log10(each.artist.followers) for each in facts})
    for k, value in enumerate(fame):  # followers are whole: up to 0.0022 off at 100 of them
        assert 2 + 0.5 * k - 0.0022 <= value <= 2 + 0.5 * (k + 1) + 0.0022


@settings(deadline=None, max_examples=50)
@given(i=st.integers(0, 2000), seed=SEEDS)
def test_facts_are_in_their_ranges(i, seed):
    facts = song_facts(i, seed)
    assert facts == song_facts(i, seed)
    assert 100 <= facts.artist.followers <= 10**7
    assert facts.artist.popularity is None or 0 <= facts.artist.popularity <= 100
    assert 1 <= facts.available_markets <= 184
    assert date(1995, 1, 1) <= date.fromisoformat(facts.artist.release_date) < date(2025, 1, 1)


def test_artists_have_one_name_and_names_one_artist():
    artists = {song_facts(i).artist for i in range(1600)}
    assert len(artists) == 400
    assert len({artist.artist_id for artist in artists}) == 400
    assert len({artist.name for artist in artists}) == 400
    unknown = sum(artist.popularity is None for artist in artists)
    assert unknown == pytest.approx(40, abs=5 * 6)  # binomial: 40 ± 6


def test_popularity_of_an_artist_goes_with_followers():
    artists = {song_facts(i).artist for i in range(1600)}
    known = [(np.log10(a.followers), a.popularity) for a in artists if a.popularity is not None]
    assert 0.8 < np.corrcoef(np.array(known).T)[0, 1] < 0.97


def test_seeds_deal_anew():
    deals = {tuple(song_facts(i, seed).lyrics_source for i in range(40)) for seed in range(10)}
    assert len(deals) == 10
    assert len({song_facts(0, seed).artist.followers for seed in range(10)}) == 10
