"""The root of every error that spdkit raises on purpose."""

from spdkit.common.escapes import escaped


class SpdkitError(Exception):
    """Something the user can act on: what was wrong, where, and what to do.

    The command line prints these without a traceback and exits with status 1. Names that a message
    holds cannot steer a terminal: see `spdkit.common.escapes`.
    """

    def __str__(self) -> str:
        return escaped(super().__str__())


class ParameterError(SpdkitError, ValueError):
    """A parameter that is not what it may be."""


class SpdkitWarning(UserWarning):
    """What a user should know of a result that is there all the same."""

    def __str__(self) -> str:
        return escaped(super().__str__())


class UnitWarning(SpdkitWarning):
    """Labels that look like another unit: what to say if they are, and if they are not."""
