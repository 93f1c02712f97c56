"""Compiled products against torch's, in every shape and order."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from spdkit.nets.recurrent.matrix_products import product, strided, transpose


# Heights from 12 on are made of fours and fives alone; widths of 64, 32, 16 and 1.
@settings(deadline=None, max_examples=60)
@given(
    rows=st.integers(0, 30),
    inner=st.integers(0, 40),
    columns=st.integers(0, 130),
    turned=st.booleans(),
    add=st.booleans(),
    dtype=st.sampled_from(["float32", "float64"]),
)
@example(rows=23, inner=7, columns=64 + 32 + 16 + 3, turned=True, add=True, dtype="float32")
@example(rows=11, inner=1, columns=64, turned=False, add=False, dtype="float32")
@example(rows=3, inner=0, columns=5, turned=False, add=False, dtype="float64")
def test_a_product_is_that_of_numpy(rows, inner, columns, turned, add, dtype):
    rng = np.random.default_rng(rows + 31 * inner + 977 * columns)
    a = rng.standard_normal((inner, rows) if turned else (rows, inner)).astype(dtype)
    a = a.T if turned else a
    b, c = (rng.standard_normal((n, columns)).astype(dtype) for n in (inner, rows))
    room = np.full((rows + 2, columns), np.nan, dtype)
    out = room[1:-1]
    out[:] = c if add else np.nan  # what was there does not count
    product(strided(a), b, out, add)
    expected = a.astype(float) @ b.astype(float) + (c if add else 0)
    tolerance = 1e-5 if dtype == "float32" else 1e-13
    np.testing.assert_allclose(out, expected, rtol=0, atol=tolerance * (inner + 1))
    assert np.isnan(room[[0, -1]]).all()  # and nothing is written beyond


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_numbers_that_are_none_go_through(bad):
    a, b = np.ones((5, 4), np.float32), np.ones((4, 20), np.float32)
    a[1, 2] = bad
    c = np.empty((5, 20), np.float32)
    product(strided(a), b, c, False)
    assert np.array_equal(c[1], np.full(20, bad), equal_nan=True)
    assert (c[[0, 2, 3, 4]] == 4).all()


def test_transpose():
    a = np.arange(6.0).reshape(2, 3)
    out = np.empty((3, 2))
    transpose(a, out)
    assert out.tolist() == [[0, 3], [1, 4], [2, 5]]
