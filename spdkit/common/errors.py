"""The root of every error that spdkit raises on purpose."""


class SpdkitError(Exception):
    """Something the user can act on: what was wrong, where, and what to do.

    The command line prints these without a traceback and exits with status 1.
    """


class ParameterError(SpdkitError, ValueError):
    """A parameter that is not what it may be."""


class SpdkitWarning(UserWarning):
    """What a user should know of a result that is there all the same."""


class UnitWarning(SpdkitWarning):
    """Labels that look like another unit: what to say if they are, and if they are not."""
