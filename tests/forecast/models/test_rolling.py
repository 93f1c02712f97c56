"""The Rolling Prediction Algorithm, against examples worked by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from spdkit.forecast.data.checks import ForecastError
from spdkit.forecast.models.rolling import Rolling, roll_all


def plus_p(x):
    """f(x) = x + p: of consecutive numbers, the next p."""
    return x + x.shape[2]


def counting_on(q):
    """The next q numbers after the last that is seen."""
    return lambda x: x[:, :, -1:] + np.arange(1, q + 1)[:, None]


def mixed(q):
    """A unit in which every output depends on every input, in an order of its own."""

    def unit(x):
        weights = np.sin(1 + np.arange(x.shape[2] * q)).reshape(q, -1)
        return np.einsum("qp,mnpf->mnqf", weights, x) / x.shape[2] + 0.1

    return unit


def of(values):
    return np.asarray(values, float)[None, :, None]


def rolled(unit, history, h, p, q, rolling, clip=None):
    return roll_all(unit, of(history), h, p, q, [rolling], clip)[0][0, :, 0].tolist()


@pytest.mark.parametrize(
    ("p", "s", "mode", "expected"),
    [
        # Section 6 of the design, worked there and here again: x₀ = 1 … p, eight days.
        (3, 3, "aligned", [4, 5, 6, 7, 8, 9, 10, 11]),
        (3, 3, "reference", [4, 5, 6, 7, 8, 9, 10, 11]),
        (3, 1, "aligned", [4, 5, 6, 7, 8, 9, 10, 11]),
        # A = 1 2 3 | 4 5 6 | …; call 2 reads 2 3 4, call 3 reads 3 4 5.
        (3, 1, "reference", [4, 5, 6, 5, 6, 7, 6, 7]),
        (2, 1, "aligned", [3, 4, 5, 6, 7, 8, 9, 10]),
        # A = 1 2 | 3 4 | 4 5 | …; the calls read 1 2, 2 3, 3 4, 4 4.
        (2, 1, "reference", [3, 4, 4, 5, 5, 6, 6, 6]),
        # A = 1 2 3 | 4 5 6 | …; call 2 reads 3 4 5, call 3 reads A[4:7] = 5 6 6.
        (3, 2, "reference", [4, 5, 6, 6, 7, 8, 8, 9]),
    ],
)
def test_the_worked_examples(p, s, mode, expected):
    history = np.arange(1, p + 1)
    assert rolled(plus_p, history, 8, p, p, Rolling(s, mode)) == expected


def test_the_penultimate_start_predicts_the_last_block_once_more():
    # p = 2 of 1 … 6: the first window is 3 4, not 5 6, and call 2 reads A[1:3] = 4 5.
    history = [1, 2, 3, 4, 5, 6]
    assert rolled(plus_p, history, 6, 2, 2, Rolling(2, "reference", "penultimate")) == [
        5, 6, 7, 8, 9, 10
    ]  # fmt: skip
    assert rolled(plus_p, history, 4, 2, 2, Rolling(1, "reference", "penultimate")) == [5, 6, 6, 7]
    assert rolled(plus_p, history, 3, 2, 2, Rolling(1, "aligned", "penultimate")) == [5, 6, 7]


@pytest.mark.parametrize("p", range(1, 5))
@pytest.mark.parametrize("q", range(1, 5))
@pytest.mark.parametrize("s", range(1, 6))
def test_every_shift_is_allowed_or_refused(p, q, s):
    history = np.arange(10)
    if s <= min(p, q):
        assert rolled(counting_on(q), history, 7, p, q, Rolling(s)) == [*range(10, 17)]
    else:
        with pytest.raises(ForecastError, match=rf"by 1 to {min(p, q)}, got shift={s}"):
            rolled(counting_on(q), history, 7, p, q, Rolling(s))
    if q != p:
        with pytest.raises(ForecastError, match=f"p={p} and gives q={q}"):
            rolled(counting_on(q), history, 7, p, q, Rolling(s, "reference"))
    elif s <= p:
        # The second call reads A[s : s + p], which ends with 9 + s: the stream up to there is
        # 10 - p … 9 + p, and s is at most p.
        found = rolled(counting_on(q), history, 2 * p, p, q, Rolling(s, "reference"))
        assert found == [*range(10, 10 + p), *range(10 + s, 10 + s + p)]
    else:
        with pytest.raises(ForecastError, match=f"got shift={s}"):
            rolled(counting_on(q), history, 7, p, q, Rolling(s, "reference"))


def test_values_are_clipped_before_they_are_emitted_and_fed_back():
    # p = q = 2, s = 1 from 1 2: P₁ = 3 4 emits 3; x = 2 3, P₂ = 4 5 emits 4, clipped to 3.5;
    # x = 3 3.5, P₃ = 5 … emits 3.5; x = 3.5 3.5 from then on.
    assert rolled(plus_p, [1, 2], 4, 2, 2, Rolling(1), (0, 3.5)) == [3, 3.5, 3.5, 3.5]
    assert rolled(plus_p, [1, 2], 4, 2, 2, Rolling(1), (3.25, 9)) == [3.25, 4, 5.25, 6]
    assert rolled(plus_p, [1, 2], 4, 2, 2, Rolling(1)) == [3, 4, 5, 6]
    # Never in the reference mode: 3 4, then A[1:3] = 2 3 gives 4 5.
    assert rolled(plus_p, [1, 2], 4, 2, 2, Rolling(1, "reference"), (0, 3.5)) == [3, 4, 4, 5]


def test_the_history_must_reach_back_to_the_first_window():
    with pytest.raises(ForecastError, match="reaches 3 days back, the history has 2"):
        rolled(plus_p, [1, 2], 4, 3, 3, Rolling(1))
    with pytest.raises(ForecastError, match=r"'penultimate', reaches 4 days back, .* has 3"):
        rolled(plus_p, [1, 2, 3], 4, 2, 2, Rolling(1, "reference", "penultimate"))


@pytest.mark.parametrize(
    ("given_", "message"),
    [
        ({"shift": 0}, "at least 1, got 0"),
        ({"shift": -1}, "at least 1, got -1"),
        ({"shift": 1.5}, r"shift must be a whole number of at least 1, got 1\.5"),
        ({"shift": True}, "got True"),
        (
            {"shift": 1, "mode": "alined"},
            "mode .* one of 'aligned', 'reference', got 'alined'",
        ),
        ({"shift": 1, "start": "first"}, "start must be one of 'last', 'penultimate', got 'first'"),
    ],
)
def test_a_rolling_that_is_none_is_refused(given_, message):
    with pytest.raises(ForecastError, match=message):
        Rolling(**given_)


def test_a_unit_of_another_shape_is_refused():
    with pytest.raises(ForecastError, match=r"made \(1, 1, 3, 1\) .* expected \(1, 1, 2, 1\)"):
        rolled(plus_p, [1, 2, 3], 4, 3, 2, Rolling(1))


@pytest.mark.parametrize("h", [0, -1, 1.0, True])
def test_a_horizon_that_is_none_is_refused(h):
    with pytest.raises(ForecastError, match="horizon h must be a whole number of at least 1"):
        rolled(plus_p, [1, 2], h, 2, 2, Rolling(1))


sizes = st.integers(1, 6)


@st.composite
def units(draw):
    p, q = draw(sizes), draw(sizes)
    history = draw(st.lists(st.floats(-1, 1), min_size=2 * p, max_size=2 * p + 4))
    return p, q, draw(st.integers(1, min(p, q))), draw(st.integers(1, 20)), history


@settings(deadline=None, max_examples=100)
@given(sizes, st.integers(1, 20), st.lists(st.floats(-1, 1), min_size=12, max_size=14))
def test_shifts_by_all_that_is_seen_are_blocks_one_after_the_other(p, h, history):
    unit, blocks = mixed(p), [of(history)[:, None, -p:]]
    while len(blocks) * p < h + p:
        blocks.append(unit(blocks[-1]))
    direct = np.concatenate(blocks[1:], axis=2)[0, 0, :h, 0]
    for mode in ("aligned", "reference"):
        found = rolled(unit, history, h, p, p, Rolling(p, mode))
        np.testing.assert_allclose(found, direct, rtol=1e-12, atol=1e-12)


@settings(deadline=None, max_examples=100)
@given(units())
def test_a_shorter_forecast_is_the_head_of_a_longer_one(case):
    p, q, s, h, history = case
    long = rolled(mixed(q), history, h + 7, p, q, Rolling(s))
    assert rolled(mixed(q), history, h, p, q, Rolling(s)) == long[:h]


@settings(deadline=None, max_examples=100)
@given(units(), st.floats(5, 9))
def test_an_aligned_forecast_sees_the_last_window_alone(case, absurd):
    p, q, s, h, history = case
    changed = [*[absurd] * (len(history) - p), *history[-p:]]
    expected = rolled(mixed(q), history, h, p, q, Rolling(s))
    assert rolled(mixed(q), changed, h, p, q, Rolling(s)) == expected
    # ... and all of it: its oldest day, too, changes the first answer.
    history[-p] = absurd
    assert rolled(mixed(q), history, h, p, q, Rolling(s))[0] != expected[0]


@settings(deadline=None, max_examples=100)
@given(units())
def test_the_window_ends_where_the_aligned_forecast_does(case):
    # The definition word by word: emit P[:s], x = last p of (x followed by P[:s]).
    p, q, s, h, history = case
    x, emitted = list(history[-p:]), []
    while len(emitted) < h:
        answer = mixed(q)(of(x)[:, None])[0, 0, :, 0].clip(-0.5, 0.5).tolist()
        emitted += answer[:s]
        x = (x + answer[:s])[-p:]
    found = rolled(mixed(q), history, h, p, q, Rolling(s), (-0.5, 0.5))
    np.testing.assert_allclose(found, emitted[:h], rtol=1e-12, atol=1e-12)


def test_all_shifts_at_once_are_each_of_them():
    rng = np.random.default_rng(0)
    history, calls = rng.normal(size=(3, 8, 2)), []

    def unit(x):
        calls.append(x.shape)
        return mixed(4)(x)

    rollings = [
        Rolling(s, mode, start)
        for s in (1, 2, 3, 4)
        for mode in ("aligned", "reference")
        for start in ("last", "penultimate")
    ]
    found = roll_all(unit, history, 10, 4, 4, rollings, (-1, 0.2))
    for rolling, one in zip(rollings, found, strict=True):
        alone = roll_all(mixed(4), history, 10, 4, 4, [rolling], (-1, 0.2))[0]
        np.testing.assert_allclose(one, alone, rtol=1e-12)
        assert one.shape == (3, 10, 2)
    assert len({one.tobytes() for one in found}) == len(rollings)
    # Ten days: the reference mode takes three calls whatever the shift, as does the aligned 4;
    # aligned 3, 2 and 1 take four, five and ten. All from two starts.
    assert [shape[1] for shape in calls] == [16, 16, 16, 6, 4, 2, 2, 2, 2, 2]
