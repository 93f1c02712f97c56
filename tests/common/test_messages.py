"""Messages: names and how many more, and what to install."""

import numpy as np
import pytest

from spdkit.common.errors import SpdkitError
from spdkit.common.messages import listing, needs_extra, refuse_rows


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        ([], ""),
        (["a"], "a"),
        (list("abcde"), "a, b, c, d, e"),
        (list("abcdef"), "a, b, c, d, e and 1 more"),
        (list("abcdefg"), "a, b, c, d, e and 2 more"),
    ],
)
def test_the_first_are_named_and_the_rest_counted(items, expected):
    assert listing(items) == expected


def test_names_can_be_quoted():
    assert listing(["a, b", "c"], shown=1, quote=True) == "'a, b' and 1 more"


def test_a_long_name_is_shown_by_its_ends():
    assert listing(["x" * 200]) == "x" * 200
    text = listing(["a" * 10**6 + "z" * 100, "b"], quote=True)
    assert text == "'" + "a" * 99 + "…" + "z" * 99 + "', 'b'"


@pytest.mark.parametrize(
    ("values", "shown"), [(None, ""), (np.array([1.0, 2.5]), ": 2.5"), ([[1], [2, 3]], ": [2, 3]")]
)
def test_wrong_rows_are_counted_and_the_first_is_shown(values, shown):
    refuse_rows(np.array([False, False]), "labels are odd", SpdkitError, values)
    with pytest.raises(SpdkitError) as caught:
        refuse_rows(np.array([False, True]), "labels are odd", SpdkitError, values)
    assert str(caught.value) == f"1 of 2 labels are odd, the first in row 1{shown}"


def test_a_missing_package_becomes_what_to_install():
    with (
        pytest.raises(
            SpdkitError, match=r"^Parquet needs no_such_package: pip install 'spdkit\[parquet\]'$"
        ),
        needs_extra("Parquet", "parquet"),
    ):
        import no_such_package  # noqa: F401


@pytest.mark.parametrize("name", [None, "spdkit.nets.nothing"])
def test_a_missing_module_of_our_own_is_a_fault_of_ours(name):
    with pytest.raises(ModuleNotFoundError), needs_extra("It", "learn"):
        raise ModuleNotFoundError("no such module", name=name)
