"""Messages: wording that every error, warning and remark of ours shares."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from spdkit.common.errors import SpdkitError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SHOWN = 5  # names in a message
COLUMNS_SHOWN = 20  # of a table, where one is looked for in vain
_LONGEST_SHOWN = 200  # characters of each


def listing(items: Sequence[object], shown: int = SHOWN, *, quote: bool = False) -> str:
    """Name the first of some things, and how many more there are; long names by their ends.

    Parameters
    ----------
    items : sequence
    shown : int
        How many to name.
    quote : bool
        Whether each is written as its repr, as names of a user's own should be.

    Examples
    --------
    >>> listing(["a", "b", "c"], shown=2)
    'a, b and 1 more'
    """
    names = (repr(item) if quote else str(item) for item in items[:shown])
    text = ", ".join(map(_shortened, names))
    more = len(items) - shown
    return f"{text} and {more} more" if more > 0 else text


def _shortened(name: str) -> str:
    half = _LONGEST_SHOWN // 2
    return name if len(name) <= _LONGEST_SHOWN else f"{name[:half]}…{name[-half:]}"


def refuse_rows(
    wrong: NDArray[np.bool_],
    problem: str,
    error: type[Exception],
    values: Sequence[Any] | NDArray[Any] | None = None,
) -> None:
    """Raise when something is wrong with any row, with how many there are and the first.

    Parameters
    ----------
    wrong : ndarray of bool, shape (n_rows,)
    problem : str
        Such as ``"labels are not finite"``.
    error : type of Exception
        What to raise.
    values : sequence, optional
        Of each row, to show that of the first.
    """
    if not wrong.any():
        return
    row = int(wrong.argmax())
    value = None if values is None else values[row]
    shown = "" if values is None else f": {value:g}" if isinstance(value, float) else f": {value}"
    raise error(f"{int(wrong.sum())} of {len(wrong)} {problem}, the first in row {row}{shown}")


@contextmanager
def needs_extra(what: str, extra: str, error: type[SpdkitError] = SpdkitError) -> Iterator[None]:
    """Turn the failed import of an optional package into what to install.

    Parameters
    ----------
    what : str
        What needs it, such as ``"Parquet"``.
    extra : str
        The extra of spdkit that brings it.
    error : type of SpdkitError
        What to raise.

    Examples
    --------
    >>> with needs_extra("Parquet", "parquet"):
    ...     import pyarrow
    """
    try:
        yield
    except ModuleNotFoundError as missing:
        package = (missing.name or "spdkit").split(".")[0]
        if package == "spdkit":
            raise
        raise error(f"{what} needs {package}: pip install 'spdkit[{extra}]'") from missing
