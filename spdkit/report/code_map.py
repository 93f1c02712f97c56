"""Map of the code: songs of the model's code on a plane by t-SNE, the paper's Figure 5.

Conventions: neighbours in the code are neighbours on the plane; distances between groups, their
sizes and the axes mean nothing. The seed is fixed.

Reference: van der Maaten and Hinton (2008), t-SNE.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.manifold import TSNE

MOST_ROWS = 2000  # which takes seconds, and more points hide one another
FEWEST_ROWS = 10
_PERPLEXITY = 30.0  # scikit-learn's


@dataclass(frozen=True)
class CodeMap:
    """Some rows, and where they lie.

    Attributes
    ----------
    rows : ndarray of int, shape (n_drawn,)
        Numbers of the rows, ascending.
    points : ndarray of float64, shape (n_drawn, 2)
    perplexity : float
        About how many neighbours count.
    """

    rows: NDArray[np.intp]
    points: NDArray[np.float64]
    perplexity: float


def place(code: NDArray[np.floating], seed: int = 0) -> CodeMap | None:
    """Put codes on a plane.

    Parameters
    ----------
    code : ndarray, shape (n_rows, n_code)
    seed : int
        Of the drawing of `MOST_ROWS` rows, if there are more, and of t-SNE.

    Returns
    -------
    CodeMap or None
        None for fewer than `FEWEST_ROWS` different codes: there is no shape to be seen.
    """
    rows = np.arange(len(code))
    if len(rows) > MOST_ROWS:
        rows = np.sort(np.random.default_rng(seed).choice(rows, MOST_ROWS, replace=False))
    points = np.asarray(code[rows], dtype=np.float64)
    if not points.size or len(np.unique(points, axis=0)) < FEWEST_ROWS:
        return None
    perplexity = min(_PERPLEXITY, (len(rows) - 1) / 3)
    # A plane by principal components needs two of them.
    start = "pca" if np.linalg.matrix_rank(points - points.mean(axis=0)) > 1 else "random"
    tsne = TSNE(perplexity=perplexity, init=start, random_state=seed, n_jobs=1)
    return CodeMap(rows, np.asarray(tsne.fit_transform(points), dtype=np.float64), perplexity)
