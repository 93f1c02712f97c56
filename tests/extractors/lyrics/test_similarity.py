"""Kappa, against scikit-learn's dense matrix, arithmetic by hand, and in little memory."""

from __future__ import annotations

import math
import tracemalloc
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.metrics.pairwise import cosine_similarity

from spdkit.extractors.lyrics import similarity
from spdkit.extractors.lyrics.similarity import _tfidf, sentence_similarity

WORDS = st.sampled_from(["a", "b", "c", "d", "e", "f", "g", "rain", "sun"])
SENTENCES = st.lists(st.lists(WORDS, min_size=1, max_size=6).map(tuple), min_size=2, max_size=40)


def dense(sentences, smooth_idf=True):
    vectorizer = TfidfVectorizer(analyzer=lambda words: words, smooth_idf=smooth_idf)
    return cosine_similarity(vectorizer.fit_transform(sentences))


def kappa(sentences, threshold=0.75):
    return sentence_similarity(Counter(sentences), threshold)


@settings(deadline=None, max_examples=150)
@given(SENTENCES, st.sampled_from([0.1, 0.4, 0.75, 0.9, 1.0]), st.booleans())
def test_kappa_is_that_of_a_dense_matrix(sentences, threshold, smooth_idf):
    cosines = dense(sentences, smooth_idf)
    above = cosines[np.triu_indices(len(sentences), k=1)]
    found = sentence_similarity(Counter(sentences), threshold, smooth_idf)
    assert found == pytest.approx(np.mean(above >= threshold - 1e-9), abs=1e-15)


def test_kappa_of_many_sentences_is_that_of_a_dense_matrix_too():
    rng = np.random.default_rng(0)
    draws = (rng.zipf(1.5, 7) % 300 for _ in range(700))
    sentences = [tuple(f"w{word}" for word in draw) for draw in draws]
    above = dense(sentences)[np.triu_indices(len(sentences), k=1)]
    for threshold in (0.3, 0.4, 0.75):
        share = np.mean(above >= threshold)
        assert 0 < share < 1
        assert kappa(sentences, threshold) == pytest.approx(share, abs=1e-15)


def test_vectors_are_scikit_learns():
    sentences = [("a", "b", "a"), ("b", "c"), ("c", "d", "e", "e")]
    times = np.array([2, 1, 3])
    ours = _tfidf(sentences, times, True).toarray()
    repeated = [words for words, n in zip(sentences, times, strict=True) for _ in range(n)]
    theirs = TfidfVectorizer(analyzer=lambda words: words).fit_transform(repeated).toarray()
    # Both order the words by their alphabet here.
    np.testing.assert_allclose(ours, theirs[[0, 2, 3]], rtol=1e-14)


@settings(deadline=None, max_examples=100)
@given(SENTENCES, st.randoms(use_true_random=False), st.floats(0.01, 1.0))
def test_kappa_is_a_share_that_no_order_changes(sentences, rng, threshold):
    found = kappa(sentences, threshold)
    assert 0.0 <= found <= 1.0
    shuffled = list(sentences)
    rng.shuffle(shuffled)
    assert kappa(shuffled, threshold) == found


@pytest.mark.parametrize("threshold", [0.1, 0.75, 1.0])
@pytest.mark.parametrize("n", [2, 3, 50])
def test_kappa_of_equal_sentences_is_one(n, threshold):
    assert kappa([("row", "the", "boat")] * n, threshold) == 1.0


def test_kappa_of_one_sentence_or_none_is_zero():
    assert kappa([("a", "b")]) == 0.0
    assert sentence_similarity({}, 0.75) == 0.0


def test_kappa_of_sentences_without_a_common_word_is_zero():
    assert kappa([("a",), ("b",), ("c", "d")], 0.01) == 0.0


def test_the_order_of_words_in_a_sentence_does_not_matter():
    assert kappa([("a", "b", "c"), ("c", "a", "b")], 1.0) == 1.0


