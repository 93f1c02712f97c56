"""Parameters: each constraint's edge, and the words of an error."""

import math

import numpy as np
import pytest

from spdkit.common.errors import ParameterError, SpdkitError
from spdkit.common.parameters import (
    FLAG,
    POSITIVE,
    SEED,
    SHARE,
    Instance,
    Number,
    OneOf,
    SequenceOf,
    Whole,
    check_parameters,
)


@pytest.mark.parametrize(
    ("constraint", "taken", "refused"),
    [
        (Whole(), [1, np.int64(7)], [0, 1.0, True, "1", None, math.nan]),
        (Whole(2), [2, 4], [1]),
        (SEED, [0, 2**32 - 1], [-1, 2**32]),
        (Number(), [-1e300, 0, np.float32(2)], [math.inf, math.nan, 10**400, True, "0", None]),
        (POSITIVE, [1e-9, 3], [0, -1]),
        (SHARE, [0.5], [0, 1, 1.5]),
        (Number(0, 1), [0, 1], [-0.1, 1.1]),
        (Number(0, 1, closed="low"), [0], [1]),
        (Number(0, 1, closed="high"), [1], [0]),
        (OneOf("a", "b"), ["a", "b"], ["c", "", None, 1, ["a"]]),
        (SequenceOf(OneOf("a", "b")), [["a"], ("a", "b"), np.array(["a"])], ["ab", [], ["c"], 1]),
        (
            SequenceOf(SHARE, 2),
            [(0.1, 0.9), np.array([0.1, 0.9])],
            [(0.1,), (0.1, 0.5, 0.9), (0, 0.5), np.array(0.5)],
        ),
        (Instance(dict), [{}], [[], None]),
        (FLAG, [True, False, np.True_], [1, "yes", None]),
    ],
)
def test_what_is_allowed_is_taken_and_the_rest_refused(constraint, taken, refused):
    for value in taken:
        check_parameters({"it": value}, {"it": constraint})
    for value in refused:
        with pytest.raises(ParameterError, match=r"^it must be "):
            check_parameters({"it": value}, {"it": constraint})


@pytest.mark.parametrize(
    ("allowed", "words"),
    [
        (Whole(), "a whole number of at least 1"),
        (POSITIVE, "a positive number"),
        (Number(0, unit="Hz"), r"a number of at least 0 \(Hz\)"),
        (Number(1, closed="neither"), "a number above 1"),
        (Number(1), "a number of at least 1"),
        (Number(0, 1, closed="high"), r"a number in \(0, 1\]"),
        (Number(), "a finite number"),
        ((OneOf("a", "b"), None), "one of 'a', 'b' or None"),
        (SequenceOf(SHARE, 2), r"a sequence of 2 times a number in \(0, 1\)"),
    ],
)
def test_an_error_says_what_it_may_be_and_what_it_is(allowed, words):
    with pytest.raises(ValueError, match=rf"^n must be {words}, got \[\]$"):
        check_parameters({"n": []}, {"n": allowed})


def test_none_is_allowed_where_it_is_named():
    check_parameters({"n": None}, {"n": (Whole(), None)})
    with pytest.raises(ParameterError):
        check_parameters({"n": None}, {"n": Whole()})


def test_the_kind_of_error_can_be_chosen():
    class OwnError(SpdkitError):
        pass

    with pytest.raises(OwnError):
        check_parameters({"n": 0}, {"n": Whole()}, OwnError)
