"""Errors of catalogs."""

from __future__ import annotations

from spdkit.common.errors import SpdkitError


class CatalogError(SpdkitError):
    """A catalog that is not there or not what it should be.

    Parameters
    ----------
    message : str
    problems : tuple of str
        One line each, naming file and column.
    """

    def __init__(self, message: str, problems: tuple[str, ...] = ()) -> None:
        super().__init__(message, problems)
        self.message = message
        self.problems = problems

    def __str__(self) -> str:
        return "\n- ".join([self.message, *self.problems])
