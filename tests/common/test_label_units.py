"""Label units: what is asked about, and what is not."""

from __future__ import annotations

import numpy as np
import pytest

from spdkit.common.label_units import other_range, unit_question


@pytest.mark.parametrize(
    ("labels", "target_range", "expected"),
    [
        (np.linspace(0, 1, 10), (0, 100), (0, 1)),
        (np.linspace(0, 1.01, 10), (0, 100), (0, 10)),
        (np.linspace(0, 10, 10), (0, 100), (0, 10)),
        (np.linspace(0, 10.1, 10), (0, 100), None),
        ([True, False] * 5, (0, 100), (0, 1)),
        (np.linspace(0, 1, 9), (0, 100), None),  # too few to tell
        (np.zeros(10), (0, 100), None),
        ([-0.1] + [0.5] * 9, (0, 100), None),
        (np.linspace(-50, -49, 10), (-50, 50), (-50, -49)),
        (np.linspace(0, 1, 10), (0, 1), None),
        (np.linspace(0, 0.1, 10), (0, 1), (0, 0.1)),
    ],
)
def test_labels_in_the_lowest_hundredth_or_tenth_look_like_another_range(
    labels, target_range, expected
):
    assert other_range(labels, target_range) == (expected and pytest.approx(expected))


def test_popularity_goes_to_100_unless_told_otherwise():
    assert other_range(np.linspace(0, 1, 10)) == (0, 1)
    assert "from 0 to 100." in unit_question((0.0, 1.0))


@pytest.mark.parametrize(
    ("looks_like", "target_range", "words"),
    [
        ((0.0, 1.0), (0.0, 100.0), "shares or flags"),
        ((0.0, 10.0), (0.0, 100.0), "stars, marks or ranks"),
        ((0.0, 0.3), (0.0, 3.0), "stars, marks or ranks"),
        ((5.0, 5.07), (5.0, 12.0), "shares or flags"),
        ((-50.0, -40.0), (-50.0, 50.0), "stars, marks or ranks"),
    ],
)
def test_the_question_says_what_they_look_like_and_how_to_answer(looks_like, target_range, words):
    (low, high), (first, last) = looks_like, target_range
    question = unit_question(looks_like, target_range)
    assert f"If they are {words}" in question
    assert question.startswith(f"all labels lie in [{low:g}, {high:g}], and are taken for numbers")
    assert f"--target-range {low:g},{high:g}" in question
    assert question.endswith(f"if not, target_range=({first:g}, {last:g})")
