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

# Sentences that are compared with all others at a time: 32, more of them when they are few, so that
# the cosines take 256 KiB, or 256 bytes a sentence.
_ROWS, _NUMBERS = 32, 1 << 15
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
        alike += _pairs_alike(_tfidf(list(counts), times, smooth_idf), times, threshold)
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
    n, n_words = vectors.shape
    rows = max(_ROWS, _NUMBERS // max(n, n_words))
    pairs = 0
    for start in range(0, n, rows):
        # A block of rows, dense, with itself and all rows after it.
        block = np.ascontiguousarray(vectors[start : start + rows].toarray().T)
        cosines = vectors[start:] @ block
        alike = np.tril(cosines >= threshold - _ROUND_OFF, k=-1)
        pairs += int(times[start:] @ (alike @ times[start : start + rows]))
    return pairs
