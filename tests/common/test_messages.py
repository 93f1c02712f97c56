"""Messages: names and how many more, and what to install."""

import pytest

from spdkit.common.errors import SpdkitError
from spdkit.common.messages import listing, needs_extra


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        ([], ""),
        (["a"], "a"),
        (list("abcde"), "a, b, c, d, e"),
        (list("abcdefg"), "a, b, c, d, e and 2 more"),
    ],
)
def test_the_first_are_named_and_the_rest_counted(items, expected):
    assert listing(items) == expected


def test_names_can_be_quoted():
    assert listing(["a, b", "c"], shown=1, quote=True) == "'a, b' and 1 more"


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
