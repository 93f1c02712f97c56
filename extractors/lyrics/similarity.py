"""Similarity of the sentences of a song: kappa, Algorithm 1 of the HitMusicNet paper.

Conventions
-----------
Sentences are bags of words, weighted by scikit-learn's smooth TF-IDF over the sentences of the one
song; two are alike when the cosine of their vectors reaches a threshold. Equal sentences are
compared once and counted as often as they occur, and the comparisons go in blocks of rows, so that
memory grows with the number of words and never with the square of the number of lines.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate, chain

import numpy as np
import sklearn
from numpy.typing import NDArray
from scipy import sparse
from sklearn.feature_extraction.text import TfidfTransformer

_FEW = 1000  # sentences that are compared with one another without looking for a quicker way
# Where all sentences are compared with all, 32 at a time, more of them when they are few, so that
# the cosines take 256 KiB, or 256 bytes a sentence; fewer when they have very many words.
_ROWS, _NUMBERS, _MOST_NUMBERS = 32, 1 << 15, 1 << 22
_BLOCK = 1 << 20  # pairs at a time where those that may be alike are compared: some 100 MB
_QUICKER = 30  # cosines of all with all in the time of one that is picked
# Distinct sentences that are compared with one another whatever they are, and pairs to pick of
# more: each some tenths of a second. A song has up to some hundreds of sentences.
MAX_SENTENCES, MAX_PAIRS = 10_000, 1 << 22
_ROUND_OFF = 1e-9  # by which a cosine may fall short of the threshold and still reach it


def sentence_similarity(
    counts: Mapping[tuple[str, ...], int], threshold: float, smooth_idf: bool = True
) -> float:
    """Share of the pairs of sentences that are alike.

    Parameters
    ----------
    counts : mapping of tuple of str to int
        Distinct sentences, as their words, and how often each occurs.
    threshold : float
        Cosine from which two sentences are alike, above 0 and at most 1.
    smooth_idf : bool
        Whether one is added to the numbers of sentences in the logarithm.

    Returns
    -------
    float
        Kappa in [0, 1]: 1 when all sentences are the same; 0 for one sentence, or none.

    Raises
    ------
    ValueError
        When of more than `MAX_SENTENCES`, all different, more than `MAX_PAIRS` may be alike.

    References
    ----------
    .. [1] HitMusicNet paper, Algorithm 1.
    """
    times = np.fromiter(counts.values(), dtype=np.int64, count=len(counts))
    total = int(times.sum())
    if total < 2:
        return 0.0
    alike = int((times * (times - 1)).sum()) // 2  # equal sentences among themselves
    if len(times) > 1:
        vectors = _tfidf(list(counts), times, smooth_idf)
        alike += _pairs_alike(vectors, times, threshold - _ROUND_OFF)
    return alike / (total * (total - 1) // 2)


def _tfidf(
    sentences: Sequence[tuple[str, ...]], times: NDArray[np.int64], smooth_idf: bool
) -> sparse.csr_array:
    """Unit vectors of the distinct sentences, shape (n_distinct, n_words)."""
    codes: dict[str, int] = {}
    columns = [codes.setdefault(word, len(codes)) for word in chain.from_iterable(sentences)]
    ends = list(accumulate(map(len, sentences), initial=0))
    shape = (len(sentences), len(codes))
    vectors = sparse.csr_array((np.ones(len(columns)), columns, ends), shape=shape)
    vectors.sum_duplicates()  # to how often each word occurs in a sentence
    every = vectors[np.repeat(np.arange(len(times)), times)] if times.max() > 1 else vectors
    idf = TfidfTransformer(smooth_idf=smooth_idf)
    # It would check our own matrix, which takes half of its time.
    with sklearn.config_context(skip_parameter_validation=True, assume_finite=True):
        vectors.data *= idf.fit(every).idf_[vectors.indices]
    lengths = np.sqrt(np.add.reduceat(vectors.data**2, vectors.indptr[:-1]))
    vectors.data /= np.repeat(lengths, np.diff(vectors.indptr))
    return vectors


def _pairs_alike(vectors: sparse.csr_array, times: NDArray[np.int64], threshold: float) -> int:
    """Number of pairs of sentences, not equal, whose cosine reaches the threshold."""
    n = len(times)
    if n <= _FEW:
        return _of_all_pairs(vectors, times, threshold)
    rare = _rare_words(vectors, threshold)
    # Twice the pairs that share a rare word, once for each, and every sentence with itself.
    n_pairs = int((np.bincount(rare.indices) ** 2).sum()) // 2
    is_quicker = n_pairs * _QUICKER < n**2 // 2
    if n_pairs <= MAX_PAIRS and (is_quicker or n > MAX_SENTENCES):
        return _of_likely_pairs(vectors, times, threshold, rare)
    if n <= MAX_SENTENCES:
        return _of_all_pairs(vectors, times, threshold)
    raise ValueError(
        f"{n} distinct lines, of which {n_pairs} pairs may be alike: more than {MAX_SENTENCES} "
        f"lines and {MAX_PAIRS} pairs are no lyrics"
    )


def _of_all_pairs(vectors: sparse.csr_array, times: NDArray[np.int64], threshold: float) -> int:
    width = max(vectors.shape)
    rows = max(1, min(max(_ROWS, _NUMBERS // width), _MOST_NUMBERS // width))
    pairs = 0
    for start in range(0, len(times), rows):
        # A block of rows, dense, with itself and all rows after it.
        block = np.ascontiguousarray(vectors[start : start + rows].toarray().T)
        alike = np.tril(vectors[start:] @ block >= threshold, k=-1)
        pairs += int(times[start:] @ (alike @ times[start : start + rows]))
    return pairs


def _of_likely_pairs(
    vectors: sparse.csr_array,
    times: NDArray[np.int64],
    threshold: float,
    rare: sparse.csr_array,
) -> int:
    shared = rare.T.tocsr()
    ends = np.cumsum(rare @ np.diff(shared.indptr))  # of the pairs of each sentence
    pairs, start = 0, 0
    while start < len(times):
        before = ends[start - 1] if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, before + _BLOCK, side="right")))
        one, other = (rare[start:stop] @ shared).nonzero()
        later = one + start < other
        one, other = one[later] + start, other[later]
        alike = _cosines(vectors, one, other) >= threshold
        pairs += int(times[one[alike]] @ times[other[alike]])
        start = stop
    return pairs


def _cosines(
    vectors: sparse.csr_array, one: NDArray[np.intp], other: NDArray[np.intp]
) -> NDArray[np.float64]:
    cosines: NDArray[np.float64] = vectors[one].multiply(vectors[other]).sum(axis=1)
    return cosines


def _rare_words(vectors: sparse.csr_array, threshold: float) -> sparse.csr_array:
    """Ones for the rarest words of each sentence, without which its length is below the threshold.

    Shape (n_distinct, n_words).
    """
    n, n_words = vectors.shape
    counts = np.bincount(vectors.indices, minlength=n_words)
    ranks = np.empty(n_words, dtype=np.int64)
    ranks[np.argsort(counts, kind="stable")] = np.arange(n_words)
    sentence = np.repeat(np.arange(n), np.diff(vectors.indptr))
    order = np.lexsort((ranks[vectors.indices], sentence))  # within each sentence by rarity
    squares = vectors.data[order] ** 2
    before = np.cumsum(squares) - squares
    # Of unit vectors: what is left when the words before a word are taken out.
    left = 1 - (before - np.repeat(before[vectors.indptr[:-1]], np.diff(vectors.indptr)))
    is_rare = left >= threshold**2 - _ROUND_OFF
    rows, columns = sentence[is_rare], vectors.indices[order][is_rare]
    return sparse.csr_array(
        (np.ones(len(rows), dtype=np.int32), (rows, columns)), shape=(n, n_words)
    )