def test_a_cosine_of_the_threshold_counts():
    # Each word is in two sentences: all weigh the same, and "abcd", "abce" have 3 of 4 in common,
    # cosine 3/4; "de" has one with each, cosine 1 / (2 · √2) = 0.354. One pair of three.
    sentences = [tuple("abcd"), tuple("abce"), tuple("de")]
    assert kappa(sentences, 0.75) == pytest.approx(1 / 3)
    assert kappa(sentences, 0.7501) == 0.0
    assert kappa(sentences, 0.35) == 1.0


def test_repeated_sentences_count_in_pairs_and_in_the_weights():
    # "ab" three times, "cd" once: 3 of 6 pairs.
    assert kappa([("a", "b")] * 3 + [("c", "d")]) == 0.5
    # "ab" and "ac", n = 2: idf a = ln(3/3) + 1 = 1, b = c = ln(3/2) + 1 = 1.405:
    # cosine 1 / (1 + 1.405²) = 0.336. With "ab" three times, n = 4: a = 1, b = ln(5/4) + 1 = 1.223,
    # c = ln(5/2) + 1 = 1.916: cosine 1 / √((1 + 1.496) · (1 + 3.672)) = 0.293.
    assert kappa([("a", "b"), ("a", "c")], 0.33) == 1.0
    assert kappa([("a", "b")] * 3 + [("a", "c")], 0.33) == 3 / 6
    assert kappa([("a", "b")] * 3 + [("a", "c")], 0.29) == 1.0


def test_five_thousand_sentences_take_little_memory():
    rng = np.random.default_rng(1)
    drawn = rng.integers(0, 3000, (5000, 6))
    sentences = [(f"s{i}", "the", *map(str, row)) for i, row in enumerate(drawn)]
    assert len(set(sentences)) == 5000
    counts = Counter(sentences)
    tracemalloc.start()
    try:
        found = sentence_similarity(counts, 0.75)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert 0.0 <= found <= 1.0
    # A dense matrix of cosines alone takes 200 MB; all of this took 6 MB.
    assert peak < 20e6


def test_pairs_are_counted_in_whole_numbers():
    # 60,000 sentences make 1.8e9 pairs, which 32 bits do not hold.
    counts = {("a",): 30_000, ("b",): 30_000}
    assert sentence_similarity(counts, 0.75) == 2 * math.comb(30_000, 2) / math.comb(60_000, 2)


# --- many sentences


@settings(deadline=None, max_examples=150)
@given(
    SENTENCES, st.sampled_from([0.1, 0.4, 0.75, 0.9, 1.0]), st.booleans(), st.sampled_from([1, 50])
)
def test_pairs_that_may_be_alike_are_all_that_are(sentences, threshold, smooth_idf, block):
    counts = Counter(sentences)
    times = np.fromiter(counts.values(), np.int64)
    vectors = _tfidf(list(counts), times, smooth_idf)
    bound = threshold - 1e-9
    rare = similarity._rare_words(vectors, bound)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(similarity, "_BLOCK", block)
        likely = similarity._of_likely_pairs(vectors, times, bound, rare)
    assert likely == similarity._of_all_pairs(vectors, times, bound)


def distinct(n):
    return Counter((f"w{number}", "x") for number in range(n))


def few_words(n):
    return Counter(
        tuple(f"w{number // 16**place % 16}" for place in range(5)) for number in range(n)
    )


@pytest.fixture
def compared(monkeypatch):
    """How many pairs are compared."""
    pairs = []
    multiply = similarity._cosines

    def counting(vectors, one, other):
        pairs.append(len(one))
        return multiply(vectors, one, other)

    monkeypatch.setattr(similarity, "_cosines", counting)
    monkeypatch.setattr(similarity, "_of_all_pairs", None)
    return pairs


@pytest.mark.parametrize("n", [4000, 20_000])
def test_distinct_lines_with_a_common_word_are_not_compared(n, compared):
    assert sentence_similarity(distinct(n), 0.75) == 0.0
    assert sum(compared) == 0


def test_very_many_lines_of_few_words_are_refused_with_their_number(compared):
    n = similarity.MAX_SENTENCES + 10
    with pytest.raises(ValueError, match=rf"^{n} distinct lines, of which \d+ pairs may be alike"):
        sentence_similarity(few_words(n), 0.4)
    assert not compared
